/* order.c - heap sort of indices.  Layer: wasm. */
#include "wasm/order.h"

#include <string.h>

int berthi_name_compare(const berthi_name *a, const berthi_name *b)
{
    if (a->size != b->size)
        return a->size < b->size ? -1 : 1;
    return memcmp(a->text, b->text, a->size);
}

static void sift_down(uint32_t *order, uint32_t at, uint32_t count,
                      berthi_order_compare compare, const void *things)
{
    for (uint32_t child; (child = 2 * at + 1) < count; at = child) {
        uint32_t held = order[at];

        if (child + 1 < count && compare(things, order[child], order[child + 1]) < 0)
            child++;
        if (compare(things, held, order[child]) >= 0)
            return;
        order[at] = order[child];
        order[child] = held;
    }
}

void berthi_order_fill(uint32_t *order, uint32_t count, berthi_order_compare compare,
                       const void *things)
{
    for (uint32_t i = 0; i < count; i++)
        order[i] = i;
    for (uint32_t i = count / 2; i-- > 0;)
        sift_down(order, i, count, compare, things);
    for (uint32_t i = count; i-- > 1;) {
        uint32_t largest = order[0];

        order[0] = order[i];
        order[i] = largest;
        sift_down(order, 0, i, compare, things);
    }
}
