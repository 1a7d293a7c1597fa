/* guests.c - reads the modules that tests/guests/ builds. */
#include "guests.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

uint8_t *guest_read(const char *name, size_t *size_out)
{
    char path[1024];
    long size;
    FILE *file;
    uint8_t *bytes;

    snprintf(path, sizeof path, "%s/%s.wasm", BERTH_TEST_GUESTS_DIR, name);
    file = fopen(path, "rb");
    if (file == NULL)
        fail_msg("no guest %s: put %s.wat or %s.c into tests/guests/", path, name, name);
    fseek(file, 0, SEEK_END);
    size = ftell(file);
    rewind(file);
    bytes = malloc(size > 0 ? (size_t)size : 1);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, (size_t)size, file), (size_t)size);
    fclose(file);
    *size_out = (size_t)size;
    return bytes;
}
