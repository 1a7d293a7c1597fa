/* type_read.c - types from text.  Layer: component.
 *
 * The text is anybody's: types are read no deeper than they may be (BERTHI_CM_TYPE_DEPTH_MAX), with no more
 * parts than one may have, and interning charges their work. */
#include "component/value/type_read.h"

#include "component/types/names.h"
#include "component/value/value_reader.h"

typedef struct type_reader {
    berthi_cm_reader r;
    berthi_cm_types *types;
    uint32_t depth;
} type_reader;

typedef struct parts {
    berthi_cm_extern *items;
    uint32_t count, room;
    berthi_cm_names names;
} parts;

static const struct word {
    const char *text;
    uint16_t kind;
} words[] = { { "bool", BERTHI_CM_BOOL },       { "s8", BERTHI_CM_S8 },
              { "u8", BERTHI_CM_U8 },           { "s16", BERTHI_CM_S16 },
              { "u16", BERTHI_CM_U16 },         { "s32", BERTHI_CM_S32 },
              { "u32", BERTHI_CM_U32 },         { "s64", BERTHI_CM_S64 },
              { "u64", BERTHI_CM_U64 },         { "f32", BERTHI_CM_F32 },
              { "f64", BERTHI_CM_F64 },         { "char", BERTHI_CM_CHAR },
              { "string", BERTHI_CM_STRING },   { "record", BERTHI_CM_RECORD },
              { "variant", BERTHI_CM_VARIANT }, { "enum", BERTHI_CM_ENUM },
              { "flags", BERTHI_CM_FLAGS },     { "list", BERTHI_CM_LIST },
              { "tuple", BERTHI_CM_TUPLE },     { "option", BERTHI_CM_OPTION },
              { "result", BERTHI_CM_RESULT },   { "map", BERTHI_CM_MAP },
              { "own", BERTHI_CM_OWN },         { "borrow", BERTHI_CM_BORROW },
              { "func", BERTHI_CM_FUNC_TYPE } };

static const berthi_cm_type *read_type(type_reader *t);

/* ---------------------------------------------------------------- tokens */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip(berthi_cm_reader *r)
{
    while (r->at < r->size && is_blank(r->text[r->at]))
        r->at++;
}

static bool take(berthi_cm_reader *r, const char *token)
{
    size_t size = strlen(token);

    skip(r);
    if (r->size - r->at < size || memcmp(r->text + r->at, token, size) != 0)
        return false;
    r->at += size;
    return true;
}

static bool need(berthi_cm_reader *r, const char *token)
{
    return take(r, token) || berthi_cm_reader_wrong(r, r->at, "expected '%s'", token);
}

static bool is_name_part(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '-';
}

static berthi_name take_word(berthi_cm_reader *r)
{
    berthi_name word;

    skip(r);
    word = (berthi_name){ r->text + r->at, 0 };
    while (r->at < r->size && is_name_part(r->text[r->at])) {
        r->at++;
        word.size++;
    }
    return word;
}

static bool is_word(berthi_name word, const char *text)
{
    return word.size == strlen(text) && memcmp(word.text, text, word.size) == 0;
}

/* ---------------------------------------------------------------- parts */

static berthi_cm_extern *add_part(type_reader *t, parts *p)
{
    berthi_cm_extern *items;

    if (p->count == BERTHI_CM_LABELS_MAX) {
        berthi_cm_fail(t->types, BERTH_E_LIMIT, "a type has at most %d parts",
                       BERTHI_CM_LABELS_MAX);
        return NULL;
    }
    if (p->count == p->room) {
        uint32_t room = p->room == 0 ? 4 : 2 * p->room;

        items = berthi_cm_make(t->types, room, sizeof *items);
        if (items == NULL)
            return NULL;
        if (p->count != 0)
            memcpy(items, p->items, p->count * sizeof *items);
        p->items = items;
        p->room = room;
    }
    return &p->items[p->count++];
}

/* A field, case, flag or parameter: a name that is none of the others'. */
static bool read_name(type_reader *t, parts *p, berthi_cm_extern *item)
{
    const berthi_cm_parsed_name *other = NULL;
    berthi_cm_parsed_name name;
    size_t at;

    skip(&t->r);
    at = t->r.at;
    item->name = take_word(&t->r);
    if (!berthi_cm_is_label(item->name))
        return berthi_cm_reader_wrong(&t->r, at, "expected a name such as `max-size`");
    name = (berthi_cm_parsed_name){ .plain = item->name };
    if (berthi_cm_add_name(t->types, &p->names, &name, &other))
        return true;
    return other != NULL && berthi_cm_reader_wrong(&t->r, at, "`%s` is there already",
                                                   berthi_cm_show(item->name).text);
}

/* What stands behind the name of a part: "open T close", a ':' in front of a field's. */
static bool read_payload(type_reader *t, uint16_t kind, berthi_cm_extern *item)
{
    bool is_case = kind == BERTHI_CM_VARIANT;

    if (kind == BERTHI_CM_ENUM || kind == BERTHI_CM_FLAGS)
        return true;
    if (is_case && !take(&t->r, "("))
        return true;
    if (!is_case && !need(&t->r, ":"))
        return false;
    item->type = read_type(t);
    return item->type != NULL && (!is_case || need(&t->r, ")"));
}

/* { a: T, b: U }, and what looks like it. */
static bool read_named(type_reader *t, uint16_t kind, const char *close, parts *p)
{
    if (kind == BERTHI_CM_FUNC_TYPE && take(&t->r, close))
        return true;
    for (;;) {
        berthi_cm_extern *item = add_part(t, p);

        if (item == NULL || !read_name(t, p, item) || !read_payload(t, kind, item))
            return false;
        if (take(&t->r, close))
            break;
        if (!need(&t->r, ","))
            return false;
    }
    return kind != BERTHI_CM_FLAGS || p->count <= BERTHI_CM_FLAGS_MAX ||
           berthi_cm_fail(t->types, BERTH_E_LIMIT, "a type has at most %d flags",
                          BERTHI_CM_FLAGS_MAX);
}

/* The length of a list, which is not 0 and has no 0 in front. */
static bool read_length(type_reader *t, uint32_t *length_out)
{
    berthi_name word;
    uint64_t length = 0;
    size_t at;

    skip(&t->r);
    at = t->r.at;
    word = take_word(&t->r);
    for (uint32_t i = 0; i < word.size && length <= UINT32_MAX; i++) {
        if (word.text[i] < '0' || word.text[i] > '9')
            length = UINT64_MAX;
        else
            length = 10 * length + (uint64_t)(word.text[i] - '0');
    }
    if (word.size == 0 || word.text[0] == '0' || length > UINT32_MAX)
        return berthi_cm_reader_wrong(&t->r, at, "expected the length of the list");
    *length_out = (uint32_t)length;
    return true;
}

/* <T, U>: `count` of them; 0: one or more. */
static bool read_plain(type_reader *t, uint32_t count, parts *p)
{
    if (!need(&t->r, "<"))
        return false;
    for (;;) {
        berthi_cm_extern *item = add_part(t, p);

        if (item == NULL || (item->type = read_type(t)) == NULL)
            return false;
        if (count == 0 ? !take(&t->r, ",") : p->count == count)
            return need(&t->r, ">");
        if (count != 0 && !need(&t->r, ","))
            return false;
    }
}

static bool read_list(type_reader *t, berthi_cm_type *draft, parts *p)
{
    berthi_cm_extern *item = add_part(t, p);

    if (item == NULL || !need(&t->r, "<") || (item->type = read_type(t)) == NULL)
        return false;
    if (take(&t->r, ",")) {
        draft->kind = BERTHI_CM_FIXED_LIST;
        if (!read_length(t, &draft->length))
            return false;
    }
    return need(&t->r, ">");
}

/* result, result<T>, result<_, E>, result<T, E> */
static bool read_result(type_reader *t, parts *p)
{
    berthi_cm_extern *ok = add_part(t, p), *err = ok == NULL ? NULL : add_part(t, p);
    bool has_ok;

    if (err == NULL)
        return false;
    ok = p->items;
    if (!take(&t->r, "<"))
        return true;
    has_ok = !take(&t->r, "_");
    if (has_ok && (ok->type = read_type(t)) == NULL)
        return false;
    if (!has_ok && !need(&t->r, ","))
        return false;
    if ((!has_ok || take(&t->r, ",")) && (err->type = read_type(t)) == NULL)
        return false;
    return need(&t->r, ">");
}

/* own<resource>: a leaf without a name. */
static bool read_handle(type_reader *t, parts *p)
{
    berthi_cm_extern *item = add_part(t, p);

    if (item == NULL || !need(&t->r, "<") || !need(&t->r, "resource") || !need(&t->r, ">"))
        return false;
    item->type = berthi_cm_resource(t->types, NULL);
    return item->type != NULL;
}

static bool read_map(type_reader *t, parts *p)
{
    size_t at = t->r.at;
    uint16_t kind;

    if (!read_plain(t, 2, p))
        return false;
    kind = p->items[0].type->kind;
    return (kind >= BERTHI_CM_STRING && kind != BERTHI_CM_F32 && kind != BERTHI_CM_F64) ||
           berthi_cm_reader_wrong(&t->r, at, "this type cannot be the key of a map");
}

static bool read_func(type_reader *t, parts *p)
{
    berthi_cm_extern *result;
    size_t at;

    if (!need(&t->r, "(") || !read_named(t, BERTHI_CM_FUNC_TYPE, ")", p))
        return false;
    result = add_part(t, p);
    if (result == NULL || !take(&t->r, "->"))
        return result != NULL;
    skip(&t->r);
    at = t->r.at;
    result->type = read_type(t);
    return result->type != NULL &&
           (!result->type->has_borrow ||
            berthi_cm_reader_wrong(&t->r, at, "a result has nothing that is borrowed"));
}

static bool read_parts(type_reader *t, berthi_cm_type *draft, parts *p)
{
    switch (draft->kind) {
    case BERTHI_CM_RECORD:
    case BERTHI_CM_VARIANT:
    case BERTHI_CM_ENUM:
    case BERTHI_CM_FLAGS:
        return need(&t->r, "{") && read_named(t, draft->kind, "}", p);
    case BERTHI_CM_FUNC_TYPE:
        return read_func(t, p);
    case BERTHI_CM_LIST:
        return read_list(t, draft, p);
    case BERTHI_CM_TUPLE:
        return read_plain(t, 0, p);
    case BERTHI_CM_OPTION:
        return read_plain(t, 1, p);
    case BERTHI_CM_RESULT:
        return read_result(t, p);
    case BERTHI_CM_MAP:
        return read_map(t, p);
    case BERTHI_CM_OWN:
    case BERTHI_CM_BORROW:
        return read_handle(t, p);
    default:
        return true;
    }
}

/* NULL: failed.  Recursion is bounded by the depth of types. */
static const berthi_cm_type *read_type(type_reader *t)
{
    berthi_cm_type draft = { .kind = 0 };
    parts p = { .count = 0 };
    berthi_name word;
    size_t at;

    skip(&t->r);
    at = t->r.at;
    word = take_word(&t->r);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (is_word(word, words[i].text))
            draft.kind = words[i].kind;
    if (draft.kind == 0 || (berthi_cm_is_func(&draft) && t->depth != 0)) {
        berthi_cm_reader_wrong(&t->r, at, "expected a type");
        return NULL;
    }
    if (t->depth > BERTHI_CM_TYPE_DEPTH_MAX) {
        berthi_cm_fail(t->types, BERTH_E_LIMIT, "type nesting is too deep");
        return NULL;
    }
    t->depth++;
    if (!read_parts(t, &draft, &p))
        return NULL;
    t->depth--;
    draft.count = p.count;
    draft.items = p.items;
    return berthi_cm_intern(t->types, &draft);
}

berth_status berthi_cm_type_read(berthi_cm_types *types, const char *text, size_t size,
                                 const berthi_cm_type **type_out, berth_diag *diag)
{
    type_reader t = { .r = { .text = text, .size = size, .diag = diag }, .types = types };
    const berthi_cm_type *type = read_type(&t);

    skip(&t.r);
    if (type != NULL && t.r.at != size)
        berthi_cm_reader_wrong(&t.r, t.r.at, "the type ends here");
    if (t.r.status != BERTH_OK)
        return t.r.status;
    if (type == NULL) /* what is too large is refused as a component's would be */
        return types->status == BERTH_E_REJECTED ? BERTH_E_LIMIT : types->status;
    *type_out = type;
    return BERTH_OK;
}
