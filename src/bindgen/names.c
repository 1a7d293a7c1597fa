/* names.c - names of WIT as names of C and C++.  Layer: bindgen. */
#include "bindgen/names.h"

#include <stdarg.h>
#include <stdio.h>

/* ---------------------------------------------------------------- the set */

static uint32_t hash_of(const char *text)
{
    uint32_t hash = 2166136261u;

    for (; *text != '\0'; text++)
        hash = (hash ^ (unsigned char)*text) * 16777619u;
    return hash;
}

static berthi_bg_name *place_of(berthi_bg_name *table, uint32_t room, const char *text,
                                uint32_t hash)
{
    uint32_t i = hash & (room - 1);

    while (table[i].text != NULL && (table[i].hash != hash || strcmp(table[i].text, text) != 0))
        i = (i + 1) & (room - 1);
    return &table[i];
}

static bool grow(berthi_bg_names *n)
{
    uint32_t room = n->room == 0 ? 256 : 2 * n->room;
    berthi_bg_name *table = berthi_arena_array(n->arena, room, sizeof *table);

    if (table == NULL)
        return false;
    for (uint32_t i = 0; i < n->room; i++)
        if (n->table[i].text != NULL)
            *place_of(table, room, n->table[i].text, n->table[i].hash) = n->table[i];
    n->table = table;
    n->room = room;
    return true;
}

uint32_t *berthi_bg_value(berthi_bg_names *n, const char *text)
{
    uint32_t hash = hash_of(text);
    berthi_bg_name *place;

    if (n->has_failed || (2 * (n->count + 1) > n->room && !grow(n))) {
        n->has_failed = true;
        return NULL;
    }
    place = place_of(n->table, n->room, text, hash);
    if (place->text == NULL) {
        *place = (berthi_bg_name){ text, hash, 0 };
        n->count++;
    }
    return &place->value;
}

const char *berthi_bg_claim(berthi_bg_names *n, const char *text)
{
    uint32_t *used = berthi_bg_value(n, text);

    while (used != NULL && *used != 0) {
        const char *other = berthi_bg_format(n, "%s_%u", text, (unsigned)++*used);
        uint32_t *other_used = berthi_bg_value(n, other);

        if (other_used == NULL)
            return "";
        if (*other_used != 0) {
            used = berthi_bg_value(n, text); /* the table may have moved */
            continue;
        }
        text = other;
        used = other_used;
    }
    if (used == NULL)
        return "";
    *used = 1;
    return text;
}

static bool is_family_free(berthi_bg_names *n, const char *text, const char *const *suffixes)
{
    const uint32_t *used = berthi_bg_value(n, text);

    for (; used != NULL && *used == 0 && *suffixes != NULL; suffixes++)
        used = berthi_bg_value(n, berthi_bg_format(n, "%s%s", text, *suffixes));
    return used == NULL || *used == 0;
}

const char *berthi_bg_claim_family(berthi_bg_names *n, const char *text,
                                   const char *const *suffixes)
{
    const char *stem = text;

    for (unsigned i = 2; !is_family_free(n, text, suffixes); i++)
        text = berthi_bg_format(n, "%s_%u", stem, i);
    for (; *suffixes != NULL; suffixes++)
        (void)berthi_bg_claim(n, berthi_bg_format(n, "%s%s", text, *suffixes));
    return berthi_bg_claim(n, text);
}

/* ---------------------------------------------------------------- texts */

const char *berthi_bg_format(berthi_bg_names *n, const char *format, ...)
{
    va_list args;
    char *text;
    int size;

    va_start(args, format);
    size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    text = size < 0 || n->has_failed ? NULL : berthi_arena_alloc(n->arena, (size_t)size + 1);
    if (text == NULL) {
        n->has_failed = true;
        return "";
    }
    va_start(args, format);
    (void)vsnprintf(text, (size_t)size + 1, format, args);
    va_end(args);
    return text;
}

static char *mapped(berthi_bg_names *n, const char *name, char first, char last, int shift)
{
    size_t size = strlen(name);
    char *text = n->has_failed ? NULL : berthi_arena_strndup(n->arena, name, size);

    if (text == NULL) {
        n->has_failed = true;
        return NULL;
    }
    for (size_t i = 0; i < size; i++) {
        char c = text[i];

        if (c >= first && c <= last)
            text[i] = (char)(c + shift);
        else if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z'))
            text[i] = '_';
    }
    return text;
}

const char *berthi_bg_snake(berthi_bg_names *n, const char *name)
{
    char *text = mapped(n, name, 'A', 'Z', 'a' - 'A');

    return text == NULL ? "" : text;
}

const char *berthi_bg_upper(berthi_bg_names *n, const char *name)
{
    char *text = mapped(n, name, 'a', 'z', 'A' - 'a');

    return text == NULL ? "" : text;
}

/* Keywords of C23 and C++23, what stands for a keyword in C++, types that our text uses as they are,
 * and macros of headers that programs include everywhere.  Sorted. */
static const char *const reserved[] = {
    "alignas",
    "alignof",
    "and",
    "and_eq",
    "asm",
    "assert",
    "auto",
    "bitand",
    "bitor",
    "bool",
    "break",
    "case",
    "catch",
    "char",
    "char16_t",
    "char32_t",
    "char8_t",
    "class",
    "co_await",
    "co_return",
    "co_yield",
    "compl",
    "complex",
    "concept",
    "const",
    "const_cast",
    "consteval",
    "constexpr",
    "constinit",
    "continue",
    "decltype",
    "default",
    "delete",
    "do",
    "double",
    "dynamic_cast",
    "else",
    "enum",
    "errno",
    "explicit",
    "export",
    "extern",
    "false",
    "float",
    "for",
    "friend",
    "goto",
    "i386",
    "if",
    "imaginary",
    "inline",
    "int",
    "int16_t",
    "int32_t",
    "int64_t",
    "int8_t",
    "linux",
    "long",
    "mutable",
    "namespace",
    "new",
    "noexcept",
    "noreturn",
    "not",
    "not_eq",
    "nullptr",
    "operator",
    "or",
    "or_eq",
    "private",
    "protected",
    "public",
    "register",
    "reinterpret_cast",
    "requires",
    "restrict",
    "return",
    "short",
    "signed",
    "size_t",
    "sizeof",
    "static",
    "static_assert",
    "static_cast",
    "std",
    "stderr",
    "stdin",
    "stdout",
    "struct",
    "switch",
    "template",
    "this",
    "thread_local",
    "throw",
    "true",
    "try",
    "typedef",
    "typeid",
    "typename",
    "typeof",
    "typeof_unqual",
    "uint16_t",
    "uint32_t",
    "uint64_t",
    "uint8_t",
    "union",
    "unix",
    "unsigned",
    "using",
    "virtual",
    "void",
    "volatile",
    "wchar_t",
    "while",
    "xor",
    "xor_eq",
};

bool berthi_bg_is_reserved(const char *name)
{
    size_t low = 0, high = sizeof reserved / sizeof *reserved;

    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strcmp(name, reserved[middle]);

        if (order == 0)
            return true;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return false;
}

const char *berthi_bg_word(berthi_bg_names *n, const char *name)
{
    const char *text = berthi_bg_snake(n, name);

    return berthi_bg_is_reserved(text) ? berthi_bg_format(n, "%s_", text) : text;
}
