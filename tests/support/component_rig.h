/* component_rig.h - an instance of tests/guests/unit_component.wat, and the host that it is linked to.
 *
 * Tests over it run for each engine, with shims and without:
 *
 *     static const struct CMUnitTest tests[] = { component_test(calls_return), ... };
 *     int main(void) { return component_rig_run("calls", tests, sizeof tests / sizeof *tests); } */
#ifndef BERTHT_COMPONENT_RIG_H
#define BERTHT_COMPONENT_RIG_H

#include "component/run/instance.h"
#include "component/plan/transcode.h"
#include "engine_rig.h"

typedef struct component_rig {
    rig *r;
    uint8_t *bytes; /* of the component */
    size_t size;
    berthi_cm_loaded *loaded;
    berthi_cm_limits limits;
    berthi_cm_instance *instance;
    berth_arena *arena;
    berth_diag diag; /* of the last call that may fail */
    /* the host */
    uint32_t pings, notes, made, destroyed, last_destroyed;
    berth_status ping_fails;                         /* instead of answering */
    berth_status (*on_ping)(struct component_rig *); /* instead of that */
} component_rig;

int component_rig_setup(void **state);
int component_rig_teardown(void **state);
#define component_test(function)                                                               \
    cmocka_unit_test_setup_teardown(function, component_rig_setup, component_rig_teardown)
int component_rig_run(const char *what, const struct CMUnitTest *tests, size_t count);

/* The component's bytes, with malloc(). */
uint8_t *component_rig_bytes(size_t *size_out);
berth_status component_rig_resolve(void *ctx, const berthi_cm_steps *steps,
                                   const berthi_cm_need *need, berthi_cm_binding *out,
                                   berth_diag *diag);

/* Another instance in place of the present one, with the rig's limits. */
void component_rig_restart(component_rig *c);
/* An exported function that must be there; `interface` may be NULL. */
berthi_cm_func component_rig_func(component_rig *c, const char *interface, const char *name);
berth_status component_rig_call(component_rig *c, const char *interface, const char *name,
                                const void *args, void *result);
/* A call of func(u32) -> u32 that must succeed. */
uint32_t component_rig_ask(component_rig *c, const char *name, uint32_t arg);
/* The last failure was this, and the instance is dead, or not. */
void component_rig_check(component_rig *c, berth_status got, berth_status status,
                         const char *text, bool is_dead);

#endif
