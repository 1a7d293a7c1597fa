/* fuzz_admit.c - admission of bytes that somebody else chose.
 *
 * Bytes that begin like a WebAssembly binary are inspected and admitted as they are.  All others
 * become the metadata section of an otherwise sound plugin, of each profile in turn, so that the
 * fuzzer reaches what lies behind the module reader.  What has to hold for any input:
 *
 *   - inspection succeeds, whatever it says;
 *   - its JSON is JSON, its text moves no cursor;
 *   - what inspection says to fit is admitted, and nothing else is.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include <berth/admit.h>

#include "admit/admit.h"
#include "base/utf8.h"
#include "runtime/families.h"
#include "wasm_builder.h"
#include "fuzz.h"

static const berthi_admit_limits limits = { .artifact_bytes_max = BERTHI_ARTIFACT_BYTES_MAX,
                                            .memory_bytes_max = BERTHI_MEMORY_BYTES_MAX,
                                            .table_elements_max = BERTHI_TABLE_ELEMENTS_MAX,
                                            .profiles = berthi_families,
                                            .has_no_slot = true };

static void check_text(const char *text)
{
    const char *line_end;

    for (; *text != '\0'; text = line_end + 1) {
        line_end = strchr(text, '\n');
        CHECK(line_end != NULL);
        CHECK(berthi_utf8_is_plain_text(text, (size_t)(line_end - text)));
    }
}

/* A component's hook is exported under its own name, a core module's behind a prefix. */
static void check_plugin(const berthi_plugin *plugin, bool is_component)
{
    bool is_foreign = plugin->profile->family != NULL; /* which names its hooks as it likes */
    const char *hook_prefix = is_component || is_foreign ? "" : plugin->profile->hook_prefix;
    size_t prefix = strlen(hook_prefix);

    CHECK(plugin->name[0] != '\0' && plugin->version[0] != '\0');
    CHECK(plugin->hooks_count >= 1 ||
          is_component); /* which may have functions of other types */
    CHECK(plugin->hooks_count <= BERTHI_HOOKS_MAX);
    for (uint32_t i = 0; i < plugin->hooks_count; i++) {
        const berthi_hook *hook = &plugin->hooks[i];

        CHECK(strncmp(hook->export_name, hook_prefix, prefix) == 0);
        CHECK(is_foreign || strcmp(hook->export_name + prefix, hook->name) == 0);
        CHECK(i == 0 || strcmp(plugin->hooks[i - 1].name, hook->name) < 0);
        CHECK(hook->probe.size == 0 || hook->probe.data != NULL);
    }
}

static void admit_one(const uint8_t *bytes, size_t size, const char *profile, const char *kind,
                      bool fits)
{
    berthi_plugin plugin;
    berthi_arena arena;
    berth_diag diag = { 0 };
    berth_status status;

    berthi_arena_init(&arena, &berthi_allocator_libc, SIZE_MAX);
    status = berthi_admit(bytes, size, profile, kind, &limits, &arena, &plugin, &diag);
    CHECK(status == (fits ? BERTH_OK : BERTH_E_REJECTED));
    if (status == BERTH_OK)
        check_plugin(&plugin, size > 4 && bytes[4] == 0x0d);
    else
        CHECK(diag.status == (int32_t)BERTH_E_REJECTED && diag.text[0] != '\0');
    berthi_arena_fini(&arena);
}

static bool says_fits(json_t *fits, const char *profile, const char *kind)
{
    json_t *item;
    size_t i;

    json_array_foreach(fits, i, item)
    {
        if (strcmp(json_string_value(json_object_get(item, "profile")), profile) == 0 &&
            strcmp(json_string_value(json_object_get(item, "kind")), kind) == 0)
            return true;
    }
    return false;
}

static void look_at(const uint8_t *bytes, size_t size)
{
    berth_verdict *verdict;
    berth_diag diag;
    json_t *root, *fits;

    CHECK(berth_inspect(NULL, bytes, size, 0, &verdict, &diag) == BERTH_OK);
    check_text(berth_verdict_text(verdict));
    root =
        json_loads(berth_verdict_json(verdict), JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    CHECK(root != NULL);
    fits = json_object_get(root, "fits");
    CHECK(json_array_size(fits) == berth_verdict_fits(verdict));
    for (size_t i = 0; berthi_families[i] != NULL; i++)
        for (size_t k = 0; berthi_families[i]->kinds[k] != NULL; k++)
            admit_one(bytes, size, berthi_families[i]->id, berthi_families[i]->kinds[k],
                      says_fits(fits, berthi_families[i]->id, berthi_families[i]->kinds[k]));
    admit_one(bytes, size, NULL, NULL, berth_verdict_fits(verdict) > 0);
    json_decref(root);
    berth_verdict_destroy(verdict);
}

/* A module with everything that any profile asks for, but for the metadata. */
static void put_plugin(bertht_wasm *m)
{
    static const char *const hooks[] = { "berth_hook_a",
                                         "berth_hook_b",
                                         "cc_lb_filter",
                                         "cc_lb_shape",
                                         "cc_lb_transform_response",
                                         "cc_lb_transform_sse_event" };
    uint32_t alloc = wasm_func(m, "ii:i", "\x41\x10", 2), free = wasm_func(m, "iii:", "", 0);
    uint32_t hook = wasm_func(m, "ii:I", "\x42\x00", 2);

    wasm_memory(m, 0, 1, 0);
    wasm_export(m, "memory", 2, 0);
    wasm_export(m, "berth_alloc", 0, alloc);
    wasm_export(m, "cc_lb_alloc", 0, alloc);
    wasm_export(m, "berth_free", 0, free);
    wasm_export(m, "cc_lb_free", 0, free);
    for (size_t i = 0; i < sizeof hooks / sizeof *hooks; i++)
        wasm_export(m, hooks[i], 0, hook);
    for (size_t i = 0; i < berthi_profile_cclb.hooks_count; i++) {
        const berthi_profile_hook *row = &berthi_profile_cclb.hooks[i];
        char name[96];

        snprintf(name, sizeof name, "cc_lb.schema.%s.v%u", row->name, row->wire_version);
        wasm_custom(m, name, row->schema, BERTHI_SCHEMA_SIZE);
    }
}

static void look_at_metadata(const char *section, const uint8_t *data, size_t size)
{
    bertht_wasm m = { 0 };
    uint8_t *bytes;
    size_t bytes_size;

    put_plugin(&m);
    wasm_custom(&m, section, data, size);
    bytes = wasm_finish(&m, &bytes_size);
    look_at(bytes, bytes_size);
    free(bytes);
    wasm_free(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size >= 4 && memcmp(data, "\0asm", 4) == 0) {
        look_at(data, size);
        return 0;
    }
    look_at(data, size < 64 ? size : 64);
    for (size_t i = 0; berthi_profiles[i] != NULL; i++)
        look_at_metadata(berthi_profiles[i]->metadata_section, data, size);
    return 0;
}
