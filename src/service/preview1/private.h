/* service/preview1/private.h - what the files of preview 1 share.
 *
 * A function is written as `static int32_t name(p1_call *c)`: it finds its arguments in c->cells and answers an
 * errno of preview 1, or p1_end() of a status that ends the guest.  BERTHI_P1() makes the host function of
 * it.  All of them are listed in functions.h, of which preview1.c makes the table.
 *
 * What a guest points at is copied in before anything is done, and looked up again (I7) when something is
 * copied out.  Layer: service. */
#ifndef BERTHI_SERVICE_PREVIEW1_PRIVATE_H
#define BERTHI_SERVICE_PREVIEW1_PRIVATE_H

#include <string.h>

#include "base/diag.h"
#include "service/preview1/functions.h"
#include "service/preview1/preview1.h"

enum { /* errno, where no berthi_code is at hand */
       P1_OK = 0,
       P1_ACCES = 2,
       P1_AGAIN = 6,
       P1_BADF = 8,
       P1_FAULT = 21,
       P1_ILSEQ = 25,
       P1_INVAL = 28,
       P1_IO = 29,
       P1_ISDIR = 31,
       P1_MFILE = 33,
       P1_NAMETOOLONG = 37,
       P1_NOMEM = 48,
       P1_NOSYS = 52,
       P1_NOTDIR = 54,
       P1_NOTSOCK = 57,
       P1_NOTSUP = 58,
       P1_OVERFLOW = 61,
       P1_PIPE = 64,
       P1_SPIPE = 70,
       P1_NOTCAPABLE = 76
};

typedef struct p1_call {
    berthi_guest *g;
    berthi_services *s;
    const berthi_val *cells;
    berth_diag *diag;
} p1_call;

static inline uint32_t p1_u32(const p1_call *c, int n)
{
    return (uint32_t)c->cells[n].i32;
}

static inline uint64_t p1_u64(const p1_call *c, int n)
{
    return (uint64_t)c->cells[n].i64;
}

/* The answer of a function that ends the guest; `status` is not BERTH_OK, and says why in c->diag. */
static inline int32_t p1_end(berth_status status)
{
    return -(int32_t)status;
}

static inline berth_status p1_answer(berthi_val *cells, int32_t answer)
{
    if (__builtin_expect(answer < 0, 0))
        return (berth_status)-answer;
    cells[0] = (berthi_val){ .i32 = answer };
    return BERTH_OK;
}

#define BERTHI_P1(name)                                                                        \
    berth_status berthi_p1_##name(void *ctx, berthi_wasm_store *store, berthi_val *cells,      \
                                  berth_diag *diag)                                            \
    {                                                                                          \
        berthi_guest *g = berthi_guest_of(store);                                              \
        p1_call c = { g, g->services, cells, diag };                                           \
                                                                                               \
        (void)ctx;                                                                             \
        return p1_answer(cells, name(&c));                                                     \
    }

/* WebAssembly is little-endian, and so is each machine that Berth is built for (os/). */
static inline bool p1_put(const p1_call *c, uint32_t at, const void *from, uint32_t size)
{
    void *to = berthi_guest_span(c->g, at, size);

    if (to == NULL)
        return false;
    memcpy(to, from, size);
    return true;
}

static inline bool p1_put_u32(const p1_call *c, uint32_t at, uint32_t value)
{
    return p1_put(c, at, &value, sizeof value);
}

static inline bool p1_put_u64(const p1_call *c, uint32_t at, uint64_t value)
{
    return p1_put(c, at, &value, sizeof value);
}

static inline bool p1_get(const p1_call *c, uint32_t at, void *to, uint32_t size)
{
    const void *from = berthi_guest_span(c->g, at, size);

    if (from == NULL)
        return false;
    memcpy(to, from, size);
    return true;
}

static inline int32_t p1_errno(berthi_code code)
{
    return (int32_t)berthi_code_preview1(code);
}

/* ---------------------------------------------------------------- process.c */

/* An errno; clocks that are not granted are NOTCAPABLE. */
int32_t berthi_p1_read_clock(const p1_call *c, uint32_t id, uint64_t *ns_out);

#endif
