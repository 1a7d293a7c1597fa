/* cli_other.c - has a hook, but not the one that the tests call. */
#include "berth_hook.h"

BERTH_PLUGIN({
    "name" : "other",
    "version" : "1.0.0",
    "description" : "does something else",
    "hooks" :
        { "first" : { "description" : "echoes" }, "second" : { "description" : "drops" } }
})

BERTH_HOOK(first, record)
{
    return berth_reply_bytes(record.ptr, record.len);
}

BERTH_HOOK(second, record)
{
    (void)record;
    return berth_reply_drop();
}
