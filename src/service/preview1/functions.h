/* service/preview1/functions.h - the functions of preview 1: name, type, rights of which one is needed.
 * Layer: service. */
#ifndef BERTHI_SERVICE_PREVIEW1_FUNCTIONS_H
#define BERTHI_SERVICE_PREVIEW1_FUNCTIONS_H

#include "service/guest.h"

#define BERTHI_P1_CLOCKS                                                                       \
    (BERTHI_RIGHT_BIT(BERTHI_RIGHT_CLOCK_WALL) | BERTHI_RIGHT_BIT(BERTHI_RIGHT_CLOCK_MONOTONIC))

/* clang-format off */
#define BERTHI_P1_FUNCTIONS(X)                                                                 \
    X(args_get,                "ii:i",        0)                                               \
    X(args_sizes_get,          "ii:i",        0)                                               \
    X(environ_get,             "ii:i",        0)                                               \
    X(environ_sizes_get,       "ii:i",        0)                                               \
    X(clock_res_get,           "ii:i",        BERTHI_P1_CLOCKS)                                \
    X(clock_time_get,          "iIi:i",       BERTHI_P1_CLOCKS)                                \
    X(proc_exit,               "i:",          0)                                               \
    X(proc_raise,              "i:i",         0)                                               \
    X(sched_yield,             ":i",          0)                                               \
    X(random_get,              "ii:i",        BERTHI_RIGHT_BIT(BERTHI_RIGHT_RANDOM))
/* clang-format on */

#define X(name, type, rights)                                                                  \
    berth_status berthi_p1_##name(void *ctx, berthi_wasm_store *store, berthi_val *cells,      \
                                  berth_diag *diag);
BERTHI_P1_FUNCTIONS(X)
#undef X

#endif
