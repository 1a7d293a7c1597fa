/* typed.c - calls of any exported function, by its type.  Layer: registry.
 *
 * A slot knows functions by number, with the name and the type that were agreed upon.  A version looks
 * each up when it is first called: FOUND or MISSING, once and for all, since neither the version nor
 * the agreement changes.  Types are compared as complete texts, which say everything that the layout
 * of values follows from. */
#include <berth/invoke.h>

#include "base/utf8.h"
#include "component/types/type_text.h"
#include "os/clock.h"
#include "registry/hot.h"
#include "registry/links.h"

enum { UNKNOWN, MISSING, FOUND };

typedef berthi_func_type type_text;

static void remove_blanks(char *text)
{
    char *to = text;

    for (const char *from = text; *from != '\0'; from++)
        if (strchr(" \t\r\n", *from) == NULL)
            *to++ = *from;
    *to = '\0';
}

bool berthi_typed_text(const berthi_cm_type *func, berthi_func_type *text_out)
{
    if (!berthi_cm_type_write(func, text_out->text, sizeof text_out->text))
        return false;
    remove_blanks(text_out->text);
    return true;
}

/* ---- what a version has ---- */

static size_t table_size(uint32_t room)
{
    return sizeof(berthi_typed_table) + room * sizeof(berthi_typed);
}

void berthi_typed_free(berth_version *v)
{
    berthi_typed_table *table = atomic_load_explicit(&v->typed, memory_order_relaxed);

    while (table != NULL) {
        berthi_typed_table *before = table->before;

        berthi_free(&v->runtime->allocator, table, table_size(table->room));
        table = before;
    }
}

/* The values of a native plugin's functions lie where a plan would find them, so that what a plan
 * refuses is refused for both, and a plugin of one sort may follow one of the other. */
static berth_status find_facts(const berthi_cm_type *type, const berth_allocator *a,
                               berthi_cm_plan_facts *facts_out, berth_diag *diag)
{
    const berthi_cm_plan *plan;
    berthi_arena arena;
    berth_status status;

    berthi_arena_init(&arena, a, SIZE_MAX);
    status = berthi_cm_plan_make(type, false, &arena, &plan, diag);
    if (status == BERTH_OK)
        *facts_out = *berthi_cm_plan_facts_of(plan);
    berthi_arena_fini(&arena);
    return status;
}

/* Dropping a resource is a function like others, to callers. */
static berth_status find_drop(const berthi_content *content, const char *name,
                              berthi_found *found_out, berthi_func_type *type, berth_diag *diag)
{
    static const char drop_type[] = "func(self:own<resource>)";
    berthi_found found = { .is_drop = true,
                           .facts = { .args_size = sizeof(berth_handle),
                                      .args_align = _Alignof(berth_handle) } };

    if (content->native != NULL)
        found.call = berthi_native_find_drop(content, name);
    if (found.call == NULL &&
        (content->component == NULL || !berthi_component_has_drop(content, name)))
        return berthi_fail(diag, BERTH_E_ABSENT, "it exports no resource for '%s'", name);
    memcpy(type->text, drop_type, sizeof drop_type);
    *found_out = found;
    return BERTH_OK;
}

berth_status berthi_typed_find(const berthi_content *content, const char *name,
                               berthi_found *found_out, berthi_func_type *type,
                               berth_diag *diag)
{
    berthi_found found = { .call = NULL };
    berth_status status = BERTH_OK;

    if (strstr(name, BERTHI_DROP_MARK) != NULL)
        return find_drop(content, name, found_out, type, diag);
    if (content->native != NULL)
        found.func.type = berthi_native_find(content, name, &found.call);
    else if (content->component == NULL)
        return berthi_fail(diag, BERTH_E_ABSENT,
                           "it is a core module, which has hooks and no typed functions");
    else if (!berthi_component_find(content, name, &found.func))
        found.func.type = NULL;
    if (found.func.type == NULL)
        return berthi_fail(diag, BERTH_E_ABSENT, "it exports no function '%s'", name);
    if (!berthi_typed_text(found.func.type, type))
        return berthi_fail(diag, BERTH_E_LIMIT, "the type of function '%s' is too long", name);
    if (found.call != NULL)
        status = find_facts(found.func.type, content->arena.allocator, &found.facts, diag);
    else
        found.facts = *berthi_cm_plan_facts_of(found.func.plan);
    if (status == BERTH_OK)
        *found_out = found;
    return status;
}

/* Under the slot's lock.  Room for all functions that are agreed upon now.  NULL: no memory. */
static berthi_typed_table *grow_locked(berth_version *v)
{
    berthi_typed_table *old = atomic_load_explicit(&v->typed, memory_order_relaxed), *table;
    uint32_t room = v->slot->agreed.room;

    assert(room > (old == NULL ? 0 : old->room));
    table = berthi_zalloc(&v->runtime->allocator, table_size(room));
    if (table == NULL)
        return NULL;
    table->before = old;
    table->room = room;
    for (uint32_t n = 0; old != NULL && n < old->room; n++) {
        const berthi_typed *from = &old->at[n];

        table->at[n].name = from->name;
        table->at[n].func = from->func;
        table->at[n].adapted = from->adapted;
        table->at[n].call = from->call;
        table->at[n].self = from->self;
        table->at[n].needs_session = from->needs_session;
        table->at[n].is_drop = from->is_drop;
        table->at[n].args_size = from->args_size;
        table->at[n].result_size = from->result_size;
        table->at[n].args = from->args;
        table->at[n].result = from->result;
        atomic_store_explicit(&table->at[n].state,
                              atomic_load_explicit(&from->state, memory_order_relaxed),
                              memory_order_relaxed);
    }
    /* release: pairs with the acquires in find_func() and invoke_shortly(). */
    atomic_store_explicit(&v->typed, table, memory_order_release);
    return table;
}

/* Fails: BERTH_E_NOMEM, and it is as unknown as before. */
static berth_status resolve(berth_version *v, uint32_t n, berthi_typed *typed,
                            const berthi_agreed_func *agreed)
{
    berth_status status = BERTH_OK;
    berthi_found found;
    type_text type;
    bool is_found;

    typed->name = agreed->name;
    typed->adapted = berthi_adapter_find(v->content->adapter, BERTHI_HOOKS_MAX + n);
    if (agreed->is_link)
        status = berthi_link_find(v->content, agreed->name, &found, &type, NULL);
    else if (typed->adapted == NULL)
        status = berthi_typed_find(v->content, agreed->name, &found, &type, NULL);
    if (status == BERTH_E_NOMEM)
        return status;
    is_found =
        typed->adapted != NULL || (status == BERTH_OK && strcmp(type.text, agreed->type) == 0);
    if (is_found && typed->adapted == NULL) {
        typed->func = found.func;
        typed->call = found.call;
        typed->args_size = found.facts.args_size;
        typed->result_size = found.facts.result_size;
        typed->self = v->is_native ? berthi_native_self(v->content->native->native) : NULL;
        typed->is_drop = found.is_drop;
        typed->needs_session = found.is_drop || found.func.type->has_resource;
        if (!found.is_drop) {
            typed->args = berthi_cm_measure_args(typed->func.type);
            typed->result = berthi_cm_measure_result(typed->func.type);
        }
    }
    /* release: pairs with the acquire in find_func(). */
    atomic_store_explicit(&typed->state, is_found ? FOUND : MISSING, memory_order_release);
    return BERTH_OK;
}

/* Under the slot's lock. */
static berth_status resolve_locked(berth_version *v, uint32_t n, berth_diag *diag)
{
    berthi_typed_table *table = atomic_load_explicit(&v->typed, memory_order_relaxed);
    const berth_slot *slot = v->slot;
    const berthi_agreed_func *agreed;

    if (n >= slot->agreed.count)
        return berthi_fail(diag, BERTH_E_INVALID,
                           "slot '%s' knows no such function; ask berth_slot_func()",
                           slot->name);
    if (table == NULL || n >= table->room)
        table = grow_locked(v);
    if (table == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "functions of slot '%s'", slot->name);
    agreed = &slot->agreed.funcs[n];
    if (atomic_load_explicit(&table->at[n].state, memory_order_relaxed) == UNKNOWN &&
        resolve(v, n, &table->at[n], agreed) != BERTH_OK)
        return berthi_fail(diag, BERTH_E_NOMEM, "functions of slot '%s'", slot->name);
    if (atomic_load_explicit(&table->at[n].state, memory_order_relaxed) == MISSING)
        return berthi_fail(
            diag, BERTH_E_ABSENT, "version %llu of slot '%s' exports no '%s' of type %s",
            (unsigned long long)v->number, slot->name, agreed->name, agreed->type);
    return BERTH_OK;
}

/* ---- calls ---- */

typedef struct typed_values {
    const berthi_typed *typed;
    const void *args;
    void *result;
    uint64_t news; /* of the domain, from before the call; 0: it may make nothing known */
    const berthi_look *look; /* NULL: the result is the caller's when the call is over */
} typed_values;

static berth_status find_func(berth_version *v, uint32_t number, const berthi_typed **out,
                              berth_diag *diag)
{
    /* acquire: pairs with the release in grow_locked(). */
    berthi_typed_table *table = atomic_load_explicit(&v->typed, memory_order_acquire);
    uint32_t n = number - BERTHI_HOOKS_MAX;
    berth_status status;

    /* acquire: pairs with the release in resolve(). */
    if (BERTHI_UNUSUAL(table == NULL || n >= table->room ||
                       atomic_load_explicit(&table->at[n].state, memory_order_acquire) !=
                           FOUND)) {
        berthi_lock_take(&v->slot->lock);
        status = resolve_locked(v, n, diag);
        berthi_lock_drop(&v->slot->lock);
        if (status != BERTH_OK)
            return status;
        table = atomic_load_explicit(&v->typed, memory_order_acquire);
    }
    *out = &table->at[n];
    return BERTH_OK;
}

BERTHI_HOT berth_status run_func(berth_version *v, berthi_instance *i, const berth_call *call,
                                 uint64_t ticks, const typed_values *values, berth_diag *diag)
{
    berth_status status;

    berthi_component_deadline(v, i, ticks);
    status = berthi_cm_call(i->component, &values->typed->func, values->args, values->result,
                            call->arena, diag);
    if (BERTHI_UNUSUAL(status != BERTH_OK))
        return berthi_diag_prefix(diag, status, "%s", values->typed->name);
    return BERTH_OK;
}

static berth_status run(berth_version *v, berthi_instance *i, const berth_call *call,
                        uint64_t ticks, void *more, berth_reply *reply, berth_diag *diag)
{
    const typed_values *values = more;
    berth_status status;

    i->calls++;
    *reply = (berth_reply){ .version = v->number };
    status = run_func(v, i, call, ticks, values, diag);
    if (status == BERTH_OK) /* to be counted */
        reply->size = berthi_cm_measured(&values->typed->result, values->result);
    return status;
}

/* The key of a memo of a typed call: none of a hook's, for the numbers of both are callers'. */
static uint64_t memo_key(const berth_version *v)
{
    return ~v->serial;
}

__attribute__((noinline, cold)) static berth_status refuse_handles(const berthi_typed *typed,
                                                                   berth_diag *diag)
{
    return berthi_fail(diag, BERTH_E_REJECTED,
                       "function '%s' takes or gives resources, which belong to one instance; "
                       "call it in a session",
                       typed->name);
}

/* ---- known functions of native plugins ----
 *
 * Their one instance serves all threads at once, so nothing is taken and given back: what is to be
 * called is what this thread called last, as long as the domain tells no news (sync/record.h). */

/* By which a thread's cache names a function of a slot.  Slots have numbers above BERTHI_HOOKS_MAX of
 * their own, so that one number says both. */
BERTHI_HOT uint64_t known_key(const berth_slot *slot, const berth_call *call)
{
    return slot->key | call->hook;
}

static berthi_known *known_place(berthi_record *mine, uint64_t key)
{
    return &mine->known_before[(key ^ key >> 32) % BERTHI_KNOWN_MAX];
}

/* NULL: nothing, in whichever runtime the thread has called last.  The record says which function the thread is in: while something is known, that;
 * else what was called last by other ways. */
static void set_known(berthi_record *mine, const berthi_known *known)
{
    uint64_t key = known == NULL ? 0 : known->key;
    bool is_measured = known != NULL && known->is_measured;

    if (known != NULL) {
        assert(mine == berthi_record_mine.record);
        mine->known = *known;
        atomic_store_explicit(&mine->function[0], (uint32_t)key, memory_order_relaxed);
    }
    berthi_record_mine.known = is_measured ? 0 : key;
    berthi_record_mine.known_measured = is_measured ? key : 0;
}

/* Before the version's function is called: behind the pin, which is the record's only one or else
 * makes nothing known. */
static void make_known(berth_version *v, berthi_record *mine, const berth_call *call,
                       const typed_values *values)
{
    const berthi_typed *typed = values->typed;
    berthi_known *known = known_place(mine, known_key(v->slot, call));
    berthi_seat *seat;

    if (berthi_record_depth(mine) != 1)
        return;
    set_known(mine, NULL);
    if (v->is_special || values->news == 0 || !v->runtime->domain.is_asymmetric ||
        v->slot->key == BERTHI_KEY_NONE ||
        atomic_load_explicit(&mine->counted[0], memory_order_relaxed) != 0)
        return;
    seat = berthi_seat_take(v, mine, NULL);
    if (seat == NULL)
        return;
    BERTHI_WINDOW(); /* for news that came behind the pin */
    *known = (berthi_known){
        .key = known_key(v->slot, call),
        .object = v,
        .news = values->news,
        .call = typed->call,
        .self = typed->self,
        .place = seat,
        .typed = typed,
        .is_measured = berthi_cm_measures(&typed->args) || berthi_cm_measures(&typed->result),
    };
    set_known(mine, known);
}

/* A call in every form. */
static berth_status invoke(berth_version *v, berthi_record *mine, const berth_call *call,
                           uint64_t ticks, void *more, berth_reply *reply, berth_diag *diag)
{
    typed_values *values = more;
    berth_status status = find_func(v, call->hook, &values->typed, diag);
    berth_call counted = *call;
    berthi_seat *seat;

    if (BERTHI_UNUSUAL(status != BERTH_OK))
        return status;
    if (BERTHI_UNUSUAL(values->typed->adapted != NULL)) {
        *reply = (berth_reply){ .version = v->number };
        return berthi_adapter_run(values->typed->adapted, v, mine, call, ticks, values->args,
                                  values->result, diag);
    }
    if (BERTHI_UNUSUAL(values->typed->needs_session)) {
        reply->version = 0;
        return refuse_handles(values->typed, diag);
    }
    if (v->is_native) {
        make_known(v, mine, call, values);
        return berthi_native_invoke(v, mine, call, values->typed, values->args, values->result,
                                    reply, diag);
    }
    counted.input_size = berthi_cm_measured(&values->typed->args, values->args);
    status = berthi_call_pooled(v, mine, &counted, ticks, run, more, reply, diag);
    seat = berthi_seat_find(v, mine->index);
    if (!v->is_special && seat != NULL)
        mine->memo = (berthi_memo){ memo_key(v), call->hook, 0, seat };
    return status;
}

/* The usual form, as in call.c: this thread called the same function of the same version last, its
 * own instance is idle, and nobody waits for one.  False: it is another. */
BERTHI_HOT bool invoke_shortly(berth_version *v, const berthi_record *mine,
                               const berth_call *call, typed_values *values,
                               berth_status *status_out, berth_diag *diag)
{
    const berthi_memo *memo = &mine->memo;
    berthi_seat *seat = memo->place;
    berthi_instance *i;
    berth_status status;

    if (BERTHI_UNUSUAL(memo->key != memo_key(v) || memo->what != call->hook ||
                       berthi_seats_closed(v) || (i = seat->idle) == NULL))
        return false;
    BERTHI_ASSERT_UNLOCKED(); /* I9 */
    BERTHI_WINDOW();
    /* It was found before, by this very thread.  acquire: the table may have grown since. */
    values->typed = &atomic_load_explicit(&v->typed, memory_order_acquire)
                         ->at[call->hook - BERTHI_HOOKS_MAX];
    seat->idle = NULL;
    berthi_count(&seat->counts.calls, 1);
    berthi_count(&seat->counts.bytes_in,
                 berthi_cm_measured(&values->typed->args, values->args));
    status =
        run_func(v, i, call,
                 call->deadline_ns == 0 ? v->deadline_ticks : berthi_ticks(call->deadline_ns),
                 values, diag);
    if (BERTHI_UNUSUAL(status != BERTH_OK ||
                       atomic_load_explicit(&v->waiting, memory_order_relaxed) != 0))
        berthi_pool_give(v, seat, i, status == BERTH_OK);
    else
        seat->idle = i;
    if (BERTHI_UNUSUAL(status != BERTH_OK)) {
        berthi_count_failure(&seat->counts, status);
    } else {
        berthi_count(&seat->counts.bytes_out,
                     berthi_cm_measured(&values->typed->result, values->result));
        berthi_count(&seat->counts.answered, 1);
    }
    *status_out = status;
    return true;
}

__attribute__((noinline, cold)) static berth_status refused(berthi_record *mine, int32_t code)
{
    berth_status status =
        berthi_native_refused(mine, mine->known.place, mine->known.typed, code, mine->diag);

    berthi_unpin(mine, 0);
    return status;
}

/* What the record knows is called, and its first entry names it.  Across the call nothing is at hand
 * but the record, whose knowledge no nested call changes: the fewer registers to save. */
BERTHI_HOT int32_t call_known(berthi_record *mine, const berth_call *call, const void *args,
                              void *result)
{
    return mine->known.call(mine->known.self, args, result, (berth_call *)(uintptr_t)call);
}

BERTHI_HOT berth_status invoke_known(berthi_record *mine, const berth_call *call,
                                     const void *args, void *result, berth_diag *diag)
{
    berthi_seat *seat = mine->known.place;
    int32_t code;

    BERTHI_ASSERT_UNLOCKED(); /* I9 */
    BERTHI_WINDOW();
    mine->diag = diag;
    berthi_count(&seat->counts.calls, 1);
    code = call_known(mine, call, args, result);
    seat = mine->known.place;
    if (BERTHI_UNUSUAL(code != 0))
        return refused(mine, code);
    berthi_count(&seat->counts.answered, 1);
    berthi_unpin(mine, 0);
    return BERTH_OK;
}

/* Adds the bytes of a value's one list or string; others are elsewhere. */
BERTHI_HOT void count_bytes(_Atomic(uint64_t) *counter, const berthi_cm_measure *m,
                            const void *value)
{
    size_t count;

    if (__builtin_expect(m->each != 0, 1)) {
        memcpy(&count, (const char *)value + m->at, sizeof count);
        berthi_count(counter, (uint64_t)count * m->each);
    } else if (m->is_walk) {
        berthi_count(counter, berthi_cm_measure_walk(m->type, value));
    }
}

/* The same of a function with strings or lists. */
__attribute__((noinline)) static berth_status invoke_measured(berthi_record *mine,
                                                              const void *args, void *result,
                                                              const berth_call *call,
                                                              berth_diag *diag)
{
    const berthi_typed *typed = mine->known.typed;
    berthi_seat *seat = mine->known.place;
    int32_t code;

    BERTHI_ASSERT_UNLOCKED(); /* I9 */
    BERTHI_WINDOW();
    mine->diag = diag;
    mine->result = result;
    berthi_count(&seat->counts.calls, 1);
    count_bytes(&seat->counts.bytes_in, &typed->args, args);
    code = call_known(mine, call, args, result);
    if (BERTHI_UNUSUAL(code != 0))
        return refused(mine, code);
    typed = mine->known.typed;
    seat = mine->known.place;
    count_bytes(&seat->counts.bytes_out, &typed->result, mine->result);
    berthi_count(&seat->counts.answered, 1);
    berthi_unpin(mine, 0);
    return BERTH_OK;
}

/* Every call but the short one of a native plugin. */
__attribute__((noinline)) static berth_status invoke_any(berth_slot *slot, const void *args,
                                                         void *result, const berth_call *call,
                                                         berth_diag *diag)
{
    berthi_domain *d = &slot->runtime->domain;
    berthi_record *mine = berthi_domain_record(d);
    /* acquire: who knows of the news sees what it is. */
    uint64_t news = atomic_load_explicit(&d->news, memory_order_acquire);
    typed_values values = { NULL, args, result, news, NULL };
    berth_status status;
    berth_version *v;
    berth_reply reply;
    bool is_done = false;

    if (BERTHI_UNUSUAL(call->input_size != 0))
        return berthi_fail(diag, BERTH_E_INVALID, "a typed call has no input but its args");
    if (mine != NULL && berthi_record_is_idle(mine)) {
        v = berthi_pin(d, mine, 0, &slot->current);
        if (v != NULL && !v->is_native && !berthi_must_count(d, slot))
            is_done = invoke_shortly(v, mine, call, &values, &status, diag);
        berthi_unpin(mine, 0);
        if (is_done)
            return status;
    }
    return berthi_slot_enter(slot, call, invoke, &values, &reply, diag);
}

berth_status berthi_typed_run(berth_version *v, berthi_record *mine, const berth_call *call,
                              uint64_t ticks, const void *args, void *result, berth_diag *diag)
{
    typed_values values = { NULL, args, result, 0, NULL };
    berth_status status = find_func(v, call->hook, &values.typed, diag);
    berth_reply reply;

    if (status != BERTH_OK)
        return status;
    if (values.typed->adapted != NULL)
        return berthi_fail(diag, BERTH_E_INVALID,
                           "'%s' is a function of the slot's contract; an adapter calls those "
                           "of its own",
                           values.typed->name);
    return invoke(v, mine, call, ticks, &values, &reply, diag);
}

/* The same, and the result is looked at where the guest put it. */
static berth_status run_and_look(berth_version *v, berthi_instance *i, const berth_call *call,
                                 uint64_t ticks, const typed_values *values, berth_diag *diag)
{
    berth_status status, ended;

    berthi_component_deadline(v, i, ticks);
    status = berthi_cm_call_begin(i->component, &values->typed->func, values->args,
                                  values->result, call->arena, diag);
    if (status == BERTH_OK) {
        status = values->look->look(values->look->ctx, values->result, diag);
        ended = berthi_cm_call_end(i->component, status == BERTH_OK ? diag : NULL);
        if (status == BERTH_OK)
            status = ended;
        if (status == BERTH_OK || ended == BERTH_OK)
            return status;
    }
    return berthi_diag_prefix(diag, status, "%s", values->typed->name);
}

static berth_status run_counted(berth_version *v, berthi_seat *seat, berthi_instance *i,
                                const berth_call *call, uint64_t ticks,
                                const typed_values *values, berth_diag *diag)
{
    uint64_t began_ns = v->is_timed ? berthi_clock_ns() : 0;
    berth_status status;

    BERTHI_ASSERT_UNLOCKED(); /* I9 */
    berthi_count(&seat->counts.calls, 1);
    berthi_count(&seat->counts.bytes_in,
                 berthi_cm_measured(&values->typed->args, values->args));
    if (values->typed->is_drop) {
        berthi_component_deadline(v, i, ticks);
        status = berthi_cm_host_drop(i->component, *(const berth_handle *)values->args, diag);
    } else if (values->look != NULL) {
        status = run_and_look(v, i, call, ticks, values, diag);
    } else {
        status = run_func(v, i, call, ticks, values, diag);
    }
    if (v->is_timed)
        berthi_count_time(seat, began_ns);
    if (status != BERTH_OK) {
        berthi_count_failure(&seat->counts, status);
        return status;
    }
    berthi_count(&seat->counts.bytes_out,
                 berthi_cm_measured(&values->typed->result, values->result));
    berthi_count(&seat->counts.answered, 1);
    return BERTH_OK;
}

berth_status berthi_typed_run_in(berth_version *v, berthi_record *mine, const berth_call *call,
                                 uint64_t ticks, berthi_instance *instance, const void *args,
                                 void *result, const berthi_look *look, berth_diag *diag)
{
    typed_values values = { NULL, args, result, 0, look };
    berth_status status = find_func(v, call->hook, &values.typed, diag);
    berthi_seat *seat;
    berth_reply reply;

    if (status != BERTH_OK)
        return status;
    if (values.typed->adapted != NULL)
        return berthi_fail(diag, BERTH_E_REJECTED,
                           "'%s' is answered by an adapter, which no session is with",
                           values.typed->name);
    if (v->is_native) {
        make_known(v, mine, call, &values); /* nothing, that is */
        status = berthi_native_invoke(v, mine, call, values.typed, args, result, &reply, diag);
        return status == BERTH_OK && look != NULL ? look->look(look->ctx, result, diag)
                                                  : status;
    }
    seat = berthi_seat_take(v, mine, diag);
    return seat == NULL ? BERTH_E_NOMEM
                        : run_counted(v, seat, instance, call, ticks, &values, diag);
}

berth_status berthi_typed_invoke(berth_version *v, const void *args, void *result,
                                 const berth_call *call, berth_diag *diag)
{
    berthi_domain *d = &v->runtime->domain;
    berthi_record *mine = berthi_domain_record(d);
    typed_values values = { NULL, args, result, 0, NULL };
    unsigned at = mine == NULL ? 0 : berthi_record_depth(mine);
    berth_status status;
    berth_reply reply;

    if (mine == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "no call record");
    if (at == BERTHI_PINS_MAX)
        return berthi_fail_because(diag, BERTH_E_LIMIT, BERTH_REASON_STACK,
                                   "%d calls are nested on this thread already",
                                   BERTHI_PINS_MAX);
    berthi_pin_held(d, mine, at, v);
    status = invoke(v, mine, call, berthi_ticks(call->deadline_ns), &values, &reply, diag);
    berthi_unpin(mine, at);
    return status;
}

/* Not nested, and without input: one question. */
BERTHI_HOT bool is_simple(berthi_record *mine, const berth_call *call)
{
    uintptr_t inside =
        (uintptr_t)atomic_load_explicit(&mine->entry[0].pin, memory_order_relaxed);

    return __builtin_expect((inside | call->input_size) == 0, 1);
}

/* What was known before the thread called something else is known again, when there is no news of it. */
__attribute__((noinline)) static berth_status invoke_other(berth_slot *slot, const void *args,
                                                           void *result, const berth_call *call,
                                                           berth_diag *diag)
{
    berthi_domain *d = &slot->runtime->domain;
    berthi_record *mine = berthi_domain_record(d);
    uint64_t key = known_key(slot, call);
    const berthi_known *known = mine == NULL ? NULL : known_place(mine, key);

    if (known != NULL && known->key == key && is_simple(mine, call)) {
        set_known(mine, known);
        if (berthi_pin_known(d, mine))
            return known->is_measured ? invoke_measured(mine, args, result, call, diag)
                                      : invoke_known(mine, call, args, result, diag);
        berthi_unpin(mine, 0);
    }
    return invoke_any(slot, args, result, call, diag);
}

BERTHI_UNGUARDED berth_status berth_slot_invoke(berth_slot *slot, const void *args,
                                                void *result, const berth_call *call,
                                                berth_diag *diag)
{
    berthi_record *mine = berthi_record_mine.record;
    uint64_t key = known_key(slot, call);

    assert(call != NULL && call->arena != NULL);
    if (__builtin_expect(berthi_record_mine.known == key, 1)) {
        if (is_simple(mine, call)) {
            if (berthi_pin_known(&slot->runtime->domain, mine))
                return invoke_known(mine, call, args, result, diag);
            berthi_unpin(mine, 0);
        }
    } else if (berthi_record_mine.known_measured == key && is_simple(mine, call)) {
        if (berthi_pin_known(&slot->runtime->domain, mine))
            return invoke_measured(mine, args, result, call, diag);
        berthi_unpin(mine, 0);
    }
    return invoke_other(slot, args, result, call, diag);
}

berth_status berth_lease_invoke(const berth_lease *lease, const void *args, void *result,
                                const berth_call *call, berth_diag *diag)
{
    typed_values values = { NULL, args, result, 0, NULL };
    berth_reply reply;

    assert(call != NULL && call->arena != NULL);
    if (BERTHI_UNUSUAL(call->input_size != 0))
        return berthi_fail(diag, BERTH_E_INVALID, "a typed call has no input but its args");
    return berthi_lease_enter(lease, call, invoke, &values, &reply, diag);
}

/* ---- what is agreed upon ---- */

static berth_status check_name(const char *name, berth_diag *diag)
{
    size_t size = strlen(name);

    if (size == 0 || size > BERTHI_FUNC_NAME_MAX || !berthi_utf8_is_plain_text(name, size))
        return berthi_fail_because(diag, BERTH_E_INVALID, BERTH_REASON_NAME,
                                   "the name of a function has 1 to %d printable bytes",
                                   BERTHI_FUNC_NAME_MAX);
    return BERTH_OK;
}

/* The number of (name, type), made when it is new.  Under the slot's lock. */
static berth_status agree_locked(berth_slot *slot, const char *name, const char *type,
                                 uint32_t *n_out, berth_diag *diag)
{
    uint32_t n = berthi_agreed_find(&slot->agreed, name);
    berth_status status;

    if (n != BERTHI_FUNCS_MAX) {
        if (strcmp(slot->agreed.funcs[n].type, type) != 0)
            return berthi_fail(diag, BERTH_E_STATE,
                               "function '%s' of slot '%s' is agreed upon as %s", name,
                               slot->name, slot->agreed.funcs[n].type);
        *n_out = n;
        return BERTH_OK;
    }
    n = slot->agreed.count;
    status = berthi_agreed_add(&slot->agreed, name, type, &slot->runtime->allocator);
    if (status == BERTH_E_LIMIT)
        return berthi_fail_because(diag, status, BERTH_REASON_NAME,
                                   "slot '%s' knows %d functions already", slot->name,
                                   BERTHI_FUNCS_MAX);
    if (status != BERTH_OK)
        return berthi_fail(diag, status, "function '%s'", name);
    *n_out = n;
    return BERTH_OK;
}

static void describe(const berthi_cm_plan_facts *facts, berth_func *out)
{
    out->args_size = facts->args_size;
    out->args_align = facts->args_align;
    out->result_size = facts->result_size;
    out->result_align = facts->result_size == 0 ? 0 : facts->result_align;
}

static berth_status func_locked(berth_slot *slot, const char *name, type_text *wanted,
                                berth_func *func, berth_diag *diag)
{
    berth_version *v = atomic_load_explicit(&slot->current, memory_order_relaxed);
    bool is_given = wanted->text[0] != '\0', is_there = false;
    berthi_found found;
    berth_status status;
    type_text has;
    berth_diag own = { 0 };
    uint32_t n = 0;

    if (v == NULL)
        (void)berthi_fail(&own, BERTH_E_ABSENT, "slot '%s' has no plugin; install one",
                          slot->name);
    else
        is_there = berthi_typed_find(v->content, name, &found, &has, &own) == BERTH_OK;
    if (!is_there && (!is_given || own.status == BERTH_E_NOMEM)) {
        if (diag != NULL)
            *diag = own;
        return (berth_status)own.status;
    }
    if (!is_given)
        *wanted = has;
    status = agree_locked(slot, name, wanted->text, &n, diag);
    if (status != BERTH_OK)
        return status;
    func->number = BERTHI_HOOKS_MAX + n;
    if (is_there && strcmp(has.text, wanted->text) == 0)
        describe(&found.facts, func);
    return BERTH_OK;
}

berth_status berth_slot_func(berth_slot *slot, const char *name, const char *type,
                             berth_func *func_out, berth_diag *diag)
{
    berth_func func = BERTH_FUNC_INIT;
    type_text wanted = { "" };
    berth_status status;

    BERTHI_REQUIRE(slot != NULL && name != NULL && func_out != NULL, diag);
    BERTHI_REQUIRE(func_out->size >= sizeof func, diag);
    status = check_name(name, diag);
    if (status != BERTH_OK)
        return status;
    if (type != NULL) {
        if (strlen(type) >= sizeof wanted.text)
            return berthi_fail(diag, BERTH_E_LIMIT, "the type of function '%s' is too long",
                               name);
        memcpy(wanted.text, type, strlen(type) + 1);
        remove_blanks(wanted.text);
        BERTHI_REQUIRE(wanted.text[0] != '\0', diag);
    }
    berthi_lock_take(&slot->lock);
    status = func_locked(slot, name, &wanted, &func, diag);
    berthi_lock_drop(&slot->lock);
    if (status == BERTH_OK) {
        func.size = func_out->size;
        *func_out = func;
    }
    return status;
}
