/* engine.c - which providers this build has.  Layer: wasm. */
#include "wasm/engine.h"

#include <string.h>

static const berthi_wasm_ops *const providers[] = {
#ifdef BERTH_HAVE_WASMTIME
    &berthi_wasmtime_ops,
#endif
    &berthi_interp_ops,
};

const berthi_wasm_ops *berthi_wasm_provider(const char *name)
{
    if (name == NULL)
        return providers[0];
    for (size_t i = 0; i < sizeof providers / sizeof *providers; i++)
        if (strcmp(providers[i]->name, name) == 0)
            return providers[i];
    return NULL;
}

bool berthi_functype_equal(const berthi_functype *a, const berthi_functype *b)
{
    size_t count = (size_t)a->params_count + a->results_count;

    if (a == b)
        return true;
    return a->params_count == b->params_count && a->results_count == b->results_count &&
           (count == 0 || memcmp(a->types, b->types, count) == 0);
}
