/* component/validate/validate.h - what the parts of validation share.  Layer: component.
 *
 * A scope is one component, or one component or instance type, while its definitions are walked in
 * order: its index spaces, what it imports and exports so far, the resources that it binds, and the
 * types that functions of its imports and exports may name.  Every function answers false or NULL
 * when the failure is recorded in the types' store. */
#ifndef BERTHI_COMPONENT_VALIDATE_H
#define BERTHI_COMPONENT_VALIDATE_H

#include "component/types/names.h"

typedef struct berthi_cm_entity {
    const berthi_cm_type *type;
    bool is_imported; /* a function that the root component imports */
} berthi_cm_entity;

typedef struct berthi_cm_space {
    berthi_cm_entity *items;
    uint32_t count, room;
} berthi_cm_space;

typedef struct berthi_cm_externs {
    berthi_cm_extern *items;
    uint32_t count, room;
} berthi_cm_externs;

typedef struct berthi_cm_list {
    const berthi_cm_type **items;
    uint32_t count, room;
} berthi_cm_list;

typedef struct berthi_cm_set { /* of types, as objects */
    const berthi_cm_type **slots;
    uint32_t count, room;
} berthi_cm_set;

typedef struct berthi_cm_side { /* the imports or the exports */
    berthi_cm_externs items;
    berthi_cm_externs resources; /* by their plain names, for methods */
    berthi_cm_names names;
    berthi_cm_set visible;
    berthi_cm_list bound;
} berthi_cm_side;

enum berthi_cm_scope_kind {
    BERTHI_CM_SCOPE_COMPONENT,
    BERTHI_CM_SCOPE_COMPONENT_TYPE,
    BERTHI_CM_SCOPE_INSTANCE_TYPE
};

typedef struct berthi_cm_scope {
    struct berthi_cm_scope *outer;
    enum berthi_cm_scope_kind kind;
    berthi_cm_space spaces[BERTHI_CM_SORTS];
    berthi_cm_side imports, exports;
} berthi_cm_scope;

/* validate.c */
/* A copy of an array with twice the room. */
void *berthi_cm_grown(berthi_cm_types *s, const void *items, uint32_t count, uint32_t *room,
                      size_t size);
bool berthi_cm_add(berthi_cm_types *s, berthi_cm_scope *scope, uint8_t sort,
                   const berthi_cm_type *type);
const berthi_cm_type *berthi_cm_get(berthi_cm_types *s, const berthi_cm_scope *scope,
                                    uint8_t sort, uint32_t index);
bool berthi_cm_append(berthi_cm_types *s, berthi_cm_externs *list, berthi_cm_extern item);
/* The imports or the exports of the scope bind that resource, which nobody binds yet; it may be NULL,
 * when it could not be made.  Answers it. */
const berthi_cm_type *berthi_cm_bind_in(berthi_cm_types *s, berthi_cm_scope *scope,
                                        bool is_import, const berthi_cm_type *resource);
/* Opens an instance type, and lets the scope bind what that binds. */
const berthi_cm_type *berthi_cm_open_in(berthi_cm_types *s, berthi_cm_scope *scope,
                                        bool is_import, const berthi_cm_type *instance);
bool berthi_cm_walk(berthi_cm_types *s, berthi_cm_scope *scope, const berthi_cm_def *defs,
                    uint32_t count);
/* The type of a root component. */
const berthi_cm_type *berthi_cm_check_root(berthi_cm_types *s,
                                           const berthi_cm_component *component);
/* Puts section and entry of `def` in front of the failure. */
void berthi_cm_say_where(berthi_cm_types *s, const berthi_cm_scope *scope,
                         const berthi_cm_def *def);
/* The type of what has been walked. */
const berthi_cm_type *berthi_cm_close(berthi_cm_types *s, berthi_cm_scope *scope);

/* validate_types.c */
bool berthi_cm_check_type(berthi_cm_types *s, berthi_cm_scope *scope,
                          const berthi_cm_type_def *def);
const berthi_cm_type *berthi_cm_resolve(berthi_cm_types *s, const berthi_cm_scope *scope,
                                        berthi_cm_ref ref);

/* validate_core.c */
bool berthi_cm_check_core_type(berthi_cm_types *s, berthi_cm_scope *scope,
                               const berthi_cm_core_type_def *def);
bool berthi_cm_check_core_instance(berthi_cm_types *s, berthi_cm_scope *scope,
                                   const berthi_cm_def *def);

/* validate_instances.c */
bool berthi_cm_check_instance(berthi_cm_types *s, berthi_cm_scope *scope,
                              const berthi_cm_def *def);
bool berthi_cm_check_alias(berthi_cm_types *s, berthi_cm_scope *scope,
                           const berthi_cm_def *def);

/* validate_canon.c */
bool berthi_cm_check_canon(berthi_cm_types *s, berthi_cm_scope *scope,
                           const berthi_cm_canon *canon);

/* validate_externs.c */
bool berthi_cm_check_import(berthi_cm_types *s, berthi_cm_scope *scope,
                            const berthi_cm_def *def);
bool berthi_cm_check_export(berthi_cm_types *s, berthi_cm_scope *scope,
                            const berthi_cm_def *def);
/* The name of an import or export, with what it says about its type. */
bool berthi_cm_check_name(berthi_cm_types *s, berthi_cm_side *side, berthi_name name,
                          const berthi_cm_attributes *attributes, uint8_t sort,
                          const berthi_cm_type *type);

/* visibility.c */
/* Every type that `type` names is visible in `scope` on that side; if so, what it introduces (as
 * `created`) becomes visible. */
bool berthi_cm_check_visible(berthi_cm_types *s, berthi_cm_scope *scope, bool is_import,
                             uint8_t sort, const berthi_cm_type *type,
                             const berthi_cm_type *created);

#endif
