/* map.c - slots by (tenant, name), and the tenants.  Layer: registry.
 *
 * A chained hash table under the registry's lock.  It doubles when it is full; without memory
 * for that it stays as it is and only gets slower.
 */
#include "registry/registry.h"

#include <string.h>

#include "base/diag.h"

static uint64_t hash_key(const char *tenant, const char *name)
{
    uint64_t h = 1469598103934665603u; /* FNV-1a; the names are the host's, not a guest's */

    for (const char *s = tenant; *s != '\0'; s++)
        h = (h ^ (unsigned char)*s) * 1099511628211u;
    h = (h ^ 0xffu) * 1099511628211u; /* no name has this byte, so keys cannot run together */
    for (const char *s = name; *s != '\0'; s++)
        h = (h ^ (unsigned char)*s) * 1099511628211u;
    return h ^ h >> 32;
}

berth_status berthi_map_init(berth_runtime *rt, berth_diag *diag)
{
    rt->buckets_count = BERTHI_MAP_BUCKETS_MIN;
    rt->buckets = berthi_zalloc_array(&rt->allocator, rt->buckets_count, sizeof *rt->buckets);
    return rt->buckets == NULL ? berthi_fail(diag, BERTH_E_NOMEM, "the table of slots")
                               : BERTH_OK;
}

void berthi_map_fini(berth_runtime *rt)
{
    assert(rt->slots_count == 0 && rt->tenants == NULL);
    berthi_free_array(&rt->allocator, rt->buckets, rt->buckets_count, sizeof *rt->buckets);
}

berth_slot *berthi_map_find(berth_runtime *rt, const char *tenant, const char *name)
{
    uint64_t hash = hash_key(tenant, name);
    berth_slot *slot = rt->buckets[hash & (rt->buckets_count - 1)];

    while (slot != NULL && (slot->hash != hash || strcmp(slot->name, name) != 0 ||
                            strcmp(slot->tenant->name, tenant) != 0))
        slot = slot->map_next;
    return slot;
}

static void grow(berth_runtime *rt)
{
    size_t count = rt->buckets_count * 2;
    berth_slot **buckets = berthi_zalloc_array(&rt->allocator, count, sizeof *buckets), *next;

    if (buckets == NULL)
        return;
    for (size_t i = 0; i < rt->buckets_count; i++)
        for (berth_slot *slot = rt->buckets[i]; slot != NULL; slot = next) {
            next = slot->map_next;
            slot->map_next = buckets[slot->hash & (count - 1)];
            buckets[slot->hash & (count - 1)] = slot;
        }
    berthi_free_array(&rt->allocator, rt->buckets, rt->buckets_count, sizeof *rt->buckets);
    rt->buckets = buckets;
    rt->buckets_count = count;
}

void berthi_map_insert(berth_runtime *rt, berth_slot *slot)
{
    berth_slot **bucket;

    if (rt->slots_count >= rt->buckets_count)
        grow(rt);
    slot->hash = hash_key(slot->tenant->name, slot->name);
    bucket = &rt->buckets[slot->hash & (rt->buckets_count - 1)];
    slot->map_next = *bucket;
    *bucket = slot;
    rt->slots_count++;
}

void berthi_map_remove(berth_runtime *rt, berth_slot *slot)
{
    berth_slot **at = &rt->buckets[slot->hash & (rt->buckets_count - 1)];

    while (*at != slot)
        at = &(*at)->map_next;
    *at = slot->map_next;
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
