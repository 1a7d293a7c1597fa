/* component_bytes.h - components made byte by byte, also wrong ones.
 *
 * A component is a buffer: component_start(), then sections in any order.  COMPONENT(b, id, "...")
 * adds a section whose body is a text of \x escapes.  Numbers of sections: 1 core module, 2 core
 * instance, 3 core type, 4 component, 5 instance, 6 alias, 7 type, 8 canon, 10 import, 11 export. */
#ifndef BERTHT_COMPONENT_BYTES_H
#define BERTHT_COMPONENT_BYTES_H

#include "wasm_builder.h"

void component_start(bertht_buf *b);
void component_section(bertht_buf *b, uint8_t id, const void *body, size_t size);
#define COMPONENT(b, id, bytes) component_section((b), (id), (bytes), sizeof(bytes) - 1)
/* A section made of `body`, which is empty afterwards. */
void component_section_of(bertht_buf *b, uint8_t id, bertht_buf *body);
/* A core module, which is empty afterwards. */
void component_module(bertht_buf *b, bertht_wasm *m);
/* A component within, whose buffer is empty afterwards. */
void component_nested(bertht_buf *b, bertht_buf *inner);

#endif
