/* till.c - a plugin that calls another one: it imports `prices`, and whoever has that serves it. */
#include <checkout_plugin.h>

/* What was asked for, and why there is no price. */
static int32_t refuse(berth_plugin_call *call, berth_string item,
                      checkout_prices_problem problem, checkout_result_till_bill_string *result)
{
    static const char unknown[] = " is not sold here", out[] = " is sold out";
    const char *why = problem == CHECKOUT_PRICES_PROBLEM_UNKNOWN ? unknown : out;
    size_t size =
        problem == CHECKOUT_PRICES_PROBLEM_UNKNOWN ? sizeof unknown - 1 : sizeof out - 1;
    char *text = (char *)berth_plugin_room(call, item.size + size);

    if (text == NULL)
        return 1;
    if (item.size != 0)
        memcpy(text, item.text, item.size);
    memcpy(text + item.size, why, size);
    result->is_error = 1;
    result->as.error.text = text;
    result->as.error.size = item.size + size;
    return 0;
}

/* A copy: what a call was given ends with it. */
static int32_t copy_text(berth_plugin_call *call, berth_string from, berth_string *to)
{
    char *text = (char *)berth_plugin_room(call, from.size);

    if (text == NULL)
        return 1;
    if (from.size != 0)
        memcpy(text, from.text, from.size);
    to->text = text;
    to->size = from.size;
    return 0;
}

int32_t checkout_plugin_till_add_up(void *self, const checkout_till_add_up_args *args,
                                    checkout_result_till_bill_string *result,
                                    berth_plugin_call *call)
{
    size_t count = args->items.count;
    checkout_till_line *lines =
        (checkout_till_line *)berth_plugin_room(call, count * sizeof *lines);
    uint32_t total = 0;

    (void)self;
    if (lines == NULL && count != 0)
        return 1;
    for (size_t i = 0; i < count; i++) {
        checkout_result_u32_prices_problem price;
        int32_t code = checkout_prices_price(call, args->items.data[i], &price);

        if (code == 0 && price.is_error)
            return refuse(call, args->items.data[i], price.as.error, result);
        if (code == 0)
            code = copy_text(call, args->items.data[i], &lines[i].item);
        if (code != 0)
            return code; /* the host is told why the other plugin could not be called */
        lines[i].cents = price.as.ok;
        total += price.as.ok;
    }
    result->is_error = 0;
    result->as.ok.lines.data = lines;
    result->as.ok.lines.count = count;
    result->as.ok.total = total;
    return 0;
}
