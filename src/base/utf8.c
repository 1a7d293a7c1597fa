/* utf8.c - text that others wrote, made safe to show.  Layer: base. */
#include "base/utf8.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

size_t berthi_utf8_next(const char *text, size_t size, uint32_t *character_out)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    uint32_t c, value;
    size_t need;

    if (size == 0)
        return 0;
    c = (unsigned char)text[0];
    if (c < 0x80) {
        *character_out = c;
        return 1;
    }
    if (c < 0xc2 || c > 0xf4)
        return 0;
    need = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    if (size < need)
        return 0;
    value = c & (0x7fu >> need);
    for (size_t i = 1; i < need; i++) {
        c = (unsigned char)text[i];
        if ((c & 0xc0) != 0x80)
            return 0;
        value = value << 6 | (c & 0x3f);
    }
    if (value < least[need] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
        return 0;
    *character_out = value;
    return need;
}

size_t berthi_ascii_run(const char *text, size_t size)
{
    const uint64_t tops = 0x8080808080808080u;
    uint64_t words[4];
    size_t i = 0;

    for (; size - i >= sizeof words; i += sizeof words) {
        memcpy(words, text + i, sizeof words);
        if (((words[0] | words[1] | words[2] | words[3]) & tops) != 0)
            break;
    }
    for (; size - i >= sizeof words[0]; i += sizeof words[0]) {
        memcpy(words, text + i, sizeof words[0]);
        if ((words[0] & tops) != 0)
            break;
    }
    while (i < size && (unsigned char)text[i] < 0x80)
        i++;
    return i;
}

size_t berthi_utf8_put(char out[static 4], uint32_t c)
{
    size_t size = 0;

    if (c < 0x80) {
        out[size++] = (char)c;
        return size;
    }
    if (c < 0x800) {
        out[size++] = (char)(0xc0 | c >> 6);
    } else {
        if (c < 0x10000) {
            out[size++] = (char)(0xe0 | c >> 12);
        } else {
            out[size++] = (char)(0xf0 | c >> 18);
            out[size++] = (char)(0x80 | (c >> 12 & 0x3f));
        }
        out[size++] = (char)(0x80 | (c >> 6 & 0x3f));
    }
    out[size++] = (char)(0x80 | (c & 0x3f));
    return size;
}

size_t berthi_utf8_valid_size(const char *text, size_t size)
{
    uint32_t character;

    for (size_t i = 0, step; i < size; i += step) {
        if ((unsigned char)text[i] < 0x80)
            i += berthi_ascii_run(text + i, size - i);
        step = berthi_utf8_next(text + i, size - i, &character);
        if (step == 0) /* ill-formed, or the end */
            return i;
    }
    return size;
}

bool berthi_utf8_is_valid(const char *text, size_t size)
{
    return berthi_utf8_valid_size(text, size) == size;
}

bool berthi_utf8_is_cut(const char *text, size_t size)
{
    char whole[4];
    uint32_t character;

    if (size == 0 || size >= sizeof whole)
        return false;
    /* What may follow a lead byte is a range that holds the least or the greatest byte. */
    for (int filler = 0x80; filler <= 0xbf; filler += 0x3f) {
        memset(whole, filler, sizeof whole);
        memcpy(whole, text, size);
        if (berthi_utf8_next(whole, sizeof whole, &character) > size)
            return true;
    }
    return false;
}

bool berthi_utf8_is_plain(uint32_t c)
{
    return c >= 0x20 && !(c >= 0x7f && c <= 0x9f) /* controls */
           && c != 0xad && c != 0x61c             /* soft hyphen, Arabic letter mark */
           && !(c >= 0x200b && c <= 0x200f)       /* zero width; direction marks */
           && !(c >= 0x2028 && c <= 0x202e)       /* separators; embeddings */
           && !(c >= 0x2060 && c <= 0x206f)       /* invisible; isolates */
           && c != 0xfeff && !(c >= 0xfff9 && c <= 0xfffb) && !(c >= 0xe0000 && c <= 0xe007f);
}

bool berthi_utf8_is_plain_text(const char *text, size_t size)
{
    uint32_t character;

    for (size_t i = 0, step; i < size; i += step) {
        step = berthi_utf8_next(text + i, size - i, &character);
        if (step == 0 || !berthi_utf8_is_plain(character))
            return false;
    }
    return true;
}

/* One character of `text`, at most 16 bytes; returns how much of `text` it took. */
static size_t show_one(char piece[static 17], const char *text, size_t size)
{
    uint32_t character;
    size_t step = berthi_utf8_next(text, size, &character);

    if (step != 0 && berthi_utf8_is_plain(character)) {
        if (character == '\\') {
            memcpy(piece, "\\\\", 3);
        } else {
            memcpy(piece, text, step);
            piece[step] = '\0';
        }
        return step;
    }
    if (step == 0)
        step = 1;
    for (size_t i = 0; i < step; i++)
        snprintf(piece + 4 * i, 5, "\\x%02x", (unsigned)(unsigned char)text[i]);
    return step;
}

char *berthi_utf8_show(char *out, size_t room, const char *text, size_t size)
{
    enum { DOTS = 3 };
    size_t used = 0, fits = 0; /* fits: how much may stay when dots must follow */
    char piece[17];

    assert(room >= 8);
    for (size_t i = 0; i < size;) {
        size_t step = show_one(piece, text + i, size - i), length = strlen(piece);

        if (used + length + 1 > room) {
            memcpy(out + fits, "...", DOTS + 1);
            return out;
        }
        memcpy(out + used, piece, length);
        used += length;
        if (used + DOTS + 1 <= room)
            fits = used;
        i += step;
    }
    out[used] = '\0';
    return out;
}
