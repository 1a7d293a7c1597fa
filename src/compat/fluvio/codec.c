/* codec.c - what a SmartModule and its host give each other.  Layer: compat. */
#include "compat/fluvio/codec.h"

#include "compat/zigzag.h"

enum { STRING_MAX = INT16_MAX };

/* ---------------------------------------------------------------- to it */

static uint8_t *put(uint8_t *to, const void *from, size_t size)
{
    if (size != 0)
        memcpy(to, from, size);
    return to + size;
}

static uint8_t *put_number(uint8_t *to, uint64_t value, size_t size)
{
    for (size_t i = size; i-- > 0; value >>= 8)
        to[i] = (uint8_t)value;
    return to + size;
}

static size_t length_size(size_t length)
{
    uint8_t bytes[BERTHI_ZIGZAG_MAX];

    return berthi_zigzag_write(bytes, (int64_t)length);
}

/* Attributes, two deltas of 0, no key, the value, no headers. */
static size_t record_size(size_t value_size)
{
    return 1 + 1 + 1 + 1 + length_size(value_size) + value_size + 1;
}

static size_t records_size(size_t value_size)
{
    size_t record = record_size(value_size);

    return 4 + length_size(record) + record;
}

/* Base offset, records as bytes, no parameters, no record to join. */
size_t berthi_fluvio_input_size(size_t value_size, const fluvio_bytes *accumulator)
{
    return 8 + 4 + records_size(value_size) + 2 + 4 +
           (accumulator == NULL ? 0 : 4 + accumulator->size);
}

void berthi_fluvio_input_write(uint8_t *to, fluvio_bytes value, const fluvio_bytes *accumulator)
{
    to = put_number(to, 0, 8);
    to = put_number(to, records_size(value.size), 4);
    to = put_number(to, 1, 4);
    to += berthi_zigzag_write(to, (int64_t)record_size(value.size));
    to = put_number(to, 0, 4);
    to += berthi_zigzag_write(to, (int64_t)value.size);
    to = put(to, value.data, value.size);
    *to++ = 0;
    to = put_number(to, 0, 2 + 4);
    if (accumulator != NULL)
        (void)put(put_number(to, accumulator->size, 4), accumulator->data, accumulator->size);
}

size_t berthi_fluvio_params_size(const berthi_json *object)
{
    size_t size = 2;

    for (const berthi_json *m = object == NULL ? NULL : object->first; m != NULL; m = m->next) {
        if (m->name_size > STRING_MAX || m->size > STRING_MAX)
            return 0;
        size += 2 + m->name_size + 2 + m->size;
    }
    return size;
}

void berthi_fluvio_params_write(uint8_t *to, const berthi_json *object)
{
    to = put_number(to, object == NULL ? 0 : object->count, 2);
    for (const berthi_json *m = object == NULL ? NULL : object->first; m != NULL; m = m->next) {
        to = put(put_number(to, m->name_size, 2), m->name, m->name_size);
        to = put(put_number(to, m->size, 2), m->text, m->size);
    }
}

/* ---------------------------------------------------------------- from it */

static bool take(fluvio_bytes *from, uint64_t size, fluvio_bytes *part_out)
{
    if (size > from->size)
        return false;
    *part_out = (fluvio_bytes){ from->data, (size_t)size };
    from->data += size;
    from->size -= (size_t)size;
    return true;
}

static bool take_number(fluvio_bytes *from, size_t size, uint64_t *value_out)
{
    fluvio_bytes part;

    if (!take(from, size, &part))
        return false;
    *value_out = 0;
    for (size_t i = 0; i < size; i++)
        *value_out = *value_out << 8 | part.data[i];
    return true;
}

static bool take_zigzag(fluvio_bytes *from, int64_t *value_out)
{
    size_t size = from->size;
    fluvio_bytes part;

    return berthi_zigzag_read(from->data, &size, value_out) && take(from, size, &part);
}

/* Behind a length of seven bits a byte. */
static bool take_data(fluvio_bytes *from, fluvio_bytes *part_out)
{
    int64_t size;

    return take_zigzag(from, &size) && size >= 0 && take(from, (uint64_t)size, part_out);
}

/* Behind a length of `bytes` bytes. */
static bool take_sized(fluvio_bytes *from, size_t bytes, fluvio_bytes *part_out)
{
    uint64_t size;

    return take_number(from, bytes, &size) && take(from, size, part_out);
}

static bool take_record(fluvio_bytes *from, fluvio_bytes *value_out)
{
    fluvio_bytes record, key;
    uint64_t attributes, has_key;
    int64_t delta;

    return take_data(from, &record) && take_number(&record, 1, &attributes) &&
           take_zigzag(&record, &delta) && take_zigzag(&record, &delta) &&
           take_number(&record, 1, &has_key) && (has_key == 0 || take_data(&record, &key)) &&
           take_data(&record, value_out) && take_zigzag(&record, &delta);
}

bool berthi_fluvio_output_read(fluvio_bytes bytes, bool is_aggregate, fluvio_output *output_out)
{
    fluvio_bytes value;
    uint64_t count, has_error;

    *output_out = (fluvio_output){ .count = 0 };
    if (!take_number(&bytes, 4, &count) || count > bytes.size)
        return false;
    output_out->left = bytes;
    for (uint64_t i = 0; i < count; i++)
        if (!take_record(&bytes, &value))
            return false;
    output_out->count = (uint32_t)count;
    if (!take_number(&bytes, 1, &has_error))
        return false;
    output_out->has_error = has_error != 0;
    if (has_error != 0) /* the rest is about the record that it happened with */
        return take_sized(&bytes, 2, &output_out->error);
    return is_aggregate ? take_sized(&bytes, 4, &output_out->accumulator) : true;
}

fluvio_bytes berthi_fluvio_output_next(fluvio_output *output)
{
    fluvio_bytes value = { NULL, 0 };

    (void)take_record(&output->left, &value);
    output->count--;
    return value;
}

fluvio_bytes berthi_fluvio_init_error_read(fluvio_bytes bytes)
{
    fluvio_bytes hint;

    return take_sized(&bytes, 2, &hint) ? hint : (fluvio_bytes){ NULL, 0 };
}
