/* admit/admit.h - hook profiles, and what an admitted plugin promises.
 *
 * What this directory is: it decides from bytes alone, without running any of them, whether an
 * artifact may serve.  A hook profile is data (profile.c): which exports, sections and schemas a
 * family of plugins has, and how its byte ABI is spoken.  artifact.c says what some bytes are,
 * metadata.c reads what a plugin says about itself, check.c holds a module against a profile and
 * keeps every finding.  admit.c makes the decision of it, verdict.c a report, which
 * verdict_text.c words for people and verdict_json.c for programs.
 * Read first: this file, then docs/hook-abi.md.
 */
#ifndef BERTHI_ADMIT_ADMIT_H
#define BERTHI_ADMIT_ADMIT_H

#include "base/alloc.h"
#include "component/run/instance.h"
#include "component/types/types.h"
#include "service/guest.h"

enum { BERTHI_HOOKS_MAX = 32 }; /* hooks of one plugin, and of one slot */

/* Who frees the input that the host put into a guest's memory. */
typedef enum berthi_input_owner {
    BERTHI_INPUT_HOST, /* one buffer per instance, kept and grown by the host */
    BERTHI_INPUT_GUEST /* allocated for each call; the hook frees it */
} berthi_input_owner;

typedef struct berthi_bytes {
    const void *data;
    size_t size;
} berthi_bytes;

enum { BERTHI_SCHEMA_SIZE = 32 };

/* One hook of a profile whose hooks are fixed (cc-lb/1), in one wire version.  A hook may have
 * several rows: versions served side by side, or fingerprints accepted for one version. */
typedef struct berthi_profile_hook {
    const char *name;
    const char *kind; /* the slot kind that serves it; needs every hook of its own */
    uint32_t wire_version;
    const uint8_t *schema; /* BERTHI_SCHEMA_SIZE bytes that the schema section must hold */
    berthi_bytes probe;    /* the sample request that admission calls it with */
    bool may_be_noop;      /* then its mode has to be said, and it needs the kind's main hook */
} berthi_profile_hook;

typedef struct berthi_profile {
    const char *id;                    /* "berth-hook/1" */
    const char *memory, *alloc, *free; /* export names */
    const char *hook_prefix;
    const char *alloc_type, *free_type, *hook_type; /* as for berthi_wasm_func_is() */
    const berthi_host_module *const *imports;       /* what modules may import; NULL: nothing */
    bool calls_initialize;            /* `_initialize` is called once, before anything else */
    const char *metadata_section;     /* NULL: the family knows without */
    const char *schema_prefix;        /* NULL: no schema sections */
    bool metadata_has_usage;          /* a `usage` text beside every `description` */
    bool name_is_strict;              /* letters, digits, '.', '_', '-'; else any plain text */
    const char *const *kinds;         /* slot kinds, NULL-terminated */
    const berthi_profile_hook *hooks; /* fixed hooks, or NULL */
    size_t hooks_count;
    berthi_input_owner input_owner;
    bool alloc_when_empty;    /* alloc is called for an empty input too (cc-lb/1) */
    bool empty_reply_allowed; /* (0, 0) is a reply and means "drop" */
    bool takes_components;
    const struct berthi_family *family; /* admit/family.h; NULL: the byte ABI above */
} berthi_profile;

extern const berthi_profile berthi_profile_berth; /* berth-hook/1 */
extern const berthi_profile berthi_profile_cclb;  /* cc-lb/1 */

/* Those that admission knows by itself, NULL-terminated.  The families' are put behind them by the runtime. */
extern const berthi_profile *const berthi_profiles[];
/* The one of that id, or NULL. */
const berthi_profile *berthi_profile_find(const berthi_profile *const *profiles,
                                          const char *id);

typedef struct berthi_hook {
    const char *name; /* as callers say it */
    const char
        *export_name; /* hook_prefix + name; of a component: `name`, which is a function of
                              * its own or "INTERFACE#FUNCTION" */
    const char *description;
    berthi_bytes probe;
    uint32_t wire_version; /* 0: the profile has none */
    bool is_noop;          /* declared, never called */
    bool is_served;        /* by this slot kind; the others are probed and not called */
    bool is_unprobed;      /* an install does not call it */
    bool must_answer;      /* its probe may not end in an error of the plugin's own */
} berthi_hook;

/* What an admitted plugin promises.  Everything is held by the arena it was made in. */
typedef struct berthi_plugin {
    const berthi_profile *profile;
    const char *kind; /* one of profile->kinds */
    const char *name, *version, *description;
    berthi_hook *hooks; /* sorted by name */
    uint32_t hooks_count;
    /* What each import of a core module is bound to, in the order of its import section. */
    const berthi_host_import *const *imports;
    uint32_t imports_count;
    bool has_initialize; /* to be called when it was instantiated */
    bool has_start;      /* code runs at instantiation, under the probe deadline */
    bool is_component, is_native;
    bool is_wrapped; /* a component when berthi_component_wrap_own() has made one of it */
    /* The contract that it was asked to keep, and the export that keeps it; NULL: none. */
    const char *contract, *contract_export;
} berthi_plugin;

/* The defaults of berth_inspect(), which knows no runtime. */
#define BERTHI_ARTIFACT_BYTES_MAX   (UINT64_C(32) << 20)
#define BERTHI_MEMORY_BYTES_MAX     (UINT64_C(64) << 20)
#define BERTHI_TABLE_ELEMENTS_MAX   10000u
#define BERTHI_METADATA_BYTES_MAX   (64u << 10)
#define BERTHI_PLUGIN_NAME_SIZE_MAX 64u /* also of a version and of a hook's name */

/* Imports that are given by somebody else than the host, and who gives them. */
typedef struct berthi_admit_imports {
    void *ctx;
    bool (*covers)(void *ctx, berthi_name interface);
    berthi_cm_resolver resolve; /* of what is covered */
} berthi_admit_imports;

/* Bounds that admission checks before anything is compiled. */
typedef struct berthi_admit_limits {
    uint64_t artifact_bytes_max;
    uint64_t memory_bytes_max;
    uint32_t table_elements_max;
    struct berth_host *host;               /* what plugins may import; NULL: nothing */
    const struct berth_contract *contract; /* to be kept; NULL: none */
    const struct berth_grants *grants;     /* of the slot; NULL: nothing is granted */
    const berthi_profile *const *profiles; /* NULL: berthi_profiles */
    bool has_no_slot; /* nobody knows which grants there will be, so none is missed */
    const berthi_admit_imports *imports; /* of a bundle, what it requires; NULL: it is none */
    uint32_t instances_max; /* places for core instances that the runtime has; 0: not known */
} berthi_admit_limits;

/* Checks `bytes` for one profile and slot kind; NULL for either: the first that fits, and when
 * none does, the reason is about the profile whose metadata section the artifact has.
 * *plugin_out is held by `arena` and keeps nothing of `bytes`.
 * Fails: BERTH_E_REJECTED (the first finding, and how many more), BERTH_E_LIMIT (size),
 *        BERTH_E_ABSENT (no such profile or kind), BERTH_E_NOMEM. */
berth_status berthi_admit(const uint8_t *bytes, size_t size, const char *profile_id,
                          const char *kind, const berthi_admit_limits *limits,
                          berthi_arena *arena, berthi_plugin *plugin_out, berth_diag *diag);

/* As berth_inspect(), which knows all profiles. */
struct berth_verdict;
berth_status berthi_inspect(const berth_allocator *allocator, const void *bytes, size_t size,
                            uint64_t artifact_bytes_max, const berthi_profile *const *profiles,
                            struct berth_verdict **verdict_out, berth_diag *diag)
    __attribute__((warn_unused_result));

/* func(list<u8>) -> result<list<u8>, string>: what makes an exported function a hook. */
bool berthi_component_is_hook(const berthi_cm_type *func);

#endif
