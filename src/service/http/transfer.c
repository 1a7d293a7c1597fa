/* transfer.c - libcurl in threads that nobody has to wait for.  Layer: service. */
#include "service/http/transfer.h"

#include <stdatomic.h>
#include <string.h>

#include "os/clock.h"
#include "os/socket.h"
#include "os/thread.h"
#include "os/wait.h"
#include "service/http/easy.h"

enum { STACK = 1 << 20, HEADERS_MAX = 64 << 10, CONTENT_MAX = 16 << 20, ROOM_FIRST = 4096 };

/* The thread and whoever asked have one reference each; memory is of the C library's heap, because the
 * thread may be there longer than any other. */
struct berthi_transfer {
    atomic_uint refs;
    atomic_bool is_done;
    berthi_mutex mutex;
    const berth_grants *grants; /* guarded by mutex; NULL: nobody wants it any more */
    int fd;
    struct curl_slist *lines;
    berthi_bytes body;
    uint64_t connect_ns, first_byte_ns, between_bytes_ns;
    uint64_t heard_ns; /* when something came */
    bool has_heard;
    bool has_tried, has_refused; /* addresses of the name, which has several */
    berthi_http_code code;
    uint16_t status;
    berthi_bytes headers, content;
    char *method, *url, *host;
};

static const berth_allocator *const heap = &berthi_allocator_libc;
static atomic_uint living; /* of the process, as the threads are */

uint32_t berthi_transfers_living(void)
{
    return atomic_load_explicit(&living, memory_order_relaxed);
}

static char *copy(const char *text)
{
    return berthi_strndup(heap, text, strlen(text));
}

static void forget(char *text)
{
    if (text != NULL)
        berthi_free(heap, text, strlen(text) + 1);
}

static void unref(berthi_transfer *t)
{
    if (atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) != 1)
        return;
    curl_slist_free_all(t->lines);
    berthi_latch_close(t->fd);
    berthi_mutex_fini(&t->mutex);
    berthi_free(heap, t->body.data, t->body.room);
    berthi_free(heap, t->headers.data, t->headers.room);
    berthi_free(heap, t->content.data, t->content.room);
    forget(t->method);
    forget(t->url);
    forget(t->host);
    berthi_free(heap, t, sizeof *t);
    (void)atomic_fetch_sub_explicit(&living, 1, memory_order_relaxed);
}

static bool append(berthi_bytes *b, const void *data, size_t size, size_t most)
{
    size_t room = b->room == 0 ? ROOM_FIRST : b->room;
    uint8_t *more;

    if (size > most || b->size > most - size)
        return false;
    while (room < b->size + size)
        room *= 2;
    if (room != b->room) {
        more = berthi_alloc(heap, room);
        if (more == NULL)
            return false;
        if (b->size != 0)
            memcpy(more, b->data, b->size);
        berthi_free(heap, b->data, b->room);
        b->data = more;
        b->room = room;
    }
    if (size != 0)
        memcpy(b->data + b->size, data, size);
    b->size += size;
    return true;
}

/* ---------------------------------------------------------------- before it runs */

static bool take_place(void)
{
    unsigned now = atomic_load_explicit(&living, memory_order_relaxed);

    while (now < BERTHI_TRANSFERS_MAX)
        if (atomic_compare_exchange_weak_explicit(&living, &now, now + 1, memory_order_relaxed,
                                                  memory_order_relaxed))
            return true;
    return false;
}

berthi_http_code berthi_transfer_make(const char *method, const char *url, const char *host,
                                      const berth_grants *grants,
                                      berthi_transfer **transfer_out)
{
    berthi_transfer *t;

    if (!take_place())
        return BERTHI_HTTP_LIMIT;
    t = berthi_zalloc(heap, sizeof *t);
    if (t == NULL || berthi_mutex_init(&t->mutex) != 0) {
        berthi_free(heap, t, sizeof *t);
        (void)atomic_fetch_sub_explicit(&living, 1, memory_order_relaxed);
        return BERTHI_HTTP_NO_MEMORY;
    }
    atomic_init(&t->refs, 1);
    t->fd = -1;
    t->method = copy(method);
    t->url = copy(url);
    t->host = copy(host);
    if (t->method == NULL || t->url == NULL || t->host == NULL ||
        berthi_latch_open(&t->fd) != 0) {
        unref(t);
        return BERTHI_HTTP_NO_MEMORY;
    }
    t->grants = berthi_grants_ref(grants);
    *transfer_out = t;
    return BERTHI_HTTP_OK;
}

berthi_http_code berthi_transfer_header(berthi_transfer *t, const char *line)
{
    return berthi_easy_line(&t->lines, line);
}

berthi_http_code berthi_transfer_body(berthi_transfer *t, const void *data, size_t size)
{
    if (size > CONTENT_MAX - t->body.size)
        return BERTHI_HTTP_REQUEST_SIZE;
    return append(&t->body, data, size, CONTENT_MAX) ? BERTHI_HTTP_OK : BERTHI_HTTP_NO_MEMORY;
}

void berthi_transfer_timeouts(berthi_transfer *t, uint64_t connect_ns, uint64_t first_byte_ns,
                              uint64_t between_bytes_ns)
{
    t->connect_ns = connect_ns;
    t->first_byte_ns = first_byte_ns;
    t->between_bytes_ns = between_bytes_ns;
}

/* ---------------------------------------------------------------- while it runs */

static void note_heard(berthi_transfer *t)
{
    t->heard_ns = berthi_clock_ns();
    t->has_heard = true;
}

/* The last moment before a connection: this is the address that it goes to. */
static curl_socket_t open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *to)
{
    berthi_transfer *t = ctx;
    uint8_t bytes[16];
    uint16_t port = 0;
    size_t size = berthi_sockaddr_bytes(&to->addr, bytes, &port);
    bool may;

    (void)purpose;
    berthi_mutex_lock(&t->mutex);
    may = t->grants != NULL && size != 0 &&
          berthi_grants_http_address(t->grants, t->method, strlen(t->method), bytes, size,
                                     t->host, strlen(t->host), port);
    berthi_mutex_unlock(&t->mutex);
    if (!may) { /* the name may have others */
        t->has_refused = true;
        return CURL_SOCKET_BAD;
    }
    t->has_tried = true;
    return berthi_socket_plain(to->family, to->socktype, to->protocol);
}

static size_t take_header(char *line, size_t one, size_t size, void *ctx)
{
    berthi_transfer *t = ctx;
    size_t end = size * one;

    note_heard(t);
    while (end > 0 && (line[end - 1] == '\n' || line[end - 1] == '\r'))
        end--;
    if (end >= 5 &&
        memcmp(line, "HTTP/", 5) == 0) { /* of the last response, if there were others */
        t->headers.size = 0;
        return size * one;
    }
    if (end == 0 || memchr(line, ':', end) == NULL)
        return size * one;
    if (!append(&t->headers, line, end, HEADERS_MAX - 1) ||
        !append(&t->headers, "\n", 1, HEADERS_MAX)) {
        t->code = BERTHI_HTTP_HEADERS_SIZE;
        return 0;
    }
    return size * one;
}

static size_t take_content(char *data, size_t one, size_t size, void *ctx)
{
    berthi_transfer *t = ctx;

    note_heard(t);
    if (!append(&t->content, data, size * one, CONTENT_MAX)) {
        t->code = BERTHI_HTTP_BODY_SIZE;
        return 0;
    }
    return size * one;
}

/* Once a second, and whenever something moved. */
static int look_at_time(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    berthi_transfer *t = ctx;
    uint64_t limit = t->has_heard ? t->between_bytes_ns : t->first_byte_ns;
    bool is_wanted;

    (void)a, (void)b, (void)c, (void)d;
    berthi_mutex_lock(&t->mutex);
    is_wanted = t->grants != NULL && !berthi_grants_are_revoked(t->grants);
    berthi_mutex_unlock(&t->mutex);
    if (limit != 0 && berthi_clock_ns() - t->heard_ns > limit) {
        t->code = BERTHI_HTTP_RESPONSE_TIMEOUT;
        return 1;
    }
    return is_wanted ? 0 : 1;
}

#define SET(option, value) ok = ok && curl_easy_setopt(curl, option, value) == CURLE_OK

static bool set_up(berthi_transfer *t, CURL *curl)
{
    bool ok = berthi_easy_set_up(curl, t->url, t->lines);

    SET(CURLOPT_FORBID_REUSE, 1L);
    SET(CURLOPT_CONNECTTIMEOUT_MS, berthi_easy_milliseconds(t->connect_ns));
    SET(CURLOPT_NOPROGRESS, 0L);
    SET(CURLOPT_XFERINFOFUNCTION, look_at_time);
    SET(CURLOPT_XFERINFODATA, t);
    SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
    SET(CURLOPT_OPENSOCKETDATA, t);
    SET(CURLOPT_HEADERFUNCTION, take_header);
    SET(CURLOPT_HEADERDATA, t);
    SET(CURLOPT_WRITEFUNCTION, take_content);
    SET(CURLOPT_WRITEDATA, t);
    if (strcmp(t->method, "HEAD") == 0) {
        SET(CURLOPT_NOBODY, 1L);
        return ok;
    }
    if (t->body.size != 0) {
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->body.size);
        SET(CURLOPT_POSTFIELDS, (const char *)t->body.data);
    } else if (strcmp(t->method, "POST") == 0 || strcmp(t->method, "PUT") == 0 ||
               strcmp(t->method, "PATCH") == 0) {
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)0);
        SET(CURLOPT_POSTFIELDS, "");
    }
    SET(CURLOPT_CUSTOMREQUEST, t->method);
    return ok;
}

static berthi_http_code perform(berthi_transfer *t, CURL *curl)
{
    berthi_http_code code;
    long status = 0;

    t->heard_ns = berthi_clock_ns();
    code = berthi_easy_code(curl_easy_perform(curl));
    if (t->code != BERTHI_HTTP_OK) /* one of ours ended it, and knows why */
        return t->code;
    if (code != BERTHI_HTTP_OK && t->has_refused && !t->has_tried)
        return BERTHI_HTTP_PROHIBITED;
    if (code == BERTHI_HTTP_OK &&
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status) != CURLE_OK)
        code = BERTHI_HTTP_INTERNAL;
    if (code == BERTHI_HTTP_OK && (status < 100 || status > 999))
        code = BERTHI_HTTP_PROTOCOL;
    t->status = (uint16_t)status;
    return code;
}

static void *run(void *arg)
{
    berthi_transfer *t = arg;
    CURL *curl = curl_easy_init();

    if (curl == NULL || !set_up(t, curl))
        t->code = BERTHI_HTTP_NO_MEMORY;
    else
        t->code = perform(t, curl);
    if (curl != NULL)
        curl_easy_cleanup(curl);
    /* release: pairs with the acquire in berthi_transfer_is_done() */
    atomic_store_explicit(&t->is_done, true, memory_order_release);
    berthi_latch_set(t->fd);
    unref(t);
    return NULL;
}

berthi_http_code berthi_transfer_start(berthi_transfer *t)
{
    berthi_thread thread;

    atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
    if (berthi_thread_start(&thread, "berth-http", STACK, run, t) != 0) {
        atomic_fetch_sub_explicit(&t->refs, 1, memory_order_relaxed);
        return BERTHI_HTTP_NO_MEMORY;
    }
    berthi_thread_let_go(&thread);
    return BERTHI_HTTP_OK;
}

/* ---------------------------------------------------------------- behind it */

void berthi_transfer_drop(berthi_transfer *t)
{
    const berth_grants *grants;

    if (t == NULL)
        return;
    berthi_mutex_lock(&t->mutex);
    grants = t->grants;
    t->grants = NULL;
    berthi_mutex_unlock(&t->mutex);
    berthi_grants_unref(grants);
    unref(t);
}

int berthi_transfer_fd(const berthi_transfer *t)
{
    return t->fd;
}

bool berthi_transfer_is_done(const berthi_transfer *t)
{
    return atomic_load_explicit(&t->is_done, memory_order_acquire);
}

berthi_http_code berthi_transfer_code(const berthi_transfer *t)
{
    return t->code;
}

uint16_t berthi_transfer_status(const berthi_transfer *t)
{
    return t->status;
}

const berthi_bytes *berthi_transfer_headers(const berthi_transfer *t)
{
    return &t->headers;
}

const berthi_bytes *berthi_transfer_content(const berthi_transfer *t)
{
    return &t->content;
}

const char *berthi_http_code_text(berthi_http_code code)
{
    static const char *const texts[BERTHI_HTTP_CODES] = {
        [BERTHI_HTTP_OK] = "it failed",
        [BERTHI_HTTP_DNS] = "the host's name is not known",
        [BERTHI_HTTP_PROHIBITED] = "the grants forbid the host's address",
        [BERTHI_HTTP_REFUSED] = "the server refused the connection",
        [BERTHI_HTTP_TERMINATED] = "the server ended the connection",
        [BERTHI_HTTP_CONNECT_TIMEOUT] = "the server did not answer in time",
        [BERTHI_HTTP_LIMIT] = "too many requests are under way",
        [BERTHI_HTTP_TLS] = "TLS failed",
        [BERTHI_HTTP_CERTIFICATE] = "the server's certificate is not good",
        [BERTHI_HTTP_DENIED] = "the slot has no grant for it (`http:METHOD:HOST`)",
        [BERTHI_HTTP_METHOD] = "its method may not be used",
        [BERTHI_HTTP_URI] = "its URL is none that may be asked for",
        [BERTHI_HTTP_REQUEST_SIZE] = "its body is not as long as its header says",
        [BERTHI_HTTP_INCOMPLETE] = "the response was cut",
        [BERTHI_HTTP_HEADERS_SIZE] = "the response's headers are too long",
        [BERTHI_HTTP_BODY_SIZE] = "the response's body is too long",
        [BERTHI_HTTP_RESPONSE_TIMEOUT] = "the response did not come in time",
        [BERTHI_HTTP_PROTOCOL] = "the server does not speak HTTP",
        [BERTHI_HTTP_NO_MEMORY] = "there is no memory for it",
        [BERTHI_HTTP_INTERNAL] = "it failed",
    };

    return texts[code];
}
