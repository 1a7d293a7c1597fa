/* @NAME@ - a plugin of the contract berth-hook/1. */
#include "berth_hook.h"

BERTH_PLUGIN({
    "name" : "@NAME@",
    "version" : "0.1.0",
    "description" : "puts a greeting in front of its record",
    "hooks" : {
        "greet" :
            { "description" : "a name in, a greeting out; an empty record is dropped" }
    }
})

static berth_text reply; /* static: the host reads it after the hook has returned */

BERTH_HOOK(greet, name)
{
    if (name.len == 0)
        return berth_reply_drop();
    berth_text_clear(&reply);
    berth_text_put_literal(&reply, "Hello, ");
    berth_text_put(&reply, name.ptr, name.len);
    return berth_reply_text(&reply);
}
