/* toml_get.c - what a schema over TOML needs.  Layer: base. */
#include <stdarg.h>
#include <stdio.h>

#include "base/toml_reader.h"

enum { WHAT_SHOWN = 200 };

const berthi_toml *berthi_toml_member(const berthi_toml *table, const char *name)
{
    size_t length = strlen(name);

    if (table->kind != BERTHI_TOML_TABLE)
        return NULL;
    for (const berthi_toml *m = table->as.in.first; m != NULL; m = m->next)
        if (m->name_length == length && memcmp(m->name, name, length) == 0)
            return m;
    return NULL;
}

const char *berthi_toml_kind_name(berthi_toml_kind kind)
{
    static const char *const names[] = {
        "a table",   "an array", "a string",          "an integer", "a float",
        "a boolean", "a moment", "a local date-time", "a date",     "a time",
    };

    return names[kind];
}

bool berthi_toml_signed(const berthi_toml *value, int64_t *out)
{
    if (value->kind != BERTHI_TOML_INTEGER || value->is_wide)
        return false;
    *out = value->as.integer;
    return true;
}

bool berthi_toml_unsigned(const berthi_toml *value, uint64_t *out)
{
    if (value->kind != BERTHI_TOML_INTEGER || (!value->is_wide && value->as.integer < 0))
        return false;
    *out = (uint64_t)value->as.integer;
    return true;
}

__attribute__((format(printf, 5, 0))) static berth_status fail(berth_diag *diag,
                                                               const berthi_text *source,
                                                               uint32_t at, uint32_t size,
                                                               const char *format, va_list args)
{
    char what[WHAT_SHOWN];

    if (vsnprintf(what, sizeof what, format, args) < 0)
        what[0] = '\0';
    return berthi_fail_at(diag, BERTH_E_REJECTED, source, at, size, what);
}

berth_status berthi_toml_fail(berth_diag *diag, const berthi_text *source,
                              const berthi_toml *value, const char *format, ...)
{
    berth_status status;
    va_list args;

    va_start(args, format);
    status = fail(diag, source, value->at, value->size, format, args);
    va_end(args);
    return status;
}

berth_status berthi_toml_fail_key(berth_diag *diag, const berthi_text *source,
                                  const berthi_toml *value, const char *format, ...)
{
    berth_status status;
    va_list args;

    va_start(args, format);
    status = fail(diag, source, value->key_at, value->key_size, format, args);
    va_end(args);
    return status;
}
