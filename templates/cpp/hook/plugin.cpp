// @NAME@ - a plugin of the contract berth-hook/1.
#include "berth_hook.h"
#include "reply.h"

BERTH_PLUGIN({
    "name" : "@NAME@",
    "version" : "0.1.0",
    "description" : "puts a greeting in front of its record",
    "hooks" : {
        "greet" :
            { "description" : "a name in, a greeting out; an empty record is dropped" }
    }
})

BERTH_HOOK(greet, name)
{
    if (name.len == 0)
        return berth_reply_drop();
    return Reply() << "Hello, " << name;
}
