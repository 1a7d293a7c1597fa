/* wasi_io.c - wasi:io: error, poll, streams.  Layer: service. */
#include "service/wasi/wasi.h"

#include "base/diag.h"
#include "component/run/host_call.h"

enum {
    CHUNK_BYTES = 65536,  /* that one read, skip or splice moves at most */
    BLOCKING_BYTES = 4096 /* that a blocking write takes, by its contract */
};

static const uint8_t zeroes[BLOCKING_BYTES];

static size_t at_most(uint64_t size, size_t max)
{
    return size < max ? (size_t)size : max;
}

/* ---------------------------------------------------------------- error */

static berth_status error_to_text(void *ctx, berthi_wasi_host_error_error *self,
                                  const berthi_wasi_error_error_to_debug_string_args *args,
                                  berth_string *result, berth_host_call *call)
{
    const berthi_error *e = (const berthi_error *)self;
    const char *name = berthi_code_name(e->code);

    *result = (berth_string){ name, strlen(name) };
    return BERTH_OK;
}

/* ---------------------------------------------------------------- poll */

static berth_status pollable_ready(void *ctx, berthi_wasi_host_poll_pollable *self,
                                   const berthi_wasi_poll_pollable_ready_args *args,
                                   uint8_t *result, berth_host_call *call)
{
    berthi_object *p = (berthi_object *)self;
    berthi_wait wait = berthi_object_look(p);
    berth_status status = wait.is_ready ? BERTH_OK
                                        : berthi_services_wait(p->services, &wait, 1, 0,
                                                               berthi_host_call_diag(call));

    *result = wait.is_ready;
    return status;
}

static berth_status pollable_block(void *ctx, berthi_wasi_host_poll_pollable *self,
                                   const berthi_wasi_poll_pollable_block_args *args,
                                   void *result, berth_host_call *call)
{
    return berthi_object_wait((berthi_object *)self, berthi_host_call_diag(call));
}

static berthi_object *pollable_of(const berthi_wasi *w, berth_host_call *call,
                                  berthi_wasi_poll_pollable_borrow handle)
{
    return (berthi_object *)berthi_wasi_host_poll_pollable_find(&w->imports, call, handle);
}

static berth_status poll(void *ctx, const berthi_wasi_poll_poll_args *args,
                         berthi_wasi_list_u32 *result, berth_host_call *call)
{
    size_t count = args->in.count, ready = 0;
    berthi_wait *waits;
    uint32_t *indices;
    berth_status status;

    if (count == 0)
        return berth_host_fail(call, BERTH_E_TRAP, "a poll of nothing would never end");
    if (count > BERTHI_SERVICE_WAITS_MAX)
        return berth_host_fail(call, BERTH_E_LIMIT, "a poll of %zu pollables, of at most %d",
                               count, BERTHI_SERVICE_WAITS_MAX);
    waits = berth_host_room(call, count * sizeof *waits);
    indices = berth_host_room(call, count * sizeof *indices);
    if (waits == NULL || indices == NULL)
        return BERTH_E_NOMEM;
    for (size_t i = 0; i < count; i++)
        waits[i] = berthi_object_look(pollable_of(ctx, call, args->in.data[i]));
    status = berthi_services_wait(berthi_wasi_services(call), waits, count, UINT64_MAX,
                                  berthi_host_call_diag(call));
    if (status != BERTH_OK)
        return status;
    for (size_t i = 0; i < count; i++)
        if (waits[i].is_ready)
            indices[ready++] = (uint32_t)i;
    *result = (berthi_wasi_list_u32){ indices, ready };
    return BERTH_OK;
}

static berth_status give_pollable(berthi_wasi *w, berth_host_call *call, berthi_object *object,
                                  berthi_wasi_poll_pollable *result)
{
    return berthi_wasi_give(call, w->imports.poll_pollable.kind, berthi_pollable_of(object),
                            &result->handle);
}

/* ---------------------------------------------------------------- reading */

static bool is_ready(berthi_object *object, berth_host_call *call, berth_status *status)
{
    berthi_wait wait = berthi_object_look(object);

    if (!wait.is_ready)
        *status =
            berthi_services_wait(object->services, &wait, 1, 0, berthi_host_call_diag(call));
    return wait.is_ready;
}

/* Reads into the plugin's own memory, once there is something. */
static berth_status read_ready(berthi_wasi *w, berthi_input *in, uint64_t len,
                               berthi_wasi_result_list_u8_streams_stream_error *result,
                               berth_host_call *call)
{
    size_t size = at_most(len, CHUNK_BYTES);
    uint8_t *room = berth_host_reserve(call, size);
    berthi_code code;

    if (room == NULL)
        return BERTH_E_NOMEM;
    code = in->ops->read(in, room, &size);
    if (code == BERTHI_CODE_WOULD_BLOCK) {
        code = BERTHI_CODE_OK;
        size = 0;
    }
    if (code == BERTHI_CODE_OK) {
        result->as.ok = (berthi_wasi_list_u8){ room, size };
        return BERTH_OK;
    }
    result->is_error = 1;
    return berthi_wasi_stream_error(w, call, code, &result->as.error);
}

static berth_status input_read(void *ctx, berthi_wasi_host_streams_input_stream *self,
                               const berthi_wasi_streams_input_stream_read_args *args,
                               berthi_wasi_result_list_u8_streams_stream_error *result,
                               berth_host_call *call)
{
    berthi_input *in = (berthi_input *)self;
    berth_status status = BERTH_OK;

    if (args->len == 0 || !is_ready(&in->object, call, &status))
        return status;
    return read_ready(ctx, in, args->len, result, call);
}

static berth_status input_blocking_read(
    void *ctx, berthi_wasi_host_streams_input_stream *self,
    const berthi_wasi_streams_input_stream_blocking_read_args *args,
    berthi_wasi_result_list_u8_streams_stream_error *result, berth_host_call *call)
{
    berthi_input *in = (berthi_input *)self;
    berth_status status;

    if (args->len == 0)
        return BERTH_OK;
    status = berthi_object_wait(&in->object, berthi_host_call_diag(call));
    return status == BERTH_OK ? read_ready(ctx, in, args->len, result, call) : status;
}

/* Without an `ops->skip` what is skipped is read. */
static berthi_code skip(berthi_input *in, uint64_t *size_io)
{
    uint8_t room[4096];
    size_t size = at_most(*size_io, sizeof room);
    berthi_code code;

    if (in->ops->skip != NULL)
        return in->ops->skip(in, size_io);
    code = in->ops->read(in, room, &size);
    *size_io = size;
    return code;
}

static berth_status skip_ready(berthi_wasi *w, berthi_input *in, uint64_t len,
                               berthi_wasi_result_u64_streams_stream_error *result,
                               berth_host_call *call)
{
    berthi_code code = skip(in, &len);

    if (code == BERTHI_CODE_OK || code == BERTHI_CODE_WOULD_BLOCK) {
        result->as.ok = code == BERTHI_CODE_OK ? len : 0;
        return BERTH_OK;
    }
    result->is_error = 1;
    return berthi_wasi_stream_error(w, call, code, &result->as.error);
}

static berth_status input_skip(void *ctx, berthi_wasi_host_streams_input_stream *self,
                               const berthi_wasi_streams_input_stream_skip_args *args,
                               berthi_wasi_result_u64_streams_stream_error *result,
                               berth_host_call *call)
{
    berthi_input *in = (berthi_input *)self;
    berth_status status = BERTH_OK;

    if (args->len == 0 || !is_ready(&in->object, call, &status))
        return status;
    return skip_ready(ctx, in, args->len, result, call);
}

static berth_status input_blocking_skip(
    void *ctx, berthi_wasi_host_streams_input_stream *self,
    const berthi_wasi_streams_input_stream_blocking_skip_args *args,
    berthi_wasi_result_u64_streams_stream_error *result, berth_host_call *call)
{
    berthi_input *in = (berthi_input *)self;
    berth_status status;

    if (args->len == 0)
        return BERTH_OK;
    status = berthi_object_wait(&in->object, berthi_host_call_diag(call));
    return status == BERTH_OK ? skip_ready(ctx, in, args->len, result, call) : status;
}

static berth_status input_subscribe(void *ctx, berthi_wasi_host_streams_input_stream *self,
                                    const berthi_wasi_streams_input_stream_subscribe_args *args,
                                    berthi_wasi_poll_pollable *result, berth_host_call *call)
{
    return give_pollable(ctx, call, (berthi_object *)self, result);
}

/* ---------------------------------------------------------------- writing */

static berth_status none_or_error(berthi_wasi *w, berth_host_call *call, berthi_code code,
                                  berthi_wasi_result_none_streams_stream_error *result)
{
    if (code == BERTHI_CODE_OK)
        return BERTH_OK;
    result->is_error = 1;
    return berthi_wasi_stream_error(w, call, code, &result->as.error);
}

static berthi_code check(berthi_output *out, uint64_t *permit_out)
{
    size_t room = 0;
    berthi_code code = out->ops->check(out, &room);

    *permit_out = out->permit = code == BERTHI_CODE_OK ? room : 0;
    return code;
}

static berth_status output_check_write(
    void *ctx, berthi_wasi_host_streams_output_stream *self,
    const berthi_wasi_streams_output_stream_check_write_args *args,
    berthi_wasi_result_u64_streams_stream_error *result, berth_host_call *call)
{
    berthi_output *out = (berthi_output *)self;
    uint64_t permit;
    berthi_code code = check(out, &permit);

    if (code == BERTHI_CODE_OK) {
        result->as.ok = permit;
        return BERTH_OK;
    }
    result->is_error = 1;
    return berthi_wasi_stream_error(ctx, call, code, &result->as.error);
}

static berth_status past_permit(berth_host_call *call, uint64_t size, uint64_t permit)
{
    return berth_host_fail(call, BERTH_E_TRAP,
                           "a write of %llu bytes, of which check-write permitted %llu",
                           (unsigned long long)size, (unsigned long long)permit);
}

static berth_status output_write(void *ctx, berthi_wasi_host_streams_output_stream *self,
                                 const berthi_wasi_streams_output_stream_write_args *args,
                                 berthi_wasi_result_none_streams_stream_error *result,
                                 berth_host_call *call)
{
    berthi_output *out = (berthi_output *)self;

    if (args->contents.count > out->permit)
        return past_permit(call, args->contents.count, out->permit);
    out->permit -= args->contents.count;
    return none_or_error(
        ctx, call, out->ops->write(out, args->contents.data, args->contents.count), result);
}

static berth_status output_write_zeroes(
    void *ctx, berthi_wasi_host_streams_output_stream *self,
    const berthi_wasi_streams_output_stream_write_zeroes_args *args,
    berthi_wasi_result_none_streams_stream_error *result, berth_host_call *call)
{
    berthi_output *out = (berthi_output *)self;
    berthi_code code = BERTHI_CODE_OK;

    if (args->len > out->permit)
        return past_permit(call, args->len, out->permit);
    out->permit -= args->len;
    for (uint64_t left = args->len; left > 0 && code == BERTHI_CODE_OK;) {
        size_t part = at_most(left, sizeof zeroes);

        code = out->ops->write(out, zeroes, part);
        left -= part;
    }
    return none_or_error(ctx, call, code, result);
}

static berthi_code flush(berthi_output *out)
{
    return out->ops->flush == NULL ? BERTHI_CODE_OK : out->ops->flush(out);
}

static berth_status output_flush(void *ctx, berthi_wasi_host_streams_output_stream *self,
                                 const berthi_wasi_streams_output_stream_flush_args *args,
                                 berthi_wasi_result_none_streams_stream_error *result,
                                 berth_host_call *call)
{
    berthi_output *out = (berthi_output *)self;

    return none_or_error(ctx, call, flush(out), result);
}

/* Waits until something may be written; what was begun before is done then. */
static berth_status wait_for_permit(berthi_output *out, berth_host_call *call,
                                    uint64_t *permit_out, berthi_code *code_out)
{
    for (;;) {
        berth_status status;

        *code_out = check(out, permit_out);
        if (*code_out != BERTHI_CODE_OK || *permit_out > 0)
            return BERTH_OK;
        status = berthi_object_wait(&out->object, berthi_host_call_diag(call));
        if (status != BERTH_OK)
            return status;
    }
}

static berth_status finish(berthi_output *out, berth_host_call *call, berthi_code *code_out)
{
    uint64_t permit;

    *code_out = flush(out);
    return *code_out == BERTHI_CODE_OK ? wait_for_permit(out, call, &permit, code_out)
                                       : BERTH_OK;
}

static berth_status write_and_flush(berthi_output *out, berth_host_call *call,
                                    const uint8_t *from, uint64_t size, berthi_code *code_out)
{
    *code_out = BERTHI_CODE_OK;
    if (size > BLOCKING_BYTES)
        return past_permit(call, size, BLOCKING_BYTES);
    while (size > 0 && *code_out == BERTHI_CODE_OK) {
        uint64_t permit = 0;
        berth_status status = wait_for_permit(out, call, &permit, code_out);
        size_t part = at_most(size, (size_t)permit);

        if (status != BERTH_OK)
            return status;
        if (*code_out == BERTHI_CODE_OK)
            *code_out = out->ops->write(out, from, part);
        from += part;
        size -= part;
    }
    return *code_out == BERTHI_CODE_OK ? finish(out, call, code_out) : BERTH_OK;
}

static berth_status output_blocking_write_and_flush(
    void *ctx, berthi_wasi_host_streams_output_stream *self,
    const berthi_wasi_streams_output_stream_blocking_write_and_flush_args *args,
    berthi_wasi_result_none_streams_stream_error *result, berth_host_call *call)
{
    berthi_output *out = (berthi_output *)self;
    berthi_code code;
    berth_status status =
        write_and_flush(out, call, args->contents.data, args->contents.count, &code);

    return status == BERTH_OK ? none_or_error(ctx, call, code, result) : status;
}

static berth_status output_blocking_write_zeroes_and_flush(
    void *ctx, berthi_wasi_host_streams_output_stream *self,
    const berthi_wasi_streams_output_stream_blocking_write_zeroes_and_flush_args *args,
    berthi_wasi_result_none_streams_stream_error *result, berth_host_call *call)
{
    berthi_output *out = (berthi_output *)self;
    berthi_code code;
    berth_status status = write_and_flush(out, call, zeroes, args->len, &code);

    return status == BERTH_OK ? none_or_error(ctx, call, code, result) : status;
}

static berth_status output_blocking_flush(
    void *ctx, berthi_wasi_host_streams_output_stream *self,
    const berthi_wasi_streams_output_stream_blocking_flush_args *args,
    berthi_wasi_result_none_streams_stream_error *result, berth_host_call *call)
{
    berthi_output *out = (berthi_output *)self;
    berthi_code code;
    berth_status status = finish(out, call, &code);

    return status == BERTH_OK ? none_or_error(ctx, call, code, result) : status;
}

static berth_status output_subscribe(
    void *ctx, berthi_wasi_host_streams_output_stream *self,
    const berthi_wasi_streams_output_stream_subscribe_args *args,
    berthi_wasi_poll_pollable *result, berth_host_call *call)
{
    return give_pollable(ctx, call, (berthi_object *)self, result);
}

/* ---------------------------------------------------------------- from one to the other */

static berthi_input *input_of(const berthi_wasi *w, berth_host_call *call,
                              berthi_wasi_streams_input_stream_borrow handle)
{
    return (berthi_input *)berthi_wasi_host_streams_input_stream_find(&w->imports, call,
                                                                      handle);
}

/* As much as the one has and the other takes now. */
static berth_status move(berthi_wasi *w, berthi_output *out, berthi_input *in, uint64_t len,
                         berthi_wasi_result_u64_streams_stream_error *result,
                         berth_host_call *call)
{
    uint64_t permit = 0;
    berthi_code code = check(out, &permit);
    size_t size = at_most(at_most(len, CHUNK_BYTES), (size_t)permit);
    uint8_t *room;

    if (code == BERTHI_CODE_OK && size > 0) {
        room = berth_host_room(call, size);
        if (room == NULL)
            return BERTH_E_NOMEM;
        code = in->ops->read(in, room, &size);
        if (code == BERTHI_CODE_OK)
            code = out->ops->write(out, room, size);
    }
    if (code == BERTHI_CODE_OK || code == BERTHI_CODE_WOULD_BLOCK) {
        result->as.ok = code == BERTHI_CODE_OK ? size : 0;
        return BERTH_OK;
    }
    result->is_error = 1;
    return berthi_wasi_stream_error(w, call, code, &result->as.error);
}

static berth_status output_splice(void *ctx, berthi_wasi_host_streams_output_stream *self,
                                  const berthi_wasi_streams_output_stream_splice_args *args,
                                  berthi_wasi_result_u64_streams_stream_error *result,
                                  berth_host_call *call)
{
    return move(ctx, (berthi_output *)self, input_of(ctx, call, args->src), args->len, result,
                call);
}

static berth_status output_blocking_splice(
    void *ctx, berthi_wasi_host_streams_output_stream *self,
    const berthi_wasi_streams_output_stream_blocking_splice_args *args,
    berthi_wasi_result_u64_streams_stream_error *result, berth_host_call *call)
{
    berthi_output *out = (berthi_output *)self;
    berthi_input *in = input_of(ctx, call, args->src);
    berth_status status = berthi_object_wait(&out->object, berthi_host_call_diag(call));

    if (status == BERTH_OK)
        status = berthi_object_wait(&in->object, berthi_host_call_diag(call));
    return status == BERTH_OK ? move(ctx, out, in, args->len, result, call) : status;
}

void berthi_wasi_fill_io(berthi_wasi_imports *imports)
{
    imports->error_error.destroy = berthi_object_unref;
    imports->poll_pollable.destroy = berthi_object_unref;
    imports->streams_input_stream.destroy = berthi_object_unref;
    imports->streams_output_stream.destroy = berthi_object_unref;
    imports->error_error_to_debug_string = error_to_text;
    imports->poll_pollable_ready = pollable_ready;
    imports->poll_pollable_block = pollable_block;
    imports->poll_poll = poll;
    imports->streams_input_stream_read = input_read;
    imports->streams_input_stream_blocking_read = input_blocking_read;
    imports->streams_input_stream_skip = input_skip;
    imports->streams_input_stream_blocking_skip = input_blocking_skip;
    imports->streams_input_stream_subscribe = input_subscribe;
    imports->streams_output_stream_check_write = output_check_write;
    imports->streams_output_stream_write = output_write;
    imports->streams_output_stream_blocking_write_and_flush = output_blocking_write_and_flush;
    imports->streams_output_stream_flush = output_flush;
    imports->streams_output_stream_blocking_flush = output_blocking_flush;
    imports->streams_output_stream_subscribe = output_subscribe;
    imports->streams_output_stream_write_zeroes = output_write_zeroes;
    imports->streams_output_stream_blocking_write_zeroes_and_flush =
        output_blocking_write_zeroes_and_flush;
    imports->streams_output_stream_splice = output_splice;
    imports->streams_output_stream_blocking_splice = output_blocking_splice;
}
