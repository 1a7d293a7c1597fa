/* private.h - what the files of this directory share.
 *
 * Everything that a plugin's code can reach is memory of the C library's heap, for plugins may live on
 * when the runtime is gone (native/group.h).  One lock guards it all; no code of a plugin runs under it,
 * and nothing but memory is asked for under it (I9). */
#ifndef BERTHI_COMPAT_POLYPLUG_PRIVATE_H
#define BERTHI_COMPAT_POLYPLUG_PRIVATE_H

#include "base/diag.h"
#include "compat/polyplug/polyplug.h"

enum {
    POLYPLUG_OFFERS_MAX = 65536,
    POLYPLUG_INSTANCES_MAX = 65536,
    POLYPLUG_HOST_CONTRACTS_MAX = 4096,
    POLYPLUG_ERROR_SIZE = 512
};

/* Whoever has a table: a plugin, or the host itself. */
typedef struct polyplug_caller {
    berth_polyplug_host table;      /* its `runtime` is this struct */
    berthi_polyplug *host;          /* one reference */
    struct polyplug_plugin *plugin; /* NULL: the host itself */
    char error[POLYPLUG_ERROR_SIZE];
    size_t error_size; /* guarded by the lock, as is error */
} polyplug_caller;

/* A contract that a plugin keeps.  Fixed once it is open. */
typedef struct polyplug_contract {
    uint64_t id;
    uint32_t version[3];
    char name[BERTHI_POLYPLUG_NAME_MAX + 1];
    berth_polyplug_interface own; /* a copy: the plugin's need not stay */
} polyplug_contract;

typedef struct polyplug_plugin {
    polyplug_caller caller;
    char name[BERTHI_BUNDLE_NAME_MAX + 1];
    uint64_t id;
    berth_polyplug_dependency *needs; /* with whom they were given to */
    uint32_t needs_count;
    uint64_t thread; /* that opens it */
    /* guarded by the lock */
    bool is_opening;
    uint32_t count;
    bool is_broken; /* it registered what cannot be, and may have gone on */
    polyplug_contract contracts[BERTHI_BUNDLE_ENTRIES_MAX];
} polyplug_plugin;

/* A contract of a bundle, there or not: what handles name and what plugins get in place of the other's
 * own.  As it is never freed before its host, what a plugin kept is never wild. */
typedef struct polyplug_offer {
    berth_polyplug_interface stand_in;
    berthi_polyplug *host;
    uint32_t index;
    uint64_t bundle;
    /* guarded by the lock */
    bool is_there;
    uint32_t generation, function, instances;
    uint64_t order;
    berth_slot *slot; /* a handle; NULL: it is not there */
    /* Ready and not published: only its bundle's dependents that are being made ready see it, on the
     * thread that does it, which is also the only one that could discard it. */
    berth_version *staged;
    uint64_t staged_thread;
} polyplug_offer;

typedef struct polyplug_instance {
    polyplug_offer *offer;
    berth_lease lease; /* the version that made it, as long as it lives */
    berth_polyplug_instance own;
    const polyplug_caller *owner;
    uint32_t function; /* that the watchdog shows */
    /* guarded by the lock */
    uint32_t generation, uses;
    uint32_t index; /* fixed */
    bool is_taken, is_dying;
} polyplug_instance;

typedef struct polyplug_service {
    const berth_polyplug_host_contract *contract;
    void *single;   /* guarded by the lock, as is maker */
    uint64_t maker; /* the thread that makes it; 0: nobody */
    struct polyplug_service *next;
} polyplug_service;

typedef struct polyplug_bundle_name {
    uint64_t id;
    char name[BERTHI_BUNDLE_NAME_MAX + 1];
    bool is_there;
} polyplug_bundle_name;

struct berthi_polyplug {
    polyplug_caller own; /* without a reference */
    atomic_uint refs;
    berth_runtime *rt;
    berthi_polyplug_set set;
    uint64_t revision; /* polled by plugins, so no _Atomic; changed by __atomic functions */
    berthi_lock lock;
    berthi_cond changed;
    /* guarded by lock */
    bool is_closed;
    uint32_t inside; /* calls of plugins */
    uint64_t order;
    polyplug_offer **offers;
    uint32_t offers_count, offers_room;
    polyplug_instance **instances;
    uint32_t instances_count, instances_room;
    polyplug_bundle_name *bundles;
    uint32_t bundles_count, bundles_room;
    polyplug_service *services;
    uint32_t services_count;
};

extern const berthi_native_abi berthi_polyplug_abi;

/* False: it is closed.  Else leave() follows, and the runtime is there until then. */
bool berthi_polyplug_enter(berthi_polyplug *host);
void berthi_polyplug_leave(berthi_polyplug *host);
void berthi_polyplug_unref(berthi_polyplug *host);

/* An array with room for one more, or NULL; *room is in elements of `size`. */
void *berthi_polyplug_grow(void *array, uint32_t *room, uint32_t count, size_t size);

/* plugin.c */
typedef struct polyplug_opening { /* what open() is told */
    berthi_polyplug *host;
    const berthi_polyplug_bundle *bundle;
} polyplug_opening;
const polyplug_contract *berthi_polyplug_contract_of(const polyplug_plugin *plugin,
                                                     uint64_t id);
void berthi_polyplug_register(const berth_polyplug_host *table,
                              const berth_polyplug_descriptor *descriptor,
                              const berth_polyplug_interface *contract,
                              berth_polyplug_error *error_out);

/* offers.c; under the lock */
polyplug_offer *berthi_polyplug_find(berthi_polyplug *host, const polyplug_caller *caller,
                                     uint64_t contract, uint32_t min_major);
bool berthi_polyplug_matches(const polyplug_offer *offer, const polyplug_caller *caller,
                             uint64_t contract, uint32_t min_major);

/* calls.c */
bool berthi_polyplug_is_stand_in(const berth_polyplug_interface *contract);
void berthi_polyplug_stand_in(polyplug_offer *offer, uint64_t contract,
                              const uint32_t version[3]);
void berthi_polyplug_instance_make(const polyplug_caller *caller, polyplug_offer *offer,
                                   const void *args, berth_polyplug_instance *out);
void berthi_polyplug_instance_end(berthi_polyplug *host, berth_polyplug_instance instance);
/* All of them, or those that this one made. */
void berthi_polyplug_instances_end(berthi_polyplug *host, const polyplug_caller *owner);

/* callbacks.c */
extern const berth_polyplug_host berthi_polyplug_functions; /* without `runtime` */
void berthi_polyplug_fail(const berth_polyplug_host *table, berth_polyplug_error *error_out,
                          uint32_t code, const char *message, const char *detail);

/* host_contracts.c */
void berthi_polyplug_services_end(berthi_polyplug *host);
void berthi_polyplug_offer_service(const berth_polyplug_host *table,
                                   const berth_polyplug_host_contract *contract,
                                   berth_polyplug_error *error_out);
void *berthi_polyplug_take_service(const berth_polyplug_host *table, uint64_t id,
                                   uint32_t min_version);
const berth_polyplug_host_contract *berthi_polyplug_find_service(
    const berth_polyplug_host *table, uint64_t id, uint32_t min_version);

static inline polyplug_caller *polyplug_caller_of(const berth_polyplug_host *table)
{
    return table == NULL ? NULL : table->runtime;
}

#endif
