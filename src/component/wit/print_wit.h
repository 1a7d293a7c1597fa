/* component/wit/print_wit.h - a component's world as WIT text.  Layer: component.  Read first: component.h. */
#ifndef BERTHI_COMPONENT_PRINT_WIT_H
#define BERTHI_COMPONENT_PRINT_WIT_H

#include "base/text_buf.h"
#include "component/component.h"

enum { BERTHI_CM_WIT_BYTES_MAX = 16 << 20 };

/* Appends what the component imports and exports: `package root:component` with its world `root`, then each
 * package whose interfaces the world names.  What WIT has no words for (core modules, components) is a line of comment;
 * a type that the root exports stands in the world behind one.  A type that occurs in several interfaces under
 * one name is written in the first of them and used by the others.
 * Validates the component on the way, into the arena.
 * Fails: as berthi_component_validate() does; BERTH_E_LIMIT past BERTHI_CM_WIT_BYTES_MAX bytes. */
berth_status berthi_component_print_wit(const berthi_cm_component *component,
                                        berthi_arena *arena, berthi_text_buf *out,
                                        berth_diag *diag) __attribute__((warn_unused_result));

#endif
