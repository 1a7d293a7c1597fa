/* toml_reader.c - TOML into values in an arena, in one pass, without recursion.  Layer: base.
 *
 * What later lines may add to a table follows from how it came to be (its origin): the TOML 1.0 text,
 * sections Keys, Table, Inline Table and Array of Tables. */
#include <stdarg.h>
#include <stdio.h>

#include "base/toml_cursor.h"
#include "base/utf8.h"

enum { WHAT_SHOWN = 240, NAME_SHOWN = 48 };

typedef enum origin {
    IMPLIED,        /* named in the middle of a header: [IT.x] */
    HEADER,         /* [IT], or an item of [[x]] */
    DOTTED,         /* named in the middle of a key: IT.x = 1 */
    CLOSED,         /* written as a value; nothing is added to it */
    ARRAY_OF_TABLES /* [[IT]] */
} origin;

typedef struct key {
    const char *name;
    size_t length;
    uint32_t at, size, hash;
} key;

/* A table and how deep it lies. */
typedef struct place {
    berthi_toml *table;
    uint32_t depth;
} place;

/* An array or inline table that is not closed yet. */
typedef struct level {
    berthi_toml *value;
    uint32_t depth;
    bool has_item, has_comma; /* since the opening or the last comma; a comma came last */
} level;

bool berthi_toml_wrong(toml_cursor *c, uint32_t at, uint32_t size, const char *format, ...)
{
    char what[WHAT_SHOWN];
    va_list args;

    if (c->status != BERTH_OK)
        return false;
    va_start(args, format);
    if (vsnprintf(what, sizeof what, format, args) < 0)
        what[0] = '\0';
    va_end(args);
    c->status = berthi_fail_at(c->diag, BERTH_E_REJECTED, c->source, at, size, what);
    return false;
}

static bool too_many(toml_cursor *c, uint32_t at, const char *what, uint32_t limit)
{
    char text[WHAT_SHOWN];

    snprintf(text, sizeof text, "more than %u %s; expected fewer", (unsigned)limit, what);
    c->status = berthi_fail_at(c->diag, BERTH_E_LIMIT, c->source, at, 1, text);
    return false;
}

bool berthi_toml_no_memory(toml_cursor *c)
{
    if (c->status == BERTH_OK)
        c->status = berthi_fail(c->diag, BERTH_E_NOMEM, "no memory to read TOML");
    return false;
}

/* ---------------------------------------------------------------- space */

static void skip_blanks(toml_cursor *c)
{
    while (berthi_toml_peek(c) == ' ' || berthi_toml_peek(c) == '\t')
        c->at++;
}

static bool skip_comment(toml_cursor *c)
{
    if (berthi_toml_peek(c) != '#')
        return true;
    while (c->at < c->size && berthi_toml_newline(c, c->at) == 0)
        if (!berthi_toml_character(c))
            return false;
    return true;
}

/* Blanks, comments and line breaks. */
static bool skip_lines(toml_cursor *c)
{
    for (;;) {
        uint32_t newline;

        skip_blanks(c);
        if (!skip_comment(c))
            return false;
        newline = berthi_toml_newline(c, c->at);
        if (newline == 0)
            return true;
        c->at += newline;
    }
}

static bool end_line(toml_cursor *c)
{
    uint32_t newline;

    skip_blanks(c);
    if (!skip_comment(c))
        return false;
    newline = berthi_toml_newline(c, c->at);
    if (newline == 0 && c->at < c->size)
        return berthi_toml_wrong(c, c->at, 1,
                                 "something follows on this line; expected its end");
    c->at += newline;
    return true;
}

/* ---------------------------------------------------------------- keys */

static bool is_bare(int c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '_' || c == '-';
}

/* FNV-1a: most keys are told apart without looking at them. */
static uint32_t hash_of(const char *name, size_t size)
{
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (unsigned char)name[i]) * 16777619u;
    return hash;
}

static bool take_key(toml_cursor *c, key *k)
{
    int byte = berthi_toml_peek(c);

    k->at = c->at;
    if (byte == '"' || byte == '\'') {
        if (!berthi_toml_string(c, false, &k->name, &k->length))
            return false;
    } else {
        while (is_bare(berthi_toml_peek(c)))
            c->at++;
        k->length = c->at - k->at;
        if (k->length == 0)
            return berthi_toml_wrong(c, c->at, 1,
                                     "no key starts like this; expected A-Z a-z 0-9 _ - or "
                                     "quotes");
        k->name = berthi_arena_strndup(c->arena, c->text + k->at, k->length);
        if (k->name == NULL)
            return berthi_toml_no_memory(c);
    }
    k->size = c->at - k->at;
    k->hash = hash_of(k->name, k->length);
    return true;
}

static berthi_toml *find(const berthi_toml *table, const key *k)
{
    for (berthi_toml *m = table->as.in.first; m != NULL; m = m->next)
        if (m->key_hash == k->hash && m->name_length == k->length &&
            memcmp(m->name, k->name, k->length) == 0)
            return m;
    return NULL;
}

static bool clashes(toml_cursor *c, const key *k, const berthi_toml *found, const char *what)
{
    char shown[NAME_SHOWN];

    return berthi_toml_wrong(c, k->at, k->size, "`%s` %s, on line %u; expected another name",
                             berthi_utf8_show(shown, sizeof shown, k->name, k->length), what,
                             berthi_place_of(c->source, found->key_at).line);
}

/* A new member or item at the end of `into`, which lies at `depth`.  NULL: failed. */
static berthi_toml *add(toml_cursor *c, place into, const key *k, uint32_t at)
{
    berthi_toml *value;

    if (into.table->count == c->limits.members) {
        too_many(c, at, "members or items in one table or array", c->limits.members);
        return NULL;
    }
    if (c->values_left == 0) {
        too_many(c, at, "values", c->limits.values);
        return NULL;
    }
    if (into.depth == c->limits.nesting) {
        too_many(c, at, "tables and arrays in each other", c->limits.nesting);
        return NULL;
    }
    value = berthi_arena_alloc(c->arena, sizeof *value);
    if (value == NULL) {
        berthi_toml_no_memory(c);
        return NULL;
    }
    c->values_left--;
    *value = (berthi_toml){ .at = at, .size = 1 };
    if (k != NULL) {
        value->name = k->name;
        value->name_length = (uint32_t)k->length;
        value->key_hash = k->hash;
        value->key_at = k->at;
        value->size = value->key_size = k->size;
    }
    if (into.table->as.in.last == NULL)
        into.table->as.in.first = value;
    else
        into.table->as.in.last->next = value;
    into.table->as.in.last = value;
    into.table->count++;
    return value;
}

static bool add_table(toml_cursor *c, place *into, const key *k, origin how)
{
    berthi_toml *table = add(c, *into, k, k->at);

    if (table == NULL)
        return false;
    table->kind = BERTHI_TOML_TABLE;
    table->origin = (uint8_t)how;
    *into = (place){ table, into->depth + 1 };
    return true;
}

/* Behind a key: a dot promises another. */
static bool take_dot(toml_cursor *c)
{
    skip_blanks(c);
    if (berthi_toml_peek(c) != '.')
        return false;
    c->at++;
    skip_blanks(c);
    return true;
}

/* ---------------------------------------------------------------- headers */

/* Into the table of a key in the middle of a header. */
static bool pass_header(toml_cursor *c, place *at, const key *k)
{
    berthi_toml *found = find(at->table, k);

    if (found == NULL)
        return add_table(c, at, k, IMPLIED);
    if (found->kind == BERTHI_TOML_ARRAY && found->origin == ARRAY_OF_TABLES) {
        *at = (place){ found->as.in.last, at->depth + 2 };
        return true;
    }
    if (found->kind != BERTHI_TOML_TABLE)
        return clashes(c, k, found, "has a value already");
    if (found->origin == CLOSED)
        return clashes(c, k, found, "is an inline table, to which nothing is added");
    *at = (place){ found, at->depth + 1 };
    return true;
}

static bool end_header(toml_cursor *c, place *at, const key *k)
{
    berthi_toml *found = find(at->table, k);

    if (found == NULL)
        return add_table(c, at, k, HEADER);
    if (found->kind != BERTHI_TOML_TABLE || found->origin != IMPLIED)
        return clashes(c, k, found, "is there already");
    found->origin = HEADER;
    found->at = found->key_at = k->at; /* the line where people look for it */
    found->size = found->key_size = k->size;
    *at = (place){ found, at->depth + 1 };
    return true;
}

static bool end_array_header(toml_cursor *c, place *at, const key *k)
{
    berthi_toml *array = find(at->table, k), *item;

    if (array == NULL) {
        array = add(c, *at, k, k->at);
        if (array == NULL)
            return false;
        array->kind = BERTHI_TOML_ARRAY;
        array->origin = ARRAY_OF_TABLES;
    } else if (array->kind != BERTHI_TOML_ARRAY || array->origin != ARRAY_OF_TABLES) {
        return clashes(c, k, array, "is there already, and no array of tables");
    }
    item = add(c, (place){ array, at->depth + 1 }, NULL, k->at);
    if (item == NULL)
        return false;
    item->kind = BERTHI_TOML_TABLE;
    item->origin = HEADER;
    item->size = k->size;
    *at = (place){ item, at->depth + 2 };
    return true;
}

/* At the opening bracket.  *at is the root, and then the table that it names. */
static bool take_header(toml_cursor *c, place *at)
{
    bool is_array = berthi_toml_starts(c, c->at, "[[");
    uint32_t from = c->at;
    key k;

    c->at += is_array ? 2 : 1;
    skip_blanks(c);
    for (;;) {
        if (!take_key(c, &k))
            return false;
        if (!take_dot(c))
            break;
        if (!pass_header(c, at, &k))
            return false;
    }
    if (!berthi_toml_starts(c, c->at, is_array ? "]]" : "]"))
        return berthi_toml_wrong(c, c->at < c->size ? c->at : from, 1,
                                 "the header does not end; expected `.` or `%s`",
                                 is_array ? "]]" : "]");
    c->at += is_array ? 2 : 1;
    return (is_array ? end_array_header(c, at, &k) : end_header(c, at, &k)) && end_line(c);
}

/* ---------------------------------------------------------------- values */

/* The key and the equals sign; a new value in the table that the key names.  NULL: failed. */
static berthi_toml *take_name(toml_cursor *c, place *at)
{
    const berthi_toml *found;
    berthi_toml *value;
    key k;

    for (;;) {
        if (!take_key(c, &k))
            return NULL;
        if (!take_dot(c))
            break;
        found = find(at->table, &k);
        if (found == NULL) {
            if (!add_table(c, at, &k, DOTTED))
                return NULL;
        } else if (found->kind != BERTHI_TOML_TABLE || found->origin != DOTTED) {
            clashes(c, &k, found, "is there already");
            return NULL;
        } else {
            *at = (place){ find(at->table, &k), at->depth + 1 };
        }
    }
    found = find(at->table, &k);
    if (found != NULL) {
        clashes(c, &k, found, "is there already");
        return NULL;
    }
    if (berthi_toml_peek(c) != '=') {
        berthi_toml_wrong(c, c->at < c->size ? c->at : k.at, 1,
                          "the key has no value; expected `=` or `.`");
        return NULL;
    }
    c->at++;
    skip_blanks(c);
    value = add(c, *at, &k, c->at);
    return value;
}

/* The next item of the innermost array, unless it closes. */
static berthi_toml *take_item(toml_cursor *c, level *l, bool *is_closed_out)
{
    for (;;) {
        int byte;

        if (!skip_lines(c))
            return NULL;
        byte = berthi_toml_peek(c);
        *is_closed_out = byte == ']';
        if (byte == ']') {
            c->at++;
            return NULL;
        }
        if (byte < 0) {
            berthi_toml_wrong(c, l->value->at, 1, "the array does not end; expected `]`");
            return NULL;
        }
        if (!l->has_item && byte != ',') {
            l->has_item = true;
            return add(c, (place){ l->value, l->depth }, NULL, c->at);
        }
        if (byte != ',' || !l->has_item) {
            berthi_toml_wrong(c, c->at, 1, "expected %s",
                              l->has_item ? "`,` or `]` behind the item" : "a value or `]`");
            return NULL;
        }
        c->at++;
        l->has_item = false;
    }
}

/* The next member of the innermost inline table, unless it closes; its place too. */
static berthi_toml *take_member(toml_cursor *c, level *l, bool *is_closed_out, place *at)
{
    for (;;) {
        int byte;

        skip_blanks(c);
        byte = berthi_toml_peek(c);
        *is_closed_out = byte == '}' && !l->has_comma;
        if (*is_closed_out) {
            c->at++;
            return NULL;
        }
        if (byte < 0 || byte == '#' || berthi_toml_newline(c, c->at) != 0) {
            berthi_toml_wrong(c, l->value->at, 1,
                              "the inline table does not end; expected `}` on the same line");
            return NULL;
        }
        if (byte == '}') {
            berthi_toml_wrong(c, c->at, 1, "a comma stands in front of it; expected a key");
            return NULL;
        }
        if (!l->has_item && byte != ',') {
            l->has_item = true;
            l->has_comma = false;
            *at = (place){ l->value, l->depth };
            return take_name(c, at);
        }
        if (byte != ',' || !l->has_item) {
            berthi_toml_wrong(c, c->at, 1, "expected %s",
                              l->has_item ? "`,` or `}` behind the value" : "a key");
            return NULL;
        }
        c->at++;
        l->has_item = false;
        l->has_comma = true;
    }
}

/* What comes next in what is open; NULL: all is closed, or it failed.  *depth_out is where it lies. */
static berthi_toml *take_next(toml_cursor *c, level *levels, unsigned *open,
                              uint32_t *depth_out)
{
    while (*open > 0) {
        level *l = &levels[*open - 1];
        place at = { l->value, l->depth };
        bool is_closed = false;
        berthi_toml *next = l->value->kind == BERTHI_TOML_ARRAY
                                ? take_item(c, l, &is_closed)
                                : take_member(c, l, &is_closed, &at);

        if (!is_closed) {
            *depth_out = at.depth + 1;
            return next;
        }
        --*open;
    }
    return NULL;
}

/* The value at the cursor; `depth` is where it lies.  Arrays and tables in it are on a stack of
 * ours, which is large enough: each is one deeper than what it is in. */
static bool take_value(toml_cursor *c, berthi_toml *value, uint32_t depth)
{
    level levels[BERTHI_TOML_NESTING_TOP];
    unsigned open = 0;

    do {
        int byte = berthi_toml_peek(c);

        value->at = c->at;
        if (byte == '[' || byte == '{') {
            value->kind = byte == '[' ? BERTHI_TOML_ARRAY : BERTHI_TOML_TABLE;
            value->origin = CLOSED;
            value->size = 1;
            assert(open < BERTHI_TOML_NESTING_TOP);
            levels[open++] = (level){ .value = value, .depth = depth };
            c->at++;
        } else if (byte == '"' || byte == '\'') {
            value->kind = BERTHI_TOML_STRING;
            if (!berthi_toml_string(c, true, &value->as.string.text, &value->as.string.length))
                return false;
            value->size = c->at - value->at;
        } else if (!berthi_toml_scalar(c, value)) {
            return false;
        }
        value = take_next(c, levels, &open, &depth);
    } while (value != NULL);
    return c->status == BERTH_OK;
}

/* ---------------------------------------------------------------- documents */

static bool take_document(toml_cursor *c, berthi_toml *root)
{
    place table = { root, 0 }, at;
    berthi_toml *value;

    if (berthi_toml_starts(c, 0, "\xef\xbb\xbf"))
        c->at = 3;
    for (;;) {
        if (!skip_lines(c))
            return false;
        if (c->at == c->size)
            return true;
        if (berthi_toml_peek(c) == '[') {
            table = (place){ root, 0 };
            if (!take_header(c, &table))
                return false;
            continue;
        }
        at = table;
        value = take_name(c, &at);
        if (value == NULL || !take_value(c, value, at.depth + 1) || !end_line(c))
            return false;
    }
}

static uint32_t or_default(uint32_t value, uint32_t otherwise)
{
    return value == 0 ? otherwise : value;
}

berth_status berthi_toml_read(const berthi_text *source, const berthi_toml_limits *limits,
                              berthi_arena *arena, const berthi_toml **root_out,
                              berth_diag *diag)
{
    berthi_text text = { source->name, source->size == 0 ? "" : source->text, source->size };
    toml_cursor c = { .source = &text, .text = text.text, .arena = arena, .diag = diag };
    berthi_toml *root;

    if (limits != NULL)
        c.limits = *limits;
    c.limits.bytes = or_default(c.limits.bytes, BERTHI_TOML_BYTES_MAX);
    c.limits.nesting = or_default(c.limits.nesting, BERTHI_TOML_NESTING_MAX);
    c.limits.members = or_default(c.limits.members, BERTHI_TOML_MEMBERS_MAX);
    c.limits.values = or_default(c.limits.values, BERTHI_TOML_VALUES_MAX);
    assert(c.limits.nesting <= BERTHI_TOML_NESTING_TOP);
    c.values_left = c.limits.values;
    if (source->size > c.limits.bytes)
        return berthi_fail(diag, BERTH_E_LIMIT, "%s: more than %u bytes of TOML", source->name,
                           (unsigned)c.limits.bytes);
    c.size = (uint32_t)source->size;
    root = berthi_arena_alloc(arena, sizeof *root);
    if (root == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "no memory to read TOML");
    root->origin = HEADER;
    if (take_document(&c, root))
        *root_out = root;
    return c.status;
}
