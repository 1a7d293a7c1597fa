/* fluvio_test.c - SmartModules of Fluvio in slots: our own, and those that upstream's tools made.  Public
 * headers only. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guests.h"
#include "slot_rig.h"

static berth_slot *open_guest(slot_rig *r, const char *name, const char *config)
{
    berth_slot_options options = BERTH_SLOT_OPTIONS_INIT;
    berth_slot *slot;

    options.plugin_config = config;
    options.plugin_config_size = config == NULL ? 0 : strlen(config);
    slot = slot_rig_open(r, name, &options);
    slot_rig_install_guest(r, slot, "fluvio_module");
    return slot;
}

static berth_status call(slot_rig *r, berth_slot *slot, const char *hook, const void *input,
                         size_t size, berth_reply *reply)
{
    berth_call c = BERTH_CALL_INIT;

    berth_arena_reset(r->arena);
    c.hook = slot_rig_hook(r, slot, hook);
    c.input = input;
    c.input_size = size;
    c.arena = r->arena;
    return berth_slot_call(slot, &c, reply, &r->diag);
}

static void expect_bytes(slot_rig *r, berth_slot *slot, const char *hook, const char *value,
                         const void *output, size_t size)
{
    berth_reply reply;

    if (call(r, slot, hook, value, strlen(value), &reply) != BERTH_OK)
        fail_msg("%s %s: %s", hook, value, r->diag.text);
    assert_int_equal(reply.is_dropped, output == NULL);
    assert_int_equal(reply.size, size);
    if (size != 0)
        assert_memory_equal(reply.data, output, size);
}

static void expect(slot_rig *r, berth_slot *slot, const char *hook, const char *value,
                   const char *output)
{
    expect_bytes(r, slot, hook, value, output, output == NULL ? 0 : strlen(output));
}

static void expect_failure(slot_rig *r, berth_slot *slot, const char *hook, const char *value,
                           berth_status status, const char *text)
{
    slot_rig_check(r, call(r, slot, hook, value, strlen(value), &(berth_reply){ 0 }), status, 0,
                   text);
}

static void each_function_of_a_module_is_a_hook(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = open_guest(r, "all", NULL);
    char much[5001];

    memset(much, 'm', sizeof much - 1);
    much[sizeof much - 1] = '\0';
    expect(r, slot, "filter", "a record", "a record");
    expect(r, slot, "filter", "drop", NULL);
    expect(r, slot, "filter", "", NULL);
    expect(r, slot, "filter", much, much);
    expect(r, slot, "map", "a record", "a record");
    expect_bytes(r, slot, "array_map", "xyz", "\1\0\0\0x\1\0\0\0y\1\0\0\0z", 15);
    expect(r, slot, "array_map", "", NULL);
    expect(r, slot, "aggregate", "one ", "one ");
    expect(r, slot, "aggregate", "two", "one two");
    expect_failure(r, slot, "filter_map", "a", BERTH_E_ABI, "it made 2 records of one");
    expect(r, slot, "aggregate", "one", "one"); /* of another instance */
}

static void a_module_is_told_its_parameters(void **state)
{
    slot_rig *r = *state;
    berth_slot_options options = BERTH_SLOT_OPTIONS_INIT;
    berth_slot *slot = open_guest(r, "with", "{ \"s\": \" and more\" }");
    uint8_t *bytes;
    size_t size;

    expect(r, slot, "map", "a record", "a record and more");
    options.plugin_config = "{ \"t\": \"\" }";
    options.plugin_config_size = strlen(options.plugin_config);
    slot = slot_rig_open(r, "unknown", &options);
    bytes = guest_read("fluvio_module", &size);
    slot_rig_check(r, slot_rig_try_install(r, slot, bytes, size), BERTH_E_PLUGIN, 0,
                   "init: it answered 1: s alone!!");
    options.plugin_config = "1";
    options.plugin_config_size = 1;
    slot = slot_rig_open(r, "bad", &options);
    bytes = guest_read("fluvio_module", &size);
    slot_rig_check(r, slot_rig_try_install(r, slot, bytes, size), BERTH_E_INVALID, 0,
                   "at byte 0: it is not an object");
}

static void what_a_module_gives_is_not_believed(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = open_guest(r, "hostile", NULL);
    char *large = malloc(20001);

    expect_failure(r, slot, "filter", "-", BERTH_E_PLUGIN, "filter: it answered -3");
    expect_failure(r, slot, "filter", "E", BERTH_E_PLUGIN, "filter: wrong");
    expect(r, slot, "filter", "twice", "twice");
    expect_failure(r, slot, "filter", "n", BERTH_E_ABI, "it answered 1, and gave no records");
    expect_failure(r, slot, "filter", "o", BERTH_E_ABI, "copy_records: 32 bytes at 4294967280");
    expect_failure(r, slot, "filter", "e", BERTH_E_ABI, "it gave 0 bytes that are no records");
    expect_failure(r, slot, "filter", "c", BERTH_E_ABI, "that are no records");
    expect_failure(r, slot, "filter", "l", BERTH_E_ABI, "that are no records");
    memset(large, 'm', 20000);
    large[20000] = '\0';
    slot_rig_check(r, call(r, slot, "filter", large, 20000, &(berth_reply){ 0 }), BERTH_E_ABI,
                   BERTH_REASON_ALLOC, "answered 4294967280");
    expect(r, slot, "filter", "fine", "fine");
    free(large);
}

/* ---------------------------------------------------------------- upstream's */

static berth_slot *open_upstream(slot_rig *r, const char *name)
{
    size_t size;
    uint8_t *bytes = corpus_guest_read(name, &size);
    berth_slot *slot;

    if (bytes == NULL)
        return NULL;
    slot = slot_rig_open(r, name, NULL);
    slot_rig_install(r, slot, bytes, size);
    return slot;
}

static void upstreams_modules_run_as_they_are(void **state)
{
    static const char *const filters[] = { "fluvio-readme-filter.wasm",
                                           "fluvio-readme-filter.wasip1.wasm" };
    slot_rig *r = *state;
    berth_slot *slot;

    for (size_t i = 0; i < 2; i++) {
        slot = open_upstream(r, filters[i]);
        if (slot == NULL)
            continue;
        expect(r, slot, "filter", "an apple", "an apple");
        expect(r, slot, "filter", "hello", NULL);
    }
    slot = open_upstream(r, "fluvio-readme-map.wasm");
    if (slot != NULL) {
        expect(r, slot, "map", "21", "42");
        expect_failure(r, slot, "map", "x", BERTH_E_PLUGIN, "map: ");
        expect(r, slot, "map", "5", "10");
    }
    slot = open_upstream(r, "fluvio-readme-aggregate.wasm");
    if (slot != NULL) {
        expect(r, slot, "aggregate", "one", "one");
        expect(r, slot, "aggregate", "two", "onetwo");
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        slot_test(each_function_of_a_module_is_a_hook),
        slot_test(a_module_is_told_its_parameters),
        slot_test(what_a_module_gives_is_not_believed),
        slot_test(upstreams_modules_run_as_they_are),
    };

    return slot_rig_run("fluvio", tests, sizeof tests / sizeof *tests);
}
