/* tests/support/process.h - what the process holds, and children that are expected to die. */
#ifndef BERTHT_PROCESS_H
#define BERTHT_PROCESS_H

#include <stdbool.h>
#include <stddef.h>

size_t process_descriptors(void); /* open ones */
size_t process_threads(void); /* one that was joined may be among them for a moment longer */
/* Until there are no more than `most`; false: patience ended. */
bool process_waits_for_threads(size_t most);
/* What the process has written to and holds.  Exact, as the resident pages in /proc/self/statm are
 * not: there each processor keeps some of the count to itself. */
size_t process_anonymous_bytes(void);

/* False under valgrind, which turns 64 bits into a float by way of a double. */
bool process_rounds_once(void);

/* Runs `run` in a child with standard error closed; the status as waitpid() gives it. */
int process_in_child(void (*run)(void *), void *arg);

/* The test fails unless `run` ends its process with SIGABRT (or a sanitizer's report). */
void process_assert_aborts(void (*run)(void *), void *arg);

#endif
