/* ask.c - asks a program that listens on its --control socket.  Layer: cli. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli.h"

enum { ANSWER_BYTES_MAX = 8 * 1024 * 1024, ADVICE_ROOM = 128 };
#define TIMEOUT_NS_DEFAULT ((uint64_t)60 * 1000000000u)

typedef struct ask {
    const char *server; /* "pipe", "flow": what listens there */
    const char *path;
    uint64_t timeout_ns;
} ask;

static int fail_timeout(const ask *a)
{
    char advice[ADVICE_ROOM];

    snprintf(advice, sizeof advice, "look at the %s, or raise --timeout", a->server);
    return cli_fail(CLI_FAILED, a->path, advice,
                    "did not answer in time; what was asked for may still happen");
}

static int fail_connect(const ask *a, int code)
{
    char advice[ADVICE_ROOM];
    const char *command = strcmp(a->server, "flow") == 0 ? "flow run" : a->server;

    if (code == EAGAIN)
        return fail_timeout(a);
    if (code == ECONNREFUSED || code == ENOENT)
        snprintf(advice, sizeof advice, "start 'berth %s --control' with this socket", command);
    else
        snprintf(advice, sizeof advice, "check that it is the socket of your %s", a->server);
    return cli_fail_os(a->path, advice, code);
}

static int connect_to(const ask *a, int *fd_out)
{
    struct timeval timeout = { .tv_sec = (time_t)(a->timeout_ns / 1000000000u),
                               .tv_usec = (suseconds_t)(a->timeout_ns % 1000000000u / 1000u) };
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd, code;

    if (strlen(a->path) >= sizeof address.sun_path)
        return cli_fail(CLI_FAILED, a->path, "use a shorter one",
                        "a socket's path has at most %zu bytes", sizeof address.sun_path - 1);
    memcpy(address.sun_path, a->path, strlen(a->path) + 1);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return cli_fail_os(a->path, "allow more open files", errno);
    /* Bounds connect() too, which waits when too many wait already. */
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        code = errno;
        close(fd);
        return fail_connect(a, code);
    }
    *fd_out = fd;
    return CLI_OK;
}

static int send_all(const ask *a, int fd, const char *text)
{
    size_t left = strlen(text);

    while (left > 0) {
        ssize_t n = send(fd, text, left, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return cli_fail_os(a->path, "try again", errno);
        text += n;
        left -= (size_t)n;
    }
    return CLI_OK;
}

static int fail_short(const ask *a)
{
    char advice[ADVICE_ROOM];

    snprintf(advice, sizeof advice, "look at the %s: it may have ended", a->server);
    return cli_fail(CLI_FAILED, a->path, advice,
                    "closed the connection without a whole answer");
}

/* An answer is one line. */
static int receive_answer(const ask *a, int fd, char **text_out)
{
    uint64_t until = cli_now_ns() + a->timeout_ns, now;
    size_t size = 0, room = 4096;
    char *text = cli_alloc(room);

    for (;;) {
        struct pollfd ready = { .fd = fd, .events = POLLIN };
        ssize_t n;

        now = cli_now_ns();
        if (now >= until || size + 1 > ANSWER_BYTES_MAX)
            break;
        if (poll(&ready, 1, (int)((until - now) / 1000000u) + 1) <= 0)
            continue;
        if (size + 1 == room)
            text = cli_realloc(text, room *= 2);
        n = recv(fd, text + size, room - size - 1, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        size += (size_t)n;
        if (text[size - 1] == '\n') {
            text[size] = '\0';
            *text_out = text;
            return CLI_OK;
        }
    }
    cli_free(text);
    return now >= until ? fail_timeout(a) : fail_short(a);
}

int cli_ask(const char *server, const char *path, uint64_t timeout_ns, const char *request,
            char **text_out)
{
    const ask a = { server, path, timeout_ns == 0 ? TIMEOUT_NS_DEFAULT : timeout_ns };
    int fd = -1, code = connect_to(&a, &fd);

    if (code == CLI_OK)
        code = send_all(&a, fd, request);
    if (code == CLI_OK)
        code = receive_answer(&a, fd, text_out);
    if (fd >= 0)
        close(fd);
    return code;
}
