/* crash_test.c - a word before the process dies, and that it dies. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/crash.h"

#include <cmocka.h>

enum { UNHARMED = 77 };

static size_t say_nothing(char *out, size_t room)
{
    (void)out, (void)room;
    return 0;
}

/* Faults in a process of its own, where `handler` was there before; and that ends it.  Sanitizers have
 * handlers of their own, which say what happened and leave. */
static void assert_ends(void (*handler)(int))
{
    volatile char *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pid_t child;
    int how = 0;

    assert_true(page != MAP_FAILED);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)signal(SIGALRM, SIG_DFL);
        (void)signal(SIGSEGV, handler);
        (void)alarm(20);
        if (berthi_crash_enable(say_nothing) == 0)
            *page = 1;
        _exit(UNHARMED);
    }
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_int_equal(munmap((void *)(uintptr_t)page, 4096), 0);
    if (WIFSIGNALED(how))
        assert_int_equal(WTERMSIG(how), SIGSEGV); /* not SIGALRM */
    else
        assert_int_not_equal(WEXITSTATUS(how), UNHARMED);
}

static void a_fault_ends_the_process(void **state)
{
    (void)state;
    assert_ends(SIG_DFL);
}

static void a_fault_that_was_ignored_ends_it_too(void **state)
{
    (void)state;
    assert_ends(SIG_IGN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fault_ends_the_process),
        cmocka_unit_test(a_fault_that_was_ignored_ends_it_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
