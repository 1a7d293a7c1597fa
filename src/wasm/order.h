/* wasm/order.h - sorting what a guest has written.  Layer: wasm.
 *
 * Heap sort: no bad case for a guest to find, and no hidden allocation. */
#ifndef BERTHI_WASM_ORDER_H
#define BERTHI_WASM_ORDER_H

#include "wasm/module.h"

/* How thing `a` of `things` stands to thing `b`: below 0, 0 or above 0, as with memcmp(). */
typedef int (*berthi_order_compare)(const void *things, uint32_t a, uint32_t b);

/* Fills `order` with 0 to count - 1 such that the things they stand for ascend. */
void berthi_order_fill(uint32_t *order, uint32_t count, berthi_order_compare compare,
                       const void *things);

/* Any order will do for finding equals; shorter names are first, which is cheap. */
int berthi_name_compare(const berthi_name *a, const berthi_name *b);

#endif
