/* links_bundle.c - two plugins, of which one calls the other, as bundles. */
#include "links_bundle.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guests.h"

static const char manifest[] = "[bundle]\nname = \"%s\"\nversion = \"%s\"\n[[artifact]]\n"
                               "kind = \"%s\"\nfile = \"%s\"\n%s[[provides]]\n"
                               "contract = \"test:links/%s@1.0.0\"\n%s%s";

void links_put(const bundle_folder *f, const char *dir, const char *version, const char *kind,
               const char *build, const char *tail)
{
    bool is_giver = strncmp(build, "giver", 5) == 0, is_native = strcmp(kind, "native") == 0;
    const char *file = is_native ? "it.so" : "it.wasm";
    char path[128], name[64];
    uint8_t *bytes;
    size_t size;

    snprintf(path, sizeof path, "%s/berth.toml", dir);
    bundle_folder_text(f, path, manifest, is_giver ? "giver" : "taker", version, kind, file,
                       is_native ? "os = \"linux\"\narch = \"" LINKS_ARCH "\"\n" : "",
                       is_giver ? "base" : "user",
                       is_giver ? "" : "[[requires]]\ncontract = \"test:links/base@1.0.0\"\n",
                       tail);
    snprintf(name, sizeof name, "%s%s", build,
             is_native                     ? ".so"
             : strcmp(kind, "module") == 0 ? ".wasm.bindings/core.wasm"
                                           : ".wasm");
    bytes = links_read(name, &size);
    snprintf(path, sizeof path, "%s/%s", dir, file);
    bundle_folder_put(f, path, bytes, size);
    free(bytes);
}
