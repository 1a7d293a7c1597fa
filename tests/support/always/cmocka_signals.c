/* cmocka_signals.c - keeps cmocka's hands off the signals that engines live by.
 *
 * cmocka puts handlers of its own over SIGSEGV, SIGILL, SIGFPE and SIGBUS for the time of each
 * test, and with that over the engine's, to which these signals are the traps of guests.  It does
 * so through signal(), which nobody else here calls; so this one leaves those signals as they
 * are.  A real crash ends the test program, with a sanitizer's report where there is one.
 */
#include <signal.h>
#include <stddef.h>

void (*signal(int number, void (*handler)(int)))(int)
{
    struct sigaction now, before;

    if (number == SIGSEGV || number == SIGILL || number == SIGFPE || number == SIGBUS)
        return SIG_DFL;
    now = (struct sigaction){ .sa_handler = handler, .sa_flags = SA_RESTART };
    if (sigaction(number, &now, &before) != 0)
        return SIG_ERR;
    return before.sa_handler;
}
