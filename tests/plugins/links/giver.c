/* giver.c - what links.wit's taker calls, as a shared object and as a component. */
#include <giver_plugin.h>

#ifndef GIVER_BIAS
#define GIVER_BIAS 0
#endif

int32_t giver_plugin_base_twice(void *self, const giver_base_twice_args *args,
                                berth_string *result, berth_plugin_call *call)
{
    size_t size = args->text.size;
    char *room = (char *)berth_plugin_room(call, 2 * size);

    (void)self;
    if (room == NULL)
        return 1;
    if (size != 0) {
        memcpy(room, args->text.text, size);
        memcpy(room + size, args->text.text, size);
    }
    result->text = room;
    result->size = 2 * size;
    return 0;
}

int32_t giver_plugin_base_add(void *self, const giver_base_add_args *args, uint32_t *result,
                              berth_plugin_call *call)
{
    (void)self;
    /* Room that no result needs, which has to be given back by whoever lent it. */
    if (berth_plugin_room(call, 64) == NULL)
        return 1;
    *result = args->a + args->b + GIVER_BIAS;
    return 0;
}

int32_t giver_plugin_base_fail(void *self, const giver_base_fail_args *args, uint32_t *result,
                               berth_plugin_call *call)
{
    (void)self, (void)call;
    *result = 0;
    return (int32_t)args->code;
}
