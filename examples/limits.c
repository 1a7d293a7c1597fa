/* limits.c - what a host is told when a plugin misbehaves, and that the slot goes on serving.
 *
 *     limits greedy.wasm
 *
 * @args {guests}/ex_greedy.wasm */
#include <stdio.h>

#include <berth/slot.h>

static int expect(berth_slot *slot, berth_arena *arena, const char *hook, berth_status want)
{
    berth_call call = BERTH_CALL_INIT;
    berth_reply reply;
    berth_diag diag;
    berth_status status = berth_slot_hook(slot, hook, &call.hook, &diag);

    if (status != BERTH_OK)
        return 1;
    call.arena = arena;
    call.input = "x";
    call.input_size = 1;
    if (want == BERTH_E_DEADLINE)
        call.deadline_ns = 20 * 1000 * 1000; /* 20 ms; else the slot's */
    status = berth_slot_call(slot, &call, &reply, &diag);
    printf("%-8s %-9s %-12s %s\n", hook, berth_status_name(status),
           status == BERTH_OK ? "" : berth_reason_name((berth_reason)diag.reason),
           status == BERTH_OK ? "" : diag.text);
    if (status != want)
        return 1;
    call.deadline_ns = 0;
    call.input_size = 0; /* the next call gets a new instance and is well */
    status = berth_slot_call(slot, &call, &reply, &diag);
    return status != BERTH_OK || !reply.is_dropped;
}

int main(int argc, char **argv)
{
    berth_slot_options options = BERTH_SLOT_OPTIONS_INIT;
    berth_runtime *runtime = NULL;
    berth_slot *slot = NULL;
    berth_arena *arena = NULL;
    berth_diag diag;
    int failed = 1;

    if (argc != 2) {
        fprintf(stderr, "usage: limits PLUGIN\n");
        return 2;
    }
    options.name = "greedy";
    options.deadline_ns = UINT64_C(2000) * 1000 * 1000;
    if (berth_runtime_create(NULL, &runtime, &diag) == BERTH_OK &&
        berth_slot_open(runtime, &options, &slot, &diag) == BERTH_OK &&
        berth_slot_install_file(slot, argv[1], NULL, &diag) == BERTH_OK &&
        berth_arena_create(NULL, 0, &arena, &diag) == BERTH_OK)
        failed = expect(slot, arena, "spin", BERTH_E_DEADLINE) |
                 expect(slot, arena, "recurse", BERTH_E_LIMIT) |
                 expect(slot, arena, "trap", BERTH_E_TRAP) |
                 expect(slot, arena, "lie", BERTH_E_ABI);
    else
        fprintf(stderr, "limits: %s\n", diag.text);
    berth_arena_destroy(arena);
    berth_slot_release(slot);
    berth_runtime_destroy(runtime);
    return failed;
}
