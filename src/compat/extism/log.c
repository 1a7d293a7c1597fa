/* log.c - lines of a plugin's log.  Layer: compat. */
#include <berth/plugin.h>

#include "compat/extism/private.h"

enum { TRACE, DEBUG, INFO, WARN, ERROR }; /* as plugins count levels */

/* Plugins do not make lines below that, and none is taken. */
static const int32_t level_least = INFO;

EXTISM(get_log_level)
{
    (void)ctx;
    (void)store;
    (void)diag;
    cells[0] = (berthi_val){ .i32 = level_least };
    return BERTH_OK;
}

static berth_status say(berthi_wasm_store *store, const void *ctx, const berthi_val *cells,
                        int32_t level, berth_diag *diag)
{
    static const uint32_t levels[] = { BERTH_LOG_DEBUG, BERTH_LOG_DEBUG, BERTH_LOG_INFO,
                                       BERTH_LOG_WARNING, BERTH_LOG_ERROR };
    berthi_guest *g = berthi_guest_of(store);
    berthi_name text;
    berth_status status;

    if (level < level_least)
        return BERTH_OK;
    status = berthi_extism_block_of(g, ctx, cells, 0, &text, diag);
    if (status == BERTH_OK)
        berthi_guest_log(g, levels[level], text.text, text.size);
    return status;
}

#define LOG(name, level)                                                                       \
    EXTISM(name)                                                                               \
    {                                                                                          \
        return say(store, ctx, cells, level, diag);                                            \
    }

LOG(log_trace, TRACE)
LOG(log_debug, DEBUG)
LOG(log_info, INFO)
LOG(log_warn, WARN)
LOG(log_error, ERROR)
