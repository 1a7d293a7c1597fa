/* steps.c - how many instructions an operation executes, counted by stepping through it.
 *
 * Time on a shared machine is noise, and virtual ones have no counters; steps are neither.  A
 * child process traces this one's first thread and steps between two signals that the thread sends
 * to itself.  The least of several counts is the usual way: now and then a tick falls in between.
 */
#include "bench.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SAMPLES = 16, WARM = 3, STEPS_MAX = 1 << 20 };

/* The tracer.  The thread stops at each signal that it gets: SIGUSR1 where steps are counted from
 * and to, SIGUSR2 at the end. */
static uint64_t count_steps(pid_t traced)
{
    uint64_t least = UINT64_MAX, steps = 0;
    int status;

    for (;;) {
        if (waitpid(traced, &status, __WALL) != traced || !WIFSTOPPED(status))
            return 0;
        if (WSTOPSIG(status) == SIGUSR2)
            return least;
        if (WSTOPSIG(status) == SIGUSR1 && steps == 0) {
            steps = 1;
        } else if (WSTOPSIG(status) == SIGUSR1) {
            least = steps < least ? steps : least;
            steps = 0;
        } else {
            steps += WSTOPSIG(status) == SIGTRAP;
        }
        if (ptrace(steps != 0 && steps < STEPS_MAX ? PTRACE_SINGLESTEP : PTRACE_CONT, traced,
                   NULL, NULL) != 0)
            return 0;
    }
}

static void trace(pid_t traced, int go, int ready, int done)
{
    char byte = 0;
    uint64_t least;

    if (read(go, &byte, 1) != 1 || ptrace(PTRACE_SEIZE, traced, NULL, NULL) != 0 ||
        write(ready, &byte, 1) != 1)
        _exit(1);
    least = count_steps(traced);
    (void)ptrace(PTRACE_DETACH, traced, NULL, NULL);
    _exit(write(done, &least, sizeof least) == (ssize_t)sizeof least ? 0 : 1);
}

/* 0: this machine does not let us. */
static uint64_t least_steps(bench_loop run, void *ctx, uint64_t times)
{
    pid_t traced = getpid(), child;
    uint64_t least = 0;
    int go[2], ready[2], done[2];
    char byte = 0;

    if (pipe(go) != 0 || pipe(ready) != 0 || pipe(done) != 0)
        return 0;
    child = fork();
    if (child == 0)
        trace(traced, go[0], ready[1], done[1]);
    close(ready[1]);
    close(done[1]);
    (void)prctl(PR_SET_PTRACER, child, 0, 0, 0);
    if (child > 0 && write(go[1], &byte, 1) == 1 && read(ready[0], &byte, 1) == 1) {
        for (int i = 0; i < SAMPLES; i++) {
            run(ctx, WARM);
            raise(SIGUSR1);
            run(ctx, times);
            raise(SIGUSR1);
        }
        raise(SIGUSR2);
        if (read(done[0], &least, sizeof least) != (ssize_t)sizeof least)
            least = 0;
    }
    if (child > 0)
        (void)waitpid(child, NULL, 0);
    close(go[0]), close(go[1]), close(ready[0]), close(done[0]);
    return least;
}

uint64_t bench_steps(bench_loop run, void *ctx)
{
    uint64_t none = least_steps(run, ctx, 0), one = least_steps(run, ctx, 1);
    uint64_t two = least_steps(run, ctx, 2);

    if (none == 0 || one <= none)
        return 0;
    /* The first has the loop's preparation in it; the second may begin a tick after the first. */
    return two > one && two - one < one - none ? two - one : one - none;
}
