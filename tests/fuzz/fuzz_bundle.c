/* fuzz_bundle.c - manifests, keys and signatures from anybody.
 *
 * The first byte says which: a manifest, one of polyplug's, a key, a signature, or several manifests
 * (between NULs; those that begin with a `p` are polyplug's) whose needs are resolved.  Whatever it is, it is taken or refused with a reason, and what is taken keeps
 * what the headers promise. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bundle/polyplug.h"
#include "fuzz.h"

enum { MANIFESTS_MAX = 16 };

static void check_polyplug(const berthi_manifest *m)
{
    CHECK(m->polyplug->id == berthi_polyplug_id(m->name, strlen(m->name)));
    for (uint32_t i = 0; i < m->provides_count; i++)
        CHECK(m->provides[i].is_polyplug && strchr(m->provides[i].name, ':') == NULL);
    for (uint32_t i = 0; i < m->requires_count; i++)
        CHECK(m->needs[i].is_polyplug && m->polyplug->needs[i].id != 0);
}

static bool read_manifest(bool is_polyplug, const char *text, size_t size, berthi_arena *arena,
                          berthi_manifest *m)
{
    berthi_text source = { "f", text, size };
    berth_diag diag = { 0 };
    berth_status status = is_polyplug ? berthi_polyplug_manifest_read(&source, arena, m, &diag)
                                      : berthi_manifest_read(&source, arena, m, &diag);

    CHECK(status == BERTH_OK || status == BERTH_E_REJECTED || status == BERTH_E_LIMIT);
    CHECK(status == BERTH_OK || strncmp(diag.text, "f:", 2) == 0);
    if (status != BERTH_OK)
        return false;
    CHECK(strlen(m->name) <= BERTHI_BUNDLE_NAME_MAX);
    CHECK(strlen(m->slot) <= BERTH_NAME_SIZE_MAX);
    CHECK(m->artifacts_count >= 1 && m->artifacts_count <= BERTHI_BUNDLE_ENTRIES_MAX);
    for (uint32_t i = 0; i < m->artifacts_count; i++)
        CHECK(berthi_path_stays_below(m->artifacts[i].file));
    for (uint32_t i = 0; i < m->provides_count; i++)
        CHECK(berthi_manifest_provides(m, &m->provides[i]) != NULL);
    CHECK((m->polyplug != NULL) == is_polyplug);
    if (is_polyplug)
        check_polyplug(m);
    return true;
}

static void try_graph(const char *text, size_t size)
{
    berthi_manifest manifests[MANIFESTS_MAX];
    const berthi_manifest *all[MANIFESTS_MAX];
    static const berth_bundle_pin pin = { "a:b/c", "x" };
    uint32_t count = 0, stuck = 0;
    berthi_graph graph;
    berthi_arena arena;

    berthi_arena_init(&arena, &berthi_allocator_libc, SIZE_MAX);
    while (size > 0 && count < MANIFESTS_MAX) {
        const char *end = memchr(text, '\0', size);
        size_t step = end == NULL ? size : (size_t)(end - text);

        bool is_polyplug = step > 0 && *text == 'p';

        if (read_manifest(is_polyplug, text + is_polyplug, step - is_polyplug, &arena,
                          &manifests[count])) {
            all[count] = &manifests[count];
            count++;
        }
        step += end != NULL;
        text += step;
        size -= step;
    }
    CHECK(berthi_graph_make(all, count, 0, &pin, 1, &arena, &graph, NULL) == BERTH_OK);
    for (uint32_t i = 0; i < graph.order_count; i++) /* everything behind what it needs */
        for (uint32_t n = 0; n < all[graph.order[i]]->requires_count; n++) {
            uint32_t provider = graph.nodes[graph.order[i]].providers[n], before = 0;

            while (provider != BERTHI_NODE_NONE && before < i &&
                   graph.order[before] != provider)
                before++;
            CHECK(provider == BERTHI_NODE_NONE || before < i);
        }
    for (uint32_t i = 0; i < count; i++)
        stuck += graph.nodes[i].is_stuck;
    CHECK(stuck + graph.order_count == count);
    CHECK(stuck == 0 || graph.problems.count > 0);
    berthi_arena_fini(&arena);
}

static void try_key(const char *text, size_t size)
{
    char again[BERTH_KEY_TEXT_MAX];
    berth_key_pair pair;

    if (berth_key_read(text, size, &pair, NULL) != BERTH_OK)
        return;
    CHECK(berth_key_write(&pair, pair.has_secret, again) == size);
    CHECK(memcmp(again, text, size) == 0); /* one key, one text */
}

static void try_signature(const char *text, size_t size)
{
    static const uint8_t digest[BERTHI_SHA256_SIZE] = { 1 };
    berthi_trust trust = { BERTH_SIGNATURE_REQUIRE, 0, NULL };
    berthi_signed is_signed;

    berthi_signature_check(text, size, digest, &trust, &is_signed);
    CHECK(is_signed.state == BERTH_SIGNATURE_MALFORMED ||
          is_signed.state == BERTH_SIGNATURE_WRONG ||
          is_signed.state == BERTH_SIGNATURE_UNTRUSTED);
    CHECK(is_signed.why[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data + 1;
    berthi_manifest manifest;
    berthi_arena arena;

    if (size == 0)
        return 0;
    switch (data[0]) {
    case 'k':
        try_key(text, size - 1);
        break;
    case 's':
        try_signature(text, size - 1);
        break;
    case 'g':
        try_graph(text, size - 1);
        break;
    default:
        berthi_arena_init(&arena, &berthi_allocator_libc, SIZE_MAX);
        (void)read_manifest(data[0] == 'p', text, size - 1, &arena, &manifest);
        CHECK(arena.bytes <= 16384 + 200 * size);
        berthi_arena_fini(&arena);
    }
    return 0;
}
