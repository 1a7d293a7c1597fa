/* family.c - what the families' descriptions of modules share.  Layer: admit. */
#include "admit/family.h"

#include <inttypes.h>
#include <stdlib.h>

#include "admit/admit.h"
#include "admit/describe.h"

bool berthi_imports_from(const berthi_wasm_info *info, const char *module)
{
    for (uint32_t i = 0; i < info->imports_count; i++)
        if (info->imports[i].kind == BERTHI_EXTERN_FUNC &&
            berthi_name_is(info->imports[i].module, module))
            return true;
    return false;
}

static int compare_hooks(const void *one, const void *other)
{
    return strcmp(((const berthi_meta_hook *)one)->name,
                  ((const berthi_meta_hook *)other)->name);
}

static bool is_usable(berthi_name name)
{
    return name.size != 0 && name.size <= BERTHI_PLUGIN_NAME_SIZE_MAX &&
           berthi_utf8_is_plain_text(name.text, name.size);
}

bool berthi_describe(berthi_scope scope, const char *name, const berthi_family_hook *hooks,
                     uint32_t count, berthi_metadata *metadata_out)
{
    berthi_arena *arena = scope.findings->arena;
    berthi_meta_hook *to;

    *metadata_out = (berthi_metadata){
        .name = name, .version = "0", .description = name, .offset = BERTHI_NO_OFFSET
    };
    if (count == 0)
        berthi_find(scope, "hook-export", BERTHI_NO_OFFSET,
                    "it exports no function that could be called");
    if (count > BERTHI_HOOKS_MAX)
        berthi_find(scope, "hook-count", BERTHI_NO_OFFSET,
                    "it exports %" PRIu32 " functions that could be called; at most %d may be",
                    count, BERTHI_HOOKS_MAX);
    if (count == 0 || count > BERTHI_HOOKS_MAX)
        return !scope.findings->out_of_memory;
    to = berthi_arena_array(arena, count, sizeof *to);
    if (to == NULL)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        if (!is_usable(hooks[i].name) ||
            hooks[i].export_name.size > BERTHI_PLUGIN_NAME_SIZE_MAX) {
            berthi_find(scope, "hook-name", BERTHI_NO_OFFSET, "no hook may be called `%s`",
                        BERTHI_SHOW_NAME(hooks[i].name));
            return !scope.findings->out_of_memory;
        }
        to[i].name = berthi_arena_strndup(arena, hooks[i].name.text, hooks[i].name.size);
        to[i].export_name =
            berthi_arena_strndup(arena, hooks[i].export_name.text, hooks[i].export_name.size);
        to[i].description = to[i].name;
        if (to[i].name == NULL || to[i].export_name == NULL)
            return false;
    }
    qsort(to, count, sizeof *to, compare_hooks);
    metadata_out->hooks = to;
    metadata_out->hooks_count = count;
    return true;
}
