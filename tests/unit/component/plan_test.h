/* plan_test.h - what the sources of plan_test share. */
#ifndef BERTHT_PLAN_TEST_H
#define BERTHT_PLAN_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/text_buf.h"
#include "cm_types.h"
#include "cm_values.h"
#include "component/plan/plan.h"
#include "component/value/value.h"
#include "fake_guest.h"
#include "memory.h"

enum { CELLS = 17, AT = 16 /* where values begin in a fake's memory */ };
#define JUNK 0xdeadbeefdeadbeefu

typedef struct plan_rig {
    bertht_memory memory;
    berth_allocator allocator;
    bertht_cm_types t;
    berth_arena *arena;
    berth_diag diag;
    const berthi_cm_type *func;
    const berthi_cm_plan *plan, *transfer; /* of memories of 32 bits */
    const berthi_cm_plan_facts *facts;
    berthi_cm_host_side host;
    fake_guest guest, other;
    berthi_val cells[CELLS], other_cells[CELLS];
} plan_rig;

int plan_rig_set_up(void **state);
int plan_rig_tear_down(void **state);

/* Makes rig->plan, for a function said in the words of cm_types.h. */
void plan_of(plan_rig *r, const char *func);
/* Guests as new; cells full of junk. */
void plan_fresh(plan_rig *r, enum berthi_cm_encoding encoding);
/* Bytes written as hexadecimal digits, into the guest. */
void plan_put_hex(fake_guest *guest, uint64_t at, const char *hex);
/* "10 3" of cells; "1:3 4:8" of calls, alignment:size; "68c3a9" of bytes from AT on.  Each has a
 * buffer of its own. */
const char *plan_cells_text(const berthi_val *cells, uint32_t count);
const char *plan_calls_text(const fake_guest *guest);
const char *plan_memory_text(const fake_guest *guest);
/* The value in WAVE, in a buffer of its own. */
const char *plan_wave(plan_rig *r, const berthi_cm_type *type, const void *value);

void plan_expect(const char *what, const char *actual, const char *expected);

#define PLAN_TEST(name)                                                                        \
    cmocka_unit_test_setup_teardown(name, plan_rig_set_up, plan_rig_tear_down)

/* plan_test_random.c */
void random_values_come_back_as_they_went(void **state);

/* plan_test_traps.c */
void each_wrong_value_of_a_guest_traps(void **state);
void a_result_needs_room_where_it_was_said_to_be(void **state);
void what_the_host_gets_wrong_reaches_no_guest(void **state);
void what_is_copied_is_within_the_budget(void **state);
void a_list_in_a_list_in_a_list_ends_with_the_budget(void **state);
void a_realloc_that_fails_ends_the_call_at_once(void **state);
void memory_that_runs_out_is_said_so(void **state);
void what_is_not_provided_is_refused_by_name(void **state);
void shared_types_make_small_plans(void **state);
void a_plan_has_only_so_many_operations(void **state);
void parameters_are_only_so_large(void **state);

/* plan_test_handles.c */
void handles_go_in_and_out(void **state);
void handles_go_from_guest_to_guest(void **state);
void handles_that_fail_end_the_call(void **state);
void handles_that_the_host_does_not_hold_are_its_fault(void **state);

#endif
