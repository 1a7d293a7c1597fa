/* guests/stage/batch.c - a stage of berth:flow in every role, with faults that can be asked for.
 *
 * Its configuration is one word, and a number behind a blank: what it does with records that divide the number. */
#include "batch_plugin.h"

enum { RECORDS = 128, BYTES = 1 << 17, SAME = -1 };

static batch_types_emission given[RECORDS];
static uint8_t bytes[BYTES];
static uint32_t dead[64];
static size_t count, used, dead_count, ports;
static char word[32];
static uint64_t number = 1, made, sum, calls, largest, tried;

static size_t length(const char *text)
{
    size_t n = 0;

    while (text[n] != '\0')
        n++;
    return n;
}

static _Bool is(const char *name)
{
    size_t i = 0;

    while (name[i] != '\0' && word[i] == name[i])
        i++;
    return name[i] == word[i];
}

static _Bool is_hit(const char *name, uint64_t sequence)
{
    return is(name) && sequence % number == 0;
}

static batch_types_span put(const void *data, size_t size)
{
    batch_types_span s = { (uint32_t)used, (uint32_t)size };

    if (size > BYTES - used)
        __builtin_trap();
    __builtin_memcpy(bytes + used, data, size);
    used += size;
    return s;
}

static batch_types_span put_number(uint64_t n)
{
    char digits[20];
    size_t first = sizeof digits;

    do
        digits[--first] = (char)('0' + n % 10);
    while ((n /= 10) != 0);
    return put(digits + first, sizeof digits - first);
}

static batch_types_emission *add(uint32_t from)
{
    batch_types_emission *e = &given[count++];

    __builtin_memset(e, 0, sizeof *e);
    e->of = from;
    return e;
}

static void begin(void)
{
    count = used = dead_count = 0;
    calls++;
}

static batch_types_output output(void)
{
    return (batch_types_output){ { given, count }, { bytes, used } };
}

static void set_error(batch_types_failure *f, uint8_t tag, const char *text)
{
    f->tag = tag;
    f->as.fatal = (berth_string){ text, length(text) };
}

int32_t batch_plugin_lifecycle_init(void *self, const batch_lifecycle_init_args *args,
                                    batch_result_none_types_failure *result,
                                    berth_plugin_call *call)
{
    const char *text = args->config.text;
    size_t i = 0;

    (void)self, (void)call;
    __builtin_memset(result, 0, sizeof *result);
    for (; i < args->config.size && text[i] != ' '; i++)
        word[i] = text[i];
    for (i++, number = 0; i < args->config.size; i++)
        number = number * 10 + (uint64_t)(text[i] - '0');
    if (number == 0)
        number = 1;
    ports = args->ports.count;
    if (is("ports") && (ports != 2 || args->ports.data[0].size != 4)) {
        result->is_error = 1;
        set_error(&result->as.error, BATCH_TYPES_FAILURE_INVALID, "other ports");
    }
    return 0;
}

int32_t batch_plugin_lifecycle_teardown(void *self, const void *args, void *result,
                                        berth_plugin_call *call)
{
    (void)self, (void)args, (void)result, (void)call;
    return 0;
}

/* ---- source: `number` records of 256 bytes, or with all that there is; waits now and then ---- */

int32_t batch_plugin_source_pull(void *self, const batch_source_pull_args *args,
                                 batch_result_source_pulled_types_failure *result,
                                 berth_plugin_call *call)
{
    static const char headers[] = "\3\0\0\0\2\0\0\0abcde";

    (void)self, (void)call;
    __builtin_memset(result, 0, sizeof *result);
    begin();
    if (is("pending") && calls % 2 == 0) {
        result->as.ok.next.tag = BATCH_SOURCE_NEXT_PENDING;
        result->as.ok.next.as.pending = 1000;
        return 0;
    }
    while (count < args->max && made < number) {
        batch_types_emission *e = add(0);

        if (is("labels")) {
            e->payload = put("payload", 7);
            e->key = put_number(made);
            e->headers = put(headers, sizeof headers - 1);
            e->content_type = put("text/plain", 10);
            e->left_ns = 3600 * 1000000000ull;
        } else if (is("late")) {
            e->payload = put("payload", 7);
            e->left_ns = made % 2 == 0 ? 1 : 0;
        } else if (is("ever")) {
            e->payload = put("payload", 7);
            e->left_ns = UINT64_MAX;
        } else {
            e->payload = (batch_types_span){ (uint32_t)used, 256 };
            used += 256;
            *(uint64_t *)(void *)(bytes + e->payload.at) = made;
        }
        made++;
    }
    if (made == number)
        result->as.ok.next.tag = BATCH_SOURCE_NEXT_ENDED;
    result->as.ok.output = output();
    return 0;
}

int32_t batch_plugin_source_notify(void *self, const batch_source_notify_args *args,
                                   void *result, berth_plugin_call *call)
{
    (void)self, (void)args, (void)result, (void)call;
    return 0;
}

/* ---- processor ------------------------------------------------------------------------------- */

/* All that a record has, with "; " between: key, headers, type. */
static void tell(const batch_types_batch *in, uint32_t i)
{
    const batch_types_entry *e = &in->entries.data[i];
    batch_types_emission *out = add(i);

    out->payload.at = (uint32_t)used;
    put(in->bytes.data + e->payload.at, e->payload.size);
    put("/", 1);
    put(in->bytes.data + e->key.at, e->key.size);
    put("/", 1);
    put(in->bytes.data + e->headers.at + 8 * (e->headers.size != 0),
        e->headers.size - 8 * (e->headers.size != 0));
    put("/", 1);
    put(in->bytes.data + e->content_type.at, e->content_type.size);
    put(e->left_ns != 0 ? "/timed" : "/", e->left_ns != 0 ? 6 : 1);
    out->payload.size = (uint32_t)used - out->payload.at;
}

static void break_rules(void)
{
    batch_types_emission *e = &given[count - 1];

    if (is("entry"))
        e->of = 1000;
    if (is("span"))
        e->payload = (batch_types_span){ 4, (uint32_t)used + 1 };
    if (is("far"))
        e->payload = (batch_types_span){ 0xfffffff0, 32 };
    if (is("port"))
        e->port = 9;
    if (is("type")) {
        e->payload.size = 0;
        e->content_type = put("text/\xff", 6);
    }
    if (is("headers"))
        e->headers = put("\1\0\0\0\1\0\0\0", 8);
}

static void process_one(const batch_types_batch *in, uint32_t i)
{
    const batch_types_entry *e = &in->entries.data[i];

    if (is_hit("trap", e->sequence))
        __builtin_trap();
    if (is_hit("dead", e->sequence)) {
        dead[dead_count++] = i;
        return;
    }
    if (is("drop") && e->sequence % number != 0)
        return;
    if (is("place")) { /* the batch's bytes are given back as they are */
        add(i)->payload = e->payload;
        return;
    }
    if (is("tell")) {
        tell(in, i);
        return;
    }
    if (is("copy") || is("bare") || is("twice")) {
        add(i)->payload = put(in->bytes.data + e->payload.at, e->payload.size);
        if (is("twice"))
            add(i)->payload = put("twin", 4);
        return;
    }
    add(i)->payload.size = (uint32_t)SAME;
    if (is("ports"))
        given[count - 1].port = e->sequence % 2 != 0;
    break_rules();
}

int32_t batch_plugin_processor_process(void *self, const batch_processor_process_args *args,
                                       batch_types_outcome *result, berth_plugin_call *call)
{
    const batch_types_batch *in = &args->input;
    uint32_t i = 0;

    (void)self, (void)call;
    __builtin_memset(result, 0, sizeof *result);
    begin();
    for (; i < in->entries.count; i++) {
        uint64_t sequence = in->entries.data[i].sequence;

        if (sequence != 0 &&
            (is_hit("fails", sequence) || is_hit("invalid", sequence) ||
             is_hit("fatal", sequence)) &&
            !(is("fails") && tried == sequence)) {
            tried = sequence; /* "fails" does so once for each */
            result->failure.is_some = 1;
            set_error(&result->failure.some,
                      is("fails")     ? BATCH_TYPES_FAILURE_UNAVAILABLE
                      : is("invalid") ? BATCH_TYPES_FAILURE_INVALID
                                      : BATCH_TYPES_FAILURE_FATAL,
                      "not this one");
            break;
        }
        process_one(in, i);
    }
    result->done = is("none") ? 0 : is("beyond") ? i + 1 : i;
    result->dead = (batch_list_u32){ dead, dead_count };
    if (is("dead-beyond")) {
        dead[0] = i;
        result->dead.count = 1;
    }
    result->output = output();
    if (is("place"))
        result->output.bytes = (batch_list_u8){ in->bytes.data, in->bytes.count };
    return 0;
}

/* ---- aggregator: how many records and calls there were --------------------------------------- */

int32_t batch_plugin_aggregator_ingest(void *self, const batch_aggregator_ingest_args *args,
                                       batch_types_outcome *result, berth_plugin_call *call)
{
    (void)self, (void)call;
    __builtin_memset(result, 0, sizeof *result);
    begin();
    sum += args->input.entries.count;
    if (args->input.entries.count > largest)
        largest = args->input.entries.count;
    result->done = (uint32_t)args->input.entries.count;
    return 0;
}

int32_t batch_plugin_aggregator_flush(void *self, const void *args,
                                      batch_result_types_output_types_failure *result,
                                      berth_plugin_call *call)
{
    batch_types_emission *e;

    (void)self, (void)args, (void)call;
    __builtin_memset(result, 0, sizeof *result);
    begin();
    e = add(0);
    e->payload = put_number(sum);
    put(" ", 1);
    put_number(largest);
    e->payload.size = (uint32_t)used - e->payload.at;
    result->as.ok = output();
    return 0;
}

/* ---- sink ------------------------------------------------------------------------------------ */

int32_t batch_plugin_sink_push(void *self, const batch_sink_push_args *args,
                               batch_sink_taken *result, berth_plugin_call *call)
{
    (void)self, (void)call;
    __builtin_memset(result, 0, sizeof *result);
    begin();
    if (is("later") && tried == 0) { /* not now, but once that time is over */
        tried = 1;
        result->failure.is_some = 1;
        set_error(&result->failure.some, BATCH_TYPES_FAILURE_UNAVAILABLE, "not now");
        result->pause_ns = 1000000;
        return 0;
    }
    sum += args->input.entries.count;
    result->done = (uint32_t)args->input.entries.count;
    if (is("pause"))
        result->pause_ns = 1000;
    return 0;
}

int32_t batch_plugin_sink_complete(void *self, const void *args,
                                   batch_result_none_types_failure *result,
                                   berth_plugin_call *call)
{
    (void)self, (void)args, (void)call;
    __builtin_memset(result, 0, sizeof *result);
    if (is("full")) {
        result->is_error = 1;
        set_error(&result->as.error, BATCH_TYPES_FAILURE_INTERNAL, "the disk is full");
    }
    return 0;
}

int32_t batch_plugin_open(void **self_out)
{
    *self_out = 0;
    return 0;
}
