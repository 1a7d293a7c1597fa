/* contract_public.c - <berth/contract.h> over the model.  Layer: component. */
#include <berth/contract.h>

#include "base/diag.h"
#include "component/wit/contract_check.h"
#include "component/wit/wit_decode.h"
#include "contract/wit_print.h"
#include "contract/wit_words.h"

/* ---------------------------------------------------------------- contracts */

static const berthi_wit_package *root_of(const berth_contract *c)
{
    return &c->model->packages[c->model->root];
}

/* The interface of that name, or the only one. */
static berth_status choose(const berth_contract *c, const char *name, uint32_t *interface_out,
                           berth_diag *diag)
{
    const berthi_wit_package *root = root_of(c);
    const berthi_wit_interface *found;
    wit_guess guess;

    if (name == NULL) {
        if (root->interfaces_count != 1)
            return berthi_fail(diag, BERTH_E_ABSENT,
                               "package `%s` has %u interfaces; name the one that is meant",
                               root->id, (unsigned)root->interfaces_count);
        *interface_out = root->interfaces[0];
        return BERTH_OK;
    }
    found = berthi_wit_find_interface(c->model, name);
    if (found != NULL) {
        *interface_out = (uint32_t)(found - c->model->interfaces);
        return BERTH_OK;
    }
    guess = berthi_wit_guess_start(name);
    for (uint32_t i = 0; i < root->interfaces_count; i++) {
        const berthi_wit_interface *it = &c->model->interfaces[root->interfaces[i]];

        berthi_wit_guess_offer(&guess, strchr(name, ':') == NULL ? it->name : it->id);
    }
    return berthi_fail(diag, BERTH_E_ABSENT, "there is no interface `%.128s` in package `%s`%s",
                       name, root->id, berthi_wit_guess_hint(&guess).text);
}

static void end(berth_contract *c)
{
    const berth_allocator allocator = c->allocator;

    berthi_arena_fini(&c->arena);
    berthi_free(&allocator, c, sizeof *c);
}

static berth_status start(const berth_allocator *allocator, berth_contract **contract_out,
                          berth_diag *diag)
{
    const berth_allocator *a = allocator == NULL ? &berthi_allocator_libc : allocator;
    berth_contract *c = berthi_zalloc(a, sizeof *c);

    if (c == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "no memory to read a contract");
    c->allocator = *a;
    atomic_init(&c->refs, 1);
    berthi_arena_init(&c->arena, &c->allocator, SIZE_MAX);
    *contract_out = c;
    return BERTH_OK;
}

/* From the model on. */
static berth_status finish(berth_contract *c, const char *interface,
                           berth_contract **contract_out, berth_diag *diag)
{
    uint32_t index = 0;
    berth_status status = choose(c, interface, &index, diag);

    if (status == BERTH_OK)
        status = berthi_contracts_init(&c->set, c->model, c->model->interfaces[index].package,
                                       &c->arena, diag);
    if (status == BERTH_OK)
        status = berthi_contract_make(&c->set, index, &c->contract);
    c->set.diag = NULL; /* the caller's */
    if (status == BERTH_OK)
        *contract_out = c;
    else
        end(c);
    return status;
}

static berth_status read_options(const berth_wit_options *options, berth_wit_options *own,
                                 berthi_wit_options *inner, berth_diag *diag)
{
    berth_status status = BERTH_OK;

    if (options != NULL)
        status = berthi_options_copy(own, sizeof *own, options, "berth_wit_options", diag);
    if (status != BERTH_OK)
        return status;
    BERTHI_REQUIRE(own->features_count == 0 || own->features != NULL, diag);
    *inner = (berthi_wit_options){ own->features, own->features_count,
                                   own->has_all_features != 0, berthi_component_wit };
    return BERTH_OK;
}

static berth_status check_paths(const char *const *paths, uint32_t count, berth_diag *diag)
{
    BERTHI_REQUIRE(paths != NULL && count != 0, diag);
    for (uint32_t i = 0; i < count; i++)
        BERTHI_REQUIRE(paths[i] != NULL, diag);
    return BERTH_OK;
}

berth_status berth_contract_read(const berth_allocator *allocator, const char *const *paths,
                                 uint32_t count, const berth_wit_options *options,
                                 const char *interface, berth_contract **contract_out,
                                 berth_diag *diag)
{
    berth_wit_options own = BERTH_WIT_OPTIONS_INIT;
    berthi_wit_options inner;
    berth_contract *c = NULL;
    berth_status status;

    BERTHI_REQUIRE(contract_out != NULL, diag);
    status = check_paths(paths, count, diag);
    if (status == BERTH_OK)
        status = read_options(options, &own, &inner, diag);
    if (status == BERTH_OK)
        status = start(allocator, &c, diag);
    if (status != BERTH_OK)
        return status;
    status = berthi_wit_read_paths(paths, count, &inner, &c->arena, &c->model, diag);
    if (status == BERTH_OK)
        return finish(c, interface, contract_out, diag);
    end(c);
    return status;
}

berth_status berth_contract_parse(const berth_allocator *allocator, const char *text,
                                  size_t size, const char *interface,
                                  berth_contract **contract_out, berth_diag *diag)
{
    const berthi_wit_options inner = { .decode = NULL };
    berth_contract *c = NULL;
    berth_status status;

    BERTHI_REQUIRE(contract_out != NULL && (text != NULL || size == 0), diag);
    status = start(allocator, &c, diag);
    if (status != BERTH_OK)
        return status;
    status = berthi_wit_read_text("contract", text == NULL ? "" : text, size, &inner, &c->arena,
                                  &c->model, diag);
    if (status == BERTH_OK)
        return finish(c, interface, contract_out, diag);
    end(c);
    return status;
}

const berth_contract *berthi_contract_ref(const berth_contract *contract)
{
    /* relaxed: whoever refers to it already keeps it. */
    if (contract != NULL)
        atomic_fetch_add_explicit(&((berth_contract *)(uintptr_t)contract)->refs, 1,
                                  memory_order_relaxed);
    return contract;
}

void berthi_contract_unref(const berth_contract *contract)
{
    berth_contract *c = (berth_contract *)(uintptr_t)contract;

    /* acq_rel: the last one sees what the others did. */
    if (c != NULL && atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) == 1)
        end(c);
}

void berth_contract_destroy(berth_contract *contract)
{
    berthi_contract_unref(contract);
}

const char *berth_contract_name(const berth_contract *contract)
{
    return contract->contract.id;
}

const uint8_t *berth_contract_digest(const berth_contract *contract)
{
    return contract->contract.digest;
}

/* ---------------------------------------------------------------- differences */

_Static_assert((int)BERTH_RELATION_EQUAL == (int)BERTHI_RELATION_EQUAL &&
                   (int)BERTH_RELATION_EXTENDED == (int)BERTHI_RELATION_EXTENDED &&
                   (int)BERTH_RELATION_BREAKING == (int)BERTHI_RELATION_BREAKING,
               "what is public is what is meant");

struct berth_contract_diff {
    berth_allocator allocator;
    int32_t relation;
    berthi_text_buf text, json;
};

typedef struct sources {
    const char *const *paths;
    uint32_t count;
} sources;

static berth_status fill(berth_contract_diff *diff, const sources both[2],
                         const berthi_wit_options *options, berth_diag *diag)
{
    berthi_package_comparison comparison = { .relation = 0 };
    const berthi_wit *models[2] = { NULL, NULL };
    berth_status status = BERTH_OK;
    berthi_arena arena;

    berthi_arena_init(&arena, &diff->allocator, SIZE_MAX);
    for (int i = 0; i < 2 && status == BERTH_OK; i++)
        status = berthi_wit_read_paths(both[i].paths, both[i].count, options, &arena,
                                       &models[i], diag);
    if (status == BERTH_OK)
        status = berthi_package_compare(models[0], models[1], &arena, &comparison, diag);
    if (status == BERTH_OK) {
        diff->relation = (int32_t)comparison.relation;
        berthi_package_comparison_print(&comparison, &diff->text);
        berthi_package_comparison_json(&comparison, &diff->json);
        if (diff->text.has_failed || diff->json.has_failed)
            status = berthi_fail(diag, BERTH_E_NOMEM, "no memory to compare contracts");
    }
    berthi_arena_fini(&arena);
    return status;
}

berth_status berth_contract_diff_read(const berth_allocator *allocator,
                                      const char *const *old_paths, uint32_t old_count,
                                      const char *const *new_paths, uint32_t new_count,
                                      const berth_wit_options *options,
                                      berth_contract_diff **diff_out, berth_diag *diag)
{
    const berth_allocator *a = allocator == NULL ? &berthi_allocator_libc : allocator;
    const sources both[2] = { { old_paths, old_count }, { new_paths, new_count } };
    berth_wit_options own = BERTH_WIT_OPTIONS_INIT;
    berthi_wit_options inner;
    berth_contract_diff *diff;
    berth_status status;

    BERTHI_REQUIRE(diff_out != NULL, diag);
    status = check_paths(old_paths, old_count, diag);
    if (status == BERTH_OK)
        status = check_paths(new_paths, new_count, diag);
    if (status == BERTH_OK)
        status = read_options(options, &own, &inner, diag);
    if (status != BERTH_OK)
        return status;
    diff = berthi_zalloc(a, sizeof *diff);
    if (diff == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "no memory to compare contracts");
    diff->allocator = *a;
    berthi_text_buf_init(&diff->text, &diff->allocator);
    berthi_text_buf_init(&diff->json, &diff->allocator);
    status = fill(diff, both, &inner, diag);
    if (status == BERTH_OK)
        *diff_out = diff;
    else
        berth_contract_diff_destroy(diff);
    return status;
}

void berth_contract_diff_destroy(berth_contract_diff *diff)
{
    berth_allocator allocator;

    if (diff == NULL)
        return;
    allocator = diff->allocator;
    berthi_text_buf_fini(&diff->text);
    berthi_text_buf_fini(&diff->json);
    berthi_free(&allocator, diff, sizeof *diff);
}

int32_t berth_contract_diff_relation(const berth_contract_diff *diff)
{
    return diff->relation;
}

const char *berth_contract_diff_text(const berth_contract_diff *diff)
{
    return diff->text.data;
}

const char *berth_contract_diff_json(const berth_contract_diff *diff)
{
    return diff->json.data;
}
