/* redact-v7.c - as version 2, and built as a component: the same header, the same hook, a WIT type. */
#include "redact.h"

BERTH_PLUGIN({
    "name" : "redact",
    "version" : "7.0.0",
    "description" :
        "masks IPv4 addresses, e-mail addresses and tokens in log lines, as a component",
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
    berth_text_put_literal(&out, " berth-demo=v7");
    return berth_reply_text(&out);
}
