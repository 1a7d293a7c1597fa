/* guests/stage/stage.c - a stage of Torvyn's contracts, in every role, with faults that can be asked for.
 *
 * Its configuration is words: "count=5" (a source's records), "size=256" (of each, in place of text), "mark=x" (what a processor appends), "trick=name" and
 * "at=3" (what it does wrong, and with which record, from 0; without "at" with each). */
#include "stage_plugin.h"

enum { TEXT = 512 };

#if defined(STAGE_OTHER) || (defined(STAGE_STATE) && STAGE_STATE == 3)
#define MARK "?" /* of the version that follows */
#else
#define MARK "!"
#endif

static char mark[32] = MARK, trick[32];
static uint64_t count = 3, at = UINT64_MAX, made, seen, group, paused, size_wanted;
static stage_types_buffer held;

#define BEGIN(result) __builtin_memset((result), 0, sizeof *(result))

/* ---- words ----------------------------------------------------------------------------------- */

static _Bool begins(const char *text, size_t size, const char *word, size_t *rest_out)
{
    size_t i = 0;

    while (word[i] != '\0' && i < size && text[i] == word[i])
        i++;
    *rest_out = i;
    return word[i] == '\0';
}

static _Bool is_trick(const char *name)
{
    size_t i = 0;

    while (name[i] != '\0' && trick[i] == name[i])
        i++;
    return name[i] == '\0' && trick[i] == '\0' && (at == UINT64_MAX || at == seen);
}

static size_t length(const char *text)
{
    size_t n = 0;

    while (text[n] != '\0')
        n++;
    return n;
}

static uint64_t number(const char *text, size_t size)
{
    uint64_t n = 0;

    for (size_t i = 0; i < size; i++)
        n = n * 10 + (uint64_t)(text[i] - '0');
    return n;
}

static size_t say_number(char *to, uint64_t n)
{
    char digits[20];
    size_t first = sizeof digits, size;

    do
        digits[--first] = (char)('0' + n % 10);
    while ((n /= 10) != 0);
    size = sizeof digits - first;
    __builtin_memcpy(to, digits + first, size);
    return size;
}

static void copy_word(char *to, const char *text, size_t size)
{
    if (size > 31)
        size = 31;
    __builtin_memcpy(to, text, size);
    to[size] = '\0';
}

static void read_word(const char *text, size_t size)
{
    size_t rest;

    if (begins(text, size, "count=", &rest))
        count = number(text + rest, size - rest);
    else if (begins(text, size, "at=", &rest))
        at = number(text + rest, size - rest);
    else if (begins(text, size, "size=", &rest))
        size_wanted = number(text + rest, size - rest);
    else if (begins(text, size, "mark=", &rest))
        copy_word(mark, text + rest, size - rest);
    else if (begins(text, size, "trick=", &rest))
        copy_word(trick, text + rest, size - rest);
}

static void set_error(stage_types_process_error *error, uint8_t tag, const char *text)
{
    error->tag = tag;
    error->as.fatal.text = text;
    error->as.fatal.size = length(text);
}

int32_t stage_plugin_lifecycle_init(void *self, const stage_lifecycle_init_args *args,
                                    stage_result_none_types_process_error *result,
                                    berth_plugin_call *call)
{
    const char *text = args->config.text;
    size_t begin = 0;

    (void)self, (void)call;
    BEGIN(result);
    for (size_t i = 0; i <= args->config.size; i++)
        if (i == args->config.size || text[i] == ' ') {
            read_word(text + begin, i - begin);
            begin = i + 1;
        }
    if (is_trick("init")) {
        result->is_error = 1;
        set_error(&result->as.error, STAGE_TYPES_PROCESS_ERROR_INVALID_INPUT, "not with me");
    }
    return 0;
}

int32_t stage_plugin_lifecycle_teardown(void *self, const void *args, void *result,
                                        berth_plugin_call *call)
{
    (void)self, (void)args, (void)result, (void)call;
    return is_trick("teardown");
}

/* ---- payloads -------------------------------------------------------------------------------- */

static int32_t make(berth_plugin_call *call, const char *text, size_t size,
                    stage_types_output_element *out)
{
    static const char plain[] = "text/plain";
    stage_result_types_mutable_buffer_types_buffer_error room;
    stage_result_none_types_buffer_error done;
    stage_types_mutable_buffer_borrow m;

    if (stage_buffer_allocator_allocate(call, size, &room) != 0 || room.is_error)
        return 1;
    m.handle = room.as.ok.handle;
    if (stage_types_mutable_buffer_append(
            call, m, (stage_list_u8){ (const uint8_t *)text, size }, &done) != 0 ||
        done.is_error)
        return 2;
    if (made % 2 == 0 && stage_types_mutable_buffer_set_content_type(
                             call, m, (berth_string){ plain, sizeof plain - 1 }) != 0)
        return 3;
    if (stage_types_mutable_buffer_freeze(call, m, &out->payload) != 0)
        return 4;
    if (is_trick("frozen"))
        return stage_types_mutable_buffer_append(call, m, (stage_list_u8){ 0, 0 }, &done);
    stage_types_mutable_buffer_drop(room.as.ok);
    if (is_trick("twice"))
        stage_types_mutable_buffer_drop(room.as.ok);
    out->meta.sequence = 77;
    out->meta.timestamp_ns = 7;
    out->meta.content_type =
        made % 2 == 0 ? (berth_string){ "", 0 } : (berth_string){ plain, sizeof plain - 1 };
    made++;
    return 0;
}

static void let_go(const stage_types_stream_element *e)
{
    stage_types_buffer_drop_borrow(e->payload);
    stage_types_flow_context_drop_borrow(e->context);
}

/* ---- source ---------------------------------------------------------------------------------- */

int32_t stage_plugin_source_pull(
    void *self, const void *args,
    stage_result_option_types_output_element_types_process_error *result,
    berth_plugin_call *call)
{
    char text[TEXT] = "record ";

    (void)self, (void)args;
    BEGIN(result);
    if (paused)
        __builtin_trap(); /* between pause and ready */
    if (is_trick("source") && made == 2) {
        result->is_error = 1;
        set_error(&result->as.error, STAGE_TYPES_PROCESS_ERROR_UNAVAILABLE, "not now");
        trick[0] = '\0';
        return 0;
    }
    if (made == count)
        return 0;
    result->as.ok.is_some = 1;
    if (size_wanted != 0) /* for benchmarks */
        return make(call, text, size_wanted, &result->as.ok.some);
    return make(call, text, 7 + say_number(text + 7, made), &result->as.ok.some);
}

int32_t stage_plugin_source_notify_backpressure(
    void *self, const stage_source_notify_backpressure_args *args, void *result,
    berth_plugin_call *call)
{
    (void)self, (void)result, (void)call;
    paused = args->signal == STAGE_TYPES_BACKPRESSURE_SIGNAL_PAUSE;
    return 0;
}

/* ---- processor ------------------------------------------------------------------------------- */

/* What the contract says in words, and no type can. */
static _Bool is_sound(berth_plugin_call *call, const stage_types_stream_element *e,
                      uint64_t size)
{
    stage_list_u8 part;
    berth_string text;
    uint64_t n;
    uint8_t may;

    if (stage_types_buffer_size(call, e->payload, &n) != 0 || n != size ||
        stage_types_buffer_read(call, e->payload, size, 5, &part) != 0 || part.count != 0 ||
        stage_types_buffer_read(call, e->payload, 3, UINT64_MAX, &part) != 0 ||
        part.count != size - 3)
        return 0;
    if (stage_types_flow_context_flow_id(call, e->context, &text) != 0 || text.size == 0 ||
        stage_types_flow_context_trace_id(call, e->context, &text) != 0 || text.size != 0 ||
        stage_types_flow_context_deadline_ns(call, e->context, &n) != 0)
        return 0;
    if (stage_types_buffer_content_type(call, e->payload, &text) != 0 || text.size != 10)
        return 0;
    return stage_capability_query_has_capability(
               call, (berth_string){ "torvyn:resource-allocate", 24 }, &may) == 0 &&
           may;
}

static int32_t overfill(berth_plugin_call *call)
{
    stage_result_types_mutable_buffer_types_buffer_error room;
    stage_result_none_types_buffer_error done;
    stage_types_mutable_buffer_borrow m;
    uint64_t capacity;
    static uint8_t much[8192];

    if (stage_buffer_allocator_allocate(call, UINT64_MAX, &room) != 0 || !room.is_error)
        return 1;
    if (stage_buffer_allocator_allocate(call, 10, &room) != 0 || room.is_error)
        return 2;
    m.handle = room.as.ok.handle;
    if (stage_types_mutable_buffer_capacity(call, m, &capacity) != 0 || capacity < 10 ||
        capacity >= sizeof much)
        return 3;
    if (stage_types_mutable_buffer_append(call, m, (stage_list_u8){ much, capacity + 1 },
                                          &done) != 0 ||
        !done.is_error || done.as.error.tag != STAGE_TYPES_BUFFER_ERROR_CAPACITY_EXCEEDED)
        return 4;
    if (stage_types_mutable_buffer_write(call, m, capacity + 1, (stage_list_u8){ much, 1 },
                                         &done) != 0 ||
        !done.is_error || done.as.error.tag != STAGE_TYPES_BUFFER_ERROR_OUT_OF_BOUNDS)
        return 5;
    if (stage_types_mutable_buffer_write(call, m, 4, (stage_list_u8){ much, 2 }, &done) != 0 ||
        done.is_error || stage_types_mutable_buffer_size(call, m, &capacity) != 0 ||
        capacity != 6)
        return 6;
    stage_types_mutable_buffer_drop(room.as.ok);
    return 0;
}

static _Bool plays(stage_types_process_error *error)
{
    if (is_trick("invalid"))
        set_error(error, STAGE_TYPES_PROCESS_ERROR_INVALID_INPUT, "do not like it");
    else if (is_trick("unavailable"))
        set_error(error, STAGE_TYPES_PROCESS_ERROR_UNAVAILABLE, "come again");
    else if (is_trick("fatal"))
        set_error(error, STAGE_TYPES_PROCESS_ERROR_FATAL, "it is over");
    else if (is_trick("deadline"))
        error->tag = STAGE_TYPES_PROCESS_ERROR_DEADLINE_EXCEEDED;
    else
        return 0;
    if (is_trick("unavailable") && at != UINT64_MAX)
        at = UINT64_MAX - 1; /* this once */
    return 1;
}

int32_t stage_plugin_processor_process(
    void *self, const stage_processor_process_args *args,
    stage_result_types_process_result_types_process_error *result, berth_plugin_call *call)
{
    const stage_types_stream_element *e = &args->input;
    stage_types_output_element *out = &result->as.ok.as.emit;
    size_t size = length(mark);
    char text[TEXT];
    stage_list_u8 in;
    int32_t code;

    (void)self;
    BEGIN(result);
    while (is_trick("spin"))
        ;
    if (is_trick("keep")) {
        result->as.ok.tag = STAGE_TYPES_PROCESS_RESULT_DROP;
        return 0;
    }
    if (stage_types_buffer_read_all(call, e->payload, &in) != 0 || in.count + size > TEXT)
        return 10;
    __builtin_memcpy(text, in.data, in.count);
    __builtin_memcpy(text + in.count, mark, size);
    if (is_trick("sound") && !is_sound(call, e, in.count))
        return 11;
    let_go(e);
    if (is_trick("overfill") && (code = overfill(call)) != 0)
        return code;
    if (plays(&result->as.error)) {
        result->is_error = 1;
        return 0;
    }
    if (is_trick("drop")) {
        result->as.ok.tag = STAGE_TYPES_PROCESS_RESULT_DROP;
        seen++;
        return 0;
    }
    code = make(call, text, in.count + size, out);
    if (is_trick("hoard") && code == 0)
        held = out->payload; /* and what it gives away is another */
    if (is_trick("hoard") && code == 0)
        code = make(call, text, in.count + size, out);
    if (is_trick("foreign"))
        out->payload.handle += 1000;
    if (is_trick("after-drop"))
        stage_types_buffer_drop(out->payload);
    if (is_trick("cloned")) {
        stage_result_types_mutable_buffer_types_buffer_error copy;
        stage_types_buffer original = out->payload;

        if (stage_buffer_allocator_clone_into_mutable(
                call, (stage_types_buffer_borrow){ original.handle }, &copy) != 0 ||
            copy.is_error ||
            stage_types_mutable_buffer_freeze(
                call, (stage_types_mutable_buffer_borrow){ copy.as.ok.handle },
                &out->payload) != 0)
            return 12;
        stage_types_mutable_buffer_drop(copy.as.ok);
        stage_types_buffer_drop(original);
    }
    seen++;
    return code;
}

/* ---- filter, router, aggregator -------------------------------------------------------------- */

int32_t stage_plugin_filter_evaluate(void *self, const stage_filter_evaluate_args *args,
                                     stage_result_bool_types_process_error *result,
                                     berth_plugin_call *call)
{
    (void)self, (void)call;
    BEGIN(result);
    let_go(&args->element);
    result->as.ok = args->element.meta.sequence % 2 == 0;
    seen++;
    return 0;
}

int32_t stage_plugin_router_route(void *self, const stage_router_route_args *args,
                                  stage_result_list_string_types_process_error *result,
                                  berth_plugin_call *call)
{
    static const berth_string ports[2] = { { "left", 4 }, { "right", 5 } };
    static const berth_string wrong = { "nowhere", 7 };
    uint64_t n = args->element.meta.sequence % 4;

    (void)self, (void)call;
    BEGIN(result);
    let_go(&args->element);
    if (is_trick("port"))
        result->as.ok = (stage_list_string){ &wrong, 1 };
    else if (n != 3) /* left, right, both, none */
        result->as.ok = (stage_list_string){ n == 1 ? ports + 1 : ports, n == 2 ? 2 : 1 };
    seen++;
    return 0;
}

static int32_t tell(berth_plugin_call *call, stage_types_output_element *out)
{
    char text[TEXT] = "sum ";
    size_t size = 4 + say_number(text + 4, group);

    group = 0;
    return make(call, text, size, out);
}

int32_t stage_plugin_aggregator_ingest(
    void *self, const stage_aggregator_ingest_args *args,
    stage_result_option_types_output_element_types_process_error *result,
    berth_plugin_call *call)
{
    size_t rest;

    (void)self;
    BEGIN(result);
    if (MARK[0] == '?' && begins(trick, length(trick), "break", &rest) &&
        args->element.meta.sequence == at)
        __builtin_trap(); /* of two versions the second alone does so */
    let_go(&args->element);
    seen++;
    if (++group < 3)
        return 0;
    result->as.ok.is_some = 1;
    return tell(call, &result->as.ok.some);
}

int32_t stage_plugin_aggregator_flush(
    void *self, const void *args,
    stage_result_list_types_output_element_types_process_error *result, berth_plugin_call *call)
{
    static stage_types_output_element last;

    (void)self, (void)args;
    BEGIN(result);
    if (group == 0)
        return 0;
    result->as.ok.data = &last;
    result->as.ok.count = 1;
    return tell(call, &last);
}

/* ---- sink ------------------------------------------------------------------------------------ */

int32_t stage_plugin_sink_push(
    void *self, const stage_sink_push_args *args,
    stage_result_types_backpressure_signal_types_process_error *result, berth_plugin_call *call)
{
    stage_list_u8 in;

    (void)self;
    BEGIN(result);
    if (stage_types_buffer_read_all(call, args->element.payload, &in) != 0)
        return 20;
    let_go(&args->element);
    if (is_trick("order") && args->element.meta.sequence != seen)
        return 21;
    seen++;
    if (seen % 4 == 0 && trick[0] == '\0')
        result->as.ok = STAGE_TYPES_BACKPRESSURE_SIGNAL_PAUSE;
    return 0;
}

int32_t stage_plugin_sink_complete(void *self, const void *args,
                                   stage_result_none_types_process_error *result,
                                   berth_plugin_call *call)
{
    (void)self, (void)args, (void)call;
    BEGIN(result);
    if (is_trick("complete")) {
        result->is_error = 1;
        set_error(&result->as.error, STAGE_TYPES_PROCESS_ERROR_INTERNAL, "the disk is full");
    }
    return 0;
}

/* ---- state ----------------------------------------------------------------------------------- */

#ifdef STAGE_STATE
static uint64_t saved[3];

int32_t stage_plugin_state_save(void *self, const void *args, stage_list_u8 *result,
                                berth_plugin_call *call)
{
    (void)self, (void)args, (void)call;
    BEGIN(result);
    saved[0] = seen, saved[1] = made, saved[2] = group;
    *result = (stage_list_u8){ (const uint8_t *)saved, sizeof saved };
    return is_trick("save");
}

int32_t stage_plugin_state_restore(void *self, const stage_state_restore_args *args,
                                   stage_result_none_string *result, berth_plugin_call *call)
{
    (void)self, (void)call;
    BEGIN(result);
    if (args->saved.count != sizeof saved || STAGE_STATE == 2) {
        result->is_error = 1;
        result->as.error = (berth_string){ "cannot read that", 16 };
        return 0;
    }
    __builtin_memcpy(saved, args->saved.data, sizeof saved);
    seen = saved[0], made = saved[1], group = saved[2];
    return 0;
}
#endif

int32_t stage_plugin_open(void **self_out)
{
    *self_out = 0;
    (void)held;
    return 0;
}
