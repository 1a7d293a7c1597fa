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

/* ---------------------------------------------------------------- that call others */

typedef struct module_bytes {
    uint8_t at[2048];
    size_t size;
} module_bytes;

static void put(module_bytes *b, const void *from, size_t size)
{
    assert_true(b->size + size <= sizeof b->at);
    if (size != 0)
        memcpy(b->at + b->size, from, size);
    b->size += size;
}

static void put_byte(module_bytes *b, size_t value)
{
    assert_true(value < 128);
    put(b, &(uint8_t){ (uint8_t)value }, 1);
}

static void put_name(module_bytes *b, const char *package, const char *name, size_t size,
                     const char *tail)
{
    char text[128];
    int length = snprintf(text, sizeof text, "%s/%.*s@%s", package, (int)size, name, tail);

    put_byte(b, (size_t)length);
    put(b, text, (size_t)length);
}

static void put_section(module_bytes *b, uint8_t id, const module_bytes *body)
{
    const uint8_t head[] = { id, (uint8_t)(0x80 | (body->size & 0x7f)),
                             (uint8_t)(body->size >> 7) };

    put(b, head, sizeof head);
    put(b, body->at, body->size);
}

static size_t count_names(const char *names)
{
    size_t count = *names != '\0';

    for (; *names != '\0'; names++)
        count += *names == ' ';
    return count;
}

static void make_caller(module_bytes *out, const bundle_caller *c)
{
    size_t imports = count_names(c->imports), size;
    module_bytes import = { .size = 0 }, export = { .size = 0 }, body = { .size = 0 },
                 code = { .size = 0 };

    put(out, "\0asm\1\0\0\0\1\10\2\x60\0\1\x7f\x60\0\0", 18);
    put_byte(&import, imports);
    for (const char *name = c->imports; *name != '\0'; name += size + (name[size] == ' ')) {
        size = strcspn(name, " ");
        put_name(&import, c->from, name, size, c->imports_version);
        put(&import, "\3get\0\0", 6);
    }
    put_byte(&export, count_names(c->exports) + c->starts);
    if (c->starts) {
        put(&export, "\13_initialize\0", 13);
        put_byte(&export, imports + 1);
    }
    for (const char *name = c->exports; *name != '\0'; name += size + (name[size] == ' ')) {
        size = strcspn(name, " ");
        put_name(&export, c->own, name, size, "1.0.0#get");
        put_byte(&export, 0);
        put_byte(&export, imports);
    }
    put(&body, "\0\x41", 2); /* no locals; i32.const */
    put_byte(&body, c->value);
    for (size_t i = 0; i < imports; i++) {
        put_byte(&body, 0x10); /* call */
        put_byte(&body, i);
        put_byte(&body, 0x6a); /* i32.add */
    }
    put(&body, c->code, c->code_size);
    put_byte(&body, 0x0b);
    put_byte(&code, c->starts ? 2 : 1);
    put_byte(&code, body.size);
    put(&code, body.at, body.size);
    if (c->starts) { /* no locals; call it; drop */
        put(&code, "\5\0\x10", 3);
        put_byte(&code, imports);
        put(&code, "\x1a\x0b", 2);
    }
    put_section(out, 2, &import);
    put_section(out, 3,
                c->starts ? &(module_bytes){ { 2, 0, 1 }, 3 } : &(module_bytes){ { 1, 0 }, 2 });
    put_section(out, 7, &export);
    put_section(out, 10, &code);
}

static void write_world(const bundle_folder *f, const bundle_caller *c)
{
    char imported[1024] = "", own[1024] = "", world[1024] = "";
    size_t size;

    for (const char *name = c->imports; *name != '\0'; name += size + (name[size] == ' ')) {
        size = strcspn(name, " ");
        snprintf(imported + strlen(imported), sizeof imported - strlen(imported),
                 "  interface %.*s { %s get: %s; }\n", (int)size, name, c->types, c->type);
        snprintf(world + strlen(world), sizeof world - strlen(world), "  import %s/%.*s@%s;\n",
                 c->from, (int)size, name, c->imports_version);
    }
    for (const char *name = c->exports; *name != '\0'; name += size + (name[size] == ' ')) {
        size = strcspn(name, " ");
        snprintf(own + strlen(own), sizeof own - strlen(own), "interface %.*s { get: %s; }\n",
                 (int)size, name, c->own_type);
        snprintf(world + strlen(world), sizeof world - strlen(world), "  export %.*s;\n",
                 (int)size, name);
    }
    bundle_folder_text(f, "w.wit", "package %s@1.0.0;\n%sworld w {\n%s}\n", c->own, own, world);
    if (*imported != '\0')
        bundle_folder_text(f, "w.wit",
                           "package %s@1.0.0;\n%sworld w {\n%s}\npackage %s@%s {\n%s}\n",
                           c->own, own, world, c->from, c->imports_version, imported);
}

void bundle_component_put_caller(const bundle_folder *f, const char *path,
                                 const bundle_caller *caller)
{
    berth_wrap_options how = BERTH_WRAP_OPTIONS_INIT;
    bundle_caller c = *caller;
    module_bytes core = { .size = 0 };
    berth_diag diag = { 0 };
    berth_arena *arena;
    const void *bytes;
    char *wit_path;
    size_t size;

    c.own = c.own == NULL ? "x:u" : c.own;
    c.from = c.from == NULL ? "x:y" : c.from;
    c.exports = c.exports == NULL ? "u" : c.exports;
    c.imports = c.imports == NULL ? "" : c.imports;
    c.imports_version = c.imports_version == NULL ? "1.0.0" : c.imports_version;
    c.type = c.type == NULL ? "func() -> u32" : c.type;
    c.own_type = c.own_type == NULL ? "func() -> u32" : c.own_type;
    c.types = c.types == NULL ? "" : c.types;
    make_caller(&core, &c);
    write_world(f, &c);
    wit_path = strdup(bundle_folder_at(f, "w.wit"));
    how.wit_paths = (const char *const *)&wit_path;
    how.wit_paths_count = 1;
    assert_int_equal(berth_arena_create(NULL, 0, &arena, NULL), BERTH_OK);
    if (berth_component_wrap(core.at, core.size, &how, arena, &bytes, &size, &diag) != BERTH_OK)
        fail_msg("%s", diag.text);
    bundle_folder_put(f, path, bytes, size);
    berth_arena_destroy(arena);
    bundle_folder_delete(f, "w.wit");
    free(wit_path);
}
