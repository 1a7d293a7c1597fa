/* scalars.c - which functions are numbers in C structs and core values alone.  Layer: component. */
#include "component/plan/scalars.h"

static uint8_t unsigned_of(uint32_t size)
{
    return size == 1 ? BERTHI_CM_U8 : size == 2 ? BERTHI_CM_U16 : BERTHI_CM_U32;
}

static bool describe(const berthi_cm_type *type, berthi_cm_scalar *out)
{
    switch (type->kind) {
    case BERTHI_CM_BOOL:
        *out = (berthi_cm_scalar){ .code = BERTHI_CM_U8, .check = BERTHI_CM_CHECK_BOOL };
        return true;
    case BERTHI_CM_CHAR:
        *out = (berthi_cm_scalar){ .code = BERTHI_CM_U32, .check = BERTHI_CM_CHECK_CHAR };
        return true;
    case BERTHI_CM_ENUM:
        *out = (berthi_cm_scalar){ .code = unsigned_of(type->host_size),
                                   .check = BERTHI_CM_CHECK_BELOW,
                                   .bound = type->count };
        return true;
    case BERTHI_CM_FLAGS:
        *out = (berthi_cm_scalar){ .code = unsigned_of(type->host_size),
                                   .check = BERTHI_CM_CHECK_MASK,
                                   .bound = UINT32_MAX >> (32 - type->count) };
        return true;
    case BERTHI_CM_S8:
    case BERTHI_CM_S16:
        *out = (berthi_cm_scalar){ .code = (uint8_t)type->kind };
        return true;
    case BERTHI_CM_U8:
    case BERTHI_CM_U16:
    case BERTHI_CM_U32:
    case BERTHI_CM_S32:
    case BERTHI_CM_F32:
        *out = (berthi_cm_scalar){ .code = unsigned_of(type->host_size) };
        return true;
    case BERTHI_CM_U64:
    case BERTHI_CM_S64:
    case BERTHI_CM_F64:
        *out = (berthi_cm_scalar){ .code = BERTHI_CM_U64 };
        return true;
    default:
        return false;
    }
}

/* Types nest at most BERTHI_CM_TYPE_DEPTH_MAX deep, and have no more parts than core values here: the
 * flat count, which the caller has compared with the room, bounds the walk. */
static bool add(berthi_cm_scalars *s, const berthi_cm_type *type, uint32_t place)
{
    uint32_t at = place;

    type = type->canon;
    if (type->kind != BERTHI_CM_RECORD && type->kind != BERTHI_CM_TUPLE) {
        if (!describe(type, &s->params[s->count]))
            return false;
        s->params[s->count++].place = (uint16_t)place;
        return true;
    }
    for (uint32_t n = 0; n < type->count; n++) {
        const berthi_cm_type *item = type->items[n].type->canon;

        at = (at + item->host_align - 1) & ~(uint32_t)(item->host_align - 1);
        if (!add(s, item, at))
            return false;
        at += item->host_size;
    }
    return true;
}

static bool is_word(berthi_cm_scalar s, uint32_t place)
{
    return s.code == BERTHI_CM_U32 && s.check == BERTHI_CM_CHECK_NONE && s.place == place;
}

static bool are_words(const berthi_cm_scalars *s)
{
    bool are = !s->has_result || is_word(s->result, 0);

    for (uint32_t n = 0; n < s->count; n++)
        are = are && is_word(s->params[n], 4 * n);
    return are;
}

bool berthi_cm_scalars_make(const berthi_cm_type *func, berthi_cm_scalars *out)
{
    const berthi_cm_type *result = berthi_cm_func_result(func);
    uint32_t flat = 0;
    berthi_cm_type params = { .kind = BERTHI_CM_TUPLE,
                              .count = func->count - 1,
                              .items = func->items };

    params.canon = &params;
    for (uint32_t n = 0; n + 1 < func->count && flat <= BERTHI_CM_FLAT_PARAMS_MAX; n++)
        flat += func->items[n].type->flat_count;
    if (flat > BERTHI_CM_FLAT_PARAMS_MAX || (result != NULL && result->flat_count != 1))
        return false;
    *out = (berthi_cm_scalars){ .has_result = result != NULL };
    if (result != NULL) { /* by way of the first place: it may be a record of one field */
        if (!add(out, result, 0))
            return false;
        out->result = out->params[0];
        out->count = 0;
    }
    if (!add(out, &params, 0))
        return false;
    out->are_words = are_words(out);
    return true;
}

berth_status berthi_cm_scalar_refuse(berthi_cm_scalar s, bool is_host, berth_diag *diag)
{
    const char *text = s.check == BERTHI_CM_CHECK_CHAR ? "invalid `char` bit pattern"
                                                       : "invalid variant discriminant";

    if (is_host)
        return berthi_fail(diag, BERTH_E_INVALID, "%s", text);
    return berthi_fail_because(diag, BERTH_E_TRAP, BERTH_REASON_CANONICAL, "%s", text);
}
