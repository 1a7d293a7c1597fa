/* prices.c - a plugin that others call.  It knows of none of them. */
#include <pricing_plugin.h>

#ifndef PRICES_RISE
#define PRICES_RISE 0
#endif

typedef struct item {
    const char *name;
    uint32_t cents;
} item;

static const item items[] = { { "apple", 40 }, { "bread", 320 }, { "tea", 0 } };

static const item *find(const char *name, size_t size)
{
    for (size_t i = 0; i < sizeof items / sizeof *items; i++) {
        const char *known = items[i].name;
        size_t at = 0;

        while (at < size && known[at] != '\0' && known[at] == name[at])
            at++;
        if (at == size && known[at] == '\0')
            return &items[i];
    }
    return NULL;
}

int32_t pricing_plugin_prices_price(void *self, const pricing_prices_price_args *args,
                                    pricing_result_u32_prices_problem *result,
                                    berth_plugin_call *call)
{
    const item *found = find(args->item.text, args->item.size);

    (void)self, (void)call;
    result->is_error = found == NULL || found->cents == 0;
    if (result->is_error)
        result->as.error =
            found == NULL ? PRICING_PRICES_PROBLEM_UNKNOWN : PRICING_PRICES_PROBLEM_SOLD_OUT;
    else
        result->as.ok = found->cents + PRICES_RISE;
    return 0;
}
