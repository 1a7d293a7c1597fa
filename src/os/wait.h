/* os/wait.h - waiting for descriptors, a time, and a call to stop, in one system call.  Layer: os. */
#ifndef BERTHI_OS_WAIT_H
#define BERTHI_OS_WAIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct berthi_wait_fd {
    int fd; /* -1: left alone */
    bool for_read, for_write;
    bool is_ready; /* it is, or has failed, which its next use will say */
} berthi_wait_fd;

/* Until one of `fds` is ready, `stop_fd` (-1: none) is readable, or the monotonic clock reads
 * `until_ns` (UINT64_MAX: no end).  `room` has count + 1 places of berthi_wait_room_size() for the call.
 * Returns 0, or an errno value; EINTR is not one of them. */
int berthi_wait_fds(berthi_wait_fd *fds, size_t count, int stop_fd, uint64_t until_ns,
                    void *room, bool *stopped_out);
size_t berthi_wait_room_size(void); /* of one place */

/* A descriptor that becomes readable for good once it is set; an errno value. */
int berthi_latch_open(int *fd_out);
void berthi_latch_set(int fd);
void berthi_latch_clear(int fd); /* it is not, until it is set again */
void berthi_latch_close(int fd); /* -1 is left alone */

#endif
