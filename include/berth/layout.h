/* berth/layout.h - what the types of contracts are made of, and how their layout is asserted.
 *
 * Headers that `berth bindgen` writes include it; docs/host-layout.md says how every type lies.
 * Plugins in WebAssembly have the same words from berth_guest.h.
 * Words: <berth/base.h>.  Stability: draft until 1.0.
 */
#ifndef BERTH_LAYOUT_H
#define BERTH_LAYOUT_H

#include <berth/base.h>

BERTH_BEGIN

/* UTF-8, not terminated. */
typedef struct berth_string {
    const char *text;
    size_t size; /* in bytes */
} berth_string;

/* A resource, `own` or `borrow`. */
typedef uint64_t berth_handle;

/* The size and alignment of a type on a 64-bit machine, and in WebAssembly; then where a member lies. */
#ifdef __cplusplus
#define BERTH_LAYOUT(type, size, align, wasm_size, wasm_align)                                 \
    static_assert(sizeof(type) == (size) && alignof(type) == (align), #type)
#define BERTH_OFFSET(type, member, offset, wasm_offset)                                        \
    static_assert(offsetof(type, member) == (offset), #type "." #member)
#else
#define BERTH_LAYOUT(type, size, align, wasm_size, wasm_align)                                 \
    _Static_assert(sizeof(type) == (size) && _Alignof(type) == (align), #type)
#define BERTH_OFFSET(type, member, offset, wasm_offset)                                        \
    _Static_assert(offsetof(type, member) == (offset), #type "." #member)
#endif

BERTH_END
#endif /* BERTH_LAYOUT_H */
