/* torvyn_host.c - what stages import: payloads as resources, and the flow.  Layer: flow.
 *
 * A component holds berthi_guest_buffers: borrowed ones are lent for one call and have no reference of their own, its own
 * ones have one.  Everything is charged to the stage whose instance calls.  A component that is no stage finds no
 * allocator. */
#include "flow/guest.h"

#include <stdio.h>

#include "base/diag.h"
#include "component/run/host_call.h"

typedef berthi_torvyn_host_types_buffer buffer;
typedef berthi_torvyn_host_types_mutable_buffer mutable_buffer;
typedef berthi_torvyn_host_types_flow_context flow_context;
typedef berthi_torvyn_types_buffer_error buffer_error;

/* The tables' names for what they hand through. */
struct berthi_torvyn_host_types_buffer {
    berthi_guest_buffer b;
};
struct berthi_torvyn_host_types_mutable_buffer {
    berthi_guest_buffer b;
};
struct berthi_torvyn_host_types_flow_context {
    berthi_guest guest;
};

/* ---------------------------------------------------------------- objects */

static berthi_guest_buffer *make(berthi_guest *g, berth_buffer *payload, uint32_t content_type)
{
    berthi_guest_buffer *b = g->free;

    if (b != NULL)
        g->free = b->next;
    else
        b = berthi_alloc(&g->flow->flows->allocator, sizeof *b);
    if (b != NULL)
        *b = (berthi_guest_buffer){ .guest = g,
                                    .buffer = payload,
                                    .content_type = content_type };
    return b;
}

static void recycle(berthi_guest_buffer *b)
{
    b->next = b->guest->free;
    b->guest->free = b;
}

/* In the stage's lane, since the instance is. */
static void destroy(void *object)
{
    berthi_guest_buffer *b = object;

    assert(b->guest->stage->worker != NULL);
    if (b->buffer != NULL && !b->is_lent)
        berthi_buffer_unref(&b->guest->stage->worker->cache, b->buffer);
    recycle(b);
}

berth_status berthi_guest_lend(berthi_guest *g, const berth_record *record,
                               uint64_t *handle_out, berth_diag *diag)
{
    berthi_guest_buffer *b = make(g, record->buffer, record->buffer->content_type);
    berth_status status;

    if (b == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "a payload's handle");
    b->is_lent = true;
    status = berthi_session_give(g->live.session, g->imports->types_buffer.kind, b, handle_out,
                                 diag);
    if (status != BERTH_OK)
        recycle(b);
    return status;
}

void berthi_guest_take_back(berthi_guest *g, uint64_t handle)
{
    berthi_guest_buffer *b =
        berthi_session_take(g->live.session, g->imports->types_buffer.kind, handle);

    assert(b != NULL && b->is_lent);
    if (b != NULL)
        recycle(b);
}

berth_buffer *berthi_guest_take(berthi_guest *g, uint64_t handle)
{
    berthi_guest_buffer *b =
        berthi_session_take(g->live.session, g->imports->types_buffer.kind, handle);
    berth_buffer *payload;

    if (b == NULL)
        return NULL;
    payload = b->buffer;
    payload->content_type = b->content_type;
    recycle(b);
    return payload;
}

void berthi_guest_free_buffers(berthi_guest *g)
{
    while (g->free != NULL) {
        berthi_guest_buffer *b = g->free;

        g->free = b->next;
        berthi_free(&g->flow->flows->allocator, b, sizeof *b);
    }
}

/* ---------------------------------------------------------------- buffer */

static berth_status buffer_size(void *ctx, buffer *self,
                                const berthi_torvyn_types_buffer_size_args *args,
                                uint64_t *result, berth_host_call *call)
{
    (void)ctx, (void)args, (void)call;
    *result = self->b.buffer->size;
    return BERTH_OK;
}

static berth_status content_type(void *ctx, buffer *self,
                                 const berthi_torvyn_types_buffer_content_type_args *args,
                                 berth_string *result, berth_host_call *call)
{
    (void)ctx, (void)args, (void)call;
    *result = berthi_content_type_text(self->b.guest->flow, self->b.content_type);
    return BERTH_OK;
}

/* Straight into the guest: the one copy. */
static berth_status give(const berthi_guest_buffer *b, uint64_t offset, uint64_t len,
                         berthi_torvyn_list_u8 *result, berth_host_call *call)
{
    berthi_stage_counts *counts = &b->guest->stage->counts;
    uint64_t size = b->buffer->size;
    void *room;

    if (offset >= size)
        return BERTH_OK;
    if (len > size - offset)
        len = size - offset;
    if (len == 0)
        return BERTH_OK;
    room = berth_host_reserve(call, (size_t)len);
    if (room == NULL)
        return BERTH_E_NOMEM;
    memcpy(room, (const char *)berthi_buffer_data(b->buffer) + offset, (size_t)len);
    berthi_count(&counts->copies_in, 1);
    berthi_count(&counts->copied_in_bytes, len);
    *result = (berthi_torvyn_list_u8){ room, (size_t)len };
    return BERTH_OK;
}

static berth_status buffer_read(void *ctx, buffer *self,
                                const berthi_torvyn_types_buffer_read_args *args,
                                berthi_torvyn_list_u8 *result, berth_host_call *call)
{
    (void)ctx;
    return give(&self->b, args->offset, args->len, result, call);
}

static berth_status read_all(void *ctx, buffer *self,
                             const berthi_torvyn_types_buffer_read_all_args *args,
                             berthi_torvyn_list_u8 *result, berth_host_call *call)
{
    (void)ctx, (void)args;
    return give(&self->b, 0, UINT64_MAX, result, call);
}

/* ---------------------------------------------------------------- mutable-buffer */

static berth_status was_frozen(berth_host_call *call)
{
    return berth_host_fail(call, BERTH_E_ABI, "the buffer was frozen, and is written no more");
}

static void put(berthi_guest_buffer *b, uint64_t offset, const void *data, size_t size)
{
    berthi_stage_counts *counts = &b->guest->stage->counts;
    uint32_t end = (uint32_t)(offset + size);
    char *to = berthi_buffer_open(b->buffer, end);

    if (size != 0)
        memcpy(to + offset, data, size);
    if (end > b->buffer->size)
        b->buffer->size = end;
    berthi_count(&counts->copies_out, 1);
    berthi_count(&counts->copied_out_bytes, size);
}

static berth_status buffer_write(void *ctx, mutable_buffer *self,
                                 const berthi_torvyn_types_mutable_buffer_write_args *args,
                                 berthi_torvyn_result_none_types_buffer_error *result,
                                 berth_host_call *call)
{
    const berth_buffer *payload = self->b.buffer;

    (void)ctx;
    if (payload == NULL)
        return was_frozen(call);
    if (args->offset > payload->capacity) {
        result->is_error = 1;
        result->as.error.tag = BERTHI_TORVYN_TYPES_BUFFER_ERROR_OUT_OF_BOUNDS;
    } else if (args->bytes.count > payload->capacity - args->offset) {
        result->is_error = 1;
        result->as.error.tag = BERTHI_TORVYN_TYPES_BUFFER_ERROR_CAPACITY_EXCEEDED;
    } else {
        put(&self->b, args->offset, args->bytes.data, args->bytes.count);
    }
    return BERTH_OK;
}

static berth_status append(void *ctx, mutable_buffer *self,
                           const berthi_torvyn_types_mutable_buffer_append_args *args,
                           berthi_torvyn_result_none_types_buffer_error *result,
                           berth_host_call *call)
{
    const berth_buffer *payload = self->b.buffer;

    (void)ctx;
    if (payload == NULL)
        return was_frozen(call);
    if (args->bytes.count > payload->capacity - payload->size) {
        result->is_error = 1;
        result->as.error.tag = BERTHI_TORVYN_TYPES_BUFFER_ERROR_CAPACITY_EXCEEDED;
    } else {
        put(&self->b, payload->size, args->bytes.data, args->bytes.count);
    }
    return BERTH_OK;
}

static berth_status mutable_size(void *ctx, mutable_buffer *self,
                                 const berthi_torvyn_types_mutable_buffer_size_args *args,
                                 uint64_t *result, berth_host_call *call)
{
    (void)ctx, (void)args;
    if (self->b.buffer == NULL)
        return was_frozen(call);
    *result = self->b.buffer->size;
    return BERTH_OK;
}

static berth_status capacity(void *ctx, mutable_buffer *self,
                             const berthi_torvyn_types_mutable_buffer_capacity_args *args,
                             uint64_t *result, berth_host_call *call)
{
    (void)ctx, (void)args;
    if (self->b.buffer == NULL)
        return was_frozen(call);
    *result = self->b.buffer->capacity;
    return BERTH_OK;
}

static berth_status set_content_type(
    void *ctx, mutable_buffer *self,
    const berthi_torvyn_types_mutable_buffer_set_content_type_args *args, void *result,
    berth_host_call *call)
{
    (void)ctx, (void)result;
    if (self->b.buffer == NULL)
        return was_frozen(call);
    return berthi_content_type_number(self->b.guest->flow, args->content_type.text,
                                      args->content_type.size, &self->b.content_type,
                                      berthi_host_call_diag(call));
}

/* The payload goes on to another object; this one stays, empty, until the guest drops it. */
static berth_status freeze(void *ctx, mutable_buffer *self,
                           const berthi_torvyn_types_mutable_buffer_freeze_args *args,
                           berthi_torvyn_types_buffer *result, berth_host_call *call)
{
    const berthi_torvyn_imports *imports = ctx;
    berthi_guest_buffer *b;
    berth_status status;

    (void)args, (void)imports;
    if (self->b.buffer == NULL)
        return was_frozen(call);
    b = make(self->b.guest, self->b.buffer, self->b.content_type);
    if (b == NULL)
        return berth_host_fail(call, BERTH_E_NOMEM, "no memory for a buffer");
    status = berth_host_object_add(call, self->b.guest->imports->types_buffer.kind, b,
                                   &result->handle);
    if (status != BERTH_OK) {
        recycle(b);
        return status;
    }
    self->b.buffer = NULL;
    return BERTH_OK;
}

/* ---------------------------------------------------------------- flow-context */

static const berth_string no_text = { "", 0 };

/* No element is traced: the contract's word for that is an empty one. */
static berth_status trace_id(void *ctx, flow_context *self,
                             const berthi_torvyn_types_flow_context_trace_id_args *args,
                             berth_string *result, berth_host_call *call)
{
    (void)ctx, (void)self, (void)args, (void)call;
    *result = no_text;
    return BERTH_OK;
}

static berth_status span_id(void *ctx, flow_context *self,
                            const berthi_torvyn_types_flow_context_span_id_args *args,
                            berth_string *result, berth_host_call *call)
{
    (void)ctx, (void)self, (void)args, (void)call;
    *result = no_text;
    return BERTH_OK;
}

/* 0 means none, so a deadline that is past leaves one nanosecond. */
static berth_status deadline_ns(void *ctx, flow_context *self,
                                const berthi_torvyn_types_flow_context_deadline_ns_args *args,
                                uint64_t *result, berth_host_call *call)
{
    const berth_record *record = self->guest.record;
    uint64_t now_ns = berthi_clock_ns();

    (void)ctx, (void)args, (void)call;
    if (record != NULL && record->deadline_ns != 0)
        *result = record->deadline_ns > now_ns ? record->deadline_ns - now_ns : 1;
    return BERTH_OK;
}

static berth_status flow_id(void *ctx, flow_context *self,
                            const berthi_torvyn_types_flow_context_flow_id_args *args,
                            berth_string *result, berth_host_call *call)
{
    (void)ctx, (void)args, (void)call;
    *result = (berth_string){ self->guest.flow->name, strlen(self->guest.flow->name) };
    return BERTH_OK;
}

/* ---------------------------------------------------------------- buffer-allocator */

typedef berthi_torvyn_result_types_mutable_buffer_types_buffer_error allocated;

static berth_status refuse(allocated *result, const char *why, size_t size,
                           berth_host_call *call)
{
    char *text = berth_host_room(call, size);

    if (text == NULL)
        return BERTH_E_NOMEM;
    memcpy(text, why, size);
    result->is_error = 1;
    result->as.error.tag = BERTHI_TORVYN_TYPES_BUFFER_ERROR_ALLOCATION_FAILED;
    result->as.error.as.allocation_failed = (berth_string){ text, size };
    return BERTH_OK;
}

static berth_status give_mutable(berthi_guest *g, uint64_t size,
                                 const berthi_guest_buffer *like, allocated *result,
                                 berth_host_call *call)
{
    berth_stage *stage = g->stage;
    berth_buffer *payload;
    berthi_guest_buffer *b;
    berth_diag diag = { 0 };
    berth_status status = berthi_buffer_take(&stage->worker->cache, size, &stage->budget,
                                             &stage->flow->budget, &payload, &diag);

    if (status != BERTH_OK)
        return refuse(result, diag.text, strlen(diag.text), call);
    b = make(g, payload, like == NULL ? 0 : like->content_type);
    if (b == NULL) {
        berthi_buffer_unref(&stage->worker->cache, payload);
        return berth_host_fail(call, BERTH_E_NOMEM, "no memory for a buffer");
    }
    if (like != NULL) {
        memcpy(berthi_buffer_open(payload, like->buffer->size),
               berthi_buffer_data(like->buffer), like->buffer->size);
        payload->size = like->buffer->size;
        berthi_count(&stage->counts.copies, 1);
        berthi_count(&stage->counts.copied_bytes, payload->size);
    }
    status = berth_host_object_add(call, g->imports->types_mutable_buffer.kind, b,
                                   &result->as.ok.handle);
    if (status != BERTH_OK)
        destroy(b);
    return status;
}

static berth_status allocate(void *ctx,
                             const berthi_torvyn_buffer_allocator_allocate_args *args,
                             allocated *result, berth_host_call *call)
{
    static const char why[] = "only stages of a flow have buffers";
    berthi_guest *g = berthi_host_call_owner(call);

    (void)ctx;
    return g == NULL ? refuse(result, why, sizeof why - 1, call)
                     : give_mutable(g, args->capacity_hint, NULL, result, call);
}

static berth_status clone_into_mutable(
    void *ctx, const berthi_torvyn_buffer_allocator_clone_into_mutable_args *args,
    allocated *result, berth_host_call *call)
{
    const berthi_torvyn_imports *imports = ctx;
    const berthi_guest_buffer *b =
        berth_host_object_find(call, imports->types_buffer.kind, args->source.handle);

    assert(b != NULL);
    return give_mutable(b->guest, b->buffer->size, b, result, call);
}

/* ---------------------------------------------------------------- capability-query */

/* Torvyn's words for rights, and Berth's; with a scope behind them or without. */
static const struct {
    const char *theirs, *ours;
} rights[] = {
    { "filesystem:read:", "fs:read:" },
    { "filesystem:write:", "fs:write:" },
    { "network:tcp-connect:", "net:connect:" },
    { "network:tcp-listen:", "net:listen:" },
    { "clock:wall", "clock:wall" },
    { "clock:monotonic", "clock:monotonic" },
    { "random:crypto", "random" },
    { "random:insecure", "random" },
    { "stdio:stdout", "stdio:out" },
    { "stdio:stderr", "stdio:err" },
};

/* What every stage may do. */
static const char *const of_stages[] = { "torvyn:resource-allocate", "torvyn:emit-backpressure",
                                         "torvyn:inspect-flow-meta" };

static bool is_granted(const berth_grants *grants, const char *name)
{
    for (size_t i = 0; i < sizeof of_stages / sizeof *of_stages; i++)
        if (strcmp(name, of_stages[i]) == 0)
            return true;
    if (grants == NULL)
        return false;
    for (size_t i = 0; i < sizeof rights / sizeof *rights; i++) {
        size_t size = strlen(rights[i].theirs);
        char line[512];

        if (strncmp(name, rights[i].theirs, size) != 0 ||
            snprintf(line, sizeof line, "%s%s", rights[i].ours, name + size) >=
                (int)sizeof line)
            continue;
        return berth_grants_check(grants, line, NULL) == BERTH_OK;
    }
    return false;
}

static berth_status has_capability(
    void *ctx, const berthi_torvyn_capability_query_has_capability_args *args, uint8_t *result,
    berth_host_call *call)
{
    const berthi_guest *g = berthi_host_call_owner(call);
    char name[512];

    (void)ctx;
    if (g == NULL || args->name.size >= sizeof name ||
        memchr(args->name.text, '\0', args->name.size) != NULL)
        return BERTH_OK;
    memcpy(name, args->name.text, args->name.size);
    name[args->name.size] = '\0';
    *result = is_granted(berthi_session_grants(g->live.session), name);
    return BERTH_OK;
}

/* ---------------------------------------------------------------- offering */

static void fill(berthi_torvyn_imports *i)
{
    i->types_buffer.destroy = destroy;
    i->types_mutable_buffer.destroy = destroy;
    i->types_buffer_size = buffer_size;
    i->types_buffer_content_type = content_type;
    i->types_buffer_read = buffer_read;
    i->types_buffer_read_all = read_all;
    i->types_mutable_buffer_write = buffer_write;
    i->types_mutable_buffer_append = append;
    i->types_mutable_buffer_size = mutable_size;
    i->types_mutable_buffer_capacity = capacity;
    i->types_mutable_buffer_set_content_type = set_content_type;
    i->types_mutable_buffer_freeze = freeze;
    i->types_flow_context_trace_id = trace_id;
    i->types_flow_context_span_id = span_id;
    i->types_flow_context_deadline_ns = deadline_ns;
    i->types_flow_context_flow_id = flow_id;
    i->buffer_allocator_allocate = allocate;
    i->buffer_allocator_clone_into_mutable = clone_into_mutable;
    i->capability_query_has_capability = has_capability;
}

static void end_imports(const berth_allocator *a, void *object)
{
    berthi_free(a, object, sizeof(berthi_torvyn_imports));
}

berth_status berth_flow_offer(berth_host *host, berth_diag *diag)
{
    berthi_torvyn_imports *imports;
    berth_status status;

    BERTHI_REQUIRE(host != NULL, diag);
    imports = berthi_zalloc(&host->allocator, sizeof *imports);
    if (imports == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "out of memory for what stages import");
    imports->ctx = imports;
    fill(imports);
    status = berthi_host_attach(host, BERTHI_HOST_FLOW, imports, end_imports, diag);
    if (status != BERTH_OK) {
        end_imports(&host->allocator, imports);
        return status;
    }
    return berthi_torvyn_offer(host, imports, diag);
}
