/* consumer.c - a program that stands outside: it knows the installed package and nothing else.
 * usage: consumer PLUGIN.wasm     creates a runtime and inspects the plugin */
#include <stdio.h>
#include <string.h>

#include <berth/admit.h>
#include <berth/base.h>
#include <berth/runtime.h>

static int inspect(const char *path)
{
    static unsigned char bytes[1 << 16];
    berth_verdict *verdict;
    berth_diag diag;
    uint32_t fits;
    FILE *file = fopen(path, "rb");
    size_t size;

    if (file == NULL)
        return 1;
    size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    if (berth_inspect(NULL, bytes, size, 0, &verdict, &diag) != BERTH_OK) {
        fprintf(stderr, "%s\n", diag.text);
        return 1;
    }
    fits = berth_verdict_fits(verdict);
    if (fits == 0)
        fprintf(stderr, "%s fits nothing:\n%s\n", path, berth_verdict_text(verdict));
    berth_verdict_destroy(verdict);
    return fits == 0;
}

int main(int argc, char **argv)
{
    berth_runtime *runtime;
    berth_diag diag;

    if (argc != 2)
        return 2;
    if (strcmp(berth_version_text(), EXPECTED_VERSION) != 0) {
        fprintf(stderr, "linked with %s\n", berth_version_text());
        return 1;
    }
    if (berth_runtime_create(NULL, &runtime, &diag) != BERTH_OK) {
        fprintf(stderr, "%s\n", diag.text);
        return 1;
    }
    printf("%s %s\n", berth_version_text(), berth_runtime_engine(runtime));
    berth_runtime_destroy(runtime);
    return inspect(argv[1]);
}
