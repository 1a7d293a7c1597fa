/* bindgen/shape.h - a world as it is seen from C: its types, functions, and what they are called.
 *
 * What this directory is: the generator behind `berth bindgen`.  A world of the WIT model becomes a
 * shape (this file), which every writer reads: c_types.c the types that host and plugin share,
 * c_host.c and cpp_host.c the stubs of a host, c_offer.c, c_objects.c and cpp_offer.c what it offers, c_plugin.c what a plugin
 * writes, c_guest.c and c_flat.c the glue that makes a core module of it, c_native.c that of a shared object.  out.c writes lines,
 * names.c makes names.  It may use base, os, contract and component, whose types know their sizes.
 *
 * Names are claimed in one order whatever is written, so that both sides get the same header of
 * types.  Two types of the model without names that differ by aliases only are one type of C: the
 * first of them stands for all (`same_as`).  Layer: bindgen. */
#ifndef BERTHI_BINDGEN_SHAPE_H
#define BERTHI_BINDGEN_SHAPE_H

#include "bindgen/names.h"
#include "bindgen/out.h"
#include "component/wit/wit_types.h"

/* A function that the world imports or exports. */
typedef struct berthi_bg_func {
    const berthi_wit_func *func;
    const char *name;      /* in C, such as `thumbs_api_render` */
    const char *args;      /* the struct of its parameters; NULL: it has none */
    const char *plugin;    /* what the plugin writes; NULL: an import */
    const char *interface; /* as components name it; NULL: of the world itself */
    const char *full_name; /* `ns:pkg/iface@1.0.0#f`, or `f` */
    const berthi_cm_type *type;
    const berthi_cm_type *args_type; /* a tuple of the parameters; NULL: none */
} berthi_bg_func;

/* An interface that the world imports or exports, or the functions of the world itself. */
typedef struct berthi_bg_group {
    const berthi_wit_extern *origin; /* NULL: the world itself */
    const berthi_wit_interface *interface;
    const char *name; /* the prefix of its functions, without "_" behind */
    bool is_export;
    uint32_t funcs_first, funcs_count; /* in `funcs` */
} berthi_bg_group;

/* A resource that the world imports: its objects are the host's. */
typedef struct berthi_bg_object {
    const berthi_bg_group *group;
    uint32_t type;         /* the resource */
    const char *name;      /* of the handle, such as `thumbs_api_conn` */
    const char *tail;      /* the same without the prefix, as a member's name */
    const char *interface; /* as components name it; NULL: of the world itself */
    const char *object;    /* the struct behind it, such as `thumbs_host_api_conn` */
} berthi_bg_object;

typedef struct berthi_bg {
    const berthi_wit *wit;
    const berthi_wit_world *world;
    berthi_arena *arena;
    berth_diag *diag;
    const char *prefix;    /* of every name, without "_" behind */
    berthi_bg_names names; /* of C, at file scope */
    berthi_cm_types cm;
    berthi_cm_wit cm_wit;
    /* per type of the model */
    uint32_t *same_as;
    const char **type_names; /* NULL: not needed */
    bool *is_needed;
    const char **interface_names; /* per interface of the model; NULL: not in the world */
    berthi_bg_group *groups;      /* exports in front of imports, the world itself first */
    uint32_t groups_count, export_groups;
    berthi_bg_func *funcs;
    uint32_t funcs_count, exports_count; /* the exported ones in front */
    berthi_bg_object *objects;
    uint32_t objects_count;
    uint32_t drops_count;                /* resources that exported interfaces define */
    const char *enter, *leave, *session; /* of sessions; NULL: nothing needs one */
    /* names of each side's own */
    const char *slot, *bind, *imports, *offer, *open, *drain, *close;
} berthi_bg;

/* Fails: BERTH_E_REJECTED (something that C is not made for yet, such as streams), BERTH_E_LIMIT,
 * BERTH_E_NOMEM.  The shape lives in `arena`. */
berth_status berthi_bg_make(berthi_bg *bg, const berthi_wit *wit, const berthi_wit_world *world,
                            const char *prefix, berthi_arena *arena, berth_diag *diag)
    __attribute__((warn_unused_result));

/* The type behind aliases, and the one that stands for it. */
const berthi_wit_type *berthi_bg_canon(const berthi_bg *bg, uint32_t type);
uint32_t berthi_bg_canon_index(const berthi_bg *bg, uint32_t type);
const berthi_cm_type *berthi_bg_layout(const berthi_bg *bg, uint32_t type);
const char *berthi_bg_type_name(const berthi_bg *bg, uint32_t type);
/* Whether values are passed to functions of C as they are, not through a pointer. */
bool berthi_bg_is_plain(const berthi_bg *bg, uint32_t type);
/* `uint8_t`, `uint16_t` or `uint32_t`, for tags of so many cases and so many flags. */
const char *berthi_bg_tag_type(uint32_t cases);
const char *berthi_bg_flags_type(uint32_t flags);
/* Whether a host may call what the world exports: all handles in it are of resources that the plugin
 * defines itself, or there are none.  With handles it is called in a session. */
bool berthi_bg_is_callable(const berthi_bg *bg, const berthi_bg_func *f);
/* What a tuple's part is called, and any other item. */
const char *berthi_bg_field(berthi_bg *bg, const berthi_wit_item *items, uint32_t index);

/* ---------------------------------------------------------------- writers */

/* Each writes one file.  What found no memory, or is too long, the text says itself. */
berth_status berthi_bg_write_types(berthi_bg *bg, berthi_bg_out *o);
berth_status berthi_bg_write_host_header(berthi_bg *bg, berthi_bg_out *o);
berth_status berthi_bg_write_host_source(berthi_bg *bg, berthi_bg_out *o);

/* Parts of the host's headers and source, when the world imports functions or resources. */
bool berthi_bg_has_imports(const berthi_bg *bg);
void berthi_bg_write_offer_header(berthi_bg *bg, berthi_bg_out *o);
berth_status berthi_bg_write_offer_source(berthi_bg *bg, berthi_bg_out *o);
void berthi_bg_write_cpp_offer(berthi_bg *bg, berthi_bg_out *o);

berth_status berthi_bg_write_cpp_header(berthi_bg *bg, berthi_bg_out *o);
berth_status berthi_bg_write_plugin_header(berthi_bg *bg, berthi_bg_out *o);
berth_status berthi_bg_write_guest_source(berthi_bg *bg, berthi_bg_out *o);
berth_status berthi_bg_write_native_source(berthi_bg *bg, berthi_bg_out *o);

/* What every file begins with. */
void berthi_bg_write_head(const berthi_bg *bg, berthi_bg_out *o, const char *file,
                          const char *what);

#endif
