/* instance_test.c - plugins are mapped from a copy, opened, drained, closed and unmapped; what fails on
 * the way leaves nothing behind, and what cannot be drained stays and is counted. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guests.h"
#include "native/native.h"
#include "os/library.h"
#include "os/thread.h"
#include "process.h"

#include <cmocka.h>

enum { MS = 1000 * 1000, REPORTS_MAX = 64 };

typedef struct rig {
    berthi_native_group *group;
    berthi_arena arena;
    berthi_native_info info;
    berthi_native_options options;
    berthi_library_copy copy;
    atomic_uint reports;
    int32_t kinds[REPORTS_MAX];
    char texts[REPORTS_MAX][128];
    size_t descriptors;
} rig;

/* One thread at a time reports in these tests. */
static void reporter(void *ctx, const berth_report *report)
{
    rig *r = ctx;
    unsigned at = atomic_load(&r->reports);

    assert_true(at < REPORTS_MAX && report->size == sizeof *report);
    assert_string_equal(report->slot, "sums");
    assert_string_equal(report->plugin, "test:calc");
    assert_int_equal(report->text_size, strlen(report->text));
    r->kinds[at] = report->kind;
    snprintf(r->texts[at], sizeof r->texts[at], "%s", report->text);
    atomic_store(&r->reports, at + 1);
}

static int setup(void **state)
{
    rig *r = calloc(1, sizeof *r);

    assert_non_null(r);
    r->descriptors = process_descriptors();
    berthi_arena_init(&r->arena, &berthi_allocator_libc, SIZE_MAX);
    assert_int_equal(berthi_native_group_make(reporter, r, &r->group, NULL), BERTH_OK);
    *state = r;
    return 0;
}

static void let_go(rig *r)
{
    if (r->copy.bytes != NULL)
        berthi_library_copy_end(&r->copy);
    r->copy.bytes = NULL;
}

static int teardown(void **state)
{
    rig *r = *state;

    berthi_native_group_end(r->group);
    berthi_arena_fini(&r->arena);
    let_go(r);
    assert_int_equal(process_descriptors(), r->descriptors);
    free(r);
    return 0;
}

static void take(rig *r, const char *name)
{
    size_t size = 0;
    uint8_t *bytes = plugin_file_read(name, &size);

    let_go(r);
    r->options = (berthi_native_options){ .copy = &r->copy,
                                          .info = &r->info,
                                          .tenant = "",
                                          .slot = "sums",
                                          .drain_ns = UINT64_C(20000) * MS };
    assert_int_equal(berthi_library_copy_make(bytes, size, &r->copy, NULL), BERTH_OK);
    assert_memory_equal(r->copy.bytes, bytes, size);
    free(bytes);
    assert_int_equal(berthi_native_read(r->copy.bytes, size, &r->arena, &r->info, NULL),
                     BERTH_OK);
    assert_int_equal(r->info.problems_count, 0);
}

static berthi_native *open_it(rig *r, const char *name)
{
    berthi_native *native = NULL;
    berth_diag diag = { 0 };

    take(r, name);
    if (berthi_native_open(r->group, &r->options, &native, &diag) != BERTH_OK)
        fail_msg("%s: %s", name, diag.text);
    return native;
}

static berthi_native_stats stats_of(const rig *r)
{
    berthi_native_stats stats;

    berthi_native_group_stats(r->group, &stats);
    return stats;
}

/* Until `ending` is 0, however long the machine takes. */
static berthi_native_stats settle(const rig *r)
{
    berthi_native_stats stats = stats_of(r);

    for (; stats.ending != 0; stats = stats_of(r))
        berthi_thread_yield();
    return stats;
}

static const berth_functions_v1 *math_of(rig *r, const berthi_native *native)
{
    static const char *const names[] = { "add", "show", "total", "refuse", "hold" };
    const berth_functions_v1 *table = NULL;
    berth_diag diag = { 0 };

    if (berthi_native_functions(native, "test:calc/math@1", r->info.contracts[0].digest, names,
                                5, &table, &diag) != BERTH_OK)
        fail_msg("%s", diag.text);
    return table;
}

static int32_t add(rig *r, const berthi_native *native)
{
    const int32_t args[] = { 20, 22 };
    int32_t sum = 0;

    assert_int_equal(math_of(r, native)->calls[0](berthi_native_self(native), args, &sum, NULL),
                     0);
    return sum;
}

static void a_plugin_is_opened_called_closed_and_gone(void **state)
{
    rig *r = *state;
    berthi_native *native = open_it(r, "calc_v1");
    berthi_native_stats stats = stats_of(r);

    assert_int_equal(stats.open, 1);
    assert_int_equal(add(r, native), 42);
    berthi_native_end(native);
    stats = settle(r);
    assert_int_equal(stats.open, 0);
    assert_int_equal(stats.opened, 1);
    assert_int_equal(stats.unmapped, 1);
    assert_int_equal(stats.kept + stats.abandoned, 0);
    assert_int_equal(atomic_load(&r->reports), 2);
    assert_int_equal(r->kinds[0], BERTH_REPORT_LOG);
    assert_string_equal(r->texts[0], "open");
    assert_string_equal(r->texts[1], "closed");
}

static void each_opening_is_a_mapping_of_its_own(void **state)
{
    rig *r = *state;
    berthi_native *first = open_it(r, "calc_v1"), *second = open_it(r, "calc_v1"),
                  *third = open_it(r, "calc_v2");

    assert_ptr_not_equal(berthi_native_self(first), berthi_native_self(second));
    assert_ptr_not_equal(math_of(r, first), math_of(r, second));
    assert_int_equal(add(r, first), 42);
    assert_int_equal(add(r, third), 1042);
    berthi_native_end(first);
    (void)settle(r);
    take(r, "calc_v1"); /* for its digest */
    assert_int_equal(add(r, second), 42);
    berthi_native_end(second);
    berthi_native_end(third);
    assert_int_equal(settle(r).unmapped, 3);
}

static void what_the_c_library_keeps_is_counted_as_kept(void **state)
{
    static const char *const names[] = { "calc_unique", "calc_nodelete" };
    rig *r = *state;

    for (uint32_t i = 0; i < 2; i++) {
        berthi_native_stats stats;

        berthi_native_end(open_it(r, names[i]));
        stats = settle(r);
        assert_int_equal(stats.kept, i + 1);
        assert_int_equal(stats.unmapped, 0);
        assert_int_equal(r->kinds[3 * i + 2], BERTH_REPORT_KEPT);
    }
}

static void assert_refused(rig *r, const char *name, berth_status want, const char *text)
{
    berthi_native_stats before = stats_of(r), after;
    berthi_native *native = NULL;
    berth_diag diag = { 0 };

    take(r, name);
    assert_int_equal(berthi_native_open(r->group, &r->options, &native, &diag), want);
    assert_int_equal(diag.status, want);
    if (strstr(diag.text, text) == NULL)
        fail_msg("%s: not '%s' but '%s'", name, text, diag.text);
    assert_null(native);
    after = stats_of(r);
    assert_int_equal(after.opened, before.opened);
    assert_int_equal(after.open, before.open);
    assert_int_equal(after.unmapped, before.unmapped + 1);
}

static void a_plugin_that_is_none_is_unmapped_again(void **state)
{
    rig *r = *state;

    assert_refused(r, "calc_open_fails", BERTH_E_PLUGIN,
                   "open() answered 14: there is no calculator");
    assert_int_equal(atomic_load(&r->reports), 1); /* "opening": it may say something */
    assert_refused(r, "calc_old_abi", BERTH_E_VERSION,
                   "ABI 0.0, and this is ABI 1.0; build it "
                   "with newer");
    assert_refused(r, "calc_new_abi", BERTH_E_VERSION,
                   "ABI 2.0, and this is ABI 1.0; build it "
                   "with older");
    assert_refused(r, "calc_short", BERTH_E_ABI, "says that it has 24 bytes");
    assert_refused(r, "calc_wrong_id", BERTH_E_REJECTED, "says id 'test:somebody'");
    assert_refused(r, "calc_no_drain", BERTH_E_ABI, "has no function 'drain'");
    berthi_native_end(open_it(r, "calc_v1"));
    assert_int_equal(settle(r).unmapped, 7);
}

static void tables_have_to_be_those_of_the_note(void **state)
{
    static const struct {
        const char *name, *text;
    } rows[] = { { "calc_no_table", "gives no table of it" },
                 { "calc_hole", "function 3 of its table" },
                 { "calc_wrong_digest", "has another digest than the note" },
                 { "calc_extended", "has 6 functions, and the contract 5" } };
    static const char *const names[] = { "add", "show", "total", "refuse", "hold" };
    rig *r = *state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        berthi_native *native = open_it(r, rows[i].name);
        const berth_functions_v1 *table = NULL;
        berth_diag diag = { 0 };

        assert_int_equal(berthi_native_functions(native, "test:calc/math@1",
                                                 r->info.contracts[0].digest, names, 5, &table,
                                                 &diag),
                         BERTH_E_ABI);
        if (strstr(diag.text, rows[i].text) == NULL)
            fail_msg("%s: not '%s' but '%s'", rows[i].name, rows[i].text, diag.text);
        berthi_native_end(native);
    }
    assert_int_equal(settle(r).unmapped, 4);
}

static void a_plugin_that_is_not_drained_stays_mapped_and_is_counted(void **state)
{
    rig *r = *state;
    berthi_native *native = open_it(r, "calc_never_drained");
    const berth_functions_v1 *math = math_of(r, native);
    void *self = berthi_native_self(native);
    const int32_t args[] = { 20, 22 };
    berthi_native_stats stats;
    int32_t sum = 0;

    berthi_native_end(native);
    stats = settle(r);
    assert_int_equal(stats.abandoned, 1);
    assert_int_equal(stats.unmapped + stats.kept, 0);
    assert_int_equal(r->kinds[1], BERTH_REPORT_ABANDONED);
    assert_non_null(strstr(r->texts[1], "a thread of mine runs"));
    assert_int_equal(math->calls[0](self, args, &sum, NULL), 0); /* not closed */
    assert_int_equal(sum, 42);
}

static void a_drain_that_does_not_return_holds_up_nobody(void **state)
{
    rig *r = *state;
    berthi_native *stuck, *good;

    take(r, "calc_stuck");
    r->options.drain_ns = 1; /* it is given up a second later */
    assert_int_equal(berthi_native_open(r->group, &r->options, &stuck, NULL), BERTH_OK);
    berthi_native_end(stuck);
    good = open_it(r, "calc_v1");
    berthi_native_end(good);
    while (stats_of(r).unmapped == 0)
        berthi_thread_yield();
    assert_int_equal(stats_of(r).unmapped, 1);
    /* The teardown gives up the other one, whose thread stays where it is. */
}

static void a_copy_cannot_be_written_to(void **state)
{
    rig *r = *state;
    int fd;

    take(r, "calc_v1");
    fd = r->copy.fd;
    if (fcntl(fd, F_GET_SEALS) >= 0) /* else the system has no memfd_create */
        assert_int_equal(pwrite(fd, "x", 1, 0), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_plugin_is_opened_called_closed_and_gone, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(each_opening_is_a_mapping_of_its_own, setup, teardown),
        cmocka_unit_test_setup_teardown(what_the_c_library_keeps_is_counted_as_kept, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_plugin_that_is_none_is_unmapped_again, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(tables_have_to_be_those_of_the_note, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_plugin_that_is_not_drained_stays_mapped_and_is_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(a_copy_cannot_be_written_to, setup, teardown),
        cmocka_unit_test_setup_teardown(a_drain_that_does_not_return_holds_up_nobody, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
