/* reserve.c - a trial mapping.  Layer: os. */
#include "os/reserve.h"

#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>

#include "os/fault.h"

int berthi_os_try_reserve(uint64_t bytes, bool writable)
{
    int protection = writable ? PROT_READ | PROT_WRITE : PROT_NONE;
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    void *at;
    int code;

    if (bytes == 0)
        return 0;
    if (bytes > SIZE_MAX)
        return ENOMEM;
    code = berthi_os_fault("mmap");
    if (code != 0)
        return code;
    at = mmap(NULL, (size_t)bytes, protection, flags, -1, 0);
    if (at == MAP_FAILED)
        return errno;
    munmap(at, (size_t)bytes);
    return 0;
}
