/* engine.c - which providers this build has.  Layer: wasm. */
#include "wasm/engine.h"

#include <string.h>

/* Weak while the interpreter is on its way: a build without it has one provider. */
#pragma weak berthi_interp_ops

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
        if (providers[i] != NULL && strcmp(providers[i]->name, name) == 0)
            return providers[i];
    return NULL;
}
