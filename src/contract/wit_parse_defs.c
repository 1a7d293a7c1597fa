/* wit_parse_defs.c - tokens to the tree: types, functions, and what else stands in interfaces and
 * worlds.  Layer: contract. */
#include "contract/wit_tree.h"

static wit_at span(wit_at from, wit_at to)
{
    return (wit_at){ from.source, from.offset, to.offset + to.size - from.offset };
}

/* ---------------------------------------------------------------- types */

static wit_type *new_type(wit_parser *p, uint8_t kind)
{
    wit_type *type = berthi_wit_scratch(p->reader, 1, sizeof *type);

    if (type != NULL) {
        type->kind = kind;
        type->at = berthi_wit_here(&p->lexer);
    }
    return type;
}

/* The name of a type, which goes to the definition that is being read. */
static wit_type *parse_type_name(wit_parser *p)
{
    wit_type *type = new_type(p, BERTHI_WIT_ALIAS);

    if (type == NULL || !berthi_wit_parse_name(p, &type->name))
        return NULL;
    if (p->def != NULL) {
        type->next_ref = p->def->refs;
        p->def->refs = type;
    }
    return type;
}

static bool is_map_key(const wit_type *type)
{
    return type->kind <= BERTHI_WIT_STRING && type->kind != BERTHI_WIT_F32 &&
           type->kind != BERTHI_WIT_F64;
}

/* `<` type [, type] `>`; *second may be NULL. */
static bool parse_arguments(wit_parser *p, wit_type **first, wit_type **second)
{
    if (!berthi_wit_need(p, WIT_ANGLE))
        return false;
    *first = berthi_wit_parse_type(p);
    if (*first == NULL)
        return false;
    if (second != NULL) {
        if (!berthi_wit_need(p, WIT_COMMA))
            return false;
        *second = berthi_wit_parse_type(p);
        if (*second == NULL)
            return false;
    }
    return berthi_wit_need(p, WIT_ANGLE_END);
}

static bool parse_length(wit_parser *p, wit_type *type)
{
    const wit_token *token = &p->lexer.token;
    uint64_t length = 0;

    if (token->kind != WIT_INTEGER)
        return berthi_wit_unexpected(p, "the length of the list");
    for (uint32_t i = 0; i < token->size && length <= UINT32_MAX; i++)
        length = 10 * length + (uint64_t)(p->lexer.text[token->offset + i] - '0');
    if (length == 0 || length > UINT32_MAX || p->lexer.text[token->offset] == '0')
        return berthi_wit_fail(p->reader, berthi_wit_here(&p->lexer),
                               "a list's length is 1 to 4294967295");
    type->kind = BERTHI_WIT_FIXED_LIST;
    type->length = (uint32_t)length;
    return berthi_wit_lex_next(&p->lexer);
}

static bool parse_list(wit_parser *p, wit_type *type)
{
    if (!berthi_wit_need(p, WIT_ANGLE))
        return false;
    type->first = berthi_wit_parse_type(p);
    if (type->first == NULL || (berthi_wit_take(p, WIT_COMMA) && !parse_length(p, type)))
        return false;
    return berthi_wit_need(p, WIT_ANGLE_END);
}

static bool parse_tuple(wit_parser *p, wit_type *type)
{
    wit_type **tail = &type->first;

    if (!berthi_wit_need(p, WIT_ANGLE))
        return false;
    while (berthi_wit_next(p) != WIT_ANGLE_END) {
        *tail = berthi_wit_parse_type(p);
        if (*tail == NULL)
            return false;
        tail = &(*tail)->next;
        if (++type->count > BERTHI_WIT_ITEMS_MAX)
            return berthi_wit_fail_limit(p->reader, type->at, "types in a tuple",
                                         BERTHI_WIT_ITEMS_MAX);
        if (!berthi_wit_take(p, WIT_COMMA))
            break;
    }
    if (type->count == 0 && berthi_wit_next(p) == WIT_ANGLE_END)
        return berthi_wit_fail(p->reader, type->at, "a tuple of nothing");
    return berthi_wit_need(p, WIT_ANGLE_END);
}

/* `result`, `result<t>`, `result<_, t>` or `result<t, t>`. */
static bool parse_result(wit_parser *p, wit_type *type)
{
    if (!berthi_wit_take(p, WIT_ANGLE))
        return !berthi_wit_is_bad(p->reader);
    if (berthi_wit_take(p, WIT_UNDERSCORE)) {
        if (!berthi_wit_need(p, WIT_COMMA))
            return false;
    } else {
        type->first = berthi_wit_parse_type(p);
        if (type->first == NULL)
            return false;
        if (!berthi_wit_take(p, WIT_COMMA))
            return berthi_wit_need(p, WIT_ANGLE_END);
    }
    type->second = berthi_wit_parse_type(p);
    return type->second != NULL && berthi_wit_need(p, WIT_ANGLE_END);
}

static bool parse_map(wit_parser *p, wit_type *type)
{
    if (!parse_arguments(p, &type->first, &type->second))
        return false;
    return is_map_key(type->first) ||
           berthi_wit_fail(p->reader, type->first->at,
                           "the key of a map is bool, an integer, char or string");
}

/* `stream` or `stream<t>`. */
static bool parse_channel(wit_parser *p, wit_type *type)
{
    return berthi_wit_next(p) != WIT_ANGLE || parse_arguments(p, &type->first, NULL);
}

static bool parse_handle(wit_parser *p, wit_type *type)
{
    if (!berthi_wit_need(p, WIT_ANGLE))
        return false;
    type->first = parse_type_name(p);
    return type->first != NULL && berthi_wit_need(p, WIT_ANGLE_END);
}

/* The kind of type that a keyword starts; BERTHI_WIT_ALIAS: none. */
static berthi_wit_kind kind_of(wit_token_kind token)
{
    static const struct {
        wit_token_kind token;
        berthi_wit_kind kind;
    } kinds[] = {
        { WIT_BOOL, BERTHI_WIT_BOOL },
        { WIT_S8, BERTHI_WIT_S8 },
        { WIT_U8, BERTHI_WIT_U8 },
        { WIT_S16, BERTHI_WIT_S16 },
        { WIT_U16, BERTHI_WIT_U16 },
        { WIT_S32, BERTHI_WIT_S32 },
        { WIT_U32, BERTHI_WIT_U32 },
        { WIT_S64, BERTHI_WIT_S64 },
        { WIT_U64, BERTHI_WIT_U64 },
        { WIT_F32, BERTHI_WIT_F32 },
        { WIT_F64, BERTHI_WIT_F64 },
        { WIT_CHAR, BERTHI_WIT_CHAR },
        { WIT_STRING_TYPE, BERTHI_WIT_STRING },
        { WIT_ERROR_CONTEXT, BERTHI_WIT_ERROR_CONTEXT },
        { WIT_TUPLE, BERTHI_WIT_TUPLE },
        { WIT_LIST, BERTHI_WIT_LIST },
        { WIT_OPTION, BERTHI_WIT_OPTION },
        { WIT_RESULT, BERTHI_WIT_RESULT },
        { WIT_MAP, BERTHI_WIT_MAP },
        { WIT_OWN, BERTHI_WIT_OWN },
        { WIT_BORROW, BERTHI_WIT_BORROW },
        { WIT_STREAM, BERTHI_WIT_STREAM },
        { WIT_FUTURE, BERTHI_WIT_FUTURE },
    };

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kinds[i].token == token)
            return kinds[i].kind;
    return BERTHI_WIT_ALIAS;
}

static bool parse_constructed(wit_parser *p, wit_type *type)
{
    switch (type->kind) {
    case BERTHI_WIT_TUPLE:
        return parse_tuple(p, type);
    case BERTHI_WIT_LIST:
        return parse_list(p, type);
    case BERTHI_WIT_OPTION:
        return parse_arguments(p, &type->first, NULL);
    case BERTHI_WIT_RESULT:
        return parse_result(p, type);
    case BERTHI_WIT_MAP:
        return parse_map(p, type);
    case BERTHI_WIT_OWN:
    case BERTHI_WIT_BORROW:
        return parse_handle(p, type);
    case BERTHI_WIT_STREAM:
    case BERTHI_WIT_FUTURE:
        return parse_channel(p, type);
    default:
        return true; /* a primitive */
    }
}

/* Calls itself for types within, at most BERTHI_WIT_NESTING_MAX deep. */
wit_type *berthi_wit_parse_type(wit_parser *p)
{
    berthi_wit_kind kind = kind_of(berthi_wit_next(p));
    wit_type *type;
    bool is_good;

    if (berthi_wit_next(p) == WIT_ID)
        return parse_type_name(p);
    if (kind == BERTHI_WIT_ALIAS) {
        berthi_wit_unexpected(p, "a type");
        return NULL;
    }
    if (p->nesting == BERTHI_WIT_NESTING_MAX) {
        berthi_wit_fail_limit(p->reader, berthi_wit_here(&p->lexer), "types within each other",
                              BERTHI_WIT_NESTING_MAX);
        return NULL;
    }
    type = new_type(p, (uint8_t)kind);
    if (type == NULL || !berthi_wit_lex_next(&p->lexer))
        return NULL;
    p->nesting++;
    is_good = parse_constructed(p, type);
    p->nesting--;
    return is_good ? type : NULL;
}

/* ---------------------------------------------------------------- items */

typedef enum item_form {
    ITEM_FIELD, /* name: type */
    ITEM_CASE,  /* name, or name(type) */
    ITEM_WORD   /* name */
} item_form;

static wit_item *parse_item(wit_parser *p, item_form form)
{
    wit_item *item = berthi_wit_scratch(p->reader, 1, sizeof *item);

    if (item == NULL)
        return NULL;
    item->docs = berthi_wit_lex_docs(&p->lexer, &p->lexer.token);
    if (!berthi_wit_parse_name(p, &item->name))
        return NULL;
    if (form == ITEM_WORD || (form == ITEM_CASE && berthi_wit_next(p) != WIT_PAREN))
        return item;
    if (!berthi_wit_need(p, form == ITEM_FIELD ? WIT_COLON : WIT_PAREN))
        return NULL;
    item->type = berthi_wit_parse_type(p);
    if (item->type == NULL || (form == ITEM_CASE && !berthi_wit_need(p, WIT_PAREN_END)))
        return NULL;
    return item;
}

/* Items between commas up to `end`, which is taken. */
static bool parse_items(wit_parser *p, item_form form, wit_token_kind end, unsigned most,
                        const char *what, wit_item **first_out, uint32_t *count_out)
{
    uint32_t folded = berthi_wit_new_scope(p->reader);
    wit_item **tail = first_out, *other;

    for (*count_out = 0; berthi_wit_next(p) != end; tail = &(*tail)->next) {
        const char *key;

        *tail = parse_item(p, form);
        if (*tail == NULL)
            return false;
        if (++*count_out > most)
            return berthi_wit_fail_limit(p->reader, (*tail)->name.at, what, most);
        key = berthi_wit_intern_folded(p->reader, (*tail)->name.text);
        other = key == NULL ? NULL : berthi_wit_lookup(&p->reader->names, folded, key);
        if (other != NULL)
            return berthi_wit_fail_twice(p->reader, &(*tail)->name, other->name.text);
        if (key == NULL || !berthi_wit_put(p->reader, &p->reader->names, folded, key, *tail))
            return false;
        if (!berthi_wit_take(p, WIT_COMMA))
            break;
    }
    return !berthi_wit_is_bad(p->reader) && berthi_wit_need(p, end);
}

/* ---------------------------------------------------------------- definitions */

static wit_def *add_def(wit_parser *p, wit_def_kind kind, const wit_def *head)
{
    wit_def *def = berthi_wit_scratch(p->reader, 1, sizeof *def);

    if (def == NULL)
        return NULL;
    *def = *head;
    def->kind = kind;
    def->index = BERTHI_WIT_NONE;
    *p->decl->defs_tail = def;
    p->decl->defs_tail = &def->next;
    return def;
}

/* Behind `func`: parameters and the result. */
static bool parse_signature(wit_parser *p, wit_def *func)
{
    if (!berthi_wit_need(p, WIT_PAREN) ||
        !parse_items(p, ITEM_FIELD, WIT_PAREN_END, BERTHI_WIT_ITEMS_MAX, "parameters",
                     &func->params, &func->params_count))
        return false;
    if (!berthi_wit_take(p, WIT_ARROW))
        return !berthi_wit_is_bad(p->reader);
    func->result = berthi_wit_parse_type(p);
    return func->result != NULL;
}

/* `get(` or `set(`, which other readers of WIT know. */
static bool is_accessor(const wit_parser *p)
{
    const wit_lexer *l = &p->lexer;

    return l->token.kind == WIT_ID && l->token.size == 3 && l->at < l->size &&
           l->text[l->at] == '(' && memcmp(l->text + l->token.offset + 1, "et", 2) == 0;
}

/* Behind the colon: `async? func(...)`. */
static bool parse_func_type(wit_parser *p, wit_def *func)
{
    if (is_accessor(p))
        return berthi_wit_fail(
            p->reader, berthi_wit_here(&p->lexer),
            "expected `func`; getters and setters are no part of WIT as it is read "
            "here");
    func->is_async = berthi_wit_take(p, WIT_ASYNC);
    return !berthi_wit_is_bad(p->reader) && berthi_wit_need(p, WIT_FUNC) &&
           parse_signature(p, func);
}

/* ---------------------------------------------------------------- resources */

static bool parse_constructor(wit_parser *p, wit_def *resource, wit_def *func)
{
    wit_at at = berthi_wit_here(&p->lexer);

    func->func_kind = BERTHI_WIT_CONSTRUCTOR;
    func->name = (wit_name){ resource->name.text, at };
    if (!berthi_wit_need(p, WIT_CONSTRUCTOR) || !parse_signature(p, func))
        return false;
    if (func->result != NULL && func->result->kind != BERTHI_WIT_RESULT)
        return berthi_wit_fail(p->reader, func->result->at,
                               "a constructor that says what it returns returns a `result`");
    if (func->result != NULL &&
        (func->result->first == NULL || func->result->first->kind != BERTHI_WIT_ALIAS ||
         func->result->first->name.text != resource->name.text))
        return berthi_wit_fail(
            p->reader, func->result->first == NULL ? func->result->at : func->result->first->at,
            "a constructor of `%s` returns `result<%s, ...>`",
            berthi_wit_show(resource->name.text).text,
            berthi_wit_show(resource->name.text).text);
    return berthi_wit_need(p, WIT_SEMICOLON);
}

static bool parse_method(wit_parser *p, wit_def *func)
{
    if (berthi_wit_next(p) != WIT_ID)
        return berthi_wit_unexpected(p, "`constructor` or the name of a function");
    if (!berthi_wit_parse_name(p, &func->name) || !berthi_wit_need(p, WIT_COLON))
        return false;
    func->func_kind = berthi_wit_take(p, WIT_STATIC) ? BERTHI_WIT_STATIC : BERTHI_WIT_METHOD;
    return !berthi_wit_is_bad(p->reader) && parse_func_type(p, func) &&
           berthi_wit_need(p, WIT_SEMICOLON);
}

static bool parse_resource_func(wit_parser *p, wit_def *resource, wit_def *func)
{
    wit_token first = p->lexer.token;

    func->kind = WIT_DEF_FUNC;
    p->def = NULL; /* a function's types need not be there before the resource */
    if (!berthi_wit_parse_gate(p, &func->gate, &func->external_id))
        return false;
    func->docs = berthi_wit_lex_docs(&p->lexer, &first);
    return berthi_wit_next(p) == WIT_CONSTRUCTOR ? parse_constructor(p, resource, func)
                                                 : parse_method(p, func);
}

static bool parse_resource(wit_parser *p, wit_def *def)
{
    wit_def **tail = &def->funcs;

    if (berthi_wit_next(p) == WIT_SEMICOLON || berthi_wit_next(p) != WIT_BRACE)
        return berthi_wit_need(p, WIT_SEMICOLON);
    if (!berthi_wit_need(p, WIT_BRACE))
        return false;
    while (berthi_wit_next(p) != WIT_BRACE_END) {
        *tail = berthi_wit_scratch(p->reader, 1, sizeof **tail);
        if (*tail == NULL || !parse_resource_func(p, def, *tail))
            return false;
        tail = &(*tail)->next;
    }
    return berthi_wit_need(p, WIT_BRACE_END);
}

/* ---------------------------------------------------------------- typedefs */

static bool parse_alias(wit_parser *p, wit_def *def)
{
    if (!berthi_wit_need(p, WIT_EQUALS))
        return false;
    def->type = berthi_wit_parse_type(p);
    return def->type != NULL && berthi_wit_need(p, WIT_SEMICOLON);
}

static bool parse_items_of(wit_parser *p, wit_def *def)
{
    static const struct {
        item_form form;
        unsigned most;
        const char *what;
    } forms[] = {
        [BERTHI_WIT_RECORD - BERTHI_WIT_RECORD] = { ITEM_FIELD, BERTHI_WIT_ITEMS_MAX,
                                                    "fields" },
        [BERTHI_WIT_VARIANT - BERTHI_WIT_RECORD] = { ITEM_CASE, BERTHI_WIT_ITEMS_MAX, "cases" },
        [BERTHI_WIT_ENUM - BERTHI_WIT_RECORD] = { ITEM_WORD, BERTHI_WIT_ITEMS_MAX, "cases" },
        [BERTHI_WIT_FLAGS - BERTHI_WIT_RECORD] = { ITEM_WORD, BERTHI_WIT_FLAGS_MAX, "flags" },
    };
    unsigned form = def->type_kind - (unsigned)BERTHI_WIT_RECORD;

    if (!berthi_wit_need(p, WIT_BRACE) ||
        !parse_items(p, forms[form].form, WIT_BRACE_END, forms[form].most, forms[form].what,
                     &def->items, &def->items_count))
        return false;
    return def->items_count != 0 ||
           berthi_wit_fail(p->reader, def->name.at, "`%s` has no %s",
                           berthi_wit_show(def->name.text).text, forms[form].what);
}

/* Behind its keyword. */
static bool parse_typedef(wit_parser *p, berthi_wit_kind kind, const wit_def *head)
{
    wit_def *def = add_def(p, WIT_DEF_TYPE, head);
    bool is_good;

    if (def == NULL || !berthi_wit_lex_next(&p->lexer) || !berthi_wit_parse_name(p, &def->name))
        return false;
    def->type_kind = (uint8_t)kind;
    p->def = def;
    is_good = kind == BERTHI_WIT_ALIAS      ? parse_alias(p, def)
              : kind == BERTHI_WIT_RESOURCE ? parse_resource(p, def)
                                            : parse_items_of(p, def);
    p->def = NULL;
    return is_good;
}

/* ---------------------------------------------------------------- use */

/* Only what has a plain name of its own may be known under another one outside. */
static bool has_no_external_id(wit_parser *p, const wit_def *head)
{
    return head->external_id == NULL ||
           berthi_wit_fail(p->reader, berthi_wit_here(&p->lexer),
                           "`@external-id` goes with types, functions, and imports and exports "
                           "of a plain name");
}

/* `use path.{a, b as c};` - a definition for each name. */
static bool parse_use(wit_parser *p, const wit_def *head)
{
    wit_path *path;

    if (!has_no_external_id(p, head))
        return false;
    if (!berthi_wit_need(p, WIT_USE))
        return false;
    path = berthi_wit_parse_path(p);
    if (path == NULL || !berthi_wit_need(p, WIT_DOT) || !berthi_wit_need(p, WIT_BRACE))
        return false;
    path->is_out = head->gate.is_out;
    while (berthi_wit_next(p) != WIT_BRACE_END) {
        wit_def *def = add_def(p, WIT_DEF_USE, head);

        if (def == NULL || !berthi_wit_parse_name(p, &def->used))
            return false;
        def->path = path;
        def->type_kind = BERTHI_WIT_ALIAS;
        def->name = def->used;
        if ((berthi_wit_take(p, WIT_AS) && !berthi_wit_parse_name(p, &def->name)) ||
            berthi_wit_is_bad(p->reader))
            return false;
        if (!berthi_wit_take(p, WIT_COMMA))
            break;
    }
    return berthi_wit_need(p, WIT_BRACE_END) && berthi_wit_need(p, WIT_SEMICOLON);
}

/* ---------------------------------------------------------------- worlds */

/* `include path with { a as b };` */
static bool parse_include(wit_parser *p, const wit_def *head)
{
    wit_def *def = add_def(p, WIT_DEF_INCLUDE, head);
    wit_item **tail;

    if (def == NULL || !has_no_external_id(p, head) || !berthi_wit_need(p, WIT_INCLUDE))
        return false;
    def->path = berthi_wit_parse_path(p);
    if (def->path == NULL)
        return false;
    def->name = def->path->name;
    def->path->wants = WIT_WANTS_WORLD;
    def->path->is_out = head->gate.is_out;
    if (!berthi_wit_take(p, WIT_WITH))
        return berthi_wit_need(p, WIT_SEMICOLON);
    if (!berthi_wit_need(p, WIT_BRACE))
        return false;
    for (tail = &def->items; berthi_wit_next(p) != WIT_BRACE_END; tail = &(*tail)->next) {
        *tail = parse_item(p, ITEM_WORD);
        if (*tail == NULL || !berthi_wit_need(p, WIT_AS) ||
            !berthi_wit_parse_name(p, &(*tail)->as))
            return false;
        if (!berthi_wit_take(p, WIT_COMMA))
            break;
    }
    if (!berthi_wit_need(p, WIT_BRACE_END))
        return false;
    berthi_wit_take(p, WIT_SEMICOLON); /* may be left out, as the grammar has it */
    return !berthi_wit_is_bad(p->reader);
}

static bool parse_inline(wit_parser *p, wit_def *def)
{
    wit_decl *world = p->decl, *decl = berthi_wit_scratch(p->reader, 1, sizeof *decl);
    wit_path **end;
    bool is_good;

    if (decl == NULL || !berthi_wit_need(p, WIT_INTERFACE))
        return false;
    *decl = (wit_decl){ .kind = WIT_DECL_INTERFACE,
                        .file = world->file,
                        .gate = def->gate,
                        .index = BERTHI_WIT_NONE,
                        .scope = berthi_wit_new_scope(p->reader),
                        .folded = berthi_wit_new_scope(p->reader) };
    decl->defs_tail = &decl->defs;
    def->extern_kind = BERTHI_WIT_EXTERN_INTERFACE;
    def->inline_interface = decl;
    is_good = berthi_wit_parse_body(p, decl);
    p->decl = world;
    for (end = &decl->paths; *end != NULL;)
        end = &(*end)->next;
    *end = world->paths; /* the world has to wait for what they name */
    world->paths = decl->paths;
    return is_good;
}

/* Where `a:b` with nothing between starts a path and `a: b` does not. */
static bool is_path(const wit_parser *p)
{
    const wit_lexer *l = &p->lexer;
    uint32_t at = l->token.offset + l->token.size;

    return at + 1 < l->size && l->text[at] == ':' &&
           (l->text[at + 1] == '%' || (l->text[at + 1] >= 'a' && l->text[at + 1] <= 'z') ||
            (l->text[at + 1] >= 'A' && l->text[at + 1] <= 'Z'));
}

/* Whether a keyword that starts an import's type stands directly behind the colon. */
static bool is_type_behind_colon(const wit_parser *p)
{
    wit_lexer ahead = p->lexer; /* its reader counts the tokens: give them back */
    uint32_t left = ahead.reader->tokens_left;
    wit_token_kind kind = WIT_END;

    if (berthi_wit_lex_next(&ahead) && berthi_wit_lex_next(&ahead))
        kind = ahead.token.kind;
    if (!berthi_wit_is_bad(ahead.reader))
        ahead.reader->tokens_left = left;
    return kind == WIT_FUNC || kind == WIT_ASYNC || kind == WIT_INTERFACE;
}

static bool parse_extern_path(wit_parser *p, wit_def *def)
{
    def->extern_kind = BERTHI_WIT_EXTERN_INTERFACE;
    def->path = berthi_wit_parse_path(p);
    if (def->path == NULL)
        return false;
    def->path->is_out = def->gate.is_out;
    return berthi_wit_need(p, WIT_SEMICOLON);
}

static bool parse_extern(wit_parser *p, const wit_def *head)
{
    wit_def *def = add_def(p, WIT_DEF_EXTERN, head);
    wit_at start;
    bool has_colon;

    if (def == NULL)
        return false;
    def->is_export = berthi_wit_next(p) == WIT_EXPORT;
    if (!berthi_wit_lex_next(&p->lexer))
        return false;
    start = berthi_wit_here(&p->lexer);
    if (berthi_wit_next(p) == WIT_ID && is_path(p) && !is_type_behind_colon(p))
        return !berthi_wit_is_bad(p->reader) && has_no_external_id(p, def) &&
               parse_extern_path(p, def);
    if (!berthi_wit_parse_name(p, &def->name))
        return false;
    has_colon = berthi_wit_take(p, WIT_COLON);
    if (has_colon && berthi_wit_next(p) == WIT_INTERFACE)
        return parse_inline(p, def);
    if (has_colon && berthi_wit_next(p) == WIT_ID && !is_accessor(p))
        return parse_extern_path(p, def);
    if (has_colon) {
        def->extern_kind = BERTHI_WIT_EXTERN_FUNC;
        return parse_func_type(p, def) && berthi_wit_need(p, WIT_SEMICOLON);
    }
    if (berthi_wit_is_bad(p->reader) || !has_no_external_id(p, def))
        return false;
    def->extern_kind = BERTHI_WIT_EXTERN_INTERFACE;
    def->path = berthi_wit_scratch(p->reader, 1, sizeof *def->path);
    if (def->path == NULL)
        return false;
    *def->path = (wit_path){ .name = def->name,
                             .at = span(start, def->name.at),
                             .is_out = def->gate.is_out,
                             .next = p->decl->paths };
    p->decl->paths = def->path;
    def->name.text = NULL; /* named by the interface */
    return berthi_wit_need(p, WIT_SEMICOLON);
}

/* ---------------------------------------------------------------- bodies */

static bool parse_func(wit_parser *p, const wit_def *head)
{
    wit_def *def = add_def(p, WIT_DEF_FUNC, head);

    return def != NULL && berthi_wit_parse_name(p, &def->name) &&
           berthi_wit_need(p, WIT_COLON) && parse_func_type(p, def) &&
           berthi_wit_need(p, WIT_SEMICOLON);
}

static bool parse_world_def(wit_parser *p, const wit_def *head)
{
    switch (berthi_wit_next(p)) {
    case WIT_IMPORT:
    case WIT_EXPORT:
        return parse_extern(p, head);
    case WIT_INCLUDE:
        return parse_include(p, head);
    default:
        return berthi_wit_unexpected(p,
                                     "`import`, `export`, `include`, `use`, `type`, `record`, "
                                     "`variant`, `enum`, `flags`, `resource` or `}`");
    }
}

static bool parse_def(wit_parser *p, const wit_def *head)
{
    bool is_world = p->decl->kind == WIT_DECL_WORLD;

    switch (berthi_wit_next(p)) {
    case WIT_USE:
        return parse_use(p, head);
    case WIT_TYPE:
        return parse_typedef(p, BERTHI_WIT_ALIAS, head);
    case WIT_RECORD:
        return parse_typedef(p, BERTHI_WIT_RECORD, head);
    case WIT_VARIANT:
        return parse_typedef(p, BERTHI_WIT_VARIANT, head);
    case WIT_ENUM:
        return parse_typedef(p, BERTHI_WIT_ENUM, head);
    case WIT_FLAGS:
        return parse_typedef(p, BERTHI_WIT_FLAGS, head);
    case WIT_RESOURCE:
        return parse_typedef(p, BERTHI_WIT_RESOURCE, head);
    default:
        break;
    }
    if (is_world)
        return parse_world_def(p, head);
    if (berthi_wit_next(p) == WIT_ID)
        return parse_func(p, head);
    return berthi_wit_unexpected(
        p, "`use`, `type`, `record`, `variant`, `enum`, `flags`, `resource`, "
           "a function or `}`");
}

/* `{ ... }` of an interface or world. */
bool berthi_wit_parse_body(wit_parser *p, wit_decl *decl)
{
    p->decl = decl;
    if (!berthi_wit_need(p, WIT_BRACE))
        return false;
    while (berthi_wit_next(p) != WIT_BRACE_END) {
        wit_token first = p->lexer.token;
        wit_def head = { .name = { .at = berthi_wit_here(&p->lexer) } };

        if (!berthi_wit_parse_gate(p, &head.gate, &head.external_id))
            return false;
        head.docs = berthi_wit_lex_docs(&p->lexer, &first);
        if (berthi_wit_is_bad(p->reader) || !parse_def(p, &head))
            return false;
    }
    return berthi_wit_need(p, WIT_BRACE_END);
}
