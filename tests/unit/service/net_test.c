/* net_test.c - whom a plugin may reach by its grants, and who may reach it. */
#include "service/net/net.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "os/clock.h"
#include "os/thread.h"
#include "os/wait.h"
#include "os_faults.h"
#include "process.h"

#include <cmocka.h>

enum { LINES_MAX = 8 };
static const uint64_t patience_ns = 60ull * 1000000000u;

typedef struct rig {
    size_t descriptors;
    bertht_memory memory;
    berth_allocator allocator;
    berth_grants *grants;
    berthi_services *services;
} rig;

static int setup(void **state)
{
    rig *r = calloc(1, sizeof *r);

    assert_non_null(r);
    r->descriptors = process_descriptors();
    memory_init(&r->memory);
    r->allocator = memory_allocator(&r->memory);
    *state = r;
    return 0;
}

static void take_all(rig *r)
{
    if (r->services != NULL) {
        assert_int_equal(r->services->objects, 0);
        berthi_services_end(r->services);
    }
    berth_grants_destroy(r->grants);
    r->services = NULL;
    r->grants = NULL;
}

static int teardown(void **state)
{
    rig *r = *state;
    uint64_t until = berthi_clock_ns() + patience_ns;

    os_faults_end();
    take_all(r);
    while (berthi_resolve_living() > 0 && berthi_clock_ns() < until)
        berthi_thread_yield();
    memory_assert_empty(&r->memory);
    assert_int_equal(process_descriptors(), r->descriptors);
    free(r);
    return 0;
}

static void grant(rig *r, const char *first, ...)
{
    static const berthi_service_owner owner = { "tenant", "slot", "plugin", NULL, NULL };
    berth_grants_options options = BERTH_GRANTS_OPTIONS_INIT;
    const char *lines[LINES_MAX], *line;
    berth_diag diag;
    va_list rest;

    take_all(r);
    va_start(rest, first);
    for (line = first; line != NULL; line = va_arg(rest, const char *))
        lines[options.grants_count++] = line;
    va_end(rest);
    options.grants = lines;
    if (berth_grants_create(&r->allocator, &options, &r->grants, &diag) != BERTH_OK)
        fail_msg("%s", diag.text);
    r->services = berthi_services_make(&r->allocator, r->grants, &owner);
    assert_non_null(r->services);
}

#define GRANT(r, ...) grant(r, __VA_ARGS__, NULL)

#define ASSERT_CODE(is, wanted)                                                                \
    do {                                                                                       \
        berthi_code code_ = (is);                                                              \
        if (code_ != BERTHI_CODE_##wanted)                                                     \
            fail_msg("%s:%d: %s, not " #wanted, __FILE__, __LINE__, berthi_code_name(code_));  \
    } while (0)

static berthi_address v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint16_t port)
{
    return (berthi_address){ .bytes = { a, b, c, d }, .size = 4, .port = port };
}

#define HERE(port) v4(127, 0, 0, 1, port)

static bool has_loopback(void)
{
    const berthi_address here = HERE(0);
    bool is_there = false;
    int fd;

    if (berthi_socket_open(true, false, &fd) == BERTHI_CODE_OK) {
        is_there = berthi_socket_bind(fd, &here, true) == BERTHI_CODE_OK;
        berthi_socket_close(fd);
    }
    if (!is_there)
        printf("             skipped: this machine has no loopback\n");
    return is_there;
}

/* At most the test's patience. */
static void wait_until_ready(void *object)
{
    berthi_object *o = object;
    berthi_wait wait = berthi_object_look(o);
    berth_diag diag;

    if (wait.is_ready)
        return;
    assert_int_equal(
        berthi_services_wait(o->services, &wait, 1, berthi_clock_ns() + patience_ns, &diag),
        BERTH_OK);
    assert_true(wait.is_ready);
}

/* ---------------------------------------------------------------- TCP */

static berthi_tcp *listen_here(rig *r, berthi_address *at)
{
    const berthi_address here = HERE(0);
    berthi_tcp *t, *none;
    berthi_input *in;
    berthi_output *out;

    ASSERT_CODE(berthi_tcp_make(r->services, false, &t), OK);
    ASSERT_CODE(berthi_tcp_finish_bind(t), NOT_IN_PROGRESS);
    ASSERT_CODE(berthi_tcp_start_listen(t), IS_CONNECTED);
    ASSERT_CODE(berthi_tcp_local(t, at), IS_CONNECTED);
    ASSERT_CODE(berthi_tcp_start_bind(t, &here), OK);
    ASSERT_CODE(berthi_tcp_start_bind(t, &here), ALREADY);
    ASSERT_CODE(berthi_tcp_finish_bind(t), OK);
    ASSERT_CODE(berthi_tcp_start_bind(t, &here), IS_CONNECTED);
    ASSERT_CODE(berthi_tcp_accept(t, &none, &in, &out), IS_CONNECTED);
    ASSERT_CODE(berthi_tcp_finish_listen(t), NOT_IN_PROGRESS);
    ASSERT_CODE(berthi_tcp_set_backlog(t, 0), INVALID);
    ASSERT_CODE(berthi_tcp_set_backlog(t, 4), OK);
    ASSERT_CODE(berthi_tcp_start_listen(t), OK);
    ASSERT_CODE(berthi_tcp_start_listen(t), ALREADY);
    ASSERT_CODE(berthi_tcp_finish_listen(t), OK);
    ASSERT_CODE(berthi_tcp_set_backlog(t, UINT64_MAX), OK);
    ASSERT_CODE(berthi_tcp_local(t, at), OK);
    ASSERT_CODE(berthi_tcp_remote(t, at), IS_CONNECTED);
    ASSERT_CODE(berthi_tcp_local(t, at), OK);
    return t;
}

typedef struct ends {
    berthi_tcp *client, *server;
    berthi_input *client_in, *server_in;
    berthi_output *client_out, *server_out;
} ends;

static ends connect_them(rig *r)
{
    berthi_address at;
    berthi_tcp *listener = listen_here(r, &at);
    ends e;

    ASSERT_CODE(berthi_tcp_make(r->services, false, &e.client), OK);
    ASSERT_CODE(berthi_tcp_finish_connect(e.client, &e.client_in, &e.client_out),
                NOT_IN_PROGRESS);
    ASSERT_CODE(berthi_tcp_start_connect(e.client, &at), OK);
    ASSERT_CODE(berthi_tcp_start_connect(e.client, &at), ALREADY);
    wait_until_ready(e.client);
    ASSERT_CODE(berthi_tcp_finish_connect(e.client, &e.client_in, &e.client_out), OK);
    ASSERT_CODE(berthi_tcp_start_connect(e.client, &at), IS_CONNECTED);
    wait_until_ready(listener);
    ASSERT_CODE(berthi_tcp_accept(listener, &e.server, &e.server_in, &e.server_out), OK);
    berthi_object_unref(listener);
    return e;
}

static void end_them(ends *e)
{
    berthi_object_unref(e->client_in);
    berthi_object_unref(e->client);
    berthi_object_unref(e->server);
    berthi_object_unref(e->server_out);
    berthi_object_unref(e->server_in);
    berthi_object_unref(e->client_out);
}

static void write_all(berthi_output *out, const char *text)
{
    size_t room;

    ASSERT_CODE(out->ops->check(out, &room), OK);
    assert_true(room >= strlen(text));
    ASSERT_CODE(out->ops->write(out, text, strlen(text)), OK);
    ASSERT_CODE(out->ops->flush(out), OK);
}

static void what_is_granted_connects_and_talks(void **state)
{
    rig *r = *state;
    berthi_address at;
    uint32_t value;
    char text[16];
    size_t size = sizeof text, room;
    ends e;

    if (!has_loopback())
        return;
    GRANT(r, "net:connect:127.0.0.1:*", "net:listen:127.0.0.1:*");
    e = connect_them(r);
    write_all(e.client_out, "words");
    wait_until_ready(e.server_in);
    ASSERT_CODE(e.server_in->ops->read(e.server_in, text, &size), OK);
    assert_int_equal(size, 5);
    assert_memory_equal(text, "words", 5);
    ASSERT_CODE(e.server_in->ops->read(e.server_in, text, &size), WOULD_BLOCK);
    ASSERT_CODE(berthi_tcp_remote(e.server, &at), OK);
    ASSERT_CODE(berthi_tcp_set_backlog(e.client, 3), IS_CONNECTED);
    ASSERT_CODE(berthi_tcp_set(e.client, BERTHI_SOCKET_KEEP_IDLE, UINT64_MAX), OK);
    ASSERT_CODE(berthi_tcp_get(e.client, BERTHI_SOCKET_KEEP_IDLE, &value), OK);
    assert_int_equal(value, 32767);
    ASSERT_CODE(berthi_tcp_set(e.client, BERTHI_SOCKET_HOP_LIMIT, 0), INVALID);
    ASSERT_CODE(berthi_tcp_shut(e.client, false, true), OK);
    wait_until_ready(e.server_in);
    ASSERT_CODE(e.server_in->ops->read(e.server_in, text, &size), CLOSED);
    ASSERT_CODE(e.client_out->ops->check(e.client_out, &room), OK);
    ASSERT_CODE(e.client_out->ops->write(e.client_out, "x", 1), CLOSED);
    end_them(&e);
}

/* A peer that does not read: what is written is bounded, nothing waits, and nothing is cut silently. */
static void a_peer_that_stalls_takes_no_more_than_fits(void **state)
{
    static char block[65536];
    rig *r = *state;
    berthi_address at;
    size_t room = 1, written = 0, size;
    berthi_code code;
    ends e;

    if (!has_loopback())
        return;
    GRANT(r, "net:connect:127.0.0.1:*", "net:listen:127.0.0.1:*");
    e = connect_them(r);
    while (written < 1u << 28) {
        ASSERT_CODE(e.client_out->ops->check(e.client_out, &room), OK);
        if (room == 0)
            break;
        ASSERT_CODE(e.client_out->ops->write(e.client_out, block, room), OK);
        written += room;
    }
    assert_int_equal(room, 0);
    ASSERT_CODE(e.client_out->ops->write(e.client_out, block, 1), INVALID); /* not announced */
    /* It ends with bytes that did not go: the peer sees a reset, not an end. */
    berthi_object_unref(e.client_out);
    berthi_object_unref(e.client_in);
    berthi_object_unref(e.client);
    do {
        wait_until_ready(e.server_in);
        size = sizeof block;
        code = e.server_in->ops->read(e.server_in, block, &size);
    } while (code == BERTHI_CODE_OK);
    ASSERT_CODE(code, RESET);
    ASSERT_CODE(berthi_tcp_local(e.server, &at), OK);
    berthi_object_unref(e.server_in);
    berthi_object_unref(e.server_out);
    berthi_object_unref(e.server);
}

static void what_a_slow_peer_takes_later_arrives_in_order(void **state)
{
    static unsigned char block[65536];
    rig *r = *state;
    size_t room = 1, written = 0, seen = 0;
    ends e;

    if (!has_loopback())
        return;
    GRANT(r, "net:connect:127.0.0.1:*", "net:listen:127.0.0.1:*");
    e = connect_them(r);
    while (room > 0) {
        ASSERT_CODE(e.client_out->ops->check(e.client_out, &room), OK);
        for (size_t i = 0; i < room; i++)
            block[i] = (unsigned char)((written + i) % 251);
        if (room > 0)
            ASSERT_CODE(e.client_out->ops->write(e.client_out, block, room), OK);
        written += room;
    }
    while (seen < written) {
        size_t size = sizeof block;
        berthi_code code = e.server_in->ops->read(e.server_in, block, &size);

        if (code == BERTHI_CODE_WOULD_BLOCK) {
            ASSERT_CODE(e.client_out->ops->flush(e.client_out), OK);
            wait_until_ready(e.server_in);
            continue;
        }
        ASSERT_CODE(code, OK);
        for (size_t i = 0; i < size; i++)
            if (block[i] != (unsigned char)((seen + i) % 251))
                fail_msg("byte %zu is another one", seen + i);
        seen += size;
    }
    assert_int_equal(seen, written);
    ASSERT_CODE(e.client_out->ops->check(e.client_out, &room), OK);
    assert_true(room > 0);
    end_them(&e);
}

static void what_is_not_granted_is_refused(void **state)
{
    rig *r = *state;
    const berthi_address here = HERE(80), all = v4(0, 0, 0, 0, 80), any = HERE(0);
    const berthi_address public = v4(93, 184, 216, 34, 80), meta = v4(169, 254, 169, 254, 80);
    berthi_tcp *t;
    berthi_udp *u;

    grant(r, NULL, NULL);
    ASSERT_CODE(berthi_tcp_make(r->services, false, &t), ACCESS);
    ASSERT_CODE(berthi_udp_make(r->services, false, &u), ACCESS);

    GRANT(r, "net:connect:*:443", "net:connect:10.0.0.7:80");
    assert_false(berthi_net_may(r->services, BERTHI_RIGHT_NET_CONNECT, &here));
    assert_false(berthi_net_may(r->services, BERTHI_RIGHT_NET_CONNECT, &public));
    assert_false(berthi_net_may(r->services, BERTHI_RIGHT_NET_CONNECT, &meta));
    ASSERT_CODE(berthi_tcp_make(r->services, false, &t), OK);
    ASSERT_CODE(berthi_tcp_start_connect(t, &here), ACCESS);
    ASSERT_CODE(berthi_tcp_start_connect(t, &any), INVALID);
    ASSERT_CODE(berthi_tcp_start_connect(t, &all), INVALID);
    ASSERT_CODE(berthi_tcp_start_bind(t, &here), ACCESS);
    ASSERT_CODE(berthi_tcp_start_bind(t, &any), OK); /* a port of the system's */
    ASSERT_CODE(berthi_tcp_finish_bind(t), OK);
    ASSERT_CODE(berthi_tcp_start_listen(t), ACCESS);
    berthi_object_unref(t);
}

static void an_address_of_another_family_is_invalid(void **state)
{
    rig *r = *state;
    const berthi_address here = HERE(80);
    berthi_address mapped = { .size = 16, .port = 80 };
    berthi_tcp *t;

    GRANT(r, "net:connect:*:*", "net:connect:127.0.0.1:*");
    if (berthi_tcp_make(r->services, true, &t) != BERTHI_CODE_OK)
        return; /* no IPv6 here */
    ASSERT_CODE(berthi_tcp_start_connect(t, &here), INVALID);
    ASSERT_CODE(berthi_tcp_start_bind(t, &here), INVALID);
    memcpy(mapped.bytes, (uint8_t[]){ 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 127, 0, 0, 1 },
           16);
    ASSERT_CODE(berthi_tcp_start_connect(t, &mapped), INVALID);
    berthi_object_unref(t);
}

static void nobody_listening_fails_the_socket(void **state)
{
    rig *r = *state;
    berthi_address at;
    const berthi_address here = HERE(0);
    berthi_tcp *bound, *t;
    berthi_input *in;
    berthi_output *out;
    berthi_code code;

    if (!has_loopback())
        return;
    GRANT(r, "net:connect:127.0.0.1:*");
    ASSERT_CODE(berthi_tcp_make(r->services, false, &bound), OK);
    ASSERT_CODE(berthi_tcp_start_bind(bound, &here), OK);
    ASSERT_CODE(berthi_tcp_finish_bind(bound), OK);
    ASSERT_CODE(berthi_tcp_local(bound, &at), OK);
    ASSERT_CODE(berthi_tcp_make(r->services, false, &t), OK);
    code = berthi_tcp_start_connect(t, &at);
    if (code == BERTHI_CODE_OK) {
        wait_until_ready(t);
        code = berthi_tcp_finish_connect(t, &in, &out);
    }
    ASSERT_CODE(code, REFUSED);
    ASSERT_CODE(berthi_tcp_start_connect(t, &at), IS_CONNECTED);
    ASSERT_CODE(berthi_tcp_local(t, &at), IS_CONNECTED);
    berthi_object_unref(t);
    berthi_object_unref(bound);
}

static void revoking_ends_what_is_connected(void **state)
{
    rig *r = *state;
    char text[4];
    size_t size = sizeof text, room;
    berth_diag diag;
    berthi_wait wait;
    ends e;

    if (!has_loopback())
        return;
    GRANT(r, "net:connect:127.0.0.1:*", "net:listen:127.0.0.1:*");
    e = connect_them(r);
    berth_grants_revoke(r->grants);
    ASSERT_CODE(e.server_in->ops->read(e.server_in, text, &size), ACCESS);
    ASSERT_CODE(e.client_out->ops->check(e.client_out, &room), ACCESS);
    wait = berthi_object_look(&e.server_in->object);
    assert_int_equal(berthi_services_wait(r->services, &wait, 1, UINT64_MAX, &diag),
                     BERTH_E_CLOSED);
    end_them(&e);
}

static void an_instance_has_a_bounded_number_of_sockets(void **state)
{
    rig *r = *state;
    berthi_tcp *some[8], *t;
    berthi_udp *u;
    uint32_t count = 0;

    GRANT(r, "net:connect:*:*");
    r->services->objects_max = 4;
    while (berthi_tcp_make(r->services, false, &some[count]) == BERTHI_CODE_OK)
        count++;
    assert_int_equal(count, 4);
    ASSERT_CODE(berthi_tcp_make(r->services, false, &t), TOO_MANY_OPEN);
    ASSERT_CODE(berthi_udp_make(r->services, false, &u), TOO_MANY_OPEN);
    while (count > 0)
        berthi_object_unref(some[--count]);
    for (int i = 0; i < 2000; i++) {
        ASSERT_CODE(berthi_tcp_make(r->services, false, &t), OK);
        berthi_object_unref(t);
    }
}

/* ---------------------------------------------------------------- UDP */

static berthi_udp *bind_udp(rig *r, berthi_address *at)
{
    const berthi_address here = HERE(0);
    berthi_udp_flow *in, *out;
    berthi_udp *u;

    ASSERT_CODE(berthi_udp_make(r->services, false, &u), OK);
    ASSERT_CODE(berthi_udp_flows(u, NULL, &in, &out), IS_CONNECTED);
    ASSERT_CODE(berthi_udp_finish_bind(u), NOT_IN_PROGRESS);
    ASSERT_CODE(berthi_udp_local(u, at), IS_CONNECTED);
    ASSERT_CODE(berthi_udp_start_bind(u, &here), OK);
    ASSERT_CODE(berthi_udp_start_bind(u, &here), ALREADY);
    ASSERT_CODE(berthi_udp_finish_bind(u), OK);
    ASSERT_CODE(berthi_udp_start_bind(u, &here), IS_CONNECTED);
    ASSERT_CODE(berthi_udp_local(u, at), OK);
    ASSERT_CODE(berthi_udp_remote(u, &(berthi_address){ 0 }), IS_CONNECTED);
    return u;
}

static void datagrams_go_to_and_come_from_who_is_granted(void **state)
{
    static char room[BERTHI_NET_DATAGRAM_MAX];
    rig *r = *state;
    berthi_address one_at, other_at, from;
    const berthi_address bad = v4(10, 0, 0, 1, 9);
    berthi_udp_flow *one_in, *one_out, *other_in, *other_out;
    berthi_udp *one, *other;
    size_t size;

    if (!has_loopback())
        return;
    GRANT(r, "net:connect:127.0.0.1:1-65535");
    one = bind_udp(r, &one_at);
    other = bind_udp(r, &other_at);
    ASSERT_CODE(berthi_udp_flows(one, NULL, &one_in, &one_out), OK);
    ASSERT_CODE(berthi_udp_flows(other, &one_at, &other_in, &other_out), OK);
    ASSERT_CODE(berthi_udp_remote(other, &from), OK);
    assert_int_equal(from.port, one_at.port);
    ASSERT_CODE(berthi_udp_send(one_out, "ab", 2, &other_at), OK);
    ASSERT_CODE(berthi_udp_send(one_out, "ab", 2, NULL), INVALID);
    ASSERT_CODE(berthi_udp_send(one_out, "ab", 2, &bad), ACCESS);
    ASSERT_CODE(berthi_udp_send(one_out, room, sizeof room, &other_at), MESSAGE_SIZE);
    ASSERT_CODE(berthi_udp_send(other_out, "cd", 2, &other_at), INVALID);
    ASSERT_CODE(berthi_udp_send(other_out, "cd", 2, &one_at), OK);
    ASSERT_CODE(berthi_udp_send(other_out, "e", 1, NULL), OK);
    wait_until_ready(other_in);
    ASSERT_CODE(berthi_udp_receive(other_in, room, sizeof room, &size, &from), OK);
    assert_int_equal(size, 2);
    wait_until_ready(one_in);
    ASSERT_CODE(berthi_udp_receive(one_in, room, sizeof room, &size, &from), OK);
    assert_int_equal(size, 2);
    assert_int_equal(from.port, other_at.port);
    ASSERT_CODE(berthi_udp_receive(one_in, room, sizeof room, &size, &from), OK);
    assert_int_equal(size, 1);
    berthi_object_unref(one);
    berthi_object_unref(one_in);
    berthi_object_unref(one_out);
    berthi_object_unref(other_in);
    berthi_object_unref(other_out);
    berthi_object_unref(other);
}

static void datagrams_of_strangers_are_discarded(void **state)
{
    rig *r = *state;
    char line[64], room[16];
    berthi_address at, from, here = HERE(0);
    berthi_udp_flow *in, *out;
    berthi_udp *u;
    size_t size;
    int stranger, friend;

    if (!has_loopback())
        return;
    ASSERT_CODE(berthi_socket_open(false, false, &stranger), OK);
    ASSERT_CODE(berthi_socket_bind(stranger, &here, false), OK);
    ASSERT_CODE(berthi_socket_open(false, false, &friend), OK);
    ASSERT_CODE(berthi_socket_bind(friend, &here, false), OK);
    ASSERT_CODE(berthi_socket_local(friend, &from), OK);
    snprintf(line, sizeof line, "net:connect:127.0.0.1:%u", from.port);
    GRANT(r, line);
    u = bind_udp(r, &at);
    ASSERT_CODE(berthi_udp_flows(u, NULL, &in, &out), OK);
    ASSERT_CODE(berthi_socket_send_to(stranger, "no", 2, &at), OK);
    ASSERT_CODE(berthi_socket_send_to(friend, "yes", 3, &at), OK);
    wait_until_ready(in);
    ASSERT_CODE(berthi_udp_receive(in, room, sizeof room, &size, &from), OK);
    assert_int_equal(size, 3);
    assert_int_equal(u->discarded, 1);
    ASSERT_CODE(berthi_udp_receive(in, room, sizeof room, &size, &from), WOULD_BLOCK);
    berthi_object_unref(in);
    berthi_object_unref(out);
    berthi_object_unref(u);
    berthi_socket_close(stranger);
    berthi_socket_close(friend);
}

/* The kernel hands out what came before there was a peer. */
static void what_strangers_sent_before_there_was_a_peer_is_discarded(void **state)
{
    rig *r = *state;
    char line[64], room[16];
    berthi_address at, peer, from, here = HERE(0);
    berthi_udp_flow *in, *out;
    berthi_udp *u;
    size_t size;
    int stranger, friend;

    if (!has_loopback())
        return;
    ASSERT_CODE(berthi_socket_open(false, false, &stranger), OK);
    ASSERT_CODE(berthi_socket_bind(stranger, &here, false), OK);
    ASSERT_CODE(berthi_socket_open(false, false, &friend), OK);
    ASSERT_CODE(berthi_socket_bind(friend, &here, false), OK);
    ASSERT_CODE(berthi_socket_local(friend, &peer), OK);
    snprintf(line, sizeof line, "net:connect:127.0.0.1:%u", peer.port);
    GRANT(r, line);
    u = bind_udp(r, &at);
    ASSERT_CODE(berthi_socket_send_to(stranger, "no", 2, &at), OK);
    ASSERT_CODE(berthi_udp_flows(u, &peer, &in, &out), OK);
    ASSERT_CODE(berthi_socket_send_to(friend, "yes", 3, &at), OK);
    wait_until_ready(in);
    ASSERT_CODE(berthi_udp_receive(in, room, sizeof room, &size, &from), OK);
    assert_int_equal(size, 3);
    assert_int_equal(from.port, peer.port);
    assert_int_equal(u->discarded, 1);
    berthi_object_unref(in);
    berthi_object_unref(out);
    berthi_object_unref(u);
    berthi_socket_close(stranger);
    berthi_socket_close(friend);
}

/* ---------------------------------------------------------------- names */

static void numbers_need_no_look_up_and_give_no_right(void **state)
{
    rig *r = *state;
    berthi_lookup *l;
    berthi_address a;
    bool some;

    GRANT(r, "net:connect:db.example.org:5432");
    ASSERT_CODE(berthi_lookup_start(r->services, "10.1.2.3", 8, &l), OK);
    ASSERT_CODE(berthi_lookup_next(l, &a, &some), OK);
    assert_true(some);
    assert_memory_equal(a.bytes, "\x0a\x01\x02\x03", 4);
    a.port = 5432;
    assert_false(berthi_net_may(r->services, BERTHI_RIGHT_NET_CONNECT, &a));
    ASSERT_CODE(berthi_lookup_next(l, &a, &some), OK);
    assert_false(some);
    berthi_object_unref(l);
    ASSERT_CODE(berthi_lookup_start(r->services, "other.example.org", 17, &l), ACCESS);
    ASSERT_CODE(berthi_lookup_start(r->services, "", 0, &l), INVALID);
    ASSERT_CODE(berthi_lookup_start(r->services, "a b", 3, &l), INVALID);
    ASSERT_CODE(berthi_lookup_start(r->services,
                                    "b\xc3\xbc"
                                    "cher.de",
                                    10, &l),
                INVALID);
    ASSERT_CODE(berthi_lookup_start(r->services, "-x", 2, &l), INVALID);
}

/* The first answer is checked and kept; what the name comes to later is another address. */
static void an_answer_that_changes_changes_nothing(void **state)
{
    rig *r = *state;
    berthi_address good = v4(93, 184, 216, 34, 5432), evil = v4(169, 254, 169, 254, 5432);
    static const char name[] = "db.example.org";

    GRANT(r, "net:connect:*.example.org:5432");
    assert_true(berthi_grants_resolved(r->grants, good.bytes, 4, name, 14));
    assert_false(berthi_grants_resolved(r->grants, evil.bytes, 4, name, 14));
    assert_false(berthi_net_may(r->services, BERTHI_RIGHT_NET_CONNECT, &good));
    ASSERT_CODE(berthi_services_know(r->services, good.bytes, 4, name, 14), OK);
    ASSERT_CODE(berthi_services_know(r->services, good.bytes, 4, name, 14), OK);
    assert_true(berthi_net_may(r->services, BERTHI_RIGHT_NET_CONNECT, &good));
    assert_false(berthi_net_may(r->services, BERTHI_RIGHT_NET_CONNECT, &evil));
    assert_false(berthi_net_may(r->services, BERTHI_RIGHT_NET_LISTEN, &good));
    /* A name that was remembered for a private address would not be enough either. */
    ASSERT_CODE(berthi_services_know(r->services, evil.bytes, 4, name, 14), OK);
    assert_false(berthi_net_may(r->services, BERTHI_RIGHT_NET_CONNECT, &evil));
    good.port = 22;
    assert_false(berthi_net_may(r->services, BERTHI_RIGHT_NET_CONNECT, &good));
    good.port = 5432;
    for (uint8_t i = 0; i < 64; i++) { /* the oldest is forgotten */
        const berthi_address a = v4(93, 184, 217, i, 1);

        ASSERT_CODE(berthi_services_know(r->services, a.bytes, 4, name, 14), OK);
    }
    assert_false(berthi_net_may(r->services, BERTHI_RIGHT_NET_CONNECT, &good));

    GRANT(r, "net:connect:*.example.org:5432", "net:private");
    assert_true(berthi_grants_resolved(r->grants, evil.bytes, 4, name, 14));
}

static void a_name_of_this_machine_comes_to_this_machine(void **state)
{
    rig *r = *state;
    berthi_lookup *l;
    berthi_address a;
    bool some = true;
    unsigned count = 0;

    GRANT(r, "net:connect:localhost:80");
    ASSERT_CODE(berthi_lookup_start(r->services, "localhost", 9, &l), OK);
    wait_until_ready(l);
    while (some) {
        berthi_code code = berthi_lookup_next(l, &a, &some);

        if (code == BERTHI_CODE_NAME_UNKNOWN || code == BERTHI_CODE_RESOLVER_TRY ||
            code == BERTHI_CODE_RESOLVER_FAILED) {
            printf("             skipped: this machine does not know localhost\n");
            break;
        }
        ASSERT_CODE(code, OK);
        if (!some)
            break;
        count++;
        a.port = 80;
        assert_true(berthi_net_may(r->services, BERTHI_RIGHT_NET_CONNECT, &a));
        a.port = 81;
        assert_false(berthi_net_may(r->services, BERTHI_RIGHT_NET_CONNECT, &a));
    }
    assert_true(some || count > 0);
    berthi_object_unref(l);
}

/* ---------------------------------------------------------------- waiting */

/* UINT64_MAX nanoseconds are more than the clock has left. */
static void a_call_without_an_end_may_wait(void **state)
{
    static const uint64_t tick_ns = 1000000,
                          untils[] = { UINT64_MAX / 1000000 + 8, UINT64_MAX - 1, UINT64_MAX };
    rig *r = *state;
    _Atomic(uint64_t) tick = 7;
    berth_diag diag;

    GRANT(r, "net:connect:127.0.0.1:1");
    for (size_t i = 0; i < sizeof untils / sizeof *untils; i++) {
        r->services->deadline = (berthi_deadline){ &tick, tick_ns, untils[i] };
        assert_int_equal(
            berthi_services_wait(r->services, NULL, 0, berthi_clock_ns() + 5 * tick_ns, &diag),
            BERTH_OK);
    }
    r->services->deadline = (berthi_deadline){ &tick, tick_ns, 7 };
    assert_int_equal(berthi_services_wait(r->services, NULL, 0, UINT64_MAX, &diag),
                     BERTH_E_DEADLINE);
    r->services->deadline = (berthi_deadline){ NULL, 0, 0 };
}

#ifdef BERTH_FAULTS
static void every_allocation_may_fail(void **state)
{
    rig *r = *state;
    berthi_lookup *l;
    berthi_tcp *t;
    berthi_udp *u;
    size_t failed = 0;

    GRANT(r, "net:connect:*:*");
    for (size_t nth = 0; nth < 6; nth++) {
        memory_fail(&r->memory, nth, false);
        if (berthi_tcp_make(r->services, false, &t) == BERTHI_CODE_OK)
            berthi_object_unref(t);
        if (berthi_udp_make(r->services, false, &u) == BERTHI_CODE_OK)
            berthi_object_unref(u);
        if (berthi_lookup_start(r->services, "1.2.3.4", 7, &l) == BERTHI_CODE_OK)
            berthi_object_unref(l);
        (void)berthi_services_know(r->services, (const uint8_t *)"abcd", 4, "x", 1);
        failed += atomic_load(&r->memory.failures) != 0;
        assert_int_equal(r->services->objects, 0);
    }
    memory_fail(&r->memory, MEMORY_NEVER, false);
    assert_int_equal(failed, 3); /* the names stay once they are there */
    os_faults_begin(0, true, EIO);
    ASSERT_CODE(berthi_tcp_make(r->services, false, &t), IO);
    ASSERT_CODE(berthi_udp_make(r->services, false, &u), IO);
    ASSERT_CODE(berthi_lookup_start(r->services, "example.org", 11, &l), NO_MEMORY);
    os_faults_end();
    assert_int_equal(r->services->objects, 0);
}
#endif

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_granted_connects_and_talks),
        TEST(a_peer_that_stalls_takes_no_more_than_fits),
        TEST(what_a_slow_peer_takes_later_arrives_in_order),
        TEST(what_is_not_granted_is_refused),
        TEST(an_address_of_another_family_is_invalid),
        TEST(nobody_listening_fails_the_socket),
        TEST(revoking_ends_what_is_connected),
        TEST(an_instance_has_a_bounded_number_of_sockets),
        TEST(datagrams_go_to_and_come_from_who_is_granted),
        TEST(datagrams_of_strangers_are_discarded),
        TEST(what_strangers_sent_before_there_was_a_peer_is_discarded),
        TEST(numbers_need_no_look_up_and_give_no_right),
        TEST(an_answer_that_changes_changes_nothing),
        TEST(a_name_of_this_machine_comes_to_this_machine),
        TEST(a_call_without_an_end_may_wait),
#ifdef BERTH_FAULTS
        TEST(every_allocation_may_fail),
#endif
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
