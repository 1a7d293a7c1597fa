/* module.c - the structure of a core module, read in one pass after its sections are counted.
 *
 * Layer: wasm.  Nothing is allocated for a count before the bytes that it needs have been seen
 * (I8): every count goes through berthi_read_count().  Function bodies and the types of constant
 * expressions are left to whoever compiles the module. */
#include "wasm/module.h"

#include <string.h>

#include "wasm/cursor.h"
#include "wasm/order.h"

enum { /* what this reader takes at most; wider than any real plugin, narrow enough to bound work */
       TYPES_MAX = 1000000,
       FUNCTIONS_MAX = 1000000,
       IMPORTS_MAX = 100000,
       EXPORTS_MAX = 100000,
       GLOBALS_MAX = 1000000,
       TABLES_MAX = 10000,
       MEMORIES_MAX = 100,
       SEGMENTS_MAX = 100000,
       ELEMENTS_MAX = 10000000,
       SECTIONS_MAX = 100000,
       PARAMS_MAX = 1000,
       BODY_BYTES_MAX = 7654321,
       PAGES_MAX = 65536
};

#define PAGES_MAX_64 (UINT64_C(1) << 48)

enum {
    SECTION_CUSTOM,
    SECTION_TYPE,
    SECTION_IMPORT,
    SECTION_FUNCTION,
    SECTION_TABLE,
    SECTION_MEMORY,
    SECTION_GLOBAL,
    SECTION_EXPORT,
    SECTION_START,
    SECTION_ELEMENT,
    SECTION_CODE,
    SECTION_DATA,
    SECTION_DATA_COUNT,
    SECTION_TAG,
    SECTION_IDS
};

typedef struct reader {
    berthi_cursor c;
    berthi_arena *arena;
    berthi_wasm_info *info;
    uint32_t defined[SECTION_IDS]; /* what each section says it has */
    uint32_t data_count_declared;
} reader;

static const uint8_t magic[4] = { 0x00, 'a', 's', 'm' };

enum berthi_wasm_form berthi_wasm_form(const uint8_t *bytes, size_t size)
{
    static const uint8_t version_module[4] = { 1, 0, 0, 0 };
    static const uint8_t version_component[4] = { 0x0d, 0, 1, 0 };

    if (size < 8 || memcmp(bytes, magic, sizeof magic) != 0)
        return BERTHI_FORM_OTHER;
    if (memcmp(bytes + 4, version_module, sizeof version_module) == 0)
        return BERTHI_FORM_MODULE;
    if (memcmp(bytes + 4, version_component, sizeof version_component) == 0)
        return BERTHI_FORM_COMPONENT;
    return BERTHI_FORM_OTHER;
}

/* An array in the arena, or the cursor fails. */
static void *array_of(reader *r, size_t count, size_t size)
{
    void *p = r->c.error == NULL ? berthi_arena_array(r->arena, count, size) : NULL;

    if (p == NULL)
        berthi_cursor_fail_at(&r->c, BERTH_E_NOMEM, r->c.at,
                              "out of memory for the description");
    return p;
}

static void read_constant(berthi_cursor *c)
{
    uint8_t op = berthi_read_u8(c);

    switch (op) {
    case 0x23: /* global.get */
    case 0xd2: /* ref.func */
        (void)berthi_read_u32(c);
        break;
    case 0x41:
        (void)berthi_read_s32(c);
        break;
    case 0x42:
        (void)berthi_read_s64(c);
        break;
    case 0x43:
        (void)berthi_read_f32(c);
        break;
    case 0x44:
        (void)berthi_read_f64(c);
        break;
    case 0xd0:
        (void)berthi_read_reference_type(c);
        break;
    case 0x6a: /* add, sub, mul of i32, then of i64 */
    case 0x6b:
    case 0x6c:
    case 0x7c:
    case 0x7d:
    case 0x7e:
        break;
    case 0xfd: /* v128.const and nothing else */
        if (berthi_read_u32(c) != 0x0c)
            berthi_cursor_reject(c, "constant expression required");
        (void)berthi_read_range(c, 16);
        break;
    default:
        if (c->error == NULL)
            berthi_cursor_fail_at(c, BERTH_E_REJECTED, c->at - 1,
                                  "constant expression required");
    }
}

/* Walks over a constant expression; says where it was, its `end` included. */
static berthi_wasm_range read_expression(berthi_cursor *c)
{
    uint32_t start = c->at;

    while (c->error == NULL && c->at < c->end && c->bytes[c->at] != 0x0b)
        read_constant(c);
    if (c->error == NULL && c->at == c->end)
        berthi_cursor_reject(c, "unexpected end of a constant expression");
    if (c->error != NULL)
        return (berthi_wasm_range){ 0, 0 };
    c->at++;
    return (berthi_wasm_range){ start, c->at - start };
}

berthi_wasm_size berthi_read_limits(berthi_cursor *c, bool is_table)
{
    uint32_t start = c->at;
    uint8_t flags = berthi_read_u8(c);
    berthi_wasm_size size = { .has_max = (flags & 1) != 0,
                              .is_shared = (flags & 2) != 0,
                              .is_64 = (flags & 4) != 0 };

    if (c->error == NULL && (flags > 7 || (is_table && size.is_shared)))
        berthi_cursor_fail_at(c, BERTH_E_REJECTED, start, "malformed limits flags");
    if (c->error == NULL && size.is_shared && !size.has_max)
        berthi_cursor_fail_at(c, BERTH_E_REJECTED, start, "a shared memory needs a maximum");
    size.min = size.is_64 ? berthi_read_u64(c) : berthi_read_u32(c);
    if (size.has_max)
        size.max = size.is_64 ? berthi_read_u64(c) : berthi_read_u32(c);
    if (c->error == NULL && size.has_max && size.min > size.max)
        berthi_cursor_fail_at(c, BERTH_E_REJECTED, start,
                              "size minimum must not be greater than maximum");
    if (c->error == NULL && !is_table && !size.is_64 &&
        (size.min > PAGES_MAX || (size.has_max && size.max > PAGES_MAX)))
        berthi_cursor_fail_at(c, BERTH_E_REJECTED, start,
                              "memory size must be at most 65536 pages (4 GiB)");
    if (c->error == NULL && !is_table && size.is_64 &&
        (size.min > PAGES_MAX_64 || (size.has_max && size.max > PAGES_MAX_64)))
        berthi_cursor_fail_at(c, BERTH_E_REJECTED, start,
                              "memory size must be at most 2^48 pages");
    return size;
}

berthi_wasm_table berthi_read_table_type(berthi_cursor *c)
{
    berthi_wasm_table table = { 0 };

    if (berthi_cursor_left(c) > 0 && c->bytes[c->at] == 0x40)
        berthi_cursor_reject(c, "tables with an initial expression are not supported");
    table.element_type = berthi_read_reference_type(c);
    table.size = berthi_read_limits(c, true);
    return table;
}

berthi_wasm_global berthi_read_global_type(berthi_cursor *c)
{
    berthi_wasm_global global = { .type = berthi_read_value_type(c) };
    uint8_t mutability = berthi_read_u8(c);

    if (c->error == NULL && mutability > 1)
        berthi_cursor_fail_at(c, BERTH_E_REJECTED, c->at - 1, "malformed mutability");
    global.is_mutable = mutability == 1;
    return global;
}

static uint32_t read_index(berthi_cursor *c, uint32_t count, const char *unknown)
{
    uint32_t start = c->at, index = berthi_read_u32(c);

    if (c->error == NULL && index >= count)
        berthi_cursor_fail_at(c, BERTH_E_REJECTED, start, unknown);
    return index;
}

static uint32_t read_value_types(berthi_cursor *c, uint8_t *types)
{
    uint32_t count = berthi_read_count(c, 1, PARAMS_MAX);

    for (uint32_t i = 0; i < count && c->error == NULL; i++)
        types[i] = berthi_read_value_type(c);
    return count;
}

static void read_types(reader *r, uint32_t count)
{
    berthi_cursor *c = &r->c;
    uint8_t *types = array_of(r, berthi_cursor_left(c), 1); /* more than all of them together */

    r->info->types = array_of(r, count, sizeof *r->info->types);
    for (uint32_t i = 0; i < count && c->error == NULL; i++) {
        berthi_functype *type = &r->info->types[i];
        uint8_t form = berthi_read_u8(c);

        if (c->error == NULL && form != 0x60) {
            bool is_gc =
                form == 0x4e || form == 0x4f || form == 0x50 || form == 0x5e || form == 0x5f;

            berthi_cursor_fail_at(c, BERTH_E_REJECTED, c->at - 1,
                                  is_gc ? "garbage collected types are not supported"
                                        : "malformed type");
            return;
        }
        if (c->error != NULL)
            return;
        type->types = types;
        type->params_count = read_value_types(c, types);
        if (c->error != NULL)
            return;
        types += type->params_count;
        type->results_count = read_value_types(c, types);
        types += type->results_count;
    }
    r->info->types_count = count;
}

static uint32_t read_import_type(reader *r, uint8_t kind)
{
    berthi_wasm_info *info = r->info;
    berthi_cursor *c = &r->c;

    switch (kind) {
    case BERTHI_EXTERN_FUNC:
        info->funcs[info->imported_funcs] = read_index(c, info->types_count, "unknown type");
        return info->imported_funcs++;
    case BERTHI_EXTERN_TABLE:
        info->tables[info->imported_tables] = berthi_read_table_type(c);
        return info->imported_tables++;
    case BERTHI_EXTERN_MEMORY:
        info->memories[info->imported_memories] = berthi_read_limits(c, false);
        return info->imported_memories++;
    case BERTHI_EXTERN_GLOBAL:
        info->globals[info->imported_globals] = berthi_read_global_type(c);
        return info->imported_globals++;
    case 4:
        berthi_cursor_fail_at(c, BERTH_E_REJECTED, c->at - 1, "exceptions are not supported");
        return 0;
    default:
        if (c->error == NULL)
            berthi_cursor_fail_at(c, BERTH_E_REJECTED, c->at - 1, "malformed import kind");
        return 0;
    }
}

/* Index spaces start with the imports; each is made large enough for what is defined, too. */
static void make_index_spaces(reader *r, uint32_t imports_count)
{
    berthi_wasm_info *info = r->info;
    size_t more = imports_count;

    info->funcs = array_of(r, more + r->defined[SECTION_FUNCTION], sizeof *info->funcs);
    info->tables = array_of(r, more + r->defined[SECTION_TABLE], sizeof *info->tables);
    info->memories = array_of(r, more + r->defined[SECTION_MEMORY], sizeof *info->memories);
    info->globals = array_of(r, more + r->defined[SECTION_GLOBAL], sizeof *info->globals);
    info->inits = array_of(r, r->defined[SECTION_GLOBAL], sizeof *info->inits);
    info->bodies = array_of(r, r->defined[SECTION_FUNCTION], sizeof *info->bodies);
}

static void read_imports(reader *r, uint32_t count)
{
    berthi_wasm_info *info = r->info;
    berthi_cursor *c = &r->c;

    info->imports = array_of(r, count, sizeof *info->imports);
    for (uint32_t i = 0; i < count && c->error == NULL; i++) {
        berthi_wasm_import *import = &info->imports[i];

        import->module = berthi_read_name(c);
        import->name = berthi_read_name(c);
        import->kind = berthi_read_u8(c);
        if (c->error == NULL)
            import->index = read_import_type(r, import->kind);
    }
    info->imports_count = count;
    info->funcs_count = info->imported_funcs;
    info->tables_count = info->imported_tables;
    info->memories_count = info->imported_memories;
    info->globals_count = info->imported_globals;
}

static void read_functions(reader *r, uint32_t count)
{
    for (uint32_t i = 0; i < count && r->c.error == NULL; i++)
        r->info->funcs[r->info->funcs_count + i] =
            read_index(&r->c, r->info->types_count, "unknown type");
    r->info->funcs_count += count;
}

static void read_tables(reader *r, uint32_t count)
{
    for (uint32_t i = 0; i < count && r->c.error == NULL; i++)
        r->info->tables[r->info->tables_count++] = berthi_read_table_type(&r->c);
}

static void read_memories(reader *r, uint32_t count)
{
    for (uint32_t i = 0; i < count && r->c.error == NULL; i++)
        r->info->memories[r->info->memories_count++] = berthi_read_limits(&r->c, false);
}

static void read_globals(reader *r, uint32_t count)
{
    for (uint32_t i = 0; i < count && r->c.error == NULL; i++) {
        r->info->globals[r->info->globals_count++] = berthi_read_global_type(&r->c);
        r->info->inits[i] = read_expression(&r->c);
    }
}

static void read_exports(reader *r, uint32_t count)
{
    berthi_wasm_info *info = r->info;
    const uint32_t counts[] = { info->funcs_count, info->tables_count, info->memories_count,
                                info->globals_count };
    static const char *const unknown[] = { "unknown function", "unknown table",
                                           "unknown memory", "unknown global" };
    berthi_cursor *c = &r->c;

    info->exports = array_of(r, count, sizeof *info->exports);
    for (uint32_t i = 0; i < count && c->error == NULL; i++) {
        berthi_wasm_export *e = &info->exports[i];

        e->name = berthi_read_name(c);
        e->kind = berthi_read_u8(c);
        if (c->error == NULL && e->kind > BERTHI_EXTERN_GLOBAL)
            berthi_cursor_fail_at(c, BERTH_E_REJECTED, c->at - 1,
                                  e->kind == 4 ? "exceptions are not supported"
                                               : "malformed export kind");
        if (c->error == NULL)
            e->index = read_index(c, counts[e->kind], unknown[e->kind]);
    }
    info->exports_count = count;
}

static void read_start(reader *r)
{
    berthi_wasm_info *info = r->info;
    uint32_t at = r->c.at;
    const berthi_functype *type;

    info->start = read_index(&r->c, info->funcs_count, "unknown function");
    if (r->c.error != NULL)
        return;
    type = &info->types[info->funcs[info->start]];
    info->has_start = true;
    if (type->params_count != 0 || type->results_count != 0)
        berthi_cursor_fail_at(&r->c, BERTH_E_REJECTED, at,
                              "the start function takes and returns nothing");
}

/* Flags of a segment: bit 0 passive or declared, bit 1 explicit table or declared, bit 2
 * expressions instead of function indices. */
static void read_element(reader *r, berthi_wasm_element *e)
{
    berthi_cursor *c = &r->c;
    uint32_t start = c->at, flags = berthi_read_u32(c);

    if (c->error == NULL && flags > 7) {
        berthi_cursor_fail_at(c, BERTH_E_REJECTED, start, "malformed elements segment kind");
        return;
    }
    e->is_active = (flags & 1) == 0;
    e->is_declared = (flags & 3) == 3;
    e->has_expressions = (flags & 4) != 0;
    e->type = BERTHI_FUNCREF;
    if (e->is_active) {
        if ((flags & 2) != 0)
            e->table = berthi_read_u32(c);
        if (c->error == NULL && e->table >= r->info->tables_count)
            berthi_cursor_fail_at(c, BERTH_E_REJECTED, start, "unknown table");
        e->offset = read_expression(c);
    }
    if ((flags & 3) != 0) {
        if (e->has_expressions)
            e->type = berthi_read_reference_type(c);
        else if (berthi_read_u8(c) != 0 && c->error == NULL)
            berthi_cursor_fail_at(c, BERTH_E_REJECTED, c->at - 1, "malformed element kind");
    }
    e->count = berthi_read_count(c, 1, ELEMENTS_MAX);
    e->items.offset = c->at;
    for (uint32_t i = 0; i < e->count && c->error == NULL; i++) {
        if (e->has_expressions)
            (void)read_expression(c);
        else
            (void)read_index(c, r->info->funcs_count, "unknown function");
    }
    e->items.size = c->at - e->items.offset;
}

static void read_elements(reader *r, uint32_t count)
{
    r->info->elements = array_of(r, count, sizeof *r->info->elements);
    for (uint32_t i = 0; i < count && r->c.error == NULL; i++)
        read_element(r, &r->info->elements[i]);
    r->info->elements_count = count;
}

static void reject_body_count(reader *r)
{
    berthi_cursor_reject(&r->c, "function and code section have inconsistent lengths");
}

static void read_code(reader *r, uint32_t count)
{
    berthi_cursor *c = &r->c;

    if (count != r->defined[SECTION_FUNCTION]) { /* there is room for no more bodies (I8) */
        reject_body_count(r);
        return;
    }
    for (uint32_t i = 0; i < count && c->error == NULL; i++) {
        uint32_t start = c->at, size = berthi_read_u32(c);

        if (c->error == NULL && size > BODY_BYTES_MAX)
            berthi_cursor_fail_at(
                c, size > berthi_cursor_left(c) ? BERTH_E_REJECTED : BERTH_E_LIMIT, start,
                "a function body is larger than this reader takes");
        r->info->bodies[i] = berthi_read_range(c, size);
    }
}

static void read_data(reader *r, uint32_t count)
{
    berthi_cursor *c = &r->c;

    r->info->data = array_of(r, count, sizeof *r->info->data);
    for (uint32_t i = 0; i < count && c->error == NULL; i++) {
        berthi_wasm_data *data = &r->info->data[i];
        uint32_t start = c->at, flags = berthi_read_u32(c);

        if (c->error == NULL && flags > 2)
            berthi_cursor_fail_at(c, BERTH_E_REJECTED, start, "malformed data segment kind");
        data->is_active = flags != 1;
        if (flags == 2)
            data->memory = berthi_read_u32(c);
        if (data->is_active) {
            if (c->error == NULL && data->memory >= r->info->memories_count)
                berthi_cursor_fail_at(c, BERTH_E_REJECTED, start, "unknown memory");
            data->offset = read_expression(c);
        }
        data->bytes = berthi_read_range(c, berthi_read_u32(c));
    }
    r->info->data_count = count;
}

/* What a section's count may be, and the least bytes that one of its things takes. */
static uint32_t read_section_count(berthi_cursor *c, uint8_t id)
{
    switch (id) {
    case SECTION_TYPE:
        return berthi_read_count(c, 2, TYPES_MAX);
    case SECTION_IMPORT:
        return berthi_read_count(c, 4, IMPORTS_MAX);
    case SECTION_FUNCTION:
        return berthi_read_count(c, 1, FUNCTIONS_MAX);
    case SECTION_TABLE:
        return berthi_read_count(c, 3, TABLES_MAX);
    case SECTION_MEMORY:
        return berthi_read_count(c, 2, MEMORIES_MAX);
    case SECTION_GLOBAL:
        return berthi_read_count(c, 3, GLOBALS_MAX);
    case SECTION_EXPORT:
        return berthi_read_count(c, 3, EXPORTS_MAX);
    case SECTION_ELEMENT:
        return berthi_read_count(c, 2, SEGMENTS_MAX);
    case SECTION_CODE:
        return berthi_read_count(c, 3, FUNCTIONS_MAX);
    case SECTION_DATA:
        return berthi_read_count(c, 2, SEGMENTS_MAX);
    default:
        return 0;
    }
}

static void read_section_body(reader *r, uint8_t id, uint32_t count)
{
    switch (id) {
    case SECTION_TYPE:
        read_types(r, count);
        break;
    case SECTION_IMPORT:
        read_imports(r, count);
        break;
    case SECTION_FUNCTION:
        read_functions(r, count);
        break;
    case SECTION_TABLE:
        read_tables(r, count);
        break;
    case SECTION_MEMORY:
        read_memories(r, count);
        break;
    case SECTION_GLOBAL:
        read_globals(r, count);
        break;
    case SECTION_EXPORT:
        read_exports(r, count);
        break;
    case SECTION_START:
        read_start(r);
        break;
    case SECTION_ELEMENT:
        read_elements(r, count);
        break;
    case SECTION_DATA_COUNT:
        r->data_count_declared = berthi_read_u32(&r->c);
        break;
    case SECTION_CODE:
        read_code(r, count);
        break;
    case SECTION_DATA:
        read_data(r, count);
        break;
    default:
        break;
    }
}

/* Finds the sections, checks their order and keeps how many things each says it has.  The array
 * is made by the caller once this has counted (`sections` NULL) and filled by a second call. */
static uint32_t walk_sections(reader *r, berthi_wasm_section *sections)
{
    /* Where each id stands in the order; 0: anywhere. */
    static const uint8_t place[SECTION_IDS] = { 0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 12, 13, 11, 6 };
    uint8_t last = 0;
    uint32_t count = 0;
    berthi_cursor *c = &r->c;

    for (c->at = 8; c->at < c->end && c->error == NULL; count++) {
        uint32_t start = c->at;
        uint8_t id = berthi_read_u8(c);
        uint32_t size = berthi_read_u32(c);
        berthi_wasm_range body = berthi_read_range(c, size);
        berthi_cursor inside = berthi_cursor_over(c->bytes, body);
        berthi_name name = { NULL, 0 };

        if (c->error == NULL && id >= SECTION_TAG)
            berthi_cursor_fail_at(c, BERTH_E_REJECTED, start,
                                  id == SECTION_TAG ? "exceptions are not supported"
                                                    : "malformed section id");
        else if (c->error == NULL && id != SECTION_CUSTOM && place[id] <= last)
            berthi_cursor_fail_at(c, BERTH_E_REJECTED, start,
                                  "unexpected content: a section twice or out of order");
        else if (c->error == NULL && count == SECTIONS_MAX)
            berthi_cursor_fail_at(c, BERTH_E_LIMIT, start, "too many sections");
        if (c->error != NULL)
            break;
        if (id == SECTION_CUSTOM)
            name = berthi_read_name(&inside);
        else
            r->defined[id] = read_section_count(&inside, id);
        if (inside.error != NULL)
            berthi_cursor_fail_at(c, inside.status, inside.error_at, inside.error);
        if (id != SECTION_CUSTOM)
            last = place[id];
        if (id == SECTION_CUSTOM)
            body = (berthi_wasm_range){ inside.at, inside.end - inside.at };
        if (sections != NULL)
            sections[count] = (berthi_wasm_section){ .id = id, .name = name, .body = body };
    }
    return count;
}

static void read_sections(reader *r)
{
    berthi_wasm_info *info = r->info;
    berthi_cursor whole = r->c;

    make_index_spaces(r, r->defined[SECTION_IMPORT]);
    for (uint32_t i = 0; i < info->sections_count && r->c.error == NULL; i++) {
        const berthi_wasm_section *section = &info->sections[i];

        if (section->id == SECTION_CUSTOM)
            continue;
        r->c = berthi_cursor_over(whole.bytes, section->body);
        read_section_body(r, section->id, read_section_count(&r->c, section->id));
        if (r->c.error == NULL && r->c.at != r->c.end)
            berthi_cursor_reject(&r->c, "section size mismatch");
    }
    if (r->c.error != NULL)
        return;
    r->c = whole;
    r->c.at = r->c.end;
    if (r->defined[SECTION_CODE] != r->defined[SECTION_FUNCTION])
        reject_body_count(r);
    else if (info->has_data_count && r->data_count_declared != info->data_count)
        berthi_cursor_reject(&r->c, "data count and data section have inconsistent lengths");
}

static int compare_exports(const void *things, uint32_t a, uint32_t b)
{
    const berthi_wasm_export *exports = things;

    return berthi_name_compare(&exports[a].name, &exports[b].name);
}

static void reject_duplicate_exports(reader *r)
{
    const berthi_wasm_export *exports = r->info->exports;
    uint32_t count = r->info->exports_count;
    uint32_t *order = count < 2 ? NULL : array_of(r, count, sizeof *order);

    if (order == NULL)
        return;
    berthi_order_fill(order, count, compare_exports, exports);
    for (uint32_t i = 1; i < count; i++)
        if (compare_exports(exports, order[i - 1], order[i]) == 0)
            berthi_cursor_reject(&r->c, "duplicate export name");
}

berth_status berthi_wasm_read(const uint8_t *bytes, size_t size, berthi_arena *arena,
                              berthi_wasm_info *info_out, berth_diag *diag)
{
    berthi_wasm_info info = { .bytes = bytes, .size = (uint32_t)size };
    reader r = { .c = { .bytes = bytes, .end = (uint32_t)size },
                 .arena = arena,
                 .info = &info };

    if (size > INT32_MAX)
        return berthi_fail_because(diag, BERTH_E_LIMIT, BERTH_REASON_ARTIFACT,
                                   "a module has at most %d bytes", INT32_MAX);
    switch (berthi_wasm_form(bytes, size)) {
    case BERTHI_FORM_MODULE:
        break;
    case BERTHI_FORM_COMPONENT:
        return berthi_fail(diag, BERTH_E_REJECTED, "this is a component, not a core module");
    default:
        if (size < 4 || memcmp(bytes, magic, sizeof magic) != 0)
            return berthi_fail(diag, BERTH_E_REJECTED, "magic header not detected at byte 0");
        return berthi_fail(diag, BERTH_E_REJECTED, "unknown binary version at byte 4");
    }
    info.sections_count = walk_sections(&r, NULL);
    info.sections = array_of(&r, info.sections_count, sizeof *info.sections);
    if (r.c.error == NULL)
        (void)walk_sections(&r, info.sections);
    for (uint32_t i = 0; i < info.sections_count && r.c.error == NULL; i++)
        if (info.sections[i].id == SECTION_DATA_COUNT)
            info.has_data_count = true;
    if (r.c.error == NULL)
        read_sections(&r);
    if (r.c.error == NULL)
        reject_duplicate_exports(&r);
    if (r.c.error != NULL)
        return berthi_cursor_report(&r.c, diag);
    *info_out = info;
    return BERTH_OK;
}

const berthi_wasm_export *berthi_wasm_find_export(const berthi_wasm_info *info,
                                                  const char *name)
{
    size_t size = strlen(name);

    for (uint32_t i = 0; i < info->exports_count; i++)
        if (info->exports[i].name.size == size &&
            memcmp(info->exports[i].name.text, name, size) == 0)
            return &info->exports[i];
    return NULL;
}

uint8_t berthi_wasm_type_of_letter(char letter)
{
    switch (letter) {
    case 'i':
        return BERTHI_I32;
    case 'I':
        return BERTHI_I64;
    case 'f':
        return BERTHI_F32;
    case 'F':
        return BERTHI_F64;
    default:
        return 0;
    }
}

bool berthi_wasm_func_is(const berthi_wasm_info *info, const berthi_wasm_export *e,
                         const char *signature)
{
    const char *colon = strchr(signature, ':');
    const berthi_functype *type;
    size_t params, results;

    assert(colon != NULL);
    if (e->kind != BERTHI_EXTERN_FUNC)
        return false;
    type = &info->types[info->funcs[e->index]];
    params = (size_t)(colon - signature);
    results = strlen(colon + 1);
    if (type->params_count != params || type->results_count != results)
        return false;
    for (size_t i = 0; i < params + results; i++)
        if (type->types[i] !=
            berthi_wasm_type_of_letter(i < params ? signature[i] : colon[1 + i - params]))
            return false;
    return true;
}
