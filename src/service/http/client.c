/* client.c - libcurl's multi interface, over a set of descriptors that is one itself.  Layer: service. */
#include "service/http/client.h"

#include <string.h>

#include "base/alloc.h"
#include "base/diag.h"
#include "os/clock.h"
#include "os/poll_set.h"
#include "service/http/easy.h"

enum { SPARE_SOCKETS = 16, KEYS = 32, ROUNDS = 8 };
#define NS_PER_S     UINT64_C(1000000000)
#define NS_PER_MS    UINT64_C(1000000)
#define TRY_AGAIN_NS (10 * NS_PER_MS)

typedef struct watched { /* a socket of libcurl's */
    int fd;
    uint32_t events;
    bool is_armed, is_known; /* to the set */
} watched;

struct berthi_client {
    const berth_allocator *allocator;
    CURLM *multi;
    int set;
    watched *sockets;
    uint32_t count, room;
    uint64_t due_ns; /* libcurl's own; UINT64_MAX: none */
};

/* ---------------------------------------------------------------- what libcurl says */

static watched *find(berthi_client *c, int fd)
{
    for (uint32_t i = 0; i < c->count; i++)
        if (c->sockets[i].fd == fd)
            return &c->sockets[i];
    return NULL;
}

static int watch(CURL *curl, curl_socket_t fd, int what, void *ctx, void *unused)
{
    berthi_client *c = ctx;
    watched *w = find(c, fd);

    (void)curl, (void)unused;
    if (what == CURL_POLL_REMOVE) {
        if (w == NULL)
            return 0;
        if (w->is_known)
            berthi_poll_set_remove(c->set, fd);
        *w = c->sockets[--c->count];
        return 0;
    }
    if (w == NULL) {
        if (c->count == c->room)
            return -1;
        w = &c->sockets[c->count++];
        *w = (watched){ .fd = fd };
    }
    w->events = (what & CURL_POLL_IN ? BERTHI_POLL_READ : 0u) |
                (what & CURL_POLL_OUT ? BERTHI_POLL_WRITE : 0u);
    w->is_armed = false;
    return 0;
}

static int set_timer(CURLM *multi, long ms, void *ctx)
{
    berthi_client *c = ctx;

    (void)multi;
    c->due_ns = ms < 0 ? UINT64_MAX : berthi_clock_ns() + (uint64_t)ms * NS_PER_MS;
    return 0;
}

/* The beginning is kept; all of it is read, so that the connection serves on. */
static size_t take_text(char *data, size_t one, size_t size, void *ctx)
{
    berthi_client_request *r = ctx;
    size_t room = sizeof r->text - r->text_size, all = size * one;
    size_t kept = all < room ? all : room;

    memcpy(r->text + r->text_size, data, kept);
    r->text_size += kept;
    return all;
}

/* ---------------------------------------------------------------- opening */

berth_status berthi_client_open(const berth_allocator *a, uint32_t requests_max,
                                berthi_client **client_out, berth_diag *diag)
{
    berthi_client *c = berthi_zalloc(a, sizeof *c);
    int code;

    if (c == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "no memory for HTTP requests");
    c->allocator = a;
    c->due_ns = UINT64_MAX;
    c->room = requests_max * 4 + SPARE_SOCKETS; /* addresses tried at once, and look-ups */
    c->sockets = berthi_zalloc_array(a, c->room, sizeof *c->sockets);
    c->multi = curl_multi_init();
    code = berthi_poll_set_open(&c->set);
    if (code == 0 && c->sockets != NULL && c->multi != NULL &&
        curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, watch) == CURLM_OK &&
        curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c) == CURLM_OK &&
        curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, set_timer) == CURLM_OK &&
        curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c) == CURLM_OK &&
        curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, (long)requests_max) == CURLM_OK) {
        *client_out = c;
        return BERTH_OK;
    }
    if (code != 0)
        c->set = -1;
    berthi_client_close(c);
    return code != 0 ? berthi_fail_os(diag, code, "HTTP requests")
                     : berthi_fail(diag, BERTH_E_NOMEM, "no memory for HTTP requests");
}

void berthi_client_close(berthi_client *c)
{
    if (c == NULL)
        return;
    if (c->multi != NULL)
        (void)curl_multi_cleanup(c->multi);
    if (c->set >= 0)
        berthi_poll_set_close(c->set);
    if (c->sockets != NULL)
        berthi_free_array(c->allocator, c->sockets, c->room, sizeof *c->sockets);
    berthi_free(c->allocator, c, sizeof *c);
}

int berthi_client_fd(const berthi_client *c)
{
    return c->set;
}

/* ---------------------------------------------------------------- requests */

berthi_http_code berthi_client_line(berthi_client_request *r, const char *line)
{
    return berthi_easy_line(&r->lines, line);
}

#define SET(option, value) ok = ok && curl_easy_setopt(r->curl, option, value) == CURLE_OK

static bool set_up(berthi_client_request *r)
{
    bool ok = berthi_easy_set_up(r->curl, r->url, r->lines);

    SET(CURLOPT_POST, 1L);
    SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body_size);
    SET(CURLOPT_POSTFIELDS, r->body_size == 0 ? "" : (const char *)r->body);
    SET(CURLOPT_CUSTOMREQUEST, r->method);
    SET(CURLOPT_TIMEOUT_MS, berthi_easy_milliseconds(r->timeout_ns));
    SET(CURLOPT_WRITEFUNCTION, take_text);
    SET(CURLOPT_WRITEDATA, r);
    SET(CURLOPT_PRIVATE, (void *)r);
#if LIBCURL_VERSION_NUM >= 0x075700
    /* A name that is being looked up is left to its thread, not waited for, when nobody wants it any more. */
    (void)curl_easy_setopt(r->curl, CURLOPT_QUICK_EXIT, 1L);
#endif
    return ok;
}

berthi_http_code berthi_client_start(berthi_client *c, berthi_client_request *r)
{
    r->is_done = false;
    r->status = 0;
    r->text_size = 0;
    r->retry_after_ns = 0;
    r->curl = curl_easy_init();
    if (r->curl != NULL && set_up(r) && curl_multi_add_handle(c->multi, r->curl) == CURLM_OK)
        return BERTHI_HTTP_OK;
    if (r->curl != NULL)
        curl_easy_cleanup(r->curl);
    r->curl = NULL;
    berthi_client_drop(c, r);
    return BERTHI_HTTP_NO_MEMORY;
}

static void end_running(berthi_client *c, berthi_client_request *r)
{
    if (r->curl == NULL)
        return;
    (void)curl_multi_remove_handle(c->multi, r->curl);
    curl_easy_cleanup(r->curl);
    r->curl = NULL;
}

void berthi_client_drop(berthi_client *c, berthi_client_request *r)
{
    end_running(c, r);
    curl_slist_free_all(r->lines);
    r->lines = NULL;
}

static void finish(berthi_client *c, const CURLMsg *message)
{
    berthi_client_request *r = NULL;
    curl_off_t after = 0;
    long status = 0;

    if (curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&r) != CURLE_OK)
        return;
    r->code = berthi_easy_code(message->data.result);
    if (r->code == BERTHI_HTTP_OK &&
        curl_easy_getinfo(r->curl, CURLINFO_RESPONSE_CODE, &status) != CURLE_OK)
        r->code = BERTHI_HTTP_INTERNAL;
    if (r->code == BERTHI_HTTP_OK && (status < 100 || status > 999))
        r->code = BERTHI_HTTP_PROTOCOL;
    r->status = (uint16_t)status;
    if (curl_easy_getinfo(r->curl, CURLINFO_RETRY_AFTER, &after) == CURLE_OK && after > 0 &&
        after < INT32_MAX)
        r->retry_after_ns = (uint64_t)after * NS_PER_S;
    end_running(c, r);
    r->is_done = true;
}

/* ---------------------------------------------------------------- running */

/* Those that are ready, or that could not be asked about. */
static void act(berthi_client *c)
{
    uint64_t keys[KEYS];
    size_t count = KEYS;
    int running;

    for (uint32_t round = 0; round < ROUNDS && count == KEYS; round++) {
        count = 0;
        (void)berthi_poll_set_wait(c->set, keys, KEYS, 0, &count);
        for (size_t i = 0; i < count; i++) {
            watched *w = find(c, (int)keys[i]);

            if (w == NULL)
                continue;
            w->is_armed = false;
            (void)curl_multi_socket_action(c->multi, w->fd, 0, &running);
        }
    }
    for (uint32_t i = c->count; i-- > 0;)
        if (i < c->count && !c->sockets[i].is_armed)
            (void)curl_multi_socket_action(c->multi, c->sockets[i].fd, 0, &running);
}

static bool arm(berthi_client *c)
{
    bool has_all = true;

    for (uint32_t i = 0; i < c->count; i++) {
        watched *w = &c->sockets[i];

        if (w->is_armed || w->events == 0)
            continue;
        w->is_armed =
            berthi_poll_set_arm(c->set, w->fd, w->events, (uint64_t)w->fd, !w->is_known) == 0;
        w->is_known |= w->is_armed;
        has_all &= w->is_armed;
    }
    return has_all;
}

void berthi_client_run(berthi_client *c, uint64_t *due_ns_out)
{
    CURLMsg *message;
    int left;

    act(c);
    if (c->due_ns <= berthi_clock_ns()) {
        c->due_ns = UINT64_MAX; /* it says a new one */
        (void)curl_multi_socket_action(c->multi, CURL_SOCKET_TIMEOUT, 0, &left);
    }
    while ((message = curl_multi_info_read(c->multi, &left)) != NULL)
        if (message->msg == CURLMSG_DONE)
            finish(c, message);
    *due_ns_out = c->due_ns;
    if (!arm(c) && *due_ns_out > berthi_clock_ns() + TRY_AGAIN_NS)
        *due_ns_out = berthi_clock_ns() + TRY_AGAIN_NS;
}
