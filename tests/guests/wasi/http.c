/* guests/wasi/http.c - a plugin that asks a server, and says what it answered. */
#include "web_plugin.h"

enum { TEXT = 1024 };

static char text[TEXT];
static size_t size;

static void add(const char *bytes, size_t count)
{
    for (size_t i = 0; i < count && size < TEXT; i++)
        text[size++] = bytes[i];
}

static void say(const char *word)
{
    while (*word != '\0' && size < TEXT)
        text[size++] = *word++;
}

static void say_number(uint64_t n)
{
    char digits[20];
    size_t at = sizeof digits;

    do
        digits[--at] = (char)('0' + n % 10);
    while ((n /= 10) != 0);
    say(" ");
    add(digits + at, sizeof digits - at);
}

static int32_t fail(const char *what, uint64_t code, berth_string *result)
{
    size = 0;
    say(what);
    say_number(code);
    *result = (berth_string){ text, size };
    return 0;
}

static const char *const methods[] = { "GET", "HEAD", "POST", "PUT", "DELETE" };

static web_types_method method_of(berth_string s)
{
    web_types_method m = { .tag = WEB_TYPES_METHOD_OTHER, .as.other = s };

    for (uint8_t i = 0; i < 5; i++) {
        size_t k = 0;

        while (k < s.size && methods[i][k] == s.text[k])
            k++;
        if (k == s.size && methods[i][k] == '\0')
            m.tag = i;
    }
    return m;
}

static web_types_outgoing_request make(berth_plugin_call *call, const berth_string *w)
{
    web_types_method method = method_of(w[3]);
    web_option_types_scheme scheme = { 1, { .tag = WEB_TYPES_SCHEME_HTTP } };
    web_option_string authority = { 1, w[1] }, path = { 1, w[2] };
    web_result_none_types_header_error appended;
    web_types_outgoing_request made;
    web_types_outgoing_request_borrow self;
    web_types_fields headers;
    web_result_none_none r;

    if (w[0].size == 5)
        scheme.some.tag = WEB_TYPES_SCHEME_HTTPS;
    (void)web_types_fields_new(call, &headers);
    if (w[5].size != 0) {
        (void)web_types_fields_append(
            call, (web_types_fields_borrow){ headers.handle }, w[5],
            (web_types_field_value){ (const uint8_t *)w[6].text, w[6].size }, &appended);
        if (appended.is_error) {
            say(" header");
            say_number(appended.as.error.tag);
        }
    }
    (void)web_types_outgoing_request_new(call, headers, &made);
    self = (web_types_outgoing_request_borrow){ made.handle };
    (void)web_types_outgoing_request_set_method(call, self, &method, &r);
    (void)web_types_outgoing_request_set_scheme(call, self, &scheme, &r);
    (void)web_types_outgoing_request_set_authority(call, self, &authority, &r);
    (void)web_types_outgoing_request_set_path_with_query(call, self, &path, &r);
    if (r.is_error)
        say(" path");
    return made;
}

static void write_body(berth_plugin_call *call, web_types_outgoing_body body, berth_string what)
{
    web_result_streams_output_stream_none out;
    web_result_none_streams_stream_error written;
    web_result_none_types_error_code finished;
    web_option_types_fields trailers = { 0 };

    (void)web_types_outgoing_body_write(call, (web_types_outgoing_body_borrow){ body.handle },
                                        &out);
    (void)web_streams_output_stream_blocking_write_and_flush(
        call, (web_streams_output_stream_borrow){ out.as.ok.handle },
        (web_list_u8){ (const uint8_t *)what.text, what.size }, &written);
    web_streams_output_stream_drop(out.as.ok);
    (void)web_types_outgoing_body_finish(call, body, &trailers, &finished);
}

static void read_body(berth_plugin_call *call, web_types_incoming_response_borrow response)
{
    web_result_types_incoming_body_none body;
    web_result_streams_input_stream_none in;
    web_types_future_trailers trailers;
    char first[40];
    size_t count = 0, kept = 0;

    (void)web_types_incoming_response_consume(call, response, &body);
    (void)web_types_incoming_body_stream(
        call, (web_types_incoming_body_borrow){ body.as.ok.handle }, &in);
    for (;;) {
        web_result_list_u8_streams_stream_error r;

        (void)web_streams_input_stream_blocking_read(
            call, (web_streams_input_stream_borrow){ in.as.ok.handle }, 65536, &r);
        if (r.is_error)
            break;
        for (size_t i = 0; i < r.as.ok.count && kept < sizeof first; i++)
            first[kept++] = (char)r.as.ok.data[i];
        count += r.as.ok.count;
    }
    web_streams_input_stream_drop(in.as.ok);
    (void)web_types_incoming_body_finish(call, body.as.ok, &trailers);
    web_types_future_trailers_drop(trailers);
    say_number(count);
    say(" ");
    add(first, kept);
}

int32_t web_plugin_fetch(void *self, const web_fetch_args *args, berth_string *result,
                         berth_plugin_call *call)
{
    const berth_string *w = args->words.data;
    web_result_types_future_incoming_response_types_error_code sent;
    web_option_result_result_types_incoming_response_types_error_etc got;
    web_types_incoming_response_borrow response;
    web_types_outgoing_request request;
    web_result_types_outgoing_body_none body = { .is_error = 1 };
    web_option_types_request_options options = { 0 };
    web_types_future_incoming_response_borrow future;
    web_list_tuple_string_list_u8 entries;
    web_types_status_code status;
    web_types_fields headers;
    web_poll_pollable p;

    (void)self;
    size = 0;
    say("ok");
    if (args->words.count != 7)
        return fail("words", args->words.count, result);
    request = make(call, w);
    if (w[4].size != 0)
        (void)web_types_outgoing_request_body(
            call, (web_types_outgoing_request_borrow){ request.handle }, &body);
    (void)web_outgoing_handler_handle(call, request, &options, &sent);
    if (sent.is_error)
        return fail("error", sent.as.error.tag, result);
    if (!body.is_error)
        write_body(call, body.as.ok, w[4]);
    future = (web_types_future_incoming_response_borrow){ sent.as.ok.handle };
    (void)web_types_future_incoming_response_subscribe(call, future, &p);
    (void)web_poll_pollable_block(call, (web_poll_pollable_borrow){ p.handle });
    web_poll_pollable_drop(p);
    (void)web_types_future_incoming_response_get(call, future, &got);
    if (!got.is_some || got.some.is_error)
        return fail("nothing", got.is_some, result);
    if (got.some.as.ok.is_error)
        return fail("failed", got.some.as.ok.as.error.tag, result);
    response = (web_types_incoming_response_borrow){ got.some.as.ok.as.ok.handle };
    (void)web_types_incoming_response_status(call, response, &status);
    (void)web_types_incoming_response_headers(call, response, &headers);
    (void)web_types_fields_entries(call, (web_types_fields_borrow){ headers.handle }, &entries);
    say_number(status);
    say_number(entries.count);
    web_types_fields_drop(headers);
    read_body(call, response);
    web_types_incoming_response_drop(got.some.as.ok.as.ok);
    web_types_future_incoming_response_drop(sent.as.ok);
    *result = (berth_string){ text, size };
    return 0;
}
