/* settings.c - settings read by the table, with errors that name what was meant.  Layer: ends. */
#include "ends/settings.h"

#include <stdio.h>

#include "base/diag.h"
#include "base/utf8.h"
#include "contract/wit_words.h"

enum { SHOWN = 80, TEXT_MAX = 4096 };

typedef struct suffix {
    const char *text;
    uint64_t factor;
} suffix;

static const suffix byte_suffixes[] = {
    { "", 1 }, { "KiB", 1 << 10 }, { "MiB", 1 << 20 }, { "GiB", 1 << 30 }
};
static const suffix time_suffixes[] = { { "ns", 1 },
                                        { "us", 1000 },
                                        { "ms", 1000000 },
                                        { "s", 1000000000 },
                                        { "m", UINT64_C(60000000000) },
                                        { "h", UINT64_C(3600000000000) } };
static const suffix plain[] = { { "", 1 } };

const char *berthi_end_role_name(uint32_t role)
{
    return role == BERTH_ROLE_SOURCE ? "source" : role == BERTH_ROLE_SINK ? "sink" : "stage";
}

/* ---------------------------------------------------------------- numbers */

/* Digits and one of the suffixes.  False: it is neither, or does not fit. */
static bool read_number(const char *text, const suffix *suffixes, size_t count,
                        uint64_t *value_out)
{
    uint64_t value = 0;
    size_t at = 0;

    for (; text[at] >= '0' && text[at] <= '9'; at++)
        if (__builtin_mul_overflow(value, 10u, &value) ||
            __builtin_add_overflow(value, (uint64_t)(text[at] - '0'), &value))
            return false;
    if (at == 0)
        return false;
    for (size_t i = 0; i < count; i++)
        if (strcmp(text + at, suffixes[i].text) == 0)
            return !__builtin_mul_overflow(value, suffixes[i].factor, value_out);
    return false;
}

static bool read_typed(berthi_end_type type, const char *text, uint64_t *value_out)
{
    if (type == BERTHI_END_BYTES)
        return read_number(text, byte_suffixes, 4, value_out);
    if (type == BERTHI_END_TIME) /* nothing is nothing in any unit */
        return read_number(text, time_suffixes, 6, value_out) ||
               (strcmp(text, "0") == 0 && read_number(text, plain, 1, value_out));
    return read_number(text, plain, 1, value_out);
}

static const char *form_of(berthi_end_type type)
{
    return type == BERTHI_END_BYTES  ? "a number of bytes, such as 4096 or 64KiB"
           : type == BERTHI_END_TIME ? "a time, such as 100ms or 5s"
                                     : "a whole number";
}

/* The place of the word among those with | between them. */
static bool find_word(const char *words, const char *word, uint64_t *place_out)
{
    size_t size = strlen(word);

    for (uint64_t place = 0;; place++) {
        const char *end = strchr(words, '|');
        size_t length = end == NULL ? strlen(words) : (size_t)(end - words);

        if (length == size && memcmp(words, word, size) == 0) {
            *place_out = place;
            return true;
        }
        if (end == NULL)
            return false;
        words = end + 1;
    }
}

/* ---------------------------------------------------------------- one setting */

static berth_status fail_value(const berthi_end_kind *kind, const berthi_end_setting *s,
                               const char *value, const char *what, berth_diag *diag)
{
    char shown[SHOWN];

    return berthi_fail(diag, BERTH_E_INVALID, "%s %s: `%s` is %s, and not `%s`", kind->name,
                       berthi_end_role_name(kind->role), s->name, what,
                       berthi_utf8_show(shown, sizeof shown, value, strlen(value)));
}

static berth_status read_text(const berthi_end_kind *kind, const berthi_end_setting *s,
                              const char *value, const berth_allocator *a,
                              berthi_end_values *values, berth_diag *diag)
{
    size_t size = strlen(value);
    char *copy;

    if (size == 0 || size > TEXT_MAX)
        return berthi_fail(diag, BERTH_E_INVALID, "%s %s: `%s` has 1 to %d bytes, not %zu",
                           kind->name, berthi_end_role_name(kind->role), s->name, TEXT_MAX,
                           size);
    copy = berthi_strndup(a, value, size);
    if (copy == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "no memory for `%s`", s->name);
    memcpy((char *)values + s->at, &copy, sizeof copy);
    return BERTH_OK;
}

static berth_status read_value(const berthi_end_kind *kind, const berthi_end_setting *s,
                               const char *value, const berth_allocator *a,
                               berthi_end_values *values, berth_diag *diag)
{
    uint64_t number = 0, min = 0, max = 0;

    if (s->type == BERTHI_END_TEXT)
        return read_text(kind, s, value, a, values, diag);
    if (s->type == BERTHI_END_WORDS) {
        if (!find_word(s->words, value, &number))
            return fail_value(kind, s, value, s->words, diag);
    } else {
        bool is_right = read_typed(s->type, s->min, &min) && read_typed(s->type, s->max, &max);

        assert(is_right);
        (void)is_right;
        if (!read_typed(s->type, value, &number))
            return fail_value(kind, s, value, form_of(s->type), diag);
        if (number < min || number > max) {
            char range[SHOWN];

            snprintf(range, sizeof range, "%s to %s", s->min, s->max);
            return fail_value(kind, s, value, range, diag);
        }
    }
    memcpy((char *)values + s->at, &number, sizeof number);
    return BERTH_OK;
}

/* ---------------------------------------------------------------- all of them */

static berth_status fail_unknown(const berthi_end_kind *kind, const char *name,
                                 berth_diag *diag)
{
    wit_guess guess = berthi_wit_guess_start(name);
    char shown[SHOWN];

    for (size_t i = 0; i < kind->settings_count; i++)
        berthi_wit_guess_offer(&guess, kind->settings[i].name);
    return berthi_fail(diag, BERTH_E_INVALID, "a %s %s has no setting `%s`%s", kind->name,
                       berthi_end_role_name(kind->role),
                       berthi_utf8_show(shown, sizeof shown, name, strlen(name)),
                       berthi_wit_guess_hint(&guess).text);
}

static const berth_setting *find_given(const char *name, const berth_setting *settings,
                                       size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(settings[i].name, name) == 0)
            return &settings[i];
    return NULL;
}

static bool is_known(const berthi_end_kind *kind, const char *name)
{
    for (size_t i = 0; i < kind->settings_count; i++)
        if (strcmp(kind->settings[i].name, name) == 0)
            return true;
    return false;
}

static berth_status check_names(const berthi_end_kind *kind, const berth_setting *settings,
                                size_t count, berth_diag *diag)
{
    for (size_t i = 0; i < count; i++) {
        BERTHI_REQUIRE(settings[i].name != NULL && settings[i].value != NULL, diag);
        if (!is_known(kind, settings[i].name))
            return fail_unknown(kind, settings[i].name, diag);
        if (find_given(settings[i].name, settings, i) != NULL)
            return berthi_fail(diag, BERTH_E_INVALID, "%s %s: `%s` is there twice", kind->name,
                               berthi_end_role_name(kind->role), settings[i].name);
    }
    return BERTH_OK;
}

berth_status berthi_end_read(const berthi_end_kind *kind, const berth_setting *settings,
                             size_t count, const berth_allocator *a, berthi_end_values *values,
                             berth_diag *diag)
{
    berth_status status = check_names(kind, settings, count, diag);

    memset(values, 0, sizeof *values);
    for (size_t i = 0; i < kind->settings_count && status == BERTH_OK; i++) {
        const berthi_end_setting *s = &kind->settings[i];
        const berth_setting *given = find_given(s->name, settings, count);
        const char *value = given != NULL ? given->value : s->initial;

        if (value == NULL)
            status = berthi_fail(diag, BERTH_E_INVALID, "a %s %s needs `%s`: %s", kind->name,
                                 berthi_end_role_name(kind->role), s->name, s->text);
        else if (given != NULL || s->type != BERTHI_END_TEXT || *value != '\0')
            status = read_value(kind, s, value, a, values, diag);
    }
    if (status == BERTH_OK && kind->check != NULL)
        status = kind->check(kind, values, diag);
    if (status != BERTH_OK)
        berthi_end_values_free(a, values);
    return status;
}

void berthi_end_values_free(const berth_allocator *a, berthi_end_values *values)
{
    char **texts[BERTHI_END_TEXTS] = { &values->path, &values->address, &values->url,
                                       &values->content_type, &values->headers };

    for (size_t i = 0; i < BERTHI_END_TEXTS; i++) {
        if (*texts[i] != NULL)
            berthi_free(a, *texts[i], strlen(*texts[i]) + 1);
        *texts[i] = NULL;
    }
}

berth_status berthi_end_find(const char *name, uint32_t role, const berthi_end_kind **kind_out,
                             berth_diag *diag)
{
    wit_guess guess = berthi_wit_guess_start(name);
    char shown[SHOWN];
    bool is_other_role = false;

    for (size_t i = 0; i < berthi_end_kinds_count; i++) {
        const berthi_end_kind *kind = berthi_end_kinds[i];

        if (strcmp(kind->name, name) == 0 && kind->role == role) {
            *kind_out = kind;
            return BERTH_OK;
        }
        is_other_role |= strcmp(kind->name, name) == 0;
        berthi_wit_guess_offer(&guess, kind->name);
    }
    if (is_other_role)
        return berthi_fail(diag, BERTH_E_ABSENT, "`%s` is no %s", name,
                           berthi_end_role_name(role));
    return berthi_fail(diag, BERTH_E_ABSENT, "there is no kind of %s `%s`%s",
                       berthi_end_role_name(role),
                       berthi_utf8_show(shown, sizeof shown, name, strlen(name)),
                       berthi_wit_guess_hint(&guess).text);
}

/* ---------------------------------------------------------------- the table, for others */

static const char *type_of(const berthi_end_setting *s)
{
    static const char *const names[] = { "text", "number", "bytes", "time" };

    return s->type == BERTHI_END_WORDS ? s->words : names[s->type];
}

berth_status berth_end_row_read(size_t index, berth_end_row *row)
{
    berth_end_row found = { .size = sizeof found };
    size_t i = 0;

    for (; i < berthi_end_kinds_count; i++) {
        if (index <= berthi_end_kinds[i]->settings_count)
            break;
        index -= berthi_end_kinds[i]->settings_count + 1;
    }
    if (i == berthi_end_kinds_count)
        return BERTH_E_ABSENT;
    found.kind = berthi_end_kinds[i]->name;
    found.role = berthi_end_kinds[i]->role;
    found.text = berthi_end_kinds[i]->text;
    if (index != 0) {
        const berthi_end_setting *s = &berthi_end_kinds[i]->settings[index - 1];

        found.name = s->name;
        found.type = type_of(s);
        found.initial = s->initial;
        found.min = s->min;
        found.max = s->max;
        found.text = s->text;
    }
    return berthi_stats_give(row, &found, sizeof found, "berth_end_row", NULL);
}
