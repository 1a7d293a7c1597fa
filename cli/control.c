/* control.c - the socket that `berth ctl` talks to.  Layer: cli.
 *
 * One thread polls the socket and all clients; it never blocks on any of them: a client has
 * IDLE_NS for its request and as long to take its answer, and CLIENTS_MAX may be connected.  A
 * second thread does what takes long (a swap compiles), one request after the other, so that
 * `stat`, `rollback` and `evict` are answered meanwhile.  Neither touches the data path.
 *
 * The socket is made with mode 0600 before it can be found, under a lock on its folder, so that
 * two programs that find the same stale socket do not remove each other's new one. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "pipe.h"

enum { CLIENTS_MAX = 16, REQUEST_MAX = 8192 };
#define IDLE_NS    ((uint64_t)5 * 1000000000u)
#define ENDING_NS  ((uint64_t)1000000000u) /* for answers after the end */
#define FOREVER_NS UINT64_MAX

typedef enum client_state {
    CLIENT_NONE,
    CLIENT_READING,
    CLIENT_QUEUED, /* the slow thread's, from here to CLIENT_WRITING */
    CLIENT_WRITING
} client_state;

typedef struct client {
    client_state state; /* guarded by the mutex while QUEUED; else the polling thread's */
    int fd;
    uint64_t until_ns;
    uint64_t turn; /* QUEUED: the order of arrival */
    char request[REQUEST_MAX];
    size_t request_size;
    char *answer; /* owned, ends with a newline */
    size_t answer_size, answer_sent;
} client;

struct control {
    control_handler handler;
    char *path;
    dev_t device;
    ino_t inode;
    int listen_fd, wake_fd;
    bool has_poller, has_slow;
    pthread_t poller, slow;
    pthread_mutex_t mutex;
    pthread_cond_t is_queued;
    bool is_ending; /* guarded by mutex */
    uint64_t turns; /* guarded by mutex */
    client clients[CLIENTS_MAX];
};

/* ---- making and removing the socket ------------------------------------------------------- */

static int fail_socket(const char *path, const char *todo, const char *why)
{
    return cli_fail(CLI_FAILED, path, todo, "%s", why);
}

/* A socket that refuses connections has no listener. */
static bool is_stale(const char *path, const struct sockaddr_un *address)
{
    struct stat info;
    int fd, code;

    if (lstat(path, &info) != 0 || !S_ISSOCK(info.st_mode))
        return false;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return false;
    code = connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 ? 0 : errno;
    close(fd);
    return code == ECONNREFUSED;
}

static int bind_private(int fd, const struct sockaddr_un *address)
{
    mode_t mask = umask(0177);
    int code = bind(fd, (const struct sockaddr *)address, sizeof *address) == 0 ? 0 : errno;

    umask(mask);
    return code;
}

/* Locks the folder of `path`, which the others do for as short a time.  -1: errno says why. */
static int lock_folder(const char *path)
{
    char *copy = strdup(path);
    int fd = copy == NULL ? -1 : open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    free(copy);
    if (fd >= 0 && flock(fd, LOCK_EX) != 0) {
        int code = errno;

        close(fd);
        errno = code;
        return -1;
    }
    return fd;
}

static int bind_and_listen(control *server, const struct sockaddr_un *address)
{
    const char *path = server->path;
    int code = bind_private(server->listen_fd, address);
    struct stat info;

    if (code == EADDRINUSE && is_stale(path, address)) {
        if (unlink(path) != 0)
            return cli_fail_os(path, "remove the stale socket", errno);
        code = bind_private(server->listen_fd, address);
    }
    if (code == EADDRINUSE)
        return fail_socket(path, "stop the other program, or name another --control",
                           lstat(path, &info) == 0 && S_ISSOCK(info.st_mode)
                               ? "somebody listens there already"
                               : "something that is not a socket is there already");
    if (code != 0)
        return cli_fail_os(path, "name another --control", code);
    if (listen(server->listen_fd, CLIENTS_MAX) != 0 || lstat(path, &info) != 0) {
        code = errno;
        unlink(path);
        return cli_fail_os(path, "name another --control", code);
    }
    server->device = info.st_dev;
    server->inode = info.st_ino;
    return CLI_OK;
}

static int make_socket(control *server)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int lock, code;

    if (strlen(server->path) >= sizeof address.sun_path)
        return cli_fail(CLI_FAILED, server->path, "name another --control",
                        "a socket's path has at most %zu bytes", sizeof address.sun_path - 1);
    memcpy(address.sun_path, server->path, strlen(server->path) + 1);
    server->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    server->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (server->listen_fd < 0 || server->wake_fd < 0)
        return cli_fail_os(server->path, "allow more open files", errno);
    lock = lock_folder(server->path);
    if (lock < 0)
        return cli_fail_os(server->path, "name another --control", errno);
    code = bind_and_listen(server, &address);
    close(lock);
    return code;
}

static void free_server(control *server)
{
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        if (server->clients[i].state != CLIENT_NONE)
            close(server->clients[i].fd);
        free(server->clients[i].answer);
    }
    if (server->listen_fd >= 0)
        close(server->listen_fd);
    if (server->wake_fd >= 0)
        close(server->wake_fd);
    pthread_cond_destroy(&server->is_queued);
    pthread_mutex_destroy(&server->mutex);
    cli_free(server->path);
    cli_free(server);
}

int control_open(const char *path, const control_handler *handler, control **control_out)
{
    control *server = cli_alloc(sizeof *server);
    int code;

    memset(server, 0, sizeof *server);
    server->handler = *handler;
    server->listen_fd = server->wake_fd = -1;
    server->path = cli_alloc(strlen(path) + 1);
    memcpy(server->path, path, strlen(path) + 1);
    pthread_mutex_init(&server->mutex, NULL);
    pthread_cond_init(&server->is_queued, NULL);
    code = make_socket(server);
    if (code != CLI_OK) {
        free_server(server);
        return code;
    }
    *control_out = server;
    return CLI_OK;
}

void control_remove(control *server)
{
    struct stat info;

    /* Only if it is ours still: somebody may have moved it away and made another. */
    if (server != NULL && lstat(server->path, &info) == 0 && info.st_dev == server->device &&
        info.st_ino == server->inode)
        unlink(server->path);
}

/* ---- clients ------------------------------------------------------------------------------ */

static void drop_client(client *c)
{
    close(c->fd);
    free(c->answer);
    memset(c, 0, sizeof *c);
}

/* Takes `text` (from malloc; NULL: there was no memory for it). */
static void set_answer(client *c, char *text)
{
    static const char none[] =
        "{\"status\":\"out of memory\",\"text\":\"no memory to answer\"}";
    const char *body = text == NULL ? none : text;
    size_t size = strlen(body);

    c->answer = cli_alloc(size + 1);
    memcpy(c->answer, body, size);
    c->answer[size] = '\n';
    c->answer_size = size + 1;
    c->answer_sent = 0;
    free(text);
}

static void begin_answer(client *c)
{
    c->until_ns = cli_now_ns() + IDLE_NS;
    c->state = CLIENT_WRITING;
}

static void handle_request(control *server, client *c)
{
    if (!server->handler.is_slow(c->request)) {
        set_answer(c, server->handler.answer(server->handler.context, c->request));
        begin_answer(c);
        return;
    }
    pthread_mutex_lock(&server->mutex);
    c->state = CLIENT_QUEUED;
    c->until_ns = FOREVER_NS;
    c->turn = server->turns++;
    pthread_cond_signal(&server->is_queued);
    pthread_mutex_unlock(&server->mutex);
}

static void read_client(control *server, client *c)
{
    ssize_t n = recv(c->fd, c->request + c->request_size, REQUEST_MAX - c->request_size, 0);
    char *newline;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        drop_client(c);
        return;
    }
    newline = memchr(c->request + c->request_size, '\n', (size_t)n);
    c->request_size += (size_t)n;
    if (newline == NULL && c->request_size == REQUEST_MAX) {
        set_answer(c, strdup("{\"status\":\"invalid\",\"text\":\"the request is too long\"}"));
        begin_answer(c);
        return;
    }
    if (newline == NULL)
        return;
    *newline = '\0'; /* a zero byte before it makes the request shorter, and so none we know */
    handle_request(server, c);
}

static void write_client(client *c)
{
    ssize_t n =
        send(c->fd, c->answer + c->answer_sent, c->answer_size - c->answer_sent, MSG_NOSIGNAL);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n > 0)
        c->answer_sent += (size_t)n;
    if (n < 0 || c->answer_sent == c->answer_size)
        drop_client(c);
}

static void accept_client(control *server)
{
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        client *c = &server->clients[i];
        int fd;

        if (c->state != CLIENT_NONE)
            continue;
        fd = accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0)
            return;
        memset(c, 0, sizeof *c);
        c->fd = fd;
        c->state = CLIENT_READING;
        c->until_ns = cli_now_ns() + IDLE_NS;
        return;
    }
}

/* ---- threads ------------------------------------------------------------------------------ */

/* The queued client that came first, or NULL. */
static client *first_queued(control *server)
{
    client *first = NULL;

    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        client *c = &server->clients[i];

        if (c->state == CLIENT_QUEUED && c->answer == NULL &&
            (first == NULL || c->turn < first->turn))
            first = c;
    }
    return first;
}

static void *run_slow(void *context)
{
    control *server = context;

    pthread_mutex_lock(&server->mutex);
    for (;;) {
        client *c = first_queued(server);
        bool is_late = server->is_ending;
        char *text;

        if (c == NULL && is_late)
            break;
        if (c == NULL) {
            pthread_cond_wait(&server->is_queued, &server->mutex);
            continue;
        }
        pthread_mutex_unlock(&server->mutex);
        text = is_late ? strdup("{\"status\":\"closed\",\"text\":\"the pipe has ended\"}")
                       : server->handler.answer(server->handler.context, c->request);
        pthread_mutex_lock(&server->mutex);
        set_answer(c, text);
        eventfd_write(server->wake_fd, 1);
    }
    pthread_mutex_unlock(&server->mutex);
    return NULL;
}

/* Moves on who was answered by the slow thread; drops who hangs.  Returns how many are left. */
static size_t tend_clients(control *server, bool is_ending)
{
    uint64_t now = cli_now_ns();
    size_t left = 0;

    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        client *c = &server->clients[i];

        if (c->state == CLIENT_NONE)
            continue;
        pthread_mutex_lock(&server->mutex);
        if (c->state == CLIENT_QUEUED && c->answer != NULL)
            begin_answer(c);
        pthread_mutex_unlock(&server->mutex);
        if (c->until_ns <= now || (is_ending && c->state == CLIENT_READING))
            drop_client(c);
        else
            left++;
    }
    return left;
}

/* Fills `fds` with the listener, the waker and all clients; returns the poll timeout. */
static int fill_fds(control *server, struct pollfd *fds, bool is_ending)
{
    uint64_t now = cli_now_ns(), first = FOREVER_NS;
    bool has_room = false;

    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        const client *c = &server->clients[i];
        bool polls = c->state == CLIENT_READING || c->state == CLIENT_WRITING;

        fds[2 + i].fd = polls ? c->fd : -1;
        fds[2 + i].events = c->state == CLIENT_READING ? POLLIN : POLLOUT;
        has_room |= c->state == CLIENT_NONE;
        if (polls && c->until_ns < first)
            first = c->until_ns;
    }
    fds[0].fd = has_room && !is_ending ? server->listen_fd : -1;
    fds[0].events = POLLIN;
    fds[1].fd = server->wake_fd;
    fds[1].events = POLLIN;
    if (first == FOREVER_NS)
        return -1;
    return first <= now ? 0 : (int)((first - now) / 1000000u) + 1;
}

static void *run_poller(void *context)
{
    control *server = context;
    struct pollfd fds[2 + CLIENTS_MAX];
    uint64_t end_ns = FOREVER_NS;
    eventfd_t ignored;

    for (;;) {
        bool is_ending;
        int timeout;

        pthread_mutex_lock(&server->mutex);
        is_ending = server->is_ending;
        pthread_mutex_unlock(&server->mutex);
        if (is_ending && end_ns == FOREVER_NS)
            end_ns = cli_now_ns() + ENDING_NS;
        if (tend_clients(server, is_ending) == 0 && is_ending)
            return NULL;
        timeout = fill_fds(server, fds, is_ending);
        if (is_ending && (timeout < 0 || timeout > 100))
            timeout = 100;
        poll(fds, 2 + CLIENTS_MAX, timeout);
        if (fds[1].revents != 0)
            eventfd_read(server->wake_fd, &ignored);
        for (size_t i = 0; i < CLIENTS_MAX; i++) {
            client *c = &server->clients[i];

            if (fds[2 + i].fd < 0 || fds[2 + i].revents == 0)
                continue;
            if (c->state == CLIENT_READING)
                read_client(server, c);
            else
                write_client(c);
        }
        if (fds[0].fd >= 0 && fds[0].revents != 0)
            accept_client(server);
        /* Who does not take its answer is not waited for; an install that runs is. */
        for (size_t i = 0; is_ending && cli_now_ns() > end_ns && i < CLIENTS_MAX; i++)
            if (server->clients[i].state == CLIENT_WRITING)
                drop_client(&server->clients[i]);
    }
}

int control_start(control *server)
{
    int code = cli_thread_start(&server->slow, run_slow, server);

    server->has_slow = code == 0;
    if (code == 0)
        code = cli_thread_start(&server->poller, run_poller, server);
    server->has_poller = code == 0 && server->has_slow;
    return code == 0 ? CLI_OK : cli_fail_os("threads", "allow more of them", code);
}

void control_close(control *server)
{
    if (server == NULL)
        return;
    control_remove(server);
    pthread_mutex_lock(&server->mutex);
    server->is_ending = true;
    pthread_cond_signal(&server->is_queued);
    pthread_mutex_unlock(&server->mutex);
    eventfd_write(server->wake_fd, 1);
    if (server->has_slow)
        pthread_join(server->slow, NULL);
    eventfd_write(server->wake_fd, 1);
    if (server->has_poller)
        pthread_join(server->poller, NULL);
    free_server(server);
}
