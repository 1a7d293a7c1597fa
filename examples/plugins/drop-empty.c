/* drop-empty.c - a filter: records with nothing but blanks in them are left out.
 *
 *     berth pipe drop-empty.wasm --hook filter <draft.txt */
#include "berth_hook.h"

BERTH_PLUGIN({
    "name" : "drop-empty",
    "version" : "1.0.0",
    "description" : "leaves blank records out",
    "hooks" :
        { "filter" : { "description" : "a record in, the same record out, or nothing" } }
})

BERTH_HOOK(filter, record)
{
    for (uint32_t i = 0; i < record.len; i++)
        if (record.ptr[i] > ' ')
            return berth_reply_bytes(record.ptr, record.len);
    return berth_reply_drop();
}
