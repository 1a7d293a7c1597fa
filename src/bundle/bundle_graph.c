/* bundle_graph.c - who gives what to whom, what is wrong with that, and an order to load in.
 * Layer: bundle.
 *
 * Nothing stops at the first problem: every one is said.  No step recurses: chains of bundles are as
 * long as somebody makes them. */
#include "bundle/bundle.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/diag.h"
#include "contract/wit_words.h"

#define NONE BERTHI_NODE_NONE

enum { PROBLEM_TEXT_MAX = 1024 };

void berthi_problems_init(berthi_problems *problems)
{
    *problems = (berthi_problems){ .first = NULL };
    problems->tail = &problems->first;
}

bool berthi_problems_add(berthi_problems *problems, berthi_arena *arena,
                         berthi_problem_kind kind, uint32_t node, const char *format, ...)
{
    berthi_problem *problem = berthi_arena_alloc(arena, sizeof *problem);
    char text[PROBLEM_TEXT_MAX];
    va_list args;

    va_start(args, format);
    if (vsnprintf(text, sizeof text, format, args) < 0)
        text[0] = '\0';
    va_end(args);
    if (problem == NULL)
        return false;
    problem->kind = kind;
    problem->node = node;
    problem->text = berthi_arena_strndup(arena, text, strlen(text));
    *problems->tail = problem;
    problems->tail = &problem->next;
    problems->count++;
    return problem->text != NULL;
}

const char *berthi_problem_kind_name(berthi_problem_kind kind)
{
    static const char *const names[] = { "",          "malformed", "duplicate", "missing",
                                         "ambiguous", "cycle",     "pin",       "artifact" };

    return names[kind];
}

/* ---------------------------------------------------------------- choosing */

bool berthi_pin_applies(const berth_bundle_pin *pin, const berthi_bundle_contract *needed)
{
    size_t size = strlen(needed->name);

    if (strncmp(pin->contract, needed->name, size) != 0)
        return false;
    if (pin->contract[size] == '\0')
        return true;
    return pin->contract[size] == '@' && berthi_wit_is_version(pin->contract + size + 1) &&
           (berthi_version_serves(pin->contract + size + 1, needed->version) ||
            berthi_version_serves(needed->version, pin->contract + size + 1));
}

/* The only bundle that may serve it; NULL: any. */
static const char *pinned(const berthi_bundle_contract *needed, const berth_bundle_pin *pins,
                          uint32_t count)
{
    if (needed->bundle != NULL)
        return needed->bundle;
    for (uint32_t i = 0; i < count; i++)
        if (berthi_pin_applies(&pins[i], needed))
            return pins[i].bundle;
    return NULL;
}

/* Above 0: `a` is the better one.  0: nothing says so, and they are different bundles. */
static int compare(const berthi_manifest *a, const berthi_manifest *b,
                   const berthi_bundle_contract *needed)
{
    int order = (a->priority > b->priority) - (a->priority < b->priority);

    if (order != 0 || strcmp(a->name, b->name) != 0)
        return order;
    order = berthi_wit_compare_versions(berthi_manifest_provides(a, needed)->version,
                                        berthi_manifest_provides(b, needed)->version);
    return order != 0 ? order : berthi_wit_compare_versions(a->version, b->version);
}

uint32_t berthi_graph_choose(const berthi_manifest *const *manifests, uint32_t count,
                             const berthi_bundle_contract *needed, uint32_t but,
                             const berth_bundle_pin *pins, uint32_t pins_count,
                             uint32_t *tied_out)
{
    const char *only = pinned(needed, pins, pins_count);
    uint32_t best = NONE;

    *tied_out = NONE;
    for (uint32_t i = 0; i < count; i++) {
        int order;

        if (i == but || (only != NULL && strcmp(manifests[i]->name, only) != 0) ||
            berthi_manifest_provides(manifests[i], needed) == NULL)
            continue;
        order = best == NONE ? 1 : compare(manifests[i], manifests[best], needed);
        if (order > 0) {
            /* A tie with a better one than `best` was is none; its own other versions are none
             * either, since the highest is compared with all. */
            if (best == NONE || manifests[i]->priority != manifests[best]->priority ||
                strcmp(manifests[i]->name, manifests[best]->name) != 0)
                *tied_out = NONE;
            best = i;
        } else if (order == 0 && strcmp(manifests[i]->name, manifests[best]->name) != 0) {
            *tied_out = i;
        }
    }
    return best;
}

/* ---------------------------------------------------------------- what is missing */

typedef struct maker {
    const berthi_manifest *const *manifests;
    uint32_t count, settled;
    const berth_bundle_pin *pins;
    uint32_t pins_count;
    berthi_arena *arena;
    berthi_graph *graph;
} maker;

/* What comes near: the contract in other versions, or of another bundle. */
static void put_near(const maker *m, const berthi_bundle_contract *needed, uint32_t but,
                     char *out, size_t room)
{
    size_t used = 0;

    out[0] = '\0';
    for (uint32_t i = 0; i < m->count && used < room; i++) {
        const berthi_manifest *it = m->manifests[i];

        for (uint32_t p = 0; i != but && p < it->provides_count && used < room; p++)
            if (strcmp(it->provides[p].name, needed->name) == 0)
                used += (size_t)snprintf(out + used, room - used, "%s%s of bundle %s %s",
                                         used == 0 ? "; there is " : ", ",
                                         it->provides[p].version, it->name, it->version);
    }
}

static bool add_missing(maker *m, uint32_t node, const berthi_bundle_contract *needed)
{
    const char *only = pinned(needed, m->pins, m->pins_count);
    const berthi_manifest *self = m->manifests[node];
    char near[512];

    put_near(m, needed, node, near, sizeof near);
    return berthi_problems_add(&m->graph->problems, m->arena, BERTHI_PROBLEM_MISSING, node,
                               "%s %s requires %s%s%s, which no bundle provides%s", self->name,
                               self->version, needed->text, only == NULL ? "" : " of bundle ",
                               only == NULL ? "" : only, near);
}

static bool resolve_need(maker *m, uint32_t node, uint32_t need)
{
    const berthi_manifest *self = m->manifests[node];
    const berthi_bundle_contract *needed = &self->needs[need];
    berthi_node *n = &m->graph->nodes[node];
    uint32_t tied, best = berthi_graph_choose(m->manifests, m->count, needed, node, m->pins,
                                              m->pins_count, &tied);

    if (best == NONE && needed->is_optional)
        return true;
    n->is_stuck |= best == NONE || tied != NONE;
    if (best == NONE)
        return add_missing(m, node, needed);
    if (tied == NONE) {
        n->providers[need] = best;
        return true;
    }
    return berthi_problems_add(
        &m->graph->problems, m->arena, BERTHI_PROBLEM_AMBIGUOUS, node,
        "%s %s requires %s, which %s and %s provide with priority %d; pin one, or give one a "
        "higher priority",
        self->name, self->version, needed->text,
        strcmp(m->manifests[best]->name, m->manifests[tied]->name) < 0
            ? m->manifests[best]->name
            : m->manifests[tied]->name,
        strcmp(m->manifests[best]->name, m->manifests[tied]->name) < 0
            ? m->manifests[tied]->name
            : m->manifests[best]->name,
        (int)m->manifests[best]->priority);
}

static bool resolve(maker *m)
{
    for (uint32_t i = 0; i < m->count; i++) {
        const berthi_manifest *it = m->manifests[i];
        berthi_node *n = &m->graph->nodes[i];

        n->manifest = it;
        n->providers = berthi_arena_array(m->arena, it->requires_count, sizeof *n->providers);
        if (n->providers == NULL)
            return false;
        for (uint32_t need = 0; need < it->requires_count; need++)
            n->providers[need] = NONE;
        if (i < m->settled)
            continue;
        for (uint32_t j = 0; j < i; j++)
            if (strcmp(it->name, m->manifests[j]->name) == 0 &&
                berthi_wit_compare_versions(it->version, m->manifests[j]->version) == 0) {
                n->is_stuck = true;
                if (!berthi_problems_add(
                        &m->graph->problems, m->arena, BERTHI_PROBLEM_DUPLICATE, i,
                        "%s %s is there more than once", it->name, it->version))
                    return false;
                break;
            }
        for (uint32_t need = 0; need < it->requires_count; need++)
            if (!resolve_need(m, i, need))
                return false;
    }
    return true;
}

/* ---------------------------------------------------------------- circles */

/* Tarjan's algorithm with a stack of its own. */
typedef struct circles {
    maker *m;
    uint32_t *index, *low, *next; /* by node; index 0: not seen; next: need to look at */
    bool *is_open;
    uint32_t *path, *open; /* path: the recursion that there is not; open: Tarjan's stack */
    uint32_t path_count, open_count, seen;
} circles;

static int by_name(const maker *m, uint32_t a, uint32_t b)
{
    int order = strcmp(m->manifests[a]->name, m->manifests[b]->name);

    if (order == 0)
        order = berthi_wit_compare_versions(m->manifests[a]->version, m->manifests[b]->version);
    return order != 0 ? order : (a > b) - (a < b);
}

/* The circle is what is open from `from` on; it is told in the order of names. */
static bool add_circle(circles *c, uint32_t from)
{
    const maker *m = c->m;
    char text[512] = "";
    size_t used = 0;

    for (uint32_t i = from; i < c->open_count; i++) {
        uint32_t node = c->open[i], at = i;

        m->graph->nodes[node].is_stuck = true;
        for (; at > from && by_name(m, node, c->open[at - 1]) < 0; at--)
            c->open[at] = c->open[at - 1];
        c->open[at] = node;
    }
    for (uint32_t i = from; i < c->open_count && used < sizeof text; i++)
        used +=
            (size_t)snprintf(text + used, sizeof text - used, "%s%s %s", i == from ? "" : ", ",
                             m->manifests[c->open[i]]->name, m->manifests[c->open[i]]->version);
    return berthi_problems_add(&m->graph->problems, m->arena, BERTHI_PROBLEM_CYCLE,
                               c->open[from], "%s require each other in a circle", text);
}

static void enter(circles *c, uint32_t node)
{
    c->index[node] = c->low[node] = ++c->seen;
    c->open[c->open_count++] = node;
    c->is_open[node] = true;
    c->path[c->path_count++] = node;
}

/* Behind all needs of the innermost node.  False: no memory. */
static bool leave(circles *c)
{
    uint32_t node = c->path[--c->path_count], from = c->open_count;

    if (c->path_count > 0) {
        uint32_t above = c->path[c->path_count - 1];

        if (c->low[node] < c->low[above])
            c->low[above] = c->low[node];
    }
    if (c->low[node] != c->index[node])
        return true;
    do
        c->is_open[c->open[--from]] = false;
    while (c->open[from] != node);
    if (c->open_count - from > 1 && !add_circle(c, from))
        return false;
    c->open_count = from;
    return true;
}

static bool follow(circles *c, uint32_t start)
{
    enter(c, start);
    while (c->path_count > 0) {
        uint32_t node = c->path[c->path_count - 1], provider;
        const berthi_node *n = &c->m->graph->nodes[node];

        if (c->next[node] == n->manifest->requires_count) {
            if (!leave(c))
                return false;
            continue;
        }
        provider = n->providers[c->next[node]++];
        if (provider == NONE)
            continue;
        if (c->index[provider] == 0)
            enter(c, provider);
        else if (c->is_open[provider] && c->index[provider] < c->low[node])
            c->low[node] = c->index[provider];
    }
    return true;
}

static bool find_circles(maker *m)
{
    berthi_arena *a = m->arena;
    circles c = { .m = m };

    c.index = berthi_arena_array(a, m->count, sizeof *c.index);
    c.low = berthi_arena_array(a, m->count, sizeof *c.low);
    c.next = berthi_arena_array(a, m->count, sizeof *c.next);
    c.path = berthi_arena_array(a, m->count, sizeof *c.path);
    c.open = berthi_arena_array(a, m->count, sizeof *c.open);
    c.is_open = berthi_arena_array(a, m->count, sizeof *c.is_open);
    if (c.index == NULL || c.low == NULL || c.next == NULL || c.path == NULL ||
        c.open == NULL || c.is_open == NULL)
        return false;
    for (uint32_t i = 0; i < m->count; i++)
        if (c.index[i] == 0 && !follow(&c, i))
            return false;
    return true;
}

/* ---------------------------------------------------------------- order */

static bool is_ready(const berthi_graph *g, uint32_t node, const bool *is_done)
{
    const berthi_node *n = &g->nodes[node];

    for (uint32_t i = 0; i < n->manifest->requires_count; i++)
        if (n->providers[i] != NONE && !is_done[n->providers[i]])
            return false;
    return !n->is_stuck;
}

/* The first name of those that are ready comes next, so that the order is always the same. */
static bool make_order(maker *m)
{
    berthi_graph *g = m->graph;
    bool *is_done = berthi_arena_array(m->arena, m->count, sizeof *is_done);

    g->order = berthi_arena_array(m->arena, m->count, sizeof *g->order);
    if (g->order == NULL || is_done == NULL)
        return false;
    for (;;) {
        uint32_t best = NONE;

        for (uint32_t i = 0; i < m->count; i++)
            if (!is_done[i] && (best == NONE || by_name(m, i, best) < 0) &&
                is_ready(g, i, is_done))
                best = i;
        if (best == NONE)
            break;
        is_done[best] = true;
        g->order[g->order_count++] = best;
    }
    for (uint32_t i = 0; i < m->count; i++)
        g->nodes[i].is_stuck = !is_done[i];
    return true;
}

berth_status berthi_graph_make(const berthi_manifest *const *manifests, uint32_t count,
                               uint32_t settled, const berth_bundle_pin *pins,
                               uint32_t pins_count, berthi_arena *arena,
                               berthi_graph *graph_out, berth_diag *diag)
{
    maker m = { manifests, count, settled, pins, pins_count, arena, graph_out };

    *graph_out = (berthi_graph){ .count = count };
    berthi_problems_init(&graph_out->problems);
    graph_out->nodes = berthi_arena_array(arena, count, sizeof *graph_out->nodes);
    if (graph_out->nodes != NULL && resolve(&m) && find_circles(&m) && make_order(&m))
        return BERTH_OK;
    return berthi_fail(diag, BERTH_E_NOMEM, "no memory to order bundles");
}
