/* engine_rig.h - one engine of a provider, and what its tests keep writing.
 *
 * Tests over providers are written once and run for each that the build has:
 *
 *     static const struct CMUnitTest tests[] = { rig_test(empty_calls_return), ... };
 *     int main(void) { return rig_run("calls", tests, sizeof tests / sizeof *tests); }
 *
 * Each test gets a `rig` as its state, with a fresh engine of small limits, and fails when it
 * leaves memory of the rig's allocator behind.
 */
#ifndef BERTH_TEST_ENGINE_RIG_H
#define BERTH_TEST_ENGINE_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "memory.h"
#include "wasm/engine.h"

typedef struct rig {
    const berthi_wasm_ops *ops;
    bertht_memory memory;
    berth_allocator allocator;
    berthi_wasm_options options;
    berthi_wasm_limits limits;
    berthi_wasm_engine *engine;
    berth_diag diag; /* of the last rig_ call that may fail */
} rig;

int rig_setup(void **state);
int rig_teardown(void **state);
#define rig_test(function) cmocka_unit_test_setup_teardown(function, rig_setup, rig_teardown)

/* Runs the group once for each provider of this build; the sum of the failures. */
int rig_run(const char *what, const struct CMUnitTest *tests, size_t count);

/* A guest of tests/guests/, compiled. */
berthi_wasm_module *rig_module(rig *r, const char *guest);
/* A store of the rig's limits with `ticks` to run. */
berthi_wasm_store *rig_store(rig *r, uint64_t ticks);
/* Both, and an instance without imports. */
berthi_wasm_store *rig_instance(rig *r, const char *guest, uint64_t ticks,
                                berthi_wasm_instance *instance_out);
/* An export that must be there. */
berthi_extern rig_export(rig *r, berthi_wasm_store *store, berthi_wasm_instance instance,
                         const char *name);
/* Calls an export by name; the diag is the rig's. */
berth_status rig_call(rig *r, berthi_wasm_store *store, berthi_wasm_instance instance,
                      const char *name, berthi_val *cells, size_t cells_count);

/* Another thread makes time pass, as fast as it can, until it is stopped. */
typedef struct rig_ticker rig_ticker;
rig_ticker *rig_ticker_start(rig *r);
uint64_t rig_ticker_stop(rig_ticker *ticker); /* ticks given */

#endif
