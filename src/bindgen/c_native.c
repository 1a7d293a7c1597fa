/* c_native.c - a plugin as a shared object: the glue between its functions and <berth/plugin.h>.
 *
 * Values are passed as they are, so the glue is tables: the functions of each exported contract in
 * the order of its digest, and what admission reads before anything is mapped, the note and the
 * world.  The functions of the plugin have types of their own, so each has a function of the one shape
 * in front of it, which is a jump.
 *
 * The text is C11 and C++11 at once.  Layer: bindgen. */
#include "base/diag.h"
#include "bindgen/c_plugin.h"
#include "component/wrap/wrap.h"
#include "contract/contract.h"

/* What a group of functions is called, and its digest. */
static berth_status contract_of(const berthi_bg *bg, const berthi_bg_group *g,
                                berthi_contract *contract)
{
    berthi_contracts set; /* what the contract keeps of it is in the arena */
    uint32_t package = g->interface == NULL ? bg->world->package : g->interface->package;
    berth_status status = berthi_contracts_init(&set, bg->wit, package, bg->arena, bg->diag);

    if (status == BERTH_OK)
        status = g->interface == NULL ? berthi_contract_make_world(&set, bg->world, contract)
                                      : berthi_contract_make(&set, g->origin->index, contract);
    contract->set = NULL;
    return status;
}

/* The world itself counts when it exports functions by itself. */
static bool is_contract(const berthi_bg_group *g)
{
    return g->interface != NULL || g->funcs_count != 0;
}

static void put_digest(berthi_bg_out *o, const char *head, const uint8_t *digest,
                       const char *tail)
{
    berthi_bg_open(o, "%s{ ", head);
    for (unsigned i = 0; i < BERTHI_SHA256_SIZE; i++)
        berthi_bg_item(o, "0x%02x", digest[i]);
    berthi_bg_close(o, tail);
}

/* ---------------------------------------------------------------- what is exported */

static void write_call(berthi_bg *bg, berthi_bg_out *o, const berthi_bg_func *f,
                       const char *name)
{
    const char *result = berthi_bg_result_type(bg, f);

    berthi_bg_blank(o);
    berthi_bg_open(o, "static int32_t %s(", name);
    berthi_bg_item(o, "void *self");
    berthi_bg_item(o, "const void *args");
    berthi_bg_item(o, "void *results");
    berthi_bg_item(o, "berth_plugin_call *call");
    berthi_bg_close(o, ")");
    berthi_bg_line(o, "{");
    o->indent++;
    berthi_bg_open(o, "return %s(", f->plugin);
    berthi_bg_item(o, "self");
    berthi_bg_item(o, "(const %s *)args", berthi_bg_args_type(f));
    berthi_bg_item(o, "(%s *)results", result);
    berthi_bg_item(o, "call");
    berthi_bg_close(o, ");");
    o->indent--;
    berthi_bg_line(o, "}");
}

static berth_status write_calls(berthi_bg *bg, berthi_bg_out *o)
{
    const char **names;

    if (bg->exports_count == 0)
        return BERTH_OK;
    names = berthi_arena_array(bg->arena, bg->exports_count, sizeof *names);
    if (names == NULL)
        return berthi_fail(bg->diag, BERTH_E_NOMEM, "out of memory for bindings");
    for (uint32_t i = 0; i < bg->exports_count && !berthi_bg_out_is_full(o); i++) {
        names[i] = berthi_bg_own_name(bg, "call", bg->funcs[i].name);
        write_call(bg, o, &bg->funcs[i], names[i]);
    }
    if (berthi_bg_out_is_full(o))
        return BERTH_OK; /* whoever takes the text learns it */
    berthi_bg_blank(o);
    berthi_bg_line(o, "static berth_plugin_fn *const berth_native_calls[] = {");
    for (uint32_t i = 0; i < bg->exports_count; i++)
        berthi_bg_line(o, "    %s,", names[i]);
    berthi_bg_line(o, "};");
    berthi_bg_blank(o);
    berthi_bg_line(o, "static const char *const berth_native_names[] = {");
    for (uint32_t i = 0; i < bg->exports_count; i++)
        berthi_bg_line(o, "    \"%s\",", bg->funcs[i].func->name);
    berthi_bg_line(o, "};");
    return BERTH_OK;
}

static void write_table(const berthi_bg *bg, berthi_bg_out *o, const berthi_bg_group *g,
                        const berthi_contract *contract)
{
    berthi_bg_line(o, "{ \"%s\",", contract->key);
    berthi_bg_line(o, "  { (uint32_t)sizeof(berth_functions_v1), %uu,",
                   (unsigned)g->funcs_count);
    put_digest(o, "    ", contract->digest, " },");
    if (bg->exports_count == 0)
        berthi_bg_line(o, "    NULL, NULL } },");
    else
        berthi_bg_line(o, "    berth_native_names + %u, berth_native_calls + %u } },",
                       (unsigned)g->funcs_first, (unsigned)g->funcs_first);
}

/* ---------------------------------------------------------------- resources that are dropped */

static void write_drop(berthi_bg *bg, berthi_bg_out *o, const berthi_bg_group *g,
                       const char *name, const char *wit_name)
{
    (void)g, (void)wit_name;
    berthi_bg_blank(o);
    berthi_bg_open(o, "static int32_t berth_native_drop_%s(", berthi_bg_tail(bg, name));
    berthi_bg_item(o, "void *self");
    berthi_bg_item(o, "const void *args");
    berthi_bg_item(o, "void *results");
    berthi_bg_item(o, "berth_plugin_call *call");
    berthi_bg_close(o, ")");
    berthi_bg_line(o, "{");
    berthi_bg_line(o, "    (void)self, (void)results, (void)call;");
    berthi_bg_line(o, "    %s_drop(*(const %s *)args);", name, name);
    berthi_bg_line(o, "    return 0;");
    berthi_bg_line(o, "}");
}

static void write_drop_name(berthi_bg *bg, berthi_bg_out *o, const berthi_bg_group *g,
                            const char *name, const char *wit_name)
{
    (void)bg, (void)g, (void)name;
    berthi_bg_line(o, "    \"%s\",", wit_name);
}

static void write_drop_call(berthi_bg *bg, berthi_bg_out *o, const berthi_bg_group *g,
                            const char *name, const char *wit_name)
{
    (void)g, (void)wit_name;
    berthi_bg_line(o, "    berth_native_drop_%s,", berthi_bg_tail(bg, name));
}

static uint32_t exported_resources(const berthi_bg *bg, const berthi_bg_group *g)
{
    uint32_t count = 0;

    for (uint32_t i = 0; g->interface != NULL && i < g->interface->types_count; i++)
        count += bg->wit->types[g->interface->types[i]].kind == BERTHI_WIT_RESOURCE;
    return count;
}

/* What drops the resources of all exported interfaces; how many interfaces have some. */
static uint32_t write_drops(berthi_bg *bg, berthi_bg_out *o)
{
    uint32_t count = 0;

    for (uint32_t g = 0; g < bg->export_groups; g++) {
        berthi_bg_each_resource(bg, o, &bg->groups[g], write_drop);
        count += exported_resources(bg, &bg->groups[g]) != 0;
    }
    if (count == 0)
        return 0;
    berthi_bg_blank(o);
    berthi_bg_line(o, "static berth_plugin_fn *const berth_native_drops[] = {");
    for (uint32_t g = 0; g < bg->export_groups; g++)
        berthi_bg_each_resource(bg, o, &bg->groups[g], write_drop_call);
    berthi_bg_line(o, "};");
    berthi_bg_blank(o);
    berthi_bg_line(o, "static const char *const berth_native_dropped[] = {");
    for (uint32_t g = 0; g < bg->export_groups; g++)
        berthi_bg_each_resource(bg, o, &bg->groups[g], write_drop_name);
    berthi_bg_line(o, "};");
    return count;
}

static void write_drop_tables(const berthi_bg *bg, berthi_bg_out *o,
                              const berthi_contract *contracts)
{
    uint32_t first = 0;

    for (uint32_t g = 0; g < bg->export_groups; g++) {
        uint32_t count = exported_resources(bg, &bg->groups[g]);

        if (count == 0)
            continue;
        berthi_bg_line(o, "{ \"%s#drop\",", contracts[g].key);
        berthi_bg_line(o, "  { (uint32_t)sizeof(berth_functions_v1), %uu,", (unsigned)count);
        put_digest(o, "    ", contracts[g].digest, " },");
        berthi_bg_line(o, "    berth_native_dropped + %u, berth_native_drops + %u } },",
                       (unsigned)first, (unsigned)first);
        first += count;
    }
}

static void write_tables(berthi_bg *bg, berthi_bg_out *o, const berthi_contract *contracts,
                         uint32_t count)
{
    count += write_drops(bg, o);
    berthi_bg_blank(o);
    if (count == 0) {
        berthi_bg_raw(o,
                      "static const void *berth_native_extension(void *self, const char *id)\n"
                      "{\n"
                      "    (void)self, (void)id;\n"
                      "    return NULL;\n"
                      "}\n");
        return;
    }
    berthi_bg_line(o, "static const struct {");
    berthi_bg_line(o, "    const char *id;");
    berthi_bg_line(o, "    berth_functions_v1 functions;");
    berthi_bg_line(o, "} berth_native_tables[] = {");
    o->indent++;
    for (uint32_t g = 0; g < bg->export_groups; g++)
        if (is_contract(&bg->groups[g]))
            write_table(bg, o, &bg->groups[g], &contracts[g]);
    write_drop_tables(bg, o, contracts);
    o->indent--;
    berthi_bg_line(o, "};");
    berthi_bg_raw(o, "\nstatic const void *berth_native_extension(void *self, const char *id)\n"
                     "{\n"
                     "    (void)self;\n");
    berthi_bg_line(o, "    for (uint32_t i = 0; i < %uu; i++)", (unsigned)count);
    berthi_bg_raw(o, "        if (strcmp(berth_native_tables[i].id, id) == 0)\n"
                     "            return &berth_native_tables[i].functions;\n"
                     "    return NULL;\n"
                     "}\n");
}

/* ---------------------------------------------------------------- what is imported */

static void write_import_body(berthi_bg *bg, berthi_bg_out *o, const berthi_bg_func *f,
                              uint32_t number)
{
    o->indent++;
    if (f->args != NULL) {
        berthi_bg_line(o, "%s args;", f->args);
        berthi_bg_blank(o);
    }
    for (uint32_t i = 0; i < f->func->params_count; i++)
        berthi_bg_line(o, "args.%s = %s%s;", berthi_bg_field(bg, f->func->params, i),
                       berthi_bg_is_plain(bg, f->func->params[i].type) ? "" : "*",
                       berthi_bg_import_param(bg, f->func, i));
    berthi_bg_open(o, "return berth_native_imports[%u].call(", (unsigned)number);
    berthi_bg_item(o, "berth_native_imports[%u].self", (unsigned)number);
    berthi_bg_item(o, f->args == NULL ? "NULL" : "&args");
    berthi_bg_item(o, f->func->result == BERTHI_WIT_NONE ? "NULL" : "result_out");
    berthi_bg_item(o, "call");
    berthi_bg_close(o, ");");
    o->indent--;
}

static uint32_t resources_of(const berthi_bg *bg, const berthi_bg_group *g)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < bg->objects_count; i++)
        count += bg->objects[i].group == g;
    return count;
}

/* Functions first, then what drops objects; group by group. */
static uint32_t import_first(const berthi_bg *bg, const berthi_bg_group *g)
{
    uint32_t first = g->funcs_first - bg->exports_count;

    for (const berthi_bg_group *i = &bg->groups[bg->export_groups]; i < g; i++)
        first += resources_of(bg, i);
    return first;
}

static void write_imported_drop(berthi_bg *bg, berthi_bg_out *o, const char *name,
                                uint32_t number)
{
    berthi_bg_blank(o);
    berthi_bg_line(o, "void %s_drop(%s owned)", name, name);
    berthi_bg_line(o, "{");
    berthi_bg_line(o, "    (void)berth_native_imports[%u].call(berth_native_imports[%u].self,",
                   (unsigned)number, (unsigned)number);
    berthi_bg_line(o, "                                         &owned, NULL, NULL);");
    berthi_bg_line(o, "}");
    berthi_bg_write_function(
        o, berthi_bg_format(&bg->names, "void %s_drop_borrow(%s_borrow borrowed)", name, name),
        "(void)borrowed; /* it was lent as it is */");
}

static void write_imports(berthi_bg *bg, berthi_bg_out *o)
{
    uint32_t count = bg->funcs_count - bg->exports_count + bg->objects_count;

    if (count == 0)
        return;
    berthi_bg_blank(o);
    berthi_bg_comment(o, "What the host offers; a mapping of this file has one instance.");
    berthi_bg_line(o, "static berth_native_import berth_native_imports[%u];", (unsigned)count);
    for (uint32_t g = bg->export_groups; g < bg->groups_count; g++) {
        const berthi_bg_group *group = &bg->groups[g];
        uint32_t number = import_first(bg, group);

        for (uint32_t i = 0; i < group->funcs_count && !berthi_bg_out_is_full(o); i++) {
            const berthi_bg_func *f = &bg->funcs[group->funcs_first + i];

            berthi_bg_blank(o);
            berthi_bg_write_import(bg, o, f, ")");
            berthi_bg_line(o, "{");
            write_import_body(bg, o, f, number++);
            berthi_bg_line(o, "}");
        }
        for (uint32_t i = 0; i < bg->objects_count; i++)
            if (bg->objects[i].group == group)
                write_imported_drop(bg, o, bg->objects[i].name, number++);
    }
}

/* Within open(): what one interface, or the world itself, imports. */
static void write_link(const berthi_bg *bg, berthi_bg_out *o, const berthi_bg_group *g)
{
    berthi_bg_line(o, "if (status == 0) {");
    o->indent++;
    berthi_bg_line(o, "static const char *const names[] = {");
    for (uint32_t i = 0; i < g->funcs_count; i++)
        berthi_bg_line(o, "    \"%s\",", bg->funcs[g->funcs_first + i].func->name);
    for (uint32_t i = 0; i < bg->objects_count; i++)
        if (bg->objects[i].group == g)
            berthi_bg_line(o, "    \"[resource-drop]%s\",",
                           bg->wit->types[bg->objects[i].type].name);
    berthi_bg_line(o, "};");
    berthi_bg_blank(o);
    berthi_bg_open(o, "status = berth_native_find(");
    berthi_bg_item(o, "host");
    berthi_bg_item(o, "BERTH_IMPORT_V1 \"%s\"", g->origin == NULL ? "$root" : g->origin->name);
    berthi_bg_item(o, "names");
    berthi_bg_item(o, "%uu", (unsigned)(g->funcs_count + resources_of(bg, g)));
    berthi_bg_item(o, "berth_native_imports + %u", (unsigned)import_first(bg, g));
    berthi_bg_item(o, "diag");
    berthi_bg_close(o, ");");
    o->indent--;
    berthi_bg_line(o, "}");
}

/* ---------------------------------------------------------------- resources */

static void write_resource(berthi_bg *bg, berthi_bg_out *o, const berthi_bg_group *g,
                           const char *name, const char *wit_name)
{
    berthi_bg_names *n = &bg->names;

    (void)g, (void)wit_name;
    berthi_bg_blank(o);
    berthi_bg_line(o, "%s %s_make(void *object)", name, name);
    berthi_bg_line(o, "{");
    berthi_bg_line(o, "    %s owned;", name);
    berthi_bg_blank(o);
    berthi_bg_line(o, "    owned.handle = (berth_handle)(uintptr_t)object;");
    berthi_bg_line(o, "    return owned;");
    berthi_bg_line(o, "}");
    berthi_bg_write_function(o, berthi_bg_format(n, "void *%s_object(%s owned)", name, name),
                             "return (void *)(uintptr_t)owned.handle;");
    berthi_bg_write_function(
        o, berthi_bg_format(n, "void *%s_borrowed(%s_borrow borrowed)", name, name),
        "return (void *)(uintptr_t)borrowed.handle;");
    berthi_bg_write_function(o, berthi_bg_format(n, "void %s_drop(%s owned)", name, name),
                             berthi_bg_format(n, "%s_plugin_%s_destroy(%s_object(owned));",
                                              bg->prefix, berthi_bg_tail(bg, name), name));
}

/* ---------------------------------------------------------------- an instance */

static void write_hooks(berthi_bg *bg, berthi_bg_out *o)
{
    berthi_bg_names *n = &bg->names;

    berthi_bg_line(o, "const berth_arena_v1 *berth_plugin_arena = NULL;");
    berthi_bg_blank(o);
    berthi_bg_write_function(
        o, berthi_bg_format(n, "__attribute__((weak)) int32_t %s(void **self_out)", bg->open),
        "return *self_out = NULL, 0;");
    berthi_bg_blank(o);
    berthi_bg_write_function(
        o,
        berthi_bg_format(
            n, "__attribute__((weak)) int32_t %s(void *self, uint64_t deadline_ns)", bg->drain),
        "return (void)self, (void)deadline_ns, 0;");
    berthi_bg_blank(o);
    berthi_bg_write_function(
        o, berthi_bg_format(n, "__attribute__((weak)) void %s(void *self)", bg->close),
        "(void)self;");
}

static void write_open(const berthi_bg *bg, berthi_bg_out *o)
{
    berthi_bg_blank(o);
    berthi_bg_raw(
        o, "static int32_t berth_native_open(const berth_host_v1 *host, void **self_out,\n"
           "                                 berth_diag *diag)\n"
           "{\n"
           "    void *self = NULL;\n"
           "    int32_t status = berth_native_begin(host, diag);\n"
           "\n");
    o->indent++;
    for (uint32_t g = bg->export_groups; g < bg->groups_count; g++)
        if (bg->groups[g].funcs_count + resources_of(bg, &bg->groups[g]) != 0)
            write_link(bg, o, &bg->groups[g]);
    berthi_bg_line(o, "if (status == 0 && %s(&self) != 0)", bg->open);
    berthi_bg_line(
        o, "    status = berth_native_fail(diag, BERTH_E_PLUGIN, \"%s() failed\", \"\");",
        bg->open);
    berthi_bg_line(o, "if (status == 0)");
    berthi_bg_line(o, "    *self_out = self;");
    berthi_bg_line(o, "return status;");
    o->indent--;
    berthi_bg_line(o, "}");
    berthi_bg_raw(o, "\nstatic int32_t berth_native_drain(void *self, uint64_t deadline_ns, "
                     "berth_diag *diag)\n"
                     "{\n");
    berthi_bg_line(o, "    if (%s(self, deadline_ns) == 0)", bg->drain);
    berthi_bg_line(o, "        return 0;");
    berthi_bg_line(o,
                   "    return berth_native_fail(diag, BERTH_E_PLUGIN, \"%s() failed\", \"\");",
                   bg->drain);
    berthi_bg_line(o, "}");
}

static void write_plugin(const berthi_bg *bg, berthi_bg_out *o)
{
    berthi_bg_blank(o);
    berthi_bg_line(o, "const berth_plugin_v1 berth_plugin = {");
    berthi_bg_line(o, "    (uint32_t)sizeof(berth_plugin_v1),");
    berthi_bg_line(o, "    BERTH_ABI_MAJOR,");
    berthi_bg_line(o, "    BERTH_ABI_MINOR,");
    berthi_bg_line(o, "    BERTH_PLUGIN_ID,");
    berthi_bg_line(o, "    berth_native_open,");
    berthi_bg_line(o, "    berth_native_extension,");
    berthi_bg_line(o, "    berth_native_drain,");
    berthi_bg_line(o, "    %s,", bg->close);
    berthi_bg_line(o, "};");
}

/* ---------------------------------------------------------------- what admission reads */

static void write_note(const berthi_bg *bg, berthi_bg_out *o, const berthi_contract *contracts,
                       uint32_t count)
{
    size_t size = 8; /* of what is known now */
    unsigned number = 0;

    berthi_bg_blank(o);
    berthi_bg_comment(o, "What is known of the plugin before it is loaded: its id, and the "
                         "digests of its contracts.");
    berthi_bg_line(o, "static const struct {");
    o->indent++;
    berthi_bg_line(o, "uint32_t owner_size, size, type;");
    berthi_bg_line(o, "char owner[8];");
    berthi_bg_line(o, "uint16_t version, abi_major, abi_minor, count;");
    berthi_bg_line(o, "char id[sizeof BERTH_PLUGIN_ID];");
    for (uint32_t g = 0; g < bg->export_groups; g++)
        if (is_contract(&bg->groups[g])) {
            size_t room = strlen(contracts[g].id) + 1;

            berthi_bg_line(o, "uint8_t digest_%u[%u];", number, (unsigned)BERTHI_SHA256_SIZE);
            berthi_bg_line(o, "char name_%u[%u];", number++, (unsigned)room);
            size += BERTHI_SHA256_SIZE + room;
        }
    o->indent--;
    berthi_bg_line(o, "} berth_native_note BERTH_NATIVE_SECTION(\".note.berth\", 4) = {");
    o->indent++;
    berthi_bg_line(o, "6, %u + sizeof BERTH_PLUGIN_ID, BERTH_PLUGIN_NOTE, \"Berth\",",
                   (unsigned)size);
    berthi_bg_line(o, "1, BERTH_ABI_MAJOR, BERTH_ABI_MINOR, %u, BERTH_PLUGIN_ID,",
                   (unsigned)count);
    for (uint32_t g = 0; g < bg->export_groups; g++)
        if (is_contract(&bg->groups[g])) {
            put_digest(o, "", contracts[g].digest, " },");
            berthi_bg_line(o, "\"%s\",", contracts[g].id);
        }
    o->indent--;
    berthi_bg_line(o, "};");
}

static berth_status write_world(berthi_bg *bg, berthi_bg_out *o)
{
    berthi_text_buf bytes;
    berth_status status;

    berthi_text_buf_init(&bytes, bg->arena->allocator);
    status = berthi_component_world(bg->wit, bg->world, bg->arena->allocator, &bytes, bg->diag);
    if (status == BERTH_OK) {
        berthi_bg_blank(o);
        berthi_bg_comment(o, "The world itself, as modules carry it in `component-type`.");
        berthi_bg_open(o, "static const uint8_t berth_native_wit[] BERTH_NATIVE_SECTION("
                          "\".berth.wit\", 1) = {");
        berthi_bg_close(o, "");
        o->indent++;
        berthi_bg_open(o, "%s", "");
        for (size_t i = 0; i < bytes.size && !berthi_bg_out_is_full(o); i++)
            berthi_bg_item(o, "%u", (unsigned)(unsigned char)bytes.data[i]);
        berthi_bg_close(o, "");
        o->indent--;
        berthi_bg_line(o, "};");
    }
    berthi_text_buf_fini(&bytes);
    return status;
}

/* ---------------------------------------------------------------- all of it */

/* Those that are exported. */
static berth_status make_contracts(const berthi_bg *bg, berthi_contract **contracts_out,
                                   uint32_t *count_out)
{
    berthi_contract *all = berthi_arena_array(bg->arena, bg->export_groups, sizeof *all);
    berth_status status = BERTH_OK;

    if (all == NULL)
        return berthi_fail(bg->diag, BERTH_E_NOMEM, "out of memory for bindings");
    *count_out = 0;
    for (uint32_t g = 0; g < bg->export_groups && status == BERTH_OK; g++) {
        const berthi_bg_group *group = &bg->groups[g];

        if (!is_contract(group))
            continue;
        status = contract_of(bg, group, &all[g]);
        if (status != BERTH_OK)
            continue;
        (*count_out)++;
        for (uint32_t k = 0; k < g; k++)
            if (is_contract(&bg->groups[k]) && strcmp(all[k].key, all[g].key) == 0)
                return berthi_fail(bg->diag, BERTH_E_REJECTED,
                                   "world %s: there are no bindings for a native plugin that "
                                   "exports `%s` twice",
                                   bg->world->name, all[g].key);
    }
    *contracts_out = all;
    return status;
}

static void write_top(berthi_bg *bg, berthi_bg_out *o)
{
    const berthi_wit_package *p = &bg->wit->packages[bg->world->package];

    berthi_bg_write_head(bg, o, berthi_bg_format(&bg->names, "%s_native.c", bg->prefix),
                         "a plugin as a shared object");
    berthi_bg_line(o, "#include \"%s_plugin.h\"", bg->prefix);
    berthi_bg_blank(o);
    berthi_bg_line(o, "#ifndef BERTH_PLUGIN_ID");
    berthi_bg_line(o, "#define BERTH_PLUGIN_ID \"%s:%s/%s\"", p->space, p->name,
                   bg->world->name);
    berthi_bg_line(o, "#endif");
    berthi_bg_blank(o);
}

berth_status berthi_bg_write_native_source(berthi_bg *bg, berthi_bg_out *o)
{
    berthi_contract *contracts = NULL;
    uint32_t count = 0;
    berth_status status = berthi_bg_check_plugin(bg);

    if (status == BERTH_OK)
        status = make_contracts(bg, &contracts, &count);
    if (status != BERTH_OK)
        return status;
    write_top(bg, o);
    write_hooks(bg, o);
    status = write_calls(bg, o);
    if (status != BERTH_OK)
        return status;
    write_tables(bg, o, contracts, count);
    write_imports(bg, o);
    for (uint32_t g = 0; g < bg->export_groups; g++)
        berthi_bg_each_resource(bg, o, &bg->groups[g], write_resource);
    write_open(bg, o);
    write_plugin(bg, o);
    write_note(bg, o, contracts, count);
    return write_world(bg, o);
}
