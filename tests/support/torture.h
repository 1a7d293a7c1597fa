/* tests/support/torture.h - what torture tests share: patience, waiting and saying what came. */
#ifndef BERTHT_TORTURE_H
#define BERTHT_TORTURE_H

#include <sched.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* How long a test tries to provoke what it wants to see before it fails.  Generous: the machine
 * may be slow, and busy with other tests. */
#define TORTURE_PATIENCE_NS ((uint64_t)240 * 1000000000u)
/* How long it goes on after that for the sake of numbers: what a quick machine does in seconds. */
#define TORTURE_EFFORT_NS   ((uint64_t)5 * 1000000000u)

static inline void torture_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
static inline void torture_say(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    printf("             ");
    vprintf(format, args);
    printf("\n");
    fflush(stdout);
    va_end(args);
}

static inline uint64_t torture_now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline int torture_processors(void)
{
    cpu_set_t set;

    return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

/* Keeps the calling thread on the nth processor that the process may use, so that two threads
 * that have to meet do not share one.  Elsewhere it changes nothing. */
static inline void torture_use_processor(int nth)
{
    cpu_set_t set, one;

    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return;
    CPU_ZERO(&one);
    for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &set) && nth-- == 0)
            CPU_SET(cpu, &one);
    if (CPU_COUNT(&one) == 1)
        (void)sched_setaffinity(0, sizeof one, &one);
}

static inline void torture_use_any_processor(void)
{
    cpu_set_t set;

    memset(&set, 0xff, sizeof set);
    (void)sched_setaffinity(0, sizeof set, &set);
}

#endif
