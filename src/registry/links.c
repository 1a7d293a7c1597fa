/* links.c - plugins that call other slots' plugins.  Layer: registry.
 *
 * A link is a name and a type, agreed upon with the slot that gives it (agreed.c), so that what is
 * called is looked up in whichever version is current, once per version, as for any typed call.  It
 * holds the slot and no version: a provider is replaced under its dependents as under everybody else,
 * and one that is evicted answers that it is not there.
 *
 * Values pass in host layout, in which both sides' plans or functions have them; handles do not, for
 * they are of one instance (docs/bundles.md says why that is refused and not mended).
 *
 * No slot is twice in one chain of calls that links make.  The graph of bundles has no circles, but a
 * rollback by hand may bring one back, and what holds one instance would wait for itself until its
 * deadline. */
#include "registry/links.h"

#include <berth/invoke.h>

#include "base/diag.h"
#include "base/utf8.h"
#include "component/run/host_call.h"
#include "contract/wit_words.h"
#include "registry/hot.h"

enum { SHOWN = 160 };

typedef struct provider {
    const char *contract; /* as it is required */
    size_t stem_size;     /* in front of '@' */
    const char *version;
    berth_slot *slot; /* one reference; NULL: nobody */
    /* Called in place of what is current, which there may not be yet.  Lent until it is settled. */
    _Atomic(berth_version *) ready;
} provider;

struct berthi_link {
    const berthi_links *of;
    const provider *from;
    const char *name; /* "ns:pkg/name@1.0.0#function", as it is imported */
    const char *type;
    uint32_t number; /* of the slot's */
    berthi_link *next;
};

struct berthi_links {
    _Atomic(uint32_t) refs;
    berth_runtime *runtime;
    berthi_arena arena; /* holds all below, and this */
    const char *dependent;
    berthi_admit_imports imports;
    uint32_t count;
    provider *providers;
    berthi_link *first; /* added to while the plugin is prepared, by that thread alone */
};

/* ---------------------------------------------------------------- making */

static berth_status no_memory(const berthi_links *links, berth_diag *diag)
{
    return berthi_fail(diag, BERTH_E_NOMEM, "what '%s' calls of others",
                       links == NULL ? "a plugin" : links->dependent);
}

static bool covers(void *ctx, berthi_name interface)
{
    return berthi_links_cover(ctx, interface.text, interface.size);
}

static berthi_links *start(berth_slot *dependent)
{
    berthi_arena arena;
    berthi_links *links;

    berthi_arena_init(&arena, &dependent->runtime->allocator, SIZE_MAX);
    links = berthi_arena_alloc(&arena, sizeof *links);
    if (links == NULL) {
        berthi_arena_fini(&arena);
        return NULL;
    }
    *links = (berthi_links){ .runtime = dependent->runtime, .arena = arena };
    atomic_init(&links->refs, 1);
    links->imports = (berthi_admit_imports){ links, covers, berthi_links_resolve };
    return links;
}

static bool add_provider(berthi_links *links, const berthi_link_offer *offer)
{
    provider *p = &links->providers[links->count];
    const char *at;

    p->contract = berthi_arena_strndup(&links->arena, offer->contract, strlen(offer->contract));
    if (p->contract == NULL)
        return false;
    at = strchr(p->contract, '@');
    assert(at != NULL); /* manifests take no other */
    p->stem_size = (size_t)(at - p->contract);
    p->version = at + 1;
    p->slot = offer->slot;
    atomic_init(&p->ready, offer->ready);
    if (p->slot != NULL) {
        atomic_fetch_add_explicit(&p->slot->refs, 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&p->slot->bound, 1, memory_order_relaxed);
    }
    links->count++;
    return true;
}

berth_status berthi_links_make(berth_slot *dependent, const berthi_link_offer *offers,
                               uint32_t count, berthi_links **links_out, berth_diag *diag)
{
    berthi_links *links = start(dependent);
    bool done;

    if (links == NULL)
        return no_memory(NULL, diag);
    links->dependent =
        berthi_arena_strndup(&links->arena, dependent->name, strlen(dependent->name));
    links->providers =
        berthi_arena_array(&links->arena, count + (size_t)1, sizeof *links->providers);
    done = links->dependent != NULL && links->providers != NULL;
    for (uint32_t i = 0; done && i < count; i++)
        done = add_provider(links, &offers[i]);
    if (!done) {
        berthi_links_unref(links);
        return no_memory(NULL, diag);
    }
    *links_out = links;
    return BERTH_OK;
}

berthi_links *berthi_links_ref(berthi_links *links)
{
    atomic_fetch_add_explicit(&links->refs, 1, memory_order_relaxed);
    return links;
}

void berthi_links_unref(berthi_links *links)
{
    berthi_arena arena;

    /* acq_rel: the last one sees what the others did. */
    if (links == NULL || atomic_fetch_sub_explicit(&links->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (uint32_t i = 0; i < links->count; i++)
        if (links->providers[i].slot != NULL) {
            atomic_fetch_sub_explicit(&links->providers[i].slot->bound, 1,
                                      memory_order_relaxed);
            berthi_slot_unref(links->providers[i].slot);
        }
    arena = links->arena;
    berthi_arena_fini(&arena);
}

void berthi_links_settle(berthi_links *links)
{
    for (uint32_t i = 0; links != NULL && i < links->count; i++)
        atomic_store_explicit(&links->providers[i].ready, NULL, memory_order_release);
}

const void *berthi_links_key(const berthi_links *links)
{
    return links == NULL || links->count == 0 ? NULL : links;
}

/* ---------------------------------------------------------------- which import is covered */

const berthi_admit_imports *berthi_links_imports(berthi_links *links)
{
    return &links->imports;
}

/* What a requirement of one track says is said of all versions of it; that it is too low for an import
 * is told when the import is bound. */
static const provider *find_provider(const berthi_links *links, const char *interface,
                                     size_t size)
{
    const char *at = memchr(interface, '@', size);
    char version[BERTHI_FUNC_NAME_MAX + 1];
    size_t stem = at == NULL ? size : (size_t)(at - interface), length = size - stem;

    if (links == NULL || at == NULL || length > sizeof version)
        return NULL;
    memcpy(version, at + 1, length - 1);
    version[length - 1] = '\0';
    for (uint32_t i = 0; i < links->count; i++) {
        const provider *p = &links->providers[i];
        size_t track = berthi_contract_track(p->version);

        if (p->stem_size == stem && memcmp(p->contract, interface, stem) == 0 &&
            berthi_contract_track(version) == track && memcmp(version, p->version, track) == 0)
            return p;
    }
    return NULL;
}

bool berthi_links_cover(const berthi_links *links, const char *interface, size_t size)
{
    return find_provider(links, interface, size) != NULL;
}

bool berthi_links_give(const berthi_links *links, const berthi_cm_need *need)
{
    return need->path_count > 1 &&
           berthi_links_cover(links, need->path[0].text, need->path[0].size);
}

/* ---------------------------------------------------------------- finding a function */

static bool is_name(berthi_name name, const char *text, size_t size)
{
    return name.size == size && memcmp(name.text, text, size) == 0;
}

/* How an export compares with what was found before: it is the very interface, or the highest compatible
 * version of it. */
static void consider(berthi_name export, const char *interface, size_t size, berthi_name *best)
{
    char offered[BERTHI_FUNC_NAME_MAX + 1], needed[BERTHI_FUNC_NAME_MAX + 1], *have, *want;

    if (export.size > BERTHI_FUNC_NAME_MAX || size > BERTHI_FUNC_NAME_MAX ||
        (best->size != 0 && is_name(*best, interface, size)))
        return;
    if (is_name(export, interface, size)) {
        *best = export;
        return;
    }
    memcpy(offered, export.text, export.size);
    offered[export.size] = '\0';
    memcpy(needed, interface, size);
    needed[size] = '\0';
    have = strchr(offered, '@');
    want = strchr(needed, '@');
    if (have == NULL || want == NULL || have - offered != want - needed ||
        memcmp(offered, needed, (size_t)(have - offered)) != 0 ||
        !berthi_version_serves(have + 1, want + 1))
        return;
    if (best->size != 0) { /* it is of that interface, too */
        memcpy(needed, best->text, best->size);
        needed[best->size] = '\0';
        if (berthi_wit_compare_versions(have + 1, strchr(needed, '@') + 1) <= 0)
            return;
    }
    *best = export;
}

/* The export that serves the interface; of size 0: none. */
static berthi_name find_export(const berthi_content *content, const char *interface,
                               size_t size)
{
    const berthi_cm_steps *steps =
        content->component == NULL ? NULL : berthi_cm_loaded_steps(content->component->loaded);
    const berthi_native_plugin *native =
        content->native == NULL ? NULL : &content->native->plugin;
    berthi_name best = { NULL, 0 };

    for (uint32_t i = 0; steps != NULL && i < steps->exports_count; i++)
        if (steps->exports[i].sort == BERTHI_CM_INSTANCE)
            consider(steps->exports[i].name, interface, size, &best);
    for (uint32_t i = 0; native != NULL && i < native->exports_count; i++)
        if (native->exports[i].name != NULL)
            consider(berthi_name_of(native->exports[i].name), interface, size, &best);
    return best;
}

berth_status berthi_link_find(const berthi_content *content, const char *name,
                              berthi_found *found_out, berthi_func_type *type, berth_diag *diag)
{
    const char *mark = strchr(name, '#');
    char actual[2 * BERTHI_FUNC_NAME_MAX + 2];
    berthi_name export;
    size_t rest;

    assert(mark != NULL);
    export = find_export(content, name, (size_t)(mark - name));
    rest = strlen(mark);
    if (export.size == 0 || export.size + rest >= sizeof actual)
        return berthi_fail(diag, BERTH_E_ABSENT, "it exports no '%.*s'", (int)(mark - name),
                           name);
    memcpy(actual, export.text, export.size);
    memcpy(actual + export.size, mark, rest + 1);
    return berthi_typed_find(content, actual, found_out, type, diag);
}

/* Whether the content has the function, of that type. */
static berth_status look(const berthi_content *content, const char *name, const char *type,
                         berth_diag *diag)
{
    berthi_found found;
    berthi_func_type *has = berthi_alloc(content->arena.allocator, sizeof *has);
    berth_status status;

    if (has == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "a type");
    status = berthi_link_find(content, name, &found, has, diag);
    if (status == BERTH_OK && strcmp(has->text, type) != 0)
        status = berthi_fail(diag, BERTH_E_ABSENT, "it is %.160s there, and not %.160s",
                             has->text, type);
    berthi_free(content->arena.allocator, has, sizeof *has);
    return status;
}

/* ---------------------------------------------------------------- binding */

/* In what will be called first. */
static berth_status look_in(const provider *p, const char *name, const char *type,
                            berth_diag *diag)
{
    const berth_version *ready = atomic_load_explicit(&p->ready, memory_order_relaxed);
    berth_lease lease = BERTH_LEASE_NONE;
    berth_status status;

    if (ready != NULL)
        return look(ready->content, name, type, diag);
    status = berth_slot_lease(p->slot, &lease);
    if (status != BERTH_OK)
        return berthi_fail(diag, status, "it has no plugin");
    status = look(lease.version->content, name, type, diag);
    berth_lease_return(&lease);
    return status;
}

static berth_status agree(const provider *p, berthi_link *link, berth_diag *diag)
{
    berth_slot *slot = p->slot;
    berth_status status;
    uint32_t n = 0;

    berthi_lock_take(&slot->lock);
    status = berthi_agreed_link(&slot->agreed, link->name, link->type,
                                &slot->runtime->allocator, &n);
    berthi_lock_drop(&slot->lock);
    link->number = BERTHI_HOOKS_MAX + n;
    return status == BERTH_OK ? BERTH_OK
                              : berthi_fail(diag, status, "agreeing upon '%s' with slot '%s'",
                                            link->name, slot->name);
}

static berth_status connect_link(const provider *p, berthi_link *link, berth_diag *diag)
{
    berth_diag why = { 0 };
    berth_status status;

    if (p->slot == NULL)
        return BERTH_OK;
    status = look_in(p, link->name, link->type, &why);
    if (status == BERTH_E_NOMEM)
        return berthi_fail(diag, status, "%s", why.text);
    if (status != BERTH_OK)
        return berthi_fail(diag, BERTH_E_REJECTED,
                           "import `%s`: slot '%s', which is to give it, does not: %s",
                           link->name, p->slot->name, why.text);
    return agree(p, link, diag);
}

static berthi_link *find_link(const berthi_links *links, const char *name, const char *type)
{
    berthi_link *link = links->first;

    while (link != NULL && (strcmp(link->name, name) != 0 || strcmp(link->type, type) != 0))
        link = link->next;
    return link;
}

static berth_status make_link(berthi_links *links, const provider *p, const char *name,
                              const char *type, berthi_link **link_out, berth_diag *diag)
{
    berthi_link *link = berthi_arena_alloc(&links->arena, sizeof *link);
    berth_status status;

    if (link == NULL)
        return no_memory(links, diag);
    *link = (berthi_link){ .of = links,
                           .from = p,
                           .name = berthi_arena_strndup(&links->arena, name, strlen(name)),
                           .type = berthi_arena_strndup(&links->arena, type, strlen(type)) };
    if (link->name == NULL || link->type == NULL)
        return no_memory(links, diag);
    status = connect_link(p, link, diag);
    if (status != BERTH_OK)
        return status;
    link->next = links->first;
    links->first = *link_out = link;
    return BERTH_OK;
}

static berth_status refuse_handles(const provider *p, const char *name, berth_diag *diag)
{
    return berthi_fail(
        diag, BERTH_E_REJECTED,
        "import `%s`: it is about resources, which belong to one instance of one "
        "plugin; what `requires` gives (%s) hands over values only",
        name, p->contract);
}

static berth_status check_version(const provider *p, const char *name, berth_diag *diag)
{
    char version[2 * BERTHI_FUNC_NAME_MAX];
    size_t size = strcspn(name + p->stem_size + 1, "#");

    memcpy(version, name + p->stem_size + 1, size);
    version[size] = '\0';
    return berthi_version_serves(p->version, version)
               ? BERTH_OK
               : berthi_fail(diag, BERTH_E_REJECTED,
                             "import `%s`: `requires` says %s, which is lower; require what is "
                             "imported",
                             name, p->contract);
}

/* "INTERFACE#FUNCTION".  False: it is too long. */
static bool write_name(berthi_name interface, berthi_name function,
                       char out[static BERTHI_FUNC_NAME_MAX + 1])
{
    size_t size = (size_t)interface.size + 1 + function.size;

    if (size > BERTHI_FUNC_NAME_MAX)
        return false;
    memcpy(out, interface.text, interface.size);
    out[interface.size] = '#';
    memcpy(out + interface.size + 1, function.text, function.size);
    out[size] = '\0';
    return true;
}

berth_status berthi_links_bind(berthi_links *links, berthi_name interface, berthi_name function,
                               const berthi_cm_type *type, const berthi_link **link_out,
                               berth_diag *diag)
{
    const provider *p = find_provider(links, interface.text, interface.size);
    char name[BERTHI_FUNC_NAME_MAX + 1], shown[SHOWN];
    berthi_func_type *text;
    berthi_link *link;
    berth_status status;

    assert(p != NULL);
    if (!write_name(interface, function, name))
        return berthi_fail(diag, BERTH_E_LIMIT, "import `%s`: its name has more than %d bytes",
                           berthi_utf8_show(shown, sizeof shown, function.text, function.size),
                           BERTHI_FUNC_NAME_MAX);
    status = check_version(p, name, diag);
    if (status != BERTH_OK)
        return status;
    if (type == NULL || type->has_resource)
        return refuse_handles(p, name, diag);
    text = berthi_alloc(&links->runtime->allocator, sizeof *text);
    if (text == NULL)
        return no_memory(links, diag);
    link = NULL;
    if (!berthi_typed_text(type, text))
        status = berthi_fail(diag, BERTH_E_LIMIT, "import `%s`: its type is too long", name);
    else
        link = find_link(links, name, text->text);
    if (status == BERTH_OK && link == NULL)
        status = make_link(links, p, name, text->text, &link, diag);
    berthi_free(&links->runtime->allocator, text, sizeof *text);
    if (status == BERTH_OK)
        *link_out = link;
    return status;
}

/* ---------------------------------------------------------------- of components */

/* A berthi_cm_host_function whose ctx is a link. */
static berth_status run(void *ctx, berthi_cm_host_call *call, const void *args, void *result,
                        berth_diag *diag)
{
    const berthi_host_instance *instance =
        berthi_cm_instance_data(berthi_cm_host_instance(call));
    berth_arena *room = berthi_cm_host_arena(call);

    if (room == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "the result of a call");
    return berthi_link_call(ctx, instance->until_tick, args, result, room, diag);
}

berth_status berthi_links_resolve(void *ctx, const berthi_cm_steps *steps,
                                  const berthi_cm_need *need, berthi_cm_binding *binding_out,
                                  berth_diag *diag)
{
    const berthi_link *link = NULL;
    berth_status status;

    (void)steps;
    if (need->is_again)
        return BERTH_E_ABSENT; /* it is what stands in front of it */
    status = berthi_links_bind(ctx, need->path[0], need->path[need->path_count - 1],
                               need->sort == BERTHI_CM_FUNC ? need->type : NULL, &link, diag);
    if (status == BERTH_OK)
        *binding_out = (berthi_cm_binding){ .function = run, .ctx = (void *)(uintptr_t)link };
    return status;
}

/* ---------------------------------------------------------------- calling */

const berth_version *berthi_links_caller(berth_runtime *rt, const berthi_links *links,
                                         uint64_t *since_out)
{
    berthi_record *mine = berthi_domain_record(&rt->domain);
    unsigned depth = mine == NULL ? 0 : berthi_record_depth(mine);
    const berth_version *v;

    if (depth == 0)
        return NULL;
    v = atomic_load_explicit(&mine->entry[depth - 1].pin, memory_order_relaxed);
    *since_out = atomic_load_explicit(&mine->entry[depth - 1].since, memory_order_relaxed);
    return v->content->links == links ? v : NULL;
}

/* The thread is in a call of that slot's. */
static bool is_inside(berth_runtime *rt, const berth_slot *slot)
{
    berthi_record *mine = berthi_domain_record(&rt->domain);
    unsigned depth = mine == NULL ? 0 : berthi_record_depth(mine);

    for (unsigned i = 0; i < depth; i++) {
        const berth_version *v =
            atomic_load_explicit(&mine->entry[i].pin, memory_order_relaxed);

        if (v->slot == slot)
            return true;
    }
    return false;
}

/* Both are named, whatever is wrong. */
static berth_status fail_call(const berthi_link *link, const berth_diag *why,
                              berth_status status, berth_diag *diag)
{
    const berth_slot *slot = link->from->slot;

    return berthi_fail_because(diag, status, (berth_reason)why->reason,
                               "'%s' calls %s of '%s': %.360s", link->of->dependent, link->name,
                               slot == NULL ? "nobody" : slot->name, why->text);
}

static berth_status refuse_call(const berthi_link *link, uint64_t now, uint64_t until,
                                berth_diag *why)
{
    berth_slot *slot = link->from->slot;

    if (slot == NULL)
        return berthi_fail(why, BERTH_E_ABSENT,
                           "%s is optional, and no bundle provided it when this one was loaded",
                           link->from->contract);
    if (now >= until)
        return berthi_fail(why, BERTH_E_DEADLINE, "nothing is left of the caller's time");
    if (is_inside(slot->runtime, slot))
        return berthi_fail(why, BERTH_E_STATE,
                           "that slot is in this chain of calls already, and none is in one "
                           "twice");
    return BERTH_OK;
}

/* Ticks are rounded up: those of the longest time there is are more of it than a number holds. */
static uint64_t time_left(uint64_t ticks)
{
    return ticks <= UINT64_MAX / BERTHI_TICK_NS ? ticks * BERTHI_TICK_NS : UINT64_MAX;
}

berth_status berthi_link_call(const berthi_link *link, uint64_t until_tick, const void *args,
                              void *result, berth_arena *arena, berth_diag *diag)
{
    berth_slot *slot = link->from->slot;
    uint64_t now = atomic_load_explicit(&link->of->runtime->domain.tick, memory_order_relaxed);
    berth_call call = BERTH_CALL_INIT;
    berth_diag why = { 0 };
    berth_status status = refuse_call(link, now, until_tick, &why);
    berth_version *ready;
    uint64_t left_ns;

    if (BERTHI_UNUSUAL(status != BERTH_OK))
        return fail_call(link, &why, status, diag);
    call.hook = link->number;
    call.arena = arena;
    left_ns = time_left(until_tick - now);
    call.deadline_ns =
        slot->options.deadline_ns < left_ns ? slot->options.deadline_ns : left_ns;
    /* acquire: pairs with the release in berthi_links_settle(). */
    ready = atomic_load_explicit(&link->from->ready, memory_order_acquire);
    status = BERTHI_UNUSUAL(ready != NULL)
                 ? berthi_typed_invoke(ready, args, result, &call, &why)
                 : berth_slot_invoke(slot, args, result, &call, &why);
    return status == BERTH_OK ? BERTH_OK : fail_call(link, &why, status, diag);
}

/* ---------------------------------------------------------------- what is linked to */

/* Under the slot's lock, which `v` serves or is kept by. */
static berth_status keep_for(const berth_slot *slot, const berth_version *next,
                             const berth_version *v, berth_diag *diag)
{
    const berthi_links *links = v == NULL || v->content == NULL ? NULL : v->content->links;
    berth_diag why = { 0 };
    berth_status status = BERTH_OK;

    for (const berthi_link *l = links == NULL ? NULL : links->first;
         status == BERTH_OK && l != NULL; l = l->next) {
        if (l->from->slot != slot)
            continue;
        status = look(next->content, l->name, l->type, &why);
        if (status == BERTH_E_NOMEM)
            return berthi_fail(diag, status, "%s", why.text);
        if (status != BERTH_OK)
            return berthi_fail(diag, BERTH_E_REJECTED,
                               "'%s' calls %s of slot '%s': %s; unload it first, or give what "
                               "is new a track of its own",
                               links->dependent, l->name, slot->name, why.text);
    }
    return status;
}

static berth_status keep_for_slot(const berth_slot *slot, const berth_version *next,
                                  berth_slot *other, berth_diag *diag)
{
    berth_status status;

    berthi_lock_take(&other->lock);
    status =
        keep_for(slot, next, atomic_load_explicit(&other->current, memory_order_relaxed), diag);
    if (status == BERTH_OK)
        status = keep_for(slot, next, other->kept, diag);
    berthi_lock_drop(&other->lock);
    return status;
}

berth_status berthi_links_keep(berth_slot *slot, const berth_version *v, berth_diag *diag)
{
    berth_runtime *rt = slot->runtime;
    berth_status status = BERTH_OK;

    if (atomic_load_explicit(&slot->bound, memory_order_relaxed) == 0)
        return BERTH_OK;
    berthi_lock_take(&rt->lock);
    for (size_t i = 0; status == BERTH_OK && i < berthi_map_chains(rt); i++)
        for (berth_slot *s = berthi_map_first(rt, i); status == BERTH_OK && s != NULL;
             s = berthi_map_next(s))
            if (s != slot)
                status = keep_for_slot(slot, v, s, diag);
    berthi_lock_drop(&rt->lock);
    return status;
}
