/* native/group.h - instances and their group.  Private to src/native.
 *
 * An abandoned plugin may run on when the runtime is gone, and may call the host then: so what it can
 * reach is memory of the C library's heap and not of the runtime's allocator, and is not freed. */
#ifndef BERTHI_NATIVE_GROUP_H
#define BERTHI_NATIVE_GROUP_H

#include <stdatomic.h>

#include "native/native.h"
#include "os/library.h"
#include "sync/lock.h"

enum { BERTHI_NATIVE_NAME_SIZE = 65 }; /* of tenants, slots and ids, with the terminator */

struct berthi_native {
    berth_host_v1 host;         /* what the plugin was given; `ctx` is this struct */
    berthi_native_group *group; /* one reference */
    const berth_plugin_v1 *plugin;
    const berthi_native_abi *abi; /* in its place; NULL: it is ours */
    const char *lingers;          /* why nobody knows when that one is over; NULL: it is */
    void *self;
    berthi_library library;
    uint64_t drain_ns;
    _Atomic(uint64_t) version; /* the slot's number for it; 0: none yet */
    char id[BERTHI_NATIVE_NAME_SIZE], tenant[BERTHI_NATIVE_NAME_SIZE],
        slot[BERTHI_NATIVE_NAME_SIZE];
    berthi_thread thread; /* that ends it */
    /* guarded by the group's lock */
    struct berthi_native *next; /* among those that are ending, or that have ended */
    uint64_t until_ns;          /* when it should have ended */
    bool is_given_up;           /* the group was ended before */
    bool stays;                 /* it could not be drained, or what it was given outlives it */
    bool is_checked;            /* fixed */
    berthi_native_imports *imports;
};

struct berthi_native_group {
    atomic_uint refs; /* the runtime, and each instance */
    /* The reporter, and how many threads are in it or about to be; see berthi_native_report(). */
    _Atomic(berth_reporter) reporter;
    void *reporter_ctx;
    atomic_uint reporting;
    berthi_lock lock;
    berthi_cond changed;
    berthi_native *ending, *ended; /* guarded by lock, as is stats */
    berthi_native_stats stats;
};

void berthi_native_group_ref(berthi_native_group *group);
void berthi_native_group_unref(berthi_native_group *group);

/* Tells whoever wants to know.  `text` need not be terminated. */
void berthi_native_report(berthi_native *native, berth_report_kind kind, int32_t level,
                          const char *text, size_t size);

/* Nothing of the plugin calls the host again, or nobody can tell when it does. */
void berthi_native_end_imports(berthi_native_imports *imports, bool is_abandoned);

/* Frees what has nothing of the plugin left, or never had. */
void berthi_native_free(berthi_native *native);

/* group.c: ends what was never in service, here and now; counts and takes it. */
void berthi_native_undo(berthi_native *native);

#endif
