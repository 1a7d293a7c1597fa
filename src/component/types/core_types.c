/* core_types.c - types of core modules and of what they import and export.  Layer: component. */
#include "component/types/types.h"

static berthi_cm_type *make_core(berthi_cm_types *s, uint16_t kind)
{
    return berthi_cm_assemble(s, kind, 0, 0, NULL);
}

const berthi_cm_type *berthi_cm_core_table(berthi_cm_types *s, const berthi_wasm_table *table)
{
    berthi_cm_type *t = make_core(s, BERTHI_CM_KIND_CORE_TABLE);

    if (t != NULL)
        t->table = *table;
    return t;
}

const berthi_cm_type *berthi_cm_core_memory(berthi_cm_types *s, const berthi_wasm_size *memory)
{
    berthi_cm_type *t = make_core(s, BERTHI_CM_KIND_CORE_MEMORY);

    if (t != NULL)
        t->memory = *memory;
    return t;
}

const berthi_cm_type *berthi_cm_core_global(berthi_cm_types *s,
                                            const berthi_wasm_global *global)
{
    berthi_cm_type *t = make_core(s, BERTHI_CM_KIND_CORE_GLOBAL);

    if (t != NULL)
        t->global = *global;
    return t;
}

uint8_t berthi_cm_core_sort(const berthi_cm_type *type)
{
    switch (type->kind) {
    case BERTHI_CM_KIND_CORE_FUNC:
        return BERTHI_CM_CORE_FUNC;
    case BERTHI_CM_KIND_CORE_TABLE:
        return BERTHI_CM_CORE_TABLE;
    case BERTHI_CM_KIND_CORE_MEMORY:
        return BERTHI_CM_CORE_MEMORY;
    default:
        assert(type->kind == BERTHI_CM_KIND_CORE_GLOBAL);
        return BERTHI_CM_CORE_GLOBAL;
    }
}

static const berthi_cm_type *type_of(berthi_cm_types *s, const berthi_wasm_info *info,
                                     uint8_t kind, uint32_t index)
{
    switch (kind) {
    case BERTHI_EXTERN_FUNC:
        return berthi_cm_core_func(s, &info->types[info->funcs[index]]);
    case BERTHI_EXTERN_TABLE:
        return berthi_cm_core_table(s, &info->tables[index]);
    case BERTHI_EXTERN_MEMORY:
        return berthi_cm_core_memory(s, &info->memories[index]);
    default:
        return berthi_cm_core_global(s, &info->globals[index]);
    }
}

bool berthi_cm_check_imports(berthi_cm_types *s, const berthi_cm_extern *imports,
                             uint32_t count)
{
    uint32_t room = 16, *places;

    while (room < 2 * count)
        room *= 2;
    places = berthi_cm_make(s, room, sizeof *places);
    for (uint32_t i = 0; places != NULL && i < count; i++) {
        const berthi_cm_extern *import = &imports[i], *other;
        uint32_t at = berthi_cm_hash_name(berthi_cm_hash_name(0, import->module), import->name);

        for (at &= room - 1; places[at] != 0; at = (at + 1) & (room - 1)) {
            other = &imports[places[at] - 1];
            if (!berthi_cm_charge_name(s, import->name) ||
                !berthi_cm_charge_name(s, import->module))
                return false;
            if (berthi_cm_same_name(other->name, import->name) &&
                berthi_cm_same_name(other->module, import->module))
                return BERTHI_CM_INVALID(
                    s,
                    "module has a duplicate import name `%s::%s` that is not allowed in "
                    "components",
                    berthi_cm_show(import->module).text, berthi_cm_show(import->name).text);
        }
        places[at] = i + 1;
    }
    return places != NULL;
}

const berthi_cm_type *berthi_cm_module_of(berthi_cm_types *s, const berthi_wasm_info *info)
{
    uint32_t count = info->imports_count + info->exports_count;
    berthi_cm_extern *items = berthi_cm_make(s, count, sizeof *items);

    for (uint32_t i = 0; items != NULL && i < count; i++) {
        if (i < info->imports_count) {
            const berthi_wasm_import *import = &info->imports[i];

            items[i] = (berthi_cm_extern){ .module = import->module, .name = import->name };
            items[i].type = type_of(s, info, import->kind, import->index);
        } else {
            const berthi_wasm_export *e = &info->exports[i - info->imports_count];

            items[i] = (berthi_cm_extern){ .name = e->name };
            items[i].type = type_of(s, info, e->kind, e->index);
        }
        if (items[i].type == NULL)
            return NULL;
        items[i].sort = berthi_cm_core_sort(items[i].type);
    }
    return items == NULL || !berthi_cm_check_imports(s, items, info->imports_count)
               ? NULL
               : berthi_cm_assemble(s, BERTHI_CM_KIND_CORE_MODULE, info->imports_count, count,
                                    items);
}
