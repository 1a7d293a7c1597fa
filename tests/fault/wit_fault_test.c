/* wit_fault_test.c - WIT in files, with each allocation and each system call failing in turn.
 *
 * A failure leaves no memory and no descriptor behind, and no object. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <berth/wit.h>

#include "fault_sweep.h"
#include "process.h"

typedef struct rig {
    char folder[64];
    bertht_memory memory;
    berth_allocator allocator;
    size_t descriptors;
} rig;

static const char *const folders[] = { "", "/deps", "/deps/more" };
static const struct {
    const char *name, *text;
} files[] = {
    { "/a.wit", "package a:b@1.0.0;\n/// Docs.\ninterface i { use j.{t}; f: func() -> t; }\n" },
    { "/b.wit", "interface j { use c:d/k.{r}; record t { x: r } }\n"
                "world w { import i; export g: func(); include e:f/v; }\n" },
    { "/deps/c.wit", "package c:d; interface k { resource r { m: func(); } }\n" },
    { "/deps/more/e.wit", "package e:f; world v { import h: func(x: tuple<u8, string>); }\n" },
    { "/deps/readme.txt", "no WIT" },
};

static void make_files(rig *t)
{
    char path[128];

    snprintf(t->folder, sizeof t->folder, "/tmp/berth-wit-XXXXXX");
    assert_non_null(mkdtemp(t->folder));
    for (size_t i = 1; i < sizeof folders / sizeof *folders; i++) {
        snprintf(path, sizeof path, "%s%s", t->folder, folders[i]);
        assert_int_equal(mkdir(path, 0700), 0);
    }
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        FILE *file;

        snprintf(path, sizeof path, "%s%s", t->folder, files[i].name);
        file = fopen(path, "w");
        assert_non_null(file);
        assert_true(fputs(files[i].text, file) >= 0);
        assert_int_equal(fclose(file), 0);
    }
}

static void remove_files(rig *t)
{
    char path[128];

    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, "%s%s", t->folder, files[i].name);
        assert_int_equal(unlink(path), 0);
    }
    for (size_t i = sizeof folders / sizeof *folders; i-- > 0;) {
        snprintf(path, sizeof path, "%s%s", t->folder, folders[i]);
        assert_int_equal(rmdir(path), 0);
    }
}

static berth_status read_folder(void *ctx, berth_diag *diag)
{
    rig *t = ctx;
    const char *paths[] = { t->folder };
    berth_wit *wit = NULL;
    berth_status status = berth_wit_read(&t->allocator, paths, 1, NULL, &wit, diag);

    assert_true((status == BERTH_OK) == (wit != NULL));
    if (wit != NULL) {
        assert_non_null(strstr(berth_wit_text(wit), "use c:d/k.{r};"));
        assert_non_null(strstr(berth_wit_json(wit), "\"root\": \"a:b@1.0.0\""));
    }
    berth_wit_destroy(wit);
    return status;
}

static void check(void *ctx, berth_status status)
{
    rig *t = ctx;

    (void)status;
    memory_assert_empty(&t->memory);
    assert_int_equal(process_descriptors(), t->descriptors);
}

static void every_failure_is_clean(void **state)
{
    rig t = { .folder = "" };

    (void)state;
    make_files(&t);
    memory_init(&t.memory);
    t.allocator = memory_allocator(&t.memory);
    t.descriptors = process_descriptors();
    assert_true(fault_sweep(&t.memory, read_folder, check, &t) >= 40);
    remove_files(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_failure_is_clean),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
