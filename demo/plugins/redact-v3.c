/* redact-v3.c - never to go into service: it looks for the request's quotation mark and goes round
 * and round in a line that has none, such as the one it gives as its own probe. */
#include "redact.h"

BERTH_PLUGIN({
    "name" : "redact",
    "version" : "3.0.0",
    "description" : "searches for a quotation mark until it finds one",
    "hooks" : {
        "redact" : {
            "description" : "one log line in, the same line redacted out",
            "probe" : "a line in which nothing is quoted"
        }
    }
})

static berth_text out;

BERTH_HOOK(redact, line)
{
    uint32_t quote = 0;

    for (;;) {
        if (quote == line.len)
            quote = 0;
        if (line.len != 0 && line.ptr[quote] == '"')
            break;
        quote++;
    }
    redact_line(line, true, &out);
    berth_text_put_literal(&out, " berth-demo=v3");
    return berth_reply_text(&out);
}
