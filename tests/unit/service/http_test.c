/* http_test.c - header fields that can be sent as they are, and requests that cannot start. */
#include "service/http/fields.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "memory.h"
#include "os/clock.h"
#include "os/thread.h"
#include "os_faults.h"
#include "process.h"
#include "service/http/transfer.h"
#include "service/wasi/wasi_http.h"

#include <cmocka.h>

typedef struct rig {
    bertht_memory memory;
    berth_allocator allocator;
    berth_grants *grants;
    berthi_services *services;
    berthi_http_fields *f;
    size_t descriptors;
} rig;

static int setup(void **state)
{
    static const berthi_service_owner owner = { "tenant", "slot", "plugin", NULL, NULL };
    static const char *const lines[] = { "http:get:127.0.0.1:*", "http:get:a.example",
                                         "http:get:[::1]:*" };
    berth_grants_options options = BERTH_GRANTS_OPTIONS_INIT;
    rig *r = calloc(1, sizeof *r);

    assert_non_null(r);
    r->descriptors = process_descriptors();
    memory_init(&r->memory);
    r->allocator = memory_allocator(&r->memory);
    options.grants = lines;
    options.grants_count = 3;
    assert_int_equal(berth_grants_create(&r->allocator, &options, &r->grants, NULL), BERTH_OK);
    r->services = berthi_services_make(&r->allocator, r->grants, &owner);
    assert_non_null(r->services);
    r->f = berthi_http_fields_make(r->services);
    assert_non_null(r->f);
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    rig *r = *state;

    os_faults_end();
    berthi_object_unref(r->f);
    assert_int_equal(r->services->objects, 0);
    berthi_services_end(r->services);
    berth_grants_destroy(r->grants);
    memory_assert_empty(&r->memory);
    assert_int_equal(process_descriptors(), r->descriptors);
    free(r);
    return 0;
}

static berthi_http_fields_code append(berthi_http_fields *f, const char *name,
                                      const char *value)
{
    return berthi_http_fields_append(f, name, strlen(name), value, strlen(value));
}

static berthi_http_fields_code drop(berthi_http_fields *f, const char *name)
{
    return berthi_http_fields_remove(f, name, strlen(name));
}

static void fields_keep_their_order_and_are_found_in_any_case(void **state)
{
    rig *r = *state;
    berthi_http_fields *copy;

    assert_int_equal(append(r->f, "A", "1"), BERTHI_FIELDS_OK);
    assert_int_equal(append(r->f, "B", ""), BERTHI_FIELDS_OK);
    assert_int_equal(append(r->f, "a", "2"), BERTHI_FIELDS_OK);
    assert_int_equal(append(r->f, "c", "3"), BERTHI_FIELDS_OK);
    copy = berthi_http_fields_copy(r->f);
    assert_non_null(copy);
    assert_int_equal(drop(r->f, "A"), BERTHI_FIELDS_OK);
    assert_int_equal(r->f->count, 2);
    assert_int_equal(r->f->bytes, 3);
    assert_memory_equal(r->f->first->name, "B", 1);
    assert_int_equal(drop(r->f, "C"),
                     BERTHI_FIELDS_OK); /* the last; what comes goes behind B */
    assert_int_equal(append(r->f, "D", "4"), BERTHI_FIELDS_OK);
    assert_memory_equal(r->f->first->next->name, "D", 1);
    assert_int_equal(copy->count, 4);
    copy->is_immutable = true;
    assert_int_equal(append(copy, "E", "5"), BERTHI_FIELDS_IMMUTABLE);
    assert_int_equal(drop(copy, "A"), BERTHI_FIELDS_IMMUTABLE);
    berthi_object_unref(copy);
}

static void nothing_in_a_field_ends_its_line(void **state)
{
    static const char *const names[] = { "", " ", "a b", "a:", "a\r", "a\n", "\xc3\xa9", "(" };
    static const char *const values[] = { "a\r\nb: c", "\n", "\x01", "\x7f" };
    static const char *const forbidden[] = { "Host",    "connection", "Transfer-Encoding",
                                             "UPGRADE", "keep-alive", "te" };
    rig *r = *state;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_int_equal(append(r->f, names[i], "x"), BERTHI_FIELDS_SYNTAX);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        assert_int_equal(append(r->f, "x", values[i]), BERTHI_FIELDS_SYNTAX);
    for (size_t i = 0; i < sizeof forbidden / sizeof *forbidden; i++) {
        assert_int_equal(append(r->f, forbidden[i], "x"), BERTHI_FIELDS_FORBIDDEN);
        assert_int_equal(drop(r->f, forbidden[i]), BERTHI_FIELDS_FORBIDDEN);
    }
    assert_int_equal(berthi_http_fields_append(r->f, "x", 1, "a\0b", 3), BERTHI_FIELDS_SYNTAX);
    assert_int_equal(berthi_http_fields_append(r->f, "a\0b", 3, "x", 1), BERTHI_FIELDS_SYNTAX);
    assert_int_equal(append(r->f, "x", "\tv \xff"), BERTHI_FIELDS_OK);
    assert_int_equal(r->f->count, 1);
}

static void fields_are_bounded(void **state)
{
    static char much[BERTHI_HTTP_FIELDS_BYTES_MAX];
    rig *r = *state;

    memset(much, 'x', sizeof much);
    assert_int_equal(berthi_http_fields_append(r->f, "x", 1, much, sizeof much),
                     BERTHI_FIELDS_FULL);
    assert_int_equal(berthi_http_fields_append(r->f, "x", 1, much, sizeof much - 1),
                     BERTHI_FIELDS_OK);
    assert_int_equal(append(r->f, "x", ""), BERTHI_FIELDS_FULL);
    assert_int_equal(drop(r->f, "X"), BERTHI_FIELDS_OK);
    for (int i = 0; i < BERTHI_HTTP_FIELDS_MAX; i++)
        assert_int_equal(append(r->f, "x", ""), BERTHI_FIELDS_OK);
    assert_int_equal(append(r->f, "x", ""), BERTHI_FIELDS_FULL);
    memory_fail(&r->memory, 700, false);
    assert_null(berthi_http_fields_copy(r->f));
    memory_fail(&r->memory, MEMORY_NEVER, false);
    assert_int_equal(drop(r->f, "x"), BERTHI_FIELDS_OK);
    memory_fail(&r->memory, 0, false);
    assert_int_equal(append(r->f, "x", ""), BERTHI_FIELDS_NO_MEMORY);
    memory_fail(&r->memory, MEMORY_NEVER, false);
    assert_int_equal(r->f->bytes, 0);
}

/* Each of them is bounded, and there may be thousands. */
static void what_the_host_keeps_for_an_instance_is_bounded(void **state)
{
    enum { MANY = 1200 }; /* lists of 60 KiB: more than all may have */
    static char much[1 << 20];
    rig *r = *state;
    berthi_http_outgoing_body *bodies[8];
    berthi_http_fields *lists[MANY];
    berthi_http_fields_code of_field = BERTHI_FIELDS_OK;
    berthi_code code = BERTHI_CODE_OK;
    unsigned count = 0, n = 0;

    memset(much, 'x', sizeof much);
    for (; count < 8 && code == BERTHI_CODE_OK; count++) {
        bodies[count] = berthi_object_make(r->services, &berthi_http_outgoing_body_class);
        assert_non_null(bodies[count]);
        for (int i = 0; i < 16 && code == BERTHI_CODE_OK; i++)
            code = berthi_http_outgoing_body_add(bodies[count], much, sizeof much);
    }
    assert_int_equal(code, BERTHI_CODE_NO_MEMORY);
    assert_int_equal(count, 5);
    assert_int_equal(append(r->f, "x", ""), BERTHI_FIELDS_FULL);
    assert_int_equal(berthi_http_outgoing_body_add(bodies[0], much, 1),
                     BERTHI_CODE_FILE_TOO_LARGE);
    while (count > 0)
        berthi_object_unref(bodies[--count]);
    assert_int_equal(r->services->held, 0);
    while (n < MANY && of_field == BERTHI_FIELDS_OK) {
        lists[n] = berthi_http_fields_make(r->services);
        assert_non_null(lists[n]);
        of_field = berthi_http_fields_append(lists[n++], "x", 1, much, 60 << 10);
    }
    assert_int_equal(of_field, BERTHI_FIELDS_FULL);
    assert_null(berthi_http_fields_copy(lists[0]));
    while (n > 0)
        berthi_object_unref(lists[--n]);
    assert_int_equal(r->services->held, 0);
}

static void a_response_is_not_read_once_its_grants_are_revoked(void **state)
{
    rig *r = *state;
    berthi_http_exchange *e = berthi_object_make(r->services, &berthi_http_exchange_class);
    berthi_input *in;
    char text[8];
    size_t size = sizeof text;

    assert_non_null(e);
    assert_int_equal(berthi_transfer_make("GET", "http://127.0.0.1:1/", "127.0.0.1", r->grants,
                                          &e->transfer),
                     BERTHI_HTTP_OK);
    in = berthi_http_body_input(e);
    assert_non_null(in);
    assert_int_equal(in->ops->read(in, text, &size), BERTHI_CODE_CLOSED);
    berth_grants_revoke(r->grants);
    assert_int_equal(in->ops->read(in, text, &size), BERTHI_CODE_ACCESS);
    berthi_object_unref(in);
    berthi_object_unref(e);
}

static void a_name_may_not_come_to_its_neighbours(void **state)
{
    static const uint8_t private[] = { 169, 254, 169, 254 }, public[] = { 93, 184, 216, 34 },
                         here[] = { 127, 0, 0, 1 }, there[] = { 127, 0, 0, 2 };
    rig *r = *state;

#define COMES_TO(address, host)                                                                \
    berthi_grants_http_address(r->grants, "GET", 3, address, 4, host, strlen(host), 443)
    assert_true(COMES_TO(public, "a.example"));
    assert_false(COMES_TO(private, "a.example"));
    assert_false(COMES_TO(here, "a.example"));
    assert_true(COMES_TO(here, "127.0.0.1"));
    assert_false(COMES_TO(there, "127.0.0.1"));
    berth_grants_revoke(r->grants);
    assert_false(COMES_TO(public, "a.example"));
}

static void transfers_are_counted_and_bounded(void **state)
{
    rig *r = *state;
    berthi_transfer *some[BERTHI_TRANSFERS_MAX], *one;
    uint64_t until = berthi_clock_ns() + 60ull * 1000000000u;

    while (berthi_transfers_living() > 0 && berthi_clock_ns() < until)
        berthi_thread_yield();
    for (int i = 0; i < BERTHI_TRANSFERS_MAX; i++)
        assert_int_equal(berthi_transfer_make("GET", "http://127.0.0.1:1/", "127.0.0.1",
                                              r->grants, &some[i]),
                         BERTHI_HTTP_OK);
    assert_int_equal(
        berthi_transfer_make("GET", "http://127.0.0.1:1/", "127.0.0.1", r->grants, &one),
        BERTHI_HTTP_LIMIT);
    for (int i = 0; i < BERTHI_TRANSFERS_MAX; i++)
        berthi_transfer_drop(some[i]);
    assert_int_equal(berthi_transfers_living(), 0);
#ifdef BERTH_FAULTS
    os_faults_begin(0, false, EAGAIN);
    os_faults_only("eventfd");
    assert_int_equal(
        berthi_transfer_make("GET", "http://127.0.0.1:1/", "127.0.0.1", r->grants, &one),
        BERTHI_HTTP_NO_MEMORY);
    os_faults_begin(0, false, EAGAIN);
    os_faults_only("pthread_create");
    assert_int_equal(
        berthi_transfer_make("GET", "http://127.0.0.1:1/", "127.0.0.1", r->grants, &one),
        BERTHI_HTTP_OK);
    assert_int_equal(berthi_transfer_start(one), BERTHI_HTTP_NO_MEMORY);
    berthi_transfer_drop(one);
    os_faults_end();
    assert_int_equal(berthi_transfers_living(), 0);
#endif
}

/* Takes one connection and answers it. */
static void *answer_once(void *arg)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    const int *listener = arg;
    int fd = accept4(*listener, NULL, NULL, SOCK_CLOEXEC);
    char request[1024];

    if (fd >= 0) {
        (void)!recv(fd, request, sizeof request, 0);
        (void)send(fd, answer, sizeof answer - 1, MSG_NOSIGNAL);
        (void)close(fd);
    }
    return NULL;
}

/* At one address of this machine alone, at that port (0: any).  -1: it is not there. */
static int listen_at(int family, uint16_t port, int backlog, uint16_t *port_out)
{
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in6 six = { .sin6_family = AF_INET6,
                                .sin6_port = htons(port),
                                .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    struct sockaddr_in four = { .sin_family = AF_INET,
                                .sin_port = htons(port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    void *at = family == AF_INET ? (void *)&four : (void *)&six;
    socklen_t size = family == AF_INET ? sizeof four : sizeof six;

    if (fd >= 0 && (bind(fd, at, size) != 0 || listen(fd, backlog) != 0 ||
                    getsockname(fd, at, &size) != 0)) {
        (void)close(fd);
        fd = -1;
    }
    *port_out = ntohs(family == AF_INET ? four.sin_port : six.sin6_port);
    return fd;
}

/* Of a name that, where there is IPv6, has two addresses, of which `may` may be come to. */
static berthi_http_code ask(rig *r, const char *may, unsigned port, uint64_t connect_ns,
                            uint16_t *status_out)
{
    berthi_transfer *t;
    berthi_http_code code;
    char url[64];

    snprintf(url, sizeof url, "http://localhost:%u/", port);
    assert_int_equal(berthi_transfer_make("GET", url, may, r->grants, &t), BERTHI_HTTP_OK);
    berthi_transfer_timeouts(t, connect_ns, 0, 0);
    assert_int_equal(berthi_transfer_start(t), BERTHI_HTTP_OK);
    while (!berthi_transfer_is_done(t))
        berthi_thread_yield();
    code = berthi_transfer_code(t);
    *status_out = berthi_transfer_status(t);
    berthi_transfer_drop(t);
    return code;
}

static void settle(void)
{
    while (berthi_transfers_living() > 0) /* the thread has its reference still */
        berthi_thread_yield();
}

/* Whichever of the two comes first; where there is no IPv6 it has one only. */
static void one_address_that_may_not_be_come_to_spoils_no_other(void **state)
{
    static const struct {
        int family;
        const char *host;
    } ways[] = { { AF_INET, "127.0.0.1" }, { AF_INET6, "[::1]" } };
    rig *r = *state;
    berthi_http_code code;
    berthi_thread thread;
    uint16_t status, port;

    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        int listener = listen_at(ways[i].family, 0, 1, &port);

        if (listener < 0 && ways[i].family == AF_INET6)
            continue;
        assert_int_equal(
            berthi_thread_start(&thread, "answer", 256 * 1024, answer_once, &listener), 0);
        code = ask(r, ways[i].host, port, 0, &status);
        (void)shutdown(listener, SHUT_RDWR);
        berthi_thread_join(&thread);
        assert_int_equal(code, BERTHI_HTTP_OK);
        assert_int_equal(status, 200);
        assert_int_equal(ask(r, "a.example", port, 0, &status),
                         BERTHI_HTTP_PROHIBITED); /* none may be */
        (void)close(listener);
    }
    settle();
}

/* Nobody accepts, and there is no room to wait in. */
static void a_short_time_to_connect_is_not_taken_for_none(void **state)
{
    enum { FILL = 64 };
    rig *r = *state;
    uint16_t status, port;
    int listener = listen_at(AF_INET, 0, 0, &port), fds[FILL];
    struct sockaddr_in at = { .sin_family = AF_INET,
                              .sin_port = htons(port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

    for (int i = 0; i < FILL; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        assert_true(fds[i] >= 0);
        (void)!connect(fds[i], (const struct sockaddr *)&at, sizeof at);
    }
    assert_int_equal(ask(r, "127.0.0.1", port, 1, &status), BERTHI_HTTP_CONNECT_TIMEOUT);
    for (int i = 0; i < FILL; i++)
        (void)close(fds[i]);
    (void)close(listener);
    settle();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(fields_keep_their_order_and_are_found_in_any_case),
        TEST(nothing_in_a_field_ends_its_line),
        TEST(fields_are_bounded),
        TEST(what_the_host_keeps_for_an_instance_is_bounded),
        TEST(a_response_is_not_read_once_its_grants_are_revoked),
        TEST(a_name_may_not_come_to_its_neighbours),
        TEST(transfers_are_counted_and_bounded),
        TEST(one_address_that_may_not_be_come_to_spoils_no_other),
        TEST(a_short_time_to_connect_is_not_taken_for_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
