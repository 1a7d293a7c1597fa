/* hello.c - the shortest host: one slot, one plugin, one call.
 *
 *     hello upper-case.wasm upper "some text"
 *
 * @args {guests}/upper-case.wasm upper hello */
#include <stdio.h>
#include <string.h>

#include <berth/slot.h>

int main(int argc, char **argv)
{
    berth_slot_options options = BERTH_SLOT_OPTIONS_INIT;
    berth_call call = BERTH_CALL_INIT;
    berth_runtime *runtime = NULL;
    berth_slot *slot = NULL;
    berth_arena *arena = NULL;
    berth_reply reply;
    berth_diag diag;
    int failed = 1;

    if (argc != 4) {
        fprintf(stderr, "usage: hello PLUGIN HOOK TEXT\n");
        return 2;
    }
    options.name = "greeter";
    if (berth_runtime_create(NULL, &runtime, &diag) != BERTH_OK ||
        berth_slot_open(runtime, &options, &slot, &diag) != BERTH_OK ||
        berth_slot_install_file(slot, argv[1], NULL, &diag) != BERTH_OK ||
        berth_slot_hook(slot, argv[2], &call.hook, &diag) != BERTH_OK ||
        berth_arena_create(NULL, 0, &arena, &diag) != BERTH_OK)
        goto done;

    call.arena = arena; /* receives the reply, and is reset when the caller is done with it */
    call.input = argv[3];
    call.input_size = strlen(argv[3]);
    if (berth_slot_call(slot, &call, &reply, &diag) != BERTH_OK)
        goto done;
    printf("%.*s\n", (int)reply.size, (const char *)reply.data);
    failed = 0;

done:
    if (failed)
        fprintf(stderr, "hello: %s: %s\n", berth_status_name((berth_status)diag.status),
                diag.text);
    berth_arena_destroy(arena);
    berth_slot_release(slot);
    berth_runtime_destroy(runtime);
    return failed;
}
