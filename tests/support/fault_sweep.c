/* fault_sweep.c - fails one thing after the other. */
#include "fault_sweep.h"

#include <errno.h>
#include <string.h>

#include "os_faults.h"

enum { STEPS_MAX = 200000 };

bool fault_sweep_has_os(void)
{
#ifdef BERTH_FAULTS
    return true;
#else
    return false;
#endif
}

static void check_failure(berth_status status, const berth_diag *diag, size_t nth, bool is_os)
{
    if (status != BERTH_E_NOMEM && !(is_os && status == BERTH_E_OS))
        fail_msg("%s %zu: %s: %s", is_os ? "system call" : "allocation", nth,
                 berth_status_name(status), diag->text);
    if (diag->status != (int32_t)status || diag->text[0] == '\0' ||
        memchr(diag->text, '\0', sizeof diag->text) == NULL)
        fail_msg("%s %zu: status %s, diag %s: %s", is_os ? "system call" : "allocation", nth,
                 berth_status_name(status), berth_status_name((berth_status)diag->status),
                 diag->text);
}

static size_t sweep(bertht_memory *memory, bool is_os, bool sticky, fault_step step,
                    fault_check check, void *ctx)
{
    for (size_t nth = 0; nth < STEPS_MAX; nth++) {
        berth_diag diag = { .status = -1 };
        berth_status status;
        size_t failures;

        if (is_os)
            os_faults_begin(nth, sticky, EAGAIN);
        else
            memory_fail(memory, nth, sticky);
        status = step(ctx, &diag);
        failures = is_os ? os_faults_failed() : atomic_load(&memory->failures);
        os_faults_end();
        memory_fail(memory, MEMORY_NEVER, false);
        if (status != BERTH_OK)
            check_failure(status, &diag, nth, is_os);
        check(ctx, status);
        if (failures == 0) {
            assert_int_equal(status, BERTH_OK);
            return nth;
        }
    }
    fail_msg("no end of failures");
    return 0;
}

size_t fault_sweep(bertht_memory *memory, fault_step step, fault_check check, void *ctx)
{
    size_t n = sweep(memory, false, false, step, check, ctx) +
               sweep(memory, false, true, step, check, ctx);

    if (fault_sweep_has_os())
        n += sweep(memory, true, false, step, check, ctx) +
             sweep(memory, true, true, step, check, ctx);
    return n;
}
