/* service/wasi/wasi.h - WASI 0.2 for components: what its small files share.
 *
 * The functions of all interfaces stand in one table, berthi_wasi_imports, which is made of the world
 * in wit/wasi/host.wit when the library is built (cmake/BerthTables.cmake), with the structs of their
 * arguments.  Each file here fills in its part; a member that is left NULL is not offered, and admission
 * says so.  A function gets the berthi_wasi as `ctx`, as `self` the object that it is
 * a method of (each is a berthi_object, and its resource's `destroy` is berthi_object_unref()), and finds
 * what else the calling instance has by berthi_wasi_services().
 *
 * Layer: service.  Read first: <berth/host.h>, service/services.h. */
#ifndef BERTHI_SERVICE_WASI_H
#define BERTHI_SERVICE_WASI_H

#include <berth/host.h>
#include <berthi_wasi_host.h>

#include "service/services.h"

/* Every function of the table has all of its parameters, and few need all. */
#pragma GCC diagnostic ignored "-Wunused-parameter"

/* Of one host, and ends with it. */
typedef struct berthi_wasi {
    berthi_wasi_imports imports;
} berthi_wasi;

/* Of the calling instance. */
berthi_services *berthi_wasi_services(berth_host_call *call);

/* Gives the plugin a handle for `object`, a berthi_object, which is taken whatever comes of it; NULL is what
 * there was no room for.  `kind` is that of a resource in the table, such as
 * `w->imports.poll_pollable.kind`.  Fails: BERTH_E_LIMIT, which ends the instance. */
berth_status berthi_wasi_give(berth_host_call *call, const berth_host_resource *kind,
                              void *object, berth_handle *handle_out)
    __attribute__((warn_unused_result));

/* A stream's error: `closed`, or `last-operation-failed` with an error object. */
berth_status berthi_wasi_stream_error(berthi_wasi *w, berth_host_call *call, berthi_code code,
                                      berthi_wasi_streams_stream_error *error_out)
    __attribute__((warn_unused_result));

/* A function that has no error of its own to answer with: the call ends, and says which grant is
 * missing. */
berth_status berthi_wasi_refuse(berth_host_call *call, berthi_right right)
    __attribute__((warn_unused_result));

/* BERTH_OK when the right is granted, else as berthi_wasi_refuse(). */
berth_status berthi_wasi_need(berth_host_call *call, berthi_right right)
    __attribute__((warn_unused_result));

/* One for each file: puts its functions into the table. */
void berthi_wasi_fill_io(berthi_wasi_imports *imports);
void berthi_wasi_fill_clocks(berthi_wasi_imports *imports);
void berthi_wasi_fill_random(berthi_wasi_imports *imports);
void berthi_wasi_fill_cli(berthi_wasi_imports *imports);
void berthi_wasi_fill_filesystem(berthi_wasi_imports *imports);
void berthi_wasi_fill_sockets(berthi_wasi_imports *imports);
void berthi_wasi_fill_http(berthi_wasi_imports *imports);

#endif
