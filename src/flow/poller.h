/* flow/poller.h - one thread that waits for descriptors, so that no stage has to.  Layer: flow.
 *
 * A flows object has one from its first watch on.  A watch belongs to one stage, whose functions alone make,
 * arm and remove it.  Why nothing is lost and nothing is touched after it is gone: docs/design/0016-ends.md. */
#ifndef BERTHI_FLOW_POLLER_H
#define BERTHI_FLOW_POLLER_H

#include <berth/base.h>

#include "os/poll_set.h"
#include "os/thread.h"
#include "sync/lock.h"

typedef struct berth_flows berth_flows;
typedef struct berthi_watch berthi_watch;

/* On the poller's thread, with no lock held.  It must not wait, and must not remove the watch. */
typedef void (*berthi_watch_fn)(berthi_watch *watch);

struct berthi_watch { /* zeroed: it watches nothing */
    berth_flows *flows;
    berthi_watch_fn fire;
    void *ctx; /* the owner's */
    int fd;
    int twin; /* of fd, for the set: it knows fd of another watch; -1: none.  The stage's alone */
    bool is_known; /* to the set; the stage's alone */
    uint64_t key;  /* fixed */
    /* guarded by the poller's lock */
    uint32_t place; /* in the table, from 1; 0: it is not there */
    uint64_t due_ns;
};

typedef struct berthi_poller {
    berthi_lock lock;
    berthi_cond idle; /* `firing` has become none */
    /* fixed from the first watch on */
    int set, latch;
    berthi_thread thread;
    /* guarded by lock */
    bool is_running, is_stopping;
    berthi_watch **table;
    uint32_t *generations;           /* of each place: changes when the watch there goes */
    uint32_t room, count, free_from; /* free places are not before free_from */
    berthi_watch *firing;            /* its function runs now */
    uint32_t timed;                  /* how many have a time */
} berthi_poller;

int berthi_poller_init(berthi_poller *p); /* 0 or an errno value */
/* Every watch was removed. */
void berthi_poller_fini(berthi_poller *p, const berth_allocator *a);

/* A watch of a descriptor (-1: of the time alone), asked nothing yet.  Starts the thread with the first one.
 * Fails: BERTH_E_NOMEM, BERTH_E_OS. */
berth_status berthi_watch_add(berthi_watch *watch, berth_flows *flows, int fd,
                              berthi_watch_fn fire, void *ctx, berth_diag *diag);
/* Fires once, when the descriptor is ready for one of `events` (BERTHI_POLL_...) or has failed, also when it is so
 * now.  0, BERTHI_POLL_ALWAYS or an errno value. */
int berthi_watch_arm(berthi_watch *watch, uint32_t events);
/* Fires once when the monotonic clock reads `due_ns`; UINT64_MAX: not. */
void berthi_watch_arm_time(berthi_watch *watch, uint64_t due_ns);
/* It does not fire any more, and is not firing: waits for its function.  One that watches nothing is left alone.
 * The descriptor is still open. */
void berthi_watch_remove(berthi_watch *watch);

#endif
