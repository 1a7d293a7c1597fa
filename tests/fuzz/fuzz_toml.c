/* fuzz_toml.c - whatever the text is, the TOML reader takes it or says where it is wrong; what it
 * takes means the same when it is written out as one inline table and read again. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text_buf.h"
#include "base/toml_reader.h"
#include "base/utf8.h"
#include "fuzz.h"

static void put_string(berthi_text_buf *out, const char *text, size_t size)
{
    uint32_t character;

    berthi_text_buf_puts(out, "\"");
    for (size_t at = 0; at < size;) {
        size_t step = berthi_utf8_next(text + at, size - at, &character);

        CHECK(step != 0);
        if (character < 0x20 || character == '"' || character == '\\' || character >= 0x7f)
            berthi_text_buf_putf(out, "\\U%08X", (unsigned)character);
        else
            berthi_text_buf_put(out, text + at, step);
        at += step;
    }
    berthi_text_buf_puts(out, "\"");
}

static void put_time(berthi_text_buf *out, const berthi_toml *v)
{
    const berthi_toml_time *t = &v->as.time;
    int offset = abs(t->offset);

    if (v->kind != BERTHI_TOML_LOCAL_TIME)
        berthi_text_buf_putf(out, "%04u-%02u-%02u", t->year, t->month, t->day);
    if (v->kind == BERTHI_TOML_DATE_TIME || v->kind == BERTHI_TOML_LOCAL_DATE_TIME)
        berthi_text_buf_puts(out, "T");
    if (v->kind != BERTHI_TOML_LOCAL_DATE)
        berthi_text_buf_putf(out, "%02u:%02u:%02u.%09u", t->hour, t->minute, t->second,
                             t->nanosecond);
    if (v->kind == BERTHI_TOML_DATE_TIME)
        berthi_text_buf_putf(out, "%c%02d:%02d", t->offset < 0 ? '-' : '+', offset / 60,
                             offset % 60);
}

static void put_float(berthi_text_buf *out, double number)
{
    char text[40];

    if (isnan(number))
        snprintf(text, sizeof text, "nan");
    else if (isinf(number))
        snprintf(text, sizeof text, "%s", number < 0 ? "-inf" : "inf");
    else
        snprintf(text, sizeof text, "%.17e", number);
    berthi_text_buf_puts(out, text);
}

static void put(berthi_text_buf *out, const berthi_toml *v)
{
    switch (v->kind) {
    case BERTHI_TOML_STRING:
        put_string(out, v->as.string.text, v->as.string.length);
        return;
    case BERTHI_TOML_INTEGER:
        if (v->is_wide)
            berthi_text_buf_putf(out, "%llu", (unsigned long long)v->as.integer);
        else
            berthi_text_buf_putf(out, "%lld", (long long)v->as.integer);
        return;
    case BERTHI_TOML_FLOAT:
        put_float(out, v->as.number);
        return;
    case BERTHI_TOML_BOOL:
        berthi_text_buf_puts(out, v->as.boolean ? "true" : "false");
        return;
    case BERTHI_TOML_TABLE:
    case BERTHI_TOML_ARRAY:
        break;
    default:
        put_time(out, v);
        return;
    }
    berthi_text_buf_puts(out, v->kind == BERTHI_TOML_TABLE ? "{" : "[");
    for (const berthi_toml *m = v->as.in.first; m != NULL; m = m->next) {
        if (m != v->as.in.first)
            berthi_text_buf_puts(out, ",");
        if (v->kind == BERTHI_TOML_TABLE) {
            put_string(out, m->name, m->name_length);
            berthi_text_buf_puts(out, "=");
        }
        put(out, m);
    }
    berthi_text_buf_puts(out, v->kind == BERTHI_TOML_TABLE ? "}" : "]");
}

/* Every value stands where it says. */
static void check_places(const berthi_toml *v, size_t size)
{
    uint32_t count = 0;

    CHECK(v->at <= size && (size_t)v->at + v->size <= size + 1);
    CHECK((size_t)v->key_at + v->key_size <= size);
    if (v->kind != BERTHI_TOML_TABLE && v->kind != BERTHI_TOML_ARRAY)
        return;
    for (const berthi_toml *m = v->as.in.first; m != NULL; m = m->next, count++)
        check_places(m, size);
    CHECK(count == v->count);
}

static berth_status read_text(const char *text, size_t size, const berthi_toml_limits *limits,
                              berthi_text_buf *out)
{
    berthi_text source = { "f", text, size };
    const berthi_toml *root = NULL;
    berth_diag diag = { 0 };
    berthi_arena arena;
    berth_status status;

    berthi_arena_init(&arena, &berthi_allocator_libc, SIZE_MAX);
    status = berthi_toml_read(&source, limits, &arena, &root, &diag);
    CHECK(status == BERTH_OK || status == BERTH_E_REJECTED || status == BERTH_E_LIMIT);
    CHECK((status == BERTH_OK) == (root != NULL) && (int32_t)status == diag.status);
    CHECK(arena.bytes <= 16384 + 160 * size); /* a small multiple of the text */
    CHECK(status == BERTH_OK || strncmp(diag.text, "f:", 2) == 0);
    if (root != NULL) {
        check_places(root, size);
        put(out, root);
    }
    berthi_arena_fini(&arena);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const berthi_toml_limits first = { .allows_unsigned = true }, second = {
        .bytes = UINT32_MAX, .nesting = BERTHI_TOML_NESTING_MAX + 1, .allows_unsigned = true
    };
    berthi_text_buf once, wrapped, twice;

    berthi_text_buf_init(&once, &berthi_allocator_libc);
    berthi_text_buf_init(&wrapped, &berthi_allocator_libc);
    berthi_text_buf_init(&twice, &berthi_allocator_libc);
    if (read_text((const char *)data, size, &first, &once) == BERTH_OK) {
        berthi_text_buf_puts(&wrapped, "x=");
        berthi_text_buf_put(&wrapped, once.data, once.size);
        CHECK(read_text(wrapped.data, wrapped.size, &second, &twice) == BERTH_OK);
        CHECK(twice.size == once.size + strlen("{\"x\"=}"));
        CHECK(memcmp(twice.data + strlen("{\"x\"="), once.data, once.size) == 0);
    }
    berthi_text_buf_fini(&once);
    berthi_text_buf_fini(&wrapped);
    berthi_text_buf_fini(&twice);
    return 0;
}
