#include "component_judge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "component/elaborate/steps.h"
#include "steps_check.h"

enum { ARENA_BYTES_MAX = 256 << 20 };

berth_status component_judge(const uint8_t *bytes, size_t size, berth_diag *diag)
{
    const berthi_cm_component *component;
    const berthi_cm_steps *steps;
    berthi_arena arena;
    berth_status status;
    const char *wrong;

    berthi_arena_init(&arena, &berthi_allocator_libc, ARENA_BYTES_MAX);
    status = berthi_component_read(bytes, size, &arena, &component, diag);
    if (status == BERTH_OK)
        status = berthi_component_validate(component, &arena, diag);
    if (status == BERTH_OK) {
        status = berthi_component_elaborate(component, &arena, false, &steps, diag);
        if (status == BERTH_E_REJECTED && strstr(diag->text, "is not supported") == NULL) {
            fprintf(stderr, "valid, but not elaborated: %s\n", diag->text);
            exit(1);
        }
        wrong = status == BERTH_OK ? steps_check(steps) : NULL;
        if (wrong != NULL) {
            fprintf(stderr, "steps: %s\n", wrong);
            exit(1);
        }
    }
    berthi_arena_fini(&arena);
    return status;
}
