/* cclb_guests_test.c - cc-lb's own plugins behave in Berth as they do in cc-lb.
 *
 * The guests are beside a checkout of the project, not in it; without them nothing is tested and
 * a line says so.  Each is installed and called on every engine of the build.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <berth/slot.h>

#include "admit/admit.h"

static const char folder[] = BERTH_TEST_SOURCE_DIR "/../shared/corpus/guests";
static const char *const engines[] = { "interp", "wasmtime" };

/* NULL: that guest is not there. */
static uint8_t *read_guest(const char *name, size_t *size_out)
{
    char path[1024];
    uint8_t *bytes = malloc(1 << 20);
    FILE *file;

    assert_non_null(bytes);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    file = fopen(path, "rb");
    if (file == NULL) {
        free(bytes);
        return NULL;
    }
    *size_out = fread(bytes, 1, 1 << 20, file);
    fclose(file);
    return bytes;
}

typedef struct rig {
    berth_runtime *runtime;
    berth_slot *slot;
} rig;

/* False: the build has no such engine. */
static bool rig_open(rig *r, const char *engine)
{
    berth_runtime_options options = BERTH_RUNTIME_OPTIONS_INIT;
    berth_slot_options slot_options = BERTH_SLOT_OPTIONS_INIT;
    berth_diag diag;
    berth_status status;

    options.engine = engine;
    options.instances_max = 8;
    status = berth_runtime_create(&options, &r->runtime, &diag);
    if (status == BERTH_E_ABSENT)
        return false;
    assert_int_equal(status, BERTH_OK);
    slot_options.name = "guest";
    slot_options.profile = "cc-lb/1";
    slot_options.deadline_ns = UINT64_C(120000000000); /* sanitizers are slow, machines busy */
    slot_options.probe_deadline_ns = UINT64_C(120000000000);
    assert_int_equal(berth_slot_open(r->runtime, &slot_options, &r->slot, &diag), BERTH_OK);
    return true;
}

static void rig_close(rig *r)
{
    berth_slot_release(r->slot);
    berth_runtime_destroy(r->runtime);
}

/* The guest that says it is bad is refused with these words; a good one (NULL) is called. */
static unsigned check_guest(const char *name, const char *why, const char *hook,
                            const void *input, size_t input_size, const char *in_reply,
                            size_t in_reply_size)
{
    unsigned checked = 0;
    size_t size;
    uint8_t *bytes = read_guest(name, &size);

    for (size_t e = 0; bytes != NULL && e < sizeof engines / sizeof *engines; e++) {
        berth_call call = BERTH_CALL_INIT;
        berth_status status;
        berth_reply reply;
        berth_diag diag = { 0 };
        rig r;

        if (!rig_open(&r, engines[e]))
            continue;
        status = berth_slot_install(r.slot, bytes, size, NULL, &diag);
        if (why != NULL) {
            assert_int_equal(status, BERTH_E_ABI);
            if (strstr(diag.text, why) == NULL)
                fail_msg("%s: %s", name, diag.text);
        } else {
            if (status != BERTH_OK)
                fail_msg("%s: %s", name, diag.text);
            assert_int_equal(berth_arena_create(NULL, 0, &call.arena, &diag), BERTH_OK);
            assert_int_equal(berth_slot_hook(r.slot, hook, &call.hook, &diag), BERTH_OK);
            call.input = input;
            call.input_size = input_size;
            assert_int_equal(berth_slot_call(r.slot, &call, &reply, &diag), BERTH_OK);
            assert_non_null(memmem(reply.data, reply.size, in_reply, in_reply_size));
            berth_arena_destroy(call.arena);
        }
        rig_close(&r);
        checked++;
    }
    free(bytes);
    return checked;
}

static void skip_without_guests(unsigned checked)
{
    if (checked > 0)
        return;
    print_message("skipped: %s has no such guests\n", folder);
    skip();
}

static const berthi_bytes *probe_of(size_t hook)
{
    return &berthi_profile_cclb.hooks[hook].probe;
}

static void good_guests_are_installed_and_answer(void **state)
{
    unsigned checked;

    (void)state;
    /* No candidates, no verdicts: the archive of an empty list. */
    checked = check_guest("cclb-readme-accept-all.wasm", NULL, "filter", probe_of(0)->data,
                          probe_of(0)->size, "\0\0\0\0", 4);
    checked += check_guest("cclb-shape-ours.wasm", NULL, "shape", probe_of(1)->data,
                           probe_of(1)->size, "https://example.test/v1/messages", 32);
    skip_without_guests(checked);
}

static void hostile_guests_are_refused_in_the_words_of_cc_lb(void **state)
{
    unsigned checked;

    (void)state;
    checked = check_guest("cclb-hostile-null-ptr.wasm",
                          "cc_lb_filter: guest returned invalid (ptr=0, len=10)", NULL, NULL, 0,
                          NULL, 0);
    checked += check_guest("cclb-hostile-zero-len.wasm",
                           "cc_lb_filter: guest returned invalid (ptr=1024, len=0)", NULL, NULL,
                           0, NULL, 0);
    checked += check_guest("cclb-hostile-oob-output.wasm",
                           "guest output [1024..1001024] out of bounds (memory size 65536)",
                           NULL, NULL, 0, NULL, 0);
    checked += check_guest("cclb-hostile-ptr-len-overflow.wasm",
                           "guest output [4294967295..8589934590] out of bounds "
                           "(memory size 65536)",
                           NULL, NULL, 0, NULL, 0);
    skip_without_guests(checked);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_guests_are_installed_and_answer),
        cmocka_unit_test(hostile_guests_are_refused_in_the_words_of_cc_lb),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
