/* socket_test.c - sockets that never wait, and names that are looked up beside. */
#include "os/socket.h"

#include <errno.h>
#include <pthread.h>
#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/clock.h"
#include "os/resolve.h"
#include "os/thread.h"
#include "os/wait.h"
#include "os_faults.h"
#include "process.h"

#include <cmocka.h>

enum { PATIENCE_S = 60 };

static berthi_address loopback(bool is_ipv6, uint16_t port)
{
    berthi_address a = { .size = is_ipv6 ? 16 : 4, .port = port };

    if (is_ipv6)
        a.bytes[15] = 1;
    else
        memcpy(a.bytes, (uint8_t[]){ 127, 0, 0, 1 }, 4);
    return a;
}

/* Some machines that build have no network at all, not even this. */
static bool has_loopback(bool is_ipv6)
{
    berthi_address here = loopback(is_ipv6, 0);
    bool is_there = false;
    int fd;

    if (berthi_socket_open(true, is_ipv6, &fd) == BERTHI_CODE_OK) {
        is_there = berthi_socket_bind(fd, &here, true) == BERTHI_CODE_OK;
        berthi_socket_close(fd);
    }
    if (!is_there)
        printf("             skipped: this machine has no IPv%d loopback\n", is_ipv6 ? 6 : 4);
    return is_there;
}

static void wait_for(int fd, bool for_read)
{
    berthi_wait_fd wait = { .fd = fd, .for_read = for_read, .for_write = !for_read };
    _Alignas(16) unsigned char room[64];
    bool is_stopped;

    assert_true(2 * berthi_wait_room_size() <= sizeof room);
    assert_int_equal(berthi_wait_fds(&wait, 1, -1,
                                     berthi_clock_ns() + PATIENCE_S * 1000000000ull, room,
                                     &is_stopped),
                     0);
    assert_true(wait.is_ready);
}

typedef struct pair {
    int listener, client, server;
} pair;

static pair connect_pair(bool is_ipv6)
{
    berthi_address here = loopback(is_ipv6, 0), there, from, at;
    berthi_code code;
    pair p;

    assert_int_equal(berthi_socket_open(true, is_ipv6, &p.listener), BERTHI_CODE_OK);
    assert_int_equal(berthi_socket_bind(p.listener, &here, true), BERTHI_CODE_OK);
    assert_int_equal(berthi_socket_listen(p.listener, 8), BERTHI_CODE_OK);
    assert_int_equal(berthi_socket_accept(p.listener, &p.server, &from),
                     BERTHI_CODE_WOULD_BLOCK);
    assert_int_equal(berthi_socket_local(p.listener, &there), BERTHI_CODE_OK);
    assert_true(there.port != 0);
    assert_int_equal(berthi_socket_open(true, is_ipv6, &p.client), BERTHI_CODE_OK);
    assert_int_equal(berthi_socket_remote(p.client, &at), BERTHI_CODE_NOT_CONNECTED);
    code = berthi_socket_connect(p.client, &there);
    if (code == BERTHI_CODE_WOULD_BLOCK) {
        wait_for(p.client, false);
        code = berthi_socket_connected(p.client);
    }
    assert_int_equal(code, BERTHI_CODE_OK);
    wait_for(p.listener, true);
    assert_int_equal(berthi_socket_accept(p.listener, &p.server, &from), BERTHI_CODE_OK);
    assert_int_equal(berthi_socket_local(p.client, &at), BERTHI_CODE_OK);
    assert_int_equal(at.port, from.port);
    assert_memory_equal(at.bytes, from.bytes, at.size);
    assert_int_equal(berthi_socket_remote(p.client, &at), BERTHI_CODE_OK);
    assert_int_equal(at.port, there.port);
    return p;
}

static void close_pair(pair p)
{
    berthi_socket_close(p.listener);
    berthi_socket_close(p.client);
    berthi_socket_close(p.server);
}

static void talk(bool is_ipv6)
{
    size_t descriptors = process_descriptors(), done;
    char text[8];
    pair p;

    if (!has_loopback(is_ipv6))
        return;
    p = connect_pair(is_ipv6);
    assert_int_equal(berthi_socket_receive(p.server, text, sizeof text, &done),
                     BERTHI_CODE_WOULD_BLOCK);
    assert_int_equal(berthi_socket_send(p.client, "words", 5, &done), BERTHI_CODE_OK);
    assert_int_equal(done, 5);
    wait_for(p.server, true);
    assert_int_equal(berthi_socket_receive(p.server, text, sizeof text, &done), BERTHI_CODE_OK);
    assert_int_equal(done, 5);
    assert_memory_equal(text, "words", 5);
    assert_int_equal(berthi_socket_shut(p.client, false, true), BERTHI_CODE_OK);
    wait_for(p.server, true);
    assert_int_equal(berthi_socket_receive(p.server, text, sizeof text, &done), BERTHI_CODE_OK);
    assert_int_equal(done, 0);
    assert_int_equal(berthi_socket_send(p.client, "x", 1, &done), BERTHI_CODE_PIPE);
    close_pair(p);
    assert_int_equal(process_descriptors(), descriptors);
}

static void two_ends_of_a_connection_talk(void **state)
{
    (void)state;
    talk(false);
    talk(true);
}

static void a_peer_that_does_not_read_fills_the_socket(void **state)
{
    static char block[65536];
    berthi_code code = BERTHI_CODE_OK;
    size_t done, sent = 0;
    pair p;

    (void)state;
    if (!has_loopback(false))
        return;
    p = connect_pair(false);
    for (int i = 0; i < 10000 && code == BERTHI_CODE_OK; i++) {
        code = berthi_socket_send(p.client, block, sizeof block, &done);
        sent += code == BERTHI_CODE_OK ? done : 0;
    }
    assert_int_equal(code, BERTHI_CODE_WOULD_BLOCK);
    assert_true(sent > 0);
    close_pair(p);
}

static void nobody_listening_is_refused(void **state)
{
    berthi_address here = loopback(false, 0), there;
    berthi_code code;
    int closed, fd;

    (void)state;
    if (!has_loopback(false))
        return;
    assert_int_equal(berthi_socket_open(true, false, &closed), BERTHI_CODE_OK);
    assert_int_equal(berthi_socket_bind(closed, &here, true), BERTHI_CODE_OK);
    assert_int_equal(berthi_socket_local(closed, &there), BERTHI_CODE_OK);
    assert_int_equal(berthi_socket_open(true, false, &fd), BERTHI_CODE_OK);
    code = berthi_socket_connect(fd, &there); /* bound, and does not listen */
    if (code == BERTHI_CODE_WOULD_BLOCK) {
        wait_for(fd, false);
        code = berthi_socket_connected(fd);
    }
    assert_int_equal(code, BERTHI_CODE_REFUSED);
    assert_int_equal(berthi_socket_bind(fd, &there, false), BERTHI_CODE_ADDRESS_IN_USE);
    berthi_socket_close(fd);
    berthi_socket_close(closed);
}

static void datagrams_keep_their_ends_and_their_senders(void **state)
{
    berthi_address here = loopback(false, 0), one_at, other_at, from;
    int one, other;
    char text[4];
    size_t done;

    (void)state;
    if (!has_loopback(false))
        return;
    assert_int_equal(berthi_socket_open(false, false, &one), BERTHI_CODE_OK);
    assert_int_equal(berthi_socket_open(false, false, &other), BERTHI_CODE_OK);
    assert_int_equal(berthi_socket_bind(one, &here, false), BERTHI_CODE_OK);
    assert_int_equal(berthi_socket_bind(other, &here, false), BERTHI_CODE_OK);
    assert_int_equal(berthi_socket_local(one, &one_at), BERTHI_CODE_OK);
    assert_int_equal(berthi_socket_local(other, &other_at), BERTHI_CODE_OK);
    assert_int_equal(berthi_socket_receive_from(other, text, sizeof text, &done, &from),
                     BERTHI_CODE_WOULD_BLOCK);
    assert_int_equal(berthi_socket_send_to(one, "ab", 2, &other_at), BERTHI_CODE_OK);
    assert_int_equal(berthi_socket_send_to(one, "", 0, &other_at), BERTHI_CODE_OK);
    assert_int_equal(berthi_socket_connect(one, &other_at), BERTHI_CODE_OK);
    assert_int_equal(berthi_socket_send_to(one, "abcdefgh", 8, NULL), BERTHI_CODE_OK);
    for (int i = 0; i < 3; i++) {
        static const size_t sizes[] = { 2, 0, 4 };

        wait_for(other, true);
        assert_int_equal(berthi_socket_receive_from(other, text, sizeof text, &done, &from),
                         BERTHI_CODE_OK);
        assert_int_equal(done, sizes[i]);
        assert_int_equal(from.port, one_at.port);
    }
    assert_int_equal(berthi_socket_disconnect(one), BERTHI_CODE_OK);
    assert_int_not_equal(berthi_socket_send_to(one, "x", 1, NULL), BERTHI_CODE_OK);
    berthi_socket_close(one);
    berthi_socket_close(other);
}

static void options_are_read_as_they_were_set(void **state)
{
    static const struct {
        berthi_socket_option option;
        uint32_t value;
    } rows[] = {
        { BERTHI_SOCKET_KEEP_ALIVE, 1 },      { BERTHI_SOCKET_KEEP_IDLE, 77 },
        { BERTHI_SOCKET_KEEP_INTERVAL, 11 },  { BERTHI_SOCKET_KEEP_COUNT, 5 },
        { BERTHI_SOCKET_HOP_LIMIT, 42 },      { BERTHI_SOCKET_RECEIVE_BUFFER, 8192 },
        { BERTHI_SOCKET_SEND_BUFFER, 16384 },
    };

    (void)state;
    for (int is_ipv6 = 0; is_ipv6 < 2; is_ipv6++) {
        int fd;

        if (!has_loopback(is_ipv6 != 0))
            continue;
        assert_int_equal(berthi_socket_open(true, is_ipv6 != 0, &fd), BERTHI_CODE_OK);
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
            uint32_t value = 0;

            assert_int_equal(berthi_socket_set(fd, is_ipv6 != 0, rows[i].option, rows[i].value),
                             BERTHI_CODE_OK);
            assert_int_equal(berthi_socket_get(fd, is_ipv6 != 0, rows[i].option, &value),
                             BERTHI_CODE_OK);
            assert_int_equal(value, rows[i].value);
        }
        assert_int_equal(berthi_socket_set(fd, is_ipv6 != 0, BERTHI_SOCKET_HOP_LIMIT, 256),
                         BERTHI_CODE_INVALID);
        berthi_socket_close(fd);
    }
}

/* ---------------------------------------------------------------- names */

static void until_nobody_looks_up(void)
{
    uint64_t until = berthi_clock_ns() + PATIENCE_S * 1000000000ull;

    while (berthi_resolve_living() > 0 && berthi_clock_ns() < until)
        berthi_thread_yield();
    assert_int_equal(berthi_resolve_living(), 0);
}

static void a_number_is_its_own_answer(void **state)
{
    const berthi_address *addresses;
    berthi_resolving *r;
    size_t descriptors = process_descriptors();
    uint32_t count;

    (void)state;
    assert_int_equal(berthi_resolve_start("127.0.0.1", 9, &r), BERTHI_CODE_OK);
    wait_for(berthi_resolve_fd(r), true);
    assert_int_equal(berthi_resolve_answer(r, &addresses, &count), BERTHI_CODE_OK);
    assert_int_equal(count, 1);
    assert_int_equal(addresses[0].size, 4);
    assert_memory_equal(addresses[0].bytes, "\x7f\0\0\1", 4);
    berthi_resolve_drop(r);
    until_nobody_looks_up();
    assert_int_equal(process_descriptors(), descriptors);
    assert_int_equal(berthi_resolve_start("", 0, &r), BERTHI_CODE_NAME_TOO_LONG);
    assert_int_equal(berthi_resolve_start("a\0b", 3, &r), BERTHI_CODE_INVALID);
    assert_int_equal(berthi_resolve_start("a", BERTHI_RESOLVE_NAME_MAX + 1, &r),
                     BERTHI_CODE_NAME_TOO_LONG);
}

#ifdef BERTH_FAULTS
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static atomic_uint arrived;

/* A server that does not answer. */
static void stall(void *arg)
{
    (void)arg;
    atomic_fetch_add(&arrived, 1);
    assert_int_equal(pthread_mutex_lock(&gate), 0);
    assert_int_equal(pthread_mutex_unlock(&gate), 0);
}
#endif

static void look_ups_that_stall_are_dropped_counted_and_bounded(void **state)
{
    (void)state;
#ifdef BERTH_FAULTS
    berthi_resolving *r[BERTHI_RESOLVE_MAX], *one;
    const berthi_address *addresses;
    uint32_t count;

    assert_int_equal(pthread_mutex_lock(&gate), 0);
    os_faults_begin(0, true, 0);
    os_faults_only("getaddrinfo");
    os_faults_intrude(stall, NULL);
    for (uint32_t i = 0; i < BERTHI_RESOLVE_MAX; i++)
        assert_int_equal(berthi_resolve_start("127.0.0.1", 9, &r[i]), BERTHI_CODE_OK);
    assert_int_equal(berthi_resolve_living(), BERTHI_RESOLVE_MAX);
    assert_int_equal(berthi_resolve_start("127.0.0.1", 9, &one), BERTHI_CODE_TOO_MANY_OPEN);
    while (atomic_load(&arrived) < BERTHI_RESOLVE_MAX)
        berthi_thread_yield();
    assert_int_equal(berthi_resolve_answer(r[0], &addresses, &count), BERTHI_CODE_WOULD_BLOCK);
    for (uint32_t i = 1; i < BERTHI_RESOLVE_MAX; i++)
        berthi_resolve_drop(r[i]);
    assert_int_equal(berthi_resolve_living(), BERTHI_RESOLVE_MAX); /* nobody waits for them */
    assert_int_equal(berthi_resolve_start("127.0.0.1", 9, &one), BERTHI_CODE_TOO_MANY_OPEN);
    assert_int_equal(pthread_mutex_unlock(&gate), 0);
    wait_for(berthi_resolve_fd(r[0]), true);
    assert_int_equal(berthi_resolve_answer(r[0], &addresses, &count), BERTHI_CODE_OK);
    berthi_resolve_drop(r[0]);
    until_nobody_looks_up();
    os_faults_end();
#else
    printf("             not looked at: this build has no BERTH_FAULTS\n");
#endif
}

static void each_failure_of_a_look_up_is_told(void **state)
{
    (void)state;
#ifdef BERTH_FAULTS
    static const char *const calls[] = { "mmap", "eventfd", "pthread_create" };
    size_t descriptors = process_descriptors();
    const berthi_address *addresses;
    berthi_resolving *r;
    uint32_t count;

    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        os_faults_begin(0, false, EAGAIN);
        os_faults_only(calls[i]);
        assert_int_equal(berthi_resolve_start("127.0.0.1", 9, &r), BERTHI_CODE_NO_MEMORY);
        assert_int_equal(os_faults_failed(), 1);
    }
    os_faults_begin(0, false, -EAI_AGAIN);
    os_faults_only("getaddrinfo");
    assert_int_equal(berthi_resolve_start("127.0.0.1", 9, &r), BERTHI_CODE_OK);
    wait_for(berthi_resolve_fd(r), true);
    assert_int_equal(berthi_resolve_answer(r, &addresses, &count), BERTHI_CODE_RESOLVER_TRY);
    berthi_resolve_drop(r);
    until_nobody_looks_up();
    os_faults_end();
    assert_int_equal(process_descriptors(), descriptors);
#endif
}

static void each_call_of_a_socket_may_fail(void **state)
{
    (void)state;
#ifdef BERTH_FAULTS
    berthi_address here = loopback(false, 0), at;
    size_t descriptors = process_descriptors(), done;
    uint32_t value;
    int fd = -5;
    pair p;

    if (!has_loopback(false))
        return;
    p = connect_pair(false);
    os_faults_begin(0, true, EIO);
    assert_int_equal(berthi_socket_open(true, false, &fd), BERTHI_CODE_IO);
    assert_int_equal(berthi_socket_bind(p.client, &here, true), BERTHI_CODE_IO);
    assert_int_equal(berthi_socket_bind(p.client, &here, false), BERTHI_CODE_IO);
    assert_int_equal(berthi_socket_connect(p.client, &here), BERTHI_CODE_IO);
    assert_int_equal(berthi_socket_connected(p.client), BERTHI_CODE_IO);
    assert_int_equal(berthi_socket_disconnect(p.client), BERTHI_CODE_IO);
    assert_int_equal(berthi_socket_listen(p.client, 1), BERTHI_CODE_IO);
    assert_int_equal(berthi_socket_accept(p.listener, &fd, &at), BERTHI_CODE_IO);
    assert_int_equal(berthi_socket_local(p.client, &at), BERTHI_CODE_IO);
    assert_int_equal(berthi_socket_remote(p.client, &at), BERTHI_CODE_IO);
    assert_int_equal(berthi_socket_shut(p.client, true, true), BERTHI_CODE_IO);
    assert_int_equal(berthi_socket_receive(p.client, &here, 1, &done), BERTHI_CODE_IO);
    assert_int_equal(berthi_socket_send(p.client, &here, 1, &done), BERTHI_CODE_IO);
    assert_int_equal(berthi_socket_receive_from(p.client, &here, 1, &done, &at),
                     BERTHI_CODE_IO);
    assert_int_equal(berthi_socket_send_to(p.client, &here, 1, NULL), BERTHI_CODE_IO);
    assert_int_equal(berthi_socket_get(p.client, false, BERTHI_SOCKET_HOP_LIMIT, &value),
                     BERTHI_CODE_IO);
    assert_int_equal(berthi_socket_set(p.client, false, BERTHI_SOCKET_HOP_LIMIT, 9),
                     BERTHI_CODE_IO);
    os_faults_begin(1, false, EIO); /* the option of an IPv6 socket */
    assert_int_not_equal(berthi_socket_open(true, true, &fd), BERTHI_CODE_OK);
    os_faults_begin(0, false, EINTR); /* and some are tried again */
    assert_int_equal(berthi_socket_send(p.client, "x", 1, &done), BERTHI_CODE_OK);
    os_faults_end();
    assert_int_equal(fd, -5);
    close_pair(p);
    assert_int_equal(process_descriptors(), descriptors);
#endif
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_ends_of_a_connection_talk),
        cmocka_unit_test(a_peer_that_does_not_read_fills_the_socket),
        cmocka_unit_test(nobody_listening_is_refused),
        cmocka_unit_test(datagrams_keep_their_ends_and_their_senders),
        cmocka_unit_test(options_are_read_as_they_were_set),
        cmocka_unit_test(a_number_is_its_own_answer),
        cmocka_unit_test(look_ups_that_stall_are_dropped_counted_and_bounded),
        cmocka_unit_test(each_failure_of_a_look_up_is_told),
        cmocka_unit_test(each_call_of_a_socket_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
