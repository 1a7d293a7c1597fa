/* component/run/host_call.h - functions of the host while components call them.
 *
 * The `data` of a component's instance is a berthi_host_instance when its imports come from a
 * berth_host: the objects that its plugin holds, and what its host calls came to.  It is made before
 * the instance and ended behind it, which destroys the objects that are left, once each, whatever
 * ended the instance (I6).
 *
 * A native plugin has one too.  Its functions are called on any thread, so that one has a lock, which is
 * not held while an object is destroyed (I9).
 *
 * Thread: one, that of the instance; any, where there is a lock.  Layer: component.  Read first: host.h. */
#ifndef BERTHI_COMPONENT_HOST_CALL_H
#define BERTHI_COMPONENT_HOST_CALL_H

#include "component/run/host.h"

typedef struct berthi_host_instance_options {
    const char *plugin;               /* for logs; lent */
    void *ctx;                        /* berth_host_context() */
    uint32_t objects_max;             /* 0: BERTHI_HOST_OBJECTS_MAX */
    uint64_t result_bytes_max;        /* of one host call; 0: 16 MiB */
    struct berthi_services *services; /* of a layer above; lent, behind the instance's end */
} berthi_host_instance_options;

typedef struct berthi_host_instance {
    berthi_host_instance_options options;
    berthi_host_table objects;
    berth_host_usage usage;
    berthi_lock *lock;   /* of objects and usage; NULL: one thread alone comes */
    void *owner;         /* of who holds the instance for itself; NULL: nobody does */
    uint64_t until_tick; /* for layers above: when the component's call has to end */
} berthi_host_instance;

void berthi_host_instance_init(berthi_host_instance *i, const berth_allocator *allocator,
                               const berthi_host_instance_options *options);
void berthi_host_instance_fini(berthi_host_instance *i);

/* For functions of layers above. */
struct berthi_services *berthi_host_call_services(const berth_host_call *call);
berth_diag *berthi_host_call_diag(const berth_host_call *call);
void *berthi_host_call_owner(const berth_host_call *call);

/* A native plugin calls a function of the host's, in a call whose results go into `arena`; and drops
 * an object, or a number that is none. */
berth_status berthi_host_run_native(const berthi_host_func *func,
                                    berthi_host_instance *instance, berth_arena *arena,
                                    const void *args, void *result, berth_diag *diag)
    __attribute__((warn_unused_result));
void berthi_host_drop_native(const berth_host_resource *resource,
                             berthi_host_instance *instance, uint64_t handle);
/* Destroys what is left, and lets nothing in any more.  May be called while the plugin calls. */
void berthi_host_instance_close(berthi_host_instance *instance);

/* A berthi_cm_host_function whose ctx is a berthi_host_func. */
berth_status berthi_host_run(void *ctx, berthi_cm_host_call *call, const void *args,
                             void *result, berth_diag *diag);
/* The destructor of a binding whose ctx is a berth_host_resource. */
void berthi_host_drop(void *ctx, berthi_cm_host_call *call, uint32_t rep);

#endif
