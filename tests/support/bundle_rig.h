/* bundle_rig.h - a set of bundles over a runtime, with a folder that holds them. */
#ifndef BERTHT_BUNDLE_RIG_H
#define BERTHT_BUNDLE_RIG_H

#include <berth/bundle.h>

#include "bundle_component.h"
#include "bundle_folder.h"
#include "slot_rig.h"

typedef struct bundle_rig {
    slot_rig *r;
    bundle_folder folder;
    berth_bundles *bundles;
    char warnings[2048];
    void (*on_warning)(struct bundle_rig *t); /* NULL: nothing */
} bundle_rig;

/* `options` may be NULL. */
void bundle_rig_start(bundle_rig *t, slot_rig *r, berth_bundles_options *options);
void bundle_rig_end(bundle_rig *t);

/* In `dir`: a bundle that provides these interfaces of x:y at `contracts`, whose get() gives `value`.
 * `head` belongs to its [bundle], `tail` follows at the end. */
void bundle_rig_put(bundle_rig *t, const char *dir, const char *name, const char *version,
                    const char *interfaces, const char *contracts, uint8_t value,
                    const char *head, const char *tail);
/* The same of a component that calls others; its version is that of the bundle, its contracts' is 1.0.0. */
void bundle_rig_put_caller(bundle_rig *t, const char *dir, const char *name,
                           const char *version, const bundle_caller *caller, const char *head,
                           const char *tail);
#define REQUIRES(contract) "[[requires]]\ncontract = \"" contract "\"\n"

berth_status bundle_rig_load(bundle_rig *t, const char *dir, const char *name); /* NULL: all */
void bundle_rig_must_load(bundle_rig *t, const char *dir, const char *name);
berth_status bundle_rig_reload(bundle_rig *t, const char *dir);
void bundle_rig_must_reload(bundle_rig *t, const char *dir);

/* Calls get() of "ns:pkg/interface" in that slot within so many milliseconds (0: 20 000), which answers
 * `value`, or fails as t->r->diag says. */
berth_status bundle_rig_get(bundle_rig *t, const char *slot_name, const char *interface,
                            unsigned ms, unsigned *value);
berth_status bundle_rig_get_within(bundle_rig *t, const char *slot_name, const char *interface,
                                   uint64_t deadline_ns, unsigned *value);

/* What get() of the interface says in that slot; 1000: there is no such slot, 1001: it does not answer. */
unsigned bundle_rig_ask(bundle_rig *t, const char *slot_name, const char *interface);

/* Slots between blanks; the runtime has no others. */
void bundle_rig_assert_loaded(bundle_rig *t, const char *wanted);
void bundle_rig_assert_said(bundle_rig *t, const char *text);

#endif
