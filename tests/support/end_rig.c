/* end_rig.c - flows from one end to another. */
#include "end_rig.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "process.h"

#include <cmocka.h>

enum { PATH_ROOM = 256, TEXT_ROOM = 2048, FILE_ROOM = 1 << 20 };

static void must(end_rig *r, berth_status status)
{
    if (status != BERTH_OK)
        fail_msg("%s: %s", berth_status_name(status), r->diag.text);
}

void end_rig_init(end_rig *r, uint32_t workers)
{
    berth_flows_options options = BERTH_FLOWS_OPTIONS_INIT;

    memset(r, 0, sizeof *r);
    memory_init(&r->memory);
    r->allocator = memory_allocator(&r->memory);
    options.workers = workers;
    options.allocator = &r->allocator;
    snprintf(r->folder, sizeof r->folder, "/tmp/berth-ends-XXXXXX");
    assert_non_null(mkdtemp(r->folder));
    must(r, berth_flows_create(&options, &r->flows, &r->diag));
}

static void remove_files(const char *folder)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;

    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL)
        if (entry->d_name[0] != '.')
            (void)unlinkat(dirfd(dir), entry->d_name, 0);
    (void)closedir(dir);
    (void)rmdir(folder);
}

void end_rig_fini(end_rig *r)
{
    end_rig_close(r);
    berth_flows_destroy(r->flows);
    memory_assert_empty(&r->memory);
    remove_files(r->folder);
}

void end_rig_open(end_rig *r)
{
    berth_flow_options o = BERTH_FLOW_OPTIONS_INIT;

    o.name = "rig";
    must(r, berth_flow_open(r->flows, &o, &r->flow, &r->diag));
    r->stages = r->edges = 0;
}

void end_rig_close(end_rig *r)
{
    berth_flow_close(r->flow);
    r->flow = NULL;
}

static end_rig rig_of_case;

int end_rig_set_up(void **state)
{
    end_rig_init(&rig_of_case, 2);
    end_rig_open(&rig_of_case);
    *state = &rig_of_case;
    return 0;
}

int end_rig_tear_down(void **state)
{
    end_rig_fini(*state);
    return 0;
}

void end_rig_fail_each_allocation(bool (*run)(end_rig *r), size_t least, bool is_alone)
{
    size_t nth = 0, descriptors;
    bool is_done;
    end_rig r;

    end_rig_init(&r, 1);
    assert_true(run(&r)); /* the thread that waits is there now */
    descriptors = process_descriptors();
    do {
        memory_fail(&r.memory, nth++, false);
        is_done = run(&r);
        assert_true(!is_alone || process_descriptors() == descriptors);
    } while (r.memory.failures != 0 || !is_done);
    assert_true(nth > least);
    memory_fail(&r.memory, MEMORY_NEVER, false);
    end_rig_fini(&r);
}

/* ---------------------------------------------------------------- settings */

typedef struct parsed {
    char text[TEXT_ROOM];
    berth_setting settings[END_RIG_SETTINGS];
    size_t count;
} parsed;

static void parse(const end_rig *r, const char *text, parsed *out)
{
    size_t used = 0;
    char *part, *rest = NULL;

    for (; *text != '\0'; text++) {
        assert_true(used + sizeof r->folder < sizeof out->text);
        if (*text == '@')
            used +=
                (size_t)snprintf(out->text + used, sizeof out->text - used, "%s", r->folder);
        else
            out->text[used++] = *text;
    }
    out->text[used] = '\0';
    out->count = 0;
    for (part = strtok_r(out->text, ";", &rest); part != NULL;
         part = strtok_r(NULL, ";", &rest)) {
        char *value = strchr(part, '=');

        assert_non_null(value);
        assert_true(out->count < END_RIG_SETTINGS);
        *value = '\0';
        out->settings[out->count].name = part + strspn(part, " ");
        out->settings[out->count++].value = value + 1;
    }
}

berth_status end_rig_check(end_rig *r, const char *kind, uint32_t role, const char *settings)
{
    parsed p;

    parse(r, settings, &p);
    return berth_end_check(kind, role, p.settings, p.count, &r->diag);
}

uint32_t end_rig_add_with(end_rig *r, const berth_stage_options *options, const char *kind,
                          uint32_t role, const char *settings)
{
    berth_stage_options o = *options;
    uint32_t stage = 0;
    char name[16];
    parsed p;

    parse(r, settings, &p);
    snprintf(name, sizeof name, "s%u", (unsigned)r->stages++);
    o.name = name;
    o.role = role;
    must(r, berth_flow_add_end(r->flow, &o, kind, p.settings, p.count, &stage, &r->diag));
    return stage;
}

uint32_t end_rig_add(end_rig *r, const char *kind, uint32_t role, const char *settings)
{
    static const berth_stage_options usual = BERTH_STAGE_OPTIONS_INIT;

    return end_rig_add_with(r, &usual, kind, role, settings);
}

uint32_t end_rig_edge(end_rig *r, uint32_t from, uint32_t to, const berth_edge_options *options)
{
    berth_edge_options o = BERTH_EDGE_OPTIONS_INIT;

    if (options != NULL)
        o = *options;
    o.from = from;
    o.to = to;
    must(r, berth_flow_connect(r->flow, &o, NULL, &r->diag));
    return r->edges++;
}

void end_rig_pair(end_rig *r, const char *source, const char *source_settings, const char *sink,
                  const char *sink_settings)
{
    uint32_t from = end_rig_add(r, source, BERTH_ROLE_SOURCE, source_settings);
    uint32_t to = end_rig_add(r, sink, BERTH_ROLE_SINK, sink_settings);

    end_rig_edge(r, from, to, NULL);
}

/* ---------------------------------------------------------------- running */

void end_rig_start(end_rig *r)
{
    must(r, berth_flow_start(r->flow, &r->diag));
}

berth_edge_stats end_rig_edge_stats(end_rig *r, uint32_t edge)
{
    berth_edge_stats s = { .size = sizeof s };

    assert_int_equal(berth_flow_edge_stats(r->flow, edge, &s), BERTH_OK);
    return s;
}

berth_status end_rig_wait(end_rig *r)
{
    berth_status status = berth_flow_wait(r->flow, UINT64_MAX, &r->diag);

    for (uint32_t i = 0; i < r->edges; i++) {
        berth_edge_stats s = end_rig_edge_stats(r, i);
        uint64_t sum = s.out + s.queued + s.dead_letters;

        for (uint32_t k = 0; k < BERTH_DROPPED_REASONS; k++)
            sum += s.dropped[k];
        assert_int_equal(s.in, sum);
        assert_int_equal(s.queued, 0);
    }
    return status;
}

berth_status end_rig_drain(end_rig *r)
{
    berth_flow_drain(r->flow, UINT64_MAX);
    return end_rig_wait(r);
}

void end_rig_run(end_rig *r)
{
    end_rig_start(r);
    must(r, end_rig_wait(r));
    end_rig_close(r);
    end_rig_open(r);
}

berth_end_stats end_rig_stats(end_rig *r, uint32_t stage)
{
    berth_end_stats s = { .size = sizeof s };

    assert_int_equal(berth_flow_end_stats(r->flow, stage, &s), BERTH_OK);
    return s;
}

void end_rig_await(end_rig *r, uint32_t stage, uint64_t records)
{
    while (end_rig_stats(r, stage).records < records)
        (void)sched_yield();
}

/* ---------------------------------------------------------------- files */

const char *end_rig_path(end_rig *r, const char *name)
{
    static char path[PATH_ROOM];

    snprintf(path, sizeof path, "%s/%s", r->folder, name);
    return path;
}

static void put(end_rig *r, const char *name, const char *text, int flags)
{
    int fd = open(end_rig_path(r, name), O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    (void)close(fd);
}

void end_rig_write(end_rig *r, const char *name, const char *text)
{
    put(r, name, text, O_TRUNC);
}

void end_rig_append(end_rig *r, const char *name, const char *text)
{
    put(r, name, text, O_APPEND);
}

const char *end_rig_read(end_rig *r, const char *name)
{
    static char text[FILE_ROOM];
    int fd = open(end_rig_path(r, name), O_RDONLY | O_CLOEXEC);
    size_t size = 0;
    ssize_t n;

    assert_true(fd >= 0);
    while ((n = read(fd, text + size, sizeof text - 1 - size)) > 0)
        size += (size_t)n;
    assert_int_equal(n, 0);
    (void)close(fd);
    text[size] = '\0';
    return text;
}
