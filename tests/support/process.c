/* process.c - /proc/self and fork(). */
#include "process.h"

#include <dirent.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

bool process_rounds_once(void)
{
    volatile uint64_t number = 4611686293305294849u;

    return (float)number == 4611686568183201792.0f;
}

static size_t entries(const char *path)
{
    DIR *dir = opendir(path);
    size_t n = 0;

    assert_non_null(dir);
    for (const struct dirent *e = readdir(dir); e != NULL; e = readdir(dir))
        n += e->d_name[0] != '.';
    closedir(dir);
    return n;
}

size_t process_descriptors(void)
{
    return entries("/proc/self/fd") - 1; /* the folder's own */
}

size_t process_threads(void)
{
    return entries("/proc/self/task");
}

bool process_waits_for_threads(size_t most)
{
    bool are_gone = process_threads() <= most;

    for (unsigned n = 0; !are_gone && n < 60000; n++) {
        (void)poll(NULL, 0, 1); /* a thread that is joined tells nobody when it is gone */
        are_gone = process_threads() <= most;
    }
    return are_gone;
}

size_t process_anonymous_bytes(void)
{
    FILE *file = fopen("/proc/self/smaps_rollup", "r");
    size_t kib = 0;
    char line[256];

    if (file == NULL) /* a kernel before 4.14: the same, for each mapping */
        file = fopen("/proc/self/smaps", "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, "Anonymous:", 10) == 0)
            kib += (size_t)strtoul(line + 10, NULL, 10);
    fclose(file);
    return kib * 1024;
}

int process_in_child(void (*run)(void *), void *arg)
{
    int status = 0;
    pid_t child;

    fflush(NULL);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)signal(SIGABRT, SIG_DFL);
        (void)close(STDERR_FILENO);
        run(arg);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

void process_assert_aborts(void (*run)(void *), void *arg)
{
    int status = process_in_child(run, arg);

    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}
