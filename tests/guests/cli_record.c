/* cli_record.c - hook `process`, built as a core module and, under wit/berth-pipe.wit, as a component.
 *
 *   error TEXT  fails the record with TEXT   trap  traps     loop  never ends
 *   count       how many calls this was      other records come back in upper case */
#include "berth_hook.h"

BERTH_PLUGIN({
    "name" : "record",
    "version" : "1.0.0",
    "description" : "changes a record",
    "hooks" : { "process" : { "description" : "one record in, one out", "probe" : "a record" } }
})

static uint32_t calls;
static uint8_t digits[10];

static int starts(berth_bytes record, const char *text, uint32_t size)
{
    return record.len >= size && memcmp(record.ptr, text, size) == 0;
}

static berth_reply reply_number(uint32_t n)
{
    uint32_t at = sizeof digits;

    do {
        digits[--at] = (uint8_t)('0' + n % 10);
        n /= 10;
    } while (n != 0);
    return berth_reply_bytes(digits + at, (uint32_t)sizeof digits - at);
}

BERTH_HOOK(process, record)
{
    calls++;
    if (starts(record, "error ", 6))
        return berth_reply_error((const char *)record.ptr + 6, record.len - 6);
    if (starts(record, "trap", 4))
        berth_fail();
    while (starts(record, "loop", 4))
        __asm__ volatile("");
    if (starts(record, "count", 5))
        return reply_number(calls);
    for (uint32_t i = 0; i < record.len; i++)
        if (record.ptr[i] >= 'a' && record.ptr[i] <= 'z')
            record.ptr[i] = (uint8_t)(record.ptr[i] - 'a' + 'A');
    return berth_reply_bytes(record.ptr, record.len);
}
