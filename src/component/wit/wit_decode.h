/* component/wit/wit_decode.h - WIT that a binary carries, as text.  Layer: component.
 *
 * A WIT package in binary form is a component of nothing but types, each of which is a component type
 * around one interface or world.  A core module may carry such a component in a custom section whose
 * name starts with "component-type"; tools put the world there that it was written for. */
#ifndef BERTHI_COMPONENT_WIT_DECODE_H
#define BERTHI_COMPONENT_WIT_DECODE_H

#include "base/text_buf.h"
#include "contract/wit.h"

/* Appends the package that `bytes` hold as WIT text: the package and, as far as they stand in it,
 * those that it refers to.  A berthi_wit_decode.
 * Fails: BERTH_E_REJECTED (malformed, or no WIT in it), BERTH_E_LIMIT, BERTH_E_NOMEM. */
berth_status berthi_component_wit(const uint8_t *bytes, size_t size, const berth_allocator *a,
                                  berthi_text_buf *out, berth_diag *diag);

#endif
