/* memory.c - what goes between a filter's memory and the host.  Layer: compat. */
#include "compat/proxywasm/private.h"

bool berthi_pw_in(const berthi_guest *g, const berthi_val *cells, berthi_pw_view *out)
{
    uint32_t size = (uint32_t)cells[1].i32;
    const char *text = size == 0 ? "" : berthi_guest_span(g, (uint32_t)cells[0].i32, size);

    *out = (berthi_pw_view){ text, size };
    return text != NULL;
}

void berthi_pw_put32(const berthi_guest *g, uint32_t at, uint32_t value, int *code)
{
    uint8_t *to = berthi_guest_span(g, at, 4);

    if (to == NULL) {
        *code = PW_INVALID_MEMORY;
        return;
    }
    for (unsigned i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> 8 * i);
}

void berthi_pw_put64(const berthi_guest *g, uint32_t at, uint64_t value, int *code)
{
    uint8_t *to = berthi_guest_span(g, at, 8);

    if (to == NULL) {
        *code = PW_INVALID_MEMORY;
        return;
    }
    for (unsigned i = 0; i < 8; i++)
        to[i] = (uint8_t)(value >> 8 * i);
}

berth_status berthi_pw_make_room(berthi_guest *g, size_t size, uint32_t *at_out,
                                 uint8_t **room_out, berth_diag *diag)
{
    berthi_pw_state *s = berthi_pw_of(g);
    uint32_t arg = (uint32_t)size;
    berth_status status;

    *at_out = 0;
    *room_out = NULL;
    if (size == 0 || s->is_allocating)
        return BERTH_OK;
    s->is_allocating = true; /* an allocator that asks for something would never end */
    status = berthi_pw_call(g, PW_ON_MEMORY_ALLOCATE, &arg, 1, at_out, diag);
    s->is_allocating = false;
    if (status != BERTH_OK)
        return status;
    *room_out = *at_out == 0 ? NULL : berthi_guest_span(g, *at_out, size);
    return *room_out != NULL
               ? BERTH_OK
               : berthi_fail(diag, BERTH_E_ABI, "its allocator answered %u for %zu bytes",
                             *at_out, size);
}

berth_status berthi_pw_give(berthi_guest *g, const void *data, size_t size,
                            const berthi_val *to, int *code, berth_diag *diag)
{
    uint32_t at_to = (uint32_t)to[0].i32, size_to = (uint32_t)to[1].i32, at;
    uint8_t *room;
    berth_status status;

    *code = PW_OK;
    if (!berthi_pw_may_change(g)) {
        *code = PW_INTERNAL_FAILURE;
        return BERTH_OK;
    }
    status = berthi_pw_make_room(g, size, &at, &room, diag);
    if (status != BERTH_OK)
        return status;
    if (size != 0)
        memcpy(room, data, size);
    berthi_pw_put32(g, at_to, at, code);
    berthi_pw_put32(g, size_to, (uint32_t)size, code);
    return BERTH_OK;
}
