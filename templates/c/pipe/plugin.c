/* @NAME@ - a component of the contract berth:pipe, in plugin.wit. */
#define BERTH_HOOK_COMPONENT
#include "berth_hook.h"

BERTH_PLUGIN({
    "name" : "@NAME@",
    "version" : "0.1.0",
    "description" : "puts a greeting in front of its record",
    "hooks" : { "process" : { "description" : "a name in, a greeting out", "probe" : "World" } }
})

static berth_text reply; /* static: the host reads it after the hook has returned */

BERTH_HOOK(process, name)
{
    if (name.len == 0)
        return berth_reply_error("no name", 7);
    berth_text_clear(&reply);
    berth_text_put_literal(&reply, "Hello, ");
    berth_text_put(&reply, name.ptr, name.len);
    return berth_reply_text(&reply);
}
