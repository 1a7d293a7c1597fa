/* bundle_rig.c - a set of bundles over a runtime, and what its tests keep asking. */
#include "bundle_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <berth/invoke.h>

static void put_manifest(bundle_rig *t, const char *dir, const char *name, const char *version,
                         const char *package, const char *interfaces, const char *contracts,
                         const char *head, const char *tail)
{
    char text[4096], path[128];
    size_t used;

    used = (size_t)snprintf(text, sizeof text,
                            "[bundle]\nname = \"%s\"\nversion = \"%s\"\n%s\n[[artifact]]\n"
                            "kind = \"component\"\nfile = \"it.wasm\"\n",
                            name, version, head);
    for (const char *i = interfaces; *i != '\0';) {
        int length = (int)strcspn(i, " ");

        used += (size_t)snprintf(text + used, sizeof text - used,
                                 "[[provides]]\ncontract = \"%s/%.*s@%s\"\n", package, length,
                                 i, contracts);
        i += length + (i[length] == ' ');
    }
    snprintf(text + used, sizeof text - used, "%s", tail);
    snprintf(path, sizeof path, "%s/berth.toml", dir);
    bundle_folder_text(&t->folder, path, "%s", text);
}

void bundle_rig_put(bundle_rig *t, const char *dir, const char *name, const char *version,
                    const char *interfaces, const char *contracts, uint8_t value,
                    const char *head, const char *tail)
{
    char path[128];

    put_manifest(t, dir, name, version, "x:y", interfaces, contracts, head, tail);
    snprintf(path, sizeof path, "%s/it.wasm", dir);
    bundle_component_put(&t->folder, path, interfaces, contracts, value);
}

void bundle_rig_put_caller(bundle_rig *t, const char *dir, const char *name,
                           const char *version, const bundle_caller *caller, const char *head,
                           const char *tail)
{
    char path[128];

    put_manifest(t, dir, name, version, caller->own == NULL ? "x:u" : caller->own,
                 caller->exports == NULL ? "u" : caller->exports, "1.0.0", head, tail);
    snprintf(path, sizeof path, "%s/it.wasm", dir);
    bundle_component_put_caller(&t->folder, path, caller);
}

static void note_warning(void *ctx, const char *text)
{
    bundle_rig *t = ctx;
    size_t used = strlen(t->warnings);

    snprintf(t->warnings + used, sizeof t->warnings - used, "%s\n", text);
    if (t->on_warning != NULL)
        t->on_warning(t);
}

void bundle_rig_start(bundle_rig *t, slot_rig *r, berth_bundles_options *options)
{
    berth_bundles_options own = BERTH_BUNDLES_OPTIONS_INIT;

    memset(t, 0, sizeof *t);
    t->r = r;
    bundle_folder_make(&t->folder);
    if (options == NULL)
        options = &own;
    options->warn = note_warning;
    options->warn_ctx = t;
    assert_int_equal(berth_bundles_create(r->runtime, options, &t->bundles, NULL), BERTH_OK);
}

void bundle_rig_end(bundle_rig *t)
{
    berth_bundles_destroy(t->bundles);
    bundle_folder_remove(&t->folder);
}

/* ---------------------------------------------------------------- what tests say */

berth_status bundle_rig_load(bundle_rig *t, const char *dir, const char *name)
{
    const char *paths[1] = { bundle_folder_at(&t->folder, dir) };

    memset(&t->r->diag, 0, sizeof t->r->diag);
    return berth_bundles_load(t->bundles, paths, 1, &name, name != NULL, &t->r->diag);
}

void bundle_rig_must_load(bundle_rig *t, const char *dir, const char *name)
{
    if (bundle_rig_load(t, dir, name) != BERTH_OK)
        fail_msg("%s", t->r->diag.text);
}

berth_status bundle_rig_reload(bundle_rig *t, const char *dir)
{
    return berth_bundles_reload(t->bundles, bundle_folder_at(&t->folder, dir), &t->r->diag);
}

void bundle_rig_must_reload(bundle_rig *t, const char *dir)
{
    if (bundle_rig_reload(t, dir) != BERTH_OK)
        fail_msg("%s", t->r->diag.text);
}

berth_status bundle_rig_get_within(bundle_rig *t, const char *slot_name, const char *interface,
                                   uint64_t deadline_ns, unsigned *value)
{
    berth_call call = BERTH_CALL_INIT;
    const char *text;
    char expression[128];
    berth_slot *slot;
    berth_status status;

    memset(&t->r->diag, 0, sizeof t->r->diag);
    status = berth_slot_find(t->r->runtime, NULL, slot_name, &slot);
    if (status != BERTH_OK)
        return status;
    call.arena = t->r->arena;
    call.deadline_ns = deadline_ns;
    snprintf(expression, sizeof expression, "%s#get()", interface);
    status = berth_slot_evaluate(slot, expression, &call, BERTH_TEXT_WAVE, &text, &t->r->diag);
    if (status == BERTH_OK)
        *value = (unsigned)strtoul(text, NULL, 10);
    berth_arena_reset(t->r->arena);
    berth_slot_release(slot);
    return status;
}

berth_status bundle_rig_get(bundle_rig *t, const char *slot_name, const char *interface,
                            unsigned ms, unsigned *value)
{
    return bundle_rig_get_within(t, slot_name, interface, (ms == 0 ? 20000 : ms) * MS, value);
}

unsigned bundle_rig_ask(bundle_rig *t, const char *slot_name, const char *interface)
{
    char name[128];
    unsigned value = 1001;
    berth_slot *slot;

    if (berth_slot_find(t->r->runtime, NULL, slot_name, &slot) != BERTH_OK)
        return 1000;
    berth_slot_release(slot);
    snprintf(name, sizeof name, "x:y/%s", interface);
    (void)bundle_rig_get(t, slot_name, name, 0, &value);
    return value;
}

void bundle_rig_assert_loaded(bundle_rig *t, const char *wanted)
{
    static const char key[] = "\n      \"slot\": \"";
    const char *text, *at;
    char list[512] = "";
    uint32_t count = 0;

    assert_int_equal(berth_bundles_report(t->bundles, t->r->arena, &text, NULL), BERTH_OK);
    for (at = text; (at = strstr(at, key)) != NULL; count++) {
        at += strlen(key);
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%.*s",
                 *list == '\0' ? "" : " ", (int)strcspn(at, "\""), at);
    }
    berth_arena_reset(t->r->arena);
    assert_string_equal(list, wanted);
    assert_int_equal(slot_rig_runtime_stats(t->r).slots, count);
}

void bundle_rig_assert_said(bundle_rig *t, const char *text)
{
    if (strstr(t->r->diag.text, text) == NULL)
        fail_msg("%s\nis not in: %s", text, t->r->diag.text);
}
