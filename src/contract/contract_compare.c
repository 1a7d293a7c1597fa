/* contract_compare.c - which changes lead from one contract to another.  Layer: contract.
 *
 * Items of both are merged by name.  Of two types of the same name and different shapes, and of two
 * functions, the parts that differ are named.  A part that is a named type of the same name on both
 * sides is passed over: that type is an item of its own, so each change is told once, where it
 * was made.  What is built goes by names and shapes; so order alone breaks nobody. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/diag.h"
#include "contract/contract.h"
#include "contract/wit_print.h"

enum { SHOWN_MAX = 120, TEXT_MAX = 1024, BITS = 64 };
enum { BREAKS_BOTH = BERTHI_BREAKS_CALLERS | BERTHI_BREAKS_PLUGINS };

typedef struct compare {
    const berthi_contract *old, *now;
    berthi_contracts *set; /* that of `now`, which keeps the failure and the memory */
    const berthi_contract_item *item; /* that the changes are about */
    const char *what;
    berthi_change *first, **tail;
    uint32_t count;
} compare;

/* Where in an item: "parameter `k`, element". */
typedef struct path {
    char text[TEXT_MAX];
    size_t size;
} path;

/* ---------------------------------------------------------------- changes */

static bool add(compare *c, berthi_change_kind kind, unsigned breaks, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static bool add(compare *c, berthi_change_kind kind, unsigned breaks, const char *format, ...)
{
    berthi_change *change = berthi_arena_alloc(c->set->arena, sizeof *change);
    char text[TEXT_MAX];
    va_list list;
    int size;

    if (change == NULL)
        return berthi_contracts_fail_memory(c->set);
    if (c->set->changes_left == 0) {
        if (c->set->status == BERTH_OK)
            c->set->status = berthi_fail(c->set->diag, BERTH_E_LIMIT, "more than %d changes",
                                         BERTHI_CHANGES_MAX);
        return false;
    }
    va_start(list, format);
    size = vsnprintf(text, sizeof text, format, list);
    va_end(list);
    if (size < 0 || (size_t)size >= sizeof text)
        size = (int)sizeof text - 1;
    *change = (berthi_change){ .kind = (uint8_t)kind,
                               .breaks = (uint8_t)breaks,
                               .what = c->what,
                               .name = c->item == NULL ? c->now->id : c->item->name,
                               .home = c->item == NULL ? NULL : c->item->home };
    change->text = berthi_arena_strndup(c->set->arena, text, (size_t)size);
    if (change->text == NULL)
        return berthi_contracts_fail_memory(c->set);
    *c->tail = change;
    c->tail = &change->next;
    c->count++;
    c->set->changes_left--;
    return true;
}

/* ---------------------------------------------------------------- types in words */

typedef struct shown {
    char text[SHOWN_MAX + 4];
} shown;

static bool show(compare *c, const berthi_contract *of, uint32_t type, shown *out)
{
    berthi_text_buf text;
    bool is_good;

    berthi_text_buf_init(&text, c->set->arena->allocator);
    berthi_wit_print_type(of->set->model, type, &text);
    is_good = !text.has_failed || berthi_contracts_fail_memory(c->set);
    if (is_good)
        snprintf(out->text, sizeof out->text, "%.*s%s", SHOWN_MAX, text.data,
                 text.size > SHOWN_MAX ? "..." : "");
    berthi_text_buf_fini(&text);
    return is_good;
}

static const berthi_wit_type *type_of(const berthi_contract *of, uint32_t type)
{
    return &of->set->model->types[type];
}

/* NULL: the interface itself. */
static const char *home_of(const berthi_contract *of, const berthi_wit_type *type)
{
    bool is_own =
        type->owner_kind == BERTHI_WIT_OWNER_INTERFACE && type->owner == of->interface;

    return is_own ? NULL : berthi_contract_home(of->set, type);
}

static bool is_same_home(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* Named on both sides, and by the same name. */
static bool is_item_of_both(const compare *c, uint32_t x, uint32_t y)
{
    const berthi_wit_type *a = type_of(c->old, x), *b = type_of(c->now, y);

    return a->name != NULL && b->name != NULL && strcmp(a->name, b->name) == 0 &&
           is_same_home(home_of(c->old, a), home_of(c->now, b));
}

/* The resource, or other named type, that a handle or name stands for. */
static const berthi_wit_type *named_behind(const berthi_contract *of, uint32_t type)
{
    const berthi_wit_type *t = type_of(of, type);

    if (t->kind == BERTHI_WIT_OWN || t->kind == BERTHI_WIT_BORROW)
        t = type_of(of, t->element);
    t = type_of(of, t->canon);
    return t->name == NULL ? NULL : t;
}

static const char *home_shown(const berthi_contract *of, uint32_t type)
{
    const berthi_wit_type *t = named_behind(of, type);
    const char *home = t == NULL ? NULL : home_of(of, t);

    return home == NULL ? of->id : home;
}

static bool add_other_type(compare *c, const path *at, uint32_t x, uint32_t y)
{
    shown was, is;

    if (!show(c, c->old, x, &was) || !show(c, c->now, y, &is))
        return false;
    if (strcmp(was.text, is.text) != 0)
        return add(c, BERTHI_CHANGE_CHANGED, BREAKS_BOTH, "%s is `%s`, was `%s`", at->text,
                   is.text, was.text);
    return add(c, BERTHI_CHANGE_CHANGED, BREAKS_BOTH, "%s is `%s` of `%s`, was that of `%s`",
               at->text, is.text, home_shown(c->now, y), home_shown(c->old, x));
}

/* ---------------------------------------------------------------- parts */

static bool compare_types(compare *c, path *at, uint32_t x, uint32_t y);

static bool compare_part(compare *c, path *at, const char *what, uint32_t x, uint32_t y)
{
    size_t size = at->size;
    int more = snprintf(at->text + size, sizeof at->text - size, ", %s", what);
    bool is_good;

    at->size = more < 0 || (size_t)more >= sizeof at->text - size ? sizeof at->text - 1
                                                                  : size + (size_t)more;
    is_good = compare_types(c, at, x, y);
    at->size = size;
    at->text[size] = '\0';
    return is_good;
}

/* What parts of an unnamed type are called; NULL: there is no such part. */
static const char *element_name(uint8_t kind)
{
    return kind == BERTHI_WIT_RESULT                             ? "ok"
           : kind == BERTHI_WIT_MAP                              ? "key"
           : kind == BERTHI_WIT_OPTION                           ? "value"
           : kind == BERTHI_WIT_OWN || kind == BERTHI_WIT_BORROW ? NULL
                                                                 : "element";
}

static const char *second_name(uint8_t kind)
{
    return kind == BERTHI_WIT_RESULT ? "error" : "value";
}

/* Whether parts of these unnamed types may be told apart one by one. */
static bool have_same_parts(const berthi_wit_type *a, const berthi_wit_type *b)
{
    return a->kind == b->kind && a->kind >= BERTHI_WIT_TUPLE && element_name(a->kind) != NULL &&
           a->length == b->length && a->items_count == b->items_count &&
           (a->element == BERTHI_WIT_NONE) == (b->element == BERTHI_WIT_NONE) &&
           (a->second == BERTHI_WIT_NONE) == (b->second == BERTHI_WIT_NONE);
}

/* Handles, of one kind, of a resource that is called the same on both sides. */
static bool are_handles_of_item(const compare *c, const berthi_wit_type *a,
                                const berthi_wit_type *b)
{
    return a->kind == b->kind && (a->kind == BERTHI_WIT_OWN || a->kind == BERTHI_WIT_BORROW) &&
           is_item_of_both(c, a->element, b->element);
}

/* Calls itself for parts without a name, which nest BERTHI_WIT_NESTING_MAX deep at most and are no
 * more than the text has. */
static bool compare_types(compare *c, path *at, uint32_t x, uint32_t y)
{
    const berthi_wit_type *a = type_of(c->old, x), *b = type_of(c->now, y);
    bool is_good = berthi_contracts_charge(c->set, 1 + a->items_count);

    if (memcmp(&c->old->set->shapes[x], &c->now->set->shapes[y], sizeof(berthi_shape)) == 0 ||
        is_item_of_both(c, x, y) || is_item_of_both(c, a->canon, b->canon) ||
        are_handles_of_item(c, a, b))
        return is_good;
    if (a->name != NULL || b->name != NULL || !have_same_parts(a, b))
        return is_good && add_other_type(c, at, x, y);
    for (uint32_t i = 0; i < a->items_count && is_good; i++) {
        char part[32];

        snprintf(part, sizeof part, "part %u", (unsigned)i + 1);
        is_good = compare_part(c, at, part, a->items[i].type, b->items[i].type);
    }
    if (is_good && a->element != BERTHI_WIT_NONE)
        is_good = compare_part(c, at, element_name(a->kind), a->element, b->element);
    if (is_good && a->second != BERTHI_WIT_NONE)
        is_good = compare_part(c, at, second_name(a->kind), a->second, b->second);
    return is_good;
}

/* ---------------------------------------------------------------- fields, cases, parameters */

static void start_path(path *at, const char *noun, const char *name)
{
    int size = name == NULL ? snprintf(at->text, sizeof at->text, "%s", noun)
                            : snprintf(at->text, sizeof at->text, "%s `%s`", noun, name);

    at->size = (size_t)size; /* names are short */
}

/* Either may be NONE. */
static bool compare_values(compare *c, path *at, uint32_t x, uint32_t y)
{
    shown other;

    if (x == BERTHI_WIT_NONE && y == BERTHI_WIT_NONE)
        return true;
    if (x != BERTHI_WIT_NONE && y != BERTHI_WIT_NONE)
        return compare_types(c, at, x, y);
    if (!show(c, x == BERTHI_WIT_NONE ? c->now : c->old, x == BERTHI_WIT_NONE ? y : x, &other))
        return false;
    if (x == BERTHI_WIT_NONE)
        return add(c, BERTHI_CHANGE_CHANGED, BREAKS_BOTH, "%s is `%s`, was nothing", at->text,
                   other.text);
    return add(c, BERTHI_CHANGE_CHANGED, BREAKS_BOTH, "%s is nothing, was `%s`", at->text,
               other.text);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp((*(const berthi_wit_item *const *)a)->name,
                  (*(const berthi_wit_item *const *)b)->name);
}

static const berthi_wit_item **sorted(compare *c, const berthi_wit_item *items, uint32_t count)
{
    const berthi_wit_item **list = berthi_arena_array(c->set->arena, count, sizeof *list);

    if (list == NULL) {
        (void)berthi_contracts_fail_memory(c->set);
        return NULL;
    }
    for (uint32_t i = 0; i < count; i++)
        list[i] = &items[i];
    if (count != 0)
        qsort(list, count, sizeof *list, compare_names);
    return list;
}

static bool has_same_order(const berthi_wit_item *a, const berthi_wit_item *b, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(a[i].name, b[i].name) != 0)
            return false;
    return true;
}

static bool compare_items(compare *c, const char *noun, const berthi_wit_item *old,
                          uint32_t old_count, const berthi_wit_item *now, uint32_t now_count)
{
    const berthi_wit_item **a = sorted(c, old, old_count), **b = sorted(c, now, now_count);
    uint32_t i = 0, j = 0, common = 0;
    bool is_good = a != NULL && b != NULL && berthi_contracts_charge(c->set, old_count);
    path at;

    while (is_good && (i < old_count || j < now_count)) {
        int order = i == old_count ? 1 : j == now_count ? -1 : strcmp(a[i]->name, b[j]->name);

        if (order != 0) {
            is_good = add(c, BERTHI_CHANGE_CHANGED, BREAKS_BOTH, "%s `%s` is %s", noun,
                          order < 0 ? a[i]->name : b[j]->name, order < 0 ? "gone" : "new");
        } else {
            start_path(&at, noun, a[i]->name);
            is_good = compare_values(c, &at, a[i]->type, b[j]->type);
            common++;
        }
        i += order <= 0;
        j += order >= 0;
    }
    if (is_good && common == old_count && common == now_count &&
        !has_same_order(old, now, common))
        is_good = add(c, BERTHI_CHANGE_CHANGED, BREAKS_BOTH, "%ss are in another order", noun);
    return is_good;
}

/* ---------------------------------------------------------------- items */

static const char *noun_of(uint8_t kind)
{
    return kind == BERTHI_WIT_RECORD ? "field" : kind == BERTHI_WIT_FLAGS ? "flag" : "case";
}

static const char *what_is(const berthi_contract *of, const berthi_contract_item *item)
{
    return item->func != NULL
               ? "function"
               : berthi_wit_kind_name((berthi_wit_kind)type_of(of, item->type)->kind);
}

static bool compare_func_items(compare *c, const berthi_wit_func *old,
                               const berthi_wit_func *now)
{
    path at;

    if (old->is_async != now->is_async &&
        !add(c, BERTHI_CHANGE_CHANGED, BREAKS_BOTH, "%s",
             now->is_async ? "is `async`, was not" : "is not `async`, was"))
        return false;
    start_path(&at, "result", NULL);
    return compare_items(c, "parameter", old->params, old->params_count, now->params,
                         now->params_count) &&
           compare_values(c, &at, old->result, now->result);
}

/* Both have that name, and another shape. */
static bool compare_type_items(compare *c, uint32_t x, uint32_t y)
{
    const berthi_wit_type *a = type_of(c->old, x), *b = type_of(c->now, y);
    path at;

    if (a->kind != b->kind)
        return add(c, BERTHI_CHANGE_CHANGED, BREAKS_BOTH, "is a %s, was a %s",
                   berthi_wit_kind_name((berthi_wit_kind)b->kind),
                   berthi_wit_kind_name((berthi_wit_kind)a->kind));
    if (a->kind == BERTHI_WIT_RESOURCE)
        return true; /* the interface goes by another name */
    if (a->kind == BERTHI_WIT_ALIAS) {
        start_path(&at, "it", NULL);
        return compare_types(c, &at, a->element, b->element);
    }
    return compare_items(c, noun_of(a->kind), a->items, a->items_count, b->items,
                         b->items_count);
}

/* Only one of them has it. */
static bool compare_missing(compare *c, const berthi_contract *of,
                            const berthi_contract_item *item)
{
    bool is_gone = of == c->old;
    unsigned breaks = is_gone              ? BERTHI_BREAKS_CALLERS
                      : item->func != NULL ? BERTHI_BREAKS_PLUGINS
                                           : 0u;

    if (item->func == NULL && item->home != NULL)
        breaks = 0; /* nobody names it but through what has changed then */
    c->item = item;
    c->what = what_is(of, item);
    return add(c, is_gone ? BERTHI_CHANGE_GONE : BERTHI_CHANGE_NEW, breaks, "%s",
               is_gone ? "is gone" : "is new");
}

static bool compare_both(compare *c, const berthi_contract_item *old,
                         const berthi_contract_item *now)
{
    if (memcmp(&old->shape, &now->shape, sizeof old->shape) == 0)
        return true;
    c->item = now;
    c->what = what_is(c->now, now);
    return now->func != NULL ? compare_func_items(c, old->func, now->func)
                             : compare_type_items(c, old->type, now->type);
}

static bool compare_all(compare *c)
{
    const berthi_contract_item *a = c->old->items, *b = c->now->items;
    uint32_t i = 0, j = 0;
    bool is_good = berthi_contracts_charge(c->set, c->old->items_count + c->now->items_count);

    while (is_good && (i < c->old->items_count || j < c->now->items_count)) {
        int order = i == c->old->items_count   ? 1
                    : j == c->now->items_count ? -1
                                               : berthi_contract_item_compare(&a[i], &b[j]);

        is_good = order < 0   ? compare_missing(c, c->old, &a[i])
                  : order > 0 ? compare_missing(c, c->now, &b[j])
                              : compare_both(c, &a[i], &b[j]);
        i += order <= 0;
        j += order >= 0;
    }
    return is_good;
}

/* ---------------------------------------------------------------- order and names */

static bool has_func(const berthi_contract *contract, const berthi_contract_item *item)
{
    return bsearch(item, contract->items, contract->items_count, sizeof *item,
                   berthi_contract_item_compare) != NULL;
}

/* Of the functions that both have, the first that stands elsewhere. */
static bool compare_order(compare *c)
{
    uint32_t i = 0, j = 0;

    for (;; i++, j++) {
        while (i < c->old->funcs_count && !has_func(c->now, c->old->funcs[i]))
            i++;
        while (j < c->now->funcs_count && !has_func(c->old, c->now->funcs[j]))
            j++;
        if (i == c->old->funcs_count || j == c->now->funcs_count)
            return true;
        if (strcmp(c->old->funcs[i]->name, c->now->funcs[j]->name) != 0)
            break;
    }
    c->item = NULL;
    c->what = "interface";
    return add(c, BERTHI_CHANGE_CHANGED, 0,
               "functions are in another order: `%s` stands where `%s` stood",
               c->now->funcs[j]->name, c->old->funcs[i]->name);
}

static bool compare_keys(compare *c)
{
    if (strcmp(c->old->key, c->now->key) == 0)
        return true;
    c->item = NULL;
    c->what = "interface";
    return add(c, BERTHI_CHANGE_CHANGED, BREAKS_BOTH, "it is contract `%s`, was `%s`",
               c->now->key, c->old->key);
}

/* ---------------------------------------------------------------- who is concerned */

static const berthi_contract_item *find_type(const berthi_contract *contract,
                                             const berthi_change *change)
{
    berthi_contract_item key = { .home = change->home, .name = change->name };

    return bsearch(&key, contract->items, contract->items_count, sizeof key,
                   berthi_contract_item_compare);
}

static uint64_t mask_of(const uint64_t *masks, uint32_t type)
{
    return type == BERTHI_WIT_NONE ? 0 : masks[type];
}

static uint64_t mask_of_items(const uint64_t *masks, const berthi_wit_item *items,
                              uint32_t count)
{
    uint64_t mask = 0;

    for (uint32_t i = 0; i < count; i++)
        mask |= mask_of(masks, items[i].type);
    return mask;
}

static void concern(const compare *c, const uint64_t *masks, berthi_change **changes,
                    uint32_t count)
{
    for (uint32_t f = 0; f < c->old->funcs_count; f++) {
        const berthi_wit_func *func = c->old->funcs[f]->func;
        uint64_t mask = mask_of_items(masks, func->params, func->params_count) |
                        mask_of(masks, func->result);

        for (uint32_t i = 0; i < count; i++) {
            berthi_change *change = changes[i];

            if ((mask >> i & 1) == 0)
                continue;
            if (change->funcs_count < BERTHI_CHANGE_FUNCS_MAX)
                change->funcs[change->funcs_count] = func->name;
            change->funcs_count++;
        }
    }
}

/* Names the functions that take or give a changed type; for the first BITS changes. */
static bool add_concerned(compare *c)
{
    const berthi_wit *m = c->old->set->model;
    berthi_change *changes[BITS];
    uint32_t count = 0;
    uint64_t *masks;

    masks = berthi_arena_array(c->set->arena, m->types_count, sizeof *masks);
    if (masks == NULL)
        return berthi_contracts_fail_memory(c->set);
    for (berthi_change *change = c->first; change != NULL && count < BITS;
         change = change->next) {
        const berthi_contract_item *item;

        if (change->kind != BERTHI_CHANGE_CHANGED || strcmp(change->what, "function") == 0 ||
            (item = find_type(c->old, change)) == NULL)
            continue;
        masks[item->type] |= UINT64_C(1) << count;
        changes[count++] = change;
    }
    if (count == 0)
        return true;
    for (uint32_t i = 0; i < m->types_count; i++) {
        const berthi_wit_type *type = &m->types[i];

        masks[i] |= mask_of(masks, type->element) | mask_of(masks, type->second) |
                    mask_of_items(masks, type->items, type->items_count);
    }
    concern(c, masks, changes, count);
    return berthi_contracts_charge(c->set, m->types_count);
}

/* ---------------------------------------------------------------- all of it */

berth_status berthi_contract_compare(const berthi_contract *old, const berthi_contract *now,
                                     berthi_comparison *comparison_out)
{
    compare c = { .old = old, .now = now, .set = now->set };
    berthi_relation relation;

    c.tail = &c.first;
    if (c.set->status != BERTH_OK || !compare_keys(&c) || !compare_all(&c) ||
        !compare_order(&c) || !add_concerned(&c))
        return c.set->status;
    relation = c.count == 0 ? BERTHI_RELATION_EQUAL : BERTHI_RELATION_EXTENDED;
    for (const berthi_change *change = c.first; change != NULL; change = change->next)
        if ((change->breaks & BERTHI_BREAKS_CALLERS) != 0)
            relation = BERTHI_RELATION_BREAKING;
    /* One digest if and only if there is no change; order among items is told by compare_order(). */
    assert((c.count == 0) == (memcmp(old->digest, now->digest, 32) == 0));
    *comparison_out =
        (berthi_comparison){ .relation = relation, .count = c.count, .changes = c.first };
    return BERTH_OK;
}

const char *berthi_relation_name(berthi_relation relation)
{
    static const char *const names[] = { "", "equal", "extended", "breaking" };

    return names[relation];
}

void berthi_change_print(const berthi_change *change, berthi_text_buf *out)
{
    static const char *const breaks[] = { "breaks nobody", "breaks callers", "breaks plugins",
                                          "breaks callers and plugins" };

    berthi_text_buf_putf(out, "%s `%s`", change->what, change->name);
    if (change->home != NULL)
        berthi_text_buf_putf(out, " of `%s`", change->home);
    berthi_text_buf_putf(out, "%s %s; %s", change->kind == BERTHI_CHANGE_CHANGED ? ":" : "",
                         change->text, breaks[change->breaks]);
    if (change->funcs_count == 0)
        return;
    berthi_text_buf_puts(out, " of");
    for (uint32_t i = 0; i < change->funcs_count && i < BERTHI_CHANGE_FUNCS_MAX; i++)
        berthi_text_buf_putf(out, "%s `%s`", i == 0 ? "" : ",", change->funcs[i]);
    if (change->funcs_count > BERTHI_CHANGE_FUNCS_MAX)
        berthi_text_buf_putf(out, " and %u more",
                             (unsigned)(change->funcs_count - BERTHI_CHANGE_FUNCS_MAX));
}
