/* os/barrier.h - a barrier on all threads of the process, paid by the one who asks.  Layer: os. */
#ifndef BERTHI_OS_BARRIER_H
#define BERTHI_OS_BARRIER_H

#include <stdbool.h>

#if defined(__SANITIZE_THREAD__)
#define BERTHI_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define BERTHI_THREAD_SANITIZER 1
#endif
#endif

/* True when berthi_barrier_all() works here; false where the kernel lacks or filters it, and
 * under ThreadSanitizer, which does not see it. */
bool berthi_barrier_register(void);

/* Every thread of the process executes a full memory barrier before this returns. */
void berthi_barrier_all(void);

#endif
