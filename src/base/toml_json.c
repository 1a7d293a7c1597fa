/* base/toml_json.c - a document of TOML, written as JSON with the lines of its tables.  Layer: base. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <berth/toml.h>

#include "base/json_writer.h"
#include "base/reply_arena.h"
#include "base/toml_reader.h"

enum { NESTING_MAX = 12, MEMORY_MAX = 256 << 20 };

_Static_assert((int)NESTING_MAX < (int)BERTHI_JSON_DEPTH_MAX, "the writer nests as deep");

typedef struct writing {
    const berthi_text *source;
    berthi_json_writer json;
    berth_diag *diag;
    berth_status status; /* of the first thing that JSON cannot say */
} writing;

static void put_number(writing *w, const char *key, const berthi_toml *value)
{
    char text[40];

    if (value->kind == BERTHI_TOML_INTEGER) {
        snprintf(text, sizeof text, "%lld", (long long)value->as.integer);
    } else if (isfinite(value->as.number)) {
        snprintf(text, sizeof text, "%.17g", value->as.number);
        if (strpbrk(text, ".e") == NULL) /* 1.0 stays a number with a fraction */
            memcpy(text + strlen(text), ".0", sizeof ".0");
    } else {
        w->status = berthi_toml_fail(w->diag, w->source, value, "this is no number");
        return;
    }
    berthi_json_number(&w->json, key, text);
}

static void put_value(writing *w, const char *key, const berthi_toml *value);

/* Of a table or an array.  The reader has bounded how deep they nest: NESTING_MAX. */
static void put_members(writing *w, const char *key, const berthi_toml *value)
{
    bool is_table = value->kind == BERTHI_TOML_TABLE;

    if (is_table) {
        berthi_json_object(&w->json, key);
        berthi_json_uint(&w->json, "", berthi_place_of(w->source, value->at).line);
    } else {
        berthi_json_array(&w->json, key);
    }
    for (const berthi_toml *v = value->as.in.first; v != NULL && w->status == BERTH_OK;
         v = v->next) {
        if (is_table && (v->name_length == 0 || strlen(v->name) != v->name_length))
            w->status =
                berthi_toml_fail_key(w->diag, w->source, v, "a key has to be plain text");
        else
            put_value(w, is_table ? v->name : NULL, v);
    }
    berthi_json_end(&w->json);
}

static void put_value(writing *w, const char *key, const berthi_toml *value)
{
    switch (value->kind) {
    case BERTHI_TOML_TABLE:
    case BERTHI_TOML_ARRAY:
        put_members(w, key, value);
        break;
    case BERTHI_TOML_STRING:
        berthi_json_text(&w->json, key, value->as.string.text, value->as.string.length);
        break;
    case BERTHI_TOML_INTEGER:
    case BERTHI_TOML_FLOAT:
        put_number(w, key, value);
        break;
    case BERTHI_TOML_BOOL:
        berthi_json_bool(&w->json, key, value->as.boolean);
        break;
    default:
        w->status = berthi_toml_fail(w->diag, w->source, value,
                                     "dates and times mean nothing here; write a string");
        break;
    }
}

static berth_status write_all(const berthi_text *source, const berthi_toml *root,
                              berth_arena *arena, const char **json_out, berth_diag *diag)
{
    writing w = { source, { 0 }, diag, BERTH_OK };
    berthi_text_buf out;
    char *copy = NULL;

    berthi_text_buf_init(&out, &arena->allocator);
    berthi_json_init(&w.json, &out);
    put_value(&w, NULL, root);
    if (w.status == BERTH_OK && !out.has_failed)
        copy = berth_arena_alloc(arena, out.size + 1);
    if (copy != NULL)
        *json_out = memcpy(copy, out.data, out.size + 1);
    else if (w.status == BERTH_OK)
        w.status = berthi_fail(diag, BERTH_E_NOMEM, "out of memory");
    berthi_text_buf_fini(&out);
    return w.status;
}

berth_status berth_toml_json(const char *name, const char *text, size_t size,
                             berth_arena *arena, const char **json_out, berth_diag *diag)
{
    berthi_toml_limits limits = { .nesting = NESTING_MAX };
    berthi_text source = { name, text, size };
    const berthi_toml *root;
    berthi_arena values;
    berth_status status;

    BERTHI_REQUIRE(name != NULL && (text != NULL || size == 0), diag);
    BERTHI_REQUIRE(arena != NULL && json_out != NULL, diag);
    berthi_arena_init(&values, &arena->allocator, MEMORY_MAX);
    status = berthi_toml_read(&source, &limits, &values, &root, diag);
    if (status == BERTH_OK)
        status = write_all(&source, root, arena, json_out, diag);
    berthi_arena_fini(&values);
    return status;
}
