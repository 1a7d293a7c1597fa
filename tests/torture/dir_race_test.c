/* dir_race_test.c - a thread flips links and moves folders while a path is resolved; nothing outside
 * of the capability is ever reached, and both outcomes are provoked. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/dir.h"
#include "os/walk.h"
#include "torture.h"

#include <cmocka.h>

enum { ROUNDS = 10000 };

/* base/secret  base/out/file  and the capability base/in with in/d/file, in/x/y/file;
 * in/flip -> d or ../out;  in/x/y -> in/y and back, so that ".." of it changes. */
typedef struct rig {
    char base[64];
    int base_fd, in;
    ino_t outside[2];
    atomic_bool is_done;
    atomic_ulong flips;
} rig;

static void put_file(int at, const char *name, ino_t *number_out)
{
    int fd = openat(at, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    struct stat made;

    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &made), 0);
    if (number_out != NULL)
        *number_out = made.st_ino;
    assert_int_equal(close(fd), 0);
}

static int setup(void **state)
{
    rig *r = calloc(1, sizeof *r);

    assert_non_null(r);
    snprintf(r->base, sizeof r->base, "/tmp/berth-race-XXXXXX");
    assert_non_null(mkdtemp(r->base));
    r->base_fd = open(r->base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(r->base_fd >= 0);
    assert_int_equal(mkdirat(r->base_fd, "out", 0755), 0);
    assert_int_equal(mkdirat(r->base_fd, "in", 0755), 0);
    assert_int_equal(mkdirat(r->base_fd, "in/d", 0755), 0);
    assert_int_equal(mkdirat(r->base_fd, "in/x", 0755), 0);
    assert_int_equal(mkdirat(r->base_fd, "in/x/y", 0755), 0);
    put_file(r->base_fd, "file", &r->outside[0]);
    put_file(r->base_fd, "out/file", &r->outside[1]);
    put_file(r->base_fd, "in/d/file", NULL);
    put_file(r->base_fd, "in/file", NULL);
    assert_int_equal(symlinkat("d", r->base_fd, "in/flip"), 0);
    r->in = openat(r->base_fd, "in", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(r->in >= 0);
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    static const char *const names[] = { "file",    "out/file", "in/d/file", "in/file",
                                         "in/flip", "in/other", "in/moved" };
    static const char *const folders[] = { "in/x/y", "in/y", "in/x", "in/d", "in", "out" };
    rig *r = *state;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        (void)unlinkat(r->base_fd, names[i], 0);
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        (void)unlinkat(r->base_fd, folders[i], AT_REMOVEDIR);
    (void)close(r->in);
    (void)close(r->base_fd);
    assert_int_equal(rmdir(r->base), 0);
    free(r);
    return 0;
}

/* Puts a link to `target` where the other was, in one step. */
static void *flip_links(void *arg)
{
    rig *r = arg;

    for (unsigned i = 0; !atomic_load(&r->is_done); i++) {
        if (symlinkat(i % 2 == 0 ? "../out" : "d", r->in, "other") != 0 ||
            renameat(r->in, "other", r->in, "flip") != 0)
            abort();
        atomic_fetch_add(&r->flips, 1);
    }
    return NULL;
}

static void *move_folders(void *arg)
{
    rig *r = arg;

    while (!atomic_load(&r->is_done)) {
        if (renameat(r->in, "x/y", r->in, "y") != 0 || sched_yield() != 0 ||
            renameat(r->in, "y", r->in, "x/y") != 0)
            abort();
        atomic_fetch_add(&r->flips, 1);
    }
    return NULL;
}

/* A folder and a link to the outside change places: what is a folder when it is looked at may be a
 * link when it is entered. */
static void *swap_folder_and_link(void *arg)
{
    rig *r = arg;

    if (symlinkat("../out", r->in, "moved") != 0)
        abort();
    while (!atomic_load(&r->is_done)) {
        if (renameat2(r->in, "moved", r->in, "d", RENAME_EXCHANGE) != 0)
            abort();
        atomic_fetch_add(&r->flips, 1);
    }
    return NULL;
}

typedef int opener(int dir, const char *path, int flags, bool is_plain);

/* Opens `path` again and again until both answers were seen and enough was tried. */
static void race(rig *r, opener *open_it, const char *path, void *(*disturb)(void *),
                 const char *what)
{
    unsigned long opened = 0, refused = 0, others = 0, rounds = 0, flips;
    uint64_t until = torture_now_ns() + TORTURE_PATIENCE_NS;
    pthread_t thread;

    atomic_store(&r->is_done, false);
    atomic_store(&r->flips, 0);
    assert_int_equal(pthread_create(&thread, NULL, disturb, r), 0);
    while ((rounds < ROUNDS || opened == 0 || refused == 0 ||
            atomic_load(&r->flips) < ROUNDS / 100) &&
           torture_now_ns() < until) {
        int fd = open_it(r->in, path, O_RDONLY, false);
        struct stat at;

        rounds++;
        if (fd < 0) {
            refused += errno == EXDEV || errno == ELOOP || errno == ENOTDIR;
            others += errno != EXDEV && errno != ELOOP && errno != ENOTDIR;
            continue;
        }
        assert_int_equal(fstat(fd, &at), 0);
        assert_true(at.st_ino != r->outside[0] && at.st_ino != r->outside[1]);
        assert_int_equal(close(fd), 0);
        opened++;
    }
    atomic_store(&r->is_done, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    flips = atomic_load(&r->flips);
    torture_say("%s: %lu rounds, %lu opened, %lu refused, %lu not found, %lu flips", what,
                rounds, opened, refused, others, flips);
    assert_true(rounds >= ROUNDS);
    assert_true(opened > 0);
    assert_true(refused > 0);
}

static void links_that_flip_lead_nowhere_else(void **state)
{
    race(*state, berthi_walk_open, "flip/file", flip_links, "links, openat2");
    race(*state, berthi_walk_by_parts, "flip/file", flip_links, "links, by parts");
}

/* The folder is `d` again and the link is gone. */
static void tidy(const rig *r)
{
    char target[8];

    if (readlinkat(r->in, "d", target, sizeof target) > 0)
        assert_int_equal(renameat2(r->in, "moved", r->in, "d", RENAME_EXCHANGE), 0);
    assert_int_equal(unlinkat(r->in, "moved", 0), 0);
}

static void a_folder_that_becomes_a_link_leads_nowhere_else(void **state)
{
    race(*state, berthi_walk_open, "d/file", swap_folder_and_link, "folder or link, openat2");
    tidy(*state);
    race(*state, berthi_walk_by_parts, "d/file", swap_folder_and_link,
         "folder or link, by parts");
    tidy(*state);
}

/* x/y/../../file is in/file; when y was moved up meanwhile, its ".." is in, and the next one base. */
static opener *through;
static int open_up(int dir, const char *path, int flags, bool is_plain)
{
    int fd = through(dir, path, flags, is_plain);

    if (fd < 0 && errno == ENOENT)
        errno = EXDEV; /* y was away: that counts as refused here */
    return fd;
}

static void a_folder_that_moves_up_does_not_let_out(void **state)
{
    through = berthi_walk_open;
    race(*state, open_up, "x/y/../../file", move_folders, "moved folder, openat2");
    through = berthi_walk_by_parts;
    race(*state, open_up, "x/y/../../file", move_folders, "moved folder, by parts");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(links_that_flip_lead_nowhere_else),
        TEST(a_folder_that_becomes_a_link_leads_nowhere_else),
        TEST(a_folder_that_moves_up_does_not_let_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
