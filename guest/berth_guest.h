/* berth_guest.h - what a plugin in C or C++ needs beside the glue that `berth bindgen guest` writes.
 *
 * The plugin writes the functions that NAME_plugin.h declares, includes that header, and is
 * compiled together with NAME_guest.c:
 *
 *     berth bindgen guest thumbs.wit --out .
 *     clang --target=wasm32 -ffreestanding -nostdlib -O2 -Wl,--no-entry -o thumbs.core.wasm
 *         plugin.c thumbs_guest.c
 *     berth componentize thumbs.core.wasm -o thumbs.wasm
 *
 * This file has the words of <berth/layout.h> with the sizes of WebAssembly, and the memory of a call.
 * A heap, the functions that compilers call by name (memcpy ...) and BERTH_PLUGIN, which says what
 * the plugin is called, come from berth_hook.h; BERTH_HOOK_OWN_ALLOC and BERTH_HOOK_OWN_MEM leave
 * the first two to the plugin.
 *
 * C11 or C++11, clang with --target=wasm32 and wasm-ld.
 */
#ifndef BERTH_GUEST_H
#define BERTH_GUEST_H

#include "berth_hook.h"

BERTH_HOOK_BEGIN

/* ---- words of the types -------------------------------------------------------------------- */

/* UTF-8, not terminated. */
typedef struct berth_string {
    const char *text;
    size_t size; /* in bytes */
} berth_string;

/* A resource, `own` or `borrow`. */
typedef uint32_t berth_handle;

#ifdef __cplusplus
#define BERTH_LAYOUT(type, size, align, wasm_size, wasm_align)                                 \
    static_assert(sizeof(type) == (wasm_size) && alignof(type) == (wasm_align), #type)
#define BERTH_OFFSET(type, member, offset, wasm_offset)                                        \
    static_assert(offsetof(type, member) == (wasm_offset), #type "." #member)
#else
#define BERTH_LAYOUT(type, size, align, wasm_size, wasm_align)                                 \
    _Static_assert(sizeof(type) == (wasm_size) && _Alignof(type) == (wasm_align), #type)
#define BERTH_OFFSET(type, member, offset, wasm_offset)                                        \
    _Static_assert(offsetof(type, member) == (wasm_offset), #type "." #member)
#endif

/* ---- the memory of a call ------------------------------------------------------------------ */

/* Memory that is handed out in order and taken back at once: what the host puts in for a call, what
 * imports give, and what berth_plugin_room() gives.  The newest piece is the one in use. */
typedef struct berth_plugin_piece {
    struct berth_plugin_piece *next;
    size_t size; /* this header included; a multiple of 16 */
    size_t reserved[2];
} berth_plugin_piece;

/* A call that the plugin answers.  There is one at a time. */
typedef struct berth_plugin_call {
    berth_plugin_piece *pieces;
    uintptr_t at, end; /* what is left of the newest piece */
    size_t wanted;     /* of the next piece */
} berth_plugin_call;

BERTH_HOOK_WEAK berth_plugin_call berth_plugin_now = { 0, 0, 0, 0 };

void *berth_plugin_room_at(berth_plugin_call *call, size_t size, size_t align);
void berth_plugin_end(berth_plugin_call *call);

/* Bytes of that alignment, at most 16; ends the plugin when there are none. */
BERTH_HOOK_WEAK void *berth_plugin_room_at(berth_plugin_call *call, size_t size, size_t align)
{
    uintptr_t at = berth_round_up(call->at, align);
    size_t most = call->wanted;

    if (at < call->at || at > call->end || call->end - at < size) {
        berth_plugin_piece *piece;

        if (size > 0x7fff0000u)
            berth_fail();
        if (most < size + sizeof(berth_plugin_piece))
            most = size + sizeof(berth_plugin_piece);
        most = berth_round_up(most < 4096 ? 4096 : most, 16);
        piece = (berth_plugin_piece *)berth_alloc(most, 16);
        if (piece == NULL)
            berth_fail();
        piece->next = call->pieces;
        piece->size = most;
        call->pieces = piece;
        call->end = (uintptr_t)piece + most;
        at = (uintptr_t)(piece + 1);
    }
    call->at = at + size;
    return (void *)at;
}

/* Takes everything back that the call had.  What needed several pieces gets one next time. */
BERTH_HOOK_WEAK void berth_plugin_end(berth_plugin_call *call)
{
    berth_plugin_piece *piece = call->pieces;

    if (piece != NULL && piece->next == NULL) {
        call->at = (uintptr_t)(piece + 1);
        return;
    }
    call->wanted = 0;
    while (piece != NULL) {
        berth_plugin_piece *next = piece->next;

        call->wanted += piece->size;
        berth_free(piece, piece->size, 16);
        piece = next;
    }
    call->pieces = NULL;
    call->at = call->end = 0;
}

/* Room for what a result points at, aligned to 16, not cleared, until the host has read the result. */
static inline void *berth_plugin_room(berth_plugin_call *call, size_t size)
{
    return berth_plugin_room_at(call, size, 16);
}

/* ---- what the glue uses -------------------------------------------------------------------- */

void *cabi_realloc(void *old, size_t old_size, size_t align, size_t size);
BERTH_HOOK_WEAK BERTH_HOOK_EXPORT("cabi_realloc") void *cabi_realloc(void *old, size_t old_size,
                                                                     size_t align, size_t size)
{
    void *place;

    if (size == 0)
        return (void *)align;
    place = berth_plugin_room_at(&berth_plugin_now, size, align);
    if (old_size != 0)
        memcpy(place, old, old_size < size ? old_size : size);
    return place;
}

static inline float berth_f32_of(uint32_t bits)
{
    float value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline double berth_f64_of(uint64_t bits)
{
    double value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint32_t berth_bits_of_f32(float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline uint64_t berth_bits_of_f64(double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    return bits;
}

BERTH_HOOK_END

#endif
