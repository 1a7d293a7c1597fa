/* names.c - the grammar of names, semantic versions, and strong uniqueness.  Layer: component. */
#include "component/types/names.h"

typedef struct scan {
    const char *at, *end;
} scan;

static scan scan_of(berthi_name name)
{
    return (scan){ name.text, name.text + name.size };
}

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool berthi_cm_is_label(berthi_name name)
{
    bool at_start = true, has_lower = false, has_upper = false;

    if (name.size == 0 || is_digit(name.text[0]))
        return false;
    for (uint32_t i = 0; i < name.size; i++) {
        char c = name.text[i];

        if (c == '-') {
            if (at_start)
                return false;
            at_start = true;
            has_lower = has_upper = false;
            continue;
        }
        has_lower |= is_lower(c);
        has_upper |= is_upper(c);
        if ((!is_lower(c) && !is_upper(c) && !is_digit(c)) || (has_lower && has_upper))
            return false;
        at_start = false;
    }
    return !at_start;
}

/* A label in lower case. */
static bool is_lower_label(berthi_name name)
{
    for (uint32_t i = 0; i < name.size; i++)
        if (is_upper(name.text[i]))
            return false;
    return berthi_cm_is_label(name);
}

/* The part in front of the first `c`; false when there is none. */
static bool split(scan *s, char c, berthi_name *front_out)
{
    const char *found = s->at == s->end ? NULL : memchr(s->at, c, (size_t)(s->end - s->at));

    if (found == NULL)
        return false;
    *front_out = (berthi_name){ s->at, (uint32_t)(found - s->at) };
    s->at = found + 1;
    return true;
}

/* ---------------------------------------------------------------- versions */

static const char *read_number(scan *s)
{
    const char *start = s->at;

    while (s->at < s->end && is_digit(*s->at))
        s->at++;
    if (s->at == start)
        return s->at == s->end ? "unexpected end of input in a version"
                               : "unexpected character in a version";
    if (s->at - start > 1 && *start == '0')
        return "invalid leading zero in a version";
    return s->at - start > 20 ? "a version's number is too large" : NULL;
}

/* Identifiers of letters, digits and hyphens, separated by dots. */
static const char *read_identifiers(scan *s, bool are_numbers_plain)
{
    for (;;) {
        const char *start = s->at;
        bool is_number = true;

        for (; s->at < s->end &&
               (is_digit(*s->at) || is_lower(*s->at) || is_upper(*s->at) || *s->at == '-');
             s->at++)
            is_number &= is_digit(*s->at);
        if (s->at == start)
            return "empty identifier segment in a version";
        if (are_numbers_plain && is_number && s->at - start > 1 && *start == '0')
            return "invalid leading zero in a version";
        if (s->at == s->end || *s->at != '.')
            return NULL;
        s->at++;
    }
}

static const char *check_semver(berthi_name version)
{
    scan s = scan_of(version);
    const char *why = version.size == 0 ? "empty string, expected a semver version" : NULL;

    for (unsigned i = 0; i < 3 && why == NULL; i++) {
        if (i > 0 && (s.at == s.end || *s.at++ != '.'))
            return "expected three numbers in a version";
        why = read_number(&s);
    }
    if (why == NULL && s.at < s.end && *s.at == '-') {
        s.at++;
        why = read_identifiers(&s, true);
    }
    if (why == NULL && s.at < s.end && *s.at == '+') {
        s.at++;
        why = read_identifiers(&s, false);
    }
    return why != NULL ? why : s.at == s.end ? NULL : "unexpected character after a version";
}

/* "1", "0.2" or "0.0.3": what is compatible with a version, alone. */
static bool is_short_version(berthi_name version)
{
    scan s = scan_of(version);
    unsigned zeros = 0;

    while (zeros < 2 && s.end - s.at > 2 && s.at[0] == '0' && s.at[1] == '.') {
        s.at += 2;
        zeros++;
    }
    return s.at < s.end && *s.at != '0' && read_number(&s) == NULL && s.at == s.end;
}

static const char *check_version(berthi_name version, const berthi_name *suffix)
{
    char whole[256];

    if (suffix == NULL)
        return check_semver(version);
    if (!is_short_version(version))
        return "a version suffix needs a short version in front of it";
    if (version.size + (uint64_t)suffix->size > sizeof whole)
        return "a version is too long";
    memcpy(whole, version.text, version.size);
    if (suffix->size != 0)
        memcpy(whole + version.size, suffix->text, suffix->size);
    return check_semver((berthi_name){ whole, version.size + suffix->size });
}

/* ---------------------------------------------------------------- names */

static const char *parse_interface(berthi_name name, const berthi_name *suffix,
                                   berthi_cm_parsed_name *out)
{
    scan s = scan_of(name);
    berthi_name space, package, interface;
    bool has_version;

    out->form = BERTHI_CM_NAME_INTERFACE;
    out->plain = name;
    if (!split(&s, ':', &space) || !is_lower_label(space))
        return "is not a valid extern name: its namespace is not in kebab case";
    if (!split(&s, '/', &package) || !is_lower_label(package))
        return "is not a valid extern name: expected `/` after package name";
    has_version = split(&s, '@', &interface);
    if (!has_version)
        interface = (berthi_name){ s.at, (uint32_t)(s.end - s.at) };
    if (!berthi_cm_is_label(interface))
        return "is not a valid extern name: trailing characters found, or its interface is not "
               "in "
               "kebab case";
    if (!has_version)
        return suffix == NULL ? NULL : "has a version suffix and no version";
    out->version = (berthi_name){ s.at, (uint32_t)(s.end - s.at) };
    return check_version(out->version, suffix);
}

static const char *parse_annotated(berthi_name name, berthi_cm_parsed_name *out)
{
    static const struct {
        const char *text;
        berthi_cm_name_form form;
    } annotations[] = { { "[constructor]", BERTHI_CM_NAME_CONSTRUCTOR },
                        { "[method]", BERTHI_CM_NAME_METHOD },
                        { "[static]", BERTHI_CM_NAME_STATIC } };

    for (size_t i = 0; i < sizeof annotations / sizeof *annotations; i++) {
        uint32_t size = (uint32_t)strlen(annotations[i].text);
        scan s;

        if (name.size < size || memcmp(name.text, annotations[i].text, size) != 0)
            continue;
        out->form = annotations[i].form;
        out->plain = (berthi_name){ name.text + size, name.size - size };
        if (out->form == BERTHI_CM_NAME_CONSTRUCTOR) {
            out->resource = out->plain;
            return berthi_cm_is_label(out->plain) ? NULL : "is not in kebab case";
        }
        s = scan_of(out->plain);
        if (!split(&s, '.', &out->resource))
            return "is not a valid extern name: failed to find `.` character";
        return berthi_cm_is_label(out->resource) &&
                       berthi_cm_is_label((berthi_name){ s.at, (uint32_t)(s.end - s.at) })
                   ? NULL
                   : "is not in kebab case";
    }
    return "is not a valid extern name: unknown annotation";
}

const char *berthi_cm_parse_name(berthi_name name, const berthi_name *suffix,
                                 berthi_cm_parsed_name *parsed_out)
{
    *parsed_out = (berthi_cm_parsed_name){ .plain = name };
    if (name.size != 0 && memchr(name.text, ':', name.size) != NULL)
        return parse_interface(name, suffix, parsed_out);
    if (suffix != NULL)
        return "has a version suffix and no version";
    if (name.size != 0 && name.text[0] == '[')
        return parse_annotated(name, parsed_out);
    return berthi_cm_is_label(name) ? NULL : "is not a valid extern name: not in kebab case";
}

/* ---------------------------------------------------------------- strong uniqueness */

static char lower(char c)
{
    return is_upper(c) ? (char)(c - 'A' + 'a') : c;
}

static uint32_t hash_of(berthi_name name)
{
    uint32_t hash = 0x811c9dc5u;

    for (uint32_t i = 0; i < name.size; i++)
        hash = (hash ^ (uint8_t)lower(name.text[i])) * 0x01000193u;
    return hash ^ hash >> 15;
}

static bool equal_ignoring_case(berthi_name a, berthi_name b)
{
    if (a.size != b.size)
        return false;
    for (uint32_t i = 0; i < a.size; i++)
        if (lower(a.text[i]) != lower(b.text[i]))
            return false;
    return true;
}

/* `a` and `[constructor]a` may stand together. */
static bool may_share(const berthi_cm_parsed_name *a, const berthi_cm_parsed_name *b)
{
    bool is_pair = (a->form == BERTHI_CM_NAME_LABEL && b->form == BERTHI_CM_NAME_CONSTRUCTOR) ||
                   (b->form == BERTHI_CM_NAME_LABEL && a->form == BERTHI_CM_NAME_CONSTRUCTOR);

    return is_pair && berthi_cm_same_name(a->plain, b->plain);
}

/* `l` of `[method]l.l` and `[static]l.l`, which a plain `l` excludes; else empty. */
static berthi_name doubled(const berthi_cm_parsed_name *name)
{
    uint32_t size = name->resource.size;
    berthi_name second = { name->plain.text + size + 1, size };

    if ((name->form != BERTHI_CM_NAME_METHOD && name->form != BERTHI_CM_NAME_STATIC) ||
        name->plain.size != 2 * size + 1 || !equal_ignoring_case(name->resource, second))
        return (berthi_name){ NULL, 0 };
    return name->resource;
}

/* NULL also when the work has run out. */
static const berthi_cm_parsed_name *find_conflict(berthi_cm_types *s,
                                                  const berthi_cm_names *set,
                                                  const berthi_cm_parsed_name *name)
{
    berthi_name keys[2] = { name->plain, doubled(name) };

    for (unsigned k = 0; k < 2 && set->room != 0; k++) {
        uint32_t at = hash_of(keys[k]) & (set->room - 1);

        for (; keys[k].size + (k == 0) != 0 && set->slots[at] != 0;
             at = (at + 1) & (set->room - 1)) {
            const berthi_cm_parsed_name *other = &set->names[set->slots[at] - 1];
            berthi_name twice = doubled(other);
            bool is_same = equal_ignoring_case(other->plain, keys[k]) &&
                           (k == 0 || other->form == BERTHI_CM_NAME_LABEL);
            bool is_doubled = k == 0 && name->form == BERTHI_CM_NAME_LABEL && twice.size != 0 &&
                              equal_ignoring_case(twice, name->plain);

            if (!berthi_cm_charge_name(s, keys[k]))
                return NULL;
            if ((is_same && !may_share(other, name)) || is_doubled)
                return other;
        }
    }
    return NULL;
}

static bool put_slot(berthi_cm_types *s, berthi_cm_names *set, berthi_name key, uint32_t index)
{
    uint32_t at = hash_of(key) & (set->room - 1);

    for (; set->slots[at] != 0; at = (at + 1) & (set->room - 1))
        if (!berthi_cm_charge(s, 1))
            return false;
    set->slots[at] = index + 1;
    return berthi_cm_charge_name(s, key);
}

static bool put_name(berthi_cm_types *s, berthi_cm_names *set, uint32_t index)
{
    berthi_name twice = doubled(&set->names[index]);

    return put_slot(s, set, set->names[index].plain, index) &&
           (twice.size == 0 || put_slot(s, set, twice, index));
}

/* Room for one more, of which each may take two slots. */
static bool grow_names(berthi_cm_types *s, berthi_cm_names *set)
{
    uint32_t room = set->room == 0 ? 16 : 2 * set->room;
    berthi_cm_parsed_name *names;

    if (4 * (set->count + 1) <= set->room)
        return true;
    names = berthi_cm_make(s, room / 4 + 1, sizeof *names);
    set->slots = berthi_cm_make(s, room, sizeof *set->slots);
    if (names == NULL || set->slots == NULL)
        return false;
    if (set->count != 0)
        memcpy(names, set->names, set->count * sizeof *names);
    set->names = names;
    set->room = room;
    for (uint32_t i = 0; i < set->count; i++)
        if (!put_name(s, set, i))
            return false;
    return true;
}

bool berthi_cm_add_name(berthi_cm_types *s, berthi_cm_names *set,
                        const berthi_cm_parsed_name *name,
                        const berthi_cm_parsed_name **other_out)
{
    *other_out = NULL;
    if (!berthi_cm_charge_name(s, name->plain) || !grow_names(s, set))
        return false;
    *other_out = find_conflict(s, set, name);
    if (*other_out != NULL || s->status != BERTH_OK)
        return false;
    set->names[set->count] = *name;
    return put_name(s, set, set->count++);
}
