/* late_page.c - a plugin that keeps an object of its host's until it is drained, and drops it then; or leaves
 * it where it is; or is never drained. */
#include <notes_plugin.h>

static notes_store_page kept;

int32_t notes_plugin_desk_draft_new(void *self, const notes_desk_draft_new_args *args,
                                    notes_desk_draft *result, berth_plugin_call *call)
{
    (void)self;
    *result = notes_desk_draft_make(&kept);
    return notes_store_page_new(call, args->title, &kept);
}

void notes_plugin_desk_draft_destroy(void *object)
{
    (void)object;
}

int32_t notes_plugin_drain(void *self, uint64_t deadline_ns)
{
    (void)self, (void)deadline_ns;
#if defined(LATE_PAGE_IS_LEFT)
    return 0;
#elif defined(LATE_PAGE_IS_HELD) /* and the plugin is given up with it */
    return 1;
#else
    notes_store_page_drop(kept);
    return 0;
#endif
}

/* Nobody calls these. */

int32_t notes_plugin_desk_draft_write(void *self, const notes_desk_draft_write_args *args,
                                      notes_result_u32_string *result, berth_plugin_call *call)
{
    (void)self, (void)args, (void)result, (void)call;
    return 1;
}

int32_t notes_plugin_desk_draft_finish(void *self, const notes_desk_draft_finish_args *args,
                                       berth_string *result, berth_plugin_call *call)
{
    (void)self, (void)args, (void)result, (void)call;
    return 1;
}

int32_t notes_plugin_desk_lines(void *self, const notes_desk_lines_args *args, uint32_t *result,
                                berth_plugin_call *call)
{
    (void)self, (void)args, (void)result, (void)call;
    return 1;
}

int32_t notes_plugin_desk_drafts(void *self, const void *args, uint32_t *result,
                                 berth_plugin_call *call)
{
    (void)self, (void)args, (void)result, (void)call;
    return 1;
}
