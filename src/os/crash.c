/* crash.c - a word before the process dies.  Layer: os.
 *
 * Engines catch signals of their guests and go on: so the note decides whether there is anything to say,
 * and what was there before decides what happens. */
#include "os/crash.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "os/fault.h"
#include "os/thread.h"

enum { COUNT = 5, LINE_SIZE = 1024 };

static const int numbers[COUNT] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT };
static struct sigaction before[COUNT];
static _Atomic(berthi_crash_note) note;
static berthi_mutex enabling = BERTHI_MUTEX_INIT;
static bool is_enabled; /* guarded by enabling */

static void write_note(void)
{
    berthi_crash_note write_it = atomic_load(&note);
    char line[LINE_SIZE];
    size_t size = write_it == NULL ? 0 : write_it(line, sizeof line), done = 0;

    while (done < size) {
        ssize_t n = write(STDERR_FILENO, line + done, size - done);

        if (n <= 0)
            return;
        done += (size_t)n;
    }
}

static void hand_on(int which, int number, siginfo_t *info, void *context)
{
    static const struct sigaction by_default; /* SIG_DFL is 0 */
    const struct sigaction *old = &before[which];

    if ((old->sa_flags & SA_SIGINFO) != 0) {
        old->sa_sigaction(number, info, context);
    } else if (old->sa_handler == SIG_DFL ||
               (old->sa_handler == SIG_IGN && info->si_code > 0)) {
        /* A fault cannot be ignored: the instruction would fault for ever. */
        (void)sigaction(number, &by_default, NULL);
        if (info->si_code <= 0) /* it was sent; a fault comes again by itself */
            (void)raise(number);
    } else if (old->sa_handler != SIG_IGN) {
        old->sa_handler(number);
    }
}

static void on_signal(int number, siginfo_t *info, void *context)
{
    int code = errno, which = 0;

    while (which < COUNT - 1 && numbers[which] != number)
        which++;
    write_note();
    errno = code;
    hand_on(which, number, info, context);
}

int berthi_crash_enable(berthi_crash_note note_in)
{
    struct sigaction action;
    int code = 0;

    memset(&action, 0, sizeof action);
    action.sa_sigaction = on_signal;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    (void)sigemptyset(&action.sa_mask);
    berthi_mutex_lock(&enabling);
    atomic_store(&note, note_in);
    for (int i = 0; i < COUNT && !is_enabled && code == 0; i++) {
        code = berthi_os_fault("sigaction");
        if (code == 0 && sigaction(numbers[i], &action, &before[i]) != 0)
            code = errno;
        for (int k = 0; code != 0 && k < i; k++)
            (void)sigaction(numbers[k], &before[k], NULL);
    }
    is_enabled |= code == 0;
    berthi_mutex_unlock(&enabling);
    return code;
}
