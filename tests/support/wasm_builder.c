/* wasm_builder.c - core modules made byte by byte, for tests. */
#include "wasm_builder.h"

#include <stdlib.h>
#include <string.h>

enum {
    SECTION_TYPE = 1,
    SECTION_IMPORT = 2,
    SECTION_FUNCTION = 3,
    SECTION_TABLE = 4,
    SECTION_MEMORY = 5,
    SECTION_GLOBAL = 6,
    SECTION_EXPORT = 7,
    SECTION_START = 8,
    SECTION_ELEMENT = 9,
    SECTION_CODE = 10,
    SECTION_DATA = 11,
    SECTION_DATA_COUNT = 12,
};

void buf_bytes(bertht_buf *b, const void *bytes, size_t size)
{
    if (size > b->room - b->size) {
        size_t room = (b->size + size) * 2 + 64;
        uint8_t *data = realloc(b->data, room);

        if (data == NULL)
            abort();
        b->data = data;
        b->room = room;
    }
    if (size > 0)
        memcpy(b->data + b->size, bytes, size);
    b->size += size;
}

void buf_byte(bertht_buf *b, unsigned byte)
{
    uint8_t one = (uint8_t)byte;

    buf_bytes(b, &one, 1);
}

void buf_u64(bertht_buf *b, uint64_t value)
{
    while (value >= 0x80) {
        buf_byte(b, (unsigned)(value & 0x7f) | 0x80u);
        value >>= 7;
    }
    buf_byte(b, (unsigned)value);
}

void buf_u32(bertht_buf *b, uint32_t value)
{
    buf_u64(b, value);
}

void buf_s64(bertht_buf *b, int64_t value)
{
    for (;;) {
        unsigned low = (unsigned)((uint64_t)value & 0x7f);
        bool negative = value < 0;

        /* An arithmetic shift, spelled so that no compiler may do otherwise. */
        value = negative ? ~(int64_t)(~(uint64_t)value >> 7) : (int64_t)((uint64_t)value >> 7);
        if ((value == 0 && (low & 0x40) == 0) || (value == -1 && (low & 0x40) != 0)) {
            buf_byte(b, low);
            return;
        }
        buf_byte(b, low | 0x80u);
    }
}

void buf_name(bertht_buf *b, const char *name)
{
    buf_u32(b, (uint32_t)strlen(name));
    buf_bytes(b, name, strlen(name));
}

void buf_free(bertht_buf *b)
{
    free(b->data);
    *b = (bertht_buf){ 0 };
}

void wasm_free(bertht_wasm *m)
{
    for (size_t i = 0; i < WASM_SECTIONS; i++)
        buf_free(&m->section[i]);
    buf_free(&m->custom_first);
    buf_free(&m->custom_last);
    *m = (bertht_wasm){ 0 };
}

static uint8_t type_of_letter(char letter)
{
    switch (letter) {
    case 'i':
        return 0x7f;
    case 'I':
        return 0x7e;
    case 'f':
        return 0x7d;
    case 'F':
        return 0x7c;
    case 'v':
        return 0x7b;
    case 'r':
        return 0x70;
    case 'x':
        return 0x6f;
    }
    abort();
}

static const char *put_types(bertht_buf *b, const char *letters)
{
    size_t count = strcspn(letters, ":");

    buf_u32(b, (uint32_t)count);
    for (size_t i = 0; i < count; i++)
        buf_byte(b, type_of_letter(letters[i]));
    return letters + count;
}

uint32_t wasm_type(bertht_wasm *m, const char *signature)
{
    bertht_buf *s = &m->section[SECTION_TYPE];

    buf_byte(s, 0x60);
    signature = put_types(s, signature);
    if (*signature != ':')
        abort();
    put_types(s, signature + 1);
    return m->count[SECTION_TYPE]++;
}

static bertht_buf *begin_import(bertht_wasm *m, const char *module, const char *name,
                                uint8_t kind)
{
    bertht_buf *s = &m->section[SECTION_IMPORT];

    buf_name(s, module);
    buf_name(s, name);
    buf_byte(s, kind);
    m->count[SECTION_IMPORT]++;
    return s;
}

uint32_t wasm_import_func(bertht_wasm *m, const char *module, const char *name,
                          const char *signature)
{
    uint32_t type = wasm_type(m, signature);

    buf_u32(begin_import(m, module, name, 0), type);
    m->imported_funcs++;
    return m->funcs++;
}

void wasm_import_table(bertht_wasm *m, const char *module, const char *name, uint32_t min)
{
    bertht_buf *s = begin_import(m, module, name, 1);

    buf_byte(s, 0x70);
    buf_byte(s, 0);
    buf_u32(s, min);
}

void wasm_import_memory(bertht_wasm *m, const char *module, const char *name, uint32_t min)
{
    bertht_buf *s = begin_import(m, module, name, 2);

    buf_byte(s, 0);
    buf_u32(s, min);
}

void wasm_import_global(bertht_wasm *m, const char *module, const char *name, uint8_t type,
                        bool is_mutable)
{
    bertht_buf *s = begin_import(m, module, name, 3);

    buf_byte(s, type);
    buf_byte(s, is_mutable);
}

uint32_t wasm_func_locals(bertht_wasm *m, const char *signature, uint32_t locals,
                          const void *code, size_t size)
{
    bertht_buf body = { 0 }, *s = &m->section[SECTION_CODE];

    buf_u32(&m->section[SECTION_FUNCTION], wasm_type(m, signature));
    m->count[SECTION_FUNCTION]++;
    buf_u32(&body, locals > 0);
    if (locals > 0) {
        buf_u32(&body, locals);
        buf_byte(&body, 0x7f);
    }
    buf_bytes(&body, code, size);
    buf_byte(&body, 0x0b);
    buf_u32(s, (uint32_t)body.size);
    buf_bytes(s, body.data, body.size);
    m->count[SECTION_CODE]++;
    buf_free(&body);
    return m->funcs++;
}

uint32_t wasm_func(bertht_wasm *m, const char *signature, const void *code, size_t size)
{
    return wasm_func_locals(m, signature, 0, code, size);
}

static void put_limits(bertht_buf *s, uint8_t flags, uint64_t min, uint64_t max)
{
    buf_byte(s, flags);
    buf_u64(s, min);
    if (flags & 1)
        buf_u64(s, max);
}

void wasm_memory(bertht_wasm *m, uint8_t flags, uint64_t min, uint64_t max)
{
    put_limits(&m->section[SECTION_MEMORY], flags, min, max);
    m->count[SECTION_MEMORY]++;
}

void wasm_table(bertht_wasm *m, uint8_t element_type, uint8_t flags, uint64_t min, uint64_t max)
{
    buf_byte(&m->section[SECTION_TABLE], element_type);
    put_limits(&m->section[SECTION_TABLE], flags, min, max);
    m->count[SECTION_TABLE]++;
}

void wasm_global_i32(bertht_wasm *m, bool is_mutable, int32_t value)
{
    bertht_buf *s = &m->section[SECTION_GLOBAL];

    buf_byte(s, 0x7f);
    buf_byte(s, is_mutable);
    buf_byte(s, 0x41);
    buf_s64(s, value);
    buf_byte(s, 0x0b);
    m->count[SECTION_GLOBAL]++;
}

void wasm_export_bytes(bertht_wasm *m, const void *name, size_t name_size, uint8_t kind,
                       uint32_t index)
{
    bertht_buf *s = &m->section[SECTION_EXPORT];

    buf_u32(s, (uint32_t)name_size);
    buf_bytes(s, name, name_size);
    buf_byte(s, kind);
    buf_u32(s, index);
    m->count[SECTION_EXPORT]++;
}

void wasm_export(bertht_wasm *m, const char *name, uint8_t kind, uint32_t index)
{
    wasm_export_bytes(m, name, strlen(name), kind, index);
}

void wasm_start(bertht_wasm *m, uint32_t func)
{
    m->has_start = true;
    m->start = func;
}

void wasm_elements(bertht_wasm *m, uint32_t offset, const uint32_t *funcs, uint32_t count)
{
    bertht_buf *s = &m->section[SECTION_ELEMENT];

    buf_u32(s, 0);
    buf_byte(s, 0x41);
    buf_s64(s, (int32_t)offset);
    buf_byte(s, 0x0b);
    buf_u32(s, count);
    for (uint32_t i = 0; i < count; i++)
        buf_u32(s, funcs[i]);
    m->count[SECTION_ELEMENT]++;
}

void wasm_data(bertht_wasm *m, uint32_t offset, const void *bytes, size_t size)
{
    bertht_buf *s = &m->section[SECTION_DATA];

    buf_u32(s, 0);
    buf_byte(s, 0x41);
    buf_s64(s, (int32_t)offset);
    buf_byte(s, 0x0b);
    buf_u32(s, (uint32_t)size);
    buf_bytes(s, bytes, size);
    m->count[SECTION_DATA]++;
}

static void put_custom(bertht_buf *out, const char *name, const void *body, size_t size)
{
    bertht_buf head = { 0 };

    buf_name(&head, name);
    buf_byte(out, 0);
    buf_u32(out, (uint32_t)(head.size + size));
    buf_bytes(out, head.data, head.size);
    buf_bytes(out, body, size);
    buf_free(&head);
}

void wasm_custom(bertht_wasm *m, const char *name, const void *body, size_t size)
{
    put_custom(&m->custom_last, name, body, size);
}

void wasm_custom_first(bertht_wasm *m, const char *name, const void *body, size_t size)
{
    put_custom(&m->custom_first, name, body, size);
}

static void put_section(bertht_buf *out, const bertht_wasm *m, unsigned id)
{
    bertht_buf count = { 0 };

    if (m->count[id] == 0 && m->section[id].size == 0 && !m->keep_empty[id])
        return;
    buf_u32(&count, m->count[id]);
    buf_byte(out, id);
    buf_u32(out, (uint32_t)(count.size + m->section[id].size));
    buf_bytes(out, count.data, count.size);
    buf_bytes(out, m->section[id].data, m->section[id].size);
    buf_free(&count);
}

uint8_t *wasm_finish(const bertht_wasm *m, size_t *size_out)
{
    bertht_buf out = { 0 }, start = { 0 };

    buf_bytes(&out, "\0asm\1\0\0\0", 8);
    buf_bytes(&out, m->custom_first.data, m->custom_first.size);
    for (unsigned id = SECTION_TYPE; id <= SECTION_EXPORT; id++)
        put_section(&out, m, id);
    if (m->has_start) {
        buf_u32(&start, m->start);
        buf_byte(&out, SECTION_START);
        buf_u32(&out, (uint32_t)start.size);
        buf_bytes(&out, start.data, start.size);
        buf_free(&start);
    }
    put_section(&out, m, SECTION_ELEMENT);
    put_section(&out, m, SECTION_DATA_COUNT);
    put_section(&out, m, SECTION_CODE);
    put_section(&out, m, SECTION_DATA);
    buf_bytes(&out, m->custom_last.data, m->custom_last.size);
    *size_out = out.size;
    return out.data;
}
