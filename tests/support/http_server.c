/* http_server.c - a server for the tests of those who ask one. */
#include "http_server.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static void send_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t n = send(fd, data, size, MSG_NOSIGNAL);

        if (n <= 0)
            return;
        data += n;
        size -= (size_t)n;
    }
}

static void answer(int fd, const char *text)
{
    send_all(fd, text, strlen(text));
}

/* More than a plugin gets. */
static void answer_much(int fd, bool in_headers)
{
    static char block[65536];

    memset(block, 'x', sizeof block);
    answer(fd, "HTTP/1.1 200 OK\r\n");
    if (!in_headers)
        answer(fd, "Content-Length: 17825792\r\n\r\n");
    for (int i = 0; i < 272; i++) {
        if (in_headers && i < 80)
            answer(fd, "X-Much: ");
        send_all(fd, block, in_headers ? 1000 : sizeof block);
        if (in_headers)
            answer(fd, "\r\n");
        if (in_headers && i == 80)
            break;
    }
}

static void serve(server *s, int fd)
{
    size_t size = 0;
    const char *body = NULL;
    char reply[600];

    for (;;) { /* a request whose body says where it ends: "END", or has none */
        ssize_t n = recv(fd, s->last + size, sizeof s->last - 1 - size, 0);

        if (n <= 0)
            return;
        size += (size_t)n;
        s->last[size] = '\0';
        body = strstr(s->last, "\r\n\r\n");
        if (body != NULL &&
            (strstr(s->last, "ontent-Length: ") == NULL ||
             strstr(s->last, "ontent-Length: 0") != NULL || strstr(body, "END") != NULL))
            break;
    }
    atomic_fetch_add(&s->requests, 1);
    if (strstr(s->last, " /hello") != NULL || strstr(s->last, " / HTTP") != NULL)
        answer(fd, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-One: 1\r\n\r\nhello");
    else if (strstr(s->last, " /chunked") != NULL)
        answer(fd, "HTTP/1.1 201 Made\r\nTransfer-Encoding: chunked\r\n\r\n"
                   "3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n");
    else if (strstr(s->last, " /elsewhere") != NULL)
        answer(fd, "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/x\r\n"
                   "Content-Length: 0\r\n\r\n");
    else if (strstr(s->last, " /cut") != NULL)
        answer(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc");
    else if (strstr(s->last, " /much") != NULL)
        answer_much(fd, false);
    else if (strstr(s->last, " /fields") != NULL)
        answer_much(fd, true);
    else if (strstr(s->last, " /echo") != NULL) {
        snprintf(reply, sizeof reply, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n%.4s|%.200s",
                 s->last, body + 4);
        answer(fd, reply);
    } else if (strstr(s->last, " /stall") != NULL) {
        s->held = fd;
        return;
    }
    (void)shutdown(fd, SHUT_WR);
    while (recv(fd, reply, sizeof reply, 0) > 0)
        ;
}

static void *run_server(void *arg)
{
    server *s = arg;

    for (;;) {
        int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);

        if (fd < 0)
            return NULL;
        serve(s, fd);
        if (fd != s->held)
            (void)close(fd);
    }
}

bool server_start(server *s)
{
    struct sockaddr_in at = { .sin_family = AF_INET,
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof at;

    memset(s, 0, sizeof *s);
    s->held = -1;
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s->listener < 0 || bind(s->listener, (struct sockaddr *)&at, sizeof at) != 0 ||
        listen(s->listener, 8) != 0 ||
        getsockname(s->listener, (struct sockaddr *)&at, &size) != 0) {
        printf("             skipped: this machine has no loopback\n");
        if (s->listener >= 0)
            (void)close(s->listener);
        return false;
    }
    s->port = ntohs(at.sin_port);
    return pthread_create(&s->thread, NULL, run_server, s) == 0;
}

void server_stop(server *s)
{
    (void)shutdown(s->listener, SHUT_RDWR);
    assert_int_equal(pthread_join(s->thread, NULL), 0);
    (void)close(s->listener);
    if (s->held >= 0)
        (void)close(s->held);
}
