/* component/value/value_write.h - a value as text, in one notation or another.
 *
 * value_write.c walks the value and looks at what is no value; a notation writes the parts.  All of
 * its functions write to `out` and, but for the two that are told so, cannot fail otherwise than by
 * `out` having failed.
 *
 * Layer: component; private to value_write.c, wave_write.c and json_write.c. */
#ifndef BERTHI_COMPONENT_VALUE_WRITE_H
#define BERTHI_COMPONENT_VALUE_WRITE_H

#include "component/value/value_reader.h"

typedef struct berthi_cm_value_writer {
    const struct berthi_cm_notation *notation;
    berthi_text_buf *out;
    berth_diag *diag;
    berth_status status;
} berthi_cm_value_writer;

typedef struct berthi_cm_notation {
    char items[2], flags[2];  /* in what they stand; lists stand in [], records in {} */
    const char *empty_record; /* what ends one without fields */
    void (*put_name)(berthi_cm_value_writer *w, berthi_name name); /* of a field or a flag */
    void (*put_number)(berthi_cm_value_writer *w, const berthi_cm_type *type,
                       const unsigned char *from);
    void (*put_char)(berthi_cm_value_writer *w, uint32_t c);
    void (*put_string)(berthi_cm_value_writer *w, const char *text, size_t size);
    void (*put_handle)(berthi_cm_value_writer *w, const char *kind, uint64_t handle);
    /* Of a variant or enum, an option, a result.  False: the payload is no value. */
    bool (*write_case)(berthi_cm_value_writer *w, const berthi_cm_type *type, uint32_t tag,
                       const unsigned char *payload);
} berthi_cm_notation;

bool berthi_cm_value_write(berthi_cm_value_writer *w, const berthi_cm_type *type,
                           const unsigned char *from);

static inline void berthi_cm_value_put(berthi_cm_value_writer *w, const char *text)
{
    berthi_text_buf_puts(w->out, text);
}

#endif
