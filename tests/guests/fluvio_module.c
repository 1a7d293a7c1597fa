/* A SmartModule of Fluvio: its functions do what the record's value says, right and wrong. */
#include <stdint.h>

__attribute__((import_module("env"), import_name("copy_records"))) void copy_records(
    uint32_t at, uint32_t size);

#define FUNCTION(name)                                                                         \
    __attribute__((export_name(#name))) int32_t name(uint8_t *input, uint32_t size,            \
                                                     int32_t version)

static uint8_t heap[16384], out[16384];
static uint32_t used, out_size;
static uint8_t suffix[64];
static uint32_t suffix_size;

__attribute__((export_name("alloc"))) uint8_t *alloc(uint32_t size)
{
    if (size > sizeof heap)
        return (uint8_t *)0xfffffff0;
    used = 0;
    return heap;
}

/* Lengths here are below 8192: one byte or two. */
static uint32_t read_length(const uint8_t **at)
{
    uint32_t value = *(*at)++;

    if (value & 0x80)
        value = (value & 0x7f) | (uint32_t) * (*at)++ << 7;
    return value >> 1;
}

static void put_number(uint32_t value, int size)
{
    for (int i = size; i-- > 0;)
        out[out_size++] = i > 3 ? 0 : (uint8_t)(value >> (8 * i));
}

static void put_length(uint32_t length)
{
    uint32_t value = length * 2;

    if (value > 0x7f)
        out[out_size++] = (uint8_t)(value | 0x80);
    out[out_size++] = (uint8_t)(value > 0x7f ? value >> 7 : value);
}

static void put_bytes(const uint8_t *from, uint32_t size)
{
    for (uint32_t i = 0; i < size; i++)
        out[out_size++] = from[i];
}

static void put_record(const uint8_t *value, uint32_t size, const uint8_t *more,
                       uint32_t more_size)
{
    uint32_t length = size + more_size;

    put_length(4 + (length > 63 ? 2 : 1) + length + 1);
    put_number(0, 4);
    put_length(length);
    put_bytes(value, size);
    put_bytes(more, more_size);
    put_number(0, 1);
}

/* Of the one record that comes. */
static const uint8_t *value_of(const uint8_t *input, uint32_t *size_out)
{
    const uint8_t *at = input + 8 + 4 + 4;

    (void)read_length(&at);
    at += 4;
    *size_out = read_length(&at);
    return at;
}

static int32_t finish(int32_t count)
{
    put_number(0, 1);
    copy_records((uint32_t)out, out_size);
    return count;
}

/* What a host should not get; 0: nothing was wrong with this one. */
static int32_t misbehave(const uint8_t *value)
{
    switch (value[0]) {
    case '-':
        return -3;
    case 'n': /* nothing given */
        return 1;
    case 'o': /* out of bounds */
        copy_records(0xfffffff0, 32);
        return 1;
    case 'e': /* empty */
        copy_records((uint32_t)out, 0);
        return 1;
    case 'c': /* a count of four thousand millions */
        put_number(0xffffffff, 4);
        return finish(1);
    case 'l': /* a record that is longer than what there is */
        put_number(1, 4);
        put_length(8000);
        return finish(1);
    case 't': /* twice: the last one counts */
        put_number(0, 4);
        (void)finish(0);
        out_size = 0;
        return 0;
    case 'E': /* an error of its own */
        put_number(0, 4);
        put_number(1, 1);
        put_number(5, 2);
        put_bytes((const uint8_t *)"wrong", 5);
        copy_records((uint32_t)out, out_size);
        return 1;
    default:
        return 0;
    }
}

FUNCTION(init)
{
    const uint8_t *at = input + 2;

    if (version != 19 || size < 2)
        __builtin_trap();
    if (input[1] == 0)
        return 0;
    if (input[1] != 1 || at[0] != 0 || at[1] != 1 || at[2] != 's') {
        out_size = 0;
        put_number(9, 2);
        put_bytes((const uint8_t *)"s alone!!", 9);
        copy_records((uint32_t)out, out_size);
        return 1;
    }
    suffix_size = at[4];
    for (uint32_t i = 0; i < suffix_size && i < sizeof suffix; i++)
        suffix[i] = at[5 + i];
    return 0;
}

FUNCTION(filter)
{
    uint32_t value_size;
    const uint8_t *value = value_of(input, &value_size);
    int32_t wrong;

    if (version != 19 || value + value_size + 1 + 2 + 4 != input + size)
        return -1;
    out_size = 0;
    wrong = value_size == 0 ? 0 : misbehave(value);
    if (wrong != 0)
        return wrong;
    if (value_size == 0 || value[0] == 'd') {
        put_number(0, 4);
        return finish(0);
    }
    put_number(1, 4);
    put_record(value, value_size, value, 0);
    return finish(1);
}

FUNCTION(map)
{
    uint32_t value_size;
    const uint8_t *value = value_of(input, &value_size);

    (void)size, (void)version;
    out_size = 0;
    put_number(1, 4);
    put_record(value, value_size, suffix, suffix_size);
    return finish(1);
}

FUNCTION(filter_map)
{
    uint32_t value_size;
    const uint8_t *value = value_of(input, &value_size);

    (void)size, (void)version;
    out_size = 0;
    put_number(2, 4);
    put_record(value, value_size, value, 0);
    put_record(value, value_size, value, 0);
    return finish(2);
}

/* The value's bytes, one by one. */
FUNCTION(array_map)
{
    uint32_t value_size;
    const uint8_t *value = value_of(input, &value_size);

    (void)size, (void)version;
    out_size = 0;
    put_number(value_size, 4);
    for (uint32_t i = 0; i < value_size; i++)
        put_record(value + i, 1, value, 0);
    return finish((int32_t)value_size);
}

/* What came so far, and the value behind it. */
FUNCTION(aggregate)
{
    uint32_t value_size, before;
    const uint8_t *value = value_of(input, &value_size), *kept = value + value_size + 1 + 2 + 4;

    (void)size, (void)version;
    before = (uint32_t)kept[2] << 8 | kept[3];
    kept += 4;
    out_size = 0;
    put_number(1, 4);
    put_record(kept, before, value, value_size);
    put_number(0, 1);
    put_number(before + value_size, 4);
    put_bytes(kept, before);
    put_bytes(value, value_size);
    copy_records((uint32_t)out, out_size);
    return 1;
}
