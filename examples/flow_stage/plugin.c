/* plugin.c - a stage that makes letters upper-case, in a batch of records at once.
 *
 * A record that is empty is dropped, one that begins with '!' is a dead letter, one that begins with '=' goes on as it is. */
#include <stage_plugin.h>

enum { RECORDS = 64 }; /* a batch has no more */

static stage_types_emission given[RECORDS];
static uint32_t dead[RECORDS];

static void shout(uint8_t *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (text[i] >= 'a' && text[i] <= 'z')
            text[i] -= 'a' - 'A';
}

int32_t stage_plugin_processor_process(void *self, const stage_processor_process_args *args,
                                       stage_types_outcome *result, berth_plugin_call *call)
{
    const stage_types_batch *in = &args->input;
    uint8_t *bytes = (uint8_t *)(uintptr_t)in->bytes.data; /* the guest's own copy */
    size_t count = 0, dead_count = 0;

    (void)self;
    (void)call;
    *result = (stage_types_outcome){ .done = (uint32_t)in->entries.count };
    for (uint32_t i = 0; i < in->entries.count && i < RECORDS; i++) {
        const stage_types_entry *e = &in->entries.data[i];
        uint8_t *text = bytes + e->payload.at;

        if (e->payload.size == 0)
            continue;
        if (text[0] == '!') {
            dead[dead_count++] = i;
            continue;
        }
        given[count] = (stage_types_emission){ .of = i, .payload = e->payload };
        if (text[0] == '=')
            given[count].payload.size = UINT32_MAX; /* the record itself: nothing is copied */
        else
            shout(text, e->payload.size);
        count++;
    }
    result->output.emissions = (stage_list_types_emission){ given, count };
    result->output.bytes = in->bytes; /* what was changed in its place */
    result->dead = (stage_list_u32){ dead, dead_count };
    return 0;
}
