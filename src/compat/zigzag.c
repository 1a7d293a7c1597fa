/* zigzag.c - numbers of seven bits a byte.  Layer: compat. */
#include "compat/zigzag.h"

bool berthi_zigzag_read(const uint8_t *at, size_t *size_io, int64_t *value_out)
{
    uint64_t value = 0;

    for (size_t i = 0; i < *size_io && i < BERTHI_ZIGZAG_MAX; i++) {
        uint64_t part = at[i] & 0x7f;

        if (i == BERTHI_ZIGZAG_MAX - 1 && part > 1) /* past 64 bits */
            return false;
        value |= part << (7 * i);
        if ((at[i] & 0x80) == 0) {
            *size_io = i + 1;
            *value_out = (int64_t)(value >> 1 ^ (0 - (value & 1)));
            return true;
        }
    }
    return false;
}

size_t berthi_zigzag_write(uint8_t to[BERTHI_ZIGZAG_MAX], int64_t value)
{
    uint64_t left = (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0);
    size_t size = 0;

    for (; left > 0x7f; left >>= 7)
        to[size++] = (uint8_t)(left | 0x80);
    to[size++] = (uint8_t)left;
    return size;
}
