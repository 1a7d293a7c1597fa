/* component_verdicts_test.c - components get the verdict that an independent validator gave them.
 *
 * differential/verdicts.tsv has small components, made and mutated at random, with that validator's word
 * (keep_verdicts.py beside it made the file).  differential/validators_test.py compares the two on new
 * ones, where the other one is installed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "component_judge.h"

enum { LINE = 4096, KEPT_MIN = 500 };

static size_t bytes_of(const char *hex, uint8_t *bytes)
{
    size_t size = 0;

    for (; hex[0] > ' '; hex += 2) {
        const char digits[] = { hex[0], hex[1], '\0' };

        bytes[size++] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return size;
}

/* The bytes lie at the end of an allocation of their own, where sanitizers see who reads past it. */
static berth_status judge(const char *hex, berth_diag *diag)
{
    uint8_t *bytes = malloc(strlen(hex) / 2), buffer[LINE / 2];
    size_t size = bytes_of(hex, buffer);
    berth_status status;

    assert_non_null(bytes);
    assert_true(size > 0 && size <= strlen(hex) / 2);
    memcpy(bytes, buffer, size);
    status = component_judge(bytes, size, diag);
    free(bytes);
    return status;
}

static void components_are_judged_as_an_independent_validator_judges_them(void **state)
{
    FILE *lines =
        fopen(BERTH_TEST_SOURCE_DIR "/tests/conformance/differential/verdicts.tsv", "r");
    unsigned valid = 0, invalid = 0;
    char line[LINE];

    (void)state;
    assert_non_null(lines);
    while (fgets(line, sizeof line, lines) != NULL) {
        bool is_valid = strncmp(line, "valid\t", 6) == 0;
        const char *hex = strchr(line, '\t');
        berth_diag diag = { .text = "" };
        berth_status status;

        assert_true(hex != NULL && strchr(line, '\n') != NULL);
        status = judge(hex + 1, &diag);
        if (status != (is_valid ? BERTH_OK : BERTH_E_REJECTED))
            fail_msg("%s%s", line, diag.text);
        *(is_valid ? &valid : &invalid) += 1;
    }
    fclose(lines);
    assert_true(valid > KEPT_MIN / 5 && invalid > KEPT_MIN / 5 && valid + invalid >= KEPT_MIN);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(components_are_judged_as_an_independent_validator_judges_them),
    };

    return cmocka_run_group_tests_name("verdicts on components", tests, NULL, NULL);
}
