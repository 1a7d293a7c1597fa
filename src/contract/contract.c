/* contract.c - one contract: what it rests on, and its digest.  Layer: contract. */
#include "contract/contract.h"

#include <stdlib.h>

#include "base/diag.h"

/* ---------------------------------------------------------------- what it reaches */

typedef struct walk {
    berthi_contracts *set;
    const berthi_wit_interface *it; /* NULL: a world's own functions */
    uint32_t interface;             /* NONE: the same */
    uint8_t owner_kind;             /* of its own types, a berthi_wit_owner */
    uint32_t owner;
    const berthi_wit_func **own; /* its functions */
    uint32_t own_count;
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
    w->set->epoch++;
    for (uint32_t i = 0; w->it != NULL && i < w->it->types_count; i++)
        push(w, w->it->types[i]);
    for (uint32_t i = 0; i < w->own_count; i++)
        if (!push_func(w, w->own[i]))
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
        bool is_own = type->owner_kind == w->owner_kind && type->owner == w->owner;

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

    for (uint32_t i = 0; i < w->own_count; i++)
        if (!add_func(w, NULL, w->own[i], i, items, count))
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
    size_t room = (size_t)w->types + w->funcs + w->own_count;
    berthi_contract_item *items = berthi_arena_array(w->set->arena, room, sizeof *items);
    uint32_t count = 0;

    contract->funcs = berthi_arena_array(w->set->arena, w->own_count, sizeof *contract->funcs);
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
    contract->funcs_count = w->own_count;
    return true;
}

/* ---------------------------------------------------------------- names and digest */

/* `id` ends with the package's version, if that has one. */
static bool name(berthi_contracts *set, uint32_t package, const char *id,
                 berthi_contract *contract)
{
    const char *version = set->model->packages[package].version;
    size_t size;

    contract->id = contract->key = id;
    if (version == NULL)
        return true;
    size = strlen(id) - strlen(version) + berthi_contract_track(version);
    contract->key = berthi_arena_strndup(set->arena, id, size);
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

/* ---------------------------------------------------------------- all of it */

static berth_status make(walk *w, berthi_contract *contract, berthi_contract *contract_out)
{
    if (reach(w) && make_items(w, contract) && digest(w->set, contract))
        *contract_out = *contract;
    return w->set->status;
}

berth_status berthi_contract_make(berthi_contracts *set, uint32_t interface,
                                  berthi_contract *contract_out)
{
    const berthi_wit_interface *it = &set->model->interfaces[interface];
    walk w = { .set = set,
               .it = it,
               .interface = interface,
               .owner_kind = BERTHI_WIT_OWNER_INTERFACE,
               .owner = interface,
               .own_count = it->funcs_count };
    berthi_contract contract = { .set = set, .interface = interface };

    if (set->status != BERTH_OK)
        return set->status;
    w.own = berthi_arena_array(set->arena, it->funcs_count, sizeof *w.own);
    if (w.own == NULL) {
        (void)berthi_contracts_fail_memory(set);
        return set->status;
    }
    for (uint32_t i = 0; i < it->funcs_count; i++)
        w.own[i] = &it->funcs[i];
    contract.id = contract.key = set->interface_homes[interface];
    if (it->id != NULL && !name(set, it->package, it->id, &contract))
        return set->status;
    return make(&w, &contract, contract_out);
}

berth_status berthi_contract_make_world(berthi_contracts *set, const berthi_wit_world *world,
                                        berthi_contract *contract_out)
{
    walk w = { .set = set,
               .interface = BERTHI_WIT_NONE,
               .owner_kind = BERTHI_WIT_OWNER_WORLD,
               .owner = (uint32_t)(world - set->model->worlds) };
    berthi_contract contract = { .set = set, .interface = BERTHI_WIT_NONE };

    if (set->status != BERTH_OK)
        return set->status;
    w.own = berthi_arena_array(set->arena, world->exports_count, sizeof *w.own);
    if (w.own == NULL) {
        (void)berthi_contracts_fail_memory(set);
        return set->status;
    }
    for (uint32_t i = 0; i < world->exports_count; i++)
        if (world->exports[i].kind == BERTHI_WIT_EXTERN_FUNC)
            w.own[w.own_count++] = world->exports[i].func;
    if (!name(set, world->package, world->id, &contract))
        return set->status;
    return make(&w, &contract, contract_out);
}
