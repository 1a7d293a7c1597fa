/* cli_v2.c - edits records, and marks them as version 2's. */
#include "cli_edit.h"

BERTH_PLUGIN({
    "name" : "edit",
    "version" : "2.0.0",
    "description" : "does what its record says",
    "hooks" : { "edit" : { "description" : "puts the version in front", "probe" : "probe" } }
})

BERTH_HOOK(edit, record)
{
    return edit(record, "2:");
}
