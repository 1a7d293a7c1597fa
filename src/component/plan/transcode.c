/* transcode.c - strings of the canonical ABI, between its encodings.  Layer: component.
 *
 * A source is checked as a whole first (bounds, alignment, budget, contents), so that what moves it
 * cannot fail on it: only the destination's realloc can.  That is also the order of the
 * specification: a string is loaded, which may trap, before room for it is asked for.  Nothing can
 * change a source in between: memories are not shared, and two guests of one call have two.
 *
 * After each realloc the destination is looked up again (I7), and what was written before it is only
 * where the guest's realloc put it: nothing is written twice, as in CanonicalABI.md. */
#include "component/plan/transcode.h"

#include "base/unicode.h"

typedef enum form { UTF8, UTF16, LATIN1 } form;

/* A string that is valid and does not change: the host's, or a guest's that no code runs in until it
 * was stored (its memory may be moved all the same). */
typedef struct source {
    const uint8_t *bytes; /* never NULL */
    size_t units;
    form form;
    const berthi_cm_guest *from; /* NULL: the host */
    uint64_t ptr;                /* in its memory */
} source;

static const uint8_t nothing[1] = { 0 };

/* Room in a guest. */
typedef struct target {
    berthi_cm_guest *to;
    source *source;
    uint64_t ptr;
    size_t size;
} target;

static berth_status trap(berth_diag *diag, const char *text)
{
    return berthi_fail_because(diag, BERTH_E_TRAP, BERTH_REASON_CANONICAL, "%s", text);
}

static uint64_t tag_of(const berthi_cm_guest *guest)
{
    return (uint64_t)1 << (guest->is_64 ? 63 : 31);
}

/* ---------------------------------------------------------------- sources */

static size_t bytes_of(const source *s)
{
    return s->form == UTF16 ? 2 * s->units : s->units;
}

static berth_status check_contents(const source *s, berth_diag *diag)
{
    const char *text = (const char *)s->bytes;
    size_t valid;

    if (s->form == UTF16)
        return berthi_utf16_is_valid(s->bytes, s->units) ? BERTH_OK
                                                         : trap(diag, "invalid utf-16");
    if (s->form == LATIN1)
        return BERTH_OK;
    valid = berthi_utf8_valid_size(text, s->units);
    if (valid == s->units)
        return BERTH_OK;
    return trap(diag, berthi_utf8_is_cut(text + valid, s->units - valid)
                          ? "incomplete utf-8 byte sequence"
                          : "invalid utf-8");
}

/* What a string in a guest's memory is, once everything about it has been checked. */
static berth_status load(berthi_cm_guest *from, berthi_cm_guest_string string, source *out,
                         berth_diag *diag)
{
    uint64_t units = string.units, bytes;
    berth_status status;
    form is = UTF8;

    if (from->encoding == BERTHI_CM_UTF16)
        is = UTF16;
    if (from->encoding == BERTHI_CM_LATIN1_UTF16) {
        is = (units & tag_of(from)) != 0 ? UTF16 : LATIN1;
        units &= ~tag_of(from);
    }
    if (units > BERTHI_CM_VALUE_BYTES_MAX / (is == UTF16 ? 2u : 1u))
        return trap(diag, "string pointer/length out of bounds of memory: longer than 2^28-1 "
                          "bytes");
    bytes = is == UTF16 ? 2 * units : units;
    if (from->encoding != BERTHI_CM_UTF8 && string.ptr % 2 != 0)
        return trap(diag, "string pointer not aligned to 2");
    if (string.ptr > from->memory.size || bytes > from->memory.size - string.ptr)
        return trap(diag, "string pointer/length out of bounds of memory");
    status = berthi_cm_guest_spend(from, bytes, diag);
    if (status != BERTH_OK)
        return status;
    *out = (source){ .bytes = bytes == 0 ? nothing : from->memory.base + string.ptr,
                     .units = (size_t)units,
                     .form = is,
                     .from = bytes == 0 ? NULL : from,
                     .ptr = string.ptr };
    return check_contents(out, diag);
}

/* ---------------------------------------------------------------- into the host */

static berth_status lift_converted(berthi_cm_guest *from, const source *s, berth_arena *arena,
                                   berthi_cm_host_string *out, berth_diag *diag)
{
    size_t size = s->form == UTF16 ? berthi_utf16_size_in_utf8(s->bytes, s->units)
                                   : berthi_latin1_size_in_utf8(s->bytes, s->units);
    berth_status status;
    uint8_t *text;

    if (size > bytes_of(s)) {
        status = berthi_cm_guest_spend(from, size - bytes_of(s), diag);
        if (status != BERTH_OK)
            return status;
    }
    text = berthi_reply_arena_alloc(arena, size);
    if (text == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "a string of %zu bytes", size);
    if (s->form == UTF16)
        berthi_utf16_to_utf8(s->bytes, s->units, text);
    else
        berthi_latin1_to_utf8(s->bytes, s->units, text);
    *out = (berthi_cm_host_string){ (const char *)text, size };
    return BERTH_OK;
}

berth_status berthi_cm_string_lift(berthi_cm_guest *from, berthi_cm_guest_string string,
                                   const berthi_cm_host_side *side, berthi_cm_host_string *out,
                                   berth_diag *diag)
{
    berth_status status;
    source s;
    char *text;

    status = load(from, string, &s, diag);
    if (status != BERTH_OK)
        return status;
    if (s.units == 0) {
        *out = (berthi_cm_host_string){ "", 0 };
        return BERTH_OK;
    }
    if (s.form != UTF8)
        return lift_converted(from, &s, side->arena, out, diag);
    if (side->views) {
        *out = (berthi_cm_host_string){ (const char *)s.bytes, s.units };
        return BERTH_OK;
    }
    text = berthi_reply_arena_alloc(side->arena, s.units);
    if (text == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "a string of %zu bytes", s.units);
    memcpy(text, s.bytes, s.units);
    *out = (berthi_cm_host_string){ text, s.units };
    return BERTH_OK;
}

/* The units of whole characters that take at most `max` bytes in UTF-8; *size_out is what they take. */
static size_t fit(const source *s, size_t max, size_t *size_out)
{
    size_t size = 0, n = 0;

    while (n < s->units) {
        uint32_t unit = s->bytes[n], units = 1, bytes;

        if (s->form == UTF16)
            unit = s->bytes[2 * n] | (uint32_t)s->bytes[2 * n + 1] << 8;
        bytes = unit < 0x80 ? 1 : unit < 0x800 ? 2 : 3;
        if (s->form == UTF8) { /* valid: its first byte says how long a character is */
            bytes = unit < 0x80 ? 1 : unit < 0xe0 ? 2 : unit < 0xf0 ? 3 : 4;
            units = bytes;
        } else if (unit >= 0xd800 && unit < 0xe000) { /* the first of two */
            bytes = 4;
            units = 2;
        }
        if (bytes > max - size)
            break;
        size += bytes;
        n += units;
    }
    *size_out = size;
    return n;
}

berth_status berthi_cm_string_lift_cut(berthi_cm_guest *from, berthi_cm_guest_string string,
                                       size_t max, const berth_allocator *allocator,
                                       char **text_out, size_t *size_out, berth_diag *diag)
{
    berth_status status;
    uint8_t *text;
    size_t units;
    source s;

    *text_out = NULL;
    status = load(from, string, &s, diag);
    if (status != BERTH_OK)
        return status;
    units = fit(&s, max, size_out);
    if (units == 0)
        return BERTH_OK;
    text = berthi_alloc(allocator, *size_out);
    if (text == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "a string of %zu bytes", *size_out);
    if (s.form == UTF16)
        berthi_utf16_to_utf8(s.bytes, units, text);
    else if (s.form == LATIN1)
        berthi_latin1_to_utf8(s.bytes, units, text);
    else
        memcpy(text, s.bytes, units);
    *text_out = (char *)text;
    return BERTH_OK;
}

/* ---------------------------------------------------------------- into a guest */

/* Asks the guest for `size` bytes in place of what there is. */
static berth_status resize(target *t, uint32_t align, uint64_t size, berth_diag *diag)
{
    berth_status status = t->to->realloc(t->to, t->ptr, t->size, align, size, &t->ptr, diag);

    if (status != BERTH_OK)
        return status;
    assert(t->ptr <= t->to->memory.size && size <= t->to->memory.size - t->ptr);
    t->size = (size_t)size;
    if (t->source->from != NULL) /* I7 */
        t->source->bytes = t->source->from->memory.base + t->source->ptr;
    return BERTH_OK;
}

/* Where the room is now.  Only for as many bytes as were asked for. */
static uint8_t *room(const target *t)
{
    return t->size == 0 ? NULL : t->to->memory.base + t->ptr;
}

static berthi_cm_guest_string result(const target *t, size_t units, uint64_t tag)
{
    return (berthi_cm_guest_string){ t->ptr, units | tag };
}

/* UTF-8 to UTF-8, UTF-16 to UTF-16, Latin-1 to Latin-1. */
static berth_status store_copy(target *t, const source *s, uint32_t align,
                               berthi_cm_guest_string *out, berth_diag *diag)
{
    berth_status status = resize(t, align, bytes_of(s), diag);

    if (status != BERTH_OK)
        return status;
    if (t->size != 0)
        memcpy(room(t), s->bytes, t->size);
    *out = result(t, s->units, 0);
    return BERTH_OK;
}

/* UTF-16 or Latin-1 to UTF-8. */
static berth_status store_utf8(target *t, const source *s, berthi_cm_guest_string *out,
                               berth_diag *diag)
{
    size_t ascii, size, unit = s->form == UTF16 ? 2 : 1;
    const uint8_t *rest;
    berth_status status;

    status = resize(t, 1, s->units, diag);
    if (status != BERTH_OK)
        return status;
    if (s->form == UTF16) {
        ascii = berthi_utf16_run(s->bytes, s->units, 0x80);
        berthi_utf16_narrow(s->bytes, ascii, room(t));
    } else {
        ascii = berthi_ascii_run((const char *)s->bytes, s->units);
        if (ascii != 0)
            memcpy(room(t), s->bytes, ascii);
    }
    size = ascii;
    if (ascii < s->units) {
        status = resize(t, 1, (uint64_t)(unit + 1) * s->units, diag);
        if (status != BERTH_OK)
            return status;
        rest = s->bytes + unit * ascii;
        if (s->form == UTF16)
            size += berthi_utf16_to_utf8(rest, s->units - ascii, room(t) + ascii);
        else
            size += berthi_latin1_to_utf8(rest, s->units - ascii, room(t) + ascii);
    }
    if (size < t->size) {
        status = resize(t, 1, size, diag);
        if (status != BERTH_OK)
            return status;
    }
    *out = result(t, size, 0);
    return BERTH_OK;
}

/* UTF-8 or Latin-1 to UTF-16. */
static berth_status store_utf16(target *t, const source *s, berthi_cm_guest_string *out,
                                berth_diag *diag)
{
    size_t units = s->units;
    berth_status status;

    status = resize(t, 2, 2 * (uint64_t)s->units, diag);
    if (status != BERTH_OK)
        return status;
    if (s->form == UTF8)
        units = berthi_utf8_to_utf16(s->bytes, s->units, room(t));
    else
        berthi_latin1_widen(s->bytes, s->units, room(t));
    if (2 * units < t->size) {
        status = resize(t, 2, 2 * (uint64_t)units, diag);
        if (status != BERTH_OK)
            return status;
    }
    *out = result(t, units, 0);
    return BERTH_OK;
}

/* The rest of store_compact(): so many bytes of Latin-1 are there, and a character follows that
 * is none. */
static berth_status store_widened(target *t, const source *s, size_t latin1, size_t taken,
                                  berthi_cm_guest_string *out, berth_diag *diag)
{
    size_t units = s->units;
    berth_status status;
    uint8_t *at;

    status = resize(t, 2, 2 * (uint64_t)s->units, diag);
    if (status != BERTH_OK)
        return status;
    berthi_latin1_widen(room(t), latin1, room(t));
    at = room(t) + 2 * latin1;
    if (s->form == UTF16)
        memcpy(at, s->bytes + 2 * taken, 2 * (s->units - taken));
    else
        units = latin1 + berthi_utf8_to_utf16(s->bytes + taken, s->units - taken, at);
    if (2 * units < t->size) {
        status = resize(t, 2, 2 * (uint64_t)units, diag);
        if (status != BERTH_OK)
            return status;
    }
    *out = result(t, units, tag_of(t->to));
    return BERTH_OK;
}

/* UTF-8 or UTF-16 to latin1+utf16: Latin-1 while that lasts. */
static berth_status store_compact(target *t, const source *s, berthi_cm_guest_string *out,
                                  berth_diag *diag)
{
    size_t latin1, taken;
    berth_status status;

    status = resize(t, 2, s->units, diag);
    if (status != BERTH_OK)
        return status;
    if (s->form == UTF16) {
        latin1 = taken = berthi_utf16_run(s->bytes, s->units, 0x100);
        berthi_utf16_narrow(s->bytes, latin1, room(t));
    } else {
        latin1 = berthi_utf8_to_latin1(s->bytes, s->units, room(t), &taken);
    }
    if (taken < s->units)
        return store_widened(t, s, latin1, taken, out, diag);
    if (latin1 < t->size) {
        status = resize(t, 2, latin1, diag);
        if (status != BERTH_OK)
            return status;
    }
    *out = result(t, latin1, 0);
    return BERTH_OK;
}

/* UTF-16 that was tagged to latin1+utf16: it is taken for UTF-16 until all of it has been seen. */
static berth_status store_probably_utf16(target *t, const source *s,
                                         berthi_cm_guest_string *out, berth_diag *diag)
{
    berth_status status;

    status = resize(t, 2, bytes_of(s), diag);
    if (status != BERTH_OK)
        return status;
    if (t->size != 0)
        memcpy(room(t), s->bytes, t->size);
    if (berthi_utf16_run(s->bytes, s->units, 0x100) < s->units) {
        *out = result(t, s->units, tag_of(t->to));
        return BERTH_OK;
    }
    berthi_utf16_narrow(room(t), s->units, room(t));
    status = resize(t, 1, s->units, diag);
    if (status != BERTH_OK)
        return status;
    *out = result(t, s->units, 0);
    return BERTH_OK;
}

/* `is_mixed`: the source's encoding is latin1+utf16. */
static berth_status store(berthi_cm_guest *to, source *s, bool is_mixed,
                          berthi_cm_guest_string *out, berth_diag *diag)
{
    target t = { .to = to, .source = s };

    switch (to->encoding) {
    case BERTHI_CM_UTF8:
        return s->form == UTF8 ? store_copy(&t, s, 1, out, diag) : store_utf8(&t, s, out, diag);
    case BERTHI_CM_UTF16:
        return s->form == UTF16 ? store_copy(&t, s, 2, out, diag)
                                : store_utf16(&t, s, out, diag);
    default:
        if (s->form == LATIN1)
            return store_copy(&t, s, 2, out, diag);
        return is_mixed ? store_probably_utf16(&t, s, out, diag)
                        : store_compact(&t, s, out, diag);
    }
}

/* The bytes are some of the guest's own, which its realloc may move and change. */
static bool lies_in(const berthi_cm_guest *guest, const char *text)
{
    uintptr_t base = (uintptr_t)guest->memory.base, at = (uintptr_t)text;

    return at >= base && at - base < guest->memory.size;
}

/* ---------------------------------------------------------------- what is there already */

bool berthi_cm_reserved_claim(berthi_cm_guest *guest, const void *bytes, size_t size)
{
    if (bytes != guest->reserved || size > guest->reserved_size || guest->reserved_is_used)
        return false;
    guest->reserved_is_used = true;
    return true;
}

berth_status berthi_cm_reserved_keep(berthi_cm_guest *guest, size_t size, uint64_t *ptr_out,
                                     berth_diag *diag)
{
    *ptr_out = guest->reserved_ptr;
    if (size == guest->reserved_size)
        return BERTH_OK;
    return guest->realloc(guest, guest->reserved_ptr, guest->reserved_size, 1, size, ptr_out,
                          diag);
}

berth_status berthi_cm_string_check(berthi_cm_guest *to, berthi_cm_host_string string,
                                    berth_diag *diag)
{
    if (string.size == 0)
        return BERTH_OK;
    if (string.size > BERTHI_CM_VALUE_BYTES_MAX)
        return berthi_fail_because(diag, BERTH_E_LIMIT, BERTH_REASON_INPUT,
                                   "a string of the host's has %zu bytes", string.size);
    if (string.text == NULL)
        return berthi_fail(diag, BERTH_E_INVALID, "a string of the host's is NULL");
    if (lies_in(to, string.text) && (to->encoding != BERTHI_CM_UTF8 ||
                                     !berthi_cm_reserved_claim(to, string.text, string.size)))
        return berthi_fail(diag, BERTH_E_INVALID,
                           "a string of the host's is a view of the guest that it goes to");
    if (!berthi_utf8_is_valid(string.text, string.size))
        return berthi_fail(diag, BERTH_E_INVALID, "a string of the host's is not UTF-8");
    return BERTH_OK;
}

berth_status berthi_cm_string_lower_checked(berthi_cm_guest *to, berthi_cm_host_string string,
                                            berthi_cm_guest_string *out, berth_diag *diag)
{
    const uint8_t *bytes = string.size == 0 ? nothing : (const uint8_t *)string.text;
    source s = { .bytes = bytes, .units = string.size, .form = UTF8 };

    if (string.size != 0 && berthi_cm_is_reserved(to, string.text)) {
        out->units = string.size;
        return berthi_cm_reserved_keep(to, string.size, &out->ptr, diag);
    }
    return store(to, &s, false, out, diag);
}

berth_status berthi_cm_string_lower(berthi_cm_guest *to, berthi_cm_host_string string,
                                    berthi_cm_guest_string *out, berth_diag *diag)
{
    berth_status status = berthi_cm_string_check(to, string, diag);

    return status != BERTH_OK ? status : berthi_cm_string_lower_checked(to, string, out, diag);
}

berth_status berthi_cm_string_transfer(berthi_cm_guest *from, berthi_cm_guest_string string,
                                       berthi_cm_guest *to, berthi_cm_guest_string *out,
                                       berth_diag *diag)
{
    berth_status status;
    source s;

    status = load(from, string, &s, diag);
    if (status != BERTH_OK)
        return status;
    assert(s.units == 0 || from->memory.base != to->memory.base);
    return store(to, &s, from->encoding == BERTHI_CM_LATIN1_UTF16, out, diag);
}
