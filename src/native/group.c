/* group.c - what becomes of native plugins that nobody calls any more.  Layer: native.
 *
 * Each is ended on a thread of its own, since drain() is the plugin's code: one that does not return
 * holds up nobody else (I3).  I10: only what drain() let go is closed, only what is closed is unmapped,
 * and whether it is gone is looked up. */
#include "native/group.h"

#include <stdio.h>

#include "base/diag.h"
#include "base/utf8.h"
#include "os/clock.h"

enum {
    LINE_MAX_SIZE = 4096,         /* of a line of log that is handed on */
    CLOSE_NS = 1000 * 1000 * 1000 /* what close() and unmapping may take */
};

/* Abandoned instances of the whole process: nothing is ever taken off, so that what stays behind on
 * purpose can be told from a leak. */
static _Atomic(berthi_native *) abandoned;

/* ---------------------------------------------------------------- the group */

berth_status berthi_native_group_make(berth_reporter reporter, void *reporter_ctx,
                                      berthi_native_group **group_out, berth_diag *diag)
{
    berthi_native_group *g = berthi_zalloc(&berthi_allocator_libc, sizeof *g);
    int code;

    if (g == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "native plugins");
    code = berthi_lock_init(&g->lock, BERTHI_RANK_NATIVE);
    if (code != 0)
        goto fail_lock;
    code = berthi_cond_init(&g->changed);
    if (code != 0)
        goto fail_cond;
    atomic_init(&g->refs, 1);
    atomic_init(&g->reporter, reporter);
    g->reporter_ctx = reporter_ctx;
    *group_out = g;
    return BERTH_OK;

fail_cond:
    berthi_lock_fini(&g->lock);
fail_lock:
    berthi_free(&berthi_allocator_libc, g, sizeof *g);
    return berthi_fail_os(diag, code, "a lock for native plugins");
}

void berthi_native_group_ref(berthi_native_group *g)
{
    atomic_fetch_add_explicit(&g->refs, 1, memory_order_relaxed);
}

void berthi_native_group_unref(berthi_native_group *g)
{
    /* acq_rel: the last one sees what the others did. */
    if (atomic_fetch_sub_explicit(&g->refs, 1, memory_order_acq_rel) != 1)
        return;
    berthi_cond_fini(&g->changed);
    berthi_lock_fini(&g->lock);
    berthi_free(&berthi_allocator_libc, g, sizeof *g);
}

void berthi_native_group_stats(berthi_native_group *g, berthi_native_stats *stats_out)
{
    uint64_t now = berthi_clock_ns();

    berthi_lock_take(&g->lock);
    *stats_out = g->stats;
    for (const berthi_native *n = g->ending; n != NULL; n = n->next) {
        stats_out->ending += n->until_ns > now;
        stats_out->abandoned += n->until_ns <= now; /* until it ends after all */
    }
    berthi_lock_drop(&g->lock);
}

/* ---------------------------------------------------------------- reports */

void berthi_native_group_report(berthi_native_group *g, const berth_report *report)
{
    berth_reporter reporter;

    /* seq_cst on both: either this thread sees that the reporter is gone, or end_reports() sees this
     * thread. */
    atomic_fetch_add_explicit(&g->reporting, 1, memory_order_seq_cst);
    reporter = atomic_load_explicit(&g->reporter, memory_order_seq_cst);
    BERTHI_ASSERT_UNLOCKED(); /* I9 */
    if (reporter != NULL)
        reporter(g->reporter_ctx, report);
    atomic_fetch_sub_explicit(&g->reporting, 1, memory_order_seq_cst);
}

void berthi_native_report(berthi_native *native, berth_report_kind kind, int32_t level,
                          const char *text, size_t size)
{
    char line[LINE_MAX_SIZE];
    berth_report report = { .size = (uint32_t)sizeof report,
                            .kind = (int32_t)kind,
                            .level = level,
                            .tenant = native->tenant,
                            .slot = native->slot,
                            .plugin = native->id,
                            .text = berthi_utf8_show(line, sizeof line, text, size),
                            .version =
                                atomic_load_explicit(&native->version, memory_order_relaxed) };

    report.text_size = strlen(line);
    berthi_native_group_report(native->group, &report);
}

static void end_reports(berthi_native_group *g)
{
    atomic_store_explicit(&g->reporter, NULL, memory_order_seq_cst);
    while (atomic_load_explicit(&g->reporting, memory_order_seq_cst) != 0)
        berthi_thread_yield();
}

/* ---------------------------------------------------------------- ending one */

void berthi_native_end_imports(berthi_native_imports *imports, bool is_abandoned)
{
    BERTHI_ASSERT_UNLOCKED(); /* I9 */
    if (imports != NULL)
        imports->end(imports, is_abandoned);
}

void berthi_native_free(berthi_native *native)
{
    berthi_native_group *g = native->group;

    berthi_native_end_imports(native->imports, false);
    berthi_free(&berthi_allocator_libc, native, sizeof *native);
    berthi_native_group_unref(g);
}

/* It stays as it is for the rest of the process. */
static void abandon(berthi_native *native)
{
    native->next = atomic_load_explicit(&abandoned, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&abandoned, &native->next, native,
                                                  memory_order_relaxed, memory_order_relaxed))
        continue;
}

static void report_abandoned(berthi_native *native, const char *why)
{
    char text[640];
    int size = snprintf(text, sizeof text,
                        "plugin '%s' stays mapped and open, for it was not drained: %s",
                        native->id, why);

    berthi_native_report(native, BERTH_REPORT_ABANDONED, BERTH_LOG_ERROR, text, (size_t)size);
}

static bool drain(berthi_native *native, berth_diag *diag)
{
    int32_t code = native->abi != NULL
                       ? native->abi->drain(native->self, native->drain_ns, diag)
                       : native->plugin->drain(native->self, native->drain_ns, diag);

    diag->text[sizeof diag->text - 1] = '\0';
    if (code == 0 && native->lingers != NULL) { /* I10: in doubt it stays */
        snprintf(diag->text, sizeof diag->text,
                 "it asks for `%s`, and its ABI has no way to say that nothing of it runs any "
                 "more",
                 native->lingers);
        return false;
    }
    if (diag->text[0] == '\0')
        snprintf(diag->text, sizeof diag->text, "it does not say why");
    return code == 0;
}

/* Closes and unmaps; whether it is gone. */
static bool end_mapping(berthi_native *native)
{
    bool is_gone;

    if (native->abi == NULL) {
        native->plugin->close(native->self);
        return berthi_library_unmap(&native->library);
    }
    native->abi->close(native->self);
    is_gone = berthi_library_unmap(&native->library);
    if (is_gone)
        native->abi->end(native->self);
    native->stays = !is_gone;
    return is_gone;
}

/* Of another system's ABI, whose failed open() promises nothing about what it left behind. */
void berthi_native_undo(berthi_native *native)
{
    berthi_native_group *g = native->group;
    berth_diag diag = { 0 };
    bool is_drained = drain(native, &diag), is_gone = is_drained && end_mapping(native);

    berthi_lock_take(&g->lock);
    g->stats.abandoned += !is_drained;
    g->stats.kept += is_drained && !is_gone;
    g->stats.unmapped += is_gone;
    berthi_lock_drop(&g->lock);
    if (!is_drained)
        report_abandoned(native, diag.text);
    if (is_gone)
        berthi_native_free(native);
    else
        abandon(native);
}

/* Takes it off the list of those that are ending; false: it was given up meanwhile. */
static bool take_off(berthi_native *native)
{
    berthi_native **at = &native->group->ending;

    if (native->is_given_up)
        return false;
    while (*at != native)
        at = &(*at)->next;
    *at = native->next;
    return true;
}

/* Whoever comes next joins the thread and frees it.  Until then it is this thread's: what the plugin had
 * of the host ends here and now, unless it was given up, with which that went. */
static void leave_to_join(berthi_native *native, uint32_t *count32, uint64_t *count64)
{
    berthi_native_group *g = native->group;
    bool is_own;

    berthi_lock_take(&g->lock);
    is_own = take_off(native);
    if (is_own) { /* else it was counted when it was given up */
        if (count32 != NULL)
            ++*count32;
        else
            ++*count64;
        native->next = g->ended;
        g->ended = native;
    }
    berthi_cond_wake_all(&g->changed);
    berthi_lock_drop(&g->lock);
    if (is_own)
        berthi_native_end_imports(native->imports, native->stays);
}

static void *end_it(void *arg)
{
    berthi_native *native = arg;
    berthi_native_group *g = native->group;
    berth_diag diag = { 0 };
    bool is_gone, is_over;
    char text[256];
    int size;

    berthi_thread_name_own("berth-drain");
    BERTHI_ASSERT_UNLOCKED(); /* I9 */
    if (!drain(native, &diag)) {
        native->stays = true;
        report_abandoned(native, diag.text);
        leave_to_join(native, &g->stats.abandoned, NULL);
        return NULL;
    }
    berthi_lock_take(&g->lock);
    is_over = native->is_given_up;
    berthi_lock_drop(&g->lock);
    if (is_over) /* it was said to stay */
        return NULL;
    is_gone = end_mapping(native);
    if (!is_gone) {
        size =
            snprintf(text, sizeof text,
                     "plugin '%s' was closed, and the C library keeps it mapped", native->id);
        berthi_native_report(native, BERTH_REPORT_KEPT, BERTH_LOG_WARNING, text, (size_t)size);
    }
    leave_to_join(native, is_gone ? NULL : &g->stats.kept, &g->stats.unmapped);
    return NULL;
}

/* Joins what has ended. */
static void join_ended(berthi_native_group *g)
{
    berthi_native *native, *next;

    berthi_lock_take(&g->lock);
    native = g->ended;
    g->ended = NULL;
    berthi_lock_drop(&g->lock);
    for (; native != NULL; native = next) {
        next = native->next;
        berthi_thread_join(&native->thread);
        if (native->stays) {
            abandon(native);
        } else {
            native->imports = NULL; /* ended by that thread */
            berthi_native_free(native);
        }
    }
}

void berthi_native_end(berthi_native *native)
{
    berthi_native_group *g = native->group;
    uint64_t now = berthi_clock_ns();
    int code;

    join_ended(g);
    berthi_lock_take(&g->lock);
    native->until_ns = native->drain_ns > UINT64_MAX / 2 - now - CLOSE_NS
                           ? UINT64_MAX / 2
                           : now + native->drain_ns + CLOSE_NS;
    g->stats.open--;
    native->next = g->ending;
    g->ending = native;
    /* The lock is held: the thread must not end before `thread` is written. */
    code = berthi_thread_start(&native->thread, NULL, 0, end_it, native);
    if (code != 0) {
        (void)take_off(native);
        g->stats.abandoned++;
        abandon(native);
    }
    berthi_lock_drop(&g->lock);
    if (code != 0) {
        berthi_native_end_imports(native->imports, true);
        report_abandoned(native, "there was no thread to do it");
    }
}

/* ---------------------------------------------------------------- ending all */

/* Until nothing is ending, or what is has used up its time. */
static void wait_for_all(berthi_native_group *g)
{
    uint64_t until;

    berthi_lock_take(&g->lock);
    while (g->ending != NULL) {
        until = 0;
        for (const berthi_native *n = g->ending; n != NULL; n = n->next)
            until = n->until_ns > until ? n->until_ns : until;
        if (berthi_clock_ns() >= until ||
            !berthi_cond_wait_until(&g->changed, &g->lock.mutex, until))
            break;
    }
    berthi_lock_drop(&g->lock);
}

/* Their threads are in the plugin, and stay. */
static void give_up_rest(berthi_native_group *g)
{
    berthi_native *native;

    for (;;) {
        berthi_lock_take(&g->lock);
        native = g->ending;
        if (native != NULL) {
            g->ending = native->next;
            native->is_given_up = true;
            g->stats.abandoned++;
            berthi_thread_let_go(&native->thread);
            abandon(native);
        }
        berthi_lock_drop(&g->lock);
        if (native == NULL)
            return;
        report_abandoned(native, "it took longer than it was given");
        berthi_native_end_imports(native->imports, true);
    }
}

void berthi_native_group_end(berthi_native_group *g)
{
    if (g == NULL)
        return;
    wait_for_all(g);
    give_up_rest(g);
    join_ended(g);
    end_reports(g);
    berthi_native_group_unref(g);
}
