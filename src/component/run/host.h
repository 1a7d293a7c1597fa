/* component/run/host.h - what a host offers to components, and how an import finds it.
 *
 * A text that was declared keeps its model, its types and its interfaces in an arena of its own and
 * never changes, but for what is bound to it.  Loading a component asks for its imports one by one
 * (berthi_host_resolve): an interface is found by name and version, its resources stand for those of
 * the component, and then both types of a function must be one pointer.
 *
 * What calls of an instance share is a berthi_host_instance, the `data` of that instance.
 *
 * Thread: any; one lock per host.  Layer: component.  Read first: <berth/host.h>, instance.h. */
#ifndef BERTHI_COMPONENT_HOST_H
#define BERTHI_COMPONENT_HOST_H

#include <berth/host.h>

#include "component/run/host_table.h"
#include "component/run/instance.h"
#include "component/wit/wit_types.h"
#include "sync/lock.h"

struct berth_host_resource {
    berthi_host_type type; /* its name and destroy(), for tables */
    const struct berthi_host_interface *of;
    uint32_t index; /* in the model */
    bool is_bound;
};

typedef struct berthi_host_func {
    const struct berthi_host_interface *of;
    const berthi_wit_func *wit;
    const berthi_cm_type *type;      /* in the text's store: for layout and messages */
    uint64_t args_size, result_size; /* in host layout */
    berth_host_function call;        /* NULL: not bound */
    void *ctx;
} berthi_host_func;

/* An interface, or what worlds of one text import by themselves. */
typedef struct berthi_host_interface {
    const char *name; /* as imports name it; NULL: of the worlds themselves */
    size_t stem_size; /* of the name in front of '@' */
    const char *version;
    const struct berthi_host_text *text;
    const berthi_wit_interface *wit; /* NULL: of the worlds themselves */
    uint32_t funcs_count, resources_count;
    berthi_host_func *funcs;
    berth_host_resource *resources;
    struct berthi_host_interface *next; /* in the order of declaration */
} berthi_host_interface;

typedef struct berthi_host_text {
    berthi_arena arena;
    const berthi_wit *model;
    berthi_cm_types types;
    const berthi_cm_type **made; /* per type of the model */
    berthi_host_interface *first, **tail;
    struct berthi_host_text *next;
} berthi_host_text;

/* An object of a layer above, and how it ends. */
typedef struct berthi_host_attached {
    const char *what; /* a name of that layer's; lent */
    void *object;
    void (*end)(const berth_allocator *a, void *object);
    struct berthi_host_attached *next;
} berthi_host_attached;

struct berth_host {
    berth_allocator allocator;
    berthi_lock lock;
    berthi_host_text *texts; /* guarded by lock, as is all that is bound; newest first */
    berthi_host_interface *interfaces, **tail;
    struct berthi_host_attached *attached; /* newest first; each, once there, for good */
};

/* ---------------------------------------------------------------- host.c */

/* The interface of that name, or the highest one that is compatible with it; NULL: none.  The lock is
 * held. */
berthi_host_interface *berthi_host_find(const berth_host *host, const char *name, size_t size);

/* Takes an object that ends with the host, behind all that is bound.  Fails: BERTH_E_STATE (there is one of that name),
 * BERTH_E_NOMEM. */
berth_status berthi_host_attach(berth_host *host, const char *what, void *object,
                                void (*end)(const berth_allocator *a, void *object),
                                berth_diag *diag) __attribute__((warn_unused_result));
/* The object of that name; NULL: there is none.  `host` may be NULL. */
void *berthi_host_attached_of(berth_host *host, const char *what);
#define BERTHI_HOST_WASI "wasi"
#define BERTHI_HOST_FLOW "flow"
#define BERTHI_HOST_CORE "core"

/* ---------------------------------------------------------------- host_link.c */

/* A berthi_cm_resolver whose ctx is a berth_host. */
berth_status berthi_host_resolve(void *ctx, const berthi_cm_steps *steps,
                                 const berthi_cm_need *need, berthi_cm_binding *binding_out,
                                 berth_diag *diag) __attribute__((warn_unused_result));

#endif
