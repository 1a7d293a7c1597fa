/* bundle_component.c - components with a number. */
#include "bundle_component.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <berth/arena.h>
#include <berth/component.h>

/* A core module whose only function gives `value`, exported for each of the names between blanks. */
static size_t make_core(uint8_t *out, const char *interfaces, const char *version,
                        uint8_t value)
{
    static const uint8_t head[] = { 0, 'a',  's', 'm', 1,    0, 0, 0, 1, 5,
                                    1, 0x60, 0,   1,   0x7f, 3, 2, 1, 0, 7 };
    uint8_t section[1024];
    size_t at = sizeof head, used = 1;

    memcpy(out, head, sizeof head);
    section[0] = 0;
    while (*interfaces != '\0') {
        size_t size = strcspn(interfaces, " ");
        char name[128];
        int length =
            snprintf(name, sizeof name, "x:y/%.*s@%s#get", (int)size, interfaces, version);

        section[0]++;
        section[used++] = (uint8_t)length;
        memcpy(section + used, name, (size_t)length);
        used += (size_t)length;
        section[used++] = 0; /* a function */
        section[used++] = 0;
        interfaces += size + (interfaces[size] == ' ');
    }
    out[at++] = (uint8_t)(0x80 | (used & 0x7f));
    out[at++] = (uint8_t)(used >> 7);
    memcpy(out + at, section, used);
    at += used;
    memcpy(out + at, (uint8_t[]){ 10, 6, 1, 4, 0, 0x41, value, 0x0b }, 8);
    return at + 8;
}

void bundle_component_put(const bundle_folder *f, const char *path, const char *interfaces,
                          const char *version, uint8_t value)
{
    char wit[1024], world[512] = "world w {", *wit_path;
    const char *paths[1], *name = interfaces;
    berth_wrap_options how = BERTH_WRAP_OPTIONS_INIT;
    berth_diag diag = { 0 };
    berth_arena *arena;
    uint8_t core[2048];
    const void *bytes;
    size_t used, size;

    used = (size_t)snprintf(wit, sizeof wit, "package x:y@%s;\n", version);
    while (*name != '\0') {
        int length = (int)strcspn(name, " ");

        used += (size_t)snprintf(wit + used, sizeof wit - used,
                                 "interface %.*s { get: func() -> u32; }\n", length, name);
        snprintf(world + strlen(world), sizeof world - strlen(world), " export %.*s;", length,
                 name);
        name += length + (name[length] == ' ');
    }
    snprintf(wit + used, sizeof wit - used, "%s }\n", world);
    bundle_folder_text(f, "w.wit", "%s", wit);
    wit_path = strdup(bundle_folder_at(f, "w.wit"));
    paths[0] = wit_path;
    how.wit_paths = paths;
    how.wit_paths_count = 1;
    assert_int_equal(berth_arena_create(NULL, 0, &arena, NULL), BERTH_OK);
    size = make_core(core, interfaces, version, value);
    if (berth_component_wrap(core, size, &how, arena, &bytes, &size, &diag) != BERTH_OK)
        fail_msg("%s", diag.text);
    bundle_folder_put(f, path, bytes, size);
    berth_arena_destroy(arena);
    bundle_folder_delete(f, "w.wit");
    free(wit_path);
}
