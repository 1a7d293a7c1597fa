/* random.c - the system's random bytes.  Layer: os. */
#include "os/random.h"

#include <errno.h>
#include <sys/random.h>

#include "os/fault.h"

int berthi_random_fill(void *to, size_t size)
{
    unsigned char *at = to;

    while (size > 0) {
        ssize_t got;

        errno = berthi_os_fault("getrandom");
        got = errno != 0 ? -1 : getrandom(at, size, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return errno;
        at += got;
        size -= (size_t)got;
    }
    return 0;
}
