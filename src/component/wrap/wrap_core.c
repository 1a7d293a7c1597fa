/* wrap_core.c - bytes, and the two small core modules between a module and what it calls.
 *
 * Layer: component. */
#include "component/wrap/wrap.h"

#include <stdio.h>

void berthi_cm_put_byte(berthi_cm_bytes *b, uint8_t byte)
{
    berthi_text_buf_put(b, (const char *)&byte, 1);
}

void berthi_cm_put_u32(berthi_cm_bytes *b, uint32_t value)
{
    while (value >= 0x80) {
        berthi_cm_put_byte(b, (uint8_t)(value | 0x80));
        value >>= 7;
    }
    berthi_cm_put_byte(b, (uint8_t)value);
}

void berthi_cm_put_s33(berthi_cm_bytes *b, int64_t value)
{
    while (value < -0x40 || value >= 0x40) {
        berthi_cm_put_byte(b, (uint8_t)(value | 0x80));
        value >>= 7;
    }
    berthi_cm_put_byte(b, (uint8_t)(value & 0x7f));
}

void berthi_cm_put_name(berthi_cm_bytes *b, const char *text, size_t size)
{
    berthi_cm_put_u32(b, (uint32_t)size);
    berthi_text_buf_put(b, text, size);
}

void berthi_cm_put_section(berthi_cm_bytes *b, uint8_t id, berthi_cm_bytes *body)
{
    b->has_failed |= body->has_failed;
    berthi_cm_put_byte(b, id);
    berthi_cm_put_u32(b, (uint32_t)body->size);
    if (body->size != 0)
        berthi_text_buf_put(b, body->data, body->size);
    body->size = 0;
}

static void put_text(berthi_cm_bytes *b, const char *text)
{
    berthi_cm_put_name(b, text, strlen(text));
}

static void put_number_name(berthi_cm_bytes *b, uint32_t number)
{
    char text[16];

    (void)snprintf(text, sizeof text, "%u", (unsigned)number);
    put_text(b, text);
}

static void put_preamble(berthi_cm_bytes *b)
{
    berthi_text_buf_put(b, "\0asm\1\0\0\0", 8);
}

static void put_types(berthi_cm_bytes *b, berthi_cm_bytes *body, const berthi_functype *types,
                      uint32_t count, bool adds_nullary)
{
    berthi_cm_put_u32(body, count + adds_nullary);
    for (uint32_t i = 0; i < count; i++) {
        berthi_cm_put_byte(body, 0x60);
        berthi_cm_put_name(body, (const char *)types[i].types, types[i].params_count);
        berthi_cm_put_name(body, (const char *)types[i].types + types[i].params_count,
                           types[i].results_count);
    }
    if (adds_nullary)
        berthi_text_buf_put(body, "\x60\0\0", 3);
    berthi_cm_put_section(b, 1, body);
}

static void put_table_type(berthi_cm_bytes *body, uint32_t count)
{
    berthi_cm_put_byte(body, BERTHI_FUNCREF);
    berthi_cm_put_byte(body, 1);
    berthi_cm_put_u32(body, count);
    berthi_cm_put_u32(body, count);
}

/* local.get of every parameter; i32.const slot; call_indirect. */
static void put_jump(berthi_cm_bytes *body, const berthi_functype *type, uint32_t slot,
                     berthi_cm_bytes *code)
{
    berthi_cm_put_byte(code, 0);
    for (uint32_t p = 0; p < type->params_count; p++) {
        berthi_cm_put_byte(code, 0x20);
        berthi_cm_put_u32(code, p);
    }
    berthi_cm_put_byte(code, 0x41);
    berthi_cm_put_s33(code, slot);
    berthi_cm_put_byte(code, 0x11);
    berthi_cm_put_u32(code, slot);
    berthi_cm_put_byte(code, 0);
    berthi_cm_put_byte(code, 0x0b);
    body->has_failed |= code->has_failed;
    berthi_cm_put_name(body, code->data, code->size);
    code->size = 0;
}

void berthi_cm_put_shim(berthi_cm_bytes *b, const berthi_functype *types, uint32_t count)
{
    berthi_cm_bytes body, code;

    berthi_text_buf_init(&body, b->allocator);
    berthi_text_buf_init(&code, b->allocator);
    put_preamble(b);
    put_types(b, &body, types, count, false);
    berthi_cm_put_u32(&body, count);
    for (uint32_t i = 0; i < count; i++)
        berthi_cm_put_u32(&body, i);
    berthi_cm_put_section(b, 3, &body);
    berthi_cm_put_u32(&body, 1);
    put_table_type(&body, count);
    berthi_cm_put_section(b, 4, &body);
    berthi_cm_put_u32(&body, count + 1);
    for (uint32_t i = 0; i < count; i++) {
        put_number_name(&body, i);
        berthi_cm_put_byte(&body, BERTHI_EXTERN_FUNC);
        berthi_cm_put_u32(&body, i);
    }
    put_text(&body, "$imports");
    berthi_text_buf_put(&body, "\1\0", 2);
    berthi_cm_put_section(b, 7, &body);
    berthi_cm_put_u32(&body, count);
    for (uint32_t i = 0; i < count; i++)
        put_jump(&body, &types[i], i, &code);
    berthi_cm_put_section(b, 10, &body);
    berthi_text_buf_fini(&code);
    berthi_text_buf_fini(&body);
}

void berthi_cm_put_fixup(berthi_cm_bytes *b, const berthi_functype *types, uint32_t count,
                         bool calls_initialize)
{
    bool has_table = count != 0;
    berthi_cm_bytes body;

    berthi_text_buf_init(&body, b->allocator);
    put_preamble(b);
    put_types(b, &body, types, count, calls_initialize);
    berthi_cm_put_u32(&body, count + has_table + calls_initialize);
    for (uint32_t i = 0; i < count; i++) {
        put_text(&body, "actual");
        put_number_name(&body, i);
        berthi_cm_put_byte(&body, BERTHI_EXTERN_FUNC);
        berthi_cm_put_u32(&body, i);
    }
    if (has_table) {
        put_text(&body, "shim");
        put_text(&body, "$imports");
        berthi_cm_put_byte(&body, BERTHI_EXTERN_TABLE);
        put_table_type(&body, count);
    }
    if (calls_initialize) {
        put_text(&body, "main");
        put_text(&body, "_initialize");
        berthi_cm_put_byte(&body, BERTHI_EXTERN_FUNC);
        berthi_cm_put_u32(&body, count);
    }
    berthi_cm_put_section(b, 2, &body);
    if (calls_initialize) {
        berthi_cm_put_u32(&body, count);
        berthi_cm_put_section(b, 8, &body);
    }
    if (has_table) { /* one active segment of table 0 from 0 on */
        berthi_text_buf_put(&body, "\1\0\x41\0\x0b", 5);
        berthi_cm_put_u32(&body, count);
        for (uint32_t i = 0; i < count; i++)
            berthi_cm_put_u32(&body, i);
        berthi_cm_put_section(b, 9, &body);
    }
    berthi_text_buf_fini(&body);
}
