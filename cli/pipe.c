/* pipe.c - `berth pipe`: sets the parts up, watches over them, and ends them.  Layer: cli. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "pipe.h"

enum { RECORD_BYTES_DEFAULT = 1024 * 1024, PROGRESS_MS = 200 };

/* Signals only count and wake the supervisor.  A program has one set of signal handlers, so
 * these are variables of the program and not in a struct. */
static _Atomic(int) signal_number, signal_count;
static _Atomic(int) signal_fd = -1;
_Static_assert(ATOMIC_INT_LOCK_FREE == 2, "a signal handler may use them");

static void on_signal(int number)
{
    const uint64_t one = 1;
    int saved = errno;

    signal_number = number;
    signal_count++;
    if (write(signal_fd, &one, sizeof one) < 0)
        saved = errno; /* nothing to be done about it here */
    errno = saved;
}

static void catch_signals(int fd)
{
    static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART }, old;

    signal_fd = fd;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (sigaction(numbers[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
            sigaction(numbers[i], &action, NULL); /* ignored by the parent: stays ignored */
}

void pipe_end_input(pipeline *line)
{
    atomic_store_explicit(&line->reader_ends, true, memory_order_release);
    eventfd_write(line->wake_fd, 1);
}

void pipe_failed(pipeline *line, int code)
{
    int none = 0;

    atomic_compare_exchange_strong_explicit(&line->exit_code, &none, code, memory_order_relaxed,
                                            memory_order_relaxed);
}

const char *pipe_record_name(const pipeline *line, uint64_t number, char dst[32])
{
    bool is_lines = line->options->records != CLI_RECORDS_U32LE;

    snprintf(dst, 32, "%s %llu", is_lines ? "line" : "record", (unsigned long long)number);
    return dst;
}

/* The supervisor's threads and descriptors. */
typedef struct crew {
    pipeline line;
    pthread_t reader, writer, workers[CLI_WORKERS_MAX];
    uint32_t workers_count;
    bool has_reader, has_writer;
    int signal_fd;
    control *server; /* NULL: none wanted */
} crew;

static bool start_thread(pthread_t *thread, void *(*run)(void *), pipeline *line)
{
    int code = cli_thread_start(thread, run, line);

    if (code != 0)
        pipe_failed(line, cli_fail_os("threads", "use fewer --workers", code));
    return code == 0;
}

/* False: not all of them run; what runs is told to end. */
static bool start_threads(crew *c)
{
    uint32_t wanted = c->line.options->workers == 0 ? 1 : (uint32_t)c->line.options->workers;
    bool ok = start_thread(&c->writer, pipe_writer, &c->line);

    c->has_writer = ok;
    for (; ok && c->workers_count < wanted; c->workers_count += ok)
        ok = start_thread(&c->workers[c->workers_count], pipe_worker, &c->line);
    if (ok)
        ok = c->has_reader = start_thread(&c->reader, pipe_reader, &c->line);
    if (!ok)
        pipe_ring_abort(&c->line.ring);
    return ok;
}

static void join_threads(crew *c)
{
    pipe_end_input(&c->line);
    if (c->has_reader)
        pthread_join(c->reader, NULL);
    for (uint32_t i = 0; i < c->workers_count; i++)
        pthread_join(c->workers[i], NULL);
    if (c->has_writer)
        pthread_join(c->writer, NULL);
}

/* Waits for the writer's end.  The first signal ends the input, and what was read is dealt
 * with; the second ends the program. */
static void supervise(crew *c)
{
    struct pollfd fds[2] = { { .fd = c->line.done_fd, .events = POLLIN },
                             { .fd = c->signal_fd, .events = POLLIN } };
    bool shows = c->line.options->progress && isatty(STDERR_FILENO) == 1;
    bool was_signalled = false;
    eventfd_t ignored;

    while (!atomic_load_explicit(&c->line.is_done, memory_order_acquire)) {
        if (poll(fds, 2, shows ? PROGRESS_MS : CLI_LOOK_AGAIN_MS) > 0 &&
            (fds[1].revents & POLLIN) != 0)
            eventfd_read(c->signal_fd, &ignored);
        if (signal_count > 1) {
            control_remove(c->server);
            _exit(128 + signal_number);
        }
        if (signal_count == 1 && !was_signalled) {
            was_signalled = true;
            pipe_end_input(&c->line);
        }
        if (shows)
            pipe_progress_print(&c->line);
    }
    if (shows)
        cli_progress_line(NULL);
}

static int serve_control(crew *c)
{
    const control_handler handler = { &c->line, pipe_request_is_slow, pipe_answer };

    if (c->line.options->control == NULL)
        return CLI_OK;
    return control_open(c->line.options->control, &handler, &c->server);
}

static int install_first(pipeline *line)
{
    const char *path = line->options->operands[0];
    berth_diag diag = { 0 };
    berth_status status = cli_host_install(&line->host, line->options, path, NULL, &diag);

    if (status == BERTH_OK)
        return CLI_OK;
    return cli_fail_diag(cli_install_exit(status), path, NULL, status, &diag);
}

static void tell_failures(pipeline *line)
{
    const pipe_counts *totals = &line->ring.totals;
    uint64_t failed = totals->passed + totals->removed;

    if (failed > 0 && !line->options->quiet)
        cli_note("%llu of %llu calls failed; their records were %s", (unsigned long long)failed,
                 (unsigned long long)line->ring.records_done,
                 totals->passed > 0 ? "passed on unchanged" : "left out");
}

/* After the threads have ended: why it ended, the summary, the exit code. */
static int conclude(crew *c)
{
    pipeline *line = &c->line;
    bool is_epipe = atomic_load(&line->is_epipe);
    const char *ended = is_epipe                             ? "output closed"
                        : atomic_load(&line->exit_code) != 0 ? "failure"
                        : signal_number != 0                 ? "signal"
                                                             : "end of input";

    tell_failures(line);
    pipe_learn_versions(line);
    if (line->options->summary != NULL)
        pipe_failed(line, pipe_summary_write(line, line->options->summary, ended));
    if (atomic_load(&line->exit_code) != 0)
        return atomic_load(&line->exit_code);
    if (is_epipe)
        return 128 + SIGPIPE;
    return signal_number != 0 ? 128 + signal_number : CLI_OK;
}

static int run_crew(crew *c)
{
    int code = serve_control(c);

    if (code != CLI_OK)
        return code;
    catch_signals(c->signal_fd);
    c->line.started_ns = cli_now_ns();
    if (start_threads(c)) {
        if (c->server != NULL && control_start(c->server) != CLI_OK) {
            pipe_failed(&c->line, CLI_FAILED);
            pipe_ring_abort(&c->line.ring);
        }
        supervise(c);
    }
    join_threads(c);
    control_close(c->server);
    return conclude(c);
}

static int prepare(crew *c)
{
    const cli_options *options = c->line.options;
    bool is_timed = options->summary != NULL || options->control != NULL;
    int code = CLI_OK;

    if (options->summary != NULL)
        code = cli_file_check(options->summary, "--summary");
    if (code == CLI_OK)
        code = cli_host_open(&c->line.host, options, "pipe", is_timed ? BERTH_SLOT_TIMED : 0);
    if (code == CLI_OK)
        code = install_first(&c->line);
    return code;
}

int cli_pipe(const cli_options *options)
{
    uint32_t workers = options->workers == 0 ? 1 : (uint32_t)options->workers;
    void (*old_sigpipe)(int) = signal(SIGPIPE, SIG_IGN);
    crew c = { .line = { .options = options } };
    int code;

    c.line.record_bytes_max =
        options->record_bytes == 0 ? RECORD_BYTES_DEFAULT : options->record_bytes;
    c.line.wake_fd = eventfd(0, EFD_CLOEXEC);
    c.line.done_fd = eventfd(0, EFD_CLOEXEC);
    c.signal_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (c.line.wake_fd < 0 || c.line.done_fd < 0 || c.signal_fd < 0)
        return cli_fail_os("pipe", "allow more open files", errno);
    pthread_mutex_init(&c.line.swap_mutex, NULL);
    pthread_mutex_init(&c.line.report_mutex, NULL);
    pipe_ring_init(&c.line.ring, 2 * workers + 2);
    code = prepare(&c);
    if (code == CLI_OK)
        code = run_crew(&c);
    cli_host_close(&c.line.host);
    pipe_ring_fini(&c.line.ring);
    if (code == 128 + SIGPIPE) {
        /* As any filter: the shell sees that the reader went away.  Where the parent ignores
         * the signal, raising it does nothing, and it is an ordinary failure. */
        signal(SIGPIPE, old_sigpipe);
        raise(SIGPIPE);
        code = cli_fail_os("stdout", "the output is not complete", EPIPE);
    }
    return code;
}
