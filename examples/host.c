/* host.c - functions and a resource that plugins may use, written in C.
 *
 * @args {guests}/greet.component.wasm process Ada */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <berth/host.h>
#include <berth/slot.h>

static const char wit[] =
    "package demo:notes@1.0.0; interface store {"
    "  resource journal { constructor(name: string); append: func(line: string) -> u32; }"
    "  get: func(key: string) -> option<string>; }";

typedef struct get_result {
    uint8_t is_some;
    berth_string value;
} get_result;

static berth_status get(void *ctx, const void *args, void *result, berth_host_call *call)
{
    const berth_string *key = args;
    get_result *r = result; /* zeroed: none */

    (void)call;
    if (key->size == 8 && memcmp(key->text, "greeting", 8) == 0) {
        r->is_some = 1;
        r->value = (berth_string){ ctx, strlen(ctx) };
    }
    return BERTH_OK;
}

/* A journal is the number of its lines. */
static const berth_host_resource *journals;

static berth_status journal_open(void *ctx, const void *args, void *result,
                                 berth_host_call *call)
{
    const berth_string *name = args;
    uint32_t *lines = calloc(1, sizeof *lines);

    (void)ctx;
    if (lines == NULL || berth_host_object_add(call, journals, lines, result) != BERTH_OK) {
        free(lines);
        return berth_host_fail(call, BERTH_E_NOMEM, "no room for a journal");
    }
    printf("%s opens %.*s\n", berth_host_plugin(call), (int)name->size, name->text);
    return BERTH_OK;
}

static void journal_close(void *object)
{
    printf("closed after %u lines\n", (unsigned)*(uint32_t *)object);
    free(object);
}

static berth_status journal_append(void *ctx, const void *args, void *result,
                                   berth_host_call *call)
{
    const uint64_t *self = args; /* the line stands behind it */
    uint32_t *lines = berth_host_object_find(call, journals, *self);

    (void)ctx;
    if (lines == NULL)
        return berth_host_fail(call, BERTH_E_ABSENT, "there is no such journal");
    *(uint32_t *)result = ++*lines;
    return BERTH_OK;
}

static berth_status offer(berth_host *host, berth_diag *d)
{
    static char greeting[] = "good morning";
    const char *of = "demo:notes/store@1.0.0", *open = "[constructor]journal";
    const char *append = "[method]journal.append";
    berth_status s = berth_host_declare(host, wit, strlen(wit), d);

    if (s == BERTH_OK)
        s = berth_host_bind(host, of, "get", 16, sizeof(get_result), get, greeting, d);
    if (s == BERTH_OK)
        s = berth_host_bind_resource(host, of, "journal", journal_close, &journals, d);
    if (s == BERTH_OK)
        s = berth_host_bind(host, of, open, 16, 8, journal_open, NULL, d);
    if (s == BERTH_OK)
        s = berth_host_bind(host, of, append, 24, 4, journal_append, NULL, d);
    return s;
}

int main(int argc, char **argv)
{
    berth_runtime_options with = BERTH_RUNTIME_OPTIONS_INIT;
    berth_slot_options options = BERTH_SLOT_OPTIONS_INIT;
    berth_call call = BERTH_CALL_INIT;
    berth_runtime *runtime = NULL;
    berth_slot *slot = NULL;
    berth_reply reply;
    berth_diag d = { .text = "usage: host PLUGIN HOOK NAME" };
    int is_good = 0;

    options.name = "greeter";
    if (argc == 4 && berth_host_create(NULL, &with.host, &d) == BERTH_OK &&
        offer(with.host, &d) == BERTH_OK &&
        berth_runtime_create(&with, &runtime, &d) == BERTH_OK &&
        berth_slot_open(runtime, &options, &slot, &d) == BERTH_OK &&
        berth_slot_install_file(slot, argv[1], NULL, &d) == BERTH_OK &&
        berth_slot_hook(slot, argv[2], &call.hook, &d) == BERTH_OK &&
        berth_arena_create(NULL, 0, &call.arena, &d) == BERTH_OK) {
        call.input = argv[3];
        call.input_size = strlen(argv[3]);
        is_good = berth_slot_call(slot, &call, &reply, &d) == BERTH_OK;
    }
    fprintf(is_good ? stdout : stderr, "%.*s\n", is_good ? (int)reply.size : 500,
            is_good ? (const char *)reply.data : d.text);
    berth_arena_destroy(call.arena);
    berth_slot_release(slot);
    berth_runtime_destroy(runtime);
    berth_host_destroy(with.host); /* behind all that was loaded with it */
    return !is_good;
}
