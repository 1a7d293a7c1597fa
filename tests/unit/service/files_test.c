/* files_test.c - which names a plugin may open by its grants, and what becomes of them. */
#include "service/files/files.h"

#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memory.h"
#include "os_faults.h"
#include "process.h"

#include <cmocka.h>

enum { LINES_MAX = 12 };

typedef struct rig {
    char base[64];
    size_t descriptors;
    bertht_memory memory;
    berth_allocator allocator;
    berth_grants *grants;
    berthi_services *services;
    berthi_files_node *top; /* the first folder, or NULL */
} rig;

static const char *in(const rig *r, const char *path)
{
    static char text[160];

    snprintf(text, sizeof text, "%s/%s", r->base, path);
    return text;
}

static void put(const rig *r, const char *path, const char *words)
{
    FILE *file = fopen(in(r, path), "w");

    assert_non_null(file);
    assert_true(fputs(words, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* A tree:  a.txt b.bin deep/c.txt deep/er/d.txt secret/s.txt  link -> secret  odd -> deep/c.txt */
static int setup(void **state)
{
    rig *r = calloc(1, sizeof *r);

    assert_non_null(r);
    snprintf(r->base, sizeof r->base, "/tmp/berth-files-XXXXXX");
    assert_non_null(mkdtemp(r->base));
    assert_int_equal(mkdir(in(r, "deep"), 0755), 0);
    assert_int_equal(mkdir(in(r, "deep/er"), 0755), 0);
    assert_int_equal(mkdir(in(r, "secret"), 0755), 0);
    put(r, "a.txt", "text a");
    put(r, "b.bin", "bytes b");
    put(r, "deep/c.txt", "text c");
    put(r, "deep/er/d.txt", "text d");
    put(r, "secret/s.txt", "text s");
    assert_int_equal(symlink("secret", in(r, "link")), 0);
    assert_int_equal(symlink("deep/c.txt", in(r, "odd")), 0);
    r->descriptors = process_descriptors();
    memory_init(&r->memory);
    r->allocator = memory_allocator(&r->memory);
    *state = r;
    return 0;
}

static void take_all(rig *r)
{
    berthi_object_unref(r->top);
    if (r->services != NULL) {
        assert_int_equal(r->services->objects, 0);
        berthi_services_end(r->services);
    }
    berth_grants_destroy(r->grants);
    r->top = NULL;
    r->services = NULL;
    r->grants = NULL;
}

static int remove_one(const char *path, const struct stat *at, int kind, struct FTW *walk)
{
    (void)at;
    (void)kind;
    (void)walk;
    return remove(path);
}

static int teardown(void **state)
{
    rig *r = *state;

    os_faults_end();
    take_all(r);
    memory_assert_empty(&r->memory);
    assert_int_equal(process_descriptors(), r->descriptors);
    assert_int_equal(nftw(r->base, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
    free(r);
    return 0;
}

/* The tree is /t for the plugin, by these grants. */
static void grant(rig *r, const char *first, ...)
{
    static const berthi_service_owner owner = { "tenant", "slot", "plugin", NULL, NULL };
    berth_grants_options options = BERTH_GRANTS_OPTIONS_INIT;
    const char *lines[LINES_MAX], *line;
    char mount[96];
    berth_diag diag;
    va_list rest;

    take_all(r);
    snprintf(mount, sizeof mount, "fs:mount:/t=%s", r->base);
    lines[options.grants_count++] = mount;
    va_start(rest, first);
    for (line = first; line != NULL; line = va_arg(rest, const char *))
        lines[options.grants_count++] = line;
    va_end(rest);
    options.grants = lines;
    if (berth_grants_create(&r->allocator, &options, &r->grants, &diag) != BERTH_OK)
        fail_msg("%s", diag.text);
    r->services = berthi_services_make(&r->allocator, r->grants, &owner);
    assert_non_null(r->services);
    if (berthi_files_folders(r->services) > 0) {
        const char *name;

        assert_int_equal(berthi_files_open_folder(r->services, 0, &r->top, &name),
                         BERTHI_CODE_OK);
        assert_memory_equal(name, "/t", 2);
    }
}

#define GRANT(r, ...) grant(r, __VA_ARGS__, NULL)

static berthi_dir_path path_of(const char *text)
{
    return (berthi_dir_path){ text, strlen(text), false };
}

static berthi_code open_how(rig *r, const char *path, berthi_dir_how how)
{
    berthi_files_node *node = NULL;
    berthi_code code = berthi_files_open(r->top, path_of(path), &how, &node);

    assert_true((code == BERTHI_CODE_OK) == (node != NULL));
    berthi_object_unref(node);
    return code;
}

static void assert_code(const char *what, berthi_code is, berthi_code wanted)
{
    if (is != wanted)
        fail_msg("%s: %s, not %s", what, berthi_code_name(is), berthi_code_name(wanted));
}

#define READ(path, code)                                                                       \
    assert_code("read " path,                                                                  \
                open_how(r, path, (berthi_dir_how){ .reads = true, .follows = true }),         \
                BERTHI_CODE_##code)
#define WRITE(path, code)                                                                      \
    assert_code(                                                                               \
        "write " path,                                                                         \
        open_how(r, path,                                                                      \
                 (berthi_dir_how){ .writes = true, .creates = true, .follows = true }),        \
        BERTHI_CODE_##code)
#define STAT(path, code)                                                                       \
    assert_code("stat " path,                                                                  \
                berthi_files_stat_at(r->top, path_of(path), true, &(berthi_file_stat){ 0 }),   \
                BERTHI_CODE_##code)

static void nothing_is_there_that_was_not_granted(void **state)
{
    rig *r = *state;

    grant(r, NULL, NULL);
    assert_int_equal(berthi_files_folders(r->services), 0);
    GRANT(r, "fs:read:/t/**");
    assert_int_equal(berthi_files_folders(r->services), 1);
    READ("a.txt", OK);
    READ("deep/er/d.txt", OK);
    READ("link/s.txt", OK); /* who may read everything may follow what leads there */
    READ("none", NO_ENTRY);
    READ("../x", NOT_PERMITTED);
    READ("/t/a.txt", NOT_PERMITTED);
    WRITE("a.txt", ACCESS);
    WRITE("new", ACCESS);
    STAT("deep", OK);
    STAT("secret/s.txt", OK);
    assert_false(berthi_files_may_mutate(r->top));
}

static void a_folder_in_parts_shows_its_parts_and_the_way_to_them(void **state)
{
    rig *r = *state;
    berthi_files_node *node;
    berthi_files_list *list;
    berthi_dir_how how = { .reads = true };

    GRANT(r, "fs:read:/t/deep/er/*.txt", "fs:read:/t/*.txt");
    READ("a.txt", OK);
    READ("b.bin", ACCESS);
    READ("none.txt", NO_ENTRY);
    READ("none.bin", ACCESS); /* as if it were there */
    READ("deep/c.txt", ACCESS);
    READ("deep/er/d.txt", OK);
    READ("deep/er/../../a.txt", OK);
    READ("secret", ACCESS);
    READ("secret/s.txt", ACCESS);
    STAT("deep", OK);
    STAT("deep/er", OK);
    STAT("deep/c.txt", ACCESS);
    STAT("secret", ACCESS);
    assert_int_equal(berthi_files_open(r->top, path_of("deep"), &how, &node), BERTHI_CODE_OK);
    assert_int_equal(node->kind, BERTHI_FILE_DIRECTORY);
    assert_string_equal(node->name, "/t/deep");
    assert_int_equal(berthi_files_list_open(node, &list), BERTHI_CODE_ACCESS);
    berthi_object_unref(node);
}

static void links_do_not_make_a_granted_name_of_another(void **state)
{
    rig *r = *state;
    char text[32];
    size_t size;

    GRANT(r, "fs:read:/t/link/**", "fs:read:/t/odd", "fs:write:/t/deep/**");
    READ("link/s.txt", LOOP);
    READ("odd", LOOP);
    READ("deep/../link/s.txt", LOOP);
    assert_int_equal(berthi_files_readlink(r->top, path_of("odd"), text, sizeof text, &size),
                     BERTHI_CODE_OK);
    GRANT(r, "fs:read:/t/**", "deny:fs:read:/t/secret/**");
    READ("secret/s.txt", ACCESS);
    READ("link/s.txt", LOOP);
    READ("a.txt", OK);
    STAT("link/s.txt", LOOP);
}

/* Reading may follow them, so a folder that was reached by one is not where its name says. */
static void a_link_to_a_folder_gives_no_right_of_where_it_stands(void **state)
{
    const berthi_dir_how reads = { .reads = true, .follows = true, .directory = true },
                         writes = { .writes = true, .creates = true };
    const berthi_new_time now = { .what = BERTHI_TIME_NOW };
    rig *r = *state;
    berthi_files_node *led, *below, *node;

    GRANT(r, "fs:read:/t/**", "fs:write:/t/deep/**");
    assert_int_equal(berthi_files_symlink(r->top, path_of("../secret"), path_of("deep/out")),
                     BERTHI_CODE_OK);
    assert_int_equal(berthi_files_open(r->top, path_of("deep/out"), &reads, &led),
                     BERTHI_CODE_OK);
    assert_int_equal(
        berthi_files_open(led, path_of("s.txt"), &(berthi_dir_how){ .reads = true }, &node),
        BERTHI_CODE_OK);
    berthi_object_unref(node);
    assert_int_equal(berthi_files_open(led, path_of("new"), &writes, &node),
                     BERTHI_CODE_ACCESS);
    assert_int_equal(berthi_files_unlink(led, path_of("s.txt")), BERTHI_CODE_ACCESS);
    assert_int_equal(berthi_files_rename(led, path_of("s.txt"), r->top, path_of("deep/s")),
                     BERTHI_CODE_ACCESS);
    assert_int_equal(berthi_files_set_times(led, now, now), BERTHI_CODE_ACCESS);
    assert_false(berthi_files_may_mutate(led));
    assert_int_equal(berthi_files_open(led, path_of("."), &reads, &below), BERTHI_CODE_OK);
    assert_int_equal(berthi_files_make(below, path_of("new")), BERTHI_CODE_ACCESS);
    berthi_object_unref(below);
    berthi_object_unref(led);
    /* One without links on the way is. */
    assert_int_equal(berthi_files_open(r->top, path_of("deep/er"), &reads, &node),
                     BERTHI_CODE_OK);
    assert_true(berthi_files_may_mutate(node));
    assert_int_equal(berthi_files_make(node, path_of("new")), BERTHI_CODE_OK);
    berthi_object_unref(node);
}

/* /t/deep is secret/ here; what the outer folder has by that name is nobody's. */
static void a_mount_hides_what_lies_below_its_name(void **state)
{
    const berthi_dir_how reads = { .reads = true, .follows = true };
    rig *r = *state;
    berthi_files_node *inner, *node;
    char line[192];
    const char *name;

    snprintf(line, sizeof line, "fs:mount:/t/deep=%s", in(r, "secret"));
    assert_int_equal(symlink("deep/c.txt", in(r, "a.lnk")), 0);
    GRANT(r, "fs:read:/t/**", "fs:write:/t/deep/**", line);
    assert_int_equal(berthi_files_folders(r->services), 2);
    assert_int_equal(berthi_files_open_folder(r->services, 1, &inner, &name), BERTHI_CODE_OK);
    assert_string_equal(name, "/t/deep");
    assert_int_equal(berthi_files_open(inner, path_of("s.txt"), &reads, &node), BERTHI_CODE_OK);
    berthi_object_unref(node);
    assert_int_equal(berthi_files_make(inner, path_of("new")), BERTHI_CODE_OK);
    assert_int_equal(berthi_files_remove(inner, path_of("new")), BERTHI_CODE_OK);
    READ("a.txt", OK);
    READ("deep/c.txt", ACCESS);
    READ("deep", ACCESS);
    READ("secret/../deep", ACCESS);
    STAT("deep/c.txt", ACCESS);
    WRITE("deep/new", ACCESS);
    READ("a.lnk", LOOP);
    berthi_object_unref(inner);
    GRANT(r, "fs:read:/t/**", "fs:write:/t/**", "fs:mount:/t/deep/er=/tmp");
    READ("deep/c.txt", OK);
    READ("deep/er/d.txt", ACCESS);
    assert_int_equal(berthi_files_rename(r->top, path_of("deep"), r->top, path_of("moved")),
                     BERTHI_CODE_ACCESS);
}

static void what_is_moved_or_named_twice_has_to_be_granted_in_full(void **state)
{
    rig *r = *state;

    GRANT(r, "fs:read:/t/open/**", "fs:write:/t/**");
    assert_int_equal(berthi_files_make(r->top, path_of("open")), BERTHI_CODE_OK);
    /* It would be readable under its new name. */
    assert_int_equal(
        berthi_files_rename(r->top, path_of("a.txt"), r->top, path_of("open/a.txt")),
        BERTHI_CODE_ACCESS);
    assert_int_equal(berthi_files_link(r->top, path_of("a.txt"), r->top, path_of("open/a.txt")),
                     BERTHI_CODE_ACCESS);
    assert_int_equal(berthi_files_rename(r->top, path_of("secret"), r->top, path_of("open/s")),
                     BERTHI_CODE_ACCESS);
    WRITE("open/x", OK);
    assert_int_equal(berthi_files_rename(r->top, path_of("open/x"), r->top, path_of("open/y")),
                     BERTHI_CODE_OK);
    assert_int_equal(berthi_files_link(r->top, path_of("open/y"), r->top, path_of("open/z")),
                     BERTHI_CODE_OK);

    GRANT(r, "fs:read:/t/**", "fs:write:/t/open/**");
    assert_int_equal(
        berthi_files_rename(r->top, path_of("a.txt"), r->top, path_of("open/a.txt")),
        BERTHI_CODE_ACCESS);
    assert_int_equal(berthi_files_link(r->top, path_of("a.txt"), r->top, path_of("open/a.txt")),
                     BERTHI_CODE_ACCESS);
    assert_int_equal(berthi_files_rename(r->top, path_of("open/y"), r->top, path_of("y")),
                     BERTHI_CODE_ACCESS);

    /* Of a folder all has to be granted, not its name alone. */
    GRANT(r, "fs:read:/t/**", "fs:write:/t/**", "deny:fs:read:/t/deep/er/**");
    assert_int_equal(berthi_files_rename(r->top, path_of("deep"), r->top, path_of("moved")),
                     BERTHI_CODE_ACCESS);
    assert_int_equal(berthi_files_rename(r->top, path_of("secret"), r->top, path_of("moved")),
                     BERTHI_CODE_OK);
    assert_int_equal(berthi_files_unlink(r->top, path_of("moved/s.txt")), BERTHI_CODE_OK);
    assert_int_equal(berthi_files_remove(r->top, path_of("moved")), BERTHI_CODE_OK);

    /* Nor does a folder bring along what may not be written where it goes. */
    GRANT(r, "fs:read:/t/**", "fs:write:/t/**", "deny:fs:write:/t/etc/d.txt");
    assert_int_equal(berthi_files_rename(r->top, path_of("deep/er"), r->top, path_of("etc")),
                     BERTHI_CODE_ACCESS);
    assert_int_equal(berthi_files_rename(r->top, path_of("deep/er"), r->top, path_of("else")),
                     BERTHI_CODE_OK);
}

static void names_are_what_the_plugin_says(void **state)
{
    static char name[BERTHI_DIR_PATH_MAX + 2];
    rig *r = *state;
    berthi_dir_how how = { .reads = true };
    berthi_files_node *deep, *node;

    GRANT(r, "fs:read:/t/**");
    assert_int_equal(berthi_files_open(r->top, path_of("./deep//er/../"), &how, &deep),
                     BERTHI_CODE_OK);
    assert_string_equal(deep->name, "/t/deep");
    assert_int_equal(berthi_files_open(deep, path_of("../a.txt"), &how, &node),
                     BERTHI_CODE_NOT_PERMITTED);
    assert_int_equal(berthi_files_open(deep, path_of("er/../../deep/c.txt"), &how, &node),
                     BERTHI_CODE_NOT_PERMITTED);
    assert_int_equal(berthi_files_open(deep, path_of("."), &how, &node), BERTHI_CODE_OK);
    assert_string_equal(node->name, "/t/deep");
    assert_true(berthi_files_same(deep, node));
    assert_false(berthi_files_same(deep, r->top));
    berthi_object_unref(node);
    assert_int_equal(berthi_files_open(deep, path_of("c.txt"), &how, &node), BERTHI_CODE_OK);
    assert_int_equal(berthi_files_stat_at(node, path_of("x"), true, &(berthi_file_stat){ 0 }),
                     BERTHI_CODE_NOT_DIRECTORY);
    berthi_object_unref(node);
    berthi_object_unref(deep);
    STAT("", NO_ENTRY);
    memset(name, 'x', sizeof name);
    assert_int_equal(
        berthi_files_open(r->top, (berthi_dir_path){ name, sizeof name, false }, &how, &node),
        BERTHI_CODE_NAME_TOO_LONG);
    assert_int_equal(
        berthi_files_open(r->top, (berthi_dir_path){ "a\0b", 3, false }, &how, &node),
        BERTHI_CODE_INVALID);
}

static void nodes_do_what_they_were_opened_for(void **state)
{
    rig *r = *state;
    berthi_files_node *reads, *writes;
    const berthi_new_time now = { .what = BERTHI_TIME_NOW };
    uint64_t before[2], after[2];
    berthi_file_stat at;
    char text[16];
    size_t done;

    GRANT(r, "fs:read:/t/**", "fs:write:/t/**");
    assert_int_equal(
        berthi_files_open(r->top, path_of("a.txt"), &(berthi_dir_how){ .reads = true }, &reads),
        BERTHI_CODE_OK);
    assert_int_equal(berthi_files_open(r->top, path_of("a.txt"),
                                       &(berthi_dir_how){ .writes = true }, &writes),
                     BERTHI_CODE_OK);
    assert_int_equal(berthi_files_read(writes, text, 1, 0, &done), BERTHI_CODE_BAD_DESCRIPTOR);
    assert_int_equal(berthi_files_write(reads, "x", 1, 0, &done), BERTHI_CODE_BAD_DESCRIPTOR);
    assert_int_equal(berthi_files_append(reads, "x", 1, &done), BERTHI_CODE_BAD_DESCRIPTOR);
    assert_int_equal(berthi_files_set_size(reads, 0), BERTHI_CODE_BAD_DESCRIPTOR);
    assert_int_equal(berthi_files_set_times(reads, now, now), BERTHI_CODE_BAD_DESCRIPTOR);
    assert_int_equal(berthi_files_read(r->top, text, 1, 0, &done), BERTHI_CODE_BAD_DESCRIPTOR);
    assert_int_equal(berthi_files_advise(r->top, 0, 0, BERTHI_ADVICE_NORMAL),
                     BERTHI_CODE_BAD_DESCRIPTOR);
    assert_int_equal(berthi_files_stat(reads, &at), BERTHI_CODE_OK);
    assert_int_equal(berthi_files_hash(&at, before), BERTHI_CODE_OK);
    assert_int_equal(berthi_files_write(writes, "more text", 9, 0, &done), BERTHI_CODE_OK);
    assert_int_equal(berthi_files_append(writes, "!", 1, &done), BERTHI_CODE_OK);
    assert_int_equal(berthi_files_read(reads, text, sizeof text, 0, &done), BERTHI_CODE_OK);
    assert_int_equal(done, 10);
    assert_memory_equal(text, "more text!", 10);
    assert_int_equal(berthi_files_stat(reads, &at), BERTHI_CODE_OK);
    assert_int_equal(berthi_files_hash(&at, after), BERTHI_CODE_OK);
    assert_true(before[0] != after[0] && before[1] != after[1]);
    assert_int_equal(berthi_files_set_size(writes, 2), BERTHI_CODE_OK);
    assert_int_equal(berthi_files_set_times(writes, now, now), BERTHI_CODE_OK);
    assert_int_equal(berthi_files_set_times(r->top, now, now), BERTHI_CODE_OK);
    assert_int_equal(berthi_files_sync(writes, true), BERTHI_CODE_OK);
    assert_int_equal(berthi_files_advise(reads, 0, 0, BERTHI_ADVICE_RANDOM), BERTHI_CODE_OK);
    assert_true(berthi_files_may_mutate(r->top));
    assert_false(berthi_files_may_mutate(reads));
    berthi_object_unref(reads);
    berthi_object_unref(writes);
}

static void streams_read_and_write_on_in_any_order_of_dropping(void **state)
{
    rig *r = *state;
    berthi_dir_how how = { .reads = true, .writes = true, .creates = true };
    berthi_files_node *node;
    berthi_output *out, *end;
    berthi_input *input;
    char text[32];
    uint64_t skipped = 100;
    size_t size = sizeof text, room = 0;

    GRANT(r, "fs:read:/t/**", "fs:write:/t/**");
    assert_int_equal(berthi_files_open(r->top, path_of("s"), &how, &node), BERTHI_CODE_OK);
    assert_int_equal(berthi_files_output(node, 2, false, &out), BERTHI_CODE_OK);
    assert_int_equal(berthi_files_output(node, UINT64_MAX, false, &end),
                     BERTHI_CODE_FILE_TOO_LARGE);
    assert_int_equal(berthi_files_output(node, 0, true, &end), BERTHI_CODE_OK);
    assert_int_equal(berthi_files_input(node, UINT64_MAX, &input), BERTHI_CODE_INVALID);
    assert_int_equal(berthi_files_input(node, 1, &input), BERTHI_CODE_OK);
    berthi_object_unref(node); /* the streams keep it */
    assert_int_equal(out->ops->check(out, &room), BERTHI_CODE_OK);
    assert_true(room >= 4096);
    assert_int_equal(out->ops->write(out, "abc", 3), BERTHI_CODE_OK);
    assert_int_equal(end->ops->write(end, "XYZ", 3), BERTHI_CODE_OK);
    assert_int_equal(out->ops->write(out, "def", 3), BERTHI_CODE_OK); /* over them */
    assert_int_equal(end->ops->write(end, "!", 1), BERTHI_CODE_OK);
    berthi_object_unref(out);
    assert_int_equal(input->ops->read(input, text, &size), BERTHI_CODE_OK);
    assert_int_equal(size, 8);
    assert_memory_equal(text, "\0abcdef!", 8);
    assert_int_equal(input->ops->read(input, text, &size), BERTHI_CODE_CLOSED);
    assert_int_equal((input->ops->skip)(input, &skipped), BERTHI_CODE_CLOSED);
    berthi_object_unref(input);
    berthi_object_unref(end);
}

/* The system ends none early: a call whose time is over gets the piece that was begun, and no more. */
static void long_reads_and_writes_ask_the_deadline_between_pieces(void **state)
{
    enum { SIZE = (5 << 20) / 2, PIECE = 1 << 20 };
    static _Atomic(uint64_t) over = 2;
    rig *r = *state;
    berthi_dir_how how = { .reads = true, .writes = true, .creates = true };
    berthi_files_node *node;
    char *bytes = malloc(SIZE), *back = malloc(SIZE);
    size_t done;

    assert_true(bytes != NULL && back != NULL);
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (char)(i * 31 >> 7);
    GRANT(r, "fs:read:/t/**", "fs:write:/t/**");
    assert_int_equal(berthi_files_open(r->top, path_of("s"), &how, &node), BERTHI_CODE_OK);
    r->services->deadline = (berthi_deadline){ &over, 1000, 1 };
    assert_int_equal(berthi_files_write(node, bytes, SIZE, 0, &done), BERTHI_CODE_OK);
    assert_int_equal(done, PIECE);
    r->services->deadline = (berthi_deadline){ .tick = NULL };
    assert_int_equal(berthi_files_write(node, bytes + PIECE, SIZE - PIECE, PIECE, &done),
                     BERTHI_CODE_OK);
    assert_int_equal(done, SIZE - PIECE);
    assert_int_equal(berthi_files_read(node, back, SIZE, 0, &done), BERTHI_CODE_OK);
    assert_int_equal(done, SIZE);
    assert_memory_equal(back, bytes, SIZE);
    assert_int_equal(berthi_files_read(node, back, SIZE, 1, &done), BERTHI_CODE_OK);
    assert_int_equal(done, SIZE - 1); /* the last piece is short */
    r->services->deadline = (berthi_deadline){ &over, 1000, 1 };
    assert_int_equal(berthi_files_read(node, back, SIZE, 0, &done), BERTHI_CODE_OK);
    assert_int_equal(done, PIECE);
    berthi_object_unref(node);
    free(bytes);
    free(back);
}

static void skipping_stops_at_the_end_of_the_file(void **state)
{
    rig *r = *state;
    berthi_files_node *node;
    berthi_input *input;
    uint64_t skipped = 4;

    GRANT(r, "fs:read:/t/**");
    assert_int_equal(
        berthi_files_open(r->top, path_of("a.txt"), &(berthi_dir_how){ .reads = true }, &node),
        BERTHI_CODE_OK);
    assert_int_equal(berthi_files_input(node, 0, &input), BERTHI_CODE_OK);
    assert_int_equal((input->ops->skip)(input, &skipped), BERTHI_CODE_OK);
    assert_int_equal(skipped, 4);
    skipped = UINT64_MAX;
    assert_int_equal((input->ops->skip)(input, &skipped), BERTHI_CODE_OK);
    assert_int_equal(skipped, 2);
    assert_int_equal((input->ops->skip)(input, &skipped), BERTHI_CODE_CLOSED);
    berthi_object_unref(node);
    berthi_object_unref(input);
}

static void a_name_that_is_no_text_is_an_entry_of_its_own(void **state)
{
    rig *r = *state;
    berthi_files_list *list;
    berthi_dir_entry entry;
    unsigned named = 0, odd = 0;
    bool some = true;

    put(r, "deep/\xff\xfe", "");
    GRANT(r, "fs:read:/t/deep/**");
    assert_string_equal(r->top->name, "/t/deep");
    assert_int_equal(berthi_files_list_open(r->top, &list), BERTHI_CODE_OK);
    while (some) {
        berthi_code code = berthi_files_list_next(list, &entry, &some);

        assert_true(code == BERTHI_CODE_OK || code == BERTHI_CODE_BYTE_SEQUENCE);
        odd += code != BERTHI_CODE_OK;
        named += code == BERTHI_CODE_OK && some;
    }
    assert_int_equal(odd, 1);
    assert_int_equal(named, 2);
    berthi_object_unref(list);
}

static void revoking_ends_what_is_open(void **state)
{
    rig *r = *state;
    berthi_files_node *node;
    berthi_files_list *list;
    berthi_input *input;
    berthi_file_stat at;
    berthi_dir_entry entry;
    bool some;
    char text[4];
    size_t done = sizeof text;

    GRANT(r, "fs:read:/t/**");
    assert_int_equal(
        berthi_files_open(r->top, path_of("a.txt"), &(berthi_dir_how){ .reads = true }, &node),
        BERTHI_CODE_OK);
    assert_int_equal(berthi_files_input(node, 0, &input), BERTHI_CODE_OK);
    assert_int_equal(berthi_files_list_open(r->top, &list), BERTHI_CODE_OK);
    assert_int_equal(berthi_files_read(node, text, 4, 0, &done), BERTHI_CODE_OK);
    berth_grants_revoke(r->grants);
    assert_int_equal(berthi_files_read(node, text, 4, 0, &done), BERTHI_CODE_ACCESS);
    assert_int_equal(input->ops->read(input, text, &done), BERTHI_CODE_ACCESS);
    assert_int_equal(berthi_files_list_next(list, &entry, &some), BERTHI_CODE_ACCESS);
    assert_int_equal(berthi_files_stat(node, &at), BERTHI_CODE_ACCESS);
    assert_int_equal(berthi_files_sync(node, false), BERTHI_CODE_ACCESS);
    READ("a.txt", ACCESS);
    STAT("a.txt", ACCESS);
    assert_int_equal(berthi_files_folders(r->services), 0);
    berthi_object_unref(list);
    berthi_object_unref(input);
    berthi_object_unref(node);
}

static void an_instance_has_a_bounded_number_of_them(void **state)
{
    rig *r = *state;
    berthi_files_node *nodes[8], *one;
    berthi_files_list *list;
    berthi_input *input;
    uint32_t count = 0;
    berthi_dir_how how = { .reads = true };

    GRANT(r, "fs:read:/t/**");
    r->services->objects_max = 5;
    while (berthi_files_open(r->top, path_of("a.txt"), &how, &nodes[count]) == BERTHI_CODE_OK)
        count++;
    assert_int_equal(count, 4); /* and the folder */
    assert_int_equal(berthi_files_open(r->top, path_of("a.txt"), &how, &one),
                     BERTHI_CODE_TOO_MANY_OPEN);
    assert_int_equal(berthi_files_input(nodes[0], 0, &input), BERTHI_CODE_TOO_MANY_OPEN);
    assert_int_equal(berthi_files_list_open(r->top, &list), BERTHI_CODE_TOO_MANY_OPEN);
    while (count > 0)
        berthi_object_unref(nodes[--count]);
    for (int i = 0; i < 2000; i++) { /* and nothing stays of any */
        assert_int_equal(berthi_files_open(r->top, path_of("a.txt"), &how, &one),
                         BERTHI_CODE_OK);
        berthi_object_unref(one);
    }
    assert_int_equal(process_descriptors(), r->descriptors + 2); /* the latch, the folder */
}

static void every_allocation_and_call_may_fail(void **state)
{
    rig *r = *state;
    berthi_dir_how how = { .reads = true };
    berthi_files_node *node, *top;
    berthi_files_list *list;
    berthi_input *input;
    const char *name;
    size_t failed = 0;

    GRANT(r, "fs:read:/t/**");
    for (size_t nth = 0; nth < 8; nth++) {
        memory_fail(&r->memory, nth, false);
        if (berthi_files_open_folder(r->services, 0, &top, &name) == BERTHI_CODE_OK) {
            if (berthi_files_open(top, path_of("a.txt"), &how, &node) == BERTHI_CODE_OK) {
                if (berthi_files_input(node, 0, &input) == BERTHI_CODE_OK)
                    berthi_object_unref(input);
                berthi_object_unref(node);
            }
            if (berthi_files_list_open(top, &list) == BERTHI_CODE_OK)
                berthi_object_unref(list);
            berthi_object_unref(top);
        }
        failed += atomic_load(&r->memory.failures) != 0;
        assert_int_equal(r->services->objects, 1);
    }
    memory_fail(&r->memory, MEMORY_NEVER, false);
    assert_int_equal(failed, 6);
#ifdef BERTH_FAULTS
    os_faults_begin(0, true, EIO);
    assert_int_equal(berthi_files_open_folder(r->services, 0, &top, &name), BERTHI_CODE_IO);
    assert_int_equal(berthi_files_open(r->top, path_of("a.txt"), &how, &node), BERTHI_CODE_IO);
    assert_int_equal(berthi_files_list_open(r->top, &list), BERTHI_CODE_IO);
    os_faults_end();
    assert_int_equal(r->services->objects, 1);
#endif
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_there_that_was_not_granted),
        TEST(a_folder_in_parts_shows_its_parts_and_the_way_to_them),
        TEST(links_do_not_make_a_granted_name_of_another),
        TEST(a_link_to_a_folder_gives_no_right_of_where_it_stands),
        TEST(a_mount_hides_what_lies_below_its_name),
        TEST(what_is_moved_or_named_twice_has_to_be_granted_in_full),
        TEST(names_are_what_the_plugin_says),
        TEST(nodes_do_what_they_were_opened_for),
        TEST(streams_read_and_write_on_in_any_order_of_dropping),
        TEST(long_reads_and_writes_ask_the_deadline_between_pieces),
        TEST(skipping_stops_at_the_end_of_the_file),
        TEST(a_name_that_is_no_text_is_an_entry_of_its_own),
        TEST(revoking_ends_what_is_open),
        TEST(an_instance_has_a_bounded_number_of_them),
        TEST(every_allocation_and_call_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
