/* files_test.c - settings, records that are made up, and files: read, followed, written, torn, full. */
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "end_rig.h"
#include "ends/file_tail.h"
#include "os/clock.h"

#include <cmocka.h>

/* ---------------------------------------------------------------- settings */

static void settings_are_checked_against_the_table(void **state)
{
    static const struct {
        const char *kind;
        uint32_t role;
        const char *settings;
        berth_status status;
        const char *text;
    } rows[] = {
        { "null", SINK, "", BERTH_OK, "" },
        { "generator", SOURCE, "rate=10;count=5;size=16MiB", BERTH_OK, "" },
        { "file", SOURCE, "path=x;recheck=5s;follow=true", BERTH_OK, "" },
        { "null", SOURCE, "", BERTH_E_ABSENT, "`null` is no source" },
        { "files", SINK, "", BERTH_E_ABSENT,
          "there is no kind of sink `files`; did you mean `file`?" },
        { "file", SINK, "", BERTH_E_INVALID, "a file sink needs `path`: the file" },
        { "file", SINK, "path=", BERTH_E_INVALID,
          "file sink: `path` has 1 to 4096 bytes, not 0" },
        { "file", SINK, "path=a;pat=b", BERTH_E_INVALID,
          "a file sink has no setting `pat`; did you mean `path`?" },
        { "file", SINK, "path=a;path=b", BERTH_E_INVALID, "file sink: `path` is there twice" },
        { "file", SINK, "path=a;mode=add", BERTH_E_INVALID,
          "file sink: `mode` is append|create|replace, and not `add`" },
        { "generator", SOURCE, "size=17MiB", BERTH_E_INVALID,
          "generator source: `size` is 0 to 16MiB, and not `17MiB`" },
        { "generator", SOURCE, "rate=-1", BERTH_E_INVALID,
          "generator source: `rate` is a whole number, and not `-1`" },
        { "generator", SOURCE, "rate=99999999999999999999", BERTH_E_INVALID,
          "generator source: `rate` is a whole number, and not `99999999999999999999`" },
        { "generator", SOURCE, "size=1 KiB", BERTH_E_INVALID,
          "generator source: `size` is a number of bytes, such as 4096 or 64KiB, and not `1 "
          "KiB`" },
        { "file", SOURCE, "path=x;recheck=5", BERTH_E_INVALID,
          "file source: `recheck` is a time, such as 100ms or 5s, and not `5`" },
        { "file", SOURCE, "path=x;framing=csv;past=truncate", BERTH_E_INVALID,
          "file source: a row or a JSON text that is cut is none; `past` is not `truncate` "
          "with "
          "this framing" },
        { "file", SINK, "path=x;framing=json-lines;past=truncate", BERTH_E_INVALID,
          "file sink: a row or a JSON text that is cut is none; `past` is not `truncate` with "
          "this framing" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        end_rig *r = *state;

        r->diag.text[0] = '\0';
        assert_int_equal(end_rig_check(r, rows[i].kind, rows[i].role, rows[i].settings),
                         rows[i].status);
        assert_string_equal(r->diag.text, rows[i].text);
    }
}

static void every_row_of_the_table_is_sound(void **state)
{
    berth_end_row row = { .size = sizeof row };
    size_t rows = 0, kinds = 0;
    char settings[128];

    for (; berth_end_row_read(rows, &row) == BERTH_OK; rows++) {
        assert_non_null(row.kind);
        assert_non_null(row.text);
        assert_true(row.role == SOURCE || row.role == SINK);
        kinds += row.name == NULL;
        if (row.name == NULL || row.initial == NULL || row.initial[0] == '\0')
            continue;
        /* Defaults and bounds are values. */
        snprintf(settings, sizeof settings, "%s=%s", row.name, row.initial);
        if (end_rig_check(*state, row.kind, row.role, settings) != BERTH_OK)
            assert_non_null(strstr(((end_rig *)*state)->diag.text, " needs "));
    }
    assert_true(rows > 10 && kinds >= 4);
    assert_int_equal(berth_end_row_read(rows, &row), BERTH_E_ABSENT);
    row.size = 0;
    assert_int_equal(berth_end_row_read(0, &row), BERTH_E_INVALID);
}

/* As docs/ends.md has it. */
static void write_row(const berth_end_row *row, char *out, size_t room)
{
    char initial[64] = "", bounds[64] = "", type[128];
    size_t at = 0;

    if (row->name == NULL) {
        snprintf(out, room, "### `%s`, a %s\n\nIt %s.\n", row->kind,
                 row->role == SOURCE ? "source" : "sink", row->text);
        return;
    }
    for (const char *c = row->type; *c != '\0'; c++)
        at += (size_t)snprintf(type + at, sizeof type - at, *c == '|' ? "`, `" : "%c", *c);
    if (row->initial != NULL)
        snprintf(initial, sizeof initial, row->initial[0] == '\0' ? "none" : "`%s`",
                 row->initial);
    if (row->min != NULL)
        snprintf(bounds, sizeof bounds, ", %s to %s", row->min, row->max);
    snprintf(out, room, "| `%s` | %s%s%s%s | %s | %s |\n", row->name,
             strchr(row->type, '|') != NULL ? "`" : "", type,
             strchr(row->type, '|') != NULL ? "`" : "", bounds,
             row->initial != NULL ? initial : "has to be said", row->text);
}

/* Run with BERTH_ENDS_ROWS set, this prints what is to be there. */
static void the_reference_says_what_the_table_says(void **state)
{
    static char text[1 << 16];
    berth_end_row row = { .size = sizeof row };
    FILE *file = fopen(BERTH_TEST_SOURCE_DIR "/docs/ends.md", "r");
    const char *at = text, *found;
    char line[512];

    (void)state;
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    (void)fclose(file);
    for (size_t i = 0; berth_end_row_read(i, &row) == BERTH_OK; i++) {
        write_row(&row, line, sizeof line);
        if (getenv("BERTH_ENDS_ROWS") != NULL) {
            printf("%s", line);
            continue;
        }
        found = strstr(at, line);
        if (found == NULL)
            fail_msg("docs/ends.md does not say, or not here: %s", line);
        at = found + strlen(line);
    }
}

static void an_end_is_added_only_as_what_it_is(void **state)
{
    end_rig *r = *state;
    berth_stage_options o = BERTH_STAGE_OPTIONS_INIT;
    berth_end_stats stats = { .size = sizeof stats };

    o.name = "x";
    o.role = SINK;
    o.self = r;
    assert_int_equal(berth_flow_add_end(r->flow, &o, "null", NULL, 0, NULL, &r->diag),
                     BERTH_E_INVALID);
    o.self = NULL;
    o.role = BERTH_ROLE_FILTER;
    assert_int_equal(berth_flow_add_end(r->flow, &o, "null", NULL, 0, NULL, &r->diag),
                     BERTH_E_ABSENT);
    o.role = SINK;
    o.name = "";
    assert_int_equal(berth_flow_add_end(r->flow, &o, "null", NULL, 0, NULL, &r->diag),
                     BERTH_E_INVALID);
    assert_int_equal(berth_flow_end_stats(r->flow, 0, &stats), BERTH_E_ABSENT);
}

/* ---------------------------------------------------------------- made up */

static void a_generator_makes_the_same_records_again(void **state)
{
    end_rig *r = *state;
    char first[256];

    end_rig_pair(r, "generator", "count=3;size=20", "file", "path=@/a");
    end_rig_run(r);
    snprintf(first, sizeof first, "%s", end_rig_read(r, "a"));
    assert_int_equal(strlen(first), 3 * 21);
    assert_memory_equal(first, "0 ", 2);
    assert_memory_equal(first + 42, "2 ", 2);
    end_rig_pair(r, "generator", "count=3;size=20", "file", "path=@/b");
    end_rig_run(r);
    assert_string_equal(end_rig_read(r, "b"), first);
    end_rig_pair(r, "generator", "count=3;size=20;seed=2", "file", "path=@/c");
    end_rig_run(r);
    assert_string_not_equal(end_rig_read(r, "c"), first);
    end_rig_pair(r, "generator", "count=2;size=0", "file", "path=@/d");
    end_rig_run(r);
    assert_string_equal(end_rig_read(r, "d"), "\n\n");
}

static void sources_keep_within_what_their_stage_may_emit(void **state)
{
    static const char *const kinds[] = { "generator", "file" };
    end_rig *r = *state;
    berth_stage_options options = BERTH_STAGE_OPTIONS_INIT;
    berth_edge_options queue = BERTH_EDGE_OPTIONS_INIT;
    berth_stage_stats stats = { .size = sizeof stats };

    options.emits_max = 3;
    options.buffer_bytes_max = 5 * 256; /* five records */
    queue.records_max = 16;
    end_rig_pair(r, "generator", "count=500;size=40", "file", "path=@/in");
    end_rig_run(r);
    for (int i = 0; i < 2; i++) {
        end_rig_add_with(r, &options, kinds[i], BERTH_ROLE_SOURCE,
                         i == 0 ? "count=500;size=40" : "path=@/in");
        end_rig_add(r, "null", BERTH_ROLE_SINK, "");
        end_rig_edge(r, 0, 1, &queue);
        end_rig_start(r);
        assert_int_equal(end_rig_wait(r), BERTH_OK);
        assert_int_equal(end_rig_stats(r, 1).records, 500);
        assert_int_equal(berth_flow_stage_stats(r->flow, 0, &stats), BERTH_OK);
        assert_true(stats.calls >= 500 / 3 && stats.failures == 0);
        assert_true(stats.buffer_bytes_peak <= 5 * 256);
        end_rig_close(r);
        end_rig_open(r);
    }
    options.buffer_bytes_max = 100; /* not one: that does not come right by waiting */
    end_rig_add_with(r, &options, "generator", BERTH_ROLE_SOURCE, "count=5;size=40");
    end_rig_add(r, "null", BERTH_ROLE_SINK, "");
    end_rig_edge(r, 0, 1, NULL);
    end_rig_start(r);
    assert_int_equal(end_rig_wait(r), BERTH_E_LIMIT);
}

static void a_rate_is_kept(void **state)
{
    end_rig *r = *state;
    berth_flow_stats stats = { .size = sizeof stats };

    end_rig_pair(r, "generator", "rate=1000;count=50", "null", "");
    end_rig_start(r);
    assert_int_equal(end_rig_wait(r), BERTH_OK);
    assert_int_equal(end_rig_stats(r, 1).records, 50);
    assert_int_equal(end_rig_stats(r, 1).bytes, 50 * 256);
    assert_int_equal(berth_flow_read_stats(r->flow, &stats), BERTH_OK);
    assert_true(stats.wakes >= 2); /* it slept between them */
}

/* ---------------------------------------------------------------- files that are read */

static void a_file_is_copied_in_every_framing(void **state)
{
    static const char *const framings[] = { "lines", "u32le", "u32be", "varint" };
    end_rig *r = *state;
    char settings[256];

    for (size_t i = 0; i < 4; i++) {
        end_rig_pair(r, "generator", "count=1000;size=300", "file",
                     "path=@/lines;mode=replace");
        end_rig_run(r);
        snprintf(settings, sizeof settings, "path=@/framed;mode=replace;framing=%s",
                 framings[i]);
        end_rig_pair(r, "file", "path=@/lines", "file", settings);
        end_rig_run(r);
        snprintf(settings, sizeof settings, "path=@/framed;read_bytes=4KiB;framing=%s",
                 framings[i]);
        end_rig_pair(r, "file", settings, "file", "path=@/back;mode=replace");
        end_rig_run(r);
        snprintf(settings, sizeof settings, "cmp -s '%s/lines' '%s/back'", r->folder,
                 r->folder);
        assert_int_equal(system(settings), 0);
    }
}

static void a_record_too_long_fails_the_flow_or_is_counted(void **state)
{
    end_rig *r = *state;
    berth_stage_options skips = BERTH_STAGE_OPTIONS_INIT;
    uint32_t sink;

    end_rig_write(r, "in", "one\nfour and more\ntwo\n");
    end_rig_pair(r, "file", "path=@/in;record_max=4", "file", "path=@/out");
    end_rig_start(r);
    assert_int_equal(end_rig_wait(r), BERTH_E_LIMIT);
    assert_string_equal(r->diag.text,
                        "stage 's0': the record at byte 4 is longer than 4 bytes");
    end_rig_close(r);
    end_rig_open(r);
    end_rig_pair(r, "file", "path=@/in;record_max=4;past=skip", "file",
                 "path=@/out;mode=replace");
    end_rig_start(r);
    assert_int_equal(end_rig_wait(r), BERTH_OK);
    assert_int_equal(end_rig_stats(r, 0).skipped, 1);
    assert_int_equal(end_rig_stats(r, 0).records, 2);
    assert_string_equal(end_rig_read(r, "out"), "one\ntwo\n");
    end_rig_close(r);
    end_rig_open(r);
    skips.on_error = BERTH_ON_ERROR_SKIP; /* the stage's policy says the same */
    skips.retry_ns = 1000;
    (void)end_rig_add_with(r, &skips, "file", SOURCE, "path=@/in;record_max=4");
    sink = end_rig_add(r, "file", SINK, "path=@/out;mode=replace");
    end_rig_edge(r, 0, sink, NULL);
    end_rig_run(r);
    assert_string_equal(end_rig_read(r, "out"), "one\ntwo\n");
}

static void what_cannot_be_opened_keeps_the_flow_from_starting(void **state)
{
    end_rig *r = *state;
    static const struct {
        const char *source, *sink, *text;
    } rows[] = {
        { "path=@/absent", "path=@/out", "cannot be opened" },
        { "path=@", "path=@/out", "is a folder" },
        { "path=/dev/null;follow=true", "path=@/out", "only files can be followed" },
        { "path=/dev/null", "path=@/no/out", "cannot be opened" },
        { "path=/dev/null", "path=@/in;mode=create", "cannot be opened" },
    };

    end_rig_write(r, "in", "");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        end_rig_pair(r, "file", rows[i].source, "file", rows[i].sink);
        assert_int_not_equal(berth_flow_start(r->flow, &r->diag), BERTH_OK);
        assert_non_null(strstr(r->diag.text, rows[i].text));
        end_rig_close(r);
        end_rig_open(r);
    }
}

/* ---------------------------------------------------------------- files that are followed */

static void a_followed_file_grows_is_rotated_and_cut(void **state)
{
    end_rig *r = *state;
    char other[256];

    end_rig_write(r, "log", "1\n2\n3");
    end_rig_pair(r, "file", "path=@/log;follow=true", "null", "");
    end_rig_start(r);
    end_rig_await(r, 0, 2);
    end_rig_append(r, "log", "+\n4\n");
    end_rig_await(r, 0, 4);
    /* Rotated: what is left of the old one comes first, its last line too, and then the new one. */
    end_rig_append(r, "log", "5\n6");
    snprintf(other, sizeof other, "%s/log.1", r->folder);
    assert_int_equal(rename(end_rig_path(r, "log"), other), 0);
    end_rig_write(r, "log", "7\n");
    end_rig_await(r, 0, 7);
    assert_int_equal(end_rig_stats(r, 0).rotations, 1);
    /* Cut, and written anew. */
    end_rig_write(r, "log", "");
    while (end_rig_stats(r, 0).truncations == 0)
        (void)sched_yield();
    end_rig_append(r, "log", "8\n");
    end_rig_await(r, 0, 8);
    /* Away, and there again. */
    assert_int_equal(unlink(end_rig_path(r, "log")), 0);
    end_rig_write(r, "log", "9\n");
    end_rig_await(r, 0, 9);
    assert_int_equal(end_rig_drain(r), BERTH_OK);
    assert_int_equal(end_rig_stats(r, 1).bytes, 10);
}

static void a_file_that_is_not_there_yet_is_waited_for(void **state)
{
    end_rig *r = *state;
    berth_flow_stats stats = { .size = sizeof stats };
    uint64_t turns;

    end_rig_pair(r, "file", "path=@/late;follow=true", "null", "");
    end_rig_start(r);
    do { /* until it rests: nobody looks while nothing changes */
        turns = stats.turns;
        berthi_clock_wait_until(berthi_clock_ns() + 20000000);
        assert_int_equal(berth_flow_read_stats(r->flow, &stats), BERTH_OK);
    } while (stats.turns == 0 || stats.turns != turns);
    end_rig_write(r, "late", "here\n");
    end_rig_await(r, 0, 1);
    assert_int_equal(end_rig_drain(r), BERTH_OK);
}

static void the_whole_records_of_a_file_are_those_within_its_size(void **state)
{
    static const berthi_framing framings[] = { BERTHI_FRAMING_LINES, BERTHI_FRAMING_CSV };
    end_rig *r = *state;
    uint64_t whole;
    int fd;

    end_rig_write(r, "grows", "one\ntwo\nthree\n");
    fd = open(end_rig_path(r, "grows"), O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    for (size_t i = 0; i < 2; i++) { /* the rest came when its size had been read */
        assert_int_equal(berthi_file_tail(fd, framings[i], 6, &r->allocator, &whole, &r->diag),
                         BERTH_OK);
        assert_int_equal(whole, 4);
    }
    (void)close(fd);
}

static void following_from_the_end_leaves_out_what_is_there(void **state)
{
    end_rig *r = *state;

    end_rig_write(r, "log", "old\n");
    end_rig_pair(r, "file", "path=@/log;follow=true;from=end;recheck=1ms", "file",
                 "path=@/out");
    end_rig_start(r);
    end_rig_append(r, "log", "new\n");
    end_rig_await(r, 0, 1);
    assert_int_equal(end_rig_drain(r), BERTH_OK);
    assert_string_equal(end_rig_read(r, "out"), "new\n");
}

/* ---------------------------------------------------------------- files that are written */

static void what_a_killed_run_left_is_reported_or_cut(void **state)
{
    static const struct {
        const char *framing, *before;
        size_t size, whole;
    } rows[] = {
        { "lines", "one\ntwo\nthr", 11, 8 },
        { "lines", "one", 3, 0 },
        { "lines", "one\n", 4, 4 },
        { "json-lines", "1\n[", 3, 2 },
        { "csv", "a\n\"b\nc", 6, 2 },
        { "csv", "a\n\"b\nc\"\n", 8, 8 },
        { "u32le", "\1\0\0\0x\2\0\0\0y", 10, 5 },
        { "u32be", "\0\0\0\1x\0\0", 7, 5 },
        { "varint", "\1x\2yz\3a", 7, 5 },
        { "varint", "\1x\2yz", 5, 5 },
    };
    end_rig *r = *state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char settings[128], path[256];
        bool is_torn = rows[i].size != rows[i].whole;
        struct stat at;
        int fd;

        snprintf(path, sizeof path, "%s", end_rig_path(r, "out"));
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        assert_int_equal(write(fd, rows[i].before, rows[i].size), (ssize_t)rows[i].size);
        (void)close(fd);
        snprintf(settings, sizeof settings, "path=@/out;framing=%s", rows[i].framing);
        end_rig_pair(r, "file", "path=/dev/null", "file", settings);
        if (is_torn) {
            assert_int_equal(berth_flow_start(r->flow, &r->diag), BERTH_E_STATE);
            assert_non_null(strstr(r->diag.text, "are no whole record"));
        } else {
            end_rig_start(r);
            assert_int_equal(end_rig_wait(r), BERTH_OK);
        }
        end_rig_close(r);
        end_rig_open(r);
        snprintf(settings, sizeof settings, "path=@/out;torn=cut;framing=%s", rows[i].framing);
        end_rig_pair(r, "file", "path=/dev/null", "file", settings);
        end_rig_start(r);
        assert_int_equal(end_rig_wait(r), BERTH_OK);
        assert_int_equal(end_rig_stats(r, 1).torn_bytes, rows[i].size - rows[i].whole);
        assert_int_equal(stat(path, &at), 0);
        assert_int_equal(at.st_size, rows[i].whole);
        end_rig_close(r);
        end_rig_open(r);
    }
}

static void a_second_sink_of_a_file_is_refused(void **state)
{
    end_rig *r = *state;

    end_rig_pair(r, "generator", "rate=1", "file", "path=@/out");
    end_rig_pair(r, "generator", "rate=1", "file", "path=@/out");
    assert_int_equal(berth_flow_start(r->flow, &r->diag), BERTH_E_STATE);
    assert_non_null(strstr(r->diag.text, "another sink writes it"));
}

static void a_full_device_fails_by_the_policy(void **state)
{
    end_rig *r = *state;
    berth_stage_options o = BERTH_STAGE_OPTIONS_INIT;
    berth_edge_stats edge;

    end_rig_pair(r, "generator", "count=1000", "file", "path=/dev/full");
    end_rig_start(r);
    assert_int_equal(end_rig_wait(r), BERTH_E_OS);
    assert_non_null(strstr(r->diag.text, "/dev/full: cannot be written to"));
    assert_int_equal(end_rig_edge_stats(r, 0).out, 0);
    end_rig_close(r);
    end_rig_open(r);
    o.on_error = BERTH_ON_ERROR_SKIP;
    (void)end_rig_add(r, "generator", SOURCE, "count=1000");
    (void)end_rig_add_with(r, &o, "file", SINK, "path=/dev/full");
    end_rig_edge(r, 0, 1, NULL);
    end_rig_start(r);
    assert_int_equal(end_rig_wait(r), BERTH_OK);
    edge = end_rig_edge_stats(r, 0);
    assert_int_equal(edge.in, 1000);
    assert_int_equal(edge.dropped[BERTH_DROPPED_FAILED], 1000);
}

/* In a child: a bound on the size of files is one of the process. */
static void fill_up(void)
{
    struct rlimit bound = { 10000, 10000 };
    berth_stage_options o = BERTH_STAGE_OPTIONS_INIT;
    const char *text, *at;
    berth_edge_stats edge;
    size_t lines = 0;
    end_rig r;

    end_rig_init(&r, 2);
    end_rig_open(&r);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &bound), 0);
    o.on_error = BERTH_ON_ERROR_SKIP;
    (void)end_rig_add(&r, "generator", SOURCE, "count=500;size=99");
    (void)end_rig_add_with(&r, &o, "file", SINK, "path=@/out");
    end_rig_edge(&r, 0, 1, NULL);
    end_rig_start(&r);
    assert_int_equal(end_rig_wait(&r), BERTH_OK);
    edge = end_rig_edge_stats(&r, 0);
    text = end_rig_read(&r, "out");
    for (at = text; *at != '\0'; at += 100, lines++)
        assert_int_equal(at[99], '\n');
    assert_int_equal(lines, edge.out); /* what is said to be there is there, and whole */
    assert_int_equal(lines, 100);      /* and the disk was used to its last record */
    assert_int_equal(edge.dropped[BERTH_DROPPED_FAILED], 400);
    end_rig_fini(&r);
}

static void a_full_disk_keeps_whole_records_and_tells_the_others(void **state)
{
    int status;
    pid_t child = fork();

    (void)state;
    assert_true(child >= 0);
    if (child == 0) {
        fill_up();
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static _Noreturn void run_until_killed(const char *path)
{
    end_rig r;
    char settings[256];

    end_rig_init(&r, 2);
    end_rig_open(&r);
    snprintf(settings, sizeof settings, "path=%s;torn=cut", path);
    end_rig_pair(&r, "generator", "size=999", "file", settings);
    end_rig_start(&r);
    (void)rmdir(r.folder);
    for (;;)
        pause();
}

static void run_and_kill(const char *path, off_t until)
{
    pid_t child = fork();
    struct stat at;
    int status;

    assert_true(child >= 0);
    if (child == 0)
        run_until_killed(path);
    while (stat(path, &at) != 0 || at.st_size < until)
        (void)sched_yield();
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(WTERMSIG(status), SIGKILL);
}

static void a_run_that_is_killed_leaves_whole_records_for_the_next(void **state)
{
    char path[] = "/tmp/berth-killed-XXXXXX", settings[64];
    struct stat at = { 0 };
    int fd = mkstemp(path);
    end_rig r;

    (void)state;
    assert_true(fd >= 0);
    (void)close(fd);
    snprintf(settings, sizeof settings, "path=%s;torn=cut", path);
    for (int round = 0; round < 5; round++) {
        run_and_kill(path, at.st_size + 300000);
        end_rig_init(&r, 1); /* not before the fork: no threads are there then */
        end_rig_open(&r);
        end_rig_pair(&r, "file", "path=/dev/null", "file", settings);
        end_rig_run(&r);
        end_rig_fini(&r);
        assert_int_equal(stat(path, &at), 0);
        assert_int_equal(at.st_size % 1000, 0);
    }
    assert_int_equal(unlink(path), 0);
}

static void what_was_synced_counts_as_gone(void **state)
{
    static const char *const syncs[] = { "none", "batch", "end" };
    end_rig *r = *state;
    char settings[128];

    for (size_t i = 0; i < 3; i++) {
        snprintf(settings, sizeof settings, "path=@/out;mode=replace;sync=%s;write_bytes=100",
                 syncs[i]);
        end_rig_pair(r, "generator", "count=100;size=9", "file", settings);
        end_rig_start(r);
        assert_int_equal(end_rig_wait(r), BERTH_OK);
        assert_int_equal(end_rig_stats(r, 1).bytes, 1000);
        assert_int_equal(strlen(end_rig_read(r, "out")), 1000);
        end_rig_close(r);
        end_rig_open(r);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        end_case(settings_are_checked_against_the_table),
        end_case(every_row_of_the_table_is_sound),
        end_case(an_end_is_added_only_as_what_it_is),
        cmocka_unit_test(the_reference_says_what_the_table_says),
        end_case(a_generator_makes_the_same_records_again),
        end_case(sources_keep_within_what_their_stage_may_emit),
        end_case(a_rate_is_kept),
        end_case(a_file_is_copied_in_every_framing),
        end_case(a_record_too_long_fails_the_flow_or_is_counted),
        end_case(what_cannot_be_opened_keeps_the_flow_from_starting),
        end_case(a_followed_file_grows_is_rotated_and_cut),
        end_case(a_file_that_is_not_there_yet_is_waited_for),
        end_case(following_from_the_end_leaves_out_what_is_there),
        end_case(the_whole_records_of_a_file_are_those_within_its_size),
        end_case(what_a_killed_run_left_is_reported_or_cut),
        end_case(a_second_sink_of_a_file_is_refused),
        end_case(a_full_device_fails_by_the_policy),
        cmocka_unit_test(a_full_disk_keeps_whole_records_and_tells_the_others),
        cmocka_unit_test(a_run_that_is_killed_leaves_whole_records_for_the_next),
        end_case(what_was_synced_counts_as_gone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
