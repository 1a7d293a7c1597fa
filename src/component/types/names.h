/* component/types/names.h - names of imports and exports, and which of them may stand together.
 * Layer: component. */
#ifndef BERTHI_COMPONENT_NAMES_H
#define BERTHI_COMPONENT_NAMES_H

#include "component/types/types.h"

/* Words of a letter and then letters and digits, joined by hyphens; a word is all lower or all upper
 * case, and the first starts with a letter. */
bool berthi_cm_is_label(berthi_name name);

typedef enum berthi_cm_name_form {
    BERTHI_CM_NAME_LABEL,
    BERTHI_CM_NAME_CONSTRUCTOR,
    BERTHI_CM_NAME_METHOD,
    BERTHI_CM_NAME_STATIC,
    BERTHI_CM_NAME_INTERFACE
} berthi_cm_name_form;

typedef struct berthi_cm_parsed_name {
    berthi_cm_name_form form;
    berthi_name plain;    /* without its annotation */
    berthi_name resource; /* of a constructor, method or static function */
    berthi_name version;  /* of an interface, empty without */
} berthi_cm_parsed_name;

/* NULL, or what is wrong with it.  With `suffix` the version is a short one ("1", "0.2") that the
 * suffix completes. */
const char *berthi_cm_parse_name(berthi_name name, const berthi_name *suffix,
                                 berthi_cm_parsed_name *parsed_out);

/* Names that are strongly unique among each other. */
typedef struct berthi_cm_names {
    berthi_cm_parsed_name *names;
    uint32_t *slots; /* index of a name + 1 */
    uint32_t count, room;
} berthi_cm_names;

/* False: it conflicts with a name that is there, which *other_out is then, or the failure has been
 * recorded and other_out is NULL. */
bool berthi_cm_add_name(berthi_cm_types *s, berthi_cm_names *set,
                        const berthi_cm_parsed_name *name,
                        const berthi_cm_parsed_name **other_out);

#endif
