/* sealed.c - a private mapping that loses the right to be written.  Layer: os. */
#include "os/sealed.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "os/fault.h"

int berthi_os_seal(const void *bytes, size_t size, void **sealed_out)
{
    int code = berthi_os_fault("mmap");
    void *at;

    if (code != 0)
        return code;
    at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        return errno;
    memcpy(at, bytes, size);
    code = berthi_os_fault("mprotect");
    if (code == 0 && mprotect(at, size, PROT_READ) != 0)
        code = errno;
    if (code != 0) {
        munmap(at, size);
        return code;
    }
    *sealed_out = at;
    return 0;
}

void berthi_os_unseal(void *sealed, size_t size)
{
    munmap(sealed, size);
}
