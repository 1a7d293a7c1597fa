/* component/wit/contract_check.h - whether a component keeps a contract.  Layer: component. */
#ifndef BERTHI_COMPONENT_CONTRACT_CHECK_H
#define BERTHI_COMPONENT_CONTRACT_CHECK_H

#include <stdatomic.h>

#include <berth/contract.h>

#include "component/elaborate/steps.h"
#include "contract/contract.h"

struct berth_contract {
    berth_allocator allocator;
    atomic_uint refs;
    berthi_arena arena;
    const berthi_wit *model;
    berthi_contracts set;
    berthi_contract contract;
};

const berth_contract *berthi_contract_ref(
    const berth_contract *contract); /* NULL is left alone */
void berthi_contract_unref(const berth_contract *contract);

/* The component exports the contract's interface, in the highest version of the same contract (or in
 * the very version), with all its functions, each of the type that the contract says.  Types are made
 * in the component's own store.  `name_out`, unless NULL, is the name of that export.
 * Fails: BERTH_E_REJECTED with the first difference, BERTH_E_LIMIT, BERTH_E_NOMEM. */
berth_status berthi_contract_fits(const berth_contract *contract, const berthi_cm_steps *steps,
                                  const berth_allocator *a, berthi_name *name_out,
                                  berth_diag *diag) __attribute__((warn_unused_result));

#endif
