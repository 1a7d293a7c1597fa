/* component/elaborate/steps.h - what instantiating a component does, worked out once.
 *
 * berthi_component_elaborate() runs the definitions of a validated component symbolically: every
 * component instance gets a number, every resource definition a number, and what is left is a flat
 * list of steps over core instances (docs/component-architecture.md).  Nothing of components remains at
 * run time but numbers: slots of functions and memories that steps fill, trampolines that core modules
 * import, lifted functions that the host or trampolines call.
 *
 * Everything is held by the arena; names and modules are lent from the component's bytes.
 *
 * Layer: component.  Read first: component.h, types.h. */
#ifndef BERTHI_COMPONENT_STEPS_H
#define BERTHI_COMPONENT_STEPS_H

#include "component/types/types.h"

#define BERTHI_CM_NO_INDEX UINT32_MAX

enum { /* what elaboration makes at most */
       BERTHI_CM_CORE_INSTANCES_MAX = 1000,
       BERTHI_CM_TRAMPOLINES_MAX = 20000,
       BERTHI_CM_STEPS_MAX = 100000,
       BERTHI_CM_INSTANCES_MAX = 1000,     /* component instances */
       BERTHI_CM_INSTANCE_DEPTH_MAX = 100, /* component instances within one another */
       BERTHI_CM_NEEDS_MAX = 20000,
       BERTHI_CM_ELABORATED_MAX = 1000000 /* definitions and exports of all instances */
};

/* Where a core item is found while the component is being instantiated. */
enum berthi_cm_from {
    BERTHI_CM_FROM_EXPORT,    /* of a core instance that is there already */
    BERTHI_CM_FROM_TRAMPOLINE /* made by the host; functions only */
};

typedef struct berthi_cm_core_item {
    uint8_t from;     /* enum berthi_cm_from */
    uint8_t sort;     /* BERTHI_CM_CORE_FUNC, _TABLE, _MEMORY, _GLOBAL or _TAG */
    uint32_t index;   /* of the core instance or the trampoline */
    berthi_name name; /* of the export */
    const berthi_cm_type *type;
} berthi_cm_core_item;

typedef enum berthi_cm_step_kind {
    BERTHI_CM_STEP_INSTANTIATE, /* `module` with `imports`: the next core instance */
    BERTHI_CM_STEP_FUNC,        /* `item` becomes function `slot`; before, calling it traps */
    BERTHI_CM_STEP_MEMORY,      /* `item` becomes memory `slot` */
    BERTHI_CM_STEP_TABLE_SET,   /* element `slot` of table `imports[0]` becomes `item` */
    BERTHI_CM_STEP_CALL         /* calls `item`, () -> (), as start functions are called */
} berthi_cm_step_kind;

typedef struct berthi_cm_step {
    uint8_t kind;    /* enum berthi_cm_step_kind */
    uint32_t module; /* in `modules` */
    uint32_t slot;
    uint32_t imports_count;
    const berthi_cm_core_item *imports; /* in the order of the module's import section */
    berthi_cm_core_item item;
} berthi_cm_step;

typedef struct berthi_cm_module {
    const berthi_wasm_info *info; /* NULL: the host's */
    uint32_t need;                /* of the host's */
} berthi_cm_module;

/* Canonical options, resolved.  Slots, or BERTHI_CM_NO_INDEX. */
typedef struct berthi_cm_abi {
    uint8_t encoding; /* enum berthi_cm_encoding */
    bool is_64;       /* of the memory */
    uint32_t memory;
    uint32_t realloc, post_return; /* slots of functions */
} berthi_cm_abi;

typedef struct berthi_cm_lifted {
    const berthi_cm_type *type; /* of the function, over concrete resources */
    const berthi_cm_type *core; /* of what is called */
    uint32_t instance;          /* the component instance whose function it is */
    uint32_t func;              /* slot */
    berthi_cm_abi abi;
} berthi_cm_lifted;

typedef enum berthi_cm_trampoline_kind {
    BERTHI_CM_TO_HOST,        /* target: need */
    BERTHI_CM_TO_GUEST,       /* target: lifted function */
    BERTHI_CM_TO_NEW,         /* target: resource */
    BERTHI_CM_TO_DROP,        /* target: resource */
    BERTHI_CM_TO_REP,         /* target: resource */
    BERTHI_CM_TO_CONTEXT_GET, /* target: 0 or 1 */
    BERTHI_CM_TO_CONTEXT_SET,
    BERTHI_CM_TO_BACKPRESSURE_INC,
    BERTHI_CM_TO_BACKPRESSURE_DEC,
    BERTHI_CM_TO_ERROR_CONTEXT, /* code: which of its built-ins */
    BERTHI_CM_TO_UNSUPPORTED    /* code: the canonical definition */
} berthi_cm_trampoline_kind;

typedef struct berthi_cm_trampoline {
    uint8_t kind;      /* enum berthi_cm_trampoline_kind */
    uint8_t code;      /* byte of the canonical definition */
    bool never_enters; /* same instance, its ancestor or its descendant: always traps */
    uint32_t instance; /* the component instance whose core code calls it */
    uint32_t target;
    uint32_t ready_step;        /* traps while fewer steps are done (a removed shim's slot) */
    const berthi_cm_type *type; /* of the function that is lowered */
    const berthi_cm_type *core;
    berthi_cm_abi abi; /* the caller's */
} berthi_cm_trampoline;

typedef struct berthi_cm_resource_use {
    const berthi_cm_type *type; /* its canon; type->number is the index of this */
    uint32_t instance;          /* that defines it; BERTHI_CM_NO_INDEX: the host does */
    uint32_t need;              /* of the host's */
    uint32_t destructor;        /* slot of a function, or BERTHI_CM_NO_INDEX */
} berthi_cm_resource_use;

/* A leaf of what the root component imports.  `path` names it from the outside in: an import, and
 * within it exports of instances.  Value types, and instances without leaves, are no needs.  A
 * resource that is bound by `eq` to one in front of it need not be given (`is_again`); when it is, it
 * must be that one. */
typedef struct berthi_cm_need {
    const berthi_name *path;
    uint32_t path_count;
    uint8_t sort; /* BERTHI_CM_FUNC, _TYPE (a resource) or _CORE_MODULE */
    bool is_again;
    uint32_t resource;          /* of a type: its number */
    const berthi_cm_type *type; /* over concrete resources */
} berthi_cm_need;

typedef struct berthi_cm_export {
    berthi_name name;
    uint8_t sort;               /* FUNC, TYPE, INSTANCE, CORE_MODULE or COMPONENT */
    bool is_host;               /* a function: of the host's */
    uint32_t index;             /* lifted function or need; resource; module */
    const berthi_cm_type *type; /* of the item */
    uint32_t count;             /* of an instance's exports */
    const struct berthi_cm_export *exports;
} berthi_cm_export;

typedef struct berthi_cm_steps {
    uint32_t steps_count, modules_count, lifted_count, trampolines_count, resources_count;
    uint32_t needs_count, exports_count;
    uint32_t core_instances_count,
        instances_count; /* instances: of components; 0 is the root */
    uint32_t func_slots, memory_slots;
    uint32_t shims_removed, fixups_removed;
    const berthi_cm_step *steps;
    const berthi_cm_module *modules;
    const berthi_cm_lifted *lifted;
    const berthi_cm_trampoline *trampolines;
    const berthi_cm_resource_use *resources;
    const berthi_cm_need *needs;
    const berthi_cm_export *exports;
    const uint32_t *parents; /* of component instances; the root's is BERTHI_CM_NO_INDEX */
    struct berthi_cm_types *types; /* for those who intern more; one thread at a time */
} berthi_cm_steps;

/* Elaborates a validated component; it may be done again.  With `keeps_shims` nothing is removed; else
 * shim and fixup modules go where every condition of docs/design/0006-shims.md holds (shim.c).
 * Fails: BERTH_E_LIMIT (the bounds above), BERTH_E_REJECTED (what no host gives: a component
 * in an instance that is imported), BERTH_E_NOMEM. */
berth_status berthi_component_elaborate(const berthi_cm_component *component,
                                        berthi_arena *arena, bool keeps_shims,
                                        const berthi_cm_steps **steps_out, berth_diag *diag)
    __attribute__((warn_unused_result));

/* A function of an interface that the root imports under that name may be called, or is handed on: it is not
 * imported for its types alone. */
bool berthi_cm_calls_import(const berthi_cm_steps *steps, berthi_name interface);

#endif
