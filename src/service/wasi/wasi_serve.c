/* wasi_serve.c - which components answer requests.  Layer: service. */
#include "service/wasi/wasi_serve.h"

#include <string.h>

#include "component/types/type_text.h"

/* Parameter `n` is `own` of a resource that the component imports from wasi:http/types under that name. */
static bool takes(const berthi_cm_steps *steps, const berthi_cm_type *func, uint32_t n,
                  const char *resource)
{
    static const char stem[] = "wasi:http/types@0.2.";
    const berthi_cm_type *of = func->items[n].type->items[0].type->canon;
    const berthi_cm_resource_use *use;
    const berthi_name *path;

    if (of->number >= steps->resources_count)
        return false;
    use = &steps->resources[of->number];
    if (use->instance != BERTHI_CM_NO_INDEX || steps->needs[use->need].path_count != 2)
        return false;
    path = steps->needs[use->need].path;
    return path[0].size > sizeof stem - 1 && memcmp(path[0].text, stem, sizeof stem - 1) == 0 &&
           path[1].size == strlen(resource) &&
           memcmp(path[1].text, resource, path[1].size) == 0;
}

static bool is_handle(const berthi_cm_steps *steps, const berthi_cm_export *export)
{
    static const char type[] = "func(request: own<resource>, response-out: own<resource>)";
    const berthi_cm_type *func;
    char has[sizeof type + 8];

    if (export->sort != BERTHI_CM_FUNC || export->is_host || export->name.size != 6 ||
        memcmp(export->name.text, "handle", 6) != 0)
        return false;
    func = steps->lifted[export->index].type;
    return berthi_cm_type_write(func, has, sizeof has) && strcmp(has, type) == 0 &&
           takes(steps, func, 0, "incoming-request") &&
           takes(steps, func, 1, "response-outparam");
}

bool berthi_wasi_serves_http(const berthi_cm_steps *steps, berthi_name *handler_out)
{
    static const char stem[] = "wasi:http/incoming-handler@0.2.";

    for (uint32_t n = 0; n < steps->exports_count; n++) {
        const berthi_cm_export *export = &steps->exports[n];

        if (export->sort != BERTHI_CM_INSTANCE || export->name.size < sizeof stem ||
            memcmp(export->name.text, stem, sizeof stem - 1) != 0)
            continue;
        for (uint32_t k = 0; k < export->count; k++)
            if (is_handle(steps, &export->exports[k])) {
                *handler_out = export->name;
                return true;
            }
    }
    return false;
}
