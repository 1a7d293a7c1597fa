/* berth/plugin.h - the binary contract between the runtime and a native plugin.
 *
 * FROZEN.  Fields are appended, never moved, retyped or removed; tests/abi pins every offset.
 * Everything else is asked for by name, such as "berth.arena/1"; what changes gets a new name.
 * What crosses the boundary has fixed widths: no enum, bool, long or size_t.
 *
 * A plugin is a shared object with one symbol, `berth_plugin`, and with two sections that are read
 * before any of it is mapped; `berth bindgen native` writes them (docs/native-plugins.md):
 *
 *   .note.berth   an ELF note, owner "Berth", type BERTH_PLUGIN_NOTE: ABI, id, contracts' digests
 *   .berth.wit    the world, in the binary form of a component's "component-type" section
 *
 * Each function that a plugin offers or is offered has one thread tag:
 *   [any]    is called from any thread, also while it runs on others
 *   [one]    from any thread, but its calls never overlap
 *   [quiet]  no other call into this instance is running, or will start before it returned
 *   [call]   only within the call that it was given, on its thread
 * Nothing unwinds or jumps across this boundary in either direction.
 */
#ifndef BERTH_PLUGIN_H
#define BERTH_PLUGIN_H

#include <berth/base.h>

BERTH_BEGIN

enum {
    BERTH_ABI_MAJOR = 1, /* another one is refused, by either side */
    BERTH_ABI_MINOR = 0, /* tells what is new; `size` decides what may be read */
    BERTH_PLUGIN_NOTE = 1
};

enum { BERTH_LOG_ERROR = 1, BERTH_LOG_WARNING = 2, BERTH_LOG_INFO = 3, BERTH_LOG_DEBUG = 4 };

/* What the runtime offers to an instance.  Lent until its close() has returned. */
typedef struct berth_host_v1 {
    uint32_t size; /* bytes that are there; more than this header knows is fine */
    uint16_t abi_major, abi_minor;
    void *ctx; /* first argument of the functions below */
    /* Lends a table by its name, such as "berth.arena/1", as long as the host; NULL: there is
     * none. [any] */
    const void *(*extension)(void *ctx, const char *id);
    /* A line for whoever runs the process: a BERTH_LOG_ level and `size` bytes of UTF-8. [any] */
    void (*log)(void *ctx, int32_t level, const char *text, uint64_t size);
} berth_host_v1;

/* No function of it is NULL. */
typedef struct berth_plugin_v1 {
    uint32_t size;
    uint16_t abi_major, abi_minor;
    const char *id; /* that of the note */
    /* Gives *self_out, an instance; NULL is one too.  Answers 0, or a berth_status and why; then it
     * has undone everything. [quiet] */
    int32_t (*open)(const berth_host_v1 *host, void **self_out, berth_diag *diag);
    /* Lends a table by its name until close() has returned; NULL: not offered.  That of a
     * contract is a berth_functions_v1 by the name "ns:pkg/interface@1" (0.y: "@0.y"); with "#drop"
     * behind that one, what drops objects of its resources: names are those of the resources,
     * `args` points at the handle. [any] */
    const void *(*extension)(void *self, const char *id);
    /* Stops the threads, timers and callbacks that it started; when it answers 0, none is left.
     * It has `deadline_ns` from now.  No other call is running, or will start but close(). [one] */
    int32_t (*drain)(void *self, uint64_t deadline_ns, berth_diag *diag);
    /* Takes self.  Only after drain() answered 0: an instance that cannot be drained is neither
     * closed nor unmapped.  Its code may be gone as soon as it has returned. [quiet] */
    void (*close)(void *self);
} berth_plugin_v1;

struct berth_call; /* a call under way; nothing of it is for plugins to read */

/* A function of a contract.  `args` points at its parameters and `results` at room for its
 * result, both laid out as docs/host-layout.md says, each NULL where there is none.  What `args`
 * points at ends with the call; what `results` points at is static or comes from berth_arena_v1.
 * Answers 0 when `results` is written; any other number is an error of the plugin's own, and
 * `results` is not read. [any] */
typedef int32_t berth_plugin_fn(void *self, const void *args, void *results,
                                struct berth_call *call);

/* The functions of a contract, or of a world, in the order of the WIT that `digest` is of.  A slot
 * whose contract has another digest finds them by their names. */
typedef struct berth_functions_v1 {
    uint32_t size;
    uint32_t count;
    uint8_t digest[32];            /* berth_contract_digest() */
    const char *const *names;      /* in WIT; "[method]conn.send" of resources */
    berth_plugin_fn *const *calls; /* none is NULL */
} berth_functions_v1;

#define BERTH_ARENA_V1 "berth.arena/1"

/* Where the strings and lists of results are put. */
typedef struct berth_arena_v1 {
    uint32_t size;
    uint32_t reserved; /* 0 */
    /* Lends `size` bytes, not cleared, until the caller of the call resets its arena.  `align` is a
     * power of two of at most 4096.  NULL: out of memory, or past the bounds. [call] */
    void *(*alloc)(struct berth_call *call, uint64_t size, uint64_t align);
} berth_arena_v1;

/* In front of the name of an interface that the plugin's world imports, such as
 * "berth.import/1 ns:pkg/log@1.0.0", or of "$root" for what the world imports by itself. */
#define BERTH_IMPORT_V1 "berth.import/1 "

/* What the host offers of it: its functions in the order of the WIT that the plugin carries, and behind
 * them, by names such as "[resource-drop]conn", what drops objects of its resources (`args` points at
 * the handle, `call` may be NULL).  A function is called with its own `self`, and with the call that the
 * plugin was given, on its thread; it answers 0, or a berth_status and `results` is not written. */
typedef struct berth_import_v1 {
    uint32_t size;
    uint32_t count;
    const char *const *names;
    berth_plugin_fn *const *calls; /* [call] */
    void *const *selfs;
} berth_import_v1;

/* The only symbol that a plugin exports.  It is data, so that looking at it runs nothing. */
extern BERTH_API const berth_plugin_v1 berth_plugin;

BERTH_END
#endif /* BERTH_PLUGIN_H */
