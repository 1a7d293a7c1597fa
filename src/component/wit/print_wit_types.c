/* print_wit_types.c - types and functions as WIT text.  Layer: component. */
#include "component/wit/print_wit_types.h"

#include "component/types/type_text.h"
#include "component/wit/print_wit.h"

/* ---------------------------------------------------------------- text */

bool berthi_cm_wit_goes_on(berthi_cm_wit *w)
{
    if (w->out->size > BERTHI_CM_WIT_BYTES_MAX)
        return berthi_cm_fail(w->types, BERTH_E_LIMIT, "the text of the world is too long");
    return w->types->status == BERTH_OK && !w->out->has_failed;
}

void berthi_cm_wit_puts(berthi_cm_wit *w, const char *text)
{
    berthi_text_buf_puts(w->out, text);
}

void berthi_cm_wit_put(berthi_cm_wit *w, berthi_name text)
{
    berthi_text_buf_put(w->out, text.text, text.size);
}

static bool is_keyword(berthi_name name)
{
    static const char *const words[] = {
        "as",     "async",   "bool",     "borrow",    "char",   "constructor", "enum",
        "export", "f32",     "f64",      "flags",     "from",   "func",        "future",
        "import", "include", "list",     "interface", "option", "own",         "package",
        "record", "result",  "resource", "s16",       "s32",    "s64",         "s8",
        "static", "stream",  "string",   "tuple",     "type",   "u16",         "u32",
        "u64",    "u8",      "use",      "variant",   "with",   "world",       "error-context",
        "map",
    };

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen(words[i]) == name.size && memcmp(words[i], name.text, name.size) == 0)
            return true;
    return false;
}

void berthi_cm_wit_id(berthi_cm_wit *w, berthi_name name)
{
    if (is_keyword(name))
        berthi_cm_wit_puts(w, "%");
    berthi_cm_wit_put(w, name);
}

void berthi_cm_wit_indent(berthi_cm_wit *w)
{
    berthi_text_buf_fill(w->out, ' ', 2 * (size_t)w->depth);
}

void berthi_cm_wit_comment(berthi_cm_wit *w, const berthi_cm_extern *item)
{
    berthi_cm_wit_indent(w);
    berthi_text_buf_putf(w->out, "// %s: a %s, which WIT has no words for\n",
                         berthi_cm_show(item->name).text, berthi_cm_sort_name(item->sort));
}

/* ---------------------------------------------------------------- names of interfaces */

bool berthi_cm_wit_split(berthi_name name, berthi_cm_wit_interface *parts)
{
    uint32_t end = name.size, slash;

    for (uint32_t i = 0; i < name.size && end == name.size; i++)
        if (name.text[i] == '@')
            end = i;
    slash = end;
    while (slash > 0 && name.text[slash - 1] != '/')
        slash--;
    if (slash == 0)
        return false;
    parts->package = (berthi_name){ name.text, slash - 1 };
    parts->plain = (berthi_name){ name.text + slash, end - slash };
    parts->version = (berthi_name){ name.text + end, name.size - end };
    return true;
}

bool berthi_cm_wit_same_package(const berthi_cm_wit_interface *a,
                                const berthi_cm_wit_interface *b)
{
    return berthi_cm_same_name(a->package, b->package) &&
           berthi_cm_same_name(a->version, b->version);
}

/* ---------------------------------------------------------------- names of types */

static uint32_t place_of(const berthi_cm_wit_names *names, const berthi_cm_type *type)
{
    uint64_t hash = ((uintptr_t)type >> 4) * 0x9e3779b97f4a7c15u;
    uint32_t at = (uint32_t)(hash >> 32) & (names->room - 1);

    while (names->types[at] != NULL && names->types[at] != type)
        at = (at + 1) & (names->room - 1);
    return at;
}

static bool grow_names(berthi_cm_wit *w, berthi_cm_wit_names *names)
{
    berthi_cm_wit_names larger = { .count = names->count,
                                   .room = names->room == 0 ? 16 : 2 * names->room };

    larger.types = berthi_cm_make(w->types, larger.room, sizeof *larger.types);
    larger.places = berthi_cm_make(w->types, larger.room, sizeof *larger.places);
    if (larger.types == NULL || larger.places == NULL)
        return false;
    for (uint32_t i = 0; i < names->room; i++) {
        uint32_t at;

        if (names->types[i] == NULL)
            continue;
        at = place_of(&larger, names->types[i]);
        larger.types[at] = names->types[i];
        larger.places[at] = names->places[i];
    }
    *names = larger;
    return true;
}

bool berthi_cm_wit_note(berthi_cm_wit *w, berthi_cm_wit_names *names,
                        const berthi_cm_type *type, berthi_cm_wit_place place)
{
    uint32_t at;

    if (!berthi_cm_charge(w->types, 1) ||
        (2 * (names->count + 1) > names->room && !grow_names(w, names)))
        return false;
    at = place_of(names, type);
    if (names->types[at] != NULL)
        return true;
    names->types[at] = type;
    names->places[at] = place;
    names->count++;
    return true;
}

const berthi_cm_wit_place *berthi_cm_wit_find(berthi_cm_wit *w,
                                              const berthi_cm_wit_names *names,
                                              const berthi_cm_type *type)
{
    uint32_t at;

    if (names->room == 0 || !berthi_cm_charge(w->types, 1))
        return NULL;
    at = place_of(names, type);
    return names->types[at] == NULL ? NULL : &names->places[at];
}

bool berthi_cm_wit_is_nominal(const berthi_cm_type *type)
{
    switch (type->kind) {
    case BERTHI_CM_RECORD:
    case BERTHI_CM_VARIANT:
    case BERTHI_CM_ENUM:
    case BERTHI_CM_FLAGS:
    case BERTHI_CM_RESOURCE_TYPE:
        return true;
    default:
        return false;
    }
}

static bool has_label(const berthi_cm_wit *w, berthi_name label)
{
    for (uint32_t i = 0; i < w->scope.count && berthi_cm_charge(w->types, 1); i++)
        if (berthi_cm_same_name(w->scope.items[i].name, label))
            return true;
    return false;
}

void berthi_cm_wit_print_use(berthi_cm_wit *w, const berthi_cm_wit_place *home,
                             berthi_name label)
{
    berthi_cm_wit_interface here, there;
    bool is_near = berthi_cm_wit_split(w->scope.interface, &here) &&
                   berthi_cm_wit_split(home->interface, &there) &&
                   berthi_cm_wit_same_package(&here, &there);

    berthi_cm_wit_indent(w);
    berthi_cm_wit_puts(w, "use ");
    if (is_near) /* a package calls what it has by bare names */
        berthi_cm_wit_id(w, there.plain);
    else
        berthi_cm_wit_put(w, home->interface);
    berthi_cm_wit_puts(w, ".{");
    berthi_cm_wit_id(w, home->label);
    if (!berthi_cm_same_name(home->label, label)) {
        berthi_cm_wit_puts(w, " as ");
        berthi_cm_wit_id(w, label);
    }
    berthi_cm_wit_puts(w, "};\n");
}

/* A type of another interface that this one does not name itself: used, and noted. */
static const berthi_cm_wit_place *use_foreign(berthi_cm_wit *w, const berthi_cm_type *type,
                                              const berthi_cm_wit_place *home)
{
    berthi_text_buf *out = w->out;
    berthi_cm_wit_place place = { .label = home->label };

    if (has_label(w, home->label)) { /* taken: a longer one */
        uint32_t size = home->label.size + 6;
        char *text = berthi_cm_make(w->types, size, 1);

        if (text == NULL)
            return NULL;
        memcpy(text, "other-", 6);
        memcpy(text + 6, home->label.text, home->label.size);
        place.label = (berthi_name){ text, size };
    }
    w->out = w->uses;
    berthi_cm_wit_print_use(w, home, place.label);
    w->out = out;
    return berthi_cm_wit_note(w, &w->scope.names, type->canon, place)
               ? berthi_cm_wit_find(w, &w->scope.names, type->canon)
               : NULL;
}

/* What the type is called here; NULL: it has no name here, or the failure has been recorded. */
static const berthi_cm_wit_place *name_of(berthi_cm_wit *w, const berthi_cm_type *type)
{
    const berthi_cm_wit_place *place = NULL;

    if (type->name_id != 0)
        place = berthi_cm_wit_find(w, &w->scope.names, type);
    if (place != NULL || !berthi_cm_wit_is_nominal(type))
        return place;
    place = berthi_cm_wit_find(w, &w->scope.names, type->canon);
    if (place != NULL)
        return place;
    place = berthi_cm_wit_find(w, &w->everywhere, type->canon);
    return place == NULL ? NULL : use_foreign(w, type, place);
}

/* ---------------------------------------------------------------- value types */

static void print_type(berthi_cm_wit *w, const berthi_cm_type *type);

/* "result", "result<t>", "result<_, e>" or "result<t, e>". */
static void print_result(berthi_cm_wit *w, const berthi_cm_type *type)
{
    const berthi_cm_type *ok = type->items[0].type, *error = type->items[1].type;

    berthi_cm_wit_puts(w, "result");
    if (ok == NULL && error == NULL)
        return;
    berthi_cm_wit_puts(w, "<");
    if (ok == NULL)
        berthi_cm_wit_puts(w, "_");
    else
        print_type(w, ok);
    if (error != NULL) {
        berthi_cm_wit_puts(w, ", ");
        print_type(w, error);
    }
    berthi_cm_wit_puts(w, ">");
}

/* The word, and its parts between "<" and ">" when there are any. */
static void print_parts(berthi_cm_wit *w, const berthi_cm_type *type)
{
    bool is_first = true;

    berthi_cm_wit_puts(w, berthi_cm_kind_word(type->kind));
    for (uint32_t i = 0; i < type->count && berthi_cm_wit_goes_on(w); i++) {
        if (type->items[i].type == NULL)
            continue;
        berthi_cm_wit_puts(w, is_first ? "<" : ", ");
        print_type(w, type->items[i].type);
        is_first = false;
    }
    if (type->kind == BERTHI_CM_FIXED_LIST)
        berthi_text_buf_putf(w->out, ", %u", (unsigned)type->length);
    if (!is_first)
        berthi_cm_wit_puts(w, ">");
}

/* One level of recursion for each level of types within types; what has a name ends it. */
static void print_structure(berthi_cm_wit *w, const berthi_cm_type *type)
{
    if (!berthi_cm_charge(w->types, 1 + type->count) || !berthi_cm_wit_goes_on(w))
        return;
    switch (type->kind) {
    case BERTHI_CM_RESULT:
        print_result(w, type);
        break;
    case BERTHI_CM_OWN:
        print_type(w, type->items[0].type);
        break;
    case BERTHI_CM_RECORD:
    case BERTHI_CM_VARIANT:
    case BERTHI_CM_ENUM:
    case BERTHI_CM_FLAGS:
    case BERTHI_CM_RESOURCE_TYPE: /* without a name that anybody could use */
        berthi_text_buf_putf(w->out, "/* a %s without a name */ _",
                             berthi_cm_kind_word(type->kind));
        break;
    default:
        print_parts(w, type);
    }
}

static void print_type(berthi_cm_wit *w, const berthi_cm_type *type)
{
    const berthi_cm_wit_place *place = name_of(w, type);

    if (place != NULL)
        berthi_cm_wit_id(w, place->label);
    else
        print_structure(w, type);
}

/* ---------------------------------------------------------------- functions */

void berthi_cm_wit_print_func(berthi_cm_wit *w, const berthi_cm_type *func, uint32_t skip)
{
    const berthi_cm_type *result = berthi_cm_func_result(func);

    berthi_cm_wit_puts(w, func->kind == BERTHI_CM_ASYNC_FUNC_TYPE ? "async func(" : "func(");
    for (uint32_t i = skip; i + 1 < func->count && berthi_cm_wit_goes_on(w); i++) {
        if (i != skip)
            berthi_cm_wit_puts(w, ", ");
        berthi_cm_wit_id(w, func->items[i].name);
        berthi_cm_wit_puts(w, ": ");
        print_type(w, func->items[i].type);
    }
    berthi_cm_wit_puts(w, ")");
    if (result != NULL) {
        berthi_cm_wit_puts(w, " -> ");
        print_type(w, result);
    }
}

/* "constructor(...)", which says what it returns only when that is a result. */
static void print_constructor(berthi_cm_wit *w, const berthi_cm_type *func)
{
    const berthi_cm_type *result = berthi_cm_func_result(func);

    berthi_cm_wit_puts(w, "constructor(");
    for (uint32_t i = 0; i + 1 < func->count && berthi_cm_wit_goes_on(w); i++) {
        if (i != 0)
            berthi_cm_wit_puts(w, ", ");
        berthi_cm_wit_id(w, func->items[i].name);
        berthi_cm_wit_puts(w, ": ");
        print_type(w, func->items[i].type);
    }
    berthi_cm_wit_puts(w, ")");
    if (result != NULL && result->kind != BERTHI_CM_OWN) {
        berthi_cm_wit_puts(w, " -> ");
        print_type(w, result);
    }
}

/* ---------------------------------------------------------------- resources */

/* A function of the resource: "[method]r.name" and its like. */
static bool print_member(berthi_cm_wit *w, const berthi_cm_extern *item, berthi_name resource)
{
    berthi_cm_parsed_name parsed;
    berthi_name plain;

    if (item->sort != BERTHI_CM_FUNC || item->name.text[0] != '[' ||
        berthi_cm_parse_name(item->name, NULL, &parsed) != NULL ||
        !berthi_cm_same_name(parsed.resource, resource))
        return berthi_cm_charge(w->types, 1);
    berthi_cm_wit_indent(w);
    if (parsed.form == BERTHI_CM_NAME_CONSTRUCTOR) {
        print_constructor(w, item->type);
    } else {
        plain = (berthi_name){ parsed.resource.text + parsed.resource.size + 1, 0 };
        plain.size = (uint32_t)(item->name.text + item->name.size - plain.text);
        berthi_cm_wit_id(w, plain);
        berthi_cm_wit_puts(w, parsed.form == BERTHI_CM_NAME_STATIC ? ": static " : ": ");
        berthi_cm_wit_print_func(w, item->type, parsed.form == BERTHI_CM_NAME_METHOD ? 1 : 0);
    }
    berthi_cm_wit_puts(w, ";\n");
    return berthi_cm_wit_goes_on(w);
}

static void print_resource(berthi_cm_wit *w, const berthi_cm_extern *item)
{
    size_t start;

    berthi_cm_wit_puts(w, " {\n");
    start = w->out->size;
    w->depth++;
    for (uint32_t i = 0; i < w->scope.count; i++)
        if (!print_member(w, &w->scope.items[i], item->name))
            break;
    w->depth--;
    if (w->out->size == start && !w->out->has_failed) { /* nothing in it: no braces */
        w->out->size -= 3;
        berthi_cm_wit_puts(w, ";\n");
        return;
    }
    berthi_cm_wit_indent(w);
    berthi_cm_wit_puts(w, "}\n");
}

/* ---------------------------------------------------------------- definitions */

/* A field "name: type", a case "name(type)" or "name", a flag "name". */
static void print_label(berthi_cm_wit *w, const berthi_cm_type *type, uint32_t i)
{
    bool is_record = type->kind == BERTHI_CM_RECORD;

    berthi_cm_wit_indent(w);
    berthi_cm_wit_id(w, type->items[i].name);
    if (type->items[i].type != NULL) {
        berthi_cm_wit_puts(w, is_record ? ": " : "(");
        print_type(w, type->items[i].type);
        berthi_cm_wit_puts(w, is_record ? "" : ")");
    }
    berthi_cm_wit_puts(w, ",\n");
}

void berthi_cm_wit_print_definition(berthi_cm_wit *w, const berthi_cm_extern *item)
{
    berthi_cm_wit_indent(w);
    berthi_cm_wit_puts(w, berthi_cm_kind_word(item->type->kind));
    berthi_cm_wit_puts(w, " ");
    berthi_cm_wit_id(w, item->name);
    if (berthi_cm_is_resource(item->type)) {
        print_resource(w, item);
        return;
    }
    berthi_cm_wit_puts(w, " {\n");
    w->depth++;
    for (uint32_t i = 0; i < item->type->count && berthi_cm_wit_goes_on(w); i++)
        print_label(w, item->type, i);
    w->depth--;
    berthi_cm_wit_indent(w);
    berthi_cm_wit_puts(w, "}\n");
}

void berthi_cm_wit_print_alias(berthi_cm_wit *w, const berthi_cm_extern *item)
{
    if (!berthi_cm_is_value_type(item->type)) {
        berthi_cm_wit_comment(w, item);
        return;
    }
    berthi_cm_wit_indent(w);
    berthi_cm_wit_puts(w, "type ");
    berthi_cm_wit_id(w, item->name);
    berthi_cm_wit_puts(w, " = ");
    print_structure(w, item->type);
    berthi_cm_wit_puts(w, ";\n");
}
