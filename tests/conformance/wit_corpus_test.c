/* wit_corpus_test.c - WIT that another reader accepts or refuses, and packages as they are published.
 *
 * Not part of this repository: looked for in $BERTH_WIT_CORPUS, then in ../shared/corpus/wit beside
 * the source tree (what is to be accepted, and what is not in its folder parse-fail), and in
 * ../shared/wit (packages that resolve).  Without the corpus the test skips.
 *
 * What is accepted is also written out and read again, and has to be the same then. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "contract/wit_print.h"
#include "memory.h"

enum { ACCEPTED_MIN = 74, REFUSED_MIN = 180, FAILURES_SHOWN = 40, PATHS_MAX = 16 };

/* Accepted there and refused here, and why. */
static const struct {
    const char *name, *why, *text;
} exceptions[] = {
    { "accessors.wit", "getters and setters are newer than the text format that is read",
      "getters and setters are no part of WIT" },
    { "include-accessor-pair.wit", "getters and setters",
      "getters and setters are no part of WIT" },
    { "kinds-of-deps", "packages as components, in binary and as text", "there is no package" },
    { "simple-wasm-text.wat", "a component as text is no WIT", "expected" },
};

/* The corpus was made with this feature asked for. */
static const char *const features[] = { "active" };
static const berthi_wit_options options = { features, 1, false, NULL };

typedef struct rig {
    bertht_memory memory;
    berth_allocator allocator;
    berthi_arena arena;
    const berthi_wit *model;
    berth_diag diag;
} rig;

static void start(rig *t)
{
    *t = (rig){ .model = NULL };
    memory_init(&t->memory);
    t->allocator = memory_allocator(&t->memory);
    berthi_arena_init(&t->arena, &t->allocator, SIZE_MAX);
}

static void end(rig *t)
{
    berthi_arena_fini(&t->arena);
    memory_assert_empty(&t->memory);
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static bool ends_in(const char *name, const char *end)
{
    size_t size = strlen(name), end_size = strlen(end);

    return size > end_size && strcmp(name + size - end_size, end) == 0;
}

static const char *corpus_folder(void)
{
    const char *folder = getenv("BERTH_WIT_CORPUS");

    return folder != NULL ? folder : BERTH_TEST_SOURCE_DIR "/../shared/corpus/wit";
}

/* Written out, read again and written out again: the same, as text and as JSON. */
static bool is_same_again(rig *t, char why[512])
{
    berthi_text_buf texts[4];
    const berthi_wit *again = NULL;
    bool is_same = false;

    for (unsigned i = 0; i < 4; i++)
        berthi_text_buf_init(&texts[i], &t->allocator);
    assert_true(berthi_wit_print(t->model, &texts[0]));
    assert_true(berthi_wit_print_json(t->model, &texts[1]));
    if (berthi_wit_read_text("printed", texts[0].data, texts[0].size, &options, &t->arena,
                             &again, &t->diag) != BERTH_OK) {
        snprintf(why, 512, "%s", t->diag.text);
    } else {
        assert_true(berthi_wit_print(again, &texts[2]));
        assert_true(berthi_wit_print_json(again, &texts[3]));
        is_same = strcmp(texts[0].data, texts[2].data) == 0 &&
                  strcmp(texts[1].data, texts[3].data) == 0;
        snprintf(why, 512, "it is another model when it is read again");
    }
    for (unsigned i = 0; i < 4; i++)
        berthi_text_buf_fini(&texts[i]);
    return is_same;
}

static const char *exception_of(const char *name)
{
    for (size_t i = 0; i < sizeof exceptions / sizeof *exceptions; i++)
        if (strcmp(exceptions[i].name, name) == 0)
            return exceptions[i].text;
    return NULL;
}

/* Whether the file or folder fares as it should. */
static bool check_one(const char *folder, const char *name, bool is_refused, bool *is_exception)
{
    const char *exception = is_refused ? NULL : exception_of(name), *paths[1];
    char path[4096], why[512] = "";
    berth_status status;
    bool is_good;
    rig t;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    paths[0] = path;
    start(&t);
    status = berthi_wit_read_paths(paths, 1, &options, &t.arena, &t.model, &t.diag);
    *is_exception = exception != NULL;
    if (is_refused || exception != NULL) {
        is_good = status == BERTH_E_REJECTED || (is_refused && status == BERTH_E_LIMIT);
        is_good &= exception == NULL || strstr(t.diag.text, exception) != NULL;
        snprintf(why, sizeof why, "%s %s", berth_status_name(status), t.diag.text);
    } else {
        is_good = status == BERTH_OK && is_same_again(&t, why);
        if (status != BERTH_OK)
            snprintf(why, sizeof why, "%s", t.diag.text);
    }
    if (!is_good)
        fprintf(stderr, "%s: %s\n", name, why);
    end(&t);
    return is_good;
}

static unsigned check_folder(const char *folder, bool is_refused, unsigned *excepted)
{
    struct dirent **entries;
    int count = scandir(folder, &entries, is_visible, alphasort);
    unsigned good = 0, failed = 0;

    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        bool is_exception = false;

        if (entries[i]->d_type == DT_DIR ? strcmp(name, "parse-fail") == 0
                                         : !ends_in(name, ".wit") && !ends_in(name, ".wat")) {
            free(entries[i]);
            continue;
        }
        if (!check_one(folder, name, is_refused, &is_exception))
            failed++;
        else if (is_exception)
            *excepted += 1;
        else
            good++;
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    assert_int_equal(failed, 0);
    return good;
}

static void what_is_accepted_elsewhere_is_accepted_here(void **state)
{
    unsigned excepted = 0, accepted = check_folder(corpus_folder(), false, &excepted);

    (void)state;
    printf("accepted: %u, and the same when read again; refused on purpose: %u\n", accepted,
           excepted);
    for (size_t i = 0; i < sizeof exceptions / sizeof *exceptions; i++)
        printf("  %s: %s\n", exceptions[i].name, exceptions[i].why);
    assert_true(accepted >= ACCEPTED_MIN);
    assert_int_equal(excepted, sizeof exceptions / sizeof *exceptions);
}

static void what_is_refused_elsewhere_is_refused_here(void **state)
{
    unsigned excepted = 0, refused;
    char folder[4096];

    (void)state;
    snprintf(folder, sizeof folder, "%s/parse-fail", corpus_folder());
    refused = check_folder(folder, true, &excepted);
    printf("refused: %u\n", refused);
    assert_true(refused >= REFUSED_MIN);
}

/* ---------------------------------------------------------------- published packages */

static const char *const wasi[] = { "io",      "clocks",     "random", "cli",
                                    "sockets", "filesystem", "http" };
static const char *const torvyn[] = { "streaming", "aggregation", "capabilities", "filtering" };

/* Each of the packages, with all others in front of it. */
static unsigned check_published(const char *form, const char *end_of_name,
                                const char *const *names, uint32_t count)
{
    char folder[4096], paths[PATHS_MAX][4096];
    const char *list[PATHS_MAX];

    snprintf(folder, sizeof folder, "%s/../../wit", corpus_folder());
    for (uint32_t root = 0; root < count; root++) {
        char why[512];
        rig t;

        for (uint32_t i = 0; i < count; i++) {
            uint32_t at = i == root ? count - 1 : i == count - 1 ? root : i;

            assert_true(snprintf(paths[at], sizeof paths[at], "%s/%s%s%s", folder, form,
                                 names[i], end_of_name) < (int)sizeof paths[at]);
            list[at] = paths[at];
        }
        start(&t);
        if (berthi_wit_read_paths(list, count, NULL, &t.arena, &t.model, &t.diag) != BERTH_OK)
            fail_msg("%s", t.diag.text);
        if (!is_same_again(&t, why))
            fail_msg("%s: %s", names[root], why);
        assert_int_equal(t.model->packages_count, count);
        assert_string_equal(t.model->packages[t.model->root].name, names[root]);
        end(&t);
    }
    return count;
}

static void published_packages_resolve(void **state)
{
    char folder[4096];

    (void)state;
    snprintf(folder, sizeof folder, "%s/../../wit", corpus_folder());
    if (access(folder, R_OK) != 0) {
        printf("skipped: no published packages at %s\n", folder);
        skip();
    }
    printf("published packages: %u\n",
           check_published("wasi-0.2/", ".wit", wasi, sizeof wasi / sizeof *wasi) +
               check_published("torvyn/torvyn-", "", torvyn, sizeof torvyn / sizeof *torvyn));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_accepted_elsewhere_is_accepted_here),
        cmocka_unit_test(what_is_refused_elsewhere_is_refused_here),
        cmocka_unit_test(published_packages_resolve),
    };

    if (access(corpus_folder(), R_OK) != 0) {
        printf("skipped: no WIT corpus at %s\n", corpus_folder());
        return 77;
    }
    return cmocka_run_group_tests_name("WIT corpus", tests, NULL, NULL);
}
