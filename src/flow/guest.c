/* guest.c - plugins as stages: instances, and which version is called.  Layer: flow.
 *
 * Before each call the instance is looked at: when the slot has another version by now, or a call has broken it, another one
 * takes its place.  Then nobody is inside and no record is on its way, so the state that is handed on is that behind the one
 * record and in front of the next.  A version that cannot take over is not tried again, and the slot goes back. */
#include "flow/guest.h"

#include "base/diag.h"
#include "base/utf8.h"
#include "component/run/host.h"

typedef struct bytes {
    const uint8_t *data;
    size_t size;
} bytes;

/* ---------------------------------------------------------------- calls */

static berth_status call_in(berthi_guest *g, berth_session *session, berthi_guest_func func,
                            const void *args, void *result, berth_diag *diag)
{
    berth_call call = BERTH_CALL_INIT;
    berth_status status = berthi_guest_number(g, func, diag);

    if (status != BERTH_OK)
        return status;
    call.hook = g->numbers[func];
    call.arena = g->arena;
    return berth_session_invoke(session, args, result, &call, diag);
}

berth_status berthi_guest_call(berthi_guest *g, berthi_guest_func func, const void *args,
                               void *result, berth_diag *diag)
{
    berth_status status;

    berth_arena_reset(g->arena);
    status = call_in(g, g->live.session, func, args, result, diag);
    if (status != BERTH_OK)
        g->is_broken = true;
    return status;
}

berth_status berthi_guest_call_and_look(berthi_guest *g, berthi_guest_func func,
                                        const void *args, void *result,
                                        berth_status (*look)(void *ctx, const void *result,
                                                             berth_diag *diag),
                                        void *ctx, berth_diag *diag)
{
    berth_call call = BERTH_CALL_INIT;
    berth_status status = berthi_guest_number(g, func, diag);

    if (status != BERTH_OK)
        return status;
    berth_arena_reset(g->arena);
    call.hook = g->numbers[func];
    call.arena = g->arena;
    status =
        berthi_session_invoke_and_look(g->live.session, args, result, &call, look, ctx, diag);
    if (status != BERTH_OK)
        g->is_broken = true;
    return status;
}

/* ---------------------------------------------------------------- instances */

/* Ends the instance that is called now.  A dead one is asked nothing. */
static void close_live(berthi_guest *g)
{
    if (g->live.session == NULL)
        return;
    if (g->live.has_init && !berthi_session_is_dead(g->live.session))
        g->live.contract->teardown(g);
    berth_session_close(g->live.session);
    g->live = (berthi_guest_live){ .session = NULL };
    g->is_broken = false;
}

static berth_status give_objects(berthi_guest *g, berth_diag *diag)
{
    if (!g->live.contract->has_objects)
        return BERTH_OK;
    if (g->imports == NULL)
        return berthi_fail(diag, BERTH_E_STATE,
                           "the slot's host offers no buffers; see berth_flow_offer()");
    if (!berthi_session_has_objects(g->live.session))
        return berthi_fail(diag, BERTH_E_ABSENT, "it does not import torvyn:streaming/types");
    berthi_session_own(g->live.session, g);
    return berthi_session_give(g->live.session, g->imports->types_flow_context.kind, g,
                               &g->live.context, diag);
}

/* An instance of the slot's version, not initialised.  Into g->live, which is empty. */
static berth_status open_live(berthi_guest *g, berth_diag *diag)
{
    berth_status status = berth_session_open(g->slot, &g->live.session, diag);

    if (status != BERTH_OK)
        return status;
    status =
        berthi_guest_choose(g->live.session, g->role, g->interface, &g->live.contract, diag);
    if (status == BERTH_OK)
        status = give_objects(g, diag);
    if (status != BERTH_OK)
        close_live(g);
    return status;
}

static berth_status open_and_init(berthi_guest *g, berth_diag *diag)
{
    berth_status status = open_live(g, diag);

    if (status == BERTH_OK)
        status = g->live.contract->init(g, diag);
    if (status != BERTH_OK)
        close_live(g);
    return status;
}

/* ---------------------------------------------------------------- swaps */

/* What the old instance leaves to the new one, both of which are open. */
static berth_status hand_on(berthi_guest *g, berth_session *from, berth_session *to,
                            berth_diag *diag)
{
    struct {
        bytes saved;
        uint64_t version;
    } args = { .version = berth_session_version(from) };
    struct {
        uint8_t is_error;
        bytes error;
    } result = { 0 };
    char shown[sizeof diag->text];
    berth_status status;

    berth_arena_reset(g->arena);
    status = call_in(g, from, BERTHI_GUEST_SAVE, NULL, &args.saved, diag);
    if (status == BERTH_OK)
        status = call_in(g, to, BERTHI_GUEST_RESTORE, &args, &result, diag);
    if (status == BERTH_OK && result.is_error)
        status =
            berthi_fail(diag, BERTH_E_PLUGIN, "it does not take the state of version %llu: %s",
                        (unsigned long long)args.version,
                        berthi_utf8_show(shown, sizeof shown, (const char *)result.error.data,
                                         result.error.size));
    return status;
}

/* What it held back is emitted and written, when nothing hands it on. */
static berth_status finish(berthi_guest *g, const berthi_guest_live *old, berth_diag *diag)
{
    berthi_guest_live next = g->live;
    berth_status status = BERTH_OK;

    g->live = *old;
    if (old->contract->complete != NULL)
        status = old->contract->complete(g, diag);
    g->live = next;
    return status;
}

/* The new one is in g->live. */
static berth_status take_over(berthi_guest *g, const berthi_guest_live *old, berth_diag *diag)
{
    bool gives = false, takes = false;
    berth_status status = berthi_guest_has(old->session, BERTHI_GUEST_SAVE, &gives, diag);

    if (status == BERTH_OK && gives)
        status = berthi_guest_has(g->live.session, BERTHI_GUEST_RESTORE, &takes, diag);
    if (status != BERTH_OK)
        return status;
    if (!gives)
        return finish(g, old, diag);
    if (!takes)
        return berthi_fail(diag, BERTH_E_REJECTED,
                           "the stage keeps state, and it exports no berth:plugin/state");
    return hand_on(g, old->session, g->live.session, diag);
}

/* The version that was tried does not become this stage's; nor, when it is the slot's still, anybody's.  One that was
 * installed meanwhile stays.  Takes the lease. */
static void refuse(berthi_guest *g, berth_lease *tried)
{
    berthi_count(&g->stage->counts.swaps_refused, 1);
    if (berthi_slot_leave(g->slot, berth_lease_version(tried)) == BERTH_OK)
        berth_lease_return(tried);
    else
        g->seen = *tried; /* there is nothing to go back to: it is not tried again */
}

/* Another version of the slot takes over, or the one that is called now goes on.  Takes the lease of the other. */
static berth_status swap(berthi_guest *g, berth_lease *next, berth_diag *diag)
{
    berthi_guest_live old = g->live, live;
    berth_status status;

    g->live = (berthi_guest_live){ .session = NULL };
    status = open_and_init(g, diag);
    if (status == BERTH_OK) {
        status = take_over(g, &old, diag);
        if (g->must_leave)
            status = BERTH_OK; /* what it had is lost with it */
    }
    if (status != BERTH_OK && g->stage->call_status != BERTH_OK) {
        /* The flow has no room for what the old one held, and that is not asked for twice. */
        g->stage->verdict = BERTHI_VERDICT_FATAL;
        close_live(g);
        g->live = old;
        berth_lease_return(next);
        return status;
    }
    if (status != BERTH_OK && !berthi_session_is_dead(old.session)) {
        close_live(g);
        g->live = old;
        refuse(g, next);
        return BERTH_OK;
    }
    live = g->live;
    g->live = old;
    close_live(g);
    g->live = live;
    berth_lease_return(next);
    g->must_leave = false;
    if (status == BERTH_OK)
        berthi_count(&g->stage->counts.swaps, 1);
    else
        close_live(g); /* neither is there: the next call begins anew */
    return status;
}

/* The slot has another version than the one that was looked at last. */
static berth_status look(berthi_guest *g, berth_diag *diag)
{
    berth_lease next = BERTH_LEASE_NONE;

    berth_lease_return(&g->seen);
    if (berth_slot_lease(g->slot, &next) != BERTH_OK)
        return BERTH_OK; /* evicted: who is in it stays */
    if (!berthi_session_has_content(g->live.session, &next))
        return swap(g, &next, diag);
    g->seen = next; /* gone back to what is called here anyway */
    g->must_leave = false;
    return BERTH_OK;
}

static bool must_look(const berthi_guest *g)
{
    return !berthi_session_is_current(g->live.session) &&
           !(g->seen.version != NULL && berthi_lease_is_current(&g->seen));
}

static bool is_due(const void *self)
{
    const berthi_guest *g = self;

    return g->is_broken || g->live.session == NULL || must_look(g);
}

static berth_status prepare(void *self, berth_stage *stage, berth_diag *diag)
{
    berthi_guest *g = self;
    berth_status status = BERTH_OK;

    (void)stage;
    if (g->is_broken && berthi_session_is_dead(g->live.session))
        close_live(g);
    if (g->live.session == NULL) {
        g->must_leave = false; /* it was left: what follows the next one has a state to take */
        status = open_and_init(g, diag);
    } else if (must_look(g)) {
        status = look(g, diag);
    }
    g->is_broken = false;
    return status;
}

/* ---------------------------------------------------------------- the stage */

static berth_status init(void *self, berth_stage *stage, berth_diag *diag)
{
    berthi_guest *g = self;

    g->stage = stage;
    return open_and_init(g, diag);
}

static berth_status pull(void *self, berth_stage *stage, berth_diag *diag)
{
    berthi_guest *g = self;

    (void)stage;
    if (g->told.status != BERTH_OK) {
        berth_status status = (berth_status)g->told.status;

        *diag = g->told;
        g->told.status = BERTH_OK;
        return status;
    }
    return g->live.contract->pull(g, diag);
}

static berth_status process(void *self, berth_stage *stage, const berth_record *record,
                            berth_diag *diag)
{
    berthi_guest *g = self;

    (void)stage;
    return g->live.contract->process(g, record, diag);
}

static bool takes_batches(const void *self)
{
    const berthi_guest *g = self;

    return g->live.session != NULL && g->live.contract->batch != NULL;
}

static berth_status process_batch(void *self, berth_stage *stage, const berth_record *records,
                                  uint32_t count, berthi_batch_done *done_out, berth_diag *diag)
{
    berthi_guest *g = self;

    (void)stage;
    return g->live.contract->batch(g, records, count, done_out, diag);
}

static berth_status complete(void *self, berth_stage *stage, berth_diag *diag)
{
    berthi_guest *g = self;

    (void)stage;
    return g->live.session != NULL && g->live.contract->complete != NULL
               ? g->live.contract->complete(g, diag)
               : BERTH_OK;
}

static void tell(void *self, berth_stage *stage, uint32_t word)
{
    berthi_guest *g = self;

    (void)stage;
    if (g->live.session == NULL || g->is_broken || g->live.contract->signal == NULL)
        return;
    if (g->live.contract->signal(g, word == BERTH_SIGNAL_PAUSE, &g->told) == BERTH_OK)
        g->told.status = BERTH_OK;
}

static void roll_back(void *self, berth_stage *stage)
{
    berthi_guest *g = self;

    (void)stage;
    /* There may be nothing to go back to: then the circuit is a pause and no more.  Of a version that is there by now
     * nobody knows that it fails: it takes over. */
    g->must_leave =
        g->live.session == NULL
            ? berth_slot_rollback(g->slot, NULL, NULL) == BERTH_OK
            : must_look(g) || berthi_slot_leave(
                                  g->slot, berth_session_version(g->live.session)) == BERTH_OK;
}

static void teardown(void *self, berth_stage *stage)
{
    berthi_guest *g = self;

    (void)stage;
    close_live(g);
    berth_lease_return(&g->seen);
}

static const berth_stage_ops guest_ops = { .size = sizeof(berth_stage_ops),
                                           .init = init,
                                           .pull = pull,
                                           .process = process,
                                           .complete = complete,
                                           .signal = tell,
                                           .roll_back = roll_back,
                                           .teardown = teardown };

static const berthi_stage_more guest_more = { is_due, prepare, takes_batches, process_batch };

/* ---------------------------------------------------------------- adding one */

static void release(const berth_allocator *a, void *self)
{
    berthi_guest *g = self;

    assert(g->live.session == NULL);
    berthi_guest_free_buffers(g);
    if (g->scratch != NULL)
        berthi_free(a, g->scratch, g->scratch_room);
    berth_arena_destroy(g->arena);
    if (g->config != NULL)
        berthi_free(a, g->config, strlen(g->config) + 1);
    berthi_free(a, g, sizeof *g);
}

berth_status berthi_guest_add(berth_flow *flow, const berth_stage_options *options,
                              berth_slot *slot, uint32_t *stage_out, berth_diag *diag)
{
    const berth_allocator *a = &flow->flows->allocator;
    const char *config = options->config == NULL ? "" : options->config;
    berth_stage_options o = *options;
    uint32_t stage;
    berth_status status;
    berthi_guest *g = berthi_zalloc(a, sizeof *g);

    if (g == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "a stage");
    g->flow = flow;
    g->slot = slot;
    g->role = o.role;
    g->imports = berthi_slot_attached(slot, BERTHI_HOST_FLOW);
    o.ops = &guest_ops;
    o.self = g;
    g->config = berthi_strndup(a, config, strlen(config));
    status = g->config == NULL ? berthi_fail(diag, BERTH_E_NOMEM, "a stage")
                               : berth_arena_create(a, 0, &g->arena, diag);
    if (status == BERTH_OK)
        status = berth_flow_add(flow, &o, &stage, diag);
    if (status != BERTH_OK) {
        release(a, g);
        return status;
    }
    flow->stages[stage]->release = release;
    flow->stages[stage]->more = &guest_more;
    if (stage_out != NULL)
        *stage_out = stage;
    return BERTH_OK;
}

void berthi_guest_set_interface(berth_flow *flow, uint32_t stage, const char *interface)
{
    berthi_guest *g = flow->stages[stage]->options.self;

    assert(flow->stages[stage]->more == &guest_more);
    g->interface = interface;
}
