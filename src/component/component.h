/* component/component.h - component binaries: what they define, and whether they may.
 *
 * Two steps.  berthi_component_read() turns bytes into definitions in file order (reader.c,
 * read_types.c): it checks everything that the bytes alone say.  berthi_component_validate() walks
 * the definitions and gives every index a type (validate_*.c over types.h): it checks everything
 * that the standard asks of a component, so that no other validator is needed.  Nothing here runs a
 * component.
 *
 * Everything is held by the arena that the caller gives; names and core modules are lent from the
 * bytes, which must outlive it.  Errors read "SECTION section, entry N: RULE", behind
 * "component K: " for each component that the error is nested in, all counted from 0.
 *
 * Layer: component.  Read first: this file, then types.h. */
#ifndef BERTHI_COMPONENT_COMPONENT_H
#define BERTHI_COMPONENT_COMPONENT_H

#include <string.h>

#include "wasm/module.h"

enum {                                      /* what is taken at most */
       BERTHI_CM_NESTING_MAX = 32,          /* components within components */
       BERTHI_CM_TYPE_DEPTH_MAX = 100,      /* types within types */
       BERTHI_CM_DEFINITIONS_MAX = 1000000, /* in one file, declarators of types included */
       BERTHI_CM_SPACE_MAX = 1000,   /* modules, components, instances: each, in one scope */
       BERTHI_CM_LABELS_MAX = 10000, /* fields, cases, parameters of one type */
       BERTHI_CM_FLAGS_MAX = 32,
       BERTHI_CM_OPTIONS_MAX = 10,         /* of one canonical definition */
       BERTHI_CM_ITEMS_MAX = 100000,       /* arguments or exports of one instance */
       BERTHI_CM_FUNC_NODES_MAX = 100000,  /* of one function type, written out */
       BERTHI_CM_TYPE_NODES_MAX = 1000000, /* of any type, written out */
       BERTHI_CM_VALUE_BYTES_MAX = (1 << 28) - 1,
       BERTHI_CM_WORK_MAX = 50000000 /* steps of validation over types, in one file */
};

/* The index spaces. */
typedef enum berthi_cm_sort {
    BERTHI_CM_CORE_FUNC,
    BERTHI_CM_CORE_TABLE,
    BERTHI_CM_CORE_MEMORY,
    BERTHI_CM_CORE_GLOBAL,
    BERTHI_CM_CORE_TAG,
    BERTHI_CM_CORE_TYPE,
    BERTHI_CM_CORE_MODULE,
    BERTHI_CM_CORE_INSTANCE,
    BERTHI_CM_FUNC,
    BERTHI_CM_VALUE,
    BERTHI_CM_TYPE,
    BERTHI_CM_COMPONENT,
    BERTHI_CM_INSTANCE,
    BERTHI_CM_SORTS
} berthi_cm_sort;

/* Such as "core function", for messages. */
const char *berthi_cm_sort_name(berthi_cm_sort sort);

/* A value type as it is written: an index of a type, or less than 0 for a primitive (its byte,
 * negated), or BERTHI_CM_NONE. */
typedef int32_t berthi_cm_ref;
#define BERTHI_CM_NONE INT32_MIN

enum { /* bytes that start a type; also the kinds of types in types.h */
       BERTHI_CM_BOOL = 0x7f,
       BERTHI_CM_S8 = 0x7e,
       BERTHI_CM_U8 = 0x7d,
       BERTHI_CM_S16 = 0x7c,
       BERTHI_CM_U16 = 0x7b,
       BERTHI_CM_S32 = 0x7a,
       BERTHI_CM_U32 = 0x79,
       BERTHI_CM_S64 = 0x78,
       BERTHI_CM_U64 = 0x77,
       BERTHI_CM_F32 = 0x76,
       BERTHI_CM_F64 = 0x75,
       BERTHI_CM_CHAR = 0x74,
       BERTHI_CM_STRING = 0x73,
       BERTHI_CM_RECORD = 0x72,
       BERTHI_CM_VARIANT = 0x71,
       BERTHI_CM_LIST = 0x70,
       BERTHI_CM_TUPLE = 0x6f,
       BERTHI_CM_FLAGS = 0x6e,
       BERTHI_CM_ENUM = 0x6d,
       BERTHI_CM_OPTION = 0x6b,
       BERTHI_CM_RESULT = 0x6a,
       BERTHI_CM_OWN = 0x69,
       BERTHI_CM_BORROW = 0x68,
       BERTHI_CM_FIXED_LIST = 0x67,
       BERTHI_CM_STREAM = 0x66,
       BERTHI_CM_FUTURE = 0x65,
       BERTHI_CM_ERROR_CONTEXT = 0x64,
       BERTHI_CM_MAP = 0x63,
       BERTHI_CM_ASYNC_FUNC_TYPE = 0x43,
       BERTHI_CM_INSTANCE_TYPE = 0x42,
       BERTHI_CM_COMPONENT_TYPE = 0x41,
       BERTHI_CM_FUNC_TYPE = 0x40,
       BERTHI_CM_RESOURCE_TYPE = 0x3f
};

typedef struct berthi_cm_attributes {
    bool has_implements, has_version_suffix, has_external_id;
    berthi_name implements, version_suffix, external_id;
} berthi_cm_attributes;

static inline bool berthi_cm_same_name(berthi_name a, berthi_name b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.text, b.text, a.size) == 0);
}

/* What an import, an export or a declarator says that it is. */
typedef struct berthi_cm_bound {
    uint8_t sort;         /* CORE_MODULE, FUNC, TYPE, COMPONENT or INSTANCE */
    bool is_sub_resource; /* of a type: an abstract resource; else equal to `index` */
    uint32_t index;       /* in the space of types, or of core types for a core module */
} berthi_cm_bound;

/* An argument of an instantiation, or an export of an instance made in place. */
typedef struct berthi_cm_item {
    berthi_name name;
    const berthi_cm_attributes *attributes; /* NULL: none */
    uint8_t sort;
    uint32_t index;
} berthi_cm_item;

typedef struct berthi_cm_label { /* a field, case, parameter, flag or element */
    berthi_name name;
    berthi_cm_ref type;
} berthi_cm_label;

typedef struct berthi_cm_type_def {
    uint8_t code;    /* BERTHI_CM_*: how the type starts */
    uint32_t count;  /* of labels or of declarators */
    uint32_t length; /* of a fixed list */
    uint32_t index;  /* own, borrow: the resource; resource: the destructor */
    bool has_destructor;
    berthi_cm_ref first,
        second; /* element; ok and error; key and value; first: a func's result */
    const berthi_cm_label *labels;
    const struct berthi_cm_def *decls;
} berthi_cm_type_def;

enum berthi_cm_core_decl {
    BERTHI_CM_DECL_IMPORT,
    BERTHI_CM_DECL_TYPE,
    BERTHI_CM_DECL_ALIAS,
    BERTHI_CM_DECL_EXPORT
};

typedef struct berthi_cm_core_decl_def {
    uint8_t kind;             /* enum berthi_cm_core_decl */
    uint8_t extern_kind;      /* BERTHI_EXTERN_* of an import or export */
    uint32_t index, outer;    /* the type of a function; what an alias names */
    berthi_name module, name; /* `module` for imports */
    berthi_functype type;
    berthi_wasm_table table;
    berthi_wasm_size memory;
    berthi_wasm_global global;
} berthi_cm_core_decl_def;

typedef struct berthi_cm_core_type_def {
    bool is_module;
    berthi_functype type; /* of a function */
    uint32_t count;
    const berthi_cm_core_decl_def *decls; /* of a module */
} berthi_cm_core_type_def;

enum berthi_cm_encoding { BERTHI_CM_UTF8, BERTHI_CM_UTF16, BERTHI_CM_LATIN1_UTF16 };

typedef struct berthi_cm_options {
    uint8_t encoding;
    bool has_encoding, has_memory, has_realloc, has_post_return, is_async, has_callback;
    uint32_t memory, realloc, post_return, callback;
} berthi_cm_options;

enum { /* canonical definitions with a meaning of their own here; others are known by their byte */
       BERTHI_CM_LIFT = 0x00,
       BERTHI_CM_LOWER = 0x01,
       BERTHI_CM_RESOURCE_NEW = 0x02,
       BERTHI_CM_RESOURCE_DROP = 0x03,
       BERTHI_CM_RESOURCE_REP = 0x04,
       BERTHI_CM_ERROR_CONTEXT_NEW = 0x1c,
       BERTHI_CM_ERROR_CONTEXT_DEBUG_MESSAGE = 0x1d,
       BERTHI_CM_ERROR_CONTEXT_DROP = 0x1e
};

typedef struct berthi_cm_canon {
    uint8_t code;
    bool flag;              /* async or cancellable, where the definition has such a byte */
    uint8_t value_type;     /* of context.get and context.set */
    berthi_cm_ref result;   /* of task.return */
    uint32_t first, second; /* indices, in the order of the format; of lift: function, type */
    berthi_cm_options options;
} berthi_cm_canon;

enum berthi_cm_def_kind {
    BERTHI_CM_DEF_MODULE,
    BERTHI_CM_DEF_CORE_INSTANCE,
    BERTHI_CM_DEF_CORE_TYPE,
    BERTHI_CM_DEF_COMPONENT,
    BERTHI_CM_DEF_INSTANCE,
    BERTHI_CM_DEF_ALIAS,
    BERTHI_CM_DEF_TYPE,
    BERTHI_CM_DEF_CANON,
    BERTHI_CM_DEF_IMPORT,
    BERTHI_CM_DEF_EXPORT
};

enum berthi_cm_alias {
    BERTHI_CM_ALIAS_EXPORT,
    BERTHI_CM_ALIAS_CORE_EXPORT,
    BERTHI_CM_ALIAS_OUTER
};

/* One definition of a component, or one declarator of a component or instance type. */
typedef struct berthi_cm_def {
    uint8_t kind;        /* enum berthi_cm_def_kind */
    uint8_t sort;        /* what an alias or an export names */
    uint8_t form;        /* alias: enum berthi_cm_alias */
    bool is_instantiate; /* of an instance; else it is made of exports in place */
    bool has_bound;      /* of an export: a type is ascribed */
    uint32_t entry;      /* its number in its section */
    uint32_t at;         /* byte */
    uint32_t index;      /* module, component, instance or definition that it names */
    uint32_t outer;      /* of an outer alias: scopes outwards */
    uint32_t count;      /* of items */
    berthi_cm_bound bound;
    berthi_name name;
    const berthi_cm_attributes *attributes; /* NULL: none */
    union {
        const berthi_wasm_info *module;
        const struct berthi_cm_component *component;
        const berthi_cm_item *items;
        const berthi_cm_type_def *type;
        const berthi_cm_core_type_def *core_type;
        const berthi_cm_canon *canon;
    } u;
} berthi_cm_def;

/* A component: a closure once it meets the scopes that it is nested in. */
typedef struct berthi_cm_component {
    uint32_t at, size; /* bytes */
    uint32_t count;
    const berthi_cm_def *defs; /* in file order */
} berthi_cm_component;

/* Reads a component binary.
 * Fails: BERTH_E_REJECTED (malformed, or in need of something that nobody here provides), BERTH_E_LIMIT
 * (one of the bounds above), BERTH_E_NOMEM. */
berth_status berthi_component_read(const uint8_t *bytes, size_t size, berthi_arena *arena,
                                   const berthi_cm_component **component_out, berth_diag *diag)
    __attribute__((warn_unused_result));

/* Checks that component against every rule of validation.  Fails like berthi_component_read(). */
berth_status berthi_component_validate(const berthi_cm_component *component,
                                       berthi_arena *arena, berth_diag *diag)
    __attribute__((warn_unused_result));

#endif
