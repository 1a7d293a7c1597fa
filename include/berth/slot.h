/* berth/slot.h - a named place that serves one plugin version at a time.
 *
 * A slot is keyed by (tenant, name) and outlives the versions put into it.  Installing checks,
 * compiles, instantiates and probes the artifact first and publishes it last; what fails on the
 * way leaves the old version serving.  A call runs wholly in the version that was current when
 * it began; a swap is seen by the next call, and no call waits for it.
 *
 * Words: <berth/base.h>.  The hook ABI that plugins follow: docs/hook-abi.md.  Limits:
 * docs/limits.md.  Stability: draft until 1.0.
 */
#ifndef BERTH_SLOT_H
#define BERTH_SLOT_H

#include <berth/admit.h>
#include <berth/arena.h>
#include <berth/base.h>
#include <berth/runtime.h>

BERTH_BEGIN

typedef struct berth_slot berth_slot;       /* a handle; several may name one slot */
typedef struct berth_version berth_version; /* an admitted artifact, ready to be called */

#define BERTH_NAME_SIZE_MAX 64u /* bytes of a tenant's or slot's name */

typedef enum berth_policy {
    BERTH_POLICY_REUSE = 1, /* an instance serves many calls; the plugin keeps its state */
    BERTH_POLICY_FRESH = 2  /* every call gets an instance that no call has seen */
} berth_policy;

enum {
    BERTH_SLOT_TIMED = 1, /* measure each call; costs two clock reads a call */
    /* One instance, one call at a time, and a swap hands the state on to the next version
     * (docs/state.md).  calls_max and instances_max are 1; only with BERTH_POLICY_REUSE, and
     * without the reuse_ bounds. */
    BERTH_SLOT_STATE = 2,
    /* Hold native plugins to the rules of <berth/plugin.h>; BERTH_CHECKED=1 in the environment does
     * so for all slots. */
    BERTH_SLOT_CHECKED = 4,
    /* A native plugin with a call past the deadline is taken out of service. */
    BERTH_SLOT_QUARANTINE = 8,
    /* A native plugin is mapped in a process of its own first (berth_runtime_options.trial_program), within
     * probe_deadline_ns and memory_bytes_max: one that crashes there is refused. */
    BERTH_SLOT_TRIAL = 16
};

typedef enum berth_event_kind {
    BERTH_EVENT_PREPARING = 1, /* an artifact unlike the current one is being checked */
    BERTH_EVENT_RELOADED = 2,  /* it is current now (`version`) */
    BERTH_EVENT_FAILED = 3     /* it was refused (`diag`); the version before serves on */
} berth_event_kind;

typedef struct berth_event {
    uint32_t size;
    int32_t kind;       /* a berth_event_kind */
    const char *tenant; /* lent until the callback returns, as is all below */
    const char *slot;
    uint64_t version;       /* RELOADED: its number; else the current one's, 0: none */
    const uint8_t *digest;  /* BERTH_DIGEST_SIZE bytes of the artifact in question */
    const berth_diag *diag; /* FAILED only */
} berth_event;

/* Called on the installing thread, with no lock held; it may call the runtime, but an install
 * into the slot that is being prepared fails with BERTH_E_STATE.  The events of one install stay
 * together: another one into the slot waits until the callback has returned.  So two observers
 * that install into each other's slots at the same time wait for ever. */
typedef void (*berth_observer)(void *ctx, const berth_event *event);

/* Grows at the end only.  0 or NULL in a field means its default. */
typedef struct berth_slot_options {
    uint32_t size;              /* sizeof(berth_slot_options), set by the _INIT */
    uint32_t policy;            /* a berth_policy; default reuse */
    const char *tenant;         /* 0..64 bytes, printable; default "" */
    const char *name;           /* required, 1..64 bytes, printable */
    const char *profile;        /* such as "berth-hook/1"; default: the first install decides */
    const char *kind;           /* such as "filter"; default: the first install decides */
    uint64_t deadline_ns;       /* of a call; default 100 ms */
    uint64_t probe_deadline_ns; /* of start functions and of each probe; default 1 s */
    uint64_t memory_bytes_max;  /* linear memory of an instance; default: the runtime's */
    uint64_t output_bytes_max;  /* of one reply; default 16 MiB */
    uint32_t calls_max;         /* calls in flight; default 64 */
    uint32_t instances_max;     /* live instances per version; default 64 */
    uint32_t flags;             /* BERTH_SLOT_... */
    uint32_t reserved;          /* 0 */
    uint64_t reuse_calls_max;   /* calls before an instance is replaced; default unlimited */
    uint64_t reuse_age_ns_max;  /* age at which it is replaced; default unlimited */
    uint64_t reuse_memory_bytes_max; /* memory past which it is replaced; default: never */
    berth_observer observer;         /* default none */
    /* lent until the slot is evicted, and its handles and prepared versions are gone */
    void *observer_ctx;
    void *host_ctx; /* berth_host_context() of its plugins, and berth_core_context(); lent */
    /* What its plugins have to keep, from <berth/contract.h>; NULL: nothing.  The slot keeps it,
     * so that it may be destroyed at once. */
    const struct berth_contract *contract;
    /* What its plugins may ask of the host, from <berth/grant.h>; NULL: nothing.  The slot keeps them, so
     * that they may be destroyed at once. */
    const struct berth_grants *grants;
    /* What its plugins are configured with, where their system has such a thing; at most 1 MiB, copied. */
    const void *plugin_config;
    size_t plugin_config_size;
} berth_slot_options;
#define BERTH_SLOT_OPTIONS_INIT                                                                \
    BERTH_INIT((uint32_t)sizeof(berth_slot_options), 0, NULL, NULL, NULL, NULL, 0, 0, 0, 0, 0, \
               0, 0, 0, 0, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, 0)

/* Makes an empty slot and registers it.
 * Gives *slot_out; release it with berth_slot_release().  The slot itself stays until evicted.
 * Thread: any.  Blocks: briefly.
 * Fails: BERTH_E_INVALID (names, ranges), BERTH_E_STATE (the key is taken), BERTH_E_VERSION,
 *        BERTH_E_LIMIT (slots_max), BERTH_E_NOMEM. */
BERTH_API BERTH_CHECKED berth_status berth_slot_open(berth_runtime *runtime,
                                                     const berth_slot_options *options,
                                                     berth_slot **slot_out, berth_diag *diag);

/* Finds a registered slot.  `tenant` may be NULL for "".
 * Gives *slot_out; release it with berth_slot_release().
 * Thread: any.  Blocks: briefly.  Fails: BERTH_E_ABSENT. */
BERTH_API BERTH_CHECKED berth_status berth_slot_find(berth_runtime *runtime, const char *tenant,
                                                     const char *name, berth_slot **slot_out);

/* Releases a handle, which no call uses any more.  NULL is left alone.
 * Thread: any.  Blocks: briefly. */
BERTH_API void berth_slot_release(berth_slot *slot);

/* Takes the slot out of the registry and its version out of service.  Calls in flight end
 * undisturbed; later calls through old handles fail with BERTH_E_ABSENT; leases stay good.
 * Thread: any.  Blocks: briefly.  Fails: BERTH_E_ABSENT (there was none; also the second time). */
BERTH_API BERTH_CHECKED berth_status berth_slot_evict(berth_runtime *runtime,
                                                      const char *tenant, const char *name);

typedef struct berth_key {
    const char *tenant, *name;
} berth_key;

/* Evicts every slot whose key is not among `keep`; returns how many were evicted.
 * Thread: any.  Blocks: briefly. */
BERTH_API size_t berth_runtime_retain(berth_runtime *runtime, const berth_key *keep,
                                      size_t keep_count);

typedef struct berth_installed {
    uint64_t version; /* its number in the slot, counted from 1 */
    uint8_t digest[BERTH_DIGEST_SIZE];
    uint32_t is_unchanged; /* the bytes were those of the current version; nothing was done */
    uint32_t reserved;
} berth_installed;

/* Makes the artifact in `bytes` the slot's current version: digest, admission, compilation,
 * instantiation, start and probe of each hook under the probe deadline, then one exchange.
 * Lends `bytes` for the call.  Gives *installed_out unless NULL.
 * Thread: any.  Blocks: until the artifact is ready or refused; other installs into the same
 * slot wait, calls do not.
 * Fails: BERTH_E_REJECTED, BERTH_E_TRAP, BERTH_E_DEADLINE, BERTH_E_ABI (what the probe met),
 *        BERTH_E_LIMIT, BERTH_E_BUSY (no instance became free for the probe), BERTH_E_STATE
 *        (other profile or kind than the slot's; evicted; called from the observer),
 *        BERTH_E_NOMEM.  The old version serves on. */
BERTH_API BERTH_CHECKED berth_status berth_slot_install(berth_slot *slot, const void *bytes,
                                                        size_t size,
                                                        berth_installed *installed_out,
                                                        berth_diag *diag);

/* The same from a file, which is read once, whole, and must not change meanwhile.
 * Gives *installed_out unless NULL.  Thread: any.  Blocks: as berth_slot_install().
 * Fails: as berth_slot_install(), and BERTH_E_OS, BERTH_E_STATE (it changed while being read). */
BERTH_API BERTH_CHECKED berth_status berth_slot_install_file(berth_slot *slot, const char *path,
                                                             berth_installed *installed_out,
                                                             berth_diag *diag);

/* The first half of an install: everything that can fail, and nothing that can be seen.
 * Gives *version_out; pass it to berth_slot_swap() or berth_version_discard().
 * Thread: any.  Blocks: until the artifact is ready or refused.
 * Fails: as berth_slot_install(). */
BERTH_API BERTH_CHECKED berth_status berth_slot_prepare(berth_slot *slot, const void *bytes,
                                                        size_t size,
                                                        berth_version **version_out,
                                                        berth_diag *diag);

/* The second half: one exchange.  Takes `version`, which was prepared for this slot.
 * Thread: any.  Blocks: briefly.
 * Fails: BERTH_E_INVALID (prepared for another slot), BERTH_E_STATE (the slot was evicted, or
 *        its profile or kind was decided otherwise meanwhile). */
BERTH_API BERTH_CHECKED berth_status berth_slot_swap(berth_slot *slot, berth_version *version,
                                                     berth_diag *diag);

/* Frees a prepared version that will not be published; the slot's observer, which was told that
 * it was being prepared, is told BERTH_EVENT_FAILED with BERTH_E_CLOSED.  NULL is left alone.
 * Thread: any.  Blocks: briefly. */
BERTH_API void berth_version_discard(berth_version *version);

/* Makes the version before the current one current again: one exchange, nothing is compiled.
 * It keeps its number.  Gives *version_out (its number) unless NULL.
 * Thread: any.  Blocks: briefly.
 * Fails: BERTH_E_ABSENT (none is kept), BERTH_E_STATE (evicted). */
BERTH_API BERTH_CHECKED berth_status berth_slot_rollback(berth_slot *slot,
                                                         uint64_t *version_out,
                                                         berth_diag *diag);

/* The number by which calls name a hook; the same for all versions of the slot.
 * Gives *hook_out.  Thread: any.  Blocks: briefly.
 * Fails: BERTH_E_INVALID (name), BERTH_E_LIMIT (32 hook names per slot). */
BERTH_API BERTH_CHECKED berth_status berth_slot_hook(berth_slot *slot, const char *name,
                                                     uint32_t *hook_out, berth_diag *diag);

/* What to call.  Set once, used for many calls. */
typedef struct berth_call {
    uint32_t size;     /* sizeof(berth_call), set by the _INIT */
    uint32_t hook;     /* from berth_slot_hook() */
    const void *input; /* lent for the call */
    size_t input_size;
    berth_arena *arena;   /* receives the reply; lent for the call */
    uint64_t deadline_ns; /* from now; 0: the slot's */
} berth_call;
#define BERTH_CALL_INIT BERTH_INIT((uint32_t)sizeof(berth_call), 0, NULL, 0, NULL, 0)

typedef struct berth_reply {
    const void *data; /* in the call's arena; lent until that is reset */
    size_t size;
    uint64_t version;    /* the number of the version that answered, or that failed */
    uint32_t is_dropped; /* the plugin answered (0, 0): "drop" */
    uint32_t reserved;
} berth_reply;

/* Calls a hook of the current version.  *reply is written only on success, but for its `version`,
 * which tells of a failed call which version counted it; 0 when none was entered.
 * Thread: any.  Blocks: until the plugin has answered, and before that until fewer than
 * calls_max are inside; both within the deadline.  Making an instance, when there is none, has
 * probe_deadline_ns of its own.
 * Allocates: never once the arena and the instance are warm.
 * Fails: BERTH_E_ABSENT (nothing installed, or no such hook in this version), BERTH_E_BUSY,
 *        BERTH_E_TRAP, BERTH_E_DEADLINE, BERTH_E_LIMIT, BERTH_E_ABI, BERTH_E_NOMEM.
 * `call` and `reply` are not checked for NULL in release builds. */
BERTH_API BERTH_CHECKED berth_status berth_slot_call(berth_slot *slot, const berth_call *call,
                                                     berth_reply *reply, berth_diag *diag);

/* The right to call one version for longer than a call.  Start from BERTH_LEASE_NONE; do not
 * copy a live lease. */
typedef struct berth_lease {
    berth_version *version;
} berth_lease;
#define BERTH_LEASE_NONE BERTH_INIT(NULL)

/* Leases the current version into *lease, which must be BERTH_LEASE_NONE.
 * Thread: any.  Blocks: never.  Allocates: only when the thread has never called before.
 * Fails: BERTH_E_ABSENT (nothing is installed), BERTH_E_NOMEM (1024 threads call already, too),
 *        BERTH_E_LIMIT (8 calls are nested on this thread); *lease stays BERTH_LEASE_NONE. */
BERTH_API BERTH_CHECKED berth_status berth_slot_lease(berth_slot *slot, berth_lease *lease);

/* As berth_slot_call(), in the leased version.
 * Thread: any.  Blocks: as berth_slot_call().  Fails: as berth_slot_call(). */
BERTH_API BERTH_CHECKED berth_status berth_lease_call(const berth_lease *lease,
                                                      const berth_call *call,
                                                      berth_reply *reply, berth_diag *diag);

/* The number of the leased version.  Thread: any.  Blocks: never. */
BERTH_API uint64_t berth_lease_version(const berth_lease *lease);

/* Returns a lease and resets it.  BERTH_LEASE_NONE is left alone.
 * Thread: any.  Blocks: never; the reaper closes a version that lost its last user. */
BERTH_API void berth_lease_return(berth_lease *lease);

/* Exact counts of one slot since it was opened (I11).  Grows at the end only; set `size`. */
typedef struct berth_slot_stats {
    uint32_t size;
    uint32_t in_flight;         /* calls inside right now */
    uint64_t version;           /* current number; 0: none */
    uint64_t kept_version;      /* what a rollback would publish; 0: none */
    uint64_t calls;             /* entered a version: answered + dropped + failed + in flight */
    uint64_t answered, dropped; /* replies with data, and (0, 0) */
    uint64_t traps, deadlines, limits, violations, other_failures;
    uint64_t busy; /* turned away: no place, or no instance, became free in time */
    uint64_t bytes_in, bytes_out; /* of a typed call: of the strings and lists in its values */
    uint64_t installs, unchanged, refused, rollbacks;
    uint64_t instances_made, instances_discarded;
    uint32_t instances_live;       /* of all its versions */
    uint32_t versions_retired;     /* out of service, not yet reaped */
    uint64_t oldest_call_ns;       /* age of the longest call inside; to 1 ms */
    uint64_t time_ns, time_max_ns; /* inside plugins; 0 without BERTH_SLOT_TIMED */
    uint64_t time_p50_ns, time_p99_ns, time_p999_ns;
} berth_slot_stats;
#define BERTH_SLOT_STATS_INIT                                                                  \
    BERTH_INIT((uint32_t)sizeof(berth_slot_stats), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,   \
               0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)

/* Fills *stats.  Thread: any.  Blocks: briefly.  Fails: BERTH_E_INVALID, BERTH_E_VERSION. */
BERTH_API BERTH_CHECKED berth_status berth_slot_stats_read(berth_slot *slot,
                                                           berth_slot_stats *stats,
                                                           berth_diag *diag);

/* Calls and failures of one version, newest first, for operators. */
typedef struct berth_version_stats {
    uint64_t version;
    uint8_t digest[BERTH_DIGEST_SIZE];
    char plugin_name[BERTH_NAME_SIZE_MAX + 1], plugin_version[BERTH_NAME_SIZE_MAX + 1];
    uint64_t calls, answered, dropped, failed;
} berth_version_stats;

/* Fills up to `max` entries: versions that are current, kept or not yet reaped, newest first;
 * returns how many there are.  Thread: any.  Blocks: briefly. */
BERTH_API size_t berth_slot_versions(berth_slot *slot, berth_version_stats *stats, size_t max);

/* Counts of the whole runtime.  Grows at the end only; set `size`. */
typedef struct berth_runtime_stats {
    uint32_t size;
    uint32_t slots, threads; /* registered; threads that have called and not ended */
    uint32_t instances_live;
    uint32_t versions_retired; /* waiting for the last call inside */
    uint32_t cache_entries;    /* compiled artifacts, in use or not */
    uint64_t cache_bytes;      /* of their code */
    uint64_t compiles, compile_failures, cache_hits, cache_evictions;
    uint64_t versions_reaped;
    uint64_t components, component_loads; /* loaded now, each shared by all that use it; ever */
    /* Native plugins: open, being drained or closed, given up and so mapped for good, closed and
     * mapped still; then ever opened, and ever seen to be unmapped. */
    uint32_t natives_open, natives_ending, natives_abandoned, natives_kept;
    uint64_t natives_opened, natives_unmapped;
    uint64_t code_loads; /* artifacts that a berth_code_cache gave, and nobody compiled here */
} berth_runtime_stats;
#define BERTH_RUNTIME_STATS_INIT                                                               \
    BERTH_INIT((uint32_t)sizeof(berth_runtime_stats), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,   \
               0, 0, 0, 0, 0, 0, 0)

/* Fills *stats.  Thread: any.  Blocks: briefly.  Fails: BERTH_E_INVALID, BERTH_E_VERSION. */
BERTH_API BERTH_CHECKED berth_status berth_runtime_stats_read(berth_runtime *runtime,
                                                              berth_runtime_stats *stats,
                                                              berth_diag *diag);

BERTH_END
#endif /* BERTH_SLOT_H */
