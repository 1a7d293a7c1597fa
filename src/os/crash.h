/* os/crash.h - a word before the process dies.  Layer: os. */
#ifndef BERTHI_OS_CRASH_H
#define BERTHI_OS_CRASH_H

#include <stddef.h>

/* Writes a line into `out` and gives its size; 0: there is nothing to say.  Runs in a signal handler. */
typedef size_t (*berthi_crash_note)(char *out, size_t room);

/* From now on a fatal signal of this process (SEGV, BUS, ILL, FPE, ABRT) writes the note to standard
 * error, and then goes to whoever had it before.  0, or an errno.  Once is enough. */
int berthi_crash_enable(berthi_crash_note note);

#endif
