/* os/stdio.h - the standard streams of this process, for plugins that were given them.  Layer: os. */
#ifndef BERTHI_OS_STDIO_H
#define BERTHI_OS_STDIO_H

#include <stdbool.h>
#include <stddef.h>

#include "os/code.h"

enum {
    BERTHI_STDIO_ROOM = 4096
}; /* what a stream that can be written to takes at once: PIPE_BUF */

/* Reads or writes what goes without waiting, where the stream can be waited for (a pipe, a terminal).  WOULD_BLOCK: wait.  *size_io is how much was meant, then how much it was; 0 read: the end. */
berthi_code berthi_stdio_read(int fd, void *to, size_t *size_io);
berthi_code berthi_stdio_write(int fd, const void *from, size_t *size_io);
bool berthi_stdio_is_terminal(int fd);

#endif
