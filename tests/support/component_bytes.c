#include "component_bytes.h"

#include <stdlib.h>

void component_start(bertht_buf *b)
{
    buf_bytes(b, "\0asm\x0d\0\x01\0", 8);
}

void component_section(bertht_buf *b, uint8_t id, const void *body, size_t size)
{
    buf_byte(b, id);
    buf_u32(b, (uint32_t)size);
    buf_bytes(b, body, size);
}

void component_section_of(bertht_buf *b, uint8_t id, bertht_buf *body)
{
    component_section(b, id, body->data, body->size);
    buf_free(body);
}

void component_module(bertht_buf *b, bertht_wasm *m)
{
    size_t size;
    uint8_t *bytes = wasm_finish(m, &size);

    component_section(b, 1, bytes, size);
    free(bytes);
    wasm_free(m);
}

void component_nested(bertht_buf *b, bertht_buf *inner)
{
    component_section(b, 4, inner->data, inner->size);
    buf_free(inner);
}
