/* backtrace.c - where another thread is.  Layer: os.
 *
 * The thread itself looks at its stack, in a handler: that is the only way to a stack that is in use.
 * What glibc needs for it is loaded before, since a handler must not load anything.  SIGURG, whose default
 * is to be ignored: one that arrives late, or when nobody asks, does no harm. */
#include "os/backtrace.h"

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/thread.h"

enum { FRAMES_MAX = 64, OWN_FRAMES = 2 /* the handler, and what called it */ };
#define PATIENCE_NS UINT64_C(200000000)

enum { IDLE, ASKED, WRITING, WRITTEN };

static berthi_mutex one_at_a_time = BERTHI_MUTEX_INIT;
static atomic_int state;
static atomic_uint_least64_t asked; /* the thread */
static void *frames[FRAMES_MAX];
static int frames_count;
static bool is_installed; /* guarded by one_at_a_time */
static struct sigaction before;

static void on_signal(int number, siginfo_t *info, void *context)
{
    int expected = ASKED, code = errno;

    if (atomic_load(&asked) == berthi_thread_number() &&
        atomic_compare_exchange_strong(&state, &expected, WRITING)) {
        frames_count = backtrace(frames, FRAMES_MAX);
        atomic_store(&state, WRITTEN);
    } else if ((before.sa_flags & SA_SIGINFO) != 0) {
        before.sa_sigaction(number, info, context);
    } else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) {
        before.sa_handler(number);
    }
    errno = code;
}

static bool install(void)
{
    struct sigaction action;
    void *first[1];

    if (is_installed)
        return true;
    (void)backtrace(first, 1); /* loads what it needs */
    memset(&action, 0, sizeof action);
    action.sa_sigaction = on_signal;
    action.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
    (void)sigemptyset(&action.sa_mask);
    is_installed = sigaction(SIGURG, &action, &before) == 0;
    return is_installed;
}

/* By the nearest symbol that its file exports; else by the file, which addr2line understands. */
static size_t show(const void *at, char *out, size_t room)
{
    Dl_info info;
    const char *name;
    int size;

    if (dladdr(at, &info) == 0)
        size = snprintf(out, room, "\n  at %p", at);
    else if (info.dli_sname != NULL)
        size = snprintf(out, room, "\n  at %s+0x%zx", info.dli_sname,
                        (size_t)((const char *)at - (const char *)info.dli_saddr));
    else {
        name = strrchr(info.dli_fname, '/');
        name = strncmp(info.dli_fname, "/proc/self", 10) == 0 ? "plugin"
               : name == NULL                                 ? info.dli_fname
                                                              : name + 1;
        size = snprintf(out, room, "\n  at %s+0x%zx", name,
                        (size_t)((const char *)at - (const char *)info.dli_fbase));
    }
    return size < 0 || (size_t)size >= room ? 0 : (size_t)size;
}

void berthi_thread_backtrace(uint64_t thread, unsigned frames_max, char *out, size_t room)
{
    uint64_t until = berthi_clock_ns() + PATIENCE_NS;
    int expected = ASKED;
    size_t used;

    berthi_mutex_lock(&one_at_a_time);
    snprintf(out, room, "\n  ...");
    if (!install())
        goto done;
    atomic_store(&asked, thread);
    atomic_store(&state, ASKED);
    if (syscall(SYS_tgkill, getpid(), (pid_t)thread, SIGURG) != 0) {
        atomic_store(&state, IDLE);
        goto done;
    }
    while (atomic_load(&state) != WRITTEN && berthi_clock_ns() < until)
        berthi_thread_yield();
    if (atomic_compare_exchange_strong(&state, &expected, IDLE))
        goto done; /* it did not come; when it comes, it does nothing */
    while (atomic_load(&state) != WRITTEN)
        berthi_thread_yield();
    for (int i = OWN_FRAMES; i < frames_count && i < OWN_FRAMES + (int)frames_max; i++) {
        used = show(frames[i], out, room);
        if (used == 0)
            break;
        out += used;
        room -= used;
    }
    atomic_store(&state, IDLE);
done:
    berthi_mutex_unlock(&one_at_a_time);
}
