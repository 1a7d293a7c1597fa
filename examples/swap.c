/* swap.c - a plugin is replaced a hundred times while another thread calls it without pause.
 *
 *     swap redact-v1.wasm redact-v2.wasm redact
 *
 * @args {guests}/redact-v1.wasm {guests}/redact-v2.wasm redact */
#include <berth/slot.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

static berth_slot *slot;
static atomic_ulong calls;
static atomic_int done;

static void must(berth_status status, const berth_diag *diag)
{
    if (status != BERTH_OK) {
        fprintf(stderr, "swap: %s: %s\n", berth_status_name(status), diag->text);
        exit(1);
    }
}

static void *call_without_pause(void *hook)
{
    berth_call call = BERTH_CALL_INIT;
    berth_reply reply = { .version = 0 };
    berth_diag diag;

    must(berth_arena_create(NULL, 0, &call.arena, &diag), &diag);
    must(berth_slot_hook(slot, hook, &call.hook, &diag), &diag);
    call.input = "203.0.113.9 GET /";
    call.input_size = 17;
    for (; !atomic_load(&done); atomic_fetch_add(&calls, 1)) {
        berth_arena_reset(call.arena);
        /* Never fails because of a swap, and never waits for one. */
        must(berth_slot_call(slot, &call, &reply, &diag), &diag);
    }
    printf("%lu calls, none failed; version %d answered the last: %.*s\n", atomic_load(&calls),
           (int)reply.version, (int)reply.size, (const char *)reply.data);
    berth_arena_destroy(call.arena);
    return NULL;
}

int main(int argc, char **argv) /* PLUGIN OTHER-PLUGIN HOOK */
{
    berth_slot_options options = BERTH_SLOT_OPTIONS_INIT;
    berth_runtime *runtime;
    pthread_t caller;
    berth_diag diag;

    if (argc != 4)
        return 2;
    options.name = "filter";
    options.deadline_ns = 10000000000; /* of one call, by the wall clock */
    must(berth_runtime_create(NULL, &runtime, &diag), &diag);
    must(berth_slot_open(runtime, &options, &slot, &diag), &diag);
    must(berth_slot_install_file(slot, argv[1], NULL, &diag), &diag);
    if (pthread_create(&caller, NULL, call_without_pause, argv[3]) != 0)
        return 1;
    for (unsigned i = 1; i <= 100; i++) {
        for (unsigned long enough = atomic_load(&calls) + 200; atomic_load(&calls) < enough;)
            continue; /* so that each version is called before it is replaced */
        must(berth_slot_install_file(slot, argv[1 + i % 2], NULL, &diag), &diag);
    }
    atomic_store(&done, 1);
    pthread_join(caller, NULL);
    berth_slot_release(slot);
    berth_runtime_destroy(runtime); /* waits until the last old version has gone */
    return 0;
}
