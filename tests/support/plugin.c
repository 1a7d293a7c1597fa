/* plugin.c - plugins made byte by byte. */
#include "plugin.h"

#include <stdio.h>
#include <string.h>

#include "wasm_builder.h"

enum { FUNC = 0, TABLE = 1, MEMORY = 2, FUNCREF = 0x70 };

/* What cc-lb's wire 0.9.0 has for the filter hook, version 1. */
static const uint8_t filter_schema[32] = {
    0xf2, 0x0f, 0x66, 0x95, 0x42, 0x34, 0x9c, 0x00, 0x2a, 0xcd, 0x04,
    0xb2, 0x30, 0x8f, 0xf0, 0xd8, 0x38, 0x99, 0xbf, 0x0c, 0xb5, 0xa1,
    0x7b, 0x81, 0x8c, 0x1d, 0x93, 0x8a, 0xdd, 0xa5, 0x28, 0x34,
};

/* at = global 0; global 0 = (at + size + 15) & -16; at */
static const uint8_t bump[] = { 0x23, 0x00, 0x23, 0x00, 0x20, 0x00, 0x6a, 0x41,
                                0x0f, 0x6a, 0x41, 0x70, 0x71, 0x24, 0x00 };
/* ptr << 32 | len */
static const uint8_t echo[] = { 0x20, 0x00, 0xad, 0x42, 0x20, 0x86, 0x20, 0x01, 0xad, 0x84 };

static plugin_code code_or(plugin_code code, const uint8_t *bytes, size_t size)
{
    return code.bytes != NULL ? code : (plugin_code){ bytes, size };
}

static void add_metadata(bertht_wasm *m, const plugin_spec *spec)
{
    char text[1024], probe[256] = "", number[16];
    int size;

    /* First, so that no truncation leaves a whole plugin. */
    size = snprintf(number, sizeof number, "%u", spec->number);
    wasm_custom(m, "test.number", number, (size_t)size);
    if (spec->probe != NULL)
        snprintf(probe, sizeof probe, ", \"probe\": \"%s\"", spec->probe);
    size = snprintf(
        text, sizeof text,
        spec->is_cclb
            ? "{\"name\": \"made\", \"version\": \"%u\", \"description\": \"d\", \"usage\": "
              "\"u\", "
              "\"hooks\": {\"filter\": {\"wire_version\": 1, \"description\": \"d\", "
              "\"usage\": "
              "\"u\"%s%s}}}"
            : "{\"name\": \"made\", \"version\": \"%u\", \"description\": \"d\", \"hooks\": "
              "{\"do\": {\"description\": "
              "\"d\"%s}%s}}",
        spec->number, probe, spec->has_second ? ", \"second\": {\"description\": \"d\"}" : "");
    wasm_custom(m, spec->is_cclb ? "cc_lb.plugin.v1" : "berth.plugin.v1", text, (size_t)size);
    if (spec->is_cclb)
        wasm_custom(m, "cc_lb.schema.filter.v1", filter_schema, sizeof filter_schema);
}

uint8_t *plugin_make(const plugin_spec *spec, size_t *size_out)
{
    plugin_code alloc = code_or(spec->alloc, bump, sizeof bump);
    plugin_code hook = code_or(spec->hook, echo, sizeof echo);
    bertht_wasm m = { 0 };
    uint32_t index;
    uint8_t *bytes;

    wasm_memory(&m, spec->pages_max != 0, spec->pages_min != 0 ? spec->pages_min : 4,
                spec->pages_max);
    wasm_export(&m, "memory", MEMORY, 0);
    if (spec->table_min != 0)
        wasm_table(&m, FUNCREF, 0, spec->table_min, 0);
    wasm_global_i32(&m, true, 4096);
    wasm_global_i32(&m, true, 0); /* for whoever needs one */
    index = wasm_func(&m, "ii:i", alloc.bytes, alloc.size);
    wasm_export(&m, spec->is_cclb ? "cc_lb_alloc" : "berth_alloc", FUNC, index);
    index = wasm_func(&m, "iii:", spec->free.bytes, spec->free.size);
    wasm_export(&m, spec->is_cclb ? "cc_lb_free" : "berth_free", FUNC, index);
    index = wasm_func_locals(&m, "ii:I", 2, hook.bytes, hook.size);
    wasm_export(&m, spec->is_cclb ? "cc_lb_filter" : "berth_hook_do", FUNC, index);
    if (spec->has_second) {
        index = wasm_func(&m, "ii:I", echo, sizeof echo);
        wasm_export(&m, "berth_hook_second", FUNC, index);
    }
    if (spec->start.bytes != NULL)
        wasm_start(&m, wasm_func(&m, ":", spec->start.bytes, spec->start.size));
    if (spec->data != NULL)
        wasm_data(&m, 1024, spec->data, strlen(spec->data));
    add_metadata(&m, spec);
    bytes = wasm_finish(&m, size_out);
    wasm_free(&m);
    return bytes;
}

uint8_t *plugin_answering(uint32_t number, size_t *size_out)
{
    static const uint8_t to[] = { 0x41, 0x80, 0x10 };    /* i32.const 2048 */
    static const uint8_t store[] = { 0x37, 0x03, 0x00 }; /* i64.store */
    plugin_spec spec = { .number = number };
    bertht_buf code = { 0 };
    uint8_t *bytes;

    buf_bytes(&code, to, sizeof to);
    buf_byte(&code, 0x42);
    buf_s64(&code, number);
    buf_bytes(&code, store, sizeof store);
    buf_byte(&code, 0x42);
    buf_s64(&code, INT64_C(2048) << 32 | 8);
    spec.hook = (plugin_code){ code.data, code.size };
    bytes = plugin_make(&spec, size_out);
    buf_free(&code);
    return bytes;
}
