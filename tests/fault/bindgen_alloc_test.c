/* bindgen_alloc_test.c - every allocation and system call of writing bindings fails once, and from
 * then on: the answer says so or is the text that always comes, and nothing is left behind. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <berth/bindgen.h>

#include "fault_sweep.h"

static const char world_text[] =
    "package a:b@1.0.0;\n"
    "interface i {\n"
    "  /// Documentation that is long enough to be broken into several lines, which it is "
    "here, "
    "because there are more words in it than fit.\n"
    "  record r { a: u8, int: option<string>, c: list<tuple<u8, r2>> }\n"
    "  record r2 { x: result<u8, string> }\n"
    "  enum e { one, two } flags f { x, y } variant v { n, p(list<u8, 4>) }\n"
    "  resource conn { constructor(); send: func(x: u32); }\n"
    "  use-all: func(r: r, e: e, f: f, v: v) -> result<list<r2>, e>;\n"
    "  talk: func(c: borrow<conn>) -> conn;\n"
    "}\n"
    "world w { import i2: interface { f: func(x: string); } export i; export g: func() -> u64; "
    "}\n";

typedef struct sweep {
    bertht_memory memory;
    berth_allocator allocator;
    char path[64];
    uint32_t side;
    char *text; /* of all files, the first time */
} sweep;

/* All files, one behind the other; free(). */
static char *joined(const berth_bindgen_file *files, uint32_t count)
{
    size_t size = 1, at = 0;
    char *text;

    for (uint32_t i = 0; i < count; i++)
        size += files[i].size;
    text = calloc(1, size);
    assert_non_null(text);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(strlen(files[i].text), files[i].size);
        memcpy(text + at, files[i].text, files[i].size);
        at += files[i].size;
    }
    return text;
}

static berth_status step(void *ctx, berth_diag *diag)
{
    sweep *s = ctx;
    berth_bindgen_options options = BERTH_BINDGEN_OPTIONS_INIT;
    const char *path = s->path;
    const berth_bindgen_file *files = NULL;
    berth_arena *arena = NULL;
    uint32_t count = 77;
    berth_status status = berth_arena_create(&s->allocator, 0, &arena, diag);

    if (status != BERTH_OK)
        return status;
    options.side = s->side;
    options.wit_paths = &path;
    options.wit_paths_count = 1;
    status = berth_bindgen(&options, arena, &files, &count, diag);
    if (status == BERTH_OK) {
        char *text = joined(files, count);

        if (s->text == NULL)
            s->text = text;
        else
            assert_string_equal(s->text, text);
        if (s->text != text)
            free(text);
    } else {
        assert_true(files == NULL && count == 77);
    }
    berth_arena_destroy(arena);
    return status;
}

static void check(void *ctx, berth_status status)
{
    sweep *s = ctx;

    (void)status;
    memory_assert_empty(&s->memory);
}

static void sweep_side(uint32_t side)
{
    sweep s = { .path = "/tmp/berth-bindgen-XXXXXX", .side = side };
    int fd = mkstemp(s.path);
    berth_diag diag = { 0 };

    assert_true(fd >= 0);
    assert_int_equal(write(fd, world_text, sizeof world_text - 1), sizeof world_text - 1);
    close(fd);
    memory_init(&s.memory);
    s.allocator = memory_allocator(&s.memory);
    if (step(&s, &diag) != BERTH_OK)
        fail_msg("%s", diag.text);
    assert_true(fault_sweep(&s.memory, step, check, &s) > 20);
    free(s.text);
    unlink(s.path);
}

static void writing_a_hosts_bindings_without_memory_says_so(void **state)
{
    (void)state;
    sweep_side(BERTH_BINDGEN_HOST);
}

static void writing_a_plugins_bindings_without_memory_says_so(void **state)
{
    (void)state;
    sweep_side(BERTH_BINDGEN_GUEST);
}

static void writing_a_native_plugins_bindings_without_memory_says_so(void **state)
{
    (void)state;
    sweep_side(BERTH_BINDGEN_NATIVE);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(writing_a_hosts_bindings_without_memory_says_so),
        cmocka_unit_test(writing_a_plugins_bindings_without_memory_says_so),
        cmocka_unit_test(writing_a_native_plugins_bindings_without_memory_says_so),
    };

    return cmocka_run_group_tests_name("bindgen_alloc", tests, NULL, NULL);
}
