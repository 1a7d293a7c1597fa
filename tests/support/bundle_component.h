/* bundle_component.h - components that export interfaces whose only function gives a number. */
#ifndef BERTHT_BUNDLE_COMPONENT_H
#define BERTHT_BUNDLE_COMPONENT_H

#include <stdint.h>

#include "bundle_folder.h"

/* Writes one to `path` in the folder: it exports "x:y/NAME@VERSION" with `get: func() -> u32`, which
 * gives `value` (less than 64), for each NAME between blanks. */
void bundle_component_put(const bundle_folder *f, const char *path, const char *interfaces,
                          const char *version, uint8_t value);

#endif
