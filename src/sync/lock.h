/* sync/lock.h - mutexes with a rank, so that two are always taken in the same order.
 *
 * What this directory is: the only home of subtle atomics, and of the rules for locks.  Read
 * record.h first.  Layer: sync.
 *
 * A thread takes locks in rising rank only.  Debug builds remember what each thread holds and
 * abort on a reversal, and when plugin code or a user's callback is about to run under a lock
 * (I9: BERTHI_ASSERT_UNLOCKED).
 */
#ifndef BERTHI_SYNC_LOCK_H
#define BERTHI_SYNC_LOCK_H

#include "os/thread.h"

typedef enum berthi_rank {
    BERTHI_RANK_POLLER = 1, /* which descriptors flows wait for */
    BERTHI_RANK_LISTENER,   /* one address: who waits, bodies that are held */
    BERTHI_RANK_FLOWS,      /* lanes that are ready, timers, how flows end */
    BERTHI_RANK_EDGE,       /* one edge of a flow: its ring, its counters */
    BERTHI_RANK_BUFFERS,    /* free payloads of flows */
    BERTHI_RANK_BUNDLES,    /* one set of bundles: its list, its ticket */
    BERTHI_RANK_REGISTRY,   /* the map of slots */
    BERTHI_RANK_SLOT,       /* one slot's versions, hooks and install ticket */
    BERTHI_RANK_VERSION,    /* one version's pool of instances */
    BERTHI_RANK_GATE,       /* calls in flight of a slot or tenant, when they are counted */
    BERTHI_RANK_CACHE,      /* compiled artifacts */
    BERTHI_RANK_CODE,       /* compiled code between runtimes */
    BERTHI_RANK_HOST,       /* what one host offers to components */
    BERTHI_RANK_COMPAT,     /* what plugins of another system offer each other */
    BERTHI_RANK_NATIVE,     /* which native plugins are open, and which are ending */
    BERTHI_RANK_DOMAIN      /* records and retired versions */
} berthi_rank;

typedef struct berthi_lock {
    berthi_mutex mutex;
    berthi_rank rank;
} berthi_lock;

int berthi_lock_init(berthi_lock *lock, berthi_rank rank); /* 0 or an errno value */
void berthi_lock_fini(berthi_lock *lock);
void berthi_lock_take(berthi_lock *lock);
void berthi_lock_drop(berthi_lock *lock);

#ifdef NDEBUG
#define BERTHI_ASSERT_UNLOCKED() ((void)0)
#else
void berthi_lock_assert_none(const char *function);
#define BERTHI_ASSERT_UNLOCKED() berthi_lock_assert_none(__func__)
#endif

#endif
