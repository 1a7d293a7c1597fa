/* wasi_files_test.c - a component with files and sockets: what it gets by its grants, with which answers,
 * and what it cannot do to anybody.  Public headers only. */
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "process.h"
#include "wasi_rig.h"

/* Numbers of wasi:filesystem's error-code, and of wasi:sockets'. */
#define FS_ACCESS      "error 0"
#define FS_BAD         "error 3"
#define FS_EXIST       "error 7"
#define FS_INVALID     "error 12"
#define FS_IS_DIR      "error 14"
#define FS_LOOP        "error 15"
#define FS_NAME_LONG   "error 18"
#define FS_NO_ENTRY    "error 20"
#define FS_NO_MEMORY   "error 22"
#define FS_NOT_DIR     "error 24"
#define FS_NOT_EMPTY   "error 25"
#define FS_UNSUPPORTED "error 27"
#define FS_PERMITTED   "error 31"
#define NET_DENIED     "error 1"
#define NET_INVALID    "error 3"
#define NET_REFUSED    "error 14"

/* ---------------------------------------------------------------- files */

static void files_are_read_written_and_listed(void **state)
{
    wasi_rig t;

    wasi_rig_begin(&t, *state, "fs:read:/t/**", "fs:write:/t/**", NULL);
    wasi_rig_tell(&t, "\"dirs\"", "ok /t");
    wasi_rig_tell(&t, "\"open\", \"0\", \"a.txt\", \"r\", \"1\"", "ok");
    wasi_rig_tell(&t, "\"read\", \"1\", \"6\", \"0\"", "ok 6 inside");
    wasi_rig_tell(&t, "\"read\", \"1\", \"1000000000000\", \"7\"", "ok 10 the folder");
    wasi_rig_tell(&t, "\"read\", \"1\", \"5\", \"17\"", "ok 0 end ");
    wasi_rig_tell(&t, "\"read\", \"1\", \"5\", \"18446744073709551615\"", FS_INVALID);
    wasi_rig_tell(&t, "\"write\", \"1\", \"x\", \"0\"", FS_BAD);
    wasi_rig_tell(&t, "\"flags\", \"1\", \"1\"", "ok 1 6 1");
    wasi_rig_tell(&t, "\"flags\", \"0\", \"1\"", "ok 33 3 0");
    wasi_rig_tell(&t, "\"open\", \"0\", \"d/new\", \"rwc\", \"2\"", "ok");
    wasi_rig_tell(&t, "\"write\", \"2\", \"words\", \"3\"", "ok 5");
    wasi_rig_tell(&t, "\"append\", \"2\", \"!\"", "ok");
    wasi_rig_tell(&t, "\"size\", \"2\", \"9\"", "ok");
    wasi_rig_tell(&t, "\"stream\", \"2\", \"3\"", "ok 6 592");
    wasi_rig_tell(&t, "\"stat\", \"0\", \"d/new\", \"\"", "ok 6 9");
    wasi_rig_tell(&t, "\"stat\", \"0\", \"up\", \"\"", "ok 5 6");
    wasi_rig_tell(&t, "\"stat\", \"0\", \"up\", \"f\"", FS_PERMITTED);
    wasi_rig_tell(&t, "\"sync\", \"2\"", "ok");
    wasi_rig_tell(&t, "\"advise\", \"2\"", "ok");
    wasi_rig_tell(&t, "\"advise\", \"0\"", FS_BAD);
    wasi_rig_tell(&t, "\"list\", \"0\"", "ok 4 0");
    wasi_rig_tell(&t, "\"list\", \"1\"", FS_NOT_DIR);
    wasi_rig_tell(&t, "\"hash\", \"0\", \"a.txt\", \"a.txt\"", "ok same");
    wasi_rig_tell(&t, "\"hash\", \"0\", \"a.txt\", \"d/new\"", "ok other");
    wasi_rig_end(&t);
}

static void names_are_made_moved_and_refused(void **state)
{
    static const struct {
        const char *words, *answer;
    } rows[] = {
        { "\"mkdir\", \"0\", \"n\"", "ok" },
        { "\"mkdir\", \"0\", \"n\"", FS_EXIST },
        { "\"mkdir\", \"0\", \"../n\"", FS_PERMITTED },
        { "\"mkdir\", \"0\", \"/n\"", FS_PERMITTED },
        { "\"mkdir\", \"0\", \"n\\u{0}m\"", FS_INVALID },
        { "\"mkdir\", \"0\", \"\"", FS_NO_ENTRY },
        { "\"mkdir\", \"0\", \"a.txt/n\"", FS_NOT_DIR },
        { "\"rename\", \"0\", \"a.txt\", \"n/a\"", "ok" },
        { "\"rename\", \"0\", \"n/a\", \"../a\"", FS_PERMITTED },
        { "\"link\", \"0\", \"n/a\", \"n//.//b\"", "ok" },
        { "\"link\", \"0\", \"n/a\", \"n/b\"", FS_EXIST },
        { "\"link-of\", \"0\", \"n/a\", \"n/c\"", FS_INVALID },
        { "\"rmdir\", \"0\", \"n\"", FS_NOT_EMPTY },
        { "\"unlink\", \"0\", \"n\"", FS_IS_DIR },
        { "\"symlink\", \"0\", \"../../out\", \"n/out\"", "ok" },
        { "\"readlink\", \"0\", \"n/out\"", "ok ../../out" },
        { "\"open\", \"0\", \"n/out/b.txt\", \"r\", \"1\"", FS_PERMITTED },
        { "\"symlink\", \"0\", \"/etc\", \"n/etc\"", FS_PERMITTED },
        { "\"symlink\", \"0\", \"gone\", \"n/x\"", "ok" },
        { "\"open\", \"0\", \"n/x\", \"r\", \"1\"", FS_LOOP },
        { "\"open\", \"0\", \"n/x\", \"rf\", \"1\"", FS_NO_ENTRY },
        { "\"open\", \"0\", \"n/a\", \"rd\", \"1\"", FS_NOT_DIR },
        { "\"open\", \"0\", \"n/a\", \"rwcx\", \"1\"", FS_EXIST },
        { "\"open\", \"0\", \"n\", \"w\", \"1\"", FS_IS_DIR },
        { "\"open\", \"0\", \"pipe\", \"r\", \"1\"", FS_UNSUPPORTED },
        { "\"times\", \"0\", \"n/a\"", "ok" },
    };
    wasi_rig t;

    wasi_rig_begin(&t, *state, "fs:read:/t/**", "fs:write:/t/**", NULL);
    assert_int_equal(mkfifo(wasi_rig_in(&t, "in/pipe"), 0644), 0);
    wasi_rig_tell(&t, "\"dirs\"", "ok /t");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        wasi_rig_tell(&t, rows[i].words, rows[i].answer);
    {
        char words[600] = "\"mkdir\", \"0\", \"";
        size_t at = strlen(words);

        memset(words + at, 'n', 256); /* its guest takes no longer one */
        memcpy(words + at + 256, "\"", 2);
        wasi_rig_tell(&t, words, FS_NAME_LONG);
    }
    wasi_rig_end(&t);
}

static void what_is_not_granted_is_not_there(void **state)
{
    wasi_rig t;

    wasi_rig_begin(&t, *state, NULL, NULL);
    wasi_rig_tell(&t, "\"dirs\"", "ok");
    wasi_rig_tell(&t, "\"connect\", \"80\"", NET_DENIED);
    wasi_rig_tell(&t, "\"datagram\"", NET_DENIED);
    wasi_rig_tell(&t, "\"lookup\", \"localhost\"", NET_DENIED);
    wasi_rig_end(&t);
    wasi_rig_begin(&t, *state, "fs:read:/t/*.txt", NULL);
    wasi_rig_tell(&t, "\"dirs\"", "ok /t");
    wasi_rig_tell(&t, "\"open\", \"0\", \"a.txt\", \"r\", \"1\"", "ok");
    wasi_rig_tell(&t, "\"open\", \"0\", \"a.txt\", \"w\", \"1\"", FS_ACCESS);
    wasi_rig_tell(&t, "\"open\", \"0\", \"d/b.txt\", \"r\", \"1\"", FS_ACCESS);
    wasi_rig_tell(&t, "\"open\", \"0\", \"new.txt\", \"rwc\", \"1\"", FS_ACCESS);
    wasi_rig_tell(&t, "\"unlink\", \"0\", \"a.txt\"", FS_ACCESS);
    wasi_rig_tell(&t, "\"list\", \"0\"", FS_ACCESS);
    wasi_rig_end(&t);
}

/* What is behind the link changes all the time; a plugin sees one or gets an answer. */
static void *flip(void *arg)
{
    wasi_rig *t = arg;
    static const char *const targets[] = { "../out", "d" };
    char other[96], link[96];

    snprintf(other, sizeof other, "%s/in/other", t->base);
    snprintf(link, sizeof link, "%s/in/flip", t->base);
    for (unsigned i = 0; !atomic_load(&t->is_done); i++)
        if (symlink(targets[i % 2], other) != 0 || rename(other, link) != 0)
            abort();
    return NULL;
}

static void a_link_that_flips_leads_nowhere_else(void **state)
{
    unsigned opened, inside, refused, all_opened = 0, all_refused = 0, rounds = 0;
    pthread_t thread;
    wasi_rig t;

    wasi_rig_begin(&t, *state, "fs:read:/t/**", NULL);
    wasi_rig_tell(&t, "\"dirs\"", "ok /t");
    assert_int_equal(pthread_create(&thread, NULL, flip, &t), 0);
    while (rounds < 10000 || all_opened == 0 || all_refused == 0) {
        const char *answer =
            wasi_rig_told(&t, "\"race\", \"0\", \"flip/b.txt\", \"r\", \"500\"");

        assert_int_equal(sscanf(answer, "ok %u %u %u", &opened, &inside, &refused), 3);
        assert_int_equal(opened, inside);
        all_opened += opened;
        all_refused += refused;
        rounds += 500;
    }
    atomic_store(&t.is_done, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    printf("             %u rounds: %u opened, all inside; %u refused\n", rounds, all_opened,
           all_refused);
    wasi_rig_end(&t);
}

/* 100 000 between the engines of a release, where they take half a second. */
#if defined(NDEBUG) && !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
enum { CYCLES = 100000 };
#else
enum { CYCLES = 3000 };
#endif

static void descriptors_are_bounded_and_given_back(void **state)
{
    size_t descriptors = process_descriptors();
    size_t open_before;
    char wanted[64];
    unsigned opened;
    wasi_rig t;

    wasi_rig_begin(&t, *state, "fs:read:/t/**", NULL);
    open_before = process_descriptors();
    wasi_rig_tell(&t, "\"dirs\"", "ok /t");
    for (int i = 0; i < CYCLES / 1000; i++)
        wasi_rig_tell(&t, "\"churn\", \"0\", \"a.txt\", \"1000\"", "ok");
    assert_int_equal(process_descriptors(), open_before + 1); /* the folder */
    snprintf(wanted, sizeof wanted, "%s",
             wasi_rig_told(&t, "\"hoard\", \"0\", \"a.txt\", \"1000000\""));
    assert_int_equal(sscanf(wanted, FS_NO_MEMORY " %u", &opened), 1);
    assert_int_equal(opened, 255); /* 256 objects, one is the folder */
    assert_true(process_descriptors() >= descriptors + 255);
    wasi_rig_end(&t); /* the dead instance gives back what it had */
    assert_int_equal(process_descriptors(), descriptors);
}

static void a_folder_of_thousands_is_listed(void **state)
{
    char name[32];
    wasi_rig t;

    wasi_rig_begin(&t, *state, "fs:read:/t/**", NULL);
    for (unsigned i = 0; i < 3000; i++) {
        snprintf(name, sizeof name, "in/d/%u", i);
        assert_int_equal(symlink("x", wasi_rig_in(&t, name)), 0);
    }
    wasi_rig_put(&t, "in/d/\xff", "");
    wasi_rig_tell(&t, "\"dirs\"", "ok /t");
    wasi_rig_tell(&t, "\"open\", \"0\", \"d\", \"r\", \"1\"", "ok");
    wasi_rig_tell(&t, "\"list\", \"1\"", "ok 3001 1");
    wasi_rig_end(&t);
}

/* ---------------------------------------------------------------- sockets */

static int listen_here(struct sockaddr_in *at)
{
    socklen_t size = sizeof *at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    *at = (struct sockaddr_in){ .sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    if (fd >= 0 && bind(fd, (struct sockaddr *)at, sizeof *at) == 0 && listen(fd, 8) == 0 &&
        getsockname(fd, (struct sockaddr *)at, &size) == 0)
        return fd;
    printf("             skipped: this machine has no loopback\n");
    if (fd >= 0)
        (void)close(fd);
    return -1;
}

static void sockets_reach_whom_they_may(void **state)
{
    struct sockaddr_in at;
    int fd = listen_here(&at);
    char words[64];
    wasi_rig t;

    if (fd < 0)
        return;
    wasi_rig_begin(&t, *state, "net:connect:127.0.0.1:*", "net:listen:127.0.0.1:*",
                   "net:connect:localhost:*", NULL);
    wasi_rig_tell(&t, "\"datagram\"", "ok 16 1 hello");
    wasi_rig_tell(&t, "\"listen\", \"0\", \"\"", "ok 8"); /* nobody is there yet: would-block */
    wasi_rig_tell(&t, "\"lookup\", \"127.0.0.1\"", "ok 1");
    wasi_rig_tell(&t, "\"lookup\", \"a b\"", NET_INVALID);
    wasi_rig_tell(&t, "\"lookup\", \"other.example\"", NET_DENIED);
    (void)close(fd);
    snprintf(words, sizeof words, "\"connect\", \"%u\"", ntohs(at.sin_port));
    wasi_rig_tell(&t, words, NET_REFUSED);
    wasi_rig_end(&t);
}

/* A peer that connects and says nothing holds a call no longer than its deadline. */
static void a_peer_that_stalls_ends_the_call_at_its_deadline(void **state)
{
    struct sockaddr_in at;
    int fd = listen_here(&at);
    size_t descriptors = process_descriptors();
    uint64_t deadline_ns = 50 * MS;
    char words[64];
    wasi_rig t;

    if (fd < 0)
        return;
    wasi_rig_begin(&t, *state, "net:connect:127.0.0.1:*", "net:listen:127.0.0.1:*", NULL);
    snprintf(words, sizeof words, "\"connect\", \"%u\"", ntohs(at.sin_port));
    do
        assert_int_equal(wasi_rig_try(&t, deadline_ns, words), BERTH_E_DEADLINE);
    while (slot_rig_was_early(&t.r->diag, &deadline_ns));
    assert_int_equal(wasi_rig_try(&t, deadline_ns, "\"listen\", \"0\", \"wait\""),
                     BERTH_E_DEADLINE);
    wasi_rig_tell(&t, "\"lookup\", \"127.0.0.1\"", "ok 1"); /* in another instance */
    wasi_rig_end(&t);
    assert_int_equal(process_descriptors(), descriptors);
    (void)close(fd);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        slot_test(files_are_read_written_and_listed),
        slot_test(names_are_made_moved_and_refused),
        slot_test(what_is_not_granted_is_not_there),
        slot_test(a_link_that_flips_leads_nowhere_else),
        slot_test(descriptors_are_bounded_and_given_back),
        slot_test(a_folder_of_thousands_is_listed),
        slot_test(sockets_reach_whom_they_may),
        slot_test(a_peer_that_stalls_ends_the_call_at_its_deadline),
    };

    return slot_rig_run("files and sockets", tests, sizeof tests / sizeof *tests);
}
