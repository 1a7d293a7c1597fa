/* os/dir_code.h - what os/dir*.c share.  Layer: os. */
#ifndef BERTHI_OS_DIR_CODE_H
#define BERTHI_OS_DIR_CODE_H

#include <errno.h>
#include <time.h>

#include "os/dir.h"
#include "os/fault.h"

static inline bool berthi_dir_fails(const char *call)
{
    errno = berthi_os_fault(call);
    return errno != 0;
}

/* As utimensat() takes them.  Fails: INVALID (a nanosecond that is none). */
berthi_code berthi_dir_times(berthi_new_time accessed, berthi_new_time modified,
                             struct timespec times_out[2]);

#endif
