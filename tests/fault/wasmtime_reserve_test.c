/* wasmtime_reserve_test.c - an engine that cannot have its address space says so, where the
 * engine's own library would abort the process. */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "engine_rig.h"
#include "base/alloc.h"

static void an_engine_without_address_space_fails_with_advice(void **state)
{
    const berthi_wasm_ops *ops = berthi_wasm_provider("wasmtime");
    berthi_wasm_options options = { .allocator = &berthi_allocator_libc,
                                    .memory_bytes_max = 1 << 20,
                                    .table_elements_max = 1000,
                                    .stack_bytes_max = 512 * 1024,
                                    .instances_max = 64 };
    struct rlimit before, tight;
    berthi_wasm_engine *engine = NULL;
    berth_diag diag = { 0 };
    berth_status status;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
    tight = before;
    tight.rlim_cur = (rlim_t)64 << 30;
    assert_int_equal(setrlimit(RLIMIT_AS, &tight), 0);
    status = ops->engine_create(&options, &engine, &diag);
    assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);

    assert_int_equal(status, BERTH_E_OS);
    assert_null(engine);
    assert_int_equal(diag.os_code, 12); /* ENOMEM */
    assert_non_null(strstr(diag.text, "GiB of address space for 64 instances"));
    assert_non_null(strstr(diag.text, "ulimit -v"));

    assert_int_equal(ops->engine_create(&options, &engine, &diag), BERTH_OK);
    ops->engine_destroy(engine);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_engine_without_address_space_fails_with_advice),
    };

    if (berthi_wasm_provider("wasmtime") == NULL) {
        puts("skipped: this build has no Wasmtime");
        return 77;
    }
#if defined(__SANITIZE_ADDRESS__)
    puts("skipped: AddressSanitizer needs address space itself");
    return 77;
#endif
    return cmocka_run_group_tests(tests, NULL, NULL);
}
