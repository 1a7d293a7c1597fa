/* test.h - the parts of `berth test`: test_read.c reads cases, test_expect.c says whether a result is what
 * one expects, test.c runs them and prints. */
#ifndef BERTH_CLI_TEST_H
#define BERTH_CLI_TEST_H

#include <jansson.h>

#include "cli.h"

enum { TEST_CASES_MAX = 10000, TEST_LIST_MAX = 64, TEST_WHY_MAX = 8192 };

/* What an instance is made with.  Cases with the same share one. */
typedef struct test_settings {
    const char *grants[CLI_TEXTS_MAX];
    uint32_t grants_count;
    uint64_t memory_bytes, output_bytes, policy; /* 0: the command line's */
} test_settings;

typedef struct test_texts {
    const char *at[TEST_LIST_MAX];
    uint32_t count;
} test_texts;

typedef struct test_case {
    const char *name; /* texts are lent from the file's values */
    unsigned line;
    const char *hook, *call; /* one of them */
    cli_bytes input;
    bool has_output, is_dropped, is_fresh;
    cli_bytes output; /* the whole of it */
    const char *starts, *ends, *error;
    json_t *json; /* lent; the reply, read as JSON */
    test_texts contains, one_of;
    uint64_t deadline_ns, repeat;
    test_settings settings;
} test_case;

typedef struct test_file {
    json_t *root;
    test_case *cases;
    uint32_t count;
} test_file;

/* Reads a file of cases.  0, or the exit code, said why. */
int test_file_read(const char *path, test_file *file);
void test_file_free(test_file *file);

/* What a call gave. */
typedef struct test_result {
    berth_status status;
    berth_diag diag;
    const char *data;
    size_t size;
    bool is_dropped;
} test_result;

/* Whether it is what the case expects; if not, `why` (TEST_WHY_MAX bytes) says in lines what differs. */
bool test_is_expected(const test_case *t, const test_result *result, char *why);

#endif
