/* host.c - one host, one contract, and whatever plugins the command line names, swapped under load.
 *
 *     demo_contract WIT ROUNDS LOG PLUGIN...
 *
 * Two threads count words through the typed stub, each its own word, as fast as they can.  Meanwhile
 * the plugins take each other's place, ROUNDS times all of them, and each gets what the one before it
 * knew.  LOG receives what was seen from here, for a program that trusts none of it (verify.py):
 *
 *     call THREAD TOTAL          a call, in the thread's order, and the total that it was told
 *     swap BUILD SUM PLUGIN      behind a swap: who answers, and the words that it knows of
 *     top WORD TIMES             at the end
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <berth/contract.h>
#include <berth/runtime.h>

#include <tally_host.h>

enum {
    THREADS = 2,
    CALLS_MIN = 200,    /* of each thread, between two swaps */
    CALLS_MAX = 100000, /* the same; then it waits, so that what is noted has a bound */
    WORDS_MAX = 100
};

typedef struct caller {
    pthread_t thread;
    const tally_slot *slot;
    const char *word;
    uint64_t *totals;
    _Atomic(uint32_t) count, allowed;
    _Atomic(bool) *stop;
    _Atomic(bool) has_failed; /* `status` and `diag` say how, once the thread has ended */
    berth_diag diag;
    berth_status status;
} caller;

static void must(berth_status status, const char *what, const berth_diag *diag)
{
    if (status == BERTH_OK)
        return;
    fprintf(stderr, "demo_contract: %s: %s: %s\n", what, berth_status_name(status), diag->text);
    exit(1);
}

static void pause_briefly(void)
{
    const struct timespec pause = { 0, 200000 };

    nanosleep(&pause, NULL);
}

static void *count_words(void *arg)
{
    caller *c = arg;
    const berth_string word = { c->word, strlen(c->word) };
    berth_arena *arena = NULL;
    uint32_t n = 0;

    c->status = berth_arena_create(NULL, 0, &arena, &c->diag);
    while (c->status == BERTH_OK && !atomic_load(c->stop)) {
        if (n == atomic_load(&c->allowed)) {
            pause_briefly();
            continue;
        }
        c->status = tally_counting_add(c->slot, arena, word, &c->totals[n], &c->diag);
        if (c->status == BERTH_OK)
            atomic_store(&c->count, ++n);
        berth_arena_reset(arena);
    }
    berth_arena_destroy(arena);
    atomic_store(&c->has_failed, c->status != BERTH_OK);
    return NULL;
}

/* Until each thread has called so often again, or one of them failed. */
static bool wait_for(caller *callers)
{
    for (unsigned i = 0; i < THREADS; i++) {
        uint32_t before = atomic_load(&callers[i].count), now = before;

        atomic_fetch_add(&callers[i].allowed, CALLS_MAX);
        while (now - before < CALLS_MIN) {
            pause_briefly();
            now = atomic_load(&callers[i].count);
            if (atomic_load(&callers[i].has_failed))
                return false;
        }
    }
    return true;
}

/* Who answers now, and of how many words it knows. */
static void look(const tally_slot *slot, berth_arena *arena, const char *plugin, FILE *log)
{
    tally_list_counting_line top;
    berth_string build;
    berth_diag diag = { 0 };
    uint64_t sum = 0;

    must(tally_build(slot, arena, &build, &diag), "build", &diag);
    must(tally_counting_top(slot, arena, WORDS_MAX, &top, &diag), "top", &diag);
    for (size_t i = 0; i < top.count; i++)
        sum += top.data[i].times;
    fprintf(log, "swap %.*s %llu %s\n", (int)build.size, build.text, (unsigned long long)sum,
            plugin);
    berth_arena_reset(arena);
}

static void write_end(const tally_slot *slot, berth_arena *arena, caller *callers, FILE *log)
{
    tally_list_counting_line top;
    berth_diag diag = { 0 };

    for (unsigned i = 0; i < THREADS; i++)
        for (uint32_t n = 0; n < callers[i].count; n++)
            fprintf(log, "call %u %llu\n", i, (unsigned long long)callers[i].totals[n]);
    must(tally_counting_top(slot, arena, WORDS_MAX, &top, &diag), "top", &diag);
    for (size_t i = 0; i < top.count; i++)
        fprintf(log, "top %.*s %llu\n", (int)top.data[i].word.size, top.data[i].word.text,
                (unsigned long long)top.data[i].times);
}

static void run(berth_slot *slot, const tally_slot *typed, size_t rounds, char **plugins,
                size_t plugins_count, FILE *log)
{
    static const char *const words[THREADS] = { "berth", "quay" };
    caller callers[THREADS] = { { 0 } };
    _Atomic(bool) stop = false;
    berth_diag diag = { 0 };
    berth_arena *arena;
    size_t swaps = rounds * plugins_count;
    bool goes_on = true;

    must(berth_arena_create(NULL, 0, &arena, &diag), "an arena", &diag);
    must(berth_slot_install_file(slot, plugins[0], NULL, &diag), plugins[0], &diag);
    for (unsigned i = 0; i < THREADS; i++) {
        callers[i].slot = typed;
        callers[i].word = words[i];
        callers[i].stop = &stop;
        callers[i].totals = malloc((swaps + 1) * CALLS_MAX * sizeof *callers[i].totals);
        if (callers[i].totals == NULL ||
            pthread_create(&callers[i].thread, NULL, count_words, &callers[i]) != 0)
            exit(1);
    }
    for (size_t n = 1; n <= swaps && goes_on; n++) {
        const char *plugin = plugins[n % plugins_count];

        goes_on = wait_for(callers);
        must(berth_slot_install_file(slot, plugin, NULL, &diag), plugin, &diag);
        look(typed, arena, plugin, log);
    }
    (void)wait_for(callers);
    atomic_store(&stop, true);
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(callers[i].thread, NULL);
        must(callers[i].status, callers[i].word, &callers[i].diag);
    }
    write_end(typed, arena, callers, log);
    for (unsigned i = 0; i < THREADS; i++)
        free(callers[i].totals);
    berth_arena_destroy(arena);
}

int main(int argc, char **argv)
{
    berth_runtime_options options = BERTH_RUNTIME_OPTIONS_INIT;
    berth_slot_options slot_options = BERTH_SLOT_OPTIONS_INIT;
    const char *wit = argc < 6 ? NULL : argv[1];
    berth_contract *contract;
    berth_runtime *runtime;
    berth_slot *slot;
    tally_slot typed;
    berth_diag diag = { 0 };
    FILE *log;

    if (argc < 6) {
        fprintf(stderr, "usage: demo_contract WIT ROUNDS LOG PLUGIN PLUGIN...\n");
        return 2;
    }
    log = fopen(argv[3], "w");
    if (log == NULL) {
        perror(argv[3]);
        return 1;
    }
    must(berth_runtime_create(&options, &runtime, &diag), "the runtime", &diag);
    must(berth_contract_read(NULL, &wit, 1, NULL, "counting", &contract, &diag), wit, &diag);
    slot_options.name = "tally";
    slot_options.flags = BERTH_SLOT_STATE;
    slot_options.contract = contract;
    slot_options.deadline_ns = UINT64_C(60000000000); /* of a call that waits for a swap, too */
    slot_options.probe_deadline_ns = UINT64_C(60000000000);
    must(berth_slot_open(runtime, &slot_options, &slot, &diag), "the slot", &diag);
    berth_contract_destroy(contract);
    must(tally_bind(slot, &typed, &diag), "the bindings", &diag);
    run(slot, &typed, strtoul(argv[2], NULL, 10), argv + 4, (size_t)argc - 4, log);
    berth_slot_release(slot);
    berth_runtime_destroy(runtime);
    if (fclose(log) != 0) {
        perror(argv[3]);
        return 1;
    }
    return 0;
}
