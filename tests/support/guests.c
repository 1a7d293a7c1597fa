/* guests.c - reads the modules that tests/guests/ builds. */
#include "guests.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static uint8_t *read_file(const char *path, const char *hint, size_t *size_out)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes;
    long size;

    if (file == NULL)
        fail_msg("no %s: %s", path, hint);
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

uint8_t *guest_read(const char *name, size_t *size_out)
{
    char path[1024];

    snprintf(path, sizeof path, "%s/%s.wasm", BERTH_TEST_GUESTS_DIR, name);
    return read_file(path, "put its source into tests/guests/", size_out);
}

uint8_t *plugin_file_read(const char *name, size_t *size_out)
{
    char path[1024];

    snprintf(path, sizeof path, "%s/%s.so", BERTH_TEST_PLUGINS_DIR, name);
    return read_file(path, "tests/plugins/CMakeLists.txt lists them", size_out);
}

uint8_t *one_source_read(const char *name, size_t *size_out)
{
    char path[1024];

    snprintf(path, sizeof path, "%s/examples/one_source/%s", BERTH_TEST_BUILD_DIR, name);
    return read_file(path, "tests/CMakeLists.txt lists its builds", size_out);
}

uint8_t *services_read(const char *name, size_t *size_out)
{
    char path[1024];

    snprintf(path, sizeof path, "%s/examples/services/%s", BERTH_TEST_BUILD_DIR, name);
    return read_file(path, "tests/CMakeLists.txt lists its builds", size_out);
}

uint8_t *links_read(const char *name, size_t *size_out)
{
    char path[1024];

    snprintf(path, sizeof path, "%s/plugins/links/%s", BERTH_TEST_BUILD_DIR, name);
    return read_file(path, "tests/CMakeLists.txt lists its builds", size_out);
}

uint8_t *corpus_guest_read(const char *name, size_t *size_out)
{
    char path[1024];

    snprintf(path, sizeof path, "%s/../shared/corpus/guests/%s", BERTH_TEST_SOURCE_DIR, name);
    if (access(path, R_OK) != 0) {
        print_message("skipped: no %s in ../shared/corpus/guests\n", name);
        return NULL;
    }
    return read_file(path, "it was there just now", size_out);
}
