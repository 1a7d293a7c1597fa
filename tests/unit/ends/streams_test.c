/* streams_test.c - standard streams, TCP and Unix sockets: peers that come, stall, vanish and come again. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "end_rig.h"
#include "fault_sweep.h"
#include "os/clock.h"
#include "os/local_socket.h"
#include "os_faults.h"
#include "process.h"

#include <cmocka.h>

/* ---------------------------------------------------------------- the other side */

static struct sockaddr_un address_of(end_rig *r)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX };

    snprintf(to.sun_path, sizeof to.sun_path, "%s/s", r->folder);
    return to;
}

/* Until somebody listens. */
static int connect_to(end_rig *r)
{
    struct sockaddr_un to = address_of(r);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    while (connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
        (void)sched_yield();
    return fd;
}

static int listen_there(end_rig *r)
{
    struct sockaddr_un to = address_of(r);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)unlink(to.sun_path);
    assert_int_equal(bind(fd, (struct sockaddr *)&to, sizeof to), 0);
    assert_int_equal(listen(fd, 8), 0);
    return fd;
}

/* By TCP, at the loopback's next free port. */
static int listen_at_port(uint16_t *port_out)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001) };
    socklen_t size = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(fd, 4), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
    *port_out = ntohs(at.sin_port);
    return fd;
}

static int take(int listener)
{
    int fd = accept(listener, NULL, NULL);

    assert_true(fd >= 0);
    return fd;
}

static void say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* How many records of `size` bytes come before the end, or before `most` of them did; all are whole, in order from `first`. */
static uint64_t hear_records(int fd, size_t size, uint64_t first, uint64_t most)
{
    static char data[1 << 16];
    size_t have = 0;
    uint64_t count = 0;

    while (count < most) {
        ssize_t n = recv(fd, data + have, sizeof data - have, 0);

        assert_true(n >= 0);
        if (n == 0)
            break;
        have += (size_t)n;
        for (size_t at = 0; have - at >= size; count++) {
            assert_int_equal(strtoull(data + at, NULL, 10), first + count);
            assert_int_equal(data[at + size - 1], '\n');
            at += size;
            if (have - at < size) {
                memmove(data, data + at, have - at);
                have -= at;
                at = 0;
            }
        }
    }
    assert_true(count >= most || have == 0);
    return count;
}

/* ---------------------------------------------------------------- sockets */

static void records_pass_from_one_flow_to_another(void **state)
{
    static const char *const framings[] = { "lines", "u32be", "varint" };
    end_rig *r = *state;
    char settings[256];

    for (size_t i = 0; i < 3; i++) {
        uint32_t from, to, source, sink;

        snprintf(settings, sizeof settings, "path=@/s;mode=listen;framing=%s", framings[i]);
        source = end_rig_add(r, "unix", SOURCE, settings);
        to = end_rig_add(r, "file", SINK, "path=@/out;mode=replace");
        end_rig_edge(r, source, to, NULL);
        from = end_rig_add(r, "generator", SOURCE, "count=3000;size=100");
        snprintf(settings, sizeof settings, "path=@/s;framing=%s", framings[i]);
        sink = end_rig_add(r, "unix", SINK, settings);
        end_rig_edge(r, from, sink, NULL);
        end_rig_start(r);
        end_rig_await(r, to, 3000);
        end_rig_await(r, sink, 3000); /* the other may have them before they are counted */
        assert_int_equal(end_rig_stats(r, sink).records, 3000);
        assert_int_equal(end_rig_stats(r, source).connections, 1);
        assert_int_equal(end_rig_drain(r), BERTH_OK);
        assert_int_equal(strlen(end_rig_read(r, "out")), 3000 * 101);
        end_rig_close(r);
        end_rig_open(r);
    }
}

static void several_peers_speak_at_once_and_records_stay_whole(void **state)
{
    enum { PEERS = 3 };
    end_rig *r = *state;
    int peers[PEERS + 1];
    const char *text;

    end_rig_pair(r, "unix", "path=@/s;mode=listen;peers_max=3", "file", "path=@/out");
    end_rig_start(r);
    for (int i = 0; i < PEERS; i++)
        peers[i] = connect_to(r);
    for (int i = 0; i < PEERS; i++)
        say(peers[i], "half ");
    for (int i = 0; i < PEERS; i++)
        say(peers[i], "whole\nand more\n");
    end_rig_await(r, 0, 2 * PEERS);
    peers[PEERS] = connect_to(r); /* waits to be let in */
    say(peers[PEERS], "late\n");
    assert_int_equal(end_rig_stats(r, 0).connections, PEERS);
    (void)close(peers[0]);
    end_rig_await(r, 0, 2 * PEERS + 1);
    for (int i = 1; i <= PEERS; i++)
        (void)close(peers[i]);
    while (end_rig_stats(r, 0).lost < PEERS + 1)
        (void)sched_yield();
    assert_int_equal(end_rig_stats(r, 0).peers, 0);
    assert_int_equal(end_rig_drain(r), BERTH_OK);
    text = end_rig_read(r, "out");
    assert_int_equal(strlen(text), PEERS * 20 + 5);
    assert_memory_equal(text + PEERS * 20, "late\n", 5);
}

static void a_peer_that_vanishes_is_reached_again(void **state)
{
    end_rig *r = *state;
    int listener = listen_there(r), peer;

    end_rig_pair(r, "unix", "path=@/s;retry=1ms", "file", "path=@/out");
    end_rig_start(r);
    peer = take(listener);
    say(peer, "one\ntwo");
    (void)close(peer); /* the end of a stream ends its last line */
    end_rig_await(r, 0, 2);
    peer = take(listener);
    say(peer, "three\n");
    end_rig_await(r, 0, 3);
    (void)close(peer);
    (void)close(listener); /* refused from now on, until it listens again */
    while (end_rig_stats(r, 0).retries == 0)
        (void)sched_yield();
    listener = listen_there(r);
    peer = take(listener);
    say(peer, "four\n");
    end_rig_await(r, 0, 4);
    assert_int_equal(end_rig_drain(r), BERTH_OK);
    assert_string_equal(end_rig_read(r, "out"), "one\ntwo\nthree\nfour\n");
    (void)close(peer);
    (void)close(listener);
}

static void a_source_that_shall_not_reconnect_ends_with_its_peer(void **state)
{
    end_rig *r = *state;
    int listener = listen_there(r), peer;

    end_rig_pair(r, "unix", "path=@/s;reconnect=false", "null", "");
    end_rig_start(r);
    peer = take(listener);
    say(peer, "one\n");
    (void)close(peer);
    assert_int_equal(end_rig_wait(r), BERTH_OK);
    assert_int_equal(end_rig_stats(r, 1).records, 1);
    (void)close(listener);
}

static void a_slow_reader_holds_the_flow_back_and_loses_nothing(void **state)
{
    end_rig *r = *state;
    berth_edge_options queue = BERTH_EDGE_OPTIONS_INIT;
    berth_flow_stats stats = { .size = sizeof stats };
    int listener = listen_there(r), peer;
    uint64_t emitted;

    queue.records_max = 256;
    (void)end_rig_add(r, "generator", SOURCE, "count=20000;size=199");
    (void)end_rig_add(r, "unix", SINK, "path=@/s");
    end_rig_edge(r, 0, 1, &queue);
    end_rig_start(r);
    peer = take(listener);
    while (end_rig_edge_stats(r, 0).pressures == 0)
        (void)sched_yield();
    emitted = end_rig_stats(r, 0).records;
    assert_int_equal(berth_flow_read_stats(r->flow, &stats), BERTH_OK);
    assert_true(emitted < 20000);
    assert_true(stats.buffer_bytes_peak < 1 << 20);
    assert_int_equal(hear_records(peer, 200, 0, 20000), 20000);
    assert_int_equal(end_rig_wait(r), BERTH_OK);
    assert_int_equal(end_rig_edge_stats(r, 0).out, 20000);
    (void)close(peer);
    (void)close(listener);
}

static void a_peer_that_takes_nothing_for_too_long_is_let_go(void **state)
{
    end_rig *r = *state;
    char first[16] = "", piece[4096];
    uint64_t got = 0;
    ssize_t n;
    int idle, reader;

    end_rig_pair(r, "generator", "count=20000;size=199", "unix",
                 "path=@/s;mode=listen;slow=100ms;peers_max=1");
    end_rig_start(r);
    idle = connect_to(r);
    while (end_rig_stats(r, 1).lost == 0)
        (void)sched_yield();
    reader = connect_to(r);
    /* What the first one was sent in part goes to the next from the start of the batch: between them nothing is missing. */
    assert_true(recv(reader, first, sizeof first - 1, MSG_PEEK) > 0);
    while ((n = recv(idle, piece, sizeof piece, 0)) > 0)
        got += (uint64_t)n;
    assert_true(strtoull(first, NULL, 10) <= got / 200);
    (void)close(idle);
    (void)close(reader);
    berth_flow_cancel(r->flow);
    assert_int_equal(end_rig_wait(r), BERTH_E_CLOSED);
}

static void a_sink_whose_reader_vanishes_goes_on_with_the_next(void **state)
{
    end_rig *r = *state;
    int listener = listen_there(r), peer;
    char first[16] = "";

    end_rig_pair(r, "generator", "count=5000;size=99", "unix", "path=@/s;retry=1ms");
    end_rig_start(r);
    peer = take(listener);
    assert_int_equal(hear_records(peer, 100, 0, 10) >= 10, 1);
    (void)close(
        peer); /* with records that it has not read: the sink is told by a failure, not by a signal */
    peer = take(listener);
    /* It begins with the batch that was not sent whole, so with a whole record, and goes on to the last one. */
    assert_true(recv(peer, first, sizeof first - 1, MSG_PEEK) > 0);
    (void)hear_records(peer, 100, strtoull(first, NULL, 10), 5000 - strtoull(first, NULL, 10));
    assert_int_equal(end_rig_wait(r), BERTH_OK);
    assert_true(end_rig_stats(r, 1).lost >= 1);
    assert_int_equal(end_rig_edge_stats(r, 0).out, 5000);
    (void)close(peer);
    (void)close(listener);
}

/* No descriptor can be opened until the bound is given back. */
static struct rlimit bar_descriptors(void)
{
    struct rlimit before, barred;
    int lowest = dup(0);

    assert_true(lowest >= 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    barred = before;
    barred.rlim_cur = (rlim_t)lowest;
    (void)close(lowest);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &barred), 0);
    return before;
}

/* What comes are whole records in order, from the first one on; behind the last may be a part of one. */
static void hear_to_the_end(int fd, size_t size)
{
    static char data[1 << 14];
    uint64_t count = 0;

    for (;; count++) {
        ssize_t n = recv(fd, data, size, MSG_WAITALL);

        assert_true(n >= 0);
        if ((size_t)n < size)
            return;
        assert_int_equal(strtoull(data, NULL, 10), count);
        assert_int_equal(data[size - 1], '\n');
    }
}

static void a_batch_that_comes_again_is_not_sent_behind_a_part_of_itself(void **state)
{
    end_rig *r = *state;
    berth_stage_options options = BERTH_STAGE_OPTIONS_INIT;
    berth_stage_stats stats = { .size = sizeof stats };
    struct sockaddr_un to = address_of(r);
    struct rlimit before;
    int first, second = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    options.retries = 1000;
    options.retry_ns = options.retry_ns_max = 20000000;
    (void)end_rig_add(r, "generator", SOURCE, "count=200;size=9999");
    (void)end_rig_add_with(r, &options, "unix", SINK, "path=@/s;mode=listen;write_bytes=16MiB");
    end_rig_edge(r, 0, 1, NULL);
    end_rig_start(r);
    first = connect_to(r);
    while (end_rig_stats(r, 1).bytes == 0) /* more does not go: nobody reads */
        (void)sched_yield();
    before = bar_descriptors();
    assert_int_equal(connect(second, (struct sockaddr *)&to, sizeof to), 0);
    while (stats.failures == 0) {
        assert_int_equal(berth_flow_stage_stats(r->flow, 1, &stats), BERTH_OK);
        (void)sched_yield();
    }
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(hear_records(second, 10000, 0, 64) >= 64, 1);
    hear_to_the_end(first, 10000);
    assert_int_equal(end_rig_stats(r, 1).lost, 1);
    (void)close(first);
    (void)close(second);
    berth_flow_cancel(r->flow);
    assert_int_equal(end_rig_wait(r), BERTH_E_CLOSED);
}

static void tcp_peers_are_reached_by_number_and_by_name(void **state)
{
    static const char *const hosts[] = { "127.0.0.1", "localhost" };
    end_rig *r = *state;

    for (size_t i = 0; i < 2; i++) {
        uint16_t port;
        int listener = listen_at_port(&port), peer;
        char settings[128];

        snprintf(settings, sizeof settings, "address=%s:%u;retry=1ms", hosts[i], port);
        end_rig_pair(r, "generator", "count=500;size=49", "tcp", settings);
        end_rig_start(r);
        peer = take(listener);
        assert_int_equal(hear_records(peer, 50, 0, 500), 500);
        assert_int_equal(end_rig_wait(r), BERTH_OK);
        (void)close(peer);
        (void)close(listener);
        end_rig_close(r);
        end_rig_open(r);
    }
}

/* Of the system calls that arm a watch the first adds the latch; each other one fails once. */
static void a_peer_that_could_not_be_waited_for_is_waited_for_again(void **state)
{
    end_rig *r = *state;
    berth_stage_options options = BERTH_STAGE_OPTIONS_INIT;

    if (!fault_sweep_has_os())
        skip();
    options.retries = 1000;
    options.retry_ns = options.retry_ns_max = 1000000;
    for (size_t nth = 1; nth < 3; nth++) {
        uint16_t port;
        int listener = listen_at_port(&port), peer;
        char settings[128];

        snprintf(settings, sizeof settings, "address=127.0.0.1:%u", port);
        os_faults_begin(nth, false, ENOMEM);
        os_faults_only("epoll_ctl");
        (void)end_rig_add_with(r, &options, "tcp", SOURCE, settings);
        (void)end_rig_add(r, "null", SINK, "");
        end_rig_edge(r, 0, 1, NULL);
        end_rig_start(r);
        peer = take(listener);
        while (os_faults_failed() == 0)
            (void)sched_yield();
        say(peer, "one\n");
        end_rig_await(r, 0, 1);
        assert_int_equal(end_rig_stats(r, 0).connections, 1);
        os_faults_end();
        assert_int_equal(end_rig_drain(r), BERTH_OK);
        (void)close(peer);
        (void)close(listener);
        end_rig_fini(r); /* the next thread that waits has a latch of its own */
        (void)end_rig_set_up(state);
    }
}

static void what_cannot_be_reached_fails_when_its_tries_are_used_up(void **state)
{
    end_rig *r = *state;

    end_rig_pair(r, "unix", "path=@/nobody;retry=1ms;retries=3", "null", "");
    end_rig_start(r);
    assert_int_equal(end_rig_wait(r), BERTH_E_OS);
    assert_non_null(strstr(r->diag.text, "/nobody: cannot be reached (NO_ENTRY)"));
    assert_int_equal(end_rig_stats(r, 0).retries, 4);
}

static void what_cannot_be_listened_at_keeps_the_flow_from_starting(void **state)
{
    static const char *const rows[][2] = {
        { "tcp", "address=localhost:1;mode=listen" },
        { "tcp", "address=127.0.0.1;mode=listen" },
        { "tcp", "address=nonsense" },
        { "tcp", "address=[::1:5" },
        { "tcp", "address=a:99999" },
        { "unix", "path=@/no/s;mode=listen" },
    };
    end_rig *r = *state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        end_rig_pair(r, rows[i][0], rows[i][1], "null", "");
        assert_int_not_equal(berth_flow_start(r->flow, &r->diag), BERTH_OK);
        end_rig_close(r);
        end_rig_open(r);
    }
}

static void a_socket_that_a_killed_run_has_left_is_taken_over(void **state)
{
    end_rig *r = *state;
    int listener = listen_there(r), peer;

    end_rig_pair(r, "unix", "path=@/s;mode=listen", "null", "");
    assert_int_equal(berth_flow_start(r->flow, &r->diag), BERTH_E_OS); /* somebody listens */
    assert_non_null(strstr(r->diag.text, "ADDRESS_IN_USE"));
    end_rig_close(r);
    end_rig_open(r);
    (void)close(listener); /* as a process that is killed */
    end_rig_pair(r, "unix", "path=@/s;mode=listen", "null", "");
    end_rig_start(r);
    peer = connect_to(r);
    say(peer, "x\n");
    end_rig_await(r, 0, 1);
    assert_int_equal(end_rig_drain(r), BERTH_OK);
    (void)close(peer);
    assert_int_not_equal(access(end_rig_path(r, "s"), F_OK), 0);
}

static void addresses_are_read_as_people_write_them(void **state)
{
    static const struct {
        const char *text;
        bool is_good;
        uint8_t size;
        uint16_t port;
    } rows[] = {
        { "127.0.0.1:80", true, 4, 80 }, { "[::1]:65535", true, 16, 65535 },
        { "example.org:1", true, 0, 1 }, { "127.0.0.1", false, 0, 0 },
        { ":80", false, 0, 0 },          { "a:", false, 0, 0 },
        { "a:65536", false, 0, 0 },      { "[::1]", false, 0, 0 },
        { "[]:1", false, 0, 0 },         { "::1:80", false, 0, 0 },
        { "a:8x", false, 0, 0 },         { "", false, 0, 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        berthi_address at;
        size_t name;

        assert_int_equal(berthi_address_parse(rows[i].text, &at, &name), rows[i].is_good);
        if (rows[i].is_good) {
            assert_int_equal(at.size, rows[i].size);
            assert_int_equal(at.port, rows[i].port);
        }
    }
}

/* ---------------------------------------------------------------- standard streams */

static _Noreturn void copy_streams(int in, int out)
{
    end_rig r;
    berth_status status;

    if (dup2(in, 0) < 0 || dup2(out, 1) < 0)
        _exit(1);
    end_rig_init(&r, 2);
    end_rig_open(&r);
    end_rig_pair(&r, "stdin", "", "stdout", "");
    end_rig_start(&r);
    status = end_rig_wait(&r);
    end_rig_fini(&r);
    _exit(status == BERTH_OK ? 0 : 3);
}

/* The child's exit status; what it wrote to a pipe is in `out`, unless nobody reads that. */
static int copied(const char *in, size_t size, char *out, size_t room, bool reads)
{
    int to[2], from[2], status;
    size_t have = 0;
    ssize_t n;
    pid_t child;

    assert_int_equal(pipe(to), 0);
    assert_int_equal(pipe(from), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)close(to[1]);
        (void)close(from[0]);
        copy_streams(to[0], from[1]);
    }
    (void)close(to[0]);
    (void)close(from[1]);
    if (!reads)
        (void)close(from[0]);
    assert_int_equal(write(to[1], in, size), (ssize_t)size);
    (void)close(to[1]);
    while (reads && have < room && (n = read(from[0], out + have, room - have)) > 0)
        have += (size_t)n;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (reads) {
        assert_int_equal(have, size);
        (void)close(from[0]);
    }
    assert_true(WIFEXITED(status)); /* not by SIGPIPE */
    return WEXITSTATUS(status);
}

static void standard_streams_are_read_and_written(void **state)
{
    static char in[60000], out[60001];

    (void)state;
    for (size_t i = 0; i < sizeof in; i++)
        in[i] = i % 100 == 99 ? '\n' : (char)('a' + i % 26);
    assert_int_equal(copied(in, sizeof in, out, sizeof out, true), 0);
    assert_memory_equal(in, out, sizeof in);
}

static void nobody_who_reads_the_standard_output_is_a_failure_and_no_signal(void **state)
{
    (void)state;
    assert_int_equal(copied("one\n", 4, NULL, 0, false), 3);
}

/* Two sinks write to a pipe that nobody reads, until both wait. */
static _Noreturn void fill_stdout_twice(int out)
{
    berth_stage_stats stats[2] = { { .size = sizeof *stats }, { .size = sizeof *stats } };
    end_rig r;
    berth_status status;

    if (dup2(out, 1) < 0)
        _exit(1);
    end_rig_init(&r, 2);
    end_rig_open(&r);
    end_rig_pair(&r, "generator", "", "stdout", "write_bytes=200");
    end_rig_add(&r, "generator", BERTH_ROLE_SOURCE, "");
    end_rig_add(&r, "stdout", BERTH_ROLE_SINK, "write_bytes=200");
    end_rig_edge(&r, 2, 3, NULL);
    end_rig_start(&r);
    while (stats[0].pauses == 0 || stats[1].pauses == 0)
        for (uint32_t i = 0; i < 2; i++)
            if (berth_flow_stage_stats(r.flow, 2 * i + 1, &stats[i]) != BERTH_OK)
                _exit(4);
    berth_flow_cancel(r.flow);
    status = end_rig_wait(&r);
    end_rig_fini(&r);
    _exit(status == BERTH_E_CLOSED ? 0 : 3);
}

static void two_sinks_of_a_full_pipe_hold_up_no_worker(void **state)
{
    int from[2], status;
    pid_t child;

    (void)state;
    for (int i = 0; i < 5; i++) {
        assert_int_equal(pipe(from), 0);
        child = fork();
        assert_true(child >= 0);
        if (child == 0)
            fill_stdout_twice(from[1]);
        (void)close(from[1]);
        assert_int_equal(waitpid(child, &status, 0), child);
        (void)close(from[0]);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
    }
}

/* ---------------------------------------------------------------- nothing is left */

static void starts_and_stops_leave_no_descriptors_and_no_threads(void **state)
{
#ifdef NDEBUG
    enum { ROUNDS = 1000 };
#else
    enum { ROUNDS = 200 };
#endif
    size_t descriptors = 0, threads = 0;
    end_rig r;

    (void)state;
    end_rig_init(&r, 1);
    end_rig_write(&r, "log", "one\n");
    for (int i = 0; i <= ROUNDS; i++) {
        end_rig_open(&r);
        end_rig_pair(&r, "file", "path=@/log;follow=true", "unix", "path=@/nobody");
        end_rig_pair(&r, "unix", "path=@/s;mode=listen;peers_max=2", "null", "");
        end_rig_pair(&r, "tcp", "address=127.0.0.1:1;retry=1ms", "file", "path=@/out");
        end_rig_start(&r);
        if (i % 10 == 0)
            end_rig_await(&r, 0, 1);
        end_rig_close(&r);
        if (i == 0) { /* the thread that waits is there now */
            descriptors = process_descriptors();
            threads = process_threads();
        }
    }
    assert_int_equal(process_descriptors(), descriptors);
    assert_true(process_waits_for_threads(threads));
    end_rig_fini(&r);
}

/* What came out of a flow of which an allocation failed: it was not made, not started, failed, or did all. */
static bool try_to_run(end_rig *r)
{
    static const berth_setting in[] = { { "path", "/dev/null" } };
    static const berth_setting many[] = { { "count", "200" } };
    berth_setting sock[] = { { "path", end_rig_path(r, "s") }, { "mode", "listen" } };
    berth_flow_options o = BERTH_FLOW_OPTIONS_INIT;
    berth_stage_options stage = BERTH_STAGE_OPTIONS_INIT;
    berth_edge_options edge = BERTH_EDGE_OPTIONS_INIT;
    berth_flow *flow;
    bool is_done = false;

    o.name = "faulty";
    if (berth_flow_open(r->flows, &o, &flow, &r->diag) != BERTH_OK)
        return false;
    stage.name = "made", stage.role = SOURCE;
    if (berth_flow_add_end(flow, &stage, "generator", many, 1, NULL, &r->diag) != BERTH_OK)
        goto end;
    stage.name = "heard";
    if (berth_flow_add_end(flow, &stage, "unix", sock, 2, NULL, &r->diag) != BERTH_OK)
        goto end;
    stage.name = "written", stage.role = SINK;
    if (berth_flow_add_end(flow, &stage, "file", in, 1, NULL, &r->diag) != BERTH_OK)
        goto end;
    edge.to = 2;
    if (berth_flow_connect(flow, &edge, NULL, &r->diag) != BERTH_OK)
        goto end;
    edge.from = 1;
    if (berth_flow_connect(flow, &edge, NULL, &r->diag) != BERTH_OK ||
        berth_flow_start(flow, &r->diag) != BERTH_OK)
        goto end;
    for (;;) {
        berth_end_stats stats = { .size = sizeof stats };
        berth_status status = berth_flow_wait(flow, 0, &r->diag);

        assert_int_equal(berth_flow_end_stats(flow, 2, &stats), BERTH_OK);
        is_done = stats.records == 200;
        if (is_done || status != BERTH_E_BUSY)
            break;
        (void)sched_yield();
    }
end:
    berth_flow_close(flow);
    return is_done;
}

static void each_allocation_that_fails_leaves_nothing_behind(void **state)
{
    (void)state;
    end_rig_fail_each_allocation(try_to_run, 20, true);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(standard_streams_are_read_and_written),
        cmocka_unit_test(nobody_who_reads_the_standard_output_is_a_failure_and_no_signal),
        cmocka_unit_test(two_sinks_of_a_full_pipe_hold_up_no_worker),
        end_case(records_pass_from_one_flow_to_another),
        end_case(several_peers_speak_at_once_and_records_stay_whole),
        end_case(a_peer_that_vanishes_is_reached_again),
        end_case(a_source_that_shall_not_reconnect_ends_with_its_peer),
        end_case(a_slow_reader_holds_the_flow_back_and_loses_nothing),
        end_case(a_peer_that_takes_nothing_for_too_long_is_let_go),
        end_case(a_sink_whose_reader_vanishes_goes_on_with_the_next),
        end_case(a_batch_that_comes_again_is_not_sent_behind_a_part_of_itself),
        end_case(tcp_peers_are_reached_by_number_and_by_name),
        end_case(a_peer_that_could_not_be_waited_for_is_waited_for_again),
        end_case(what_cannot_be_reached_fails_when_its_tries_are_used_up),
        end_case(what_cannot_be_listened_at_keeps_the_flow_from_starting),
        end_case(a_socket_that_a_killed_run_has_left_is_taken_over),
        cmocka_unit_test(addresses_are_read_as_people_write_them),
        cmocka_unit_test(each_allocation_that_fails_leaves_nothing_behind),
        cmocka_unit_test(starts_and_stops_leave_no_descriptors_and_no_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
