/* unicode.c - text that is known to be valid, between UTF-8, UTF-16 and Latin-1.  Layer: base.
 *
 * Nearly all text is ASCII, or has long runs of it: those are found and moved eight bytes and more at
 * a time, everything else one character at a time. */
#include "base/unicode.h"

#include <string.h>

#define EACH_UNIT(value) (0x0001000100010001u * (uint64_t)(value))

static uint64_t read_word(const uint8_t *p)
{
    uint64_t word;

    memcpy(&word, p, sizeof word);
    return word;
}

static uint32_t read_unit(const uint8_t *units, size_t i)
{
    return units[2 * i] | (uint32_t)units[2 * i + 1] << 8;
}

static void write_unit(uint8_t *units, size_t i, uint32_t unit)
{
    units[2 * i] = (uint8_t)unit;
    units[2 * i + 1] = (uint8_t)(unit >> 8);
}

static bool is_high(uint32_t unit)
{
    return (unit & 0xfc00) == 0xd800;
}

static bool is_low(uint32_t unit)
{
    return (unit & 0xfc00) == 0xdc00;
}

/* Some unit of the four is a surrogate: its five upper bits are 11011.  A borrow goes upwards from a
 * unit that is one, so it may only add to a yes. */
static bool has_surrogate(uint64_t four)
{
    uint64_t differs = (four & EACH_UNIT(0xf800)) ^ EACH_UNIT(0xd800);

    return ((differs - EACH_UNIT(1)) & ~differs & EACH_UNIT(0x8000)) != 0;
}

bool berthi_utf16_is_valid(const uint8_t *units, size_t count)
{
    uint32_t unit;

    for (size_t i = 0; i < count; i++) {
        while (count - i >= 4 && !has_surrogate(read_word(units + 2 * i)))
            i += 4;
        if (i == count)
            break;
        unit = read_unit(units, i);
        if (!is_high(unit) && !is_low(unit))
            continue;
        if (is_low(unit) || count - i < 2 || !is_low(read_unit(units, i + 1)))
            return false;
        i++;
    }
    return true;
}

size_t berthi_utf16_run(const uint8_t *units, size_t count, uint32_t bound)
{
    /* The bytes of a word are those of memory in either order, and so is the mask. */
    const uint8_t unit_mask[2] = { (uint8_t) ~(bound - 1), (uint8_t)(~(bound - 1) >> 8) };
    uint8_t bytes[8];
    uint64_t mask;
    size_t i = 0;

    for (size_t k = 0; k < sizeof bytes; k++)
        bytes[k] = unit_mask[k % 2];
    mask = read_word(bytes);
    while (count - i >= 4 && (read_word(units + 2 * i) & mask) == 0)
        i += 4;
    while (i < count && read_unit(units, i) < bound)
        i++;
    return i;
}

size_t berthi_utf16_size_in_utf8(const uint8_t *units, size_t count)
{
    size_t size = 0;
    uint32_t unit;

    for (size_t i = 0; i < count; i++) {
        unit = read_unit(units, i);
        /* half of a pair: two of the four bytes */
        size += unit < 0x80 ? 1 : unit < 0x800 || is_high(unit) || is_low(unit) ? 2 : 3;
    }
    return size;
}

size_t berthi_latin1_size_in_utf8(const uint8_t *text, size_t size)
{
    size_t more = 0;

    for (size_t i = 0; i < size; i++)
        more += text[i] >> 7;
    return size + more;
}

size_t berthi_utf8_to_utf16(const uint8_t *text, size_t size, uint8_t *out)
{
    size_t count = 0, run, step;
    uint32_t character;

    for (size_t i = 0; i < size; i += step) {
        run = berthi_ascii_run((const char *)text + i, size - i);
        berthi_latin1_widen(text + i, run, out + 2 * count);
        count += run;
        i += run;
        step = berthi_utf8_next((const char *)text + i, size - i, &character);
        if (step == 0) /* the end */
            break;
        if (character < 0x10000) {
            write_unit(out, count++, character);
        } else {
            write_unit(out, count++, 0xd7c0 + (character >> 10));
            write_unit(out, count++, 0xdc00 + (character & 0x3ff));
        }
    }
    return count;
}

size_t berthi_utf8_to_latin1(const uint8_t *text, size_t size, uint8_t *out, size_t *taken_out)
{
    size_t count = 0, i = 0, run, step;
    uint32_t character;

    for (;; i += step) {
        run = berthi_ascii_run((const char *)text + i, size - i);
        if (run != 0)
            memcpy(out + count, text + i, run);
        count += run;
        i += run;
        step = berthi_utf8_next((const char *)text + i, size - i, &character);
        if (step == 0 || character > 0xff)
            break;
        out[count++] = (uint8_t)character;
    }
    *taken_out = i;
    return count;
}

static size_t write_utf8(uint32_t c, uint8_t *out)
{
    if (c < 0x80) {
        out[0] = (uint8_t)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (uint8_t)(0xc0 | c >> 6);
        out[1] = (uint8_t)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (uint8_t)(0xe0 | c >> 12);
        out[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        out[2] = (uint8_t)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (uint8_t)(0xf0 | c >> 18);
    out[1] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
    out[2] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
    out[3] = (uint8_t)(0x80 | (c & 0x3f));
    return 4;
}

size_t berthi_utf16_to_utf8(const uint8_t *units, size_t count, uint8_t *out)
{
    size_t size = 0, run;
    uint32_t c;

    for (size_t i = 0; i < count; i++) {
        run = berthi_utf16_run(units + 2 * i, count - i, 0x80);
        berthi_utf16_narrow(units + 2 * i, run, out + size);
        size += run;
        i += run;
        if (i == count)
            break;
        c = read_unit(units, i);
        if (is_high(c) && count - i >= 2)
            c = 0x10000 + ((c & 0x3ff) << 10) + (read_unit(units, ++i) & 0x3ff);
        size += write_utf8(c, out + size);
    }
    return size;
}

size_t berthi_latin1_to_utf8(const uint8_t *text, size_t size, uint8_t *out)
{
    size_t written = 0, run;

    for (size_t i = 0; i < size; i++) {
        run = berthi_ascii_run((const char *)text + i, size - i);
        if (run != 0)
            memcpy(out + written, text + i, run);
        written += run;
        i += run;
        if (i < size)
            written += write_utf8(text[i], out + written);
    }
    return written;
}

void berthi_utf16_narrow(const uint8_t *units, size_t count, uint8_t *out)
{
    for (size_t i = 0; i < count; i++) /* forwards, so that `out` may be `units` */
        out[i] = units[2 * i];
}

/* The compiler makes vectors of this one. */
static void widen_apart(const uint8_t *restrict text, size_t size, uint8_t *restrict out)
{
    for (size_t i = 0; i < size; i++) {
        out[2 * i] = text[i];
        out[2 * i + 1] = 0;
    }
}

void berthi_latin1_widen(const uint8_t *text, size_t size, uint8_t *out)
{
    if (out != text) {
        widen_apart(text, size, out);
        return;
    }
    for (size_t i = size; i-- > 0;)
        write_unit(out, i, text[i]);
}
