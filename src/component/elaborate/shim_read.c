/* shim_read.c - is a core module a shim, a fixup or a starter?  Layer: component.
 *
 * A module that is taken for one will never reach the engine, so what is recognized must be valid,
 * too: bodies are compared byte by byte with the only form that is taken. */
#include "component/elaborate/shim.h"
#include "wasm/cursor.h"

enum { /* sections and instructions, as in the format */
       SECTION_CUSTOM = 0,
       SECTION_TYPE = 1,
       SECTION_IMPORT = 2,
       SECTION_FUNCTION = 3,
       SECTION_TABLE = 4,
       SECTION_EXPORT = 7,
       SECTION_START = 8,
       SECTION_ELEMENT = 9,
       SECTION_CODE = 10,
       OP_END = 0x0b,
       OP_CALL_INDIRECT = 0x11,
       OP_RETURN_CALL_INDIRECT = 0x13,
       OP_LOCAL_GET = 0x20,
       OP_I32_CONST = 0x41
};

#define BIT(id) (1u << (id))

/* The module has no sections but these. */
static bool has_only(const berthi_wasm_info *info, uint32_t bits)
{
    for (uint32_t i = 0; i < info->sections_count; i++)
        if (info->sections[i].id > 31 || (bits & BIT(info->sections[i].id)) == 0)
            return false;
    return true;
}

/* Exactly n functions, no more and no fewer ever. */
static bool is_table_of(const berthi_wasm_table *table, uint64_t n)
{
    return table->element_type == BERTHI_FUNCREF && !table->size.is_64 &&
           !table->size.is_shared && table->size.has_max && table->size.min == n &&
           table->size.max == n;
}

/* ---------------------------------------------------------------- shims */

/* S3: passes all its arguments on, through an element that *slot_out names. */
static bool read_body(const berthi_wasm_info *info, uint32_t func, uint32_t *slot_out)
{
    berthi_cursor c = berthi_cursor_over(info->bytes, info->bodies[func]);
    uint32_t type = info->funcs[func];
    int32_t slot;
    uint8_t op;

    if (berthi_read_u32(&c) != 0)
        return false;
    for (uint32_t i = 0; i < info->types[type].params_count; i++)
        if (berthi_read_u8(&c) != OP_LOCAL_GET || berthi_read_u32(&c) != i)
            return false;
    if (berthi_read_u8(&c) != OP_I32_CONST)
        return false;
    slot = berthi_read_s32(&c);
    op = berthi_read_u8(&c);
    if ((op != OP_CALL_INDIRECT && op != OP_RETURN_CALL_INDIRECT) ||
        berthi_read_u32(&c) != type || berthi_read_u32(&c) != 0 ||
        berthi_read_u8(&c) != OP_END || c.error != NULL || c.at != c.end)
        return false;
    *slot_out = (uint32_t)slot; /* below zero: past every table */
    return true;
}

/* S4: functions, and the table once. */
static bool has_shim_exports(const berthi_wasm_info *info)
{
    uint32_t tables = 0;

    for (uint32_t i = 0; i < info->exports_count; i++) {
        if (info->exports[i].kind == BERTHI_EXTERN_TABLE)
            tables++;
        else if (info->exports[i].kind != BERTHI_EXTERN_FUNC)
            return false;
    }
    return tables == 1;
}

bool berthi_cm_read_shim(berthi_cm_types *s, const berthi_wasm_info *info,
                         berthi_cm_shim *shim_out)
{
    const uint32_t sections = BIT(SECTION_CUSTOM) | BIT(SECTION_TYPE) | BIT(SECTION_FUNCTION) |
                              BIT(SECTION_TABLE) | BIT(SECTION_EXPORT) | BIT(SECTION_CODE);
    uint32_t n = info->funcs_count, *slots;
    bool *is_taken;

    if (!has_only(info, sections) || n == 0 || info->tables_count != 1 ||
        !is_table_of(&info->tables[0], n) || !has_shim_exports(info))
        return false;
    slots = berthi_cm_make(s, n, sizeof *slots);
    is_taken = berthi_cm_make(s, n, sizeof *is_taken);
    if (slots == NULL || is_taken == NULL)
        return false;
    for (uint32_t i = 0; i < n; i++) {
        if (!read_body(info, i, &slots[i]) || slots[i] >= n || is_taken[slots[i]])
            return false;
        is_taken[slots[i]] = true;
    }
    *shim_out = (berthi_cm_shim){ .info = info, .count = n, .slots = slots };
    return true;
}

/* ---------------------------------------------------------------- fixups */

static bool is_zero(const berthi_wasm_info *info, berthi_wasm_range expression)
{
    berthi_cursor c = berthi_cursor_over(info->bytes, expression);

    return berthi_read_u8(&c) == OP_I32_CONST && berthi_read_s32(&c) == 0 &&
           berthi_read_u8(&c) == OP_END && c.error == NULL && c.at == c.end;
}

/* F1 and F2: functions and one table, all imported. */
static bool has_fixup_imports(const berthi_wasm_info *info)
{
    const uint32_t sections = BIT(SECTION_CUSTOM) | BIT(SECTION_TYPE) | BIT(SECTION_IMPORT) |
                              BIT(SECTION_START) | BIT(SECTION_ELEMENT);

    return has_only(info, sections) && info->imported_tables == 1 &&
           info->imported_funcs + 1 == info->imports_count && info->elements_count == 1 &&
           info->exports_count == 0;
}

/* Where among the imports each function is, and the table. */
static uint32_t *find_imports(berthi_cm_types *s, const berthi_wasm_info *info,
                              uint32_t *table_out)
{
    uint32_t *places = berthi_cm_make(s, info->imported_funcs, sizeof *places);

    for (uint32_t i = 0; places != NULL && i < info->imports_count; i++) {
        if (info->imports[i].kind == BERTHI_EXTERN_FUNC)
            places[info->imports[i].index] = i;
        else
            *table_out = i;
    }
    return places;
}

bool berthi_cm_read_fixup(berthi_cm_types *s, const berthi_wasm_info *info,
                          berthi_cm_fixup *fixup_out)
{
    const berthi_wasm_element *e = info->elements;
    berthi_cm_fixup f = { .info = info, .start = BERTHI_CM_NO_INDEX };
    uint32_t *places, *imports, *funcs;
    berthi_cursor c;

    if (!has_fixup_imports(info) || !e->is_active || e->is_declared || e->has_expressions ||
        e->table != 0 || !is_zero(info, e->offset) || e->count == 0 ||
        !is_table_of(&info->tables[0], e->count))
        return false;
    places = find_imports(s, info, &f.table);
    imports = berthi_cm_make(s, e->count, sizeof *imports);
    funcs = berthi_cm_make(s, e->count, sizeof *funcs);
    if (places == NULL || imports == NULL || funcs == NULL)
        return false;
    c = berthi_cursor_over(info->bytes, e->items);
    for (uint32_t i = 0; i < e->count; i++) {
        funcs[i] = berthi_read_u32(&c);
        assert(c.error == NULL && funcs[i] < info->imported_funcs); /* the reader saw to it */
        imports[i] = places[funcs[i]];
    }
    if (info->has_start) /* () -> (), as the reader saw to */
        f.start = places[info->start];
    f.count = e->count;
    f.imports = imports;
    f.funcs = funcs;
    *fixup_out = f;
    return true;
}

bool berthi_cm_is_starter(const berthi_wasm_info *info)
{
    const uint32_t sections =
        BIT(SECTION_CUSTOM) | BIT(SECTION_TYPE) | BIT(SECTION_IMPORT) | BIT(SECTION_START);

    return has_only(info, sections) && info->imports_count == 1 && info->imported_funcs == 1 &&
           info->has_start;
}
