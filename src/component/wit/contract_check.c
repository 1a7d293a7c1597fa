/* contract_check.c - whether a component keeps a contract.  Layer: component.
 *
 * The contract's functions are made as types in the component's own store, over the component's own
 * resources; then each is the very type that the component exports, or another one, and then the
 * first part that differs is found from the outside in. */
#include "component/wit/contract_check.h"

#include <stdio.h>

#include "base/diag.h"
#include "base/utf8.h"
#include "component/types/type_text.h"
#include "component/wit/wit_types.h"
#include "contract/wit_words.h"

enum { PATH_MAX_SHOWN = 400, GUESSES_MAX = 32 };

typedef struct checker {
    const berth_contract *contract;
    const berthi_cm_steps *steps;
    const berthi_cm_export *instance;
    berth_diag *diag;
} checker;

/* ---------------------------------------------------------------- names */

static bool is_text(berthi_name name, const char *text)
{
    return strlen(text) == name.size && memcmp(name.text, text, name.size) == 0;
}

static size_t stem_of(const char *id)
{
    return strcspn(id, "@");
}

typedef struct version {
    char text[BERTHI_WIT_NAME_MAX + 1]; /* "": none */
} version;

/* `name` is interface `id` in some version. */
static bool is_interface(berthi_name name, const char *id, version *out)
{
    size_t stem = stem_of(id), rest;

    if (name.size < stem || memcmp(name.text, id, stem) != 0)
        return false;
    out->text[0] = '\0';
    if (name.size == stem)
        return true;
    rest = name.size - stem - 1;
    if (name.text[stem] != '@' || rest >= sizeof out->text)
        return false;
    memcpy(out->text, name.text + stem + 1, rest);
    out->text[rest] = '\0';
    return strlen(out->text) == rest && berthi_wit_is_version(out->text);
}

/* Both versions are of one contract. */
static bool is_compatible(const char *a, const char *b)
{
    size_t size = berthi_contract_track(a);

    if (a[0] == '\0' || b[0] == '\0')
        return a[0] == b[0];
    return berthi_contract_track(b) == size && memcmp(a, b, size) == 0;
}

static const char *version_of(const char *id)
{
    const char *at = strchr(id, '@');

    return at == NULL ? "" : at + 1;
}

/* ---------------------------------------------------------------- interfaces */

/* The exported instance of interface `id`: in the very version, or the highest compatible one. */
static const berthi_cm_export *find_instance(const berthi_cm_steps *steps, const char *id)
{
    const berthi_cm_export *best = NULL;
    version best_version, v;

    for (uint32_t i = 0; i < steps->exports_count; i++) {
        const berthi_cm_export *e = &steps->exports[i];

        if (e->sort != BERTHI_CM_INSTANCE || !is_interface(e->name, id, &v))
            continue;
        if (is_text(e->name, id))
            return e;
        if (is_compatible(v.text, version_of(id)) &&
            (best == NULL || berthi_wit_compare_versions(best_version.text, v.text) < 0)) {
            best = e;
            best_version = v;
        }
    }
    return best;
}

typedef struct shown {
    char text[80];
} shown;

static shown show(berthi_name name)
{
    shown s;

    berthi_utf8_show(s.text, sizeof s.text, name.text, name.size);
    return s;
}

/* "; did you mean `x`?" of the first exports of that sort, or "". */
static wit_hint hint_among(const berthi_cm_export *exports, uint32_t count, uint8_t sort,
                           const char *wrong)
{
    wit_guess guess = berthi_wit_guess_start(wrong);
    shown names[GUESSES_MAX];
    uint32_t used = 0;

    for (uint32_t i = 0; i < count && used < GUESSES_MAX; i++)
        if (exports[i].sort == sort) {
            names[used] = show(exports[i].name);
            berthi_wit_guess_offer(&guess, names[used++].text);
        }
    return berthi_wit_guess_hint(&guess);
}

static berth_status no_interface(const checker *c)
{
    const char *id = c->contract->contract.id, *key = c->contract->contract.key;
    version v;

    for (uint32_t i = 0; i < c->steps->exports_count; i++) {
        const berthi_cm_export *e = &c->steps->exports[i];

        if (e->sort == BERTHI_CM_INSTANCE && is_interface(e->name, id, &v))
            return berthi_fail(c->diag, BERTH_E_REJECTED,
                               "it exports `%s`, which is another contract than `%.128s`: "
                               "export that interface in a version of it",
                               show(e->name).text, key);
    }
    return berthi_fail(
        c->diag, BERTH_E_REJECTED,
        "it exports no interface `%.128s`, which contract `%.128s` asks for%s", id, key,
        hint_among(c->steps->exports, c->steps->exports_count, BERTHI_CM_INSTANCE, id).text);
}

static const berthi_cm_export *find_in(const berthi_cm_export *instance, uint8_t sort,
                                       const char *name)
{
    for (uint32_t i = 0; instance != NULL && i < instance->count; i++)
        if (instance->exports[i].sort == sort && is_text(instance->exports[i].name, name))
            return &instance->exports[i];
    return NULL;
}

/* ---------------------------------------------------------------- resources */

/* An imported resource of that interface. */
static const berthi_cm_type *find_need(const berthi_cm_steps *steps, const char *id,
                                       const char *name)
{
    version v;

    for (uint32_t i = 0; i < steps->needs_count; i++) {
        const berthi_cm_need *need = &steps->needs[i];

        if (need->sort == BERTHI_CM_TYPE && need->path_count == 2 &&
            is_text(need->path[1], name) && is_interface(need->path[0], id, &v) &&
            is_compatible(v.text, version_of(id)))
            return need->type->canon;
    }
    return NULL;
}

/* What stands for a resource of the contract's; one that the component does not have is none of its
 * own, so that no type with it is what the component exports. */
static const berthi_cm_type *resource_of(void *ctx, uint32_t index)
{
    const checker *c = ctx;
    const berthi_wit_type *resource = &c->contract->model->types[index];
    const berthi_wit_interface *owner = resource->owner_kind == BERTHI_WIT_OWNER_INTERFACE
                                            ? &c->contract->model->interfaces[resource->owner]
                                            : NULL;
    const berthi_cm_export *found;
    const berthi_cm_type *type = NULL;

    if (owner != NULL && owner->id != NULL) {
        found = resource->owner == c->contract->contract.interface ? c->instance
                                                                   : find_instance(c->steps,
                                                                                   owner->id);
        found = find_in(found, BERTHI_CM_TYPE, resource->name);
        type =
            found != NULL ? found->type->canon : find_need(c->steps, owner->id, resource->name);
    }
    return type != NULL ? type : berthi_cm_resource(c->steps->types, NULL);
}

/* ---------------------------------------------------------------- the first difference */

typedef struct place {
    char text[PATH_MAX_SHOWN];
    size_t size;
} place;

static void go_on(place *at, const char *noun, berthi_name name)
{
    int more;

    if (name.size == 0)
        more = snprintf(at->text + at->size, sizeof at->text - at->size, ", %s", noun);
    else
        more = snprintf(at->text + at->size, sizeof at->text - at->size, ", %s `%s`", noun,
                        berthi_cm_show(name).text);
    if (more > 0 && (size_t)more < sizeof at->text - at->size)
        at->size += (size_t)more;
    at->text[at->size] = '\0'; /* what does not fit is left out */
}

static bool has_labels(const berthi_cm_type *type)
{
    return type->kind == BERTHI_CM_RECORD || type->kind == BERTHI_CM_VARIANT ||
           type->kind == BERTHI_CM_ENUM || type->kind == BERTHI_CM_FLAGS ||
           berthi_cm_is_func(type);
}

static const char *noun_of(const berthi_cm_type *type, uint32_t i)
{
    switch (type->kind) {
    case BERTHI_CM_RECORD:
        return "field";
    case BERTHI_CM_VARIANT:
    case BERTHI_CM_ENUM:
        return "case";
    case BERTHI_CM_FLAGS:
        return "flag";
    case BERTHI_CM_TUPLE:
        return "a part";
    case BERTHI_CM_RESULT:
        return i == 0 ? "ok" : "error";
    case BERTHI_CM_MAP:
        return i == 0 ? "key" : "value";
    case BERTHI_CM_OPTION:
        return "value";
    default:
        break;
    }
    if (berthi_cm_is_func(type))
        return i + 1 == type->count ? "result" : "parameter";
    return "element";
}

static bool same_name(berthi_name a, berthi_name b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.text, b.text, a.size) == 0);
}

/* Of names in their order, the first that differs; false: none does. */
static bool differ_in_names(const checker *c, const place *at, const berthi_cm_type *want,
                            const berthi_cm_type *have)
{
    uint32_t last = berthi_cm_is_func(want) ? 1 : 0; /* the result has no name */
    uint32_t wants = want->count - last, has = have->count - last, i = 0;

    while (i < wants && i < has && same_name(want->items[i].name, have->items[i].name))
        i++;
    if (i == wants && i == has)
        return false;
    if (i == has)
        (void)berthi_fail(c->diag, BERTH_E_REJECTED, "%s: %s `%s` is missing", at->text,
                          noun_of(want, i), berthi_cm_show(want->items[i].name).text);
    else if (i == wants)
        (void)berthi_fail(c->diag, BERTH_E_REJECTED, "%s: %s `%s` is not in the contract",
                          at->text, noun_of(have, i), berthi_cm_show(have->items[i].name).text);
    else
        (void)berthi_fail(
            c->diag, BERTH_E_REJECTED, "%s: %s %u is `%s` in the contract, and `%s` here",
            at->text, noun_of(want, i), (unsigned)i + 1,
            berthi_cm_show(want->items[i].name).text, berthi_cm_show(have->items[i].name).text);
    return true;
}

static const berthi_cm_type *canon_of(const berthi_cm_type *type)
{
    return type == NULL ? NULL : type->canon;
}

static bool is_resource(const berthi_cm_type *type)
{
    return type != NULL && berthi_cm_is_resource(type);
}

/* Ends at once where a kind, a name or a count differs; else the part that differs comes next. */
static berth_status first_difference(const checker *c, place *at, const berthi_cm_type *want,
                                     const berthi_cm_type *have)
{
    for (;;) {
        uint32_t i = 0;

        want = canon_of(want);
        have = canon_of(have);
        if (is_resource(want) && is_resource(have))
            return berthi_fail(c->diag, BERTH_E_REJECTED,
                               "%s: it is another resource than that of the contract",
                               at->text);
        if (want == NULL || have == NULL || want->kind != have->kind ||
            want->length != have->length || (!has_labels(want) && want->count != have->count))
            break;
        if (has_labels(want) && differ_in_names(c, at, want, have))
            return BERTH_E_REJECTED;
        while (i < want->count &&
               canon_of(want->items[i].type) == canon_of(have->items[i].type))
            i++;
        if (i == want->count)
            break;
        go_on(at, noun_of(want, i), want->items[i].name);
        want = want->items[i].type;
        have = have->items[i].type;
    }
    return berthi_fail(c->diag, BERTH_E_REJECTED,
                       "%s: the contract has %.150s, and here is %.150s", at->text,
                       berthi_cm_type_show(want).text, berthi_cm_type_show(have).text);
}

/* ---------------------------------------------------------------- functions */

static berth_status check_func(checker *c, berthi_cm_wit *wit, const berthi_wit_func *func)
{
    const berthi_cm_export *found = find_in(c->instance, BERTHI_CM_FUNC, func->name);
    const berthi_cm_type *type;
    place at = { .size = 0 };

    at.size = (size_t)snprintf(at.text, sizeof at.text, "function `%.*s`", BERTHI_WIT_NAME_MAX,
                               func->name);
    if (found == NULL)
        return berthi_fail(
            c->diag, BERTH_E_REJECTED, "%s is missing%s", at.text,
            hint_among(c->instance->exports, c->instance->count, BERTHI_CM_FUNC, func->name)
                .text);
    type = berthi_cm_wit_func(wit, func);
    if (type == NULL)
        return c->steps->types->status;
    return type->canon == found->type->canon ? BERTH_OK
                                             : first_difference(c, &at, type, found->type);
}

static berth_status check_funcs(checker *c, const berth_allocator *a)
{
    const berth_contract *contract = c->contract;
    uint32_t count = contract->model->types_count;
    berthi_cm_wit wit = { .types = c->steps->types,
                          .model = contract->model,
                          .resource = resource_of,
                          .ctx = c,
                          .made = berthi_zalloc_array(a, count, sizeof *wit.made) };
    berth_status status = BERTH_OK;

    if (wit.made == NULL)
        return berthi_fail(c->diag, BERTH_E_NOMEM, "no memory to check a contract");
    c->steps->types->diag = c->diag;
    for (uint32_t i = 0; status == BERTH_OK && i < contract->contract.funcs_count; i++)
        status = check_func(c, &wit, contract->contract.funcs[i]->func);
    c->steps->types->diag = NULL;
    berthi_free_array(a, wit.made, count, sizeof *wit.made);
    return status;
}

berth_status berthi_contract_fits(const berth_contract *contract, const berthi_cm_steps *steps,
                                  const berth_allocator *a, berthi_name *name_out,
                                  berth_diag *diag)
{
    checker c = { .contract = contract, .steps = steps, .diag = diag };
    berth_status status;

    c.instance = find_instance(steps, contract->contract.id);
    if (c.instance == NULL)
        return no_interface(&c);
    status = check_funcs(&c, a);
    if (status == BERTH_E_REJECTED)
        return berthi_diag_prefix(diag, status, "export `%s` does not keep contract `%.128s`",
                                  show(c.instance->name).text, contract->contract.key);
    if (status == BERTH_OK && name_out != NULL)
        *name_out = c.instance->name;
    return status;
}
