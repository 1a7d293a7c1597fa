/* file_test.c - a file is read whole and unchanged, or the reader says why not. */
#include "os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "memory.h"
#include "os_faults.h"
#include "process.h"

#include <cmocka.h>

enum { SIZE = 70000 };

typedef struct rig {
    char folder[64], path[96], other[96];
    unsigned char bytes[SIZE];
    bertht_memory memory;
    berth_allocator allocator;
    size_t descriptors;
} rig;

static void write_file(const char *path, const void *bytes, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    struct timespec old[2] = { { .tv_sec = 1000000000 }, { .tv_sec = 1000000000 } };

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), size);
    /* Long ago, so that any change moves it whatever the file system's resolution is. */
    assert_int_equal(futimens(fd, old), 0);
    assert_int_equal(close(fd), 0);
}

static int setup(void **state)
{
    rig *r = calloc(1, sizeof *r);

    assert_non_null(r);
    snprintf(r->folder, sizeof r->folder, "/tmp/berth-file-XXXXXX");
    assert_non_null(mkdtemp(r->folder));
    snprintf(r->path, sizeof r->path, "%s/artifact", r->folder);
    snprintf(r->other, sizeof r->other, "%s/other", r->folder);
    for (size_t i = 0; i < SIZE; i++)
        r->bytes[i] = (unsigned char)(i * 2654435761u >> 13);
    write_file(r->path, r->bytes, SIZE);
    memory_init(&r->memory);
    r->allocator = memory_allocator(&r->memory);
    r->descriptors = process_descriptors();
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    rig *r = *state;

    os_faults_end();
    (void)unlink(r->path);
    (void)unlink(r->other);
    assert_int_equal(rmdir(r->folder), 0);
    memory_assert_empty(&r->memory);
    assert_int_equal(process_descriptors(), r->descriptors);
    free(r);
    return 0;
}

static void assert_refused(rig *r, const char *path, uint64_t size_max, berth_status want)
{
    berthi_file_bytes file = { (uint8_t *)r, 77 };
    berth_diag diag = { 0 };

    assert_int_equal(berthi_file_read(&r->allocator, path, size_max, &file, &diag), want);
    assert_int_equal(diag.status, want);
    assert_non_null(strstr(diag.text, path)); /* which file */
    assert_ptr_equal(file.data, r);           /* untouched */
    assert_int_equal(file.size, 77);
    memory_assert_empty(&r->memory);
}

static void assert_read(rig *r, const unsigned char *bytes, size_t size)
{
    berthi_file_bytes file = { NULL, 0 };

    assert_int_equal(berthi_file_read(&r->allocator, r->path, SIZE, &file, NULL), BERTH_OK);
    assert_int_equal(file.size, size);
    assert_memory_equal(file.data, bytes, size);
    berthi_file_free(&r->allocator, &file);
    berthi_file_free(&r->allocator, &file); /* twice is harmless */
}

static void a_file_is_read_whole(void **state)
{
    rig *r = *state;

    assert_read(r, r->bytes, SIZE);
    write_file(r->path, r->bytes, 1);
    assert_read(r, r->bytes, 1);
}

static void an_empty_file_is_no_bytes(void **state)
{
    rig *r = *state;
    berthi_file_bytes file = { NULL, 9 };

    write_file(r->path, "", 0);
    assert_int_equal(berthi_file_read(&r->allocator, r->path, 0, &file, NULL), BERTH_OK);
    assert_int_equal(file.size, 0);
    assert_non_null(file.data);
    berthi_file_free(&r->allocator, &file);
}

static void the_limit_is_a_size_that_still_fits(void **state)
{
    rig *r = *state;
    berthi_file_bytes file;
    berth_diag diag;

    assert_int_equal(berthi_file_read(&r->allocator, r->path, SIZE, &file, NULL), BERTH_OK);
    berthi_file_free(&r->allocator, &file);
    assert_refused(r, r->path, SIZE - 1, BERTH_E_LIMIT);
    assert_int_equal(berthi_file_read(&r->allocator, r->path, SIZE - 1, &file, &diag),
                     BERTH_E_LIMIT);
    assert_int_equal(diag.reason, BERTH_REASON_ARTIFACT);
    assert_int_equal(atomic_load(&r->memory.calls),
                     1); /* refused before anything is allocated */
}

static void what_is_not_a_regular_file_is_refused_at_once(void **state)
{
    rig *r = *state;
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    int fd;

    assert_refused(r, r->folder, SIZE, BERTH_E_INVALID);
    assert_refused(r, "/dev/null", SIZE, BERTH_E_INVALID);
    assert_int_equal(mkfifo(r->other, 0600), 0);
    assert_refused(r, r->other, SIZE, BERTH_E_INVALID); /* nobody writes: must not wait */
    assert_int_equal(unlink(r->other), 0);

    snprintf(at.sun_path, sizeof at.sun_path, "%s", r->other);
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_refused(r, r->other, SIZE, BERTH_E_OS);
    assert_int_equal(close(fd), 0);
}

static void a_file_that_is_not_there_is_named(void **state)
{
    rig *r = *state;
    berthi_file_bytes file;
    berth_diag diag;

    assert_refused(r, r->other, SIZE, BERTH_E_OS);
    assert_int_equal(berthi_file_read(&r->allocator, r->other, SIZE, &file, &diag), BERTH_E_OS);
    assert_int_equal(diag.os_code, ENOENT);
}

/* A file of the proc file system says that it is empty, and is not. */
static void a_file_with_more_than_it_says_is_refused(void **state)
{
    assert_refused(*state, "/proc/self/maps", SIZE, BERTH_E_STATE);
}

static void a_file_without_memory_for_it_is_refused(void **state)
{
    rig *r = *state;

    memory_fail(&r->memory, 0, true);
    assert_refused(r, r->path, SIZE, BERTH_E_NOMEM);
}

/* ---- somebody writes while it is being read ---- */

#ifdef BERTH_FAULTS
static void change_one_byte(void *arg)
{
    rig *r = arg;
    int fd = open(r->path, O_WRONLY);

    assert_int_equal(pwrite(fd, "!", 1, SIZE / 2), 1);
    assert_int_equal(close(fd), 0);
}

static void append_a_byte(void *arg)
{
    rig *r = arg;
    int fd = open(r->path, O_WRONLY | O_APPEND);

    assert_int_equal(write(fd, "!", 1), 1);
    assert_int_equal(close(fd), 0);
}

static void cut_a_byte(void *arg)
{
    assert_int_equal(truncate(((rig *)arg)->path, SIZE - 1), 0);
}

static void empty_it(void *arg)
{
    assert_int_equal(truncate(((rig *)arg)->path, 0), 0);
}

static void replace_it(void *arg)
{
    rig *r = arg;

    write_file(r->other, "another", 7);
    assert_int_equal(rename(r->other, r->path), 0);
}

static void remove_it(void *arg)
{
    assert_int_equal(unlink(((rig *)arg)->path), 0);
}

static void a_file_that_changes_while_it_is_read_is_refused(void **state)
{
    static void (*const changes[])(void *) = { change_one_byte, append_a_byte, cut_a_byte,
                                               empty_it };
    rig *r = *state;

    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++)
        for (size_t nth = 0; nth < 2; nth++) { /* before the first read, and after it */
            write_file(r->path, r->bytes, SIZE);
            os_faults_begin(nth, false, 0);
            os_faults_only("read");
            os_faults_intrude(changes[i], r);
            assert_refused(r, r->path, 2 * SIZE, BERTH_E_STATE);
            assert_true(os_faults_calls() > nth); /* it did change in between */
            os_faults_end();
        }
    write_file(r->path, r->bytes, SIZE);
    assert_read(r, r->bytes, SIZE);
}

/* The advice in the message: a rename never shows half of anything. */
static void a_file_that_is_replaced_while_it_is_read_gives_the_old_one_whole(void **state)
{
    rig *r = *state;

    os_faults_begin(0, false, 0);
    os_faults_only("read");
    os_faults_intrude(replace_it, r);
    assert_read(r, r->bytes, SIZE);
    os_faults_end();
    assert_read(r, (const unsigned char *)"another", 7);
    os_faults_begin(0, false, 0);
    os_faults_only("read");
    os_faults_intrude(remove_it, r);
    assert_read(r, (const unsigned char *)"another", 7);
    os_faults_end();
}

static void an_interrupted_read_goes_on(void **state)
{
    rig *r = *state;

    os_faults_begin(0, false, EINTR);
    os_faults_only("read");
    assert_read(r, r->bytes, SIZE);
    assert_int_equal(os_faults_failed(), 1);
}
#endif

#define HERE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        HERE(a_file_is_read_whole),
        HERE(an_empty_file_is_no_bytes),
        HERE(the_limit_is_a_size_that_still_fits),
        HERE(what_is_not_a_regular_file_is_refused_at_once),
        HERE(a_file_that_is_not_there_is_named),
        HERE(a_file_with_more_than_it_says_is_refused),
        HERE(a_file_without_memory_for_it_is_refused),
#ifdef BERTH_FAULTS
        HERE(a_file_that_changes_while_it_is_read_is_refused),
        HERE(a_file_that_is_replaced_while_it_is_read_gives_the_old_one_whole),
        HERE(an_interrupted_read_goes_on),
#endif
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
