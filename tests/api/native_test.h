/* native_test.h - what the files of native_test share. */
#ifndef BERTHT_NATIVE_TEST_H
#define BERTHT_NATIVE_TEST_H

#include <berth/invoke.h>

#include "guests.h"
#include "slot_rig.h"

#define MATH "test:calc/math@1.2.0"

berth_status try_install(slot_rig *r, berth_slot *slot, const char *name);
void install(slot_rig *r, berth_slot *slot, const char *name);
berth_call call_of(slot_rig *r, berth_slot *slot, const char *function);
/* 20 + 22, by whoever serves. */
int32_t add(slot_rig *r, berth_slot *slot, const berth_call *call);
/* Until nothing is ending any more. */
berth_runtime_stats settle(slot_rig *r);

/* native_test_inside.c */
void a_call_that_is_inside_keeps_its_version_mapped(void **state);
void calls_inside_are_limited(void **state);
void a_call_counts_itself_once_another_thread_has_come(void **state);
void what_cannot_be_drained_is_counted_and_told(void **state);
void a_component_and_a_native_plugin_take_turns(void **state);
void a_call_past_its_deadline_is_told_while_it_is_inside(void **state);
void a_slot_may_quarantine_a_plugin_that_does_not_return(void **state);
void rules_are_looked_after_where_it_is_asked_for(void **state);
void a_plugin_that_keeps_the_rules_notices_nothing_of_it(void **state);
void what_a_plugin_says_is_handed_on(void **state);

/* native_test_trial.c */
void what_dies_of_being_mapped_is_refused(void **state);
void a_trial_without_its_program_is_an_error_that_says_so(void **state);

#endif
