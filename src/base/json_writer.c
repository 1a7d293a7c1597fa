/* json_writer.c - writing JSON.  Layer: base. */
#include "base/json_writer.h"

#include <assert.h>
#include <inttypes.h>

#include "base/utf8.h"

void berthi_json_init(berthi_json_writer *w, berthi_text_buf *out)
{
    *w = (berthi_json_writer){ .out = out };
}

void berthi_json_put_string(berthi_text_buf *out, const char *text, size_t size)
{
    uint32_t c;

    berthi_text_buf_puts(out, "\"");
    for (size_t i = 0, step; i < size; i += step) {
        step = berthi_utf8_next(text + i, size - i, &c);
        if (step == 0) {
            step = 1;
            berthi_text_buf_puts(out, "\\ufffd");
        } else if (c == '"' || c == '\\') {
            berthi_text_buf_putf(out, "\\%c", (int)c);
        } else if (c == '\n') {
            berthi_text_buf_puts(out, "\\n");
        } else if (berthi_utf8_is_plain(c)) {
            berthi_text_buf_put(out, text + i, step);
        } else if (c < 0x10000) {
            berthi_text_buf_putf(out, "\\u%04" PRIx32, c);
        } else {
            berthi_text_buf_putf(out, "\\u%04" PRIx32 "\\u%04" PRIx32,
                                 0xd800 + ((c - 0x10000) >> 10), 0xdc00 + (c & 0x3ff));
        }
    }
    berthi_text_buf_puts(out, "\"");
}

static void put_key(berthi_json_writer *w, const char *key)
{
    if (w->depth > 0) {
        assert((key != NULL) == (w->closer[w->depth - 1] == '}'));
        berthi_text_buf_puts(w->out, w->has_members[w->depth - 1] ? ",\n" : "\n");
        berthi_text_buf_fill(w->out, ' ', 2 * (size_t)w->depth);
        w->has_members[w->depth - 1] = true;
    }
    if (key != NULL) {
        berthi_json_put_string(w->out, key, strlen(key));
        berthi_text_buf_puts(w->out, ": ");
    }
}

static void begin(berthi_json_writer *w, const char *key, const char *opener, char closer)
{
    put_key(w, key);
    assert(w->depth < BERTHI_JSON_DEPTH_MAX);
    w->has_members[w->depth] = false;
    w->closer[w->depth] = closer;
    w->depth++;
    berthi_text_buf_puts(w->out, opener);
}

void berthi_json_object(berthi_json_writer *w, const char *key)
{
    begin(w, key, "{", '}');
}

void berthi_json_array(berthi_json_writer *w, const char *key)
{
    begin(w, key, "[", ']');
}

void berthi_json_end(berthi_json_writer *w)
{
    assert(w->depth > 0);
    w->depth--;
    if (w->has_members[w->depth]) {
        berthi_text_buf_puts(w->out, "\n");
        berthi_text_buf_fill(w->out, ' ', 2 * (size_t)w->depth);
    }
    berthi_text_buf_put(w->out, &w->closer[w->depth], 1);
    if (w->depth == 0)
        berthi_text_buf_puts(w->out, "\n");
}

void berthi_json_text(berthi_json_writer *w, const char *key, const char *text, size_t size)
{
    put_key(w, key);
    berthi_json_put_string(w->out, text, size);
}

void berthi_json_string(berthi_json_writer *w, const char *key, const char *text)
{
    if (text == NULL)
        berthi_json_null(w, key);
    else
        berthi_json_text(w, key, text, strlen(text));
}

void berthi_json_uint(berthi_json_writer *w, const char *key, uint64_t value)
{
    put_key(w, key);
    berthi_text_buf_putf(w->out, "%" PRIu64, value);
}

void berthi_json_number(berthi_json_writer *w, const char *key, const char *number)
{
    put_key(w, key);
    berthi_text_buf_puts(w->out, number);
}

void berthi_json_bool(berthi_json_writer *w, const char *key, bool value)
{
    put_key(w, key);
    berthi_text_buf_puts(w->out, value ? "true" : "false");
}

void berthi_json_null(berthi_json_writer *w, const char *key)
{
    put_key(w, key);
    berthi_text_buf_puts(w->out, "null");
}
