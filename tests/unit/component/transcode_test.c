/* transcode_test.c - strings between hosts and guests: what is moved, and which reallocs it takes.
 *
 * The sequences are those of CanonicalABI.md, written down by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "component/plan/transcode.h"
#include "fake_guest.h"

enum { AT = 64, MEMORY = 256 };
#define TAG 0x80000000u

/* The same text in each encoding. */
typedef struct text {
    const char *utf8, *utf16, *latin1; /* latin1 may be NULL */
    size_t bytes, units;
} text;

/* clang-format off */
static const text ascii = { "abc", "a\0b\0c\0", "abc", 3, 3 };
static const text latin = { "a\xc3\xa9", "a\0\xe9\0", "a\xe9", 3, 2 };
static const text wide = { "a\xc3\xa9\xe2\x82\xac" "b", "a\0\xe9\0\xac\x20" "b\0", NULL, 7, 4 };
static const text astral = { "\xf0\x9f\x98\x80", "\x3d\xd8\x00\xde", NULL, 4, 2 };
static const text nothing = { "", "", "", 0, 0 };
/* clang-format on */

typedef enum kind { HOST, UTF8, UTF16, LATIN1, TAGGED } kind;

static enum berthi_cm_encoding encoding_of(kind k)
{
    return k == UTF8 ? BERTHI_CM_UTF8 : k == UTF16 ? BERTHI_CM_UTF16 : BERTHI_CM_LATIN1_UTF16;
}

static const char *bytes_of(const text *t, kind k, size_t *size_out, uint64_t *units_out)
{
    bool is_wide = k == UTF16 || k == TAGGED;

    *units_out = is_wide || k == LATIN1 ? t->units : t->bytes;
    *size_out = is_wide ? 2 * t->units : (size_t)*units_out;
    if (k == TAGGED)
        *units_out |= TAG;
    return is_wide ? t->utf16 : k == LATIN1 ? t->latin1 : t->utf8;
}

typedef struct row {
    kind from, to; /* `to` as it comes out */
    const text *text;
    const char
        *calls; /* alignment:size of each; the first has no old block, the next the last */
} row;

static const row rows[] = {
    { HOST, UTF8, &ascii, "1:3" },
    { HOST, UTF8, &wide, "1:7" },
    { HOST, UTF16, &ascii, "2:6" },
    { HOST, UTF16, &latin, "2:6 2:4" },
    { HOST, UTF16, &wide, "2:14 2:8" },
    { HOST, UTF16, &astral, "2:8 2:4" },
    { HOST, UTF16, &nothing, "2:0" },
    { HOST, LATIN1, &ascii, "2:3" },
    { HOST, LATIN1, &latin, "2:3 2:2" },
    { HOST, LATIN1, &nothing, "2:0" },
    { HOST, TAGGED, &wide, "2:7 2:14 2:8" },
    { HOST, TAGGED, &astral, "2:4 2:8 2:4" },
    { UTF8, UTF8, &wide, "1:7" },
    { UTF8, UTF8, &nothing, "1:0" },
    { UTF8, UTF16, &wide, "2:14 2:8" },
    { UTF8, LATIN1, &latin, "2:3 2:2" },
    { UTF8, TAGGED, &wide, "2:7 2:14 2:8" },
    { UTF16, UTF8, &ascii, "1:3" },
    { UTF16, UTF8, &latin, "1:2 1:6 1:3" },
    { UTF16, UTF8, &wide, "1:4 1:12 1:7" },
    { UTF16, UTF8, &astral, "1:2 1:6 1:4" },
    { UTF16, UTF8, &nothing, "1:0" },
    { UTF16, UTF16, &wide, "2:8" },
    { UTF16, UTF16, &nothing, "2:0" },
    { UTF16, LATIN1, &latin, "2:2" },
    { UTF16, TAGGED, &wide, "2:4 2:8" },
    { UTF16, TAGGED, &astral, "2:2 2:4" },
    { LATIN1, UTF8, &ascii, "1:3" },
    { LATIN1, UTF8, &latin, "1:2 1:4 1:3" },
    { LATIN1, UTF16, &latin, "2:4" },
    { LATIN1, UTF16, &nothing, "2:0" },
    { LATIN1, LATIN1, &latin, "2:2" },
    { LATIN1, LATIN1, &nothing, "2:0" },
    { TAGGED, UTF8, &latin, "1:2 1:6 1:3" },
    { TAGGED, UTF8, &astral, "1:2 1:6 1:4" },
    { TAGGED, UTF16, &wide, "2:8" },
    { TAGGED, LATIN1, &ascii, "2:6 1:3" },
    { TAGGED, LATIN1, &latin, "2:4 1:2" },
    { TAGGED, LATIN1, &nothing, "2:0 1:0" },
    { TAGGED, TAGGED, &wide, "2:8" },
    { TAGGED, TAGGED, &astral, "2:4" },
};

static berth_status run(const row *r, fake_guest *from, fake_guest *to,
                        berthi_cm_guest_string *out, berth_diag *diag)
{
    berthi_cm_guest_string string = { AT, 0 };
    size_t size;
    const char *bytes = bytes_of(r->text, r->from, &size, &string.units);

    if (r->from == HOST)
        return berthi_cm_string_lower(&to->guest, (berthi_cm_host_string){ bytes, size }, out,
                                      diag);
    fake_guest_put(from, AT, bytes, size);
    return berthi_cm_string_transfer(&from->guest, string, &to->guest, out, diag);
}

static void expect_calls(const row *r, const fake_guest *to)
{
    char seen[64] = "";
    size_t used = 0;

    for (uint32_t i = 0; i < to->count; i++) {
        const fake_realloc *c = &to->calls[i];

        used += (size_t)snprintf(seen + used, sizeof seen - used, "%s%d:%d", i == 0 ? "" : " ",
                                 (int)c->align, (int)c->size);
        assert_int_equal(c->old_ptr, i == 0 ? 0 : c[-1].given);
        assert_int_equal(c->old_size, i == 0 ? 0 : c[-1].size);
    }
    assert_string_equal(seen, r->calls);
}

static void each_pair_of_encodings_has_its_own_reallocs(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const row *r = &rows[i];
        berthi_cm_guest_string out = { 0, 0 };
        berth_diag diag = { 0 };
        fake_guest from, to;
        uint64_t units;
        size_t size;
        const char *bytes = bytes_of(r->text, r->to, &size, &units);

        fake_guest_init(&from, encoding_of(r->from), MEMORY);
        fake_guest_init(&to, encoding_of(r->to), 8);
        to.next = 5;
        assert_int_equal(run(r, &from, &to, &out, &diag), BERTH_OK);
        expect_calls(r, &to);
        assert_int_equal(out.units, units);
        assert_int_equal(out.ptr, to.calls[to.count - 1].given);
        assert_memory_equal(to.guest.memory.base + out.ptr, bytes, size);
        fake_guest_fini(&from);
        fake_guest_fini(&to);
    }
}

static void a_realloc_that_fails_ends_it_at_every_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (uint32_t nth = 0;; nth++) {
            berthi_cm_guest_string out = { 7, 7 };
            berth_diag diag = { 0 };
            fake_guest from, to;
            berth_status status;

            fake_guest_init(&from, encoding_of(rows[i].from), MEMORY);
            fake_guest_init(&to, encoding_of(rows[i].to), 8);
            to.fail_at = nth;
            status = run(&rows[i], &from, &to, &out, &diag);
            if (status != BERTH_OK) {
                assert_int_equal(to.count, nth + 1);
                assert_int_equal(diag.reason, BERTH_REASON_UNREACHABLE);
                assert_true(out.ptr == 7 && out.units == 7);
            }
            fake_guest_fini(&from);
            fake_guest_fini(&to);
            if (status == BERTH_OK)
                break;
            assert_int_equal(status, BERTH_E_TRAP);
        }
    }
}

/* What a realloc does not keep is not written again: only what came after it is there. */
static void nothing_is_written_twice(void **state)
{
    static const struct {
        row row;
        const char *bytes;
        size_t size;
    } cases[] = {
        { { UTF16, UTF8, &wide, "" }, "\xa5\xa5\xa5\xa5\xa5\xa5\xa5", 7 },
        { { HOST, TAGGED, &wide, "" }, "\xa5\xa5\xa5\xa5\xa5\xa5\xa5\xa5", 8 },
        { { UTF16, TAGGED, &wide, "" },
          "\xa5\0\xa5\0\xac\x20"
          "b\0",
          8 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        berthi_cm_guest_string out = { 0, 0 };
        berth_diag diag = { 0 };
        fake_guest from, to;

        fake_guest_init(&from, encoding_of(cases[i].row.from), MEMORY);
        fake_guest_init(&to, encoding_of(cases[i].row.to), 8);
        to.forgets = true;
        assert_int_equal(run(&cases[i].row, &from, &to, &out, &diag), BERTH_OK);
        assert_memory_equal(to.guest.memory.base + out.ptr, cases[i].bytes, cases[i].size);
        fake_guest_fini(&from);
        fake_guest_fini(&to);
    }
}

/* ---------------------------------------------------------------- what a guest may get wrong */

static berth_status lift(fake_guest *from, uint64_t ptr, uint64_t units, berth_arena *arena,
                         bool views, berthi_cm_host_string *out, berth_diag *diag)
{
    const berthi_cm_host_side side = { .arena = arena, .views = views };

    return berthi_cm_string_lift(&from->guest, (berthi_cm_guest_string){ ptr, units }, &side,
                                 out, diag);
}

typedef struct wrong {
    kind kind;
    bool is_64;
    uint64_t ptr, units;
    const char *text; /* NULL: right */
} wrong;

#define OUTSIDE "string pointer/length out of bounds of memory"

static const wrong wrongs[] = {
    { UTF8, false, MEMORY, 0, NULL },
    { UTF8, false, MEMORY + 1, 0, OUTSIDE },
    { UTF8, false, MEMORY - 1, 1, NULL },
    { UTF8, false, MEMORY - 1, 2, OUTSIDE },
    { UTF8, false, UINT32_MAX, 1, OUTSIDE },
    { UTF8, false, 0, UINT32_MAX, OUTSIDE ": longer than 2^28-1 bytes" },
    { UTF8, true, UINT64_MAX, 2, OUTSIDE },
    { UTF8, true, 0, UINT64_MAX, OUTSIDE ": longer than 2^28-1 bytes" },
    { UTF8, false, 0, (1u << 28) - 1, OUTSIDE },
    { UTF8, false, 0, 1u << 28, OUTSIDE ": longer than 2^28-1 bytes" },
    { UTF16, false, 0, (1u << 27) - 1, OUTSIDE },
    { UTF16, false, 0, 1u << 27, OUTSIDE ": longer than 2^28-1 bytes" },
    { UTF16, true, 0, 1ull << 63, OUTSIDE ": longer than 2^28-1 bytes" },
    { UTF16, false, MEMORY - 2, 1, NULL },
    { UTF16, false, MEMORY - 2, 2, OUTSIDE },
    { UTF16, false, 1, 1, "string pointer not aligned to 2" },
    { UTF16, false, 1, 0, "string pointer not aligned to 2" },
    { LATIN1, false, 1, 0, "string pointer not aligned to 2" },
    { LATIN1, false, MEMORY, 0, NULL },
    { LATIN1, false, 2, MEMORY - 2, NULL },
    { LATIN1, false, 2, MEMORY - 1, OUTSIDE },
    { LATIN1, false, 2, MEMORY / 2 - 1 + TAG, NULL },
    { LATIN1, false, 2, MEMORY / 2 + TAG, OUTSIDE },
    { LATIN1, false, 0, TAG, NULL },
    { LATIN1, false, MEMORY + 2, TAG, OUTSIDE },
    { LATIN1, true, 0, TAG, OUTSIDE ": longer than 2^28-1 bytes" },
    { LATIN1, true, 2, MEMORY / 2 - 1 + (1ull << 63), NULL },
    { LATIN1, true, 2, MEMORY / 2 + (1ull << 63), OUTSIDE },
};

static void lengths_alignment_and_bounds_are_checked_also_when_empty(void **state)
{
    berth_arena *arena = NULL;

    (void)state;
    assert_int_equal(berth_arena_create(NULL, 0, &arena, NULL), BERTH_OK);
    for (size_t i = 0; i < sizeof wrongs / sizeof *wrongs; i++) {
        const wrong *w = &wrongs[i];
        berthi_cm_host_string out = { "x", 1 };
        berth_diag diag = { 0 };
        fake_guest from;
        berth_status status;

        fake_guest_init(&from, encoding_of(w->kind), MEMORY);
        memset(from.guest.memory.base, 'a', MEMORY);
        from.guest.is_64 = w->is_64;
        status = lift(&from, w->ptr, w->units, arena, false, &out, &diag);
        if (w->text == NULL) {
            assert_int_equal(status, BERTH_OK);
        } else {
            assert_int_equal(status, BERTH_E_TRAP);
            assert_int_equal(diag.reason, BERTH_REASON_CANONICAL);
            assert_string_equal(diag.text, w->text);
            assert_string_equal(out.text, "x");
        }
        fake_guest_fini(&from);
    }
    berth_arena_destroy(arena);
}

static void contents_must_decode(void **state)
{
    static const struct {
        kind kind;
        const char *bytes;
        size_t size;
        uint64_t units;
        const char *text;
    } cases[] = {
        { UTF8, "\xff", 1, 1, "invalid utf-8" },
        { UTF8, "a\x80", 2, 2, "invalid utf-8" },
        { UTF8, "\xc0\x80", 2, 2, "invalid utf-8" },
        { UTF8, "\xed\xa0\x80", 3, 3, "invalid utf-8" },
        { UTF8, "\xf4\x90\x80\x80", 4, 4, "invalid utf-8" },
        { UTF8, "ab\xe2\x82", 4, 4, "incomplete utf-8 byte sequence" },
        { UTF8, "\xf0\x9f\x98", 3, 3, "incomplete utf-8 byte sequence" },
        { UTF8, "\xe0\x80", 2, 2, "invalid utf-8" },
        { UTF8, "\xe0", 1, 1, "incomplete utf-8 byte sequence" },
        { UTF8, "\xed\xa0", 2, 2, "invalid utf-8" },
        { UTF8, "0123456789abcdef0123456789abcdef\xc3(", 34, 34, "invalid utf-8" },
        { UTF16, "\x00\xd8", 2, 1, "invalid utf-16" },
        { UTF16, "\x00\xdc", 2, 1, "invalid utf-16" },
        { UTF16, "\x00\xd8z\0", 4, 2, "invalid utf-16" },
        { UTF16, "a\0b\0c\0d\0\xff\xdf", 10, 5, "invalid utf-16" },
        { LATIN1, "\x00\xdc", 2, 1 + TAG, "invalid utf-16" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const berthi_cm_guest_string string = { AT, cases[i].units };
        berthi_cm_guest_string out = { 0, 0 };
        berthi_cm_host_string lifted = { NULL, 0 };
        fake_guest from, to;
        berth_diag diag = { 0 };

        fake_guest_init(&from, encoding_of(cases[i].kind), MEMORY);
        fake_guest_init(&to, BERTHI_CM_UTF8, MEMORY);
        fake_guest_put(&from, AT, cases[i].bytes, cases[i].size);
        assert_int_equal(berthi_cm_string_transfer(&from.guest, string, &to.guest, &out, &diag),
                         BERTH_E_TRAP);
        assert_string_equal(diag.text, cases[i].text);
        assert_int_equal(to.count, 0);
        assert_int_equal(lift(&from, AT, cases[i].units, NULL, true, &lifted, &diag),
                         BERTH_E_TRAP);
        fake_guest_fini(&from);
        fake_guest_fini(&to);
    }
}

static void what_may_be_copied_is_bounded_and_counted(void **state)
{
    const berthi_cm_guest_string string = { AT, 4 };
    berthi_cm_guest_string moved = { 0, 0 };
    berthi_cm_host_string out = { NULL, 0 };
    berth_arena *arena = NULL;
    berth_diag diag = { 0 };
    fake_guest from, to;

    (void)state;
    assert_int_equal(berth_arena_create(NULL, 0, &arena, NULL), BERTH_OK);
    fake_guest_init(&from, BERTHI_CM_LATIN1_UTF16, MEMORY);
    fake_guest_init(&to, BERTHI_CM_UTF8, MEMORY);
    fake_guest_put(&from, AT, "\xe9\xe9\xe9\xe9", 4);
    from.budget = 3;
    assert_int_equal(lift(&from, AT, 4, arena, false, &out, &diag), BERTH_E_LIMIT);
    assert_int_equal(diag.reason, BERTH_REASON_OUTPUT);
    assert_int_equal(berthi_cm_string_transfer(&from.guest, string, &to.guest, &moved, &diag),
                     BERTH_E_LIMIT);
    assert_int_equal(from.budget, 3);
    from.budget = 7; /* in UTF-8 it is eight bytes */
    assert_int_equal(lift(&from, AT, 4, arena, false, &out, &diag), BERTH_E_LIMIT);
    from.budget = 8;
    assert_int_equal(lift(&from, AT, 4, arena, false, &out, &diag), BERTH_OK);
    assert_int_equal(from.budget, 0);
    from.budget = 4;
    assert_int_equal(berthi_cm_string_transfer(&from.guest, string, &to.guest, &moved, &diag),
                     BERTH_OK);
    assert_int_equal(from.budget, 0);
    fake_guest_fini(&from);
    fake_guest_fini(&to);
    berth_arena_destroy(arena);
}

/* ---------------------------------------------------------------- the host's side */

static void every_encoding_is_lifted_to_utf8(void **state)
{
    static const text *const texts[] = { &ascii, &latin, &wide, &astral, &nothing };
    berth_arena *arena = NULL;

    (void)state;
    assert_int_equal(berth_arena_create(NULL, 0, &arena, NULL), BERTH_OK);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        for (kind k = UTF8; k <= TAGGED; k++) {
            berthi_cm_host_string out = { NULL, 0 };
            fake_guest from;
            uint64_t units;
            size_t size;
            const char *bytes = bytes_of(texts[i], k, &size, &units);

            if (bytes == NULL)
                continue;
            fake_guest_init(&from, encoding_of(k), MEMORY);
            fake_guest_put(&from, AT, bytes, size);
            for (int views = 0; views < 2; views++) {
                const char *memory = (const char *)from.guest.memory.base + AT;

                assert_int_equal(lift(&from, AT, units, arena, views != 0, &out, NULL),
                                 BERTH_OK);
                assert_int_equal(out.size, texts[i]->bytes);
                assert_memory_equal(out.text, texts[i]->utf8, out.size);
                assert_int_equal(out.text == memory, views && k == UTF8 && size != 0);
            }
            fake_guest_fini(&from);
        }
    }
    berth_arena_destroy(arena);
}

static void an_empty_memory_holds_the_empty_string(void **state)
{
    berthi_cm_guest_string moved = { 7, 7 };
    berthi_cm_host_string out = { NULL, 7 };
    fake_guest from, to;

    (void)state;
    fake_guest_init(&from, BERTHI_CM_UTF16, 0);
    fake_guest_init(&to, BERTHI_CM_LATIN1_UTF16, 0);
    assert_int_equal(lift(&from, 0, 0, NULL, true, &out, NULL), BERTH_OK);
    assert_true(out.size == 0 && out.text != NULL);
    assert_int_equal(berthi_cm_string_transfer(&from.guest, (berthi_cm_guest_string){ 0, 0 },
                                               &to.guest, &moved, NULL),
                     BERTH_OK);
    assert_int_equal(moved.units, 0);
    assert_int_equal(
        berthi_cm_string_lower(&to.guest, (berthi_cm_host_string){ NULL, 0 }, &moved, NULL),
        BERTH_OK);
    fake_guest_fini(&from);
    fake_guest_fini(&to);
}

static void what_the_host_gives_must_be_utf8_of_its_own(void **state)
{
    berthi_cm_guest_string moved = { 7, 7 };
    berth_diag diag = { 0 };
    fake_guest to;

    (void)state;
    fake_guest_init(&to, BERTHI_CM_UTF8, MEMORY);
    assert_int_equal(berthi_cm_string_lower(&to.guest,
                                            (berthi_cm_host_string){ "\xed\xa0\x80", 3 },
                                            &moved, &diag),
                     BERTH_E_INVALID);
    memset(to.guest.memory.base, 'a', MEMORY);
    for (size_t at = 0; at < MEMORY; at += MEMORY - 1) {
        const char *own = (const char *)to.guest.memory.base + at;

        assert_int_equal(
            berthi_cm_string_lower(&to.guest, (berthi_cm_host_string){ own, 1 }, &moved, &diag),
            BERTH_E_INVALID);
    }
    assert_int_equal(berthi_cm_string_lower(&to.guest,
                                            (berthi_cm_host_string){ "a", (size_t)1 << 28 },
                                            &moved, &diag),
                     BERTH_E_LIMIT);
    assert_int_equal(diag.reason, BERTH_REASON_INPUT);
    assert_int_equal(to.count, 0);
    assert_true(moved.ptr == 7 && moved.units == 7);
    fake_guest_fini(&to);
}

static void *no_memory(void *ctx, size_t size)
{
    bool *fails = ctx;

    return *fails ? NULL : berthi_alloc(&berthi_allocator_libc, size);
}

static void give_back(void *ctx, void *p, size_t size)
{
    (void)ctx;
    berthi_free(&berthi_allocator_libc, p, size);
}

static void an_arena_without_memory_is_said(void **state)
{
    bool fails = false;
    const berth_allocator allocator = { &fails, no_memory, give_back };
    berth_arena *arena = NULL;
    fake_guest from;

    (void)state;
    assert_int_equal(berth_arena_create(&allocator, 16, &arena, NULL), BERTH_OK);
    fails = true;
    for (kind k = UTF8; k <= LATIN1; k++) {
        berthi_cm_host_string out = { "x", 1 };
        berth_diag diag = { 0 };

        fake_guest_init(&from, encoding_of(k), MEMORY);
        memset(from.guest.memory.base, 'a', MEMORY);
        assert_int_equal(lift(&from, 0, 100, arena, false, &out, &diag), BERTH_E_NOMEM);
        assert_string_equal(out.text, "x");
        fake_guest_fini(&from);
    }
    berth_arena_destroy(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_pair_of_encodings_has_its_own_reallocs),
        cmocka_unit_test(a_realloc_that_fails_ends_it_at_every_place),
        cmocka_unit_test(nothing_is_written_twice),
        cmocka_unit_test(lengths_alignment_and_bounds_are_checked_also_when_empty),
        cmocka_unit_test(contents_must_decode),
        cmocka_unit_test(what_may_be_copied_is_bounded_and_counted),
        cmocka_unit_test(every_encoding_is_lifted_to_utf8),
        cmocka_unit_test(an_empty_memory_holds_the_empty_string),
        cmocka_unit_test(what_the_host_gives_must_be_utf8_of_its_own),
        cmocka_unit_test(an_arena_without_memory_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
