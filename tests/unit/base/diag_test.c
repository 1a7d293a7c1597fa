/* diag_test.c - failing in one line, text that never overflows, options of other versions. */
#include "base/diag.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void fill(berth_diag *diag)
{
    memset(diag, 0x7e, sizeof *diag);
}

static void failing_fills_every_field_and_returns_the_status(void **state)
{
    berth_diag diag;

    (void)state;
    fill(&diag);
    assert_int_equal(berthi_fail(&diag, BERTH_E_ABSENT, "no %s", "slot"), BERTH_E_ABSENT);
    assert_int_equal(diag.status, BERTH_E_ABSENT);
    assert_int_equal(diag.reason, BERTH_REASON_NONE);
    assert_int_equal(diag.os_code, 0);
    assert_int_equal(diag.reserved, 0);
    assert_string_equal(diag.text, "no slot");

    fill(&diag);
    assert_int_equal(
        berthi_fail_because(&diag, BERTH_E_LIMIT, BERTH_REASON_STACK, "%d bytes", 7),
        BERTH_E_LIMIT);
    assert_int_equal(diag.status, BERTH_E_LIMIT);
    assert_int_equal(diag.reason, BERTH_REASON_STACK);
    assert_string_equal(diag.text, "7 bytes");
}

static void a_missing_diag_is_left_alone(void **state)
{
    (void)state;
    assert_int_equal(berthi_fail(NULL, BERTH_E_STATE, "x"), BERTH_E_STATE);
    assert_int_equal(berthi_fail_because(NULL, BERTH_E_TRAP, BERTH_REASON_HOST, "x"),
                     BERTH_E_TRAP);
    assert_int_equal(berthi_fail_os(NULL, ENOENT, "x"), BERTH_E_OS);
    assert_int_equal(berthi_diag_prefix(NULL, BERTH_E_ABI, "x"), BERTH_E_ABI);
    berthi_diag_append(NULL, "x");
}

static void a_failed_system_call_is_named_in_words(void **state)
{
    berth_diag diag;

    (void)state;
    fill(&diag);
    assert_int_equal(berthi_fail_os(&diag, ENOENT, "%s: cannot be opened", "a"), BERTH_E_OS);
    assert_int_equal(diag.os_code, ENOENT);
    assert_string_equal(diag.text, "a: cannot be opened: No such file or directory");
    assert_int_equal(berthi_fail_os(&diag, 99999, "b"), BERTH_E_OS);
    assert_non_null(strstr(diag.text, "99999"));
}

static void text_is_cut_at_its_end_and_stays_terminated(void **state)
{
    struct {
        berth_diag diag;
        char after[16];
    } at;
    char longer[2 * sizeof at.diag.text];

    (void)state;
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    memset(&at, 0x7e, sizeof at);
    (void)berthi_fail(&at.diag, BERTH_E_STATE, "%s", longer);
    assert_int_equal(strlen(at.diag.text), sizeof at.diag.text - 1);
    berthi_diag_append(&at.diag, "%s", longer); /* full already */
    assert_int_equal(strlen(at.diag.text), sizeof at.diag.text - 1);
    (void)berthi_diag_prefix(&at.diag, BERTH_E_STATE, "%s", longer);
    assert_int_equal(strlen(at.diag.text), sizeof at.diag.text - 1);
    (void)berthi_fail_os(&at.diag, ENOENT, "%s", longer);
    assert_int_equal(strlen(at.diag.text), sizeof at.diag.text - 1);
    for (size_t i = 0; i < sizeof at.after; i++)
        assert_int_equal(at.after[i], 0x7e);
}

static void appending_at_the_last_byte_writes_what_fits(void **state)
{
    berth_diag diag;
    char text[sizeof diag.text];

    (void)state;
    memset(text, 'x', sizeof text);
    text[sizeof text - 2] = '\0'; /* room for one more */
    (void)berthi_fail(&diag, BERTH_E_STATE, "%s", text);
    berthi_diag_append(&diag, "%s", "yz");
    assert_int_equal(strlen(diag.text), sizeof diag.text - 1);
    assert_int_equal(diag.text[sizeof diag.text - 2], 'y');
}

static void a_prefix_goes_in_front_and_keeps_the_rest(void **state)
{
    berth_diag diag;

    (void)state;
    (void)berthi_fail_because(&diag, BERTH_E_LIMIT, BERTH_REASON_MEMORY, "too large");
    assert_int_equal(berthi_diag_prefix(&diag, BERTH_E_LIMIT, "slot '%s'", "a"), BERTH_E_LIMIT);
    assert_string_equal(diag.text, "slot 'a': too large");
    assert_int_equal(diag.reason, BERTH_REASON_MEMORY);
    berthi_diag_append(&diag, "; %d", 3);
    assert_string_equal(diag.text, "slot 'a': too large; 3");
}

typedef struct options_v1 {
    uint32_t size, a;
    uint64_t b;
} options_v1;

typedef struct options_v2 {
    options_v1 v1;
    uint64_t later[4];
} options_v2;

static void options_of_an_older_caller_read_as_defaults_where_they_end(void **state)
{
    options_v1 old = { sizeof old, 3, 4 };
    options_v2 ours;

    (void)state;
    memset(&ours, 0x7e, sizeof ours);
    assert_int_equal(berthi_options_copy(&ours, sizeof ours, &old, "options", NULL), BERTH_OK);
    assert_int_equal(ours.v1.a, 3);
    assert_int_equal(ours.v1.b, 4);
    for (int i = 0; i < 4; i++)
        assert_int_equal(ours.later[i], 0);
}

static void options_of_the_same_size_are_copied_whole(void **state)
{
    options_v1 given = { sizeof given, 3, UINT64_MAX }, ours;

    (void)state;
    assert_int_equal(berthi_options_copy(&ours, sizeof ours, &given, "options", NULL),
                     BERTH_OK);
    assert_memory_equal(&ours, &given, sizeof ours);
}

static void options_of_a_newer_caller_are_taken_when_its_new_fields_are_unset(void **state)
{
    options_v2 newer = { { sizeof newer, 3, 4 }, { 0 } };
    struct {
        options_v1 ours;
        unsigned char after[16];
    } at;

    (void)state;
    memset(&at, 0x7e, sizeof at);
    assert_int_equal(berthi_options_copy(&at.ours, sizeof at.ours, &newer, "options", NULL),
                     BERTH_OK);
    assert_int_equal(at.ours.b, 4);
    for (size_t i = 0; i < sizeof at.after; i++)
        assert_int_equal(at.after[i], 0x7e);
}

static void a_field_from_the_future_is_refused_with_its_offset(void **state)
{
    options_v2 newer = { { sizeof newer, 3, 4 }, { 0, 0, 0, 1 } };
    unsigned char *last = (unsigned char *)&newer + sizeof newer - 1;
    options_v1 ours = { 1, 2, 3 };
    berth_diag diag;

    (void)state;
    newer.later[3] = 0;
    *last = 1; /* the very last byte counts too */
    assert_int_equal(berthi_options_copy(&ours, sizeof ours, &newer, "berth_x", &diag),
                     BERTH_E_VERSION);
    assert_string_equal(diag.text, "berth_x: field at byte 47 is not known here");
    assert_int_equal(ours.a, 2); /* untouched */
}

static void options_without_their_size_are_refused(void **state)
{
    options_v1 given = { 0, 3, 4 }, ours = { 1, 2, 3 };
    berth_diag diag;

    (void)state;
    for (uint32_t size = 0; size < sizeof size; size++) {
        given.size = size;
        assert_int_equal(berthi_options_copy(&ours, sizeof ours, &given, "options", &diag),
                         BERTH_E_INVALID);
    }
    given.size = 0xa5a5a5a5u; /* never set: nothing that far away is read */
    assert_int_equal(berthi_options_copy(&ours, sizeof ours, &given, "options", &diag),
                     BERTH_E_INVALID);
    assert_int_equal(berthi_options_copy(&ours, sizeof ours, NULL, "options", &diag),
                     BERTH_E_INVALID);
    assert_int_equal(ours.a, 2);
}

static void every_status_and_reason_has_a_name_of_its_own(void **state)
{
    const char *names[200];
    size_t count = 0;

    (void)state;
    for (int i = BERTH_OK; i <= BERTH_E_PLUGIN; i++)
        names[count++] = berth_status_name((berth_status)i);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(names[i], names[k]);
    assert_string_equal(berth_status_name((berth_status)(BERTH_E_PLUGIN + 1)), "unknown");
    assert_string_equal(berth_status_name((berth_status)-1), "unknown");

    assert_string_equal(berth_reason_name(BERTH_REASON_NONE), "");
    count = 0;
    for (int i = 1; i < 100; i++)
        if (strcmp(berth_reason_name((berth_reason)i), "unknown") != 0)
            names[count++] = berth_reason_name((berth_reason)i);
    assert_int_equal(count, 12 + 13 + 2 + 2);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(names[i], names[k]);
}

static void a_panic_aborts_in_every_build(void **state)
{
    int status = 0;
    pid_t child = fork();

    (void)state;
    assert_true(child >= 0);
    if (child == 0) {
        signal(SIGABRT, SIG_DFL);
        (void)close(STDERR_FILENO);
        berthi_panic("as a test of panics");
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(failing_fills_every_field_and_returns_the_status),
        cmocka_unit_test(a_missing_diag_is_left_alone),
        cmocka_unit_test(a_failed_system_call_is_named_in_words),
        cmocka_unit_test(text_is_cut_at_its_end_and_stays_terminated),
        cmocka_unit_test(appending_at_the_last_byte_writes_what_fits),
        cmocka_unit_test(a_prefix_goes_in_front_and_keeps_the_rest),
        cmocka_unit_test(options_of_an_older_caller_read_as_defaults_where_they_end),
        cmocka_unit_test(options_of_the_same_size_are_copied_whole),
        cmocka_unit_test(options_of_a_newer_caller_are_taken_when_its_new_fields_are_unset),
        cmocka_unit_test(a_field_from_the_future_is_refused_with_its_offset),
        cmocka_unit_test(options_without_their_size_are_refused),
        cmocka_unit_test(every_status_and_reason_has_a_name_of_its_own),
        cmocka_unit_test(a_panic_aborts_in_every_build),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
