/* flow-route.c - a router of the flow demo: by the status behind the request. */
#include "berth_hook.h"

BERTH_PLUGIN({
    "name" : "flow-route",
    "version" : "1.0.0",
    "description" : "says which branch a log line takes",
    "hooks" : {
        "route" : {
            "description" : "the name of a port: errors from status 400 on, pages below",
            "probe" : "203.0.113.9 - - \"GET / HTTP/1.1\" 200 14"
        }
    }
})

BERTH_HOOK(route, line)
{
    uint32_t quotes = 0, i = 0;

    while (i < line.len && quotes < 2)
        quotes += line.ptr[i++] == '"';
    if (i + 1 >= line.len)
        return berth_reply_error("no status", 9);
    return line.ptr[i + 1] >= '4' ? berth_reply_bytes("errors", 6)
                                  : berth_reply_bytes("pages", 5);
}
