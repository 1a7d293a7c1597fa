/* tests/support/plugin_builder.h - plugins that are sound but for what a test asks for. */
#ifndef BERTHT_PLUGIN_BUILDER_H
#define BERTHT_PLUGIN_BUILDER_H

#include "admit/admit.h"
#include "wasm_builder.h"

/* A zeroed recipe of a profile is a plugin that is admitted. */
typedef struct plugin_recipe {
    const berthi_profile *profile;
    const char *metadata; /* NULL: a sound one; "": no section */
    size_t metadata_size; /* 0: strlen */
    const char *hooks; /* hooks to export, separated by spaces; NULL: as the sound metadata */
    const char *alloc_type, *free_type, *hook_type; /* NULL: the right one; "": no export */
    uint32_t pages;                                 /* 0: one */
    uint8_t memory_flags;                           /* see wasm_memory(); the maximum is 100 */
    bool no_memory, no_schemas;
    void (*before)(bertht_wasm *m); /* before anything is put in, for imports */
    void (*after)(bertht_wasm *m);  /* when all is in */
} plugin_recipe;

/* {"name": "sound", ...} with the hooks `echo` (berth-hook/1) or `filter` (cc-lb/1). */
extern const char *const sound_berth_metadata;
extern const char *const sound_cclb_metadata;
/* filter, shape and both transforms, which are no-ops. */
extern const char *const sound_cclb_all_metadata;
#define SOUND_CCLB_ALL_HOOKS "filter shape transform_response transform_sse_event"

/* The plugin's bytes; end them with free(). */
uint8_t *plugin_build(const plugin_recipe *recipe, size_t *size_out);

#endif
