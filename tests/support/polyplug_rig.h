/* polyplug_rig.h - bundles of polyplug in folders of a test, and the host's table over them.  Public
 * headers only. */
#ifndef BERTHT_POLYPLUG_RIG_H
#define BERTHT_POLYPLUG_RIG_H

#include <berth/polyplug.h>

#include "bundle_folder.h"
#include "slot_rig.h"

#define PP_RELOAD "guest_contract:reload.test@1"
#define PP_PEER   "guest_contract:peer.test@1"
#define PP_SECOND "guest_contract:test.second@1"

/* The functions of tests/plugins/polyplug.c. */
enum {
    PP_VALUE,
    PP_ADD,
    PP_NEXT,
    PP_TEXT,
    PP_FAIL,
    PP_CALL_PEER,
    PP_HOLD,
    PP_SEEN,
    PP_TABLE,
    PP_FUNCTIONS
};

/* What pp_value() and others answer when a call failed. */
#define PP_FAILED(code) (UINT32_C(0x80000000) | (uint32_t)(code))
#define PP_NOT_FOUND    PP_FAILED(BERTH_POLYPLUG_NOT_FOUND)

typedef struct polyplug_rig {
    slot_rig *r;
    bundle_folder folder;
    berth_bundles *bundles;
    const berth_polyplug_host *host;
    char warnings[2048];
    char preparing[64]; /* the slot of the last event of each sort */
    char reloaded[64], failed[64];
    atomic_uint preparing_count, reloaded_count, failed_count;
    atomic_int in_section, in_section_max; /* between PREPARING and RELOADED or FAILED */
} polyplug_rig;

/* Of `options` may be NULL; its warn, slot and observer are the rig's. */
void pp_start(polyplug_rig *t, slot_rig *r, berth_bundles_options *options);
void pp_end(polyplug_rig *t);
/* Without the runtime's: nothing of the bundles is left then but what says so. */
berth_runtime_stats pp_settle(polyplug_rig *t);

/* In `dir`: the bundle `name` with a plugin of <build>/plugins, and `more` in its manifest. */
void pp_put(polyplug_rig *t, const char *dir, const char *name, const char *plugin,
            const char *provides, const char *more);
/* The usual one: reload_plugin_v1, which provides reload.test@1. */
void pp_put_reload(polyplug_rig *t, const char *dir, const char *plugin);

berth_status pp_load(polyplug_rig *t, const char *dir);
berth_status pp_reload(polyplug_rig *t, const char *dir);
void pp_must_load(polyplug_rig *t, const char *dir);
void pp_must_reload(polyplug_rig *t, const char *dir);
/* The last failure was this; `text` is in what it says. */
void pp_check(polyplug_rig *t, berth_status got, berth_status status, const char *text);

/* By the table; NULL: there is none. */
berth_polyplug_handle pp_find(polyplug_rig *t, const char *contract);
const berth_polyplug_interface *pp_resolve(polyplug_rig *t, const char *contract);
/* The table that the plugin behind that contract was given. */
const berth_polyplug_host *pp_table_of(polyplug_rig *t, const char *contract);
/* Calls a function that answers a number; PP_FAILED(code) when it failed. */
uint32_t pp_call(const berth_polyplug_interface *c, berth_polyplug_instance instance,
                 uint32_t function, const void *args);
/* Function 0 of the contract, found anew; PP_FAILED(NOT_FOUND): it is not there. */
uint32_t pp_value(polyplug_rig *t, const char *contract);
berth_polyplug_instance pp_none(void);

#endif
