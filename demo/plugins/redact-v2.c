/* redact-v2.c - as version 1, and it takes the tokens out too. */
#include "redact.h"

BERTH_PLUGIN({
    "name" : "redact",
    "version" : "2.0.0",
    "description" : "masks IPv4 addresses, e-mail addresses and tokens in log lines",
    "hooks" : {
        "redact" : {
            "description" : "one log line in, the same line redacted out",
            "probe" : "203.0.113.9 - - \"GET /?token=abc HTTP/1.1\" 200 14"
        }
    }
})

static berth_text out;

BERTH_HOOK(redact, line)
{
    redact_line(line, true, &out);
    berth_text_put_literal(&out, " berth-demo=v2");
    return berth_reply_text(&out);
}
