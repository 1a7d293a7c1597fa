/* http_taker.c - a server that takes bodies and answers as its test says. */
#include "http_taker.h"

#include <netinet/in.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static void put(char *to, const char *text, size_t size)
{
    size_t used = strlen(to);

    snprintf(to + used, TAKER_TEXT - used, "%.*s|", (int)size, text);
}

static void note_key(http_taker *t, const char *head)
{
    const char *key = strstr(head, "Idempotency-Key: ");

    if (key != NULL)
        put(t->keys, key + 17, strcspn(key + 17, "\r"));
}

/* A whole request at the beginning of `data`; its size, or 0. */
static size_t request_size(const char *data, size_t size, size_t *head_out)
{
    const char *end = memmem(data, size, "\r\n\r\n", 4);
    const char *length = end == NULL ? NULL : strstr(data, "Content-Length: ");
    size_t body = length == NULL ? 0 : strtoul(length + 16, NULL, 10);

    if (end == NULL)
        return 0;
    *head_out = (size_t)(end - data) + 4;
    return size - *head_out < body ? 0 : *head_out + body;
}

/* False: the connection ends. */
static bool answer(taker_peer *p, const char *data, size_t head, size_t size)
{
    http_taker *t = p->taker;
    unsigned number = atomic_fetch_add(&t->requests, 1);
    int status = t->answers[number < t->answers_count ? number : t->answers_count - 1];
    char text[160];

    (void)pthread_mutex_lock(&t->lock);
    snprintf(t->last_head, sizeof t->last_head, "%.*s", (int)head, data);
    note_key(t, t->last_head);
    if (status >= 200 && status < 300)
        put(t->bodies, data + head, size - head);
    (void)pthread_mutex_unlock(&t->lock);
    while (atomic_load(&t->requests) < t->gather)
        (void)sched_yield();
    if (status == TAKER_VANISHES)
        return false;
    if (status == TAKER_HOLDS) {
        (void)recv(p->fd, text, 1, 0);
        return false;
    }
    snprintf(text, sizeof text,
             "HTTP/1.1 %d X\r\nContent-Length: 6\r\nRetry-After: 3600\r\n\r\nreason", status);
    return send(p->fd, text, strlen(text), MSG_NOSIGNAL) > 0;
}

static void *serve(void *arg)
{
    taker_peer *p = arg;
    char *data = malloc(1 << 20);
    size_t size = 0, whole, head = 0;
    bool goes_on = data != NULL;

    while (goes_on) {
        ssize_t n = recv(p->fd, data + size, (1 << 20) - 1 - size, 0);

        if (n <= 0)
            break;
        size += (size_t)n;
        data[size] = '\0';
        while (goes_on && (whole = request_size(data, size, &head)) != 0) {
            goes_on = answer(p, data, head, whole);
            memmove(data, data + whole, size - whole + 1);
            size -= whole;
        }
    }
    (void)shutdown(p->fd, SHUT_RDWR);
    free(data);
    return NULL;
}

static void *take(void *arg)
{
    http_taker *t = arg;

    for (unsigned i = 0; i < TAKER_PEERS; i++) {
        int fd = accept4(t->listener, NULL, NULL, SOCK_CLOEXEC);

        if (fd < 0)
            return NULL;
        t->peers[i].taker = t;
        t->peers[i].fd = fd;
        if (pthread_create(&t->peers[i].thread, NULL, serve, &t->peers[i]) != 0)
            return NULL;
        atomic_fetch_add(&t->peers_count, 1);
    }
    return NULL;
}

bool taker_start(http_taker *t, const int *answers, size_t count)
{
    struct sockaddr_in at = { .sin_family = AF_INET,
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof at;

    memset(t, 0, sizeof *t);
    t->answers = answers;
    t->answers_count = count;
    (void)pthread_mutex_init(&t->lock, NULL);
    t->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (t->listener < 0 || bind(t->listener, (struct sockaddr *)&at, sizeof at) != 0 ||
        listen(t->listener, TAKER_PEERS) != 0 ||
        getsockname(t->listener, (struct sockaddr *)&at, &size) != 0) {
        printf("             skipped: this machine has no loopback\n");
        if (t->listener >= 0)
            (void)close(t->listener);
        return false;
    }
    t->port = ntohs(at.sin_port);
    return pthread_create(&t->thread, NULL, take, t) == 0;
}

void taker_stop(http_taker *t)
{
    (void)shutdown(t->listener, SHUT_RDWR);
    assert_int_equal(pthread_join(t->thread, NULL), 0);
    (void)close(t->listener);
    for (unsigned i = 0; i < atomic_load(&t->peers_count); i++) {
        (void)shutdown(t->peers[i].fd, SHUT_RDWR);
        assert_int_equal(pthread_join(t->peers[i].thread, NULL), 0);
        (void)close(t->peers[i].fd);
    }
    (void)pthread_mutex_destroy(&t->lock);
}
