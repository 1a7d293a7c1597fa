/* owned.c - own handles in values of the host.  Layer: component. */
#include "component/plan/owned.h"

#include "component/plan/plan.h"

typedef struct walk {
    berthi_cm_owned_visit visit;
    void *ctx;
} walk;

static uint32_t align_up(uint32_t at, uint32_t align)
{
    return (at + align - 1) & ~(align - 1);
}

/* Depth is that of types, which is bounded; types without handles are not entered. */
static void walk_value(const walk *w, const berthi_cm_type *type, const unsigned char *at);

static void walk_fields(const walk *w, const berthi_cm_extern *items, uint32_t count,
                        const unsigned char *at)
{
    uint32_t place = 0;

    for (uint32_t n = 0; n < count; n++) {
        const berthi_cm_type *item = items[n].type->canon;

        place = align_up(place, item->host_align);
        walk_value(w, item, at + place);
        place += item->host_size;
    }
}

/* Of the elements of a list, or the entries of a map. */
static size_t stride_of(const berthi_cm_type *type)
{
    uint32_t size = 0, align = 1;

    for (uint32_t n = 0; n < type->count; n++) {
        const berthi_cm_type *item = type->items[n].type->canon;

        size = align_up(size, item->host_align) + item->host_size;
        align = item->host_align > align ? item->host_align : align;
    }
    return align_up(size, align);
}

static void walk_case(const walk *w, const berthi_cm_type *type, const unsigned char *at)
{
    bool is_option = type->kind == BERTHI_CM_OPTION;
    uint32_t cases = is_option || type->kind == BERTHI_CM_RESULT ? 2 : type->count;
    uint32_t size = cases <= 256 ? 1 : cases <= 65536 ? 2 : 4, tag = 0, align = 1;
    const berthi_cm_type *payload;

    memcpy(&tag, at, size); /* little-endian */
    if (tag >= cases)
        return;
    for (uint32_t n = 0; n < type->count; n++)
        if (type->items[n].type != NULL && type->items[n].type->canon->host_align > align)
            align = type->items[n].type->canon->host_align;
    payload = is_option ? (tag == 0 ? NULL : type->items[0].type) : type->items[tag].type;
    if (payload != NULL)
        walk_value(w, payload->canon, at + align_up(size, align));
}

static void walk_value(const walk *w, const berthi_cm_type *type, const unsigned char *at)
{
    berthi_cm_host_list list;
    uint64_t handle;

    if (!type->has_resource)
        return;
    switch (type->kind) {
    case BERTHI_CM_OWN:
        memcpy(&handle, at, sizeof handle);
        w->visit(w->ctx, type->items[0].type->canon->number, handle);
        break;
    case BERTHI_CM_RECORD:
    case BERTHI_CM_TUPLE:
        walk_fields(w, type->items, type->count, at);
        break;
    case BERTHI_CM_FIXED_LIST:
        for (uint32_t n = 0; n < type->length; n++)
            walk_value(w, type->items[0].type->canon,
                       at + (size_t)n * type->items[0].type->canon->host_size);
        break;
    case BERTHI_CM_LIST:
    case BERTHI_CM_MAP: /* entries are records of two */
        memcpy(&list, at, sizeof list);
        for (size_t n = 0; list.data != NULL && n < list.count; n++)
            walk_fields(w, type->items, type->count,
                        (const unsigned char *)list.data + n * stride_of(type));
        break;
    case BERTHI_CM_VARIANT:
    case BERTHI_CM_OPTION:
    case BERTHI_CM_RESULT:
        walk_case(w, type, at);
        break;
    default: /* borrows are nobody's here */
        break;
    }
}

void berthi_cm_owned_walk(const berthi_cm_type *type, const void *value,
                          berthi_cm_owned_visit visit, void *ctx)
{
    if (type != NULL)
        walk_value(&(walk){ visit, ctx }, type->canon, value);
}

void berthi_cm_owned_walk_args(const berthi_cm_type *func, const void *args,
                               berthi_cm_owned_visit visit, void *ctx)
{
    if (func->has_resource)
        walk_fields(&(walk){ visit, ctx }, func->items, func->count - 1, args);
}
