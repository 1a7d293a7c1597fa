/* wit_types.c - types of a WIT text as types of components.  Layer: component.
 *
 * What a type refers to has a lower index, and each is made once: recursion is bounded by the nesting
 * of types (BERTHI_WIT_NESTING_MAX), since aliases are passed over. */
#include "component/wit/wit_types.h"

static berthi_name name_of(const char *text)
{
    return text == NULL ? (berthi_name){ 0 } : (berthi_name){ text, (uint32_t)strlen(text) };
}

static uint8_t kind_of(uint8_t kind)
{
    static const uint8_t kinds[] = {
        [BERTHI_WIT_BOOL] = BERTHI_CM_BOOL,
        [BERTHI_WIT_S8] = BERTHI_CM_S8,
        [BERTHI_WIT_U8] = BERTHI_CM_U8,
        [BERTHI_WIT_S16] = BERTHI_CM_S16,
        [BERTHI_WIT_U16] = BERTHI_CM_U16,
        [BERTHI_WIT_S32] = BERTHI_CM_S32,
        [BERTHI_WIT_U32] = BERTHI_CM_U32,
        [BERTHI_WIT_S64] = BERTHI_CM_S64,
        [BERTHI_WIT_U64] = BERTHI_CM_U64,
        [BERTHI_WIT_F32] = BERTHI_CM_F32,
        [BERTHI_WIT_F64] = BERTHI_CM_F64,
        [BERTHI_WIT_CHAR] = BERTHI_CM_CHAR,
        [BERTHI_WIT_STRING] = BERTHI_CM_STRING,
        [BERTHI_WIT_ERROR_CONTEXT] = BERTHI_CM_ERROR_CONTEXT,
        [BERTHI_WIT_RECORD] = BERTHI_CM_RECORD,
        [BERTHI_WIT_VARIANT] = BERTHI_CM_VARIANT,
        [BERTHI_WIT_ENUM] = BERTHI_CM_ENUM,
        [BERTHI_WIT_FLAGS] = BERTHI_CM_FLAGS,
        [BERTHI_WIT_TUPLE] = BERTHI_CM_TUPLE,
        [BERTHI_WIT_LIST] = BERTHI_CM_LIST,
        [BERTHI_WIT_FIXED_LIST] = BERTHI_CM_FIXED_LIST,
        [BERTHI_WIT_OPTION] = BERTHI_CM_OPTION,
        [BERTHI_WIT_RESULT] = BERTHI_CM_RESULT,
        [BERTHI_WIT_MAP] = BERTHI_CM_MAP,
        [BERTHI_WIT_OWN] = BERTHI_CM_OWN,
        [BERTHI_WIT_BORROW] = BERTHI_CM_BORROW,
        [BERTHI_WIT_STREAM] = BERTHI_CM_STREAM,
        [BERTHI_WIT_FUTURE] = BERTHI_CM_FUTURE,
    };

    assert(kind < sizeof kinds && kinds[kind] != 0);
    return kinds[kind];
}

/* The type of a part; one that is absent stays NULL. */
static bool make_part(berthi_cm_wit *w, uint32_t index, berthi_cm_extern *item)
{
    if (index == BERTHI_WIT_NONE)
        return true;
    item->type = berthi_cm_wit_type(w, index);
    return item->type != NULL;
}

static bool make_items(berthi_cm_wit *w, const berthi_wit_item *from, uint32_t count,
                       berthi_cm_extern *items)
{
    for (uint32_t i = 0; i < count; i++) {
        items[i].name = name_of(from[i].name);
        if (!make_part(w, from[i].type, &items[i]))
            return false;
    }
    return true;
}

/* A type with named items. */
static const berthi_cm_type *make_labelled(berthi_cm_wit *w, const berthi_wit_type *type)
{
    berthi_cm_extern *items = berthi_cm_make(w->types, type->items_count, sizeof *items);

    if (items == NULL || !make_items(w, type->items, type->items_count, items))
        return NULL;
    return berthi_cm_intern(w->types, &(berthi_cm_type){ .kind = kind_of(type->kind),
                                                         .count = type->items_count,
                                                         .items = items });
}

static const berthi_cm_type *make(berthi_cm_wit *w, const berthi_wit_type *type, uint32_t index)
{
    berthi_cm_extern parts[2] = { { .type = NULL }, { .type = NULL } };
    bool has_two = type->kind == BERTHI_WIT_RESULT || type->kind == BERTHI_WIT_MAP;

    if (type->kind < BERTHI_WIT_PRIMITIVES)
        return berthi_cm_primitive(w->types, kind_of(type->kind));
    switch (type->kind) {
    case BERTHI_WIT_RESOURCE:
        return w->resource(w->ctx, index);
    case BERTHI_WIT_RECORD:
    case BERTHI_WIT_VARIANT:
    case BERTHI_WIT_ENUM:
    case BERTHI_WIT_FLAGS:
    case BERTHI_WIT_TUPLE:
        return make_labelled(w, type);
    default:
        if (!make_part(w, type->element, &parts[0]) ||
            (has_two && !make_part(w, type->second, &parts[1])))
            return NULL;
        return berthi_cm_intern(w->types, &(berthi_cm_type){ .kind = kind_of(type->kind),
                                                             .length = type->length,
                                                             .count = has_two ? 2 : 1,
                                                             .items = parts });
    }
}

const berthi_cm_type *berthi_cm_wit_type(berthi_cm_wit *w, uint32_t index)
{
    uint32_t canon = w->model->types[index].canon;

    if (w->made[canon] == NULL)
        w->made[canon] = make(w, &w->model->types[canon], canon);
    return w->made[canon];
}

const berthi_cm_type *berthi_cm_wit_func(berthi_cm_wit *w, const berthi_wit_func *func)
{
    uint32_t count = func->params_count + 1;
    berthi_cm_extern *items = berthi_cm_make(w->types, count, sizeof *items);

    if (items == NULL || !make_items(w, func->params, func->params_count, items) ||
        !make_part(w, func->result, &items[func->params_count]))
        return NULL;
    return berthi_cm_intern(w->types, &(berthi_cm_type){ .kind = func->is_async
                                                                     ? BERTHI_CM_ASYNC_FUNC_TYPE
                                                                     : BERTHI_CM_FUNC_TYPE,
                                                         .count = count,
                                                         .items = items });
}
