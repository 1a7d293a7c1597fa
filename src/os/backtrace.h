/* os/backtrace.h - where another thread is.  Layer: os. */
#ifndef BERTHI_OS_BACKTRACE_H
#define BERTHI_OS_BACKTRACE_H

#include <stddef.h>
#include <stdint.h>

/* Interrupts the thread of that number (os/thread.h), and writes a line for each frame, at most
 * `frames_max` of them: "\n  at PLACE+OFFSET".  It waits for a moment; a thread that has the signal
 * (SIGURG) blocked gives "\n  ...".  The handler stays, and hands on what is not ours.
 * Thread: any; one at a time. */
void berthi_thread_backtrace(uint64_t thread, unsigned frames_max, char *out, size_t room);

#endif
