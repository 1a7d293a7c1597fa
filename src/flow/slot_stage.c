/* slot_stage.c - a hook of the plugin in a slot as a stage.  Layer: flow.
 *
 * A record is one call, so a version is swapped between two records by the slot's own rules; nothing of that is known
 * here.  Copies: the input into the guest, the reply into an arena, and what is emitted from there into a buffer. */
#include "flow/flow.h"

#include "base/diag.h"
#include "base/utf8.h"
#include "registry/session.h"

typedef struct slot_stage {
    berth_slot *slot; /* lent */
    berth_call call;
    uint32_t role;
    uint64_t failed; /* the version that failed last; 0: none was entered */
} slot_stage;

/* The names of ports in a reply, one emission each. */
static berth_status route(berth_stage *stage, const berth_record *record,
                          const berth_reply *reply, berth_diag *diag)
{
    const char *text = reply->data;
    size_t at = 0;

    while (at < reply->size) {
        size_t end = at;
        uint32_t port = 0;

        while (end < reply->size && text[end] != ' ' && text[end] != '\n')
            end++;
        while (end != at && port < stage->ports_count &&
               (port == stage->dead_port || strlen(stage->ports[port].name) != end - at ||
                memcmp(stage->ports[port].name, text + at, end - at) != 0))
            port++;
        if (port == stage->ports_count) {
            char shown[4 * 64 + 8];

            return berthi_fail(diag, BERTH_E_ABI,
                               "it routed to a port '%s', which there is not",
                               berthi_utf8_show(shown, sizeof shown, text + at,
                                                end - at > 64 ? 64 : end - at));
        }
        if (end != at) {
            berth_status status = berth_stage_pass(stage, port, record);

            if (status != BERTH_OK)
                return status;
        }
        at = end + 1;
    }
    return BERTH_OK;
}

static berth_status process(void *self, berth_stage *stage, const berth_record *record,
                            berth_diag *diag)
{
    slot_stage *s = self;
    berth_reply reply = { .version = 0 };
    berth_status status;

    berth_arena_reset(s->call.arena);
    s->call.input = record->data;
    s->call.input_size = record->size;
    berthi_count(&stage->counts.copies_in, 1);
    berthi_count(&stage->counts.copied_in_bytes, record->size);
    status = berth_slot_call(s->slot, &s->call, &reply, diag);
    if (status != BERTH_OK) {
        s->failed = reply.version;
        return status;
    }
    if (reply.is_dropped || s->role == BERTH_ROLE_SINK)
        return BERTH_OK;
    berthi_count(&stage->counts.copies_out, 1);
    berthi_count(&stage->counts.copied_out_bytes, reply.size);
    if (s->role == BERTH_ROLE_FILTER)
        return berth_stage_pass(stage, 0, record);
    if (s->role == BERTH_ROLE_ROUTER)
        return route(stage, record, &reply, diag);
    return berth_stage_emit(stage, 0, reply.data, reply.size);
}

static void roll_back(void *self, berth_stage *stage)
{
    slot_stage *s = self;

    (void)stage;
    /* There may be nothing to go back to, or another version by now: then the circuit is a pause and no more. */
    (void)!(s->failed != 0 ? berthi_slot_leave(s->slot, s->failed)
                           : berth_slot_rollback(s->slot, NULL, NULL));
}

static const berth_stage_ops slot_ops = {
    sizeof(berth_stage_ops), 0, NULL, NULL, process, NULL, NULL, NULL, roll_back, NULL
};

static void release(const berth_allocator *a, void *self)
{
    slot_stage *s = self;

    berth_arena_destroy(s->call.arena);
    berthi_free(a, s, sizeof *s);
}

berth_status berth_flow_add_slot(berth_flow *flow, const berth_stage_options *options,
                                 berth_slot *slot, const char *hook, uint32_t *stage_out,
                                 berth_diag *diag)
{
    const berth_allocator *a = &flow->flows->allocator;
    berth_stage_options o;
    slot_stage *s;
    uint32_t stage;
    berth_status status =
        berthi_options_copy(&o, sizeof o, options, "berth_stage_options", diag);

    if (status != BERTH_OK)
        return status;
    BERTHI_REQUIRE(o.ops == NULL && o.self == NULL, diag);
    if (hook == NULL)
        return berthi_guest_add(flow, &o, slot, stage_out, diag);
    if (o.role == BERTH_ROLE_SOURCE || o.role == BERTH_ROLE_AGGREGATOR)
        return berthi_fail(diag, BERTH_E_INVALID,
                           "a hook can be neither a source nor an aggregator");
    s = berthi_zalloc(a, sizeof *s);
    if (s == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "a stage");
    s->slot = slot;
    s->role = o.role;
    s->call = (berth_call)BERTH_CALL_INIT;
    o.ops = &slot_ops;
    o.self = s;
    status = berth_slot_hook(slot, hook, &s->call.hook, diag);
    if (status == BERTH_OK)
        status = berth_arena_create(a, 0, &s->call.arena, diag);
    if (status == BERTH_OK)
        status = berth_flow_add(flow, &o, &stage, diag);
    if (status != BERTH_OK) {
        release(a, s);
        return status;
    }
    flow->stages[stage]->release = release;
    if (stage_out != NULL)
        *stage_out = stage;
    return BERTH_OK;
}
