/* framing_test.c - bytes to records and back, in pieces of any size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "ends/framing.h"
#include "ends/json_check.h"
#include "memory.h"

#include <cmocka.h>

enum { RECORDS_MAX = 64 };

typedef struct read_back {
    char text[4096]; /* records with | behind each */
    uint32_t bad;
    berthi_deframer_place place;
} read_back;

/* The bytes in pieces of `step`; what is bad is passed over. */
static read_back deframe(const berthi_end_values *values, const void *data, size_t size,
                         size_t step)
{
    static read_back out;
    bertht_memory memory;
    berth_allocator a;
    berthi_deframer d;
    size_t at = 0, used = 0;
    berthi_deframed what;

    memory_init(&memory);
    a = memory_allocator(&memory);
    memset(&out, 0, sizeof out);
    berthi_deframer_init(&d, &a, values);
    do {
        const void *record;
        size_t record_size;
        berth_diag diag = { 0 };

        what = berthi_deframer_next(&d, &record, &record_size, &diag);
        if (what == BERTHI_DEFRAMED_RECORD) {
            assert_true(used + record_size + 2 < sizeof out.text);
            memcpy(out.text + used, record, record_size);
            used += record_size;
            out.text[used++] = '|';
        } else if (what == BERTHI_DEFRAMED_BAD) {
            assert_int_not_equal(diag.text[0], '\0');
            out.bad++;
        } else if (what == BERTHI_DEFRAMED_MORE) {
            size_t room, some = size - at < step ? size - at : step;
            uint8_t *to = berthi_deframer_room(&d, step, &room);

            assert_true(room >= step);
            memcpy(to, (const char *)data + at, some);
            berthi_deframer_filled(&d, some);
            at += some;
            d.has_ended = some == 0;
        }
    } while (what != BERTHI_DEFRAMED_END);
    out.place = d.place;
    berthi_deframer_fini(&d);
    memory_assert_empty(&memory);
    return out;
}

static berthi_end_values rules(uint64_t framing, uint64_t record_max, uint64_t past,
                               uint64_t malformed)
{
    return (berthi_end_values){
        .framing = framing, .record_max = record_max, .past = past, .malformed = malformed
    };
}

/* In all pieces the same. */
static read_back all_ways(berthi_end_values values, const void *data, size_t size,
                          const char *expected)
{
    static const size_t steps[] = { 1, 2, 3, 5, 7, 64, 4096 };
    read_back last = { 0 };

    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        read_back now = deframe(&values, data, size, steps[i]);

        assert_string_equal(now.text, expected);
        if (i != 0)
            assert_int_equal(now.bad, last.bad);
        last = now;
    }
    return last;
}

#define LITERAL(text) (text), sizeof(text) - 1

static void lines_are_what_newlines_end(void **state)
{
    (void)state;
    all_ways(rules(BERTHI_FRAMING_LINES, 100, 0, 0), LITERAL("one\n\ntwo\r\nthree"),
             "one||two\r|three|");
    all_ways(rules(BERTHI_FRAMING_LINES, 100, 0, 0), LITERAL(""), "");
    all_ways(rules(BERTHI_FRAMING_LINES, 3, 0, 0), LITERAL("one\ntwo\n"), "one|two|");
}

static void a_line_past_the_bound_fails_or_is_left_out_or_is_cut(void **state)
{
    read_back back;

    (void)state;
    back = all_ways(rules(BERTHI_FRAMING_LINES, 4, BERTHI_PAST_FAIL, 0),
                    LITERAL("1234\n12345\nab\n"), "1234|ab|");
    assert_int_equal(back.bad, 1);
    back = all_ways(rules(BERTHI_FRAMING_LINES, 4, BERTHI_PAST_SKIP, 0),
                    LITERAL("1234\n123456789\nab\nabcdefghijk"), "1234|ab|");
    assert_int_equal(back.place.skipped, 2);
    assert_int_equal(back.bad, 0);
    back = all_ways(rules(BERTHI_FRAMING_LINES, 4, BERTHI_PAST_TRUNCATE, 0),
                    LITERAL("12345\n1234567890\nab\nabcde"), "1234|1234|ab|abcd|");
    assert_int_equal(back.place.truncated, 3);
    assert_int_equal(back.place.records, 4);
}

static void sizes_in_front_say_where_records_end(void **state)
{
    read_back back;

    (void)state;
    all_ways(rules(BERTHI_FRAMING_U32LE, 100, 0, 0), LITERAL("\3\0\0\0one\0\0\0\0\1\0\0\0x"),
             "one||x|");
    all_ways(rules(BERTHI_FRAMING_U32BE, 100, 0, 0), LITERAL("\0\0\0\3one\0\0\0\0"), "one||");
    all_ways(rules(BERTHI_FRAMING_VARINT, 300, 0, 0), LITERAL("\3one\0\201\0x"), "one||x|");
    back = all_ways(rules(BERTHI_FRAMING_U32LE, 2, BERTHI_PAST_TRUNCATE, 0),
                    LITERAL("\3\0\0\0one\1\0\0\0x"), "on|x|");
    assert_int_equal(back.place.truncated, 1);
    back = all_ways(rules(BERTHI_FRAMING_VARINT, 2, BERTHI_PAST_SKIP, 0),
                    LITERAL("\3one\1x\177ab"), "x|");
    assert_int_equal(back.place.skipped, 2);
    back = all_ways(rules(BERTHI_FRAMING_U32BE, 2, BERTHI_PAST_FAIL, 0),
                    LITERAL("\0\0\0\3one\0\0\0\1x"), "x|");
    assert_int_equal(back.bad, 1);
}

static void a_stream_that_ends_within_a_record_says_so(void **state)
{
    read_back back;

    (void)state;
    back =
        all_ways(rules(BERTHI_FRAMING_U32LE, 100, 0, 0), LITERAL("\1\0\0\0x\3\0\0\0on"), "x|");
    assert_int_equal(back.bad, 1);
    back = all_ways(rules(BERTHI_FRAMING_U32LE, 100, 0, 1), LITERAL("\1\0\0\0x\3\0"), "x|");
    assert_int_equal(back.bad, 0);
    assert_int_equal(back.place.malformed, 1);
    back = all_ways(rules(BERTHI_FRAMING_CSV, 100, 0, 0), LITERAL("a,b\n\"c"), "a,b|");
    assert_int_equal(back.bad, 1);
    /* A size of more than 64 bits: nobody knows where the next record is. */
    back = all_ways(rules(BERTHI_FRAMING_VARINT, 100, 0, 1),
                    LITERAL("\1x\377\377\377\377\377\377\377\377\377\2\1y"), "x|");
    assert_int_equal(back.place.malformed, 1);
}

static void rows_end_outside_of_quotes(void **state)
{
    berthi_end_values no_header = rules(BERTHI_FRAMING_CSV, 100, 0, 0);
    read_back back;

    (void)state;
    all_ways(rules(BERTHI_FRAMING_CSV, 100, 0, 0),
             LITERAL("a,b\r\n\"x\ny\",\"say \"\"hi\"\"\"\n\n\r\nlast,\"q\"\r\nin \"mid\",z"),
             "a,b|\"x\ny\",\"say \"\"hi\"\"\"|last,\"q\"|in \"mid\",z|");
    no_header.header = 1;
    all_ways(no_header, LITERAL("a,b\n1,2\n"), "1,2|");
    back = all_ways(rules(BERTHI_FRAMING_CSV, 100, 0, 1), LITERAL("\"a\"b,c\n1,2\n"), "1,2|");
    assert_int_equal(back.place.malformed, 1);
    back = all_ways(rules(BERTHI_FRAMING_CSV, 6, BERTHI_PAST_SKIP, 0),
                    LITERAL("1,2\n\"aaaa\nbbbb\",\"c\n\"\nx,y\n"), "1,2|x,y|");
    assert_int_equal(back.place.skipped, 1);
}

static void each_line_of_json_is_one_text(void **state)
{
    read_back back;

    (void)state;
    back = all_ways(rules(BERTHI_FRAMING_JSON_LINES, 100, 0, 1),
                    LITERAL("{\"a\":[1,2,{}]}\n  \n\"x\\u00e9\" \n{\"a\":}\n1 2\nnull"),
                    "{\"a\":[1,2,{}]}|\"x\\u00e9\" |null|");
    assert_int_equal(back.place.malformed, 2);
    back = all_ways(rules(BERTHI_FRAMING_JSON_LINES, 100, 0, 0), LITERAL("[1,]\n[]\n"), "[]|");
    assert_int_equal(back.bad, 1);
}

static void json_texts_are_told_from_others(void **state)
{
    static const char *const good[] = { "0",
                                        "-1.5e+10",
                                        "\"\"",
                                        "[]",
                                        "{}",
                                        " [ ] ",
                                        "{ \"a\" : { } , \"b\" : [ [ ] , \"\\n\" ] }",
                                        "[[],[],{\"\":null}]",
                                        "\"\xc3\xa9\"" };
    static const char *const bad[] = {
        "",           " ",        "01",        "+1",    "1.",    "tru",     "\"",
        "\"\\x\"",    "\"\t\"",   "[1",        "[1 2]", "{1:2}", "{\"a\"}", "[]]",
        "{\"a\":1,}", "\"\xff\"", "\"\\u12\"", "[,1]",  "{,}",   "}",       "nul",
        "{\"a\":1]",  "[1}",      "\"\\",      "1e"
    };
    char deep[2 * BERTHI_JSON_CHECK_NESTING + 2];
    size_t at;

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_null(berthi_json_check(good[i], strlen(good[i]), &at));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_non_null(berthi_json_check(bad[i], strlen(bad[i]), &at));
        assert_true(at <= strlen(bad[i]));
    }
    for (size_t depth = BERTHI_JSON_CHECK_NESTING; depth <= BERTHI_JSON_CHECK_NESTING + 1;
         depth++) {
        memset(deep, '[', depth);
        memset(deep + depth, ']', depth > BERTHI_JSON_CHECK_NESTING ? 1 : depth);
        assert_int_equal(
            berthi_json_check(deep, depth > BERTHI_JSON_CHECK_NESTING ? depth + 1 : 2 * depth,
                              &at) == NULL,
            depth <= BERTHI_JSON_CHECK_NESTING);
    }
}

static void what_is_framed_reads_back(void **state)
{
    static const char *const records[] = { "", "a", "{\"a\": 1}", "x,\"y\nz\"", "\"q\"" };
    bertht_memory memory;
    berth_allocator a;

    (void)state;
    memory_init(&memory);
    a = memory_allocator(&memory);
    for (uint64_t framing = 0; framing < BERTHI_FRAMING_WHOLE; framing++) {
        berthi_end_values values = rules(framing, 1000, 0, 0);
        berthi_end_counts counts = { 0 };
        berthi_framed f;
        char expected[256] = "";
        size_t used = 0;

        berthi_framed_init(&f, &a);
        for (size_t i = 0; i < sizeof records / sizeof *records; i++) {
            size_t before = f.size;
            berth_diag diag = { 0 };

            if (berthi_framed_add(&f, &values, &counts, records[i], strlen(records[i]),
                                  &diag) == BERTH_OK) {
                used += (size_t)snprintf(expected + used, sizeof expected - used, "%s|",
                                         records[i]);
            } else {
                assert_int_equal(f.size, before);
                assert_int_not_equal(diag.text[0], '\0');
            }
        }
        assert_int_not_equal(strlen(expected), 0);
        all_ways(values, f.data, f.size, expected);
        berthi_framed_fini(&f);
    }
    memory_assert_empty(&memory);
}

static void what_does_not_fit_a_framing_is_refused(void **state)
{
    static const struct {
        uint64_t framing;
        const char *text;
    } rows[] = {
        { BERTHI_FRAMING_LINES, "a\nb" },        { BERTHI_FRAMING_JSON_LINES, "{" },
        { BERTHI_FRAMING_JSON_LINES, "" },       { BERTHI_FRAMING_CSV, "a\nb" },
        { BERTHI_FRAMING_CSV, "\"a" },           { BERTHI_FRAMING_CSV, "" },
        { BERTHI_FRAMING_U32LE, "12345678901" },
    };
    berthi_end_counts counts = { 0 };
    berthi_framed f;
    berthi_end_values values;

    (void)state;
    berthi_framed_init(&f, &berthi_allocator_libc);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        values = rules(rows[i].framing, 10, 0, 0);
        assert_int_not_equal(
            berthi_framed_add(&f, &values, &counts, rows[i].text, strlen(rows[i].text), NULL),
            BERTH_OK);
        assert_int_equal(f.size, 0);
    }
    values = rules(BERTHI_FRAMING_LINES, 3, BERTHI_WRITE_PAST_TRUNCATE, 0);
    assert_int_equal(berthi_framed_add(&f, &values, &counts, "abcdef", 6, NULL), BERTH_OK);
    values = rules(BERTHI_FRAMING_JSON_LINES, 100, 0, 0);
    assert_int_equal(berthi_framed_add(&f, &values, &counts, "{\n\"a\": 1\n}", 10, NULL),
                     BERTH_OK);
    assert_int_equal(f.size, 4 + 11);
    assert_memory_equal(f.data, "abc\n{ \"a\": 1 }\n", f.size);
    assert_int_equal(counts.truncated, 1);
    berthi_framed_fini(&f);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_what_newlines_end),
        cmocka_unit_test(a_line_past_the_bound_fails_or_is_left_out_or_is_cut),
        cmocka_unit_test(sizes_in_front_say_where_records_end),
        cmocka_unit_test(a_stream_that_ends_within_a_record_says_so),
        cmocka_unit_test(rows_end_outside_of_quotes),
        cmocka_unit_test(each_line_of_json_is_one_text),
        cmocka_unit_test(json_texts_are_told_from_others),
        cmocka_unit_test(what_is_framed_reads_back),
        cmocka_unit_test(what_does_not_fit_a_framing_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
