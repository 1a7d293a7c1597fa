/* bundle_folder.c - folders with bundles in them. */
#include "bundle_folder.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

void bundle_folder_make(bundle_folder *f)
{
    snprintf(f->path, sizeof f->path, "/tmp/berth-bundle-XXXXXX");
    assert_non_null(mkdtemp(f->path));
}

static int remove_one(const char *path, const struct stat *at, int kind, struct FTW *where)
{
    (void)at;
    (void)kind;
    (void)where;
    return remove(path);
}

void bundle_folder_remove(bundle_folder *f)
{
    assert_int_equal(nftw(f->path, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

const char *bundle_folder_at(const bundle_folder *f, const char *name)
{
    static char paths[4][512];
    static unsigned next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof paths[0], "%s%s%s", f->path, *name == '\0' ? "" : "/", name);
    return path;
}

static void make_folders(const bundle_folder *f, const char *name)
{
    char path[512];
    size_t root = strlen(f->path);

    snprintf(path, sizeof path, "%s/%s", f->path, name);
    for (char *c = path + root + 1; *c != '\0'; c++)
        if (*c == '/') {
            *c = '\0';
            (void)mkdir(path, 0700);
            *c = '/';
        }
}

void bundle_folder_put(const bundle_folder *f, const char *name, const void *bytes, size_t size)
{
    FILE *file;

    make_folders(f, name);
    file = fopen(bundle_folder_at(f, name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

void bundle_folder_text(const bundle_folder *f, const char *name, const char *format, ...)
{
    char text[16384];
    va_list args;
    int size;

    va_start(args, format);
    size = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    assert_true(size >= 0 && (size_t)size < sizeof text);
    bundle_folder_put(f, name, text, (size_t)size);
}

void bundle_folder_link(const bundle_folder *f, const char *name, const char *target)
{
    make_folders(f, name);
    assert_int_equal(symlink(target, bundle_folder_at(f, name)), 0);
}

void bundle_folder_delete(const bundle_folder *f, const char *name)
{
    assert_int_equal(remove(bundle_folder_at(f, name)), 0);
}

void bundle_folder_bundle(const bundle_folder *f, const char *folder, const char *name,
                          const char *version, const char *more)
{
    static const uint8_t component[] = { 0, 'a', 's', 'm', 0x0d, 0, 1, 0 };
    char path[256];

    snprintf(path, sizeof path, "%s/berth.toml", folder);
    bundle_folder_text(f, path,
                       "[bundle]\nname = \"%s\"\nversion = \"%s\"\n"
                       "[[artifact]]\nkind = \"component\"\nfile = \"it.wasm\"\n%s",
                       name, version, more);
    snprintf(path, sizeof path, "%s/it.wasm", folder);
    bundle_folder_put(f, path, component, sizeof component);
}
