/* redpanda_test.c - transforms of Redpanda in slots: our own, and upstream's examples.  Public headers
 * only. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <berth/grant.h>

#include "guests.h"
#include "slot_rig.h"

static berth_slot *open_guest(slot_rig *r)
{
    berth_slot *slot = slot_rig_open(r, "transform", NULL);

    slot_rig_install_guest(r, slot, "redpanda_transform");
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

static void expect(slot_rig *r, berth_slot *slot, const char *value, const char *output)
{
    berth_reply reply;

    if (call(r, slot, "transform", value, strlen(value), &reply) != BERTH_OK)
        fail_msg("%s: %s", value, r->diag.text);
    assert_int_equal(reply.is_dropped, output == NULL);
    if (output == NULL)
        return;
    assert_int_equal(reply.size, strlen(output));
    assert_memory_equal(reply.data, output, reply.size);
}

static void expect_failure(slot_rig *r, berth_slot *slot, const char *value,
                           berth_status status, berth_reason reason, const char *text)
{
    slot_rig_check(r, call(r, slot, "transform", value, strlen(value), &(berth_reply){ 0 }),
                   status, reason, text);
}

static void a_value_goes_through_a_transform(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = open_guest(r);
    char *much = malloc(7001);

    expect(r, slot, "identity", "identity");
    expect(r, slot, "identity again", "identity again");
    expect(r, slot, "drop", NULL);
    expect(r, slot, "to another topic", "to another topic");
    expect(r, slot, "return", "return");
    expect(r, slot, "exit", "exit");
    expect_failure(r, slot, "2", BERTH_E_PLUGIN, 0, "it wrote 2 records; hook `batch`");
    memset(much, 'm', 7000);
    much[7000] = '\0';
    expect(r, slot, much, much);
    free(much);
}

static void a_record_has_a_time_for_who_may_know_it(void **state)
{
    static const char *const clock[] = { "clock:wall" };
    slot_rig *r = *state;
    berth_slot_options options = BERTH_SLOT_OPTIONS_INIT;
    berth_grants_options with = BERTH_GRANTS_OPTIONS_INIT;
    berth_grants *granted;
    berth_slot *slot = open_guest(r);

    expect(r, slot, "when?", "whenn");
    with.grants = clock;
    with.grants_count = 1;
    assert_int_equal(berth_grants_create(&r->allocator, &with, &granted, &r->diag), BERTH_OK);
    options.grants = granted;
    slot = slot_rig_open(r, "with a clock", &options);
    berth_grants_destroy(granted);
    slot_rig_install_guest(r, slot, "redpanda_transform");
    expect(r, slot, "when?", "wheny");
}

static void a_transform_that_fails_says_how(void **state)
{
    slot_rig *r = *state;
    berth_slot_options options = BERTH_SLOT_OPTIONS_INIT;
    berth_slot *slot = open_guest(r);

    expect_failure(r, slot, "Exit badly", BERTH_E_TRAP, BERTH_REASON_EXIT, "it exited with 3");
    expect(r, slot, "x", "");
    options.output_bytes_max = 1000;
    slot = slot_rig_open(r, "bounded", &options);
    slot_rig_install_guest(r, slot, "redpanda_transform");
    expect_failure(r, slot, "for ever", BERTH_E_LIMIT, BERTH_REASON_OUTPUT, "1000 are allowed");
    expect(r, slot, "identity", "identity");
}

/* ---------------------------------------------------------------- batches */

typedef struct batch {
    uint8_t bytes[512];
    size_t size;
} batch;

/* A record with a key of one byte and no headers. */
static void add(batch *b, const char *value)
{
    uint32_t size = (uint32_t)strlen(value) + 4;

    memcpy(b->bytes + b->size, &size, sizeof size);
    b->size += sizeof size;
    b->bytes[b->size++] = 2;
    b->bytes[b->size++] = 'k';
    b->bytes[b->size++] = (uint8_t)(2 * strlen(value));
    memcpy(b->bytes + b->size, value, strlen(value));
    b->size += strlen(value);
    b->bytes[b->size++] = 0;
}

static size_t expect_frame(const uint8_t *at, const char *topic, const char *value)
{
    batch record = { .size = 0 };
    uint32_t sizes[2];

    add(&record, value);
    memcpy(sizes, at, sizeof sizes);
    assert_int_equal(sizes[0], record.size - 4);
    assert_int_equal(sizes[1], strlen(topic));
    assert_memory_equal(at + 8, topic, strlen(topic));
    assert_memory_equal(at + 8 + sizes[1], record.bytes + 4, sizes[0]);
    return 8 + sizes[1] + sizes[0];
}

static void a_batch_goes_through_with_keys_and_topics(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = open_guest(r);
    batch b = { .size = 0 };
    const uint8_t *at;
    berth_reply reply;

    add(&b, "one");
    add(&b, "drop");
    add(&b, "two");
    add(&b, "2");
    if (call(r, slot, "batch", b.bytes, b.size, &reply) != BERTH_OK)
        fail_msg("%s", r->diag.text);
    at = reply.data;
    at += expect_frame(at, "", "one");
    at += expect_frame(at, "other", "two");
    at += expect_frame(at, "", "2");
    at += expect_frame(at, "", "2");
    assert_int_equal(at - (const uint8_t *)reply.data, reply.size);
    assert_int_equal(call(r, slot, "batch", NULL, 0, &reply), BERTH_OK);
    assert_int_equal(reply.size, 0);
}

static void what_is_no_batch_is_refused(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = open_guest(r);
    batch b = { .size = 0 };

    add(&b, "one");
    add(&b, "two");
    for (size_t size = 1; size < b.size; size++)
        if (size != b.size / 2)
            slot_rig_check(r, call(r, slot, "batch", b.bytes, size, &(berth_reply){ 0 }),
                           BERTH_E_INVALID, 0, "begins no record");
    add(&b, "stop");
    add(&b, "unread");
    slot_rig_check(r, call(r, slot, "batch", b.bytes, b.size, &(berth_reply){ 0 }),
                   BERTH_E_PLUGIN, 0, "it ended after 3 of 4 records");
}

/* ---------------------------------------------------------------- upstream's */

static void what_was_built_for_another_abi_is_refused(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "later", NULL);
    uint8_t *bytes;
    size_t size;

    bytes = guest_read("redpanda_later", &size);
    slot_rig_check(r, slot_rig_try_install(r, slot, bytes, size), BERTH_E_REJECTED, 0,
                   "an ABI that is none of 1 and 2 (it imports `check_abi_version_3`)");
}

static void upstreams_examples_run_as_they_are(void **state)
{
    static const char *const names[] = { "redpanda-identity.wasm",
                                         "redpanda-identity-logging.wasm" };
    slot_rig *r = *state;

    for (size_t i = 0; i < 2; i++) {
        size_t size;
        uint8_t *bytes = corpus_guest_read(names[i], &size);
        berth_slot *slot;

        if (bytes == NULL)
            continue;
        slot = slot_rig_open(r, names[i], NULL);
        slot_rig_install(r, slot, bytes, size);
        for (int n = 0; n < 3; n++)
            expect(r, slot, "a record", "a record");
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        slot_test(a_value_goes_through_a_transform),
        slot_test(a_record_has_a_time_for_who_may_know_it),
        slot_test(a_transform_that_fails_says_how),
        slot_test(a_batch_goes_through_with_keys_and_topics),
        slot_test(what_is_no_batch_is_refused),
        slot_test(what_was_built_for_another_abi_is_refused),
        slot_test(upstreams_examples_run_as_they_are),
    };

    return slot_rig_run("redpanda", tests, sizeof tests / sizeof *tests);
}
