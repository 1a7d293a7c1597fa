/* component/run/bytes.h - lists of bytes and UTF-8 strings in 32-bit memories, without a plan.
 *
 * The straight path of what most functions of plugins take and give.  Into a guest: its realloc, and a
 * copy; out of one: checks, and whoever calls takes the bytes where they lie.  Everything is inline,
 * because what it costs to pass it on is a good part of what is left.
 *
 * Layer: component. */
#ifndef BERTHI_COMPONENT_BYTES_H
#define BERTHI_COMPONENT_BYTES_H

#include "base/utf8.h"
#include "component/run/running.h"
#include "component/plan/transcode.h"

typedef struct berthi_cm_guest_bytes {
    uint32_t ptr, size;
    bool is_string; /* must be UTF-8 */
} berthi_cm_guest_bytes;

typedef struct berthi_cm_bytes_or_error { /* result<bytes, bytes> in host layout */
    uint8_t tag;
    berthi_cm_host_string bytes;
} berthi_cm_bytes_or_error;

/* Never BERTH_OK. */
berth_status berthi_cm_bytes_refuse_place(bool is_string, berth_diag *diag);
berth_status berthi_cm_bytes_refuse_text(const char *text, size_t size, size_t valid,
                                         berth_diag *diag);

/* Room from the guest's realloc: where it is now. */
static inline berth_status berthi_cm_bytes_room(berthi_cm_instance *i, const berthi_cm_abi *abi,
                                                uint32_t instance, uint32_t size,
                                                uint32_t *ptr_out, uint8_t **room_out,
                                                berth_diag *diag)
{
    berthi_val wants[4] = {
        { .words = { 0 } }, { .words = { 0 } }, { .words = { 1 } }, { .words = { size } }
    };
    berthi_memory_view memory;
    berth_status status;
    uint32_t ptr;

    assert(abi->realloc != BERTHI_CM_NO_INDEX && abi->memory != BERTHI_CM_NO_INDEX);
    status = berthi_cm_run_realloc(i, abi, instance, wants, diag);
    if (__builtin_expect(status != BERTH_OK, 0))
        return status;
    memory = berthi_cm_view(i, abi->memory); /* I7 */
    ptr = (uint32_t)wants[0].i32;
    if (__builtin_expect(ptr > memory.size || size > memory.size - ptr, 0))
        return BERTHI_CM_TRAP(diag, "realloc return: beyond end of memory");
    *ptr_out = ptr;
    *room_out = memory.base + ptr;
    return BERTH_OK;
}

/* The same, filled.  `data` is the host's. */
static inline berth_status berthi_cm_bytes_put(berthi_cm_instance *i, const berthi_cm_abi *abi,
                                               uint32_t instance, const void *data,
                                               uint32_t size, uint32_t *ptr_out,
                                               berth_diag *diag)
{
    uint8_t *room = NULL;
    berth_status status = berthi_cm_bytes_room(i, abi, instance, size, ptr_out, &room, diag);

    if (status == BERTH_OK && size != 0)
        memcpy(room, data, size);
    return status;
}

/* They are in memory, text where they should be, and within the call's budget if they are text or are
 * copied: what the host only gets to see is free, as it is for plans. */
static inline berth_status berthi_cm_bytes_check(berthi_cm_instance *i,
                                                 berthi_memory_view memory,
                                                 berthi_cm_guest_bytes bytes, bool is_copied,
                                                 berth_diag *diag)
{
    const char *text;
    size_t valid;

    if (__builtin_expect(bytes.size > BERTHI_CM_VALUE_BYTES_MAX || bytes.ptr > memory.size ||
                             bytes.size > memory.size - bytes.ptr,
                         0))
        return berthi_cm_bytes_refuse_place(bytes.is_string, diag);
    if (!bytes.is_string && !is_copied)
        return BERTH_OK;
    if (__builtin_expect(bytes.size > i->copy_left, 0))
        return berthi_fail_because(diag, BERTH_E_LIMIT, BERTH_REASON_OUTPUT,
                                   "the call moves more bytes out of guests than it may");
    i->copy_left -= bytes.size;
    if (!bytes.is_string || bytes.size == 0)
        return BERTH_OK;
    text = (const char *)memory.base + bytes.ptr;
    valid = berthi_utf8_valid_size(text, bytes.size);
    if (__builtin_expect(valid == bytes.size, 1))
        return BERTH_OK;
    return berthi_cm_bytes_refuse_text(text, bytes.size, valid, diag);
}

/* `bytes` in memory; of none at all there may be no memory either. */
static inline const void *berthi_cm_bytes_at(berthi_memory_view memory,
                                             berthi_cm_guest_bytes bytes)
{
    return bytes.size == 0 ? "" : (const char *)memory.base + bytes.ptr;
}

/* Checked bytes of one guest, whose memory is `from`, into another.  No code of the first runs
 * meanwhile, so they do not change; where they are is looked at behind the second's realloc (I7). */
static inline berth_status berthi_cm_bytes_pass(berthi_cm_instance *i,
                                                const berthi_cm_abi *from,
                                                berthi_cm_guest_bytes bytes,
                                                const berthi_cm_abi *to, uint32_t instance,
                                                uint32_t *ptr_out, berth_diag *diag)
{
    uint8_t *room = NULL;
    berth_status status =
        berthi_cm_bytes_room(i, to, instance, bytes.size, ptr_out, &room, diag);

    if (status == BERTH_OK && bytes.size != 0)
        memcpy(room, berthi_cm_view(i, from->memory).base + bytes.ptr, bytes.size);
    return status;
}

/* How a result lies in memory: (pointer, size), or a discriminant in front of them. */
static inline uint32_t berthi_cm_bytes_pair(uint8_t path)
{
    return path == BERTHI_CM_SHAPE_BYTES_RESULT ? 4 : 0;
}

/* What such a result lies in. */
static inline berth_status berthi_cm_bytes_place(berthi_memory_view memory, uint32_t at,
                                                 uint32_t size, berth_diag *diag)
{
    if (__builtin_expect(at % 4 != 0, 0))
        return BERTHI_CM_TRAP(diag, "unaligned pointer");
    if (__builtin_expect(at > memory.size || size > memory.size - at, 0))
        return BERTHI_CM_TRAP(diag, "pointer out of bounds of memory");
    return BERTH_OK;
}

/* What a function on one of the paths of bytes left at `at`, checked. */
static inline berth_status berthi_cm_bytes_result(berthi_cm_instance *i,
                                                  const berthi_cm_entry *e,
                                                  berthi_memory_view memory, uint32_t at,
                                                  uint8_t *tag_out, berthi_cm_guest_bytes *out,
                                                  berth_diag *diag)
{
    uint32_t before = berthi_cm_bytes_pair(e->path), pair[2];
    berth_status status = berthi_cm_bytes_place(memory, at, before + sizeof pair, diag);
    uint8_t tag = 0;

    if (__builtin_expect(status != BERTH_OK, 0))
        return status;
    if (before != 0)
        tag = memory.base[at];
    if (__builtin_expect(tag > 1, 0))
        return BERTHI_CM_TRAP(diag, "invalid variant discriminant");
    memcpy(pair, memory.base + at + before, sizeof pair);
    *tag_out = tag;
    *out = (berthi_cm_guest_bytes){ pair[0], pair[1],
                                    tag == 0 ? e->out_is_string : e->error_is_string };
    return berthi_cm_bytes_check(i, memory, *out, true, diag);
}

/* ... and the same into a guest: the bytes are there already. */
static inline void berthi_cm_bytes_write(berthi_memory_view memory, uint8_t path, uint32_t at,
                                         uint8_t tag, uint32_t ptr, uint32_t size)
{
    const uint32_t pair[2] = { ptr, size };
    uint32_t before = berthi_cm_bytes_pair(path);

    if (before != 0)
        memory.base[at] = tag;
    memcpy(memory.base + at + before, pair, sizeof pair);
}

#endif
