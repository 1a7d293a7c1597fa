/* fields.c - lists of header fields.  Layer: service. */
#include "service/http/fields.h"

#include <string.h>

static void end_field(berthi_services *s, berthi_http_field *field)
{
    size_t size = sizeof *field + field->name_size + field->value_size;

    berthi_free(s->allocator, field, size);
    berthi_services_let_go(s, size);
}

static void end_fields(berthi_object *object)
{
    berthi_http_fields *f = (berthi_http_fields *)object;

    while (f->first != NULL) {
        berthi_http_field *gone = f->first;

        f->first = gone->next;
        end_field(object->services, gone);
    }
}

static const berthi_object_class fields_class = { "header fields", sizeof(berthi_http_fields),
                                                  end_fields, NULL };

berthi_http_fields *berthi_http_fields_make(berthi_services *s)
{
    berthi_http_fields *f = berthi_object_make(s, &fields_class);

    if (f != NULL)
        f->last = &f->first;
    return f;
}

/* ---------------------------------------------------------------- what may be in one */

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
}

static bool same_name(const char *a, size_t a_size, const char *b, size_t b_size)
{
    if (a_size != b_size)
        return false;
    for (size_t i = 0; i < a_size; i++)
        if (lower(a[i]) != lower(b[i]))
            return false;
    return true;
}

bool berthi_http_is_named(const berthi_http_field *f, const char *name, size_t size)
{
    return same_name(f->name, f->name_size, name, size);
}

static bool is_token(char c)
{
    return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

berthi_http_fields_code berthi_http_check_name(const char *name, size_t size)
{
    static const char *const forbidden[] = { "connection",
                                             "host",
                                             "http2-settings",
                                             "keep-alive",
                                             "proxy-connection",
                                             "proxy-authorization",
                                             "transfer-encoding",
                                             "upgrade",
                                             "te",
                                             "trailer" };

    if (size == 0)
        return BERTHI_FIELDS_SYNTAX;
    for (size_t i = 0; i < size; i++)
        if (!is_token(name[i]))
            return BERTHI_FIELDS_SYNTAX;
    for (size_t i = 0; i < sizeof forbidden / sizeof *forbidden; i++)
        if (same_name(forbidden[i], strlen(forbidden[i]), name, size))
            return BERTHI_FIELDS_FORBIDDEN;
    return BERTHI_FIELDS_OK;
}

bool berthi_http_is_value(const void *bytes, size_t size)
{
    const uint8_t *value = bytes;

    for (size_t i = 0; i < size; i++)
        if ((value[i] < ' ' && value[i] != '\t') || value[i] == 0x7f)
            return false;
    return true;
}

/* ---------------------------------------------------------------- changing them */

static berthi_http_fields_code add(berthi_http_fields *f, const char *name, size_t name_size,
                                   const void *value, size_t value_size)
{
    berthi_services *s = f->object.services;
    berthi_http_field *field;
    size_t size = sizeof *field + name_size + value_size;

    if (f->count == BERTHI_HTTP_FIELDS_MAX ||
        name_size + value_size > BERTHI_HTTP_FIELDS_BYTES_MAX - f->bytes ||
        !berthi_services_hold(s, size))
        return BERTHI_FIELDS_FULL;
    field = berthi_alloc(s->allocator, size);
    if (field == NULL) {
        berthi_services_let_go(s, size);
        return BERTHI_FIELDS_NO_MEMORY;
    }
    field->next = NULL;
    field->name_size = (uint32_t)name_size;
    field->value_size = (uint32_t)value_size;
    memcpy(field->name, name, name_size);
    if (value_size != 0)
        memcpy(field->name + name_size, value, value_size);
    *f->last = field;
    f->last = &field->next;
    f->count++;
    f->bytes += (uint32_t)(name_size + value_size);
    return BERTHI_FIELDS_OK;
}

berthi_http_fields_code berthi_http_fields_append(berthi_http_fields *f, const char *name,
                                                  size_t name_size, const void *value,
                                                  size_t value_size)
{
    berthi_http_fields_code code = berthi_http_check_name(name, name_size);

    if (code == BERTHI_FIELDS_OK && !berthi_http_is_value(value, value_size))
        code = BERTHI_FIELDS_SYNTAX;
    if (code == BERTHI_FIELDS_OK && f->is_immutable)
        code = BERTHI_FIELDS_IMMUTABLE;
    return code == BERTHI_FIELDS_OK ? add(f, name, name_size, value, value_size) : code;
}

berthi_http_fields_code berthi_http_fields_remove(berthi_http_fields *f, const char *name,
                                                  size_t name_size)
{
    berthi_http_fields_code code = berthi_http_check_name(name, name_size);
    berthi_http_field **at = &f->first;

    if (code == BERTHI_FIELDS_OK && f->is_immutable)
        code = BERTHI_FIELDS_IMMUTABLE;
    if (code != BERTHI_FIELDS_OK)
        return code;
    while (*at != NULL) {
        berthi_http_field *field = *at;

        if (!berthi_http_is_named(field, name, name_size)) {
            at = &field->next;
            continue;
        }
        *at = field->next;
        f->count--;
        f->bytes -= field->name_size + field->value_size;
        end_field(f->object.services, field);
    }
    f->last = at;
    return BERTHI_FIELDS_OK;
}

berthi_http_fields *berthi_http_fields_copy(const berthi_http_fields *from)
{
    berthi_http_fields *f = berthi_http_fields_make(from->object.services);

    if (f == NULL)
        return NULL;
    for (const berthi_http_field *at = from->first; at != NULL; at = at->next)
        if (add(f, at->name, at->name_size, berthi_http_value(at), at->value_size) !=
            BERTHI_FIELDS_OK) {
            berthi_object_unref(f);
            return NULL;
        }
    return f;
}

/* ---------------------------------------------------------------- how long a body is */

static bool read_length(const berthi_http_field *f, uint64_t *size_out)
{
    const char *text = berthi_http_value(f);
    uint64_t size = 0;

    if (f->value_size == 0 || f->value_size > 18)
        return false;
    for (uint32_t i = 0; i < f->value_size; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        size = size * 10 + (uint64_t)(text[i] - '0');
    }
    *size_out = size;
    return true;
}

bool berthi_http_fields_length(const berthi_http_fields *f, bool *says_out, uint64_t *size_out)
{
    static const char name[] = "content-length";
    uint64_t size;

    *says_out = false;
    for (const berthi_http_field *at = f->first; at != NULL; at = at->next) {
        if (!berthi_http_is_named(at, name, sizeof name - 1))
            continue;
        if (!read_length(at, &size) || (*says_out && size != *size_out)) {
            *says_out = true;
            return false;
        }
        *says_out = true;
        *size_out = size;
    }
    return true;
}
