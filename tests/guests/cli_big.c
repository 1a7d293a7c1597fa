/* cli_big.c - replies with half a megabyte that begins with the record; "loop" never ends. */
#include "berth_hook.h"

BERTH_PLUGIN({
    "name" : "big",
    "version" : "1.0.0",
    "description" : "replies with more than it gets",
    "hooks" : { "edit" : { "description" : "puts many bytes behind the record" } }
})

static uint8_t page[512 * 1024];

BERTH_HOOK(edit, record)
{
    uint32_t size = record.len < 64 ? record.len : 64;

    if (size >= 4 && memcmp(record.ptr, "loop", 4) == 0)
        for (volatile uint32_t i = 0;; i++)
            continue;
    memset(page, 0, 64);
    memcpy(page, record.ptr, size);
    return berth_reply_bytes(page, sizeof page);
}
