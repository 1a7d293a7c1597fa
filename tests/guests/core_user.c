/* core_user.c - a plugin of berth-hook/1 that calls functions of its host's. */
#include "berth_hook.h"

BERTH_PLUGIN({
    "name" : "core-user",
    "version" : "1.0.0",
    "description" : "has its host count",
    "hooks" : { "do" : { "description" : "the sum of the input's bytes, in one byte" } }
})

__attribute__((import_module("extism:host/user"), import_name("sum"))) uint32_t sum(
    const void *at, uint32_t size);

BERTH_HOOK(do, input)
{
    static uint8_t answer;

    answer = (uint8_t)sum(input.ptr, input.len);
    return berth_reply_bytes(&answer, 1);
}
