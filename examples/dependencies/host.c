/* host.c - two bundles, of which one calls the other, and a new version of what is called.
 *
 *     ./dependencies BUNDLES NEW apple bread
 *
 * BUNDLES is a folder with both; NEW has another version of the one that is called.  The host calls the
 * till alone.  It neither knows that this needs prices nor notices when somebody else has them. */
#include <stdio.h>
#include <string.h>

#include <berth/bundle.h>
#include <berth/runtime.h>

#include <checkout_host.h>

static int fail(berth_status status, const berth_diag *diag)
{
    fprintf(stderr, "%s: %s\n", berth_status_name(status), diag->text);
    return 1;
}

static berth_status print_bill(const checkout_slot *till, berth_arena *arena,
                               checkout_list_string items, berth_diag *diag)
{
    checkout_result_till_bill_string result;
    berth_status status = checkout_till_add_up(till, arena, items, &result, diag);

    if (status != BERTH_OK)
        return status;
    if (result.is_error) {
        printf("%.*s\n", (int)result.as.error.size, result.as.error.text);
    } else {
        for (size_t i = 0; i < result.as.ok.lines.count; i++)
            printf("%5u %.*s\n", (unsigned)result.as.ok.lines.data[i].cents,
                   (int)result.as.ok.lines.data[i].item.size,
                   result.as.ok.lines.data[i].item.text);
        printf("%5u\n", (unsigned)result.as.ok.total);
    }
    berth_arena_reset(arena);
    return BERTH_OK;
}

/* A bill before the new prices, and one behind. */
static berth_status run(berth_bundles *bundles, berth_slot *slot, const char *newer,
                        checkout_list_string items, berth_diag *diag)
{
    checkout_slot till;
    berth_arena *arena;
    berth_status status = checkout_bind(slot, &till, diag);

    if (status == BERTH_OK)
        status = berth_arena_create(NULL, 0, &arena, diag);
    if (status != BERTH_OK)
        return status;
    status = print_bill(&till, arena, items, diag);
    if (status == BERTH_OK)
        status = berth_bundles_reload(bundles, newer, diag);
    if (status == BERTH_OK)
        status = print_bill(&till, arena, items, diag);
    berth_arena_destroy(arena);
    return status;
}

static berth_status load_and_run(berth_bundles *bundles, const char *folder, const char *newer,
                                 checkout_list_string items, berth_diag *diag)
{
    berth_slot *slot;
    berth_status status = berth_bundles_load(bundles, &folder, 1, NULL, 0, diag);

    if (status == BERTH_OK)
        status = berth_bundles_find(bundles, "demo:shop/till@1.0.0", NULL, &slot, diag);
    if (status != BERTH_OK)
        return status;
    status = run(bundles, slot, newer, items, diag);
    berth_slot_release(slot);
    return status;
}

int main(int argc, char **argv)
{
    enum { ITEMS_MAX = 16 };
    berth_string items[ITEMS_MAX];
    checkout_list_string list = { items, 0 };
    berth_runtime *runtime;
    berth_bundles *bundles;
    berth_diag diag;
    berth_status status;

    if (argc < 3 || argc > 3 + ITEMS_MAX)
        return 2;
    for (int i = 3; i < argc; i++)
        items[list.count++] = (berth_string){ argv[i], strlen(argv[i]) };
    status = berth_runtime_create(NULL, &runtime, &diag);
    if (status != BERTH_OK)
        return fail(status, &diag);
    status = berth_bundles_create(runtime, NULL, &bundles, &diag);
    if (status == BERTH_OK) {
        status = load_and_run(bundles, argv[1], argv[2], list, &diag);
        berth_bundles_destroy(bundles);
    }
    berth_runtime_destroy(runtime);
    return status == BERTH_OK ? 0 : fail(status, &diag);
}
