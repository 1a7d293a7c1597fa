/* wasi_rig.c - a component with files, sockets and HTTP, and a folder for it. */
#include "wasi_rig.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guests.h"

enum { LINES_MAX = 12 };

const char *wasi_rig_in(const wasi_rig *t, const char *path)
{
    static char text[160];

    snprintf(text, sizeof text, "%s/%s", t->base, path);
    return text;
}

void wasi_rig_put(const wasi_rig *t, const char *path, const char *words)
{
    FILE *file = fopen(wasi_rig_in(t, path), "w");

    assert_non_null(file);
    assert_true(fputs(words, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static int remove_one(const char *path, const struct stat *at, int kind, struct FTW *walk)
{
    (void)at;
    (void)kind;
    (void)walk;
    return remove(path);
}

/* base/in is what plugins are given; base/out is not. */
static void make_tree(wasi_rig *t)
{
    snprintf(t->base, sizeof t->base, "/tmp/berth-wasi-XXXXXX");
    assert_non_null(mkdtemp(t->base));
    assert_int_equal(mkdir(wasi_rig_in(t, "in"), 0755), 0);
    assert_int_equal(mkdir(wasi_rig_in(t, "in/d"), 0755), 0);
    assert_int_equal(mkdir(wasi_rig_in(t, "out"), 0755), 0);
    wasi_rig_put(t, "in/a.txt", "inside the folder");
    wasi_rig_put(t, "in/d/b.txt", "inside too");
    wasi_rig_put(t, "out/b.txt", "outside of it");
    assert_int_equal(symlink("../out", wasi_rig_in(t, "in/up")), 0);
    assert_int_equal(symlink("d", wasi_rig_in(t, "in/flip")), 0);
}

/* `t` is zeroed but for its folder. */
static void begin(wasi_rig *t, slot_rig *r, const char *guest, const char *function,
                  const char *const *lines, uint32_t count)
{
    berth_runtime_options options = BERTH_RUNTIME_OPTIONS_INIT;
    berth_slot_options opt = BERTH_SLOT_OPTIONS_INIT;
    berth_grants_options granted = BERTH_GRANTS_OPTIONS_INIT;
    berth_grants *grants;
    uint8_t *bytes;
    size_t size;

    t->r = r;
    t->function = function;
    granted.grants = lines;
    granted.grants_count = count;
    granted.objects_max = 256;
    assert_int_equal(berth_host_create(&r->allocator, &t->host, &r->diag), BERTH_OK);
    assert_int_equal(berth_wasi_offer(t->host, &r->diag), BERTH_OK);
    options.host = t->host;
    options.instances_max = 16;
    slot_rig_restart(r, options);
    if (berth_grants_create(&r->allocator, &granted, &grants, &r->diag) != BERTH_OK)
        fail_msg("%s", r->diag.text);
    opt.grants = grants;
    t->slot = slot_rig_open(r, "slot", &opt);
    berth_grants_destroy(grants);
    bytes = guest_read(guest, &size);
    (void)slot_rig_install(r, t->slot, bytes, size);
}

void wasi_rig_begin_http(wasi_rig *t, slot_rig *r, const char *const *grants, uint32_t count)
{
    memset(t, 0, sizeof *t);
    begin(t, r, "wasi/http", "fetch", grants, count);
}

void wasi_rig_begin(wasi_rig *t, slot_rig *r, const char *first, ...)
{
    const char *lines[LINES_MAX] = { "deny:clock:wall", "deny:clock:monotonic" };
    uint32_t count = 3;
    char mount[96];
    va_list rest;

    memset(t, 0, sizeof *t);
    make_tree(t);
    snprintf(mount, sizeof mount, "fs:mount:/t=%s/in", t->base);
    lines[2] = mount;
    va_start(rest, first);
    for (const char *line = first; line != NULL; line = va_arg(rest, const char *))
        lines[count++] = line;
    va_end(rest);
    begin(t, r, "wasi/guest", "run", lines, count);
}

void wasi_rig_end(wasi_rig *t)
{
    slot_rig_restart(t->r, (berth_runtime_options)BERTH_RUNTIME_OPTIONS_INIT);
    berth_host_destroy(t->host);
    if (t->base[0] != '\0')
        assert_int_equal(nftw(t->base, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

berth_status wasi_rig_try(wasi_rig *t, uint64_t deadline_ns, const char *words)
{
    char text[1024];
    const char *answer = "";
    berth_call call = BERTH_CALL_INIT;
    berth_status status;

    snprintf(text, sizeof text, "%s([%s])", t->function, words);
    call.arena = t->r->arena;
    call.deadline_ns = deadline_ns;
    status = berth_slot_evaluate(t->slot, text, &call, BERTH_TEXT_WAVE, &answer, &t->r->diag);
    snprintf(t->answer, sizeof t->answer, "%s", answer);
    berth_arena_reset(t->r->arena);
    return status;
}

const char *wasi_rig_told(wasi_rig *t, const char *words)
{
    char *last;

    if (wasi_rig_try(t, SLOT_RIG_PATIENCE_NS, words) != BERTH_OK)
        fail_msg("%s: %s", words, t->r->diag.text);
    last = strrchr(t->answer, '"');
    assert_non_null(last);
    *last = '\0';
    return t->answer + 1;
}

void wasi_rig_tell(wasi_rig *t, const char *words, const char *wanted)
{
    const char *answer = wasi_rig_told(t, words);

    if (strcmp(answer, wanted) != 0)
        fail_msg("%s: %s: \"%s\", not \"%s\"", t->r->engine, words, answer, wanted);
}
