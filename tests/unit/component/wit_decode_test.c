/* wit_decode_test.c - WIT in binary form is what it is as text.
 *
 * wit/store.wasm is what wit-component 0.254.2 made of wit/store.wit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "component/wit/wit_decode.h"
#include "component_bytes.h"
#include "contract/wit_print.h"
#include "memory.h"

#define FOLDER BERTH_TEST_SOURCE_DIR "/tests/unit/component/wit/"

enum { SIZE_MAX_READ = 65536 };

typedef struct bytes {
    uint8_t data[SIZE_MAX_READ];
    size_t size;
} bytes;

static void read_file(const char *path, bytes *b)
{
    FILE *file = fopen(path, "rb");

    assert_non_null(file);
    b->size = fread(b->data, 1, sizeof b->data, file);
    assert_true(b->size != 0 && b->size < sizeof b->data);
    assert_int_equal(fclose(file), 0);
}

static void write_file(const char *path, const void *data, size_t size)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

/* From a block of exactly that size; *text_out is to be freed, and NULL unless it is BERTH_OK. */
static berth_status decode(const uint8_t *data, size_t size, char **text_out, berth_diag *diag)
{
    uint8_t *copy = malloc(size == 0 ? 1 : size);
    berthi_text_buf text;
    berth_status status;

    assert_non_null(copy);
    memcpy(copy, data, size);
    *diag = (berth_diag){ .text = "" };
    berthi_text_buf_init(&text, &berthi_allocator_libc);
    status = berthi_component_wit(copy, size, &berthi_allocator_libc, &text, diag);
    *text_out = NULL;
    if (status == BERTH_OK) {
        *text_out = strdup(text.data);
        assert_non_null(*text_out);
    }
    berthi_text_buf_fini(&text);
    free(copy);
    return status;
}

/* What berth wit prints of the paths. */
static char *printed(const char *const *paths, uint32_t count, bool is_json)
{
    berthi_wit_options options = { .has_all_features = true, .decode = berthi_component_wit };
    const berthi_wit *model = NULL;
    berthi_text_buf out;
    berthi_arena arena;
    berth_diag diag;
    char *text;

    berthi_arena_init(&arena, &berthi_allocator_libc, SIZE_MAX);
    berthi_text_buf_init(&out, &berthi_allocator_libc);
    if (berthi_wit_read_paths(paths, count, &options, &arena, &model, &diag) != BERTH_OK)
        fail_msg("%s", diag.text);
    assert_true(is_json ? berthi_wit_print_json(model, &out) : berthi_wit_print(model, &out));
    text = strdup(out.data);
    assert_non_null(text);
    berthi_text_buf_fini(&out);
    berthi_arena_fini(&arena);
    return text;
}

static void check_same(const char *const *a, uint32_t a_count, const char *const *b,
                       uint32_t b_count)
{
    for (int is_json = 0; is_json < 2; is_json++) {
        char *x = printed(a, a_count, is_json != 0), *y = printed(b, b_count, is_json != 0);

        assert_string_equal(x, y);
        free(x);
        free(y);
    }
}

static void text_and_binary_form_are_the_same_model(void **state)
{
    const char *text[] = { FOLDER "store.wit" }, *binary[] = { FOLDER "store.wasm" };

    (void)state;
    check_same(text, 1, binary, 1);
}

/* Tools put the world of a core module there. */
static void a_core_module_may_carry_it(void **state)
{
    static const char name[] = "component-type:plugin";
    char path[] = "/tmp/berth-wit-XXXXXX.wasm";
    const char *text[] = { FOLDER "store.wit" }, *module[] = { path };
    bertht_buf b = { 0 };
    bytes inner;
    int fd = mkstemps(path, 5);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
    read_file(FOLDER "store.wasm", &inner);
    buf_bytes(&b, "\0asm\x01\0\0\0", 8);
    buf_byte(&b, 0);
    buf_u32(&b, (uint32_t)(1 + sizeof name - 1 + inner.size));
    buf_u32(&b, sizeof name - 1);
    buf_bytes(&b, name, sizeof name - 1);
    buf_bytes(&b, inner.data, inner.size);
    write_file(path, b.data, b.size);
    check_same(text, 1, module, 1);
    assert_int_equal(unlink(path), 0);
    buf_free(&b);
}

/* A binary has the parts of other packages that it needs; the packages themselves take their place. */
static void a_whole_package_takes_the_place_of_its_part(void **state)
{
    static const char base[] =
        "package shop:base@1.0.0;\n"
        "interface errors { enum error { full, gone, late } resource handle; more: func(); }\n"
        "interface hooks { ping: func() -> bool; }\n";
    char path[] = "/tmp/berth-wit-XXXXXX.wit";
    const char *paths[] = { path, FOLDER "store.wasm" };
    int fd = mkstemps(path, 4);
    char *text;

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
    write_file(path, base, sizeof base - 1);
    text = printed(paths, 2, false);
    assert_non_null(strstr(text, "late,"));
    assert_non_null(strstr(text, "more: func();"));
    free(text);
    assert_int_equal(unlink(path), 0);
}

static void what_holds_no_wit_is_told_apart(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
        const char *what;
    } rows[] = {
#define ROW(bytes, what) { bytes, sizeof bytes - 1, what }
        ROW("", "magic header"),
        ROW("\0asm\x0d\0\x01\0", "no interface and no world is in it"),
        ROW("\0asm\x01\0\0\0", "a core module without a section component-type"),
        /* (component (type u32) (export "t" (type 0))) */
        ROW("\0asm\x0d\0\x01\0\x07\x02\x01\x79\x0b\x07\x01\0\x01t\x03\0\0",
            "this is a component, and no package of WIT"),
        /* a component type that exports nothing */
        ROW("\0asm\x0d\0\x01\0\x07\x03\x01\x41\0\x0b\x07\x01\0\x01t\x03\0\0",
            "is no type of an interface or world"),
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        berth_diag diag;
        char *text;

        if (decode((const uint8_t *)rows[i].bytes, rows[i].size, &text, &diag) !=
                BERTH_E_REJECTED ||
            strstr(diag.text, rows[i].what) == NULL)
            fail_msg("%zu: %s, not %s", i, diag.text, rows[i].what);
    }
}

/* Each byte, each of a few values: it is refused, or it holds text. */
static void any_byte_may_be_another(void **state)
{
    static const uint8_t values[] = { 0, 1, 0x41, 0x7f, 0x80, 0xff };
    unsigned kept = 0;
    bytes b;

    (void)state;
    read_file(FOLDER "store.wasm", &b);
    for (size_t at = 8; at < b.size; at++)
        for (size_t i = 0; i < sizeof values; i++) {
            uint8_t before = b.data[at];
            berth_status status;
            berth_diag diag;
            char *text;

            b.data[at] = values[i];
            status = decode(b.data, b.size, &text, &diag);
            assert_true(status == BERTH_OK || status == BERTH_E_REJECTED);
            assert_true((status == BERTH_OK) == (text != NULL));
            kept += status == BERTH_OK;
            free(text);
            b.data[at] = before;
        }
    assert_true(kept >= 100);
    for (size_t size = 0; size < b.size; size++) {
        berth_status status;
        berth_diag diag;
        char *text;

        status = decode(b.data, size, &text, &diag);
        assert_true(status == BERTH_OK || status == BERTH_E_REJECTED);
        free(text);
    }
}

static void without_memory_it_says_so_and_leaks_nothing(void **state)
{
    berth_status status = BERTH_E_NOMEM;
    bertht_memory memory;
    berth_allocator allocator;
    size_t nth = 0;
    bytes b;

    (void)state;
    read_file(FOLDER "store.wasm", &b);
    memory_init(&memory);
    allocator = memory_allocator(&memory);
    for (; status != BERTH_OK; nth++) {
        berth_diag diag = { .text = "" };
        berthi_text_buf text;

        memory_fail(&memory, nth, nth % 2 == 0);
        berthi_text_buf_init(&text, &allocator);
        status = berthi_component_wit(b.data, b.size, &allocator, &text, &diag);
        assert_true(status == BERTH_OK || status == BERTH_E_NOMEM);
        assert_true((status == BERTH_OK) == (diag.text[0] == '\0'));
        berthi_text_buf_fini(&text);
        memory_assert_empty(&memory);
    }
    assert_true(nth >= 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_and_binary_form_are_the_same_model),
        cmocka_unit_test(a_core_module_may_carry_it),
        cmocka_unit_test(a_whole_package_takes_the_place_of_its_part),
        cmocka_unit_test(what_holds_no_wit_is_told_apart),
        cmocka_unit_test(any_byte_may_be_another),
        cmocka_unit_test(without_memory_it_says_so_and_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
