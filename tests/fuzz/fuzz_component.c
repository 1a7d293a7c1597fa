/* fuzz_component.c - the reader and the validation of components over any bytes.
 *
 * It must answer OK, "rejected" or "limit" and fill the diagnostic, read nothing outside its input,
 * and stay within an arena that is a small multiple of the input. */
#include <stdio.h>
#include <stdlib.h>

#include "base/diag.h"
#include "component/component.h"
#include "fuzz.h"

static void must(bool condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "fuzz_component: %s\n", what);
    abort();
}

static void check_component(const berthi_cm_component *component, size_t size)
{
    must(component->at <= size && component->size <= size - component->at, "range");
    for (uint32_t i = 0; i < component->count; i++) {
        const berthi_cm_def *def = &component->defs[i];

        must(def->kind <= BERTHI_CM_DEF_EXPORT && def->sort < BERTHI_CM_SORTS, "definition");
        must(def->at >= component->at && def->at <= size, "offset");
        if (def->kind == BERTHI_CM_DEF_COMPONENT)
            check_component(def->u.component, size);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const berthi_cm_component *component;
    berthi_arena arena;
    berth_diag diag;
    berth_status status;

    berthi_arena_init(&arena, &berthi_allocator_libc, 65536 + 512 * size);
    diag.text[0] = '\0';
    status = berthi_component_read(data, size, &arena, &component, &diag);
    must(status == BERTH_OK || status == BERTH_E_REJECTED || status == BERTH_E_LIMIT, "status");
    must(status == BERTH_OK || (diag.status == (int32_t)status && diag.text[0] != '\0'),
         "diag");
    if (status == BERTH_OK) {
        check_component(component, size);
        arena.bytes_max = 16u << 20;
        diag = (berth_diag){ .text = "" };
        status = berthi_component_validate(component, &arena, &diag);
        must(status == BERTH_OK || status == BERTH_E_REJECTED || status == BERTH_E_LIMIT ||
                 status == BERTH_E_NOMEM,
             "status of validation");
        must(status == BERTH_OK || (diag.status == (int32_t)status && diag.text[0] != '\0'),
             "diag of validation");
    }
    berthi_arena_fini(&arena);
    return 0;
}
