/* manifest_schema.c - fields by rule, with errors that name the field and the line.  Layer: bundle. */
#include "bundle/manifest_schema.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/utf8.h"
#include "contract/wit_words.h"

enum { WHAT_SHOWN = 180, NAME_SHOWN = 64 };

bool berthi_schema_wrong(berthi_schema *s, const berthi_toml *value, const char *format, ...)
{
    char what[WHAT_SHOWN], name[NAME_SHOWN];
    va_list args;

    if (s->status != BERTH_OK)
        return false;
    va_start(args, format);
    if (vsnprintf(what, sizeof what, format, args) < 0)
        what[0] = '\0';
    va_end(args);
    if (value->name == NULL)
        s->status = berthi_toml_fail(s->diag, s->source, value, "`%s`: %s", s->where, what);
    else
        s->status = berthi_toml_fail(
            s->diag, s->source, value, "`%s.%s`: %s", s->where,
            berthi_utf8_show(name, sizeof name, value->name, value->name_length), what);
    return false;
}

bool berthi_schema_no_memory(berthi_schema *s)
{
    if (s->status == BERTH_OK)
        s->status = berthi_fail(s->diag, BERTH_E_NOMEM, "no memory to read a manifest");
    return false;
}

static bool is_known(const berthi_toml *member, const char *const *known)
{
    for (; *known != NULL; known++)
        if (strlen(*known) == member->name_length &&
            memcmp(*known, member->name, member->name_length) == 0)
            return true;
    return false;
}

static bool fail_unknown(berthi_schema *s, const berthi_toml *member, const char *const *known)
{
    wit_guess guess = berthi_wit_guess_start(member->name);
    char name[NAME_SHOWN], list[WHAT_SHOWN] = "";
    size_t used = 0;

    for (const char *const *k = known; *k != NULL && used < sizeof list; k++) {
        berthi_wit_guess_offer(&guess, *k);
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", used == 0 ? "" : ", ",
                                 *k);
    }
    berthi_utf8_show(name, sizeof name, member->name, member->name_length);
    if (guess.best != NULL)
        s->status = berthi_toml_fail_key(s->diag, s->source, member, "`%s` has no field `%s`%s",
                                         s->where, name, berthi_wit_guess_hint(&guess).text);
    else
        s->status = berthi_toml_fail_key(s->diag, s->source, member,
                                         "`%s` has no field `%s`; expected one of %s", s->where,
                                         name, list);
    return false;
}

bool berthi_schema_enter(berthi_schema *s, const berthi_toml *table, const char *where,
                         const char *const *known)
{
    if (s->status != BERTH_OK)
        return false;
    s->where = where;
    s->table = table;
    if (table->kind != BERTHI_TOML_TABLE) {
        s->status = berthi_toml_fail(s->diag, s->source, table, "`%s` is %s; expected a table",
                                     where, berthi_toml_kind_name(table->kind));
        return false;
    }
    for (const berthi_toml *m = table->as.in.first; m != NULL; m = m->next)
        if (!is_known(m, known))
            return fail_unknown(s, m, known);
    return true;
}

const berthi_toml *berthi_schema_field(berthi_schema *s, const char *name,
                                       berthi_toml_kind kind, bool is_required)
{
    const berthi_toml *value;

    if (s->status != BERTH_OK)
        return NULL;
    value = berthi_toml_member(s->table, name);
    if (value == NULL && is_required)
        s->status =
            berthi_toml_fail(s->diag, s->source, s->table,
                             "`%s` has no `%s`; expected `%s = ...`", s->where, name, name);
    if (value == NULL || value->kind == kind)
        return value;
    berthi_schema_wrong(s, value, "is %s; expected %s", berthi_toml_kind_name(value->kind),
                        berthi_toml_kind_name(kind));
    return NULL;
}

bool berthi_schema_text(berthi_schema *s, const char *name, bool is_required, size_t size_max,
                        const char **out)
{
    const berthi_toml *value = berthi_schema_field(s, name, BERTHI_TOML_STRING, is_required);

    if (value == NULL)
        return s->status == BERTH_OK;
    if (value->as.string.length == 0 || value->as.string.length > size_max)
        return berthi_schema_wrong(s, value, "has %zu bytes; expected 1 to %zu",
                                   value->as.string.length, size_max);
    if (!berthi_utf8_is_plain_text(value->as.string.text, value->as.string.length))
        return berthi_schema_wrong(s, value, "holds what cannot be shown; expected plain text");
    *out = berthi_arena_strndup(s->arena, value->as.string.text, value->as.string.length);
    return *out != NULL || berthi_schema_no_memory(s);
}

bool berthi_schema_choice(berthi_schema *s, const char *name, bool is_required,
                          const char *const *choices, uint32_t *out)
{
    const berthi_toml *value = berthi_schema_field(s, name, BERTHI_TOML_STRING, is_required);
    char list[WHAT_SHOWN] = "", shown[NAME_SHOWN];
    wit_guess guess;
    size_t used = 0;

    if (value == NULL)
        return s->status == BERTH_OK;
    guess = berthi_wit_guess_start(value->as.string.text);
    for (uint32_t i = 0; choices[i] != NULL; i++) {
        if (strlen(choices[i]) == value->as.string.length &&
            memcmp(choices[i], value->as.string.text, value->as.string.length) == 0) {
            *out = i;
            return true;
        }
        berthi_wit_guess_offer(&guess, choices[i]);
        if (used < sizeof list)
            used += (size_t)snprintf(list + used, sizeof list - used, "%s%s",
                                     used == 0 ? "" : ", ", choices[i]);
    }
    berthi_utf8_show(shown, sizeof shown, value->as.string.text, value->as.string.length);
    return berthi_schema_wrong(s, value, "`%s` is none; expected %s%s", shown, list,
                               berthi_wit_guess_hint(&guess).text);
}

bool berthi_schema_integer(berthi_schema *s, const char *name, int64_t min, int64_t max,
                           int64_t *out)
{
    const berthi_toml *value = berthi_schema_field(s, name, BERTHI_TOML_INTEGER, false);
    int64_t number;

    if (value == NULL)
        return s->status == BERTH_OK;
    if (!berthi_toml_signed(value, &number) || number < min || number > max)
        return berthi_schema_wrong(s, value, "is out of range; expected %lld to %lld",
                                   (long long)min, (long long)max);
    *out = number;
    return true;
}

bool berthi_schema_bool(berthi_schema *s, const char *name, bool *out)
{
    const berthi_toml *value = berthi_schema_field(s, name, BERTHI_TOML_BOOL, false);

    if (value != NULL)
        *out = value->as.boolean;
    return s->status == BERTH_OK;
}

bool berthi_schema_file(berthi_schema *s, const berthi_toml *value, const char *file)
{
    if (!berthi_path_stays_below(file))
        return berthi_schema_wrong(s, value,
                                   "`%.80s` leads out of the bundle; expected a path below it "
                                   "without `.` and `..`",
                                   file);
    if (berthi_is_manifest_name(file) || strcmp(file, BERTHI_SIGNATURE_NAME) == 0)
        return berthi_schema_wrong(s, value, "`%s` is no artifact; expected the path of one",
                                   file);
    return true;
}

/* ---------------------------------------------------------------- quantities */

typedef struct unit {
    const char *name;
    uint64_t factor;
} unit;

static bool read_quantity(const char *text, size_t size, const unit *units, uint64_t *out)
{
    uint64_t number = 0;
    size_t at = 0;

    for (; at < size && text[at] >= '0' && text[at] <= '9'; at++)
        if (__builtin_mul_overflow(number, (uint64_t)10, &number) ||
            __builtin_add_overflow(number, (uint64_t)(text[at] - '0'), &number))
            return false;
    if (at == 0)
        return false;
    for (; units->name != NULL; units++)
        if (strlen(units->name) == size - at && memcmp(units->name, text + at, size - at) == 0)
            return !__builtin_mul_overflow(number, units->factor, out) && *out != 0;
    return false;
}

static bool take_quantity(berthi_schema *s, const char *name, const unit *units,
                          const char *expected, uint64_t most, uint64_t *out)
{
    const berthi_toml *value = berthi_schema_field(s, name, BERTHI_TOML_STRING, false);
    char shown[NAME_SHOWN];
    bool is_one;

    if (value == NULL)
        return s->status == BERTH_OK;
    is_one = read_quantity(value->as.string.text, value->as.string.length, units, out);
    if (is_one && *out <= most)
        return true;
    berthi_utf8_show(shown, sizeof shown, value->as.string.text, value->as.string.length);
    while (units[1].name != NULL && most % units[1].factor == 0)
        units++; /* the largest in which the bound is a whole number */
    if (is_one)
        return berthi_schema_wrong(s, value, "`%s` is too much; expected at most %llu%s", shown,
                                   (unsigned long long)(most / units->factor), units->name);
    return berthi_schema_wrong(s, value, "`%s` cannot be read; expected %s", shown, expected);
}

bool berthi_schema_time(berthi_schema *s, const char *name, uint64_t most, uint64_t *ns_out)
{
    static const unit units[] = { { "us", 1000 },
                                  { "ms", 1000000 },
                                  { "s", 1000000000 },
                                  { "min", UINT64_C(60000000000) },
                                  { NULL, 0 } };

    return take_quantity(s, name, units,
                         "a time such as \"500us\", \"100ms\", \"2s\", \"1min\"", most, ns_out);
}

bool berthi_schema_size(berthi_schema *s, const char *name, uint64_t most, uint64_t *bytes_out)
{
    static const unit units[] = {
        { "B", 1 }, { "KiB", 1 << 10 }, { "MiB", 1 << 20 }, { "GiB", 1 << 30 }, { NULL, 0 }
    };

    return take_quantity(s, name, units, "a size such as \"512KiB\", \"64MiB\", \"1GiB\"", most,
                         bytes_out);
}
