/* berth/http.h - HTTP requests for plugins: a host hands one to a slot and gets the response.
 *
 * A component answers that exports `wasi:http/incoming-handler` 0.2.x; the host of its runtime has
 * to offer WASI (<berth/wasi.h>).  Whatever listens, parses and writes is the host's: nothing here opens a
 * socket.
 *
 * Bodies come and go in pieces, on the thread of the call, while the plugin runs: what is held of one is
 * what the plugin has in its hands.  A host whose functions would have to wait says so and names a
 * descriptor, so that the plugin may wait for several things at once, and never for longer than
 * its deadline (docs/http.md).
 *
 * Words: <berth/base.h>.  Stability: draft until 1.0.
 */
#ifndef BERTH_HTTP_H
#define BERTH_HTTP_H

#include <berth/layout.h>
#include <berth/slot.h>

BERTH_BEGIN

enum { /* of one request, and of one response */
       BERTH_HTTP_FIELDS_MAX = 1024,
       BERTH_HTTP_FIELDS_BYTES_MAX = 64 << 10, /* names and values together */
       BERTH_HTTP_TEXT_MAX = 8192              /* a method, a path, an authority, a scheme */
};

/* A header field or a trailer.  Values are bytes; they need not be UTF-8. */
typedef struct berth_http_field {
    berth_string name, value;
} berth_http_field;

/* A request.  All of it is lent for the call. */
typedef struct berth_http_request {
    uint32_t size;          /* sizeof(berth_http_request), set by the _INIT */
    int32_t body_fd;        /* readable when `read` has something to say; -1: it always has */
    berth_string method;    /* "GET" */
    berth_string path;      /* with the query; of size 0: there is none, as with the next two */
    berth_string authority; /* "example.org:8080" */
    berth_string scheme;    /* "http" */
    /* Those that are about the connection (`host`, `connection`, ...) are not shown to plugins. */
    const berth_http_field *fields;
    size_t fields_count;
    const void *body; /* the whole body, or its beginning */
    size_t body_size;
    /* Brings the rest; NULL: there is none.  *size_io is the room at `to`, then what was put there.
     * Answers BERTH_OK, with 0 bytes at the body's end; BERTH_E_BUSY when there is nothing yet; anything
     * else when nothing will come any more, which the plugin sees as a failed stream. */
    berth_status (*read)(void *ctx, void *to, size_t *size_io);
    void *ctx;                        /* for `read` */
    const berth_http_field *trailers; /* looked at behind the body's end */
    size_t trailers_count;
} berth_http_request;
#define BERTH_HTTP_REQUEST_INIT                                                                \
    BERTH_INIT((uint32_t)sizeof(berth_http_request), -1, { NULL, 0 }, { NULL, 0 },             \
               { NULL, 0 }, { NULL, 0 }, NULL, 0, NULL, 0, NULL, NULL, NULL, 0)

/* What takes a response, in this order: head once, body as often as there is some, end once.  A call that
 * fails may have stopped anywhere, and then the host's own response is over, too: whatever was
 * not ended is cut.  What `body` and `end` answer but BERTH_OK is kept from the plugin's account: it
 * sees a closed stream, and is not to blame. */
typedef struct berth_http_sink {
    uint32_t size;    /* sizeof(berth_http_sink), set by the _INIT */
    int32_t ready_fd; /* readable when `room` is not 0; -1: it never is */
    void *ctx;        /* for each of these */
    berth_status (*head)(void *ctx, uint16_t status, const berth_http_field *fields,
                         size_t fields_count);
    /* How many bytes `body` takes at once; 0: wait for ready_fd.  NULL: any number. */
    size_t (*room)(void *ctx);
    berth_status (*body)(void *ctx, const void *data, size_t data_size);
    berth_status (*end)(void *ctx, const berth_http_field *trailers, size_t trailers_count);
} berth_http_sink;
#define BERTH_HTTP_SINK_INIT                                                                   \
    BERTH_INIT((uint32_t)sizeof(berth_http_sink), -1, NULL, NULL, NULL, NULL, NULL)

/* Has the slot's current version answer a request.  Of `call` the arena and the deadline count; it has
 * no input.  The deadline is that of the whole exchange: a peer that sends or takes its time is in it.
 * Gives *version_out, which may be NULL: the version that was called, also when that failed; or 0.
 * Thread: any; the functions of `request` and `sink` are called on this one, within the call.
 * Blocks: as berth_slot_call().
 * Fails: as berth_slot_call(); BERTH_E_ABSENT also when the version answers no requests; BERTH_E_INVALID
 *        (what the request says cannot be in one), BERTH_E_LIMIT (more of it than the bounds above),
 *        BERTH_E_PLUGIN when the plugin answered with an error code, with nothing, or with half
 *        a response.  A trap behind the response's end fails the call, and the response is whole. */
BERTH_API BERTH_CHECKED berth_status berth_slot_http(berth_slot *slot,
                                                     const berth_http_request *request,
                                                     const berth_http_sink *sink,
                                                     const berth_call *call,
                                                     uint64_t *version_out, berth_diag *diag);

/* Who is behind a filter: answers `request` through `sink`, as berth_slot_http() does, which it may call for another
 * slot.  It runs within the call, on its thread.  What it fails with fails the call with BERTH_E_PLUGIN. */
typedef berth_status (*berth_http_next)(void *ctx, const berth_http_request *request,
                                        const berth_http_sink *sink, berth_diag *diag);

/* The same through a filter: a plugin that sees the request before `next` does, and the response of `next` before
 * `sink` does, may change both, and may answer by itself (docs/proxy-wasm.md).  `next` is called once at the most; NULL: nobody
 * is behind it.  A plugin that answers requests by itself does so, and `next` is not called.
 * Gives *version_out, as berth_slot_http().
 * Thread: any; `next` is called on this one.  Blocks: as berth_slot_call().
 * Fails: as berth_slot_http(); BERTH_E_PLUGIN also when the filter lets a request go and nobody is behind it,
 *        when it pauses and nothing would continue it, and when `next` failed; BERTH_E_LIMIT when a
 *        body has more than 1 MiB, which is what a filter is shown. */
BERTH_API BERTH_CHECKED berth_status
berth_slot_http_filter(berth_slot *slot, const berth_http_request *request,
                       berth_http_next next, void *next_ctx, const berth_http_sink *sink,
                       const berth_call *call, uint64_t *version_out, berth_diag *diag);

/* A whole response, in the call's arena. */
typedef struct berth_http_response {
    uint32_t size; /* sizeof(berth_http_response), set by the _INIT */
    uint16_t status;
    uint16_t reserved;
    uint64_t version;
    const berth_http_field *fields;
    size_t fields_count;
    const void *body;
    size_t body_size;
    const berth_http_field *trailers;
    size_t trailers_count;
} berth_http_response;
#define BERTH_HTTP_RESPONSE_INIT                                                               \
    BERTH_INIT((uint32_t)sizeof(berth_http_response), 0, 0, 0, NULL, 0, NULL, 0, NULL, 0)

/* As berth_slot_http(), with a response of at most `body_bytes_max` bytes (0: the slot's output_bytes_max).
 * Gives *response_out, whose `size` has to be set before; the arena lends what it points at.
 * Thread: any.  Blocks: as berth_slot_call().
 * Fails: as berth_slot_http(); BERTH_E_LIMIT (the body), BERTH_E_NOMEM. */
BERTH_API BERTH_CHECKED berth_status berth_slot_http_whole(
    berth_slot *slot, const berth_http_request *request, uint64_t body_bytes_max,
    const berth_call *call, berth_http_response *response_out, berth_diag *diag);

BERTH_END
#endif /* BERTH_HTTP_H */
