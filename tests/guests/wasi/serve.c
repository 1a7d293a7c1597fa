/* guests/wasi/serve.c - a plugin that answers requests, each path in a way of its own. */
#include <stdbool.h>

#include "serve_plugin.h"

enum { TEXT = 2048 };

typedef struct answer { /* of one request */
    berth_plugin_call *call;
    serve_types_response_outparam out;
    serve_types_outgoing_response response;
    serve_types_outgoing_body body;
    serve_streams_output_stream_borrow to;
    serve_streams_output_stream stream;
} answer;

static char text[TEXT];
static size_t size;
static uint32_t calls;
static serve_types_incoming_request_borrow kept;
static uint8_t block[65536];

static void say(const char *bytes, size_t count)
{
    for (size_t i = 0; i < count && size < TEXT; i++)
        text[size++] = bytes[i];
}

static size_t length(const char *word)
{
    size_t n = 0;

    while (word[n] != '\0')
        n++;
    return n;
}

static void say_number(uint64_t n)
{
    char digits[20];
    size_t at = sizeof digits;

    do
        digits[--at] = (char)('0' + n % 10);
    while ((n /= 10) != 0);
    say(digits + at, sizeof digits - at);
}

static bool is(berth_string s, const char *word)
{
    size_t n = length(word);

    if (s.size != n)
        return false;
    for (size_t i = 0; i < n; i++)
        if (s.text[i] != word[i])
            return false;
    return true;
}

static berth_string word(const char *w)
{
    return (berth_string){ w, length(w) };
}

static serve_types_fields fields_with(berth_plugin_call *call, const char *name,
                                      const char *value)
{
    serve_result_none_types_header_error r;
    serve_types_fields f;

    (void)serve_types_fields_new(call, &f);
    if (name != NULL)
        (void)serve_types_fields_append(
            call, (serve_types_fields_borrow){ f.handle }, word(name),
            (serve_types_field_value){ (const uint8_t *)value, length(value) }, &r);
    return f;
}

/* Makes a response with a body whose stream is open. */
static void make(answer *a, uint16_t status, const char *name, const char *value)
{
    serve_result_types_outgoing_body_none body;
    serve_result_streams_output_stream_none out;
    serve_types_outgoing_response_borrow self;
    serve_result_none_none r;

    (void)serve_types_outgoing_response_new(a->call, fields_with(a->call, name, value),
                                            &a->response);
    self = (serve_types_outgoing_response_borrow){ a->response.handle };
    (void)serve_types_outgoing_response_set_status_code(a->call, self, status, &r);
    (void)serve_types_outgoing_response_body(a->call, self, &body);
    a->body = body.as.ok;
    (void)serve_types_outgoing_body_write(
        a->call, (serve_types_outgoing_body_borrow){ a->body.handle }, &out);
    a->stream = out.as.ok;
    a->to = (serve_streams_output_stream_borrow){ a->stream.handle };
}

static void set(answer *a)
{
    serve_result_types_outgoing_response_types_error_code r = { .as.ok = a->response };

    (void)serve_types_response_outparam_set(a->call, a->out, &r);
}

static void set_error(answer *a, uint8_t tag, const char *why)
{
    serve_result_types_outgoing_response_types_error_code r = { .is_error = 1 };

    r.as.error.tag = tag;
    if (why != NULL)
        r.as.error.as.internal_error = (serve_option_string){ 1, word(why) };
    (void)serve_types_response_outparam_set(a->call, a->out, &r);
}

/* As check-write and a pollable say.  False: nobody takes it. */
static bool put(answer *a, const uint8_t *from, size_t count)
{
    while (count > 0) {
        serve_result_u64_streams_stream_error room;
        serve_result_none_streams_stream_error done;
        size_t part;

        (void)serve_streams_output_stream_check_write(a->call, a->to, &room);
        if (room.is_error)
            return false;
        if (room.as.ok == 0) {
            serve_poll_pollable p;

            (void)serve_streams_output_stream_subscribe(a->call, a->to, &p);
            (void)serve_poll_pollable_block(a->call, (serve_poll_pollable_borrow){ p.handle });
            serve_poll_pollable_drop(p);
            continue;
        }
        part = count < room.as.ok ? count : (size_t)room.as.ok;
        (void)serve_streams_output_stream_write(a->call, a->to, (serve_list_u8){ from, part },
                                                &done);
        if (done.is_error)
            return false;
        from += part;
        count -= part;
    }
    return true;
}

/* Whether that was an error. */
static bool finish(answer *a, serve_option_types_fields trailers)
{
    serve_result_none_types_error_code r;

    serve_streams_output_stream_drop(a->stream);
    (void)serve_types_outgoing_body_finish(a->call, a->body, &trailers, &r);
    return r.is_error;
}

static void finish_plainly(answer *a)
{
    (void)finish(a, (serve_option_types_fields){ 0 });
}

static void answer_text(answer *a)
{
    make(a, 200, "x-calls", calls % 2 == 0 ? "even" : "odd");
    set(a);
    (void)put(a, (const uint8_t *)text, size);
    finish_plainly(a);
}

static void say_option(serve_option_string s)
{
    say("|", 1);
    if (s.is_some)
        say(s.some.text, s.some.size);
    else
        say("-", 1);
}

static void tell(answer *a, serve_types_incoming_request_borrow request)
{
    static const char *const methods[] = { "get",     "head",    "post",  "put",  "delete",
                                           "connect", "options", "trace", "patch" };
    static const char *const schemes[] = { "http", "https" };
    serve_list_tuple_string_list_u8 entries;
    serve_option_types_scheme scheme;
    serve_types_fields headers;
    serve_types_method method;
    serve_option_string s;

    (void)serve_types_incoming_request_method(a->call, request, &method);
    if (method.tag < sizeof methods / sizeof *methods)
        say(methods[method.tag], length(methods[method.tag]));
    else
        say(method.as.other.text, method.as.other.size);
    (void)serve_types_incoming_request_path_with_query(a->call, request, &s);
    say_option(s);
    (void)serve_types_incoming_request_authority(a->call, request, &s);
    say_option(s);
    (void)serve_types_incoming_request_scheme(a->call, request, &scheme);
    if (!scheme.is_some)
        s = (serve_option_string){ 0 };
    else
        s = (serve_option_string){ 1, scheme.some.tag < 2 ? word(schemes[scheme.some.tag])
                                                          : scheme.some.as.other };
    say_option(s);
    (void)serve_types_incoming_request_headers(a->call, request, &headers);
    (void)serve_types_fields_entries(a->call, (serve_types_fields_borrow){ headers.handle },
                                     &entries);
    for (size_t i = 0; i < entries.count; i++) {
        say("|", 1);
        say(entries.data[i].f0.text, entries.data[i].f0.size);
        say("=", 1);
        say((const char *)entries.data[i].f1.data, entries.data[i].f1.count);
    }
    serve_types_fields_drop(headers);
    answer_text(a);
}

/* Pieces go as they come, and trailers behind them. */
static void echo(answer *a, serve_types_incoming_request_borrow request, bool by_splice)
{
    serve_option_result_result_option_types_fields_types_error_cod_etc got;
    serve_result_types_incoming_body_none body;
    serve_result_streams_input_stream_none in;
    serve_streams_input_stream_borrow from;
    serve_types_future_trailers trailers;
    serve_types_future_trailers_borrow future;
    serve_poll_pollable p;

    (void)serve_types_incoming_request_consume(a->call, request, &body);
    (void)serve_types_incoming_body_stream(
        a->call, (serve_types_incoming_body_borrow){ body.as.ok.handle }, &in);
    from = (serve_streams_input_stream_borrow){ in.as.ok.handle };
    make(a, 201, "x-echo", "yes");
    set(a);
    for (;;) {
        serve_result_list_u8_streams_stream_error r;
        serve_result_u64_streams_stream_error moved;

        if (by_splice) {
            (void)serve_streams_output_stream_blocking_splice(a->call, a->to, from, 1 << 20,
                                                              &moved);
            if (moved.is_error)
                break;
            continue;
        }
        (void)serve_streams_input_stream_blocking_read(a->call, from, 10000, &r);
        if (r.is_error || !put(a, r.as.ok.data, r.as.ok.count))
            break;
    }
    serve_streams_input_stream_drop(in.as.ok);
    (void)serve_types_incoming_body_finish(a->call, body.as.ok, &trailers);
    future = (serve_types_future_trailers_borrow){ trailers.handle };
    (void)serve_types_future_trailers_subscribe(a->call, future, &p);
    (void)serve_poll_pollable_block(a->call, (serve_poll_pollable_borrow){ p.handle });
    serve_poll_pollable_drop(p);
    (void)serve_types_future_trailers_get(a->call, future, &got);
    serve_types_future_trailers_drop(trailers);
    if (got.is_some && !got.some.is_error && !got.some.as.ok.is_error)
        (void)finish(a, got.some.as.ok.as.ok);
    /* else: cut, as the request was */
}

/* Does not look at the body, but at what is behind it. */
static void skip(answer *a, serve_types_incoming_request_borrow request)
{
    serve_option_result_result_option_types_fields_types_error_cod_etc got = { 0 };
    serve_result_types_incoming_body_none body, again;
    serve_types_future_trailers trailers;
    serve_types_future_trailers_borrow future;

    (void)serve_types_incoming_request_consume(a->call, request, &body);
    (void)serve_types_incoming_request_consume(a->call, request, &again);
    say(again.is_error ? "once" : "twice", again.is_error ? 4 : 5);
    (void)serve_types_incoming_body_finish(a->call, body.as.ok, &trailers);
    future = (serve_types_future_trailers_borrow){ trailers.handle };
    while (!got.is_some) {
        serve_poll_pollable p;

        (void)serve_types_future_trailers_subscribe(a->call, future, &p);
        (void)serve_poll_pollable_block(a->call, (serve_poll_pollable_borrow){ p.handle });
        serve_poll_pollable_drop(p);
        (void)serve_types_future_trailers_get(a->call, future, &got);
    }
    say(got.some.as.ok.as.ok.is_some ? "|some" : "|none", 5);
    if (got.some.as.ok.as.ok.is_some)
        serve_types_fields_drop(got.some.as.ok.as.ok.some);
    (void)serve_types_future_trailers_get(a->call, future, &got);
    say(got.some.is_error ? "|given" : "|again", 6);
    serve_types_future_trailers_drop(trailers);
    answer_text(a);
}

/* The whole body, and what belongs behind it, before anybody is there to take it. */
static void early(answer *a)
{
    serve_option_types_fields trailers = { 1, fields_with(a->call, "x-end", "yes") };

    make(a, 200, "content-length", "150000");
    for (size_t i = 0; i < sizeof block; i++)
        block[i] = (uint8_t)('a' + i % 26);
    (void)put(a, block, sizeof block);
    (void)put(a, block, sizeof block);
    (void)put(a, block, 150000 - 2 * sizeof block);
    (void)finish(a, trailers);
    set(a);
}

static void much(answer *a)
{
    make(a, 200, NULL, NULL);
    set(a);
    for (int i = 0; i < 128; i++)
        if (!put(a, block, sizeof block))
            return;
    finish_plainly(a);
}

/* What it says is not what it writes. */
static void lie(answer *a, const char *said)
{
    make(a, 200, "content-length", said);
    set(a);
    (void)put(a, (const uint8_t *)"hello", 5);
    (void)put(a, (const uint8_t *)"!", 0);
    if (!finish(a, (serve_option_types_fields){ 0 }))
        __builtin_trap();
}

static void hello(answer *a, uint16_t status)
{
    make(a, status, "x-plain", "");
    set(a);
    (void)put(a, (const uint8_t *)"hello", 5);
    finish_plainly(a);
}

static void half(answer *a)
{
    make(a, 200, NULL, NULL);
    set(a);
    (void)put(a, (const uint8_t *)"half", 4);
}

static void empty(answer *a, const char *said)
{
    (void)serve_types_outgoing_response_new(
        a->call, fields_with(a->call, said == NULL ? NULL : "content-length", said),
        &a->response);
    set(a);
}

static void count_calls(answer *a)
{
    say_number(calls);
    answer_text(a);
}

static bool misbehave(answer *a, berth_string path)
{
    if (is(path, "/none"))
        return true;
    if (is(path, "/error"))
        set_error(a, SERVE_TYPES_ERROR_CODE_INTERNAL_ERROR, "it broke");
    else if (is(path, "/denied"))
        set_error(a, SERVE_TYPES_ERROR_CODE_HTTP_REQUEST_DENIED, NULL);
    else if (is(path, "/half"))
        half(a);
    else if (is(path, "/short"))
        lie(a, "10");
    else if (is(path, "/long"))
        lie(a, "4");
    else if (is(path, "/nonsense"))
        lie(a, "x");
    else if (is(path, "/bare"))
        empty(a, "10");
    else if (is(path, "/101"))
        hello(a, 101);
    else if (is(path, "/trap")) {
        half(a);
        __builtin_trap();
    } else if (is(path, "/late")) {
        hello(a, 200);
        __builtin_trap();
    } else if (is(path, "/spin")) {
        for (;;)
            calls++;
    } else {
        return false;
    }
    return true;
}

int32_t serve_plugin_incoming_handler_handle(void *self,
                                             const serve_incoming_handler_handle_args *args,
                                             void *result, berth_plugin_call *call)
{
    serve_types_incoming_request_borrow request = { args->request.handle };
    answer a = { .call = call, .out = args->response_out };
    serve_option_string path;

    (void)self;
    (void)result;
    size = 0;
    calls++;
    (void)serve_types_incoming_request_path_with_query(call, request, &path);
    if (!path.is_some || misbehave(&a, path.some)) {
        serve_types_incoming_request_drop(args->request);
        return 0;
    }
    if (is(path.some, "/keep"))
        kept = request;
    else if (is(path.some, "/kept"))
        (void)serve_types_incoming_request_path_with_query(call, kept, &path);
    if (is(path.some, "/echo"))
        echo(&a, request, false);
    else if (is(path.some, "/splice"))
        echo(&a, request, true);
    else if (is(path.some, "/skip"))
        skip(&a, request);
    else if (is(path.some, "/early"))
        early(&a);
    else if (is(path.some, "/much"))
        much(&a);
    else if (is(path.some, "/empty"))
        empty(&a, NULL);
    else if (is(path.some, "/calls"))
        count_calls(&a);
    else if (is(path.some, "/hello") || is(path.some, "/keep") || is(path.some, "/kept"))
        hello(&a, 200);
    else
        tell(&a, request);
    if (!is(path.some, "/keep"))
        serve_types_incoming_request_drop(args->request);
    return 0;
}
