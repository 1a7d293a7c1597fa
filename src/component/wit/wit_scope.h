/* component/wit/wit_scope.h - index spaces of types and instances, by the names that WIT has for them.
 * Layer: component. */
#ifndef BERTHI_COMPONENT_WIT_SCOPE_H
#define BERTHI_COMPONENT_WIT_SCOPE_H

#include "base/diag.h"
#include "component/component.h"

typedef enum wit_entry_kind {
    WIT_ENTRY_PLAIN,  /* a type that is written out */
    WIT_ENTRY_NAMED,  /* the scope has a name for it */
    WIT_ENTRY_FOREIGN /* `name` of `interface` */
} wit_entry_kind;

struct wit_scope;

typedef struct wit_entry {
    uint8_t kind; /* a wit_entry_kind */
    berthi_name name, interface;
    const berthi_cm_type_def *type; /* of a plain one */
    const struct wit_scope *scope;  /* that its parts are counted in */
} wit_entry;

/* One component, component type or instance type. */
typedef struct wit_scope {
    const struct wit_scope *parent;
    const berthi_cm_def *decls;
    uint32_t decls_count;
    uint32_t types_count, instances_count;
    wit_entry *types;
    berthi_name *instances;
} wit_scope;

typedef struct wit_scopes {
    berthi_arena *arena;
    berth_diag *diag;
    berth_status status;
    uint32_t decls_left; /* of all scopes that are made */
} wit_scopes;

enum { BERTHI_WIT_SCOPES_DECLS_MAX = 2000000 };

/* Records the first failure: "`name` what".  Always false. */
bool berthi_wit_scopes_fail(wit_scopes *s, berth_status status, const char *what,
                            berthi_name name);

/* NULL: failed. */
const wit_scope *berthi_wit_scope_make(wit_scopes *s, const wit_scope *parent,
                                       const berthi_cm_def *decls, uint32_t count);

/* Of a component or instance type. */
const wit_scope *berthi_wit_scope_inside(wit_scopes *s, const wit_entry *entry);

/* The component that a core module carries in its first section "component-type..."; a component is
 * left as it is. */
berth_status berthi_wit_scopes_find(const uint8_t **bytes, size_t *size, berthi_arena *arena,
                                    berth_diag *diag);

#endif
