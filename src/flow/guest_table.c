/* guest_table.c - the functions by which plugins are stages.  Layer: flow.
 *
 * A type is a complete text, and equal texts mean equal layouts; so these say what the structs of the tables that are made
 * of wit/torvyn look like. */
#include "flow/guest.h"

#include "base/diag.h"

#define META    "record{sequence:u64,timestamp-ns:u64,content-type:string}"
#define ELEMENT "record{meta:" META ",payload:borrow<resource>,context:borrow<resource>}"
#define OUTPUT  "record{meta:" META ",payload:own<resource>}"
#define FAILURE                                                                                \
    "variant{invalid-input(string),unavailable(string),internal(string),deadline-exceeded,"    \
    "fatal(string)}"
#define SIGNAL "enum{ready,pause}"

#define EVALUATE_TYPE "func(element:" ELEMENT ")->result<bool," FAILURE ">"
#define ROUTE_TYPE    "func(element:" ELEMENT ")->result<list<string>," FAILURE ">"
#define INGEST_TYPE   "func(element:" ELEMENT ")->result<option<" OUTPUT ">," FAILURE ">"
#define FLUSH_TYPE    "func()->result<list<" OUTPUT ">," FAILURE ">"

#define SPAN "record{at:u32,size:u32}"
#define BATCH                                                                                  \
    "record{entries:list<record{sequence:u64,time-ns:u64,left-ns:u64,payload:" SPAN            \
    ",key:" SPAN ",headers:" SPAN ",content-type:" SPAN "}>,bytes:list<u8>}"
#define EMISSIONS                                                                              \
    "record{emissions:list<record{of:u32,port:u32,left-ns:u64,payload:" SPAN ",key:" SPAN      \
    ",headers:" SPAN ",content-type:" SPAN "}>,bytes:list<u8>}"
#define OUR_FAILURE                                                                            \
    "variant{invalid(string),unavailable(string),internal(string),fatal(string)}"
#define OUTCOME                                                                                \
    "record{output:" EMISSIONS ",done:u32,dead:list<u32>,failure:option<" OUR_FAILURE ">}"

static const struct {
    const char *name, *type;
} functions[BERTHI_GUEST_FUNCS] = {
    [BERTHI_GUEST_PULL] = { "torvyn:streaming/source@0.1.0#pull",
                            "func()->result<option<" OUTPUT ">," FAILURE ">" },
    [BERTHI_GUEST_NOTIFY] = { "torvyn:streaming/source@0.1.0#notify-backpressure",
                              "func(signal:" SIGNAL ")" },
    [BERTHI_GUEST_PROCESS] = { "torvyn:streaming/processor@0.1.0#process",
                               "func(input:" ELEMENT ")->result<variant{emit(" OUTPUT
                               "),drop}," FAILURE ">" },
    [BERTHI_GUEST_PUSH] = { "torvyn:streaming/sink@0.1.0#push",
                            "func(element:" ELEMENT ")->result<" SIGNAL "," FAILURE ">" },
    [BERTHI_GUEST_COMPLETE] = { "torvyn:streaming/sink@0.1.0#complete",
                                "func()->result<_," FAILURE ">" },
    [BERTHI_GUEST_INIT] = { "torvyn:streaming/lifecycle@0.1.0#init",
                            "func(config:string)->result<_," FAILURE ">" },
    [BERTHI_GUEST_TEARDOWN] = { "torvyn:streaming/lifecycle@0.1.0#teardown", "func()" },
    [BERTHI_GUEST_EVALUATE] = { "torvyn:filtering/filter@0.1.0#evaluate", EVALUATE_TYPE },
    [BERTHI_GUEST_ROUTE] = { "torvyn:filtering/router@0.1.0#route", ROUTE_TYPE },
    [BERTHI_GUEST_INGEST] = { "torvyn:aggregation/aggregator@0.1.0#ingest", INGEST_TYPE },
    [BERTHI_GUEST_FLUSH] = { "torvyn:aggregation/aggregator@0.1.0#flush", FLUSH_TYPE },
    [BERTHI_GUEST_EVALUATE_STREAMING] = { "torvyn:streaming/filter@0.1.0#evaluate",
                                          EVALUATE_TYPE },
    [BERTHI_GUEST_ROUTE_STREAMING] = { "torvyn:streaming/router@0.1.0#route", ROUTE_TYPE },
    [BERTHI_GUEST_INGEST_STREAMING] = { "torvyn:streaming/aggregator@0.1.0#ingest",
                                        INGEST_TYPE },
    [BERTHI_GUEST_FLUSH_STREAMING] = { "torvyn:streaming/aggregator@0.1.0#flush", FLUSH_TYPE },
    [BERTHI_GUEST_BATCH_PULL] = { "berth:flow/source@0.1.0#pull",
                                  "func(max:u32)->result<record{output:" EMISSIONS
                                  ",next:variant{more,pending(u64),ended}}," OUR_FAILURE ">" },
    [BERTHI_GUEST_BATCH_NOTIFY] = { "berth:flow/source@0.1.0#notify",
                                    "func(signal:" SIGNAL ")" },
    [BERTHI_GUEST_BATCH_PROCESS] = { "berth:flow/processor@0.1.0#process",
                                     "func(input:" BATCH ")->" OUTCOME },
    [BERTHI_GUEST_BATCH_INGEST] = { "berth:flow/aggregator@0.1.0#ingest",
                                    "func(input:" BATCH ")->" OUTCOME },
    [BERTHI_GUEST_BATCH_FLUSH] = { "berth:flow/aggregator@0.1.0#flush",
                                   "func()->result<" EMISSIONS "," OUR_FAILURE ">" },
    [BERTHI_GUEST_BATCH_PUSH] = { "berth:flow/sink@0.1.0#push",
                                  "func(input:" BATCH ")->record{done:u32,dead:list<u32>,"
                                  "failure:option<" OUR_FAILURE ">,pause-ns:u64}" },
    [BERTHI_GUEST_BATCH_COMPLETE] = { "berth:flow/sink@0.1.0#complete",
                                      "func()->result<_," OUR_FAILURE ">" },
    [BERTHI_GUEST_BATCH_INIT] = { "berth:flow/lifecycle@0.1.0#init",
                                  "func(config:string,ports:list<string>)->result<_"
                                  "," OUR_FAILURE ">" },
    [BERTHI_GUEST_BATCH_TEARDOWN] = { "berth:flow/lifecycle@0.1.0#teardown", "func()" },
    [BERTHI_GUEST_SAVE] = { "berth:plugin/state@1.0.0#save", "func()->list<u8>" },
    [BERTHI_GUEST_RESTORE] = { "berth:plugin/state@1.0.0#restore",
                               "func(saved:list<u8>,version:u64)->result<_,string>" },
};

berth_status berthi_guest_number(berthi_guest *g, berthi_guest_func func, berth_diag *diag)
{
    berth_func found = BERTH_FUNC_INIT;
    berth_status status;

    if (g->numbers[func] != 0)
        return BERTH_OK;
    status = berth_slot_func(g->slot, functions[func].name, functions[func].type, &found, diag);
    if (status == BERTH_OK)
        g->numbers[func] = found.number;
    return status;
}

berth_status berthi_guest_has(const berth_session *session, berthi_guest_func func,
                              bool *has_out, berth_diag *diag)
{
    bool has_other;
    berth_status status =
        berthi_session_exports(session, functions[func].name, functions[func].type, &has_other);

    *has_out = status == BERTH_OK;
    if (status == BERTH_E_NOMEM)
        return berthi_fail(diag, status, "no memory to look for %s", functions[func].name);
    if (has_other)
        return berthi_fail(diag, BERTH_E_ABSENT,
                           "it exports %s, but not of the type that the contract says",
                           functions[func].name);
    return BERTH_OK;
}

static berth_status keeps(const berth_session *session, const berthi_guest_contract *contract,
                          bool *keeps_out, berth_diag *diag)
{
    berth_status status = berthi_guest_has(session, contract->main, keeps_out, diag);

    if (status == BERTH_OK && *keeps_out && contract->second != contract->main)
        status = berthi_guest_has(session, contract->second, keeps_out, diag);
    return status;
}

enum { CONTRACTS = BERTHI_BATCH_CONTRACTS + BERTHI_TORVYN_CONTRACTS };

static const berthi_guest_contract *contract_at(uint32_t i)
{
    return i < BERTHI_BATCH_CONTRACTS ? &berthi_batch_contracts[i]
                                      : &berthi_torvyn_contracts[i - BERTHI_BATCH_CONTRACTS];
}

/* `interface` may leave its version out; NULL: any. */
static bool is_wanted(const berthi_guest_contract *contract, uint32_t role,
                      const char *interface)
{
    size_t size = interface == NULL ? 0 : strlen(interface);

    return contract->role == role &&
           (interface == NULL ||
            (strncmp(contract->name, interface, size) == 0 &&
             (contract->name[size] == '\0' || contract->name[size] == '@')));
}

bool berthi_guest_knows(uint32_t role, const char *interface)
{
    for (uint32_t i = 0; i < CONTRACTS; i++)
        if (is_wanted(contract_at(i), role, interface))
            return true;
    return false;
}

static berth_status refuse(uint32_t role, const char *interface, berth_diag *diag)
{
    char names[160] = "";
    size_t used = 0;

    for (uint32_t i = 0; i < CONTRACTS; i++) {
        const berthi_guest_contract *contract = contract_at(i);
        size_t size = strlen(contract->name);

        if (!is_wanted(contract, role, interface) || used + size + 3 > sizeof names)
            continue;
        if (used != 0) {
            memcpy(names + used, ", ", 3);
            used += 2;
        }
        memcpy(names + used, contract->name, size + 1);
        used += size;
    }
    return berthi_fail(diag, BERTH_E_ABSENT, "it exports none of %s", names);
}

berth_status berthi_guest_choose(const berth_session *session, uint32_t role,
                                 const char *interface,
                                 const berthi_guest_contract **contract_out, berth_diag *diag)
{
    for (uint32_t i = 0; i < CONTRACTS; i++) {
        const berthi_guest_contract *contract = contract_at(i);
        bool is_kept = false;
        berth_status status = BERTH_OK;

        if (is_wanted(contract, role, interface))
            status = keeps(session, contract, &is_kept, diag);
        if (status != BERTH_OK)
            return status;
        if (is_kept) {
            *contract_out = contract;
            return BERTH_OK;
        }
    }
    return refuse(role, interface, diag);
}
