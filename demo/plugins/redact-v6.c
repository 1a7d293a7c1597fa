/* redact-v6.c - as version 2, and it adds what a KiB of the answer cost.  Its probe is a line with
 * a body; in the log there are answers of 0 bytes, and it divides by them. */
#include "redact.h"

BERTH_PLUGIN({
    "name" : "redact",
    "version" : "6.0.0",
    "description" : "as 2.0.0, and adds the milliseconds per KiB",
    "hooks" : {
        "redact" : {
            "description" : "one log line in, the same line redacted out",
            "probe" : "203.0.113.9 \"GET / HTTP/1.1\" 200 14 \"-\" \"-\" rt=0.002"
        }
    }
})

static berth_text out;

/* The number at `p`, and `p` moved behind it. */
static uint32_t number_at(const uint8_t **p, const uint8_t *end)
{
    uint32_t number = 0;
    while (*p < end && is_digit(**p))
        number = number * 10 + (uint32_t)(*(*p)++ - '0');
    return number;
}

/* The bytes field: behind the second quotation mark, a space, the status and a space. */
static uint32_t body_bytes(const uint8_t *p, const uint8_t *end)
{
    for (int quotes = 0; quotes < 2; quotes++) {
        while (p < end && *p != '"')
            p++;
        p += p < end;
    }
    p += p < end;
    (void)number_at(&p, end);
    p += p < end;
    return number_at(&p, end);
}

/* "rt=0.002" at the end of the line, in milliseconds. */
static uint32_t request_ms(const uint8_t *begin, const uint8_t *end)
{
    const uint8_t *p = end;
    uint32_t seconds;

    while (p > begin && p[-1] != '=')
        p--;
    seconds = number_at(&p, end);
    p += p < end;
    return seconds * 1000 + number_at(&p, end);
}

BERTH_HOOK(redact, line)
{
    const uint8_t *end = line.ptr + line.len;

    redact_line(line, true, &out);
    berth_text_put_literal(&out, " ms-per-kib=");
    berth_text_put_number(&out, request_ms(line.ptr, end) * 1024 / body_bytes(line.ptr, end));
    berth_text_put_literal(&out, " berth-demo=v6");
    return berth_reply_text(&out);
}
