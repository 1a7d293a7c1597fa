/* plugin.c - drafts of notes.  One source: a shared object, a component and a core module are built of it.
 *
 * It imports an interface of its host, with objects of the host's (`page`), and exports one with
 * objects of its own (`draft`).  Drafts are taken from a small table, by exchanges, since several
 * threads may call a shared object at a time. */
#include <notes_plugin.h>

enum { DRAFTS_MAX = 16, TITLE_MAX = 32, LINES_MAX = 4, LINE_MAX = 32 };

typedef struct draft {
    uint32_t is_used, count;
    uint32_t title_size, sizes[LINES_MAX];
    char title[TITLE_MAX];
    char lines[LINES_MAX][LINE_MAX];
} draft;

static draft all[DRAFTS_MAX];

int32_t notes_plugin_desk_draft_new(void *self, const notes_desk_draft_new_args *args,
                                    notes_desk_draft *result, berth_plugin_call *call)
{
    (void)self, (void)call;
    if (args->title.size > TITLE_MAX)
        return 1;
    for (uint32_t i = 0; i < DRAFTS_MAX; i++) {
        if (__atomic_exchange_n(&all[i].is_used, 1, __ATOMIC_ACQUIRE) != 0)
            continue;
        all[i].count = 0;
        all[i].title_size = (uint32_t)args->title.size;
        if (args->title.size != 0)
            memcpy(all[i].title, args->title.text, args->title.size);
        *result = notes_desk_draft_make(&all[i]);
        return 0;
    }
    return 2;
}

void notes_plugin_desk_draft_destroy(void *object)
{
    draft *d = (draft *)object;

    __atomic_store_n(&d->is_used, 0, __ATOMIC_RELEASE);
}

int32_t notes_plugin_desk_draft_write(void *self, const notes_desk_draft_write_args *args,
                                      notes_result_u32_string *result, berth_plugin_call *call)
{
    static const char full[] = "the draft is full";
    draft *d = (draft *)notes_desk_draft_borrowed(args->self);

    (void)self, (void)call;
    result->is_error = d->count == LINES_MAX || args->line.size > LINE_MAX;
    if (result->is_error) {
        result->as.error.text = full;
        result->as.error.size = sizeof full - 1;
        return 0;
    }
    if (args->line.size != 0)
        memcpy(d->lines[d->count], args->line.text, args->line.size);
    d->sizes[d->count] = (uint32_t)args->line.size;
    result->as.ok = ++d->count;
    return 0;
}

/* The page that has the title already, or a new one. */
static int32_t find_page(berth_plugin_call *call, berth_string title, notes_store_page *page)
{
    notes_option_store_page found;
    int32_t code = notes_store_fetch(call, title, &found);

    if (code == 0 && !found.is_some)
        return notes_store_page_new(call, title, page);
    if (code == 0)
        *page = found.some;
    return code;
}

static int32_t put_lines(berth_plugin_call *call, const draft *d, notes_store_page_borrow page)
{
    for (uint32_t i = 0; i < d->count; i++) {
        berth_string line = { d->lines[i], d->sizes[i] };
        uint32_t count;
        int32_t code = notes_store_page_append(call, page, line, &count);

        if (code != 0)
            return code;
    }
    return 0;
}

/* What the host answers is handed through: a caller learns why it did not do it. */
int32_t notes_plugin_desk_draft_finish(void *self, const notes_desk_draft_finish_args *args,
                                       berth_string *result, berth_plugin_call *call)
{
    const draft *d = (const draft *)notes_desk_draft_object(args->done);
    berth_string title = { d->title, d->title_size };
    notes_store_page_borrow lent;
    notes_store_page page;
    int32_t code = find_page(call, title, &page);

    (void)self;
    if (code == 0) {
        lent.handle = page.handle;
        code = put_lines(call, d, lent);
        if (code == 0)
            code = notes_store_page_text(call, lent, result);
        notes_store_page_drop(page);
    }
    notes_desk_draft_drop(args->done); /* it is the plugin's, whatever comes of it */
    return code;
}

int32_t notes_plugin_desk_lines(void *self, const notes_desk_lines_args *args, uint32_t *result,
                                berth_plugin_call *call)
{
    (void)self, (void)call;
    *result = 0;
    for (size_t i = 0; i < args->among.count; i++)
        *result += ((draft *)notes_desk_draft_borrowed(args->among.data[i]))->count;
    return 0;
}

int32_t notes_plugin_desk_drafts(void *self, const void *args, uint32_t *result,
                                 berth_plugin_call *call)
{
    (void)self, (void)args, (void)call;
    *result = 0;
    for (uint32_t i = 0; i < DRAFTS_MAX; i++)
        *result += __atomic_load_n(&all[i].is_used, __ATOMIC_RELAXED) != 0;
    return 0;
}
