/* component/wit/print_wit_types.h - what the parts of print_wit share.  Layer: component. */
#ifndef BERTHI_COMPONENT_PRINT_WIT_TYPES_H
#define BERTHI_COMPONENT_PRINT_WIT_TYPES_H

#include "base/text_buf.h"
#include "component/validate/validate.h"

typedef struct berthi_cm_wit_place { /* what a type is called */
    berthi_name label;
    berthi_name interface; /* empty: the one that is being printed */
} berthi_cm_wit_place;

/* "ns:pkg/iface@1.2.3" in its parts. */
typedef struct berthi_cm_wit_interface {
    berthi_name package, plain, version; /* version: empty, or with its "@" */
} berthi_cm_wit_interface;

typedef struct berthi_cm_wit_names { /* of types, as objects: open addressing */
    const berthi_cm_type **types;
    berthi_cm_wit_place *places;
    uint32_t count, room;
} berthi_cm_wit_names;

typedef struct berthi_cm_wit_scope {
    const berthi_cm_extern *items;
    uint32_t count;
    berthi_name interface; /* empty: the world, or an interface without a name */
    berthi_cm_wit_names names;
} berthi_cm_wit_scope;

typedef struct berthi_cm_wit {
    berthi_cm_types *types;
    berthi_text_buf *out;
    berthi_text_buf *uses; /* in front of the scope that is being printed */
    uint32_t depth;        /* of indentation */
    berthi_cm_wit_scope scope;
    berthi_cm_wit_names everywhere; /* where nominal types are written; canons */
} berthi_cm_wit;

/* Text; nothing fails but by berthi_cm_wit_goes_on(). */
bool berthi_cm_wit_goes_on(berthi_cm_wit *w); /* false: failed, or the text is too long */
void berthi_cm_wit_puts(berthi_cm_wit *w, const char *text);
void berthi_cm_wit_put(berthi_cm_wit *w, berthi_name text);
void berthi_cm_wit_id(berthi_cm_wit *w, berthi_name name); /* "%" in front of a keyword */
void berthi_cm_wit_indent(berthi_cm_wit *w);
void berthi_cm_wit_comment(berthi_cm_wit *w, const berthi_cm_extern *item);

/* False: no name of an interface. */
bool berthi_cm_wit_split(berthi_name name, berthi_cm_wit_interface *parts);
bool berthi_cm_wit_same_package(const berthi_cm_wit_interface *a,
                                const berthi_cm_wit_interface *b);

/* The first note of a type stays. */
bool berthi_cm_wit_note(berthi_cm_wit *w, berthi_cm_wit_names *names,
                        const berthi_cm_type *type, berthi_cm_wit_place place);
const berthi_cm_wit_place *berthi_cm_wit_find(berthi_cm_wit *w,
                                              const berthi_cm_wit_names *names,
                                              const berthi_cm_type *type);

/* A record, variant, enum, flags or resource: written once, elsewhere called by its name. */
bool berthi_cm_wit_is_nominal(const berthi_cm_type *type);
void berthi_cm_wit_print_definition(berthi_cm_wit *w, const berthi_cm_extern *item);
void berthi_cm_wit_print_alias(berthi_cm_wit *w, const berthi_cm_extern *item);
void berthi_cm_wit_print_use(berthi_cm_wit *w, const berthi_cm_wit_place *home,
                             berthi_name label);
/* "func(...) -> ...", without its first `skip` parameters. */
void berthi_cm_wit_print_func(berthi_cm_wit *w, const berthi_cm_type *func, uint32_t skip);

#endif
