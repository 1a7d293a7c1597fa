/* contract/wit_tree.h - WIT text as a syntax tree, and what reading it needs.  Layer: contract.
 *
 * The tree lives in the reader's scratch arena and is gone when the model is made.  Names in it
 * are interned in the model's arena: they outlive the tree and are compared as pointers.  The
 * first failure sticks; functions then answer false or NULL and callers just return. */
#ifndef BERTHI_CONTRACT_WIT_TREE_H
#define BERTHI_CONTRACT_WIT_TREE_H

#include "base/diag.h"
#include "base/text_buf.h"
#include "contract/wit.h"
#include "contract/wit_words.h"

/* ---------------------------------------------------------------- tables */

/* From a pointer and a number to a pointer. */
typedef struct wit_map {
    struct wit_map_entry *entries;
    uint32_t count, room; /* room is a power of two, or 0 */
} wit_map;

typedef struct wit_symbol {
    const char *text;
    uint32_t size, hash;
} wit_symbol;

/* ---------------------------------------------------------------- reader */

typedef struct wit_source {
    const char *path;
    const char *text;
    uint32_t size;
    bool is_decoded; /* from a binary, which has parts of other packages in it */
} wit_source;

/* A place in the texts. */
typedef struct wit_at {
    uint32_t source, offset, size;
} wit_at;

typedef struct wit_reader {
    berthi_arena *arena;  /* the model's */
    berthi_arena scratch; /* the tree's */
    const berthi_wit_options *options;
    berth_diag *diag;
    berth_status status;
    wit_source *sources;
    uint32_t sources_count;
    uint32_t tokens_left, bytes_left;
    wit_symbol *symbols; /* slots */
    uint32_t symbols_count, symbols_room;
    wit_map names; /* (scope, name) -> what is declared there */
    uint32_t scopes;
    struct wit_package *packages, **packages_tail;
    uint32_t packages_count;
    struct wit_package *root;
    /* resolving */
    berthi_wit *model;
    uint32_t types_room, interfaces_room, worlds_room;
    uint32_t externs_left, work_left;
    uint32_t *renamed, *renamed_epoch; /* wit_worlds.c: by type */
    uint32_t renamed_room, epoch;
    wit_map externs; /* (scope, name) -> imports and exports of worlds */
    uint32_t *marks; /* wit_needs.c: by interface */
    void *visits, *written;
    uint32_t *type_slots; /* anonymous types by structure; index + 1 */
    uint32_t type_slots_room, type_slots_count;
} wit_reader;

/* Records the first failure, with the line shown.  Always false. */
bool berthi_wit_fail(wit_reader *r, wit_at at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool berthi_wit_fail_limit(wit_reader *r, wit_at at, const char *what, unsigned limit);
bool berthi_wit_fail_memory(wit_reader *r);

void *berthi_wit_scratch(wit_reader *r, size_t count, size_t size); /* zeroed; NULL: failed */
void *berthi_wit_model(wit_reader *r, size_t count, size_t size);
const char *berthi_wit_intern(wit_reader *r, const char *text, size_t size);
/* The name as it counts for being strongly unique: lower case, without hyphens. */
const char *berthi_wit_intern_folded(wit_reader *r, const char *name);

uint32_t berthi_wit_new_scope(wit_reader *r);
void *berthi_wit_lookup(const wit_map *map, uint32_t scope, const char *name);
/* False: failed. */
bool berthi_wit_put(wit_reader *r, wit_map *map, uint32_t scope, const char *name, void *value);

/* A name for messages, cut to a few dozen bytes. */
typedef struct wit_shown {
    char text[72];
} wit_shown;
wit_shown berthi_wit_show(const char *name);

/* ---------------------------------------------------------------- tokens */

typedef enum wit_token_kind {
    WIT_END,
    WIT_ID,
    WIT_STRING,
    WIT_INTEGER,
    WIT_EQUALS,
    WIT_COMMA,
    WIT_COLON,
    WIT_SEMICOLON,
    WIT_PAREN,
    WIT_PAREN_END,
    WIT_BRACE,
    WIT_BRACE_END,
    WIT_ANGLE,
    WIT_ANGLE_END,
    WIT_STAR,
    WIT_SLASH,
    WIT_DOT,
    WIT_AT,
    WIT_ARROW,
    WIT_UNDERSCORE,
    /* keywords, in the order of wit_lex.c's table */
    WIT_AS,
    WIT_ASYNC,
    WIT_BOOL,
    WIT_BORROW,
    WIT_CHAR,
    WIT_CONSTRUCTOR,
    WIT_ENUM,
    WIT_ERROR_CONTEXT,
    WIT_EXPORT,
    WIT_F32,
    WIT_F64,
    WIT_FLAGS,
    WIT_FROM,
    WIT_FUNC,
    WIT_FUTURE,
    WIT_IMPORT,
    WIT_INCLUDE,
    WIT_INTERFACE,
    WIT_LIST,
    WIT_MAP,
    WIT_OPTION,
    WIT_OWN,
    WIT_PACKAGE,
    WIT_RECORD,
    WIT_RESOURCE,
    WIT_RESULT,
    WIT_S16,
    WIT_S32,
    WIT_S64,
    WIT_S8,
    WIT_STATIC,
    WIT_STREAM,
    WIT_STRING_TYPE,
    WIT_TUPLE,
    WIT_TYPE,
    WIT_U16,
    WIT_U32,
    WIT_U64,
    WIT_U8,
    WIT_USE,
    WIT_VARIANT,
    WIT_WITH,
    WIT_WORLD,
    WIT_TOKEN_KINDS
} wit_token_kind;

typedef struct wit_token {
    wit_token_kind kind;
    uint32_t offset, size;
    uint32_t docs, docs_end; /* doc comments between the token before and this one; or 0, 0 */
    bool is_escaped;         /* %id */
} wit_token;

typedef struct wit_lexer {
    wit_reader *reader;
    const char *text;
    uint32_t source, size, at; /* at: behind `token` */
    wit_token token;           /* the next one, not taken yet */
} wit_lexer;

/* Checks the characters of the whole source and reads its first token. */
bool berthi_wit_lex_start(wit_lexer *l, wit_reader *r, uint32_t source);
bool berthi_wit_lex_next(wit_lexer *l);
/* Reads `1.2.3-pre+build` where `token` starts; its text is interned. */
const char *berthi_wit_lex_version(wit_lexer *l, wit_at *at_out);
/* Decodes a string literal, the current token. */
const char *berthi_wit_lex_string(wit_lexer *l);
/* Text of doc comments in the model's arena, or NULL. */
const char *berthi_wit_lex_docs(wit_lexer *l, const wit_token *token);
/* "keyword `type`", "`;`", "an identifier", for messages. */
const char *berthi_wit_token_text(wit_token_kind kind);
wit_at berthi_wit_here(const wit_lexer *l);
/* Unicode deprecates these characters, or strongly advises against them. */
bool berthi_wit_is_discouraged(uint32_t c);
/* Its kind when it is a keyword, else WIT_ID. */
wit_token_kind berthi_wit_keyword(const char *text, size_t size);
const char *berthi_wit_keyword_at(unsigned index); /* NULL past the last one */

/* ---------------------------------------------------------------- tree */

typedef struct wit_name {
    const char *text;
    wit_at at;
} wit_name;

/* Two names that are the same but for case and hyphens stand together.  Always false. */
bool berthi_wit_fail_twice(wit_reader *r, const wit_name *name, const char *other);

typedef struct wit_gate {
    berthi_wit_gate gate;
    wit_at since_at;
    bool is_out; /* its feature is not asked for */
} wit_gate;

/* Of what has to be made behind what it refers to. */
typedef enum wit_state { WIT_NEW, WIT_STARTED, WIT_DONE } wit_state;

typedef enum wit_wants { WIT_WANTS_INTERFACE, WIT_WANTS_WORLD } wit_wants;

/* `name`, or `space:package/name@version`. */
typedef struct wit_path {
    wit_name space, package, name;
    const char *version;
    wit_at at;
    wit_wants wants;
    bool is_out;
    struct wit_decl *target;
    struct wit_path *next; /* in the same declaration */
} wit_path;

typedef struct wit_type {
    uint8_t kind; /* berthi_wit_kind; BERTHI_WIT_ALIAS: the name of a type */
    wit_name name;
    wit_at at;
    uint32_t length, count;
    struct wit_type *first, *second; /* of a tuple: the first of `next` */
    struct wit_type *next;
    struct wit_type *next_ref;     /* names in the same definition */
    struct wit_def *user, *target; /* that definition, and the one that is named */
    struct wit_type *next_user;    /* names of the same target */
} wit_type;

/* Field, case, flag, parameter; of an include's `with`: the old name, and the new one in `as`. */
typedef struct wit_item {
    wit_name name, as;
    const char *docs;
    wit_type *type;
    bool was_found;
    struct wit_item *next;
} wit_item;

typedef enum wit_def_kind {
    WIT_DEF_TYPE,   /* type, record, variant, enum, flags, resource */
    WIT_DEF_USE,    /* one name of a use */
    WIT_DEF_FUNC,   /* of an interface */
    WIT_DEF_EXTERN, /* import or export of a world */
    WIT_DEF_INCLUDE
} wit_def_kind;

/* What stands in an interface or world. */
typedef struct wit_def {
    wit_def_kind kind;
    wit_name name;
    wit_gate gate;
    const char *docs, *external_id;
    struct wit_def *next;
    /* types */
    uint8_t type_kind; /* berthi_wit_kind */
    wit_type *type;    /* of an alias */
    wit_item *items;
    uint32_t items_count;
    struct wit_def *funcs; /* of a resource; WIT_DEF_FUNC */
    wit_type *refs;
    uint32_t order, waits; /* among the types of the text; for so many others */
    wit_type *users;       /* names of this one */
    uint32_t index;        /* in the model */
    /* use, include, an import or export of an interface */
    wit_path *path;
    wit_name used; /* the name in the other interface */
    /* functions */
    uint8_t func_kind; /* berthi_wit_func_kind */
    bool is_async;
    wit_item *params;
    uint32_t params_count;
    wit_type *result;
    /* externs */
    uint8_t extern_kind; /* berthi_wit_extern_kind */
    bool is_export;
    struct wit_decl *inline_interface;
} wit_def;

typedef enum wit_decl_kind { WIT_DECL_INTERFACE, WIT_DECL_WORLD, WIT_DECL_USE } wit_decl_kind;

/* What stands at the top of a file or of a nested package. */
typedef struct wit_decl {
    wit_decl_kind kind;
    wit_name name;
    wit_gate gate;
    const char *docs;
    struct wit_file *file;
    wit_path *path; /* of a top-level use */
    wit_def *defs, **defs_tail;
    wit_path *paths;                  /* every path in it, those of inline interfaces too */
    uint32_t scope;                   /* of its types and functions, or imports */
    uint32_t folded;                  /* the same, folded */
    uint32_t exports, exports_folded; /* a world's */
    uint32_t index;                   /* in the model, when made */
    uint8_t state;
    uint32_t types_first, types_end; /* a world's own types and their parts lie in between */
    struct wit_decl *parent;         /* while its order is being found */
    wit_path *cursor;
    struct wit_decl *next;
} wit_decl;

/* The part of a package that one file, or one nested block, holds. */
typedef struct wit_file {
    struct wit_package *package;
    uint32_t scope; /* of its top-level names, uses included */
    wit_decl *decls, **decls_tail;
    struct wit_file *next;
} wit_file;

typedef struct wit_package {
    const char *space, *name, *version; /* NULL version: none */
    const char *id;
    wit_at at;
    const char *docs;
    wit_file *files, **files_tail;
    uint32_t scope; /* of its interfaces and worlds */
    bool has_name;
    bool is_partial;                  /* gives way to a whole package of that name */
    struct wit_package *next_version; /* of the same name */
    uint32_t index;                   /* in the model */
    uint8_t state;
    struct wit_package *parent;
    wit_file *file_cursor;
    wit_decl *decl_cursor;
    wit_path *path_cursor;
    struct wit_package *next;
} wit_package;

/* Reads one source into `package` (the package of its file or folder). */
bool berthi_wit_parse(wit_reader *r, uint32_t source, wit_package *package);
wit_package *berthi_wit_add_package(wit_reader *r);

/* wit_parse_defs.c: what stands in interfaces and worlds. */
typedef struct wit_parser {
    wit_lexer lexer;
    wit_reader *reader;
    wit_decl *decl;   /* the interface or world that is being read; paths go to it */
    wit_def *def;     /* the definition that is being read; names of types go to it */
    unsigned nesting; /* of types */
} wit_parser;

bool berthi_wit_parse_body(wit_parser *p, wit_decl *decl);
bool berthi_wit_parse_gate(wit_parser *p, wit_gate *gate_out, const char **external_id_out);
bool berthi_wit_parse_name(wit_parser *p, wit_name *name_out);
wit_path *berthi_wit_parse_path(wit_parser *p);
wit_type *berthi_wit_parse_type(wit_parser *p);
bool berthi_wit_take(wit_parser *p, wit_token_kind kind); /* taken when it is next */
bool berthi_wit_need(wit_parser *p, wit_token_kind kind);
bool berthi_wit_unexpected(wit_parser *p, const char *wanted); /* always false */
static inline wit_token_kind berthi_wit_next(const wit_parser *p)
{
    return p->lexer.token.kind;
}
static inline bool berthi_wit_is_bad(const wit_reader *r)
{
    return r->status != BERTH_OK;
}

/* wit_files.c: reads what the paths name into packages; the last one is the root. */
bool berthi_wit_load(wit_reader *r, const char *const *paths, uint32_t count);

/* ---------------------------------------------------------------- resolving */

/* wit_resolve.c: declares names, finds what paths name, and brings all in order. */
bool berthi_wit_resolve(wit_reader *r);

/* wit_intern_types.c: types in the model.  BERTHI_WIT_NONE: failed.  Items are taken as they are. */
uint32_t berthi_wit_add_type(wit_reader *r, const berthi_wit_type *draft, wit_at at);
uint32_t berthi_wit_intern_type(wit_reader *r, const berthi_wit_type *draft, wit_at at);
bool berthi_wit_add_primitives(wit_reader *r);

/* wit_types.c: the types of one interface or world, functions, and interfaces. */
bool berthi_wit_make_types(wit_reader *r, wit_decl *decl, berthi_wit_owner owner_kind,
                           uint32_t owner);
bool berthi_wit_make_func(wit_reader *r, wit_decl *decl, const wit_def *def,
                          const wit_def *resource, berthi_wit_func *func_out);
/* `[method]resource.plain`, `[constructor]resource`, `plain`. */
const char *berthi_wit_func_name(wit_reader *r, berthi_wit_func_kind kind, const char *resource,
                                 const char *plain);
bool berthi_wit_make_interface(wit_reader *r, wit_decl *decl, uint32_t package);

/* wit_worlds.c */
bool berthi_wit_make_world(wit_reader *r, wit_decl *decl, uint32_t package);
/* wit_needs.c: imports that imports, types and exports of a world need. */
typedef struct wit_extern {
    berthi_wit_extern draft;
    wit_at at;
    bool is_included;
    struct wit_extern *next;
} wit_extern;
typedef struct wit_externs {
    wit_extern *first, **tail;
    uint32_t count;
} wit_externs;
bool berthi_wit_add_needs(wit_reader *r, const wit_decl *world, const wit_externs *imports,
                          const wit_externs *exports, wit_externs *all_imports);
wit_extern *berthi_wit_append_extern(wit_reader *r, wit_externs *list,
                                     const berthi_wit_extern *draft, wit_at at);

#endif
