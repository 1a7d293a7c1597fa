/* berth/polyplug.h - native bundles of polyplug: its ABI 1 as C, and how a host gets at what they offer.
 *
 * A folder with a `manifest.toml` of polyplug is a bundle like any other: berth_bundles_load(),
 * reload(), unload() and find() take it (<berth/bundle.h>).  Its contracts are no WIT: their functions
 * are called by numbers, with arguments and results laid out as polyplug's generator has them.
 * docs/polyplug.md says what is different here, and why.
 *
 * The structs are the system's own, of 64-bit machines; tests/abi pins every offset.  What it calls
 * `this` is the table itself.  Words: <berth/base.h>.  Stability: draft until 1.0, but for the ABI.
 */
#ifndef BERTH_POLYPLUG_H
#define BERTH_POLYPLUG_H

#include <berth/bundle.h>

BERTH_BEGIN

enum { BERTH_POLYPLUG_ABI = 1 };

enum { /* codes of berth_polyplug_error; from 256 on they are the plugin's own */
       BERTH_POLYPLUG_OK = 0,
       BERTH_POLYPLUG_GENERIC = 1,
       BERTH_POLYPLUG_BUFFER_TOO_SMALL = 2,
       BERTH_POLYPLUG_PANIC = 3,
       BERTH_POLYPLUG_NOT_FOUND = 4,
       BERTH_POLYPLUG_STALE_HANDLE = 5,
       BERTH_POLYPLUG_NO_FUNCTION = 6,
       BERTH_POLYPLUG_DUPLICATE = 7,
       BERTH_POLYPLUG_INVALID_POINTER = 8,
       BERTH_POLYPLUG_REENTRANT = 9,
       BERTH_POLYPLUG_HOST_NOT_FOUND = 100,
       BERTH_POLYPLUG_HOST_VERSION = 101,
       BERTH_POLYPLUG_HOST_FAILED = 102
};

enum { BERTH_POLYPLUG_NATIVE = 0, BERTH_POLYPLUG_VM = 1 }; /* dispatch_type */

/* ---------------------------------------------------------------- values */

/* UTF-8, lent for the call; a NULL `ptr` is an empty one. */
typedef struct berth_polyplug_text {
    const char *ptr;
    size_t len;
} berth_polyplug_text;

/* Given: freed with the host's free(items, len * size of one, align). */
typedef struct berth_polyplug_array {
    void *items;
    size_t len;
    size_t align;
} berth_polyplug_array;

typedef struct berth_polyplug_version {
    uint32_t major, minor, patch;
} berth_polyplug_version;

/* The message is static, or its writer's; whoever reads it frees nothing. */
typedef struct berth_polyplug_error {
    uint32_t code;
    berth_polyplug_text message;
} berth_polyplug_error;

/* None: index UINT32_MAX. */
typedef struct berth_polyplug_handle {
    uint32_t index, generation;
} berth_polyplug_handle;

/* NULL data: there is no state. */
typedef struct berth_polyplug_instance {
    void *data;
    uint64_t contract_id;
} berth_polyplug_instance;

typedef struct berth_polyplug_dependency {
    uint64_t contract_id;
    uint32_t min_version; /* its major number */
    uint64_t bundle_id;   /* 0: any */
} berth_polyplug_dependency;

/* ---------------------------------------------------------------- contracts */

struct berth_polyplug_host;
struct berth_polyplug_interface;

/* A function: `args` is its parameter, or a struct of its parameters when there are several. */
typedef void (*berth_polyplug_fn)(berth_polyplug_instance instance, const void *args, void *out,
                                  berth_polyplug_error *error_out);

/* The same of whoever has one entry for all functions. */
typedef void (*berth_polyplug_vm_fn)(void *loader_data, berth_polyplug_instance instance,
                                     uint32_t function, const void *args, void *out,
                                     void *arena, berth_polyplug_error *error_out);

typedef struct berth_polyplug_functions {
    uint32_t function_count;
    const berth_polyplug_fn *functions;
} berth_polyplug_functions;

typedef struct berth_polyplug_vm {
    berth_polyplug_vm_fn call;
    void *loader_data;
} berth_polyplug_vm;

typedef union berth_polyplug_dispatch {
    berth_polyplug_functions native;
    berth_polyplug_vm vm;
} berth_polyplug_dispatch;

/* What a plugin registers, and what resolve_guest_contract() lends. */
typedef struct berth_polyplug_interface {
    uint64_t contract_id;
    berth_polyplug_version contract_version;
    uint32_t dispatch_type;
    void (*create_instance)(void *loader_data, const struct berth_polyplug_host *host,
                            const void *args, berth_polyplug_instance *instance_out);
    void (*destroy_instance)(void *loader_data, const struct berth_polyplug_host *host,
                             berth_polyplug_instance instance);
    berth_polyplug_dispatch dispatch;
} berth_polyplug_interface;

typedef struct berth_polyplug_descriptor {
    berth_polyplug_text name, contract_name;
    berth_polyplug_version version;
} berth_polyplug_descriptor;

/* A service of the host. */
typedef struct berth_polyplug_host_contract {
    uint64_t contract_id;
    berth_polyplug_version contract_version;
    uint8_t singleton; /* one instance serves all */
    uint32_t dispatch_type;
    void *runtime, *user_data;
    void (*create_instance)(const struct berth_polyplug_host_contract *contract,
                            const void *args, void **instance_out);
    void (*destroy_instance)(const struct berth_polyplug_host_contract *contract,
                             void *instance);
    berth_polyplug_dispatch dispatch;
} berth_polyplug_host_contract;

/* ---------------------------------------------------------------- the host's table */

/* One for each plugin, and one for the host itself; the table is the first argument of all of it.
 * Every function may be called from any thread; none is NULL. */
typedef struct berth_polyplug_host {
    void *runtime;
    void (*register_guest_contract)(const struct berth_polyplug_host *host,
                                    const berth_polyplug_descriptor *descriptor,
                                    const berth_polyplug_interface *contract,
                                    berth_polyplug_error *error_out);
    void *(*alloc)(const struct berth_polyplug_host *host, size_t size, size_t align);
    void (*free)(const struct berth_polyplug_host *host, void *memory, size_t size,
                 size_t align);
    berth_polyplug_handle (*find_guest_contract)(const struct berth_polyplug_host *host,
                                                 uint64_t contract_id, uint32_t min_major);
    berth_polyplug_array (*find_all_guest_contracts)(const struct berth_polyplug_host *host,
                                                     uint64_t contract_id, uint32_t min_major);
    const berth_polyplug_interface *(*resolve_guest_contract)(
        const struct berth_polyplug_host *host, berth_polyplug_handle handle);
    void *(*get_host_contract)(const struct berth_polyplug_host *host, uint64_t contract_id,
                               uint32_t min_version);
    const berth_polyplug_host_contract *(*resolve_host_contract_interface)(
        const struct berth_polyplug_host *host, uint64_t contract_id, uint32_t min_version);
    berth_polyplug_array (*list_bundles)(const struct berth_polyplug_host *host);
    berth_polyplug_array (*get_dependencies)(const struct berth_polyplug_host *host);
    void (*load_bundle)(const struct berth_polyplug_host *host, const char *path, size_t size,
                        berth_polyplug_error *error_out);
    void (*reload_bundle)(const struct berth_polyplug_host *host, const char *path, size_t size,
                          berth_polyplug_error *error_out);
    void (*register_host_contract)(const struct berth_polyplug_host *host,
                                   const berth_polyplug_host_contract *contract,
                                   berth_polyplug_error *error_out);
    void (*register_loader)(const struct berth_polyplug_host *host, void *loader,
                            berth_polyplug_error *error_out);
    size_t (*get_last_error)(const struct berth_polyplug_host *host, char *text, size_t size);
    size_t (*get_error_len)(const struct berth_polyplug_host *host);
    void (*unload_bundle)(const struct berth_polyplug_host *host, uint64_t bundle_id,
                          berth_polyplug_error *error_out);
    void (*log)(const struct berth_polyplug_host *host, uint32_t level,
                berth_polyplug_text scope, berth_polyplug_text message);
    void (*create_guest_instance)(const struct berth_polyplug_host *host,
                                  const berth_polyplug_interface *contract, const void *args,
                                  berth_polyplug_instance *instance_out);
    void (*destroy_guest_instance)(const struct berth_polyplug_host *host,
                                   const berth_polyplug_interface *contract,
                                   berth_polyplug_instance instance);
    const uint64_t *(*revision_counter)(const struct berth_polyplug_host *host);
    const void *reserved;
} berth_polyplug_host;

/* What a plugin's polyplug_init() is told; lent until that has returned. */
typedef struct berth_polyplug_init {
    uint64_t bundle_id;
    berth_polyplug_text bundle_path;
} berth_polyplug_init;

/* ---------------------------------------------------------------- for hosts */

/* The id of a name: FNV-1a, 64 bits.  A bundle's is that of its name, a contract's that of
 * "guest_contract:NAME@MAJOR", a host contract's that of "host_contract:NAME@MAJOR".
 * Thread: any.  Blocks: never. */
BERTH_API uint64_t berth_polyplug_id(const char *text);

/* The host's own table, over that set of bundles; a host that was written against polyplug's table
 * works with it.  Lends it until the set is destroyed.  Host contracts that it registers, and what they
 * rest on, have to live as long.  NULL: `bundles` is.
 * Thread: any.  Blocks: never. */
BERTH_API const berth_polyplug_host *berth_bundles_polyplug(berth_bundles *bundles);

/* Calls a function of the plugin that serves in the slot, which berth_bundles_find() or
 * berth_slot_find() gave, without state.  What `out` is given may point into the plugin: it is good
 * until the slot is swapped, so hosts that read more than numbers call by an instance of the table.
 * Thread: any.  Blocks: as berth_slot_call().
 * Fails: BERTH_E_INVALID, BERTH_E_ABSENT (nothing, no such contract, no such function, or another
 *        sort of plugin), BERTH_E_PLUGIN (it answered an error, whose code and message are in the
 *        diag), BERTH_E_BUSY, BERTH_E_LIMIT, BERTH_E_NOMEM. */
BERTH_API BERTH_CHECKED berth_status berth_polyplug_call(berth_slot *slot, uint64_t contract_id,
                                                         uint32_t function, const void *args,
                                                         void *out, berth_diag *diag);

BERTH_END
#endif /* BERTH_POLYPLUG_H */
