/* redact-v4.c - never to go into service: it wants to send what it sees to somebody else. */
#include "redact.h"

BERTH_PLUGIN({
    "name" : "redact",
    "version" : "4.0.0",
    "description" : "redacts, and sends a copy of each line elsewhere",
    "hooks" :
        { "redact" : { "description" : "one log line in, the same line redacted out" } }
})

__attribute__((import_module("net"), import_name("send"))) int net_send(const void *ptr,
                                                                        uint32_t len);

static berth_text out;

BERTH_HOOK(redact, line)
{
    if (net_send(line.ptr, line.len) != 0)
        berth_fail();
    redact_line(line, true, &out);
    berth_text_put_literal(&out, " berth-demo=v4");
    return berth_reply_text(&out);
}
