/* service/http/fields.h - header fields, as they were written and in their order.
 *
 * Names are tokens, values have no control characters: what is in one can be sent as it is, and begins no
 * line of its own.  Those that belong to the connection are forbidden.  Layer: service. */
#ifndef BERTHI_SERVICE_HTTP_FIELDS_H
#define BERTHI_SERVICE_HTTP_FIELDS_H

#include "service/services.h"

enum { BERTHI_HTTP_FIELDS_MAX = 1024, BERTHI_HTTP_FIELDS_BYTES_MAX = 64 << 10 };

typedef struct berthi_http_field {
    struct berthi_http_field *next;
    uint32_t name_size, value_size;
    char name[]; /* and the value behind it */
} berthi_http_field;

static inline const char *berthi_http_value(const berthi_http_field *f)
{
    return f->name + f->name_size;
}

typedef struct berthi_http_fields {
    berthi_object object;
    berthi_http_field *first, **last;
    uint32_t count;
    uint32_t bytes;
    bool is_immutable;
} berthi_http_fields;

typedef enum berthi_http_fields_code {
    BERTHI_FIELDS_OK,
    BERTHI_FIELDS_SYNTAX,
    BERTHI_FIELDS_FORBIDDEN,
    BERTHI_FIELDS_IMMUTABLE,
    BERTHI_FIELDS_FULL,
    BERTHI_FIELDS_NO_MEMORY
} berthi_http_fields_code;

/* NULL as berthi_object_make(). */
berthi_http_fields *berthi_http_fields_make(berthi_services *s);
/* Not immutable; NULL besides when there is no memory. */
berthi_http_fields *berthi_http_fields_copy(const berthi_http_fields *from);

berthi_http_fields_code berthi_http_check_name(const char *name, size_t size);
bool berthi_http_is_value(const void *value, size_t size);
bool berthi_http_is_named(const berthi_http_field *f, const char *name, size_t size);
berthi_http_fields_code berthi_http_fields_append(berthi_http_fields *f, const char *name,
                                                  size_t name_size, const void *value,
                                                  size_t value_size);
berthi_http_fields_code berthi_http_fields_remove(berthi_http_fields *f, const char *name,
                                                  size_t name_size);
/* How long a body is by its `content-length`, when there is one.  False: it is no length, or there are two
 * that differ. */
bool berthi_http_fields_length(const berthi_http_fields *f, bool *says_out, uint64_t *size_out);

#endif
