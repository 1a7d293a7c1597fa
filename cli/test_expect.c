/* test_expect.c - whether a result is what a case expects, and what differs if not.  Layer: cli. */
#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

enum { LINES_SHOWN = 12, LINE_ROOM = 400, HEX_SHOWN = 16 };

static void add(char *why, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(char *why, const char *format, ...)
{
    size_t used = strlen(why);
    va_list args;

    va_start(args, format);
    if (vsnprintf(why + used, TEST_WHY_MAX - used, format, args) < 0)
        why[used] = '\0';
    va_end(args);
}

/* ---------------------------------------------------------------- what differs */

typedef struct text {
    const char *data;
    size_t size;
} text;

/* The line that starts at `at`; *next_out is where the one behind it starts. */
static text line_at(text t, size_t at, size_t *next_out)
{
    const char *newline = memchr(t.data + at, '\n', t.size - at);
    size_t end = newline == NULL ? t.size : (size_t)(newline - t.data);

    *next_out = newline == NULL ? t.size : end + 1;
    return (text){ t.data + at, end - at };
}

static void add_line(char *why, char mark, text line)
{
    char raw[LINE_ROOM], clean[4 * LINE_ROOM];
    size_t size = line.size < sizeof raw - 1 ? line.size : sizeof raw - 1;

    memcpy(raw, line.data, size);
    raw[size] = '\0';
    for (size_t i = 0; i < size; i++)
        if (raw[i] == '\0')
            raw[i] = ' ';
    cli_clean(clean, sizeof clean, raw, false);
    add(why, "%c %s%s\n", mark, clean, size < line.size ? " ..." : "");
}

/* The lines from `at`, up to `end`, and how many more there are. */
static void add_lines(char *why, char mark, text t, size_t at, size_t end)
{
    unsigned shown = 0, more = 0;

    while (at < end) {
        size_t next;
        text line = line_at(t, at, &next);

        if (shown++ < LINES_SHOWN)
            add_line(why, mark, line);
        else
            more++;
        at = next;
    }
    if (more != 0)
        add(why, "%c (%u more lines)\n", mark, more);
}

static bool is_text(text t)
{
    for (size_t i = 0; i < t.size; i++)
        if ((unsigned char)t.data[i] < ' ' && t.data[i] != '\n' && t.data[i] != '\t')
            return false;
    return true;
}

static void add_hex(char *why, char mark, text t, size_t at)
{
    size_t from = at - at % HEX_SHOWN;

    add(why, "%c %06zx ", mark, from);
    for (size_t i = from; i < from + HEX_SHOWN && i < t.size; i++)
        add(why, " %02x", (unsigned char)t.data[i]);
    add(why, "  ");
    for (size_t i = from; i < from + HEX_SHOWN && i < t.size; i++)
        add(why, "%c", isprint((unsigned char)t.data[i]) ? t.data[i] : '.');
    add(why, "%s\n", from >= t.size ? "(its end)" : "");
}

/* Lines that both have at the front and at the end are left out, but for one before. */
static void add_difference(char *why, text want, text got)
{
    size_t least = want.size < got.size ? want.size : got.size, same = 0, start, before,
           tail = 0;

    while (same < least && want.data[same] == got.data[same])
        same++;
    add(why, "they differ from byte %zu on: %zu bytes were expected (-), %zu came (+)\n", same,
        want.size, got.size);
    if (!is_text(want) || !is_text(got)) {
        add_hex(why, '-', want, same);
        add_hex(why, '+', got, same);
        return;
    }
    for (start = same; start > 0 && want.data[start - 1] != '\n'; start--)
        ;
    while (tail < least - same &&
           want.data[want.size - tail - 1] == got.data[got.size - tail - 1])
        tail++;
    while (tail > 0 && want.data[want.size - tail - 1] != '\n') /* whole lines */
        tail--;
    if (start > 0) {
        size_t next;

        for (before = start - 1; before > 0 && want.data[before - 1] != '\n'; before--)
            ;
        add_line(why, ' ', line_at(want, before, &next));
    }
    add_lines(why, '-', want, start, want.size - tail);
    add_lines(why, '+', got, start, got.size - tail);
}

/* ---------------------------------------------------------------- what is expected */

static void add_came(char *why, const test_result *r)
{
    add(why, "this came:\n");
    add_lines(why, '+', (text){ r->data, r->size }, 0, r->size);
}

static bool has_part(const test_result *r, const char *part)
{
    return memmem(r->data, r->size, part, strlen(part)) != NULL;
}

static bool is_one_of(const test_result *r, const test_texts *texts)
{
    for (uint32_t i = 0; i < texts->count; i++)
        if (strlen(texts->at[i]) == r->size && memcmp(texts->at[i], r->data, r->size) == 0)
            return true;
    return false;
}

static bool is_json(const test_case *t, const test_result *r, char *why)
{
    json_error_t error;
    json_t *got = json_loadb(r->data, r->size, JSON_DECODE_ANY, &error);
    bool same = got != NULL && json_equal(got, t->json) == 1;
    char *want_text, *got_text;

    if (got == NULL) {
        add(why, "it is no JSON: line %d: %s\n", error.line, error.text);
        add_came(why, r);
    } else if (!same) {
        want_text = json_dumps(t->json, JSON_INDENT(2) | JSON_SORT_KEYS | JSON_ENCODE_ANY);
        got_text = json_dumps(got, JSON_INDENT(2) | JSON_SORT_KEYS | JSON_ENCODE_ANY);
        add_difference(why, (text){ want_text, strlen(want_text) },
                       (text){ got_text, strlen(got_text) });
        free(want_text);
        free(got_text);
    }
    json_decref(got);
    return same;
}

static bool is_reply(const test_case *t, const test_result *r, char *why)
{
    text want = { (const char *)t->output.data, t->output.size }, got = { r->data, r->size };

    if (t->has_output &&
        (want.size != got.size || memcmp(want.data, got.data, got.size) != 0)) {
        add_difference(why, want, got);
        return false;
    }
    for (uint32_t i = 0; i < t->contains.count; i++)
        if (!has_part(r, t->contains.at[i])) {
            add(why, "it does not contain \"%s\"\n", t->contains.at[i]);
            add_came(why, r);
            return false;
        }
    if (t->starts != NULL &&
        (strlen(t->starts) > r->size || memcmp(t->starts, r->data, strlen(t->starts)) != 0)) {
        add(why, "it does not start with \"%s\"\n", t->starts);
        add_came(why, r);
        return false;
    }
    if (t->ends != NULL &&
        (strlen(t->ends) > r->size ||
         memcmp(t->ends, r->data + r->size - strlen(t->ends), strlen(t->ends)) != 0)) {
        add(why, "it does not end with \"%s\"\n", t->ends);
        add_came(why, r);
        return false;
    }
    if (t->one_of.count != 0 && !is_one_of(r, &t->one_of)) {
        add(why, "it is none of %u texts\n", t->one_of.count);
        add_came(why, r);
        return false;
    }
    return t->json == NULL || is_json(t, r, why);
}

static bool is_error(const test_case *t, const test_result *r, char *why)
{
    char word[64];

    if (r->status == BERTH_OK) {
        add(why, "the error \"%s\" was expected; %s\n", t->error,
            r->is_dropped ? "the record was dropped" : "a reply came");
        if (!r->is_dropped)
            add_came(why, r);
        return false;
    }
    cli_failure_word(word, sizeof word, r->status, (berth_reason)r->diag.reason);
    if (strstr(word, t->error) != NULL || strstr(r->diag.text, t->error) != NULL)
        return true;
    add(why, "the error has no \"%s\" in it: %s: %s\n", t->error, word, r->diag.text);
    return false;
}

bool test_is_expected(const test_case *t, const test_result *result, char *why)
{
    char word[64];

    why[0] = '\0';
    if (t->error != NULL)
        return is_error(t, result, why);
    if (result->status != BERTH_OK) {
        cli_failure_word(word, sizeof word, result->status, (berth_reason)result->diag.reason);
        add(why, "it failed: %s: %s\n", word, result->diag.text);
        return false;
    }
    if (t->is_dropped != result->is_dropped) {
        add(why,
            result->is_dropped ? "the record was dropped\n" : "the record was not dropped\n");
        return false;
    }
    return t->is_dropped || is_reply(t, result, why);
}
