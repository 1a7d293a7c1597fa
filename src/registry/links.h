/* registry/links.h - what one plugin calls of others: imports that are bound to slots.
 *
 * Whoever loads plugins that depend on each other (runtime/bundles) says for each thing that one
 * requires which slot gives it.  An import of such an interface is bound to that slot, whatever its
 * plugin is and whatever replaces it: each call is one of the slot's like any other, pinned, gated,
 * counted, and bounded by what is left of the call that it is made in.
 *
 *   made      before the dependent is prepared; functions are found and agreed upon while it is
 *   settled   when what they were found in is published, or is not: from then on what is current is
 *             called
 *   kept      as long as the dependent's content; what would replace a provider has to export what is
 *             linked to it (berthi_links_keep())
 *
 * Layer: registry.  Read first: registry.h, then docs/bundles.md, "Calls between bundles". */
#ifndef BERTHI_REGISTRY_LINKS_H
#define BERTHI_REGISTRY_LINKS_H

#include "registry/registry.h"

typedef struct berthi_link berthi_link;   /* one function of another slot's */
typedef struct berthi_links berthi_links; /* all of one plugin */

/* What is required, and who gives it. */
typedef struct berthi_link_offer {
    const char *contract; /* "ns:pkg/name@1.2.0" */
    berth_slot *slot;     /* NULL: nobody, and the plugin loads without it */
    berth_version
        *ready; /* of that slot, to be published with the plugin; NULL: what is current */
} berthi_link_offer;

/* For the plugin of that slot.  Gives *links_out, one reference; holds the slots of the offers.
 * Fails: BERTH_E_NOMEM. */
berth_status berthi_links_make(berth_slot *dependent, const berthi_link_offer *offers,
                               uint32_t count, berthi_links **links_out, berth_diag *diag)
    __attribute__((warn_unused_result));
berthi_links *berthi_links_ref(berthi_links *links);
void berthi_links_unref(berthi_links *links); /* NULL is left alone */

/* Nothing that is `ready` is called any more: it is about to be published, or to be discarded.  The
 * plugin that they are of is called by nobody at the time.  NULL is left alone. */
void berthi_links_settle(berthi_links *links);

/* Components that are linked to different slots are different ones; NULL: to none. */
const void *berthi_links_key(const berthi_links *links);

/* ---------------------------------------------------------------- binding */

/* For admission. */
const berthi_admit_imports *berthi_links_imports(berthi_links *links);

/* The import is of an interface that the plugin requires; then it is given by them or by nobody.
 * `links` may be NULL. */
bool berthi_links_give(const berthi_links *links, const berthi_cm_need *need);
berth_status berthi_links_resolve(void *links, const berthi_cm_steps *steps,
                                  const berthi_cm_need *need, berthi_cm_binding *binding_out,
                                  berth_diag *diag) __attribute__((warn_unused_result));

/* The same for plugins without steps: `interface` as it is imported. */
bool berthi_links_cover(const berthi_links *links, const char *interface, size_t size);
berth_status berthi_links_bind(berthi_links *links, berthi_name interface, berthi_name function,
                               const berthi_cm_type *type, const berthi_link **link_out,
                               berth_diag *diag) __attribute__((warn_unused_result));

/* ---------------------------------------------------------------- calling */

/* Calls the function on the calling thread, which is in a call of the dependent's that has to end at that
 * tick.  What the result points at goes into the arena.
 * Fails: as berth_slot_invoke(); BERTH_E_ABSENT (nobody gives it), BERTH_E_STATE (its slot is in this
 * chain of calls already), BERTH_E_DEADLINE (it is over). */
berth_status berthi_link_call(const berthi_link *link, uint64_t until_tick, const void *args,
                              void *result, berth_arena *arena, berth_diag *diag)
    __attribute__((warn_unused_result));

/* The version whose call the thread is in, when it is the plugin of these links; NULL: it is not.  `links`
 * is compared and not looked at. */
const berth_version *berthi_links_caller(berth_runtime *rt, const berthi_links *links,
                                         uint64_t *since_out);

/* ---------------------------------------------------------------- what is linked to */

/* As berthi_typed_find(), where a later compatible version of the interface does as well. */
berth_status berthi_link_find(const berthi_content *content, const char *name,
                              berthi_found *found_out, berthi_func_type *type, berth_diag *diag)
    __attribute__((warn_unused_result));

/* Whether `v` exports what plugins call of its slot that serve, or that a rollback would bring back.
 * Fails: BERTH_E_REJECTED with the first that it does not. */
berth_status berthi_links_keep(berth_slot *slot, const berth_version *v, berth_diag *diag)
    __attribute__((warn_unused_result));

#endif
