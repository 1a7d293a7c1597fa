/* lock.c - ranked mutexes.  Layer: sync. */
#include "sync/lock.h"

#include "base/diag.h"

#ifndef NDEBUG
/* Bit r: this thread holds a lock of rank r.  Debug builds only. */
static _Thread_local unsigned held;

void berthi_lock_assert_none(const char *function)
{
    if (held != 0)
        berthi_panic("%s: plugin code or a callback would run under a lock (mask %u)", function,
                     held);
}
#endif

int berthi_lock_init(berthi_lock *lock, berthi_rank rank)
{
    lock->rank = rank;
    return berthi_mutex_init(&lock->mutex);
}

void berthi_lock_fini(berthi_lock *lock)
{
    berthi_mutex_fini(&lock->mutex);
}

void berthi_lock_take(berthi_lock *lock)
{
#ifndef NDEBUG
    if (held >> lock->rank != 0)
        berthi_panic("a lock of rank %d is taken under mask %u", (int)lock->rank, held);
#endif
    berthi_mutex_lock(&lock->mutex);
#ifndef NDEBUG
    held |= 1u << lock->rank;
#endif
}

void berthi_lock_drop(berthi_lock *lock)
{
#ifndef NDEBUG
    held &= ~(1u << lock->rank);
#endif
    berthi_mutex_unlock(&lock->mutex);
}
