/* os/fault.h - lets a test fail the nth system call.  Layer: os.
 *
 * With BERTH_FAULTS every wrapper of a system call asks the hook first; a non-zero answer is the
 * errno to fail with.  Without it the question is a constant and the compiler drops it. */
#ifndef BERTHI_OS_FAULT_H
#define BERTHI_OS_FAULT_H

#ifdef BERTH_FAULTS
#include <stdatomic.h>
#include <stddef.h>

typedef int (*berthi_os_fault_hook)(const char *call);
extern _Atomic(berthi_os_fault_hook) berthi_os_fault_set; /* NULL: nothing fails */
static inline int berthi_os_fault(const char *call)
{
    berthi_os_fault_hook hook = atomic_load(&berthi_os_fault_set);

    return hook == NULL ? 0 : hook(call);
}
#else
static inline int berthi_os_fault(const char *call)
{
    (void)call;
    return 0;
}
#endif

#endif
