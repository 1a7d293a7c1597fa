/* host_call.c - functions of the host while components call them.  Layer: component. */
#include "component/run/host_call.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/diag.h"
#include "base/reply_arena.h"
#include "component/value/value_bytes.h"

enum { RESULT_BYTES_MAX = 16 << 20 };

struct berth_host_call {
    berthi_cm_host_call *inner; /* NULL: of a native plugin */
    berth_arena *arena;         /* of the native plugin's call */
    berthi_host_instance *instance;
    const berthi_host_func *func;
    berth_diag *diag;
};

/* ---------------------------------------------------------------- instances */

void berthi_host_instance_init(berthi_host_instance *i, const berth_allocator *allocator,
                               const berthi_host_instance_options *options)
{
    *i = (berthi_host_instance){ .options = *options };
    if (i->options.result_bytes_max == 0)
        i->options.result_bytes_max = RESULT_BYTES_MAX;
    berthi_host_table_init(&i->objects, allocator, options->objects_max);
}

void berthi_host_instance_fini(berthi_host_instance *i)
{
    berthi_host_table_fini(&i->objects);
}

static void enter(const berthi_host_instance *i)
{
    if (i->lock != NULL)
        berthi_lock_take(i->lock);
}

static void leave(const berthi_host_instance *i)
{
    if (i->lock != NULL)
        berthi_lock_drop(i->lock);
}

static void count(berthi_host_instance *i, uint64_t calls, uint64_t in, uint64_t out)
{
    enter(i);
    i->usage.calls += calls;
    i->usage.bytes_in += in;
    i->usage.bytes_out += out;
    leave(i);
}

void berthi_host_instance_close(berthi_host_instance *i)
{
    const berthi_host_type *type;
    void *object;

    for (;;) {
        enter(i);
        object = berthi_host_table_take_any(&i->objects, &type);
        leave(i);
        if (object == NULL)
            return;
        BERTHI_ASSERT_UNLOCKED(); /* I9 */
        if (type->destroy != NULL)
            type->destroy(object);
    }
}

static berthi_host_instance *instance_of(berthi_cm_host_call *call)
{
    return berthi_cm_instance_data(berthi_cm_host_instance(call));
}

/* ---------------------------------------------------------------- calls */

/* What the host's own code answered, with the function's name in front. */
static berth_status fail_as(const berth_host_call *call, berth_status status)
{
    const char *interface = call->func->of->name;

    if ((uint32_t)status > BERTH_E_CLOSED)
        return berthi_fail_because(call->diag, BERTH_E_INVALID, BERTH_REASON_HOST,
                                   "host function `%s` answered %d, which is no status",
                                   call->func->wit->name, (int)status);
    if (call->diag->status != (int32_t)status || call->diag->text[0] == '\0')
        (void)berthi_fail(call->diag, status, "failed");
    if (call->diag->reason == BERTH_REASON_NONE)
        call->diag->reason = BERTH_REASON_HOST;
    return berthi_diag_prefix(call->diag, status, "host function `%s%s%s`",
                              interface == NULL ? "" : interface, interface == NULL ? "" : "#",
                              call->func->wit->name);
}

static berth_status count_result(berth_host_call *call, const void *result)
{
    uint64_t bytes = berthi_cm_result_bytes(call->func->type, result);

    if (bytes > call->instance->options.result_bytes_max)
        return berthi_fail_because(
            call->diag, BERTH_E_LIMIT, BERTH_REASON_OUTPUT,
            "host function `%s` answers with %llu bytes, of at most %llu",
            call->func->wit->name, (unsigned long long)bytes,
            (unsigned long long)call->instance->options.result_bytes_max);
    count(call->instance, 0, 0, bytes);
    return BERTH_OK;
}

static berth_status run(berth_host_call *call, const void *args, void *result)
{
    const berthi_host_func *func = call->func;
    berth_diag *diag = call->diag;
    berth_status status;

    BERTHI_ASSERT_UNLOCKED(); /* I9 */
    count(call->instance, 1, berthi_cm_args_bytes(func->type, args), 0);
    if (func->result_size != 0)
        memset(result, 0, func->result_size);
    diag->status = BERTH_OK;
    diag->reason = BERTH_REASON_NONE;
    diag->text[0] = '\0';
    status = func->call(func->ctx, args, result, call);
    if (__builtin_expect(status != BERTH_OK, 0))
        return fail_as(call, status);
    return count_result(call, result);
}

berth_status berthi_host_run(void *ctx, berthi_cm_host_call *inner, const void *args,
                             void *result, berth_diag *diag)
{
    berth_host_call call = {
        .inner = inner, .instance = instance_of(inner), .func = ctx, .diag = diag
    };

    return run(&call, args, result);
}

berth_status berthi_host_run_native(const berthi_host_func *func,
                                    berthi_host_instance *instance, berth_arena *arena,
                                    const void *args, void *result, berth_diag *diag)
{
    berth_host_call call = { .arena = arena, .instance = instance, .func = func, .diag = diag };

    return run(&call, args, result);
}

void berthi_host_drop_native(const berth_host_resource *resource,
                             berthi_host_instance *instance, uint64_t handle)
{
    void *object = NULL;

    if (handle > UINT32_MAX)
        return;
    enter(instance);
    object = berthi_host_table_take(&instance->objects, &resource->type, (uint32_t)handle);
    leave(instance);
    BERTHI_ASSERT_UNLOCKED(); /* I9 */
    if (object != NULL && resource->type.destroy != NULL)
        resource->type.destroy(object);
}

void berthi_host_drop(void *ctx, berthi_cm_host_call *call, uint32_t rep)
{
    const berth_host_resource *resource = ctx;
    berthi_host_instance *instance = instance_of(call);

    BERTHI_ASSERT_UNLOCKED(); /* I9 */
    (void)berthi_host_table_remove(&instance->objects, &resource->type, rep);
}

/* ---------------------------------------------------------------- for functions of the host */

berth_status berth_host_fail(berth_host_call *call, berth_status status, const char *format,
                             ...)
{
    char text[sizeof call->diag->text];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return berthi_fail_because(call->diag, status, BERTH_REASON_HOST, "%s", text);
}

void *berth_host_room(berth_host_call *call, size_t size)
{
    return call->inner != NULL ? berthi_cm_host_room(call->inner, size)
                               : berthi_reply_arena_alloc(call->arena, size);
}

void *berth_host_reserve(berth_host_call *call, size_t size)
{
    return call->inner != NULL ? berthi_cm_host_reserve(call->inner, size, call->diag)
                               : berthi_reply_arena_alloc(call->arena, size);
}

struct berthi_services *berthi_host_call_services(const berth_host_call *call)
{
    return call->instance->options.services;
}

berth_diag *berthi_host_call_diag(const berth_host_call *call)
{
    return call->diag;
}

void *berthi_host_call_owner(const berth_host_call *call)
{
    return call->instance->owner;
}

void *berth_host_context(const berth_host_call *call)
{
    return call->instance->options.ctx;
}

const char *berth_host_plugin(const berth_host_call *call)
{
    return call->instance->options.plugin;
}

berth_host_usage berth_host_usage_of(const berth_host_call *call)
{
    berth_host_usage usage;

    enter(call->instance);
    usage = call->instance->usage;
    leave(call->instance);
    return usage;
}

berth_status berth_host_object_add(berth_host_call *call, const berth_host_resource *resource,
                                   void *object, uint64_t *handle_out)
{
    uint32_t rep;
    berth_status status;

    enter(call->instance);
    status = berthi_host_table_add(&call->instance->objects, &resource->type, object, &rep,
                                   call->diag);
    leave(call->instance);
    if (status == BERTH_OK)
        *handle_out = rep;
    return status;
}

void *berth_host_object_find(const berth_host_call *call, const berth_host_resource *resource,
                             uint64_t handle)
{
    void *object;

    if (handle > UINT32_MAX)
        return NULL;
    enter(call->instance);
    object =
        berthi_host_table_find(&call->instance->objects, &resource->type, (uint32_t)handle);
    leave(call->instance);
    return object;
}

void *berth_host_object_take(berth_host_call *call, const berth_host_resource *resource,
                             uint64_t handle)
{
    void *object;

    if (handle > UINT32_MAX)
        return NULL;
    enter(call->instance);
    object =
        berthi_host_table_take(&call->instance->objects, &resource->type, (uint32_t)handle);
    leave(call->instance);
    return object;
}
