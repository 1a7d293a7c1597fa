/* bundle_component.h - components that export interfaces whose only function gives a number. */
#ifndef BERTHT_BUNDLE_COMPONENT_H
#define BERTHT_BUNDLE_COMPONENT_H

#include <stdbool.h>
#include <stdint.h>

#include "bundle_folder.h"

/* Writes one to `path` in the folder: it exports "x:y/NAME@VERSION" with `get: func() -> u32`, which
 * gives `value` (less than 64), for each NAME between blanks. */
void bundle_component_put(const bundle_folder *f, const char *path, const char *interfaces,
                          const char *version, uint8_t value);

/* A component that calls others.  0 or NULL in a field is its default. */
typedef struct bundle_caller {
    const char *own;             /* its package, of version 1.0.0; default "x:u" */
    const char *exports;         /* interfaces of that, between blanks; default "u" */
    const char *from;            /* another package; default "x:y" */
    const char *imports;         /* interfaces of that; default: none */
    const char *imports_version; /* default "1.0.0" */
    const char *type;            /* of each get() of theirs; default "func() -> u32" */
    const char *own_type;        /* of its own, the same */
    const char *types;           /* in front of get() in what is imported */
    uint8_t value;               /* is added to what they give */
    const uint8_t *code;         /* what get() does behind that; default: nothing */
    size_t code_size;
    bool starts; /* it calls them when it is made, too */
} bundle_caller;

/* Its get() gives the sum of what the get() of its imports give and of `value`. */
void bundle_component_put_caller(const bundle_folder *f, const char *path,
                                 const bundle_caller *caller);

#endif
