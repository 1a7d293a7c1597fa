/* cursor.c - LEB128, names and value types, read within bounds.  Layer: wasm. */
#include "wasm/cursor.h"

#include "base/utf8.h"

void berthi_cursor_fail_at(berthi_cursor *c, berth_status status, uint32_t at, const char *text)
{
    if (c->error == NULL) {
        c->error = text;
        c->error_at = at;
        c->status = status;
    }
    c->at = c->end;
}

void berthi_cursor_reject(berthi_cursor *c, const char *text)
{
    berthi_cursor_fail_at(c, BERTH_E_REJECTED, c->at, text);
}

berth_status berthi_cursor_report(const berthi_cursor *c, berth_diag *diag)
{
    assert(c->error != NULL);
    return berthi_fail_because(
        diag, c->status, c->status == BERTH_E_LIMIT ? BERTH_REASON_ARTIFACT : BERTH_REASON_NONE,
        "%s at byte %u", c->error, (unsigned)c->error_at);
}

uint8_t berthi_read_u8(berthi_cursor *c)
{
    if (c->at == c->end) {
        berthi_cursor_reject(c, "unexpected end");
        return 0;
    }
    return c->bytes[c->at++];
}

/* An unsigned LEB128 number of at most `bits` bits.  Unused bits of the last byte must be 0. */
static uint64_t read_unsigned(berthi_cursor *c, unsigned bits)
{
    uint32_t start = c->at;
    uint64_t value = 0;

    for (unsigned shift = 0;; shift += 7) {
        uint8_t byte = berthi_read_u8(c);

        if (c->error != NULL)
            return 0;
        if (shift + 7 > bits && (byte & 0x7f) >> (bits - shift) != 0) {
            berthi_cursor_fail_at(c, BERTH_E_REJECTED, start,
                                  (byte & 0x80) != 0 ? "integer representation too long"
                                                     : "integer too large");
            return 0;
        }
        value |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0)
            return value;
        if (shift + 7 >= bits) {
            berthi_cursor_fail_at(c, BERTH_E_REJECTED, start,
                                  "integer representation too long");
            return 0;
        }
    }
}

/* A signed LEB128 number.  Unused bits of the last byte must all equal the sign. */
static int64_t read_signed(berthi_cursor *c, unsigned bits)
{
    uint32_t start = c->at;
    uint64_t value = 0;

    for (unsigned shift = 0;; shift += 7) {
        uint8_t byte = berthi_read_u8(c);

        if (c->error != NULL)
            return 0;
        if (shift + 7 >= bits) {
            unsigned used = bits - shift; /* bits of this byte, the sign included */
            unsigned rest = (byte & 0x7fu) >> (used - 1);

            if ((byte & 0x80) != 0 || (rest != 0 && rest != 0x7fu >> (used - 1))) {
                berthi_cursor_fail_at(c, BERTH_E_REJECTED, start,
                                      (byte & 0x80) != 0 ? "integer representation too long"
                                                         : "integer too large");
                return 0;
            }
        }
        value |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) {
            if (shift + 7 < 64 && (byte & 0x40) != 0)
                value |= UINT64_MAX << (shift + 7);
            return (int64_t)value;
        }
    }
}

uint32_t berthi_read_u32(berthi_cursor *c)
{
    return (uint32_t)read_unsigned(c, 32);
}

uint64_t berthi_read_u64(berthi_cursor *c)
{
    return read_unsigned(c, 64);
}

int32_t berthi_read_s32(berthi_cursor *c)
{
    return (int32_t)read_signed(c, 32);
}

int64_t berthi_read_s33(berthi_cursor *c)
{
    return read_signed(c, 33);
}

int64_t berthi_read_s64(berthi_cursor *c)
{
    return read_signed(c, 64);
}

static uint64_t read_fixed(berthi_cursor *c, uint32_t size)
{
    berthi_wasm_range range = berthi_read_range(c, size);
    uint64_t value = 0;

    for (uint32_t i = range.size; i-- > 0;)
        value = value << 8 | c->bytes[range.offset + i];
    return value;
}

uint32_t berthi_read_f32(berthi_cursor *c)
{
    return (uint32_t)read_fixed(c, 4);
}

uint64_t berthi_read_f64(berthi_cursor *c)
{
    return read_fixed(c, 8);
}

berthi_wasm_range berthi_read_range(berthi_cursor *c, uint32_t size)
{
    berthi_wasm_range range = { c->at, size };

    if (size > berthi_cursor_left(c)) {
        berthi_cursor_reject(c, "length out of bounds");
        return (berthi_wasm_range){ c->end, 0 };
    }
    c->at += size;
    return range;
}

uint32_t berthi_read_count(berthi_cursor *c, uint32_t bytes_min, uint32_t max)
{
    uint32_t start = c->at, count = berthi_read_u32(c);

    if (count > berthi_cursor_left(c) / bytes_min) {
        berthi_cursor_fail_at(c, BERTH_E_REJECTED, start,
                              "unexpected end: a count is larger than its section");
        return 0;
    }
    if (count > max) {
        berthi_cursor_fail_at(c, BERTH_E_LIMIT, start, "a count is past this reader's limits");
        return 0;
    }
    return count;
}

berthi_name berthi_read_name(berthi_cursor *c)
{
    uint32_t size = berthi_read_u32(c);
    berthi_wasm_range range = berthi_read_range(c, size);

    if (c->error == NULL &&
        !berthi_utf8_is_valid((const char *)c->bytes + range.offset, range.size))
        berthi_cursor_fail_at(c, BERTH_E_REJECTED, range.offset, "malformed UTF-8 encoding");
    if (c->error != NULL)
        return (berthi_name){ "", 0 };
    return (berthi_name){ (const char *)c->bytes + range.offset, range.size };
}

bool berthi_is_reference_type(uint8_t type)
{
    return type == BERTHI_FUNCREF || type == BERTHI_EXTERNREF;
}

static const char *why_not_a_type(uint8_t type)
{
    switch (type) {
    case 0x63:
    case 0x64:
        return "typed function references are not supported";
    case 0x65:
    case 0x69:
    case 0x6a:
    case 0x6b:
    case 0x6c:
    case 0x6d:
    case 0x6e:
    case 0x71:
    case 0x72:
    case 0x73:
        return "garbage collected references are not supported";
    case 0x68:
    case 0x74:
    case 0x75:
        return "exception and continuation references are not supported";
    default:
        return NULL;
    }
}

static uint8_t reject_type(berthi_cursor *c, uint8_t type, const char *otherwise)
{
    const char *why = why_not_a_type(type);

    if (c->error == NULL)
        berthi_cursor_fail_at(c, BERTH_E_REJECTED, c->at - 1, why != NULL ? why : otherwise);
    return 0;
}

uint8_t berthi_read_value_type(berthi_cursor *c)
{
    uint8_t type = berthi_read_u8(c);

    if ((type >= BERTHI_V128 && type <= BERTHI_I32) || berthi_is_reference_type(type))
        return type;
    return reject_type(c, type, "malformed value type");
}

uint8_t berthi_read_reference_type(berthi_cursor *c)
{
    uint8_t type = berthi_read_u8(c);

    return berthi_is_reference_type(type) ? type
                                          : reject_type(c, type, "malformed reference type");
}
