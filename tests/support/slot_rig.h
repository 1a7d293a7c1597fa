/* slot_rig.h - a runtime, and what the tests of slots keep writing.  Public headers only.
 *
 *     static const struct CMUnitTest tests[] = { slot_test(replies_come_back), ... };
 *     int main(void) { return slot_rig_run("calls", tests, sizeof tests / sizeof *tests); }
 *
 * The group runs once for each engine of the build and says which one is absent.  Each test gets
 * a slot_rig as its state and fails when the runtime leaves memory behind.
 */
#ifndef BERTHT_SLOT_RIG_H
#define BERTHT_SLOT_RIG_H

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <berth/runtime.h>
#include <berth/slot.h>

#include "memory.h"
#include "plugin.h"

#define MS                   UINT64_C(1000000)
/* Nothing that comes at all takes this long, on whatever machine. */
#define SLOT_RIG_PATIENCE_NS (120000 * MS)
enum { SLOT_RIG_SLOTS = 512, SLOT_RIG_STATUSES = 16 };

typedef struct slot_rig {
    const char *engine;
    bertht_memory memory;
    berth_allocator allocator;
    berth_runtime *runtime;
    berth_arena *arena; /* the test's thread's; reset by each slot_rig_call() */
    berth_slot *slots[SLOT_RIG_SLOTS];
    size_t slots_count;
    berth_diag diag; /* of the last slot_rig_ function that may fail */
} slot_rig;

int slot_rig_setup(void **state);
int slot_rig_teardown(void **state);
#define slot_test(function)                                                                    \
    cmocka_unit_test_setup_teardown(function, slot_rig_setup, slot_rig_teardown)

int slot_rig_run(const char *what, const struct CMUnitTest *tests, size_t count);

/* Another runtime in place of the default one; engine and allocator are filled in. */
void slot_rig_restart(slot_rig *r, berth_runtime_options options);

/* A slot that must open; `options` without a name, or NULL.  Released at the end of the test, or
 * by slot_rig_restart().  Deadlines that `options` leaves open are so long that on a busy machine,
 * too, no sound call misses them: a call that shall miss one gets its own. */
berth_slot *slot_rig_open(slot_rig *r, const char *name, const berth_slot_options *options);

/* Each frees `bytes`.  The first must succeed and gives the version's number. */
uint64_t slot_rig_install(slot_rig *r, berth_slot *slot, uint8_t *bytes, size_t size);
berth_status slot_rig_try_install(slot_rig *r, berth_slot *slot, uint8_t *bytes, size_t size);
/* The same for what plugin_make(), plugin_answering() and tests/guests/ give. */
uint64_t slot_rig_install_spec(slot_rig *r, berth_slot *slot, const plugin_spec *spec);
berth_status slot_rig_try_spec(slot_rig *r, berth_slot *slot, const plugin_spec *spec);
uint64_t slot_rig_install_answering(slot_rig *r, berth_slot *slot, uint32_t number);
/* Into a slot whose probe deadline is short, on purpose: a sound plugin may miss it on a busy
 * machine, but not for ever. */
uint64_t slot_rig_install_at_last(slot_rig *r, berth_slot *slot, uint32_t number);
uint64_t slot_rig_install_guest(slot_rig *r, berth_slot *slot, const char *guest);
/* A build of examples/one_source/, such as "tally.so". */
uint64_t slot_rig_install_one_source(slot_rig *r, berth_slot *slot, const char *build);

uint32_t slot_rig_hook(slot_rig *r, berth_slot *slot, const char *name);

/* Hook "do", with the rig's arena.  *reply_out may be NULL. */
berth_status slot_rig_call(slot_rig *r, berth_slot *slot, const void *input, size_t size,
                           berth_reply *reply_out);
/* The same within `deadline_ns`, which the call shall miss, or wait for in vain. */
berth_status slot_rig_call_within(slot_rig *r, berth_slot *slot, uint64_t deadline_ns,
                                  const void *input, size_t size, berth_reply *reply_out);
/* What the number-answering plugin in the slot says; UINT64_MAX when the call failed. */
uint64_t slot_rig_answer(slot_rig *r, berth_slot *slot);

berth_slot_stats slot_rig_stats(berth_slot *slot);
berth_runtime_stats slot_rig_runtime_stats(slot_rig *r);
/* The test fails when `condition` has not come true after patience. */
#define slot_rig_wait_until(condition)                                                         \
    do {                                                                                       \
        uint64_t until_ns_ = slot_rig_now_ns() + SLOT_RIG_PATIENCE_NS;                         \
        while (!(condition)) {                                                                 \
            if (slot_rig_now_ns() > until_ns_)                                                 \
                fail_msg("waited in vain for: %s", #condition);                                \
            slot_rig_sleep_ms(1);                                                              \
        }                                                                                      \
    } while (0)
/* Until nothing retired waits. */
void slot_rig_wait_reaped(slot_rig *r);
/* Until the runtime's ticker has come round: its coarse clock is not behind this moment. */
void slot_rig_wait_ticks(slot_rig *r);

/* The last failure was this; `text` is in what it says. */
void slot_rig_check(slot_rig *r, berth_status got, berth_status status, berth_reason reason,
                    const char *text);

/* Another thread that calls hook "do" `times` times, or until it is told to stop. */
typedef struct slot_rig_caller {
    pthread_t thread;
    berth_slot *slot;
    const berth_lease *lease; /* instead of the slot */
    const void *input;
    size_t input_size;
    uint64_t deadline_ns;
    uint64_t times; /* 0: until stopped */
    atomic_bool stop;
    atomic_uint_fast64_t done;             /* calls that came back */
    uint64_t by_status[SLOT_RIG_STATUSES]; /* how each ended; read after the join */
    uint64_t started_ns;                   /* when slot_rig_caller_start() was called */
    uint64_t ended_ns;
    berth_diag diag; /* of the last failure */
} slot_rig_caller;

/* A zeroed caller with slot or lease and what else is wanted filled in. */
void slot_rig_caller_start(slot_rig_caller *c);
void slot_rig_caller_join(slot_rig_caller *c); /* when its calls are over */
void slot_rig_caller_stop(slot_rig_caller *c); /* soon */
/* Until `count` calls are inside plugins of the slot.  False: it took so long that `c`, whose input
 * makes the plugin loop to its deadline, may have left. */
bool slot_rig_wait_inside(const slot_rig_caller *c, berth_slot *slot, uint32_t count);
/* Such a caller, once it has been seen inside, is there still: its deadline has not come.  What was
 * measured before this says so is about a slot with a call inside, and what was not, is not. */
bool slot_rig_is_inside(const slot_rig_caller *c);
/* Tests about calls that are inside for a while.  `attempt` returns false, with its threads joined,
 * when the machine was too busy for a call of `ms` milliseconds to be inside for long enough; it is
 * then made again, in a new runtime, with longer ones. */
void slot_rig_attempt(slot_rig *r, bool (*attempt)(slot_rig *r, unsigned ms));

/* For a call that shall run out of time while the host waits for it: on a busy machine it may do so before it
 * gets there, and then this is true, and *deadline_ns_io longer. */
bool slot_rig_was_early(const berth_diag *diag, uint64_t *deadline_ns_io);

uint64_t slot_rig_now_ns(void);
void slot_rig_sleep_ms(unsigned ms);

/* How much smaller a test's counts are under a sanitizer or in a hostile build. */
unsigned slot_rig_slowness(const slot_rig *r);

#endif
