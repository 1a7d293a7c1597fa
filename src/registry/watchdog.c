/* watchdog.c - calls of native plugins that take too long are told, while they take it.  Layer: registry.
 *
 * Nothing ends native code, so whoever runs the process has to know which plugin sits on which thread.
 * One thread per runtime, from the first native plugin on; it reads the call records and makes callers
 * pay nothing.  A version on a slot's list is not freed while the slot's lock is held.  A call is told
 * once; and again where a thread was held up between its pin and the name of what it calls, for then the
 * first time named what it called before. */
#include "registry/registry.h"

#include <stdio.h>

#include "base/diag.h"
#include "os/backtrace.h"
#include "os/clock.h"

enum {
    SCAN_NS = 5 * BERTHI_TICK_NS,
    TOLD_MAX = 64, /* calls of one scan; the rest are told by the next */
    FRAMES_MAX = 24
};

typedef struct told {
    uint64_t since; /* when the call began, and 1 more, so that 0 is none */
    uint32_t function;
} told;

typedef struct overdue {
    char tenant[BERTH_NAME_SIZE_MAX + 1], slot[BERTH_NAME_SIZE_MAX + 1],
        plugin[BERTH_NAME_SIZE_MAX + 1], function[BERTHI_FUNC_NAME_MAX + 1];
    uint64_t version, thread, age_ns;
    bool is_taken_out;
    /* With a reference, where its frames are looked at; else NULL.  Without it the plugin could be
     * unmapped while its names are read, for the call may end at any time. */
    berth_version *held;
} overdue;

struct berthi_watchdog {
    berth_runtime *runtime;
    berthi_thread thread;
    berthi_lock lock;
    berthi_cond cond;
    bool is_stopping; /* guarded by lock */
    /* The rest is the thread's.  What was told last of that place of that record. */
    told told[BERTHI_RECORDS_MAX][BERTHI_PINS_MAX];
    uint32_t found_count;
    overdue found[TOLD_MAX];
};

/* ---------------------------------------------------------------- looking */

/* Some call has been inside for longer than a scan takes to come by; else no lock is taken. */
static bool is_any_old(berthi_domain *d, uint64_t now)
{
    berthi_record *r = atomic_load_explicit(&d->records, memory_order_acquire);

    for (; r != NULL; r = r->next)
        for (unsigned i = 0; i < BERTHI_PINS_MAX; i++)
            if (atomic_load_explicit(&r->entry[i].pin, memory_order_relaxed) != NULL &&
                now - atomic_load_explicit(&r->entry[i].since, memory_order_relaxed) > 1)
                return true;
    return false;
}

static void copy(char *out, size_t room, const char *text)
{
    snprintf(out, room, "%s", text);
}

/* Under the slot's lock. */
static void note(berthi_watchdog *w, berth_slot *slot, berth_version *v, berthi_record *r,
                 uint32_t function, uint64_t age)
{
    uint32_t n = function - BERTHI_HOOKS_MAX;
    overdue *o = &w->found[w->found_count++];

    copy(o->tenant, sizeof o->tenant, slot->tenant->name);
    copy(o->slot, sizeof o->slot, slot->name);
    copy(o->plugin, sizeof o->plugin, v->content->plugin.name);
    copy(o->function, sizeof o->function,
         n < slot->agreed.count ? slot->agreed.funcs[n].name : "");
    o->version = v->number;
    o->thread = atomic_load_explicit(&r->number, memory_order_relaxed);
    o->age_ns = age * BERTHI_TICK_NS;
    o->is_taken_out = (slot->options.flags & BERTH_SLOT_QUARANTINE) != 0 &&
                      berthi_slot_quarantine_locked(slot, v);
    o->held = (w->runtime->options.flags & BERTH_RUNTIME_BACKTRACES) != 0 ? v : NULL;
    if (o->held != NULL)
        berthi_version_ref(v);
}

/* Under the slot's lock, so that `v` stays. */
static void look_at_version(berthi_watchdog *w, berth_slot *slot, berth_version *v,
                            uint64_t now)
{
    berthi_record *r = atomic_load_explicit(&w->runtime->domain.records, memory_order_acquire);

    for (; r != NULL; r = r->next)
        for (unsigned i = 0; i < BERTHI_PINS_MAX; i++) {
            /* acquire, and before `since`: a call that begins meanwhile must not be as old as the
             * thread's last one. */
            const void *object = atomic_load_explicit(&r->entry[i].pin, memory_order_acquire);
            uint64_t since = atomic_load_explicit(&r->entry[i].since, memory_order_relaxed);
            uint32_t function = atomic_load_explicit(&r->function[i], memory_order_relaxed);
            told *last = &w->told[r->index][i];

            if (object != v || now < since || now - since <= v->deadline_ticks ||
                (last->since == since + 1 && last->function == function) ||
                w->found_count == TOLD_MAX)
                continue;
            *last = (told){ since + 1, function };
            note(w, slot, v, r, function, now - since);
        }
}

static void look_at_slots(berthi_watchdog *w, uint64_t now)
{
    berth_runtime *rt = w->runtime;

    berthi_lock_take(&rt->lock);
    for (size_t i = 0; i < berthi_map_chains(rt); i++)
        for (berth_slot *slot = berthi_map_first(rt, i); slot != NULL;
             slot = berthi_map_next(slot)) {
            berthi_lock_take(&slot->lock);
            for (berth_version *v = slot->versions; v != NULL; v = v->slot_next)
                if (v->is_native)
                    look_at_version(w, slot, v, now);
            berthi_lock_drop(&slot->lock);
        }
    berthi_lock_drop(&rt->lock);
}

/* ---------------------------------------------------------------- telling */

static void tell(berthi_watchdog *w, const overdue *o)
{
    char text[2048];
    int size =
        snprintf(text, sizeof text,
                 "plugin '%s' (version %llu of slot '%s') has been in '%s' on thread %llu "
                 "for %llu ms%s",
                 o->plugin, (unsigned long long)o->version, o->slot, o->function,
                 (unsigned long long)o->thread, (unsigned long long)(o->age_ns / 1000000),
                 o->is_taken_out ? "; it was taken out of service" : "");
    berth_report report = { .size = (uint32_t)sizeof report,
                            .kind = BERTH_REPORT_OVERDUE,
                            .level = BERTH_LOG_ERROR,
                            .tenant = o->tenant,
                            .slot = o->slot,
                            .plugin = o->plugin,
                            .text = text,
                            .version = o->version,
                            .function = o->function,
                            .thread = o->thread,
                            .age_ns = o->age_ns };

    if (o->held != NULL) {
        berthi_thread_backtrace(o->thread, FRAMES_MAX, text + size, sizeof text - (size_t)size);
        /* release: the reaper sees what was done with it. */
        atomic_fetch_sub_explicit(&o->held->refs, 1, memory_order_release);
        berthi_event_set(&w->runtime->event);
    }
    report.text_size = strlen(text);
    berthi_native_group_report(w->runtime->natives, &report);
}

static void *run(void *arg)
{
    berthi_watchdog *w = arg;
    berthi_domain *d = &w->runtime->domain;
    uint64_t now;

    berthi_lock_take(&w->lock);
    while (!w->is_stopping) {
        (void)berthi_cond_wait_until(&w->cond, &w->lock.mutex, berthi_clock_ns() + SCAN_NS);
        berthi_lock_drop(&w->lock);
        now = atomic_load_explicit(&d->tick, memory_order_relaxed);
        w->found_count = 0;
        if (is_any_old(d, now))
            look_at_slots(w, now);
        for (uint32_t i = 0; i < w->found_count; i++)
            tell(w, &w->found[i]);
        berthi_lock_take(&w->lock);
    }
    berthi_lock_drop(&w->lock);
    return NULL;
}

/* ---------------------------------------------------------------- its life */

static berth_status start(berth_runtime *rt, berthi_watchdog **out, berth_diag *diag)
{
    berthi_watchdog *w = berthi_zalloc(&rt->allocator, sizeof *w);
    int code;

    if (w == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "the watchdog of native plugins");
    w->runtime = rt;
    code = berthi_lock_init(&w->lock, BERTHI_RANK_DOMAIN);
    if (code != 0)
        goto fail_lock;
    code = berthi_cond_init(&w->cond);
    if (code != 0)
        goto fail_cond;
    code = berthi_thread_start(&w->thread, "berth-watchdog", 0, run, w);
    if (code != 0)
        goto fail_thread;
    *out = w;
    return BERTH_OK;

fail_thread:
    berthi_cond_fini(&w->cond);
fail_cond:
    berthi_lock_fini(&w->lock);
fail_lock:
    berthi_free(&rt->allocator, w, sizeof *w);
    return berthi_fail_os(diag, code, "the watchdog of native plugins");
}

berth_status berthi_watchdog_start(berth_runtime *rt, berth_diag *diag)
{
    berth_status status = BERTH_OK;

    berthi_lock_take(&rt->lock);
    if (rt->watchdog == NULL)
        status = start(rt, &rt->watchdog, diag);
    berthi_lock_drop(&rt->lock);
    return status;
}

void berthi_watchdog_end(berth_runtime *rt)
{
    berthi_watchdog *w = rt->watchdog;

    if (w == NULL)
        return;
    berthi_lock_take(&w->lock);
    w->is_stopping = true;
    berthi_cond_wake_all(&w->cond);
    berthi_lock_drop(&w->lock);
    berthi_thread_join(&w->thread);
    berthi_cond_fini(&w->cond);
    berthi_lock_fini(&w->lock);
    berthi_free(&rt->allocator, w, sizeof *w);
}
