/* os/poll_set.h - a set of descriptors, each asked about once at a time: epoll(7).  Layer: os.
 *
 * Each function returns 0 or an errno value; EINTR is none of them. */
#ifndef BERTHI_OS_POLL_SET_H
#define BERTHI_OS_POLL_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BERTHI_POLL_READ = 1, BERTHI_POLL_WRITE = 2 };
enum {                          /* instead of an errno value */
       BERTHI_POLL_ALWAYS = -1, /* it is always ready, and not waited for */
       BERTHI_POLL_KNOWN = -2   /* it is new, and in the set already */
};

int berthi_poll_set_open(int *set_out);
void berthi_poll_set_close(int set);
/* Says `key` once, when the descriptor is ready for one of `events` or has failed; also when it is so now.  Then it
 * is asked nothing until the next time.  `is_new`: it is not in the set yet.
 * ALWAYS: a regular file, most devices.  KNOWN: somebody else asks about it. */
int berthi_poll_set_arm(int set, int fd, uint32_t events, uint64_t key, bool is_new);
void berthi_poll_set_remove(int set, int fd);
/* A set knows a descriptor once.  This is another one of the same file, for a second who asks about it. */
int berthi_poll_set_twin(int fd, int *twin_out);
void berthi_poll_set_drop_twin(int twin); /* not in a set any more */
/* Says `key` each time berthi_latch_set() is called of the latch (os/wait.h). */
int berthi_poll_set_add_latch(int set, int latch, uint64_t key);
/* Until something is ready, or the monotonic clock reads `until_ns` (UINT64_MAX: no end). */
int berthi_poll_set_wait(int set, uint64_t *keys, size_t room, uint64_t until_ns,
                         size_t *count_out);

#endif
