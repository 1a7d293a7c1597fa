/* os/poll_set.h - a set of descriptors, each asked about once at a time: epoll(7).  Layer: os.
 *
 * Each function returns 0 or an errno value; EINTR is none of them. */
#ifndef BERTHI_OS_POLL_SET_H
#define BERTHI_OS_POLL_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BERTHI_POLL_READ = 1, BERTHI_POLL_WRITE = 2 };
enum {
    BERTHI_POLL_ALWAYS = -1
}; /* instead of an errno value: it is always ready, and not waited for */

int berthi_poll_set_open(int *set_out);
void berthi_poll_set_close(int set);
/* Says `key` once, when the descriptor is ready for one of `events` or has failed; also when it is so now.  Then it
 * is asked nothing until the next time.  `is_new`: it is not in the set yet.
 * ALWAYS: a regular file, most devices. */
int berthi_poll_set_arm(int set, int fd, uint32_t events, uint64_t key, bool is_new);
void berthi_poll_set_remove(int set, int fd);
/* Says `key` each time berthi_latch_set() is called of the latch (os/wait.h). */
int berthi_poll_set_add_latch(int set, int latch, uint64_t key);
/* Until something is ready, or the monotonic clock reads `until_ns` (UINT64_MAX: no end). */
int berthi_poll_set_wait(int set, uint64_t *keys, size_t room, uint64_t until_ns,
                         size_t *count_out);

#endif
