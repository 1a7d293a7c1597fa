/* preview1.c - the table of preview 1.  Layer: service. */
#include "service/preview1/private.h"

#include <string.h>

static const berthi_host_import functions[] = {
#define X(name, type, rights) { #name, type, berthi_p1_##name, rights },
    BERTHI_P1_FUNCTIONS(X)
#undef X
};

const berthi_host_module berthi_preview1_module = { "wasi_snapshot_preview1", functions,
                                                    sizeof functions / sizeof *functions };

typedef struct ask_row {
    const char *start; /* of the function's name */
    const char *grants;
    bool is_needed;
} ask_row;

const char *berthi_preview1_asks(const char *function, size_t size, bool *is_needed_out)
{
    static const ask_row rows[] = {
        { "clock_", "clock", true },
        { "random_get", "random", true },
        { "environ_", "env", false },
        { "fd_read", "stdio:in, fs:read", false },
        { "fd_write", "stdio:out, stdio:err, fs:write", false },
        { "fd_prestat_get", "fs:read, fs:write", false },
        { "path_", "fs:read, fs:write", false },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t length = strlen(rows[i].start);

        if (size < length || memcmp(function, rows[i].start, length) != 0 ||
            (size > length && rows[i].start[length - 1] != '_'))
            continue;
        *is_needed_out = rows[i].is_needed;
        return rows[i].grants;
    }
    *is_needed_out = false;
    return NULL;
}
