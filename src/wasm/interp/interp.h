/* interp/interp.h - the interpreter's objects.
 *
 * What this directory is: a provider of wasm/engine.h that validates a module, lowers each
 * function to a compact code (ops.h) and runs that.  It is not for speed.  It is what
 * sanitizers, valgrind and fault injection see guests on, what a build without the big engine
 * runs plugins on, and the second opinion on what the engine interface means.
 *
 *   compile.c    a module's bytes -> interp_module; constant expressions in constant.c, function
 *                bodies in function.c, with type checking in validate.c and code in lower.c
 *   store.c      what a store owns; link.c makes instances, table.c and memory.c change their parts
 *   run.c        the loop; trace.c says where it stood; provider.c is the ops table
 *
 * Code.  Words of 32 bits: an op, then its immediates.  Branches know their target and, where
 * operands have to move, how many and where to, so the loop keeps no control stack.
 *
 * Stack.  One per store, of 64-bit cells, allocated when first used and grown up to the engine's
 * bound; it may move, so whoever calls out keeps indices.  i32 and f32 lie zero-extended in
 * their cell.  A frame is
 *
 *     fp -> [ parameters | other locals | caller's pc, fp, function | operands ... ]
 *
 * Its parameters are the caller's operands, and its results replace them.  A guest's call uses
 * no C stack; only host functions that call back in do, and they nest INTERP_NESTING_MAX deep.
 *
 * Threads.  Engine and module are shared: the tick, the count of instances and references are
 * atomic, all else is constant once made.  A store belongs to one thread at a time. */
#ifndef BERTHI_INTERP_INTERP_H
#define BERTHI_INTERP_INTERP_H

#include <stdatomic.h>

#include "base/alloc.h"
#include "base/diag.h"
#include "wasm/engine.h"
#include "wasm/module.h"

enum {
    INTERP_FRAME_CELLS = 3,       /* caller's pc, fp and function */
    INTERP_STACK_CELLS_MIN = 512, /* a first stack of 4 KiB */
    INTERP_NESTING_MAX = 100,     /* guest -> host -> guest */
    INTERP_CONSTANT_DEPTH_MAX = 64,
    INTERP_PAGE = 65536
};
#define INTERP_NULL_INDEX UINT32_MAX /* a null reference among an element segment's items */

typedef struct interp_engine {
    berthi_wasm_engine head;
    const berth_allocator *allocator; /* lent; outlives the engine */
    berthi_wasm_options options;
    _Atomic uint64_t tick;
    _Atomic uint32_t instances; /* live ones of all stores */
    char identity[64];
} interp_engine;

/* A constant expression: steps of a stack machine. */
typedef struct interp_step {
    uint8_t op; /* its binary opcode; any constant is 0x42 */
    uint64_t value;
} interp_step;

typedef struct interp_constant {
    const interp_step *steps;
    uint32_t count;
} interp_constant;

typedef struct interp_item { /* of an element segment */
    bool is_global;          /* index is a global's, else a function's or INTERP_NULL_INDEX */
    uint32_t index;
} interp_item;

typedef struct interp_element {
    bool is_active, is_declared;
    uint32_t table, count;
    interp_constant offset;
    const interp_item *items;
} interp_element;

typedef struct interp_data {
    bool is_active;
    uint32_t memory, size;
    interp_constant offset;
    const uint8_t *bytes;
} interp_data;

typedef struct interp_code {
    const uint32_t *words;
    const char *name; /* for backtraces; NULL: none */
    uint32_t words_count;
    uint32_t index;                   /* in the module's function space */
    uint32_t params, results, locals; /* locals include the parameters */
    uint32_t cells;                   /* of a whole frame */
} interp_code;

typedef struct interp_module {
    berthi_wasm_module head;
    interp_engine *engine;
    _Atomic uint32_t references;
    berthi_arena arena;    /* holds everything that the fields name */
    berthi_wasm_info info; /* spaces, imports and exports; no bytes, sections or bodies */
    interp_code *codes;    /* of defined functions */
    interp_constant *inits;
    interp_element *elements;
    interp_data *data;
} interp_module;

typedef struct interp_store interp_store;
typedef struct interp_instance interp_instance;

typedef struct interp_func {
    const berthi_functype *type;
    interp_instance *instance; /* NULL: a host function */
    const interp_code *code;
    berthi_host_function host;
    void *ctx;
} interp_func;

/* Functions for all imports of a module, in their order; instances refer to them here. */
typedef struct interp_linked {
    berthi_wasm_linked head;
    interp_module *module; /* holds a reference */
    interp_func funcs[];
} interp_linked;

typedef struct interp_memory {
    uint8_t *base;
    uint64_t size;      /* bytes in use */
    uint64_t capacity;  /* bytes allocated */
    uint64_t pages_max; /* what it may grow to: its own maximum and the store's limit */
    berthi_wasm_size declared;
    struct interp_memory *next;
} interp_memory;

typedef struct interp_table {
    uint64_t *elements;
    uint32_t size, capacity, size_max;
    uint8_t type;
    berthi_wasm_size declared;
    struct interp_table *next;
} interp_table;

typedef struct interp_global {
    uint64_t value;
    berthi_wasm_global type;
} interp_global;

struct interp_instance {
    interp_store *store;
    interp_module *module; /* holds a reference */
    interp_func **funcs;
    interp_table **tables;
    interp_memory *memory;    /* the first; never NULL: an empty one when there is none */
    interp_memory **memories; /* all of them */
    interp_global **globals;
    bool *elements_dropped, *data_dropped;
    interp_func *own_funcs;
    interp_instance *next;
};

struct interp_store {
    berthi_wasm_store head;
    interp_engine *engine;
    berthi_wasm_limits limits;
    berthi_arena arena; /* whatever lives as long as the store and never grows */
    uint64_t deadline;  /* over once the engine's tick has reached this */
    uint64_t *stack;
    uint32_t stack_cells, stack_cells_max;
    uint32_t top;     /* first free cell, while a host function runs */
    uint32_t nesting; /* entries into guests that are under way */
    uint32_t instances_count, memories_count, tables_count;
    interp_memory no_memory; /* of instances without one: any access is out of bounds */
    interp_instance *instances;
    interp_memory *memories;
    interp_table *tables;
};

/* Pages are counted in 64 bits so that nothing here can overflow. */
static inline uint64_t interp_memory_pages(const interp_memory *m)
{
    return m->size / INTERP_PAGE;
}

static inline bool interp_is_over(const interp_store *store)
{
    return atomic_load_explicit(&store->engine->tick, memory_order_relaxed) >= store->deadline;
}

/* compile.c */
berth_status berthi_interp_compile(interp_engine *engine, const uint8_t *bytes, size_t size,
                                   interp_module **module_out, berth_diag *diag);
void berthi_interp_module_unref(interp_module *module);

/* store.c: objects of a store.  They fail with BERTH_E_NOMEM and BERTH_E_LIMIT. */
berth_status berthi_interp_memory_create(interp_store *store, const berthi_wasm_size *size,
                                         interp_memory **memory_out, berth_diag *diag);
berth_status berthi_interp_table_create(interp_store *store, const berthi_wasm_table *type,
                                        interp_table **table_out, berth_diag *diag);
void berthi_interp_store_fini(interp_store *store);

/* The size before, or -1 (as unsigned) with nothing changed. */
uint32_t berthi_interp_memory_grow(interp_store *store, interp_memory *memory, uint32_t pages);
uint32_t berthi_interp_table_grow(interp_store *store, interp_table *table, uint64_t value,
                                  uint32_t n);

#ifdef BERTH_HOSTILE
/* Moves every memory of the store, so that whoever kept a view across an entry reads poison (I7).
 * False: out of memory. */
bool interp_move_memories(interp_store *store);
#endif

/* Bulk instructions; false: out of bounds, nothing changed. */
bool berthi_interp_memory_fill(interp_memory *m, uint32_t at, uint32_t value, uint32_t n);
bool berthi_interp_memory_copy(interp_memory *to_memory, const interp_memory *from_memory,
                               uint32_t to, uint32_t from, uint32_t n);
bool berthi_interp_memory_init(interp_instance *inst, uint32_t memory, uint32_t data,
                               uint32_t to, uint32_t from, uint32_t n);
bool berthi_interp_table_fill(interp_table *t, uint32_t at, uint64_t value, uint32_t n);
bool berthi_interp_table_copy(interp_table *to_table, interp_table *from_table, uint32_t to,
                              uint32_t from, uint32_t n);
bool berthi_interp_table_init(interp_instance *inst, uint32_t table, uint32_t element,
                              uint32_t to, uint32_t from, uint32_t n);

/* link.c */
berth_status berthi_interp_link(interp_module *module, const berthi_wasm_binding *bindings,
                                size_t bindings_count, interp_linked **linked_out,
                                berth_diag *diag);
void berthi_interp_linked_destroy(interp_linked *linked);
berth_status berthi_interp_instantiate_linked(interp_store *store, interp_linked *linked,
                                              interp_instance **instance_out, berth_diag *diag);
berth_status berthi_interp_instantiate(interp_store *store, interp_module *module,
                                       const berthi_extern *imports, size_t imports_count,
                                       interp_instance **instance_out, berth_diag *diag);
const berthi_wasm_export *berthi_interp_find_export(const interp_module *module,
                                                    const char *name, size_t size);

/* run.c: calls a function of either kind with its arguments in `cells`; results replace them. */
berth_status berthi_interp_call(interp_store *store, const interp_func *func, berthi_val *cells,
                                berth_diag *diag);

/* trace.c: fills diag with what happened and the frames, innermost first.  `func` runs with its
 * frame at cell `fp`; NULL: no frame was made yet. */
berth_status berthi_interp_stop(const interp_store *store, const interp_func *func, uint32_t fp,
                                berth_status status, berth_reason reason, berth_diag *diag);

#endif
