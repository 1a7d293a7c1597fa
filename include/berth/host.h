/* berth/host.h - functions and resources that a host offers to components, written in C.
 *
 * A host declares interfaces in WIT and binds a C function to each of their functions:
 *
 *     package demo:plug@1.0.0;
 *     interface host {
 *         resource conn { send: func(text: string) -> u32; }
 *         get: func(key: string) -> option<list<u8>>;
 *     }
 *
 * A component that imports `demo:plug/host` gets them when it is loaded, if every type is the same.
 * Several versions of an interface may stand side by side.  An import gets the version that it
 * names; when that is not there, the highest one that is compatible with it: the same major version,
 * or for 0.x the same minor one, and no pre-release.
 *
 * Arguments and results are C structs: the parameters in their order, with natural alignment.
 *
 *     bool, numbers     bool, uint8_t ... int64_t, float, double    char   uint32_t
 *     string            berth_string                                list   { const T *items; size_t count; }
 *     record, tuple     struct                                      enum   the smallest of uint8_t, uint16_t
 *     flags             the smallest unsigned integer with a bit for each
 *     variant           { tag, union of the payloads }, with the tag of an enum
 *     option            { uint8_t is_some; T value; }
 *     result            { uint8_t is_error; union { T ok; E error; } }
 *     own, borrow       uint64_t
 *
 * Words: <berth/base.h>.  Stability: draft until 1.0.
 */
#ifndef BERTH_HOST_H
#define BERTH_HOST_H

#include <berth/layout.h>

BERTH_BEGIN

typedef struct berth_host berth_host;                   /* what a host offers */
typedef struct berth_host_resource berth_host_resource; /* one kind of its objects */
typedef struct berth_host_call berth_host_call;         /* a call of one of its functions */

/* A function that components call, on the thread that called the plugin, within that call's deadline.
 *
 * Strings and lists of numbers in `args` are views of the plugin's memory (copies of it with an engine
 * that moves memories); they, and all else that `args` points at, end when the function returns.  `result` is zeroed.  What it points at has to
 * live until the result was given to the plugin, as room from berth_host_room() does; it may point
 * into the plugin only where berth_host_reserve() did, so what is in `args` is copied.
 * Answers BERTH_OK, or a status that ends the plugin's instance; berth_host_fail() says why. */
typedef berth_status (*berth_host_function)(void *ctx, const void *args, void *result,
                                            berth_host_call *call);

/* Makes a host that offers nothing yet.  `allocator` may be NULL for the C library's heap; it is
 * copied.  Gives *host_out; end it with berth_host_destroy().
 * Thread: any.  Blocks: never.  Fails: BERTH_E_INVALID, BERTH_E_NOMEM, BERTH_E_OS. */
BERTH_API BERTH_CHECKED berth_status berth_host_create(const berth_allocator *allocator,
                                                       berth_host **host_out, berth_diag *diag);

/* Ends the host.  Nothing that was loaded with it may be there any more.  NULL is left alone.
 * Thread: one.  Blocks: never. */
BERTH_API void berth_host_destroy(berth_host *host);

/* Offers the interfaces of a WIT text, and functions and types that its worlds import.  Packages
 * within the text (`package a:b { ... }`) are what the text refers to: an interface of theirs that is
 * offered already stays as it is.  On failure nothing of the text is offered.
 * Thread: any.  Blocks: briefly.  Fails: BERTH_E_REJECTED with line and column, BERTH_E_STATE for
 * what is offered already, BERTH_E_LIMIT, BERTH_E_NOMEM. */
BERTH_API BERTH_CHECKED berth_status berth_host_declare(berth_host *host, const char *wit,
                                                        size_t size, berth_diag *diag);

/* Binds a function.  `interface` is such as "demo:plug/host@1.0.0", without the version when there is
 * only one, and NULL for what a world imports by itself; `function` is its name in WIT, with
 * "[method]conn.send", "[static]conn.open" or "[constructor]conn" for those of a resource.
 * `args_size` and `result_size` are the sizes of the structs that `call` expects, 0 for none: what
 * does not fit the declaration is refused.  Lends `ctx` until the host is destroyed.
 * Thread: any.  Blocks: briefly.  Fails: BERTH_E_ABSENT with what was meant, BERTH_E_INVALID,
 * BERTH_E_STATE when it is bound already. */
BERTH_API BERTH_CHECKED berth_status berth_host_bind(berth_host *host, const char *interface,
                                                     const char *function, size_t args_size,
                                                     size_t result_size,
                                                     berth_host_function call, void *ctx,
                                                     berth_diag *diag);

/* Says what becomes of a resource's objects: `destroy` is called exactly once for each object that
 * was not taken back, when the plugin drops it or when its instance ends.  It may be NULL.
 * Gives *resource_out, the resource's name in calls, which lives as long as the host.
 * Thread: any.  Blocks: briefly.  Fails: as berth_host_bind(). */
BERTH_API BERTH_CHECKED berth_status berth_host_bind_resource(
    berth_host *host, const char *interface, const char *resource,
    void (*destroy)(void *object), const berth_host_resource **resource_out, berth_diag *diag);

/* ---------------------------------------------------------------- in a call
 *
 * These belong to a function that is being called, on its thread; `call` ends with it. */

#if defined(__GNUC__)
#define BERTH_HOST_FORMAT __attribute__((format(printf, 3, 4)))
#else
#define BERTH_HOST_FORMAT
#endif

/* Says why the function fails, and hands `status` back: `return berth_host_fail(...)`.
 * Thread: one.  Blocks: never.  Fails: as it was told to. */
BERTH_API BERTH_CHECKED BERTH_HOST_FORMAT berth_status berth_host_fail(berth_host_call *call,
                                                                       berth_status status,
                                                                       const char *format, ...);

/* Room for what the result points at, aligned to 16, not cleared; NULL when out of memory.
 * Lends it until the result was given to the plugin.  Thread: one.  Blocks: never. */
BERTH_API void *berth_host_room(berth_host_call *call, size_t size);

/* The same in the plugin's own memory: a string, or a list of one-byte numbers, of the result that
 * begins there and has `size` bytes is not copied.  Once per call.  It enters the plugin's allocator; NULL when
 * that fails, which ends the call whatever the function answers.
 * Thread: one.  Blocks: until the plugin's allocator returns, within the call's deadline. */
BERTH_API void *berth_host_reserve(berth_host_call *call, size_t size);

/* What whoever made the plugin's instance gave it, or NULL.  Thread: one.  Blocks: never. */
BERTH_API void *berth_host_context(const berth_host_call *call);

/* The plugin's name, for logs.  Lends it for the call.  Thread: one.  Blocks: never. */
BERTH_API const char *berth_host_plugin(const berth_host_call *call);

/* What the host calls of one instance came to, this one included. */
typedef struct berth_host_usage {
    uint64_t calls;
    uint64_t bytes_in, bytes_out; /* of strings and lists */
} berth_host_usage;

/* Thread: one.  Blocks: never. */
BERTH_API berth_host_usage berth_host_usage_of(const berth_host_call *call);

/* Makes a handle for `object`.  Gives *handle_out, for the plugin as `own`.  Takes the object: when the plugin drops
 * it, or the plugin's instance ends, it is destroyed as berth_host_bind_resource() said.
 * Thread: one.  Blocks: never.  Fails: BERTH_E_LIMIT, BERTH_E_NOMEM; the object is the caller's
 * then. */
BERTH_API BERTH_CHECKED berth_status berth_host_object_add(berth_host_call *call,
                                                           const berth_host_resource *resource,
                                                           void *object, uint64_t *handle_out);

/* The object behind an argument of that resource, `own` or `borrow`; NULL when it is none.
 * Lends it for the call.  Thread: one.  Blocks: never. */
BERTH_API void *berth_host_object_find(const berth_host_call *call,
                                       const berth_host_resource *resource, uint64_t handle);

/* Takes an object back that came as `own`: it is the caller's, and will not be destroyed.  One that is
 * left where it is stays the instance's until that ends.  NULL when there is none.
 * Thread: one.  Blocks: never. */
BERTH_API void *berth_host_object_take(berth_host_call *call,
                                       const berth_host_resource *resource, uint64_t handle);

BERTH_END
#endif /* BERTH_HOST_H */
