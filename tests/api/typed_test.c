/* typed_test.c - calls of exported functions by their types.  Public headers only. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <berth/invoke.h>

#include "component_builder.h"
#include "guests.h"
#include "slot_rig.h"

#define DO_TYPE   "func(input: list<u8>) -> result<list<u8>, string>"
#define TAIL_TYPE "func(input: list<u8>) -> list<u8>"

typedef struct bytes {
    const void *data;
    size_t size;
} bytes;

typedef struct outcome {
    uint8_t is_error;
    bytes as;
} outcome;

/* With only `do` for a hook, so that nobody probes what else has that type. */
static void install(slot_rig *r, berth_slot *slot, const char *functions, bool is_other_type)
{
    component_recipe recipe = { .functions = functions,
                                .has_post = true,
                                .is_other_type = is_other_type };
    uint8_t *core = guest_read("cm_tricks", &recipe.core_size), *made;
    size_t size;

    recipe.core = core;
    if (!is_other_type)
        recipe.metadata = "{\"name\":\"n\",\"version\":\"1\",\"description\":\"d\","
                          "\"hooks\":{\"do\":{\"description\":\"d\"}}}";
    made = component_build(&recipe, &size);
    free(core);
    slot_rig_install(r, slot, made, size);
}

static berth_func func_of(slot_rig *r, berth_slot *slot, const char *name, const char *type)
{
    berth_func func = BERTH_FUNC_INIT;

    if (berth_slot_func(slot, name, type, &func, &r->diag) != BERTH_OK)
        fail_msg("%s", r->diag.text);
    return func;
}

static berth_status invoke_within(slot_rig *r, berth_slot *slot, uint64_t deadline_ns,
                                  uint32_t number, const char *input, void *result)
{
    const bytes args = { input, strlen(input) };
    berth_call call = BERTH_CALL_INIT;

    memset(&r->diag, 0, sizeof r->diag);
    berth_arena_reset(r->arena);
    call.hook = number;
    call.arena = r->arena;
    call.deadline_ns = deadline_ns;
    return berth_slot_invoke(slot, &args, result, &call, &r->diag);
}

static berth_status invoke(slot_rig *r, berth_slot *slot, uint32_t number, const char *input,
                           void *result)
{
    return invoke_within(r, slot, 0, number, input, result);
}

static void a_function_is_called_with_c_structs(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "slot", NULL);
    outcome out = { .is_error = 7 };
    berth_func func;

    install(r, slot, "do", false);
    func = func_of(r, slot, "do", NULL);
    assert_int_equal(func.args_size, sizeof(bytes));
    assert_int_equal(func.args_align, _Alignof(bytes));
    assert_int_equal(func.result_size, sizeof(outcome));
    assert_int_equal(func.result_align, _Alignof(outcome));
    assert_int_equal(invoke(r, slot, func.number, "ehello", &out), BERTH_OK);
    assert_true(out.is_error == 0 && out.as.size == 5);
    assert_memory_equal(out.as.data, "hello", 5);
    assert_int_equal(invoke(r, slot, func.number, "xno", &out),
                     BERTH_OK); /* a value like any */
    assert_true(out.is_error == 1 && out.as.size == 2);
    assert_memory_equal(out.as.data, "no", 2);
    assert_int_equal(slot_rig_stats(slot).answered, 2);
}

static void the_same_name_of_another_type_is_not_called(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "slot", NULL);
    berth_func func = func_of(r, slot, "tail", "func( input :list<u8> )->list< u8 >");
    bytes out = { NULL, 77 };
    berth_func again;

    assert_true(func.args_size == 0 && func.result_size == 0);
    slot_rig_check(r, invoke(r, slot, func.number, "xabc", &out), BERTH_E_ABSENT,
                   BERTH_REASON_NONE, "has no plugin");
    install(r, slot, "tail", true);
    assert_int_equal(invoke(r, slot, func.number, "xabc", &out), BERTH_OK);
    assert_memory_equal(out.data, "abc", 3);
    again = func_of(r, slot, "tail", TAIL_TYPE);
    assert_int_equal(again.number, func.number);
    assert_int_equal(again.result_size, sizeof(bytes));
    install(r, slot, "do tail", false);
    out.size = 77;
    slot_rig_check(r, invoke(r, slot, func.number, "xabc", &out), BERTH_E_ABSENT,
                   BERTH_REASON_NONE,
                   "version 2 of slot 'slot' exports no 'tail' of type "
                   "func(input:list<u8>)->list<u8>");
    assert_int_equal(out.size, 77);
    slot_rig_check(r, invoke(r, slot, func.number, "xabc", &out), BERTH_E_ABSENT,
                   BERTH_REASON_NONE, "version 2");
    assert_int_equal(berth_slot_rollback(slot, NULL, &r->diag), BERTH_OK);
    assert_int_equal(invoke(r, slot, func.number, "xabc", &out), BERTH_OK);
    slot_rig_install_answering(r, slot, 3); /* a core module has no typed functions */
    slot_rig_check(r, invoke(r, slot, func.number, "xabc", &out), BERTH_E_ABSENT,
                   BERTH_REASON_NONE, "exports no 'tail'");
}

static void numbers_of_hooks_and_of_functions_are_not_each_others(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "slot", NULL);
    berth_call call = BERTH_CALL_INIT;
    berth_reply reply;
    berth_func func;
    outcome out;

    install(r, slot, "do", false);
    func = func_of(r, slot, "do", DO_TYPE);
    call.arena = r->arena;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(slot_rig_call(r, slot, "ehi", 3, &reply), BERTH_OK);
        assert_int_equal(invoke(r, slot, func.number, "ehi", &out), BERTH_OK);
        call.hook = func.number;
        slot_rig_check(r, berth_slot_call(slot, &call, &reply, &r->diag), BERTH_E_ABSENT,
                       BERTH_REASON_NONE, "no such hook");
        for (uint32_t n = 0; n < 80; n++)
            if (n != func.number)
                slot_rig_check(r, invoke(r, slot, n, "ehi", &out), BERTH_E_INVALID,
                               BERTH_REASON_NONE, "knows no such function");
    }
    slot_rig_check(r, invoke(r, slot, UINT32_MAX, "ehi", &out), BERTH_E_INVALID,
                   BERTH_REASON_NONE, "knows no such function");
    call.hook = func.number;
    call.input = "x";
    call.input_size = 1;
    assert_int_equal(berth_slot_invoke(slot, &(bytes){ "ehi", 3 }, &out, &call, NULL),
                     BERTH_E_INVALID);
}

static void a_leased_version_is_called_though_another_is_current(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "slot", NULL);
    const bytes args = { "eold", 4 }, tail_args = { "xold", 4 };
    berth_lease lease = BERTH_LEASE_NONE;
    berth_call call = BERTH_CALL_INIT;
    outcome out = { .is_error = 7 };
    bytes tail = { NULL, 77 };

    install(r, slot, "do", false);
    call.arena = r->arena;
    call.hook = func_of(r, slot, "do", DO_TYPE).number;
    slot_rig_check(r, berth_lease_invoke(&lease, &args, &out, &call, &r->diag), BERTH_E_INVALID,
                   BERTH_REASON_NONE, "");
    assert_int_equal(berth_slot_lease(slot, &lease), BERTH_OK);
    install(r, slot, "tail", true); /* has no `do` */
    slot_rig_check(r, invoke(r, slot, call.hook, "eold", &out), BERTH_E_ABSENT,
                   BERTH_REASON_NONE, "version 2");
    for (int n = 0; n < 3; n++) {
        assert_int_equal(berth_lease_invoke(&lease, &args, &out, &call, &r->diag), BERTH_OK);
        assert_true(out.is_error == 0 && out.as.size == 3);
        assert_memory_equal(out.as.data, "old", 3);
    }
    call.hook = func_of(r, slot, "tail", NULL).number;
    slot_rig_check(r, berth_lease_invoke(&lease, &tail_args, &tail, &call, &r->diag),
                   BERTH_E_ABSENT, BERTH_REASON_NONE, "version 1");
    assert_int_equal(tail.size, 77);
    call.input_size = 1;
    assert_int_equal(berth_lease_invoke(&lease, &tail_args, &tail, &call, &r->diag),
                     BERTH_E_INVALID);
    berth_lease_return(&lease);
    assert_int_equal(invoke(r, slot, call.hook, "xnew", &tail), BERTH_OK);
    assert_memory_equal(tail.data, "new", 3);
}

static void what_is_agreed_upon_stays(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "slot", NULL);
    berth_func func = BERTH_FUNC_INIT, small = { .size = 4 };
    char name[300];

    slot_rig_check(r, berth_slot_func(slot, "do", NULL, &func, &r->diag), BERTH_E_ABSENT,
                   BERTH_REASON_NONE, "has no plugin");
    install(r, slot, "do", false);
    slot_rig_check(r, berth_slot_func(slot, "gone", NULL, &func, &r->diag), BERTH_E_ABSENT,
                   BERTH_REASON_NONE, "exports no function 'gone'");
    (void)func_of(r, slot, "do", NULL);
    slot_rig_check(r, berth_slot_func(slot, "do", TAIL_TYPE, &func, &r->diag), BERTH_E_STATE,
                   BERTH_REASON_NONE, "is agreed upon as");
    assert_int_equal(berth_slot_func(slot, "", NULL, &func, NULL), BERTH_E_INVALID);
    assert_int_equal(berth_slot_func(slot, "x", "  ", &func, NULL), BERTH_E_INVALID);
    assert_int_equal(berth_slot_func(slot, "x", "y", &small, NULL), BERTH_E_INVALID);
    memset(name, 'a', sizeof name);
    name[257] = '\0';
    assert_int_equal(berth_slot_func(slot, name, "func()", &func, NULL), BERTH_E_INVALID);
    for (uint32_t n = 1; n < 10000; n++) {
        snprintf(name, sizeof name, "f%u", n);
        assert_int_equal(func_of(r, slot, name, "func()").number, 32 + n);
    }
    slot_rig_check(r, berth_slot_func(slot, "f10000", "func()", &func, &r->diag), BERTH_E_LIMIT,
                   BERTH_REASON_NAME, "knows 10000 functions");
    assert_int_equal(func_of(r, slot, "f31", "func ( )").number, 63);
    assert_int_equal(func_of(r, slot, "f9999", "func()").number, 32 + 9999);
    assert_int_equal(func_of(r, slot, "do", NULL).number, 32);
}

static void typed_calls_fail_and_are_counted_like_others(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "slot", NULL);
    berth_slot_stats stats;
    berth_func func;
    bytes out = { NULL, 77 };

    install(r, slot, "tail", true);
    func = func_of(r, slot, "tail", NULL);
    slot_rig_check(r, invoke(r, slot, func.number, "t", &out), BERTH_E_TRAP,
                   BERTH_REASON_UNREACHABLE, "tail: ");
    slot_rig_check(r, invoke_within(r, slot, 20 * MS, func.number, "l", &out), BERTH_E_DEADLINE,
                   BERTH_REASON_DEADLINE, "tail: ");
    assert_int_equal(out.size, 77);
    assert_int_equal(invoke(r, slot, func.number, "xok", &out), BERTH_OK);
    stats = slot_rig_stats(slot);
    assert_true(stats.calls == 3 && stats.answered == 1 && stats.traps == 1 &&
                stats.deadlines == 1);
    assert_int_equal(stats.bytes_in, strlen("t") + strlen("l") + strlen("xok"));
    assert_int_equal(stats.bytes_out, out.size);
    for (int n = 0; n < 3; n++) /* the short form, too */
        assert_int_equal(invoke(r, slot, func.number, "xlonger", &out), BERTH_OK);
    assert_int_equal(out.size, strlen("longer"));
    assert_int_equal(slot_rig_stats(slot).bytes_in, stats.bytes_in + 3 * strlen("xlonger"));
    assert_int_equal(slot_rig_stats(slot).bytes_out, stats.bytes_out + 3 * strlen("longer"));
    {
        const bytes wrong = { NULL, 5 }; /* the host's own mistake */
        berth_call call = BERTH_CALL_INIT;

        call.hook = func.number;
        call.arena = r->arena;
        assert_int_equal(berth_slot_invoke(slot, &wrong, &out, &call, NULL), BERTH_E_INVALID);
    }
    assert_int_equal(invoke(r, slot, func.number, "xok", &out), BERTH_OK);
}

static void without_memory_a_typed_call_says_so(void **state)
{
    slot_rig *r = *state;
    berth_status status = BERTH_E_NOMEM;
    size_t nth;

    for (nth = 0; status != BERTH_OK; nth++) {
        berth_func func = BERTH_FUNC_INIT;
        berth_slot *slot;
        char name[16];
        bytes out;

        snprintf(name, sizeof name, "slot%zu", nth);
        slot = slot_rig_open(r, name, NULL);
        install(r, slot, "tail", true);
        memory_fail(&r->memory, nth, false);
        status = berth_slot_func(slot, "tail", NULL, &func, &r->diag);
        if (status == BERTH_OK)
            status = invoke(r, slot, func.number, "xabc", &out);
        memory_fail(&r->memory, MEMORY_NEVER, false);
        assert_true(status == BERTH_OK || status == BERTH_E_NOMEM);
        func = func_of(r, slot, "tail", NULL);
        assert_int_equal(invoke(r, slot, func.number, "xabc", &out), BERTH_OK);
    }
    assert_true(nth > 3); /* the name, the type, what the version found, a seat */
}

typedef struct thread_of_calls {
    pthread_t thread;
    berth_slot *slot;
    uint32_t number;
    unsigned times;    /* at least */
    atomic_bool *stop; /* and until this is true, with one call behind it; NULL: no longer */
    unsigned done, good, absent;
} thread_of_calls;

static void *invoke_often(void *arg)
{
    thread_of_calls *t = arg;
    const bytes args = { "xabcd", 5 };
    berth_call call = BERTH_CALL_INIT;
    berth_arena *arena = NULL;
    bytes out = { NULL, 0 };
    bool is_over = false;

    if (berth_arena_create(NULL, 0, &arena, NULL) != BERTH_OK)
        abort();
    call.hook = t->number;
    call.arena = arena;
    for (; t->done < t->times || !is_over; t->done++) {
        berth_status status;

        is_over = t->stop == NULL || atomic_load(t->stop);
        status = berth_slot_invoke(t->slot, &args, &out, &call, NULL);
        t->good += status == BERTH_OK && out.size == 4 && memcmp(out.data, "abcd", 4) == 0;
        t->absent += status == BERTH_E_ABSENT;
        berth_arena_reset(arena);
    }
    berth_arena_destroy(arena);
    return NULL;
}

static void versions_are_swapped_under_typed_calls(void **state)
{
    enum { THREADS = 3 };
    slot_rig *r = *state;
    thread_of_calls threads[THREADS];
    berth_slot_options opt = BERTH_SLOT_OPTIONS_INIT;
    berth_slot *slot;
    unsigned done = 0, good = 0, absent = 0, times = 20000 / slot_rig_slowness(r);
    atomic_bool stop = false;
    berth_func func;

    opt.deadline_ns = 20000 * MS;
    slot = slot_rig_open(r, "slot", &opt);
    func = func_of(r, slot, "tail", TAIL_TYPE);
    install(r, slot, "tail", true);
    for (int i = 0; i < THREADS; i++) {
        threads[i] = (thread_of_calls){
            .slot = slot, .number = func.number, .times = times, .stop = &stop
        };
        assert_int_equal(pthread_create(&threads[i].thread, NULL, invoke_often, &threads[i]),
                         0);
    }
    for (int i = 0; i < 30; i++) {
        install(r, slot, i % 3 == 1 ? "do tail" : "tail", i % 3 != 1);
        slot_rig_sleep_ms(1);
    }
    atomic_store(&stop, true); /* the last version has the function */
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i].thread, NULL), 0);
        done += threads[i].done;
        good += threads[i].good;
        absent += threads[i].absent;
    }
    assert_int_equal(good + absent, done);
    assert_true(good >= THREADS && done >= THREADS * times);
    assert_int_equal(slot_rig_stats(slot).answered, good);
}

/* While a thread calls one function, so many others are agreed upon that the table of the version grows
 * seven times. */
static void functions_are_added_under_typed_calls(void **state)
{
    slot_rig *r = *state;
    berth_slot_options opt = BERTH_SLOT_OPTIONS_INIT;
    thread_of_calls caller;
    berth_slot *slot;
    berth_func func;
    bytes result;
    char name[32];

    opt.deadline_ns = 20000 * MS;
    slot = slot_rig_open(r, "slot", &opt);
    func = func_of(r, slot, "tail", TAIL_TYPE);
    install(r, slot, "tail", true);
    caller = (thread_of_calls){ .slot = slot,
                                .number = func.number,
                                .times = 20000 / slot_rig_slowness(r) };
    assert_int_equal(pthread_create(&caller.thread, NULL, invoke_often, &caller), 0);
    for (unsigned n = 1; n < 2100; n++) {
        snprintf(name, sizeof name, "f%u", n);
        assert_int_equal(invoke(r, slot, func_of(r, slot, name, "func()").number, "x", &result),
                         BERTH_E_ABSENT);
        assert_non_null(strstr(r->diag.text, name));
    }
    assert_int_equal(invoke(r, slot, func.number, "x", &result), BERTH_OK);
    assert_int_equal(pthread_join(caller.thread, NULL), 0);
    assert_int_equal(caller.good, caller.times);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        slot_test(a_function_is_called_with_c_structs),
        slot_test(the_same_name_of_another_type_is_not_called),
        slot_test(numbers_of_hooks_and_of_functions_are_not_each_others),
        slot_test(a_leased_version_is_called_though_another_is_current),
        slot_test(what_is_agreed_upon_stays),
        slot_test(typed_calls_fail_and_are_counted_like_others),
        slot_test(without_memory_a_typed_call_says_so),
        slot_test(versions_are_swapped_under_typed_calls),
        slot_test(functions_are_added_under_typed_calls),
    };

    return slot_rig_run("typed calls", tests, sizeof tests / sizeof *tests);
}
