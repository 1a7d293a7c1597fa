/* link.c - may these host functions be bound to these imports?  Layer: wasm. */
#include "wasm/link.h"

#include "base/diag.h"
#include "base/utf8.h"
#include "wasm/order.h"

static berth_status refuse(const berthi_link_import *import, const char *why, berth_diag *diag)
{
    char module[64], name[64];

    return berthi_fail(
        diag, BERTH_E_REJECTED, "import '%s' '%s' %s",
        berthi_utf8_show(module, sizeof module, import->module.text, import->module.size),
        berthi_utf8_show(name, sizeof name, import->name.text, import->name.size), why);
}

static int compare_imports(const void *things, uint32_t a, uint32_t b)
{
    const berthi_link_import *imports = things;
    int way = berthi_name_compare(&imports[a].name, &imports[b].name);

    return way != 0 ? way : berthi_name_compare(&imports[a].module, &imports[b].module);
}

static bool is_same(const berthi_link_import *imports, const berthi_wasm_binding *bindings,
                    uint32_t one, uint32_t other)
{
    return berthi_functype_equal(imports[one].type, imports[other].type) &&
           bindings[one].function == bindings[other].function &&
           bindings[one].ctx == bindings[other].ctx;
}

/* The engines that bind by name could not tell them apart.  Two of one function are one: Go's linker
 * makes such modules. */
static berth_status refuse_duplicates(const berth_allocator *allocator,
                                      const berthi_link_import *imports, uint32_t count,
                                      const berthi_wasm_binding *bindings, berth_diag *diag)
{
    berth_status status = BERTH_OK;
    uint32_t *order;

    if (count < 2)
        return BERTH_OK;
    order = berthi_zalloc_array(allocator, count, sizeof *order);
    if (order == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "%u imports", (unsigned)count);
    berthi_order_fill(order, count, compare_imports, imports);
    for (uint32_t i = 1; i < count && status == BERTH_OK; i++)
        if (compare_imports(imports, order[i - 1], order[i]) == 0 &&
            !is_same(imports, bindings, order[i - 1], order[i]))
            status = refuse(&imports[order[i]], "is there twice", diag);
    berthi_free_array(allocator, order, count, sizeof *order);
    return status;
}

berth_status berthi_link_check(const berth_allocator *allocator,
                               const berthi_link_import *imports, uint32_t imports_count,
                               const berthi_wasm_binding *bindings, size_t bindings_count,
                               berth_diag *diag)
{
    if (bindings_count != imports_count)
        return berthi_fail(diag, BERTH_E_INVALID, "%zu functions for %u imports",
                           bindings_count, (unsigned)imports_count);
    for (uint32_t i = 0; i < imports_count; i++) {
        BERTHI_REQUIRE(bindings[i].function != NULL, diag);
        if (imports[i].type == NULL)
            return refuse(&imports[i], "is no function", diag);
        if (!berthi_functype_equal(imports[i].type, &bindings[i].type))
            return refuse(&imports[i], "is a function of another type", diag);
    }
    return refuse_duplicates(allocator, imports, imports_count, bindings, diag);
}
