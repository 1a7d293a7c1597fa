/* host.c - `echo` of an Extism plugin under Extism's own host: what tools/bench_extism.sh compares with.
 *
 *     host PLUGIN.wasm
 *
 * Prints nanoseconds for each size, the best of nine runs.  The plugin is made once and kept, as Berth keeps
 * its instance, the answer is copied out, and no timeout is set, which spares the host a message to its timer
 * with each call.  Linked with that system's library, of whose interface this is what is needed. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct ExtismPlugin ExtismPlugin;
ExtismPlugin *extism_plugin_new(const uint8_t *wasm, uint64_t size, const void **functions,
                                uint64_t count, bool with_wasi, char **error);
int32_t extism_plugin_call(ExtismPlugin *plugin, const char *function, const uint8_t *data,
                           uint64_t size);
uint64_t extism_plugin_output_length(ExtismPlugin *plugin);
const uint8_t *extism_plugin_output_data(ExtismPlugin *plugin);

enum { SIZE_MAX_ECHOED = 16384, RUNS = 9, CALLS = 200 };
static const double run_ns = 1e8;

static double now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void echo(ExtismPlugin *plugin, size_t size)
{
    static uint8_t input[SIZE_MAX_ECHOED], output[SIZE_MAX_ECHOED];

    memset(input, 'x', size);
    if (extism_plugin_call(plugin, "echo", input, size) != 0 ||
        extism_plugin_output_length(plugin) != size)
        exit(1);
    memcpy(output, extism_plugin_output_data(plugin), size);
}

/* Of one call, in one run. */
static double measure(ExtismPlugin *plugin, size_t size)
{
    double start = now_ns(), calls = 0;

    while (now_ns() - start < run_ns) {
        for (int i = 0; i < CALLS; i++)
            echo(plugin, size);
        calls += CALLS;
    }
    return (now_ns() - start) / calls;
}

int main(int argc, char **argv)
{
    static const size_t sizes[] = { 16, 256, 4096, SIZE_MAX_ECHOED };
    static uint8_t bytes[1 << 20];
    FILE *file = argc == 2 ? fopen(argv[1], "rb") : NULL;
    char *error = NULL;
    ExtismPlugin *plugin;

    if (file == NULL)
        return 2;
    plugin =
        extism_plugin_new(bytes, fread(bytes, 1, sizeof bytes, file), NULL, 0, true, &error);
    fclose(file);
    if (plugin == NULL) {
        fprintf(stderr, "%s\n", error);
        return 1;
    }
    for (size_t n = 0; n < sizeof sizes / sizeof *sizes; n++) {
        double best = measure(plugin, sizes[n]);

        for (int run = 1; run < RUNS; run++) {
            double ns = measure(plugin, sizes[n]);

            best = ns < best ? ns : best;
        }
        printf("{\"case\": \"extism_host_echo_%zu\", \"ns_per_op\": %.1f}\n", sizes[n], best);
    }
    return 0;
}
