/* component_builder.c - components around one core module, as tests of slots need them. */
#include "component_builder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MAX = 128 };

/* The next of the words, or false. */
static bool next_word(const char **at, char name[NAME_MAX])
{
    size_t size = strcspn(*at, " ");

    if (size == 0 || size >= NAME_MAX)
        return false;
    memcpy(name, *at, size);
    name[size] = '\0';
    *at += size + ((*at)[size] == ' ');
    return true;
}

static void put_section(bertht_buf *out, unsigned id, bertht_buf *body)
{
    buf_byte(out, id);
    buf_u32(out, (uint32_t)body->size);
    buf_bytes(out, body->data, body->size);
    buf_free(body);
}

static void put_custom(bertht_buf *out, const char *name, const void *bytes, size_t size)
{
    bertht_buf body = { NULL, 0, 0 };

    buf_name(&body, name);
    buf_bytes(&body, bytes, size);
    put_section(out, 0, &body);
}

/* Instance type { export "f": func() }, and an import of it. */
static void put_import(bertht_buf *out, const char *name)
{
    static const uint8_t type[] = { 0x01, 0x42, 0x02, 0x01, 0x40, 0x00, 0x01,
                                    0x00, 0x04, 0x00, 0x01, 'f',  0x01, 0x00 };
    bertht_buf body = { NULL, 0, 0 };

    buf_bytes(&body, type, sizeof type);
    put_section(out, 7, &body);
    buf_byte(&body, 1);
    buf_byte(&body, 0);
    buf_name(&body, name);
    buf_byte(&body, 5); /* an instance of type 0 */
    buf_byte(&body, 0);
    put_section(out, 10, &body);
}

static void put_types(bertht_buf *out, const component_recipe *r, uint32_t first)
{
    bertht_buf body = { NULL, 0, 0 };

    buf_byte(&body, 3);
    buf_byte(&body, 0x70); /* list<u8> */
    buf_byte(&body, 0x7d);
    buf_byte(&body, 0x6a); /* result<that, string> */
    buf_byte(&body, 1);
    buf_u32(&body, first);
    buf_byte(&body, 1);
    buf_byte(&body, 0x73);
    buf_byte(&body, 0x40); /* func(input: list) -> result or list */
    buf_byte(&body, 1);
    buf_name(&body, "input");
    buf_u32(&body, first);
    buf_byte(&body, 0);
    buf_u32(&body, r->is_other_type ? first : first + 1);
    put_section(out, 7, &body);
}

static void put_alias(bertht_buf *body, unsigned sort, const char *prefix, const char *name)
{
    char whole[NAME_MAX + 16];

    snprintf(whole, sizeof whole, "%s%s", prefix, name);
    buf_byte(body, 0);
    buf_byte(body, sort);
    buf_byte(body, 1); /* of a core instance */
    buf_byte(body, 0);
    buf_name(body, whole);
}

/* Core functions: realloc, then each function and, behind it, its post-return. */
static uint32_t put_aliases(bertht_buf *out, const component_recipe *r)
{
    bertht_buf body = { NULL, 0, 0 }, entries = { NULL, 0, 0 };
    const char *at = r->functions;
    char name[NAME_MAX];
    uint32_t count = 0;

    put_alias(&entries, 2, "", "memory");
    put_alias(&entries, 0, "", "cabi_realloc");
    for (; next_word(&at, name); count++) {
        put_alias(&entries, 0, "", name);
        if (r->has_post)
            put_alias(&entries, 0, "cabi_post_", name);
    }
    buf_u32(&body, 2 + count * (r->has_post ? 2 : 1));
    buf_bytes(&body, entries.data, entries.size);
    buf_free(&entries);
    put_section(out, 6, &body);
    return count;
}

static void put_lifts(bertht_buf *out, const component_recipe *r, uint32_t count, uint32_t type)
{
    uint32_t step = r->has_post ? 2 : 1;
    bertht_buf body = { NULL, 0, 0 };

    buf_u32(&body, count);
    for (uint32_t i = 0; i < count; i++) {
        buf_byte(&body, 0);
        buf_byte(&body, 0);
        buf_u32(&body, 1 + i * step);
        buf_u32(&body, 1 + step);
        buf_byte(&body, 3);
        buf_byte(&body, 0);
        buf_byte(&body, 4);
        buf_byte(&body, 0);
        if (r->has_post) {
            buf_byte(&body, 5);
            buf_u32(&body, 2 + i * step);
        }
        buf_u32(&body, type);
    }
    put_section(out, 8, &body);
}

static void put_exports(bertht_buf *out, const component_recipe *r, uint32_t count,
                        uint32_t instance)
{
    bertht_buf body = { NULL, 0, 0 };
    const char *at = r->functions;
    char name[NAME_MAX];

    if (r->interface != NULL) {
        buf_byte(&body, 1);
        buf_byte(&body, 1); /* made of exports in place */
    }
    buf_u32(&body, count);
    for (uint32_t i = 0; next_word(&at, name); i++) {
        buf_byte(&body, 0);
        buf_name(&body, name);
        buf_byte(&body, 1);
        buf_u32(&body, i);
        if (r->interface == NULL)
            buf_byte(&body, 0);
    }
    if (r->interface == NULL) {
        put_section(out, 11, &body);
        return;
    }
    put_section(out, 5, &body);
    buf_byte(&body, 1);
    buf_byte(&body, 0);
    buf_name(&body, r->interface);
    buf_byte(&body, 5);
    buf_u32(&body, instance);
    buf_byte(&body, 0);
    put_section(out, 11, &body);
}

static void put_customs(bertht_buf *out, const component_recipe *r)
{
    bertht_buf names = { NULL, 0, 0 }, inner = { NULL, 0, 0 };

    if (r->metadata != NULL)
        put_custom(out, "berth.plugin.v1", r->metadata, strlen(r->metadata));
    if (r->version != NULL)
        put_custom(out, "version", r->version, strlen(r->version));
    if (r->name == NULL)
        return;
    buf_name(&inner, r->name);
    put_section(&names, 0, &inner);
    put_custom(out, "component-name", names.data, names.size);
    buf_free(&names);
}

uint8_t *component_build(const component_recipe *r, size_t *size_out)
{
    static const uint8_t head[] = { 0, 'a', 's', 'm', 0x0d, 0, 1, 0 };
    static const uint8_t instantiate[] = { 0, 0, 0 };
    uint32_t first = r->import == NULL ? 0 : 1, count;
    bertht_buf out = { NULL, 0, 0 }, body = { NULL, 0, 0 };

    buf_bytes(&out, head, sizeof head);
    if (r->import != NULL)
        put_import(&out, r->import);
    buf_bytes(&body, r->core, r->core_size);
    put_section(&out, 1, &body);
    buf_u32(&body, 1 + r->idle);
    for (uint32_t i = 0; i <= r->idle; i++)
        buf_bytes(&body, instantiate, sizeof instantiate);
    put_section(&out, 2, &body);
    count = put_aliases(&out, r);
    put_types(&out, r, first);
    put_lifts(&out, r, count, first + 2);
    put_exports(&out, r, count, first);
    put_customs(&out, r);
    *size_out = out.size;
    return out.data;
}

uint8_t *component_core(const char *functions, uint32_t pages, size_t *size_out)
{
    static const uint8_t realloc_code[] = { 0x41, 0x80, 0x08 }; /* i32.const 1024 */
    static const uint8_t trap_code[] = { 0x00 };
    bertht_wasm m = { 0 };
    const char *at = functions;
    char name[NAME_MAX];
    uint8_t *bytes;

    wasm_memory(&m, 0, pages, 0);
    wasm_export(&m, "memory", 2, 0);
    wasm_export(&m, "cabi_realloc", 0,
                wasm_func(&m, "iiii:i", realloc_code, sizeof realloc_code));
    while (next_word(&at, name))
        wasm_export(&m, name, 0, wasm_func(&m, "ii:i", trap_code, sizeof trap_code));
    bytes = wasm_finish(&m, size_out);
    wasm_free(&m);
    return bytes;
}

uint8_t *component_answering(uint32_t number, size_t *size_out)
{
    static const uint8_t realloc_code[] = { 0x41, 0x80, 0x08 }; /* i32.const 1024 */
    static const uint8_t answer_code[] = { 0x41, 0x10 };        /* i32.const 16 */
    uint8_t result[] = { 0, 0, 0, 0, 64, 0, 0, 0, 8, 0, 0, 0 }; /* ok, 8 bytes at 64 */
    uint8_t answer[8] = { (uint8_t)number, (uint8_t)(number >> 8), (uint8_t)(number >> 16),
                          (uint8_t)(number >> 24) };
    component_recipe recipe = { .functions = "do" };
    bertht_wasm m = { 0 };
    uint8_t *core, *bytes;

    wasm_memory(&m, 0, 1, 0);
    wasm_export(&m, "memory", 2, 0);
    wasm_export(&m, "cabi_realloc", 0,
                wasm_func(&m, "iiii:i", realloc_code, sizeof realloc_code));
    wasm_export(&m, "do", 0, wasm_func(&m, "ii:i", answer_code, sizeof answer_code));
    wasm_data(&m, 16, result, sizeof result);
    wasm_data(&m, 64, answer, sizeof answer);
    core = wasm_finish(&m, &recipe.core_size);
    wasm_free(&m);
    recipe.core = core;
    bytes = component_build(&recipe, size_out);
    free(core);
    return bytes;
}
