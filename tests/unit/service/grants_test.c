/* grants_test.c - grants as they are written, and what they match. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "os/wait.h"
#include "service/grant/grants.h"
#include "service/grant/pattern.h"

static berth_grants *make(const char *const *lines)
{
    berth_grants_options options = BERTH_GRANTS_OPTIONS_INIT;
    berth_grants *g = NULL;
    berth_diag diag;

    options.grants = lines;
    while (lines[options.grants_count] != NULL)
        options.grants_count++;
    if (berth_grants_create(NULL, &options, &g, &diag) != BERTH_OK)
        fail_msg("%s", diag.text);
    return g;
}

#define GRANTS(...) make((const char *const[]){ __VA_ARGS__, NULL })

/* ---------------------------------------------------------------- paths */

typedef struct path_row {
    const char *pattern, *path;
    bool granted;
} path_row;

static const path_row paths[] = {
    { "/app/data/*", "/app/data/x", true },
    { "/app/data/*", "/app/data/a/b", false },
    { "/app/data/*", "/app/data", false },
    { "/app/data/*", "/app/data/../../etc/passwd", false },
    { "/app/data/*", "/app/data/./x", false },
    { "/app/data/*", "/app/data//x", false },
    { "/app/data/*", "/app//data/x", false },
    { "/app/data/*", "/app/data/x/", false },
    { "/app/data/*", "app/data/x", false },
    { "/app/data/*", "", false },
    { "/app/data/**", "/app/data/a/b/c", true },
    { "/app/data/**", "/app/data", true },
    { "/app/data/**", "/app/database", false },
    { "/app/data/**", "/app/data/..", false },
    { "/app/data/**", "/app/data/\xff", false },
    { "/**", "/", true },
    { "/**", "/x", true },
    { "/a/**/z", "/a/z", true },
    { "/a/**/z", "/a/b/c/z", true },
    { "/a/**/z", "/a/b/c", false },
    { "/a/**/b/**/c", "/a/x/b/y/b/c", true },
    { "/a/**/b/**/c", "/a/x/y/c", false },
    { "/l/?.log", "/l/a.log", true },
    { "/l/?.log", "/l/\xc3\xa9.log", true },
    { "/l/?.log", "/l/ab.log", false },
    { "/l/[abx-z]", "/l/y", true },
    { "/l/[abx-z]", "/l/c", false },
    { "/l/*-*.log", "/l/a-b-c.log", true },
    { "/l/*-*.log", "/l/ab.log", false },
    { "/l/a*a*a*a*a*a*a*a*b", "/l/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false },
    { "/l/...", "/l/...", true },
};

static void paths_match_their_patterns_and_lead_nowhere_else(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        char line[128];
        berth_grants *g;
        const char *path = paths[i].path;

        snprintf(line, sizeof line, "fs:read:%s", paths[i].pattern);
        g = GRANTS(line);
        if (berthi_grants_path(g, BERTHI_RIGHT_FS_READ, path, strlen(path)) != paths[i].granted)
            fail_msg("%s against %s", line, path);
        assert_false(berthi_grants_path(g, BERTHI_RIGHT_FS_WRITE, path, strlen(path)));
        berth_grants_destroy(g);
    }
}

static void a_path_with_a_nul_is_granted_to_nobody(void **state)
{
    berth_grants *g = GRANTS("fs:read:/**");
    static char big[BERTHI_PATTERN_MAX + 2];

    (void)state;
    assert_false(berthi_grants_path(g, BERTHI_RIGHT_FS_READ, "/a\0b", 4));
    memset(big, 'a', sizeof big);
    big[0] = '/';
    assert_true(berthi_grants_path(g, BERTHI_RIGHT_FS_READ, big, BERTHI_PATTERN_MAX));
    assert_false(berthi_grants_path(g, BERTHI_RIGHT_FS_READ, big, BERTHI_PATTERN_MAX + 1));
    berth_grants_destroy(g);
}

static void folders_on_the_way_to_a_grant_may_be_walked_through(void **state)
{
    berth_grants *g = GRANTS("fs:read:/a/b/*/d");
    static const path_row ways[] = {
        { NULL, "/", true },      { NULL, "/a", true },        { NULL, "/a/b", true },
        { NULL, "/a/b/c", true }, { NULL, "/a/b/c/d", true },  { NULL, "/a/x", false },
        { NULL, "/b", false },    { NULL, "/a/b/c/e", false }, { NULL, "/a/b/c/d/e", false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
        if (berthi_grants_below(g, BERTHI_RIGHT_FS_READ, ways[i].path, strlen(ways[i].path)) !=
            ways[i].granted)
            fail_msg("%s", ways[i].path);
    berth_grants_destroy(g);
}

static void folders_are_those_in_front_of_wildcards(void **state)
{
    berth_grants *g = GRANTS("fs:read:/data/in/**", "fs:write:/data/in/out/*.txt",
                             "fs:read:/etc/hosts", "fs:read:/far/x/**", "fs:mount:/far=/srv/f",
                             "fs:mount:/data/in/deep=/mnt", "fs:mount:/elsewhere=/nobody");
    static const char *const expected[][2] = {
        { "/etc", "/etc" },
        { "/far/x", "/srv/f/x" },
        { "/data/in", "/data/in" },
        { "/data/in/deep", "/mnt" },
    };
    const berthi_grant_folder *folders;
    uint32_t count;

    (void)state;
    folders = berthi_grants_folders(g, &count);
    assert_int_equal(count, 4);
    for (uint32_t i = 0; i < count; i++) {
        assert_string_equal(folders[i].guest, expected[i][0]);
        assert_string_equal(folders[i].host, expected[i][1]);
    }
    berth_grants_destroy(g);
}

/* ---------------------------------------------------------------- hosts */

typedef struct host_row {
    const char *grant, *host;
    uint16_t port;
    bool granted;
} host_row;

static const host_row hosts[] = {
    { "*.example.com:443", "a.example.com", 443, true },
    { "*.example.com:443", "a.b.example.com", 443, true },
    { "*.example.com:443", "A.B.Example.COM.", 443, true },
    { "*.example.com:443", "example.com", 443, false },
    { "*.example.com:443", ".example.com", 443, false },
    { "*.example.com:443", "evilexample.com", 443, false },
    { "*.example.com:443", "example.com.evil.org", 443, false },
    { "*.example.com:443", "a.example.com", 80, false },
    { "db:5432", "DB", 5432, true },
    { "db:5432-5440", "db", 5440, true },
    { "db:5432-5440", "db", 5441, false },
    { "db:*", "db", 1, true },
    { "db:*", "d b", 1, false },
    { "db:*", "", 1, false },
    { "*:80", "anything.org", 80, true },
    { "*:80", "8.8.8.8", 80, true },
    { "*:80", "10.1.2.3", 80, false },
    { "*:80", "::1", 80, false },
    { "*:80", "::ffff:127.0.0.1", 80, false },
    { "*:80", "64:ff9b::a00:1", 80, false },
    { "*:80", "64:ff9b:1::808:808", 80, false },
    { "*:80", "::ffff:0:10.0.0.1", 80, false },
    { "*:80", "0.0.0.0", 80, false },
    { "*:80", "2606:4700::1111", 80, true },
    { "10.0.0.0/8:*", "10.9.9.9", 7, true },
    { "10.0.0.0/8:*", "11.0.0.0", 7, false },
    { "127.0.0.1:80", "127.0.0.1", 80, true },
    { "127.0.0.1:80", "127.0.0.2", 80, false },
    { "[::1]:80", "::1", 80, true },
    { "[::1]:80", "0:0:0:0:0:0:0:1", 80, true },
    { "[fc00::]/7:80", "fd12::1", 80, true },
    { "[fe80::1]:80", "fe80::2", 80, false },
};

static void hosts_match_by_whole_labels_and_addresses_by_their_bits(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        berth_grants_options options = BERTH_GRANTS_OPTIONS_INIT;
        berth_grants *g = NULL;
        char line[128];
        const char *lines = line;

        snprintf(line, sizeof line, "net:connect:%s", hosts[i].grant);
        options.grants = &lines;
        options.grants_count = 1;
        if (berth_grants_create(NULL, &options, &g, NULL) != BERTH_OK) {
            assert_false(hosts[i].granted);
            continue;
        }
        if (berthi_grants_host(g, BERTHI_RIGHT_NET_CONNECT, hosts[i].host,
                               strlen(hosts[i].host), hosts[i].port) != hosts[i].granted)
            fail_msg("%s against %s:%u", line, hosts[i].host, hosts[i].port);
        berth_grants_destroy(g);
    }
}

static void a_name_that_leads_home_is_refused_unless_that_is_granted(void **state)
{
    static const uint8_t home[4] = { 192, 168, 1, 1 }, loop[4] = { 127, 0, 0, 1 },
                         far[4] = { 8, 8, 8, 8 };
    berth_grants *plain = GRANTS("net:connect:api.org:443"),
                 *wide = GRANTS("net:connect:api.org:443", "net:private"),
                 *local = GRANTS("net:connect:localhost:443", "net:listen"),
                 *exact = GRANTS("net:connect:api.org:443", "net:connect:192.168.1.1:443");

    (void)state;
#define ASK(g, address, name)                                                                  \
    berthi_grants_address(g, BERTHI_RIGHT_NET_CONNECT, address, 4, 443, name, strlen(name))
    assert_true(ASK(plain, far, "api.org"));
    assert_false(ASK(plain, far, "other.org"));
    assert_false(ASK(plain, home, "api.org"));
    assert_true(ASK(wide, home, "api.org"));
    assert_false(ASK(wide, home, "other.org"));
    assert_true(ASK(exact, home, "api.org"));
    assert_true(ASK(local, loop, "localhost"));
    assert_false(ASK(local, home, "localhost"));
    assert_true(berthi_grants_lookup(plain, "API.org", 7));
    assert_false(berthi_grants_lookup(plain, "api.com", 7));
    assert_true(berthi_grants_address(local, BERTHI_RIGHT_NET_LISTEN, loop, 4, 1, NULL, 0));
    assert_false(berthi_grants_address(plain, BERTHI_RIGHT_NET_LISTEN, loop, 4, 1, NULL, 0));
    berth_grants_destroy(plain);
    berth_grants_destroy(wide);
    berth_grants_destroy(local);
    berth_grants_destroy(exact);
}

static void everybody_is_not_this_machine_whatever_it_is_called(void **state)
{
    static const uint8_t loop[4] = { 127, 0, 0, 1 };
    berth_grants *any = GRANTS("net:connect:*:443", "http:get:*"),
                 *wide = GRANTS("net:connect:*:443", "http:get:*", "net:private"),
                 *local = GRANTS("http:get:localhost");

    (void)state;
#define HTTP_AT(g, address, size, host)                                                        \
    berthi_grants_http_address(g, "GET", 3, address, size, host, strlen(host), 443)
    assert_false(ASK(any, loop, "localhost"));
    assert_false(berthi_grants_resolved(any, loop, 4, "localhost", 9));
    assert_false(HTTP_AT(any, loop, 4, "localhost"));
    assert_true(ASK(wide, loop, "localhost"));
    assert_true(berthi_grants_resolved(wide, loop, 4, "localhost", 9));
    assert_true(HTTP_AT(wide, loop, 4, "localhost"));
    assert_true(HTTP_AT(local, loop, 4, "LOCALHOST."));
    berth_grants_destroy(any);
    berth_grants_destroy(wide);
    berth_grants_destroy(local);
}

static void a_denied_address_is_denied_by_every_name(void **state)
{
    static const uint8_t bad[4] = { 203, 0, 113, 9 }, good[4] = { 8, 8, 8, 8 },
                         mapped[16] = { [10] = 0xff, 0xff, 203, 0, 113, 9 };
    berth_grants *g = GRANTS("http:*:*", "deny:http:*:203.0.113.0/24"),
                 *six = GRANTS("http:*:*", "deny:http:get:[::ffff:203.0.113.0]/120");

    (void)state;
    assert_true(HTTP_AT(g, good, 4, "a.org"));
    assert_false(HTTP_AT(g, bad, 4, "a.org"));
    assert_false(HTTP_AT(g, mapped, 16, "a.org"));
    assert_false(HTTP_AT(g, mapped, 16, "::ffff:203.0.113.9"));
    assert_false(berthi_grants_http(g, "GET", 3, "::ffff:203.0.113.9", 18, 443));
    assert_false(berthi_grants_http(g, "GET", 3, "203.0.113.9", 11, 443));
    assert_true(berthi_grants_http(g, "GET", 3, "::ffff:8.8.8.8", 14, 443));
    assert_false(HTTP_AT(six, bad, 4, "a.org"));
    assert_true(berthi_grants_http_address(six, "PUT", 3, bad, 4, "a.org", 5, 443));
    berth_grants_destroy(g);
    berth_grants_destroy(six);
}

static void a_denied_port_leaves_names_to_be_looked_up_for_the_others(void **state)
{
    static const uint8_t far[4] = { 8, 8, 8, 8 };
    berth_grants *g = GRANTS("net:connect:*:*", "deny:net:connect:*:25"),
                 *none = GRANTS("net:connect:a.org:25-26", "deny:net:connect:*.org:20-30",
                                "deny:net:connect:a.org:1-26"),
                 *all = GRANTS("net:connect:*:*", "deny:net:connect:*:1-65535");

    (void)state;
    assert_true(berthi_grants_lookup(g, "a.org", 5));
    assert_true(berthi_grants_resolved(g, far, 4, "a.org", 5));
    assert_false(berthi_grants_host(g, BERTHI_RIGHT_NET_CONNECT, "a.org", 5, 25));
    assert_false(berthi_grants_lookup(none, "a.org", 5));
    assert_false(berthi_grants_lookup(all, "a.org", 5));
    berth_grants_destroy(g);
    berth_grants_destroy(none);
    berth_grants_destroy(all);
}

static void requests_are_granted_by_method_and_host(void **state)
{
    berth_grants *g = GRANTS("http:get:api.org", "http:*:*.dev.org:8080", "deny:http:put:*");

    (void)state;
#define HTTP(method, host, port)                                                               \
    berthi_grants_http(g, method, strlen(method), host, strlen(host), port)
    assert_true(HTTP("GET", "api.org", 443));
    assert_true(HTTP("get", "API.org", 80));
    assert_false(HTTP("GET", "api.org", 8080));
    assert_false(HTTP("POST", "api.org", 443));
    assert_true(HTTP("POST", "a.dev.org", 8080));
    assert_true(HTTP("PUT", "a.dev.org", 8080)); /* the denial is of the usual ports */
    assert_false(HTTP("GET", "dev.org", 8080));
    berth_grants_destroy(g);
}

/* ---------------------------------------------------------------- lines */

static void what_cannot_be_read_is_refused_with_the_line(void **state)
{
    static const char *const lines[][2] = {
        { "fs:read:data", "begins with /" },
        { "fs:read:/a/../b", "no `..`" },
        { "fs:read:/a/", "does not end with /" },
        { "fs:read:/a/x**", "`**` stands alone" },
        { "fs:read:/a/[b", "no `]`" },
        { "fs:read", "begins with /" },
        { "fs:execute:/a", "there are fs:read" },
        { "fs:mount:/a", "follow, as in" },
        { "fs:mount:a=/b", "follow, as in" },
        { "deny:fs:mount:/a=/b", "no right" },
        { "net:connect:host", "a port is missing" },
        { "net:connect", "a host and a port follow" },
        { "net:connect:host:0", "a port is a number" },
        { "net:connect:host:65536", "a port is a number" },
        { "net:connect:host:9-8", "a port is a number" },
        { "net:connect:a*b:80", "a host is" },
        { "net:connect:a..b:80", "a host is" },
        { "net:connect:10.0.0.0/33:80", "a host is" },
        { "net:private:x", "nothing follows" },
        { "http:GET:host", "small letters" },
        { "http:get", "a method and a host" },
        { "env:", "the name of a variable" },
        { "env:=x", "the name of a variable" },
        { "deny:env:A=B", "by its name" },
        { "clock:wal", "nothing follows" },
        { "clock:", NULL },
        { "random:x", "nothing follows" },
        { "", "there are" },
        { "deny:", "there are" },
        { "env:\xff", "not UTF-8" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        berth_grants_options options = BERTH_GRANTS_OPTIONS_INIT;
        berth_grants *g = NULL;
        berth_diag diag = { .text = "" };
        berth_status status;

        options.grants = &lines[i][0];
        options.grants_count = 1;
        status = berth_grants_create(NULL, &options, &g, &diag);
        if (lines[i][1] == NULL) {
            assert_int_equal(status, BERTH_OK);
            berth_grants_destroy(g);
            continue;
        }
        assert_int_equal(status, BERTH_E_INVALID);
        if (strstr(diag.text, lines[i][1]) == NULL)
            fail_msg("%s: %s", lines[i][0], diag.text);
    }
}

static void a_denial_beats_what_grants_the_same(void **state)
{
    berth_grants *g = GRANTS("deny:fs:read:/data/secret/**", "fs:read:/data/**", "clock",
                             "deny:clock:wall", "net:connect:*:*",
                             "deny:net:connect:*.evil.org:*", "deny:net:connect:8.8.8.8:*");

    (void)state;
    assert_true(berthi_grants_path(g, BERTHI_RIGHT_FS_READ, "/data/x", 7));
    assert_false(berthi_grants_path(g, BERTHI_RIGHT_FS_READ, "/data/secret/x", 14));
    assert_false(berthi_grants_path(g, BERTHI_RIGHT_FS_READ, "/data/secret", 12));
    assert_true(berthi_grants_has(g, BERTHI_RIGHT_CLOCK_MONOTONIC));
    assert_false(berthi_grants_has(g, BERTHI_RIGHT_CLOCK_WALL));
    assert_true(berthi_grants_denies(g, BERTHI_RIGHT_CLOCK_WALL));
    assert_true(berthi_grants_host(g, BERTHI_RIGHT_NET_CONNECT, "good.org", 8, 1));
    assert_false(berthi_grants_host(g, BERTHI_RIGHT_NET_CONNECT, "x.evil.org", 10, 1));
    assert_false(berthi_grants_host(g, BERTHI_RIGHT_NET_CONNECT, "8.8.8.8", 7, 1));
    assert_true(berthi_grants_host(g, BERTHI_RIGHT_NET_CONNECT, "8.8.4.4", 7, 1));
    berth_grants_destroy(g);
}

static void nothing_is_granted_by_no_grants(void **state)
{
    berth_grants *empty = make((const char *const[]){ NULL });
    const berth_grants *none[] = { NULL, empty };

    (void)state;
    for (int i = 0; i < 2; i++) {
        for (int right = 0; right < BERTHI_RIGHTS; right++)
            assert_false(berthi_grants_has(none[i], (berthi_right)right));
        assert_false(berthi_grants_path(none[i], BERTHI_RIGHT_FS_READ, "/", 1));
        assert_false(berthi_grants_host(none[i], BERTHI_RIGHT_NET_CONNECT, "a", 1, 1));
        assert_false(berthi_grants_http(none[i], "GET", 3, "a", 1, 80));
    }
    berth_grants_destroy(empty);
}

static void what_is_revoked_is_revoked_for_all(void **state)
{
    berth_grants *g = GRANTS("fs:read:/**", "clock", "net:connect:*:*", "env:A=b");
    const berth_grants *other = berthi_grants_ref(g);
    uint32_t variables;
    berth_diag diag;

    (void)state;
    assert_int_equal(berth_grants_check(g, "env:A", &diag), BERTH_OK);
    assert_int_equal(berth_grants_check(g, "fs:read:/a", &diag), BERTH_OK);
    berth_grants_revoke(g);
    berth_grants_revoke(g);
    assert_true(berthi_grants_are_revoked(other));
    assert_false(berthi_grants_has(other, BERTHI_RIGHT_CLOCK_WALL));
    assert_false(berthi_grants_has(other, BERTHI_RIGHT_FS_READ));
    assert_false(berthi_grants_path(other, BERTHI_RIGHT_FS_READ, "/a", 2));
    assert_false(berthi_grants_below(other, BERTHI_RIGHT_FS_READ, "/a", 2));
    assert_int_equal(berth_grants_check(g, "fs:read:/a", &diag), BERTH_E_REJECTED);
    assert_non_null(strstr(diag.text, "revoked"));
    assert_int_equal(berth_grants_check(g, "env:A", &diag), BERTH_E_REJECTED);
    (void)berthi_grants_environment(g, &variables);
    assert_int_equal(variables, 0);
    berth_grants_destroy(g);
    berthi_grants_unref(other);
}

static void lines_ask_as_they_grant(void **state)
{
    berth_grants *g = GRANTS("fs:read:/data/**", "net:connect:db:5432", "net:connect:[::1]:1",
                             "http:get:a.org", "env:A=1", "stdio:out", "http:get:9.9.9.9");
    static const struct {
        const char *line;
        berth_status status;
    } rows[] = {
        { "fs:read:/data/x", BERTH_OK },        { "fs:write:/data/x", BERTH_E_REJECTED },
        { "net:connect:db:5432", BERTH_OK },    { "net:connect:db:1", BERTH_E_REJECTED },
        { "net:connect:[::1]:1", BERTH_OK },    { "net:connect:*:1", BERTH_E_INVALID },
        { "http:get:a.org", BERTH_OK },         { "http:get:9.9.9.9:80", BERTH_OK },
        { "http:put:a.org", BERTH_E_REJECTED }, { "env:A", BERTH_OK },
        { "env:B", BERTH_E_REJECTED },          { "stdio:out", BERTH_OK },
        { "stdio", BERTH_E_REJECTED },          { "nonsense", BERTH_E_INVALID },
        { "fs:mount:/a", BERTH_E_INVALID },
    };
    berth_diag diag;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (berth_grants_check(g, rows[i].line, &diag) != rows[i].status)
            fail_msg("%s", rows[i].line);
    berth_grants_destroy(g);
}

static void addresses_are_read_strictly(void **state)
{
    static const char *const good[] = { "1.2.3.4",
                                        "0.0.0.0",
                                        "::",
                                        "::1",
                                        "1::",
                                        "1:2:3:4:5:6:7:8",
                                        "[::1]",
                                        "::ffff:1.2.3.4",
                                        "1:2:3:4:5:6:1.2.3.4",
                                        "FE80::a",
                                        "1:2:3:4:5:6:7::" };
    static const char *const bad[] = { "",
                                       "1.2.3",
                                       "1.2.3.4.5",
                                       "01.2.3.4",
                                       "256.1.1.1",
                                       "1.2.3.",
                                       ":",
                                       ":::",
                                       "1::2::3",
                                       "12345::",
                                       "1:2:3:4:5:6:7",
                                       "[::1",
                                       "1:",
                                       "1:2:3:4:5:6:7:8:9",
                                       "::1.2.3",
                                       "g::",
                                       "1:2:3:4:5:6:7:1.2.3.4" };
    uint8_t address[16];

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        if (berthi_address_read(good[i], strlen(good[i]), address) == 0)
            fail_msg("%s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (berthi_address_read(bad[i], strlen(bad[i]), address) != 0)
            fail_msg("%s", bad[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_match_their_patterns_and_lead_nowhere_else),
        cmocka_unit_test(a_path_with_a_nul_is_granted_to_nobody),
        cmocka_unit_test(folders_on_the_way_to_a_grant_may_be_walked_through),
        cmocka_unit_test(folders_are_those_in_front_of_wildcards),
        cmocka_unit_test(hosts_match_by_whole_labels_and_addresses_by_their_bits),
        cmocka_unit_test(a_name_that_leads_home_is_refused_unless_that_is_granted),
        cmocka_unit_test(everybody_is_not_this_machine_whatever_it_is_called),
        cmocka_unit_test(a_denied_address_is_denied_by_every_name),
        cmocka_unit_test(a_denied_port_leaves_names_to_be_looked_up_for_the_others),
        cmocka_unit_test(requests_are_granted_by_method_and_host),
        cmocka_unit_test(what_cannot_be_read_is_refused_with_the_line),
        cmocka_unit_test(a_denial_beats_what_grants_the_same),
        cmocka_unit_test(nothing_is_granted_by_no_grants),
        cmocka_unit_test(what_is_revoked_is_revoked_for_all),
        cmocka_unit_test(lines_ask_as_they_grant),
        cmocka_unit_test(addresses_are_read_strictly),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
