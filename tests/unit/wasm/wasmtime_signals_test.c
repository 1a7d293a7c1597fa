/* wasmtime_signals_test.c - the engine takes the signals that are its guests' traps, and passes on
 * the others to whoever was there before it. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "engine_rig.h"
#include "guests.h"

enum { SEEN = 7, NOT_TRAPPED = 8, NOTHING = 9 };

static void was_here_first(int number)
{
    (void)number;
    _exit(SEEN);
}

/* A guest that reads past its memory, as many times as there are handlers to lose. */
static int trap_some(void)
{
    const berthi_wasm_ops *ops = berthi_wasm_provider("wasmtime");
    berthi_wasm_options options = { &berthi_allocator_libc, 1 << 20, 100, 256 * 1024, 4 };
    berthi_wasm_limits limits = { 1 << 20, 100, 1, 1, 1 };
    berthi_wasm_engine *engine;
    berthi_wasm_module *module;
    berth_status status;
    uint8_t *bytes;
    size_t size;

    bytes = guest_read("probe", &size);
    status = ops->engine_create(&options, &engine, NULL);
    if (status == BERTH_OK)
        status = ops->module_compile(engine, bytes, size, &module, NULL);
    free(bytes);
    for (int n = 0; n < 3 && status == BERTH_OK; n++) {
        berthi_wasm_store *store;
        berthi_wasm_instance instance;
        berthi_extern f;
        berthi_val v = { .i32 = 1 << 20 };

        if (ops->store_create(engine, &limits, NULL, &store, NULL) != BERTH_OK)
            return NOT_TRAPPED;
        ops->store_deadline(store, 10);
        if (ops->instantiate(store, module, NULL, 0, &instance, NULL) != BERTH_OK ||
            !ops->instance_export(store, instance, "load", 4, &f) ||
            ops->call(store, &f, &v, 1, NULL) != BERTH_E_TRAP)
            return NOT_TRAPPED;
        ops->store_destroy(store);
    }
    return status == BERTH_OK ? 0 : NOT_TRAPPED;
}

static int run_child(void (*crash)(void))
{
    int status = 0;
    pid_t child = fork(); /* before any engine: one does not survive a fork */

    assert_true(child >= 0);
    if (child == 0) {
        struct sigaction mine = { .sa_handler = was_here_first };

        sigaction(SIGSEGV, &mine, NULL);
        sigaction(SIGILL, &mine, NULL);
        if (trap_some() != 0)
            _exit(NOT_TRAPPED);
        crash();
        _exit(NOTHING);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void touch_what_is_not_there(void)
{
    volatile char *p = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    *p = 1;
}

static void raise_illegal(void)
{
    raise(SIGILL);
}

static void a_crash_of_the_host_reaches_the_handler_of_the_host(void **state)
{
    (void)state;
    assert_int_equal(run_child(touch_what_is_not_there), SEEN);
    assert_int_equal(run_child(raise_illegal), SEEN);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_crash_of_the_host_reaches_the_handler_of_the_host),
    };

    if (berthi_wasm_provider("wasmtime") == NULL) {
        puts("skipped: this build has no Wasmtime");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
