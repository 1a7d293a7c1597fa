/* wasm/engine.h - one interface over core WebAssembly engines.
 *
 * What this directory is: the reader of core module binaries (module.h), the interface that the
 * rest of the project runs modules through (this file), and two providers of it: wasmtime/,
 * which compiles, and interp/, which interprets.  Read this file first, then module.h.
 *
 * Objects.  An engine compiles modules and owns the clock (`tick`).  A module is immutable and
 * counted.  A store holds instances and everything they own; it is the unit of isolation, of
 * limits and of destruction, and only one thread may use it at a time.  Functions, memories,
 * tables and globals are named by berthi_extern, a plain value that is good while its store
 * lives and must not be used with another store.
 *
 * I5: a store has a deadline before anything runs in it; store_create() leaves it at "already
 * over", so forgetting to set one shows at once.  A deadline counts in ticks of the engine: a
 * call may run `ticks` whole ticks and at most one more.
 *
 * Failure.  Every way in which a guest can end early is folded into one status and one diag:
 *   BERTH_E_TRAP      + reason of the trap, text with a symbolised backtrace where names exist
 *   BERTH_E_DEADLINE  + BERTH_REASON_DEADLINE
 *   BERTH_E_LIMIT     + BERTH_REASON_STACK (call stack), or _MEMORY / _TABLE (instantiation
 *                       needs more than the store's limits; growth merely answers -1)
 *   any status a host function returned, with its diag
 * After any of these the store must only be destroyed (I6).
 */
#ifndef BERTHI_WASM_ENGINE_H
#define BERTHI_WASM_ENGINE_H

#include <stdbool.h>

#include <berth/base.h>

enum { /* value types, as in the binary format */
       BERTHI_I32 = 0x7f,
       BERTHI_I64 = 0x7e,
       BERTHI_F32 = 0x7d,
       BERTHI_F64 = 0x7c,
       BERTHI_V128 = 0x7b,
       BERTHI_FUNCREF = 0x70,
       BERTHI_EXTERNREF = 0x6f
};

/* One cell of arguments and results.  16 bytes, so that it is the engine's own raw cell.  Floats
 * travel as bits.  References are opaque; null is all zero for both providers. */
typedef union berthi_val {
    int32_t i32;
    int64_t i64;
    uint32_t f32;
    uint64_t f64;
    void *ref;
    uint64_t words[2];
} berthi_val;
_Static_assert(sizeof(berthi_val) == 16, "a value cell is the engine's raw cell");

typedef struct berthi_functype {
    uint32_t params_count, results_count;
    const uint8_t *types; /* params, then results; lent */
} berthi_functype;

bool berthi_functype_equal(const berthi_functype *a, const berthi_functype *b);

enum { /* extern kinds, as in the binary format */
       BERTHI_EXTERN_FUNC = 0,
       BERTHI_EXTERN_TABLE = 1,
       BERTHI_EXTERN_MEMORY = 2,
       BERTHI_EXTERN_GLOBAL = 3
};

/* For memory_create() and table_create(): no upper bound but the store's. */
#define BERTHI_NO_MAX UINT32_MAX

typedef struct berthi_extern {
    uint64_t kind;
    uint64_t words[3]; /* the provider's own handle */
} berthi_extern;

typedef struct berthi_wasm_instance {
    uint64_t words[2]; /* the provider's own handle */
} berthi_wasm_instance;

typedef struct berthi_memory_view {
    uint8_t *base;
    size_t size;
} berthi_memory_view;

/* What one engine may use; every field is required. */
typedef struct berthi_wasm_options {
    const berth_allocator *allocator; /* lent; outlives the engine */
    uint64_t memory_bytes_max;        /* the most that any store will be allowed */
    uint32_t table_elements_max;
    uint32_t stack_bytes_max; /* of guest frames; host frames are beside it */
    uint32_t instances_max;   /* live instances of all stores; a pool is sized by it */
} berthi_wasm_options;

/* What one store may use. */
typedef struct berthi_wasm_limits {
    uint64_t memory_bytes_max; /* each memory */
    uint32_t table_elements_max;
    uint32_t instances_max, memories_max, tables_max;
} berthi_wasm_limits;

typedef struct berthi_wasm_ops berthi_wasm_ops;

/* Providers embed these heads; everything behind them is theirs. */
typedef struct berthi_wasm_engine {
    const berthi_wasm_ops *ops;
} berthi_wasm_engine;

typedef struct berthi_wasm_module {
    const berthi_wasm_ops *ops;
} berthi_wasm_module;

/* A module whose imports are all bound to functions of the host; immutable. */
typedef struct berthi_wasm_linked {
    const berthi_wasm_ops *ops;
} berthi_wasm_linked;

typedef struct berthi_wasm_store {
    const berthi_wasm_ops *ops;
    void *data; /* the owner's; engines do not look at it */
} berthi_wasm_store;

/* A function of the host.  `cells` holds the arguments, then receives the results from index 0.
 * It may view and change memories of `store`, and call into it.  Anything but BERTH_OK ends the
 * guest and is what the outermost call returns. */
typedef berth_status (*berthi_host_function)(void *ctx, berthi_wasm_store *store,
                                             berthi_val *cells, berth_diag *diag);

/* A function of the host for one import of a module, bound before there is a store. */
typedef struct berthi_wasm_binding {
    berthi_functype type; /* what the function is; must be the type of the import */
    berthi_host_function function;
    void *ctx; /* lent; shared by all instances, whose own state is at their store's `data` */
} berthi_wasm_binding;

struct berthi_wasm_ops {
    const char *name; /* "wasmtime", "interp" */
    /* The base of a memory is the same while its store lives, however far it grows: a view that
     * was taken earlier is too small at worst, since no memory shrinks. */
    bool memories_stay;

    /* Gives *engine_out; fails cleanly when the machine cannot reserve what options ask for. */
    berth_status (*engine_create)(const berthi_wasm_options *options,
                                  berthi_wasm_engine **engine_out, berth_diag *diag);
    /* Takes `engine`, whose modules and stores are all gone. */
    void (*engine_destroy)(berthi_wasm_engine *engine);
    /* Time passes.  Thread: any; async-signal-safe. */
    void (*engine_tick)(berthi_wasm_engine *engine, uint64_t ticks);
    /* Whatever decides if code compiled by one engine may run in another: provider, exact
     * version, settings, processor.  Lends a string until the engine ends. */
    const char *(*engine_identity)(const berthi_wasm_engine *engine);

    /* Validates and compiles.  BERTH_E_REJECTED: not a valid module, with the offset where it is
     * known.  BERTH_E_LIMIT: valid, but past what the options allow (a provider may also leave
     * that to instantiate()).  Gives *module_out with one reference.  Does not keep `bytes`.
     * Thread: any. */
    berth_status (*module_compile)(berthi_wasm_engine *engine, const uint8_t *bytes,
                                   size_t size, berthi_wasm_module **module_out,
                                   berth_diag *diag);
    void (*module_ref)(berthi_wasm_module *module);                /* Thread: any */
    void (*module_unref)(berthi_wasm_module *module);              /* Thread: any */
    size_t (*module_code_bytes)(const berthi_wasm_module *module); /* what it holds, about */
    /* NULL where compiling leaves nothing worth to be kept.  Hands `keep` what module_load() takes, which
     * is lent for that call; where that fails `keep` is not called.  Thread: any. */
    void (*module_save)(const berthi_wasm_module *module,
                        void (*keep)(void *ctx, const uint8_t *bytes, size_t size), void *ctx);
    /* As module_compile(), of what module_save() gave for a module of an engine with the same
     * identity, in the very bytes that it gave: nothing of them is checked, and they are executed
     * (I12).  Does not keep `bytes`.  Thread: any. */
    berth_status (*module_load)(berthi_wasm_engine *engine, const uint8_t *bytes, size_t size,
                                berthi_wasm_module **module_out, berth_diag *diag);

    /* Binds every import of `module` for all stores to come: what instances of it need is found
     * and checked once.  `bindings` are in the order of the module's import section and need not
     * outlive the call, except for what `ctx` lends.  BERTH_E_INVALID: their count is not the
     * count of imports.  BERTH_E_REJECTED: an import is no function, or of another type, or there
     * twice for two functions.  Gives *linked_out, which keeps a reference to `module`.  Thread: any. */
    berth_status (*module_link)(berthi_wasm_module *module, const berthi_wasm_binding *bindings,
                                size_t bindings_count, berthi_wasm_linked **linked_out,
                                berth_diag *diag);
    /* Takes `linked`, whose instances' stores are all gone.  NULL is fine. */
    void (*linked_destroy)(berthi_wasm_linked *linked);

    /* Gives *store_out.  Its deadline is over until store_deadline() says otherwise. */
    berth_status (*store_create)(berthi_wasm_engine *engine, const berthi_wasm_limits *limits,
                                 void *data, berthi_wasm_store **store_out, berth_diag *diag);
    void (*store_destroy)(berthi_wasm_store *store);
    /* From now on guests of this store may run `ticks` whole ticks. */
    void (*store_deadline)(berthi_wasm_store *store, uint64_t ticks);

    /* Instantiates and runs the start function.  `imports` are in the order of the module's
     * import section.  BERTH_E_REJECTED: an import is missing or of another type.
     * Keeps a reference to `module` until the store ends. */
    berth_status (*instantiate)(berthi_wasm_store *store, berthi_wasm_module *module,
                                const berthi_extern *imports, size_t imports_count,
                                berthi_wasm_instance *instance_out, berth_diag *diag);
    /* The same for a linked module. */
    berth_status (*instantiate_linked)(berthi_wasm_store *store, berthi_wasm_linked *linked,
                                       berthi_wasm_instance *instance_out, berth_diag *diag);
    /* False when there is no such export. */
    bool (*instance_export)(berthi_wasm_store *store, berthi_wasm_instance instance,
                            const char *name, size_t name_size, berthi_extern *extern_out);

    /* The type of a function; the buffer needs room for `types_max` bytes.  False: no room. */
    bool (*func_type)(berthi_wasm_store *store, const berthi_extern *func, uint8_t *types,
                      size_t types_max, uint32_t *params_out, uint32_t *results_out);
    /* THE HOT ENTRY.  `cells` has max(params, results) cells, typed right by construction: the
     * caller checked the signature once.  Nothing is checked here but the store's deadline. */
    berth_status (*call)(berthi_wasm_store *store, const berthi_extern *func, berthi_val *cells,
                         size_t cells_count, berth_diag *diag);
    /* The memory as it is now (I7); good until the next entry into the store. */
    berthi_memory_view (*memory_view)(berthi_wasm_store *store, const berthi_extern *memory);

    /* For linking: objects of the host in a store. */
    berth_status (*func_create)(berthi_wasm_store *store, const berthi_functype *type,
                                berthi_host_function function, void *ctx,
                                berthi_extern *extern_out, berth_diag *diag);
    berth_status (*memory_create)(berthi_wasm_store *store, uint32_t pages_min,
                                  uint32_t pages_max, berthi_extern *extern_out,
                                  berth_diag *diag);
    berth_status (*table_create)(berthi_wasm_store *store, uint8_t element_type,
                                 uint32_t elements_min, uint32_t elements_max,
                                 berthi_extern *extern_out, berth_diag *diag);
    /* Puts a function of this store (NULL: none) where call_indirect finds it.  False: there is no
     * such element, or it cannot be a function of that type. */
    bool (*table_set)(berthi_wasm_store *store, const berthi_extern *table, uint32_t index,
                      const berthi_extern *func);
    berth_status (*global_create)(berthi_wasm_store *store, uint8_t type, bool is_mutable,
                                  berthi_val value, berthi_extern *extern_out,
                                  berth_diag *diag);
    void (*global_get)(berthi_wasm_store *store, const berthi_extern *global,
                       berthi_val *value_out);
    /* False: immutable. */
    bool (*global_set)(berthi_wasm_store *store, const berthi_extern *global, berthi_val value);

    /* External references carry one number of the host's choosing, below UINT64_MAX. */
    berth_status (*externref_wrap)(berthi_wasm_store *store, uint64_t number,
                                   berthi_val *ref_out, berth_diag *diag);
    uint64_t (*externref_unwrap)(berthi_wasm_store *store, berthi_val ref);
};

extern const berthi_wasm_ops berthi_interp_ops;
#ifdef BERTH_HAVE_WASMTIME
extern const berthi_wasm_ops berthi_wasmtime_ops;
#endif

/* The provider of that name, or the build's first choice for NULL; NULL when not built in. */
const berthi_wasm_ops *berthi_wasm_provider(const char *name);

#endif
