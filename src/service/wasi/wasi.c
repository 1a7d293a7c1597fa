/* wasi.c - offering WASI 0.2 to a host, and what all of its functions use.  Layer: service. */
#include "service/wasi/wasi.h"

#include <assert.h>

#include <berth/wasi.h>

#include "base/diag.h"
#include "component/run/host_call.h"

static void end_wasi(const berth_allocator *a, void *object)
{
    berthi_free(a, object, sizeof(berthi_wasi));
}

berth_status berth_wasi_offer(berth_host *host, berth_diag *diag)
{
    berthi_wasi *w;
    berth_status status;

    BERTHI_REQUIRE(host != NULL, diag);
    w = berthi_zalloc(&host->allocator, sizeof *w);
    if (w == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "out of memory for WASI");
    w->imports.ctx = w;
    berthi_wasi_fill_io(&w->imports);
    berthi_wasi_fill_clocks(&w->imports);
    berthi_wasi_fill_random(&w->imports);
    berthi_wasi_fill_cli(&w->imports);
    berthi_wasi_fill_filesystem(&w->imports);
    berthi_wasi_fill_sockets(&w->imports);
    berthi_wasi_fill_http(&w->imports);
    status = berthi_host_attach(host, BERTHI_HOST_WASI, w, end_wasi, diag);
    if (status != BERTH_OK) {
        end_wasi(&host->allocator, w);
        return status;
    }
    return berthi_wasi_offer(host, &w->imports, diag);
}

berthi_services *berthi_wasi_services(berth_host_call *call)
{
    return berthi_host_call_services(call);
}

berth_status berthi_wasi_give(berth_host_call *call, const berth_host_resource *kind,
                              void *object, berth_handle *handle_out)
{
    const berthi_services *s = berthi_wasi_services(call);
    berth_status status;

    if (object == NULL && s->objects < s->objects_max)
        return berth_host_fail(call, BERTH_E_NOMEM, "no memory for a %s", kind->type.name);
    if (object == NULL)
        return berth_host_fail(call, BERTH_E_LIMIT,
                               "no room for a %s: there are %u of %u objects", kind->type.name,
                               s->objects, s->objects_max);
    status = berth_host_object_add(call, kind, object, handle_out);
    if (status != BERTH_OK)
        berthi_object_unref(object);
    return status;
}

berth_status berthi_wasi_stream_error(berthi_wasi *w, berth_host_call *call, berthi_code code,
                                      berthi_wasi_streams_stream_error *error_out)
{
    assert(code != BERTHI_CODE_OK);
    if (code == BERTHI_CODE_CLOSED) {
        error_out->tag = BERTHI_WASI_STREAMS_STREAM_ERROR_CLOSED;
        return BERTH_OK;
    }
    error_out->tag = BERTHI_WASI_STREAMS_STREAM_ERROR_LAST_OPERATION_FAILED;
    return berthi_wasi_give(call, w->imports.error_error.kind,
                            berthi_error_make(berthi_wasi_services(call), code),
                            &error_out->as.last_operation_failed.handle);
}

berth_status berthi_wasi_refuse(berth_host_call *call, berthi_right right)
{
    return berth_host_fail(call, BERTH_E_REJECTED, "the slot of `%s` has no grant `%s`",
                           berth_host_plugin(call), berthi_right_name(right));
}

berth_status berthi_wasi_need(berth_host_call *call, berthi_right right)
{
    return berthi_grants_has(berthi_wasi_services(call)->grants, right)
               ? BERTH_OK
               : berthi_wasi_refuse(call, right);
}
