/* polyplug_test.h - what the files of polyplug_test share. */
#ifndef BERTHT_POLYPLUG_TEST_H
#define BERTHT_POLYPLUG_TEST_H

#include "polyplug_rig.h"

/* polyplug_test_inside.c */
void an_instance_has_its_own_state(void **state);
void an_instance_that_has_ended_is_known_for_it(void **state);
void an_instance_stays_in_the_version_that_made_it(void **state);
void a_plugin_calls_what_it_declared(void **state);
void what_others_need_is_not_unloaded(void **state);
void what_a_bundle_needs_has_to_be_there_and_in_no_circle(void **state);
void dependents_follow_a_reload_when_they_ask_for_it(void **state);
void a_kept_stand_in_calls_whoever_serves_now(void **state);
void the_table_loads_reloads_and_unloads(void **state);
void memory_comes_as_it_is_asked_for(void **state);
void nothing_is_taken_for_something(void **state);
void services_are_found_by_version(void **state);
void a_service_for_all_is_made_once_and_nothing_is_not_kept(void **state);
void what_a_plugin_says_is_handed_on_as_its_own(void **state);
void what_may_run_on_stays_mapped_and_is_counted(void **state);
void a_call_that_takes_too_long_is_told_by_its_contract(void **state);
void a_call_that_is_told_before_it_has_a_name_is_told_again(void **state);
void what_a_thread_called_in_between_is_not_told_for_it(void **state);
void an_instance_that_is_used_ends_behind_its_last_call(void **state);
void an_instance_ends_though_there_is_no_place_for_a_call(void **state);

#endif
