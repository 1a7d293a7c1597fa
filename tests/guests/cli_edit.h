/* cli_edit.h - what the guests of the program's tests do: the record says what. */
#include "berth_hook.h"

/* Recursion that no compiler makes a loop of, and that needs none of the guest's own stack. */
static __attribute__((noinline)) double dive(double depth)
{
    return depth > 1e9 ? depth : depth / (dive(depth + 1.0) + 1.5);
}

static int edit_begins(berth_bytes record, const char *word)
{
    uint32_t i = 0;

    while (word[i] != '\0' && i < record.len && record.ptr[i] == (uint8_t)word[i])
        i++;
    return word[i] == '\0';
}

static berth_text edit_out;

static berth_reply edit(berth_bytes record, const char *mark)
{
    if (edit_begins(record, "drop"))
        return berth_reply_drop();
    if (edit_begins(record, "trap"))
        berth_fail();
    if (edit_begins(record, "loop"))
        for (volatile uint32_t i = 0;; i++)
            continue;
    if (edit_begins(record, "deep"))
        return (berth_reply){ (uint64_t)dive(1.0) };
    if (edit_begins(record, "bounds"))
        return (berth_reply){ (uint64_t)0xfffffff0u << 32 | 64 };
    if (edit_begins(record, "empty"))
        return (berth_reply){ (uint64_t)16 << 32 };
    berth_text_clear(&edit_out);
    berth_text_put(&edit_out, mark, 2);
    berth_text_put(&edit_out, record.ptr, record.len);
    return berth_reply_text(&edit_out);
}
