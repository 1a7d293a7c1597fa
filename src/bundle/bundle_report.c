/* bundle_report.c - catalogues for people and for programs.  Layer: bundle. */
#include "base/diag.h"
#include "base/json_writer.h"
#include "bundle/bundle.h"

#define NONE BERTHI_NODE_NONE

struct berth_catalog {
    berth_allocator allocator;
    berthi_catalog found;
    berthi_graph graph;
    berthi_text_buf text, order, json;
};

static const char *state_name(uint32_t state)
{
    static const char *const names[] = { "unchecked", "good",  "unsigned",
                                         "malformed", "wrong", "untrusted" };

    return names[state];
}

/* ---------------------------------------------------------------- text */

static void put_provider(berthi_text_buf *b, const berthi_graph *g, const berthi_node *n,
                         uint32_t need)
{
    const berthi_bundle_contract *needed = &n->manifest->needs[need];

    if (n->providers[need] != NONE)
        berthi_text_buf_putf(b, "from %s %s", g->nodes[n->providers[need]].manifest->name,
                             g->nodes[n->providers[need]].manifest->version);
    else
        berthi_text_buf_puts(b,
                             needed->is_optional ? "(optional, from nobody)" : "from nobody");
}

static void put_bundle(berthi_text_buf *b, const berthi_bundle *bundle, const berthi_graph *g,
                       uint32_t node)
{
    const berthi_manifest *m = &bundle->manifest;

    berthi_text_buf_putf(b, "%s %s\n", m->name, m->version);
    if (m->description != NULL)
        berthi_text_buf_putf(b, "    %s\n", m->description);
    berthi_text_buf_putf(b, "    folder    %s\n    slot      %s\n", bundle->folder, m->slot);
    if (bundle->artifact != NULL)
        berthi_text_buf_putf(b, "    artifact  %s (%s)\n", bundle->artifact->file,
                             berthi_bundle_kind_name(bundle->artifact->kind));
    else
        berthi_text_buf_puts(b, "    artifact  none for this system\n");
    if (m->polyplug != NULL)
        berthi_text_buf_puts(b, "    format    polyplug, ABI 1\n");
    for (uint32_t i = 0; i < m->provides_count; i++)
        berthi_text_buf_putf(b, "    provides  %s\n", m->provides[i].text);
    for (uint32_t i = 0; i < m->requires_count; i++) {
        berthi_text_buf_putf(b, "    requires  %s ", m->needs[i].text);
        put_provider(b, g, &g->nodes[node], i);
        berthi_text_buf_puts(b, "\n");
    }
    if (m->priority != 0)
        berthi_text_buf_putf(b, "    priority  %d\n", (int)m->priority);
    if (bundle->signature.state != BERTH_SIGNATURE_UNCHECKED)
        berthi_text_buf_putf(b, "    signature %s%s%s\n", state_name(bundle->signature.state),
                             *bundle->signature.why == '\0' ? "" : ": ", bundle->signature.why);
}

static void put_problems(berthi_text_buf *b, const berthi_problems *problems)
{
    for (const berthi_problem *p = problems->first; p != NULL; p = p->next)
        berthi_text_buf_putf(b, "problem: %s: %s\n", berthi_problem_kind_name(p->kind),
                             p->text);
}

static void write_text(berth_catalog *c)
{
    for (uint32_t i = 0; i < c->found.count; i++)
        put_bundle(&c->text, c->found.bundles[i], &c->graph, i);
    put_problems(&c->text, &c->found.problems);
    put_problems(&c->text, &c->graph.problems);
}

static void write_order(berth_catalog *c)
{
    const berthi_graph *g = &c->graph;

    for (uint32_t i = 0; i < g->order_count; i++) {
        const berthi_node *n = &g->nodes[g->order[i]];

        berthi_text_buf_putf(&c->order, "%u  %s %s\n", (unsigned)i + 1, n->manifest->name,
                             n->manifest->version);
        for (uint32_t need = 0; need < n->manifest->requires_count; need++) {
            berthi_text_buf_putf(&c->order, "       %s ", n->manifest->needs[need].text);
            put_provider(&c->order, g, n, need);
            berthi_text_buf_puts(&c->order, "\n");
        }
    }
    for (uint32_t i = 0; i < g->count; i++)
        if (g->nodes[i].is_stuck)
            berthi_text_buf_putf(&c->order, "cannot be loaded: %s %s\n",
                                 g->nodes[i].manifest->name, g->nodes[i].manifest->version);
    put_problems(&c->order, &c->found.problems);
    put_problems(&c->order, &g->problems);
}

/* ---------------------------------------------------------------- JSON */

static void put_id(berthi_json_writer *w, const char *key, const berthi_manifest *m)
{
    berthi_json_object(w, key);
    berthi_json_string(w, "name", m->name);
    berthi_json_string(w, "version", m->version);
    berthi_json_end(w);
}

static void json_needs(berthi_json_writer *w, const berthi_graph *g, const berthi_node *n)
{
    berthi_json_array(w, "requires");
    for (uint32_t i = 0; i < n->manifest->requires_count; i++) {
        berthi_json_object(w, NULL);
        berthi_json_string(w, "contract", n->manifest->needs[i].text);
        berthi_json_string(w, "bundle", n->manifest->needs[i].bundle);
        berthi_json_bool(w, "optional", n->manifest->needs[i].is_optional);
        if (n->providers[i] == NONE)
            berthi_json_null(w, "provider");
        else
            put_id(w, "provider", g->nodes[n->providers[i]].manifest);
        berthi_json_end(w);
    }
    berthi_json_end(w);
}

static void json_bundle(berthi_json_writer *w, const berthi_bundle *b, const berthi_graph *g,
                        uint32_t node)
{
    const berthi_manifest *m = &b->manifest;
    char hex[BERTHI_SHA256_HEX_SIZE];

    berthi_json_object(w, NULL);
    berthi_json_string(w, "name", m->name);
    berthi_json_string(w, "version", m->version);
    berthi_json_string(w, "description", m->description);
    berthi_json_string(w, "folder", b->folder);
    berthi_json_string(w, "slot", m->slot);
    berthi_json_string(w, "format", m->polyplug == NULL ? "berth" : "polyplug");
    berthi_json_string(w, "reload", m->follows ? "with-dependencies" : "alone");
    berthi_json_object(w, "artifact");
    berthi_json_string(w, "file", b->artifact == NULL ? NULL : b->artifact->file);
    berthi_json_string(w, "kind",
                       b->artifact == NULL ? NULL : berthi_bundle_kind_name(b->artifact->kind));
    berthi_json_end(w);
    berthi_json_array(w, "provides");
    for (uint32_t i = 0; i < m->provides_count; i++)
        berthi_json_string(w, NULL, m->provides[i].text);
    berthi_json_end(w);
    json_needs(w, g, &g->nodes[node]);
    berthi_sha256_hex(b->digest, hex);
    berthi_json_string(w, "digest", b->is_digested ? hex : NULL);
    berthi_json_string(w, "signature", state_name(b->signature.state));
    berthi_json_bool(w, "loadable", !g->nodes[node].is_stuck && b->artifact != NULL);
    berthi_json_end(w);
}

static void json_problems(berthi_json_writer *w, const berthi_problems *problems,
                          const berthi_graph *g)
{
    for (const berthi_problem *p = problems->first; p != NULL; p = p->next) {
        berthi_json_object(w, NULL);
        berthi_json_string(w, "kind", berthi_problem_kind_name(p->kind));
        if (p->node == NONE)
            berthi_json_null(w, "bundle");
        else
            put_id(w, "bundle", g->nodes[p->node].manifest);
        berthi_json_string(w, "text", p->text);
        berthi_json_end(w);
    }
}

static void write_json(berth_catalog *c)
{
    const berthi_graph *g = &c->graph;
    berthi_json_writer w;

    berthi_json_init(&w, &c->json);
    berthi_json_object(&w, NULL);
    berthi_json_array(&w, "bundles");
    for (uint32_t i = 0; i < c->found.count; i++)
        json_bundle(&w, c->found.bundles[i], g, i);
    berthi_json_end(&w);
    berthi_json_array(&w, "order");
    for (uint32_t i = 0; i < g->order_count; i++)
        put_id(&w, NULL, g->nodes[g->order[i]].manifest);
    berthi_json_end(&w);
    berthi_json_array(&w, "problems");
    json_problems(&w, &c->found.problems, g);
    json_problems(&w, &g->problems, g);
    berthi_json_end(&w);
    berthi_json_end(&w);
}

/* ---------------------------------------------------------------- the object */

/* A set of bundles keeps pins for what is loaded later.  Here all is there, and a pin that chooses
 * nothing is a slip of the pen. */
static bool check_pins(berth_catalog *c, const berth_catalog_options *opt)
{
    berthi_graph *g = &c->graph;

    for (uint32_t p = 0; p < opt->pins_count; p++) {
        const berth_bundle_pin *pin = &opt->pins[p];
        bool is_used = false;

        for (uint32_t i = 0; i < g->count; i++)
            for (uint32_t need = 0; need < g->nodes[i].manifest->requires_count; need++)
                is_used |= g->nodes[i].manifest->needs[need].bundle == NULL &&
                           berthi_pin_applies(pin, &g->nodes[i].manifest->needs[need]);
        if (!is_used &&
            !berthi_problems_add(&g->problems, &c->found.arena, BERTHI_PROBLEM_PIN, NONE,
                                 "%.200s=%.80s chooses nothing: no bundle requires that "
                                 "contract, or those that do name the bundle themselves",
                                 pin->contract, pin->bundle))
            return false;
    }
    return true;
}

static berth_status make_graph(berth_catalog *c, const berth_catalog_options *opt,
                               berth_diag *diag)
{
    const berthi_manifest **all =
        berthi_arena_array(&c->found.arena, c->found.count, sizeof(berthi_manifest *));
    berth_status status;

    if (all == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "no memory for a catalogue");
    for (uint32_t i = 0; i < c->found.count; i++)
        all[i] = &c->found.bundles[i]->manifest;
    status = berthi_graph_make(all, c->found.count, 0, opt->pins, opt->pins_count,
                               &c->found.arena, &c->graph, diag);
    return status != BERTH_OK || check_pins(c, opt)
               ? status
               : berthi_fail(diag, BERTH_E_NOMEM, "no memory for a catalogue");
}

/* Whoever needs something of a bundle that no slot takes cannot be loaded either. */
static void mark_stuck(berth_catalog *c)
{
    berthi_graph *g = &c->graph;
    uint32_t kept = 0;

    for (const berthi_problem *p = c->found.problems.first; p != NULL; p = p->next)
        if (p->kind == BERTHI_PROBLEM_ARTIFACT)
            g->nodes[p->node].is_stuck = true;
    for (uint32_t i = 0; i < g->order_count; i++) { /* providers come first */
        berthi_node *n = &g->nodes[g->order[i]];

        for (uint32_t need = 0; need < n->manifest->requires_count; need++)
            n->is_stuck |= n->providers[need] != NONE && g->nodes[n->providers[need]].is_stuck;
        if (!n->is_stuck)
            g->order[kept++] = g->order[i];
    }
    g->order_count = kept;
}

static berth_status fill(berth_catalog *c, const char *const *paths, uint32_t count,
                         const berth_catalog_options *opt, berthi_judge *judge,
                         berth_diag *diag)
{
    berthi_trust trust = { opt->policy, opt->keys_count, opt->keys };
    berthi_bundle_reading how = { .allocator = &c->allocator,
                                  .trust = &trust,
                                  .artifact_bytes_max = opt->artifact_bytes_max,
                                  .with_bytes = opt->with_artifacts != 0,
                                  .drops_bytes = true,
                                  .judge = judge };
    berth_status status = berthi_catalog_read(&c->found, paths, count, &how, diag);

    if (status == BERTH_OK)
        status = make_graph(c, opt, diag);
    if (status != BERTH_OK)
        return status;
    mark_stuck(c);
    write_text(c);
    write_order(c);
    write_json(c);
    if (c->text.has_failed || c->order.has_failed || c->json.has_failed)
        return berthi_fail(diag, BERTH_E_NOMEM, "no memory for a catalogue");
    return BERTH_OK;
}

berth_status berthi_catalog_describe(const berth_allocator *a, const char *const *paths,
                                     uint32_t count, const berth_catalog_options *opt,
                                     berthi_judge *judge, berth_catalog **catalog_out,
                                     berth_diag *diag)
{
    berth_catalog *c = berthi_zalloc(a, sizeof *c);
    berth_status status;

    if (c == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "a catalogue");
    c->allocator = *a;
    berthi_catalog_init(&c->found, &c->allocator);
    berthi_text_buf_init(&c->text, &c->allocator);
    berthi_text_buf_init(&c->order, &c->allocator);
    berthi_text_buf_init(&c->json, &c->allocator);
    status = fill(c, paths, count, opt, judge, diag);
    if (status == BERTH_OK)
        *catalog_out = c;
    else
        berth_catalog_destroy(c);
    return status;
}

void berth_catalog_destroy(berth_catalog *catalog)
{
    berth_allocator a;

    if (catalog == NULL)
        return;
    berthi_text_buf_fini(&catalog->text);
    berthi_text_buf_fini(&catalog->order);
    berthi_text_buf_fini(&catalog->json);
    berthi_catalog_fini(&catalog->found);
    a = catalog->allocator;
    berthi_free(&a, catalog, sizeof *catalog);
}

uint32_t berth_catalog_bundles(const berth_catalog *catalog)
{
    return catalog->found.count;
}

uint32_t berth_catalog_problems(const berth_catalog *catalog)
{
    return catalog->found.problems.count + catalog->graph.problems.count;
}

static const char *text_of(const berthi_text_buf *b)
{
    return b->data == NULL ? "" : b->data;
}

const char *berth_catalog_text(const berth_catalog *catalog)
{
    return text_of(&catalog->text);
}

const char *berth_catalog_graph(const berth_catalog *catalog)
{
    return text_of(&catalog->order);
}

const char *berth_catalog_json(const berth_catalog *catalog)
{
    return text_of(&catalog->json);
}
