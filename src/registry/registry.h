/* registry/registry.h - slots, versions, instances: the objects and who may touch what.
 *
 * What this directory is: the call path and everything that changes what it calls.
 *   map.c      which slots there are            gate.c     how many calls may be inside
 *   cache.c    compiled artifacts, shared       instance.c, hot.h  one live guest, its byte ABI
 *   native_guest.c  native plugins: one instance, called as it is   native_imports.c  and what it calls
 *   native_world.c  the worlds that native plugins carry
 *   module_guest.c  core modules that import something, families of them
 *   component_guest.c  the same for components  typed.c, evaluate.c  calls by type
 *   component_cache.c  components that are loaded, shared   agreed.c  names of functions
 *   version.c  an admitted artifact, ready      pool.c     a version's instances, per thread
 *   install.c  from bytes to a ready version    slot.c     publish, roll back, evict, lease
 *   call.c     the call path                    reaper.c   what happens after the last call
 *   stats.c    what the operator reads          reclaim.c  room in a full engine
 *   state.c    what a version leaves to the next   adapter.c  plugins of another contract
 *   session.c  one instance, for as long as its objects are needed
 *   http_call.c  HTTP requests
 *   links.c    plugins that call other slots' plugins
 * Read first: this file, sync/record.h, then call.c.  Layer: registry.
 *
 * Ownership.  The registry holds a slot until it is evicted; handles hold it as well.  A version
 * holds its slot and its content.  A slot owns one reference to `current` and one to `kept`;
 * leases own one each; retired versions belong to the reaper, which frees those that no record
 * names and no lease holds (I2).
 */
#ifndef BERTHI_REGISTRY_REGISTRY_H
#define BERTHI_REGISTRY_REGISTRY_H

#include <stdatomic.h>

#include <berth/session.h>

#include "admit/admit.h"
#include "admit/native_plugin.h"
#include "base/reply_arena.h"
#include "component/run/instance.h"
#include "component/value/value_bytes.h"
#include "metrics/histogram.h"
#include "os/event.h"
#include "sync/record.h"
#include "wasm/engine.h"

enum {
    BERTHI_TICK_NS = 1000000, /* the ticker's step */
    BERTHI_SEATS_PER_GROUP = 64,
    BERTHI_SEAT_GROUPS = BERTHI_RECORDS_MAX / BERTHI_SEATS_PER_GROUP,
    BERTHI_FUNCS_MAX = 10000, /* functions of a slot that typed calls name */
    BERTHI_FUNCS_FIRST = 32,  /* the room for them at first; it doubles */
    BERTHI_FUNC_NAME_MAX = 256,
    BERTHI_FUNC_TYPE_MAX = 4096,
    BERTHI_RING_SIZE = 32, /* instances made ahead, and used up, per seat */
    /* Instances that a caller which makes its own puts in one store, one after the other.  A store costs
     * a fifth of what an instance does; of that four save three quarters, and more hardly more. */
    BERTHI_IN_STORE_MAX = 4,
    BERTHI_BEQUEST_MAX = 8, /* instances that a version leaves to its twin */
    BERTHI_MAP_BUCKETS_MIN = 64,
    BERTHI_CACHE_BUCKETS = 256,
    BERTHI_WORLD_BUCKETS = 64
};

/* Of slots for which numbers of 32 bits did not reach: nobody knows functions of theirs. */
#define BERTHI_KEY_NONE (UINT64_C(0xffffffff) << 32)

/* ---- calls in flight, where they have to be counted (gate.c) ---- */

typedef struct berthi_gate {
    berthi_lock lock;
    berthi_cond cond;
    uint32_t max;
    uint32_t inside;   /* counted calls; guarded by lock */
    uint32_t waiting;  /* guarded by lock */
    uint64_t clean_at; /* guarded by lock; see gate.c */
} berthi_gate;

typedef struct berthi_tenant {
    struct berthi_tenant *next; /* guarded by the registry's lock, as is slots */
    struct berth_slot *slots;   /* evicted ones too, until they are freed; never empty */
    char *name;
    berthi_gate gate;
} berthi_tenant;

/* ---- compiled artifacts (cache.c) ---- */

typedef enum berthi_cache_state {
    BERTHI_CACHE_BUILDING,
    BERTHI_CACHE_READY,
    BERTHI_CACHE_FAILED
} berthi_cache_state;

typedef struct berthi_cache_entry { /* all guarded by the cache's lock */
    struct berthi_cache_entry *next;
    uint8_t digest[BERTH_DIGEST_SIZE];
    berthi_cache_state state;
    uint32_t refs; /* contents that use it, and threads that wait for it */
    uint64_t used_last;
    size_t bytes;
    berthi_wasm_module *module;
    berth_diag failure;
} berthi_cache_entry;

typedef struct berthi_compiled { /* held by the arena of what uses it */
    struct berthi_compiled *next;
    berthi_cache_entry *entry;
} berthi_compiled;

/* A component that is loaded, once for all contents of that digest (component_cache.c). */
typedef struct berthi_component {
    struct berthi_component *next; /* guarded by the cache's lock, as are these three */
    berthi_cache_state state;
    uint32_t refs; /* contents that use it, and threads that wait for it */
    berth_diag failure;
    uint8_t digest[BERTH_DIGEST_SIZE];
    berthi_cm_loaded *loaded;
    berthi_arena arena;
    berthi_compiled *compiled; /* its core modules */
    uint32_t memories, tables; /* how many an instance makes */
    bool asks_services;        /* it imports from WASI */
    const void *links;         /* whose functions it was linked to; NULL: the host's alone */
} berthi_component;

typedef struct berthi_cache {
    berthi_lock lock;
    berthi_cond built;
    berthi_cache_entry *buckets[BERTHI_CACHE_BUCKETS];
    uint64_t clock;
    uint32_t entries, cold_entries;
    uint64_t bytes, cold_bytes;
    uint64_t compiles, code_loads, failures, hits, evictions;
    struct berthi_native_world *worlds[BERTHI_WORLD_BUCKETS]; /* native_world.c */
    berthi_component *components;
    uint64_t components_count, component_loads;
} berthi_cache;

/* ---- instances ---- */

typedef struct berthi_instance {
    struct berthi_instance *next; /* in a list of spares */
    const berthi_wasm_ops *ops;
    berth_status (*call)(berthi_wasm_store *, const berthi_extern *, berthi_val *, size_t,
                         berth_diag *); /* ops->call, one load nearer */
    /* ops->memory_view; before the memory was looked up, what looks it up first. */
    berthi_memory_view (*look)(berthi_wasm_store *, const berthi_extern *);
    berthi_wasm_store *store;          /* NULL: `component` has its own */
    berthi_cm_instance *component;     /* NULL: of a core module */
    struct berthi_host_instance *host; /* NULL: it imports nothing */
    struct berthi_services *services;  /* NULL: it asks for none */
    struct berthi_guest *guest;        /* NULL: no core module, or one that imports nothing */
    berthi_wasm_instance handle;
    uint32_t in_store, in_store_max;   /* instances that the store was given, with this one */
    bool is_spent;                     /* its one call is over: a store for the next */
    uint32_t resolved;                 /* bit h: hooks[h] is known; none of a component's */
    bool has_alloc;                    /* alloc and free are known */
    bool view_is_old;                  /* `view` may be elsewhere by now (I7), or never was */
    bool view_ages;                    /* it is whenever the guest has run */
    uint32_t input_at, input_capacity; /* the host's buffer in the guest; BERTHI_INPUT_HOST */
    uint64_t calls, born_tick;
    uint64_t deadline_tick, deadline_ticks; /* when the store's deadline was set, and to what */
    berthi_memory_view view;
    const char *memory_name; /* of the profile */
    berthi_extern memory, alloc, free;
    berthi_extern hooks[]; /* as many as the plugin has */
} berthi_instance;

/* What happened in one version on one thread.  Written by that thread alone, with plain loads
 * and stores; read by anyone. */
typedef struct berthi_counts {
    _Atomic(uint64_t) calls, answered, dropped, traps, deadlines, limits, violations, others;
    _Atomic(uint64_t) bytes_in, bytes_out, time_ns;
    _Atomic(uint64_t) instances_made, instances_discarded; /* in a call; others: the slot's */
} berthi_counts;

typedef struct berthi_ring { /* one thread puts, one takes */
    _Atomic(uint32_t) put, taken;
    berthi_instance *items[BERTHI_RING_SIZE];
} berthi_ring;

/* One thread's place in one version.  Belongs to the owner of the record with that index, while
 * its record names the version and the version's seats are not closed (pool.c). */
typedef struct berthi_seat {
    _Alignas(64)
        berthi_instance *idle; /* reuse: this thread's instance; NULL while it is used */
    berth_histogram *latency;  /* timed slots only */
    berthi_counts counts;
    uint64_t dry_until, dry_ticks;  /* fresh: when to ask the reaper again; pool.c */
    berthi_instance *blank;         /* memory for the next instance; instance.c */
    berthi_instance *spent;         /* fresh: its store has room for another; pool.c */
    _Alignas(64) berthi_ring ready; /* fresh: reaper puts, owner takes */
    _Alignas(64) berthi_ring used;  /* fresh: owner puts, reaper takes */
    void *memory;                   /* what was allocated, before alignment */
} berthi_seat;

/* ---- versions ---- */

/* A native plugin, mapped and open; what serves and its twin have one instance. */
typedef struct berthi_native_guest {
    berthi_arena arena; /* holds `plugin`, but for what its world does */
    struct berthi_native_world *world;
    berthi_native_plugin plugin;
    const berth_functions_v1 **tables; /* of each of its exports; NULL: it has no functions */
    const berth_functions_v1 **drops; /* of its resources; NULL: it has none, or tells nobody */
    berthi_native *native;            /* NULL: it was not opened */
    bool is_checked;
} berthi_native_guest;

/* What an install found out; shared by a version and the twin kept for rollback. */
typedef struct berthi_content {
    _Atomic(uint32_t) refs;
    berthi_arena arena; /* holds all of `plugin` */
    berthi_plugin plugin;
    berthi_compiled *compiled;   /* the module */
    berthi_wasm_module *module;  /* NULL: a component */
    berthi_wasm_linked *linked;  /* the module with its imports; NULL: it has none */
    berthi_component *component; /* NULL: a core module */
    berthi_native_guest *native; /* NULL: WebAssembly */
    berthi_cm_func *funcs;       /* of the component: that of each hook */
    berthi_cm_func http;         /* that answers requests; its type is NULL: none does */
    const struct berthi_adapter *adapter; /* of the slot; NULL: it keeps the slot's contract */
    struct berthi_links *links;           /* what it calls of other slots; NULL: nothing */
    uint8_t digest[BERTH_DIGEST_SIZE];
    berthi_counts past; /* of reaped versions of this content; slot's lock */
} berthi_content;

/* A function of the component, as the slot's typed calls name it (typed.c). */
typedef struct berthi_typed {
    _Atomic(uint32_t) state;
    const char *name; /* the slot's */
    berthi_cm_func func;
    const struct berthi_adapted *adapted; /* called in its place; NULL: nobody */
    berth_plugin_fn *call;                /* of a native plugin, and its first argument */
    void *self;
    bool needs_session; /* its values are handles, which one instance knows */
    bool is_drop;       /* of a resource of a component */
    uint32_t args_size, result_size;
    berthi_cm_measure args, result; /* of the bytes that are counted */
} berthi_typed;

/* By the numbers of the slot's functions.  One that became too small stays until the version is freed,
 * because calls may be reading it. */
typedef struct berthi_typed_table {
    struct berthi_typed_table *before;
    uint32_t room;
    berthi_typed at[];
} berthi_typed_table;

struct berth_version {
    berth_runtime *runtime;
    berth_slot *slot;        /* one reference */
    berthi_content *content; /* one reference; NULL in a shell */
    const berthi_wasm_ops *ops;
    uint64_t number; /* fixed when published */
    uint64_t serial; /* never 0, never given twice in a runtime */
    bool is_fresh, is_timed, recycles;
    bool is_native, is_checked;
    bool has_guest, has_family; /* module_guest.c */
    bool is_special;            /* any of the three: the call path's short form does not do */
    bool guest_owns_input, allocs_empty, may_drop; /* of the profile */
    uint8_t hook_of[BERTHI_HOOKS_MAX]; /* slot's hook number -> 1 + plugin's index; 0: none */
    uint64_t deadline_ticks;
    uint64_t output_bytes_max, input_bytes_max;
    _Atomic(uint32_t) hooks_used; /* bit h: called at least once; made ahead for fresh */
    _Atomic(bool) seats_closed;   /* a thief is at work; take the lock */
    _Atomic(uint32_t) waiting;    /* threads that wait for an instance */
    _Atomic(berthi_seat **) groups[BERTHI_SEAT_GROUPS];
    _Atomic(berthi_typed_table *) typed; /* the largest; NULL before the first typed call */

    _Alignas(64) _Atomic(uint32_t) refs; /* owner and leases */
    _Atomic(uint32_t) instances_live;
    _Atomic(uint32_t) needs_reaper; /* 1: in the runtime's list */
    bool is_retired;                /* reaper only: nothing is made ahead any more */
    struct berth_version *reaper_next;
    berthi_lock lock;
    berthi_cond cond;
    _Atomic(berthi_instance *) spares;  /* written under lock; NULL is seen without */
    struct berth_version *slot_next;    /* guarded by the slot's lock */
    struct berth_version *retired_next; /* guarded by the runtime's retired_lock */
    struct berth_version *shell;        /* what will keep the version before this one */
    void *memory;
};

/* ---- slots ---- */

/* What typed calls of a slot name: (name, type), numbered from 0 and never forgotten.  agreed.c;
 * guarded by the slot's lock, but for the texts, which stay where they are. */
typedef struct berthi_agreed_func {
    char *name, *type;
    uint64_t hash; /* of the name */
    bool is_link;  /* by plugins that call this one; the export may be of a later version */
} berthi_agreed_func;

struct berth_adapter_call;

/* Plugins of another contract, and who answers for them (adapter.c).  Never changes, and lives as long as
 * the slot. */
typedef struct berthi_adapted {
    uint32_t number; /* of berth_slot_func() */
    berth_status (*call)(void *ctx, const void *args, void *result,
                         struct berth_adapter_call *call);
    void *ctx;
} berthi_adapted;

typedef struct berthi_adapter {
    struct berthi_adapter *next;
    const struct berth_contract *contract;
    uint32_t count;
    berthi_adapted at[];
} berthi_adapter;

typedef struct berthi_agreed {
    berthi_agreed_func *funcs;
    uint32_t *places; /* 2 * room, by hash; 0: free, else 1 + the number */
    uint32_t count, room;
} berthi_agreed;

enum {
    BERTHI_SLOT_NAME_MAX = 64, /* bytes of a slot's name, and of a tenant's */
    BERTHI_SLOT_KEY_WORDS = 1 + 2 * BERTHI_SLOT_NAME_MAX / 8
};

/* (tenant, name) in words, so that it is told from others a word at a time. */
typedef struct berthi_slot_key {
    uint64_t hash;
    uint32_t count; /* of words */
    uint64_t words[BERTHI_SLOT_KEY_WORDS];
} berthi_slot_key;

/* Chains of slots, which threads walk while others change them (map.c). */
typedef struct berthi_map {
    struct berthi_map *before; /* that it was grown from */
    size_t count;              /* of chains, a power of two */
    _Atomic(struct berth_slot *) at[];
} berthi_map;

struct berth_slot {
    _Alignas(64) _Atomic(void *) current; /* a berth_version; I1; read through records only */
    berth_runtime *runtime;
    uint64_t key; /* a number of its own in the upper half; fixed */
    /* With at most so many threads, calls need no counting; 0 while calls are held (gate.c). */
    _Atomic(uint32_t) uncounted_max;
    berth_slot_options options; /* effective; strings are ours */
    berthi_tenant *tenant;
    berthi_gate gate;
    void *config;                /* `plugin_config`, ours */
    char *name, *profile, *kind; /* profile and kind: guarded by lock until decided */
    struct berth_slot *tenant_next, **tenant_at; /* guarded by the registry's lock */
    /* What finding it looks at: two lines at most, when names are short. */
    _Alignas(64) _Atomic(struct berth_slot *) map_next; /* stored under the registry's lock */
    _Atomic(uint32_t) refs;
    berthi_slot_key place; /* fixed */

    berthi_lock lock;
    berthi_cond installed;
    bool is_installing; /* guarded by lock, as is all below */
    uint64_t installing_thread;
    bool is_evicted;
    berth_version *kept;     /* never published yet; what a rollback publishes */
    berth_version *versions; /* every one not yet freed, newest first */
    uint64_t numbers;        /* given so far */
    char *hook_names[BERTHI_HOOKS_MAX];
    uint32_t hooks_count;
    berthi_agreed agreed;          /* agreed.c */
    berthi_adapter *adapters;      /* newest first */
    berthi_counts past;            /* of versions that were freed */
    berth_histogram *past_latency; /* timed slots only */
    uint64_t installs, unchanged, refused, rollbacks;
    _Atomic(uint32_t) bound; /* plugins that are linked to this slot, some maybe gone */
    _Atomic(uint64_t) busy;
    _Atomic(uint64_t) instances_made, instances_discarded; /* by others than calls */
    void *memory;
};

/* ---- the runtime ---- */

struct berth_runtime {
    berthi_domain domain; /* first: its head is on the call path */
    berth_allocator allocator;
    berth_runtime_options options; /* effective */
    const berthi_wasm_ops *ops;
    berthi_wasm_engine *engine;
    const berthi_profile *const *profiles; /* that slots may be of, NULL-terminated */

    berthi_lock lock;          /* the registry's: map and tenants */
    _Atomic(berthi_map *) map; /* stored under the lock */
    size_t reclaim_next;       /* the bucket where the next reclamation begins */
    uint32_t slots_count;
    berthi_tenant *tenants;

    berthi_cache cache;
    berthi_native_group *natives;
    struct berthi_watchdog *watchdog; /* guarded by lock; NULL before the first native plugin */

    berthi_lock retired_lock;
    berth_version *retired;               /* guarded by retired_lock */
    uint32_t retired_count;               /* guarded by retired_lock */
    uint64_t reaped;                      /* guarded by retired_lock */
    _Atomic(berth_version *) reaper_list; /* versions that need_reaper, newest first */
    _Atomic(uint32_t) instances_live;
    _Atomic(uint32_t) versions_live;
    _Atomic(uint64_t) versions_made;
    _Atomic(bool) is_stopping;        /* the reaper ends when the last version is gone */
    _Atomic(bool) is_ticker_stopping; /* later: calls in flight still need their deadlines */
    berthi_event event;               /* wakes the reaper */
    berthi_thread ticker, reaper;
};

/* map.c */
berth_status berthi_map_init(berth_runtime *rt, berth_diag *diag);
void berthi_map_fini(berth_runtime *rt);
/* Under rt->lock. */
/* False: such names have no slot. */
bool berthi_slot_key_make(berthi_slot_key *key, const char *tenant, const char *name);
/* Under the lock; or in a look (sync/record.h), where NULL means that it has to be asked for under the lock. */
berth_slot *berthi_map_find(const berth_runtime *rt, const berthi_slot_key *key);
/* Under the lock: all slots, chain by chain. */
static inline size_t berthi_map_chains(const berth_runtime *rt)
{
    return atomic_load_explicit(&rt->map, memory_order_relaxed)->count;
}
static inline berth_slot *berthi_map_first(const berth_runtime *rt, size_t chain)
{
    return atomic_load_explicit(
        &atomic_load_explicit(&rt->map, memory_order_relaxed)->at[chain], memory_order_relaxed);
}
static inline berth_slot *berthi_map_next(const berth_slot *slot)
{
    return atomic_load_explicit(&slot->map_next, memory_order_relaxed);
}
void berthi_map_insert(berth_runtime *rt, berth_slot *slot);
void berthi_map_remove(berth_runtime *rt, berth_slot *slot);
/* Makes the slot one of that tenant's, who is made when it is new; takes it away again. */
berth_status berthi_tenant_join(berth_runtime *rt, const char *name, berth_slot *slot,
                                berth_diag *diag);
void berthi_tenant_leave(berth_runtime *rt, berth_slot *slot);

/* cache.c */
berth_status berthi_cache_init(berth_runtime *rt, berth_diag *diag);
void berthi_cache_fini(berth_runtime *rt);
/* Gives a ready entry with one reference more; one thread compiles, others wait for it. */
berth_status berthi_cache_take(berth_runtime *rt, const uint8_t *bytes, size_t size,
                               const uint8_t digest[BERTH_DIGEST_SIZE],
                               berthi_cache_entry **entry_out, berth_diag *diag);
void berthi_cache_drop(berth_runtime *rt, berthi_cache_entry *entry);

/* A core module for somebody who keeps a list of what he uses, in that arena. */
berth_status berthi_cache_use(berth_runtime *rt, berthi_arena *arena, berthi_compiled **list,
                              const uint8_t *bytes, size_t size, const uint8_t *digest,
                              berthi_wasm_module **module_out, berth_diag *diag);
void berthi_cache_drop_all(berth_runtime *rt, berthi_compiled *list);

/* component_cache.c */
/* Gives a loaded component with one reference more; one thread loads, others wait for it. */
berth_status berthi_component_take(berth_runtime *rt, const uint8_t *bytes, size_t size,
                                   const uint8_t digest[BERTH_DIGEST_SIZE],
                                   struct berthi_links *links, berthi_component **component_out,
                                   berth_diag *diag);
void berthi_component_drop(berth_runtime *rt, berthi_component *component);

/* gate.c */
int berthi_gate_init(berthi_gate *gate, uint32_t max);
void berthi_gate_fini(berthi_gate *gate);
/* Takes a place in the slot's and its tenant's gate, waiting until `until_ns` at most. */
berth_status berthi_gate_enter(berth_slot *slot, bool is_nested, uint64_t until_ns,
                               berth_diag *diag);
void berthi_gate_leave(berth_slot *slot);
/* Calls that entered the slot without being counted; under the slot's lock. */
uint32_t berthi_gate_uncounted(berth_slot *slot);

/* Keeps new calls waiting, each until its own deadline, and waits until those inside have ended.
 * False: they had not until `until_ns`, and nothing is held.  One holder at a time. */
bool berthi_gate_hold(berth_slot *slot, uint64_t until_ns);
void berthi_gate_release(berth_slot *slot);

/* adapter.c */
void berthi_adapters_free(berth_slot *slot);
const berthi_adapted *berthi_adapter_find(const berthi_adapter *adapter, uint32_t number);
berth_status berthi_adapter_run(const berthi_adapted *adapted, berth_version *v,
                                berthi_record *mine, const berth_call *call, uint64_t ticks,
                                const void *args, void *result, berth_diag *diag);

/* state.c */
/* The state of the current version becomes that of `next`, which nobody has called yet.  Calls are
 * held, and the caller has the install ticket.  Nothing is done when there is none. */
berth_status berthi_state_carry(berth_slot *slot, berth_version *next, berth_diag *diag);
uint64_t berthi_state_patience(const berth_slot *slot); /* until when calls inside may take */

/* Plugins of another system: their ABI, and what is called in one.  A slot's call of it is counted,
 * timed, watched and pinned like any other. */
typedef struct berthi_foreign {
    const berthi_native_abi *abi;
    void *ctx; /* for its open() */
    const char *name, *version;
} berthi_foreign;

typedef struct berthi_foreign_call {
    const berthi_native_abi *abi; /* that the version has to be of */
    uint32_t function;            /* of berthi_foreign_name() */
    berth_status (*run)(void *self, struct berthi_foreign_call *call, berth_diag *diag);
} berthi_foreign_call;

/* install.c */
/* As berth_slot_prepare(), of a plugin that may call what `links` says, which it keeps. */
berth_status berthi_slot_prepare_linked(berth_slot *slot, const void *bytes, size_t size,
                                        struct berthi_links *links, berth_version **version_out,
                                        berth_diag *diag);
/* As berth_slot_prepare(). */
berth_status berthi_slot_prepare_foreign(berth_slot *slot, const void *bytes, size_t size,
                                         const berthi_foreign *foreign,
                                         berth_version **version_out, berth_diag *diag);
/* Installs into one slot, and swaps that carry state, take turns. */
berth_status berthi_install_begin(berth_slot *slot, berth_diag *diag);
void berthi_install_finish(berth_slot *slot);

/* instance.c */
/* `seat` is that of the calling thread, which is in a call and makes or ends an instance for it;
 * NULL for all others. */
berth_status berthi_instance_make(berth_version *v, berthi_seat *seat,
                                  berthi_instance **instance_out, berth_diag *diag);
/* For a spent one of the calling thread: an instance that shares nothing with it but the store and this
 * memory.  On failure `instance` is as spent as it was. */
berth_status berthi_instance_renew(berth_version *v, berthi_seat *seat,
                                   berthi_instance *instance, berth_diag *diag);
/* With its store, and all that it was given: `in_store` instances. */
void berthi_instance_destroy(berth_version *v, berthi_seat *seat, berthi_instance *instance);
void berthi_instance_free_blank(berth_version *v, berthi_seat *seat);
/* Calls plugin hook `index` of the content.  After any failure the instance must go (I6). */
berth_status berthi_instance_call(berth_version *v, berthi_instance *instance, uint32_t index,
                                  const berth_call *call, uint64_t ticks, berth_reply *reply,
                                  berth_diag *diag);
/* Looks exports up: hooks of the mask; the allocator.  Each costs as much as ten
 * calls, so a fresh instance does it for what its one call needs. */
void berthi_instance_resolve(berth_version *v, berthi_instance *instance, uint32_t hooks);
void berthi_instance_resolve_alloc(berth_version *v, berthi_instance *instance);

/* How far the guest's memory has grown. */
size_t berthi_instance_memory_bytes(const berthi_instance *instance);

/* component_guest.c: the same for components, behind the functions of instance.c. */
berth_status berthi_component_load(berth_runtime *rt, berthi_content *content,
                                   const uint8_t *bytes, size_t size, berth_diag *diag);
berth_status berthi_component_open(berth_version *v, berthi_instance *instance,
                                   berth_diag *diag);
void berthi_component_close(berth_version *v, berthi_instance *instance);
berth_status berthi_component_enter(berth_version *v, berthi_instance *instance, uint32_t index,
                                    const berth_call *call, uint64_t ticks, berth_reply *reply,
                                    berth_diag *diag);

/* module_guest.c: core modules that import something, or are of a family */
/* Binds what the content's module imports, if it does. */
berth_status berthi_module_link(berth_runtime *rt, berthi_content *content, berth_diag *diag);
bool berthi_module_has_guest(const berthi_content *content);
/* In the instance's own store: instantiates and begins.  On failure the store is left, to be destroyed. */
berth_status berthi_module_open(berth_version *v, berthi_instance *instance, berth_diag *diag);
void berthi_module_close(berth_version *v, berthi_instance *instance);
berth_status berthi_module_initialize(berthi_instance *instance, berth_diag *diag);
/* The call that begins at tick `now` may last so long, in the host's functions too. */
void berthi_module_deadline(berthi_instance *instance, uint64_t now, uint64_t ticks);
berth_status berthi_module_enter(const berthi_domain *d, berth_version *v,
                                 berthi_instance *instance, uint32_t index,
                                 const berth_call *call, uint64_t ticks, berth_reply *reply,
                                 berth_diag *diag);

/* NULL: no memory. */
struct berthi_services *berthi_make_services(const berth_version *v);
void berthi_component_deadline(berth_version *v, berthi_instance *instance, uint64_t ticks);
/* "INTERFACE#FUNCTION", or a function of the component's own; false: it exports none. */
bool berthi_component_find(const berthi_content *content, const char *name,
                           berthi_cm_func *func_out);
/* "INTERFACE#[resource-drop]NAME" is of a resource that it exports. */
bool berthi_component_has_drop(const berthi_content *content, const char *name);

/* native_world.c */
typedef struct berthi_native_world berthi_native_world;
/* A new one, that nobody finds before it is shared.  NULL: no memory. */
berthi_native_world *berthi_native_world_make(berth_runtime *rt);
berthi_arena *berthi_native_world_arena(berthi_native_world *world);
/* Of these very bytes; NULL: there is none. */
berthi_native_world *berthi_native_world_find(berth_runtime *rt, const uint8_t *wit,
                                              size_t size);
/* What its arena holds is all that it ever will. */
void berthi_native_world_share(berth_runtime *rt, berthi_native_world *world,
                               const berthi_native_plugin *plugin);
const berthi_native_plugin *berthi_native_world_plugin(const berthi_native_world *world);
void berthi_native_world_unref(berth_runtime *rt, berthi_native_world *world);

/* native_guest.c */
/* What the bytes promise, for the content's empty guest. */
berth_status berthi_native_admit(berth_slot *slot, berthi_content *content,
                                 const uint8_t *bytes, size_t size, const char *profile,
                                 const char *kind, const berthi_admit_limits *limits,
                                 berth_diag *diag);
/* Maps and opens the copy that berthi_native_admit() let in.  On failure it is all undone. */
berth_status berthi_native_load(berth_slot *slot, berthi_content *content,
                                const struct berthi_library_copy *copy,
                                const berthi_foreign *foreign, berth_diag *diag);
/* An empty one, which berthi_native_unload() ends in whatever state it is. */
berthi_native_guest *berthi_native_guest_make(berth_runtime *rt);
void berthi_native_unload(berth_runtime *rt, berthi_native_guest *guest);
/* What drops an object of a resource that it exports, by "INTERFACE#[resource-drop]NAME". */
berth_plugin_fn *berthi_native_find_drop(const berthi_content *content, const char *name);
/* What open() gave of a version's plugin; NULL: it is not of that ABI. */
void *berthi_foreign_self(const berth_version *v, const berthi_native_abi *abi);
/* The number of a name that the watchdog shows for a call. */
berth_status berthi_foreign_name(berth_slot *slot, const char *name, uint32_t *function_out,
                                 berth_diag *diag);
/* Calls in the slot's current version, or in that of the lease.
 * Fails: as berth_slot_invoke() does; BERTH_E_ABSENT (the version is of another ABI); run()'s. */
berth_status berthi_foreign_enter(berth_slot *slot, const berth_lease *lease,
                                  berthi_foreign_call *call, berth_diag *diag);
/* The same for what has to happen: when the gate gives it no place in time, it has none. */
berth_status berthi_foreign_insist(const berth_lease *lease, berthi_foreign_call *call,
                                   berth_diag *diag);
/* As berthi_component_find(), with what is to be called. */
const berthi_cm_type *berthi_native_find(const berthi_content *content, const char *name,
                                         berth_plugin_fn **call_out);
/* Counts a call that the plugin ended with a number of its own. */
berth_status berthi_native_refused(berthi_record *mine, berthi_seat *seat,
                                   const berthi_typed *typed, int32_t code, berth_diag *diag);

/* native_imports.c: what the plugin's world imports, by other plugins' slots or the runtime's host; `links`
 * may be NULL.  NULL in *out: nothing.
 * Fails: BERTH_E_REJECTED with what is missing or differs, BERTH_E_LIMIT, BERTH_E_NOMEM. */
berth_status berthi_native_imports_make(berth_slot *slot, const berthi_native_plugin *plugin,
                                        struct berthi_links *links, bool is_checked,
                                        berthi_native_imports **out, berth_diag *diag);
/* A call in every form but the usual one. */
berth_status berthi_native_invoke(berth_version *v, berthi_record *mine, const berth_call *call,
                                  const berthi_typed *typed, const void *args, void *result,
                                  berth_reply *reply, berth_diag *diag);

/* typed.c */
#define BERTHI_DROP_MARK "#[resource-drop]" /* between an interface and a resource of it */

typedef struct berthi_func_type {
    char text
        [BERTHI_FUNC_TYPE_MAX]; /* complete, and without blanks: equal texts, equal layouts */
} berthi_func_type;
/* A function that typed calls may call; the sizes are those of its values in host layout. */
typedef struct berthi_found {
    berthi_cm_func func;   /* of a native plugin its type alone */
    berth_plugin_fn *call; /* NULL: of a component */
    berthi_cm_plan_facts facts;
    bool is_drop; /* of a resource; it has no type of a component's */
} berthi_found;
/* The function of that name, with its type. */
berth_status berthi_typed_find(const berthi_content *content, const char *name,
                               berthi_found *found_out, berthi_func_type *type,
                               berth_diag *diag);
void berthi_typed_free(berth_version *v);
/* The type as agreements have it.  False: it is too long. */
bool berthi_typed_text(const berthi_cm_type *func, berthi_func_type *text_out);
/* Behind the pin of `v`: a function that it exports, not one of an adapter's. */
berth_status berthi_typed_run(berth_version *v, berthi_record *mine, const berth_call *call,
                              uint64_t ticks, const void *args, void *result, berth_diag *diag);
/* What is done with a result while its strings and lists are views of the guest's memory. */
typedef struct berthi_look {
    berth_status (*look)(void *ctx, const void *result, berth_diag *diag);
    void *ctx;
} berthi_look;
/* A call of a session's, in its instance, which a native plugin has none of. */
berth_status berthi_typed_run_in(berth_version *v, berthi_record *mine, const berth_call *call,
                                 uint64_t ticks, berthi_instance *instance, const void *args,
                                 void *result, const berthi_look *look, berth_diag *diag);
/* A call of an agreed function in that version, published or not, whatever the gate says. */
berth_status berthi_typed_invoke(berth_version *v, const void *args, void *result,
                                 const berth_call *call, berth_diag *diag);

/* session.c */
berth_slot *berthi_session_slot(const berth_session *session);

/* value_call.c */
/* The type of that function in the version, or of an adapter's that answers it there; and whether it takes
 * or gives handles.  Fails: as berthi_typed_find(). */
berth_status berthi_value_find(const berth_version *v, const char *name, bool *has_handles_out,
                               berthi_func_type *type, berth_diag *diag);

/* agreed.c */
void berthi_agreed_fini(berthi_agreed *agreed, const berth_allocator *a);
/* BERTHI_FUNCS_MAX: it is new. */
uint32_t berthi_agreed_find(const berthi_agreed *agreed, const char *name);
/* Of a new name.  BERTH_E_LIMIT or BERTH_E_NOMEM, without text. */
berth_status berthi_agreed_add(berthi_agreed *agreed, const char *name, const char *type,
                               const berth_allocator *a);
/* The number of (name, type) among links, made when it is new.  Fails: as berthi_agreed_add(). */
berth_status berthi_agreed_link(berthi_agreed *agreed, const char *name, const char *type,
                                const berth_allocator *a, uint32_t *n_out);

/* pool.c */
berthi_seat *berthi_seat_make(berth_version *v, unsigned index); /* NULL: no memory */
static inline berthi_seat *berthi_seat_find(const berth_version *v, unsigned index)
{
    /* acquire: pairs with the release in berthi_seat_make(), for those who only look. */
    berthi_seat **group =
        atomic_load_explicit(&v->groups[index / BERTHI_SEATS_PER_GROUP], memory_order_acquire);

    return group == NULL
               ? NULL
               : __atomic_load_n(&group[index % BERTHI_SEATS_PER_GROUP], __ATOMIC_ACQUIRE);
}
/* Looked at after the record names the version.  A plain load on the processors where acquire
 * is; the sequentially consistent one, where there is no asymmetric barrier, costs nothing more
 * on x86. */
static inline bool berthi_seats_closed(const berth_version *v)
{
    return atomic_load_explicit(&v->seats_closed, memory_order_seq_cst);
}
/* An instance for a call of *ticks, off which goes what was spent on waiting for one. */
berth_status berthi_pool_take(berth_version *v, berthi_seat *seat, uint64_t *ticks,
                              berthi_instance **instance_out, berth_diag *diag);
void berthi_pool_give(berth_version *v, berthi_seat *seat, berthi_instance *instance,
                      bool is_good);
/* A new one that is the caller's alone, for a session; given back by berthi_pool_discard(). */
berth_status berthi_pool_take_new(berth_version *v, berthi_instance **instance_out,
                                  berth_diag *diag);
berth_status berthi_pool_warm(berth_version *v, uint32_t count, berth_diag *diag);
void berthi_pool_refill(berth_version *v); /* reaper only */
void berthi_pool_destroy(berth_version *v);
/* Some idle instances of `v`, which nobody is inside of, become those of its twin. */
void berthi_pool_bequeath(berth_version *v, berth_version *heir);
/* One that no call will see, waiting for a place in the engine if need be. */
berth_status berthi_pool_make(berth_version *v, berthi_instance **instance_out,
                              berth_diag *diag);
/* Takes at most `max` idle or spent ones out of service, for berthi_pool_discard(); how many. */
size_t berthi_pool_take_idle(berth_version *v, berthi_instance **out, size_t max);
void berthi_pool_discard(berth_version *v, berthi_instance *instance);

/* reclaim.c */
/* Ends a few idle instances, of whatever slot, so that the engine has places again; false when
 * there were none. */
bool berthi_reclaim(berth_runtime *rt);

/* call.c */
/* This thread's seat; NULL: no memory, as the diag says. */
berthi_seat *berthi_seat_take(berth_version *v, const berthi_record *mine, berth_diag *diag);
void berthi_count_time(berthi_seat *seat, uint64_t began_ns);

/* version.c */
berth_status berthi_version_make(berth_slot *slot, berth_version **version_out,
                                 berth_diag *diag);
void berthi_version_fill(berth_version *v, berthi_content *content);
void berthi_version_free(berth_version *v);
void berthi_content_unref(berth_runtime *rt, berthi_content *content);
void berthi_counts_add(berthi_counts *into, const berthi_counts *from);
void berthi_version_counts(const berth_version *v, berthi_counts *into,
                           berth_histogram *latency);
static inline void berthi_version_ref(berth_version *v)
{
    uint32_t before = atomic_fetch_add_explicit(&v->refs, 1, memory_order_relaxed);

    assert(before > 0);
    (void)before;
}

/* slot.c */
static inline uint32_t berthi_uncounted_max(const berth_slot *slot)
{
    uint32_t of_slot = slot->options.calls_max;
    uint32_t of_tenant = slot->runtime->options.tenant_calls_max;

    return of_slot < of_tenant ? of_slot : of_tenant;
}
void berthi_slot_unref(berth_slot *slot);
/* As berth_slot_open(), but nobody finds the slot; it can be installed into.  Then all of them
 * become visible at once, or none does.  With `only_checks` none does, and it says whether they would.
 * Those that do not are abandoned: their versions go, and the handle. */
berth_status berthi_slot_open_hidden(berth_runtime *rt, const berth_slot_options *options,
                                     berth_slot **slot_out, berth_diag *diag);
berth_status berthi_slots_reveal(berth_runtime *rt, berth_slot *const *slots, size_t count,
                                 bool only_checks, berth_diag *diag);
void berthi_slot_abandon(berth_slot *slot);
/* As berth_slot_evict(), of this very slot; nothing when it is out of the registry already. */
void berthi_slot_conceal(berth_slot *slot);
/* Under the slot's lock.  Never fails, never allocates (I4). */
void berthi_slot_publish(berth_slot *slot, berth_version *next);
berth_status berthi_slot_hook_locked(berth_slot *slot, const char *name, uint32_t *hook_out,
                                     berth_diag *diag);
/* Forgets all names but the first `count`; nobody was told of the others. */
void berthi_slot_unhook_locked(berth_slot *slot, uint32_t count);

/* Takes what a rollback would publish away from the next publish, which would end it; NULL: there is
 * nothing.  It goes back, unless something newer is there by then, or ends. */
berth_version *berthi_slot_kept_take(berth_slot *slot);
void berthi_slot_kept_give(berth_slot *slot, berth_version *kept, bool is_outdated);

/* Takes `v` out of service when it is current; what is kept can be rolled back to.  False: it is not.
 * Under the slot's lock. */
bool berthi_slot_quarantine_locked(berth_slot *slot, const berth_version *v);

/* watchdog.c */
typedef struct berthi_watchdog berthi_watchdog;
berth_status berthi_watchdog_start(berth_runtime *rt, berth_diag *diag);
void berthi_watchdog_end(berth_runtime *rt);

/* reaper.c */
void berthi_retire(berth_version *v); /* takes the owner's reference */
void berthi_reaper_notify(berth_version *v);
void *berthi_reaper_run(void *runtime);

static inline uint64_t berthi_ticks(uint64_t ns)
{
    return ns / BERTHI_TICK_NS + (ns % BERTHI_TICK_NS != 0);
}

/* Adds to a counter that only this thread writes: no locked instruction.  The compiler does not
 * make one instruction of an atomic load and store, and four of these are on the call path.
 * release (each store on x86): pairs with berthi_counts_add(); who sees a call's end sees its
 * beginning. */
static inline void berthi_count(_Atomic(uint64_t) *counter, uint64_t add)
{
#if defined(__x86_64__) && !defined(BERTHI_THREAD_SANITIZER)
    __asm__ volatile("addq %1, %0" : "+m"(*counter) : "er"(add) : "cc", "memory");
#else
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + add,
                          memory_order_release);
#endif
}

#endif
