/* contract.c - one contract: what it rests on, and its digest.  Layer: contract. */
#include "contract/contract.h"

#include <stdlib.h>

#include "base/diag.h"

/* ---------------------------------------------------------------- what it reaches */

typedef struct walk {
    berthi_contracts *set;
    uint32_t interface;
    uint32_t depth;        /* of the stack */
    uint32_t types, funcs; /* named ones; functions of resources of other interfaces */
} walk;

/* Each type is put once, so that the stack has room. */
static void push(walk *w, uint32_t type)
{
    berthi_contracts *set = w->set;

    if (type == BERTHI_WIT_NONE || set->marks[type] == set->epoch)
        return;
    set->marks[type] = set->epoch;
    set->stack[w->depth++] = type;
}

static bool push_func(walk *w, const berthi_wit_func *func)
{
    for (uint32_t i = 0; i < func->params_count; i++)
        push(w, func->params[i].type);
    push(w, func->result);
    return berthi_contracts_charge(w->set, 1 + func->params_count);
}

static bool is_foreign(const walk *w, const berthi_contract_func *f)
{
    return f->interface != w->interface;
}

static bool follow(walk *w, uint32_t index)
{
    berthi_contracts *set = w->set;
    const berthi_wit_type *type = &set->model->types[index];

    w->types += type->name != NULL;
    for (uint32_t i = 0; i < type->items_count; i++)
        push(w, type->items[i].type);
    push(w, type->element);
    push(w, type->second);
    for (uint32_t f = set->first_func[index]; f != BERTHI_WIT_NONE; f = set->funcs[f].next)
        if (is_foreign(w, &set->funcs[f])) {
            w->funcs++;
            if (!push_func(w, set->funcs[f].func))
                return false;
        }
    return berthi_contracts_charge(set, 1 + type->items_count);
}

static bool reach(walk *w)
{
    const berthi_wit_interface *it = &w->set->model->interfaces[w->interface];

    w->set->epoch++;
    for (uint32_t i = 0; i < it->types_count; i++)
        push(w, it->types[i]);
    for (uint32_t i = 0; i < it->funcs_count; i++)
        if (!push_func(w, &it->funcs[i]))
            return false;
    while (w->depth > 0)
        if (!follow(w, w->set->stack[--w->depth]))
            return false;
    return true;
}

/* ---------------------------------------------------------------- items */

int berthi_contract_item_compare(const void *a, const void *b)
{
    const berthi_contract_item *x = a, *y = b;
    int order;

    if ((x->home == NULL) != (y->home == NULL))
        return x->home == NULL ? -1 : 1;
    if (x->home != NULL && (order = strcmp(x->home, y->home)) != 0)
        return order;
    if ((x->func == NULL) != (y->func == NULL))
        return x->func == NULL ? 1 : -1;
    return strcmp(x->name, y->name);
}

static void add_types(const walk *w, berthi_contract_item *items, uint32_t *count)
{
    const berthi_contracts *set = w->set;

    for (uint32_t i = 0; i < set->model->types_count; i++) {
        const berthi_wit_type *type = &set->model->types[i];
        bool is_own =
            type->owner_kind == BERTHI_WIT_OWNER_INTERFACE && type->owner == w->interface;

        if (type->name == NULL || set->marks[i] != set->epoch || i < BERTHI_WIT_PRIMITIVES)
            continue;
        items[(*count)++] =
            (berthi_contract_item){ .home = is_own ? NULL : berthi_contract_home(set, type),
                                    .name = type->name,
                                    .type = i,
                                    .shape = set->shapes[i] };
    }
}

static bool add_func(const walk *w, const char *home, const berthi_wit_func *func,
                     uint32_t place, berthi_contract_item *items, uint32_t *count)
{
    berthi_contract_item *item = &items[(*count)++];

    *item = (berthi_contract_item){
        .home = home, .name = func->name, .func = func, .type = BERTHI_WIT_NONE, .place = place
    };
    return berthi_contract_func_shape(w->set, func, &item->shape);
}

static bool add_funcs(const walk *w, berthi_contract_item *items, uint32_t *count)
{
    berthi_contracts *set = w->set;
    const berthi_wit_interface *it = &set->model->interfaces[w->interface];

    for (uint32_t i = 0; i < it->funcs_count; i++)
        if (!add_func(w, NULL, &it->funcs[i], i, items, count))
            return false;
    for (uint32_t t = 0; w->funcs != 0 && t < set->model->types_count; t++) {
        if (set->marks[t] != set->epoch)
            continue;
        for (uint32_t f = set->first_func[t]; f != BERTHI_WIT_NONE; f = set->funcs[f].next)
            if (is_foreign(w, &set->funcs[f]) &&
                !add_func(w, set->interface_homes[set->funcs[f].interface], set->funcs[f].func,
                          BERTHI_WIT_NONE, items, count))
                return false;
    }
    return true;
}

static bool make_items(const walk *w, berthi_contract *contract)
{
    const berthi_wit_interface *it = &w->set->model->interfaces[w->interface];
    size_t room = (size_t)w->types + w->funcs + it->funcs_count;
    berthi_contract_item *items = berthi_arena_array(w->set->arena, room, sizeof *items);
    uint32_t count = 0;

    contract->funcs =
        berthi_arena_array(w->set->arena, it->funcs_count, sizeof *contract->funcs);
    if (items == NULL || contract->funcs == NULL)
        return berthi_contracts_fail_memory(w->set);
    if (!berthi_contracts_charge(w->set, w->set->model->types_count) ||
        !add_funcs(w, items, &count))
        return false;
    add_types(w, items, &count);
    assert(count <= room);
    if (count != 0)
        qsort(items, count, sizeof *items, berthi_contract_item_compare);
    for (uint32_t i = 0; i < count; i++)
        if (items[i].func != NULL && items[i].home == NULL)
            contract->funcs[items[i].place] = &items[i];
    contract->items = items;
    contract->items_count = count;
    contract->funcs_count = it->funcs_count;
    return true;
}

/* ---------------------------------------------------------------- names and digest */

static bool name(berthi_contracts *set, berthi_contract *contract)
{
    const berthi_wit_interface *it = &set->model->interfaces[contract->interface];
    const berthi_wit_package *p = &set->model->packages[it->package];
    size_t size;

    contract->id = it->id != NULL ? it->id : set->interface_homes[contract->interface];
    contract->key = contract->id;
    if (it->id == NULL || p->version == NULL)
        return true;
    size = strlen(it->id) - strlen(p->version) + berthi_contract_track(p->version);
    contract->key = berthi_arena_strndup(set->arena, it->id, size);
    return contract->key != NULL || berthi_contracts_fail_memory(set);
}

static void put_line(const berthi_contract_item *item, berthi_text_buf *out)
{
    char hex[BERTHI_SHA256_HEX_SIZE];

    berthi_sha256_hex(item->shape.bytes, hex);
    berthi_text_buf_putf(out, "%s %s%s%s %s\n", item->func == NULL ? "type" : "func",
                         item->home == NULL ? "" : item->home, item->home == NULL ? "" : "#",
                         item->name, hex);
}

static bool digest(berthi_contracts *set, berthi_contract *contract)
{
    berthi_text_buf text;
    bool is_good;

    berthi_text_buf_init(&text, set->arena->allocator);
    berthi_text_buf_putf(&text, "berth contract 1\n%s\n", contract->key);
    for (uint32_t i = 0; i < contract->funcs_count; i++)
        put_line(contract->funcs[i], &text);
    for (uint32_t i = 0; i < contract->items_count; i++)
        if (contract->items[i].func == NULL || contract->items[i].home != NULL)
            put_line(&contract->items[i], &text);
    is_good = (!text.has_failed && berthi_sha256(text.data, text.size, contract->digest)) ||
              berthi_contracts_fail_memory(set);
    berthi_text_buf_fini(&text);
    return is_good;
}

berth_status berthi_contract_make(berthi_contracts *set, uint32_t interface,
                                  berthi_contract *contract_out)
{
    walk w = { .set = set, .interface = interface };
    berthi_contract contract = { .set = set, .interface = interface };

    if (set->status == BERTH_OK && reach(&w) && make_items(&w, &contract) &&
        name(set, &contract) && digest(set, &contract))
        *contract_out = contract;
    return set->status;
}
