/* flow_contract_test.c - components that keep Torvyn's contracts, as stages of a flow.  Public headers only. */
#include "stage_rig.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CORPUS BERTH_TEST_SOURCE_DIR "/../shared/corpus/guests/"

static void must_run(stage_rig *s)
{
    berth_status status = stage_rig_run(s);

    if (status != BERTH_OK)
        fail_msg("%s: %s", berth_status_name(status), s->r->diag.text);
}

/* The last failure was this. */
static void check(stage_rig *s, berth_status got, berth_status status, const char *text)
{
    slot_rig_check(s->r, got, status, (berth_reason)s->r->diag.reason, text);
}

/* source, one plugin, sink; each an edge with a queue of its own or not. */
static uint32_t line(stage_rig *s, berth_slot *slot, uint32_t role, const char *config,
                     uint64_t count, const berth_stage_options *options)
{
    uint32_t source = stage_rig_source(s, count), plugin;

    plugin = stage_rig_plugin(s, slot, role, config, options);
    stage_rig_sink(s);
    stage_rig_edge(s, source, NULL, plugin, 8);
    stage_rig_edge(s, plugin, NULL, plugin + 1, 0);
    return plugin;
}

/* ---------------------------------------------------------------- what goes right */

static void a_flow_of_components_copies_as_often_as_they_read_and_append(void **state)
{
    stage_rig s;
    berth_slot *slot;
    uint32_t source, processor, filter, sink;

    stage_rig_begin(&s, *state, 1);
    slot = stage_rig_slot(&s, "stage", "plain");
    source = stage_rig_plugin(&s, slot, BERTH_ROLE_SOURCE, "count=20", NULL);
    filter = stage_rig_plugin(&s, slot, BERTH_ROLE_FILTER, "", NULL);
    processor = stage_rig_plugin(&s, slot, BERTH_ROLE_PROCESSOR, "trick=sound", NULL);
    sink = stage_rig_plugin(&s, slot, BERTH_ROLE_SINK, "trick=any", NULL);
    stage_rig_edge(&s, source, NULL, filter, 0);
    stage_rig_edge(&s, filter, NULL, processor, 4);
    stage_rig_edge(&s, processor, NULL, sink, 0);
    must_run(&s);
    assert_int_equal(stage_rig_stats(&s, source).copies_out, 20);
    assert_int_equal(stage_rig_stats(&s, source).copies_in, 0);
    assert_int_equal(stage_rig_stats(&s, filter).copies_in, 0);
    assert_int_equal(stage_rig_stats(&s, filter).copies_out, 0);
    assert_int_equal(stage_rig_stats(&s, processor).copies_in, 20); /* and one to see a part */
    assert_int_equal(stage_rig_stats(&s, processor).copies_out, 10);
    assert_int_equal(stage_rig_stats(&s, sink).copies_in, 10);
    assert_int_equal(stage_rig_stats(&s, sink).copies_out, 0);
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(stage_rig_stats(&s, i).copies, 0);
    assert_int_equal(stage_rig_edge_stats(&s, 2).out, 10);
    assert_int_equal(stage_rig_stats(&s, source).buffer_bytes, 0);
    stage_rig_end(&s);
}

static void a_processor_keeps_number_and_order_whatever_it_answers(void **state)
{
    stage_rig s;

    stage_rig_begin(&s, *state, 2);
    line(&s, stage_rig_slot(&s, "stage", "plain"), BERTH_ROLE_PROCESSOR, "trick=cloned", 4,
         NULL);
    must_run(&s);
    assert_string_equal(s.seen, "record 0!; record 1!; record 2!; record 3!; ");
    assert_int_equal(s.wrong_order, 0);
    assert_int_equal(s.last_sequence, 3);
    stage_rig_end(&s);
}

static void an_aggregator_says_what_is_left_at_the_end(void **state)
{
    stage_rig s;

    stage_rig_begin(&s, *state, 1);
    line(&s, stage_rig_slot(&s, "stage", "plain"), BERTH_ROLE_AGGREGATOR, "", 8, NULL);
    must_run(&s);
    assert_string_equal(s.seen, "sum 3; sum 3; sum 2; ");
    stage_rig_end(&s);
}

static void a_router_names_ports_and_a_payload_is_shared(void **state)
{
    stage_rig s;
    berth_slot *slot;
    uint32_t router;

    stage_rig_begin(&s, *state, 1);
    slot = stage_rig_slot(&s, "stage", "plain");
    stage_rig_source(&s, 8);
    router = stage_rig_plugin(&s, slot, BERTH_ROLE_ROUTER, "", NULL);
    stage_rig_sink(&s);
    stage_rig_edge(&s, 0, NULL, router, 0);
    stage_rig_edge(&s, router, "left", 2, 0);
    stage_rig_edge(&s, router, "right", 2, 0);
    must_run(&s);
    assert_int_equal(stage_rig_edge_stats(&s, 1).out, 4);
    assert_int_equal(stage_rig_edge_stats(&s, 2).out, 4);
    assert_int_equal(stage_rig_stats(&s, router).copies_in, 0);
    assert_int_equal(stage_rig_stats(&s, router).copies, 0);
    stage_rig_end(&s);
}

static void a_source_hears_of_pressure_and_is_not_pulled_under_it(void **state)
{
    stage_rig s;
    berth_slot *slot;

    stage_rig_begin(&s, *state, 2);
    slot = stage_rig_slot(&s, "stage", "plain");
    stage_rig_plugin(&s, slot, BERTH_ROLE_SOURCE, "count=40", NULL); /* it traps when it is */
    stage_rig_plugin(&s, slot, BERTH_ROLE_SINK, "",
                     NULL); /* and this one pauses every fourth */
    stage_rig_edge(&s, 0, NULL, 1, 2);
    must_run(&s);
    assert_int_equal(stage_rig_edge_stats(&s, 0).out, 40);
    assert_true(stage_rig_edge_stats(&s, 0).pressures > 0);
    assert_int_equal(stage_rig_stats(&s, 1).pauses, 10);
    stage_rig_end(&s);
}

static void buffers_have_bounds_and_say_so(void **state)
{
    stage_rig s;

    stage_rig_begin(&s, *state, 1);
    line(&s, stage_rig_slot(&s, "stage", "plain"), BERTH_ROLE_PROCESSOR, "trick=overfill", 3,
         NULL);
    must_run(&s);
    assert_int_equal(s.seen_count, 3);
    stage_rig_end(&s);
}

/* ---------------------------------------------------------------- what goes wrong */

static void a_guest_that_breaks_the_rules_is_told_which(void **state)
{
    static const struct {
        const char *config, *text;
        berth_status status;
    } rows[] = {
        { "trick=keep", "borrow handles still remain at the end of the call", BERTH_E_TRAP },
        { "trick=twice", "unknown handle index", BERTH_E_TRAP },
        { "trick=foreign", "unknown handle index", BERTH_E_TRAP },
        { "trick=after-drop", "unknown handle index", BERTH_E_TRAP },
        { "trick=frozen", "the buffer was frozen, and is written no more", BERTH_E_ABI },
        { "trick=invalid", "it says: invalid input: do not like it", BERTH_E_PLUGIN },
        { "trick=fatal", "it says: fatal: it is over", BERTH_E_PLUGIN },
        { "trick=deadline", "it says: deadline exceeded", BERTH_E_PLUGIN },
    };
    stage_rig s;
    berth_slot *slot;

    stage_rig_begin(&s, *state, 1);
    slot = stage_rig_slot(&s, "stage", "plain");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        stage_rig_open(&s);
        line(&s, slot, BERTH_ROLE_PROCESSOR, rows[i].config, 3, NULL);
        check(&s, stage_rig_run(&s), rows[i].status, rows[i].text);
        check(&s, rows[i].status, rows[i].status, "stage 'plugin1'");
        assert_int_equal(stage_rig_edge_stats(&s, 0).dropped[BERTH_DROPPED_FAILED], 1);
        assert_int_equal(stage_rig_stats(&s, 1).buffer_bytes, 0);
    }
    stage_rig_end(&s);
}

static void a_record_that_fails_is_skipped_or_tried_again_and_nothing_twice(void **state)
{
    berth_stage_options o = BERTH_STAGE_OPTIONS_INIT;
    stage_rig s;
    berth_slot *slot;

    stage_rig_begin(&s, *state, 1);
    slot = stage_rig_slot(&s, "stage", "plain");
    o.on_error = BERTH_ON_ERROR_SKIP;
    line(&s, slot, BERTH_ROLE_PROCESSOR, "trick=keep at=1", 4,
         &o); /* a new instance each time */
    must_run(&s);
    assert_string_equal(s.seen, "record 0!; record 2!; ");
    assert_int_equal(stage_rig_edge_stats(&s, 0).dropped[BERTH_DROPPED_FAILED], 2);
    stage_rig_open(&s);
    o.retries = 3;
    o.retry_ns = 1;
    line(&s, slot, BERTH_ROLE_PROCESSOR, "trick=unavailable at=1", 4, &o);
    must_run(&s);
    assert_string_equal(s.seen, "record 0!; record 1!; record 2!; record 3!; ");
    assert_int_equal(stage_rig_stats(&s, 1).retries, 1);
    stage_rig_open(&s); /* what is no good is none the better for being tried again */
    line(&s, slot, BERTH_ROLE_PROCESSOR, "trick=invalid", 4, &o);
    must_run(&s);
    assert_int_equal(stage_rig_stats(&s, 1).retries, 0);
    assert_int_equal(stage_rig_edge_stats(&s, 0).dropped[BERTH_DROPPED_FAILED], 4);
    stage_rig_open(&s);
    line(&s, slot, BERTH_ROLE_PROCESSOR, "trick=fatal at=2", 4, &o);
    assert_int_equal(stage_rig_run(&s), BERTH_E_PLUGIN); /* whatever the policy says */
    assert_int_equal(stage_rig_stats(&s, 1).retries, 0);
    stage_rig_end(&s);
}

static void a_spinning_stage_costs_its_record_and_a_new_instance(void **state)
{
    berth_slot_options options = BERTH_SLOT_OPTIONS_INIT;
    berth_stage_options o = BERTH_STAGE_OPTIONS_INIT;
    stage_rig s;
    berth_slot *slot;

    stage_rig_begin(&s, *state, 1);
    options.deadline_ns = 100 * MS;
    slot = slot_rig_open(s.r, "spins", &options);
    assert_int_equal(stage_rig_install(&s, slot, "plain"), BERTH_OK);
    o.on_error = BERTH_ON_ERROR_SKIP;
    line(&s, slot, BERTH_ROLE_PROCESSOR, "trick=spin at=0", 2, &o);
    must_run(&s);
    assert_int_equal(s.seen_count, 0);
    assert_int_equal(stage_rig_edge_stats(&s, 0).dropped[BERTH_DROPPED_FAILED], 2);
    stage_rig_end(&s);
}

static void what_does_not_fit_is_said_before_anything_runs(void **state)
{
    stage_rig s;
    berth_slot *slot, *empty;

    stage_rig_begin(&s, *state, 1);
    slot = stage_rig_slot(&s, "stage", "plain");
    empty = stage_rig_slot(&s, "empty", NULL);
    line(&s, slot, BERTH_ROLE_PROCESSOR, "trick=init", 1, NULL);
    check(&s, stage_rig_run(&s), BERTH_E_PLUGIN, "stage 'plugin1' cannot start");
    check(&s, BERTH_E_PLUGIN, BERTH_E_PLUGIN, "invalid input: not with me");
    stage_rig_open(&s);
    line(&s, empty, BERTH_ROLE_FILTER, "", 1, NULL);
    check(&s, stage_rig_run(&s), BERTH_E_ABSENT, "no plugin");
    slot_rig_install_one_source(s.r, empty, "tally.wasm");
    stage_rig_open(&s);
    line(&s, empty, BERTH_ROLE_FILTER, "", 1, NULL);
    check(&s, stage_rig_run(&s), BERTH_E_ABSENT,
          "it exports none of berth:flow/processor@0.1.0, torvyn:filtering/filter@0.1.0, ");
    stage_rig_end(&s);
}

static void a_sink_that_cannot_complete_fails_the_flow(void **state)
{
    stage_rig s;

    stage_rig_begin(&s, *state, 1);
    stage_rig_source(&s, 2);
    stage_rig_plugin(&s, stage_rig_slot(&s, "stage", "plain"), BERTH_ROLE_SINK,
                     "trick=complete", NULL);
    stage_rig_edge(&s, 0, NULL, 1, 0);
    check(&s, stage_rig_run(&s), BERTH_E_PLUGIN, "the disk is full");
    stage_rig_end(&s);
}

static void budgets_bound_what_a_stage_allocates(void **state)
{
    berth_stage_options o = BERTH_STAGE_OPTIONS_INIT;
    stage_rig s;

    stage_rig_begin(&s, *state, 1);
    o.buffer_bytes_max = 1024;
    line(&s, stage_rig_slot(&s, "stage", "plain"), BERTH_ROLE_PROCESSOR, "trick=hoard", 64, &o);
    check(&s, stage_rig_run(&s), BERTH_E_TRAP, "stage 'plugin1'"); /* its answer to a refusal */
    assert_true(stage_rig_stats(&s, 1).buffer_bytes_peak <= 1024);
    assert_int_equal(stage_rig_stats(&s, 1).buffer_bytes, 0);
    stage_rig_end(&s);
}

/* ---------------------------------------------------------------- swaps */

static void await_more(stage_rig *s, uint64_t more)
{
    uint64_t enough = atomic_load(&s->seen_count) + more;

    slot_rig_wait_until(atomic_load(&s->seen_count) >= enough);
}

static void begin_endless(stage_rig *s, berth_slot *slot, uint32_t role)
{
    s->keeps_text = false;
    line(s, slot, role, "", UINT64_MAX, NULL);
    if (berth_flow_start(s->flow, &s->r->diag) != BERTH_OK)
        fail_msg("%s", s->r->diag.text);
    await_more(s, 100);
}

static void end_endless(stage_rig *s)
{
    berth_flow_drain(s->flow, UINT64_MAX);
    if (berth_flow_wait(s->flow, UINT64_MAX, &s->r->diag) != BERTH_OK)
        fail_msg("%s", s->r->diag.text);
    stage_rig_check_accounts(s);
    assert_int_equal(stage_rig_edge_stats(s, 0).in, s->made);
    assert_int_equal(stage_rig_edge_stats(s, 0).out, s->made);
    assert_int_equal(stage_rig_edge_stats(s, 1).out, s->seen_count);
    assert_int_equal(s->wrong_order, 0);
}

static void install(stage_rig *s, berth_slot *slot, const char *guest)
{
    if (stage_rig_install(s, slot, guest) != BERTH_OK)
        fail_msg("%s", s->r->diag.text);
}

static void a_stage_is_swapped_between_two_records(void **state)
{
    stage_rig s;
    berth_slot *slot;

    stage_rig_begin(&s, *state, 2);
    slot = stage_rig_slot(&s, "stage", "plain");
    begin_endless(&s, slot, BERTH_ROLE_PROCESSOR);
    for (uint32_t i = 0; i < 4; i++) {
        install(&s, slot, i % 2 == 0 ? "plain2" : "plain");
        slot_rig_wait_until(stage_rig_stats(&s, 1).swaps == i + 1);
        await_more(&s, 50);
    }
    end_endless(&s);
    assert_int_equal(s.seen_count, s.made); /* 0 lost, none twice */
    assert_int_equal(s.switches, 4);
    assert_int_equal(stage_rig_stats(&s, 1).swaps_refused, 0);
    stage_rig_end(&s);
}

static void state_is_handed_on_or_written_out_before(void **state)
{
    stage_rig s;
    berth_slot *slot;

    stage_rig_begin(&s, *state, 2);
    for (uint32_t with = 0; with < 2; with++) {
        stage_rig_open(&s);
        slot = stage_rig_slot(&s, with ? "keeps" : "forgets", with ? "state" : "plain");
        begin_endless(&s, slot, BERTH_ROLE_AGGREGATOR);
        for (uint32_t i = 0; i < 3; i++) {
            install(&s, slot,
                    with         ? i % 2 == 0 ? "state2" : "state"
                    : i % 2 == 0 ? "plain2"
                                 : "plain");
            slot_rig_wait_until(stage_rig_stats(&s, 1).swaps == i + 1);
            await_more(&s, 20);
        }
        end_endless(&s);
        assert_int_equal(s.total, s.made); /* each record is in one sum */
        if (with)
            assert_int_equal(s.seen_count, (s.made + 2) / 3); /* as if nothing had happened */
    }
    stage_rig_end(&s);
}

static void a_version_that_cannot_take_over_is_rolled_back(void **state)
{
    berth_slot_stats stats = BERTH_SLOT_STATS_INIT;
    stage_rig s;
    berth_slot *slot;

    stage_rig_begin(&s, *state, 2);
    slot = stage_rig_slot(&s, "stage", "state");
    begin_endless(&s, slot, BERTH_ROLE_AGGREGATOR);
    install(&s, slot, "state2");
    slot_rig_wait_until(stage_rig_stats(&s, 1).swaps == 1);
    install(&s, slot, "refuses"); /* the state */
    slot_rig_wait_until(stage_rig_stats(&s, 1).swaps_refused == 1);
    install(&s, slot, "plain"); /* has no words for it */
    slot_rig_wait_until(stage_rig_stats(&s, 1).swaps_refused == 2);
    slot_rig_install_one_source(s.r, slot, "tally.wasm"); /* no stage at all */
    slot_rig_wait_until(stage_rig_stats(&s, 1).swaps_refused == 3);
    await_more(&s, 50);
    end_endless(&s);
    assert_int_equal(s.total, s.made);
    assert_int_equal(s.seen_count, (s.made + 2) / 3);
    assert_int_equal(stage_rig_stats(&s, 1).swaps, 1);
    assert_int_equal(berth_slot_stats_read(slot, &stats, &s.r->diag), BERTH_OK);
    assert_int_equal(stats.version, 2);
    stage_rig_end(&s);
}

static void state_is_kept_from_what_refuses_it_also_after_a_circuit_opened(void **state)
{
    berth_stage_options o = BERTH_STAGE_OPTIONS_INIT;
    stage_rig s;
    berth_slot *slot;

    stage_rig_begin(&s, *state, 2);
    slot = stage_rig_slot(&s, "stage", "state");
    install(&s, slot, "state2"); /* traps, and what it follows takes over with no state */
    s.keeps_text = false;
    o.circuit_failures = 1;
    o.circuit_ns = 1000;
    line(&s, slot, BERTH_ROLE_AGGREGATOR, "trick=break at=50", UINT64_MAX, &o);
    assert_int_equal(berth_flow_start(s.flow, &s.r->diag), BERTH_OK);
    slot_rig_wait_until(stage_rig_stats(&s, 1).circuit_opened == 1);
    await_more(&s, 50);
    install(&s, slot, "refuses"); /* the state of one that is sound */
    slot_rig_wait_until(stage_rig_stats(&s, 1).swaps + stage_rig_stats(&s, 1).swaps_refused !=
                        0);
    await_more(&s, 20);
    end_endless(&s);
    assert_int_equal(stage_rig_stats(&s, 1).swaps, 0);
    assert_int_equal(stage_rig_stats(&s, 1).swaps_refused, 1);
    assert_int_equal(stage_rig_stats(&s, 1).circuit_opened, 1);
    stage_rig_end(&s);
}

static void what_a_swap_writes_out_and_the_flow_has_no_room_for_fails_it(void **state)
{
    berth_stage_options o = BERTH_STAGE_OPTIONS_INIT;
    stage_rig s;
    berth_slot *slot;

    stage_rig_begin(&s, *state, 2);
    slot = stage_rig_slot(&s, "stage", "batch");
    o.on_error = BERTH_ON_ERROR_SKIP; /* of records: what was held back is of many */
    o.buffer_bytes_max = 1;
    line(&s, slot, BERTH_ROLE_AGGREGATOR, "", UINT64_MAX, &o);
    s.keeps_text = false;
    assert_int_equal(berth_flow_start(s.flow, &s.r->diag), BERTH_OK);
    slot_rig_wait_until(stage_rig_edge_stats(&s, 0).out >= 50);
    install(&s, slot, "plain");
    check(&s, berth_flow_wait(s.flow, UINT64_MAX, &s.r->diag), BERTH_E_LIMIT, "budget");
    assert_int_equal(stage_rig_stats(&s, 1).swaps, 0);
    stage_rig_check_accounts(&s);
    stage_rig_end(&s);
}

/* ---------------------------------------------------------------- batches */

static void a_flow_of_batches_takes_many_records_in_one_call(void **state)
{
    stage_rig s;
    berth_slot *slot;

    stage_rig_begin(&s, *state, 1);
    slot = stage_rig_slot(&s, "stage", "batch");
    stage_rig_plugin(&s, slot, BERTH_ROLE_SOURCE, "pending 300", NULL);
    stage_rig_plugin(&s, slot, BERTH_ROLE_FILTER, "drop 2", NULL);
    stage_rig_plugin(&s, slot, BERTH_ROLE_PROCESSOR, "twice", NULL);
    stage_rig_plugin(&s, slot, BERTH_ROLE_AGGREGATOR, "", NULL);
    stage_rig_sink(&s);
    for (uint32_t i = 0; i < 4; i++)
        stage_rig_edge(&s, i, NULL, i + 1, 0);
    must_run(&s);
    assert_string_equal(s.seen, "300 64; "); /* half of them, twice; so many at once */
    assert_int_equal(stage_rig_stats(&s, 0).copies_out, 300);
    assert_int_equal(stage_rig_stats(&s, 1).copies_out, 0);
    assert_int_equal(stage_rig_stats(&s, 1).copies_in, 300);
    assert_true(stage_rig_stats(&s, 1).calls < 30);
    assert_int_equal(stage_rig_stats(&s, 2).copies_out, 300);
    assert_int_equal(stage_rig_stats(&s, 0).buffer_bytes, 0);
    stage_rig_end(&s);
}

static void keys_headers_types_and_deadlines_go_with_a_record(void **state)
{
    stage_rig s;
    berth_slot *slot;

    stage_rig_begin(&s, *state, 2);
    slot = stage_rig_slot(&s, "stage", "batch");
    stage_rig_plugin(&s, slot, BERTH_ROLE_SOURCE, "labels 3", NULL);
    stage_rig_plugin(&s, slot, BERTH_ROLE_FILTER, "same", NULL);
    stage_rig_plugin(&s, slot, BERTH_ROLE_PROCESSOR, "tell", NULL);
    stage_rig_sink(&s);
    for (uint32_t i = 0; i < 3; i++)
        stage_rig_edge(&s, i, NULL, i + 1, i == 0 ? 0 : 2);
    must_run(&s);
    assert_string_equal(s.seen, "payload/0/abcde/text/plain/timed; "
                                "payload/1/abcde/text/plain/timed; "
                                "payload/2/abcde/text/plain/timed; ");
    stage_rig_open(&s); /* every second record is wanted for a nanosecond */
    stage_rig_plugin(&s, slot, BERTH_ROLE_SOURCE, "late 6", NULL);
    stage_rig_plugin(&s, slot, BERTH_ROLE_PROCESSOR, "tell", NULL);
    stage_rig_sink(&s);
    stage_rig_edge(&s, 0, NULL, 1, 0);
    stage_rig_edge(&s, 1, NULL, 2, 0);
    must_run(&s);
    assert_string_equal(s.seen, "payload////; payload////; payload////; ");
    assert_int_equal(stage_rig_edge_stats(&s, 0).dropped[BERTH_DROPPED_EXPIRED], 3);
    stage_rig_open(&s); /* and these for longer than any clock runs */
    stage_rig_plugin(&s, slot, BERTH_ROLE_SOURCE, "ever 2", NULL);
    stage_rig_plugin(&s, slot, BERTH_ROLE_PROCESSOR, "tell", NULL);
    stage_rig_sink(&s);
    stage_rig_edge(&s, 0, NULL, 1, 0);
    stage_rig_edge(&s, 1, NULL, 2, 0);
    must_run(&s);
    assert_string_equal(s.seen, "payload////timed; payload////timed; ");
    stage_rig_end(&s);
}

static void a_batch_says_which_records_failed_and_which_are_dead(void **state)
{
    berth_stage_options o = BERTH_STAGE_OPTIONS_INIT;
    stage_rig s;
    berth_slot *slot;
    uint32_t plugin;

    stage_rig_begin(&s, *state, 1);
    slot = stage_rig_slot(&s, "stage", "batch");
    o.on_error = BERTH_ON_ERROR_DEAD_LETTER;
    plugin = line(&s, slot, BERTH_ROLE_PROCESSOR, "dead 10", 100, &o);
    stage_rig_edge(&s, plugin, "dead", plugin + 1, 0);
    must_run(&s);
    assert_int_equal(s.seen_count, 100);
    assert_int_equal(stage_rig_edge_stats(&s, 0).dead_letters, 10);
    assert_int_equal(stage_rig_edge_stats(&s, 2).out, 10);
    assert_int_equal(stage_rig_edge_stats(&s, 1).out, 90);
    stage_rig_open(&s);
    o.on_error = BERTH_ON_ERROR_SKIP;
    line(&s, slot, BERTH_ROLE_PROCESSOR, "dead 10", 100, &o); /* and no edge for them */
    must_run(&s);
    assert_int_equal(stage_rig_edge_stats(&s, 0).dropped[BERTH_DROPPED_FAILED], 10);
    stage_rig_open(&s);
    line(&s, slot, BERTH_ROLE_PROCESSOR, "invalid 10", 100, &o);
    must_run(&s);
    assert_int_equal(s.seen_count, 91); /* all but 10, 20, ... 90 */
    assert_int_equal(stage_rig_edge_stats(&s, 0).dropped[BERTH_DROPPED_FAILED], 9);
    assert_int_equal(s.wrong_order, 0);
    stage_rig_open(&s);
    o.retries = 1;
    o.retry_ns = 1;
    line(&s, slot, BERTH_ROLE_PROCESSOR, "fails 10", 100, &o);
    must_run(&s);
    assert_int_equal(s.seen_count, 100);
    assert_int_equal(stage_rig_stats(&s, 1).retries, 9);
    assert_int_equal(s.wrong_order, 0);
    stage_rig_end(&s);
}

static void a_batch_that_traps_is_given_record_by_record(void **state)
{
    berth_stage_options o = BERTH_STAGE_OPTIONS_INIT;
    stage_rig s;
    berth_slot *slot;

    stage_rig_begin(&s, *state, 1);
    slot = stage_rig_slot(&s, "stage", "batch");
    o.on_error = BERTH_ON_ERROR_SKIP;
    line(&s, slot, BERTH_ROLE_PROCESSOR, "trap 40", 100, &o);
    must_run(&s);
    assert_int_equal(s.seen_count, 97); /* 0, 40 and 80 cost themselves, and nobody else */
    assert_int_equal(stage_rig_edge_stats(&s, 0).dropped[BERTH_DROPPED_FAILED], 3);
    assert_int_equal(s.wrong_order, 0);
    stage_rig_open(&s);
    line(&s, slot, BERTH_ROLE_PROCESSOR, "fatal 40", 100, &o);
    check(&s, stage_rig_run(&s), BERTH_E_PLUGIN, "it says: fatal: not this one");
    stage_rig_end(&s);
}

static void what_a_batch_gives_is_looked_at_first(void **state)
{
    static const struct {
        const char *config, *text;
        berth_status status;
    } rows[] = {
        { "entry", "of entry 1000, which there is not", BERTH_E_ABI },
        { "span", "lies outside of the 0 bytes", BERTH_E_ABI },
        { "far", "lies outside of the 0 bytes", BERTH_E_ABI },
        { "port", "into port", BERTH_E_INVALID },
        { "type", "a content type is UTF-8", BERTH_E_INVALID },
        { "none", "it dealt with no entry, and does not say why", BERTH_E_ABI },
        { "beyond", "it dealt with 2 of 1 entries", BERTH_E_ABI },
        { "dead-beyond", "entry 1 is a dead letter, and it dealt with 1", BERTH_E_ABI },
    };
    stage_rig s;
    berth_slot *slot;

    stage_rig_begin(&s, *state, 1);
    slot = stage_rig_slot(&s, "stage", "batch");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        stage_rig_open(&s);
        line(&s, slot, BERTH_ROLE_PROCESSOR, rows[i].config, 1, NULL);
        check(&s, stage_rig_run(&s), rows[i].status, rows[i].text);
        assert_int_equal(stage_rig_stats(&s, 1).buffer_bytes, 0);
    }
    stage_rig_end(&s);
}

static void a_native_plugin_takes_batches_too(void **state)
{
    stage_rig s;
    berth_slot *slot;
    uint32_t router;

    stage_rig_begin(&s, *state, 1);
    slot = slot_rig_open(s.r, "native", NULL);
    assert_int_equal(stage_rig_install(&s, slot, BERTH_TEST_GUESTS_DIR "/stage/batch.so"),
                     BERTH_OK);
    stage_rig_source(&s, 100);
    router = stage_rig_plugin(&s, slot, BERTH_ROLE_ROUTER, "ports", NULL);
    stage_rig_sink(&s);
    stage_rig_edge(&s, 0, NULL, router, 0);
    stage_rig_edge(&s, router, "even", router + 1, 0);
    stage_rig_edge(&s, router, "odd", router + 1, 0);
    must_run(&s);
    assert_int_equal(stage_rig_edge_stats(&s, 1).out, 50);
    assert_int_equal(stage_rig_edge_stats(&s, 2).out, 50);
    stage_rig_end(&s);
}

static void a_sink_that_fails_is_left_alone_for_as_long_as_it_says(void **state)
{
    berth_stage_options o = BERTH_STAGE_OPTIONS_INIT;
    stage_rig s;

    stage_rig_begin(&s, *state, 1);
    o.retries = 1;
    o.retry_ns = o.retry_ns_max = 1;
    stage_rig_source(&s, 5);
    stage_rig_plugin(&s, stage_rig_slot(&s, "stage", "batch"), BERTH_ROLE_SINK, "later", &o);
    stage_rig_edge(&s, 0, NULL, 1, 0);
    must_run(&s);
    assert_int_equal(stage_rig_edge_stats(&s, 0).out, 5);
    assert_int_equal(stage_rig_stats(&s, 1).retries, 1);
    assert_int_equal(stage_rig_stats(&s, 1).pauses, 1);
    stage_rig_end(&s);
}

/* ---------------------------------------------------------------- Torvyn's own */

static bool has_corpus(const char *what)
{
    char path[512];

    snprintf(path, sizeof path, CORPUS "torvyn-tmpl-%s.component.wasm", what);
    if (access(path, R_OK) == 0)
        return true;
    print_message("no ../shared/corpus: Torvyn's own components are not run\n");
    return false;
}

static berth_slot *corpus(stage_rig *s, const char *what)
{
    char path[512];

    snprintf(path, sizeof path, CORPUS "torvyn-tmpl-%s.component.wasm", what);
    return stage_rig_slot(s, what, path);
}

static void the_pipeline_of_torvyns_template_gives_its_output(void **state)
{
    stage_rig s;
    const char *at = s.output;

    if (!has_corpus("pipeline-source"))
        skip();
    stage_rig_begin(&s, *state, 2);
    stage_rig_plugin(&s, corpus(&s, "pipeline-source"), BERTH_ROLE_SOURCE, NULL, NULL);
    stage_rig_plugin(&s, corpus(&s, "pipeline-transform"), BERTH_ROLE_PROCESSOR, NULL, NULL);
    stage_rig_plugin(&s, corpus(&s, "pipeline-sink"), BERTH_ROLE_SINK, NULL, NULL);
    stage_rig_edge(&s, 0, NULL, 1, 0);
    stage_rig_edge(&s, 1, NULL, 2, 16);
    must_run(&s);
    for (uint32_t i = 1; i <= 1000; i++) {
        char line[32];
        size_t size = (size_t)snprintf(line, sizeof line, "HELLO, TORVYN! (%u)\n", i);

        assert_memory_equal(at, line, size);
        at += size;
    }
    assert_string_equal(at, "");
    for (uint32_t i = 0; i < 3; i++) { /* 4 copies: out, in and out, in */
        assert_int_equal(stage_rig_stats(&s, i).copies_in, i == 0 ? 0 : 1000);
        assert_int_equal(stage_rig_stats(&s, i).copies_out, i == 2 ? 0 : 1000);
        assert_int_equal(stage_rig_stats(&s, i).copies, 0);
    }
    stage_rig_end(&s);
}

static void torvyns_source_sink_and_filter_templates_are_stages(void **state)
{
    stage_rig s;

    if (!has_corpus("source"))
        skip();
    stage_rig_begin(&s, *state, 1);
    stage_rig_plugin(&s, corpus(&s, "source"), BERTH_ROLE_SOURCE, NULL, NULL);
    stage_rig_plugin(&s, corpus(&s, "filter"), BERTH_ROLE_FILTER, NULL, NULL);
    stage_rig_plugin(&s, corpus(&s, "sink"), BERTH_ROLE_SINK, NULL, NULL);
    stage_rig_edge(&s, 0, NULL, 1, 0);
    stage_rig_edge(&s, 1, NULL, 2, 0);
    must_run(&s);
    assert_memory_equal(s.output, "Hello, Torvyn! (1)\nHello, Torvyn! (2)\n", 38);
    assert_int_equal(stage_rig_edge_stats(&s, 0).out, 1000);
    assert_int_equal(stage_rig_stats(&s, 0).copies_out, 1000); /* source to sink: 2 */
    assert_int_equal(stage_rig_stats(&s, 1).copies_in, 0);
    assert_int_equal(stage_rig_stats(&s, 2).copies_in, stage_rig_edge_stats(&s, 1).out);
    stage_rig_end(&s);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        slot_test(a_flow_of_components_copies_as_often_as_they_read_and_append),
        slot_test(a_processor_keeps_number_and_order_whatever_it_answers),
        slot_test(an_aggregator_says_what_is_left_at_the_end),
        slot_test(a_router_names_ports_and_a_payload_is_shared),
        slot_test(a_source_hears_of_pressure_and_is_not_pulled_under_it),
        slot_test(buffers_have_bounds_and_say_so),
        slot_test(a_guest_that_breaks_the_rules_is_told_which),
        slot_test(a_record_that_fails_is_skipped_or_tried_again_and_nothing_twice),
        slot_test(a_spinning_stage_costs_its_record_and_a_new_instance),
        slot_test(what_does_not_fit_is_said_before_anything_runs),
        slot_test(a_sink_that_cannot_complete_fails_the_flow),
        slot_test(budgets_bound_what_a_stage_allocates),
        slot_test(a_stage_is_swapped_between_two_records),
        slot_test(state_is_handed_on_or_written_out_before),
        slot_test(a_version_that_cannot_take_over_is_rolled_back),
        slot_test(state_is_kept_from_what_refuses_it_also_after_a_circuit_opened),
        slot_test(what_a_swap_writes_out_and_the_flow_has_no_room_for_fails_it),
        slot_test(a_flow_of_batches_takes_many_records_in_one_call),
        slot_test(keys_headers_types_and_deadlines_go_with_a_record),
        slot_test(a_batch_says_which_records_failed_and_which_are_dead),
        slot_test(a_batch_that_traps_is_given_record_by_record),
        slot_test(what_a_batch_gives_is_looked_at_first),
        slot_test(a_native_plugin_takes_batches_too),
        slot_test(a_sink_that_fails_is_left_alone_for_as_long_as_it_says),
        slot_test(the_pipeline_of_torvyns_template_gives_its_output),
        slot_test(torvyns_source_sink_and_filter_templates_are_stages),
    };

    return slot_rig_run("contracts of flows", tests, sizeof tests / sizeof *tests);
}
