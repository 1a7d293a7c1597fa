/* fuzz_transcode.c - strings between the host and guests of every encoding, against a plain model.
 *
 * The model decodes a string into characters one by one, then walks CanonicalABI.md's steps over
 * them, one realloc after the other; ours must answer the same, ask for the same blocks and leave the
 * same bytes.  The first four bytes of an input choose the encodings, where the string lies, and how
 * its two values are bent. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "component/plan/transcode.h"
#include "fake_guest.h"
#include "fuzz.h"

enum { CHARACTERS_MAX = 4096, BYTES_MAX = 4 * CHARACTERS_MAX, FILL = 0xa5 };

typedef struct model {
    uint32_t characters[CHARACTERS_MAX];
    size_t count;
    size_t units;  /* of the source */
    uint8_t width; /* of its units */
    bool is_tagged;
    /* what the destination should hold and have been asked for */
    uint8_t bytes[BYTES_MAX];
    size_t size, align[8], wants[8];
    uint32_t calls;
    uint64_t result;
} model;

/* ---------------------------------------------------------------- decoding */

static bool put(model *m, uint32_t c)
{
    if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
        return false;
    m->characters[m->count++] = c;
    return true;
}

static bool decode_utf8(model *m, const uint8_t *p, size_t size)
{
    for (size_t i = 0; i < size;) {
        uint32_t c = p[i], least = 0;
        size_t more = 0;

        if (c >= 0xf0 && c <= 0xf7)
            c &= 7, more = 3, least = 0x10000;
        else if (c >= 0xe0 && c <= 0xef)
            c &= 15, more = 2, least = 0x800;
        else if (c >= 0xc0 && c <= 0xdf)
            c &= 31, more = 1, least = 0x80;
        else if (c >= 0x80)
            return false;
        if (size - i <= more)
            return false;
        for (size_t k = 1; k <= more; k++) {
            if (p[i + k] < 0x80 || p[i + k] > 0xbf)
                return false;
            c = c * 64 + (p[i + k] - 0x80u);
        }
        if (c < least || !put(m, c))
            return false;
        i += more + 1;
    }
    return true;
}

static bool decode_utf16(model *m, const uint8_t *p, size_t units)
{
    for (size_t i = 0; i < units; i++) {
        uint32_t c = p[2 * i] + p[2 * i + 1] * 256u, low;

        if (c >= 0xd800 && c < 0xdc00 && i + 1 < units) {
            low = p[2 * i + 2] + p[2 * i + 3] * 256u;
            if (low >= 0xdc00 && low < 0xe000) {
                c = 0x10000 + (c - 0xd800) * 1024 + (low - 0xdc00);
                i++;
            }
        }
        if (!put(m, c))
            return false;
    }
    return true;
}

static bool decode(model *m, const fake_guest *from, berthi_cm_guest_string s)
{
    uint64_t tag = from->guest.is_64 ? 1ull << 63 : 1ull << 31, units = s.units;
    const uint8_t *p;

    m->width = from->guest.encoding == BERTHI_CM_UTF16 ? 2 : 1;
    if (from->guest.encoding == BERTHI_CM_LATIN1_UTF16 && units >= tag) {
        units -= tag;
        m->width = 2;
        m->is_tagged = true;
    }
    if (units >= 1u << 28 || m->width * units >= 1u << 28)
        return false;
    if (from->guest.encoding != BERTHI_CM_UTF8 && (s.ptr & 1) != 0)
        return false;
    if (s.ptr > from->guest.memory.size || s.ptr + m->width * units > from->guest.memory.size)
        return false;
    p = from->guest.memory.base + s.ptr;
    m->units = (size_t)units;
    if (m->width == 2)
        return decode_utf16(m, p, m->units);
    if (from->guest.encoding == BERTHI_CM_UTF8)
        return decode_utf8(m, p, m->units);
    for (size_t i = 0; i < m->units; i++)
        put(m, p[i]);
    return true;
}

/* ---------------------------------------------------------------- encoding */

static size_t encode(uint32_t c, enum berthi_cm_encoding encoding, uint8_t *out)
{
    if (encoding == BERTHI_CM_UTF16) {
        if (c < 0x10000) {
            out[0] = (uint8_t)(c % 256);
            out[1] = (uint8_t)(c / 256);
            return 2;
        }
        c -= 0x10000;
        encode(0xd800 + c / 1024, encoding, out);
        encode(0xdc00 + c % 1024, encoding, out + 2);
        return 4;
    }
    if (encoding == BERTHI_CM_LATIN1_UTF16 || c < 0x80) {
        out[0] = (uint8_t)c;
        return 1;
    }
    for (size_t n = 2; n <= 4; n++) {
        if (n < 4 && c >= 1u << (5 * n + 1))
            continue;
        for (size_t k = n; --k > 0; c /= 64)
            out[k] = (uint8_t)(0x80 + c % 64);
        out[0] = (uint8_t)((0xf00 >> n) + c);
        return n;
    }
    return 0;
}

static void ask(model *m, size_t align, size_t size)
{
    m->align[m->calls] = align;
    m->wants[m->calls++] = size;
    /* A block that is new or longer is filled by whoever gives it. */
    if (size > m->size)
        memset(m->bytes + m->size, FILL, size - m->size);
    m->size = size;
}

static size_t encode_all(const model *m, enum berthi_cm_encoding encoding, uint8_t *out)
{
    size_t size = 0;

    for (size_t i = 0; i < m->count; i++)
        size += encode(m->characters[i], encoding, out + size);
    return size;
}

static bool all_below(const model *m, uint32_t bound)
{
    for (size_t i = 0; i < m->count; i++)
        if (m->characters[i] >= bound)
            return false;
    return true;
}

static void to_latin1_or_utf16(model *m, bool was_tagged, uint64_t tag)
{
    if (was_tagged && m->is_tagged) {
        ask(m, 2, 2 * m->units);
        if (all_below(m, 0x100))
            ask(m, 1, m->units);
    } else if (was_tagged) {
        ask(m, 2, m->units);
    } else {
        ask(m, 2, m->units);
        if (!all_below(m, 0x100))
            ask(m, 2, 2 * m->units);
    }
    if (all_below(m, 0x100)) {
        m->result = encode_all(m, BERTHI_CM_LATIN1_UTF16, m->bytes);
        if (m->result < m->size)
            ask(m, 2, m->result);
    } else {
        m->result = encode_all(m, BERTHI_CM_UTF16, m->bytes);
        if (m->result < m->size)
            ask(m, 2, m->result);
        m->result = m->result / 2 | tag;
    }
}

static void store(model *m, enum berthi_cm_encoding from, enum berthi_cm_encoding to,
                  uint64_t tag)
{
    if (to == BERTHI_CM_LATIN1_UTF16) {
        to_latin1_or_utf16(m, from == BERTHI_CM_LATIN1_UTF16, tag);
    } else if (to == BERTHI_CM_UTF16) {
        ask(m, 2, 2 * m->units);
        m->result = encode_all(m, to, m->bytes) / 2;
        if (2 * m->result < m->size)
            ask(m, 2, 2 * m->result);
    } else {
        ask(m, 1, m->units);
        if (from != BERTHI_CM_UTF8 && !all_below(m, 0x80))
            ask(m, 1, m->units * (m->width + 1u));
        m->result = encode_all(m, to, m->bytes);
        if (m->result < m->size)
            ask(m, 1, m->result);
    }
}

static void compare(const model *m, const fake_guest *to, berthi_cm_guest_string out)
{
    const fake_realloc *c = to->calls;

    CHECK(to->count == m->calls);
    for (uint32_t i = 0; i < m->calls; i++) {
        CHECK(c[i].align == m->align[i] && c[i].size == m->wants[i]);
        CHECK(c[i].old_ptr == (i == 0 ? 0 : c[i - 1].given));
        CHECK(c[i].old_size == (i == 0 ? 0 : c[i - 1].size));
    }
    CHECK(out.units == m->result && out.ptr == c[m->calls - 1].given);
    CHECK(out.ptr + m->size <= to->guest.memory.size);
    CHECK(memcmp(to->guest.memory.base + out.ptr, m->bytes, m->size) == 0);
}

/* ---------------------------------------------------------------- runs */

static model m; /* large */

static void check_lift(fake_guest *from, berthi_cm_guest_string string, bool is_valid,
                       bool views)
{
    static uint8_t text[BYTES_MAX];
    berthi_cm_host_string out = { NULL, 0 };
    berthi_cm_host_side side = { .views = views };
    berth_status status;
    berth_diag diag;

    CHECK(berth_arena_create(NULL, 0, &side.arena, &diag) == BERTH_OK);
    status = berthi_cm_string_lift(&from->guest, string, &side, &out, &diag);
    CHECK(status == (is_valid ? BERTH_OK : BERTH_E_TRAP));
    if (is_valid) {
        CHECK(out.size == encode_all(&m, BERTHI_CM_UTF8, text));
        CHECK(memcmp(out.text, text, out.size) == 0);
        CHECK((out.text == (const char *)from->guest.memory.base + string.ptr) ==
              (views && out.size != 0 && from->guest.encoding == BERTHI_CM_UTF8));
    } else {
        CHECK(diag.reason == BERTH_REASON_CANONICAL && out.text == NULL);
    }
    berth_arena_destroy(side.arena);
}

static void check_lower(const uint8_t *bytes, size_t size, fake_guest *to, uint64_t tag)
{
    berthi_cm_guest_string out = { 0, 0 };
    berth_status status;
    berth_diag diag;
    bool is_valid;

    m.units = size;
    m.width = 1;
    is_valid = decode_utf8(&m, bytes, size);
    status = berthi_cm_string_lower(
        &to->guest, (berthi_cm_host_string){ (const char *)bytes, size }, &out, &diag);
    CHECK(status == (is_valid ? BERTH_OK : BERTH_E_INVALID));
    if (!is_valid)
        return;
    store(&m, BERTHI_CM_UTF8, to->guest.encoding, tag);
    compare(&m, to, out);
}

static void check_transfer(fake_guest *from, berthi_cm_guest_string string, fake_guest *to,
                           uint64_t tag)
{
    bool is_valid = decode(&m, from, string);
    berthi_cm_guest_string out = { 0, 0 };
    berth_status status;
    berth_diag diag;

    check_lift(from, string, is_valid, false);
    check_lift(from, string, is_valid, true);
    status = berthi_cm_string_transfer(&from->guest, string, &to->guest, &out, &diag);
    CHECK(status == (is_valid ? BERTH_OK : BERTH_E_TRAP));
    if (!is_valid) {
        CHECK(diag.reason == BERTH_REASON_CANONICAL && to->count == 0);
        return;
    }
    store(&m, from->guest.encoding, to->guest.encoding, tag);
    compare(&m, to, out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    berthi_cm_guest_string string;
    uint8_t where, bend;
    fake_guest from, to;
    uint64_t tag;

    if (size < 4 || size - 4 > CHARACTERS_MAX)
        return 0;
    where = data[2];
    bend = data[3];
    memset(&m, 0, sizeof m);
    fake_guest_init(&from, data[0] % 4 % 3, where + size - 4);
    fake_guest_init(&to, data[1] % 3, data[1] / 3);
    from.guest.is_64 = (bend & 1) != 0;
    to.guest.is_64 = (bend & 2) != 0;
    to.next = where % 7;
    tag = to.guest.is_64 ? 1ull << 63 : 1ull << 31;
    fake_guest_put(&from, where, data + 4, size - 4);
    if (data[0] % 4 == 3) {
        check_lower(data + 4, size - 4, &to, tag);
    } else {
        string = (berthi_cm_guest_string){ where, size - 4 };
        if ((bend & 4) != 0 || from.guest.encoding == BERTHI_CM_UTF16)
            string.units /= 2;
        if ((bend & 4) != 0)
            string.units |= from.guest.is_64 ? 1ull << 63 : 1ull << 31;
        if ((bend & 8) != 0)
            string.units += bend >> 4;
        if ((bend & 0x88) == 0x80)
            string.ptr += (uint64_t)(bend >> 4 & 7) << (from.guest.is_64 ? 61 : 29);
        check_transfer(&from, string, &to, tag);
    }
    fake_guest_fini(&from);
    fake_guest_fini(&to);
    return 0;
}
