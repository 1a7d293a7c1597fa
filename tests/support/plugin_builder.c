/* plugin_builder.c - plugins that are sound but for what a test asks for. */
#include "plugin_builder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOOK_TEXTS "\"wire_version\": 1, \"description\": \"d\", \"usage\": \"u\""

const char *const sound_berth_metadata =
    "{\"name\": \"sound\", \"version\": \"1.2.3\", \"description\": \"For tests.\", "
    "\"hooks\": {\"echo\": {\"description\": \"Says it again.\", \"probe\": \"a line\"}}}";

const char *const sound_cclb_metadata =
    "{\"name\": \"sound\", \"version\": \"1.2.3\", \"description\": \"For tests.\", "
    "\"usage\": \"None.\", \"hooks\": {\"filter\": {" HOOK_TEXTS "}}}";

const char *const sound_cclb_all_metadata =
    "{\"name\": \"sound\", \"version\": \"1.2.3\", \"description\": \"For tests.\", "
    "\"usage\": \"None.\", \"hooks\": {\"transform_sse_event\": {" HOOK_TEXTS
    ", \"mode\": \"noop\"}, \"shape\": {" HOOK_TEXTS
    ", \"mode\": \"active\"}, \"transform_response\": {" HOOK_TEXTS
    ", \"mode\": \"noop\"}, \"filter\": {" HOOK_TEXTS "}}}";

static void put_func(bertht_wasm *m, const char *name, const char *asked, const char *right)
{
    const char *type = asked == NULL ? right : asked, *result = strchr(type, ':');
    char code[2] = { 0x41, 16 }; /* i32.const 16, or what else the type asks for */

    if (type[0] == '\0')
        return;
    if (result[1] == 'I')
        memcpy(code, "\x42\x00", 2);
    wasm_export(m, name, 0, wasm_func(m, type, code, result[1] == '\0' ? 0 : sizeof code));
}

static void put_hooks(bertht_wasm *m, const plugin_recipe *r)
{
    const char *hooks = r->hooks, *end;
    char name[128];

    if (hooks == NULL)
        hooks = r->profile == &berthi_profile_cclb ? "filter" : "echo";
    for (; *hooks != '\0'; hooks = *end == ' ' ? end + 1 : end) {
        end = hooks + strcspn(hooks, " ");
        snprintf(name, sizeof name, "%s%.*s", r->profile->hook_prefix, (int)(end - hooks),
                 hooks);
        put_func(m, name, r->hook_type, r->profile->hook_type);
    }
}

uint8_t *plugin_build(const plugin_recipe *r, size_t *size_out)
{
    const berthi_profile *p = r->profile;
    const char *metadata = r->metadata;
    bertht_wasm m = { 0 };
    uint8_t *bytes;
    char name[96];

    if (r->before != NULL)
        r->before(&m);
    if (!r->no_memory) {
        wasm_memory(&m, r->memory_flags, r->pages == 0 ? 1 : r->pages, 100);
        wasm_export(&m, p->memory, 2, 0);
    }
    put_func(&m, p->alloc, r->alloc_type, p->alloc_type);
    put_func(&m, p->free, r->free_type, p->free_type);
    put_hooks(&m, r);
    if (metadata == NULL)
        metadata = p == &berthi_profile_cclb ? sound_cclb_metadata : sound_berth_metadata;
    for (size_t i = 0; i < p->hooks_count && !r->no_schemas; i++) {
        snprintf(name, sizeof name, "%s%s.v%u", p->schema_prefix, p->hooks[i].name,
                 (unsigned)p->hooks[i].wire_version);
        if (strstr(metadata, p->hooks[i].name) != NULL)
            wasm_custom(&m, name, p->hooks[i].schema, BERTHI_SCHEMA_SIZE);
    }
    if (metadata[0] != '\0')
        wasm_custom(&m, p->metadata_section, metadata,
                    r->metadata_size == 0 ? strlen(metadata) : r->metadata_size);
    if (r->after != NULL)
        r->after(&m);
    bytes = wasm_finish(&m, size_out);
    wasm_free(&m);
    return bytes;
}
