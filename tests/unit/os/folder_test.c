/* folder_test.c - what stands in a folder, in one order. */
#include "os/folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "memory.h"

typedef struct rig {
    char folder[64], path[128];
    bertht_memory memory;
    berth_allocator allocator;
    berthi_arena arena;
    berth_diag diag;
} rig;

static const char *in(rig *r, const char *name)
{
    snprintf(r->path, sizeof r->path, "%s/%s", r->folder, name);
    return r->path;
}

static int setup(void **state)
{
    rig *r = calloc(1, sizeof *r);

    assert_non_null(r);
    snprintf(r->folder, sizeof r->folder, "/tmp/berth-folder-XXXXXX");
    assert_non_null(mkdtemp(r->folder));
    memory_init(&r->memory);
    r->allocator = memory_allocator(&r->memory);
    berthi_arena_init(&r->arena, &r->allocator, SIZE_MAX);
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    static const char *const names[] = {
        "b", "a", "B", ".hidden", "link", "dangling", "circle"
    };
    rig *r = *state;

    berthi_arena_fini(&r->arena);
    memory_assert_empty(&r->memory);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        (void)remove(in(r, names[i]));
    assert_int_equal(rmdir(r->folder), 0);
    free(r);
    return 0;
}

static void make_file(rig *r, const char *name)
{
    FILE *file = fopen(in(r, name), "w");

    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
}

static void entries_are_in_order_and_links_are_what_they_lead_to(void **state)
{
    static const struct {
        const char *name;
        bool is_folder, is_file;
    } wanted[] = { { "B", false, true },         { "a", true, false },
                   { "b", false, true },         { "circle", false, false },
                   { "dangling", false, false }, { "link", true, false } };
    rig *r = *state;
    berthi_folder folder;

    make_file(r, "b");
    make_file(r, "B");
    make_file(r, ".hidden");
    assert_int_equal(mkdir(in(r, "a"), 0700), 0);
    assert_int_equal(symlink("a", in(r, "link")), 0);
    assert_int_equal(symlink("nowhere", in(r, "dangling")), 0);
    assert_int_equal(symlink("circle", in(r, "circle")), 0);
    assert_int_equal(berthi_folder_list(r->folder, 6, &r->arena, &folder, &r->diag), BERTH_OK);
    assert_int_equal(folder.count, sizeof wanted / sizeof *wanted);
    for (size_t i = 0; i < folder.count; i++) {
        assert_string_equal(folder.entries[i].name, wanted[i].name);
        assert_int_equal(folder.entries[i].is_folder, wanted[i].is_folder);
        assert_int_equal(folder.entries[i].is_file, wanted[i].is_file);
    }
    assert_int_equal(berthi_folder_list(r->folder, 5, &r->arena, &folder, &r->diag),
                     BERTH_E_LIMIT);
}

static void an_empty_folder_has_no_entries(void **state)
{
    rig *r = *state;
    berthi_folder folder = { .count = 7 };

    assert_int_equal(berthi_folder_list(r->folder, 0, &r->arena, &folder, &r->diag), BERTH_OK);
    assert_int_equal(folder.count, 0);
}

static void what_is_no_folder_is_told_apart(void **state)
{
    rig *r = *state;
    berthi_folder folder;
    bool is_folder = false;

    make_file(r, "b");
    assert_int_equal(berthi_path_is_folder(r->folder, &is_folder, &r->diag), BERTH_OK);
    assert_true(is_folder);
    assert_int_equal(berthi_path_is_folder(in(r, "b"), &is_folder, &r->diag), BERTH_OK);
    assert_false(is_folder);
    assert_int_equal(berthi_path_is_folder(in(r, "x"), &is_folder, &r->diag), BERTH_E_OS);
    assert_int_equal(berthi_folder_list(in(r, "b"), 9, &r->arena, &folder, &r->diag),
                     BERTH_E_OS);
}

static void a_large_folder_is_listed_whole(void **state)
{
    rig *r = *state;
    berthi_folder folder;

    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 100; i++) {
            char name[16];

            snprintf(name, sizeof name, "f%02d", i);
            if (round == 0)
                make_file(r, name);
            else
                assert_int_equal(unlink(in(r, name)), 0);
            if (round == 0 && i == 99) {
                assert_int_equal(
                    berthi_folder_list(r->folder, 100, &r->arena, &folder, &r->diag), BERTH_OK);
                assert_int_equal(folder.count, 100);
                assert_string_equal(folder.entries[42].name, "f42");
            }
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(entries_are_in_order_and_links_are_what_they_lead_to,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(an_empty_folder_has_no_entries, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_folder_is_told_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(a_large_folder_is_listed_whole, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
