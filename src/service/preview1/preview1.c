/* preview1.c - the table of preview 1.  Layer: service. */
#include "service/preview1/private.h"

static const berthi_host_import functions[] = {
#define X(name, type, rights) { #name, type, berthi_p1_##name, rights },
    BERTHI_P1_FUNCTIONS(X)
#undef X
};

const berthi_host_module berthi_preview1_module = { "wasi_snapshot_preview1", functions,
                                                    sizeof functions / sizeof *functions };
