/* rig.c - what benchmarks of slots share. */
#include "rig.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int bench_compare_u64(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

void bench_report_pair(const char *name, double ns, double baseline_ns, double goal)
{
    printf("{\"case\": \"%s\", \"ns_per_op\": %.2f, \"baseline_ns\": %.2f, \"ratio\": %.3f",
           name, ns, baseline_ns, ns / baseline_ns);
    if (goal != 0.0)
        printf(", \"goal\": %.2f", goal);
    puts("}");
    fflush(stdout);
}

void bench_check(berth_status status, const berth_diag *diag, const char *what)
{
    if (status == BERTH_OK)
        return;
    fprintf(stderr, "bench: %s: %s: %s\n", what, berth_status_name(status),
            diag == NULL ? "" : diag->text);
    exit(1);
}

const uint8_t *bench_guest(const char *guest, size_t *size_out)
{
    char path[512];
    uint8_t *bytes = malloc(1 << 20);
    FILE *file;

    snprintf(path, sizeof path, "%s/%s.wasm", BERTH_TEST_GUESTS_DIR, guest);
    file = fopen(path, "rb");
    if (file == NULL || bytes == NULL) {
        fprintf(stderr, "bench: %s: cannot be read\n", path);
        exit(1);
    }
    *size_out = fread(bytes, 1, 1 << 20, file);
    fclose(file);
    return bytes;
}

void bench_rig_open(bench_rig *rig, const berth_slot_options *options, const char *guest,
                    const char *hook)
{
    berth_diag diag = { 0 };
    const uint8_t *bytes;
    size_t size;

    bytes = bench_guest(guest, &size);
    BENCH_OK(berth_runtime_create(NULL, &rig->runtime, &diag), &diag);
    BENCH_OK(berth_slot_open(rig->runtime, options, &rig->slot, &diag), &diag);
    BENCH_OK(berth_slot_install(rig->slot, bytes, size, NULL, &diag), &diag);
    BENCH_OK(berth_arena_create(NULL, 1 << 16, &rig->arena, &diag), &diag);
    rig->call = (berth_call)BERTH_CALL_INIT;
    rig->call.arena = rig->arena;
    BENCH_OK(berth_slot_hook(rig->slot, hook, &rig->call.hook, &diag), &diag);
}

void bench_rig_close(bench_rig *rig)
{
    berth_arena_destroy(rig->arena);
    berth_slot_release(rig->slot);
    berth_runtime_destroy(rig->runtime);
}

static unsigned count_entries(const char *path)
{
    DIR *dir = opendir(path);
    unsigned n = 0;

    while (dir != NULL && readdir(dir) != NULL)
        n++;
    if (dir != NULL)
        closedir(dir);
    return n;
}

unsigned bench_fds(void)
{
    return count_entries("/proc/self/fd");
}

unsigned bench_threads(void)
{
    return count_entries("/proc/self/task");
}
