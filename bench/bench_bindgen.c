/* bench_bindgen.c - writing the bindings of a world of 100 functions, each side of it. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <berth/bindgen.h>

#include "bench.h"
#include "rig.h"

enum { FUNCTIONS = 100, ROUNDS = 15, GOAL_MS = 50 };

static void write_world(FILE *file)
{
    fprintf(file, "package bench:hundred@1.0.0;\ninterface api {\n"
                  "  enum kind { small, large, other }\n"
                  "  flags rights { read, write, run }\n"
                  "  record item { id: u64, name: string, kind: kind, parent: option<u64> }\n"
                  "  variant answer { nothing, one(item), many(list<item>), text(string) }\n");
    for (int i = 0; i < FUNCTIONS; i++)
        fprintf(file,
                "  /// What function %d does.\n"
                "  fn-%d: func(who: string, items: list<item>, r: rights) -> %s;\n",
                i, i, i % 2 == 0 ? "result<answer, string>" : "option<list<item>>");
    fprintf(file, "}\nworld w { export api; }\n");
}

static void measure(const char *name, uint32_t side, const char *path)
{
    berth_bindgen_options options = BERTH_BINDGEN_OPTIONS_INIT;
    const berth_bindgen_file *files;
    uint64_t best = UINT64_MAX;
    berth_diag diag = { 0 };
    berth_arena *arena;
    uint32_t count;

    options.side = side;
    options.wit_paths = &path;
    options.wit_paths_count = 1;
    BENCH_OK(berth_arena_create(NULL, 0, &arena, &diag), &diag);
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t began = bench_now_ns(), took;

        BENCH_OK(berth_bindgen(&options, arena, &files, &count, &diag), &diag);
        took = bench_now_ns() - began;
        best = took < best ? took : best;
        berth_arena_reset(arena);
    }
    berth_arena_destroy(arena);
    bench_report(name, "ms", (double)best / 1e6, GOAL_MS);
}

int main(void)
{
    char path[] = "/tmp/berth-bench-XXXXXX.wit";
    int fd = mkstemps(path, 4);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "w");

    if (file == NULL)
        return 1;
    write_world(file);
    fclose(file);
    measure("bindgen_100_functions_host", BERTH_BINDGEN_HOST, path);
    measure("bindgen_100_functions_guest", BERTH_BINDGEN_GUEST, path);
    measure("bindgen_100_functions_native", BERTH_BINDGEN_NATIVE, path);
    unlink(path);
    return 0;
}
