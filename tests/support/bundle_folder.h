/* bundle_folder.h - folders of a test, under /tmp, with what the test puts into them. */
#ifndef BERTHT_BUNDLE_FOLDER_H
#define BERTHT_BUNDLE_FOLDER_H

#include <stddef.h>

typedef struct bundle_folder {
    char path[64];
} bundle_folder;

void bundle_folder_make(bundle_folder *f);
void bundle_folder_remove(bundle_folder *f); /* with all that is in it */

/* Folders in front of the name are made. */
void bundle_folder_put(const bundle_folder *f, const char *name, const void *bytes,
                       size_t size);
void bundle_folder_text(const bundle_folder *f, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void bundle_folder_link(const bundle_folder *f, const char *name, const char *target);
void bundle_folder_delete(const bundle_folder *f, const char *name);

/* The path of a name in it; good until the fourth call after this one. */
const char *bundle_folder_at(const bundle_folder *f, const char *name);

/* A bundle NAME with an empty component, in a folder of that name; `more` follows in its berth.toml. */
void bundle_folder_bundle(const bundle_folder *f, const char *folder, const char *name,
                          const char *version, const char *more);

#endif
