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

#include "component_judge.h"

enum { BYTES_MAX = 64 << 20 };

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
        status = component_judge(bytes, size, &diag);
        if (status == BERTH_OK)
            printf("ok\n");
        else
            printf("%s %.*s\n", word(status), (int)strcspn(diag.text, "\n"), diag.text);
        fflush(stdout);
        free(bytes);
    }
    return 0;
}
