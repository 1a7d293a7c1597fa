/* barrier.c - membarrier(2), private expedited.  Layer: os. */
#include "os/barrier.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/diag.h"
#include "os/fault.h"

static int membarrier(int command)
{
    return (int)syscall(__NR_membarrier, command, 0, 0);
}

bool berthi_barrier_register(void)
{
#ifdef BERTHI_THREAD_SANITIZER
    return false;
#else
    return berthi_os_fault("membarrier") == 0 &&
           membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0 &&
           membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED) == 0;
#endif
}

void berthi_barrier_all(void)
{
    /* The call may need a moment's memory for a set of processors.  It fails for no other reason
     * once it has worked, unless a filter was installed in between. */
    while (membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED) != 0)
        if (errno == ENOMEM || errno == EINTR)
            (void)sched_yield();
        else
            berthi_panic("membarrier worked and now fails with error %d; a filter of system "
                         "calls must allow it, or be there before the runtime is made",
                         errno);
}
