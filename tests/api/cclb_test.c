/* cclb_test.c - cc-lb's guests, unmodified, behave here as they do there: the table in the corpus'
 * README, and rows of the same kind made here.  Without the corpus only the latter run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "slot_rig.h"

static const char *const corpus = BERTH_TEST_SOURCE_DIR "/../shared/corpus/guests";

static uint8_t *corpus_read(const char *name, size_t *size_out)
{
    char path[1024];
    uint8_t *bytes = malloc(1 << 20);
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", corpus, name);
    file = fopen(path, "rb");
    if (file == NULL) {
        free(bytes);
        print_message("skipped: no %s in ../shared/corpus/guests\n", name);
        skip();
    }
    *size_out = fread(bytes, 1, 1 << 20, file);
    fclose(file);
    return bytes;
}

static berth_status try_corpus(slot_rig *r, berth_slot *slot, const char *name)
{
    size_t size;
    uint8_t *bytes = corpus_read(name, &size);

    return slot_rig_try_install(r, slot, bytes, size);
}

static berth_slot *open_kind(slot_rig *r, const char *name, const char *kind)
{
    berth_slot_options opt = BERTH_SLOT_OPTIONS_INIT;

    opt.profile = "cc-lb/1";
    opt.kind = kind;
    return slot_rig_open(r, name, &opt);
}

/* ---- rows made here ---- */

static void hostile_replies_are_told_in_cc_lbs_words(void **state)
{
    const struct {
        plugin_spec spec;
        const char *text;
    } rows[] = {
        { { .is_cclb = true, .pages_min = 1, .hook = PLUGIN_CODE(PLUGIN_I64(0x0a)) },
          "cc_lb_filter: guest returned invalid (ptr=0, len=10)" },
        { { .is_cclb = true,
            .pages_min = 1,
            .hook = PLUGIN_CODE(PLUGIN_I64(0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01)) },
          "cc_lb_filter: guest returned invalid (ptr=1024, len=0)" },
        { { .is_cclb = true,
            .pages_min = 1,
            .hook = PLUGIN_CODE(PLUGIN_I64(0xc0, 0x84, 0xbd, 0x80, 0x80, 0x80, 0x01)) },
          "guest output [1024..1001024] out of bounds (memory size 65536)" },
        { { .is_cclb = true, .pages_min = 1, .hook = PLUGIN_CODE(PLUGIN_I64(0x7f)) },
          "guest output [4294967295..8589934590] out of bounds (memory size 65536)" },
        { { .is_cclb = true, .pages_min = 1, .hook = PLUGIN_CODE(PLUGIN_I64(0x00)) },
          "cc_lb_filter: guest returned invalid (ptr=0, len=0)" }, /* drop is not cc-lb's */
    };
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "hostile", NULL);

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        slot_rig_check(r, slot_rig_try_spec(r, slot, &rows[i].spec), BERTH_E_ABI,
                       BERTH_REASON_REPLY_BOUNDS, rows[i].text);
        assert_non_null(strstr(r->diag.text, "probe of hook 'filter'"));
    }
    assert_int_equal(slot_rig_stats(slot).version, 0);
    assert_int_equal(slot_rig_stats(slot).refused, sizeof rows / sizeof *rows);
}

static berth_status call_filter(slot_rig *r, berth_slot *slot, const void *input, size_t size,
                                berth_reply *reply)
{
    berth_call call = BERTH_CALL_INIT;

    call.hook = slot_rig_hook(r, slot, "filter");
    call.arena = r->arena;
    call.input = input;
    call.input_size = size;
    berth_arena_reset(r->arena);
    memset(&r->diag, 0, sizeof r->diag);
    return berth_slot_call(slot, &call, reply, &r->diag);
}

static void the_input_is_the_guests_and_so_is_its_allocator(void **state)
{
    plugin_spec echo = { .is_cclb = true };
    plugin_spec out_of_bounds = { .is_cclb = true,
                                  .alloc = PLUGIN_CODE(PLUGIN_I32(0x80, 0x80, 0xc0, 0x00)) };
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "made", NULL);
    berth_reply reply;
    char big[70000];

    assert_int_equal(slot_rig_install_spec(r, slot, &echo), 1);
    memset(big, 'b', sizeof big);
    assert_int_equal(call_filter(r, slot, big, sizeof big, &reply), BERTH_OK); /* > 64 KiB */
    assert_int_equal(reply.size, sizeof big);
    assert_memory_equal(reply.data, big, sizeof big);
    /* An empty input is allocated too; the reply is then empty, and cc-lb has no such reply. */
    slot_rig_check(r, call_filter(r, slot, NULL, 0, &reply), BERTH_E_ABI,
                   BERTH_REASON_REPLY_BOUNDS, "len=0");
    slot_rig_check(r, slot_rig_try_spec(r, slot, &out_of_bounds), BERTH_E_ABI,
                   BERTH_REASON_ALLOC, "cc_lb_alloc");
    assert_int_equal(call_filter(r, slot, "x", 1, &reply), BERTH_OK);
}

/* ---- the corpus ---- */

static void hostile_corpus_guests_are_refused(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = slot_rig_open(r, "hostile", NULL);

    slot_rig_check(r, try_corpus(r, slot, "cclb-hostile-null-ptr.wasm"), BERTH_E_ABI,
                   BERTH_REASON_REPLY_BOUNDS,
                   "cc_lb_filter: guest returned invalid (ptr=0, len=10)");
    slot_rig_check(r, try_corpus(r, slot, "cclb-hostile-zero-len.wasm"), BERTH_E_ABI,
                   BERTH_REASON_REPLY_BOUNDS,
                   "cc_lb_filter: guest returned invalid (ptr=1024, len=0)");
    assert_int_equal(slot_rig_stats(slot).version, 0);
}

static void a_filter_is_served_as_one(void **state)
{
    slot_rig *r = *state;
    berth_slot *slot = open_kind(r, "filters", "filter");
    berth_version_stats v;
    berth_reply reply;
    uint8_t junk[32];

    assert_int_equal(try_corpus(r, slot, "cclb-readme-accept-all.wasm"), BERTH_OK);
    assert_int_equal(berth_slot_versions(slot, &v, 1), 1);
    assert_string_equal(v.plugin_name, "accept-all");
    /* What no request is, is the plugin's to refuse; the slot serves on. */
    memset(junk, 0xaa, sizeof junk);
    (void)call_filter(r, slot, junk, sizeof junk, &reply);
    (void)call_filter(r, slot, NULL, 0, &reply);
    assert_int_equal(slot_rig_stats(slot).calls, 2);
    assert_int_equal(slot_rig_stats(slot).in_flight, 0);
    assert_int_equal(slot_rig_stats(slot).version, 1);
}

static void a_slot_is_pinned_to_its_kind(void **state)
{
    slot_rig *r = *state;
    berth_slot *filters = slot_rig_open(r, "decided by its first", NULL);
    berth_slot *shapes = open_kind(r, "shapes", "shape");

    assert_int_equal(try_corpus(r, filters, "cclb-readme-accept-all.wasm"), BERTH_OK);
    assert_int_not_equal(try_corpus(r, filters, "cclb-shape-ours.wasm"), BERTH_OK);
    assert_true(r->diag.text[0] != '\0');
    assert_int_equal(slot_rig_stats(filters).version, 1);
    assert_int_not_equal(try_corpus(r, shapes, "cclb-readme-accept-all.wasm"), BERTH_OK);
    assert_int_equal(slot_rig_stats(shapes).version, 0);
    assert_int_equal(try_corpus(r, shapes, "cclb-shape-ours.wasm"), BERTH_OK);
    assert_int_equal(slot_rig_stats(shapes).version, 1);
}

static void guests_of_other_systems_are_refused_with_a_reason(void **state)
{
    static const char *const names[] = { "extism-rs-count-vowels.wasm",
                                         "fluvio-readme-map.wasm",
                                         "redpanda-identity.wasm",
                                         "probe-zig.core.wasm",
                                         "probe-as.component.wasm",
                                         "torvyn-tmpl-filter.component.wasm",
                                         "polyplug-add.so" };
    slot_rig *r = *state;
    berth_slot *slot = open_kind(r, "others", "filter");

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (try_corpus(r, slot, names[i]) != BERTH_E_REJECTED)
            fail_msg("%s: %s", names[i], r->diag.text);
        assert_true(r->diag.text[0] != '\0');
    }
    assert_int_equal(slot_rig_runtime_stats(r).compiles, 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        slot_test(hostile_replies_are_told_in_cc_lbs_words),
        slot_test(the_input_is_the_guests_and_so_is_its_allocator),
        slot_test(hostile_corpus_guests_are_refused),
        slot_test(a_filter_is_served_as_one),
        slot_test(a_slot_is_pinned_to_its_kind),
        slot_test(guests_of_other_systems_are_refused_with_a_reason),
    };

    return slot_rig_run("cc-lb", tests, sizeof tests / sizeof *tests);
}
