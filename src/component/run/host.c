/* host.c - declaring and binding what a host offers.  Layer: component. */
#include "component/run/host.h"

#include "base/diag.h"
#include "component/types/type_text.h"
#include "component/value/value_reader.h"
#include "contract/wit_words.h"

enum { HOST_WORK_MAX = 10000000 }; /* steps that the types of one text may take */

/* ---------------------------------------------------------------- texts */

/* Resources of a host's own types are told apart by being different objects, no more. */
static const berthi_cm_type *own_resource(void *ctx, uint32_t index)
{
    (void)index;
    return berthi_cm_resource(ctx, NULL);
}

static bool make_func(berthi_host_text *t, berthi_cm_wit *wit, const berthi_host_interface *of,
                      const berthi_wit_func *from, berthi_host_func *func)
{
    *func = (berthi_host_func){ .of = of, .wit = from };
    func->type = berthi_cm_wit_func(wit, from);
    if (func->type == NULL)
        return false;
    func->type = func->type->canon;
    func->args_size = berthi_cm_place_of(func->type->items, func->type->count - 1).size;
    if (berthi_cm_func_result(func->type) != NULL)
        func->result_size = berthi_cm_func_result(func->type)->host_size;
    return func->args_size <= UINT32_MAX ||
           berthi_cm_fail(&t->types, BERTH_E_LIMIT, "the parameters of `%s` are too large",
                          from->name);
}

static void make_resource(const berthi_host_interface *of, uint32_t index,
                          berth_host_resource *resource)
{
    *resource = (berth_host_resource){ .type = { .name = of->text->model->types[index].name },
                                       .of = of,
                                       .index = index };
}

/* An interface with room for so many. */
static berthi_host_interface *make_interface(berthi_host_text *t, const char *name,
                                             uint32_t funcs, uint32_t resources)
{
    berthi_host_interface *i = berthi_cm_make(&t->types, 1, sizeof *i);
    const char *at = name == NULL ? NULL : strchr(name, '@');

    if (i == NULL)
        return NULL;
    *i = (berthi_host_interface){ .name = name, .text = t };
    i->stem_size = name == NULL ? 0 : at == NULL ? strlen(name) : (size_t)(at - name);
    i->version = at == NULL ? NULL : at + 1;
    i->funcs = berthi_cm_make(&t->types, funcs, sizeof *i->funcs);
    i->resources = berthi_cm_make(&t->types, resources, sizeof *i->resources);
    if (i->funcs == NULL || i->resources == NULL)
        return NULL;
    *t->tail = i;
    t->tail = &i->next;
    return i;
}

static bool add_interface(berthi_host_text *t, berthi_cm_wit *wit, const char *name,
                          const berthi_wit_interface *from)
{
    berthi_host_interface *i = make_interface(t, name, from->funcs_count, from->types_count);

    if (i == NULL)
        return false;
    i->wit = from;
    for (uint32_t k = 0; k < from->funcs_count; k++)
        if (!make_func(t, wit, i, &from->funcs[k], &i->funcs[i->funcs_count++]))
            return false;
    for (uint32_t k = 0; k < from->types_count; k++)
        if (t->model->types[from->types[k]].kind == BERTHI_WIT_RESOURCE)
            make_resource(i, from->types[k], &i->resources[i->resources_count++]);
    return true;
}

/* What a world imports by itself: functions, resources, and interfaces under plain names. */
static bool add_world(berthi_host_text *t, berthi_cm_wit *wit, const berthi_wit_world *world)
{
    berthi_host_interface *i =
        make_interface(t, NULL, world->imports_count, world->imports_count);

    if (i == NULL)
        return false;
    for (uint32_t k = 0; k < world->imports_count; k++) {
        const berthi_wit_extern *import = &world->imports[k];

        if (import->kind == BERTHI_WIT_EXTERN_FUNC &&
            !make_func(t, wit, i, import->func, &i->funcs[i->funcs_count++]))
            return false;
        if (import->kind == BERTHI_WIT_EXTERN_TYPE &&
            t->model->types[import->index].kind == BERTHI_WIT_RESOURCE)
            make_resource(i, import->index, &i->resources[i->resources_count++]);
        if (import->kind == BERTHI_WIT_EXTERN_INTERFACE && import->is_plain &&
            !add_interface(t, wit, import->name, &t->model->interfaces[import->index]))
            return false;
    }
    return true;
}

static berth_status add_everything(berthi_host_text *t)
{
    berthi_cm_wit wit = {
        .types = &t->types, .model = t->model, .resource = own_resource, .ctx = &t->types
    };

    t->made = berthi_cm_make(&t->types, t->model->types_count, sizeof *t->made);
    wit.made = t->made;
    for (uint32_t i = 0; t->made != NULL && i < t->model->interfaces_count; i++)
        if (t->model->interfaces[i].id != NULL &&
            !add_interface(t, &wit, t->model->interfaces[i].id, &t->model->interfaces[i]))
            break;
    for (uint32_t i = 0; t->types.status == BERTH_OK && i < t->model->worlds_count; i++)
        if (!add_world(t, &wit, &t->model->worlds[i]))
            break;
    return t->types.status;
}

static void destroy_text(const berth_allocator *a, berthi_host_text *t)
{
    berthi_arena_fini(&t->arena);
    berthi_free(a, t, sizeof *t);
}

static berth_status make_text(const berth_allocator *a, const char *wit, size_t size,
                              berthi_host_text **text_out, berth_diag *diag)
{
    berthi_host_text *t = berthi_zalloc(a, sizeof *t);
    berth_status status;

    if (t == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "out of memory for a host's interfaces");
    berthi_arena_init(&t->arena, a, SIZE_MAX);
    t->tail = &t->first;
    t->types = (berthi_cm_types){
        .arena = &t->arena, .diag = diag, .work = HOST_WORK_MAX, .epoch = 1
    };
    status = berthi_wit_read_text("wit", wit, size, NULL, &t->arena, &t->model, diag);
    if (status == BERTH_OK)
        status = add_everything(t);
    t->types.diag = NULL;
    if (status != BERTH_OK) {
        destroy_text(a, t);
        return status;
    }
    *text_out = t;
    return BERTH_OK;
}

/* ---------------------------------------------------------------- looking up */

static bool is_name(const char *name, const char *text, size_t size)
{
    return name != NULL && strlen(name) == size && memcmp(name, text, size) == 0;
}

/* Its name without the version is `name`. */
static bool is_name_start(const berthi_host_interface *i, const char *name)
{
    return i->stem_size == strlen(name) && memcmp(i->name, name, i->stem_size) == 0;
}

static berthi_host_interface *find_exactly(const berth_host *host, const char *name,
                                           size_t size)
{
    for (berthi_host_interface *i = host->interfaces; i != NULL; i = i->next)
        if (is_name(i->name, name, size))
            return i;
    return NULL;
}

/* How much of a version compatible ones share: "1.", "0.2.", or 0 when there are none. */
static size_t shared_size(const char *version)
{
    size_t major = strspn(version, "0123456789"), minor;

    if (strchr(version, '-') != NULL)
        return 0;
    if (version[0] != '0')
        return major + 1;
    minor = strspn(version + 2, "0123456789");
    return version[2] == '0' ? 0 : 2 + minor + 1;
}

berthi_host_interface *berthi_host_find(const berth_host *host, const char *name, size_t size)
{
    berthi_host_interface *best = find_exactly(host, name, size);
    const char *at = memchr(name, '@', size);
    char version[BERTHI_WIT_NAME_MAX + 1];
    size_t shared, version_size;

    if (best != NULL || at == NULL)
        return best;
    version_size = size - (size_t)(at + 1 - name);
    if (version_size > BERTHI_WIT_NAME_MAX)
        return NULL;
    memcpy(version, at + 1, version_size);
    version[version_size] = '\0';
    if (strlen(version) != version_size || !berthi_wit_is_version(version))
        return NULL;
    shared = shared_size(version);
    for (berthi_host_interface *i = host->interfaces; i != NULL && shared != 0; i = i->next)
        if (i->version != NULL && i->stem_size == (size_t)(at - name) &&
            memcmp(i->name, name, i->stem_size) == 0 && shared_size(i->version) == shared &&
            memcmp(i->version, version, shared) == 0 &&
            (best == NULL || berthi_wit_compare_versions(best->version, i->version) < 0))
            best = i;
    return best;
}

/* As the host's own code names it: exactly, or without its version when there is one alone. */
static berthi_host_interface *find_for_binding(const berth_host *host, const char *name,
                                               berth_diag *diag)
{
    berthi_host_interface *found = find_exactly(host, name, strlen(name));
    wit_guess guess = berthi_wit_guess_start(name);
    size_t count = 0;

    if (found != NULL)
        return found;
    for (berthi_host_interface *i = host->interfaces; i != NULL; i = i->next) {
        berthi_wit_guess_offer(&guess, i->name);
        if (i->version == NULL || !is_name_start(i, name))
            continue;
        found = i;
        count++;
    }
    if (count == 1)
        return found;
    if (count > 1)
        (void)berthi_fail(diag, BERTH_E_ABSENT, "`%.64s` has several versions: name one", name);
    else
        (void)berthi_fail(diag, BERTH_E_ABSENT, "no interface `%.64s` was declared%s", name,
                          berthi_wit_guess_hint(&guess).text);
    return NULL;
}

/* ---------------------------------------------------------------- hosts */

berth_status berth_host_create(const berth_allocator *allocator, berth_host **host_out,
                               berth_diag *diag)
{
    const berth_allocator *a = allocator == NULL ? &berthi_allocator_libc : allocator;
    berth_host *host;
    int code;

    BERTHI_REQUIRE(host_out != NULL, diag);
    host = berthi_zalloc(a, sizeof *host);
    if (host == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "out of memory for a host");
    host->allocator = *a;
    host->tail = &host->interfaces;
    code = berthi_lock_init(&host->lock, BERTHI_RANK_HOST);
    if (code != 0) {
        berthi_free(a, host, sizeof *host);
        return berthi_fail_os(diag, code, "the lock of a host");
    }
    *host_out = host;
    return BERTH_OK;
}

void berth_host_destroy(berth_host *host)
{
    if (host == NULL)
        return;
    for (berthi_host_text *next; host->texts != NULL; host->texts = next) {
        next = host->texts->next;
        destroy_text(&host->allocator, host->texts);
    }
    for (berthi_host_attached *next, *at = host->attached; at != NULL; at = next) {
        next = at->next;
        at->end(&host->allocator, at->object);
        berthi_free(&host->allocator, at, sizeof *at);
    }
    berthi_lock_fini(&host->lock);
    berthi_free(&host->allocator, host, sizeof *host);
}

static berthi_host_attached *find_attached(const berth_host *host, const char *what)
{
    berthi_host_attached *at = host->attached;

    while (at != NULL && strcmp(at->what, what) != 0)
        at = at->next;
    return at;
}

berth_status berthi_host_attach(berth_host *host, const char *what, void *object,
                                void (*end)(const berth_allocator *a, void *object),
                                berth_diag *diag)
{
    berthi_host_attached *at = berthi_alloc(&host->allocator, sizeof *at);
    bool is_free;

    if (at == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "what a host offers");
    berthi_lock_take(&host->lock);
    is_free = find_attached(host, what) == NULL;
    if (is_free) {
        *at = (berthi_host_attached){ what, object, end, host->attached };
        host->attached = at;
    }
    berthi_lock_drop(&host->lock);
    if (is_free)
        return BERTH_OK;
    berthi_free(&host->allocator, at, sizeof *at);
    return berthi_fail(diag, BERTH_E_STATE, "this host offers it already");
}

void *berthi_host_attached_of(berth_host *host, const char *what)
{
    const berthi_host_attached *at;

    if (host == NULL)
        return NULL;
    berthi_lock_take(&host->lock);
    at = find_attached(host, what);
    berthi_lock_drop(&host->lock);
    return at == NULL ? NULL : at->object;
}

/* An interface that is there already, though the text is about it and not only refers to it. */
static const char *find_double(const berth_host *host, const berthi_host_text *t)
{
    for (const berthi_host_interface *i = t->first; i != NULL; i = i->next)
        if (i->name != NULL && (i->wit->id == NULL || i->wit->package == t->model->root) &&
            find_exactly(host, i->name, strlen(i->name)) != NULL)
            return i->name;
    return NULL;
}

static void append_text(berth_host *host, berthi_host_text *t)
{
    for (berthi_host_interface *next, *i = t->first; i != NULL; i = next) {
        next = i->next;
        i->next = NULL;
        if (i->name != NULL && find_exactly(host, i->name, strlen(i->name)) != NULL)
            continue;
        *host->tail = i;
        host->tail = &i->next;
    }
    t->next = host->texts;
    host->texts = t;
}

berth_status berth_host_declare(berth_host *host, const char *wit, size_t size,
                                berth_diag *diag)
{
    berthi_host_text *t = NULL;
    const char *there;
    berth_status status;

    BERTHI_REQUIRE(host != NULL && wit != NULL, diag);
    status = make_text(&host->allocator, wit, size, &t, diag);
    if (status != BERTH_OK)
        return status;
    berthi_lock_take(&host->lock);
    there = find_double(host, t);
    if (there == NULL)
        append_text(host, t);
    else
        status = berthi_fail(diag, BERTH_E_STATE, "`%s` was declared before", there);
    berthi_lock_drop(&host->lock);
    if (status != BERTH_OK)
        destroy_text(&host->allocator, t);
    return status;
}

/* ---------------------------------------------------------------- binding */

/* The next interface in which to look: all of the worlds themselves when `name` is NULL. */
static berthi_host_interface *next_world(berthi_host_interface *i)
{
    while (i != NULL && i->name != NULL)
        i = i->next;
    return i;
}

static berthi_host_func *find_func(berthi_host_interface *i, const char *name, wit_guess *guess)
{
    for (uint32_t k = 0; k < i->funcs_count; k++) {
        if (strcmp(i->funcs[k].wit->name, name) == 0)
            return &i->funcs[k];
        berthi_wit_guess_offer(guess, i->funcs[k].wit->name);
    }
    return NULL;
}

static berth_host_resource *find_resource(berthi_host_interface *i, const char *name,
                                          wit_guess *guess)
{
    for (uint32_t k = 0; k < i->resources_count; k++) {
        if (strcmp(i->resources[k].type.name, name) == 0)
            return &i->resources[k];
        berthi_wit_guess_offer(guess, i->resources[k].type.name);
    }
    return NULL;
}

static berth_status find_item(const berth_host *host, const char *interface, const char *name,
                              berthi_host_func **func_out, berth_host_resource **resource_out,
                              berth_diag *diag)
{
    wit_guess guess = berthi_wit_guess_start(name);
    berthi_host_interface *i = interface == NULL ? next_world(host->interfaces)
                                                 : find_for_binding(host, interface, diag);

    if (i == NULL && interface != NULL)
        return BERTH_E_ABSENT;
    for (; i != NULL; i = interface == NULL ? next_world(i->next) : NULL) {
        if (func_out != NULL)
            *func_out = find_func(i, name, &guess);
        else
            *resource_out = find_resource(i, name, &guess);
        if ((func_out != NULL ? (void *)*func_out : (void *)*resource_out) != NULL)
            return BERTH_OK;
    }
    return berthi_fail(diag, BERTH_E_ABSENT, "%s has no %s `%.64s`%s",
                       interface == NULL ? "no world that was declared" : interface,
                       func_out != NULL ? "function" : "resource", name,
                       berthi_wit_guess_hint(&guess).text);
}

static berth_status bind_func(berth_host *host, const char *interface, const char *function,
                              const size_t sizes[static 2], berth_host_function call, void *ctx,
                              berth_diag *diag)
{
    berthi_host_func *func = NULL;
    berth_status status = find_item(host, interface, function, &func, NULL, diag);

    if (status != BERTH_OK)
        return status;
    if (func->call != NULL)
        return berthi_fail(diag, BERTH_E_STATE, "`%s` is bound already", function);
    if (func->args_size != sizes[0] || func->result_size != sizes[1])
        return berthi_fail(diag, BERTH_E_INVALID,
                           "%s is %.160s: its arguments have %llu bytes and its result %llu, "
                           "not %zu and %zu",
                           function, berthi_cm_type_show(func->type).text,
                           (unsigned long long)func->args_size,
                           (unsigned long long)func->result_size, sizes[0], sizes[1]);
    func->ctx = ctx;
    func->call = call;
    return BERTH_OK;
}

berth_status berth_host_bind(berth_host *host, const char *interface, const char *function,
                             size_t args_size, size_t result_size, berth_host_function call,
                             void *ctx, berth_diag *diag)
{
    const size_t sizes[] = { args_size, result_size };
    berth_status status;

    BERTHI_REQUIRE(host != NULL && function != NULL && call != NULL, diag);
    berthi_lock_take(&host->lock);
    status = bind_func(host, interface, function, sizes, call, ctx, diag);
    berthi_lock_drop(&host->lock);
    return status;
}

berth_status berth_host_bind_resource(berth_host *host, const char *interface,
                                      const char *resource, void (*destroy)(void *object),
                                      const berth_host_resource **resource_out,
                                      berth_diag *diag)
{
    berth_host_resource *found = NULL;
    berth_status status;

    BERTHI_REQUIRE(host != NULL && resource != NULL && resource_out != NULL, diag);
    berthi_lock_take(&host->lock);
    status = find_item(host, interface, resource, NULL, &found, diag);
    if (status == BERTH_OK && found->is_bound)
        status = berthi_fail(diag, BERTH_E_STATE, "`%s` is bound already", resource);
    if (status == BERTH_OK) {
        found->type.destroy = destroy;
        found->is_bound = true;
        *resource_out = found;
    }
    berthi_lock_drop(&host->lock);
    return status;
}
