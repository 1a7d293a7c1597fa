/* bench_wasi_files.c - a component reads a file, beside read(2) and a copy of what it read. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <berth/grant.h>
#include <berth/invoke.h>
#include <berth/wasi.h>

#include "bench.h"
#include "rig.h"

enum { BYTES = 1 << 20, SMALL = 4096 };

typedef struct context {
    berth_host *host;
    berth_runtime *runtime;
    berth_slot *slot;
    berth_arena *arena;
    size_t bytes; /* of one read */
    int fd;
    char folder[64];
    uint8_t from[BYTES], to[BYTES];
} context;

static void tell(context *c, const char *words)
{
    berth_call call = BERTH_CALL_INIT;
    berth_diag diag = { 0 };
    const char *answer;
    char text[256];

    snprintf(text, sizeof text, "run([%s])", words);
    call.arena = c->arena;
    call.deadline_ns = 60u * UINT64_C(1000000000);
    BENCH_OK(berth_slot_evaluate(c->slot, text, &call, BERTH_TEXT_WAVE, &answer, &diag), &diag);
    if (strncmp(answer, "\"ok", 3) != 0) {
        fprintf(stderr, "bench: %s: %s\n", words, answer);
        exit(1);
    }
    berth_arena_reset(c->arena);
}

static void make_file(context *c)
{
    char path[96];

    snprintf(c->folder, sizeof c->folder, "/tmp/berth-bench-XXXXXX");
    if (mkdtemp(c->folder) == NULL)
        exit(1);
    snprintf(path, sizeof path, "%s/file", c->folder);
    c->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    memset(c->from, 'x', BYTES);
    if (c->fd < 0 || pwrite(c->fd, c->from, BYTES, 0) != BYTES)
        exit(1);
}

static void remove_file(context *c)
{
    char path[96];

    snprintf(path, sizeof path, "%s/file", c->folder);
    (void)close(c->fd);
    (void)unlink(path);
    (void)rmdir(c->folder);
}

static void open_slot(context *c)
{
    berth_runtime_options options = BERTH_RUNTIME_OPTIONS_INIT;
    berth_slot_options opt = BERTH_SLOT_OPTIONS_INIT;
    berth_grants_options granted = BERTH_GRANTS_OPTIONS_INIT;
    char mount[96];
    const char *lines[] = { "deny:clock:wall", "deny:clock:monotonic", "fs:read:/t/**", mount };
    berth_grants *grants;
    berth_diag diag = { 0 };
    const uint8_t *bytes;
    size_t size;

    snprintf(mount, sizeof mount, "fs:mount:/t=%s", c->folder);
    granted.grants = lines;
    granted.grants_count = 4;
    BENCH_OK(berth_host_create(NULL, &c->host, &diag), &diag);
    BENCH_OK(berth_wasi_offer(c->host, &diag), &diag);
    options.host = c->host;
    BENCH_OK(berth_runtime_create(&options, &c->runtime, &diag), &diag);
    BENCH_OK(berth_arena_create(NULL, 1 << 16, &c->arena, &diag), &diag);
    BENCH_OK(berth_grants_create(NULL, &granted, &grants, &diag), &diag);
    opt.name = "bench";
    opt.grants = grants;
    BENCH_OK(berth_slot_open(c->runtime, &opt, &c->slot, &diag), &diag);
    berth_grants_destroy(grants);
    bytes = bench_guest("wasi/guest", &size);
    BENCH_OK(berth_slot_install(c->slot, bytes, size, NULL, &diag), &diag);
    tell(c, "\"dirs\"");
    tell(c, "\"open\", \"0\", \"file\", \"r\", \"1\"");
}

static void through_wasi(void *ctx, uint64_t times)
{
    context *c = ctx;
    char words[96];

    snprintf(words, sizeof words, "\"again\", \"1\", \"%zu\", \"%llu\"", c->bytes,
             (unsigned long long)times);
    tell(c, words);
}

static void by_hand(void *ctx, uint64_t times)
{
    context *c = ctx;

    for (uint64_t i = 0; i < times; i++) {
        if (pread(c->fd, c->from, c->bytes, 0) != (ssize_t)c->bytes)
            exit(1);
        memcpy(c->to, c->from, c->bytes);
        bench_keep(c->to);
    }
}

int main(void)
{
    static context c;

    make_file(&c);
    open_slot(&c);
    c.bytes = BYTES;
    bench_measure(&(bench_case){ "wasi_file_read_1m", through_wasi, by_hand, &c, 1.3, 0 });
    c.bytes = SMALL;
    bench_measure(&(bench_case){ "wasi_file_read_4k", through_wasi, by_hand, &c, 0, 0 });
    berth_slot_release(c.slot);
    berth_arena_destroy(c.arena);
    berth_runtime_destroy(c.runtime);
    berth_host_destroy(c.host);
    remove_file(&c);
    return 0;
}
