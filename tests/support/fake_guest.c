/* fake_guest.c - one side of a component call without an engine. */
#include "fake_guest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILL = 0xa5 };

/* The memory is elsewhere from now on, and what pointed at it before points at nothing. */
static void move(fake_guest *f, size_t size)
{
    uint8_t *base = malloc(size == 0 ? 1 : size);

    if (base == NULL) {
        fprintf(stderr, "fake_guest: out of memory\n");
        abort();
    }
    memset(base, FILL, size);
    if (f->guest.memory.base != NULL)
        memcpy(base, f->guest.memory.base,
               size < f->guest.memory.size ? size : f->guest.memory.size);
    free(f->guest.memory.base);
    f->guest.memory = (berthi_memory_view){ base, size };
}

static berth_status fake_realloc_call(berthi_cm_guest *guest, uint64_t old_ptr,
                                      uint64_t old_size, uint32_t align, uint64_t size,
                                      uint64_t *ptr_out, berth_diag *diag)
{
    fake_guest *f = guest->owner;
    uint64_t ptr = (f->next + align - 1) / align * align;

    if (f->count < FAKE_CALLS_MAX)
        f->calls[f->count] = (fake_realloc){ old_ptr, old_size, align, size, ptr };
    if (f->count++ == f->fail_at)
        return berthi_fail_because(diag, BERTH_E_TRAP, BERTH_REASON_UNREACHABLE, "realloc");
    move(f, ptr + size > guest->memory.size ? ptr + size : guest->memory.size);
    if (!f->forgets && old_size != 0)
        memmove(guest->memory.base + ptr, guest->memory.base + old_ptr,
                old_size < size ? old_size : size);
    f->next = ptr + size;
    *ptr_out = ptr;
    return BERTH_OK;
}

void fake_guest_init(fake_guest *f, enum berthi_cm_encoding encoding, size_t size)
{
    *f = (fake_guest){ .budget = UINT64_MAX, .fail_at = UINT32_MAX };
    f->guest.realloc = fake_realloc_call;
    f->guest.owner = f;
    f->guest.encoding = (uint8_t)encoding;
    f->guest.budget = &f->budget;
    move(f, size);
}

void fake_guest_fini(fake_guest *f)
{
    free(f->guest.memory.base);
    f->guest.memory = (berthi_memory_view){ NULL, 0 };
}

void fake_guest_put(fake_guest *f, uint64_t ptr, const void *bytes, size_t size)
{
    if (ptr > f->guest.memory.size || size > f->guest.memory.size - ptr)
        abort();
    if (size != 0)
        memcpy(f->guest.memory.base + ptr, bytes, size);
}
