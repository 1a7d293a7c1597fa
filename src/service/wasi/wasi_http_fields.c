/* wasi_http_fields.c - wasi:http/types: fields.  Layer: service. */
#include "service/wasi/wasi_http.h"

#define METHOD(name, result_type)                                                              \
    static berth_status name(void *ctx, berthi_wasi_host_http_types_fields *self,              \
                             const BERTHI_HTTP(fields_##name##_args) * args,                   \
                             result_type * result, berth_host_call * call)

typedef berthi_wasi_result_none_http_types_header_error none_result;

static berthi_http_fields *fields_of(berthi_wasi_host_http_types_fields *self)
{
    return (berthi_http_fields *)(void *)self;
}

/* What is no error of the interface ends the call. */
static berth_status answer(berth_host_call *call, berthi_http_fields_code code,
                           uint8_t *is_error, BERTHI_HTTP(header_error) * error)
{
    if (code == BERTHI_FIELDS_OK)
        return BERTH_OK;
    if (code == BERTHI_FIELDS_NO_MEMORY)
        return BERTH_E_NOMEM;
    if (code == BERTHI_FIELDS_FULL)
        return berth_host_fail(call, BERTH_E_LIMIT, "header fields of more than %d bytes",
                               BERTHI_HTTP_FIELDS_BYTES_MAX);
    *is_error = 1;
    error->tag =
        code == BERTHI_FIELDS_SYNTAX      ? BERTHI_WASI_HTTP_TYPES_HEADER_ERROR_INVALID_SYNTAX
        : code == BERTHI_FIELDS_FORBIDDEN ? BERTHI_WASI_HTTP_TYPES_HEADER_ERROR_FORBIDDEN
                                          : BERTHI_WASI_HTTP_TYPES_HEADER_ERROR_IMMUTABLE;
    return BERTH_OK;
}

static berth_status none_or(none_result *result, berth_host_call *call,
                            berthi_http_fields_code code)
{
    return answer(call, code, &result->is_error, &result->as.error);
}

static berth_status make(void *ctx, const void *args,
                         berthi_wasi_host_http_types_fields **object_out, berth_host_call *call)
{
    berthi_http_fields *f = berthi_http_fields_make(berthi_wasi_services(call));

    if (f == NULL)
        return berth_host_fail(call, BERTH_E_LIMIT, "no room for header fields");
    *object_out = (berthi_wasi_host_http_types_fields *)(void *)f;
    return BERTH_OK;
}

static berth_status from_list(
    void *ctx, const BERTHI_HTTP(fields_from_list_args) * args,
    berthi_wasi_result_http_types_fields_http_types_header_error *result, berth_host_call *call)
{
    const berthi_wasi *w = ctx;
    berthi_http_fields *f = berthi_http_fields_make(berthi_wasi_services(call));
    berthi_http_fields_code code = f == NULL ? BERTHI_FIELDS_NO_MEMORY : BERTHI_FIELDS_OK;

    for (size_t i = 0; i < args->entries.count && code == BERTHI_FIELDS_OK; i++) {
        const berthi_wasi_tuple_string_list_u8 *e = &args->entries.data[i];

        code = berthi_http_fields_append(f, e->f0.text, e->f0.size, e->f1.data, e->f1.count);
    }
    if (code == BERTHI_FIELDS_OK)
        return berthi_wasi_give(call, w->imports.http_types_fields.kind, f,
                                &result->as.ok.handle);
    berthi_object_unref(f);
    return answer(call, code, &result->is_error, &result->as.error);
}

/* Values stay where they are: nothing changes them before the plugin has its copy. */
METHOD(get, berthi_wasi_list_list_u8)
{
    const berthi_http_fields *f = fields_of(self);
    BERTHI_HTTP(field_value) *values = berth_host_room(call, (f->count + 1) * sizeof *values);
    size_t count = 0;

    if (values == NULL)
        return BERTH_E_NOMEM;
    for (const berthi_http_field *at = f->first; at != NULL; at = at->next)
        if (berthi_http_is_named(at, args->name.text, args->name.size))
            values[count++] =
                (BERTHI_HTTP(field_value)){ (const uint8_t *)berthi_http_value(at),
                                            at->value_size };
    result->data = values;
    result->count = count;
    return BERTH_OK;
}

METHOD(has, uint8_t)
{
    for (const berthi_http_field *at = fields_of(self)->first; at != NULL; at = at->next)
        if (berthi_http_is_named(at, args->name.text, args->name.size))
            *result = 1;
    return BERTH_OK;
}

METHOD(set, none_result)
{
    berthi_http_fields *f = fields_of(self);
    berthi_http_fields_code code =
        berthi_http_fields_remove(f, args->name.text, args->name.size);

    for (size_t i = 0; i < args->value.count && code == BERTHI_FIELDS_OK; i++)
        code = berthi_http_fields_append(f, args->name.text, args->name.size,
                                         args->value.data[i].data, args->value.data[i].count);
    return none_or(result, call, code);
}

METHOD(delete, none_result)
{
    return none_or(
        result, call,
        berthi_http_fields_remove(fields_of(self), args->name.text, args->name.size));
}

METHOD(append, none_result)
{
    return none_or(result, call,
                   berthi_http_fields_append(fields_of(self), args->name.text, args->name.size,
                                             args->value.data, args->value.count));
}

METHOD(entries, berthi_wasi_list_tuple_string_list_u8)
{
    const berthi_http_fields *f = fields_of(self);
    berthi_wasi_tuple_string_list_u8 *all = berth_host_room(call, (f->count + 1) * sizeof *all);
    size_t count = 0;

    if (all == NULL)
        return BERTH_E_NOMEM;
    for (const berthi_http_field *at = f->first; at != NULL; at = at->next)
        all[count++] =
            (berthi_wasi_tuple_string_list_u8){ { at->name, at->name_size },
                                                { (const uint8_t *)berthi_http_value(at),
                                                  at->value_size } };
    result->data = all;
    result->count = count;
    return BERTH_OK;
}

METHOD(clone, BERTHI_HTTP(fields))
{
    const berthi_wasi *w = ctx;

    return berthi_wasi_give(call, w->imports.http_types_fields.kind,
                            berthi_http_fields_copy(fields_of(self)), &result->handle);
}

void berthi_wasi_fill_http_fields(berthi_wasi_imports *imports)
{
#define FILL(name) imports->http_types_fields_##name = name
    imports->http_types_fields.destroy = berthi_object_unref;
    imports->http_types_fields_new = make;
    FILL(from_list);
    FILL(get);
    FILL(has);
    FILL(set);
    FILL(delete);
    FILL(append);
    FILL(entries);
    FILL(clone);
#undef FILL
}
