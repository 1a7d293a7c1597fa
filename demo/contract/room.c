/* room.c - berth_plugin_room(), which is inline, for plugins in other languages than C. */
#include <tally_plugin.h>

void *tally_rust_room(berth_plugin_call *call, size_t size);

void *tally_rust_room(berth_plugin_call *call, size_t size)
{
    return berth_plugin_room(call, size);
}
