/* admit/family.h - plugins of other systems, as core modules: what a profile says beyond its data.
 *
 * A family is a table of functions behind a profile.  Two of them are asked by admission, from the bytes alone;
 * three are called by the registry with a live instance (service/guest.h), inside the record, the limits,
 * the deadline and the counting of every other call.  docs/design/0015-module-imports.md tells how one is
 * added.  Layer: admit. */
#ifndef BERTHI_ADMIT_FAMILY_H
#define BERTHI_ADMIT_FAMILY_H

#include <berth/http.h>

#include "admit/findings.h"
#include "admit/metadata.h"
#include "service/guest.h"

/* A request for a filter. */
typedef struct berthi_family_http {
    const berth_http_request *request;
    berth_http_next next; /* NULL: nobody is behind it */
    void *next_ctx;
    const berth_http_sink *sink;
    uint64_t bytes_in, bytes_out; /* of bodies; set by who answers */
} berthi_family_http;

typedef struct berthi_family {
    const char *says;  /* what shows that a module is one: "it imports `extism:host/env`" */
    size_t state_size; /* of each instance's state */
    bool is_probed;    /* an install calls each hook once, with an empty input */

    /* The module means to be one: where no profile was asked for, others are not looked at further. */
    bool (*recognises)(const berthi_wasm_info *info);
    /* Fills the metadata by berthi_describe(); what is wrong becomes findings.  Imports, memory and tables
     * are checked by who calls.  False: out of memory. */
    bool (*describe)(const berthi_wasm_info *info, berthi_scope scope,
                     berthi_metadata *metadata_out);

    /* The instance is there, and its `_initialize` was called where the profile says so; runs under the
     * probe deadline.  NULL: nothing is to be done. */
    berth_status (*begin)(berthi_guest *g, berth_diag *diag);
    /* Calls plugin hook `hook`, whose export is g->hooks[hook].  BERTH_OK: *reply is an answer (`is_dropped`: none),
     * from berthi_guest_reply().  BERTH_E_PLUGIN: the plugin answered an error of its own, and serves on.
     * Anything else ends the instance. */
    berth_status (*enter)(berthi_guest *g, uint32_t hook, const berth_call *call,
                          berth_reply *reply, berth_diag *diag);
    /* Answers a request, as berth_slot_http_filter(); statuses as above.  NULL: its plugins are no filters. */
    berth_status (*http)(berthi_guest *g, berthi_family_http *http, berth_diag *diag);
    const berthi_guest_blocks *blocks; /* NULL: there are none */
    /* The instance is gone, or never began: gives back what `state` has.  May be NULL. */
    void (*end)(berthi_guest *g);
} berthi_family;

/* A hook as callers name it, and the function that is behind it. */
typedef struct berthi_family_hook {
    berthi_name name, export_name;
} berthi_family_hook;

/* What describe() says: a plugin of that name with these hooks, sorted here.  There are findings about
 * too many of them, about none, and about names that no hook may have.  False: out of memory. */
bool berthi_describe(berthi_scope scope, const char *name, const berthi_family_hook *hooks,
                     uint32_t count, berthi_metadata *metadata_out);

/* The module imports a function of `module`. */
bool berthi_imports_from(const berthi_wasm_info *info, const char *module);

#endif
