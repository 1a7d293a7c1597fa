/* http_client.c - a peer over HTTP that says what it is told to. */
#include "http_client.h"

#include <netinet/in.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static void reach(http_client *c, int family, const void *to, size_t size)
{
    c->size = 0;
    c->fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(c->fd >= 0);
    while (connect(c->fd, to, (socklen_t)size) != 0)
        (void)sched_yield();
}

void http_client_open(http_client *c, const char *path)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX };

    assert_true(strlen(path) < sizeof to.sun_path);
    memcpy(to.sun_path, path, strlen(path));
    reach(c, AF_UNIX, &to, sizeof to);
}

void http_client_open_port(http_client *c, unsigned port)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

    reach(c, AF_INET, &to, sizeof to);
}

void http_client_close(http_client *c)
{
    (void)close(c->fd);
    c->fd = -1;
}

void http_client_send(http_client *c, const void *data, size_t size)
{
    const char *from = data;

    while (size != 0) {
        ssize_t n = send(c->fd, from, size, MSG_NOSIGNAL);

        if (n <= 0) /* it does not listen any more; what it says shows why */
            return;
        from += n;
        size -= (size_t)n;
    }
}

void http_client_say(http_client *c, const char *text)
{
    http_client_send(c, text, strlen(text));
}

void http_client_post(http_client *c, const char *target, const char *fields, const char *body)
{
    char head[1024];

    snprintf(head, sizeof head,
             "POST %s HTTP/1.1\r\nHost: test\r\n%sContent-Length: %zu\r\n\r\n", target, fields,
             strlen(body));
    http_client_say(c, head);
    http_client_say(c, body);
}

/* False: the connection has ended. */
static bool hear_more(http_client *c)
{
    ssize_t n;

    assert_true(c->size < sizeof c->data - 1);
    n = recv(c->fd, c->data + c->size, sizeof c->data - 1 - c->size, 0);
    if (n <= 0)
        return false;
    c->size += (size_t)n;
    c->data[c->size] = '\0';
    return true;
}

static void forget(http_client *c, size_t size)
{
    memmove(c->data, c->data + size, c->size - size);
    c->size -= size;
    c->data[c->size] = '\0';
}

static bool hear_bytes(http_client *c, size_t size)
{
    while (c->size < size)
        if (!hear_more(c))
            return false;
    assert_true(c->body_size + size < sizeof c->body);
    memcpy(c->body + c->body_size, c->data, size);
    c->body_size += size;
    c->body[c->body_size] = '\0';
    forget(c, size);
    return true;
}

/* A line, and its end, which are taken off; NULL: the connection has ended. */
static const char *hear_line(http_client *c)
{
    char *end;

    while ((end = c->size == 0 ? NULL : strstr(c->data, "\r\n")) == NULL)
        if (!hear_more(c))
            return NULL;
    snprintf(c->line, sizeof c->line, "%.*s", (int)(end - c->data), c->data);
    forget(c, (size_t)(end - c->data) + 2);
    return c->line;
}

/* Trailers are put behind the fields. */
static bool hear_chunks(http_client *c)
{
    const char *line;
    size_t size;

    do {
        line = hear_line(c);
        if (line == NULL)
            return false;
        size = strtoul(line, NULL, 16);
        if (size != 0 && (!hear_bytes(c, size) || hear_line(c) == NULL))
            return false;
    } while (size != 0);
    while ((line = hear_line(c)) != NULL && *line != '\0') {
        size_t used = strlen(c->head);

        snprintf(c->head + used, sizeof c->head - used, "%s\r\n", line);
    }
    return line != NULL;
}

int http_client_hear(http_client *c)
{
    const char *length;
    char *end;

    c->status = 0;
    c->body_size = 0;
    c->body[0] = c->head[0] = '\0';
    while ((end = c->size == 0 ? NULL : strstr(c->data, "\r\n\r\n")) == NULL)
        if (!hear_more(c))
            return 0;
    assert_true((size_t)(end - c->data) + 3 < sizeof c->head);
    snprintf(c->head, sizeof c->head, "%.*s", (int)(end - c->data) + 2, c->data);
    forget(c, (size_t)(end - c->data) + 4);
    assert_int_equal(sscanf(c->head, "HTTP/1.1 %d", &c->status), 1);
    if (c->status == 100)
        return http_client_hear(c);
    length = http_client_field(c, "Content-Length");
    if (*length != '\0')
        return hear_bytes(c, strtoul(length, NULL, 10)) ? c->status : 0;
    if (*http_client_field(c, "Transfer-Encoding") != '\0')
        return hear_chunks(c) ? c->status : 0;
    if (c->status == 204 || c->status == 304)
        return c->status;
    while (hear_more(c))
        (void)hear_bytes(c, c->size);
    return c->status;
}

const char *http_client_field(http_client *c, const char *name)
{
    size_t size = strlen(name);

    for (const char *at = strstr(c->head, "\r\n"); at != NULL; at = strstr(at + 2, "\r\n")) {
        if (strncasecmp(at + 2, name, size) != 0 || at[2 + size] != ':')
            continue;
        at += 3 + size;
        at += strspn(at, " ");
        snprintf(c->value, sizeof c->value, "%.*s", (int)strcspn(at, "\r"), at);
        return c->value;
    }
    return "";
}
