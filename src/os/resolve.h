/* os/resolve.h - looking up names without waiting for the answer.  Layer: os.
 *
 * The C library asks the network in its own time (tens of seconds, when a server does not answer) and cannot
 * be told to stop.  So every look-up is a thread of its own, which makes a descriptor readable when it
 * has the answer.  Who does not want the answer any more drops it; the thread then goes on until the
 * library gives up, and frees what it has.  It touches nothing of its asker's: its state is a mapping of
 * its own, no memory of an allocator that may be gone, and the library is linked so that it is never
 * unmapped.  The threads are counted, and no more than BERTHI_RESOLVE_MAX of them live in a process,
 * dropped ones among them: a plugin that asks for names of servers that do not answer runs out of
 * look-ups, and nothing else.
 *
 * A resolver of our own over sockets would need no threads, and would know none of what the
 * machine's administrator set up besides DNS. */
#ifndef BERTHI_OS_RESOLVE_H
#define BERTHI_OS_RESOLVE_H

#include "os/socket.h"

enum { BERTHI_RESOLVE_MAX = 32, BERTHI_RESOLVE_NAME_MAX = 253, BERTHI_RESOLVE_ADDRESSES = 64 };

typedef struct berthi_resolving berthi_resolving;

/* Gives *resolving_out; end it with berthi_resolve_drop().
 * Fails: NAME_TOO_LONG, TOO_MANY_OPEN (BERTHI_RESOLVE_MAX, or no descriptor), NO_MEMORY. */
berthi_code berthi_resolve_start(const char *name, size_t size,
                                 berthi_resolving **resolving_out);
int berthi_resolve_fd(const berthi_resolving *r); /* readable when there is an answer */
/* Lends the addresses, at most BERTHI_RESOLVE_ADDRESSES, with port 0.
 * Fails: WOULD_BLOCK, NAME_UNKNOWN, RESOLVER_TRY, RESOLVER_FAILED, NO_MEMORY. */
berthi_code berthi_resolve_answer(const berthi_resolving *r,
                                  const berthi_address **addresses_out, uint32_t *count_out);
void berthi_resolve_drop(berthi_resolving *r);

/* How many threads of the process look something up, or will be gone in a moment. */
uint32_t berthi_resolve_living(void);

#endif
