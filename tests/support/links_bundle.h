/* links_bundle.h - tests/plugins/links/ as bundles: `taker` calls `giver`. */
#ifndef BERTHT_LINKS_BUNDLE_H
#define BERTHT_LINKS_BUNDLE_H

#include "bundle_folder.h"

#if defined(__aarch64__)
#define LINKS_ARCH "aarch64"
#else
#define LINKS_ARCH "x86_64"
#endif

/* In `dir`: that build ("giver", "giver_biased" or "taker") as a "component", a "module" or "native".  `tail`
 * follows in its berth.toml. */
void links_put(const bundle_folder *f, const char *dir, const char *version, const char *kind,
               const char *build, const char *tail);

#endif
