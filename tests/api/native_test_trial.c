/* native_test_trial.c - native plugins are mapped in a process of their own first, where the slot says so.
 * Public headers only. */
#include <errno.h>
#include <string.h>
#include <sys/wait.h>

#include "native_test.h"
#include "process.h"

static void restart(slot_rig *r, const char *program)
{
    berth_runtime_options options = BERTH_RUNTIME_OPTIONS_INIT;

    options.trial_program = program;
    slot_rig_restart(r, options);
}

static berth_slot *open_tried(slot_rig *r, const char *name, uint64_t deadline_ns)
{
    berth_slot_options options = BERTH_SLOT_OPTIONS_INIT;

    options.flags = BERTH_SLOT_TRIAL;
    options.probe_deadline_ns = deadline_ns;
    return slot_rig_open(r, name, &options);
}

/* Neither running nor waiting to be asked how it ended. */
static void assert_no_children(void)
{
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

void what_dies_of_being_mapped_is_refused(void **state)
{
    static const struct {
        const char *name, *text, *more;
        bool is_endless;
    } rows[] = {
        { "calc_crashes_early", "`calc_crashes`",
          "what runs when it is mapped ended the process by signal 11", false },
        { "calc_crashes_late", "what runs when it is unmapped", "by signal 11", false },
        { "calc_exits_early", "`calc_exits`", "exit status 0", false },
        { "calc_eats_early", "`calc_eats`", "ended the process by signal", false },
        { "calc_spins_early", "`calc_spins`", "did not end within ms: 100", true },
        { "calc_flees_early", "`calc_spins`", "did not end within ms: 100", true },
        { "calc_lacks_symbol", "it cannot be mapped: ", "undefined symbol", false },
    };
    slot_rig *r = *state;
    berth_slot *slot, *hasty;
    size_t descriptors;
    berth_call call;

#ifdef BERTH_TEST_SLOW
    print_message(
        "skipped: a plugin with a sanitizer, or a program under another, is not tried\n");
    skip();
#endif
    restart(r, BERTH_TEST_TRIAL);
    slot = open_tried(r, "calc", SLOT_RIG_PATIENCE_NS);
    hasty = open_tried(r, "hasty", 100 * MS);
    install(r, slot, "calc_v1");
    call = call_of(r, slot, "add");
    descriptors = process_descriptors();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        slot_rig_check(r, try_install(r, rows[i].is_endless ? hasty : slot, rows[i].name),
                       BERTH_E_REJECTED, BERTH_REASON_TRIAL, rows[i].text);
        assert_non_null(strstr(r->diag.text, rows[i].more));
        assert_int_equal(process_descriptors(), descriptors);
        assert_no_children();
    }
    assert_int_equal(add(r, slot, &call), 42);
    install(r, slot, "calc_constructor"); /* one that does no harm */
    assert_int_equal(slot_rig_stats(slot).refused, 5);
    assert_no_children();
}

void a_trial_without_its_program_is_an_error_that_says_so(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot;

    restart(r, "/nowhere/berth-trial");
    slot = open_tried(r, "calc", 0);
    slot_rig_check(r, try_install(r, slot, "calc_v1"), BERTH_E_OS, BERTH_REASON_NONE,
                   "the trial's program '/nowhere/berth-trial'");
    assert_no_children();
}
