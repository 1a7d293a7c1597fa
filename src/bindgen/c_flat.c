/* c_flat.c - values as the few numbers that core functions take, in C.  Layer: bindgen.
 *
 * The cases of a variant share their numbers: a number that is an i32 in one case and an f32 in
 * another is an i32 for all, and whatever differs in size an i64 (CanonicalABI.md, "Flattening").  Types
 * nest as deep as the reader of WIT lets them, and what is written here has 16 numbers at most. */
#include "bindgen/c_flat.h"

const char *berthi_bg_core_type(uint8_t core)
{
    static const char *const types[] = { "uint32_t", "uint64_t", "float", "double" };

    return types[core];
}

static uint8_t join(uint8_t a, uint8_t b)
{
    if (a == b)
        return a;
    return (a == BERTHI_BG_I32 && b == BERTHI_BG_F32) ||
                   (a == BERTHI_BG_F32 && b == BERTHI_BG_I32)
               ? BERTHI_BG_I32
               : BERTHI_BG_I64;
}

static void add(berthi_bg_flat *flat, uint8_t core)
{
    assert(flat->count < BERTHI_CM_FLAT_PARAMS_MAX);
    flat->cores[flat->count++] = core;
}

/* The payloads of cases on top of each other. */
static void add_payload(const berthi_bg *bg, uint32_t type, berthi_bg_flat *joined)
{
    berthi_bg_flat own = { .count = 0 };

    if (type == BERTHI_WIT_NONE)
        return;
    berthi_bg_flatten(bg, type, &own);
    for (uint32_t i = 0; i < own.count; i++)
        if (i < joined->count)
            joined->cores[i] = join(joined->cores[i], own.cores[i]);
        else
            add(joined, own.cores[i]);
}

static void flatten_cases(const berthi_bg *bg, const berthi_wit_type *t, berthi_bg_flat *flat)
{
    berthi_bg_flat joined = { .count = 0 };

    add(flat, BERTHI_BG_I32);
    if (t->kind == BERTHI_WIT_VARIANT) {
        for (uint32_t i = 0; i < t->items_count; i++)
            add_payload(bg, t->items[i].type, &joined);
    } else {
        add_payload(bg, t->element, &joined);
        add_payload(bg, t->kind == BERTHI_WIT_RESULT ? t->second : BERTHI_WIT_NONE, &joined);
    }
    for (uint32_t i = 0; i < joined.count; i++)
        add(flat, joined.cores[i]);
}

void berthi_bg_flatten(const berthi_bg *bg, uint32_t type, berthi_bg_flat *flat)
{
    const berthi_wit_type *t = berthi_bg_canon(bg, type);

    switch (t->kind) {
    case BERTHI_WIT_S64:
    case BERTHI_WIT_U64:
        add(flat, BERTHI_BG_I64);
        break;
    case BERTHI_WIT_F32:
        add(flat, BERTHI_BG_F32);
        break;
    case BERTHI_WIT_F64:
        add(flat, BERTHI_BG_F64);
        break;
    case BERTHI_WIT_STRING:
    case BERTHI_WIT_LIST:
    case BERTHI_WIT_MAP:
        add(flat, BERTHI_BG_I32);
        add(flat, BERTHI_BG_I32);
        break;
    case BERTHI_WIT_RECORD:
    case BERTHI_WIT_TUPLE:
        for (uint32_t i = 0; i < t->items_count; i++)
            berthi_bg_flatten(bg, t->items[i].type, flat);
        break;
    case BERTHI_WIT_FIXED_LIST:
        for (uint32_t i = 0; i < t->length; i++)
            berthi_bg_flatten(bg, t->element, flat);
        break;
    case BERTHI_WIT_VARIANT:
    case BERTHI_WIT_OPTION:
    case BERTHI_WIT_RESULT:
        flatten_cases(bg, t, flat);
        break;
    default:
        add(flat, BERTHI_BG_I32);
    }
}

/* ---------------------------------------------------------------- one way and the other */

typedef struct walk {
    berthi_bg *bg;
    berthi_bg_out *o;
    const char *name;
    const berthi_bg_flat *flat;
    uint32_t at;
    bool is_lift;
} walk;

static void write_value(walk *w, uint32_t type, const char *path);

static uint8_t core_of(const berthi_wit_type *t)
{
    return t->kind == BERTHI_WIT_S64 || t->kind == BERTHI_WIT_U64 ? BERTHI_BG_I64
           : t->kind == BERTHI_WIT_F32                            ? BERTHI_BG_F32
           : t->kind == BERTHI_WIT_F64                            ? BERTHI_BG_F64
                                                                  : BERTHI_BG_I32;
}

/* The next variable as a value of `wanted`. */
static const char *take(walk *w, uint8_t wanted)
{
    berthi_bg_names *n = &w->bg->names;
    uint32_t at = w->at++;
    uint8_t has = w->flat->cores[at];
    const char *name = berthi_bg_format(n, "%s%u", w->name, (unsigned)at);

    if (has == wanted)
        return name;
    if (wanted == BERTHI_BG_F64)
        return berthi_bg_format(n, "berth_f64_of(%s)", name);
    if (has == BERTHI_BG_I64)
        name = berthi_bg_format(n, "(uint32_t)%s", name);
    return wanted == BERTHI_BG_F32 ? berthi_bg_format(n, "berth_f32_of(%s)", name) : name;
}

/* Puts a value of `has` into the next variable. */
static void give(walk *w, uint8_t has, const char *value)
{
    uint32_t at = w->at++;
    uint8_t wanted = w->flat->cores[at];
    const char *convert = "";

    if (has != wanted)
        convert = has == BERTHI_BG_F32   ? "berth_bits_of_f32"
                  : has == BERTHI_BG_F64 ? "berth_bits_of_f64"
                                         : "";
    berthi_bg_line(w->o, "%s%u = %s(%s);", w->name, (unsigned)at, convert, value);
}

/* A number, `type` in C. */
static void write_number(walk *w, const berthi_wit_type *t, const char *type, const char *path)
{
    berthi_bg_names *n = &w->bg->names;
    uint8_t core = core_of(t);

    if (w->is_lift) {
        berthi_bg_line(w->o, "%s = (%s)(%s);", path, type, take(w, core));
        return;
    }
    if (t->kind == BERTHI_WIT_S8 || t->kind == BERTHI_WIT_S16) /* with its sign */
        path = berthi_bg_format(n, "(uint32_t)(int32_t)%s", path);
    else if (t->kind == BERTHI_WIT_BOOL)
        path = berthi_bg_format(n, "%s != 0", path);
    else if (core == BERTHI_BG_I32 || core == BERTHI_BG_I64)
        path = berthi_bg_format(n, "(%s)%s", berthi_bg_core_type(core), path);
    give(w, core, path);
}

static void write_pointer(walk *w, const char *path, const char *element, const char *pointer,
                          const char *size)
{
    berthi_bg_names *n = &w->bg->names;

    if (w->is_lift) {
        berthi_bg_line(w->o, "%s.%s = (const %s *)(uintptr_t)(%s);", path, pointer, element,
                       take(w, BERTHI_BG_I32));
        berthi_bg_line(w->o, "%s.%s = %s;", path, size, take(w, BERTHI_BG_I32));
    } else {
        give(w, BERTHI_BG_I32,
             berthi_bg_format(n, "(uint32_t)(uintptr_t)%s.%s", path, pointer));
        give(w, BERTHI_BG_I32, berthi_bg_format(n, "(uint32_t)%s.%s", path, size));
    }
}

static void write_list(walk *w, uint32_t type, const char *path)
{
    const berthi_wit_type *t = berthi_bg_canon(w->bg, type);
    const char *element;

    if (t->kind == BERTHI_WIT_MAP)
        element = berthi_bg_format(&w->bg->names, "%s_entry",
                                   w->bg->type_names[berthi_bg_canon_index(w->bg, type)]);
    else
        element = berthi_bg_type_name(w->bg, t->element);
    write_pointer(w, path, element, "data", "count");
}

/* One case; the variables behind the tag begin anew for each. */
static void write_payload(walk *w, uint32_t type, const char *path)
{
    uint32_t at = w->at;

    w->o->indent++;
    write_value(w, type, path);
    w->o->indent--;
    w->at = at;
}

static void write_tag(walk *w, const char *path, const char *tag, const char *type)
{
    path = berthi_bg_format(&w->bg->names, "%s.%s", path, tag);
    if (w->is_lift)
        berthi_bg_line(w->o, "%s = (%s)%s;", path, type, take(w, BERTHI_BG_I32));
    else
        give(w, BERTHI_BG_I32, path);
}

static void write_option(walk *w, const berthi_wit_type *t, const char *path)
{
    berthi_bg_names *n = &w->bg->names;

    write_tag(w, path, "is_some", "uint8_t");
    berthi_bg_line(w->o, "if (%s.is_some) {", path);
    write_payload(w, t->element, berthi_bg_format(n, "%s.some", path));
    berthi_bg_line(w->o, "}");
}

static void write_result(walk *w, const berthi_wit_type *t, const char *path)
{
    berthi_bg_names *n = &w->bg->names;

    write_tag(w, path, "is_error", "uint8_t");
    if (t->element != BERTHI_WIT_NONE) {
        berthi_bg_line(w->o, "if (!%s.is_error) {", path);
        write_payload(w, t->element, berthi_bg_format(n, "%s.as.ok", path));
        berthi_bg_line(w->o, "}");
    }
    if (t->second != BERTHI_WIT_NONE) {
        berthi_bg_line(w->o, "if (%s.is_error) {", path);
        write_payload(w, t->second, berthi_bg_format(n, "%s.as.error", path));
        berthi_bg_line(w->o, "}");
    }
}

static void write_variant(walk *w, const berthi_wit_type *t, const char *path)
{
    berthi_bg_names *n = &w->bg->names;
    bool has_payload = false;

    for (uint32_t i = 0; i < t->items_count; i++)
        has_payload |= t->items[i].type != BERTHI_WIT_NONE;
    write_tag(w, path, "tag", berthi_bg_tag_type(t->items_count));
    if (!has_payload)
        return;
    berthi_bg_line(w->o, "switch (%s.tag) {", path);
    for (uint32_t i = 0; i < t->items_count && !berthi_bg_out_is_full(w->o); i++) {
        if (t->items[i].type == BERTHI_WIT_NONE)
            continue;
        berthi_bg_line(w->o, "case %u:", (unsigned)i);
        write_payload(
            w, t->items[i].type,
            berthi_bg_format(n, "%s.as.%s", path, berthi_bg_field(w->bg, t->items, i)));
        berthi_bg_line(w->o, "    break;");
    }
    berthi_bg_line(w->o, "}");
}

/* What follows the variables of a type with cases: the widest of them. */
static void write_cases(walk *w, uint32_t type, const char *path)
{
    const berthi_wit_type *t = berthi_bg_canon(w->bg, type);
    berthi_bg_flat own = { .count = 0 };
    uint32_t start = w->at;

    berthi_bg_flatten(w->bg, type, &own);
    if (t->kind == BERTHI_WIT_OPTION)
        write_option(w, t, path);
    else if (t->kind == BERTHI_WIT_RESULT)
        write_result(w, t, path);
    else
        write_variant(w, t, path);
    w->at = start + own.count;
}

static void write_value(walk *w, uint32_t type, const char *path)
{
    berthi_bg_names *n = &w->bg->names;
    const berthi_wit_type *t = berthi_bg_canon(w->bg, type);

    if (berthi_bg_out_is_full(w->o))
        return;
    switch (t->kind) {
    case BERTHI_WIT_STRING:
        write_pointer(w, path, "char", "text", "size");
        break;
    case BERTHI_WIT_LIST:
    case BERTHI_WIT_MAP:
        write_list(w, type, path);
        break;
    case BERTHI_WIT_RECORD:
    case BERTHI_WIT_TUPLE:
        for (uint32_t i = 0; i < t->items_count; i++)
            write_value(
                w, t->items[i].type,
                berthi_bg_format(n, "%s.%s", path, berthi_bg_field(w->bg, t->items, i)));
        break;
    case BERTHI_WIT_FIXED_LIST:
        for (uint32_t i = 0; i < t->length; i++)
            write_value(w, t->element, berthi_bg_format(n, "%s.at[%u]", path, (unsigned)i));
        break;
    case BERTHI_WIT_VARIANT:
    case BERTHI_WIT_OPTION:
    case BERTHI_WIT_RESULT:
        write_cases(w, type, path);
        break;
    case BERTHI_WIT_OWN:
    case BERTHI_WIT_BORROW:
        write_number(w, t, "berth_handle", berthi_bg_format(n, "%s.handle", path));
        break;
    default:
        write_number(w, t, berthi_bg_type_name(w->bg, type), path);
    }
}

void berthi_bg_write_lift(berthi_bg *bg, berthi_bg_out *o, uint32_t type, const char *path,
                          const char *name, const berthi_bg_flat *flat, uint32_t *at)
{
    walk w = { bg, o, name, flat, *at, true };

    write_value(&w, type, path);
    *at = w.at;
}

void berthi_bg_write_lower(berthi_bg *bg, berthi_bg_out *o, uint32_t type, const char *path,
                           const char *name, const berthi_bg_flat *flat, uint32_t *at)
{
    walk w = { bg, o, name, flat, *at, false };

    write_value(&w, type, path);
    *at = w.at;
}
