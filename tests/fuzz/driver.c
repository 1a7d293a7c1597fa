/* driver.c - runs a fuzz target as an ordinary test: over each file of each folder given, and over
 * every truncation of the small ones and single-byte mutations of each of their bytes, fewer in a build
 * that sees little of what they do.
 *
 * usage: fuzz_<x> FOLDER...     a folder that is absent is skipped with a line
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

enum { INPUT_SIZE_MAX = 1 << 20, SMALL_SIZE_MAX = 512 };
/* Of the mutations of a byte, one in so many is tried: at the next byte it is others, so that all bytes
 * and all sorts of mutations have their turns. */
#if defined(NDEBUG) && !defined(__SANITIZE_ADDRESS__)
enum { STEP = 5 };
#else
enum { STEP = 3 };
#endif

static unsigned long inputs_run;

/* Each input has its own block of exactly its size, so that a sanitizer sees one byte too many. */
static void run_one(const uint8_t *bytes, size_t size)
{
    uint8_t *copy = malloc(size == 0 ? 1 : size);

    if (copy == NULL) {
        fprintf(stderr, "out of memory\n");
        exit(1);
    }
    if (size != 0)
        memcpy(copy, bytes, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
    inputs_run++;
}

enum { MUTATIONS = 8 + 5 };

/* A bit of it turned, or a value that bounds are made of. */
static uint8_t mutated(uint8_t byte, size_t nth)
{
    static const uint8_t values[] = { 0x00, 0x01, 0x7f, 0x80, 0xff };

    if (nth < 8)
        return (uint8_t)(byte ^ (1u << nth));
    return values[nth - 8];
}

static void run_variants(uint8_t *bytes, size_t size)
{
    uint8_t kept;

    for (size_t n = 0; n < size; n++)
        run_one(bytes, n);
    for (size_t at = 0; at < size; at++) {
        kept = bytes[at];
        for (size_t nth = at % STEP; nth < MUTATIONS; nth += STEP) {
            bytes[at] = mutated(kept, nth);
            run_one(bytes, size);
        }
        bytes[at] = kept;
    }
}

static int run_file(const char *path)
{
    static uint8_t bytes[INPUT_SIZE_MAX];
    FILE *file = fopen(path, "rb");
    size_t size;

    if (file == NULL) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return 1;
    }
    size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    run_one(bytes, size);
    if (size <= SMALL_SIZE_MAX)
        run_variants(bytes, size);
    return 0;
}

static int run_folder(const char *folder)
{
    struct dirent **names;
    int count = scandir(folder, &names, NULL, alphasort), failed = 0;
    char path[4096];

    if (count < 0) {
        printf("skipped: %s: %s\n", folder, strerror(errno));
        return 0;
    }
    for (int i = 0; i < count; i++) {
        if (names[i]->d_type == DT_REG) {
            snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
            failed |= run_file(path);
        }
        free(names[i]);
    }
    free(names);
    return failed;
}

int main(int argc, char **argv)
{
    int failed = 0;

    run_one((const uint8_t *)"", 0);
    for (int i = 1; i < argc; i++)
        failed |= run_folder(argv[i]);
    printf("%lu inputs\n", inputs_run);
    return failed;
}
