/* wrap_contract.c - whether some bytes keep a contract: a component, or a core module with its world.
 *
 * Layer: component. */
#include <berth/contract.h>

#include "base/diag.h"
#include "component/wit/contract_check.h"
#include "component/wrap/wrap.h"

/* Of a module, the component that it makes. */
static berth_status component_of(const berth_contract *contract, const void **bytes,
                                 size_t *size, berthi_arena *arena, berthi_text_buf *made,
                                 berth_diag *diag)
{
    enum berthi_wasm_form form = berthi_wasm_form(*bytes, *size);
    berthi_wasm_info info;
    berth_status status = BERTH_OK;

    if (form == BERTHI_FORM_COMPONENT)
        return BERTH_OK;
    if (form == BERTHI_FORM_MODULE)
        status = berthi_wasm_read(*bytes, *size, arena, &info, diag);
    if (status != BERTH_OK)
        return status;
    if (form != BERTHI_FORM_MODULE || !berthi_component_is_wrappable(&info))
        return berthi_fail(diag, BERTH_E_REJECTED,
                           "it is no component, and no module that carries its world; "
                           "contract `%.128s` asks for one",
                           contract->contract.key);
    status = berthi_component_wrap_own(*bytes, *size, &contract->allocator, made, diag);
    *bytes = made->data;
    *size = made->size;
    return status;
}

berth_status berthi_component_keeps(const berth_contract *contract, const void *bytes,
                                    size_t size, berth_diag *diag)
{
    const berthi_cm_component *component = NULL;
    const berthi_cm_steps *steps = NULL;
    berthi_arena arena;
    berthi_text_buf made;
    berth_status status;

    berthi_arena_init(&arena, &contract->allocator, SIZE_MAX);
    berthi_text_buf_init(&made, &contract->allocator);
    status = component_of(contract, &bytes, &size, &arena, &made, diag);
    if (status == BERTH_OK)
        status = berthi_component_read(bytes, size, &arena, &component, diag);
    if (status == BERTH_OK)
        status = berthi_component_validate(component, &arena, diag);
    if (status == BERTH_OK)
        status = berthi_component_elaborate(component, &arena, false, &steps, diag);
    if (status == BERTH_OK)
        status = berthi_contract_fits(contract, steps, &contract->allocator, NULL, diag);
    berthi_text_buf_fini(&made);
    berthi_arena_fini(&arena);
    return status;
}
