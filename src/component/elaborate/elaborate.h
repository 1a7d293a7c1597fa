/* component/elaborate/elaborate.h - what the parts of elaboration share.  Layer: component.
 *
 * A frame is one component instance while its definitions are run: a scope of validation, whose
 * types are concrete here, and beside it the things that its indices name.  Checks that validation
 * makes on definitions are so made again on what is really there, by the same functions: signatures
 * of lifts and lowers, local resources, destructors, imports of core modules.  Every function
 * answers false or NULL when the failure is recorded in the types' store.
 *
 * Read first: steps.h, validate.h. */
#ifndef BERTHI_COMPONENT_ELABORATE_H
#define BERTHI_COMPONENT_ELABORATE_H

#include "component/elaborate/steps.h"
#include "component/validate/validate.h"

typedef struct berthi_cm_rows { /* an array that grows */
    void *items;
    uint32_t count, room;
} berthi_cm_rows;

/* What an index names. */
typedef struct berthi_cm_thing {
    uint8_t sort;
    bool is_host;               /* a function: of the host's */
    uint32_t index;             /* lifted function or need; module */
    const berthi_cm_type *type; /* canon; NULL of a component or an instance of core items */
    berthi_cm_core_item core;   /* a core function, table, memory, global or tag */
    struct berthi_cm_bag *bag;  /* an instance, also of core items */
    const struct berthi_cm_closure *closure; /* a component */
} berthi_cm_thing;

/* What an instance exports. */
typedef struct berthi_cm_bag {
    const berthi_cm_type *type; /* its exports by name; of a module's instance: the module's */
    const berthi_cm_thing
        *things; /* of each of them; NULL: it is an instance of a core module */
    uint32_t core_instance;
    const berthi_cm_export *exported; /* as the root exports it, when that has been asked for */
} berthi_cm_bag;

typedef struct berthi_cm_frame {
    berthi_cm_scope scope;
    const struct berthi_cm_frame *outer;    /* where the component was defined */
    const berthi_cm_bag *arguments;         /* NULL: the root, whose imports are the host's */
    uint32_t number, depth;                 /* of the component instance */
    berthi_cm_rows spaces[BERTHI_CM_SORTS]; /* of things; types are in the scope alone */
    berthi_cm_rows exports;                 /* of things, in the order of the scope's exports */
} berthi_cm_frame;

typedef struct berthi_cm_closure {
    const berthi_cm_component *component;
    const berthi_cm_frame *outer;
} berthi_cm_closure;

typedef struct berthi_cm_map { /* from keys to rows: open addressing over row + 1 */
    uint32_t *places;
    uint32_t room;
} berthi_cm_map;

typedef struct berthi_cm_elaborator {
    berthi_cm_types *types;
    uint32_t elaborated; /* definitions and exports so far */
    uint32_t depth;      /* of component instances */
    uint32_t core_instances, func_slots, memory_slots;
    berthi_cm_rows steps, modules, lifted, trampolines, resources, needs, parents;
    berthi_cm_rows module_types;     /* of each of `modules` */
    berthi_cm_rows slots;            /* core items with their slots */
    berthi_cm_map by_info, by_place; /* of modules; of slots */
    berthi_cm_rows taken;            /* core items: tables that built-ins take */
    berthi_cm_rows exported_modules; /* exports that are modules, whose numbers may change */
    uint32_t shims_removed, fixups_removed;
} berthi_cm_elaborator;

/* elaborate_rows.c */
/* Room for one more, zeroed.  `what` is for the message when there are `max` already. */
void *berthi_cm_row(berthi_cm_elaborator *e, berthi_cm_rows *rows, size_t size, uint32_t max,
                    const char *what);
/* Takes so many off what may be elaborated. */
bool berthi_cm_count_elaborated(berthi_cm_elaborator *e, uint32_t count);
/* The module of that description; its type in *type_out. */
bool berthi_cm_module_number(berthi_cm_elaborator *e, const berthi_wasm_info *info,
                             uint32_t *module_out, const berthi_cm_type **type_out);
bool berthi_cm_host_module(berthi_cm_elaborator *e, uint32_t need, const berthi_cm_type *type,
                           uint32_t *module_out);
/* The slot of a function or memory, filled by a step from here on. */
bool berthi_cm_slot_of(berthi_cm_elaborator *e, const berthi_cm_core_item *item,
                       uint32_t *slot_out);
bool berthi_cm_number_resource(berthi_cm_elaborator *e, const berthi_cm_type *resource,
                               uint32_t instance, uint32_t need, uint32_t destructor);
bool berthi_cm_add_need(berthi_cm_elaborator *e, berthi_cm_need need, uint32_t *need_out);

/* elaborate.c */
bool berthi_cm_push(berthi_cm_elaborator *e, berthi_cm_frame *f, berthi_cm_thing thing);
/* The same for what a check of validation has just put into the scope. */
bool berthi_cm_push_checked(berthi_cm_elaborator *e, berthi_cm_frame *f, berthi_cm_thing thing);
bool berthi_cm_thing_at(berthi_cm_elaborator *e, const berthi_cm_frame *f, uint8_t sort,
                        uint32_t index, berthi_cm_thing *thing_out);
/* The items of an instantiation, or of an instance made in place. */
berthi_cm_bag *berthi_cm_gather(berthi_cm_elaborator *e, const berthi_cm_frame *f,
                                const berthi_cm_def *def, uint16_t kind);
/* The export of that name and sort. */
bool berthi_cm_take(berthi_cm_elaborator *e, const berthi_cm_bag *bag, berthi_name name,
                    uint8_t sort, berthi_cm_thing *thing_out);

/* elaborate_core.c */
bool berthi_cm_make_core_instance(berthi_cm_elaborator *e, berthi_cm_frame *f,
                                  const berthi_cm_def *def);
bool berthi_cm_make_canon(berthi_cm_elaborator *e, berthi_cm_frame *f,
                          const berthi_cm_canon *canon);

/* elaborate_host.c */
bool berthi_cm_import_from_host(berthi_cm_elaborator *e, berthi_cm_frame *f,
                                const berthi_cm_def *def);
/* What an instance exports, as the host sees it; memoized in the bag. */
const berthi_cm_export *berthi_cm_exports_of(berthi_cm_elaborator *e, berthi_cm_bag *bag);

/* shim.c */
/* Takes shim and fixup modules out of the steps where every condition holds. */
bool berthi_cm_remove_shims(berthi_cm_elaborator *e);

#endif
