/* dir_test.c - a folder as a capability: what can be reached, with which codes, and what cannot. */
#include "os/dir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/walk.h"
#include "os_faults.h"
#include "process.h"

#include <cmocka.h>

/*  base/outside.txt     base/outside/secret     and the capability base/in:
 *  in/a.txt  in/d/b.txt  in/d/e/  in/link -> d  in/file-link -> a.txt  in/up -> ../outside
 *  in/absolute -> /  in/circle -> circle  in/inner -> d/../a.txt  in/d/back -> ../a.txt
 *  in/dangling -> nowhere  in/tall -> d/../../outside.txt */
typedef struct rig {
    char base[64];
    int dir;
    size_t descriptors;
} rig;

static berthi_dir_path path_of(const char *text)
{
    return (berthi_dir_path){ text, strlen(text), false };
}

static void put_file(int at, const char *name, const char *text)
{
    int fd = openat(at, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(close(fd), 0);
}

static int setup(void **state)
{
    rig *r = calloc(1, sizeof *r);
    char in[80];
    int base;

    assert_non_null(r);
    r->descriptors = process_descriptors();
    snprintf(r->base, sizeof r->base, "/tmp/berth-dir-XXXXXX");
    assert_non_null(mkdtemp(r->base));
    base = open(r->base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(base >= 0);
    put_file(base, "outside.txt", "outside");
    assert_int_equal(mkdirat(base, "outside", 0755), 0);
    put_file(base, "outside/secret", "outside");
    assert_int_equal(mkdirat(base, "in", 0755), 0);
    assert_int_equal(mkdirat(base, "in/d", 0755), 0);
    assert_int_equal(mkdirat(base, "in/d/e", 0755), 0);
    put_file(base, "in/a.txt", "inside a");
    put_file(base, "in/d/b.txt", "inside b");
    assert_int_equal(symlinkat("d", base, "in/link"), 0);
    assert_int_equal(symlinkat("a.txt", base, "in/file-link"), 0);
    assert_int_equal(symlinkat("../outside", base, "in/up"), 0);
    assert_int_equal(symlinkat("/", base, "in/absolute"), 0);
    assert_int_equal(symlinkat("circle", base, "in/circle"), 0);
    assert_int_equal(symlinkat("d/../a.txt", base, "in/inner"), 0);
    assert_int_equal(symlinkat("../a.txt", base, "in/d/back"), 0);
    assert_int_equal(symlinkat("nowhere", base, "in/dangling"), 0);
    assert_int_equal(symlinkat("d/../../outside.txt", base, "in/tall"), 0);
    assert_int_equal(close(base), 0);
    snprintf(in, sizeof in, "%s/in", r->base);
    assert_int_equal(berthi_dir_open_root(in, &r->dir), BERTHI_CODE_OK);
    *state = r;
    return 0;
}

/* `path` may be a tree. */
static void remove_tree(int at, const char *path)
{
    berthi_dir_stream stream;
    berthi_dir_entry entry;
    bool some = true;
    int fd;

    if (unlinkat(at, path, 0) == 0)
        return;
    fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    assert_true(fd >= 0);
    while (some) { /* from the start each time: removing moves what follows */
        assert_int_equal(berthi_dir_stream_open(fd, &stream), BERTHI_CODE_OK);
        assert_int_equal(berthi_dir_stream_next(&stream, &entry, &some), BERTHI_CODE_OK);
        if (some)
            remove_tree(fd, entry.name);
        berthi_dir_stream_close(&stream);
    }
    assert_int_equal(close(fd), 0);
    assert_int_equal(unlinkat(at, path, AT_REMOVEDIR), 0);
}

static int teardown(void **state)
{
    rig *r = *state;

    os_faults_end();
    berthi_dir_close(r->dir);
    remove_tree(AT_FDCWD, r->base);
    assert_int_equal(process_descriptors(), r->descriptors);
    free(r);
    return 0;
}

/* From now on paths are walked part by part, as on a machine without openat2; false in a build
 * that cannot pretend it. */
static bool without_openat2(void)
{
#ifdef BERTH_FAULTS
    os_faults_begin(0, true, ENOSYS);
    os_faults_only("openat2");
    return true;
#else
    return false;
#endif
}

static const struct {
    const char *path;
    bool follows;
    berthi_code code;
    berthi_file_kind kind;
} stats[] = {
    { "a.txt", true, BERTHI_CODE_OK, BERTHI_FILE_REGULAR },
    { ".", true, BERTHI_CODE_OK, BERTHI_FILE_DIRECTORY },
    { "./.", false, BERTHI_CODE_OK, BERTHI_FILE_DIRECTORY },
    { "d//b.txt", true, BERTHI_CODE_OK, BERTHI_FILE_REGULAR },
    { "d/./b.txt", true, BERTHI_CODE_OK, BERTHI_FILE_REGULAR },
    { "d/..", true, BERTHI_CODE_OK, BERTHI_FILE_DIRECTORY },
    { "d/../a.txt", true, BERTHI_CODE_OK, BERTHI_FILE_REGULAR },
    { "d/e/../../d/e/..//b.txt", true, BERTHI_CODE_OK, BERTHI_FILE_REGULAR },
    { "d/", true, BERTHI_CODE_OK, BERTHI_FILE_DIRECTORY },
    { "d///", false, BERTHI_CODE_OK, BERTHI_FILE_DIRECTORY },
    { "link", true, BERTHI_CODE_OK, BERTHI_FILE_DIRECTORY },
    { "link", false, BERTHI_CODE_OK, BERTHI_FILE_SYMBOLIC_LINK },
    { "link/", false, BERTHI_CODE_OK, BERTHI_FILE_DIRECTORY },
    { "link/b.txt", false, BERTHI_CODE_OK, BERTHI_FILE_REGULAR },
    { "link/back", true, BERTHI_CODE_OK, BERTHI_FILE_REGULAR },
    { "link/../a.txt", true, BERTHI_CODE_OK, BERTHI_FILE_REGULAR },
    { "inner", true, BERTHI_CODE_OK, BERTHI_FILE_REGULAR },
    { "file-link", true, BERTHI_CODE_OK, BERTHI_FILE_REGULAR },
    { "up", false, BERTHI_CODE_OK, BERTHI_FILE_SYMBOLIC_LINK },
    { "dangling", false, BERTHI_CODE_OK, BERTHI_FILE_SYMBOLIC_LINK },
    { "dangling", true, BERTHI_CODE_NO_ENTRY, 0 },
    { "nowhere", true, BERTHI_CODE_NO_ENTRY, 0 },
    { "nowhere/a.txt", true, BERTHI_CODE_NO_ENTRY, 0 },
    { "nowhere/..", true, BERTHI_CODE_NO_ENTRY, 0 },
    { "", true, BERTHI_CODE_NO_ENTRY, 0 },
    { "a.txt/", true, BERTHI_CODE_NOT_DIRECTORY, 0 },
    { "a.txt/b", true, BERTHI_CODE_NOT_DIRECTORY, 0 },
    { "a.txt/..", true, BERTHI_CODE_NOT_DIRECTORY, 0 },
    { "file-link/", true, BERTHI_CODE_NOT_DIRECTORY, 0 },
    { "file-link/x", true, BERTHI_CODE_NOT_DIRECTORY, 0 },
    { "circle", true, BERTHI_CODE_LOOP, 0 },
    { "circle/x", false, BERTHI_CODE_LOOP, 0 },
    { "circle", false, BERTHI_CODE_OK, BERTHI_FILE_SYMBOLIC_LINK },
    { "..", true, BERTHI_CODE_NOT_PERMITTED, 0 },
    { "../", true, BERTHI_CODE_NOT_PERMITTED, 0 },
    { "../in", true, BERTHI_CODE_NOT_PERMITTED, 0 },
    { "../in/a.txt", true, BERTHI_CODE_NOT_PERMITTED, 0 },
    { "../outside.txt", true, BERTHI_CODE_NOT_PERMITTED, 0 },
    { "d/../../outside.txt", true, BERTHI_CODE_NOT_PERMITTED, 0 },
    { "d/e/../../../in/a.txt", true, BERTHI_CODE_NOT_PERMITTED, 0 },
    { "link/../../outside.txt", true, BERTHI_CODE_NOT_PERMITTED, 0 },
    { "up", true, BERTHI_CODE_NOT_PERMITTED, 0 },
    { "up/", false, BERTHI_CODE_NOT_PERMITTED, 0 },
    { "up/secret", false, BERTHI_CODE_NOT_PERMITTED, 0 },
    { "tall", true, BERTHI_CODE_NOT_PERMITTED, 0 },
    { "absolute", true, BERTHI_CODE_NOT_PERMITTED, 0 },
    { "absolute/etc/passwd", true, BERTHI_CODE_NOT_PERMITTED, 0 },
    { "/", true, BERTHI_CODE_NOT_PERMITTED, 0 },
    { "/etc/passwd", true, BERTHI_CODE_NOT_PERMITTED, 0 },
    { "//a.txt", true, BERTHI_CODE_NOT_PERMITTED, 0 },
};

static void check_stats(const rig *r)
{
    for (size_t i = 0; i < sizeof stats / sizeof *stats; i++) {
        berthi_file_stat at = { .kind = BERTHI_FILE_SOCKET };
        berthi_code code =
            berthi_dir_stat_at(r->dir, path_of(stats[i].path), stats[i].follows, &at);

        if (code != stats[i].code)
            fail_msg("\"%s\": code %d, not %d", stats[i].path, code, stats[i].code);
        assert_int_equal(at.kind, code == BERTHI_CODE_OK ? stats[i].kind : BERTHI_FILE_SOCKET);
    }
}

static void paths_reach_what_is_below_and_nothing_else(void **state)
{
    check_stats(*state);
    if (without_openat2())
        check_stats(*state);
}

/* The same question to both ways, descriptor by descriptor. */
static void a_walk_by_parts_finds_what_the_kernel_finds(void **state)
{
    static const int flags[] = {
        O_PATH,  O_PATH | O_NOFOLLOW, O_RDONLY, O_RDONLY | O_NOFOLLOW, O_RDONLY | O_DIRECTORY,
        O_WRONLY
    };
    const rig *r = *state;

    for (size_t i = 0; i < sizeof stats / sizeof *stats; i++)
        for (size_t j = 0; j < 2 * sizeof flags / sizeof *flags; j++) {
            size_t k = j / 2;
            bool plain = j % 2 != 0;
            const char *path = stats[i].path;
            struct stat one, other;
            int by_kernel, by_parts, code;

            if (path[0] == '\0')
                continue;
            by_kernel = berthi_walk_open(r->dir, path, flags[k], plain);
            code = errno;
            by_parts = berthi_walk_by_parts(r->dir, path, flags[k], plain);
            if ((by_kernel < 0) != (by_parts < 0) || (by_kernel < 0 && code != errno))
                fail_msg("\"%s\" with %o: %d (%d) and %d (%d)", path, (unsigned)flags[k],
                         by_kernel, code, by_parts, errno);
            if (by_kernel < 0)
                continue;
            assert_int_equal(fstat(by_kernel, &one), 0);
            assert_int_equal(fstat(by_parts, &other), 0);
            assert_int_equal(one.st_ino, other.st_ino);
            assert_int_equal(one.st_dev, other.st_dev);
            berthi_dir_close(by_kernel);
            berthi_dir_close(by_parts);
        }
}

static void check_odd_names(const rig *r)
{
    static char name[BERTHI_DIR_PATH_MAX + 2];
    berthi_file_stat at;
    const berthi_dir_path with_nul = { "a.txt\0/../..", 12, false };
    const berthi_dir_path latin = { "\xe9t\xe9", 3, false };

    assert_int_equal(berthi_dir_stat_at(r->dir, with_nul, true, &at), BERTHI_CODE_INVALID);
    assert_int_equal(berthi_dir_stat_at(r->dir, latin, true, &at), BERTHI_CODE_NO_ENTRY);
    memset(name, 'n', sizeof name);
    assert_int_equal(
        berthi_dir_stat_at(r->dir, (berthi_dir_path){ name, 255, false }, true, &at),
        BERTHI_CODE_NO_ENTRY);
    assert_int_equal(
        berthi_dir_stat_at(r->dir, (berthi_dir_path){ name, 256, false }, true, &at),
        BERTHI_CODE_NAME_TOO_LONG);
    for (size_t i = 0; i < sizeof name; i++)
        name[i] = "./"[i % 2];
    assert_int_equal(berthi_dir_stat_at(r->dir,
                                        (berthi_dir_path){ name, BERTHI_DIR_PATH_MAX, false },
                                        true, &at),
                     BERTHI_CODE_OK);
    assert_int_equal(at.kind, BERTHI_FILE_DIRECTORY);
    assert_int_equal(
        berthi_dir_stat_at(r->dir, (berthi_dir_path){ name, BERTHI_DIR_PATH_MAX + 1, false },
                           true, &at),
        BERTHI_CODE_NAME_TOO_LONG);
    assert_int_equal(
        berthi_dir_stat_at(r->dir, (berthi_dir_path){ name, SIZE_MAX, false }, true, &at),
        BERTHI_CODE_NAME_TOO_LONG);
}

static void names_that_are_long_or_no_text_are_answered(void **state)
{
    check_odd_names(*state);
    if (without_openat2())
        check_odd_names(*state);
}

static void links_may_be_forty_deep_and_no_deeper(void **state)
{
    const rig *r = *state;
    berthi_file_stat at;
    char name[16], target[16];

    assert_int_equal(symlinkat("a.txt", r->dir, "l1"), 0);
    for (int i = 2; i <= BERTHI_DIR_LINKS_MAX + 1; i++) {
        snprintf(name, sizeof name, "l%d", i);
        snprintf(target, sizeof target, "l%d", i - 1);
        assert_int_equal(symlinkat(target, r->dir, name), 0);
    }
    for (int way = 0; way < 2; way++) {
        assert_int_equal(berthi_dir_stat_at(r->dir, path_of("l40"), true, &at), BERTHI_CODE_OK);
        assert_int_equal(berthi_dir_stat_at(r->dir, path_of("l41"), true, &at),
                         BERTHI_CODE_LOOP);
        if (!without_openat2())
            break;
    }
}

static void a_walk_by_parts_has_a_bound_on_depth(void **state)
{
    const rig *r = *state;
    char path[2 * BERTHI_DIR_DEPTH_MAX + 8] = "";
    int fd;

    for (int i = 1; i <= BERTHI_DIR_DEPTH_MAX; i++) {
        memcpy(i == 1 ? path : path + 2 * (i - 1) - 1, &"/x"[i == 1], i == 1 ? 2 : 3);
        assert_int_equal(berthi_dir_make(r->dir, path_of(path)), BERTHI_CODE_OK);
    }
    fd = berthi_walk_by_parts(r->dir, path, O_PATH,
                              false); /* the last part is opened, not entered */
    assert_true(fd >= 0);
    berthi_dir_close(fd);
    memcpy(path + 2 * BERTHI_DIR_DEPTH_MAX - 1, "/x", 3);
    assert_int_equal(berthi_walk_by_parts(r->dir, path, O_PATH, false), -1);
    assert_int_equal(errno, ENAMETOOLONG);
}

/* ---------------------------------------------------------------- opening */

static berthi_code open_it(const rig *r, const char *path, berthi_dir_how how)
{
    berthi_file_kind kind;
    int fd = -1;
    berthi_code code = berthi_dir_open(r->dir, path_of(path), &how, &fd, &kind);

    if (code == BERTHI_CODE_OK)
        berthi_dir_close(fd);
    else
        assert_int_equal(fd, -1);
    return code;
}

#define OPEN(path, ...) open_it(r, path, (berthi_dir_how){ __VA_ARGS__ })

static void check_opening(const rig *r)
{
    assert_int_equal(OPEN("a.txt", .reads = true), BERTHI_CODE_OK);
    assert_int_equal(OPEN("file-link", .reads = true), BERTHI_CODE_LOOP);
    assert_int_equal(OPEN("file-link", .reads = true, .follows = true), BERTHI_CODE_OK);
    assert_int_equal(OPEN("d", .reads = true, .directory = true), BERTHI_CODE_OK);
    assert_int_equal(OPEN("d", .writes = true), BERTHI_CODE_IS_DIRECTORY);
    assert_int_equal(OPEN("a.txt", .reads = true, .directory = true),
                     BERTHI_CODE_NOT_DIRECTORY);
    assert_int_equal(
        OPEN("a.txt", .reads = true, .writes = true, .creates = true, .exclusive = true),
        BERTHI_CODE_EXISTS);
    assert_int_equal(
        OPEN("dangling", .writes = true, .creates = true, .exclusive = true, .follows = true),
        BERTHI_CODE_EXISTS);
    assert_int_equal(OPEN("d", .reads = true, .directory = true, .creates = true),
                     BERTHI_CODE_INVALID);
    assert_int_equal(OPEN("d", .reads = true, .exclusive = true), BERTHI_CODE_INVALID);
    assert_int_equal(OPEN("a.txt", .reads = true, .truncates = true), BERTHI_CODE_INVALID);
    assert_int_equal(OPEN("up/new", .writes = true, .creates = true),
                     BERTHI_CODE_NOT_PERMITTED);
    assert_int_equal(OPEN("../new", .writes = true, .creates = true),
                     BERTHI_CODE_NOT_PERMITTED);
    assert_int_equal(OPEN("new/", .writes = true, .creates = true), BERTHI_CODE_IS_DIRECTORY);
    assert_int_equal(OPEN("pipe", .reads = true), BERTHI_CODE_NOT_SUPPORTED);
    assert_int_equal(OPEN("pipe", .writes = true), BERTHI_CODE_NOT_SUPPORTED);
    assert_int_equal(OPEN("socket", .reads = true), BERTHI_CODE_NOT_SUPPORTED);
    assert_int_equal(OPEN("dangling", .writes = true, .creates = true, .follows = true),
                     BERTHI_CODE_OK);
    assert_int_equal(unlinkat(r->dir, "nowhere", 0), 0); /* where the link leads, below */
    assert_int_equal(OPEN("d/new", .writes = true, .creates = true, .syncs_all = true),
                     BERTHI_CODE_OK);
    assert_int_equal(unlinkat(r->dir, "d/new", 0), 0);
}

static void put_socket(const rig *r)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(at.sun_path, sizeof at.sun_path, "%s/in/socket", r->base);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(close(fd), 0);
}

static void opening_makes_and_refuses_as_it_was_told(void **state)
{
    const rig *r = *state;

    assert_int_equal(mkfifoat(r->dir, "pipe", 0644), 0);
    put_socket(r);
    check_opening(r);
    if (without_openat2())
        check_opening(r);
}

/* A process that waits at the other end of a pipe goes on when it is opened, and a device may do worse. */
static void what_is_refused_was_never_opened(void **state)
{
    const rig *r = *state;
    char path[96], event[sizeof(struct inotify_event) + NAME_MAX + 1];
    int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC), fd;
    berthi_dir_how how = { .reads = true, .follows = true };
    berthi_file_kind kind;

    assert_int_equal(mkfifoat(r->dir, "pipe", 0644), 0);
    assert_int_equal(symlinkat("pipe", r->dir, "to-pipe"), 0);
    snprintf(path, sizeof path, "%s/in/pipe", r->base);
    assert_true(watch >= 0 && inotify_add_watch(watch, path, IN_OPEN) >= 0);
    for (int writes = 0; writes < 2; writes++) {
        how.writes = how.creates = how.truncates = writes != 0;
        assert_int_equal(berthi_dir_open(r->dir, path_of("pipe"), &how, &fd, &kind),
                         BERTHI_CODE_NOT_SUPPORTED);
        assert_int_equal(berthi_dir_open(r->dir, path_of("to-pipe"), &how, &fd, &kind),
                         BERTHI_CODE_NOT_SUPPORTED);
    }
    assert_int_equal(read(watch, event, sizeof event), -1);
    assert_int_equal(errno, EAGAIN);
    fd = openat(r->dir, "pipe", O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* it is seen, though */
    assert_true(fd >= 0 && read(watch, event, sizeof event) > 0);
    assert_int_equal(close(fd), 0);
    assert_int_equal(close(watch), 0);
}

static void bytes_are_where_they_were_put(void **state)
{
    const rig *r = *state;
    berthi_dir_how how = { .reads = true, .writes = true, .creates = true, .syncs_data = true };
    berthi_file_kind kind;
    berthi_file_stat at;
    char back[16];
    size_t done;
    int fd;

    assert_int_equal(berthi_dir_open(r->dir, path_of("d/new"), &how, &fd, &kind),
                     BERTHI_CODE_OK);
    assert_int_equal(kind, BERTHI_FILE_REGULAR);
    assert_int_equal(berthi_file_write_at(fd, "words", 5, 3, &done), BERTHI_CODE_OK);
    assert_int_equal(done, 5);
    assert_int_equal(berthi_file_append(fd, "!?", 2, &done), BERTHI_CODE_OK);
    assert_int_equal(done, 2);
    assert_int_equal(berthi_file_read_at(fd, back, sizeof back, 2, &done), BERTHI_CODE_OK);
    assert_int_equal(done, 8);
    assert_memory_equal(back, "\0words!?", 8);
    assert_int_equal(berthi_file_read_at(fd, back, sizeof back, 10, &done), BERTHI_CODE_OK);
    assert_int_equal(done, 0);
    assert_int_equal(berthi_file_set_size(fd, 4), BERTHI_CODE_OK);
    assert_int_equal(berthi_file_stat_of(fd, &at), BERTHI_CODE_OK);
    assert_int_equal(at.size, 4);
    assert_int_equal(at.links, 1);
    for (unsigned advice = BERTHI_ADVICE_NORMAL; advice <= BERTHI_ADVICE_NO_REUSE; advice++)
        assert_int_equal(berthi_file_advise(fd, 0, UINT64_MAX, advice), BERTHI_CODE_OK);
    assert_int_equal(berthi_file_advise(fd, 0, 1, 6), BERTHI_CODE_INVALID);
    assert_int_equal(berthi_file_advise(fd, UINT64_MAX, 1, 0), BERTHI_CODE_INVALID);
    assert_int_equal(berthi_file_sync(fd, true), BERTHI_CODE_OK);
    assert_int_equal(berthi_file_sync(fd, false), BERTHI_CODE_OK);
    berthi_dir_close(fd);
}

static void offsets_past_every_file_are_refused(void **state)
{
    const rig *r = *state;
    berthi_dir_how how = { .reads = true, .writes = true };
    berthi_file_kind kind;
    size_t done = 77;
    char byte = 0;
    int fd;

    assert_int_equal(berthi_dir_open(r->dir, path_of("a.txt"), &how, &fd, &kind),
                     BERTHI_CODE_OK);
    assert_int_equal(berthi_file_read_at(fd, &byte, 1, INT64_MAX, &done), BERTHI_CODE_INVALID);
    assert_int_equal(berthi_file_read_at(fd, &byte, 1, UINT64_MAX, &done), BERTHI_CODE_INVALID);
    assert_int_equal(berthi_file_write_at(fd, &byte, 1, INT64_MAX, &done),
                     BERTHI_CODE_FILE_TOO_LARGE);
    assert_int_equal(berthi_file_write_at(fd, &byte, 1, UINT64_MAX, &done),
                     BERTHI_CODE_FILE_TOO_LARGE);
    assert_int_equal(berthi_file_set_size(fd, UINT64_MAX), BERTHI_CODE_FILE_TOO_LARGE);
    assert_int_equal(done, 77);
    berthi_dir_close(fd);
}

static void times_are_kept_set_and_taken_from_the_clock(void **state)
{
    const rig *r = *state;
    const berthi_new_time keep = { .what = BERTHI_TIME_KEEP },
                          now = { .what = BERTHI_TIME_NOW };
    const berthi_new_time set = { BERTHI_TIME_SET, { 1000, 5 } };
    const berthi_new_time none = { BERTHI_TIME_SET, { 0, 1000000000u } };
    berthi_dir_how how = { .reads = true, .writes = true };
    berthi_file_kind kind;
    berthi_file_stat at;
    int fd;

    assert_int_equal(berthi_dir_open(r->dir, path_of("a.txt"), &how, &fd, &kind),
                     BERTHI_CODE_OK);
    assert_int_equal(berthi_file_set_times(fd, set, set), BERTHI_CODE_OK);
    assert_int_equal(berthi_file_set_times(fd, now, keep), BERTHI_CODE_OK);
    assert_int_equal(berthi_file_stat_of(fd, &at), BERTHI_CODE_OK);
    assert_int_equal(at.modified.seconds, 1000);
    assert_int_equal(at.modified.nanoseconds, 5);
    assert_true(at.accessed.seconds > 1000);
    assert_int_equal(berthi_file_set_times(fd, none, keep), BERTHI_CODE_INVALID);
    assert_int_equal(berthi_dir_set_times_at(r->dir, path_of("a.txt"), true, keep, none),
                     BERTHI_CODE_INVALID);
    assert_int_equal(berthi_dir_set_times_at(r->dir, path_of("up/secret"), true, set, set),
                     BERTHI_CODE_NOT_PERMITTED);
    berthi_dir_close(fd);
    if (berthi_dir_set_times_at(r->dir, path_of("up"), false, set, set) ==
        BERTHI_CODE_NOT_SUPPORTED)
        return; /* Linux before 5.8 */
    assert_int_equal(berthi_dir_stat_at(r->dir, path_of("up"), false, &at), BERTHI_CODE_OK);
    assert_int_equal(at.modified.seconds, 1000);
    assert_int_equal(berthi_dir_set_times_at(r->dir, path_of("file-link"), true, set, now),
                     BERTHI_CODE_OK);
    assert_int_equal(berthi_dir_stat_at(r->dir, path_of("a.txt"), true, &at), BERTHI_CODE_OK);
    assert_int_equal(at.accessed.seconds, 1000);
    assert_true(at.modified.seconds > 1000);
}

/* ---------------------------------------------------------------- names */

#define AT(path) r->dir, path_of(path)

static void check_names(const rig *r)
{
    assert_int_equal(berthi_dir_make(AT("n")), BERTHI_CODE_OK);
    assert_int_equal(berthi_dir_make(AT("n")), BERTHI_CODE_EXISTS);
    assert_int_equal(berthi_dir_make(AT("n/m///")), BERTHI_CODE_OK);
    assert_int_equal(berthi_dir_make(AT(".")), BERTHI_CODE_EXISTS);
    assert_int_equal(berthi_dir_make(AT("d/..")), BERTHI_CODE_EXISTS);
    assert_int_equal(berthi_dir_make(AT("../m")), BERTHI_CODE_NOT_PERMITTED);
    assert_int_equal(berthi_dir_make(AT("up/m")), BERTHI_CODE_NOT_PERMITTED);
    assert_int_equal(berthi_dir_make(AT("dangling")), BERTHI_CODE_EXISTS);
    assert_int_equal(berthi_dir_make(AT("nowhere/m")), BERTHI_CODE_NO_ENTRY);
    assert_int_equal(berthi_dir_make(AT("a.txt/m")), BERTHI_CODE_NOT_DIRECTORY);
    assert_int_equal(berthi_dir_remove(AT("n")), BERTHI_CODE_NOT_EMPTY);
    assert_int_equal(berthi_dir_remove(AT("n/m")), BERTHI_CODE_OK);
    assert_int_equal(berthi_dir_remove(AT("a.txt")), BERTHI_CODE_NOT_DIRECTORY);
    assert_int_equal(berthi_dir_remove(AT("link/")), BERTHI_CODE_NOT_DIRECTORY);
    assert_int_equal(berthi_dir_remove(AT("d/.")), BERTHI_CODE_INVALID);
    assert_int_equal(berthi_dir_remove(AT("../outside")), BERTHI_CODE_NOT_PERMITTED);
    assert_int_equal(berthi_dir_unlink(AT("n")), BERTHI_CODE_IS_DIRECTORY);
    assert_int_equal(berthi_dir_unlink(AT("n/")), BERTHI_CODE_IS_DIRECTORY);
    assert_int_equal(berthi_dir_unlink(AT("n/..")), BERTHI_CODE_IS_DIRECTORY);
    assert_int_equal(berthi_dir_unlink(AT("a.txt/")), BERTHI_CODE_NOT_DIRECTORY);
    assert_int_equal(berthi_dir_unlink(AT("link/")), BERTHI_CODE_NOT_DIRECTORY);
    assert_int_equal(berthi_dir_unlink(AT("up/secret")), BERTHI_CODE_NOT_PERMITTED);
    assert_int_equal(berthi_dir_unlink(AT("/etc/passwd")), BERTHI_CODE_NOT_PERMITTED);

    assert_int_equal(berthi_dir_link(AT("a.txt"), AT("n/a2")), BERTHI_CODE_OK);
    assert_int_equal(berthi_dir_link(AT("a.txt"), AT("n/a2")), BERTHI_CODE_EXISTS);
    assert_int_equal(berthi_dir_link(AT("a.txt"), AT("n/a3/")), BERTHI_CODE_NO_ENTRY);
    assert_int_equal(berthi_dir_link(AT("a.txt/"), AT("n/a3")), BERTHI_CODE_NOT_DIRECTORY);
    assert_int_equal(berthi_dir_link(AT("up/secret"), AT("n/a3")), BERTHI_CODE_NOT_PERMITTED);
    assert_int_equal(berthi_dir_link(AT("a.txt"), AT("up/a3")), BERTHI_CODE_NOT_PERMITTED);
    assert_int_equal(berthi_dir_link(AT("d"), AT("n/a3")), BERTHI_CODE_NOT_PERMITTED);
    assert_int_equal(berthi_dir_link(AT("."), AT("n/a3")), BERTHI_CODE_NOT_PERMITTED);
    assert_int_equal(berthi_dir_link(AT("a.txt"), AT(".")), BERTHI_CODE_EXISTS);
    assert_int_equal(berthi_dir_rename(AT("n/a2"), AT("n/a4")), BERTHI_CODE_OK);
    assert_int_equal(berthi_dir_rename(AT("n/a2"), AT("n/a5")), BERTHI_CODE_NO_ENTRY);
    assert_int_equal(berthi_dir_rename(AT("n/a4"), AT("n/a5/")), BERTHI_CODE_NOT_DIRECTORY);
    assert_int_equal(berthi_dir_rename(AT("n/a4"), AT("../a5")), BERTHI_CODE_NOT_PERMITTED);
    assert_int_equal(berthi_dir_rename(AT("../outside.txt"), AT("n/a5")),
                     BERTHI_CODE_NOT_PERMITTED);
    assert_int_equal(berthi_dir_rename(AT("n"), AT("n/x")), BERTHI_CODE_INVALID);
    assert_int_equal(berthi_dir_rename(AT("n/."), AT("x")), BERTHI_CODE_BUSY);
    assert_int_equal(berthi_dir_rename(AT("n"), AT("d")), BERTHI_CODE_NOT_EMPTY);
    assert_int_equal(berthi_dir_rename(AT("n/a4"), AT("d")), BERTHI_CODE_IS_DIRECTORY);
    assert_int_equal(berthi_dir_unlink(AT("n/a4")), BERTHI_CODE_OK);
    assert_int_equal(berthi_dir_rename(AT("n/"), AT("n2/")), BERTHI_CODE_OK);
    assert_int_equal(berthi_dir_remove(AT("n2/")), BERTHI_CODE_OK);
}

static void names_are_made_moved_and_removed(void **state)
{
    check_names(*state);
    if (without_openat2())
        check_names(*state);
}

static void links_are_stored_relative_and_read_back(void **state)
{
    const rig *r = *state;
    char text[16];
    size_t size = 0;

    assert_int_equal(berthi_dir_symlink(r->dir, path_of("../a.txt"), path_of("d/l")),
                     BERTHI_CODE_OK);
    assert_int_equal(berthi_dir_readlink(AT("d/l"), text, 8, &size), BERTHI_CODE_OK);
    assert_int_equal(size, 8);
    assert_memory_equal(text, "../a.txt", 8);
    assert_int_equal(berthi_dir_readlink(AT("d/l"), text, 7, &size), BERTHI_CODE_OVERFLOW);
    assert_int_equal(berthi_dir_readlink(AT("d/l/"), text, 8, &size), BERTHI_CODE_INVALID);
    assert_int_equal(berthi_dir_readlink(AT("a.txt"), text, 8, &size), BERTHI_CODE_INVALID);
    assert_int_equal(berthi_dir_readlink(AT("up/l"), text, 8, &size),
                     BERTHI_CODE_NOT_PERMITTED);
    assert_int_equal(berthi_dir_readlink(AT("absolute"), text, 8, &size),
                     BERTHI_CODE_NOT_PERMITTED);
    assert_int_equal(berthi_dir_symlink(r->dir, path_of("/etc"), path_of("l2")),
                     BERTHI_CODE_NOT_PERMITTED);
    assert_int_equal(berthi_dir_symlink(r->dir, path_of("x"), path_of("l2/")),
                     BERTHI_CODE_NO_ENTRY);
    assert_int_equal(berthi_dir_symlink(r->dir, path_of("x"), path_of("d/.")),
                     BERTHI_CODE_EXISTS);
    assert_int_equal(berthi_dir_symlink(r->dir, path_of("x"), path_of("d")),
                     BERTHI_CODE_EXISTS);
    assert_int_equal(berthi_dir_symlink(r->dir, path_of("x"), path_of("up/l")),
                     BERTHI_CODE_NOT_PERMITTED);
    assert_int_equal(berthi_dir_symlink(r->dir, path_of(""), path_of("l2")),
                     BERTHI_CODE_NO_ENTRY);
    /* One that leads out may be made; nobody here gets through it. */
    assert_int_equal(berthi_dir_symlink(r->dir, path_of("../outside"), path_of("out")),
                     BERTHI_CODE_OK);
    assert_int_equal(OPEN("out/secret", .reads = true), BERTHI_CODE_NOT_PERMITTED);
}

/* ---------------------------------------------------------------- lists */

static void a_folder_of_many_entries_is_listed_a_few_at_a_time(void **state)
{
    enum { MANY = 1000 };
    const rig *r = *state;
    bool seen[MANY] = { false };
    berthi_dir_stream stream;
    berthi_dir_entry entry;
    bool some = true;
    char name[32];
    unsigned count = 0;

    for (unsigned i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "d/e/entry-%u", i);
        if (i % 2 == 0)
            assert_int_equal(berthi_dir_make(AT(name)), BERTHI_CODE_OK);
        else
            put_file(r->dir, name, "");
    }
    {
        berthi_dir_how how = { .reads = true, .directory = true };
        berthi_file_kind kind;
        int fd;

        assert_int_equal(berthi_dir_open(AT("d/e"), &how, &fd, &kind), BERTHI_CODE_OK);
        assert_int_equal(berthi_dir_stream_open(fd, &stream), BERTHI_CODE_OK);
        berthi_dir_close(fd); /* the stream has its own */
    }
    while (berthi_dir_stream_next(&stream, &entry, &some) == BERTHI_CODE_OK && some) {
        unsigned i = (unsigned)strtoul(entry.name + 6, NULL, 10);

        assert_int_equal(entry.size, strlen(entry.name));
        assert_true(i < MANY && !seen[i]);
        assert_int_equal(entry.kind, i % 2 == 0 ? BERTHI_FILE_DIRECTORY : BERTHI_FILE_REGULAR);
        seen[i] = true;
        count++;
    }
    assert_false(some);
    assert_int_equal(count, MANY);
    assert_int_equal(berthi_dir_stream_next(&stream, &entry, &some), BERTHI_CODE_OK);
    assert_false(some);
    berthi_dir_stream_close(&stream);
}

static void a_folder_that_was_removed_lists_nothing(void **state)
{
    const rig *r = *state;
    berthi_dir_how how = { .reads = true, .directory = true };
    berthi_file_kind kind;
    berthi_dir_stream stream;
    berthi_dir_entry entry;
    bool some = true;
    int fd;

    assert_int_equal(berthi_dir_open(AT("d/e"), &how, &fd, &kind), BERTHI_CODE_OK);
    assert_int_equal(berthi_dir_stream_open(fd, &stream), BERTHI_CODE_OK);
    assert_int_equal(berthi_dir_remove(AT("d/e")), BERTHI_CODE_OK);
    assert_int_equal(berthi_dir_stream_next(&stream, &entry, &some), BERTHI_CODE_OK);
    assert_false(some);
    assert_int_equal(berthi_dir_stat_at(fd, path_of(".."), true, &(berthi_file_stat){ 0 }),
                     BERTHI_CODE_NOT_PERMITTED);
    berthi_dir_stream_close(&stream);
    berthi_dir_close(fd);
}

/* ---------------------------------------------------------------- codes */

/* What no call of the system answers: it is made up by a service. */
static bool is_a_services_own(berthi_code code)
{
    switch (code) {
    case BERTHI_CODE_OK:
    case BERTHI_CODE_CLOSED:
    case BERTHI_CODE_NOT_CAPABLE:
    case BERTHI_CODE_NOT_IN_PROGRESS:
    case BERTHI_CODE_NAME_UNKNOWN:
    case BERTHI_CODE_RESOLVER_TRY:
    case BERTHI_CODE_RESOLVER_FAILED:
        return true;
    default:
        return false;
    }
}

static void every_code_of_the_system_has_an_errno(void **state)
{
    bool seen[BERTHI_CODE_COUNT] = { false };

    (void)state;
    for (int code = 1; code < 200; code++)
        seen[berthi_code_of(code)] = true;
    for (unsigned i = 0; i < BERTHI_CODE_COUNT; i++)
        if (seen[i] == is_a_services_own(i))
            fail_msg("code %u is wrong", i);
    assert_int_equal(berthi_code_of(ENODATA), BERTHI_CODE_IO);
}

/* ---------------------------------------------------------------- plain paths, failing calls */

static void a_plain_path_meets_no_link(void **state)
{
    static const struct {
        const char *path;
        berthi_code code;
    } rows[] = { { "a.txt", BERTHI_CODE_OK },    { "d/b.txt", BERTHI_CODE_OK },
                 { "link", BERTHI_CODE_LOOP },   { "link/b.txt", BERTHI_CODE_LOOP },
                 { "inner", BERTHI_CODE_LOOP },  { "link/../a.txt", BERTHI_CODE_LOOP },
                 { "d/back", BERTHI_CODE_LOOP }, { "up/secret", BERTHI_CODE_LOOP } };
    const rig *r = *state;

    for (int way = 0; way < 2; way++) {
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
            berthi_dir_path path = path_of(rows[i].path);
            berthi_file_stat at;

            path.is_plain = true;
            assert_int_equal(berthi_dir_stat_at(r->dir, path, true, &at), rows[i].code);
        }
        if (!without_openat2())
            break;
    }
}

static berthi_code try_open(const rig *r)
{
    berthi_dir_how how = { .reads = true, .follows = true };
    berthi_file_kind kind;
    int fd;
    berthi_code code = berthi_dir_open(AT("link/back"), &how, &fd, &kind);

    if (code == BERTHI_CODE_OK)
        berthi_dir_close(fd);
    return code;
}

static berthi_code try_list(const rig *r)
{
    berthi_dir_stream stream;
    berthi_dir_entry entry;
    bool some = true;
    berthi_code code = berthi_dir_stream_open(r->dir, &stream);

    if (code != BERTHI_CODE_OK)
        return code;
    while (code == BERTHI_CODE_OK && some)
        code = berthi_dir_stream_next(&stream, &entry, &some);
    berthi_dir_stream_close(&stream);
    return code;
}

static berthi_code try_names(const rig *r)
{
    char text[64];
    size_t size;
    berthi_code code;

    (void)unlinkat(r->dir, "t", AT_REMOVEDIR); /* what a failure before this one left */
    (void)unlinkat(r->dir, "t", 0);
    (void)unlinkat(r->dir, "t2", AT_REMOVEDIR);
    code = berthi_dir_make(AT("t"));
    if (code == BERTHI_CODE_OK)
        code = berthi_dir_rename(AT("t/"), AT("t2/"));
    if (code == BERTHI_CODE_OK)
        code = berthi_dir_remove(AT("t2"));
    if (code == BERTHI_CODE_OK)
        code = berthi_dir_link(AT("a.txt"), AT("t"));
    if (code == BERTHI_CODE_OK)
        code = berthi_dir_unlink(AT("t"));
    if (code == BERTHI_CODE_OK)
        code = berthi_dir_symlink(r->dir, path_of("x"), path_of("t"));
    if (code == BERTHI_CODE_OK)
        code = berthi_dir_readlink(AT("t"), text, sizeof text, &size);
    return code;
}

static berthi_code try_bytes(const rig *r)
{
    berthi_dir_how how = { .reads = true, .writes = true };
    berthi_new_time now = { .what = BERTHI_TIME_NOW };
    berthi_file_kind kind;
    char text[8];
    size_t done;
    int fd;
    berthi_code code = berthi_dir_open(AT("a.txt"), &how, &fd, &kind);

    if (code != BERTHI_CODE_OK)
        return code;
    code = berthi_file_read_at(fd, text, sizeof text, 0, &done);
    if (code == BERTHI_CODE_OK)
        code = berthi_file_write_at(fd, text, done, 0, &done);
    if (code == BERTHI_CODE_OK)
        code = berthi_file_append(fd, text, 1, &done);
    if (code == BERTHI_CODE_OK)
        code = berthi_file_set_size(fd, 8);
    if (code == BERTHI_CODE_OK)
        code = berthi_file_set_times(fd, now, now);
    if (code == BERTHI_CODE_OK)
        code = berthi_file_sync(fd, true);
    if (code == BERTHI_CODE_OK)
        code = berthi_file_sync(fd, false);
    if (code == BERTHI_CODE_OK)
        code = berthi_file_advise(fd, 0, 0, BERTHI_ADVICE_RANDOM);
    berthi_dir_close(fd);
    if (code == BERTHI_CODE_OK)
        code = berthi_dir_set_times_at(AT("a.txt"), true, now, now);
    return code == BERTHI_CODE_NOT_SUPPORTED ? BERTHI_CODE_OK : code;
}

/* Each system call of `run` fails once; what it has open is closed, and EINTR is tried again. */
static void each_call_of(const rig *r, berthi_code (*run)(const rig *r), int how)
{
    static const int fails_with[] = { EIO, EINTR, ENOSYS };
    size_t descriptors = process_descriptors(), calls;

    os_faults_begin(OS_FAULTS_NEVER, false, EIO);
    assert_int_equal(run(r), BERTHI_CODE_OK);
    calls = os_faults_calls();
    assert_true(calls > 1);
    for (size_t nth = 0; nth < calls; nth++) {
        berthi_code code;

        os_faults_begin(nth, false, fails_with[how]);
        code = run(r);
        assert_int_equal(os_faults_failed(), 1);
        os_faults_end();
        if (code != BERTHI_CODE_OK)
            assert_int_equal(code, berthi_code_of(fails_with[how]));
        else
            assert_true(how != 0);
        assert_int_equal(process_descriptors(), descriptors);
    }
    os_faults_end();
    assert_int_equal(run(r), BERTHI_CODE_OK);
}

static void each_system_call_may_fail(void **state)
{
    if (!without_openat2()) {
        printf("             not looked at: this build has no BERTH_FAULTS\n");
        skip();
    }
    os_faults_end();
    for (int how = 0; how < 3; how++) {
        each_call_of(*state, try_open, how);
        each_call_of(*state, try_list, how);
        each_call_of(*state, try_names, how);
        each_call_of(*state, try_bytes, how);
    }
}

static void a_folder_that_is_none_has_no_capability(void **state)
{
    const rig *r = *state;
    char path[96];
    int fd = -7;

    snprintf(path, sizeof path, "%s/nowhere", r->base);
    assert_int_equal(berthi_dir_open_root(path, &fd), BERTHI_CODE_NO_ENTRY);
    snprintf(path, sizeof path, "%s/outside.txt", r->base);
    assert_int_equal(berthi_dir_open_root(path, &fd), BERTHI_CODE_NOT_DIRECTORY);
    assert_int_equal(fd, -7);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(paths_reach_what_is_below_and_nothing_else),
        TEST(a_walk_by_parts_finds_what_the_kernel_finds),
        TEST(names_that_are_long_or_no_text_are_answered),
        TEST(links_may_be_forty_deep_and_no_deeper),
        TEST(a_walk_by_parts_has_a_bound_on_depth),
        TEST(opening_makes_and_refuses_as_it_was_told),
        TEST(what_is_refused_was_never_opened),
        TEST(bytes_are_where_they_were_put),
        TEST(offsets_past_every_file_are_refused),
        TEST(times_are_kept_set_and_taken_from_the_clock),
        TEST(names_are_made_moved_and_removed),
        TEST(links_are_stored_relative_and_read_back),
        TEST(a_folder_of_many_entries_is_listed_a_few_at_a_time),
        TEST(a_folder_that_was_removed_lists_nothing),
        TEST(every_code_of_the_system_has_an_errno),
        TEST(a_plain_path_meets_no_link),
        TEST(each_system_call_may_fail),
        TEST(a_folder_that_is_none_has_no_capability),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
