/* toml_suite_test.c - the official test suite of TOML, its part for version 1.0.
 *
 * $BERTH_TOML_TEST names the folder in which its lists of files (files-toml-1.0.0) and its folders
 * valid/ and invalid/ lie.  Not copied into the project; without it this says so and is skipped. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json_reader.h"
#include "base/toml_reader.h"

enum { PATH_ROOM = 4096, NAME_ROOM = 512, FILE_MAX = 1 << 20 };

static char contents[FILE_MAX];

static size_t read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    size_t size;

    if (file == NULL)
        fail_msg("%s cannot be opened", path);
    size = fread(contents, 1, sizeof contents, file);
    fclose(file);
    return size;
}

/* ---------------------------------------------------------------- comparing */

static bool same(const berthi_toml *ours, const berthi_json *theirs);

static bool same_table(const berthi_toml *ours, const berthi_json *theirs)
{
    if (theirs->kind != BERTHI_JSON_OBJECT || theirs->count != ours->count)
        return false;
    for (const berthi_toml *m = ours->as.in.first; m != NULL; m = m->next) {
        const berthi_json *j = theirs->first;

        while (j != NULL && (j->name_size != m->name_length ||
                             memcmp(j->name, m->name, m->name_length) != 0))
            j = j->next;
        if (j == NULL || !same(m, j))
            return false;
    }
    return true;
}

static bool same_array(const berthi_toml *ours, const berthi_json *theirs)
{
    const berthi_json *j = theirs->first;

    if (theirs->kind != BERTHI_JSON_ARRAY || theirs->count != ours->count)
        return false;
    for (const berthi_toml *m = ours->as.in.first; m != NULL; m = m->next, j = j->next)
        if (!same(m, j))
            return false;
    return true;
}

static bool same_float(double ours, const char *theirs)
{
    char *end;
    double value;

    if (strcmp(theirs, "nan") == 0)
        return isnan(ours);
    value = strtod(theirs, &end);
    return *end == '\0' && value == ours && signbit(value) == signbit(ours);
}

/* Without zeros at the end of a fraction, which are not part of the moment. */
static void trim(char *out, size_t room, const char *text)
{
    const char *point = strchr(text, '.'), *end;
    size_t digits;

    if (point == NULL) {
        snprintf(out, room, "%s", text);
        return;
    }
    end = point + 1 + strspn(point + 1, "0123456789");
    digits = (size_t)(end - point);
    while (digits > 1 && point[digits - 1] == '0')
        digits--;
    if (digits == 1)
        digits = 0;
    snprintf(out, room, "%.*s%.*s%s", (int)(point - text), text, (int)digits, point, end);
}

static bool same_time(const berthi_toml *ours, const char *theirs)
{
    const berthi_toml_time *t = &ours->as.time;
    char text[96] = "", wanted[96], given[96];
    size_t used = 0;
    int offset = abs(t->offset);

    if (ours->kind != BERTHI_TOML_LOCAL_TIME)
        used +=
            (size_t)snprintf(text, sizeof text, "%04u-%02u-%02u", t->year, t->month, t->day);
    if (ours->kind == BERTHI_TOML_DATE_TIME || ours->kind == BERTHI_TOML_LOCAL_DATE_TIME)
        text[used++] = 'T';
    if (ours->kind != BERTHI_TOML_LOCAL_DATE)
        used += (size_t)snprintf(text + used, sizeof text - used, "%02u:%02u:%02u.%09u",
                                 t->hour, t->minute, t->second, t->nanosecond);
    if (ours->kind == BERTHI_TOML_DATE_TIME && offset == 0)
        text[used++] = 'Z';
    else if (ours->kind == BERTHI_TOML_DATE_TIME)
        snprintf(text + used, sizeof text - used, "%c%02d:%02d", t->offset < 0 ? '-' : '+',
                 offset / 60, offset % 60);
    trim(given, sizeof given, text);
    trim(wanted, sizeof wanted, theirs);
    return strcmp(given, wanted) == 0;
}

static bool same_scalar(const berthi_toml *ours, const berthi_json *theirs)
{
    static const char *const types[] = {
        [BERTHI_TOML_STRING] = "string",
        [BERTHI_TOML_INTEGER] = "integer",
        [BERTHI_TOML_FLOAT] = "float",
        [BERTHI_TOML_BOOL] = "bool",
        [BERTHI_TOML_DATE_TIME] = "datetime",
        [BERTHI_TOML_LOCAL_DATE_TIME] = "datetime-local",
        [BERTHI_TOML_LOCAL_DATE] = "date-local",
        [BERTHI_TOML_LOCAL_TIME] = "time-local",
    };
    const berthi_json *value = berthi_json_member(theirs, "value");
    const berthi_json *type = berthi_json_member(theirs, "type");
    const char *text = value == NULL ? NULL : value->text;
    char number[32];

    if (type == NULL || text == NULL || strcmp(type->text, types[ours->kind]) != 0)
        return false;
    switch (ours->kind) {
    case BERTHI_TOML_STRING:
        return value->size == ours->as.string.length &&
               memcmp(text, ours->as.string.text, ours->as.string.length) == 0;
    case BERTHI_TOML_INTEGER:
        snprintf(number, sizeof number, "%lld", (long long)ours->as.integer);
        return strcmp(text, number) == 0;
    case BERTHI_TOML_FLOAT:
        return same_float(ours->as.number, text);
    case BERTHI_TOML_BOOL:
        return strcmp(text, ours->as.boolean ? "true" : "false") == 0;
    default:
        return same_time(ours, text);
    }
}

static bool same(const berthi_toml *ours, const berthi_json *theirs)
{
    if (ours->kind == BERTHI_TOML_TABLE)
        return same_table(ours, theirs);
    if (ours->kind == BERTHI_TOML_ARRAY)
        return same_array(ours, theirs);
    return same_scalar(ours, theirs);
}

/* ---------------------------------------------------------------- the suite */

static bool agrees_valid(const char *path, const berthi_toml *root, berthi_arena *arena)
{
    static const berthi_json_limits limits = {
        .nesting = BERTHI_JSON_NESTING_TOP, .members = 4096, .items = 4096, .allows_nul = true
    };
    berthi_json_error error = { 0 };
    const berthi_json *theirs;
    char json_path[PATH_ROOM];
    size_t size;

    snprintf(json_path, sizeof json_path, "%.*s.json", (int)(strlen(path) - 5), path);
    size = read_file(json_path);
    if (berthi_json_read_within(contents, size, &limits, arena, &theirs, &error) != BERTH_OK)
        fail_msg("%s: %s", json_path, error.why);
    return same(root, theirs);
}

static bool agrees(const char *folder, const char *name)
{
    bool is_valid = strncmp(name, "valid/", 6) == 0, done;
    const berthi_toml *root = NULL;
    berth_diag diag = { 0 };
    berthi_arena arena;
    berth_status status;
    char path[PATH_ROOM];
    berthi_text source = { name, contents, 0 };

    snprintf(path, sizeof path, "%s/%s", folder, name);
    source.size = read_file(path);
    berthi_arena_init(&arena, &berthi_allocator_libc, SIZE_MAX);
    status = berthi_toml_read(&source, NULL, &arena, &root, &diag);
    if (is_valid)
        done = status == BERTH_OK && agrees_valid(path, root, &arena);
    else
        done = status == BERTH_E_REJECTED && strncmp(diag.text, name, strlen(name)) == 0;
    if (!done)
        print_error("%s: %s: %s\n", name, berth_status_name(status), diag.text);
    if (getenv("BERTH_TOML_TEST_SHOW") != NULL && !is_valid)
        print_message("%s\n", diag.text);
    berthi_arena_fini(&arena);
    return done;
}

static void every_document_is_taken_or_refused_as_the_suite_says(void **state)
{
    const char *folder = getenv("BERTH_TOML_TEST");
    unsigned valid = 0, invalid = 0, wrong = 0;
    char line[NAME_ROOM];
    FILE *list;

    (void)state;
    snprintf(line, sizeof line, "%s/files-toml-1.0.0", folder);
    list = fopen(line, "r");
    if (list == NULL)
        fail_msg("%s cannot be opened", line);
    while (fgets(line, sizeof line, list) != NULL) {
        size_t size = strcspn(line, "\n");

        line[size] = '\0';
        if (size < 5 || strcmp(line + size - 5, ".toml") != 0)
            continue;
        valid += line[0] == 'v';
        invalid += line[0] == 'i';
        wrong += !agrees(folder, line);
    }
    fclose(list);
    print_message("%u valid and %u invalid documents, %u differ\n", valid, invalid, wrong);
    assert_int_equal(wrong, 0);
    assert_true(valid >= 200 && invalid >= 450);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_document_is_taken_or_refused_as_the_suite_says),
    };

    if (getenv("BERTH_TOML_TEST") == NULL) {
        printf("skipped: BERTH_TOML_TEST does not name the folder of the TOML test suite\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
