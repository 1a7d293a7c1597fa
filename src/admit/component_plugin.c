/* component_plugin.c - one component against one profile.  Layer: admit.
 *
 * A component needs no memory, allocator and prefix of a profile's: it says by its types what it
 * takes and gives.  Its hooks are the functions of one type that it exports, at its root under
 * their own names and in interfaces as "INTERFACE#FUNCTION".  Metadata may describe them, choose
 * among them and give probes; without metadata the component is named after what it exports. */
#include "admit/check.h"

#include <inttypes.h>
#include <stdio.h>

#include "admit/describe.h"
#include "component/run/host.h"
#include "component/types/names.h"
#include "service/wasi/wasi_link.h"
#include "wasm/cursor.h"

#define HOOK_TYPE "func(list<u8>) -> result<list<u8>, string>"

enum { COMPONENT_HEAD = 8, PAGE_SIZE = 65536 };

typedef struct component_check {
    const berthi_profile *profile;
    const berthi_artifact *artifact;
    const berthi_admit_limits *limits;
    berthi_scope scope;
    berthi_profile_view *view;
    berthi_meta_hook *exported; /* functions of HOOK_TYPE; room for BERTHI_HOOKS_MAX */
    uint32_t exported_count;    /* of all */
    uint32_t functions;
} component_check;

static berthi_arena *arena_of(const component_check *c)
{
    return c->scope.findings->arena;
}

/* ---------------------------------------------------------------- custom sections */

/* The body of the first custom section of that name; how many there are. */
static uint32_t find_custom(const berthi_artifact *artifact, const char *name,
                            berthi_wasm_range *body_out)
{
    const berthi_wasm_range all = { COMPONENT_HEAD, artifact->size - COMPONENT_HEAD };
    berthi_cursor c = berthi_cursor_over(artifact->bytes, all);
    uint32_t count = 0;

    while (berthi_cursor_left(&c) > 0) {
        uint8_t id = berthi_read_u8(&c);
        berthi_wasm_range body = berthi_read_range(&c, berthi_read_u32(&c));
        berthi_cursor inner = berthi_cursor_over(artifact->bytes, body);

        if (c.error != NULL)
            break;
        if (id != 0 || !berthi_name_is(berthi_read_name(&inner), name))
            continue;
        if (count++ == 0)
            *body_out = (berthi_wasm_range){ inner.at, berthi_cursor_left(&inner) };
    }
    return count;
}

/* Text of the artifact as a plugin's name or version, or NULL when it does not do. */
static const char *label(const component_check *c, const char *text, size_t size)
{
    if (size == 0 || size > BERTHI_PLUGIN_NAME_SIZE_MAX ||
        !berthi_utf8_is_plain_text(text, size))
        return NULL;
    return berthi_arena_strndup(arena_of(c), text, size);
}

/* The name in the section of names, which tools write. */
static const char *name_of_tools(const component_check *c)
{
    berthi_wasm_range body;
    berthi_cursor at;
    berthi_name name;

    if (find_custom(c->artifact, "component-name", &body) == 0)
        return NULL;
    at = berthi_cursor_over(c->artifact->bytes, body);
    if (berthi_read_u8(&at) != 0) /* subsection 0: the component's own */
        return NULL;
    (void)berthi_read_u32(&at);
    name = berthi_read_name(&at);
    return at.error != NULL ? NULL : label(c, name.text, name.size);
}

/* Whole bodies of small custom sections that packaging tools write. */
static const char *text_section(const component_check *c, const char *name)
{
    berthi_wasm_range body;

    if (find_custom(c->artifact, name, &body) == 0)
        return NULL;
    return label(c, (const char *)c->artifact->bytes + body.offset, body.size);
}

/* "ns:pkg/iface@1.2.3" is about package ns:pkg, of that version. */
static void name_after(const component_check *c, berthi_name name)
{
    berthi_metadata *m = &c->view->metadata;
    berthi_cm_parsed_name parsed;
    const char *slash;

    if (berthi_cm_parse_name(name, NULL, &parsed) != NULL ||
        parsed.form != BERTHI_CM_NAME_INTERFACE)
        return;
    slash = memchr(name.text, '/', name.size);
    if (m->name == NULL && slash != NULL)
        m->name = label(c, name.text, (size_t)(slash - name.text));
    if (m->version == NULL)
        m->version = label(c, parsed.version.text, parsed.version.size);
}

/* What no metadata says: every component has a name and a version all the same. */
static void complete(const component_check *c)
{
    const berthi_cm_steps *steps = c->artifact->steps;
    berthi_metadata *m = &c->view->metadata;

    c->view->has_metadata = true; /* a component means to be one */
    if (m->version == NULL)
        m->version = text_section(c, "version");
    for (uint32_t i = 0; i < steps->exports_count && m->name == NULL; i++)
        if (steps->exports[i].sort == BERTHI_CM_INSTANCE)
            name_after(c, steps->exports[i].name);
    if (m->name == NULL)
        m->name = name_of_tools(c);
    if (m->name == NULL)
        m->name = "component";
    if (m->version == NULL)
        m->version = "0";
    if (m->description == NULL)
        m->description = text_section(c, "description");
    if (m->description == NULL)
        m->description = "a component";
}

/* ---------------------------------------------------------------- hooks */

static bool is_bytes(const berthi_cm_type *t)
{
    return t != NULL && t->kind == BERTHI_CM_LIST && t->items[0].type->kind == BERTHI_CM_U8;
}

bool berthi_component_is_hook(const berthi_cm_type *func)
{
    const berthi_cm_type *result;

    if (func->kind != BERTHI_CM_FUNC_TYPE || func->count != 2 || !is_bytes(func->items[0].type))
        return false;
    result = berthi_cm_func_result(func);
    return result != NULL && result->kind == BERTHI_CM_RESULT &&
           is_bytes(result->items[0].type) && result->items[1].type != NULL &&
           result->items[1].type->kind == BERTHI_CM_STRING;
}

/* Keeps the order of names.  False: out of memory. */
static bool add_exported(component_check *c, berthi_name instance, berthi_name function)
{
    char name[BERTHI_PLUGIN_NAME_SIZE_MAX + 1];
    berthi_meta_hook hook = { .description = "exported by the component" };
    uint32_t at;

    if (instance.size + (instance.size != 0) + function.size >= sizeof name)
        return true; /* callable, but not by a hook's name */
    snprintf(name, sizeof name, "%.*s%s%.*s", (int)instance.size, instance.text,
             instance.size == 0 ? "" : "#", (int)function.size, function.text);
    if (c->exported_count++ >= BERTHI_HOOKS_MAX)
        return true;
    hook.name = berthi_arena_strndup(arena_of(c), name, strlen(name));
    if (hook.name == NULL)
        return false;
    hook.export_name = hook.name;
    at = c->exported_count - 1;
    for (; at > 0 && strcmp(c->exported[at - 1].name, hook.name) > 0; at--)
        c->exported[at] = c->exported[at - 1];
    c->exported[at] = hook;
    return true;
}

static bool collect(component_check *c, const berthi_cm_export *exports, uint32_t count,
                    berthi_name instance)
{
    for (uint32_t i = 0; i < count; i++) {
        const berthi_cm_export *e = &exports[i];

        if (e->sort == BERTHI_CM_INSTANCE && instance.size == 0 &&
            !collect(c, e->exports, e->count, e->name))
            return false;
        if (e->sort != BERTHI_CM_FUNC || e->is_host)
            continue;
        c->functions++;
        if (berthi_component_is_hook(e->type) && !add_exported(c, instance, e->name))
            return false;
    }
    return true;
}

static const berthi_meta_hook *find_exported(const component_check *c, const char *name)
{
    uint32_t kept = c->exported_count < BERTHI_HOOKS_MAX ? c->exported_count : BERTHI_HOOKS_MAX;

    for (uint32_t i = 0; i < kept; i++)
        if (strcmp(c->exported[i].name, name) == 0)
            return &c->exported[i];
    return NULL;
}

/* Hooks are those that the metadata declares, or else all that are exported. */
static void check_hooks(component_check *c)
{
    berthi_metadata *m = &c->view->metadata;

    if (c->exported_count > BERTHI_HOOKS_MAX)
        berthi_find(c->scope, "hook-count", BERTHI_NO_OFFSET,
                    "component exports %" PRIu32 " functions of type " HOOK_TYPE
                    "; at most %d can be hooks",
                    c->exported_count, BERTHI_HOOKS_MAX);
    for (uint32_t i = 0; i < m->hooks_count; i++) {
        m->hooks[i].export_name = m->hooks[i].name;
        if (find_exported(c, m->hooks[i].name) == NULL)
            berthi_find(c->scope, "hook-export", m->offset,
                        "declared hook `%s` is not exported as " HOOK_TYPE, m->hooks[i].name);
    }
    if (m->hooks_count == 0 && c->exported_count <= BERTHI_HOOKS_MAX) {
        m->hooks = c->exported;
        m->hooks_count = c->exported_count;
    }
    if (c->functions == 0)
        berthi_find(c->scope, "hook-export", BERTHI_NO_OFFSET,
                    "component exports no function; a hook is a function of type " HOOK_TYPE);
}

/* ---------------------------------------------------------------- the rest */

/* Whether an interface of WASI may be linked; asked where the interface is seen first.  One that is
 * imported for its types gives nothing away. */
static void check_grant(const component_check *c, uint32_t need)
{
    const berthi_cm_need *needs = c->artifact->steps->needs;
    berthi_name name = needs[need].path[0];
    const char *missing;

    for (uint32_t i = 0; i < need; i++)
        if (berthi_cm_same_name(needs[i].path[0], name))
            return;
    missing = berthi_wasi_missing(c->limits->host, name.text, name.size, c->limits->grants);
    if (missing != NULL && berthi_cm_calls_import(c->artifact->steps, name))
        berthi_find(c->scope, "grant", BERTHI_NO_OFFSET,
                    "import `%s`: the slot has no grant `%s` (`deny:%s` links it, and ends the "
                    "plugin's instance when it is used)",
                    BERTHI_SHOW_NAME(name), missing, missing);
}

static bool is_covered(const component_check *c, const berthi_cm_need *need)
{
    const berthi_admit_imports *imports = c->limits->imports;

    return imports != NULL && need->path_count > 1 &&
           imports->covers(imports->ctx, need->path[0]);
}

/* What of another bundle's it may be is said where it can be. */
static const char *hint_of(const component_check *c, const berthi_cm_need *need)
{
    return c->limits->imports == NULL || need->path_count == 1 || is_covered(c, need)
               ? ""
               : "; what another bundle provides has to be in `requires`";
}

/* An import that is not given as it is asked for. */
static void check_need(const component_check *c, uint32_t i)
{
    const berthi_cm_steps *steps = c->artifact->steps;
    const berthi_cm_need *need = &steps->needs[i];
    bool is_covering = is_covered(c, need);
    berthi_cm_binding binding;
    berth_diag why = { .text = "" };
    berth_status status =
        is_covering
            ? c->limits->imports->resolve(c->limits->imports->ctx, steps, need, &binding, &why)
            : berthi_host_resolve(c->limits->host, steps, need, &binding, &why);

    if (status == BERTH_E_NOMEM)
        c->scope.findings->out_of_memory = true;
    else if (status != BERTH_OK && (status != BERTH_E_ABSENT || !need->is_again))
        berthi_find(c->scope, "import", BERTHI_NO_OFFSET, "%s%s", why.text, hint_of(c, need));
    else if (!is_covering)
        check_grant(c, i);
}

/* Those that only another plugin gives. */
static void check_others(const component_check *c)
{
    for (uint32_t i = 0; i < c->artifact->steps->needs_count; i++)
        if (c->limits->host != NULL || is_covered(c, &c->artifact->steps->needs[i]))
            check_need(c, i);
}

bool berthi_is_of_flows(berthi_name interface)
{
    static const char *const packages[] = { "torvyn:", "berth:flow/" };

    for (size_t i = 0; i < sizeof packages / sizeof packages[0]; i++)
        if (interface.size > strlen(packages[i]) &&
            memcmp(interface.text, packages[i], strlen(packages[i])) == 0)
            return true;
    return false;
}

/* Without a host it is not known what will be offered.  WASI is Berth's own, and is there once it is
 * granted; what that takes is in the report.  What stages import, their flow gives them. */
static void check_needs(const component_check *c)
{
    const berthi_cm_steps *steps = c->artifact->steps;
    const berthi_cm_need *first = NULL;
    uint32_t count = 0;
    const char *grants;
    bool is_needed;

    check_others(c);
    if (c->limits->host != NULL)
        return;
    for (uint32_t i = steps->needs_count; i-- > 0;)
        if (!is_covered(c, &steps->needs[i]) && !berthi_is_of_flows(steps->needs[i].path[0]) &&
            !berthi_wasi_asks(steps->needs[i].path[0].text, steps->needs[i].path[0].size,
                              &grants, &is_needed)) {
            first = &steps->needs[i];
            count++;
        }
    if (first == NULL)
        return;
    berthi_find(c->scope, "import", BERTHI_NO_OFFSET,
                "component imports %" PRIu32
                " item(s) and this host offers none; the first is %s `%s`%s%s%s, which a host "
                "binds with berth_host_bind()%s",
                count, berthi_cm_sort_name(first->sort), BERTHI_SHOW_NAME(first->path[0]),
                first->path_count > 1 ? " `" : "",
                first->path_count > 1 ? BERTHI_SHOW_NAME(first->path[1]) : "",
                first->path_count > 1 ? "`" : "", hint_of(c, first));
}

static void check_module(const component_check *c, uint32_t number,
                         const berthi_wasm_info *info)
{
    for (uint32_t i = 0; i < info->memories_count; i++)
        if (info->memories[i].min > c->limits->memory_bytes_max / PAGE_SIZE) {
            berthi_find(c->scope, "memory-size", BERTHI_NO_OFFSET,
                        "core module %" PRIu32 ": memory starts with %" PRIu64
                        " pages (64 KiB each); the limit is %" PRIu64,
                        number, info->memories[i].min, c->limits->memory_bytes_max / PAGE_SIZE);
            break;
        }
    for (uint32_t i = 0; i < info->tables_count; i++)
        if (info->tables[i].size.min > c->limits->table_elements_max) {
            berthi_find(c->scope, "table-size", BERTHI_NO_OFFSET,
                        "core module %" PRIu32 ": table %" PRIu32 " starts with %" PRIu64
                        " elements; the limit is %" PRIu32,
                        number, i, info->tables[i].size.min, c->limits->table_elements_max);
            break;
        }
}

/* One that never fits would wait for a place that never comes free. */
static void check_instances(const component_check *c)
{
    uint32_t count = c->artifact->steps->core_instances_count;

    if (c->limits->instances_max != 0 && count > c->limits->instances_max)
        berthi_find(c->scope, "instances", BERTHI_NO_OFFSET,
                    "an instance of it takes %" PRIu32 " places, one for each of its core "
                    "modules' instances, and the runtime has %" PRIu32
                    "; raise the runtime's instances_max",
                    count, c->limits->instances_max);
}

static bool check_metadata(const component_check *c)
{
    const char *name = c->profile->metadata_section;
    berthi_wasm_range body;
    uint32_t count = find_custom(c->artifact, name, &body);

    c->view->metadata_is_implied = count == 0;
    if (count > 1)
        berthi_find(c->scope, "section-duplicate", body.offset,
                    "`%s` section is there more than once", name);
    return count == 0 || berthi_metadata_read(c->profile, c->artifact->bytes, body, true,
                                              c->scope, &c->view->metadata);
}

bool berthi_check_component(const berthi_profile *profile, const berthi_artifact *artifact,
                            const berthi_admit_limits *limits, berthi_findings *findings,
                            berthi_profile_view *view_out)
{
    component_check c = { .profile = profile,
                          .artifact = artifact,
                          .limits = limits,
                          .scope = { .findings = findings, .profile = profile->id },
                          .view = view_out };
    const berthi_cm_steps *steps = artifact->steps;

    *view_out = (berthi_profile_view){ .profile = profile };
    if (!profile->takes_components) {
        berthi_find(c.scope, "form", 0,
                    "this is a WebAssembly component; this profile takes core modules: build "
                    "the core module without wrapping it into a component");
        return !findings->out_of_memory;
    }
    c.exported = berthi_arena_array(arena_of(&c), BERTHI_HOOKS_MAX, sizeof *c.exported);
    if (c.exported == NULL || !check_metadata(&c) ||
        !collect(&c, steps->exports, steps->exports_count, (berthi_name){ "", 0 }))
        return false;
    check_needs(&c);
    check_hooks(&c);
    check_instances(&c);
    for (uint32_t i = 0; i < steps->modules_count; i++)
        if (steps->modules[i].info != NULL)
            check_module(&c, i, steps->modules[i].info);
    complete(&c);
    return !findings->out_of_memory;
}
