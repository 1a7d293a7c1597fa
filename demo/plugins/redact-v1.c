/* redact-v1.c - takes addresses and e-mail addresses out of a log line. */
#include "redact.h"

BERTH_PLUGIN({
    "name" : "redact",
    "version" : "1.0.0",
    "description" : "masks IPv4 addresses and e-mail addresses in log lines",
    "hooks" : {
        "redact" : {
            "description" : "one log line in, the same line redacted out",
            "probe" : "203.0.113.9 - ana@example.org \"GET / HTTP/1.1\" 200 14"
        }
    }
})

static berth_text out;

BERTH_HOOK(redact, line)
{
    redact_line(line, false, &out);
    berth_text_put_literal(&out, " berth-demo=v1");
    return berth_reply_text(&out);
}
