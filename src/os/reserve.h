/* os/reserve.h - asking for address space before somebody aborts for want of it.  Layer: os. */
#ifndef BERTHI_OS_RESERVE_H
#define BERTHI_OS_RESERVE_H

#include <stdbool.h>
#include <stdint.h>

/* Maps `bytes` of fresh address space and gives them back at once.  `writable` asks for memory
 * that may be written, which strict overcommit counts; otherwise for bare addresses.
 * 0, or the errno.  Thread: any; another thread may take the space in between. */
int berthi_os_try_reserve(uint64_t bytes, bool writable);

#endif
