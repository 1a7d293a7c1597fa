/* mutation_test.c - a small plugin with one byte changed, to every other value: each is installed
 * as any artifact is (digest, admission, compilation, start, probe, publication), and called when
 * it got through.  No crash, no hang, no leak; what is refused says why and changes nothing.
 *
 * The interpreter does all of them where nothing slows it down.  On Wasmtime, and in the builds
 * with sanitizers, some seconds are spent, on all bytes for one difference after the other; how
 * far that went is printed (a release build gets through on a quiet machine).
 * BERTH_TEST_MUTATIONS=all goes on to the end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "process.h"
#include "slot_rig.h"

enum { DIFFERENCES = 255, BUDGET_MS = 15000, SLOW_BUDGET_MS = 2500, HANG_MS = 100000 };

typedef struct mutants {
    slot_rig *rig;
    berth_slot *slot;
    uint8_t *bytes, *copy;
    size_t size;
    uint64_t tried, refused, changed, longest_ns;
    uint32_t hook;
} mutants;

/* Single bits first, then whole bytes, then the rest. */
static uint8_t difference_of(unsigned n)
{
    static const uint8_t first[] = { 1, 2, 4, 8, 16, 32, 64, 128, 0xff, 0x7f };

    if (n < sizeof first)
        return first[n];
    n -= (unsigned)sizeof first;
    for (unsigned d = 1;; d++)
        if (memchr(first, (int)d, sizeof first) == NULL && n-- == 0)
            return (uint8_t)d;
}

static void try_mutant(mutants *m, size_t at, uint8_t difference)
{
    slot_rig *r = m->rig;
    uint64_t began = slot_rig_now_ns(), before = slot_rig_stats(m->slot).version, took;
    berth_status status;

    m->copy[at] = m->bytes[at] ^ difference;
    memset(&r->diag, 0, sizeof r->diag);
    status = berth_slot_install(m->slot, m->copy, m->size, NULL, &r->diag);
    if (status == BERTH_OK) {
        berth_call call = BERTH_CALL_INIT;
        berth_reply reply;

        call.hook = m->hook;
        call.arena = r->arena;
        (void)!berth_slot_call(m->slot, &call, &reply, &r->diag);
        berth_arena_reset(r->arena);
        assert_int_equal(slot_rig_stats(m->slot).version, before + 1);
        m->changed++;
    } else {
        if (r->diag.status != (int32_t)status || r->diag.text[0] == '\0')
            fail_msg("byte %zu ^ %02x: %s without a reason", at, difference,
                     berth_status_name(status));
        assert_int_equal(slot_rig_stats(m->slot).version, before);
        m->refused++;
    }
    m->copy[at] = m->bytes[at];
    m->tried++;
    took = slot_rig_now_ns() - began;
    if (took > m->longest_ns)
        m->longest_ns = took;
}

/* The slot's deadlines are short, so that mutants which loop cost little.  A sound plugin may miss one on
 * a busy machine, but not for ever. */
static void serve_sound(mutants *m, uint64_t version)
{
    slot_rig *r = m->rig;

    assert_int_equal(slot_rig_install_at_last(r, m->slot, 1), version);
    slot_rig_wait_until(slot_rig_answer(r, m->slot) == 1);
}

static bool does_all(const slot_rig *r)
{
    const char *said = getenv("BERTH_TEST_MUTATIONS");

    bool is_quick = strcmp(r->engine, "interp") == 0 && slot_rig_slowness(r) == 10;

    return is_quick || (said != NULL && strcmp(said, "all") == 0);
}

static void a_plugin_with_any_byte_changed_does_no_harm(void **state)
{
    slot_rig *r = *state;
    mutants m = { .rig = r };
    berth_slot_options opt = BERTH_SLOT_OPTIONS_INIT;
    bool is_slow = slot_rig_slowness(r) > 1;
    uint64_t until = slot_rig_now_ns() + (is_slow ? SLOW_BUDGET_MS : BUDGET_MS) * MS;
    size_t descriptors = process_descriptors(), threads = process_threads();
    unsigned n;

    m.bytes = plugin_answering(5, &m.size);
    m.copy = malloc(m.size);
    assert_non_null(m.copy);
    memcpy(m.copy, m.bytes, m.size);
    opt.probe_deadline_ns = opt.deadline_ns = 5 * MS;
    m.slot = slot_rig_open(r, "a", &opt);
    m.hook = slot_rig_hook(r, m.slot, "do");
    serve_sound(&m, 1);
    for (n = 0; n < DIFFERENCES && (does_all(r) || slot_rig_now_ns() < until); n++)
        for (size_t at = 0; at < m.size; at++)
            try_mutant(&m, at, difference_of(n));
    print_message(
        "             %s: %llu of %llu mutations (%u of %d values of each of %zu bytes): "
        "%llu refused, %llu served; the longest took %llu ms\n",
        r->engine, (unsigned long long)m.tried, (unsigned long long)m.size * DIFFERENCES, n,
        DIFFERENCES, m.size, (unsigned long long)m.refused, (unsigned long long)m.changed,
        (unsigned long long)(m.longest_ns / MS));
    assert_true(m.refused > 0 && m.changed > 0); /* a description may change */
    assert_true(m.longest_ns < HANG_MS * MS);
    assert_int_equal(slot_rig_stats(m.slot).version, 1 + m.changed);
    serve_sound(&m, 2 + m.changed); /* nothing of it stayed */
    slot_rig_wait_reaped(r);
    assert_int_equal(process_descriptors(), descriptors);
    assert_true(process_waits_for_threads(threads));
    free(m.copy);
    free(m.bytes);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        slot_test(a_plugin_with_any_byte_changed_does_no_harm),
    };

    return slot_rig_run("changed bytes", tests, sizeof tests / sizeof *tests);
}
