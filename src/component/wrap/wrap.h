/* component/wrap/wrap.h - a component made of a core module and the world that it was written for.
 *
 * The module follows the naming of the canonical ABI's tools: it imports `f` from `ns:pkg/iface@1.0.0`
 * (functions of the world itself from `$root`), exports `ns:pkg/iface@1.0.0#f` or `f`, its memory as
 * `memory`, `cabi_realloc` when something is put into it, `cabi_post_<export>` where it wants to
 * clean up, and `<iface>#[dtor]r` for resources.  What it calls is lowered behind a table that is
 * filled once the module has a memory, as common tools do it; loading takes that apart again
 * (shim.c).
 *
 * What wrap_scope.c, wrap_world.c and wrap_core.c make is put together by wrap.c.  Layer: component. */
#ifndef BERTHI_COMPONENT_WRAP_H
#define BERTHI_COMPONENT_WRAP_H

#include "base/text_buf.h"
#include "component/component.h"
#include "contract/wit.h"

/* Appends the component to `out`.  Fails: BERTH_E_REJECTED (the module and the world do not fit
 * together, or the world is both imported and exported in part; what to change is in the text),
 * BERTH_E_LIMIT, BERTH_E_NOMEM.  Whether types fit core signatures is found out when the
 * component is loaded. */
berth_status berthi_component_wrap(const uint8_t *core, size_t core_size, const berthi_wit *wit,
                                   const berthi_wit_world *world, const berth_allocator *a,
                                   berthi_text_buf *out, berth_diag *diag)
    __attribute__((warn_unused_result));

/* Whether a core module carries the world that it was written for, in "component-type". */
bool berthi_component_is_wrappable(const berthi_wasm_info *core);

/* Appends the component that such a module makes with its only world.  Fails as
 * berthi_component_wrap() does; BERTH_E_REJECTED and BERTH_E_ABSENT for its WIT. */
berth_status berthi_component_wrap_own(const uint8_t *core, size_t core_size,
                                       const berth_allocator *a, berthi_text_buf *out,
                                       berth_diag *diag) __attribute__((warn_unused_result));

/* Appends the world's type in binary form, as tools put it into the section "component-type" of core
 * modules; wit_decode.h reads it.  Fails: BERTH_E_NOMEM. */
berth_status berthi_component_world(const berthi_wit *wit, const berthi_wit_world *world,
                                    const berth_allocator *a, berthi_text_buf *out,
                                    berth_diag *diag) __attribute__((warn_unused_result));

/* ---------------------------------------------------------------- bytes */

typedef berthi_text_buf berthi_cm_bytes;

void berthi_cm_put_byte(berthi_cm_bytes *b, uint8_t byte);
void berthi_cm_put_u32(berthi_cm_bytes *b, uint32_t value);
void berthi_cm_put_s33(berthi_cm_bytes *b, int64_t value);
void berthi_cm_put_name(berthi_cm_bytes *b, const char *text, size_t size);
/* Section `id` of the body, which is emptied. */
void berthi_cm_put_section(berthi_cm_bytes *b, uint8_t id, berthi_cm_bytes *body);

enum { /* the byte that starts what an import or export is; also the sort of an item */
       BERTHI_CM_BOUND_FUNC = 1,
       BERTHI_CM_BOUND_TYPE = 3,
       BERTHI_CM_BOUND_INSTANCE = 5
};

/* ---------------------------------------------------------------- wrap_core.c */

/* `types[i]` is what slot i looks like.  The shim exports functions "0".. that call through a table
 * that it exports as "$imports"; the fixup fills the table with the functions "0".. of "actual",
 * and ends by calling "_initialize" of "main" when `calls_initialize`. */
void berthi_cm_put_shim(berthi_cm_bytes *b, const berthi_functype *types, uint32_t count);
void berthi_cm_put_fixup(berthi_cm_bytes *b, const berthi_functype *types, uint32_t count,
                         bool calls_initialize);

/* ---------------------------------------------------------------- wrap_scope.c */

/* A component, or an instance type, while it is written. */
typedef struct berthi_cm_writer {
    const berthi_wit *wit;
    bool is_type;              /* an instance type: definitions are declarators */
    berthi_cm_bytes out, body; /* body: one definition at a time */
    uint32_t declarators;
    uint32_t counts[BERTHI_CM_SORTS];
    uint32_t *type_of; /* per type of the model: 1 + index here; 0: not here */
    const uint32_t *fallback;
} berthi_cm_writer;

void berthi_cm_writer_init(berthi_cm_writer *w, const berthi_wit *wit, const berth_allocator *a,
                           uint32_t *type_of);
void berthi_cm_writer_fini(berthi_cm_writer *w);

/* Ends the definition in `body` as one of section `id`; the index of what it makes. */
uint32_t berthi_cm_define(berthi_cm_writer *w, uint8_t id, uint8_t sort);
/* What a type is here: an index, or less than 0 for a primitive.  Nameless types, and named ones that
 * are not here yet, are written first. */
int32_t berthi_cm_type_here(berthi_cm_writer *w, uint32_t type);
/* A type's structure under a new index; the type keeps its name to itself. */
uint32_t berthi_cm_write_type(berthi_cm_writer *w, uint32_t type);
uint32_t berthi_cm_write_func_type(berthi_cm_writer *w, const berthi_wit_func *func);
/* Exports a type under its name; the index of the export. */
uint32_t berthi_cm_export_type(berthi_cm_writer *w, const char *name, uint32_t index);
/* The instance type of an interface; `surroundings` is the component that it is imported into. */
uint32_t berthi_cm_write_interface(berthi_cm_writer *surroundings,
                                   const berthi_wit_interface *interface, uint32_t *type_of);
/* wrap_world.c: what a world imports; `instance_of` per interface and `func_of` per import get 1 + the
 * instance, and the function.  False: no memory.  Then the types that an instance exports are those
 * of the model. */
bool berthi_cm_import_world(berthi_cm_writer *w, const berthi_wit_world *world,
                            berthi_arena *arena, uint32_t *instance_of, uint32_t *func_of);
void berthi_cm_adopt_types(berthi_cm_writer *w, const berthi_wit_interface *interface,
                           uint32_t instance);
/* The component that gives an interface's functions its own types again.  Its imports' names and what
 * they are in `surroundings` go to `arguments`, one vector's worth of (name, sort, index). */
void berthi_cm_write_retyping(berthi_cm_writer *surroundings,
                              const berthi_wit_interface *interface, const uint32_t *funcs,
                              uint32_t *imported, uint32_t *exported,
                              berthi_cm_bytes *arguments, uint32_t *arguments_count);

/* A component, or a core module that carries its world, keeps the contract. */
struct berth_contract;
berth_status berthi_component_keeps(const struct berth_contract *contract, const void *bytes,
                                    size_t size, berth_diag *diag)
    __attribute__((warn_unused_result));

#endif
