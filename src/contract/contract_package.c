/* contract_package.c - two packages, interface by interface.  Layer: contract. */
#include <stdlib.h>

#include "base/diag.h"
#include "base/json_writer.h"
#include "contract/contract.h"

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const berthi_pair *)a)->name, ((const berthi_pair *)b)->name);
}

static berthi_contract *make(berthi_contracts *set, uint32_t interface)
{
    berthi_contract *contract = berthi_arena_alloc(set->arena, sizeof *contract);

    if (contract == NULL) {
        (void)berthi_contracts_fail_memory(set);
        return NULL;
    }
    return berthi_contract_make(set, interface, contract) == BERTH_OK ? contract : NULL;
}

/* The pairs of one package, with that one's half. */
static berthi_pair *list(berthi_contracts *set, bool is_old, uint32_t *count_out)
{
    const berthi_wit_package *package = &set->model->packages[set->package];
    uint32_t count = package->interfaces_count;
    berthi_pair *pairs = berthi_arena_array(set->arena, count, sizeof *pairs);

    if (pairs == NULL)
        (void)berthi_contracts_fail_memory(set);
    for (uint32_t i = 0; i < count && set->status == BERTH_OK; i++) {
        uint32_t interface = package->interfaces[i];
        const berthi_contract *contract = make(set, interface);

        pairs[i].name = set->model->interfaces[interface].name;
        if (is_old)
            pairs[i].old = contract;
        else
            pairs[i].now = contract;
    }
    if (set->status != BERTH_OK)
        return NULL;
    if (count != 0)
        qsort(pairs, count, sizeof *pairs, compare_names);
    *count_out = count;
    return pairs;
}

static berth_status compare(berthi_pair *pair)
{
    if (pair->old != NULL && pair->now != NULL)
        return berthi_contract_compare(pair->old, pair->now, &pair->result);
    pair->result.relation =
        pair->now == NULL ? BERTHI_RELATION_BREAKING : BERTHI_RELATION_EXTENDED;
    return BERTH_OK;
}

static berth_status merge(berthi_contracts *sets, berthi_arena *arena,
                          berthi_package_comparison *result)
{
    uint32_t old_count = 0, now_count = 0, i = 0, j = 0, n = 0;
    berthi_pair *old = list(&sets[0], true, &old_count), *now, *pairs;
    berth_status status = BERTH_OK;

    if (old == NULL)
        return sets[0].status;
    now = list(&sets[1], false, &now_count);
    if (now == NULL)
        return sets[1].status;
    pairs = berthi_arena_array(arena, (size_t)old_count + now_count, sizeof *pairs);
    if (pairs == NULL)
        return berthi_fail(sets[1].diag, BERTH_E_NOMEM, "no memory to compare contracts");
    for (; status == BERTH_OK && (i < old_count || j < now_count); n++) {
        int order = i == old_count ? 1 : j == now_count ? -1 : strcmp(old[i].name, now[j].name);

        pairs[n] = order <= 0 ? old[i] : now[j];
        pairs[n].now = order >= 0 ? now[j].now : NULL;
        i += order <= 0;
        j += order >= 0;
        status = compare(&pairs[n]);
        if (pairs[n].result.relation > result->relation)
            result->relation = pairs[n].result.relation;
    }
    result->pairs = pairs;
    result->pairs_count = n;
    return status;
}

berth_status berthi_package_compare(const berthi_wit *old, const berthi_wit *now,
                                    berthi_arena *arena,
                                    berthi_package_comparison *comparison_out, berth_diag *diag)
{
    berthi_package_comparison result = { .old_id = old->packages[old->root].id,
                                         .now_id = now->packages[now->root].id,
                                         .relation = BERTHI_RELATION_EQUAL };
    berthi_contracts *sets = berthi_arena_array(arena, 2, sizeof *sets);
    berth_status status;

    if (sets == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "no memory to compare contracts");
    status = berthi_contracts_init(&sets[0], old, old->root, arena, diag);
    if (status == BERTH_OK)
        status = berthi_contracts_init(&sets[1], now, now->root, arena, diag);
    if (status == BERTH_OK)
        status = merge(sets, arena, &result);
    if (status == BERTH_OK)
        *comparison_out = result;
    return status;
}

/* ---------------------------------------------------------------- for people */

static void print_pair(const berthi_pair *pair, berthi_text_buf *out)
{
    berthi_text_buf_putf(out, "  interface `%s`: %s\n", pair->name,
                         pair->now == NULL   ? "is gone; breaks callers"
                         : pair->old == NULL ? "is new; breaks nobody"
                                             : berthi_relation_name(pair->result.relation));
    for (const berthi_change *change = pair->result.changes; change != NULL;
         change = change->next) {
        berthi_text_buf_puts(out, "    ");
        berthi_change_print(change, out);
        berthi_text_buf_puts(out, "\n");
    }
}

/* Whether a contract that others know by this name no longer means what it did. */
static bool breaks_its_word(const berthi_package_comparison *c)
{
    for (uint32_t i = 0; i < c->pairs_count; i++) {
        const berthi_pair *pair = &c->pairs[i];

        if (pair->old != NULL && pair->now != NULL &&
            pair->result.relation == BERTHI_RELATION_BREAKING &&
            strcmp(pair->old->key, pair->now->key) == 0)
            return true;
    }
    return false;
}

void berthi_package_comparison_print(const berthi_package_comparison *comparison,
                                     berthi_text_buf *out)
{
    berthi_text_buf_putf(out, "%s -> %s: %s\n", comparison->old_id, comparison->now_id,
                         berthi_relation_name(comparison->relation));
    for (uint32_t i = 0; i < comparison->pairs_count; i++)
        print_pair(&comparison->pairs[i], out);
    if (breaks_its_word(comparison))
        berthi_text_buf_puts(out, "what breaks callers needs another major version\n");
}

/* ---------------------------------------------------------------- JSON */

static void put_half(berthi_json_writer *w, const char *id_key, const char *digest_key,
                     const berthi_contract *contract)
{
    char hex[BERTHI_SHA256_HEX_SIZE];

    if (contract == NULL) {
        berthi_json_null(w, id_key);
        berthi_json_null(w, digest_key);
        return;
    }
    berthi_sha256_hex(contract->digest, hex);
    berthi_json_string(w, id_key, contract->id);
    berthi_json_string(w, digest_key, hex);
}

static void put_change(berthi_json_writer *w, const berthi_change *change)
{
    static const char *const kinds[] = { "changed", "new", "gone" };

    berthi_json_object(w, NULL);
    berthi_json_string(w, "what", change->what);
    berthi_json_string(w, "name", change->name);
    berthi_json_string(w, "home", change->home);
    berthi_json_string(w, "change", kinds[change->kind]);
    berthi_json_string(w, "text", change->text);
    berthi_json_array(w, "breaks");
    if ((change->breaks & BERTHI_BREAKS_CALLERS) != 0)
        berthi_json_string(w, NULL, "callers");
    if ((change->breaks & BERTHI_BREAKS_PLUGINS) != 0)
        berthi_json_string(w, NULL, "plugins");
    berthi_json_end(w);
    berthi_json_array(w, "functions");
    for (uint32_t i = 0; i < change->funcs_count && i < BERTHI_CHANGE_FUNCS_MAX; i++)
        berthi_json_string(w, NULL, change->funcs[i]);
    berthi_json_end(w);
    berthi_json_uint(w, "functions_count", change->funcs_count);
    berthi_json_end(w);
}

void berthi_package_comparison_json(const berthi_package_comparison *comparison,
                                    berthi_text_buf *out)
{
    berthi_json_writer w;

    berthi_json_init(&w, out);
    berthi_json_object(&w, NULL);
    berthi_json_string(&w, "old", comparison->old_id);
    berthi_json_string(&w, "new", comparison->now_id);
    berthi_json_string(&w, "relation", berthi_relation_name(comparison->relation));
    berthi_json_bool(&w, "needs_major_version", breaks_its_word(comparison));
    berthi_json_array(&w, "interfaces");
    for (uint32_t i = 0; i < comparison->pairs_count; i++) {
        const berthi_pair *pair = &comparison->pairs[i];

        berthi_json_object(&w, NULL);
        berthi_json_string(&w, "name", pair->name);
        put_half(&w, "old", "old_digest", pair->old);
        put_half(&w, "new", "new_digest", pair->now);
        berthi_json_string(&w, "relation", berthi_relation_name(pair->result.relation));
        berthi_json_array(&w, "changes");
        for (const berthi_change *change = pair->result.changes; change != NULL;
             change = change->next)
            put_change(&w, change);
        berthi_json_end(&w);
        berthi_json_end(&w);
    }
    berthi_json_end(&w);
    berthi_json_end(&w);
}
