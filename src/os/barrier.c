/* barrier.c - membarrier(2), private expedited.  Layer: os. */
#include "os/barrier.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/diag.h"
#include "os/fault.h"

#if defined(__SANITIZE_THREAD__)
#define UNSEEN_BY_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define UNSEEN_BY_SANITIZER 1
#endif
#endif

static int membarrier(int command)
{
    return (int)syscall(__NR_membarrier, command, 0, 0);
}

bool berthi_barrier_register(void)
{
#ifdef UNSEEN_BY_SANITIZER
    return false;
#else
    return berthi_os_fault("membarrier") == 0 &&
           membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0 &&
           membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED) == 0;
#endif
}

void berthi_barrier_all(void)
{
    /* It worked when it was registered, and the kernel documents no later failure. */
    if (membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED) != 0)
        berthi_panic("membarrier: error %d", errno);
}
