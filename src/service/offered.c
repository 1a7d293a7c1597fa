/* offered.c - functions that a host offers to core modules.  Layer: service. */
#include "service/offered.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <berth/core_host.h>

#include "base/diag.h"
#include "component/run/host.h"

typedef struct offered {
    berthi_host_import row; /* what a module is bound to; its function is enter() */
    const char *module;
    berth_core_function call;
    void *ctx;
    uint32_t params_count;
    bool has_result;
    struct offered *next;
    size_t size; /* of all this */
    char text[]; /* module, name, type */
} offered;

typedef struct offers {
    offered *first; /* guarded by the host's lock; each, once there, for good */
} offers;

struct berth_core_call {
    berthi_guest *guest;
    berth_diag *diag; /* its status is BERTH_OK until the function says why it fails */
};

/* ---------------------------------------------------------------- calls */

static void put_cell(berthi_val *to, char letter, const berth_core_cell *from)
{
    *to = (berthi_val){ .words = { 0, 0 } };
    if (letter == 'i' || letter == 'f')
        memcpy(to, from, 4);
    else
        memcpy(to, from, 8);
}

/* The guest stopped in the middle, so it must not pass for one that has answered (I6). */
static berth_status ending(berth_status status)
{
    return status == BERTH_E_PLUGIN ? BERTH_E_TRAP : status;
}

static berth_status fail(const offered *o, const berth_core_call *call, berth_status status)
{
    if (call->diag == NULL || call->diag->status != (int32_t)status)
        return berthi_fail_because(call->diag, status, BERTH_REASON_HOST,
                                   "`%s` `%s` of the host failed", o->module, o->row.name);
    return berthi_diag_prefix(call->diag, status, "`%s` `%s`", o->module, o->row.name);
}

static berth_status enter(void *ctx, berthi_wasm_store *store, berthi_val *cells,
                          berth_diag *diag)
{
    const offered *o = ctx; /* its row is its beginning */
    berth_core_cell own[BERTH_CORE_PARAMETERS_MAX] = { { .i64 = 0 } };
    berth_core_call call = { .guest = berthi_guest_of(store), .diag = diag };
    berth_status status;

    for (uint32_t i = 0; i < o->params_count; i++)
        memcpy(&own[i], &cells[i], sizeof own[i]);
    status = o->call(o->ctx, own, &call);
    if (status != BERTH_OK)
        return fail(o, &call, ending(status));
    if (o->has_result)
        put_cell(&cells[0], o->row.type[o->params_count + 1], &own[0]);
    return BERTH_OK;
}

berth_status berth_core_fail(berth_core_call *call, berth_status status, const char *format,
                             ...)
{
    char text[sizeof call->diag->text];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return berthi_fail_because(call->diag, ending(status), BERTH_REASON_HOST, "%s", text);
}

void *berth_core_memory(const berth_core_call *call, uint32_t at, size_t size)
{
    return berthi_guest_span(call->guest, at, size);
}

void *berth_core_block(const berth_core_call *call, uint64_t at, size_t *size_out)
{
    const berthi_guest_blocks *blocks = call->guest->blocks;

    return blocks == NULL ? NULL : blocks->find(call->guest, at, size_out);
}

berth_status berth_core_block_make(berth_core_call *call, const void *data, size_t size,
                                   uint64_t *at_out)
{
    const berthi_guest_blocks *blocks = call->guest->blocks;

    if (blocks == NULL)
        return berthi_fail(call->diag, BERTH_E_STATE, "the plugin shares no blocks");
    return blocks->make(call->guest, data, size, at_out, call->diag);
}

void *berth_core_context(const berth_core_call *call)
{
    return call->guest->host_ctx;
}

const char *berth_core_plugin(const berth_core_call *call)
{
    return call->guest->services->owner.plugin;
}

/* ---------------------------------------------------------------- what is offered */

static bool is_type(const char *type, size_t *params_out)
{
    size_t params = strspn(type, "iIfF");
    size_t results = type[params] == ':' ? strspn(type + params + 1, "iIfF") : 2;

    *params_out = params;
    return params <= BERTH_CORE_PARAMETERS_MAX && results <= 1 &&
           type[params + 1 + results] == '\0';
}

static void end_offers(const berth_allocator *a, void *object)
{
    offers *all = object;

    for (offered *next, *o = all->first; o != NULL; o = next) {
        next = o->next;
        berthi_free(a, o, o->size);
    }
    berthi_free(a, all, sizeof *all);
}

/* The host's list; made with its first function.  Somebody else may make it meanwhile. */
static berth_status open_offers(berth_host *host, offers **offers_out, berth_diag *diag)
{
    offers *made;
    berth_status status;

    *offers_out = berthi_host_attached_of(host, BERTHI_HOST_CORE);
    if (*offers_out != NULL)
        return BERTH_OK;
    made = berthi_zalloc(&host->allocator, sizeof *made);
    if (made == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "what a host offers");
    status = berthi_host_attach(host, BERTHI_HOST_CORE, made, end_offers, diag);
    if (status != BERTH_OK)
        berthi_free(&host->allocator, made, sizeof *made);
    *offers_out = berthi_host_attached_of(host, BERTHI_HOST_CORE);
    return *offers_out != NULL ? BERTH_OK : status;
}

static offered *find(const offers *all, berthi_name module, berthi_name name)
{
    offered *o = all->first;

    while (o != NULL &&
           !(berthi_name_is(module, o->module) && berthi_name_is(name, o->row.name)))
        o = o->next;
    return o;
}

static offered *make(const berth_allocator *a, const char *module, const char *name,
                     const char *type)
{
    size_t module_size = strlen(module) + 1, name_size = strlen(name) + 1;
    size_t size = sizeof(offered) + module_size + name_size + strlen(type) + 1;
    offered *o = berthi_zalloc(a, size);

    if (o == NULL)
        return NULL;
    o->size = size;
    o->module = memcpy(o->text, module, module_size);
    o->row = (berthi_host_import){ .name = memcpy(o->text + module_size, name, name_size),
                                   .type = memcpy(o->text + module_size + name_size, type,
                                                  strlen(type) + 1),
                                   .function = enter };
    return o;
}

berth_status berth_host_offer_core(berth_host *host, const char *module, const char *name,
                                   const char *type, berth_core_function function, void *ctx,
                                   berth_diag *diag)
{
    offers *all;
    offered *o;
    berth_status status;
    size_t params;
    bool is_free;

    BERTHI_REQUIRE(host != NULL && module != NULL && name != NULL && type != NULL &&
                       function != NULL,
                   diag);
    if (!is_type(type, &params))
        return berthi_fail(diag, BERTH_E_INVALID,
                           "`%.40s` is no type: letters of iIfF for at most %d parameters, a "
                           "colon, and one for the result",
                           type, BERTH_CORE_PARAMETERS_MAX);
    status = open_offers(host, &all, diag);
    if (status != BERTH_OK)
        return status;
    o = make(&host->allocator, module, name, type);
    if (o == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "what a host offers");
    o->call = function;
    o->ctx = ctx;
    o->params_count = (uint32_t)params;
    o->has_result = type[params + 1] != '\0';
    berthi_lock_take(&host->lock);
    is_free = find(all, berthi_name_of(module), berthi_name_of(name)) == NULL;
    if (is_free) {
        o->next = all->first;
        all->first = o;
    }
    berthi_lock_drop(&host->lock);
    if (is_free)
        return BERTH_OK;
    berthi_free(&host->allocator, o, o->size);
    return berthi_fail(diag, BERTH_E_STATE, "`%.64s` `%.64s` is offered already", module, name);
}

const berthi_host_import *berthi_offered_find(berth_host *host, berthi_name module,
                                              berthi_name name)
{
    const offers *all = berthi_host_attached_of(host, BERTHI_HOST_CORE);
    const offered *o;

    if (all == NULL)
        return NULL;
    berthi_lock_take(&host->lock);
    o = find(all, module, name);
    berthi_lock_drop(&host->lock);
    return o == NULL ? NULL : &o->row;
}
