/* service/wasi/wasi.h - WASI 0.2 for components: what its small files share.
 *
 * The functions of all interfaces stand in one table, berthi_wasi_imports, which is made of the world
 * in wit/wasi/host.wit when the library is built (cmake/BerthTables.cmake), with the structs of their
 * arguments.  Each file here fills in its part; a member that is left NULL is not offered, and admission
 * says so.  A function gets the berthi_wasi as `ctx`, and finds what the calling instance has by
 * berthi_wasi_services().
 *
 * Layer: service.  Read first: <berth/host.h>, service/services.h. */
#ifndef BERTHI_SERVICE_WASI_H
#define BERTHI_SERVICE_WASI_H

#include <berth/host.h>
#include <berthi_wasi_host.h>

#include "service/services.h"

typedef enum berthi_wasi_resource {
    BERTHI_WASI_ERROR,
    BERTHI_WASI_POLLABLE,
    BERTHI_WASI_INPUT,
    BERTHI_WASI_OUTPUT,
    BERTHI_WASI_TERMINAL_INPUT,
    BERTHI_WASI_TERMINAL_OUTPUT,
    BERTHI_WASI_RESOURCES
} berthi_wasi_resource;

/* Of one host, and ends with it. */
typedef struct berthi_wasi {
    berthi_wasi_imports imports;
    const berth_host_resource *resources[BERTHI_WASI_RESOURCES];
} berthi_wasi;

/* Of the calling instance; NULL when there is no memory for them, which a function answers with
 * BERTH_E_NOMEM. */
berthi_services *berthi_wasi_services(berth_host_call *call);

/* Gives the plugin a handle for `object`, which is taken whatever comes of it; NULL is what there was no
 * room for.  Fails: BERTH_E_LIMIT, which ends the instance. */
berth_status berthi_wasi_give(berthi_wasi *w, berth_host_call *call,
                              berthi_wasi_resource resource, void *object,
                              berth_handle *handle_out) __attribute__((warn_unused_result));
/* The object behind a handle: never NULL, because components are held to types of handles. */
void *berthi_wasi_find(const berthi_wasi *w, const berth_host_call *call,
                       berthi_wasi_resource resource, berth_handle handle);

/* A stream's error: `closed`, or `last-operation-failed` with an error object. */
berth_status berthi_wasi_stream_error(berthi_wasi *w, berth_host_call *call, berthi_code code,
                                      berthi_wasi_streams_stream_error *error_out)
    __attribute__((warn_unused_result));

/* A function that has no error of its own to answer with: the call ends, and says which grant is
 * missing. */
berth_status berthi_wasi_refuse(berth_host_call *call, berthi_right right)
    __attribute__((warn_unused_result));

/* One for each file: puts its functions into the table. */
void berthi_wasi_fill_io(berthi_wasi_imports *imports);
void berthi_wasi_fill_clocks(berthi_wasi_imports *imports);
void berthi_wasi_fill_random(berthi_wasi_imports *imports);
void berthi_wasi_fill_cli(berthi_wasi_imports *imports);

#endif
