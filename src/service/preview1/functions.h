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
    X(fd_advise,               "iIIi:i",      0)                                               \
    X(fd_allocate,             "iII:i",       0)                                               \
    X(fd_close,                "i:i",         0)                                               \
    X(fd_datasync,             "i:i",         0)                                               \
    X(fd_fdstat_get,           "ii:i",        0)                                               \
    X(fd_fdstat_set_flags,     "ii:i",        0)                                               \
    X(fd_fdstat_set_rights,    "iII:i",       0)                                               \
    X(fd_filestat_get,         "ii:i",        0)                                               \
    X(fd_filestat_set_size,    "iI:i",        0)                                               \
    X(fd_filestat_set_times,   "iIIi:i",      0)                                               \
    X(fd_pread,                "iiiIi:i",     0)                                               \
    X(fd_prestat_get,          "ii:i",        0)                                               \
    X(fd_prestat_dir_name,     "iii:i",       0)                                               \
    X(fd_pwrite,               "iiiIi:i",     0)                                               \
    X(fd_read,                 "iiii:i",      0)                                               \
    X(fd_readdir,              "iiiIi:i",     0)                                               \
    X(fd_renumber,             "ii:i",        0)                                               \
    X(fd_seek,                 "iIii:i",      0)                                               \
    X(fd_sync,                 "i:i",         0)                                               \
    X(fd_tell,                 "ii:i",        0)                                               \
    X(fd_write,                "iiii:i",      0)                                               \
    X(path_create_directory,   "iii:i",       0)                                               \
    X(path_filestat_get,       "iiiii:i",     0)                                               \
    X(path_filestat_set_times, "iiiiIIi:i",   0)                                               \
    X(path_link,               "iiiiiii:i",   0)                                               \
    X(path_open,               "iiiiiIIii:i", 0)                                               \
    X(path_readlink,           "iiiiii:i",    0)                                               \
    X(path_remove_directory,   "iii:i",       0)                                               \
    X(path_rename,             "iiiiii:i",    0)                                               \
    X(path_symlink,            "iiiii:i",     0)                                               \
    X(path_unlink_file,        "iii:i",       0)                                               \
    X(poll_oneoff,             "iiii:i",      0)                                               \
    X(sock_accept,             "iii:i",       0)                                               \
    X(sock_recv,               "iiiiii:i",    0)                                               \
    X(sock_send,               "iiiii:i",     0)                                               \
    X(sock_shutdown,           "ii:i",        0)                                               \
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
