/* os_fault_test.c - every system call of the lower layers fails, once and from then on.
 *
 * Each operation is first run to count its calls, then once for every call that can fail.  A
 * failure leaves nothing behind: no memory, no descriptor, no thread, no output.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guests.h"
#include "memory.h"
#include "os/file.h"
#include "os/library.h"
#include "os/reserve.h"
#include "os/sealed.h"
#include "os/trial.h"
#include "os_faults.h"
#include "process.h"
#include "sync/record.h"

#include <cmocka.h>

/* True when it succeeded; its failures are checked inside. */
typedef bool operation(bertht_memory *memory);

static char path[64];

static bool read_a_file(bertht_memory *memory)
{
    berth_allocator a = memory_allocator(memory);
    berthi_file_bytes file = { NULL, 0 };
    berth_diag diag = { 0 };
    berth_status status = berthi_file_read(&a, path, 1000, &file, &diag);

    if (status == BERTH_OK) {
        assert_memory_equal(file.data, "contents", 8);
        berthi_file_free(&a, &file);
        return true;
    }
    assert_null(file.data);
    assert_int_equal(status, BERTH_E_OS);
    assert_int_equal(diag.os_code, EIO);
    assert_non_null(strstr(diag.text, "Input/output error"));
    return false;
}

static bool begin_and_join_a_domain(bertht_memory *memory)
{
    berth_allocator a = memory_allocator(memory);
    berthi_domain domain;
    berth_diag diag = { 0 };
    bool is_joined;

    if (berthi_domain_init(&domain, &a, &diag) != BERTH_OK) {
        assert_int_equal(diag.status, BERTH_E_OS);
        assert_int_equal(diag.os_code, EIO);
        return false;
    }
    is_joined = berthi_domain_record(&domain) != NULL;
    assert_int_equal(atomic_load(&domain.records_owned), is_joined);
    if (!is_joined) { /* and the record that was made is there for the next */
        os_faults_end();
        assert_non_null(berthi_domain_record(&domain));
        assert_int_equal(domain.records_made, 1);
    }
    berthi_domain_fini(&domain);
    return is_joined;
}

static void *do_nothing(void *arg)
{
    return arg;
}

static bool start_a_thread(bertht_memory *memory)
{
    berthi_thread t;
    int code = berthi_thread_start(&t, "test", 0, do_nothing, memory);

    if (code == 0)
        berthi_thread_join(&t);
    else
        assert_int_equal(code, EIO);
    return code == 0;
}

static bool make_a_condition(bertht_memory *memory)
{
    berthi_cond c;
    int code = berthi_cond_init(&c);

    (void)memory;
    if (code == 0)
        berthi_cond_fini(&c);
    else
        assert_int_equal(code, EIO);
    return code == 0;
}

static bool seal(bertht_memory *memory)
{
    void *sealed = NULL;
    int code = berthi_os_seal("contents", 8, &sealed);

    (void)memory;
    if (code != 0) {
        assert_int_equal(code, EIO);
        assert_null(sealed);
        return false;
    }
    assert_memory_equal(sealed, "contents", 8);
    berthi_os_unseal(sealed, 8);
    return true;
}

static bool reserve(bertht_memory *memory)
{
    (void)memory;
    return berthi_os_try_reserve(4096, true) == 0;
}

static uint8_t *plugin;
static size_t plugin_size;

static void assert_no_children(void)
{
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

static bool try_a_plugin(bertht_memory *memory)
{
    const berthi_trial trial = { .program = BERTH_TEST_TRIAL,
                                 .deadline_ns = UINT64_MAX,
                                 .memory_bytes = UINT64_C(1) << 30 };
    berthi_library_copy copy;
    berth_diag diag = { 0 };
    berth_status status = berthi_library_copy_make(plugin, plugin_size, &copy, &diag);

    (void)memory;
    if (status == BERTH_OK) {
        status = berthi_trial_run(&copy, &trial, &diag);
        berthi_library_copy_end(&copy);
    }
    assert_no_children();
    if (status == BERTH_OK)
        return true;
    assert_int_equal(status, BERTH_E_OS);
    assert_int_equal(diag.os_code, EIO);
    return false;
}

/* `spared`: how many of the calls may fail without harm. */
static void fail_each_call(operation *run, size_t calls_at_least, size_t spared)
{
    bertht_memory memory;
    size_t calls, descriptors = process_descriptors(), survived = 0;

    memory_init(&memory);
    os_faults_begin(OS_FAULTS_NEVER, false, EIO);
    assert_true(run(&memory));
    calls = os_faults_calls();
    os_faults_end();
    assert_true(calls >= calls_at_least);
    for (size_t nth = 0; nth < calls; nth++)
        for (int sticky = 0; sticky <= 1; sticky++) {
            os_faults_begin(nth, sticky != 0, EIO);
            survived += run(&memory);
            assert_true(os_faults_failed() > 0);
            os_faults_end();
            memory_assert_empty(&memory);
            assert_int_equal(process_descriptors(), descriptors);
        }
    assert_true(survived <= 2 * spared);
    for (size_t nth = 0; nth < 20; nth++) { /* and every allocation */
        memory_fail(&memory, nth, false);
        if (run == read_a_file && nth == 0) {
            berth_allocator a = memory_allocator(&memory);
            berthi_file_bytes file;

            assert_int_equal(berthi_file_read(&a, path, 1000, &file, NULL), BERTH_E_NOMEM);
        } else {
            (void)run(&memory);
        }
        memory_assert_empty(&memory);
        if (atomic_load(&memory.failures) == 0)
            break;
    }
    memory_fail(&memory, MEMORY_NEVER, false);
    assert_true(run(&memory)); /* nothing was broken for good */
    memory_assert_empty(&memory);
}

static void reading_a_file_fails_cleanly_at_each_call(void **state)
{
    (void)state;
    fail_each_call(read_a_file, 5, 0);
}

static void a_domain_fails_cleanly_at_each_call(void **state)
{
    (void)state;
    fail_each_call(begin_and_join_a_domain, 4,
                   1); /* without membarrier it works the other way */
}

static void a_domain_without_membarrier_works_without(void **state)
{
    bertht_memory memory;
    berth_allocator a;
    berthi_domain domain;

    (void)state;
    memory_init(&memory);
    a = memory_allocator(&memory);
    os_faults_begin(0, true, ENOSYS);
    os_faults_only("membarrier");
    assert_int_equal(berthi_domain_init(&domain, &a, NULL), BERTH_OK);
    assert_false(domain.is_asymmetric);
    berthi_domain_barrier(&domain);
    os_faults_end();
    berthi_domain_fini(&domain);
    memory_assert_empty(&memory);
}

static void a_thread_fails_cleanly(void **state)
{
    size_t threads = process_threads();

    (void)state;
    fail_each_call(start_a_thread, 1, 0);
    assert_true(process_waits_for_threads(threads));
}

static void a_condition_fails_cleanly(void **state)
{
    (void)state;
    fail_each_call(make_a_condition, 1, 0);
}

static void a_reservation_fails_cleanly(void **state)
{
    (void)state;
    fail_each_call(reserve, 1, 0);
}

static void sealing_fails_cleanly(void **state)
{
    (void)state;
    fail_each_call(seal, 2, 0);
}

static void a_trial_fails_cleanly_at_each_call(void **state)
{
    (void)state;
#ifdef BERTH_TEST_SLOW
    print_message(
        "skipped: a plugin with a sanitizer, or a program under another, is not tried\n");
    skip();
#endif
    plugin = plugin_file_read("calc_v1", &plugin_size);
    fail_each_call(try_a_plugin, 8, 1); /* a file without a name does as well as a memfd */
    free(plugin);
}

static int make_file(void **state)
{
    int fd;

    (void)state;
    snprintf(path, sizeof path, "/tmp/berth-fault-XXXXXX");
    fd = mkstemp(path);
    return fd < 0 || write(fd, "contents", 8) != 8 || close(fd) != 0;
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(reading_a_file_fails_cleanly_at_each_call),
        cmocka_unit_test(a_domain_fails_cleanly_at_each_call),
        cmocka_unit_test(a_domain_without_membarrier_works_without),
        cmocka_unit_test(a_thread_fails_cleanly),
        cmocka_unit_test(a_condition_fails_cleanly),
        cmocka_unit_test(a_reservation_fails_cleanly),
        cmocka_unit_test(sealing_fails_cleanly),
        cmocka_unit_test(a_trial_fails_cleanly_at_each_call),
    };

    os_faults_require();
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
