// @NAME@ - a component of the contract berth:pipe, in plugin.wit.
#define BERTH_HOOK_COMPONENT
#include "berth_hook.h"
#include "reply.h"

BERTH_PLUGIN({
    "name" : "@NAME@",
    "version" : "0.1.0",
    "description" : "puts a greeting in front of its record",
    "hooks" : { "process" : { "description" : "a name in, a greeting out", "probe" : "World" } }
})

BERTH_HOOK(process, name)
{
    if (name.len == 0)
        return berth_reply_error("no name", 7);
    return Reply() << "Hello, " << name;
}
