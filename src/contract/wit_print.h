/* contract/wit_print.h - a model as text again.  Layer: contract. */
#ifndef BERTHI_CONTRACT_WIT_PRINT_H
#define BERTHI_CONTRACT_WIT_PRINT_H

#include "base/text_buf.h"
#include "contract/wit.h"

enum {
    BERTHI_WIT_PRINTED_MAX = 64 << 20
}; /* bytes; includes may repeat a long type many times */

/* WIT that gives the same model when it is read: the root package, and below it those that it
 * rests on.  Worlds are written out: what they include, and what they import because others need
 * it.  False: more than PRINTED_MAX; out->has_failed tells of memory. */
bool berthi_wit_print(const berthi_wit *model, berthi_text_buf *out);

/* The same as JSON; docs/wit-json.md has the schema. */
bool berthi_wit_print_json(const berthi_wit *model, berthi_text_buf *out);

/* A type as it is written where values are meant; `%` goes with keywords. */
void berthi_wit_print_type(const berthi_wit *model, uint32_t type, berthi_text_buf *out);

/* An identifier, with `%` in front when it is a keyword. */
void berthi_wit_put_name(berthi_text_buf *out, const char *name, size_t size);

/* `@external-id("...")` and a newline. */
void berthi_wit_put_external_id(berthi_text_buf *out, const char *text, size_t size);

/* Whether functions of the resource `type` are among `funcs`. */
static inline bool berthi_wit_is_func_of(const berthi_wit_func *func, uint32_t type)
{
    return func->kind != BERTHI_WIT_FREE && func->resource == type;
}

#endif
