/* host.c - words from the command line through a plugin to stdout, as a flow.
 *
 *     flow_stage PLUGIN WORD...
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <berth/flow.h>
#include <berth/host.h>
#include <berth/runtime.h>

static berth_diag diag;

static void must(berth_status status)
{
    if (status != BERTH_OK) {
        fprintf(stderr, "%s: %s\n", berth_status_name(status), diag.text);
        exit(1);
    }
}

static berth_status next_word(void *self, berth_stage *stage, berth_diag *why)
{
    char ***words = self;
    const char *word = **words;

    (void)why;
    if (word == NULL) {
        berth_stage_end(stage);
        return BERTH_OK;
    }
    ++*words;
    return berth_stage_emit(stage, 0, word, strlen(word));
}

static berth_status print(void *self, berth_stage *stage, const berth_record *record,
                          berth_diag *why)
{
    (void)stage;
    (void)why;
    printf("%s %llu: %.*s\n", (const char *)self, (unsigned long long)record->sequence,
           (int)record->size, (const char *)record->data);
    return BERTH_OK;
}

static const berth_stage_ops words_ops = { .size = sizeof words_ops, .pull = next_word };
static const berth_stage_ops print_ops = { .size = sizeof print_ops, .process = print };

static uint32_t add(berth_flow *flow, const char *name, uint32_t role,
                    const berth_stage_ops *ops, const void *self)
{
    berth_stage_options o = BERTH_STAGE_OPTIONS_INIT;
    uint32_t stage;

    o.name = name;
    o.role = role;
    o.ops = ops;
    o.self = (void *)(uintptr_t)self;
    must(berth_flow_add(flow, &o, &stage, &diag));
    return stage;
}

static void connect(berth_flow *flow, uint32_t from, const char *port, uint32_t to)
{
    berth_edge_options o = BERTH_EDGE_OPTIONS_INIT;

    o.from = from;
    o.to = to;
    o.port = port;
    must(berth_flow_connect(flow, &o, NULL, &diag));
}

static void run(berth_flows *flows, berth_slot *slot, char **words)
{
    berth_flow_options flow_options = BERTH_FLOW_OPTIONS_INIT;
    berth_stage_options plugin = BERTH_STAGE_OPTIONS_INIT;
    uint32_t source, shout, sink, dead;
    berth_flow *flow;

    flow_options.name = "words";
    must(berth_flow_open(flows, &flow_options, &flow, &diag));
    source = add(flow, "words", BERTH_ROLE_SOURCE, &words_ops, &words);

    plugin.name = "shout";
    plugin.role = BERTH_ROLE_PROCESSOR;
    plugin.on_error = BERTH_ON_ERROR_DEAD_LETTER;
    must(berth_flow_add_slot(flow, &plugin, slot, NULL, &shout, &diag));

    sink = add(flow, "sink", BERTH_ROLE_SINK, &print_ops, "out");
    dead = add(flow, "dead", BERTH_ROLE_SINK, &print_ops, "dead");
    connect(flow, source, NULL, shout);
    connect(flow, shout, NULL, sink);
    connect(flow, shout, "dead", dead);
    must(berth_flow_start(flow, &diag));
    must(berth_flow_wait(flow, UINT64_MAX, &diag));
    berth_flow_close(flow);
}

int main(int argc, char **argv)
{
    berth_runtime_options options = BERTH_RUNTIME_OPTIONS_INIT;
    berth_slot_options slot_options = BERTH_SLOT_OPTIONS_INIT;
    berth_runtime *runtime;
    berth_flows *flows;
    berth_host *host;
    berth_slot *slot;

    if (argc < 2) {
        fprintf(stderr, "usage: flow_stage PLUGIN WORD...\n");
        return 2;
    }
    must(berth_host_create(NULL, &host, &diag));
    must(berth_flow_offer(host, &diag)); /* for components of Torvyn's contracts */
    options.host = host;
    must(berth_runtime_create(&options, &runtime, &diag));
    slot_options.name = "shout";
    must(berth_slot_open(runtime, &slot_options, &slot, &diag));
    must(berth_slot_install_file(slot, argv[1], NULL, &diag));
    must(berth_flows_create(NULL, &flows, &diag));
    run(flows, slot, argv + 2);
    berth_flows_destroy(flows);
    berth_slot_release(slot);
    berth_runtime_destroy(runtime);
    berth_host_destroy(host);
    return 0;
}
