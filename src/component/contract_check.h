/* component/contract_check.h - whether a component keeps a contract.  Layer: component. */
#ifndef BERTHI_COMPONENT_CONTRACT_CHECK_H
#define BERTHI_COMPONENT_CONTRACT_CHECK_H

#include <stdatomic.h>

#include <berth/contract.h>

#include "component/steps.h"
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

#endif
