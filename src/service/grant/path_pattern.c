/* path_pattern.c - patterns of paths and names.  Layer: service.
 *
 * Both loops go back to the last wildcard only, which is enough: what a later one may match, an
 * earlier one need not give up.  So the work is at most the product of both lengths. */
#include "service/grant/pattern.h"

#include <string.h>

#include "base/utf8.h"

typedef struct part { /* of a path, without its slashes */
    const char *text;
    size_t size;
} part;

/* The part at *at, which moves behind it; false at the end.  `/` alone has no parts. */
static bool next_part(const char *path, size_t size, size_t *at, part *part_out)
{
    size_t begin = *at + 1, end = begin;

    if (begin >= size)
        return false;
    while (end < size && path[end] != '/')
        end++;
    *part_out = (part){ path + begin, end - begin };
    *at = end;
    return true;
}

static bool is_deep(part p)
{
    return p.size == 2 && p.text[0] == '*' && p.text[1] == '*';
}

static bool is_dots(part p)
{
    return p.size <= 2 && (p.size == 0 || p.text[0] == '.') && (p.size < 2 || p.text[1] == '.');
}

bool berthi_path_is_plain(const char *path, size_t size)
{
    size_t at = 0;
    part p;

    if (size == 0 || size > BERTHI_PATTERN_MAX || path[0] != '/' ||
        memchr(path, '\0', size) != NULL || !berthi_utf8_is_valid(path, size))
        return false;
    while (next_part(path, size, &at, &p))
        if (is_dots(p))
            return false;
    return size == 1 || path[size - 1] != '/';
}

/* ---------------------------------------------------------------- one part */

/* The size of a class that begins at '['; 0: it does not end. */
static size_t class_size(const char *pattern, size_t size)
{
    for (size_t i = 2; i < size; i++)
        if (pattern[i] == ']')
            return i + 1;
    return 0;
}

static bool is_in_class(const char *class, size_t size, char c)
{
    for (size_t i = 1; i + 1 < size; i++) {
        if (i + 3 < size && class[i + 1] == '-') {
            if ((unsigned char)class[i] <= (unsigned char)c &&
                (unsigned char)c <= (unsigned char)class[i + 2])
                return true;
            i += 2;
        } else if (class[i] == c) {
            return true;
        }
    }
    return false;
}

/* The bytes of a character that begins here. */
static size_t character_size(const char *text, size_t size)
{
    size_t n = 1;

    while (n < size && ((unsigned char)text[n] & 0xc0) == 0x80)
        n++;
    return n;
}

/* One step without a star.  How much of the pattern and of the text it takes; false: no match. */
static bool step(const char *pattern, size_t pattern_size, const char *text, size_t size,
                 size_t *of_pattern, size_t *of_text)
{
    *of_pattern = *of_text = 1;
    if (size == 0)
        return false;
    if (pattern[0] == '?') {
        *of_text = character_size(text, size);
        return true;
    }
    if (pattern[0] == '[') {
        *of_pattern = class_size(pattern, pattern_size);
        return *of_pattern != 0 && is_in_class(pattern, *of_pattern, text[0]);
    }
    return pattern[0] == text[0];
}

bool berthi_part_matches(const char *pattern, size_t pattern_size, const char *text,
                         size_t size)
{
    size_t p = 0, t = 0, star = SIZE_MAX, star_text = 0, of_pattern, of_text;

    while (t < size || p < pattern_size) {
        if (p < pattern_size && pattern[p] == '*') {
            star = p++;
            star_text = t;
        } else if (p < pattern_size && step(pattern + p, pattern_size - p, text + t, size - t,
                                            &of_pattern, &of_text)) {
            p += of_pattern;
            t += of_text;
        } else if (star != SIZE_MAX && star_text < size) {
            t = ++star_text;
            p = star + 1;
        } else {
            return false;
        }
    }
    return true;
}

/* ---------------------------------------------------------------- paths */

bool berthi_path_matches(const char *pattern, const char *path, size_t size)
{
    size_t pattern_size = strlen(pattern), p = 0, t = 0, p_next, t_next;
    size_t deep = SIZE_MAX, deep_text = 0;
    part want = { "", 0 }, have = { "", 0 };

    for (;;) {
        bool is_more = (p_next = p, next_part(pattern, pattern_size, &p_next, &want));
        bool is_left = (t_next = t, next_part(path, size, &t_next, &have));

        if (!is_more && !is_left)
            return true;
        if (is_more && is_deep(want)) {
            deep = p = p_next;
            deep_text = t;
        } else if (is_more && is_left &&
                   berthi_part_matches(want.text, want.size, have.text, have.size)) {
            p = p_next;
            t = t_next;
        } else if (deep != SIZE_MAX && next_part(path, size, &deep_text, &have)) {
            p = deep;
            t = deep_text;
        } else {
            return false;
        }
    }
}

bool berthi_path_may_lead(const char *pattern, const char *path, size_t size)
{
    size_t pattern_size = strlen(pattern), p = 0, t = 0;
    part want, have;

    while (next_part(path, size, &t, &have)) {
        if (!next_part(pattern, pattern_size, &p, &want))
            return false;
        if (is_deep(want))
            return true;
        if (!berthi_part_matches(want.text, want.size, have.text, have.size))
            return false;
    }
    return true;
}

/* ---------------------------------------------------------------- reading */

static bool is_wild(part p)
{
    for (size_t i = 0; i < p.size; i++)
        if (p.text[i] == '*' || p.text[i] == '?' || p.text[i] == '[')
            return true;
    return false;
}

static const char *check_part(part p)
{
    if (is_deep(p))
        return NULL;
    for (size_t i = 0; i < p.size; i++) {
        if (p.text[i] == '*' && i + 1 < p.size && p.text[i + 1] == '*')
            return "`**` stands alone between slashes";
        if (p.text[i] == '[') {
            size_t size = class_size(p.text + i, p.size - i);

            if (size == 0)
                return "a `[` has no `]`";
            i += size - 1;
        }
    }
    return NULL;
}

const char *berthi_path_pattern_check(const char *pattern)
{
    size_t size = strlen(pattern), at = 0;
    part p;

    if (pattern[0] != '/')
        return "a path begins with /";
    if (!berthi_path_is_plain(pattern, size))
        return "a path has no empty parts, no `.` and no `..`, is UTF-8 and at most 4096 bytes "
               "long, and does not end with /";
    while (next_part(pattern, size, &at, &p)) {
        const char *wrong = check_part(p);

        if (wrong != NULL)
            return wrong;
    }
    return NULL;
}

size_t berthi_path_pattern_folder(const char *pattern)
{
    size_t size = strlen(pattern), at = 0, folder = 0;
    part p;

    while (next_part(pattern, size, &at, &p)) {
        if (at == size || is_wild(p))
            break;
        folder = at;
    }
    return folder == 0 ? 1 : folder;
}

bool berthi_path_pattern_has_wildcard(const char *pattern)
{
    return is_wild((part){ pattern, strlen(pattern) });
}
