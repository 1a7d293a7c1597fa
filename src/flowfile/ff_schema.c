/* ff_schema.c - tables by rule: which keys, of which kind, within which bounds.  Layer: flowfile. */
#include "flowfile/flow_file.h"

#include <stdio.h>

#include "base/utf8.h"
#include "contract/wit_words.h"

enum { SHOWN = 64, LIST_ROOM = 200, KEYS_MAX = 64 };

const char *const berthi_ff_roles[] = { "",       "source",     "processor", "filter",
                                        "router", "aggregator", "sink",      NULL };
const char *const berthi_ff_fulls[] = { "block", "drop-oldest", "drop-newest", "error", NULL };
const char *const berthi_ff_on_errors[] = { "fail", "skip", "dead-letter", NULL };
const char *const berthi_ff_levels[] = { "off", "production", "diagnostic", NULL };

typedef struct unit {
    const char *name;
    uint64_t factor;
} unit;

static const unit time_units[] = { { "ns", 1 },
                                   { "us", 1000 },
                                   { "ms", 1000000 },
                                   { "s", 1000000000 },
                                   { "min", UINT64_C(60000000000) },
                                   { "h", UINT64_C(3600000000000) },
                                   { NULL, 0 } };
static const unit size_units[] = { { "B", 1 },         { "K", 1 << 10 },   { "KiB", 1 << 10 },
                                   { "M", 1 << 20 },   { "MiB", 1 << 20 }, { "G", 1 << 30 },
                                   { "GiB", 1 << 30 }, { NULL, 0 } };

/* A whole number and its unit; the unit's letters may be of any case. */
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
    for (; units->name != NULL; units++) {
        size_t i = 0;

        while (i < size - at && units->name[i] != '\0' &&
               (units->name[i] | 0x20) == (text[at + i] | 0x20))
            i++;
        if (i == size - at && units->name[i] == '\0')
            return !__builtin_mul_overflow(number, units->factor, out);
    }
    return false;
}

bool berthi_ff_time(const char *text, size_t size, uint64_t *ns_out)
{
    return read_quantity(text, size, time_units, ns_out);
}

bool berthi_ff_size(const char *text, size_t size, uint64_t *bytes_out)
{
    return read_quantity(text, size, size_units, bytes_out);
}

bool berthi_ff_is_name(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        char c = (char)(text[i] | 0x20);

        if ((c < 'a' || c > 'z') && (text[i] < '0' || text[i] > '9') && text[i] != '-' &&
            text[i] != '_')
            return false;
    }
    return size >= 1 && size <= BERTH_NAME_SIZE_MAX;
}

const char *berthi_ff_path(ff_reader *r, const char *path, size_t size)
{
    size_t folder = strlen(r->folder);
    char *joined;

    if (path[0] == '/' || folder == 0)
        return berthi_ff_copy(r, path, size);
    joined = berthi_ff_array(r, folder + size + 2, 1);
    if (joined == NULL)
        return NULL;
    memcpy(joined, r->folder, folder);
    joined[folder] = '/';
    memcpy(joined + folder + 1, path, size);
    return joined;
}

const berthi_toml *berthi_ff_at(const berthi_toml *table, const char *name)
{
    const berthi_toml *member = berthi_toml_member(table, name);

    return member == NULL ? table : member;
}

const berthi_toml *berthi_ff_sub(ff_reader *r, const berthi_toml *table, const char *name)
{
    const berthi_toml *member = berthi_toml_member(table, name);

    if (member == NULL || member->kind == BERTHI_TOML_TABLE)
        return member;
    berthi_ff_wrong(r, member, NULL, "`%s` is %s; expected a table", name,
                    berthi_toml_kind_name((berthi_toml_kind)member->kind));
    return NULL;
}

/* ---------------------------------------------------------------- one field */

typedef struct field_at {
    ff_reader *r;
    const berthi_toml *value;
    const ff_field *field;
    const char *where;
    void *into;
} field_at;

static void wrong(const field_at *f, const char *what, const char *expected)
{
    berthi_ff_wrong(f->r, f->value, NULL, "`%s.%s`: %s; expected %s", f->where, f->field->name,
                    what, expected);
}

static void wrong_kind(const field_at *f, const char *expected)
{
    char what[SHOWN];

    snprintf(what, sizeof what, "is %s",
             berthi_toml_kind_name((berthi_toml_kind)f->value->kind));
    wrong(f, what, expected);
}

static void put32(const field_at *f, uint64_t number)
{
    uint32_t value = (uint32_t)number;

    memcpy(f->into, &value, sizeof value);
}

/* The text of a string, or of what was set from outside without quotes; NULL: neither. */
static const char *text_of(const field_at *f, size_t *size_out)
{
    const char *said = berthi_ff_said(f->r, f->value);

    if (f->value->kind == BERTHI_TOML_STRING) {
        *size_out = f->value->as.string.length;
        return f->value->as.string.text;
    }
    if (said == NULL || f->value->kind == BERTHI_TOML_TABLE ||
        f->value->kind == BERTHI_TOML_ARRAY)
        return NULL;
    *size_out = strlen(said);
    return said;
}

static bool is_version(const char *text, size_t size)
{
    unsigned dots = 0;

    for (size_t i = 0; i < size; i++) {
        bool is_digit = text[i] >= '0' && text[i] <= '9';

        if (!is_digit && (text[i] != '.' || i == 0 || text[i - 1] == '.' || i + 1 == size))
            return false;
        dots += !is_digit;
    }
    return dots == 2;
}

static void read_text(const field_at *f)
{
    uint64_t max = f->field->max == 0 ? 4096 : f->field->max;
    size_t size = 0;
    const char *text = text_of(f, &size), *copy;
    char what[SHOWN];

    if (text == NULL) {
        wrong_kind(f, "a string");
        return;
    }
    snprintf(what, sizeof what, "has %zu bytes", size);
    if (size < f->field->min || size > max)
        wrong(f, what, f->field->min == 0 ? "fewer" : size == 0 ? "a text" : "fewer");
    else if (!berthi_utf8_is_plain_text(text, size))
        wrong(f, "holds what cannot be shown", "plain text");
    else if (f->field->kind == FF_NAME && !berthi_ff_is_name(text, size))
        wrong(f, "is no name", "1 to 64 letters, digits, `-` and `_`");
    else if (f->field->kind == FF_VERSION && !is_version(text, size))
        wrong(f, "is no version", "three numbers, such as \"0.1.0\"");
    else {
        copy = f->field->kind == FF_PATH ? berthi_ff_path(f->r, text, size)
                                         : berthi_ff_copy(f->r, text, size);
        memcpy(f->into, &copy, sizeof copy);
    }
}

static void read_texts(const field_at *f)
{
    ff_list list = { NULL, 0 };

    if (f->value->kind != BERTHI_TOML_ARRAY) {
        wrong_kind(f, "an array of strings");
        return;
    }
    list.at = berthi_ff_array(f->r, f->value->count, sizeof *list.at);
    if (list.at == NULL)
        return;
    for (const berthi_toml *item = f->value->as.in.first; item != NULL; item = item->next) {
        field_at one = { f->r, item, f->field, f->where, NULL };

        if (item->kind != BERTHI_TOML_STRING)
            wrong_kind(&one, "a string");
        else if (!berthi_utf8_is_plain_text(item->as.string.text, item->as.string.length))
            wrong(&one, "holds what cannot be shown", "plain text");
        else
            list.at[list.count++] =
                berthi_ff_copy(f->r, item->as.string.text, item->as.string.length);
    }
    memcpy(f->into, &list, sizeof list);
}

static void show_bounds(const field_at *f, char out[static SHOWN])
{
    bool is_time = f->field->kind == FF_TIME || f->field->kind == FF_MILLIS;

    if (is_time)
        snprintf(out, SHOWN, "%llu to %llu ns", (unsigned long long)f->field->min,
                 (unsigned long long)f->field->max);
    else
        snprintf(out, SHOWN, "%llu to %llu", (unsigned long long)f->field->min,
                 (unsigned long long)f->field->max);
}

static void put64(const field_at *f, uint64_t number)
{
    char bounds[SHOWN];

    if (number < f->field->min || (f->field->max != 0 && number > f->field->max)) {
        show_bounds(f, bounds);
        wrong(f, "is out of range", bounds);
        return;
    }
    memcpy(f->into, &number, sizeof number);
}

static void read_time(const field_at *f)
{
    uint64_t number;

    if (f->value->kind == BERTHI_TOML_INTEGER && f->field->kind == FF_MILLIS &&
        berthi_toml_unsigned(f->value, &number) && number <= UINT64_MAX / 1000000)
        put64(f, number * 1000000);
    else if (f->value->kind == BERTHI_TOML_STRING &&
             berthi_ff_time(f->value->as.string.text, f->value->as.string.length, &number))
        put64(f, number);
    else if (f->value->kind == BERTHI_TOML_STRING)
        wrong(f, "cannot be read", "a time such as \"500us\", \"100ms\", \"2s\", \"1min\"");
    else
        wrong_kind(f, f->field->kind == FF_MILLIS ? "a number of milliseconds"
                                                  : "a time such as \"100ms\"");
}

static void read_size(const field_at *f)
{
    uint64_t number;

    if (berthi_toml_unsigned(f->value, &number))
        put64(f, number);
    else if (f->value->kind == BERTHI_TOML_STRING &&
             berthi_ff_size(f->value->as.string.text, f->value->as.string.length, &number))
        put64(f, number);
    else if (f->value->kind == BERTHI_TOML_STRING)
        wrong(f, "cannot be read", "a size such as \"512KiB\", \"64MiB\", \"1GiB\"");
    else
        wrong_kind(f, "a size such as \"64MiB\"");
}

static void read_count(const field_at *f)
{
    char bounds[SHOWN];
    uint64_t number;

    show_bounds(f, bounds);
    if (f->value->kind != BERTHI_TOML_INTEGER)
        wrong_kind(f, "a whole number");
    else if (!berthi_toml_unsigned(f->value, &number) || number < f->field->min ||
             number > f->field->max)
        wrong(f, "is out of range", bounds);
    else
        put32(f, number);
}

static void read_ratio(const field_at *f)
{
    double ratio = f->value->kind == BERTHI_TOML_FLOAT     ? f->value->as.number
                   : f->value->kind == BERTHI_TOML_INTEGER ? (double)f->value->as.integer
                                                           : -1;

    if (ratio >= 0 && ratio <= 1)
        put32(f, (uint64_t)(ratio * 100));
    else
        wrong(f, "is no share", "a number from 0.0 to 1.0");
}

static void read_choice(const field_at *f)
{
    char list[LIST_ROOM] = "", what[LIST_ROOM], shown[SHOWN];
    size_t used = 0, size = 0;
    const char *text = text_of(f, &size);

    if (text == NULL) {
        wrong_kind(f, "a string");
        return;
    }
    for (uint32_t i = 0; f->field->choices[i] != NULL; i++) {
        const char *choice = f->field->choices[i];

        if (choice[0] == '\0')
            continue;
        if (strlen(choice) == size && memcmp(choice, text, size) == 0) {
            put32(f, i);
            return;
        }
        if (used < sizeof list)
            used += (size_t)snprintf(list + used, sizeof list - used, "%s%s",
                                     used == 0 ? "" : ", ", choice);
    }
    snprintf(what, sizeof what, "`%s` is none",
             berthi_utf8_show(shown, sizeof shown, text, size));
    berthi_ff_wrong(f->r, f->value, berthi_ff_did_you_mean(f->r, text, f->field->choices),
                    "`%s.%s`: %s; expected one of %s", f->where, f->field->name, what, list);
}

static void read_field(const field_at *f)
{
    switch (f->field->kind) {
    case FF_TEXT:
    case FF_NAME:
    case FF_PATH:
    case FF_VERSION:
        read_text(f);
        return;
    case FF_TEXTS:
        read_texts(f);
        return;
    case FF_TIME:
    case FF_MILLIS:
        read_time(f);
        return;
    case FF_SIZE:
        read_size(f);
        return;
    case FF_COUNT:
        read_count(f);
        return;
    case FF_RATIO:
        read_ratio(f);
        return;
    case FF_BOOL:
        if (f->value->kind == BERTHI_TOML_BOOL)
            put32(f, f->value->as.boolean);
        else
            wrong_kind(f, "true or false");
        return;
    case FF_CHOICE:
        read_choice(f);
        return;
    case FF_OTHER:
        return;
    }
}

/* ---------------------------------------------------------------- a table */

static const ff_field *find_field(const ff_field *fields, size_t count, const berthi_toml *key)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(fields[i].name) == key->name_length &&
            memcmp(fields[i].name, key->name, key->name_length) == 0)
            return &fields[i];
    return NULL;
}

static void unknown_key(ff_reader *r, const berthi_toml *key, const char *where, int strictness,
                        const ff_field *fields, size_t count)
{
    const char *names[KEYS_MAX + 1], *hint;
    char shown[SHOWN];

    assert(count <= KEYS_MAX);
    for (size_t i = 0; i < count; i++)
        names[i] = fields[i].name;
    names[count] = NULL;
    berthi_utf8_show(shown, sizeof shown, key->name, key->name_length);
    hint = berthi_ff_did_you_mean(r, key->name, names);
    if (strictness == FF_LENIENT)
        berthi_ff_warn(r, key, hint, "`%s` has no key `%s`; it means nothing", where, shown);
    else
        berthi_ff_wrong_key(r, key, hint == NULL ? "docs/flow-toml.md lists the keys" : hint,
                            "`%s` has no key `%s`", where, shown);
}

void berthi_ff_table(ff_reader *r, const berthi_toml *table, const char *where, int strictness,
                     const ff_field *fields, size_t count, void *into)
{
    if (table->kind != BERTHI_TOML_TABLE) {
        berthi_ff_wrong(r, table, NULL, "`%s` is %s; expected a table", where,
                        berthi_toml_kind_name((berthi_toml_kind)table->kind));
        return;
    }
    for (const berthi_toml *m = table->as.in.first; m != NULL && !r->has_no_memory;
         m = m->next) {
        const ff_field *field = find_field(fields, count, m);

        if (field == NULL)
            unknown_key(r, m, where, strictness, fields, count);
        else
            read_field(
                &(field_at){ r, m, field, where, (unsigned char *)into + field->offset });
    }
    for (size_t i = 0; i < count; i++)
        if (fields[i].is_required && berthi_toml_member(table, fields[i].name) == NULL)
            berthi_ff_wrong(r, table, NULL, "`%s` has no `%s`", where, fields[i].name);
}
