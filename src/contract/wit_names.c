/* wit_names.c - names made once each, tables of them, versions, guesses, and failing.
 * Layer: contract. */
#include <stdarg.h>
#include <stdio.h>

#include "base/excerpt.h"
#include "base/utf8.h"
#include "contract/wit_tree.h"

/* ---------------------------------------------------------------- memory */

bool berthi_wit_fail_memory(wit_reader *r)
{
    if (!berthi_wit_is_bad(r))
        r->status = berthi_fail(r->diag, BERTH_E_NOMEM, "no memory to read WIT");
    return false;
}

void *berthi_wit_scratch(wit_reader *r, size_t count, size_t size)
{
    void *p = berthi_wit_is_bad(r) ? NULL : berthi_arena_array(&r->scratch, count, size);

    if (p == NULL)
        berthi_wit_fail_memory(r);
    return p;
}

void *berthi_wit_model(wit_reader *r, size_t count, size_t size)
{
    void *p = berthi_wit_is_bad(r) ? NULL : berthi_arena_array(r->arena, count, size);

    if (p == NULL)
        berthi_wit_fail_memory(r);
    return p;
}

/* ---------------------------------------------------------------- symbols */

static uint32_t hash_text(const char *text, size_t size)
{
    uint32_t hash = 0x811c9dc5u;

    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (uint8_t)text[i]) * 0x01000193u;
    return hash ^ hash >> 15;
}

static bool grow_symbols(wit_reader *r)
{
    uint32_t room = r->symbols_room == 0 ? 256 : 2 * r->symbols_room;
    wit_symbol *symbols, *old = r->symbols;

    if (2 * (r->symbols_count + 1) <= r->symbols_room)
        return true;
    symbols = berthi_wit_scratch(r, room, sizeof *symbols);
    if (symbols == NULL)
        return false;
    for (uint32_t i = 0; i < r->symbols_room; i++) {
        uint32_t at = old[i].hash & (room - 1);

        if (old[i].text == NULL)
            continue;
        while (symbols[at].text != NULL)
            at = (at + 1) & (room - 1);
        symbols[at] = old[i];
    }
    r->symbols = symbols;
    r->symbols_room = room;
    return true;
}

const char *berthi_wit_intern(wit_reader *r, const char *text, size_t size)
{
    uint32_t hash = hash_text(text, size), at;
    char *copy;

    if (berthi_wit_is_bad(r) || !grow_symbols(r))
        return NULL;
    for (at = hash & (r->symbols_room - 1); r->symbols[at].text != NULL;
         at = (at + 1) & (r->symbols_room - 1))
        if (r->symbols[at].hash == hash && r->symbols[at].size == size &&
            memcmp(r->symbols[at].text, text, size) == 0)
            return r->symbols[at].text;
    copy = berthi_wit_model(r, size + 1, 1);
    if (copy == NULL)
        return NULL;
    memcpy(copy, text, size);
    r->symbols[at] = (wit_symbol){ copy, (uint32_t)size, hash };
    r->symbols_count++;
    return copy;
}

const char *berthi_wit_intern_folded(wit_reader *r, const char *name)
{
    char folded[2 * BERTHI_WIT_NAME_MAX + 16]; /* of a resource's function */
    size_t size = 0;

    for (; *name != '\0' && size < sizeof folded; name++)
        if (*name != '-')
            folded[size++] = *name >= 'A' && *name <= 'Z' ? (char)(*name - 'A' + 'a') : *name;
    return berthi_wit_intern(r, folded, size);
}

/* ---------------------------------------------------------------- maps */

struct wit_map_entry {
    const char *name;
    void *value;
    uint32_t scope;
};

uint32_t berthi_wit_new_scope(wit_reader *r)
{
    return ++r->scopes;
}

/* Names are interned, so that their addresses tell them apart. */
static uint32_t slot_of(const wit_map *map, uint32_t scope, const char *name)
{
    uint64_t key = (uint64_t)(uintptr_t)name * 0x9e3779b97f4a7c15u + scope * 0x85ebca6bu;
    uint32_t at = (uint32_t)(key >> 32 ^ key) & (map->room - 1);

    while (map->entries[at].name != NULL &&
           (map->entries[at].name != name || map->entries[at].scope != scope))
        at = (at + 1) & (map->room - 1);
    return at;
}

void *berthi_wit_lookup(const wit_map *map, uint32_t scope, const char *name)
{
    return map->room == 0 ? NULL : map->entries[slot_of(map, scope, name)].value;
}

bool berthi_wit_put(wit_reader *r, wit_map *map, uint32_t scope, const char *name, void *value)
{
    struct wit_map_entry *old = map->entries;
    uint32_t old_room = map->room, at;

    if (2 * (map->count + 1) > map->room) {
        uint32_t room = map->room == 0 ? 64 : 2 * map->room;
        struct wit_map_entry *entries = berthi_wit_scratch(r, room, sizeof *entries);

        if (entries == NULL)
            return false;
        map->entries = entries;
        map->room = room;
        for (uint32_t i = 0; i < old_room; i++)
            if (old[i].name != NULL)
                entries[slot_of(map, old[i].scope, old[i].name)] = old[i];
    }
    at = slot_of(map, scope, name);
    map->count += map->entries[at].name == NULL;
    map->entries[at] = (struct wit_map_entry){ name, value, scope };
    return true;
}

/* ---------------------------------------------------------------- versions */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static const char *skip_number(const char *s)
{
    const char *start = s;

    while (is_digit(*s))
        s++;
    return s == start || (s - start > 1 && *start == '0') || s - start > 19 ? NULL : s;
}

/* Identifiers of letters, digits and hyphens between dots. */
static const char *skip_identifiers(const char *s, bool are_numbers_plain)
{
    for (;; s++) {
        const char *start = s;
        bool is_number = true;

        for (;
             is_digit(*s) || (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || *s == '-';
             s++)
            is_number &= is_digit(*s);
        if (s == start || (are_numbers_plain && is_number && s - start > 1 && *start == '0'))
            return NULL;
        if (*s != '.')
            return s;
    }
}

bool berthi_wit_is_version(const char *text)
{
    const char *s = text;

    for (unsigned i = 0; i < 3; i++) {
        if (i > 0 && *s++ != '.')
            return false;
        s = skip_number(s);
        if (s == NULL)
            return false;
    }
    if (*s == '-')
        s = skip_identifiers(s + 1, true);
    if (s != NULL && *s == '+')
        s = skip_identifiers(s + 1, false);
    return s != NULL && *s == '\0';
}

static size_t identifier_size(const char *s)
{
    return strcspn(s, ".+");
}

/* Numbers are less than words, and compared as numbers. */
static int compare_identifiers(const char *a, size_t a_size, const char *b, size_t b_size)
{
    bool a_is_number = strspn(a, "0123456789") >= a_size;
    bool b_is_number = strspn(b, "0123456789") >= b_size;
    int order;

    if (a_is_number != b_is_number)
        return a_is_number ? -1 : 1;
    if (a_is_number && a_size != b_size)
        return a_size < b_size ? -1 : 1;
    order = memcmp(a, b, a_size < b_size ? a_size : b_size);
    return order != 0 ? order : (a_size > b_size) - (a_size < b_size);
}

static int compare_prereleases(const char *a, const char *b)
{
    if (*a != '-' || *b != '-') /* a release comes behind its own prereleases */
        return (*b == '-') - (*a == '-');
    for (;;) {
        size_t a_size = identifier_size(++a), b_size = identifier_size(++b);
        int order = compare_identifiers(a, a_size, b, b_size);

        if (order != 0)
            return order;
        a += a_size;
        b += b_size;
        if (*a != '.' || *b != '.')
            return (*a == '.') - (*b == '.');
    }
}

/* Both are versions. */
int berthi_wit_compare_versions(const char *a, const char *b)
{
    for (unsigned i = 0; i < 3; i++) {
        size_t a_size = strspn(a, "0123456789"), b_size = strspn(b, "0123456789");
        int order = compare_identifiers(a, a_size, b, b_size);

        if (order != 0)
            return order;
        a += a_size + (i < 2);
        b += b_size + (i < 2);
    }
    return compare_prereleases(a, b);
}

/* ---------------------------------------------------------------- guesses */

enum { GUESS_SIZE_MAX = 40 }; /* longer names are not guessed at */

/* Edits between two texts, or more than `most`. */
static size_t edit_distance(const char *a, const char *b, size_t most)
{
    size_t a_size = strlen(a), b_size = strlen(b), row[GUESS_SIZE_MAX + 1];

    if (a_size > GUESS_SIZE_MAX || b_size > GUESS_SIZE_MAX || a_size > b_size + most ||
        b_size > a_size + most)
        return most + 1;
    for (size_t j = 0; j <= b_size; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_size; i++) {
        size_t before = row[0];

        row[0] = i;
        for (size_t j = 1; j <= b_size; j++) {
            size_t cost = before + (a[i - 1] != b[j - 1]);

            before = row[j];
            cost = cost < row[j] + 1 ? cost : row[j] + 1;
            row[j] = cost < row[j - 1] + 1 ? cost : row[j - 1] + 1;
        }
    }
    return row[b_size];
}

wit_guess berthi_wit_guess_start(const char *wrong)
{
    size_t size = strlen(wrong);

    return (wit_guess){ .wrong = wrong, .distance = (size <= 2 ? 1 : size <= 5 ? 2 : 3) };
}

void berthi_wit_guess_offer(wit_guess *guess, const char *candidate)
{
    size_t distance;

    if (candidate == NULL || guess->distance == 0)
        return;
    distance = edit_distance(guess->wrong, candidate, guess->distance - 1);
    if (distance != 0 && distance < guess->distance && distance < strlen(candidate)) {
        guess->distance = distance;
        guess->best = candidate;
    }
}

wit_hint berthi_wit_guess_hint(const wit_guess *guess)
{
    wit_hint hint = { "" };

    if (guess->best != NULL)
        snprintf(hint.text, sizeof hint.text, "; did you mean `%s`?", guess->best);
    return hint;
}

wit_shown berthi_wit_show(const char *name)
{
    wit_shown shown;

    berthi_utf8_show(shown.text, sizeof shown.text, name, strlen(name));
    return shown;
}

/* ---------------------------------------------------------------- failing */

enum { WHAT_SHOWN = 200 };

static void place_error(wit_reader *r, berth_status status, wit_at at, const char *what)
{
    const wit_source *source = &r->sources[at.source];
    berthi_text text = { source->path, source->text, source->size };

    r->status = berthi_fail_at(r->diag, status, &text, at.offset, at.size, what);
}

bool berthi_wit_fail(wit_reader *r, wit_at at, const char *format, ...)
{
    char what[WHAT_SHOWN];
    va_list args;

    if (berthi_wit_is_bad(r))
        return false;
    va_start(args, format);
    if (vsnprintf(what, sizeof what, format, args) < 0)
        what[0] = '\0';
    va_end(args);
    place_error(r, BERTH_E_REJECTED, at, what);
    return false;
}

bool berthi_wit_fail_limit(wit_reader *r, wit_at at, const char *what, unsigned limit)
{
    char text[WHAT_SHOWN];

    if (berthi_wit_is_bad(r))
        return false;
    snprintf(text, sizeof text, "more than %u %s", limit, what);
    place_error(r, BERTH_E_LIMIT, at, text);
    return false;
}

bool berthi_wit_fail_twice(wit_reader *r, const wit_name *name, const char *other)
{
    if (name->text == other)
        return berthi_wit_fail(r, name->at, "`%s` is defined twice",
                               berthi_wit_show(other).text);
    return berthi_wit_fail(r, name->at, "`%s` and `%s` are too much alike",
                           berthi_wit_show(name->text).text, berthi_wit_show(other).text);
}
