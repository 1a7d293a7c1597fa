/* swap.c - a plugin is replaced a hundred times while another thread calls it without pause.
 *
 *     swap redact-v1.wasm redact-v2.wasm redact
 *
 * @args {guests}/redact-v1.wasm {guests}/redact-v2.wasm redact */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <berth/slot.h>

enum { SWAPS = 100, CALLS_BETWEEN = 200 };

static berth_slot *slot;
static uint32_t hook;
static atomic_ulong calls;
static atomic_bool done;

static void check(berth_status status, const berth_diag *diag)
{
    if (status == BERTH_OK)
        return;
    fprintf(stderr, "swap: %s: %s\n", berth_status_name(status), diag->text);
    exit(1);
}

static void *call_without_pause(void *unused)
{
    berth_call call = BERTH_CALL_INIT;
    uint64_t last = 0, seen = 0;
    berth_reply reply;
    berth_diag diag;

    (void)unused;
    check(berth_arena_create(NULL, 0, &call.arena, &diag), &diag);
    call.hook = hook;
    call.input = "203.0.113.9 GET /";
    call.input_size = 17;
    while (!atomic_load(&done)) {
        /* Never fails because of a swap, and never waits for one. */
        check(berth_slot_call(slot, &call, &reply, &diag), &diag);
        if (reply.version < last) {
            fprintf(stderr, "swap: an old version answered after a new one\n");
            exit(1);
        }
        seen += reply.version != last;
        last = reply.version;
        berth_arena_reset(call.arena);
        atomic_fetch_add(&calls, 1);
    }
    printf("%lu calls, none failed; %llu versions were seen\n", atomic_load(&calls),
           (unsigned long long)seen);
    berth_arena_destroy(call.arena);
    return NULL;
}

int main(int argc, char **argv)
{
    berth_slot_options options = BERTH_SLOT_OPTIONS_INIT;
    berth_runtime *runtime;
    pthread_t caller;
    berth_diag diag;

    if (argc != 4) {
        fprintf(stderr, "usage: swap PLUGIN OTHER-PLUGIN HOOK\n");
        return 2;
    }
    options.name = "filter";
    options.deadline_ns = UINT64_C(10000) * 1000 * 1000; /* of one call, by the wall clock */
    check(berth_runtime_create(NULL, &runtime, &diag), &diag);
    check(berth_slot_open(runtime, &options, &slot, &diag), &diag);
    check(berth_slot_install_file(slot, argv[1], NULL, &diag), &diag);
    check(berth_slot_hook(slot, argv[3], &hook, &diag), &diag);
    if (pthread_create(&caller, NULL, call_without_pause, NULL) != 0)
        return 1;
    for (unsigned i = 1; i <= SWAPS; i++) {
        unsigned long enough = atomic_load(&calls) + CALLS_BETWEEN;

        while (atomic_load(&calls) < enough)
            continue; /* so that each version is called before it is replaced */
        check(berth_slot_install_file(slot, argv[1 + i % 2], NULL, &diag), &diag);
    }
    atomic_store(&done, true);
    pthread_join(caller, NULL);
    berth_slot_release(slot);
    berth_runtime_destroy(runtime); /* waits until the last old version has gone */
    return 0;
}
