/* daemon.c - what libmicrohttpd calls, and is told.  Layer: listen.
 *
 * It runs without threads of its own: all of this is on the listener's thread (0017-http.md).  It has no bound for the time of a
 * whole request, and answers nothing before the end of a body; both are done here, on the connection itself. */
#include "listen/exchange.h"

#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/diag.h"
#include "os/clock.h"
#include "os/local_socket.h"

enum {
    SWALLOWED_MAX =
        64 << 10, /* a body that is read for nothing, so that the connection may serve on */
    TOLD_MAX = 512,
    BLOCK = 16 << 10
};
#define NS_PER_S  UINT64_C(1000000000)
#define NS_PER_MS UINT64_C(1000000)
#define LINGER_NS (2 * NS_PER_S)

static uint64_t later(uint64_t by_ns)
{
    uint64_t now_ns = berthi_clock_ns();

    return by_ns > UINT64_MAX - now_ns ? UINT64_MAX : now_ns + by_ns;
}

static unsigned seconds(uint64_t ns)
{
    return (unsigned)((ns + NS_PER_S - 1) / NS_PER_S);
}

/* ---------------------------------------------------------------- connections */

static berthi_link *link_of(struct MHD_Connection *c)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    return info == NULL ? NULL : info->socket_context;
}

static void note_peer(berthi_link *link)
{
    berthi_address at;

    if (berthi_socket_remote(link->fd, &at) == BERTHI_CODE_OK)
        berthi_address_show(&at, link->peer, sizeof link->peer);
    else
        snprintf(link->peer, sizeof link->peer, "unix");
}

static void add_link(berthi_listener *l, struct MHD_Connection *c, void **link_out)
{
    berthi_link *link = berthi_zalloc(l->options.allocator, sizeof *link);
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);

    if (link == NULL || info == NULL) {
        berthi_free(l->options.allocator, link, sizeof *link);
        return;
    }
    link->fd = info->connect_fd;
    link->due_ns = later(l->options.request_ns);
    link->next = l->links;
    link->at = &l->links;
    if (link->next != NULL)
        link->next->at = &link->next;
    l->links = link;
    note_peer(link);
    *link_out = link;
}

static void connection_comes_or_goes(void *ctx, struct MHD_Connection *c, void **link_io,
                                     enum MHD_ConnectionNotificationCode what)
{
    berthi_listener *l = ctx;
    berthi_link *link = *link_io;

    berthi_lock_take(&l->lock);
    l->connections += what == MHD_CONNECTION_NOTIFY_STARTED;
    l->lost += what != MHD_CONNECTION_NOTIFY_STARTED;
    l->peers = (uint32_t)(l->connections - l->lost);
    berthi_lock_drop(&l->lock);
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        add_link(l, c, link_io);
    } else if (link != NULL) {
        *link->at = link->next;
        if (link->next != NULL)
            link->next->at = link->at;
        berthi_free(l->options.allocator, link, sizeof *link);
        *link_io = NULL;
    }
}

/* Writes an answer where libmicrohttpd would not yet, and says no more on that connection. */
static void tell(const berthi_listener *l, berthi_link *link, uint16_t status, const char *text)
{
    berth_http_field fields[BERTHI_ANSWER_FIELDS];
    char after[BERTHI_AFTER_TEXT], line[TOLD_MAX];
    size_t count = berthi_answer_fields(l, status, true, after, fields), done;
    int size = snprintf(line, sizeof line, "HTTP/1.1 %u %s\r\nConnection: close\r\n", status,
                        MHD_get_reason_phrase_for(status));

    for (size_t i = 0; i < count; i++)
        size += snprintf(line + size, sizeof line - (size_t)size, "%s: %s\r\n",
                         fields[i].name.text, fields[i].value.text);
    size += snprintf(line + size, sizeof line - (size_t)size, "Content-Length: %zu\r\n\r\n%s",
                     strlen(text), text);
    (void)berthi_socket_send(link->fd, line, (size_t)size, &done);
    (void)berthi_socket_shut(link->fd, false, true);
    link->was_told = true;
    link->due_ns = later(LINGER_NS); /* who is closed at once may not hear it */
}

void berthi_daemon_expire(berthi_listener *l, uint64_t *due_ns_io)
{
    uint64_t now_ns = berthi_clock_ns();
    bool is_closing;

    berthi_lock_take(&l->lock);
    is_closing = l->is_closing;
    berthi_lock_drop(&l->lock);
    for (berthi_link *link = l->links; link != NULL; link = link->next) {
        berthi_exchange *x = link->exchange;
        /* Who has not said all when the listener ends is not waited for. */
        bool is_late = is_closing && !link->was_told && x != NULL && !x->is_suspended &&
                       !x->has_answer && !x->was_queued;

        if (now_ns >= link->due_ns || is_late) {
            if (x != NULL && !x->has_answer && !link->was_told) {
                x->refusal.status = is_late ? 503 : 408;
                tell(l, link, x->refusal.status,
                     is_late ? "this is about to end\n" : "the request took too long\n");
            }
            (void)berthi_socket_shut(link->fd, true, true);
            link->due_ns = UINT64_MAX;
        }
        if (link->due_ns < *due_ns_io)
            *due_ns_io = link->due_ns;
    }
}

/* ---------------------------------------------------------------- a request comes */

static void *request_begins(void *ctx, const char *target, struct MHD_Connection *c)
{
    berthi_listener *l = ctx;
    berthi_link *link = link_of(c);
    berthi_exchange *x = link == NULL ? NULL : berthi_exchange_make(l, target);

    if (x == NULL)
        return NULL;
    x->connection = c;
    x->link = link;
    link->exchange = x;
    link->due_ns = later(l->options.request_ns);
    memcpy(x->peer, link->peer, sizeof x->peer);
    berthi_lock_take(&l->lock);
    l->living++;
    berthi_lock_drop(&l->lock);
    return x;
}

typedef struct gathering {
    berth_http_field fields[BERTH_HTTP_FIELDS_MAX];
    size_t count, bytes;
    bool is_full;
} gathering;

static enum MHD_Result gather_one(void *ctx, enum MHD_ValueKind kind, const char *name,
                                  size_t name_size, const char *value, size_t value_size)
{
    gathering *g = ctx;

    (void)kind;
    g->bytes += name_size + value_size;
    if (g->count == BERTH_HTTP_FIELDS_MAX || g->bytes > BERTH_HTTP_FIELDS_BYTES_MAX) {
        g->is_full = true;
        return MHD_NO;
    }
    g->fields[g->count++] =
        (berth_http_field){ { name, name_size }, { value == NULL ? "" : value, value_size } };
    return MHD_YES;
}

/* False: no memory, or too many. */
static bool gather(berthi_exchange *x, enum MHD_ValueKind kind, berthi_lines *to)
{
    gathering g;

    g.count = g.bytes = 0;
    g.is_full = false;
    (void)MHD_get_connection_values_n(x->connection, kind, gather_one, &g);
    return !g.is_full &&
           berthi_lines_copy(x->listener->options.allocator, g.fields, g.count, to);
}

static const char *value_of(berthi_exchange *x, const char *name)
{
    return MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, name);
}

static berth_string text_of(const char *text)
{
    return (berth_string){ text, strlen(text) };
}

static void look(berthi_exchange *x, const char *method, const char *length)
{
    berthi_listener *l = x->listener;
    const char *host = value_of(x, "Host");

    x->method = berthi_strndup(l->options.allocator, method, strlen(method));
    x->authority = berthi_strndup(l->options.allocator, host == NULL ? "" : host,
                                  host == NULL ? 0 : strlen(host));
    x->request = (berth_http_request)BERTH_HTTP_REQUEST_INIT;
    x->request.method = text_of(x->method == NULL ? "" : x->method); /* for the log */
    x->request.path = text_of(x->target);
    if (x->method == NULL || x->authority == NULL || !gather(x, MHD_HEADER_KIND, &x->fields)) {
        berthi_refuse(&x->refusal, 431, "the request has more fields than are taken");
        return;
    }
    x->request.authority = text_of(x->authority);
    x->request.scheme = (berth_string){ "http", 4 };
    x->request.fields = x->fields.fields;
    x->request.fields_count = x->fields.count;
    if (length != NULL && strtoull(length, NULL, 10) > l->options.body_max)
        berthi_refuse(&x->refusal, 413, "the body is larger than what is taken");
    else if (l->options.ops->look != NULL)
        l->options.ops->look(l->options.ctx, x, &x->refusal);
}

static void refuse_answered(berthi_exchange *x)
{
    berthi_listener *l = x->listener;

    berthi_lock_take(&l->lock);
    l->refused++;
    berthi_body_take(x, &x->in, x->in.end - x->in.at); /* nobody reads it */
    berthi_lock_drop(&l->lock);
    berthi_exchange_answer(x, x->refusal.status, x->refusal.text);
}

static void refuse_at_once(berthi_exchange *x)
{
    berthi_listener *l = x->listener;

    berthi_lock_take(&l->lock);
    l->refused++;
    x->is_broken = true;
    berthi_exchange_stir(x);
    berthi_lock_drop(&l->lock);
    tell(l, x->link, x->refusal.status, x->refusal.text);
}

/* ---------------------------------------------------------------- the answer goes */

static void add_footers(berthi_exchange *x, struct MHD_Response *r)
{
    for (size_t i = 0; i < x->footers.count; i++)
        (void)MHD_add_response_footer(r, x->footers.fields[i].name.text,
                                      x->footers.fields[i].value.text);
}

typedef struct answering { /* of libmicrohttpd's response */
    berthi_exchange *x;
    struct MHD_Response *response;
} answering;

static void suspend(berthi_exchange *x)
{
    x->is_suspended = true;
    x->link->due_ns = UINT64_MAX;
    MHD_suspend_connection(x->connection);
}

static ssize_t give_body(void *ctx, uint64_t at, char *to, size_t max)
{
    answering *a = ctx;
    berthi_exchange *x = a->x;
    size_t left, size;
    ssize_t given;

    (void)at;
    berthi_lock_take(&x->listener->lock);
    left = x->out.end - x->out.at;
    size = left < max ? left : max;
    if (x->is_broken && !x->is_ended) {
        given = MHD_CONTENT_READER_END_WITH_ERROR;
    } else if (size != 0) {
        memcpy(to, x->out.data + x->out.at, size);
        berthi_body_take(x, &x->out, size);
        x->bytes_out += size;
        given = (ssize_t)size;
    } else if (x->is_ended) {
        add_footers(x, a->response);
        given = MHD_CONTENT_READER_END_OF_STREAM;
    } else {
        given = 0;
    }
    berthi_exchange_stir(x);
    berthi_lock_drop(&x->listener->lock);
    if (given == 0)
        suspend(x);
    return given;
}

static void free_answering(void *ctx)
{
    answering *a = ctx;

    berthi_exchange_unref(a->x);
    berthi_free(&berthi_allocator_libc, a, sizeof *a);
}

static struct MHD_Response *make_response(berthi_exchange *x)
{
    berthi_listener *l = x->listener;
    answering *a = berthi_alloc(&berthi_allocator_libc, sizeof *a);
    uint64_t size = MHD_SIZE_UNKNOWN;
    struct MHD_Response *response;

    if (a == NULL)
        return NULL;
    berthi_lock_take(&l->lock);
    if (x->says_length)
        size = x->length;
    else if (x->is_ended && x->footers.count == 0)
        size = x->out.end - x->out.at;
    berthi_exchange_ref(x);
    berthi_lock_drop(&l->lock);
    a->x = x;
    a->response = MHD_create_response_from_callback(size, BLOCK, give_body, a, free_answering);
    response = a->response;
    if (response == NULL)
        free_answering(a);
    return response;
}

/* libmicrohttpd takes over. */
static enum MHD_Result respond(berthi_exchange *x)
{
    struct MHD_Response *r = make_response(x);
    enum MHD_Result result = r == NULL ? MHD_NO : MHD_YES;

    for (size_t i = 0; i < x->answer.count && result == MHD_YES; i++) {
        const berth_http_field *f = &x->answer.fields[i];

        if (f->value.size != 0) /* it takes none without a value, which is no reason to fail */
            result = MHD_add_response_header(r, f->name.text, f->value.text);
    }
    if (result == MHD_YES)
        result = MHD_queue_response(x->connection, x->status, r);
    if (r != NULL)
        MHD_destroy_response(r);
    x->has_answer = result == MHD_YES;
    x->link->due_ns = later(x->listener->options.request_ns);
    return result;
}

static enum MHD_Result answer_or_wait(berthi_exchange *x)
{
    bool has_status, is_broken;

    berthi_lock_take(&x->listener->lock);
    has_status = x->status != 0;
    is_broken = x->is_broken && !x->is_ended;
    berthi_lock_drop(&x->listener->lock);
    if (is_broken)
        return MHD_NO;
    if (has_status)
        return respond(x);
    suspend(x);
    return MHD_YES;
}

/* ---------------------------------------------------------------- the body comes */

static void offer(berthi_exchange *x)
{
    berthi_listener *l = x->listener;

    if (l->options.ops->judge != NULL)
        l->options.ops->judge(l->options.ctx, x, &x->refusal);
    if (x->refusal.status == 0)
        berthi_listener_queue(x, &x->refusal);
    x->was_queued = true;
}

/* Who waits in a queue may be anywhere in it. */
static bool leave_queue(berthi_exchange *x)
{
    berthi_listener *l = x->listener;
    berthi_exchange **at = &l->first;

    if (!x->is_queued)
        return false;
    while (*at != x)
        at = &(*at)->next;
    *at = x->next;
    if (x->next == NULL)
        l->last = at;
    l->waiting--;
    x->is_queued = false;
    return true;
}

static enum MHD_Result begin(berthi_exchange *x, const char *method)
{
    const char *length = value_of(x, "Content-Length");
    bool is_chunked = value_of(x, "Transfer-Encoding") != NULL;
    uint64_t size = length == NULL ? 0 : strtoull(length, NULL, 10);

    x->has_begun = true;
    look(x, method, length);
    if (x->refusal.status == 0)
        return MHD_YES;
    if (value_of(x, "Expect") != NULL) { /* who waits to be told to go on is told not to */
        refuse_answered(x);
        return answer_or_wait(x);
    }
    if (!is_chunked && size <= SWALLOWED_MAX)
        x->swallows = true;
    else
        refuse_at_once(x);
    return MHD_YES;
}

/* As much of it as there is room for; what is left waits with its connection. */
static size_t keep(berthi_exchange *x, const char *data, size_t size)
{
    berthi_listener *l = x->listener;
    const berthi_listener_options *o = &l->options;
    size_t kept;

    berthi_lock_take(&l->lock);
    kept = o->body_room - (x->in.end - x->in.at);
    kept = size < kept ? size : kept;
    if (size > o->body_max - x->bytes_in)
        berthi_refuse(&x->refusal, 413, "the body is larger than what is taken");
    else if (!berthi_body_put(x, &x->in, data, kept))
        berthi_refuse(&x->refusal, 503, "too many bodies wait already");
    if (x->refusal.status == 0) {
        x->bytes_in += kept;
        l->bytes_in += kept;
        berthi_exchange_stir(x);
    }
    berthi_lock_drop(&l->lock);
    return kept;
}

/* Whoever had it has answered, or has given it up. */
static bool is_through(berthi_exchange *x)
{
    bool is_through;

    berthi_lock_take(&x->listener->lock);
    is_through = x->is_ended || x->is_broken;
    berthi_lock_drop(&x->listener->lock);
    return is_through;
}

static enum MHD_Result take_body(berthi_exchange *x, const char *data, size_t *size_io)
{
    size_t size = *size_io, kept;

    if (x->swallows || x->link->was_told || is_through(x)) {
        *size_io = 0;
        return MHD_YES;
    }
    kept = keep(x, data, size);
    if (kept < size && x->refusal.status == 0 && !x->was_queued)
        offer(x);
    if (x->refusal.status != 0) {
        *size_io = 0;
        refuse_at_once(x);
        return MHD_YES;
    }
    *size_io = size - kept;
    if (kept < size)
        suspend(x);
    return MHD_YES;
}

static void be_whole(berthi_exchange *x)
{
    berthi_listener *l = x->listener;
    berthi_lines trailers = { NULL, 0, 0 };
    bool has_all = gather(x, MHD_FOOTER_KIND, &trailers);

    berthi_lock_take(&l->lock);
    x->trailers = trailers;
    x->is_whole = has_all || !x->was_queued;
    x->is_broken |= !x->is_whole;
    berthi_exchange_stir(x);
    berthi_lock_drop(&l->lock);
    if (!has_all && !x->was_queued)
        berthi_refuse(&x->refusal, 431, "the request has more trailers than are taken");
    else if (!x->was_queued && !x->swallows)
        offer(x);
    if (x->refusal.status != 0)
        refuse_answered(x);
}

static enum MHD_Result go_on(berthi_exchange *x)
{
    if (x->link->was_told)
        return MHD_NO;
    if (!x->is_whole)
        be_whole(x);
    return answer_or_wait(x);
}

static enum MHD_Result handle(void *ctx, struct MHD_Connection *c, const char *url,
                              const char *method, const char *version, const char *data,
                              size_t *size_io, void **exchange_io)
{
    berthi_exchange *x = *exchange_io;

    (void)ctx, (void)c, (void)url, (void)version;
    if (x == NULL)
        return MHD_NO;
    if (!x->has_begun)
        return begin(x, method);
    return *size_io != 0 ? take_body(x, data, size_io) : go_on(x);
}

static void request_ends(void *ctx, struct MHD_Connection *c, void **exchange_io,
                         enum MHD_RequestTerminationCode how)
{
    berthi_listener *l = ctx;
    berthi_exchange *x = *exchange_io;
    bool was_queued;

    (void)c;
    if (x == NULL)
        return;
    *exchange_io = NULL;
    x->link->exchange = NULL;
    x->link->due_ns = later(l->options.idle_ns + l->options.request_ns);
    x->took_ns = berthi_clock_ns() - x->began_ns;
    berthi_lock_take(&l->lock);
    x->told = x->has_answer ? x->status : x->refusal.status;
    if (x->has_answer && how != MHD_REQUEST_TERMINATED_COMPLETED_OK)
        x->told = 0;
    was_queued = leave_queue(x);
    x->is_gone = true;
    berthi_exchange_stir(x);
    berthi_lock_drop(&l->lock);
    x->connection = NULL;
    x->is_suspended = false;
    berthi_exchange_settle(x);
    if (was_queued)
        berthi_exchange_unref(x);
    berthi_exchange_unref(x);
}

/* ---------------------------------------------------------------- the daemon */

static size_t leave_as_it_is(void *ctx, struct MHD_Connection *c, char *text)
{
    (void)ctx, (void)c;
    return strlen(text);
}

bool berthi_listener_is_built(void)
{
    return true;
}

berth_status berthi_daemon_start(berthi_listener *l, berth_diag *diag)
{
    const berthi_listener_options *o = &l->options;
    const union MHD_DaemonInfo *info;
    int twin, code = berthi_poll_set_twin(l->fd, &twin);

    if (code != 0)
        return berthi_fail_os(diag, code, "%s", o->address);
    l->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, handle, l,
        MHD_OPTION_LISTEN_SOCKET, twin, MHD_OPTION_CONNECTION_LIMIT, o->connections_max,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)o->header_bytes * 2,
        MHD_OPTION_CONNECTION_TIMEOUT, seconds(o->idle_ns), MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_NOTIFY_CONNECTION, connection_comes_or_goes, l, MHD_OPTION_NOTIFY_COMPLETED,
        request_ends, l, MHD_OPTION_URI_LOG_CALLBACK, request_begins, l,
        MHD_OPTION_UNESCAPE_CALLBACK, leave_as_it_is, l, MHD_OPTION_END);
    if (l->daemon == NULL) {
        berthi_socket_close(twin);
        return berthi_fail(diag, BERTH_E_OS, "%s: libmicrohttpd does not start", o->address);
    }
    info = MHD_get_daemon_info(l->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    l->epoll_fd = info->epoll_fd;
    return BERTH_OK;
}

void berthi_daemon_quiesce(berthi_listener *l)
{
    MHD_socket twin;

    if (l->fd < 0)
        return;
    twin = MHD_quiesce_daemon(l->daemon);
    if (twin != MHD_INVALID_SOCKET)
        berthi_socket_close(twin);
    berthi_socket_close(l->fd);
    l->fd = -1;
    if (l->path != NULL)
        berthi_local_remove(l->path);
}

void berthi_daemon_run(berthi_listener *l, uint64_t *due_ns_io)
{
    MHD_UNSIGNED_LONG_LONG wait_ms;
    uint64_t due_ns, lost = l->lost; /* this thread alone writes it */

    (void)MHD_run(l->daemon);
    if (l->lost != lost) /* a place is free: it lets somebody in only when it is called again */
        *due_ns_io = 0;
    if (MHD_get_timeout(l->daemon, &wait_ms) != MHD_YES)
        return;
    due_ns = later(wait_ms * NS_PER_MS);
    if (due_ns < *due_ns_io)
        *due_ns_io = due_ns;
}

void berthi_daemon_resume(berthi_exchange *x)
{
    bool is_cut;

    if (x->connection == NULL)
        return;
    berthi_lock_take(&x->listener->lock);
    is_cut = x->is_broken && !x->is_ended;
    berthi_lock_drop(&x->listener->lock);
    if (is_cut && x->has_answer) /* it may be that the peer does not read: it is not asked */
        (void)berthi_socket_shut(x->link->fd, true, true);
    if (!x->is_suspended)
        return;
    x->is_suspended = false;
    x->link->due_ns = later(x->listener->options.request_ns);
    MHD_resume_connection(x->connection);
}

void berthi_daemon_stop(berthi_listener *l)
{
    berthi_daemon_quiesce(l);
    /* It must not be stopped while a connection is suspended. */
    for (berthi_link *link = l->links; link != NULL; link = link->next) {
        berthi_exchange *x = link->exchange;

        (void)berthi_socket_shut(link->fd, true, false);
        if (x == NULL)
            continue;
        berthi_lock_take(&l->lock);
        x->is_broken = true;
        berthi_lock_drop(&l->lock);
        berthi_daemon_resume(x);
    }
    (void)MHD_run(l->daemon);
    MHD_stop_daemon(l->daemon);
}
