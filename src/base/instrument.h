/* base/instrument.h - what MemorySanitizer cannot find out by itself.  Layer: base.
 *
 * It sees what instrumented code does.  The msan preset runs with poison_in_malloc=0, so that
 * memory which a library of the system takes for itself counts as written; our own door to memory
 * says itself what is fresh, and whoever lets such a library write says what it wrote.
 */
#ifndef BERTHI_BASE_INSTRUMENT_H
#define BERTHI_BASE_INSTRUMENT_H

#include <stddef.h>

#if defined(__has_feature)
#if __has_feature(memory_sanitizer)
#define BERTHI_MEMORY_SANITIZER 1
#include <sanitizer/msan_interface.h>
#endif
#endif

static inline void berthi_uninitialized(void *p, size_t size)
{
#ifdef BERTHI_MEMORY_SANITIZER
    __msan_allocated_memory(p, size);
#else
    (void)p;
    (void)size;
#endif
}

/* Before a call of a library that is not instrumented: its frames will lie where ours were, and
 * what those left uninitialized is not what it leaves so. */
#ifdef BERTHI_MEMORY_SANITIZER
enum { BERTHI_FOREIGN_STACK = 64 * 1024 };

__attribute__((noinline, unused)) static void berthi_calling_out(void)
{
    const char *here = __builtin_frame_address(0);

    __msan_unpoison(here - BERTHI_FOREIGN_STACK, BERTHI_FOREIGN_STACK);
}
#else
static inline void berthi_calling_out(void)
{
}
#endif

static inline void berthi_initialized(const void *p, size_t size)
{
#ifdef BERTHI_MEMORY_SANITIZER
    __msan_unpoison(p, size);
#else
    (void)p;
    (void)size;
#endif
}

#endif
