/* component_verdict.c - says of components whether they are valid, for tests that ask another validator
 * the same.
 *
 *     component_verdict
 *
 * Each component on stdin comes behind its size, 4 bytes, least significant first; each is answered by
 * one line: "ok", or the status and the text of what is wrong ("rejected ...", "limit ..."). */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "component/elaborate/steps.h"
#include "steps_check.h"

enum { BYTES_MAX = 64 << 20, ARENA_BYTES_MAX = 256 << 20 };

static berth_status check(const uint8_t *bytes, size_t size, berth_diag *diag)
{
    const berthi_cm_component *component;
    const berthi_cm_steps *steps;
    berthi_arena arena;
    berth_status status;
    const char *wrong;

    berthi_arena_init(&arena, &berthi_allocator_libc, ARENA_BYTES_MAX);
    status = berthi_component_read(bytes, size, &arena, &component, diag);
    if (status == BERTH_OK)
        status = berthi_component_validate(component, &arena, diag);
    if (status == BERTH_OK) {
        status = berthi_component_elaborate(component, &arena, false, &steps, diag);
        if (status == BERTH_E_REJECTED && strstr(diag->text, "is not supported") == NULL) {
            fprintf(stderr, "valid, but not elaborated: %s\n", diag->text);
            exit(1);
        }
        wrong = status == BERTH_OK ? steps_check(steps) : NULL;
        if (wrong != NULL) {
            fprintf(stderr, "steps: %s\n", wrong);
            exit(1);
        }
    }
    berthi_arena_fini(&arena);
    return status;
}

static const char *word(berth_status status)
{
    return status == BERTH_E_REJECTED ? "rejected"
           : status == BERTH_E_LIMIT  ? "limit"
           : status == BERTH_E_NOMEM  ? "memory"
                                      : "wrong";
}

int main(void)
{
    uint8_t head[4];

    while (fread(head, 1, sizeof head, stdin) == sizeof head) {
        size_t size =
            head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16 | (size_t)head[3] << 24;
        uint8_t *bytes = size > BYTES_MAX ? NULL : malloc(size + 1);
        berth_diag diag = { .text = "" };
        berth_status status;

        if (bytes == NULL || fread(bytes, 1, size, stdin) != size) {
            fprintf(stderr, "component_verdict: input of %zu bytes\n", size);
            return 1;
        }
        status = check(bytes, size, &diag);
        if (status == BERTH_OK)
            printf("ok\n");
        else
            printf("%s %.*s\n", word(status), (int)strcspn(diag.text, "\n"), diag.text);
        fflush(stdout);
        free(bytes);
    }
    return 0;
}
