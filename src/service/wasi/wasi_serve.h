/* service/wasi/wasi_serve.h - a request that comes in becomes the two handles of an incoming-handler's call.
 *
 * The host is one that berth_wasi_offer() was called for, and the instance has services.  Thread: that of the
 * instance.  Layer: service.  Read first: <berth/http.h>, service/http/served.h. */
#ifndef BERTHI_SERVICE_WASI_SERVE_H
#define BERTHI_SERVICE_WASI_SERVE_H

#include <berth/host.h>
#include <berth/http.h>

#include "component/elaborate/steps.h"

struct berthi_host_instance;
struct berthi_http_served;

typedef struct berthi_wasi_serving {
    const struct berthi_wasi *wasi;
    struct berthi_host_instance *instance;
    struct berthi_http_served *served;
    uint64_t handles[2];          /* the request, the outparam: the arguments in host layout */
    uint64_t bytes_in, bytes_out; /* of bodies; known behind the end */
} berthi_wasi_serving;

/* The component answers requests: it exports wasi:http/incoming-handler 0.2.x, over the resources that it imports
 * from wasi:http/types.  *handler_out is the name of the export. */
bool berthi_wasi_serves_http(const berthi_cm_steps *steps, berthi_name *handler_out);

/* Before the call.  Fails: BERTH_E_LIMIT, BERTH_E_NOMEM; then there is nothing to end. */
berth_status berthi_wasi_serve(struct berth_host *host, struct berthi_host_instance *instance,
                               const berth_http_request *request, const berth_http_sink *sink,
                               berthi_wasi_serving *s, berth_diag *diag)
    __attribute__((warn_unused_result));
/* Behind it, while the instance lives: what the call came to, which ended as `status`.
 * Fails: as it did; BERTH_E_PLUGIN as berth_slot_http(). */
berth_status berthi_wasi_served(berthi_wasi_serving *s, berth_status status, berth_diag *diag)
    __attribute__((warn_unused_result));

#endif
