/* ff_values.c - ${VAR} in texts, and keys that are set from outside.  Layer: flowfile.
 *
 * A value that was set from outside lies in a text of its own: its place says which (flow_file.h), so that an error in it
 * names the option and not a line of the file. */
#include "flowfile/flow_file.h"

#include <stdio.h>

#include "base/utf8.h"

enum { DEPTH_MAX = BERTHI_TOML_NESTING_MAX + 4, NAME_SHOWN = 64, EXPANDED_MAX = 1 << 20 };

/* ---------------------------------------------------------------- ${VAR} */

static const char *variable(const ff_reader *r, const char *name, size_t size)
{
    for (const char *const *e = r->environment; e != NULL && *e != NULL; e++)
        if (strncmp(*e, name, size) == 0 && (*e)[size] == '=')
            return *e + size + 1;
    return NULL;
}

static bool is_variable_name(const char *name, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        bool is_letter = (name[i] >= 'A' && name[i] <= 'Z') || name[i] == '_' ||
                         (name[i] >= 'a' && name[i] <= 'z');

        if (!is_letter && (i == 0 || name[i] < '0' || name[i] > '9'))
            return false;
    }
    return size != 0;
}

/* At "${"; appends what it stands for and returns how far it reaches, 0: wrong, and said. */
static size_t expand_one(ff_reader *r, const berthi_toml *value, const char *at, size_t left,
                         berthi_text_buf *out)
{
    const char *end = memchr(at, '}', left), *name = at + 2, *dash, *is;
    char shown[NAME_SHOWN];
    size_t size;

    if (end == NULL) {
        berthi_ff_wrong(r, value, "write `$${` for the characters themselves",
                        "`${` has no `}` behind it");
        return 0;
    }
    size = (size_t)(end - name);
    dash = memchr(name, ':', size);
    if (dash != NULL && dash[1] == '-')
        size = (size_t)(dash - name);
    else
        dash = NULL;
    if (!is_variable_name(name, size)) {
        berthi_ff_wrong(r, value, "expected `${NAME}`, or `${NAME:-what else}`",
                        "`%s` is no name of a variable",
                        berthi_utf8_show(shown, sizeof shown, name, size));
        return 0;
    }
    is = variable(r, name, size);
    if (is == NULL && dash == NULL) {
        berthi_ff_wrong(r, value, "set it, or write `${NAME:-what else}`",
                        "the variable `%.*s` is not set", (int)(size < 64 ? size : 64), name);
        return 0;
    }
    if (is != NULL)
        berthi_text_buf_puts(out, is);
    else
        berthi_text_buf_put(out, dash + 2, (size_t)(end - dash - 2));
    return (size_t)(end + 1 - at);
}

static void expand_text(ff_reader *r, berthi_toml *value)
{
    const char *text = value->as.string.text;
    size_t size = value->as.string.length, at = 0;
    berthi_text_buf out;

    if (memchr(text, '$', size) == NULL)
        return;
    berthi_text_buf_init(&out, r->arena->allocator);
    while (at < size && out.size <= EXPANDED_MAX) {
        size_t step = 1;

        if (size - at >= 3 && memcmp(text + at, "$${", 3) == 0) {
            berthi_text_buf_puts(&out, "${");
            step = 3;
        } else if (size - at >= 2 && text[at] == '$' && text[at + 1] == '{') {
            step = expand_one(r, value, text + at, size - at, &out);
        } else {
            berthi_text_buf_put(&out, text + at, 1);
        }
        at = step == 0 ? size : at + step;
    }
    if (out.size > EXPANDED_MAX) {
        berthi_ff_wrong(r, value, NULL, "has more than 1 MiB with its variables");
    } else {
        value->as.string.text = berthi_ff_copy(r, out.data == NULL ? "" : out.data, out.size);
        value->as.string.length = out.size;
        r->has_no_memory |= out.has_failed;
    }
    berthi_text_buf_fini(&out);
}

typedef void (*visit)(ff_reader *r, berthi_toml *value, uint32_t base);

/* All values below and `value` itself; the reader bounds how deep they lie. */
static void walk(ff_reader *r, berthi_toml *value, uint32_t base, visit fn)
{
    berthi_toml *levels[DEPTH_MAX];
    unsigned open = 0;

    for (;;) {
        bool has_parts = value->kind == BERTHI_TOML_TABLE || value->kind == BERTHI_TOML_ARRAY;

        fn(r, value, base);
        if (r->has_no_memory)
            return;
        if (has_parts && value->as.in.first != NULL && open < DEPTH_MAX) {
            levels[open++] = value;
            value = value->as.in.first;
            continue;
        }
        while (open > 0 && value->next == NULL)
            value = levels[--open];
        if (open == 0)
            return;
        value = value->next;
    }
}

static void expand_value(ff_reader *r, berthi_toml *value, uint32_t base)
{
    (void)base;
    if (value->kind == BERTHI_TOML_STRING && value->at >> FF_TEXT_BITS == 0)
        expand_text(r, value);
}

void berthi_ff_expand(ff_reader *r, berthi_toml *root)
{
    berthi_toml *next = root->next;

    root->next = NULL;
    walk(r, root, 0, expand_value);
    root->next = next;
}

/* ---------------------------------------------------------------- keys set from outside */

const char *berthi_ff_said(const ff_reader *r, const berthi_toml *value)
{
    uint32_t text = value->at >> FF_TEXT_BITS;

    return text == 0 ? NULL : r->texts[text].text;
}

static void move_value(ff_reader *r, berthi_toml *value, uint32_t base)
{
    static const uint32_t head = 4; /* of "v = " */

    (void)r;
    value->at = base + (value->at < head ? 0 : value->at - head);
    value->key_at = base + (value->key_at < head ? 0 : value->key_at - head);
}

/* What the text says as TOML, when it is one value; else the text. */
static berthi_toml *read_value(ff_reader *r, const char *text, uint32_t base)
{
    static const berthi_toml_limits limits = { .nesting = 8, .allows_unsigned = true };
    static const char head[] = "v = ";
    size_t size = sizeof head - 1 + strlen(text);
    char *line = berthi_ff_array(r, size + 1, 1);
    berthi_text source = { "", line, size };
    const berthi_toml *root;
    berthi_toml *value;
    berth_status status;

    if (line == NULL)
        return NULL;
    memcpy(line, head, sizeof head - 1);
    memcpy(line + sizeof head - 1, text, size + 2 - sizeof head);
    status = berthi_toml_read(&source, &limits, r->arena, &root, NULL);
    if (status == BERTH_E_NOMEM)
        r->has_no_memory = true;
    if (status == BERTH_OK && root->count == 1) {
        value = root->as.in.first;
        walk(r, value, base, move_value);
        return value;
    }
    value = berthi_ff_array(r, 1, sizeof *value);
    if (value == NULL)
        return NULL;
    value->kind = BERTHI_TOML_STRING;
    value->at = value->key_at = base;
    value->as.string.text = text;
    value->as.string.length = strlen(text);
    return value;
}

static berthi_toml *find_member(berthi_toml *table, const char *name, size_t size)
{
    for (berthi_toml *m = table->as.in.first; m != NULL; m = m->next)
        if (m->name_length == size && memcmp(m->name, name, size) == 0)
            return m;
    return NULL;
}

static berthi_toml *find_item(berthi_toml *array, const char *number, size_t size)
{
    berthi_toml *item = array->as.in.first;
    uint32_t at = 0;

    for (size_t i = 0; i < size; i++) {
        if (number[i] < '0' || number[i] > '9' || at > BERTHI_TOML_MEMBERS_MAX)
            return NULL;
        at = at * 10 + (uint32_t)(number[i] - '0');
    }
    for (; size != 0 && item != NULL && at > 0; at--)
        item = item->next;
    return size == 0 ? NULL : item;
}

static berthi_toml *add_member(ff_reader *r, berthi_toml *table, const char *name, size_t size,
                               uint32_t base)
{
    berthi_toml *member = berthi_ff_array(r, 1, sizeof *member);

    if (member == NULL)
        return NULL;
    member->kind = BERTHI_TOML_TABLE;
    member->name = berthi_ff_copy(r, name, size);
    member->name_length = (uint32_t)size;
    member->at = member->key_at = base;
    if (table->as.in.last == NULL)
        table->as.in.first = member;
    else
        table->as.in.last->next = member;
    table->as.in.last = member;
    table->count++;
    return member;
}

/* Below these are things that the file has to have: a new name there is a mistake.  `defaults.stage` has keys. */
static bool names_things(const berthi_toml *root, const berthi_toml *table)
{
    const berthi_toml *defaults = berthi_toml_member(root, "defaults");

    if (defaults != NULL && defaults->kind == BERTHI_TOML_TABLE &&
        berthi_toml_member(defaults, "stage") == table)
        return false;
    return table->name != NULL &&
           (strcmp(table->name, "stage") == 0 || strcmp(table->name, "nodes") == 0);
}

static void wrong_name(ff_reader *r, const berthi_toml *in, const char *name, size_t size,
                       uint32_t base)
{
    const char *names[BERTHI_TOML_MEMBERS_MAX + 1];
    const char *wrong = berthi_ff_copy(r, name, size);
    uint32_t count = 0;

    if (wrong == NULL)
        return;
    if (in->kind == BERTHI_TOML_TABLE)
        for (const berthi_toml *m = in->as.in.first; m != NULL; m = m->next)
            if (count < BERTHI_TOML_MEMBERS_MAX)
                names[count++] = m->name;
    names[count] = NULL;
    berthi_ff_wrong_at(r, base, berthi_ff_did_you_mean(r, wrong, names),
                       "there is no `%.64s` to set something of", wrong);
}

/* The member or item of that name, made when it may be; NULL: there is none, and that was said. */
static berthi_toml *enter(ff_reader *r, const berthi_toml *root, berthi_toml *in,
                          const char *name, size_t size, uint32_t base)
{
    berthi_toml *found = NULL;

    if (in->kind == BERTHI_TOML_TABLE) {
        found = find_member(in, name, size);
        if (found == NULL && size != 0 && !names_things(root, in))
            return add_member(r, in, name, size, base);
    } else if (in->kind == BERTHI_TOML_ARRAY) {
        found = find_item(in, name, size);
    }
    if (found == NULL)
        wrong_name(r, in, name, size, base);
    return found;
}

void berthi_ff_override(ff_reader *r, berthi_toml *root, const char *what, const char *line)
{
    const char *equals = strchr(line, '='), *at = line;
    uint32_t text = r->texts_count, base = text << FF_TEXT_BITS;
    berthi_toml *in = root, *value;
    size_t size = equals == NULL ? strlen(line) : strlen(equals + 1);

    if (text > FF_OVERRIDES_MAX || size > BERTHI_TOML_BYTES_MAX / 4) {
        berthi_ff_wrong_at(r, 0, NULL, "%s: more is set from outside than is taken", what);
        return;
    }
    r->texts[text].name = berthi_ff_print(r, "%s '%.*s'", what,
                                          (int)(equals == NULL        ? 64
                                                : equals - line > 200 ? 200
                                                                      : equals - line),
                                          line);
    r->texts[text].text = berthi_ff_copy(r, equals == NULL ? line : equals + 1, size);
    r->texts[text].size = size;
    if (r->has_no_memory)
        return;
    r->texts_count++;
    if (equals == NULL || equals == line) {
        berthi_ff_wrong_at(r, base, "expected KEY.KEY=VALUE", "sets nothing");
        return;
    }
    for (const char *dot; in != NULL && at <= equals; at = dot + 1) {
        dot = memchr(at, '.', (size_t)(equals - at));
        if (dot == NULL)
            dot = equals;
        in = enter(r, root, in, at, (size_t)(dot - at), base);
    }
    value = in == NULL ? NULL : read_value(r, r->texts[text].text, base);
    if (value == NULL)
        return;
    value->name = in->name;
    value->name_length = in->name_length;
    value->next = in->next;
    *in = *value;
}
