/* control.c - the socket that `berth ctl` talks to.  Layer: cli.
 *
 * One thread polls the socket and all clients; it never blocks on any of them: a client has
 * IDLE_NS for its request and as long to take its answer, and CLIENTS_MAX may be connected.  A
 * second thread does what takes long (a swap compiles), one request after the other, so that
 * `stat`, `rollback` and `evict` are answered meanwhile.  Neither touches the data path.
 */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control.h"
#include "control_socket.h"

enum { CLIENTS_MAX = 16, REQUEST_MAX = 8192 };
#define IDLE_NS    ((uint64_t)5 * 1000000000u)
#define ENDING_NS  ((uint64_t)1000000000u) /* for answers after the end */
#define FOREVER_NS UINT64_MAX

typedef enum client_state {
    CLIENT_NONE,
    CLIENT_READING,
    CLIENT_QUEUED, /* in the queue, or being answered by the slow thread */
    CLIENT_WRITING
} client_state;

/* The polling thread's, but for what is said. */
typedef struct client {
    client_state state;
    int fd;
    uint64_t until_ns;
    bool is_answered; /* guarded by mutex: the slow thread is done with a queued client */
    char request[REQUEST_MAX];
    size_t request_size;
    char
        *answer; /* owned, ends with a newline; the slow thread's while QUEUED, as is request */
    size_t answer_size, answer_sent;
} client;

struct control {
    control_handler handler;
    control_socket socket;
    int wake_fd;
    bool has_poller, has_slow;
    pthread_t poller, slow;
    pthread_mutex_t mutex;
    pthread_cond_t is_queued;
    /* guarded by mutex */
    bool is_ending;
    client *queue[CLIENTS_MAX]; /* the first is next */
    size_t queue_size;
    /* the polling thread's */
    client clients[CLIENTS_MAX];
};

/* ---- making and ending ------------------------------------------------------------------ */

static void free_server(control *server)
{
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        if (server->clients[i].state != CLIENT_NONE)
            close(server->clients[i].fd);
        free(server->clients[i].answer);
    }
    control_socket_close(&server->socket);
    if (server->wake_fd >= 0)
        close(server->wake_fd);
    pthread_cond_destroy(&server->is_queued);
    pthread_mutex_destroy(&server->mutex);
    cli_free(server);
}

int control_open(const char *path, const control_handler *handler, control **control_out)
{
    control *server = cli_alloc(sizeof *server);
    int code;

    memset(server, 0, sizeof *server);
    server->handler = *handler;
    server->socket.fd = -1;
    server->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&server->mutex, NULL);
    pthread_cond_init(&server->is_queued, NULL);
    code = server->wake_fd < 0 ? cli_fail_os(path, "allow more open files", errno)
                               : control_socket_open(&server->socket, path, CLIENTS_MAX);
    if (code != CLI_OK) {
        free_server(server);
        return code;
    }
    *control_out = server;
    return CLI_OK;
}

void control_remove(control *server)
{
    if (server != NULL)
        control_socket_remove(&server->socket);
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

static char *late_answer(void)
{
    return strdup("{\"status\":\"closed\",\"text\":\"the pipe has ended\"}");
}

static void handle_request(control *server, client *c)
{
    if (!server->handler.is_slow(c->request)) {
        set_answer(c, server->handler.answer(server->handler.context, c->request));
        begin_answer(c);
        return;
    }
    c->state = CLIENT_QUEUED;
    c->until_ns = FOREVER_NS;
    pthread_mutex_lock(&server->mutex);
    assert(server->queue_size < CLIENTS_MAX);
    c->is_answered = server->is_ending; /* the slow thread may have ended already */
    if (server->is_ending) {
        set_answer(c, late_answer());
    } else {
        server->queue[server->queue_size++] = c;
        pthread_cond_signal(&server->is_queued);
    }
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
        fd = accept4(server->socket.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
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

/* The queued client that came first, or NULL.  With the mutex held. */
static client *pop_queue(control *server)
{
    client *first = server->queue[0];

    if (server->queue_size == 0)
        return NULL;
    server->queue_size--;
    memmove(&server->queue[0], &server->queue[1], server->queue_size * sizeof *server->queue);
    return first;
}

static void *run_slow(void *context)
{
    control *server = context;

    pthread_mutex_lock(&server->mutex);
    for (;;) {
        client *c = pop_queue(server);
        bool is_late = server->is_ending;
        char *text;

        if (c == NULL && is_late)
            break;
        if (c == NULL) {
            pthread_cond_wait(&server->is_queued, &server->mutex);
            continue;
        }
        pthread_mutex_unlock(&server->mutex);
        text = is_late ? late_answer()
                       : server->handler.answer(server->handler.context, c->request);
        set_answer(c, text);
        pthread_mutex_lock(&server->mutex);
        c->is_answered = true;
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
        if (c->state == CLIENT_QUEUED) {
            pthread_mutex_lock(&server->mutex);
            if (c->is_answered)
                begin_answer(c);
            pthread_mutex_unlock(&server->mutex);
        }
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
    fds[0].fd = has_room && !is_ending ? server->socket.fd : -1;
    fds[0].events = POLLIN;
    fds[1].fd = server->wake_fd;
    fds[1].events = POLLIN;
    if (first <= now)
        return 0;
    first = (first - now) / 1000000u + 1;
    return first < CLI_LOOK_AGAIN_MS ? (int)first : CLI_LOOK_AGAIN_MS;
}

/* What poll() did not fill, because it failed: all are tried, for none of them blocks. */
static void expect_events(struct pollfd *fds)
{
    for (size_t i = 0; i < 2 + CLIENTS_MAX; i++)
        fds[i].revents = fds[i].events;
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
        if (is_ending && timeout > 100)
            timeout = 100;
        if (poll(fds, 2 + CLIENTS_MAX, timeout) < 0)
            expect_events(fds);
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
