/* truncation_test.c - components that end early, at every one of their bytes.
 *
 * A component that ends behind one of its sections is a shorter component, and may be a sound one, since
 * definitions name only what is in front of them.  One that ends anywhere else is refused.  The bytes
 * lie at the end of a block of their own, so that a sanitizer sees one read too many.
 *
 * Ten components are made here; those of toolchains are in $BERTH_GUEST_CORPUS, or in
 * ../shared/corpus/guests beside the source tree, and are left out where they are not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/diag.h"
#include "component/elaborate/elaborate.h"
#include "component/read/reader.h"
#include "component/validate/validate.h"
#include "component_builder.h"
#include "component_pair.h"
#include "component_rig.h"
#include "guests.h"

enum { PREAMBLE = 8 };

/* Where the section that begins at `at` ends. */
static size_t section_end(const uint8_t *bytes, size_t size, size_t at)
{
    size_t length = 0;
    unsigned shift = 0;

    at++; /* its number */
    do {
        assert_true(at < size);
        length |= (size_t)(bytes[at] & 0x7f) << shift;
        shift += 7;
    } while ((bytes[at++] & 0x80) != 0);
    assert_true(length <= size - at);
    return at + length;
}

static berth_status load(const uint8_t *bytes, size_t size, berth_diag *diag)
{
    const berthi_cm_component *component;
    const berthi_cm_steps *steps;
    berthi_arena arena;
    berth_status status;

    berthi_arena_init(&arena, &berthi_allocator_libc, SIZE_MAX);
    status = berthi_component_read(bytes, size, &arena, &component, diag);
    if (status == BERTH_OK)
        status = berthi_component_validate(component, &arena, diag);
    if (status == BERTH_OK)
        status = berthi_component_elaborate(component, &arena, true, &steps, diag);
    berthi_arena_fini(&arena);
    return status;
}

static berth_status load_part(const uint8_t *bytes, size_t size, berth_diag *diag)
{
    uint8_t *part = malloc(size == 0 ? 1 : size);
    berth_status status;

    assert_non_null(part);
    memcpy(part, bytes, size);
    status = load(part, size, diag);
    free(part);
    return status;
}

/* Takes the bytes. */
static void truncate_everywhere(const char *name, uint8_t *bytes, size_t size)
{
    size_t boundary = PREAMBLE;

    for (size_t end = 0; end <= size; end++) {
        berth_diag diag = { .text = "" };
        berth_status status = load_part(bytes, end, &diag);

        if (end == boundary) {
            if (status != BERTH_OK)
                fail_msg("%s, its first %zu bytes of %zu: %s", name, end, size, diag.text);
            if (end < size)
                boundary = section_end(bytes, size, end);
            continue;
        }
        if (status != BERTH_E_REJECTED || diag.text[0] == '\0')
            fail_msg("%s, its first %zu bytes of %zu: %s", name, end, size,
                     status == BERTH_OK ? "accepted" : diag.text);
    }
    assert_int_equal(boundary, size);
    free(bytes);
}

static void guests_of_any_width_end_early(void **state)
{
    (void)state;
    for (unsigned way = 0; way < 4; way++) {
        component_pair_side caller = { .is_64 = way & 1, .encoding = (uint8_t)(way % 3) };
        component_pair_side callee = { .is_64 = way & 2, .encoding = 1 };
        size_t size;
        uint8_t *bytes = component_pair(&caller, &callee, &size);

        truncate_everywhere("a pair of guests", bytes, size);
    }
}

static void wrapped_plugins_end_early(void **state)
{
    static const char *const names[] = { "cross_caller.component", "cross_callee.component",
                                         "bench_pipe.component" };
    size_t size;
    uint8_t *bytes;

    (void)state;
    for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
        bytes = guest_read(names[n], &size);
        truncate_everywhere(names[n], bytes, size);
    }
    bytes = component_rig_bytes(&size); /* resources, host functions, a shim */
    truncate_everywhere("unit_component", bytes, size);
}

static void hooks_end_early(void **state)
{
    component_recipe recipe = { .functions = "do other",
                                .interface = "a:b/c@1.0.0",
                                .import = "d:e/f",
                                .name = "name",
                                .version = "1.2.3" };
    size_t size, core_size;
    uint8_t *bytes = component_answering(7, &size);
    uint8_t *core = component_core("do other", 1, &core_size);

    (void)state;
    truncate_everywhere("a hook", bytes, size);
    recipe.core = core;
    recipe.core_size = core_size;
    bytes = component_build(&recipe, &size);
    truncate_everywhere("two hooks", bytes, size);
    free(core);
}

static void components_of_toolchains_end_early(void **state)
{
    static const char *const names[] = { "probe-as", "probe-c-freestanding", "probe-c-clang14",
                                         "torvyn-tmpl-filter" };
    const char *folder = getenv("BERTH_GUEST_CORPUS");
    unsigned found = 0;

    (void)state;
    if (folder == NULL)
        folder = BERTH_TEST_SOURCE_DIR "/../shared/corpus/guests";
    for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
        char path[4096];
        uint8_t *bytes;
        FILE *file;
        long size;

        snprintf(path, sizeof path, "%s/%s.component.wasm", folder, names[n]);
        file = fopen(path, "rb");
        if (file == NULL)
            continue;
        assert_int_equal(fseek(file, 0, SEEK_END), 0);
        size = ftell(file);
        rewind(file);
        bytes = malloc((size_t)size);
        assert_non_null(bytes);
        assert_int_equal(fread(bytes, 1, (size_t)size, file), size);
        fclose(file);
        truncate_everywhere(names[n], bytes, (size_t)size);
        found++;
    }
    if (found == 0) {
        print_message("skipped: no guests at %s\n", folder);
        skip();
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(guests_of_any_width_end_early),
        cmocka_unit_test(wrapped_plugins_end_early),
        cmocka_unit_test(hooks_end_early),
        cmocka_unit_test(components_of_toolchains_end_early),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
