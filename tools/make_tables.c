/* make_tables.c - `berth bindgen host` while the library is built: what of it does not need the tables.
 *
 *     make_tables FOLDER PREFIX PATH.wit...     the last one has the world */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <berth/bindgen.h>

static _Noreturn void die(const char *what, const char *why)
{
    fprintf(stderr, "make_tables: %s: %s\n", what, why);
    exit(1);
}

static void write_file(const char *folder, const berth_bindgen_file *file)
{
    char path[4096];
    FILE *out;

    if (snprintf(path, sizeof path, "%s/%s", folder, file->name) >= (int)sizeof path)
        die(folder, "too long");
    out = fopen(path, "w");
    if (out == NULL)
        die(path, "cannot be written");
    if (fwrite(file->text, 1, file->size, out) != file->size || fclose(out) != 0)
        die(path, "cannot be written");
}

int main(int argc, char **argv)
{
    berth_bindgen_options options = BERTH_BINDGEN_OPTIONS_INIT;
    const berth_bindgen_file *files;
    berth_diag diag = { 0 };
    berth_arena *arena = NULL;
    uint32_t count = 0;

    if (argc < 4)
        die("usage", "make_tables FOLDER PREFIX PATH.wit...");
    options.prefix = argv[2];
    options.wit_paths = (const char *const *)&argv[3];
    options.wit_paths_count = (uint32_t)argc - 3;
    if (berth_arena_create(NULL, 0, &arena, &diag) != BERTH_OK ||
        berth_bindgen(&options, arena, &files, &count, &diag) != BERTH_OK)
        die(argv[argc - 1], diag.text);
    for (uint32_t i = 0; i < count; i++)
        write_file(argv[1], &files[i]);
    berth_arena_destroy(arena);
    return 0;
}
