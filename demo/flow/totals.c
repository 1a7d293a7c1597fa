/* totals.c - the aggregator of the flow demo, a shared object: how many lines there were of each status.
 *
 * It says so once, at the end: one record a status, "404 490". */
#include <totals_plugin.h>

enum { STATUSES = 1000, LINE_MAX = 24 };

static uint64_t lines[STATUSES];
static totals_types_emission given[STATUSES];
static uint8_t text[STATUSES * LINE_MAX];

/* The status behind the request, which is between the first two quotation marks; 0: there is none. */
static uint32_t status_of(const uint8_t *line, size_t size)
{
    uint32_t quotes = 0, status = 0;
    size_t at = 0;

    while (at < size && quotes < 2)
        quotes += line[at++] == '"';
    if (size - at < 4)
        return 0;
    for (size_t i = at + 1; i < at + 4; i++) {
        if (line[i] < '0' || line[i] > '9')
            return 0;
        status = status * 10 + (line[i] - '0');
    }
    return status;
}

int32_t totals_plugin_aggregator_ingest(void *self, const totals_aggregator_ingest_args *args,
                                        totals_types_outcome *result, berth_plugin_call *call)
{
    const totals_types_batch *in = &args->input;

    (void)self;
    (void)call;
    *result = (totals_types_outcome){ .done = (uint32_t)in->entries.count };
    for (size_t i = 0; i < in->entries.count; i++) {
        const totals_types_span *payload = &in->entries.data[i].payload;

        lines[status_of(in->bytes.data + payload->at, payload->size)]++;
    }
    return 0;
}

static uint32_t put_number(uint32_t at, uint64_t number)
{
    uint8_t digits[20];
    uint32_t count = 0;

    do
        digits[count++] = (uint8_t)('0' + number % 10);
    while ((number /= 10) != 0);
    while (count != 0)
        text[at++] = digits[--count];
    return at;
}

int32_t totals_plugin_aggregator_flush(void *self, const void *args,
                                       totals_result_types_output_types_failure *result,
                                       berth_plugin_call *call)
{
    size_t count = 0;
    uint32_t used = 0;

    (void)self;
    (void)args;
    (void)call;
    for (uint32_t status = 0; status < STATUSES; status++) {
        uint32_t at = used;

        if (lines[status] == 0)
            continue;
        used = put_number(used, status);
        text[used++] = ' ';
        used = put_number(used, lines[status]);
        given[count++] = (totals_types_emission){ .payload = { at, used - at } };
        lines[status] = 0;
    }
    *result = (totals_result_types_output_types_failure){ 0 };
    result->as.ok.emissions = (totals_list_types_emission){ given, count };
    result->as.ok.bytes = (totals_list_u8){ text, used };
    return 0;
}
