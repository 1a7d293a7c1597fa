/* taker.c - calls another plugin, as a shared object, a component and a core module. */
#include <taker_plugin.h>

#ifndef __wasm32__
#include <pthread.h>
#endif

int32_t taker_plugin_user_shout(void *self, const taker_user_shout_args *args,
                                berth_string *result, berth_plugin_call *call)
{
    int32_t code = 0;

    (void)self;
    result->text = NULL;
    result->size = 0;
    for (uint32_t i = 0; code == 0 && i < args->times; i++)
        code = taker_base_twice(call, args->text, result);
    return code;
}

int32_t taker_plugin_user_sum(void *self, const taker_user_sum_args *args, uint32_t *result,
                              berth_plugin_call *call)
{
    int32_t code = 0;

    (void)self;
    *result = args->a;
    for (uint32_t i = 0; code == 0 && i < args->times; i++)
        code = taker_base_add(call, *result, args->b, result);
    return code;
}

/* What the other one answers is handed through. */
int32_t taker_plugin_user_fail(void *self, const taker_user_fail_args *args, uint32_t *result,
                               berth_plugin_call *call)
{
    (void)self;
    return taker_base_fail(call, args->code, result);
}

#ifndef __wasm32__
typedef struct question {
    berth_plugin_call *call;
    int32_t code;
} question;

static void *ask(void *ctx)
{
    question *q = (question *)ctx;
    uint32_t sum = 0;

    q->code = taker_base_add(q->call, 1, 2, &sum);
    return NULL;
}
#endif

int32_t taker_plugin_user_outside(void *self, const void *args, uint32_t *result,
                                  berth_plugin_call *call)
{
    (void)self, (void)args, (void)call;
    *result = 0;
#ifndef __wasm32__
    question q = { call, 0 };
    pthread_t thread;

    if (pthread_create(&thread, NULL, ask, &q) != 0)
        return 1;
    pthread_join(thread, NULL);
    *result = (uint32_t)q.code;
#endif
    return 0;
}
