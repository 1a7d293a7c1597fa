/* berth/native.h - what a native plugin in C or C++ needs beside the glue that `berth bindgen native`
 * writes.
 *
 * The plugin writes the functions that NAME_plugin.h declares, includes that header, and is compiled
 * together with NAME_native.c:
 *
 *     berth bindgen native thumbs.wit --out gen
 *     cc -shared -fPIC -fvisibility=hidden -O2 -I gen -o thumbs.so plugin.c gen/thumbs_native.c
 *
 * The same plugin.c is a component with the glue of `berth bindgen guest`; guest/berth_guest.h has the
 * words of this file for WebAssembly.  A shared object has one plugin.
 *
 * C11 or C++11, gcc or clang.  Stability: draft until 1.0.
 */
#ifndef BERTH_NATIVE_H
#define BERTH_NATIVE_H

#include <berth/plugin.h>

BERTH_BEGIN

/* A call that the plugin answers. */
typedef struct berth_call berth_plugin_call;

/* The host's arena, which the glue asks for before the plugin is opened. */
__attribute__((visibility("hidden"))) extern const berth_arena_v1 *berth_plugin_arena;

/* Room for what a result points at, not cleared, until the caller is done with the result.  `align` is a
 * power of two of at most 4096.  NULL when there is none: answer something else than 0 then. */
static inline void *berth_plugin_room_at(berth_plugin_call *call, size_t size, size_t align)
{
    const berth_arena_v1 *arena = __atomic_load_n(&berth_plugin_arena, __ATOMIC_RELAXED);

    return arena->alloc(call, size, align);
}

/* The same, aligned to 16. */
static inline void *berth_plugin_room(berth_plugin_call *call, size_t size)
{
    return berth_plugin_room_at(call, size, 16);
}

/* What a module says of itself stands in a section of it.  A native plugin is called by its id, which the
 * glue has from BERTH_PLUGIN_ID; the words are taken so that one source serves both. */
__attribute__((visibility("hidden"))) extern const char berth_plugin_is_declared_once;
#define BERTH_PLUGIN(...) const char berth_plugin_is_declared_once = 1;

/* ---- what the glue uses -------------------------------------------------------------------- */

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "notes are little-endian, and so are the machines that plugins are made for"
#endif

/* A section of its own, with that alignment, that no linker throws away. */
#define BERTH_NATIVE_SECTION(name, align)                                                      \
    __attribute__((section(name), used, aligned(align) BERTH_NATIVE_RETAIN))
#define BERTH_NATIVE_RETAIN
#ifdef __has_attribute
#if __has_attribute(retain)
#undef BERTH_NATIVE_RETAIN
#define BERTH_NATIVE_RETAIN , retain
#endif
#endif

/* Says why in *diag; `name` may be "". */
static inline int32_t berth_native_fail(berth_diag *diag, berth_status status, const char *text,
                                        const char *name)
{
    size_t at = 0;

    if (diag == NULL)
        return (int32_t)status;
    diag->status = (int32_t)status;
    diag->reason = diag->os_code = 0;
    diag->reserved = 0;
    for (; *text != '\0' && at + 2 < sizeof diag->text; text++)
        diag->text[at++] = *text;
    if (*name != '\0')
        diag->text[at++] = ' ';
    for (; *name != '\0' && at + 1 < sizeof diag->text; name++)
        diag->text[at++] = *name;
    diag->text[at] = '\0';
    return (int32_t)status;
}

/* Looks for what every plugin needs of a host. */
static inline int32_t berth_native_begin(const berth_host_v1 *host, berth_diag *diag)
{
    const berth_arena_v1 *arena;

    if (host->size < sizeof *host || host->abi_major != BERTH_ABI_MAJOR)
        return berth_native_fail(diag, BERTH_E_VERSION, "the host has another ABI", "");
    arena = (const berth_arena_v1 *)host->extension(host->ctx, BERTH_ARENA_V1);
    if (arena == NULL || arena->size < sizeof *arena)
        return berth_native_fail(diag, BERTH_E_ABSENT, "the host has no", BERTH_ARENA_V1);
    __atomic_store_n(&berth_plugin_arena, arena, __ATOMIC_RELAXED); /* the same for all */
    return 0;
}

/* A function of the host's. */
typedef struct berth_native_import {
    berth_plugin_fn *call;
    void *self;
} berth_native_import;

/* Finds the functions of an interface that the host offers, by `id`, which has BERTH_IMPORT_V1 in front. */
static inline int32_t berth_native_find(const berth_host_v1 *host, const char *id,
                                        const char *const *names, uint32_t count,
                                        berth_native_import *imports, berth_diag *diag)
{
    const berth_import_v1 *has = (const berth_import_v1 *)host->extension(host->ctx, id);

    if (has == NULL || has->size < sizeof *has)
        return berth_native_fail(diag, BERTH_E_ABSENT, "the host does not offer", id);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = i; /* where it is when both are of one WIT */

        if (at >= has->count || __builtin_strcmp(has->names[at], names[i]) != 0)
            for (at = 0; at < has->count && __builtin_strcmp(has->names[at], names[i]) != 0;)
                at++;
        if (at >= has->count)
            return berth_native_fail(diag, BERTH_E_ABSENT, "the host has no function",
                                     names[i]);
        imports[i].call = has->calls[at];
        imports[i].self = has->selfs[at];
    }
    return 0;
}

BERTH_END
#endif /* BERTH_NATIVE_H */
