/* A transform of Redpanda that does with each record what the first byte of its value says. */
#include <stdint.h>

#define HOST(result, name, ...)                                                                \
    __attribute__((import_module("redpanda_transform"), import_name(#name)))                   \
    result x_##name(__VA_ARGS__)

HOST(void, check_abi_version_2, void);
HOST(int32_t, read_batch_header, int64_t *, int32_t *, int32_t *, int16_t *, int32_t *,
     int64_t *, int64_t *, int64_t *, int16_t *, int32_t *);
HOST(int32_t, read_next_record, uint8_t *, int64_t *, int64_t *, uint8_t *, uint32_t);
HOST(int32_t, write_record, const uint8_t *, uint32_t);
HOST(int32_t, write_record_with_options, const uint8_t *, uint32_t, const uint8_t *, uint32_t);
__attribute__((import_module("wasi_snapshot_preview1"),
               import_name("proc_exit"))) _Noreturn void
proc_exit(uint32_t code);

static uint8_t buffer[8192];
static int runs;

#define NEED(condition)                                                                        \
    if (!(condition))                                                                          \
    proc_exit(__LINE__)

/* Of a record whose key is nothing or short: where its value begins. */
static const uint8_t *value_of(const uint8_t *record)
{
    record += record[0] & 1 ? 1 : 1 + record[0] / 2;
    return record + (*record & 0x80 ? 2 : 1);
}

static void check_refusals(int32_t size)
{
    static const uint8_t short_of[] = { 1, 10, 'a' }, endless[] = { 1, 1, 0xff, 0xff };
    static const uint8_t behind[] = { 1, 1, 0, 0 },
                         many[] = { 1, 1, 0xfe, 0xff, 0xff, 0xff, 0x1f };
    static const uint8_t nothing[] = { 1, 1, 0 }, unknown[] = { 2, 0 }, cut[] = { 1, 8, 'a' };
    int64_t number;
    uint8_t byte;

    NEED(x_write_record(short_of, sizeof short_of) == -3);
    NEED(x_write_record(endless, sizeof endless) == -3);
    NEED(x_write_record(behind, sizeof behind) == -3);
    NEED(x_write_record(many, sizeof many) == -3);
    NEED(x_write_record(nothing, 0) == -3);
    NEED(x_write_record((const uint8_t *)0xfffffff0, 32) == -3);
    NEED(x_write_record(nothing, UINT32_MAX) == -3);
    NEED(x_write_record_with_options(nothing, 3, unknown, 2) == -3);
    NEED(x_write_record_with_options(nothing, 3, cut, 3) == -3);
    NEED(x_write_record_with_options(nothing, 3, cut, 1) == -3);
    NEED(x_write_record_with_options(nothing, 3, cut, UINT32_MAX) == -3);
    NEED(x_write_record_with_options(nothing, 3, cut, 0) == 3);
    NEED(x_read_next_record(&byte, &number, &number, buffer, sizeof buffer) == -1);
    NEED(size > 0);
}

/* Gives what is to be done after this batch: 'r' return, 'e' exit well, 'E' exit badly; else the next. */
static int transform(int32_t size, int64_t time)
{
    static const uint8_t topic[] = { 1, 10, 'o', 't', 'h', 'e', 'r' };
    const uint8_t *value = value_of(buffer);

    switch (*value) {
    case 'd':
        break;
    case 'w': /* when the record came: a wall clock's time, or none */
        buffer[size - 2] = time > 0 ? 'y' : 'n';
        NEED(x_write_record(buffer, (uint32_t)size) == size);
        break;
    case '2':
        NEED(x_write_record(buffer, (uint32_t)size) == size);
        NEED(x_write_record(buffer, (uint32_t)size) == size);
        break;
    case 't':
        NEED(x_write_record_with_options(buffer, (uint32_t)size, topic, sizeof topic) == size);
        break;
    case 'x':
        check_refusals(size);
        break;
    case 'f': /* for ever */
        for (;;)
            (void)x_write_record(buffer, (uint32_t)size);
    default:
        NEED(x_write_record(buffer, (uint32_t)size) == size);
    }
    return *value;
}

__attribute__((export_name("_start"))) void start(void)
{
    int64_t base, first, last, producer, time, offset;
    int32_t count, epoch, delta, sequence;
    int16_t attributes, producer_epoch;
    uint8_t attribute;
    int next = 0;

    NEED(++runs == 1);
    NEED(x_read_next_record(&attribute, &time, &offset, buffer, sizeof buffer) == -1);
    NEED(x_write_record(buffer, 1) == -1);
    x_check_abi_version_2();
    for (;;) {
        int32_t room = x_read_batch_header(&base, &count, &epoch, &attributes, &delta, &first,
                                           &last, &producer, &producer_epoch, &sequence);

        NEED(room >= 0 && room <= (int32_t)sizeof buffer && base == 0 && delta == count - 1);
        NEED(epoch == -1 && attributes == 0 && first >= 0 && last >= first && producer == -1);
        for (int32_t i = 0; i < count && next != 's'; i++) {
            int32_t size = x_read_next_record(&attribute, &time, &offset, buffer, 1);

            NEED(size == -3);
            NEED(x_read_next_record(&attribute, &time, &offset, (uint8_t *)0xffffff00,
                                    sizeof buffer) == -3);
            size = x_read_next_record(&attribute, &time, &offset, buffer, (uint32_t)room);
            NEED(size > 0 && attribute == 0 && time >= first && offset == i);
            next = transform(size, time);
        }
        if (next == 's' || next == 'r')
            return;
        if (next == 'e' || next == 'E')
            proc_exit(next == 'e' ? 0 : 3);
    }
}
