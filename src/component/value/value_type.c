/* value_type.c - types of values, for those who look at them at run time.  Layer: component. */
#include "component/value/value_type.h"

#include "component/types/type_text.h"
#include "component/value/type_read.h"

enum { WORK_MAX = 10000000 };

typedef struct owned_type {
    berthi_cm_type type; /* first: it is what the caller has */
    berth_allocator allocator;
    berthi_arena arena;
    const berthi_cm_type *params; /* of a function, as a record */
    const char *text;             /* without blanks */
} owned_type;

static const owned_type *owned_of(const berth_type *type)
{
    return (const owned_type *)(const void *)type;
}

/* ---------------------------------------------------------------- making */

static char *copy_without_blanks(berthi_arena *arena, const char *text, size_t size)
{
    char *copy = berthi_arena_strndup(arena, text, size), *to = copy;

    if (copy == NULL)
        return NULL;
    for (const char *from = copy; *from != '\0'; from++)
        if (strchr(" \t\r\n", *from) == NULL)
            *to++ = *from;
    *to = '\0';
    return copy;
}

static berth_status fill(owned_type *own, const char *text, size_t size, berth_diag *diag)
{
    berth_diag unused;
    berthi_cm_types types = { .arena = &own->arena,
                              .diag = diag == NULL ? &unused : diag,
                              .work = WORK_MAX,
                              .epoch = 1 };
    const char *copy = berthi_arena_strndup(&own->arena, text, size);
    const berthi_cm_type *type = NULL;
    berth_status status;

    own->text = copy_without_blanks(&own->arena, text, size);
    if (copy == NULL || own->text == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "a type");
    status = berthi_cm_type_read(&types, copy, size, &type, diag);
    if (status != BERTH_OK)
        return status;
    own->type = *type;
    own->type.canon = &own->type;
    if (!berthi_cm_is_func(type))
        return BERTH_OK;
    own->params = berthi_cm_intern(&types, &(berthi_cm_type){ .kind = BERTHI_CM_RECORD,
                                                              .count = type->count - 1,
                                                              .items = type->items });
    if (own->params == NULL)
        return types.status == BERTH_E_REJECTED ? BERTH_E_LIMIT : types.status;
    return BERTH_OK;
}

berth_status berth_type_parse(const berth_allocator *allocator, const char *text,
                              berth_type **type_out, berth_diag *diag)
{
    const berth_allocator *a = allocator == NULL ? &berthi_allocator_libc : allocator;
    berth_status status;
    owned_type *own;
    size_t size;

    BERTHI_REQUIRE(text != NULL && type_out != NULL, diag);
    size = strlen(text);
    if (size > BERTHI_CM_TYPE_BYTES_MAX)
        return berthi_fail_because(diag, BERTH_E_LIMIT, BERTH_REASON_INPUT,
                                   "the text of a type has at most %d bytes",
                                   BERTHI_CM_TYPE_BYTES_MAX);
    own = berthi_zalloc(a, sizeof *own);
    if (own == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "a type");
    own->allocator = *a;
    berthi_arena_init(&own->arena, &own->allocator, SIZE_MAX);
    status = fill(own, text, size, diag);
    if (status == BERTH_OK)
        *type_out = (berth_type *)(void *)own;
    else
        berth_type_destroy((berth_type *)(void *)own);
    return status;
}

void berth_type_destroy(berth_type *type)
{
    owned_type *own = (owned_type *)(void *)type;
    berth_allocator a;

    if (own == NULL)
        return;
    a = own->allocator;
    berthi_arena_fini(&own->arena);
    berthi_free(&a, own, sizeof *own);
}

const char *berthi_value_func_text(const berth_type *func)
{
    assert(berthi_cm_is_func(berthi_cm_type_of(func)));
    return owned_of(func)->text;
}

/* ---------------------------------------------------------------- parts */

int32_t berth_type_kind(const berth_type *type)
{
    static const uint8_t kinds[] = {
        [BERTHI_CM_BOOL - BERTHI_CM_FUNC_TYPE] = BERTH_KIND_BOOL,
        [BERTHI_CM_S8 - BERTHI_CM_FUNC_TYPE] = BERTH_KIND_S8,
        [BERTHI_CM_U8 - BERTHI_CM_FUNC_TYPE] = BERTH_KIND_U8,
        [BERTHI_CM_S16 - BERTHI_CM_FUNC_TYPE] = BERTH_KIND_S16,
        [BERTHI_CM_U16 - BERTHI_CM_FUNC_TYPE] = BERTH_KIND_U16,
        [BERTHI_CM_S32 - BERTHI_CM_FUNC_TYPE] = BERTH_KIND_S32,
        [BERTHI_CM_U32 - BERTHI_CM_FUNC_TYPE] = BERTH_KIND_U32,
        [BERTHI_CM_S64 - BERTHI_CM_FUNC_TYPE] = BERTH_KIND_S64,
        [BERTHI_CM_U64 - BERTHI_CM_FUNC_TYPE] = BERTH_KIND_U64,
        [BERTHI_CM_F32 - BERTHI_CM_FUNC_TYPE] = BERTH_KIND_F32,
        [BERTHI_CM_F64 - BERTHI_CM_FUNC_TYPE] = BERTH_KIND_F64,
        [BERTHI_CM_CHAR - BERTHI_CM_FUNC_TYPE] = BERTH_KIND_CHAR,
        [BERTHI_CM_STRING - BERTHI_CM_FUNC_TYPE] = BERTH_KIND_STRING,
        [BERTHI_CM_LIST - BERTHI_CM_FUNC_TYPE] = BERTH_KIND_LIST,
        [BERTHI_CM_FIXED_LIST - BERTHI_CM_FUNC_TYPE] = BERTH_KIND_FIXED_LIST,
        [BERTHI_CM_MAP - BERTHI_CM_FUNC_TYPE] = BERTH_KIND_MAP,
        [BERTHI_CM_RECORD - BERTHI_CM_FUNC_TYPE] = BERTH_KIND_RECORD,
        [BERTHI_CM_TUPLE - BERTHI_CM_FUNC_TYPE] = BERTH_KIND_TUPLE,
        [BERTHI_CM_VARIANT - BERTHI_CM_FUNC_TYPE] = BERTH_KIND_VARIANT,
        [BERTHI_CM_ENUM - BERTHI_CM_FUNC_TYPE] = BERTH_KIND_ENUM,
        [BERTHI_CM_OPTION - BERTHI_CM_FUNC_TYPE] = BERTH_KIND_OPTION,
        [BERTHI_CM_RESULT - BERTHI_CM_FUNC_TYPE] = BERTH_KIND_RESULT,
        [BERTHI_CM_FLAGS - BERTHI_CM_FUNC_TYPE] = BERTH_KIND_FLAGS,
        [BERTHI_CM_OWN - BERTHI_CM_FUNC_TYPE] = BERTH_KIND_OWN,
        [BERTHI_CM_BORROW - BERTHI_CM_FUNC_TYPE] = BERTH_KIND_BORROW,
        [BERTHI_CM_FUNC_TYPE - BERTHI_CM_FUNC_TYPE] = BERTH_KIND_FUNC,
    };

    return kinds[berthi_cm_type_of(type)->kind - BERTHI_CM_FUNC_TYPE];
}

uint32_t berth_type_count(const berth_type *type)
{
    const berthi_cm_type *of = berthi_cm_type_of(type);

    switch (of->kind) {
    case BERTHI_CM_FUNC_TYPE:
        return of->count - 1; /* the last one is the result */
    case BERTHI_CM_OPTION:
        return 2;
    case BERTHI_CM_OWN:
    case BERTHI_CM_BORROW:
        return 0;
    default:
        return of->count;
    }
}

uint32_t berthi_value_cases(const berthi_cm_type *type)
{
    switch (type->kind) {
    case BERTHI_CM_VARIANT:
    case BERTHI_CM_ENUM:
        return type->count;
    case BERTHI_CM_OPTION:
    case BERTHI_CM_RESULT:
        return 2;
    default:
        return 0;
    }
}

const berthi_cm_type *berthi_value_payload(const berthi_cm_type *type, uint32_t index)
{
    if (type->kind == BERTHI_CM_OPTION)
        return index == 0 ? NULL : type->items[0].type;
    return type->items[index].type;
}

const berth_type *berth_type_part(const berth_type *type, uint32_t index)
{
    const berthi_cm_type *of = berthi_cm_type_of(type);

    if (index >= berth_type_count(type))
        return NULL;
    return berthi_type_of(berthi_value_payload(of, index));
}

berth_string berth_type_name(const berth_type *type, uint32_t index)
{
    static const char *const options[] = { "none", "some" }, *const results[] = { "ok", "err" };
    const berthi_cm_type *of = berthi_cm_type_of(type);
    const char *word = NULL;

    if (index >= berth_type_count(type))
        return (berth_string){ "", 0 };
    if (of->kind == BERTHI_CM_OPTION)
        word = options[index];
    else if (of->kind == BERTHI_CM_RESULT)
        word = results[index];
    else if (of->items[index].name.size == 0)
        word = "";
    if (word != NULL)
        return (berth_string){ word, strlen(word) };
    return (berth_string){ of->items[index].name.text, of->items[index].name.size };
}

uint32_t berth_type_find(const berth_type *type, const char *name)
{
    size_t size = strlen(name);

    for (uint32_t i = 0, count = size == 0 ? 0 : berth_type_count(type); i < count; i++) {
        berth_string has = berth_type_name(type, i);

        if (has.size == size && memcmp(has.text, name, size) == 0)
            return i;
    }
    return BERTH_TYPE_NONE;
}

const berth_type *berth_type_params(const berth_type *func)
{
    return berthi_cm_is_func(berthi_cm_type_of(func)) ? berthi_type_of(owned_of(func)->params)
                                                      : NULL;
}

const berth_type *berth_type_result(const berth_type *func)
{
    const berthi_cm_type *of = berthi_cm_type_of(func);

    return berthi_cm_is_func(of) ? berthi_type_of(berthi_cm_func_result(of)) : NULL;
}

size_t berth_type_size(const berth_type *type)
{
    return berthi_cm_type_of(type)->host_size;
}

size_t berth_type_align(const berth_type *type)
{
    return berthi_cm_type_of(type)->host_align;
}

/* Their texts are bounded, so that both can be walked as trees; recursion, by the depth of types. */
static bool is_same(const berthi_cm_type *a, const berthi_cm_type *b)
{
    if (a == b)
        return true;
    if (a == NULL || b == NULL || a->kind != b->kind || a->count != b->count ||
        a->length != b->length || a->nodes != b->nodes)
        return false;
    if (a->kind == BERTHI_CM_OWN || a->kind == BERTHI_CM_BORROW)
        return true; /* a text has no names of resources */
    for (uint32_t i = 0; i < a->count; i++)
        if (!berthi_cm_same_name(a->items[i].name, b->items[i].name) ||
            !is_same(a->items[i].type, b->items[i].type))
            return false;
    return true;
}

int32_t berth_type_is_same(const berth_type *a, const berth_type *b)
{
    return is_same(berthi_cm_type_of(a), berthi_cm_type_of(b));
}

/* ---------------------------------------------------------------- text */

berth_status berthi_value_type_text(const berthi_cm_type *type, berthi_arena *arena,
                                    const char **text_out, berth_diag *diag)
{
    char *text;

    for (size_t room = 256; room <= 4 * BERTHI_CM_TYPE_BYTES_MAX; room *= 4) {
        text = berthi_arena_alloc(arena, room);
        if (text == NULL)
            return berthi_fail(diag, BERTH_E_NOMEM, "the text of a type");
        if (!berthi_cm_type_write(type, text, room))
            continue;
        if (strlen(text) > BERTHI_CM_TYPE_BYTES_MAX)
            break;
        *text_out = text;
        return BERTH_OK;
    }
    return berthi_fail_because(diag, BERTH_E_LIMIT, BERTH_REASON_OUTPUT,
                               "the text of a type has at most %d bytes",
                               BERTHI_CM_TYPE_BYTES_MAX);
}

berth_status berth_type_write(const berth_type *type, berth_arena *arena, const char **text_out,
                              berth_diag *diag)
{
    const char *text = NULL;
    berthi_arena scratch;
    berth_status status;
    char *copy = NULL;

    BERTHI_REQUIRE(type != NULL && arena != NULL && text_out != NULL, diag);
    berthi_arena_init(&scratch, &arena->allocator, SIZE_MAX);
    status = berthi_value_type_text(berthi_cm_type_of(type), &scratch, &text, diag);
    if (status == BERTH_OK) {
        copy = berthi_reply_arena_alloc(arena, strlen(text) + 1);
        if (copy == NULL)
            status = berthi_fail(diag, BERTH_E_NOMEM, "the text of a type");
    }
    if (copy != NULL)
        *text_out = memcpy(copy, text, strlen(text) + 1);
    berthi_arena_fini(&scratch);
    return status;
}
