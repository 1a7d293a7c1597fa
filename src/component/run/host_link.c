/* host_link.c - what an import of a component gets from its host.  Layer: component.
 *
 * The type of a host's function is interned in the component's own store, over the component's own
 * resources; then it is the type that the component asks for, or it is another one.  A resource of
 * the host's may come in under several imports (versions that are compatible with one that is
 * there): each stands for the functions of its own import, or of imports of its own version. */
#include "component/run/host.h"

#include <stdio.h>

#include "base/diag.h"
#include "base/utf8.h"
#include "component/run/host_call.h"
#include "component/types/type_text.h"
#include "contract/wit_words.h"

typedef struct linker {
    const berth_host *host;
    const berthi_cm_steps *steps;
    const berthi_cm_need *need;
    const berthi_wit *model; /* of the interface that answers */
    berth_diag *diag;
} linker;

/* ---------------------------------------------------------------- names */

static bool is_text(berthi_name name, const char *text)
{
    return strlen(text) == name.size && memcmp(name.text, text, name.size) == 0;
}

static berthi_name version_of(berthi_name name)
{
    const char *at = name.size == 0 ? NULL : memchr(name.text, '@', name.size);

    if (at == NULL)
        return (berthi_name){ name.text, 0 };
    return (berthi_name){ at, name.size - (uint32_t)(at - name.text) };
}

/* The item that an import is about, and where it is: "host#get", or "get" of the root. */
static berthi_name item_of(const berthi_cm_need *need)
{
    return need->path[need->path_count - 1];
}

typedef struct import_text {
    char text[200];
} import_text;

static import_text import_of(const berthi_cm_need *need)
{
    import_text t = { "" };
    size_t used = 0;

    for (uint32_t i = 0; i < need->path_count && used + 72 < sizeof t.text; i++) {
        if (i > 0)
            t.text[used++] = '#';
        used +=
            strlen(berthi_utf8_show(t.text + used, 70, need->path[i].text, need->path[i].size));
    }
    return t;
}

/* ---------------------------------------------------------------- failing */

static berth_status no_interface(const linker *l)
{
    berthi_name name = l->need->path[0];
    char text[80];
    wit_guess guess;
    const berthi_host_interface *other = NULL;
    size_t stem = name.size - version_of(name).size;

    berthi_utf8_show(text, sizeof text, name.text, name.size);
    guess = berthi_wit_guess_start(text);
    for (const berthi_host_interface *i = l->host->interfaces; i != NULL; i = i->next) {
        berthi_wit_guess_offer(&guess, i->name);
        if (i->name != NULL && i->stem_size == stem && memcmp(i->name, name.text, stem) == 0)
            other = i;
    }
    if (other != NULL)
        return berthi_fail(l->diag, BERTH_E_REJECTED,
                           "import `%s`: the host offers `%.64s`, which is not compatible",
                           import_of(l->need).text, other->name);
    return berthi_fail(l->diag, BERTH_E_REJECTED, "import `%s`: the host offers no `%s`%s",
                       import_of(l->need).text, text, berthi_wit_guess_hint(&guess).text);
}

static berth_status no_item(const linker *l, const wit_guess *guess)
{
    static const char root[] = "the host";
    bool is_root = l->need->path_count == 1;

    return berthi_fail(l->diag, BERTH_E_REJECTED,
                       "import `%s`: %s%s offers no %s of that name%s", import_of(l->need).text,
                       root, is_root ? "" : "'s interface",
                       l->need->sort == BERTHI_CM_FUNC ? "function" : "resource",
                       berthi_wit_guess_hint(guess).text);
}

/* ---------------------------------------------------------------- resources */

/* The interface that an import of an instance, or of the root, would be answered by. */
static const berthi_host_interface *interface_of(const linker *l, const berthi_cm_need *need)
{
    return need->path_count != 2
               ? NULL
               : berthi_host_find(l->host, need->path[0].text, need->path[0].size);
}

/* That import brings in the resource. */
static bool brings(const linker *l, const berthi_cm_need *need, const berthi_wit_type *resource)
{
    const berthi_host_interface *i = interface_of(l, need);
    const berthi_wit_interface *of;

    if (need->sort != BERTHI_CM_TYPE || !is_text(item_of(need), resource->name))
        return false;
    if (resource->owner_kind == BERTHI_WIT_OWNER_WORLD)
        return need->path_count == 1;
    of = &l->model->interfaces[resource->owner];
    return i != NULL && (i->wit == of || (of->id != NULL && strcmp(i->name, of->id) == 0));
}

/* How well an import of a resource goes with the import of the function. */
static int rank(const linker *l, const berthi_cm_need *need)
{
    if (need->path_count != l->need->path_count || need->path_count != 2)
        return 1;
    if (berthi_cm_same_name(need->path[0], l->need->path[0]))
        return 3;
    return berthi_cm_same_name(version_of(need->path[0]), version_of(l->need->path[0])) ? 2 : 1;
}

/* What stands for a resource of the host's.  One that the component does not import is none of its
 * own, so that no type with it will be what it asks for. */
static const berthi_cm_type *resource_of(void *ctx, uint32_t index)
{
    const linker *l = ctx;
    const berthi_wit_type *resource = &l->model->types[index];
    const berthi_cm_need *best = NULL;

    for (uint32_t i = 0; i < l->steps->needs_count; i++) {
        const berthi_cm_need *need = &l->steps->needs[i];

        if (brings(l, need, resource) && (best == NULL || rank(l, need) > rank(l, best)))
            best = need;
    }
    return best != NULL ? best->type->canon : berthi_cm_resource(l->steps->types, NULL);
}

/* ---------------------------------------------------------------- functions */

static berth_status check_type(linker *l, const berthi_host_func *func)
{
    const berth_allocator *a = &l->host->allocator;
    uint32_t count = l->model->types_count;
    berthi_cm_wit wit = { .types = l->steps->types,
                          .model = l->model,
                          .resource = resource_of,
                          .ctx = l,
                          .made = berthi_zalloc_array(a, count, sizeof *wit.made) };
    const berthi_cm_type *type;

    if (wit.made == NULL)
        return berthi_fail(l->diag, BERTH_E_NOMEM, "out of memory for the types of a host");
    l->steps->types->diag = l->diag;
    type = berthi_cm_wit_func(&wit, func->wit);
    l->steps->types->diag = NULL;
    berthi_free_array(a, wit.made, count, sizeof *wit.made);
    if (type == NULL)
        return l->steps->types->status;
    if (type->canon == l->need->type->canon)
        return BERTH_OK;
    return berthi_fail(l->diag, BERTH_E_REJECTED,
                       "import `%s`: the component expects %.150s, the host offers %.150s",
                       import_of(l->need).text, berthi_cm_type_show(l->need->type).text,
                       berthi_cm_type_show(type).text);
}

static berth_status link_func(linker *l, const berthi_host_func *func,
                              berthi_cm_binding *binding_out)
{
    berth_status status = check_type(l, func);

    if (status != BERTH_OK)
        return status;
    if (func->call == NULL)
        return berthi_fail(l->diag, BERTH_E_REJECTED,
                           "import `%s`: the host declares it but has bound no function to it",
                           import_of(l->need).text);
    *binding_out =
        (berthi_cm_binding){ .function = berthi_host_run, .ctx = (void *)(uintptr_t)func };
    return BERTH_OK;
}

/* Looks in one interface; BERTH_E_ABSENT without a word when it has nothing of that name. */
static berth_status link_in(linker *l, const berthi_host_interface *i, wit_guess *guess,
                            berthi_cm_binding *binding_out)
{
    berthi_name name = item_of(l->need);

    l->model = i->text->model;
    for (uint32_t k = 0; l->need->sort == BERTHI_CM_FUNC && k < i->funcs_count; k++) {
        if (is_text(name, i->funcs[k].wit->name))
            return link_func(l, &i->funcs[k], binding_out);
        berthi_wit_guess_offer(guess, i->funcs[k].wit->name);
    }
    for (uint32_t k = 0; l->need->sort == BERTHI_CM_TYPE && k < i->resources_count; k++) {
        berth_host_resource *resource = &i->resources[k];

        if (is_text(name, resource->type.name)) {
            *binding_out = (berthi_cm_binding){ .identity = resource,
                                                .ctx = resource,
                                                .destructor = berthi_host_drop };
            return BERTH_OK;
        }
        berthi_wit_guess_offer(guess, resource->type.name);
    }
    return BERTH_E_ABSENT;
}

static berth_status resolve(linker *l, berthi_cm_binding *binding_out)
{
    berthi_name name = item_of(l->need);
    char text[80];
    wit_guess guess =
        berthi_wit_guess_start(berthi_utf8_show(text, sizeof text, name.text, name.size));
    const berthi_host_interface *i = interface_of(l, l->need);
    berth_status status = BERTH_E_ABSENT;

    if (l->need->is_again)
        return BERTH_E_ABSENT; /* it is what stands in front of it */
    if (l->need->sort == BERTHI_CM_CORE_MODULE)
        return berthi_fail(l->diag, BERTH_E_REJECTED,
                           "import `%s`: a host offers no core modules",
                           import_of(l->need).text);
    if (l->need->path_count != 1 && i == NULL)
        return no_interface(l);
    if (i != NULL)
        status = link_in(l, i, &guess, binding_out);
    for (i = l->host->interfaces; l->need->path_count == 1 && i != NULL; i = i->next)
        if (i->name == NULL && status == BERTH_E_ABSENT)
            status = link_in(l, i, &guess, binding_out);
    return status == BERTH_E_ABSENT ? no_item(l, &guess) : status;
}

berth_status berthi_host_resolve(void *ctx, const berthi_cm_steps *steps,
                                 const berthi_cm_need *need, berthi_cm_binding *binding_out,
                                 berth_diag *diag)
{
    berth_host *host = ctx;
    linker l = { .host = host, .steps = steps, .need = need, .diag = diag };
    berth_status status;

    berthi_lock_take(&host->lock);
    status = resolve(&l, binding_out);
    berthi_lock_drop(&host->lock);
    return status;
}
