/* type_text.c - types in the words of WIT.  Layer: component.
 *
 * Types share parts, so a walk of one may be exponentially longer than it; this one ends where its
 * text is full. */
#include "component/types/type_text.h"

#include <stdio.h>

typedef struct writer {
    char *text;
    size_t used, room; /* room: without the dots and the terminator */
    bool is_full;
    bool has_whole_names;
} writer;

static void put_bytes(writer *w, const char *text, size_t size)
{
    if (w->is_full)
        return;
    if (size > w->room - w->used) {
        w->is_full = true;
        memcpy(w->text + w->used, "...", 3);
        w->used += 3;
        return;
    }
    memcpy(w->text + w->used, text, size);
    w->used += size;
}

static void put(writer *w, const char *text)
{
    put_bytes(w, text, strlen(text));
}

static void put_name(writer *w, berthi_name name)
{
    if (w->has_whole_names)
        put_bytes(w, name.text, name.size);
    else
        put(w, berthi_cm_show(name).text);
}

const char *berthi_cm_kind_word(uint32_t kind)
{
    static const char *const words[] = {
        [BERTHI_CM_BOOL - BERTHI_CM_RESOURCE_TYPE] = "bool",
        [BERTHI_CM_S8 - BERTHI_CM_RESOURCE_TYPE] = "s8",
        [BERTHI_CM_U8 - BERTHI_CM_RESOURCE_TYPE] = "u8",
        [BERTHI_CM_S16 - BERTHI_CM_RESOURCE_TYPE] = "s16",
        [BERTHI_CM_U16 - BERTHI_CM_RESOURCE_TYPE] = "u16",
        [BERTHI_CM_S32 - BERTHI_CM_RESOURCE_TYPE] = "s32",
        [BERTHI_CM_U32 - BERTHI_CM_RESOURCE_TYPE] = "u32",
        [BERTHI_CM_S64 - BERTHI_CM_RESOURCE_TYPE] = "s64",
        [BERTHI_CM_U64 - BERTHI_CM_RESOURCE_TYPE] = "u64",
        [BERTHI_CM_F32 - BERTHI_CM_RESOURCE_TYPE] = "f32",
        [BERTHI_CM_F64 - BERTHI_CM_RESOURCE_TYPE] = "f64",
        [BERTHI_CM_CHAR - BERTHI_CM_RESOURCE_TYPE] = "char",
        [BERTHI_CM_STRING - BERTHI_CM_RESOURCE_TYPE] = "string",
        [BERTHI_CM_RECORD - BERTHI_CM_RESOURCE_TYPE] = "record",
        [BERTHI_CM_VARIANT - BERTHI_CM_RESOURCE_TYPE] = "variant",
        [BERTHI_CM_LIST - BERTHI_CM_RESOURCE_TYPE] = "list",
        [BERTHI_CM_TUPLE - BERTHI_CM_RESOURCE_TYPE] = "tuple",
        [BERTHI_CM_FLAGS - BERTHI_CM_RESOURCE_TYPE] = "flags",
        [BERTHI_CM_ENUM - BERTHI_CM_RESOURCE_TYPE] = "enum",
        [BERTHI_CM_OPTION - BERTHI_CM_RESOURCE_TYPE] = "option",
        [BERTHI_CM_RESULT - BERTHI_CM_RESOURCE_TYPE] = "result",
        [BERTHI_CM_OWN - BERTHI_CM_RESOURCE_TYPE] = "own",
        [BERTHI_CM_BORROW - BERTHI_CM_RESOURCE_TYPE] = "borrow",
        [BERTHI_CM_FIXED_LIST - BERTHI_CM_RESOURCE_TYPE] = "list",
        [BERTHI_CM_STREAM - BERTHI_CM_RESOURCE_TYPE] = "stream",
        [BERTHI_CM_FUTURE - BERTHI_CM_RESOURCE_TYPE] = "future",
        [BERTHI_CM_ERROR_CONTEXT - BERTHI_CM_RESOURCE_TYPE] = "error-context",
        [BERTHI_CM_MAP - BERTHI_CM_RESOURCE_TYPE] = "map",
        [BERTHI_CM_ASYNC_FUNC_TYPE - BERTHI_CM_RESOURCE_TYPE] = "async func",
        [BERTHI_CM_INSTANCE_TYPE - BERTHI_CM_RESOURCE_TYPE] = "instance",
        [BERTHI_CM_COMPONENT_TYPE - BERTHI_CM_RESOURCE_TYPE] = "component",
        [BERTHI_CM_FUNC_TYPE - BERTHI_CM_RESOURCE_TYPE] = "func",
        [BERTHI_CM_RESOURCE_TYPE - BERTHI_CM_RESOURCE_TYPE] = "resource",
    };
    const char *word = kind >= BERTHI_CM_RESOURCE_TYPE && kind <= BERTHI_CM_BOOL
                           ? words[kind - BERTHI_CM_RESOURCE_TYPE]
                           : NULL;

    return word == NULL ? "type" : word;
}

static void put_type(writer *w, const berthi_cm_type *type);

/* a: T, b: U */
static void put_fields(writer *w, const berthi_cm_type *type, uint32_t count)
{
    for (uint32_t i = 0; i < count && !w->is_full; i++) {
        const berthi_cm_extern *item = &type->items[i];

        put(w, i == 0 ? "" : ", ");
        put_name(w, item->name);
        if (item->type != NULL) {
            put(w, type->kind == BERTHI_CM_VARIANT ? "(" : ": ");
            put_type(w, item->type);
            put(w, type->kind == BERTHI_CM_VARIANT ? ")" : "");
        }
    }
}

/* <T, U>; a result without parts has none of it, one without the first "_" there. */
static void put_parts(writer *w, const berthi_cm_type *type)
{
    uint32_t count = type->count;
    char length[16];

    while (count > 0 && type->items[count - 1].type == NULL)
        count--;
    if (count == 0)
        return;
    put(w, "<");
    for (uint32_t i = 0; i < count && !w->is_full; i++) {
        put(w, i == 0 ? "" : ", ");
        if (type->items[i].type == NULL)
            put(w, "_");
        else
            put_type(w, type->items[i].type);
    }
    if (type->kind == BERTHI_CM_FIXED_LIST) {
        snprintf(length, sizeof length, ", %u", (unsigned)type->length);
        put(w, length);
    }
    put(w, ">");
}

/* Recursion is bounded by the depth of types. */
static void put_type(writer *w, const berthi_cm_type *type)
{
    if (w->is_full)
        return;
    put(w, berthi_cm_kind_word(type->kind));
    switch (type->kind) {
    case BERTHI_CM_RECORD:
    case BERTHI_CM_VARIANT:
    case BERTHI_CM_FLAGS:
    case BERTHI_CM_ENUM:
        put(w, " { ");
        put_fields(w, type, type->count);
        put(w, " }");
        break;
    case BERTHI_CM_FUNC_TYPE:
    case BERTHI_CM_ASYNC_FUNC_TYPE:
        put(w, "(");
        put_fields(w, type, type->count - 1);
        put(w, ")");
        if (berthi_cm_func_result(type) != NULL) {
            put(w, " -> ");
            put_type(w, berthi_cm_func_result(type));
        }
        break;
    case BERTHI_CM_RESOURCE_TYPE:
        break;
    default:
        if (berthi_cm_is_value_type(type))
            put_parts(w, type);
    }
}

berthi_cm_type_shown berthi_cm_type_show(const berthi_cm_type *type)
{
    berthi_cm_type_shown shown = { "" };
    writer w = { .text = shown.text, .room = sizeof shown.text - 4 };

    if (type == NULL)
        put(&w, "nothing");
    else
        put_type(&w, type);
    shown.text[w.used] = '\0';
    return shown;
}

bool berthi_cm_type_write(const berthi_cm_type *type, char *out, size_t room)
{
    writer w = { .text = out, .room = room - 4, .has_whole_names = true };

    put_type(&w, type);
    out[w.used] = '\0';
    return !w.is_full;
}
