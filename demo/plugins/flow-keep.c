/* flow-keep.c - a filter of the flow demo: health checks of the load balancer are not kept. */
#include "berth_hook.h"

BERTH_PLUGIN({
    "name" : "flow-keep",
    "version" : "1.0.0",
    "description" : "drops the log lines of health checks",
    "hooks" : {
        "keep" : {
            "description" : "a line that is kept comes back, one that is not is dropped",
            "probe" : "203.0.113.9 - - \"GET / HTTP/1.1\" 200 14"
        }
    }
})

BERTH_HOOK(keep, line)
{
    static const char path[] = " /healthz ";
    const uint32_t size = sizeof path - 1;

    for (uint32_t i = 0; i + size <= line.len; i++)
        if (memcmp(line.ptr + i, path, size) == 0)
            return berth_reply_drop();
    return berth_reply_bytes("keep", 4);
}
