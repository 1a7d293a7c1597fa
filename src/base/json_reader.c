/* json_reader.c - JSON into values in an arena, in one pass, without recursion.  Layer: base. */
#include "base/json_reader.h"

#include "base/utf8.h"

typedef struct cursor {
    const char *text;
    size_t size, at;
    const char *why;
    const berthi_json_limits *limits;
    berthi_arena *arena;
    bool out_of_memory;
} cursor;

/* A value that is not closed yet. */
typedef struct level {
    berthi_json *value;
    berthi_json **tail; /* where its next member or item goes */
} level;

static bool wrong(cursor *c, const char *why)
{
    c->why = why;
    return false;
}

static int peek(const cursor *c)
{
    return c->at < c->size ? (unsigned char)c->text[c->at] : -1;
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(int c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static void skip_space(cursor *c)
{
    while (peek(c) == ' ' || peek(c) == '\t' || peek(c) == '\n' || peek(c) == '\r')
        c->at++;
}

static bool take_unit(cursor *c, unsigned *unit_out)
{
    unsigned unit = 0;

    for (int i = 0; i < 4; i++, c->at++) {
        int h = peek(c);

        if (!is_hex(h))
            return wrong(c, "\\u needs four hexadecimal digits");
        unit = unit << 4 | (unsigned)(is_digit(h) ? h - '0' : (h | 0x20) - 'a' + 10);
    }
    *unit_out = unit;
    return true;
}

/* Behind the backslash. */
static bool take_escape(cursor *c)
{
    unsigned unit, low;

    if (peek(c) != 'u') {
        if (peek(c) <= 0 || strchr("\"\\/bfnrt", peek(c)) == NULL)
            return wrong(c, "unknown escape");
        c->at++;
        return true;
    }
    c->at++;
    if (!take_unit(c, &unit))
        return false;
    if (unit == 0 && !c->limits->allows_nul)
        return wrong(c, "strings may not hold NUL");
    if (unit >= 0xdc00 && unit <= 0xdfff)
        return wrong(c, "half of a surrogate pair");
    if (unit < 0xd800 || unit > 0xdbff)
        return true;
    if (c->size - c->at < 2 || memcmp(c->text + c->at, "\\u", 2) != 0)
        return wrong(c, "half of a surrogate pair");
    c->at += 2;
    if (!take_unit(c, &low))
        return false;
    return (low >= 0xdc00 && low <= 0xdfff) || wrong(c, "half of a surrogate pair");
}

/* At the opening quote. */
static bool take_string(cursor *c)
{
    uint32_t character;
    size_t step;

    for (c->at++; peek(c) != '"';) {
        if (peek(c) < 0)
            return wrong(c, "a string does not end");
        if (peek(c) < 0x20)
            return wrong(c, "a control character in a string");
        if (peek(c) == '\\') {
            c->at++;
            if (!take_escape(c))
                return false;
            continue;
        }
        step = berthi_utf8_next(c->text + c->at, c->size - c->at, &character);
        if (step == 0)
            return wrong(c, "not UTF-8");
        c->at += step;
    }
    c->at++;
    return true;
}

static unsigned hex_value(char h)
{
    return (unsigned)(is_digit(h) ? h - '0' : (h | 0x20) - 'a' + 10);
}

static uint32_t unit_at(const char *digits)
{
    return hex_value(digits[0]) << 12 | hex_value(digits[1]) << 8 | hex_value(digits[2]) << 4 |
           hex_value(digits[3]);
}

/* Decodes the escape at `in`, behind the backslash; it was checked.  Returns what follows it. */
static const char *decode_escape(const char *in, char **out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    uint32_t c;

    if (*in != 'u') {
        *(*out)++ = to[strchr(from, *in) - from];
        return in + 1;
    }
    c = unit_at(in + 1);
    in += 5;
    if (c >= 0xd800 && c <= 0xdbff) {
        c = 0x10000 + ((c - 0xd800) << 10) + (unit_at(in + 2) - 0xdc00);
        in += 6;
    }
    *out += berthi_utf8_put(*out, c);
    return in;
}

/* The string between the quotes of [from, to), which was checked.  No escape decodes to more
 * bytes than it has. */
static const char *decode(cursor *c, size_t from, size_t to, size_t *size_out)
{
    const char *in = c->text + from + 1, *end = c->text + to - 1;
    char *text = berthi_arena_alloc(c->arena, (size_t)(end - in) + 1), *out = text;

    if (text == NULL) {
        c->out_of_memory = true;
        return NULL;
    }
    while (in < end)
        if (*in == '\\')
            in = decode_escape(in + 1, &out);
        else
            *out++ = *in++;
    *size_out = (size_t)(out - text);
    return text; /* terminated: the arena gives zeroed memory */
}

static bool take_digits(cursor *c)
{
    if (!is_digit(peek(c)))
        return wrong(c, "a digit is missing");
    while (is_digit(peek(c)))
        c->at++;
    return true;
}

static bool take_number(cursor *c)
{
    if (peek(c) == '-')
        c->at++;
    if (peek(c) == '0')
        c->at++;
    else if (!take_digits(c))
        return false;
    if (peek(c) == '.') {
        c->at++;
        if (!take_digits(c))
            return false;
    }
    if (peek(c) == 'e' || peek(c) == 'E') {
        c->at++;
        if (peek(c) == '+' || peek(c) == '-')
            c->at++;
        if (!take_digits(c))
            return false;
    }
    return true;
}

static bool take_word(cursor *c)
{
    static const char *const words[] = { "true", "false", "null" };

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t size = strlen(words[i]);

        if (c->size - c->at >= size && memcmp(c->text + c->at, words[i], size) == 0) {
            c->at += size;
            return true;
        }
    }
    return wrong(c, c->at == c->size ? "the text ends too early" : "no value starts like this");
}

/* The number in [from, to), when it is an integer that fits. */
static void note_integer(const cursor *c, size_t from, size_t to, berthi_json *value)
{
    bool is_negative = c->text[from] == '-';
    int64_t sum = 0;

    for (size_t i = from + is_negative; i < to; i++) {
        int digit = c->text[i] - '0';

        if (!is_digit(c->text[i]) || __builtin_mul_overflow(sum, 10, &sum) ||
            __builtin_sub_overflow(sum, digit, &sum))
            return;
    }
    if (!is_negative && __builtin_sub_overflow((int64_t)0, sum, &sum))
        return;
    value->is_integer = true;
    value->integer = sum;
}

/* The text of a number that is no integer, does not fit, or is -0. */
static bool keep_number(cursor *c, size_t from, berthi_json *value)
{
    if (value->is_integer && (value->integer != 0 || c->text[from] != '-'))
        return true;
    value->size = c->at - from;
    value->text = berthi_arena_strndup(c->arena, c->text + from, value->size);
    if (value->text == NULL)
        c->out_of_memory = true;
    return value->text != NULL;
}

static bool take_scalar(cursor *c, berthi_json *value)
{
    size_t from = c->at;

    if (peek(c) == '"') {
        if (!take_string(c))
            return false;
        value->kind = BERTHI_JSON_STRING;
        value->text = decode(c, from, c->at, &value->size);
        return value->text != NULL;
    }
    if (peek(c) == '-' || is_digit(peek(c))) {
        value->kind = BERTHI_JSON_NUMBER;
        if (!take_number(c))
            return false;
        note_integer(c, from, c->at, value);
        return keep_number(c, from, value);
    }
    value->kind = peek(c) == 't'   ? BERTHI_JSON_TRUE
                  : peek(c) == 'f' ? BERTHI_JSON_FALSE
                                   : BERTHI_JSON_NULL;
    return take_word(c);
}

/* FNV-1a: most members are told apart without looking at their names. */
static uint32_t hash_of(const char *name, size_t size)
{
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (unsigned char)name[i]) * 16777619u;
    return hash;
}

static bool is_there(const berthi_json *object, const berthi_json *member)
{
    for (const berthi_json *m = object->first; m != NULL; m = m->next)
        if (m != member && m->name_hash == member->name_hash &&
            m->name_size == member->name_size &&
            memcmp(m->name, member->name, m->name_size) == 0)
            return true;
    return false;
}

/* A member's name and its colon. */
static bool take_name(cursor *c, const berthi_json *object, berthi_json *member)
{
    size_t from;

    skip_space(c);
    from = c->at;
    if (peek(c) != '"')
        return wrong(c, "a member's name is missing");
    if (!take_string(c))
        return false;
    member->name = decode(c, from, c->at, &member->name_size);
    if (member->name == NULL)
        return false;
    member->name_hash = hash_of(member->name, member->name_size);
    if (is_there(object, member)) {
        c->at = from;
        return wrong(c, "a member is there twice");
    }
    skip_space(c);
    if (peek(c) != ':')
        return wrong(c, "':' is missing");
    c->at++;
    return true;
}

/* A new member or item of the innermost open value; its name too. */
static berthi_json *add(cursor *c, level *inner)
{
    berthi_json *value;

    bool is_object = inner->value->kind == BERTHI_JSON_OBJECT;

    if (inner->value->count == (is_object ? c->limits->members : c->limits->items)) {
        wrong(c, "too many members or items");
        return NULL;
    }
    value = berthi_arena_alloc(c->arena, sizeof *value);
    if (value == NULL) {
        c->out_of_memory = true;
        return NULL;
    }
    if (is_object && !take_name(c, inner->value, value))
        return NULL;
    *inner->tail = value;
    inner->tail = &value->next;
    inner->value->count++;
    return value;
}

/* Behind a whole value: closes what closes here.  True when a comma promises another. */
static bool take_after(cursor *c, level *levels, unsigned *depth)
{
    for (; *depth > 0; --*depth) {
        bool in_object = levels[*depth - 1].value->kind == BERTHI_JSON_OBJECT;

        skip_space(c);
        if (peek(c) == ',') {
            c->at++;
            return true;
        }
        if (peek(c) != (in_object ? '}' : ']'))
            return wrong(c, in_object ? "',' or '}' is missing" : "',' or ']' is missing");
        c->at++;
    }
    return false;
}

/* At an opening bracket.  True with *is_empty_out unless nested too deep. */
static bool open_value(cursor *c, level *levels, unsigned *depth, berthi_json *value,
                       bool *is_empty_out)
{
    bool is_object = peek(c) == '{';

    if (*depth == c->limits->nesting)
        return wrong(c, "nested too deep");
    value->kind = is_object ? BERTHI_JSON_OBJECT : BERTHI_JSON_ARRAY;
    levels[*depth] = (level){ value, &value->first };
    ++*depth;
    c->at++;
    skip_space(c);
    *is_empty_out = peek(c) == (is_object ? '}' : ']');
    return true;
}

static bool take_document(cursor *c, berthi_json *value)
{
    level levels[BERTHI_JSON_NESTING_TOP];
    unsigned depth = 0;

    for (;;) {
        bool is_empty = true;

        skip_space(c);
        value->at = c->at;
        if (peek(c) == '{' || peek(c) == '[') {
            if (!open_value(c, levels, &depth, value, &is_empty))
                return false;
        } else if (!take_scalar(c, value)) {
            return false;
        }
        if (is_empty && !take_after(c, levels, &depth))
            break;
        value = add(c, &levels[depth - 1]);
        if (value == NULL)
            return false;
    }
    if (c->why != NULL)
        return false;
    skip_space(c);
    return c->at == c->size || wrong(c, "something follows the value");
}

berth_status berthi_json_read(const char *text, size_t size, berthi_arena *arena,
                              const berthi_json **value_out, berthi_json_error *error_out)
{
    static const berthi_json_limits limits = { .nesting = BERTHI_JSON_NESTING_MAX,
                                               .members = BERTHI_JSON_MEMBERS_MAX,
                                               .items = BERTHI_JSON_MEMBERS_MAX };

    return berthi_json_read_within(text, size, &limits, arena, value_out, error_out);
}

berth_status berthi_json_read_within(const char *text, size_t size,
                                     const berthi_json_limits *limits, berthi_arena *arena,
                                     const berthi_json **value_out,
                                     berthi_json_error *error_out)
{
    cursor c = { .text = text, .size = size, .limits = limits, .arena = arena };
    berthi_json *value = berthi_arena_alloc(arena, sizeof *value);

    if (value == NULL)
        return BERTH_E_NOMEM;
    if (take_document(&c, value)) {
        *value_out = value;
        return BERTH_OK;
    }
    if (c.out_of_memory)
        return BERTH_E_NOMEM;
    *error_out = (berthi_json_error){ .why = c.why, .offset = c.at };
    return BERTH_E_REJECTED;
}

const berthi_json *berthi_json_member(const berthi_json *object, const char *name)
{
    size_t size = strlen(name);

    if (object->kind != BERTHI_JSON_OBJECT)
        return NULL;
    for (const berthi_json *m = object->first; m != NULL; m = m->next)
        if (m->name_size == size && memcmp(m->name, name, size) == 0)
            return m;
    return NULL;
}
