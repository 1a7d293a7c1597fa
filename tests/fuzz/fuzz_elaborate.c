/* fuzz_elaborate.c - any bytes as a component: read, validated, elaborated with shims and without.
 *
 * It must answer OK, "rejected", "limit" or, past the arena's bound, "out of memory", and fill the
 * diagnostic.  What is elaborated must hold together (tests/support/steps_check.h), and taking shims
 * out leaves needs, resources, slots and exports as they were.  Its world can be printed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "component/wit/print_wit.h"
#include "steps_check.h"
#include "fuzz.h"

static void must(bool condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "fuzz_elaborate: %s\n", what);
    abort();
}

static const berthi_cm_steps *elaborate(const berthi_cm_component *component,
                                        berthi_arena *arena, bool keeps_shims)
{
    const berthi_cm_steps *steps = NULL;
    berth_diag diag = { .text = "" };
    berth_status status =
        berthi_component_elaborate(component, arena, keeps_shims, &steps, &diag);
    const char *wrong;

    must(status == BERTH_OK || status == BERTH_E_REJECTED || status == BERTH_E_LIMIT ||
             status == BERTH_E_NOMEM,
         "status");
    must(status == BERTH_OK || (diag.status == (int32_t)status && diag.text[0] != '\0'),
         "diag");
    /* validation has seen to it; what elaboration has to add to it are bounds, and what
     * no host gives (a component in an imported instance) */
    must(status != BERTH_E_REJECTED || strstr(diag.text, "is not supported") != NULL,
         diag.text);
    wrong = steps == NULL ? NULL : steps_check(steps);
    must(wrong == NULL, wrong);
    return steps;
}

static void compare(const berthi_cm_steps *literal, const berthi_cm_steps *steps)
{
    must(literal->needs_count == steps->needs_count, "needs");
    must(literal->resources_count == steps->resources_count, "resources");
    must(literal->lifted_count == steps->lifted_count, "lifted functions");
    must(literal->func_slots == steps->func_slots, "slots");
    must(literal->memory_slots == steps->memory_slots, "slots of memories");
    must(literal->exports_count == steps->exports_count, "exports");
    must(literal->shims_removed + literal->fixups_removed == 0, "shims were to be kept");
    must(literal->core_instances_count ==
             steps->core_instances_count + steps->shims_removed + steps->fixups_removed,
         "core instances");
}

static void print(const berthi_cm_component *component, berthi_arena *arena)
{
    static const char empty_world[] = "package root:component;\n\nworld root {\n}\n";
    berth_diag diag = { .text = "" };
    berthi_text_buf text;
    berth_status status;

    berthi_text_buf_init(&text, &berthi_allocator_libc);
    status = berthi_component_print_wit(component, arena, &text, &diag);
    must(status == BERTH_OK || status == BERTH_E_LIMIT || status == BERTH_E_NOMEM, diag.text);
    must(status != BERTH_OK || text.size >= sizeof empty_world - 1, "text");
    berthi_text_buf_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const berthi_cm_component *component;
    const berthi_cm_steps *literal, *steps;
    berthi_arena arena;
    berth_diag diag;

    berthi_arena_init(&arena, &berthi_allocator_libc, 64u << 20);
    if (berthi_component_read(data, size, &arena, &component, &diag) == BERTH_OK &&
        berthi_component_validate(component, &arena, &diag) == BERTH_OK) {
        literal = elaborate(component, &arena, true);
        steps = elaborate(component, &arena, false);
        if (literal != NULL && steps != NULL)
            compare(literal, steps);
        print(component, &arena);
    }
    berthi_arena_fini(&arena);
    return 0;
}
