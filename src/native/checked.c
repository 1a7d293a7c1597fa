/* checked.c - looking after the rules of calls.  Layer: native. */
#include "native/checked.h"

#include <stdio.h>

#include "base/diag.h"
#include "native/group.h"

enum { GUARD_SIZE = 64, GUARD = 0xb7, UNWRITTEN = 0xa5 };

/* ---------------------------------------------------------------- rooms with guards */

typedef struct room {
    uint8_t *memory;
    size_t size; /* of what lies between the guards */
} room;

static size_t whole(const room *r)
{
    return 2 * (size_t)GUARD_SIZE + r->size;
}

static bool make_room(room *r, const void *from, size_t size)
{
    r->size = size;
    r->memory = berthi_alloc(&berthi_allocator_libc, whole(r));
    if (r->memory == NULL)
        return false;
    memset(r->memory, GUARD, whole(r));
    if (from != NULL && size != 0)
        memcpy(r->memory + GUARD_SIZE, from, size);
    else
        memset(r->memory + GUARD_SIZE, UNWRITTEN, size);
    return true;
}

static void end_room(room *r)
{
    berthi_free(&berthi_allocator_libc, r->memory, r->memory == NULL ? 0 : whole(r));
}

static void *inside(const room *r)
{
    return r->memory + GUARD_SIZE;
}

static bool is_guarded(const room *r)
{
    for (size_t i = 0; i < GUARD_SIZE; i++)
        if (r->memory[i] != GUARD || r->memory[GUARD_SIZE + r->size + i] != GUARD)
            return false;
    return true;
}

/* ---------------------------------------------------------------- what is under way */

/* Of the whole process: the arena's function is given a call and nothing else. */
static berthi_mutex list_lock = BERTHI_MUTEX_INIT;
static berthi_checked_call *list; /* guarded by list_lock */

static void begin(berthi_checked_call *c)
{
    berthi_mutex_lock(&list_lock);
    c->next = list;
    list = c;
    berthi_mutex_unlock(&list_lock);
}

static bool end(berthi_checked_call *c)
{
    berthi_checked_call **at = &list;
    bool is_broken;

    berthi_mutex_lock(&list_lock);
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    is_broken = c->is_broken;
    berthi_mutex_unlock(&list_lock);
    return is_broken;
}

bool berthi_native_may_use(const struct berth_call *call)
{
    berthi_checked_call *c;
    bool is_here;

    berthi_mutex_lock(&list_lock);
    for (c = list; c != NULL && c->call != call;)
        c = c->next;
    is_here = c != NULL && c->thread == berthi_thread_self();
    if (c != NULL && !is_here)
        c->is_broken = true; /* told when it ends */
    berthi_mutex_unlock(&list_lock);
    return is_here;
}

static void tell(berthi_native *n, const char *what, const char *where)
{
    char text[400];
    int size = snprintf(text, sizeof text, "plugin '%s' %s, in %s", n->id, what, where);

    berthi_native_report(n, BERTH_REPORT_VIOLATION, BERTH_LOG_ERROR, text,
                         (size_t)size < sizeof text ? (size_t)size : sizeof text - 1);
}

/* ---------------------------------------------------------------- a call */

static const char *find_violation(const room *args, const room *result,
                                  const berthi_checked_values *values, bool is_broken)
{
    if (!is_guarded(result))
        return "wrote outside its result";
    if (!is_guarded(args) ||
        (args->size != 0 && memcmp(inside(args), values->args, args->size) != 0))
        return "wrote to its arguments";
    return is_broken ? "used its call on another thread" : NULL;
}

berth_status berthi_native_call_checked(berthi_native *native, berth_plugin_fn *function,
                                        const berthi_checked_values *values,
                                        struct berth_call *call, int32_t *code_out,
                                        berth_diag *diag)
{
    berthi_checked_call own = { .call = call, .thread = berthi_thread_self() };
    room args = { NULL, 0 }, result = { NULL, 0 };
    const char *wrong;
    berth_status status = BERTH_OK;

    if (!make_room(&args, values->args, values->args_size) ||
        !make_room(&result, NULL, values->result_size)) {
        status = berthi_fail(diag, BERTH_E_NOMEM, "a checked call of %s", values->name);
        goto done;
    }
    begin(&own);
    *code_out = function(native->self, values->args_size == 0 ? NULL : inside(&args),
                         values->result_size == 0 ? NULL : inside(&result), call);
    wrong = find_violation(&args, &result, values, end(&own));
    if (wrong != NULL) {
        tell(native, wrong, values->name);
        status = berthi_fail(diag, BERTH_E_ABI, "%s: the plugin %s", values->name, wrong);
    } else if (*code_out == 0 && values->result_size != 0) {
        memcpy(values->result, inside(&result), values->result_size);
    }
done:
    end_room(&args);
    end_room(&result);
    return status;
}
