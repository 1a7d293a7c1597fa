/* content_type.c - what payloads say they are.  Layer: flow.
 *
 * A flow has few content types and many records, so a payload has the number of one.  The list only grows until the
 * flow is closed, so it is read without a lock. */
#include "flow/flow.h"

#include "base/diag.h"
#include "base/utf8.h"

berth_string berthi_content_type_text(const berth_flow *flow, uint32_t number)
{
    static const berth_string none = { "", 0 };

    return number == 0 ? none : *flow->content_types[number - 1];
}

static uint32_t find(const berth_flow *flow, uint32_t from, uint32_t to, const char *text,
                     size_t size)
{
    for (uint32_t i = from; i < to; i++)
        if (flow->content_types[i]->size == size &&
            memcmp(flow->content_types[i]->text, text, size) == 0)
            return i + 1;
    return 0;
}

/* Under the flows' lock. */
static berth_status add_locked(berth_flow *flow, const char *text, size_t size,
                               uint32_t *number_out, berth_diag *diag)
{
    uint32_t count = atomic_load_explicit(&flow->content_types_count, memory_order_relaxed);
    berth_string *entry;
    char *copy;

    if (count == BERTHI_FLOW_CONTENT_TYPES_MAX)
        return berthi_fail(diag, BERTH_E_LIMIT, "a flow has at most %d content types",
                           BERTHI_FLOW_CONTENT_TYPES_MAX);
    entry = berthi_alloc(&flow->flows->allocator, sizeof *entry + size);
    if (entry == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "a content type");
    copy = (char *)(entry + 1);
    memcpy(copy, text, size);
    *entry = (berth_string){ copy, size };
    flow->content_types[count] = entry;
    /* release: pairs with the acquire below; who sees the count sees the entry. */
    atomic_store_explicit(&flow->content_types_count, count + 1, memory_order_release);
    *number_out = count + 1;
    return BERTH_OK;
}

berth_status berthi_content_type_number(berth_flow *flow, const char *text, size_t size,
                                        uint32_t *number_out, berth_diag *diag)
{
    uint32_t count = atomic_load_explicit(&flow->content_types_count, memory_order_acquire);
    berth_status status = BERTH_OK;

    *number_out = 0;
    if (size == 0)
        return BERTH_OK;
    if (size > BERTHI_FLOW_CONTENT_TYPE_SIZE_MAX)
        return berthi_fail(diag, BERTH_E_LIMIT, "a content type has at most %d bytes",
                           BERTHI_FLOW_CONTENT_TYPE_SIZE_MAX);
    *number_out = find(flow, 0, count, text, size);
    if (*number_out != 0)
        return BERTH_OK;
    if (!berthi_utf8_is_valid(text, size)) /* it is a string to whoever gets the payload next */
        return berthi_fail(diag, BERTH_E_INVALID, "a content type is UTF-8");
    berthi_lock_take(&flow->flows->lock);
    *number_out = find(flow, count,
                       atomic_load_explicit(&flow->content_types_count, memory_order_relaxed),
                       text, size);
    if (*number_out == 0)
        status = add_locked(flow, text, size, number_out, diag);
    berthi_lock_drop(&flow->flows->lock);
    return status;
}

void berthi_content_types_free(berth_flow *flow)
{
    uint32_t count = atomic_load_explicit(&flow->content_types_count, memory_order_relaxed);

    for (uint32_t i = 0; i < count; i++)
        berthi_free(&flow->flows->allocator, flow->content_types[i],
                    sizeof *flow->content_types[i] + flow->content_types[i]->size);
}
