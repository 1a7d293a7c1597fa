/* map.c - slots by (tenant, name), and the tenants.  Layer: registry.
 *
 * A chained hash table that is changed under the registry's lock.  It doubles when it is full; without memory
 * for that it stays as it is and only gets slower.  Threads that have a record may walk it without the lock
 * (berth_slot_find(); docs/design/0004-records.md, "Looks"): what they find is there, and what they do not find
 * they ask for again under the lock.
 */
#include "registry/registry.h"

#include <string.h>

#include "base/diag.h"

/* ---- keys ---- */

/* The low `size` bytes (1 to 7) of a word; the machine's order is theirs. */
static uint64_t last_word(const char *from, size_t size)
{
    uint32_t low4, high4;
    uint16_t low2, high2;

    if (size >= 4) { /* both read what is in the middle, which is the same bits twice */
        memcpy(&low4, from, sizeof low4);
        memcpy(&high4, from + size - 4, sizeof high4);
        return low4 | (uint64_t)high4 << 8 * (size - 4);
    }
    if (size == 1)
        return (unsigned char)*from;
    memcpy(&low2, from, sizeof low2);
    memcpy(&high2, from + size - 2, sizeof high2);
    return low2 | (uint64_t)high2 << 8 * (size - 2);
}

/* Its words, the last one with zeros behind. */
static void put_words(berthi_slot_key *key, const char *from, size_t size)
{
    for (; size >= sizeof *key->words; from += sizeof *key->words, size -= sizeof *key->words)
        memcpy(&key->words[key->count++], from, sizeof *key->words);
    if (size != 0)
        key->words[key->count++] = last_word(from, size);
}

bool berthi_slot_key_make(berthi_slot_key *key, const char *tenant, const char *name)
{
    size_t tenant_size = strlen(tenant), name_size = strlen(name);
    uint64_t h = 0;

    if (tenant_size > BERTHI_SLOT_NAME_MAX || name_size > BERTHI_SLOT_NAME_MAX)
        return false;
    key->words[0] = tenant_size << 32 | name_size; /* so that keys cannot run together */
    key->count = 1;
    put_words(key, tenant, tenant_size);
    put_words(key, name, name_size);
    for (uint32_t i = 0; i < key->count; i++) { /* the names are the host's, not a guest's */
        h = (h ^ key->words[i]) * 0x9e3779b97f4a7c15u;
        h ^= h >> 32;
    }
    key->hash = h;
    return true;
}

static bool is_key(const berthi_slot_key *a, const berthi_slot_key *b)
{
    if (a->hash != b->hash || a->count != b->count)
        return false;
    for (uint32_t i = 0; i < a->count; i++)
        if (a->words[i] != b->words[i])
            return false;
    return true;
}

/* ---- slots ---- */

static size_t map_size(size_t count)
{
    return sizeof(berthi_map) + count * sizeof(_Atomic(berth_slot *));
}

berth_status berthi_map_init(berth_runtime *rt, berth_diag *diag)
{
    berthi_map *map = berthi_zalloc(&rt->allocator, map_size(BERTHI_MAP_BUCKETS_MIN));

    if (map == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "the table of slots");
    map->count = BERTHI_MAP_BUCKETS_MIN;
    atomic_init(&rt->map, map);
    return BERTH_OK;
}

void berthi_map_fini(berth_runtime *rt)
{
    berthi_map *map = atomic_load_explicit(&rt->map, memory_order_relaxed), *before;

    assert(rt->slots_count == 0 && rt->tenants == NULL);
    for (; map != NULL; map = before) {
        before = map->before;
        berthi_free(&rt->allocator, map, map_size(map->count));
    }
}

static _Atomic(berth_slot *) *chain_of(berthi_map *map, const berthi_slot_key *key)
{
    return &map->at[key->hash & (map->count - 1)];
}

/* acquire, thrice: pairs with the releases below, so that what is found is whole. */
berth_slot *berthi_map_find(const berth_runtime *rt, const berthi_slot_key *key)
{
    berthi_map *map = atomic_load_explicit(&rt->map, memory_order_acquire);
    berth_slot *slot = atomic_load_explicit(chain_of(map, key), memory_order_acquire);

    while (slot != NULL && !is_key(&slot->place, key)) {
        BERTHI_WINDOW();
        slot = atomic_load_explicit(&slot->map_next, memory_order_acquire);
    }
    return slot;
}

/* In front of its chain.  release: pairs with the acquires in berthi_map_find(). */
static void link_slot(berthi_map *map, berth_slot *slot)
{
    _Atomic(berth_slot *) *chain = chain_of(map, &slot->place);

    atomic_store_explicit(&slot->map_next, atomic_load_explicit(chain, memory_order_relaxed),
                          memory_order_release);
    BERTHI_WINDOW();
    atomic_store_explicit(chain, slot, memory_order_release);
}

/* Who walks a chain meanwhile gets into another one, at whose end he asks under the lock.  The old table
 * stays until the runtime ends; all that were are no larger than the one that is. */
static void grow(berth_runtime *rt)
{
    berthi_map *old = atomic_load_explicit(&rt->map, memory_order_relaxed);
    berthi_map *map = berthi_zalloc(&rt->allocator, map_size(2 * old->count));
    berth_slot *next;

    if (map == NULL)
        return;
    map->before = old;
    map->count = 2 * old->count;
    for (size_t i = 0; i < old->count; i++)
        for (berth_slot *slot = berthi_map_first(rt, i); slot != NULL; slot = next) {
            next = berthi_map_next(slot);
            link_slot(map, slot);
        }
    atomic_store_explicit(&rt->map, map, memory_order_release);
}

void berthi_map_insert(berth_runtime *rt, berth_slot *slot)
{
    if (rt->slots_count >= berthi_map_chains(rt))
        grow(rt);
    link_slot(atomic_load_explicit(&rt->map, memory_order_relaxed), slot);
    rt->slots_count++;
}

/* It still leads on, for those who are there. */
void berthi_map_remove(berth_runtime *rt, berth_slot *slot)
{
    _Atomic(berth_slot *) *at =
        chain_of(atomic_load_explicit(&rt->map, memory_order_relaxed), &slot->place);
    berth_slot *seen;

    while ((seen = atomic_load_explicit(at, memory_order_relaxed)) != slot)
        at = &seen->map_next;
    atomic_store_explicit(at, berthi_map_next(slot), memory_order_release);
    rt->slots_count--;
}

static berth_status find_or_make_tenant(berth_runtime *rt, const char *name,
                                        berthi_tenant **tenant_out, berth_diag *diag)
{
    berthi_tenant *t = rt->tenants;
    berth_status status;
    int code;

    while (t != NULL && strcmp(t->name, name) != 0)
        t = t->next;
    *tenant_out = t;
    if (t != NULL)
        return BERTH_OK;
    t = berthi_zalloc(&rt->allocator, sizeof *t);
    if (t == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "tenant '%s'", name);
    t->name = berthi_strndup(&rt->allocator, name, strlen(name));
    if (t->name == NULL) {
        status = berthi_fail(diag, BERTH_E_NOMEM, "tenant '%s'", name);
        goto fail_name;
    }
    code = berthi_gate_init(&t->gate, rt->options.tenant_calls_max);
    if (code != 0) {
        status = berthi_fail_os(diag, code, "the gate of tenant '%s'", name);
        goto fail_gate;
    }
    t->next = rt->tenants;
    rt->tenants = t;
    *tenant_out = t;
    return BERTH_OK;

fail_gate:
    berthi_free(&rt->allocator, t->name, strlen(t->name) + 1);
fail_name:
    berthi_free(&rt->allocator, t, sizeof *t);
    return status;
}

berth_status berthi_tenant_join(berth_runtime *rt, const char *name, berth_slot *slot,
                                berth_diag *diag)
{
    berthi_tenant *t;
    berth_status status = find_or_make_tenant(rt, name, &t, diag);

    if (status != BERTH_OK)
        return status;
    slot->tenant = t;
    slot->tenant_at = &t->slots;
    slot->tenant_next = t->slots;
    if (t->slots != NULL)
        t->slots->tenant_at = &slot->tenant_next;
    t->slots = slot;
    return BERTH_OK;
}

void berthi_tenant_leave(berth_runtime *rt, berth_slot *slot)
{
    berthi_tenant *t = slot->tenant, **at = &rt->tenants;

    *slot->tenant_at = slot->tenant_next;
    if (slot->tenant_next != NULL)
        slot->tenant_next->tenant_at = slot->tenant_at;
    if (t->slots != NULL)
        return;
    while (*at != t)
        at = &(*at)->next;
    *at = t->next;
    berthi_gate_fini(&t->gate);
    berthi_free(&rt->allocator, t->name, strlen(t->name) + 1);
    berthi_free(&rt->allocator, t, sizeof *t);
}
