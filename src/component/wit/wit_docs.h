/* component/wit/wit_docs.h - documentation and gates, which the binary form of WIT keeps in a custom
 * section "package-docs": a byte and JSON.  Layer: component. */
#ifndef BERTHI_COMPONENT_WIT_DOCS_H
#define BERTHI_COMPONENT_WIT_DOCS_H

#include "base/json_reader.h"
#include "base/text_buf.h"
#include "wasm/module.h"

/* *docs_out is NULL when there is no such section, or one of a version that is not known.
 * Fails: BERTH_E_REJECTED (no JSON), BERTH_E_NOMEM. */
berth_status berthi_wit_docs_read(const uint8_t *bytes, size_t size, berthi_arena *arena,
                                  const berthi_json **docs_out, berth_diag *diag)
    __attribute__((warn_unused_result));

/* What `group` of `place` says about `name`; `place` may be NULL.  NULL: nothing. */
const berthi_json *berthi_wit_docs_of(const berthi_json *place, const char *group,
                                      berthi_name name);

/* Lines in front of an item: what is said about it, which may be nothing. */
void berthi_wit_docs_put(const berthi_json *item, unsigned indent, berthi_text_buf *out);

#endif
