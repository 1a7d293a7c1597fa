/* contract_test.c - slots that need a contract.  Public headers only. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <berth/contract.h>
#include <berth/invoke.h>

#include "guests.h"
#include "slot_rig.h"

/* As tests/guests/cli_values.wit has it, in a later version and with fewer functions. */
#define SHAPES(version, color, function)                                                       \
    "package demo:values@" version ";\n"                                                       \
    "interface shapes { enum color { " color " } " function ": func(of: color) -> color; }"

#define NAME "demo:values/shapes@1.4.0"

static berth_contract *contract_of(const char *text)
{
    berth_contract *contract;
    berth_diag diag = { .text = "" };

    if (berth_contract_parse(NULL, text, strlen(text), NULL, &contract, &diag) != BERTH_OK)
        fail_msg("%s", diag.text);
    return contract;
}

/* A slot that keeps the contract, which is gone when it is there. */
static berth_slot *open_slot(slot_rig *r, const char *name, const char *text)
{
    berth_slot_options options = BERTH_SLOT_OPTIONS_INIT;
    berth_contract *contract = contract_of(text);
    berth_slot *slot;

    options.contract = contract;
    slot = slot_rig_open(r, name, &options);
    berth_contract_destroy(contract);
    return slot;
}

static berth_status try_install(slot_rig *r, berth_slot *slot, const char *guest)
{
    size_t size;
    uint8_t *bytes = guest_read(guest, &size);

    return slot_rig_try_install(r, slot, bytes, size);
}

static void a_plugin_that_keeps_it_is_called_under_the_contracts_name(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = open_slot(r, "slot", SHAPES("1.4.0", "red, green, blue", "next"));
    berth_func func = BERTH_FUNC_INIT;
    berth_call call = BERTH_CALL_INIT;
    uint8_t color = 1, next = 77;

    assert_int_equal(try_install(r, slot, "cli_values.component"), BERTH_OK);
    if (berth_slot_func(slot, NAME "#next", NULL, &func, &r->diag) != BERTH_OK)
        fail_msg("%s", r->diag.text);
    assert_int_equal(func.args_size, 1);
    call.hook = func.number;
    call.arena = r->arena;
    assert_int_equal(berth_slot_invoke(slot, &color, &next, &call, &r->diag), BERTH_OK);
    assert_int_equal(next, 2);
    /* the plugin's own name is as good, others are not */
    assert_int_equal(
        berth_slot_func(slot, "demo:values/shapes@1.0.0#next", NULL, &func, &r->diag),
        BERTH_OK);
    slot_rig_check(
        r, berth_slot_func(slot, "demo:values/shapes@1.3.0#next", NULL, &func, &r->diag),
        BERTH_E_ABSENT, BERTH_REASON_NONE, "exports no function");
}

static void a_plugin_that_does_not_is_refused_and_the_old_one_serves_on(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = open_slot(r, "slot", SHAPES("1.4.0", "red, blue", "next"));
    berth_slot *free_slot = slot_rig_open(r, "free", NULL);

    slot_rig_check(
        r, try_install(r, slot, "cli_values.component"), BERTH_E_REJECTED, BERTH_REASON_NONE,
        "export `demo:values/shapes@1.0.0` does not keep contract "
        "`demo:values/shapes@1`: function `next`, parameter `of`: case 2 is `blue` in "
        "the contract, and `green` here");
    assert_int_equal(slot_rig_stats(slot).refused, 1);
    assert_int_equal(slot_rig_stats(slot).version, 0);
    slot_rig_check(r, try_install(r, slot, "cli_v1"), BERTH_E_REJECTED, BERTH_REASON_NONE,
                   "it is a core module that carries no world; the slot needs contract "
                   "`demo:values/shapes@1`");
    assert_int_equal(try_install(r, free_slot, "cli_values.component"), BERTH_OK);

    slot = open_slot(r, "kept", SHAPES("1.0.0", "red, green, blue", "next"));
    assert_int_equal(try_install(r, slot, "cli_values.component"), BERTH_OK);
    assert_int_equal(try_install(r, slot, "cli_v1"), BERTH_E_REJECTED);
    assert_int_equal(slot_rig_stats(slot).version, 1);
    assert_int_equal(slot_rig_stats(slot).refused, 1);
}

static void the_same_plugin_may_keep_several_contracts(void **state)
{
    slot_rig *r = *state;
    static const char *const texts[] = {
        SHAPES("1.0.0", "red, green, blue", "next"),
        SHAPES("1.9.0", "red, green, blue", "next"),
        "package demo:values@1.0.0; interface shapes {}",
    };
    static const char *const wrong[] = {
        SHAPES("2.0.0", "red, green, blue", "next"),
        SHAPES("1.0.0", "red, green, blue", "nxt"),
        "package demo:values@1.0.0; interface shape {}",
        "package demo:values; interface shapes {}",
    };
    char name[16];

    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++) {
        snprintf(name, sizeof name, "good-%u", i);
        assert_int_equal(try_install(r, open_slot(r, name, texts[i]), "cli_values.component"),
                         BERTH_OK);
    }
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        snprintf(name, sizeof name, "wrong-%u", i);
        assert_int_equal(try_install(r, open_slot(r, name, wrong[i]), "cli_values.component"),
                         BERTH_E_REJECTED);
    }
}

static void a_contract_is_known_by_its_digest(void **state)
{
    berth_contract *a = contract_of(SHAPES("1.0.0", "red, green", "next")),
                   *b = contract_of(SHAPES("1.7.0", "red, green", "next")),
                   *c = contract_of(SHAPES("1.0.0", "red, grey", "next"));

    (void)state;
    assert_string_equal(berth_contract_name(b), "demo:values/shapes@1.7.0");
    assert_memory_equal(berth_contract_digest(a), berth_contract_digest(b), BERTH_DIGEST_SIZE);
    assert_memory_not_equal(berth_contract_digest(a), berth_contract_digest(c),
                            BERTH_DIGEST_SIZE);
    berth_contract_destroy(a);
    berth_contract_destroy(b);
    berth_contract_destroy(c);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        slot_test(a_plugin_that_keeps_it_is_called_under_the_contracts_name),
        slot_test(a_plugin_that_does_not_is_refused_and_the_old_one_serves_on),
        slot_test(the_same_plugin_may_keep_several_contracts),
        slot_test(a_contract_is_known_by_its_digest),
    };

    return slot_rig_run("contracts", tests, sizeof tests / sizeof *tests);
}
