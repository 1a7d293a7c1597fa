/* upper-case.c - the smallest useful plugin: letters become capital ones, in place.
 *
 *     berth pipe upper-case.wasm --hook upper <names.txt */
#include "berth_hook.h"

BERTH_PLUGIN({
    "name" : "upper-case",
    "version" : "1.0.0",
    "description" : "makes letters capital",
    "hooks" : { "upper" : { "description" : "text in, the same text in capitals out" } }
})

BERTH_HOOK(upper, text)
{
    for (uint32_t i = 0; i < text.len; i++)
        if (text.ptr[i] >= 'a' && text.ptr[i] <= 'z')
            text.ptr[i] -= 'a' - 'A';
    return berth_reply_bytes(text.ptr, text.len); /* the input's own bytes may be the reply */
}
