/* validate_canon.c - canonical definitions: signatures and options.  Layer: component.
 *
 * Core signatures of lifted functions, reallocs and post-returns are compared here once, so that a
 * call need not: a wrong one would be undefined behaviour in the engine. */
#include "component/validate/validate.h"

static const berthi_cm_type *get_func(berthi_cm_types *s, const berthi_cm_scope *scope,
                                      uint32_t index)
{
    return berthi_cm_get(s, scope, BERTHI_CM_CORE_FUNC, index);
}

/* In front of everything else: what signatures are depends on the memory's addresses. */
static bool check_memory(berthi_cm_types *s, const berthi_cm_scope *scope,
                         const berthi_cm_options *o, bool *is_64_out)
{
    const berthi_cm_type *memory;

    *is_64_out = false;
    if (!o->has_memory)
        return true;
    memory = berthi_cm_get(s, scope, BERTHI_CM_CORE_MEMORY, o->memory);
    if (memory == NULL)
        return false;
    *is_64_out = memory->memory.is_64;
    return !memory->memory.is_shared ||
           BERTHI_CM_INVALID(s, "canonical option `memory` names a shared memory");
}

/* Options that mean the same everywhere, behind check_memory(); `needs` says what the types of the
 * function ask for. */
static bool check_options(berthi_cm_types *s, const berthi_cm_scope *scope,
                          const berthi_cm_options *o, bool is_64, const berthi_cm_flat *needs)
{
    if (o->has_realloc) {
        const berthi_cm_type *realloc = get_func(s, scope, o->realloc);

        if (realloc == NULL)
            return false;
        if (!o->has_memory)
            return BERTHI_CM_INVALID(
                s, "canonical option `realloc` requires `memory` to also be specified");
        if (realloc != berthi_cm_core_signature(s, is_64 ? "IIII:I" : "iiii:i"))
            return BERTHI_CM_INVALID(
                s,
                "canonical option `realloc` uses a core function with an incorrect signature");
    }
    if (needs->needs_memory && !o->has_memory)
        return BERTHI_CM_INVALID(s, "canonical option `memory` is required");
    return !needs->needs_realloc || o->has_realloc ||
           BERTHI_CM_INVALID(s, "canonical option `realloc` is required");
}

static bool check_post_return(berthi_cm_types *s, const berthi_cm_scope *scope,
                              const berthi_cm_options *o, const berthi_functype *lifted)
{
    const berthi_cm_type *func;
    berthi_functype wanted = { .types = lifted->types + lifted->params_count,
                               .params_count = lifted->results_count };

    if (!o->has_post_return)
        return true;
    func = get_func(s, scope, o->post_return);
    return func != NULL && (func == berthi_cm_core_func(s, &wanted) ||
                            BERTHI_CM_INVALID(s, "canonical option `post-return` uses a core "
                                                 "function with an incorrect signature"));
}

static bool is_sync(berthi_cm_types *s, const berthi_cm_type *func, const berthi_cm_options *o)
{
    if (func->kind == BERTHI_CM_ASYNC_FUNC_TYPE)
        return BERTHI_CM_INVALID(s, "async functions are not supported");
    return (!o->is_async && !o->has_callback) ||
           BERTHI_CM_INVALID(s, "canonical options `async` and `callback` are not supported");
}

static bool check_lift(berthi_cm_types *s, berthi_cm_scope *scope, const berthi_cm_canon *canon)
{
    const berthi_cm_type *core = get_func(s, scope, canon->first);
    const berthi_cm_type *func =
        core == NULL ? NULL : berthi_cm_get(s, scope, BERTHI_CM_TYPE, canon->second);
    berthi_cm_flat flat;
    bool is_64;

    if (func == NULL)
        return false;
    if (!berthi_cm_is_func(func))
        return BERTHI_CM_INVALID(s, "type index %u is not a function type",
                                 (unsigned)canon->second);
    if (!is_sync(s, func, &canon->options) ||
        !check_memory(s, scope, &canon->options, &is_64) ||
        !berthi_cm_flatten(s, func, true, is_64, &flat))
        return false;
    if (core != flat.type)
        return BERTHI_CM_INVALID(
            s, "lowered parameter and result types do not match those of core function %u",
            (unsigned)canon->first);
    return check_options(s, scope, &canon->options, is_64, &flat) &&
           check_post_return(s, scope, &canon->options, &core->func) &&
           berthi_cm_add(s, scope, BERTHI_CM_FUNC, func);
}

static bool check_lower(berthi_cm_types *s, berthi_cm_scope *scope,
                        const berthi_cm_canon *canon)
{
    const berthi_cm_type *func = berthi_cm_get(s, scope, BERTHI_CM_FUNC, canon->first);
    berthi_cm_flat flat;
    bool is_64;

    if (func == NULL || !is_sync(s, func, &canon->options))
        return false;
    if (canon->options.has_post_return)
        return BERTHI_CM_INVALID(
            s, "canonical option `post-return` cannot be specified for lowerings");
    return check_memory(s, scope, &canon->options, &is_64) &&
           berthi_cm_flatten(s, func, false, is_64, &flat) &&
           check_options(s, scope, &canon->options, is_64, &flat) &&
           berthi_cm_add(s, scope, BERTHI_CM_CORE_FUNC, flat.type);
}

static bool check_resource(berthi_cm_types *s, berthi_cm_scope *scope,
                           const berthi_cm_canon *canon)
{
    const berthi_cm_type *type = berthi_cm_get(s, scope, BERTHI_CM_TYPE, canon->first);

    if (type == NULL)
        return false;
    if (!berthi_cm_is_resource(type))
        return BERTHI_CM_INVALID(s, "type index %u is not a resource type",
                                 (unsigned)canon->first);
    if (canon->code != BERTHI_CM_RESOURCE_DROP && type->canon->owner != scope)
        return BERTHI_CM_INVALID(s, "type index %u is not a local resource",
                                 (unsigned)canon->first);
    return berthi_cm_add(
        s, scope, BERTHI_CM_CORE_FUNC,
        berthi_cm_core_signature(s, canon->code == BERTHI_CM_RESOURCE_DROP ? "i:" : "i:i"));
}

/* ---------------------------------------------------------------- other built-ins */

/* Of each code, what it takes and gives; p: an address of the memory. */
static const char *builtin_signature(uint8_t code)
{
    static const char *const signatures[0x2e] = {
        [0x05] = ":",     [0x06] = "i:i",   [0x0c] = ":i",   [0x0d] = "i:",   [0x0e] = ":I",
        [0x0f] = "ipp:p", [0x10] = "ipp:p", [0x11] = "i:i",  [0x12] = "i:i",  [0x13] = "i:",
        [0x14] = "i:",    [0x15] = ":I",    [0x16] = "ip:i", [0x17] = "ip:i", [0x18] = "i:i",
        [0x19] = "i:i",   [0x1a] = "i:",    [0x1b] = "i:",   [0x1c] = "pp:i", [0x1d] = "ip:",
        [0x1e] = "i:",    [0x1f] = ":i",    [0x20] = "ip:i", [0x21] = "ip:i", [0x22] = "i:",
        [0x23] = "ii:",   [0x24] = ":",     [0x25] = ":",    [0x26] = ":i",   [0x27] = "ii:i",
        [0x28] = "i:",    [0x29] = ":i",    [0x2a] = "i:i",  [0x2b] = "i:i",  [0x2c] = "i:i",
        [0x2d] = "i:i",
    };

    assert(code < sizeof signatures / sizeof *signatures && signatures[code] != NULL);
    return signatures[code];
}

/* Streams are 0e to 14, futures 15 to 1b; both have new, read, write, and so on in this order. */
static bool check_stream(berthi_cm_types *s, const berthi_cm_scope *scope,
                         const berthi_cm_canon *canon, bool *is_64)
{
    bool is_future = canon->code >= 0x15;
    uint8_t place = (uint8_t)(canon->code - (is_future ? 0x15 : 0x0e));
    const berthi_cm_type *type = berthi_cm_get(s, scope, BERTHI_CM_TYPE, canon->first);
    berthi_cm_flat needs = { 0 };

    if (type == NULL)
        return false;
    if (type->kind != (is_future ? BERTHI_CM_FUTURE : BERTHI_CM_STREAM))
        return BERTHI_CM_INVALID(s, "type index %u is not a %s type", (unsigned)canon->first,
                                 is_future ? "future" : "stream");
    if (place != 1 && place != 2)
        return true;
    needs.needs_memory = type->items[0].type != NULL;
    needs.needs_realloc = place == 1 && needs.needs_memory && type->items[0].type->has_pointer;
    return check_memory(s, scope, &canon->options, is_64) &&
           check_options(s, scope, &canon->options, *is_64, &needs);
}

/* error-context.new and .debug-message. */
static bool check_error_context(berthi_cm_types *s, const berthi_cm_scope *scope,
                                const berthi_cm_canon *canon, bool *is_64)
{
    berthi_cm_flat needs = { .needs_memory = true, .needs_realloc = canon->code == 0x1d };

    return check_memory(s, scope, &canon->options, is_64) &&
           check_options(s, scope, &canon->options, *is_64, &needs);
}

/* waitable-set.wait and .poll. */
static bool check_wait(berthi_cm_types *s, const berthi_cm_scope *scope,
                       const berthi_cm_canon *canon, bool *is_64)
{
    const berthi_cm_type *memory = berthi_cm_get(s, scope, BERTHI_CM_CORE_MEMORY, canon->first);

    *is_64 = memory != NULL && memory->memory.is_64;
    return memory != NULL;
}

static bool check_thread(berthi_cm_types *s, const berthi_cm_scope *scope,
                         const berthi_cm_canon *canon)
{
    const berthi_cm_type *type = berthi_cm_get(s, scope, BERTHI_CM_CORE_TYPE, canon->first);
    const berthi_cm_type *table =
        type == NULL ? NULL : berthi_cm_get(s, scope, BERTHI_CM_CORE_TABLE, canon->second);

    if (table == NULL)
        return false;
    if (type != berthi_cm_core_signature(s, "i:"))
        return BERTHI_CM_INVALID(s, "a thread starts with a core function [i32] -> []");
    return table->table.element_type == BERTHI_FUNCREF ||
           BERTHI_CM_INVALID(s, "a thread's table must hold functions");
}

/* task.return takes what the function would return, as parameters. */
static bool check_task_return(berthi_cm_types *s, berthi_cm_scope *scope,
                              const berthi_cm_canon *canon)
{
    berthi_cm_extern items[2] = { { .type = NULL }, { .type = NULL } };
    uint32_t params = canon->result == BERTHI_CM_NONE ? 0 : 1;
    berthi_cm_flat flat, needs;
    const berthi_cm_type *func;
    bool is_64;

    if (params != 0) {
        items[0].type = berthi_cm_resolve(s, scope, canon->result);
        if (items[0].type == NULL)
            return false;
        if (items[0].type->has_borrow)
            return BERTHI_CM_INVALID(s, "function result cannot contain a `borrow` type");
    }
    func = berthi_cm_intern(
        s,
        &(berthi_cm_type){ .kind = BERTHI_CM_FUNC_TYPE, .count = params + 1, .items = items });
    if (func == NULL || !check_memory(s, scope, &canon->options, &is_64) ||
        !berthi_cm_flatten(s, func, false, is_64, &flat))
        return false;
    needs = flat;
    needs.needs_realloc = false;
    return check_options(s, scope, &canon->options, is_64, &needs) &&
           berthi_cm_add(s, scope, BERTHI_CM_CORE_FUNC, flat.type);
}

static bool check_context(berthi_cm_types *s, berthi_cm_scope *scope,
                          const berthi_cm_canon *canon)
{
    bool is_get = canon->code == 0x0a, is_64 = canon->value_type == BERTHI_I64;

    if (canon->value_type != BERTHI_I32 && !is_64)
        return BERTHI_CM_INVALID(s, "a context slot holds i32 or i64");
    if (canon->first > 1)
        return BERTHI_CM_INVALID(s, "there is no context slot %u: there are two",
                                 (unsigned)canon->first);
    return berthi_cm_add(
        s, scope, BERTHI_CM_CORE_FUNC,
        berthi_cm_core_signature(s, is_get ? (is_64 ? ":I" : ":i") : (is_64 ? "I:" : "i:")));
}

static bool check_builtin(berthi_cm_types *s, berthi_cm_scope *scope,
                          const berthi_cm_canon *canon)
{
    const char *pattern = builtin_signature(canon->code);
    char signature[8] = { 0 };
    bool ok = true, is_64 = false;

    if (canon->code >= 0x0e && canon->code <= 0x1b)
        ok = check_stream(s, scope, canon, &is_64);
    else if (canon->code == 0x1c || canon->code == 0x1d)
        ok = check_error_context(s, scope, canon, &is_64);
    else if (canon->code == 0x20 || canon->code == 0x21)
        ok = check_wait(s, scope, canon, &is_64);
    else if (canon->code == 0x27)
        ok = check_thread(s, scope, canon);
    assert(strlen(pattern) < sizeof signature);
    for (size_t n = 0; pattern[n] != '\0'; n++)
        signature[n] = pattern[n] != 'p' ? pattern[n] : is_64 ? 'I' : 'i';
    return ok &&
           berthi_cm_add(s, scope, BERTHI_CM_CORE_FUNC, berthi_cm_core_signature(s, signature));
}

bool berthi_cm_check_canon(berthi_cm_types *s, berthi_cm_scope *scope,
                           const berthi_cm_canon *canon)
{
    switch (canon->code) {
    case BERTHI_CM_LIFT:
        return check_lift(s, scope, canon);
    case BERTHI_CM_LOWER:
        return check_lower(s, scope, canon);
    case BERTHI_CM_RESOURCE_NEW:
    case BERTHI_CM_RESOURCE_DROP:
    case BERTHI_CM_RESOURCE_REP:
        return check_resource(s, scope, canon);
    case 0x09:
        return check_task_return(s, scope, canon);
    case 0x0a:
    case 0x0b:
        return check_context(s, scope, canon);
    default:
        return check_builtin(s, scope, canon);
    }
}
