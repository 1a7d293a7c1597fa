/* verdict_component.c - what a component is made of, for people and machines.  Layer: admit. */
#include <inttypes.h>
#include <stdio.h>

#include "admit/describe.h"
#include "admit/report.h"
#include "base/utf8.h"
#include "component/types/names.h"
#include "service/wasi/wasi_link.h"
#include "service/wasi/wasi_serve.h"

enum { PAGE_BYTES = 65536, LINE_MAX_BYTES = 4096 };

/* What one instance takes at least, of what a host limits. */
typedef struct takes {
    uint32_t memories, tables;
    uint64_t memory_bytes, table_elements;
} takes;

/* 64-bit memories and tables may say any number. */
static uint64_t sum(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static void add_pages(takes *t, uint64_t pages)
{
    t->memory_bytes =
        sum(t->memory_bytes, pages > UINT64_MAX / PAGE_BYTES ? UINT64_MAX : pages * PAGE_BYTES);
}

static takes takes_of(const berthi_cm_steps *steps)
{
    takes t = { 0 };

    for (uint32_t i = 0; i < steps->steps_count; i++) {
        const berthi_wasm_info *info;

        if (steps->steps[i].kind != BERTHI_CM_STEP_INSTANTIATE)
            continue;
        info = steps->modules[steps->steps[i].module].info;
        if (info == NULL)
            continue; /* of the host's */
        for (uint32_t m = info->imported_memories; m < info->memories_count; m++)
            add_pages(&t, info->memories[m].min);
        for (uint32_t n = info->imported_tables; n < info->tables_count; n++)
            t.table_elements = sum(t.table_elements, info->tables[n].size.min);
        t.memories += info->memories_count - info->imported_memories;
        t.tables += info->tables_count - info->imported_tables;
    }
    return t;
}

/* ---------------------------------------------------------------- for people */

static void put_module(const berthi_wasm_info *info, berthi_text_buf *out)
{
    char type[BERTHI_TYPE_TEXT_SIZE];
    uint32_t listed = 0;

    if (info == NULL) {
        berthi_text_buf_puts(out, "one that the host gives\n");
        return;
    }
    berthi_text_buf_putf(out, "%" PRIu32 " bytes, %" PRIu32 " functions", info->size,
                         info->funcs_count - info->imported_funcs);
    for (uint32_t m = info->imported_memories;
         m < info->memories_count && listed < BERTHI_LIST_MAX; m++, listed++) {
        berthi_extern_show(type, info, BERTHI_EXTERN_MEMORY, m);
        berthi_text_buf_putf(out, ", memory of %s", type);
    }
    berthi_text_buf_puts(out, "\n");
}

static void put_modules(const berthi_cm_steps *steps, berthi_text_buf *out)
{
    for (uint32_t i = 0; i < steps->modules_count && i < BERTHI_LIST_MAX; i++) {
        berthi_text_buf_puts(out, i == 0 ? "\nmodules    " : "           ");
        put_module(steps->modules[i].info, out);
    }
    if (steps->modules_count == 0)
        berthi_text_buf_puts(out, "\nmodules    none\n");
    else if (steps->modules_count > BERTHI_LIST_MAX)
        berthi_text_buf_putf(out, "           and %" PRIu32 " more\n",
                             steps->modules_count - BERTHI_LIST_MAX);
}

/* ---------------------------------------------------------------- what it asks for */

typedef struct asked {
    berthi_name interface;
    const char *grants; /* NULL: none */
    bool is_needed;
} asked;

/* The next interface of WASI that is imported, from need *at on; false: there is none. */
static bool next_asked(const berthi_cm_steps *steps, uint32_t *at, asked *out)
{
    for (; *at < steps->needs_count; ++*at) {
        berthi_name name = steps->needs[*at].path[0];
        bool is_new = true;

        for (uint32_t i = 0; i < *at && is_new; i++)
            is_new = !berthi_cm_same_name(steps->needs[i].path[0], name);
        if (!is_new || !berthi_wasi_asks(name.text, name.size, &out->grants, &out->is_needed))
            continue;
        if (out->is_needed && !berthi_cm_calls_import(steps, name))
            out->grants = NULL, out->is_needed = false; /* for its types */
        out->interface = name;
        ++*at;
        return true;
    }
    return false;
}

static void put_asked(const berthi_cm_steps *steps, berthi_text_buf *out)
{
    uint32_t at = 0, listed = 0;
    asked a;

    while (listed < BERTHI_LIST_MAX && next_asked(steps, &at, &a)) {
        if (a.grants == NULL)
            continue;
        berthi_text_buf_puts(out, listed++ == 0 ? "asks for   " : "           ");
        berthi_text_buf_putf(out, "%.*s: %s%s\n", (int)a.interface.size, a.interface.text,
                             a.grants, a.is_needed ? " (needed)" : "");
    }
}

static void put_answers(const berthi_cm_steps *steps, berthi_text_buf *out)
{
    berthi_name handler;

    if (berthi_wasi_serves_http(steps, &handler))
        berthi_text_buf_putf(out, "answers    HTTP requests, by %.*s\n", (int)handler.size,
                             handler.text);
}

static void put_asked_json(const berthi_cm_steps *steps, berthi_json_writer *w)
{
    uint32_t at = 0, listed = 0;
    asked a;

    berthi_json_array(w, "asks");
    while (listed++ < BERTHI_LIST_MAX && next_asked(steps, &at, &a)) {
        char name[BERTHI_LISTED_NAME_MAX];

        snprintf(name, sizeof name, "%.*s", (int)a.interface.size, a.interface.text);
        berthi_json_object(w, NULL);
        berthi_json_string(w, "interface", name);
        berthi_json_string(w, "grants", a.grants == NULL ? "" : a.grants);
        berthi_json_bool(w, "is_needed", a.is_needed);
        berthi_json_end(w);
    }
    berthi_json_end(w);
}

static void put_instances(const berthi_cm_steps *steps, berthi_text_buf *out)
{
    uint32_t removed = steps->shims_removed + steps->fixups_removed;
    takes t = takes_of(steps);

    berthi_text_buf_putf(out, "instances  %" PRIu32 " of core modules",
                         steps->core_instances_count);
    if (removed != 0)
        berthi_text_buf_putf(out, " (%" PRIu32 " that only passed calls on %s taken out)",
                             removed, removed == 1 ? "was" : "were");
    berthi_text_buf_putf(out, ", %" PRIu32 " of components\n", steps->instances_count);
    berthi_text_buf_putf(out, "functions  %" PRIu32 " lifted, %" PRIu32 " made by the host\n",
                         steps->lifted_count, steps->trampolines_count);
    berthi_text_buf_putf(out,
                         "limits     an instance takes %" PRIu64 " bytes of memory and %" PRIu64
                         " table elements at least;\n"
                         "           at most %d core instances, %d instances of components,"
                         " %d functions of the host\n",
                         t.memory_bytes, t.table_elements, BERTHI_CM_CORE_INSTANCES_MAX,
                         BERTHI_CM_INSTANCES_MAX, BERTHI_CM_TRAMPOLINES_MAX);
}

/* Names in it are those of WIT, but it is the artifact's text, and lines may be long. */
static void put_line(const char *line, size_t size, berthi_text_buf *out)
{
    char shown[LINE_MAX_BYTES];

    if (size != 0)
        berthi_text_buf_puts(out, "  ");
    if (berthi_utf8_is_plain_text(line, size))
        berthi_text_buf_put(out, line, size);
    else
        berthi_text_buf_puts(out, berthi_utf8_show(shown, sizeof shown, line, size));
    berthi_text_buf_puts(out, "\n");
}

void berthi_world_text(const berthi_report *report, berthi_text_buf *out)
{
    const char *at = report->wit.data, *end;

    if (report->wit_is_missing) {
        berthi_text_buf_puts(out, "\nworld      too long to be written\n");
        return;
    }
    berthi_text_buf_puts(out, "\nworld\n");
    for (; at != NULL && *at != '\0'; at = *end == '\0' ? end : end + 1) {
        end = strchr(at, '\n');
        if (end == NULL)
            end = at + strlen(at);
        put_line(at, (size_t)(end - at), out);
    }
}

void berthi_component_text(const berthi_report *report, berthi_text_buf *out)
{
    if (report->artifact.component == NULL)
        return;
    if (report->artifact.steps != NULL) {
        put_modules(report->artifact.steps, out);
        put_instances(report->artifact.steps, out);
        put_asked(report->artifact.steps, out);
        put_answers(report->artifact.steps, out);
    }
    berthi_world_text(report, out);
}

/* ---------------------------------------------------------------- for machines */

static void put_module_json(const berthi_wasm_info *info, berthi_json_writer *w)
{
    char type[BERTHI_TYPE_TEXT_SIZE];
    uint32_t listed = 0;

    berthi_json_object(w, NULL);
    berthi_json_bool(w, "is_of_host", info == NULL);
    berthi_json_uint(w, "bytes", info == NULL ? 0 : info->size);
    berthi_json_uint(w, "functions",
                     info == NULL ? 0 : info->funcs_count - info->imported_funcs);
    berthi_json_array(w, "memories");
    for (uint32_t m = info == NULL ? 0 : info->imported_memories;
         info != NULL && m < info->memories_count && listed < BERTHI_LIST_MAX; m++, listed++) {
        berthi_extern_show(type, info, BERTHI_EXTERN_MEMORY, m);
        berthi_json_string(w, NULL, type);
    }
    berthi_json_end(w);
    berthi_json_end(w);
}

static void put_steps_json(const berthi_cm_steps *steps, berthi_json_writer *w)
{
    takes t = takes_of(steps);
    berthi_name handler;

    berthi_json_object(w, "core_modules");
    berthi_json_uint(w, "count", steps->modules_count);
    berthi_json_array(w, "items");
    for (uint32_t i = 0; i < steps->modules_count && i < BERTHI_LIST_MAX; i++)
        put_module_json(steps->modules[i].info, w);
    berthi_json_end(w);
    berthi_json_end(w);
    berthi_json_uint(w, "core_instances", steps->core_instances_count);
    berthi_json_uint(w, "component_instances", steps->instances_count);
    berthi_json_uint(w, "shims_removed", steps->shims_removed);
    berthi_json_uint(w, "fixups_removed", steps->fixups_removed);
    put_asked_json(steps, w);
    berthi_json_bool(w, "answers_http", berthi_wasi_serves_http(steps, &handler));
    berthi_json_uint(w, "functions_lifted", steps->lifted_count);
    berthi_json_uint(w, "functions_of_host", steps->trampolines_count);
    berthi_json_uint(w, "resources", steps->resources_count);
    berthi_json_object(w, "takes");
    berthi_json_uint(w, "memories", t.memories);
    berthi_json_uint(w, "memory_bytes", t.memory_bytes);
    berthi_json_uint(w, "tables", t.tables);
    berthi_json_uint(w, "table_elements", t.table_elements);
    berthi_json_end(w);
    berthi_json_object(w, "limits");
    berthi_json_uint(w, "core_instances", BERTHI_CM_CORE_INSTANCES_MAX);
    berthi_json_uint(w, "component_instances", BERTHI_CM_INSTANCES_MAX);
    berthi_json_uint(w, "functions_of_host", BERTHI_CM_TRAMPOLINES_MAX);
    berthi_json_end(w);
}

void berthi_component_json(const berthi_report *report, berthi_json_writer *w)
{
    const berthi_cm_steps *steps = report->artifact.steps;

    if (report->artifact.component == NULL) {
        berthi_json_null(w, "component");
        return;
    }
    berthi_json_object(w, "component");
    if (steps != NULL)
        put_steps_json(steps, w);
    if (report->wit_is_missing)
        berthi_json_null(w, "wit");
    else
        berthi_json_text(w, "wit", report->wit.data == NULL ? "" : report->wit.data,
                         report->wit.size);
    berthi_json_end(w);
}
