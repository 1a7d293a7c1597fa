/* cli_alloc.c - its allocator answers nonsense when it is asked for more than a page. */
#define BERTH_HOOK_OWN_ALLOC
#include "berth_hook.h"

BERTH_PLUGIN({
    "name" : "alloc",
    "version" : "1.0.0",
    "description" : "cannot take long records",
    "hooks" : { "edit" : { "description" : "echoes" } }
})

static uint8_t page[4096];

BERTH_HOOK_EXPORT("berth_alloc") void *berth_alloc(size_t size, size_t align)
{
    (void)align;
    return size <= sizeof page ? (void *)page : (void *)0xfffffff0u;
}

BERTH_HOOK_EXPORT("berth_free") void berth_free(void *ptr, size_t size, size_t align)
{
    (void)ptr;
    (void)size;
    (void)align;
}

BERTH_HOOK(edit, record)
{
    return berth_reply_bytes(record.ptr, record.len);
}
