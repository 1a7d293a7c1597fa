/* c_types.c - the types that host and plugin share, each with its layout asserted.  Layer: bindgen. */
#include "bindgen/shape.h"

typedef struct sizes { /* of what was laid out so far: here, and in a 32-bit memory */
    uint64_t here, there;
} sizes;

static uint64_t align_up(uint64_t at, uint64_t align)
{
    return (at + align - 1) / align * align;
}

/* Where the next member begins. */
static sizes place(sizes *s, const berthi_cm_type *type)
{
    sizes at = { align_up(s->here, type->host_align), align_up(s->there, type->align) };

    *s = (sizes){ at.here + type->host_size, at.there + type->size };
    return at;
}

static void write_layout(berthi_bg_out *o, const char *name, const berthi_cm_type *type)
{
    berthi_bg_line(o, "BERTH_LAYOUT(%s, %u, %u, %u, %u);", name, (unsigned)type->host_size,
                   (unsigned)type->host_align, (unsigned)type->size, (unsigned)type->align);
}

static void write_offset(berthi_bg_out *o, const char *name, const char *member, sizes at)
{
    berthi_bg_line(o, "BERTH_OFFSET(%s, %s, %llu, %llu);", name, member,
                   (unsigned long long)at.here, (unsigned long long)at.there);
}

static void write_members(berthi_bg *bg, berthi_bg_out *o, const berthi_wit_item *items,
                          uint32_t count)
{
    o->indent++;
    for (uint32_t i = 0; i < count; i++) {
        berthi_bg_docs(o, items[i].docs);
        berthi_bg_line(o, "%s %s;", berthi_bg_type_name(bg, items[i].type),
                       berthi_bg_field(bg, items, i));
    }
    o->indent--;
}

static void write_offsets(berthi_bg *bg, berthi_bg_out *o, const char *name,
                          const berthi_wit_item *items, uint32_t count)
{
    sizes s = { 0, 0 };

    for (uint32_t i = 0; i < count; i++)
        write_offset(o, name, berthi_bg_field(bg, items, i),
                     place(&s, berthi_bg_layout(bg, items[i].type)));
}

static void write_struct(berthi_bg *bg, berthi_bg_out *o, const char *name,
                         const berthi_wit_item *items, uint32_t count,
                         const berthi_cm_type *layout)
{
    berthi_bg_line(o, "typedef struct %s {", name);
    write_members(bg, o, items, count);
    berthi_bg_line(o, "} %s;", name);
    write_layout(o, name, layout);
    write_offsets(bg, o, name, items, count);
}

/* Names of cases, "NAME_CASE", with their numbers. */
static void write_cases(berthi_bg *bg, berthi_bg_out *o, const char *name,
                        const berthi_wit_type *t, bool has_docs)
{
    berthi_bg_names *n = &bg->names;

    berthi_bg_line(o, "enum {");
    o->indent++;
    for (uint32_t i = 0; i < t->items_count; i++) {
        if (has_docs)
            berthi_bg_docs(o, t->items[i].docs);
        berthi_bg_line(
            o, "%s = %u%s",
            berthi_bg_claim(n, berthi_bg_format(n, "%s_%s", berthi_bg_upper(n, name),
                                                berthi_bg_upper(n, t->items[i].name))),
            (unsigned)i, i + 1 < t->items_count ? "," : "");
    }
    o->indent--;
    berthi_bg_line(o, "};");
}

static void write_flags(berthi_bg *bg, berthi_bg_out *o, const char *name,
                        const berthi_wit_type *t)
{
    berthi_bg_names *n = &bg->names;

    berthi_bg_line(o, "typedef %s %s;", berthi_bg_flags_type(t->items_count), name);
    for (uint32_t i = 0; i < t->items_count; i++) {
        berthi_bg_docs(o, t->items[i].docs);
        berthi_bg_line(
            o, "#define %s ((%s)(1u << %u))",
            berthi_bg_claim(n, berthi_bg_format(n, "%s_%s", berthi_bg_upper(n, name),
                                                berthi_bg_upper(n, t->items[i].name))),
            name, (unsigned)i);
    }
}

/* Where the payloads of a type with a tag lie. */
static sizes payload_at(const berthi_cm_type *layout, uint32_t tag_size)
{
    sizes s = { tag_size, tag_size };
    uint64_t here = 1, there = 1;

    for (uint32_t i = 0; i < layout->count; i++)
        if (layout->items[i].type != NULL) {
            const berthi_cm_type *part = layout->items[i].type;

            here = part->host_align > here ? part->host_align : here;
            there = part->align > there ? part->align : there;
        }
    return (sizes){ align_up(s.here, here), align_up(s.there, there) };
}

static void write_variant(berthi_bg *bg, berthi_bg_out *o, const char *name,
                          const berthi_wit_type *t, const berthi_cm_type *layout)
{
    uint32_t payloads = 0;

    for (uint32_t i = 0; i < t->items_count; i++)
        payloads += t->items[i].type != BERTHI_WIT_NONE;
    write_cases(bg, o, name, t, false);
    berthi_bg_line(o, "typedef struct %s {", name);
    o->indent++;
    berthi_bg_line(o, "%s tag;", berthi_bg_tag_type(t->items_count));
    if (payloads != 0) {
        berthi_bg_line(o, "union {");
        o->indent++;
        for (uint32_t i = 0; i < t->items_count; i++) {
            if (t->items[i].type == BERTHI_WIT_NONE)
                continue;
            berthi_bg_docs(o, t->items[i].docs);
            berthi_bg_line(o, "%s %s;", berthi_bg_type_name(bg, t->items[i].type),
                           berthi_bg_field(bg, t->items, i));
        }
        o->indent--;
        berthi_bg_line(o, "} as;");
    }
    o->indent--;
    berthi_bg_line(o, "} %s;", name);
    write_layout(o, name, layout);
    if (payloads != 0)
        write_offset(o, name, "as",
                     payload_at(layout, t->items_count <= 0x100     ? 1
                                        : t->items_count <= 0x10000 ? 2
                                                                    : 4));
}

static void write_result(berthi_bg *bg, berthi_bg_out *o, const char *name,
                         const berthi_wit_type *t, const berthi_cm_type *layout)
{
    bool has_payload = t->element != BERTHI_WIT_NONE || t->second != BERTHI_WIT_NONE;

    berthi_bg_line(o, "typedef struct %s {", name);
    o->indent++;
    berthi_bg_line(o, "uint8_t is_error;");
    if (has_payload) {
        berthi_bg_line(o, "union {");
        o->indent++;
        if (t->element != BERTHI_WIT_NONE)
            berthi_bg_line(o, "%s ok;", berthi_bg_type_name(bg, t->element));
        if (t->second != BERTHI_WIT_NONE)
            berthi_bg_line(o, "%s error;", berthi_bg_type_name(bg, t->second));
        o->indent--;
        berthi_bg_line(o, "} as;");
    }
    o->indent--;
    berthi_bg_line(o, "} %s;", name);
    write_layout(o, name, layout);
    if (has_payload)
        write_offset(o, name, "as", payload_at(layout, 1));
}

static void write_option(berthi_bg *bg, berthi_bg_out *o, const char *name,
                         const berthi_wit_type *t, const berthi_cm_type *layout)
{
    berthi_bg_line(o, "typedef struct %s {", name);
    o->indent++;
    berthi_bg_line(o, "uint8_t is_some;");
    berthi_bg_line(o, "%s some;", berthi_bg_type_name(bg, t->element));
    o->indent--;
    berthi_bg_line(o, "} %s;", name);
    write_layout(o, name, layout);
    write_offset(o, name, "some", payload_at(layout, 1));
}

static void write_list(berthi_bg_out *o, const char *name, const char *element,
                       const berthi_cm_type *layout)
{
    berthi_bg_line(o, "typedef struct %s {", name);
    o->indent++;
    berthi_bg_line(o, "const %s *data;", element);
    berthi_bg_line(o, "size_t count;");
    o->indent--;
    berthi_bg_line(o, "} %s;", name);
    write_layout(o, name, layout);
}

/* A list of pairs. */
static void write_map(berthi_bg *bg, berthi_bg_out *o, const char *name,
                      const berthi_wit_type *t, const berthi_cm_type *layout)
{
    const char *entry = berthi_bg_format(&bg->names, "%s_entry", name);
    sizes s = { 0, 0 };

    berthi_bg_line(o, "typedef struct %s {", entry);
    o->indent++;
    berthi_bg_line(o, "%s key;", berthi_bg_type_name(bg, t->element));
    berthi_bg_line(o, "%s value;", berthi_bg_type_name(bg, t->second));
    o->indent--;
    berthi_bg_line(o, "} %s;", entry);
    write_offset(o, entry, "key", place(&s, berthi_bg_layout(bg, t->element)));
    write_offset(o, entry, "value", place(&s, berthi_bg_layout(bg, t->second)));
    write_list(o, name, entry, layout);
}

static void write_handle(berthi_bg_out *o, const char *name)
{
    berthi_bg_line(o, "typedef struct %s {", name);
    o->indent++;
    berthi_bg_line(o, "berth_handle handle;");
    o->indent--;
    berthi_bg_line(o, "} %s;", name);
    berthi_bg_line(o, "BERTH_LAYOUT(%s, 8, 8, 4, 4);", name);
}

static void write_alias(berthi_bg *bg, berthi_bg_out *o, const char *name,
                        const berthi_wit_type *t)
{
    const char *target = berthi_bg_type_name(bg, t->element);

    berthi_bg_line(o, "typedef %s %s;", target, name);
    if (berthi_bg_canon(bg, t->element)->kind == BERTHI_WIT_RESOURCE)
        berthi_bg_line(o, "typedef %s_borrow %s_borrow;", target, name);
}

static void write_type(berthi_bg *bg, berthi_bg_out *o, uint32_t index)
{
    const berthi_wit_type *t = &bg->wit->types[index];
    const berthi_cm_type *layout = berthi_bg_layout(bg, index);
    const char *name = bg->type_names[index];

    if (t->kind < BERTHI_WIT_PRIMITIVES || t->kind == BERTHI_WIT_OWN ||
        t->kind == BERTHI_WIT_BORROW)
        return;
    berthi_bg_blank(o);
    berthi_bg_docs(o, t->docs);
    switch (t->kind) {
    case BERTHI_WIT_RECORD:
    case BERTHI_WIT_TUPLE:
        write_struct(bg, o, name, t->items, t->items_count, layout);
        break;
    case BERTHI_WIT_VARIANT:
        write_variant(bg, o, name, t, layout);
        break;
    case BERTHI_WIT_ENUM:
        berthi_bg_line(o, "typedef %s %s;", berthi_bg_tag_type(t->items_count), name);
        write_cases(bg, o, name, t, true);
        break;
    case BERTHI_WIT_FLAGS:
        write_flags(bg, o, name, t);
        break;
    case BERTHI_WIT_RESOURCE:
        write_handle(o, name);
        berthi_bg_line(o, "typedef struct %s_borrow {", name);
        berthi_bg_line(o, "    berth_handle handle;");
        berthi_bg_line(o, "} %s_borrow;", name);
        break;
    case BERTHI_WIT_ALIAS:
        write_alias(bg, o, name, t);
        break;
    case BERTHI_WIT_LIST:
        write_list(o, name, berthi_bg_type_name(bg, t->element), layout);
        break;
    case BERTHI_WIT_FIXED_LIST:
        berthi_bg_line(o, "typedef struct %s {", name);
        berthi_bg_line(o, "    %s at[%u];", berthi_bg_type_name(bg, t->element),
                       (unsigned)t->length);
        berthi_bg_line(o, "} %s;", name);
        write_layout(o, name, layout);
        break;
    case BERTHI_WIT_OPTION:
        write_option(bg, o, name, t, layout);
        break;
    case BERTHI_WIT_RESULT:
        write_result(bg, o, name, t, layout);
        break;
    case BERTHI_WIT_MAP:
        write_map(bg, o, name, t, layout);
        break;
    default:
        assert(false); /* there is no other kind */
    }
}

static void write_args(berthi_bg *bg, berthi_bg_out *o, const berthi_bg_func *f)
{
    if (f->args == NULL)
        return;
    berthi_bg_blank(o);
    berthi_bg_line(o, "/* the parameters of %s */", f->full_name);
    write_struct(bg, o, f->args, f->func->params, f->func->params_count, f->args_type);
}

void berthi_bg_write_head(const berthi_bg *bg, berthi_bg_out *o, const char *file,
                          const char *what)
{
    berthi_bg_comment(
        o,
        "%s - world %s: %s.\n\nWritten by `berth bindgen`; what is changed here is "
        "lost when it is written again.",
        file, bg->world->id, what);
}

berth_status berthi_bg_write_types(berthi_bg *bg, berthi_bg_out *o)
{
    berthi_bg_names *n = &bg->names;
    const char *guard = berthi_bg_format(n, "%s_TYPES_H", berthi_bg_upper(n, bg->prefix));

    berthi_bg_write_head(bg, o, berthi_bg_format(n, "%s_types.h", bg->prefix),
                         "types that host and plugin share");
    berthi_bg_line(o, "#ifndef %s", guard);
    berthi_bg_line(o, "#define %s", guard);
    berthi_bg_raw(o, "\n#ifdef __wasm32__\n#include \"berth_guest.h\"\n#else\n"
                     "#include <berth/layout.h>\n#endif\n\n"
                     "#ifdef __cplusplus\nextern \"C\" {\n#endif\n");
    for (uint32_t i = 0; i < bg->wit->types_count && !berthi_bg_out_is_full(o); i++)
        if (bg->is_needed[i] && bg->same_as[i] == i)
            write_type(bg, o, i);
    for (uint32_t i = 0; i < bg->funcs_count && !berthi_bg_out_is_full(o); i++)
        write_args(bg, o, &bg->funcs[i]);
    berthi_bg_raw(o, "\n#ifdef __cplusplus\n}\n#endif\n\n#endif\n");
    return BERTH_OK;
}
