/* record.c - records of Redpanda's transforms.  Layer: compat. */
#include "compat/redpanda/record.h"

#include "compat/zigzag.h"

typedef struct reader {
    const uint8_t *at;
    size_t left;
} reader;

static bool read_number(reader *r, int64_t *value_out)
{
    size_t size = r->left;

    if (!berthi_zigzag_read(r->at, &size, value_out))
        return false;
    r->at += size;
    r->left -= size;
    return true;
}

static bool read_bytes(reader *r, const uint8_t **bytes_out, size_t *size_out)
{
    int64_t size;

    if (!read_number(r, &size) || size < -1 || (size > 0 && (uint64_t)size > r->left))
        return false;
    *bytes_out = size < 0 ? NULL : r->at;
    *size_out = size < 0 ? 0 : (size_t)size;
    r->at += *size_out;
    r->left -= *size_out;
    return true;
}

bool berthi_redpanda_record_read(const uint8_t *record, size_t size, const uint8_t **value_out,
                                 size_t *value_size_out)
{
    reader r = { record, size };
    const uint8_t *bytes;
    size_t bytes_size;
    int64_t headers;

    if (!read_bytes(&r, &bytes, &bytes_size) || !read_bytes(&r, value_out, value_size_out) ||
        !read_number(&r, &headers) || headers < 0 || headers > INT32_MAX)
        return false;
    for (int64_t i = 0; i < 2 * headers; i++) /* each takes a byte at least */
        if (!read_bytes(&r, &bytes, &bytes_size))
            return false;
    return r.left == 0;
}
