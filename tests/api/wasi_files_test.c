/* wasi_files_test.c - a component with files and sockets: what it gets by its grants, with which answers,
 * and what it cannot do to anybody.  Public headers only. */
#include <ftw.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <berth/grant.h>
#include <berth/invoke.h>
#include <berth/wasi.h>

#include "guests.h"
#include "process.h"
#include "slot_rig.h"

enum { LINES_MAX = 12 };

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

typedef struct rig {
    slot_rig *r;
    berth_host *host;
    berth_slot *slot;
    char base[64];
    char answer[512];
    atomic_bool is_done;
} rig;

static const char *in(const rig *t, const char *path)
{
    static char text[160];

    snprintf(text, sizeof text, "%s/%s", t->base, path);
    return text;
}

static void put(const rig *t, const char *path, const char *words)
{
    FILE *file = fopen(in(t, path), "w");

    assert_non_null(file);
    assert_true(fputs(words, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static int remove_one(const char *path, const struct stat *at, int kind, struct FTW *walk)
{
    (void)at;
    (void)kind;
    (void)walk;
    return remove(path);
}

/* base/in is what plugins are given; base/out is not. */
static void make_tree(rig *t)
{
    snprintf(t->base, sizeof t->base, "/tmp/berth-wasi-XXXXXX");
    assert_non_null(mkdtemp(t->base));
    assert_int_equal(mkdir(in(t, "in"), 0755), 0);
    assert_int_equal(mkdir(in(t, "in/d"), 0755), 0);
    assert_int_equal(mkdir(in(t, "out"), 0755), 0);
    put(t, "in/a.txt", "inside the folder");
    put(t, "in/d/b.txt", "inside too");
    put(t, "out/b.txt", "outside of it");
    assert_int_equal(symlink("../out", in(t, "in/up")), 0);
    assert_int_equal(symlink("d", in(t, "in/flip")), 0);
}

static void begin(rig *t, slot_rig *r, const char *first, ...)
{
    berth_runtime_options options = BERTH_RUNTIME_OPTIONS_INIT;
    berth_slot_options opt = BERTH_SLOT_OPTIONS_INIT;
    berth_grants_options granted = BERTH_GRANTS_OPTIONS_INIT;
    const char *lines[LINES_MAX] = { "deny:clock:wall", "deny:clock:monotonic" };
    berth_grants *grants;
    char mount[96];
    uint8_t *bytes;
    size_t size;
    va_list rest;

    memset(t, 0, sizeof *t);
    t->r = r;
    make_tree(t);
    snprintf(mount, sizeof mount, "fs:mount:/t=%s/in", t->base);
    lines[2] = mount;
    granted.grants_count = 3;
    va_start(rest, first);
    for (const char *line = first; line != NULL; line = va_arg(rest, const char *))
        lines[granted.grants_count++] = line;
    va_end(rest);
    granted.grants = lines;
    granted.objects_max = 256;
    assert_int_equal(berth_host_create(&r->allocator, &t->host, &r->diag), BERTH_OK);
    assert_int_equal(berth_wasi_offer(t->host, &r->diag), BERTH_OK);
    options.host = t->host;
    options.instances_max = 16;
    slot_rig_restart(r, options);
    if (berth_grants_create(&r->allocator, &granted, &grants, &r->diag) != BERTH_OK)
        fail_msg("%s", r->diag.text);
    opt.grants = grants;
    t->slot = slot_rig_open(r, "slot", &opt);
    berth_grants_destroy(grants);
    bytes = guest_read("wasi/guest", &size);
    (void)slot_rig_install(r, t->slot, bytes, size);
}

static void end(rig *t)
{
    slot_rig_restart(t->r, (berth_runtime_options)BERTH_RUNTIME_OPTIONS_INIT);
    berth_host_destroy(t->host);
    assert_int_equal(nftw(t->base, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* `words` as WAVE has them: "\"open\", \"0\"".  What it answered, without the quotes. */
static berth_status try_words(rig *t, uint64_t deadline_ns, const char *words)
{
    char text[1024];
    const char *answer = "";
    berth_call call = BERTH_CALL_INIT;
    berth_status status;

    snprintf(text, sizeof text, "run([%s])", words);
    call.arena = t->r->arena;
    call.deadline_ns = deadline_ns;
    status = berth_slot_evaluate(t->slot, text, &call, BERTH_TEXT_WAVE, &answer, &t->r->diag);
    snprintf(t->answer, sizeof t->answer, "%s", answer);
    berth_arena_reset(t->r->arena);
    return status;
}

static const char *told(rig *t, const char *words)
{
    char *last;

    if (try_words(t, SLOT_RIG_PATIENCE_NS, words) != BERTH_OK)
        fail_msg("%s: %s", words, t->r->diag.text);
    last = strrchr(t->answer, '"');
    assert_non_null(last);
    *last = '\0';
    return t->answer + 1;
}

static void tell(rig *t, const char *words, const char *wanted)
{
    const char *answer = told(t, words);

    if (strcmp(answer, wanted) != 0)
        fail_msg("%s: %s: \"%s\", not \"%s\"", t->r->engine, words, answer, wanted);
}

/* ---------------------------------------------------------------- files */

static void files_are_read_written_and_listed(void **state)
{
    rig t;

    begin(&t, *state, "fs:read:/t/**", "fs:write:/t/**", NULL);
    tell(&t, "\"dirs\"", "ok /t");
    tell(&t, "\"open\", \"0\", \"a.txt\", \"r\", \"1\"", "ok");
    tell(&t, "\"read\", \"1\", \"6\", \"0\"", "ok 6 inside");
    tell(&t, "\"read\", \"1\", \"1000000000000\", \"7\"", "ok 10 the folder");
    tell(&t, "\"read\", \"1\", \"5\", \"17\"", "ok 0 end ");
    tell(&t, "\"read\", \"1\", \"5\", \"18446744073709551615\"", FS_INVALID);
    tell(&t, "\"write\", \"1\", \"x\", \"0\"", FS_BAD);
    tell(&t, "\"flags\", \"1\", \"1\"", "ok 1 6 1");
    tell(&t, "\"flags\", \"0\", \"1\"", "ok 33 3 0");
    tell(&t, "\"open\", \"0\", \"d/new\", \"rwc\", \"2\"", "ok");
    tell(&t, "\"write\", \"2\", \"words\", \"3\"", "ok 5");
    tell(&t, "\"append\", \"2\", \"!\"", "ok");
    tell(&t, "\"size\", \"2\", \"9\"", "ok");
    tell(&t, "\"stream\", \"2\", \"3\"", "ok 6 592");
    tell(&t, "\"stat\", \"0\", \"d/new\", \"\"", "ok 6 9");
    tell(&t, "\"stat\", \"0\", \"up\", \"\"", "ok 5 6");
    tell(&t, "\"stat\", \"0\", \"up\", \"f\"", FS_PERMITTED);
    tell(&t, "\"sync\", \"2\"", "ok");
    tell(&t, "\"advise\", \"2\"", "ok");
    tell(&t, "\"advise\", \"0\"", FS_BAD);
    tell(&t, "\"list\", \"0\"", "ok 4 0");
    tell(&t, "\"list\", \"1\"", FS_NOT_DIR);
    tell(&t, "\"hash\", \"0\", \"a.txt\", \"a.txt\"", "ok same");
    tell(&t, "\"hash\", \"0\", \"a.txt\", \"d/new\"", "ok other");
    end(&t);
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
    rig t;

    begin(&t, *state, "fs:read:/t/**", "fs:write:/t/**", NULL);
    assert_int_equal(mkfifo(in(&t, "in/pipe"), 0644), 0);
    tell(&t, "\"dirs\"", "ok /t");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        tell(&t, rows[i].words, rows[i].answer);
    {
        char words[600] = "\"mkdir\", \"0\", \"";
        size_t at = strlen(words);

        memset(words + at, 'n', 256); /* its guest takes no longer one */
        memcpy(words + at + 256, "\"", 2);
        tell(&t, words, FS_NAME_LONG);
    }
    end(&t);
}

static void what_is_not_granted_is_not_there(void **state)
{
    rig t;

    begin(&t, *state, NULL, NULL);
    tell(&t, "\"dirs\"", "ok");
    tell(&t, "\"connect\", \"80\"", NET_DENIED);
    tell(&t, "\"datagram\"", NET_DENIED);
    tell(&t, "\"lookup\", \"localhost\"", NET_DENIED);
    end(&t);
    begin(&t, *state, "fs:read:/t/*.txt", NULL);
    tell(&t, "\"dirs\"", "ok /t");
    tell(&t, "\"open\", \"0\", \"a.txt\", \"r\", \"1\"", "ok");
    tell(&t, "\"open\", \"0\", \"a.txt\", \"w\", \"1\"", FS_ACCESS);
    tell(&t, "\"open\", \"0\", \"d/b.txt\", \"r\", \"1\"", FS_ACCESS);
    tell(&t, "\"open\", \"0\", \"new.txt\", \"rwc\", \"1\"", FS_ACCESS);
    tell(&t, "\"unlink\", \"0\", \"a.txt\"", FS_ACCESS);
    tell(&t, "\"list\", \"0\"", FS_ACCESS);
    end(&t);
}

/* What is behind the link changes all the time; a plugin sees one or gets an answer. */
static void *flip(void *arg)
{
    rig *t = arg;
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
    rig t;

    begin(&t, *state, "fs:read:/t/**", NULL);
    tell(&t, "\"dirs\"", "ok /t");
    assert_int_equal(pthread_create(&thread, NULL, flip, &t), 0);
    while (rounds < 10000 || all_opened == 0 || all_refused == 0) {
        const char *answer = told(&t, "\"race\", \"0\", \"flip/b.txt\", \"r\", \"500\"");

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
    end(&t);
}

static void descriptors_are_bounded_and_given_back(void **state)
{
    size_t descriptors = process_descriptors();
    char wanted[64];
    unsigned opened;
    rig t;

    begin(&t, *state, "fs:read:/t/**", NULL);
    tell(&t, "\"dirs\"", "ok /t");
    tell(&t, "\"churn\", \"0\", \"a.txt\", \"3000\"", "ok");
    snprintf(wanted, sizeof wanted, "%s", told(&t, "\"hoard\", \"0\", \"a.txt\", \"1000000\""));
    assert_int_equal(sscanf(wanted, FS_NO_MEMORY " %u", &opened), 1);
    assert_int_equal(opened, 255); /* 256 objects, one is the folder */
    assert_true(process_descriptors() >= descriptors + 255);
    end(&t); /* the dead instance gives back what it had */
    assert_int_equal(process_descriptors(), descriptors);
}

static void a_folder_of_thousands_is_listed(void **state)
{
    char name[32];
    rig t;

    begin(&t, *state, "fs:read:/t/**", NULL);
    for (unsigned i = 0; i < 3000; i++) {
        snprintf(name, sizeof name, "in/d/%u", i);
        assert_int_equal(symlink("x", in(&t, name)), 0);
    }
    put(&t, "in/d/\xff", "");
    tell(&t, "\"dirs\"", "ok /t");
    tell(&t, "\"open\", \"0\", \"d\", \"r\", \"1\"", "ok");
    tell(&t, "\"list\", \"1\"", "ok 3001 1");
    end(&t);
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
    rig t;

    if (fd < 0)
        return;
    begin(&t, *state, "net:connect:127.0.0.1:*", "net:listen:127.0.0.1:*",
          "net:connect:localhost:*", NULL);
    tell(&t, "\"datagram\"", "ok 16 1 hello");
    tell(&t, "\"listen\", \"0\", \"\"", "ok 8"); /* nobody is there yet: would-block */
    tell(&t, "\"lookup\", \"127.0.0.1\"", "ok 1");
    tell(&t, "\"lookup\", \"a b\"", NET_INVALID);
    tell(&t, "\"lookup\", \"other.example\"", NET_DENIED);
    (void)close(fd);
    snprintf(words, sizeof words, "\"connect\", \"%u\"", ntohs(at.sin_port));
    tell(&t, words, NET_REFUSED);
    end(&t);
}

/* A peer that connects and says nothing holds a call no longer than its deadline. */
static void a_peer_that_stalls_ends_the_call_at_its_deadline(void **state)
{
    struct sockaddr_in at;
    int fd = listen_here(&at);
    size_t descriptors = process_descriptors();
    char words[64];
    rig t;

    if (fd < 0)
        return;
    begin(&t, *state, "net:connect:127.0.0.1:*", "net:listen:127.0.0.1:*", NULL);
    snprintf(words, sizeof words, "\"connect\", \"%u\"", ntohs(at.sin_port));
    assert_int_equal(try_words(&t, 50 * MS, words), BERTH_E_DEADLINE);
    assert_non_null(strstr(t.r->diag.text, "longer than its call may take"));
    assert_int_equal(try_words(&t, 50 * MS, "\"listen\", \"0\", \"wait\""), BERTH_E_DEADLINE);
    tell(&t, "\"lookup\", \"127.0.0.1\"", "ok 1"); /* in another instance */
    end(&t);
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
