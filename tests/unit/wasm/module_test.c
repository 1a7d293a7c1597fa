/* module_test.c - the bounded reader of core modules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "memory.h"
#include "wasm/module.h"
#include "wasm_builder.h"

typedef struct reading { /* a description and what it is made of */
    bertht_memory memory;
    berth_allocator allocator;
    berthi_arena arena;
    berthi_wasm_info info;
    berth_diag diag;
    uint8_t *bytes;
    size_t size;
    berth_status status;
} reading;

static reading *read_bytes(const void *bytes, size_t size)
{
    reading *r = calloc(1, sizeof *r);

    assert_non_null(r);
    memory_init(&r->memory);
    r->allocator = memory_allocator(&r->memory);
    berthi_arena_init(&r->arena, &r->allocator, SIZE_MAX);
    r->bytes = malloc(size == 0 ? 1 : size); /* exact: a sanitizer sees one byte too many */
    assert_non_null(r->bytes);
    if (size > 0)
        memcpy(r->bytes, bytes, size);
    r->size = size;
    r->status = berthi_wasm_read(r->bytes, size, &r->arena, &r->info, &r->diag);
    return r;
}

static reading *read_module(const bertht_wasm *m)
{
    size_t size;
    uint8_t *bytes = wasm_finish(m, &size);
    reading *r = read_bytes(bytes, size);

    free(bytes);
    return r;
}

static void end(reading *r)
{
    berthi_arena_fini(&r->arena);
    memory_assert_empty(&r->memory);
    free(r->bytes);
    free(r);
}

static void expect(reading *r, berth_status status, const char *text)
{
    if (r->status != status)
        fail_msg("%s instead of %s: %s", berth_status_name(r->status),
                 berth_status_name(status), r->diag.text);
    if (status != BERTH_OK) {
        assert_int_equal(r->diag.status, status);
        if (strstr(r->diag.text, text) == NULL)
            fail_msg("'%s' is not in '%s'", text, r->diag.text);
        assert_non_null(strstr(r->diag.text, " at byte "));
    }
    end(r);
}

#define HEAD 0x00, 'a', 's', 'm', 1, 0, 0, 0
/* A module of these bytes behind the head is refused with `text`. */
#define REFUSED(text, ...)                                                                     \
    do {                                                                                       \
        static const uint8_t bytes_[] = { HEAD, __VA_ARGS__ };                                 \
        expect(read_bytes(bytes_, sizeof bytes_), BERTH_E_REJECTED, text);                     \
    } while (0)

/* Something of everything. */
static void fill(bertht_wasm *m)
{
    static const uint8_t body[] = { 0x20, 0, 0x20, 1, 0x6a, 0xac };
    static const uint32_t funcs[] = { 0, 1 };

    wasm_import_func(m, "host", "log", "ii:");
    wasm_import_global(m, "host", "level", BERTHI_I32, false);
    wasm_func(m, "ii:I", body, sizeof body);
    wasm_table(m, BERTHI_FUNCREF, 1, 2, 8);
    wasm_memory(m, 1, 1, 3);
    wasm_global_i32(m, true, -5);
    wasm_export(m, "memory", BERTHI_EXTERN_MEMORY, 0);
    wasm_export(m, "add", BERTHI_EXTERN_FUNC, 1);
    wasm_export(m, "level", BERTHI_EXTERN_GLOBAL, 1);
    wasm_elements(m, 0, funcs, 2);
    wasm_data(m, 16, "hello", 5);
    wasm_custom(m, "note", "body", 4);
}

static void a_description_names_everything(void **state)
{
    bertht_wasm m = { 0 };
    const berthi_wasm_export *e;
    const berthi_wasm_info *info;
    const berthi_wasm_section *note;
    reading *r;

    (void)state;
    fill(&m);
    r = read_module(&m);
    wasm_free(&m);
    assert_int_equal(r->status, BERTH_OK);
    info = &r->info;
    assert_int_equal(info->imports_count, 2);
    assert_int_equal(info->imported_funcs, 1);
    assert_int_equal(info->funcs_count, 2);
    assert_int_equal(info->imported_globals, 1);
    assert_int_equal(info->globals_count, 2);
    assert_int_equal(info->memories_count, 1);
    assert_int_equal(info->memories[0].max, 3);
    assert_int_equal(info->tables_count, 1);
    assert_int_equal(info->tables[0].size.min, 2);
    assert_true(info->globals[1].is_mutable && !info->globals[0].is_mutable);
    assert_int_equal(info->imports[1].module.size, 4);
    assert_memory_equal(info->imports[1].name.text, "level", 5);
    assert_int_equal(info->elements[0].count, 2);
    assert_memory_equal(info->bytes + info->data[0].bytes.offset, "hello", 5);
    assert_int_equal(info->bodies[0].size, 1 + 6 + 1);
    note = &info->sections[info->sections_count - 1];
    assert_int_equal(note->id, 0);
    assert_int_equal(note->body.size, 4);
    assert_memory_equal(info->bytes + note->body.offset, "body", 4);
    e = berthi_wasm_find_export(info, "add");
    assert_non_null(e);
    assert_true(berthi_wasm_func_is(info, e, "ii:I"));
    assert_false(berthi_wasm_func_is(info, e, "ii:i"));
    assert_false(berthi_wasm_func_is(info, e, "i:I"));
    assert_false(berthi_wasm_func_is(info, e, "iii:I"));
    assert_false(berthi_wasm_func_is(info, e, "ii:"));
    assert_false(berthi_wasm_func_is(info, berthi_wasm_find_export(info, "memory"), ":"));
    assert_null(berthi_wasm_find_export(info, "ad"));
    end(r);
}

static void the_first_bytes_say_what_it_is(void **state)
{
    static const uint8_t module[] = { HEAD }, component[] = { 0, 'a', 's', 'm', 0x0d, 0, 1, 0 };

    (void)state;
    assert_int_equal(berthi_wasm_form(module, 8), BERTHI_FORM_MODULE);
    assert_int_equal(berthi_wasm_form(component, 8), BERTHI_FORM_COMPONENT);
    assert_int_equal(berthi_wasm_form(module, 7), BERTHI_FORM_OTHER);
    assert_int_equal(berthi_wasm_form((const uint8_t *)"\177ELF....", 8), BERTHI_FORM_OTHER);
    assert_int_equal(berthi_wasm_form(NULL, 0), BERTHI_FORM_OTHER);
    expect(read_bytes(module, 8), BERTH_OK, "");
    expect(read_bytes(module, 5), BERTH_E_REJECTED, "unknown binary version");
    expect(read_bytes(module, 3), BERTH_E_REJECTED, "magic header not detected");
    expect(read_bytes("", 0), BERTH_E_REJECTED, "magic header not detected");
}

static void sections_keep_their_order_and_size(void **state)
{
    (void)state;
    REFUSED("twice or out of order", 1, 1, 0, 1, 1, 0);
    REFUSED("twice or out of order", 3, 1, 0, 1, 1, 0);
    REFUSED("twice or out of order", 10, 1, 0, 12, 1, 0);
    REFUSED("malformed section id", 14, 0);
    REFUSED("exceptions are not supported", 13, 1, 0);
    REFUSED("length out of bounds", 1, 5, 0);
    REFUSED("section size mismatch", 1, 2, 0, 0);
    REFUSED("unexpected end", 1);
    REFUSED("inconsistent lengths", 1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0);
    REFUSED("inconsistent lengths", 12, 1, 1);
}

/* There is room for as many as there are functions: the heap of the test has canaries. */
static void more_bodies_than_functions_are_refused_before_they_are_kept(void **state)
{
    bertht_wasm m = { 0 };
    reading *r;

    (void)state;
    wasm_func(&m, ":", "", 0);
    for (m.count[10] = 1; m.count[10] < 2000; m.count[10]++)
        buf_bytes(&m.section[10], "\x02\x00\x0b", 3);
    r = read_module(&m);
    expect(r, BERTH_E_REJECTED, "inconsistent lengths");
    wasm_free(&m);
}

static void numbers_have_one_form_at_most(void **state)
{
    (void)state;
    REFUSED("integer representation too long", 1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00);
    REFUSED("integer too large", 1, 0x80, 0x80, 0x80, 0x80, 0x10);
    REFUSED("integer too large", 6, 0x0b, 1, 0x7f, 0, 0x41, 0x80, 0x80, 0x80, 0x80, 0x70, 0x0b,
            0);
    REFUSED("integer representation too long", 6, 0x0b, 1, 0x7f, 0, 0x41, 0x80, 0x80, 0x80,
            0x80, 0x80, 0x00, 0x0b);
}

static void a_count_is_believed_only_when_its_bytes_are_there(void **state)
{
    static const uint8_t sections[] = { 1, 2, 3, 4, 5, 6, 7, 9, 10, 11 };

    (void)state;
    for (size_t i = 0; i < sizeof sections; i++) {
        uint8_t bytes[] = { HEAD, sections[i], 5, 0xff, 0xff, 0xff, 0xff, 0x0f };
        reading *r = read_bytes(bytes, sizeof bytes);

        assert_true(r->arena.bytes <= 16 * 1024);
        expect(r, BERTH_E_REJECTED, "a count is larger than its section");
    }
}

static void names_are_utf8_and_exports_have_one_each(void **state)
{
    bertht_wasm m = { 0 };

    (void)state;
    wasm_memory(&m, 0, 1, 0);
    wasm_export(&m, "first", BERTHI_EXTERN_MEMORY, 0);
    wasm_export(&m, "other", BERTHI_EXTERN_MEMORY, 0);
    wasm_export(&m, "firs", BERTHI_EXTERN_MEMORY, 0);
    wasm_export(&m, "", BERTHI_EXTERN_MEMORY, 0);
    expect(read_module(&m), BERTH_OK, "");
    wasm_export(&m, "first", BERTHI_EXTERN_MEMORY, 0);
    expect(read_module(&m), BERTH_E_REJECTED, "duplicate export name");
    wasm_free(&m);
    m = (bertht_wasm){ 0 };
    wasm_memory(&m, 0, 1, 0);
    wasm_export_bytes(&m, "\xc0\x80", 2, BERTHI_EXTERN_MEMORY, 0);
    expect(read_module(&m), BERTH_E_REJECTED, "malformed UTF-8 encoding");
    wasm_free(&m);
    REFUSED("malformed UTF-8 encoding", 0, 2, 1, 0xff);
}

static void indices_lie_in_their_spaces(void **state)
{
    (void)state;
    REFUSED("unknown type", 3, 2, 1, 0);
    REFUSED("unknown type", 2, 5, 1, 0, 0, 0, 0);
    REFUSED("unknown function", 7, 4, 1, 0, 0, 0);
    REFUSED("unknown table", 7, 4, 1, 0, 1, 0);
    REFUSED("unknown memory", 7, 4, 1, 0, 2, 0);
    REFUSED("unknown global", 7, 4, 1, 0, 3, 0);
    REFUSED("malformed export kind", 7, 4, 1, 0, 5, 0);
    REFUSED("unknown function", 8, 1, 0);
    REFUSED("unknown table", 9, 6, 1, 0, 0x41, 0, 0x0b, 0);
    REFUSED("unknown memory", 11, 6, 1, 0, 0x41, 0, 0x0b, 0);
    REFUSED("takes and returns nothing", 1, 5, 1, 0x60, 1, 0x7f, 0, 3, 2, 1, 0, 8, 1, 0, 10, 4,
            1, 2, 0, 0x0b);
}

static void memories_say_what_they_are(void **state)
{
    static const struct {
        uint8_t flags;
        bool has_max, is_shared, is_64;
    } all[] = {
        { 0, false, false, false }, { 1, true, false, false }, { 3, true, true, false },
        { 4, false, false, true },  { 5, true, false, true },  { 7, true, true, true }
    };

    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        bertht_wasm m = { 0 };
        reading *r;

        wasm_memory(&m, all[i].flags, 1, 2);
        r = read_module(&m);
        wasm_free(&m);
        assert_int_equal(r->status, BERTH_OK);
        assert_int_equal(r->info.memories[0].has_max, all[i].has_max);
        assert_int_equal(r->info.memories[0].is_shared, all[i].is_shared);
        assert_int_equal(r->info.memories[0].is_64, all[i].is_64);
        end(r);
    }
    REFUSED("malformed limits flags", 5, 3, 1, 8, 0);
    REFUSED("a shared memory needs a maximum", 5, 3, 1, 2, 0);
    REFUSED("must not be greater than maximum", 5, 4, 1, 1, 2, 1);
    REFUSED("at most 65536 pages", 5, 5, 1, 0, 0x81, 0x80, 0x04);
    REFUSED("at most 65536 pages", 5, 6, 1, 1, 0, 0x81, 0x80, 0x04);
    REFUSED("malformed limits flags", 4, 4, 1, 0x70, 2, 0);
}

static void features_that_nobody_has_are_named(void **state)
{
    (void)state;
    REFUSED("garbage collected types", 1, 3, 1, 0x5f, 0);
    REFUSED("typed function references", 1, 5, 1, 0x60, 1, 0x64, 0);
    REFUSED("garbage collected references", 1, 5, 1, 0x60, 1, 0x6e, 0);
    REFUSED("exceptions are not supported", 2, 6, 1, 0, 0, 4, 0, 0);
    REFUSED("initial expression", 4, 9, 1, 0x40, 0, 0x70, 0, 1, 0xd0, 0x70, 0x0b);
    REFUSED("malformed value type", 1, 5, 1, 0x60, 1, 0x40, 0);
    REFUSED("constant expression required", 6, 6, 1, 0x7f, 0, 0x20, 0, 0x0b);
}

static void v128_is_a_type_like_others_to_the_reader(void **state)
{
    bertht_wasm m = { 0 };

    (void)state;
    wasm_type(&m, "v:v");
    expect(read_module(&m), BERTH_OK, "");
    wasm_free(&m);
}

static void a_type_has_at_most_a_thousand_parameters(void **state)
{
    (void)state;
    for (size_t count = 1000; count <= 1001; count++) {
        bertht_wasm m = { 0 };
        char *signature = calloc(1, count + 2);
        reading *r;

        assert_non_null(signature);
        memset(signature, 'i', count);
        signature[count] = ':';
        wasm_type(&m, signature);
        r = read_module(&m);
        free(signature);
        wasm_free(&m);
        if (count == 1001)
            assert_int_equal(r->diag.reason, BERTH_REASON_ARTIFACT);
        expect(r, count == 1000 ? BERTH_OK : BERTH_E_LIMIT, "past this reader's limits");
    }
}

static void every_truncation_is_refused_or_shorter(void **state)
{
    bertht_wasm m = { 0 };
    uint8_t *bytes;
    size_t size, accepted = 0;

    (void)state;
    fill(&m);
    bytes = wasm_finish(&m, &size);
    for (size_t n = 0; n < size; n++) {
        reading *r = read_bytes(bytes, n);

        assert_true(r->status == BERTH_OK || r->status == BERTH_E_REJECTED);
        accepted += r->status == BERTH_OK;
        end(r);
    }
    /* A module may end between two sections, but not where it still owes code. */
    assert_in_range(accepted, 1, 12);
    free(bytes);
    wasm_free(&m);
}

static void every_byte_may_be_any_other(void **state)
{
    bertht_wasm m = { 0 };
    uint8_t *bytes;
    size_t size, refused = 0;

    (void)state;
    fill(&m);
    bytes = wasm_finish(&m, &size);
    for (size_t at = 0; at < size; at++) {
        uint8_t kept = bytes[at];

        for (unsigned value = 0; value < 256; value++) {
            reading *r;

            bytes[at] = (uint8_t)value;
            r = read_bytes(bytes, size);
            refused += r->status != BERTH_OK;
            assert_true(r->arena.bytes < 64 * size + 65536);
            end(r);
        }
        bytes[at] = kept;
    }
    assert_true(refused > 100 * size);
    free(bytes);
    wasm_free(&m);
}

static void each_allocation_may_fail(void **state)
{
    bertht_wasm m = { 0 };
    uint8_t *bytes;
    size_t size, failed = 0;

    (void)state;
    fill(&m);
    bytes = wasm_finish(&m, &size);
    for (size_t nth = 0;; nth++) {
        bertht_memory memory;
        berth_allocator allocator;
        berthi_arena arena;
        berthi_wasm_info info;
        berth_diag diag;
        berth_status status;

        memory_init(&memory);
        memory_fail(&memory, nth, true);
        allocator = memory_allocator(&memory);
        berthi_arena_init(&arena, &allocator, SIZE_MAX);
        status = berthi_wasm_read(bytes, size, &arena, &info, &diag);
        berthi_arena_fini(&arena);
        memory_assert_empty(&memory);
        if (atomic_load(&memory.failures) == 0) {
            assert_int_equal(status, BERTH_OK);
            break;
        }
        assert_int_equal(status, BERTH_E_NOMEM);
        failed++;
    }
    assert_true(failed > 0);
    free(bytes);
    wasm_free(&m);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_description_names_everything),
        cmocka_unit_test(the_first_bytes_say_what_it_is),
        cmocka_unit_test(sections_keep_their_order_and_size),
        cmocka_unit_test(more_bodies_than_functions_are_refused_before_they_are_kept),
        cmocka_unit_test(numbers_have_one_form_at_most),
        cmocka_unit_test(a_count_is_believed_only_when_its_bytes_are_there),
        cmocka_unit_test(names_are_utf8_and_exports_have_one_each),
        cmocka_unit_test(indices_lie_in_their_spaces),
        cmocka_unit_test(memories_say_what_they_are),
        cmocka_unit_test(features_that_nobody_has_are_named),
        cmocka_unit_test(v128_is_a_type_like_others_to_the_reader),
        cmocka_unit_test(a_type_has_at_most_a_thousand_parameters),
        cmocka_unit_test(every_truncation_is_refused_or_shorter),
        cmocka_unit_test(every_byte_may_be_any_other),
        cmocka_unit_test(each_allocation_may_fail),
    };

    return cmocka_run_group_tests_name("module", tests, NULL, NULL);
}
