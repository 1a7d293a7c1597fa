/* languages_test.c - components that other languages' own tools made are called: JavaScript and Python
 * with their interpreters inside, and Rust.  Public headers only.
 *
 * `make guests` builds them from tests/guests/languages into a cache; BERTH_LANGUAGE_GUESTS names the
 * folder.  What is not there is skipped.  Those with an interpreter inside take a minute to compile,
 * and run where BERTH_LANGUAGE_GUESTS_HEAVY is set, as `make guests` does. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <berth/host.h>
#include <berth/invoke.h>

#include "slot_rig.h"

typedef struct world {
    berth_host *host;
    berth_runtime *runtime;
    berth_slot *slot;
    berth_arena *arena;
    berth_diag diag;
    char log[256];
} world;

static const char wit[] = "package berth:languages@1.0.0; interface log {"
                          "  write: func(level: u8, text: string); }";

static berth_status log_write(void *ctx, const void *args, void *result, berth_host_call *call)
{
    const struct {
        uint8_t level;
        berth_string text;
    } *a = args;
    world *w = berth_host_context(call);

    (void)ctx;
    (void)result;
    snprintf(w->log, sizeof w->log, "%d %.*s", a->level, (int)a->text.size, a->text.text);
    return BERTH_OK;
}

static const char *folder(void)
{
    const char *name = getenv("BERTH_LANGUAGE_GUESTS");

    return name == NULL || name[0] == '\0' ? "." : name;
}

static bool begin(world *w, const char *language, bool is_heavy)
{
    berth_runtime_options options = BERTH_RUNTIME_OPTIONS_INIT;
    berth_slot_options slot = BERTH_SLOT_OPTIONS_INIT;
    char path[1024];

    *w = (world){ .log = "" };
    snprintf(path, sizeof path, "%s/%s.wasm", folder(), language);
    if (access(path, R_OK) != 0) {
        printf("not there: %s; `make guests` builds it\n", path);
        return false;
    }
    options.memory_bytes_max = 256 << 20;
    options.table_elements_max = 100000;
    options.stack_bytes_max = 1 << 20;
    slot.name = language;
    slot.deadline_ns = slot.probe_deadline_ns = 60000000000u;
    slot.host_ctx = w;
    if (berth_host_create(NULL, &w->host, &w->diag) != BERTH_OK ||
        berth_host_declare(w->host, wit, strlen(wit), &w->diag) != BERTH_OK ||
        berth_host_bind(w->host, "berth:languages/log@1.0.0", "write", 24, 0, log_write, NULL,
                        &w->diag) != BERTH_OK)
        fail_msg("%s", w->diag.text);
    options.host = w->host;
    if (berth_runtime_create(&options, &w->runtime, &w->diag) != BERTH_OK)
        fail_msg("%s", w->diag.text);
    if (is_heavy && (getenv("BERTH_LANGUAGE_GUESTS_HEAVY") == NULL ||
                     strcmp(berth_runtime_engine(w->runtime), "interp") == 0)) {
        printf(
            "only where BERTH_LANGUAGE_GUESTS_HEAVY is set, and not on the interpreter: %s\n",
            path);
        berth_runtime_destroy(w->runtime);
        berth_host_destroy(w->host);
        return false;
    }
    if (berth_arena_create(NULL, 0, &w->arena, &w->diag) != BERTH_OK ||
        berth_slot_open(w->runtime, &slot, &w->slot, &w->diag) != BERTH_OK ||
        berth_slot_install_file(w->slot, path, NULL, &w->diag) != BERTH_OK)
        fail_msg("%s: %s", path, w->diag.text);
    return true;
}

static void end(world *w)
{
    berth_arena_destroy(w->arena);
    berth_slot_release(w->slot);
    berth_runtime_destroy(w->runtime);
    berth_host_destroy(w->host);
}

static void gives(world *w, const char *text, const char *expected)
{
    berth_call call = BERTH_CALL_INIT;
    const char *out = NULL;

    berth_arena_reset(w->arena);
    call.arena = w->arena;
    if (berth_slot_evaluate(w->slot, text, &call, BERTH_TEXT_WAVE, &out, &w->diag) != BERTH_OK)
        fail_msg("%s: %s", text, w->diag.text);
    assert_string_equal(out, expected);
}

static void check(const char *language, bool is_heavy)
{
    char log[64];
    world w;

    if (!begin(&w, language, is_heavy))
        return;
    for (int n = 0; n < 3; n++) {
        gives(&w, "process([104, 105, 33])", "ok([72, 73, 33])");
        snprintf(log, sizeof log, "1 %s: 3 bytes", language);
        assert_string_equal(w.log, log);
        gives(&w, "process([])", "err(\"no input\")");
        gives(&w, "tally([\"to\", \"be\", \"\\u{e9}t\\u{e9}\", \"to\"])",
              "ok([{word: \"to\", count: 2}, {word: \"be\", count: 1}, "
              "{word: \"\xc3\xa9t\xc3\xa9\", count: 1}])");
        gives(&w, "tally([])", "err(empty)");
        gives(&w, "tally([\"a\", \"much-too-long\"])", "err(too-long(13))");
    }
    end(&w);
}

static void a_component_made_from_rust_answers(void **state)
{
    (void)state;
    check("rust", false);
}

static void a_component_with_javascript_inside_answers(void **state)
{
    (void)state;
    check("js", true);
}

static void a_component_with_python_inside_answers(void **state)
{
    (void)state;
    check("python", true);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_component_made_from_rust_answers),
        cmocka_unit_test(a_component_with_javascript_inside_answers),
        cmocka_unit_test(a_component_with_python_inside_answers),
    };

    if (access(folder(), R_OK) != 0) {
        printf("skipped: there is no %s; `make guests` builds what would be there\n", folder());
        return 77;
    }
    return cmocka_run_group_tests_name("guests in other languages", tests, NULL, NULL);
}
