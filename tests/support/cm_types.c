#include "cm_types.h"

#include <stdio.h>
#include <stdlib.h>

void bertht_cm_types_init(bertht_cm_types *t, const berth_allocator *allocator)
{
    *t = (bertht_cm_types){ .types = { .work = BERTHI_CM_WORK_MAX, .epoch = 1 } };
    berthi_arena_init(&t->arena, allocator, SIZE_MAX);
    t->types.arena = &t->arena;
    t->types.diag = &t->diag;
}

void bertht_cm_types_fini(bertht_cm_types *t)
{
    berthi_arena_fini(&t->arena);
}

enum { PARTS_MAX = 64 };

typedef struct parser {
    bertht_cm_types *t;
    const char *at;
} parser;

static const struct {
    const char *word;
    uint8_t code;
} words[] = { { "bool", BERTHI_CM_BOOL },     { "s8", BERTHI_CM_S8 },
              { "u8", BERTHI_CM_U8 },         { "s16", BERTHI_CM_S16 },
              { "u16", BERTHI_CM_U16 },       { "s32", BERTHI_CM_S32 },
              { "u32", BERTHI_CM_U32 },       { "s64", BERTHI_CM_S64 },
              { "u64", BERTHI_CM_U64 },       { "f32", BERTHI_CM_F32 },
              { "f64", BERTHI_CM_F64 },       { "char", BERTHI_CM_CHAR },
              { "string", BERTHI_CM_STRING }, { "error-context", BERTHI_CM_ERROR_CONTEXT },
              { "record", BERTHI_CM_RECORD }, { "variant", BERTHI_CM_VARIANT },
              { "enum", BERTHI_CM_ENUM },     { "flags", BERTHI_CM_FLAGS },
              { "list", BERTHI_CM_LIST },     { "tuple", BERTHI_CM_TUPLE },
              { "option", BERTHI_CM_OPTION }, { "result", BERTHI_CM_RESULT },
              { "map", BERTHI_CM_MAP },       { "own", BERTHI_CM_OWN },
              { "borrow", BERTHI_CM_BORROW }, { "func", BERTHI_CM_FUNC_TYPE } };

static bool take(parser *p, const char *text)
{
    while (*p->at == ' ')
        p->at++;
    if (strncmp(p->at, text, strlen(text)) != 0)
        return false;
    p->at += strlen(text);
    return true;
}

static berthi_name take_name(parser *p)
{
    berthi_name name = { .size = 0 };

    take(p, "");
    name.text = p->at;
    name.size = (uint32_t)strspn(p->at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                        "0123456789-");
    p->at += name.size;
    name.text = berthi_arena_strndup(&p->t->arena, name.text, name.size);
    return name;
}

static const berthi_cm_type *parse(parser *p);

/* Names and types up to `close`; a length goes to *length. */
static uint32_t take_parts(parser *p, const char *open, const char *close,
                           berthi_cm_extern *items, uint32_t *length)
{
    uint32_t count = 0;
    bool is_plain = *open == '<';

    if (!take(p, open))
        return 0;
    while (!take(p, close) && *p->at != '\0' && count < PARTS_MAX) {
        berthi_cm_extern *item = &items[count++];

        *item = (berthi_cm_extern){ .type = NULL };
        take(p, "");
        if (is_plain && *p->at >= '0' && *p->at <= '9') {
            *length = (uint32_t)strtoul(p->at, NULL, 10);
            p->at += strspn(p->at, "0123456789");
            count--;
        } else if (is_plain) {
            item->type = take(p, "_") ? NULL : parse(p);
        } else {
            item->name = take_name(p);
            if (take(p, ":"))
                item->type = parse(p);
            else if (take(p, "(")) {
                item->type = parse(p);
                take(p, ")");
            }
        }
        take(p, ",");
    }
    return count;
}

static const berthi_cm_type *parse(parser *p)
{
    berthi_cm_extern items[PARTS_MAX + 2] = { { .type = NULL } };
    berthi_cm_type draft = { .items = items };
    berthi_name word = take_name(p);

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen(words[i].word) == word.size &&
            memcmp(words[i].word, word.text, word.size) == 0)
            draft.kind = words[i].code;
    switch (draft.kind) {
    case BERTHI_CM_RECORD:
    case BERTHI_CM_VARIANT:
    case BERTHI_CM_ENUM:
    case BERTHI_CM_FLAGS:
        draft.count = take_parts(p, "{", "}", items, &draft.length);
        break;
    case BERTHI_CM_FUNC_TYPE:
        draft.count = take_parts(p, "(", ")", items, &draft.length) + 1;
        items[draft.count - 1] = (berthi_cm_extern){ .type = take(p, "->") ? parse(p) : NULL };
        break;
    case BERTHI_CM_OWN:
    case BERTHI_CM_BORROW:
        items[0].type = berthi_cm_resource(&p->t->types, NULL);
        draft.count = 1;
        break;
    case BERTHI_CM_RESULT:
        take_parts(p, "<", ">", items, &draft.length);
        draft.count = 2;
        break;
    case 0:
        return NULL;
    default:
        draft.count = take_parts(p, "<", ">", items, &draft.length);
        if (draft.length != 0)
            draft.kind = BERTHI_CM_FIXED_LIST;
    }
    return berthi_cm_intern(&p->t->types, &draft);
}

const berthi_cm_type *bertht_cm_type(bertht_cm_types *t, const char *text)
{
    parser p = { .t = t, .at = text };
    const berthi_cm_type *type = parse(&p);

    return *p.at == '\0' ? type : NULL;
}

/* ---------------------------------------------------------------- random types */

uint64_t bertht_random(uint64_t *seed)
{
    uint64_t z = *seed += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static berthi_name name_number(bertht_cm_types *t, uint32_t i)
{
    /* keywords of the encodings among them, and names that begin alike */
    static const char *const names[] = {
        "a",     "ok",  "b-b", "none", "some",  "err", "true",
        "HTTP2", "inf", "c",   "nan",  "false", "aa",  "x-1y"
    };
    char text[32];
    int size;

    if (i < sizeof names / sizeof *names)
        return (berthi_name){ names[i], (uint32_t)strlen(names[i]) };
    size = snprintf(text, sizeof text, "n%u", (unsigned)i);
    return (berthi_name){ berthi_arena_strndup(&t->arena, text, (size_t)size), (uint32_t)size };
}

const berthi_cm_type *bertht_cm_random_type(bertht_cm_types *t, uint64_t *seed, int levels)
{
    static const uint8_t kinds[] = { BERTHI_CM_RECORD, BERTHI_CM_VARIANT, BERTHI_CM_LIST,
                                     BERTHI_CM_TUPLE,  BERTHI_CM_FLAGS,   BERTHI_CM_ENUM,
                                     BERTHI_CM_OPTION, BERTHI_CM_RESULT,  BERTHI_CM_FIXED_LIST,
                                     BERTHI_CM_MAP };
    static const uint8_t counts[] = { 0, 0, 1, 0, 0, 0, 1, 2, 1, 2 };
    berthi_cm_extern items[300] = { { .type = NULL } };
    berthi_cm_type draft = { .items = items };
    uint64_t dice = bertht_random(seed), which = dice >> 8 & 0xff;

    if (levels == 0 || dice % 4 == 0)
        return berthi_cm_primitive(&t->types, (uint8_t)(BERTHI_CM_STRING + dice / 4 % 13));
    which %= sizeof kinds;
    draft.kind = kinds[which];
    draft.count = counts[which] != 0 ? counts[which] : 1 + (uint32_t)(dice >> 16 & 7);
    if (draft.kind == BERTHI_CM_FLAGS)
        draft.count = 1 + (uint32_t)(dice >> 16 & 31);
    if (draft.kind == BERTHI_CM_ENUM && (dice >> 24 & 7) == 0)
        draft.count = 300;
    draft.length = draft.kind == BERTHI_CM_FIXED_LIST ? 1 + (uint32_t)(dice >> 16 & 3) : 0;
    for (uint32_t i = 0; i < draft.count; i++) {
        bool may_be_empty = draft.kind == BERTHI_CM_VARIANT || draft.kind == BERTHI_CM_RESULT;

        if (draft.kind == BERTHI_CM_RECORD || draft.kind == BERTHI_CM_VARIANT ||
            draft.kind == BERTHI_CM_FLAGS || draft.kind == BERTHI_CM_ENUM)
            items[i].name = name_number(t, i);
        if (draft.kind == BERTHI_CM_FLAGS || draft.kind == BERTHI_CM_ENUM ||
            (may_be_empty && bertht_random(seed) % 3 == 0))
            continue;
        items[i].type = bertht_cm_random_type(t, seed, levels - 1);
        if (items[i].type == NULL)
            return NULL;
    }
    return berthi_cm_intern(&t->types, &draft);
}
