/* component/types/types.h - types of what components define, made once each.  Layer: component.
 *
 * Value, function, core function and handle types are interned: two of the same structure, with the
 * same resources at their leaves, are one object.  A type that was imported or exported under a name
 * is an object of its own (visibility asks for that), whose `canon` is the nameless one; types
 * are equal when their canons are.  Instance, component and module types are not interned; they are
 * compared by subtyping (subtype.c).
 *
 * An instance or component type binds resources: those that its imports and exports introduce.
 * Opening it (substitute.c) puts other resources in their place.
 *
 * Types share parts, so that written out they may be exponentially larger: every walk is memoized in
 * the types themselves, or bounded by `nodes`, and charged to the work of the whole file. */
#ifndef BERTHI_COMPONENT_TYPES_H
#define BERTHI_COMPONENT_TYPES_H

#include "base/diag.h"
#include "component/component.h"

enum { /* kinds beyond the bytes of component.h */
       BERTHI_CM_KIND_CORE_FUNC = 0x100,
       BERTHI_CM_KIND_CORE_TABLE,
       BERTHI_CM_KIND_CORE_MEMORY,
       BERTHI_CM_KIND_CORE_GLOBAL,
       BERTHI_CM_KIND_CORE_MODULE,
       BERTHI_CM_KIND_CORE_INSTANCE
};

enum { BERTHI_CM_FLAT_PARAMS_MAX = 16, BERTHI_CM_FLAT_RESULTS_MAX = 1 };

typedef struct berthi_cm_type berthi_cm_type;
struct berthi_cm_scope;

/* A field, case, parameter, import or export. */
typedef struct berthi_cm_extern {
    berthi_name name, module;   /* `module` of a core module's imports */
    uint8_t sort;               /* of imports and exports */
    const berthi_cm_type *type; /* NULL: a case, flag or result without */
} berthi_cm_extern;

struct berthi_cm_type {
    uint16_t kind; /* BERTHI_CM_* */
    uint8_t depth, align;
    bool has_resource, has_name, has_borrow, has_pointer; /* pointer: a string or list */
    bool has_error_context;
    uint32_t size;      /* in a 32-bit memory */
    uint64_t size_wide; /* in a 64-bit memory */
    uint8_t align_wide;
    uint8_t host_align;  /* in host layout: see plan.h */
    uint32_t host_size;  /* at most twice size_wide */
    uint32_t flat_count; /* core values, at most 255 */
    uint32_t nodes;      /* written out, at most BERTHI_CM_TYPE_NODES_MAX + 1 */
    uint32_t name_id;    /* not 0: introduced by an import or export */
    uint32_t hash;
    const berthi_cm_type *canon;
    uint32_t count;                /* of items; a function's last one is its result */
    uint32_t length;               /* of a fixed list */
    const berthi_cm_extern *items; /* imports in front of exports, where a type has both */
    uint32_t imports_count;
    uint32_t
        number; /* of a resource: its index in steps.h, or UINT32_MAX as long as it has none */
    uint32_t *index; /* of the items behind the imports, by name; made when asked for */
    /* what an instance or component type binds: through imports first */
    const berthi_cm_type **bound;
    uint32_t bound_count, bound_imports;
    /* resources */
    const struct berthi_cm_scope *owner;   /* the component that defines it; NULL: abstract */
    const struct berthi_cm_scope *made_in; /* where it is new, but for imports */
    bool is_exported;                      /* from there, under a name */
    bool is_variable;                      /* may be matched with any resource, for a while */
    const berthi_cm_type *stands_for;      /* of resources and named types, for a while */
    /* the last substitution that saw this type, and what it made of it */
    uint32_t epoch;
    const berthi_cm_type *became;
    /* core */
    berthi_functype func;
    berthi_wasm_table table;
    berthi_wasm_size memory;
    berthi_wasm_global global;
};

/* Everything that one validation makes; the first failure sticks. */
typedef struct berthi_cm_types {
    berthi_arena *arena;
    berth_diag *diag;
    berth_status status;
    uint32_t work; /* steps that are left */
    const berthi_cm_type **table;
    uint32_t room, count; /* of the table; room is a power of two */
    uint32_t epoch, name_ids;
} berthi_cm_types;

/* Records the first failure.  Always false. */
bool berthi_cm_fail(berthi_cm_types *s, berth_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
#define BERTHI_CM_INVALID(s, ...) berthi_cm_fail((s), BERTH_E_REJECTED, __VA_ARGS__)

/* Takes so many steps off the work that is left; false when there is none. */
bool berthi_cm_charge(berthi_cm_types *s, uint32_t steps);
void *berthi_cm_make(berthi_cm_types *s, size_t count, size_t size); /* NULL: failed */

/* For tables.  Anybody can make names that collide, or differ in their last byte alone: each look at an
 * entry is charged. */
uint32_t berthi_cm_mix(uint32_t hash, uint64_t value);
uint32_t berthi_cm_hash_name(uint32_t hash, berthi_name name);
static inline bool berthi_cm_charge_name(berthi_cm_types *s, berthi_name name)
{
    return berthi_cm_charge(s, 1 + name.size / 16);
}

/* Text of a name for messages, cut to a few dozen bytes; each call has its own buffer. */
typedef struct berthi_cm_shown {
    char text[64];
} berthi_cm_shown;
berthi_cm_shown berthi_cm_show(berthi_name name);

/* The one type of that structure.  `draft` has kind, length, name_id, count, items, func; its
 * items are copied when the type is new.  NULL: failed (too large, too deep, no memory). */
const berthi_cm_type *berthi_cm_intern(berthi_cm_types *s, const berthi_cm_type *draft);
const berthi_cm_type *berthi_cm_primitive(berthi_cm_types *s, uint8_t code);
const berthi_cm_type *berthi_cm_core_func(berthi_cm_types *s, const berthi_functype *type);
/* "ii:I" as in module.h. */
const berthi_cm_type *berthi_cm_core_signature(berthi_cm_types *s, const char *signature);
const berthi_cm_type *berthi_cm_resource(berthi_cm_types *s,
                                         const struct berthi_cm_scope *owner);
/* The same type under a name of its own.  Instance and component types stay as they are. */
const berthi_cm_type *berthi_cm_named(berthi_cm_types *s, const berthi_cm_type *type);
/* A type that is not interned; depth, nodes and has_resource come from its items. */
berthi_cm_type *berthi_cm_assemble(berthi_cm_types *s, uint16_t kind, uint32_t imports_count,
                                   uint32_t count, const berthi_cm_extern *items);

static inline bool berthi_cm_is_value_type(const berthi_cm_type *type)
{
    return type->kind >= BERTHI_CM_MAP && type->kind <= BERTHI_CM_BOOL;
}

static inline bool berthi_cm_is_resource(const berthi_cm_type *type)
{
    return type->kind == BERTHI_CM_RESOURCE_TYPE;
}

static inline bool berthi_cm_is_func(const berthi_cm_type *type)
{
    return type->kind == BERTHI_CM_FUNC_TYPE || type->kind == BERTHI_CM_ASYNC_FUNC_TYPE;
}

static inline const berthi_cm_type *berthi_cm_func_result(const berthi_cm_type *func)
{
    return func->items[func->count - 1].type;
}

/* The export of that name, or NULL. */
const berthi_cm_extern *berthi_cm_find(berthi_cm_types *s, const berthi_cm_type *type,
                                       berthi_name name);

/* How a function looks to core code with a memory of that width.  A lift sees a function that a core
 * module exports, a lower one that it imports. */
typedef struct berthi_cm_flat {
    const berthi_cm_type *type; /* a core function's */
    bool needs_memory, needs_realloc;
} berthi_cm_flat;
bool berthi_cm_flatten(berthi_cm_types *s, const berthi_cm_type *func, bool is_lift, bool is_64,
                       berthi_cm_flat *flat_out);

/* ---------------------------------------------------------------- substitute.c */

/* Bindings are `stands_for` of resources; after each change the epoch moves on. */
void berthi_cm_bind(berthi_cm_types *s, const berthi_cm_type *resource,
                    const berthi_cm_type *stands_for);
void berthi_cm_unbind(berthi_cm_types *s, const berthi_cm_type *type); /* all that it binds */
/* The names that `expected` introduces stand for those of `actual`, or no longer for any: so that
 * a type that goes through a component stays the one that it was. */
bool berthi_cm_rename(berthi_cm_types *s, uint8_t sort, const berthi_cm_type *expected,
                      const berthi_cm_type *actual);
const berthi_cm_type *berthi_cm_substitute(berthi_cm_types *s, const berthi_cm_type *type);
/* An instance type with a fresh resource for each that it binds; appends these to `fresh`, which
 * has room for bound_count. */
const berthi_cm_type *berthi_cm_open(berthi_cm_types *s, const berthi_cm_type *instance,
                                     const berthi_cm_type **fresh);
/* Some resource in it is bound by nothing in it. */
bool berthi_cm_has_free_resource(berthi_cm_types *s, const berthi_cm_type *type);
/* ... and was made in that scope, which does not export it. */
bool berthi_cm_has_hidden_resource(berthi_cm_types *s, const berthi_cm_type *type,
                                   const struct berthi_cm_scope *scope);

/* ---------------------------------------------------------------- subtype.c */

/* `actual` may be given where `expected` is asked for; resources of `expected` that are variables
 * are bound on the way.  False: failed, with the reason. */
bool berthi_cm_match(berthi_cm_types *s, uint8_t actual_sort, const berthi_cm_type *actual,
                     uint8_t expected_sort, const berthi_cm_type *expected);
bool berthi_cm_match_core(berthi_cm_types *s, const berthi_cm_type *actual,
                          const berthi_cm_type *expected);
/* Makes the resources that `type` binds from `first` on variables, or ends that and unbinds them. */
void berthi_cm_make_variables(berthi_cm_types *s, const berthi_cm_type *type, uint32_t first,
                              uint32_t end, bool are_variables);

/* ---------------------------------------------------------------- core_types.c */

/* Core modules may import one name twice, but not within components: arguments go by name. */
bool berthi_cm_check_imports(berthi_cm_types *s, const berthi_cm_extern *imports,
                             uint32_t count);
const berthi_cm_type *berthi_cm_module_of(berthi_cm_types *s, const berthi_wasm_info *info);
const berthi_cm_type *berthi_cm_core_table(berthi_cm_types *s, const berthi_wasm_table *table);
const berthi_cm_type *berthi_cm_core_memory(berthi_cm_types *s, const berthi_wasm_size *memory);
const berthi_cm_type *berthi_cm_core_global(berthi_cm_types *s,
                                            const berthi_wasm_global *global);
/* The sort of a core type's kind. */
uint8_t berthi_cm_core_sort(const berthi_cm_type *type);

#endif
