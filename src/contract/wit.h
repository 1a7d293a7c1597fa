/* contract/wit.h - WIT text, read and resolved: the types that contracts are made of.
 *
 * This directory reads WIT.  Text becomes a syntax tree (wit_lex.c, wit_parse*.c), names are looked
 * up and packages, interfaces and worlds put in order (wit_resolve.c, wit_order.c), and what comes
 * out is the model below (wit_types.c, wit_funcs.c, wit_worlds.c).  It knows nothing of components;
 * it may use base and os.
 *
 * The model is index based: a type, interface, world or package is named by its place in the
 * arrays of berthi_wit, and what a type refers to has a lower index than the type.  Types without
 * a name are made once each, so that two of the same structure have the same index.  Names are
 * terminated, and equal names are the same pointer.  Everything is held by the arena that the
 * caller gives; the texts may be gone.
 *
 * Errors read "FILE:LINE:COLUMN: WHAT; did you mean `NAME`?", and show the line with a caret.
 *
 * Grammar: design/mvp/WIT.md of the component model's repository.  Read first: this file, then
 * wit_tree.h.  Layer: contract. */
#ifndef BERTHI_CONTRACT_WIT_H
#define BERTHI_CONTRACT_WIT_H

#include "base/alloc.h"
#include "base/text_buf.h"

enum {                                   /* what is taken at most (I8) */
       BERTHI_WIT_SOURCES_MAX = 1000,    /* files */
       BERTHI_WIT_BYTES_MAX = 4 << 20,   /* of all files together */
       BERTHI_WIT_BINARY_MAX = 32 << 20, /* of one file in binary form */
       BERTHI_WIT_TOKENS_MAX = 400000,   /* in all files together */
       BERTHI_WIT_NAME_MAX = 256,        /* bytes of an identifier, or of a version */
       BERTHI_WIT_NESTING_MAX = 100,     /* types within types, through names too */
       BERTHI_WIT_ITEMS_MAX = 10000,     /* fields, cases or parameters of one type */
       BERTHI_WIT_FLAGS_MAX = 32,
       BERTHI_WIT_TYPES_MAX = 100000, /* of one model */
       BERTHI_WIT_EXTERNS_MAX =
           100000, /* imports and exports of all worlds, `include` expanded */
       BERTHI_WIT_WORK_MAX = 10000000 /* steps that includes and needs of worlds take */
};

#define BERTHI_WIT_NONE UINT32_MAX

typedef enum berthi_wit_kind {
    /* primitives: the index of the type is its kind */
    BERTHI_WIT_BOOL,
    BERTHI_WIT_S8,
    BERTHI_WIT_U8,
    BERTHI_WIT_S16,
    BERTHI_WIT_U16,
    BERTHI_WIT_S32,
    BERTHI_WIT_U32,
    BERTHI_WIT_S64,
    BERTHI_WIT_U64,
    BERTHI_WIT_F32,
    BERTHI_WIT_F64,
    BERTHI_WIT_CHAR,
    BERTHI_WIT_STRING,
    BERTHI_WIT_ERROR_CONTEXT,
    BERTHI_WIT_PRIMITIVES,
    /* always named */
    BERTHI_WIT_RECORD = BERTHI_WIT_PRIMITIVES, /* items: fields */
    BERTHI_WIT_VARIANT,                        /* items: cases, type NONE without a payload */
    BERTHI_WIT_ENUM,                           /* items: cases */
    BERTHI_WIT_FLAGS,                          /* items: flags */
    BERTHI_WIT_RESOURCE,
    BERTHI_WIT_ALIAS, /* `type t = ...` and `use`: element is what it stands for */
    /* never named */
    BERTHI_WIT_TUPLE,      /* items without names */
    BERTHI_WIT_LIST,       /* of element */
    BERTHI_WIT_FIXED_LIST, /* length times element */
    BERTHI_WIT_OPTION,     /* of element */
    BERTHI_WIT_RESULT,     /* ok: element, error: second; either may be NONE */
    BERTHI_WIT_MAP,        /* key: element, value: second */
    BERTHI_WIT_OWN,        /* element: the resource, or an alias of it */
    BERTHI_WIT_BORROW,
    BERTHI_WIT_STREAM, /* element may be NONE */
    BERTHI_WIT_FUTURE
} berthi_wit_kind;

/* What stands in front of an item; each may be NULL. */
typedef struct berthi_wit_gate {
    const char *since;      /* a version */
    const char *unstable;   /* a feature; items whose feature is not asked for are left out */
    const char *deprecated; /* a version */
} berthi_wit_gate;

/* A field, case, flag, parameter or part of a tuple. */
typedef struct berthi_wit_item {
    const char *name; /* NULL: a tuple's */
    const char *docs; /* NULL: none */
    uint32_t type;    /* NONE: a case without payload, a flag */
} berthi_wit_item;

typedef enum berthi_wit_owner {
    BERTHI_WIT_OWNER_NONE, /* types without a name */
    BERTHI_WIT_OWNER_INTERFACE,
    BERTHI_WIT_OWNER_WORLD
} berthi_wit_owner;

typedef struct berthi_wit_type {
    uint8_t kind;                  /* a berthi_wit_kind */
    uint8_t depth;                 /* types within, aliases not counted; at most NESTING_MAX */
    uint8_t owner_kind;            /* a berthi_wit_owner */
    bool has_borrow, has_resource; /* somewhere in it; has_resource: a handle or a resource */
    bool is_used;                  /* an alias that comes from a `use` */
    uint32_t owner;                /* of owner_kind */
    uint32_t canon;                /* what it is behind all aliases; itself when it is none */
    uint32_t element, second, length;
    uint32_t items_count;
    const berthi_wit_item *items;
    const char *name; /* NULL: none */
    const char *docs, *external_id;
    berthi_wit_gate gate;
} berthi_wit_type;

typedef enum berthi_wit_func_kind {
    BERTHI_WIT_FREE,
    BERTHI_WIT_METHOD, /* parameter 0 is `self`, a borrow of the resource */
    BERTHI_WIT_STATIC,
    BERTHI_WIT_CONSTRUCTOR
} berthi_wit_func_kind;

typedef struct berthi_wit_func {
    const char *name;  /* as components name it, such as `[method]conn.send` */
    const char *plain; /* such as `send`; of a constructor: the resource's name */
    uint8_t kind;      /* a berthi_wit_func_kind */
    bool is_async;
    uint32_t resource; /* NONE: of a free function */
    uint32_t params_count;
    const berthi_wit_item *params;
    uint32_t result; /* NONE: nothing */
    const char *docs, *external_id;
    berthi_wit_gate gate;
} berthi_wit_func;

typedef struct berthi_wit_interface {
    const char *name; /* NULL: written inline in a world, under the import's or export's name */
    const char *id;   /* such as `wasi:io/poll@0.2.12`; NULL: inline */
    uint32_t package;
    uint32_t types_count, funcs_count, uses_count;
    const uint32_t *types; /* named types, used ones too: by the text, behind what they need */
    const berthi_wit_func *funcs; /* those of resources first, else in the order of the text */
    const uint32_t *uses;         /* interfaces that its `use` statements name, ascending */
    const char *docs;
    berthi_wit_gate gate;
} berthi_wit_interface;

typedef enum berthi_wit_extern_kind {
    BERTHI_WIT_EXTERN_INTERFACE,
    BERTHI_WIT_EXTERN_FUNC,
    BERTHI_WIT_EXTERN_TYPE /* imports only */
} berthi_wit_extern_kind;

/* An import or export of a world. */
typedef struct berthi_wit_extern {
    uint8_t kind;     /* a berthi_wit_extern_kind */
    bool is_plain;    /* an interface under a name of its own: inline, or `name: interface` */
    bool is_implied;  /* an import that only a `use` or an export asks for */
    const char *name; /* as components name it */
    uint32_t index;   /* of the interface or type */
    const berthi_wit_func *func;
    const char *docs, *external_id;
    berthi_wit_gate gate;
} berthi_wit_extern;

/* `include` is expanded; interfaces that imports and exports need are imported, each behind what it
 * needs itself. */
typedef struct berthi_wit_world {
    const char *name, *id;
    uint32_t package;
    uint32_t imports_count, exports_count;
    const berthi_wit_extern *imports, *exports;
    const char *docs;
    berthi_wit_gate gate;
} berthi_wit_world;

typedef struct berthi_wit_package {
    const char *space, *name; /* `wasi`, `io` */
    const char *version;      /* NULL: none */
    const char *id;           /* `wasi:io@0.2.12` */
    uint32_t interfaces_count, worlds_count;
    const uint32_t *interfaces, *worlds; /* each behind what it needs, else by the text */
    const char *docs;
} berthi_wit_package;

typedef struct berthi_wit {
    uint32_t types_count, interfaces_count, worlds_count, packages_count;
    berthi_wit_type *types;
    berthi_wit_interface *interfaces; /* what an interface uses has a lower index */
    berthi_wit_world *worlds;
    berthi_wit_package *packages; /* what a package refers to has a lower index */
    uint32_t root;                /* the package that was asked for */
    const uint32_t *listed;       /* packages, the root and then the others by their ids */
} berthi_wit;

/* Appends the WIT that a binary carries as text; component/wit/wit_decode.h has one. */
typedef berth_status berthi_wit_decode(const uint8_t *bytes, size_t size,
                                       const berth_allocator *a, berthi_text_buf *out,
                                       berth_diag *diag);

typedef struct berthi_wit_options {
    const char *const *features; /* `@unstable` items of these are there */
    uint32_t features_count;
    bool has_all_features;
    berthi_wit_decode *decode; /* of files in .wasm; NULL: they are passed over */
} berthi_wit_options;

/* One file.  `path` is for messages.  Its package must be named in it; other packages that it
 * refers to stand in it too, as `package a:b { ... }`.  `options` may be NULL.
 * BERTH_E_REJECTED, BERTH_E_LIMIT or BERTH_E_NOMEM. */
berth_status berthi_wit_read_text(const char *path, const char *text, size_t size,
                                  const berthi_wit_options *options, berthi_arena *arena,
                                  const berthi_wit **model_out, berth_diag *diag)
    __attribute__((warn_unused_result));

/* Files and folders (wit_files.c).  The last path is the package that is asked for, the others give
 * packages that it may refer to.  Fails besides: BERTH_E_OS, BERTH_E_INVALID, BERTH_E_STATE. */
berth_status berthi_wit_read_paths(const char *const *paths, uint32_t count,
                                   const berthi_wit_options *options, berthi_arena *arena,
                                   const berthi_wit **model_out, berth_diag *diag)
    __attribute__((warn_unused_result));

/* By its id, `ns:pkg/name@1.2.3`; without the version when one package of that name is there; or by
 * its bare name in the root package.  NULL: none. */
const berthi_wit_interface *berthi_wit_find_interface(const berthi_wit *model,
                                                      const char *name);
const berthi_wit_world *berthi_wit_find_world(const berthi_wit *model, const char *name);

/* The same, or the only one of the root package for NULL.  Fails: BERTH_E_ABSENT. */
berth_status berthi_wit_choose_world(const berthi_wit *model, const char *name,
                                     const berthi_wit_world **world_out, berth_diag *diag)
    __attribute__((warn_unused_result));

/* By its component name.  NULL: none. */
const berthi_wit_func *berthi_wit_find_func(const berthi_wit_interface *interface,
                                            const char *name);

/* BERTHI_WIT_NONE: none. */
uint32_t berthi_wit_find_type(const berthi_wit *model, const berthi_wit_interface *interface,
                              const char *name);

/* Such as "list" or "u8". */
const char *berthi_wit_kind_name(berthi_wit_kind kind);

#endif
