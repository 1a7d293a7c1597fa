/* component_steps_test.c - every component of the suites and of real toolchains that is valid is
 * elaborated, with shims and without, into steps that hold together.
 *
 * Not part of this repository: looked for in $BERTH_COMPONENT_SUITE, then in
 * ../shared/corpus/component-model beside the source tree, with ../guests beside that.  Without them
 * the test skips. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "component/wit/print_wit.h"
#include "contract/wit.h"
#include "memory.h"
#include "steps_check.h"

typedef struct counts {
    unsigned elaborated, refused, failed, steps, shims, fixups;
    uint32_t literal; /* core instances of the last one with its shims kept */
    unsigned printed; /* and read again */
    bool are_real;    /* what toolchains made */
} counts;

static uint8_t *read_file(const char *path, size_t *size_out)
{
    FILE *file = fopen(path, "rb");
    struct stat st;
    uint8_t *bytes;

    if (file == NULL || fstat(fileno(file), &st) != 0)
        fail_msg("cannot read %s", path);
    *size_out = (size_t)st.st_size;
    bytes = malloc(*size_out == 0 ? 1 : *size_out); /* exact, so that overruns are seen */
    if (bytes == NULL || fread(bytes, 1, *size_out, file) != *size_out)
        fail_msg("cannot read %s", path);
    fclose(file);
    return bytes;
}

static void complain(counts *n, const char *path, const char *why)
{
    fprintf(stderr, "%s: %s\n", path, why);
    n->failed++;
}

static void elaborate(const char *path, const berthi_cm_component *component,
                      berthi_arena *arena, bool keeps_shims, counts *n)
{
    const berthi_cm_steps *steps;
    berth_diag diag = { .text = "" };
    const char *wrong;

    if (berthi_component_elaborate(component, arena, keeps_shims, &steps, &diag) != BERTH_OK) {
        complain(n, path, diag.text);
        return;
    }
    wrong = steps_check(steps);
    if (wrong != NULL)
        complain(n, path, wrong);
    n->elaborated++;
    n->steps += steps->steps_count;
    n->shims += steps->shims_removed;
    n->fixups += steps->fixups_removed;
    if (keeps_shims && steps->shims_removed + steps->fixups_removed != 0)
        complain(n, path, "shims were to be kept");
    if (keeps_shims)
        n->literal = steps->core_instances_count;
    else if (n->are_real && n->literal >= 3 &&
             steps->core_instances_count != (n->literal == 3 ? 1 : n->literal - 1))
        complain(n, path, "its shim or its fixup stayed");
}

/* What is printed is WIT, and of a world with as many imports and exports of functions and named
 * interfaces. */
static void print(const char *path, const berthi_cm_component *component, berthi_arena *arena,
                  counts *n)
{
    const berthi_wit *model;
    berthi_text_buf text;
    berth_diag diag = { .text = "" };

    berthi_text_buf_init(&text, arena->allocator);
    if (berthi_component_print_wit(component, arena, &text, &diag) != BERTH_OK) {
        complain(n, path, diag.text);
    } else if (strstr(text.data, "without a name") == NULL) {
        if (berthi_wit_read_text(path, text.data, text.size, NULL, arena, &model, &diag) ==
            BERTH_OK)
            n->printed++;
        else
            complain(n, path, diag.text);
    }
    berthi_text_buf_fini(&text);
}

static void run_file(const char *path, const berth_allocator *allocator, counts *n)
{
    const berthi_cm_component *component;
    berth_diag diag = { .text = "" };
    berthi_arena arena;
    size_t size;
    uint8_t *bytes = read_file(path, &size);

    berthi_arena_init(&arena, allocator, SIZE_MAX);
    if (berthi_component_read(bytes, size, &arena, &component, &diag) == BERTH_OK &&
        berthi_component_validate(component, &arena, &diag) == BERTH_OK) {
        elaborate(path, component, &arena, true, n);
        elaborate(path, component, &arena, false, n);
        print(path, component, &arena, n);
    } else {
        n->refused++;
    }
    berthi_arena_fini(&arena);
    free(bytes);
}

static bool ends_with(const char *name, const char *end)
{
    size_t size = strlen(name);

    return size > strlen(end) && strcmp(name + size - strlen(end), end) == 0;
}

static void run_folder(const char *folder, const char *end, const berth_allocator *allocator,
                       counts *n)
{
    struct dirent **entries;
    int count = scandir(folder, &entries, NULL, alphasort);

    for (int i = 0; i < count; i++) {
        char path[4096];

        snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        if (entries[i]->d_type == DT_DIR && entries[i]->d_name[0] != '.')
            run_folder(path, end, allocator, n);
        else if (ends_with(entries[i]->d_name, end))
            run_file(path, allocator, n);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
}

static const char *suite_folder(void)
{
    const char *folder = getenv("BERTH_COMPONENT_SUITE");

    return folder != NULL ? folder : BERTH_TEST_SOURCE_DIR "/../shared/corpus/component-model";
}

static void run(const char *folder, const char *end, bool are_real, unsigned min)
{
    bertht_memory memory;
    berth_allocator allocator;
    counts n = { .are_real = are_real };

    memory_init(&memory);
    allocator = memory_allocator(&memory);
    run_folder(folder, end, &allocator, &n);
    memory_assert_empty(&memory);
    printf("%u elaborated, %u refused before; %u steps, %u shims and %u fixups removed; "
           "%u worlds printed; %u failed\n",
           n.elaborated, n.refused, n.steps, n.shims, n.fixups, n.printed, n.failed);
    assert_true(n.elaborated >= min);
    assert_int_equal(n.failed, 0);
}

static void every_valid_component_of_the_suites_is_elaborated(void **state)
{
    (void)state;
    run(suite_folder(), ".wasm", false, 300);
}

/* Shim, main and fixup become main; with an adapter the shim stays. */
static void real_components_lose_their_shims_and_fixups(void **state)
{
    char folder[4096];

    (void)state;
    snprintf(folder, sizeof folder, "%s/../guests", suite_folder());
    run(folder, ".component.wasm", true, 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_valid_component_of_the_suites_is_elaborated),
        cmocka_unit_test(real_components_lose_their_shims_and_fixups),
    };

    if (access(suite_folder(), R_OK) != 0) {
        printf("skipped: no component suite at %s\n", suite_folder());
        return 77;
    }
    return cmocka_run_group_tests_name("component steps", tests, NULL, NULL);
}
