/* native/checked.h - calls of native plugins with the rules of <berth/plugin.h> looked after.
 *
 * For tests and for those who suspect a plugin: each call gets its own copies of arguments and room for
 * its result, with bytes around them that nobody may touch.  Layer: native. */
#ifndef BERTHI_NATIVE_CHECKED_H
#define BERTHI_NATIVE_CHECKED_H

#include "native/native.h"

/* A call that is under way; the caller's, on its stack. */
typedef struct berthi_checked_call {
    const struct berth_call *call; /* what the plugin was given */
    uint64_t thread;
    bool is_broken; /* it was used on another thread */
    struct berthi_checked_call *next;
} berthi_checked_call;

typedef struct berthi_checked_values {
    const char *name; /* of the function, for messages */
    const void *args;
    void *result;
    uint32_t args_size, result_size;
} berthi_checked_values;

/* A checked plugin may use that call, here and now; else whoever wants to know is told. */
bool berthi_native_may_use(const struct berth_call *call);

/* Calls the function.  *code_out is what it answered.
 * Fails: BERTH_E_ABI with the rule that was broken, BERTH_E_NOMEM, when it was not called. */
berth_status berthi_native_call_checked(berthi_native *native, berth_plugin_fn *function,
                                        const berthi_checked_values *values,
                                        struct berth_call *call, int32_t *code_out,
                                        berth_diag *diag) __attribute__((warn_unused_result));

#endif
