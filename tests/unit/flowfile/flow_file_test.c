/* flow_file_test.c - flow.toml and Torvyn.toml: what they come to, and everything that is wrong with them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <berth/flow_file.h>

#include "memory.h"

enum { FOUND_ROOM = 16384 };

typedef struct reading {
    berth_flow_file_options options;
    char found[FOUND_ROOM]; /* a line for each: "LINE:COLUMN e|w text; hint" */
    char json[32768];
    berth_diag diag;
    berth_status status;
    bertht_memory memory;
    berth_allocator allocator;
} reading;

static void note(void *ctx, const berth_flow_file_finding *f)
{
    reading *t = ctx;
    size_t used = strlen(t->found);

    assert_true(f->line >= 1 && f->column >= 1);
    snprintf(t->found + used, sizeof t->found - used, "%s%u:%u %c %s%s%s\n",
             strchr(f->where, ' ') != NULL ? f->where : "", f->line, f->column,
             f->severity == BERTH_FLOW_ERROR ? 'e' : 'w', f->text, f->hint == NULL ? "" : "; ",
             f->hint == NULL ? "" : f->hint);
}

static int set_up(void **state)
{
    reading *t = calloc(1, sizeof *t);

    memory_init(&t->memory);
    t->allocator = memory_allocator(&t->memory);
    t->options = (berth_flow_file_options)BERTH_FLOW_FILE_OPTIONS_INIT;
    t->options.allocator = &t->allocator;
    t->options.found = note;
    t->options.found_ctx = t;
    *state = t;
    return 0;
}

static int tear_down(void **state)
{
    reading *t = *state;

    memory_assert_empty(&t->memory);
    free(t);
    return 0;
}

static berth_status parse_as(reading *t, const char *path, const char *text)
{
    berth_flow_file *file = NULL;
    berth_arena *arena;
    const char *json;

    t->found[0] = t->json[0] = '\0';
    memset(&t->diag, 0, sizeof t->diag);
    t->status = berth_flow_file_parse(path, text, strlen(text), &t->options, &file, &t->diag);
    assert_true((t->status == BERTH_OK) == (file != NULL));
    if (file != NULL) {
        assert_int_equal(berth_arena_create(NULL, 0, &arena, NULL), BERTH_OK);
        assert_int_equal(berth_flow_file_json(file, arena, &json), BERTH_OK);
        snprintf(t->json, sizeof t->json, "%s", json);
        berth_arena_destroy(arena);
    }
    berth_flow_file_destroy(file);
    return t->status;
}

static berth_status parse(reading *t, const char *text)
{
    return parse_as(t, "dir/flow.toml", text);
}

static void expect_found(const reading *t, const char *line)
{
    if (strstr(t->found, line) == NULL)
        fail_msg("not found: %s\nbut:\n%s", line, t->found);
}

static void expect_json(const reading *t, const char *part)
{
    if (t->status != BERTH_OK)
        fail_msg("refused:\n%s", t->found);
    if (strstr(t->json, part) == NULL)
        fail_msg("not there: %s\nbut:\n%s", part, t->json);
}

#define CHAIN                                                                                  \
    "[stage.a]\nend = \"generator\"\n[stage.b]\nplugin = \"p/b.wasm\"\nrole = \"processor\"\n" \
    "hook = \"h\"\n[stage.c]\nend = \"null\"\n"                                                \
    "[[edge]]\nfrom = \"a\"\nto = \"b\"\n[[edge]]\nfrom = \"b\"\nto = \"c\"\n"

static void a_file_comes_to_what_it_says_with_defaults(void **state)
{
    reading *t = *state;

    parse(t, "[flow]\nname = \"log\"\n[defaults.edge]\nrecords = 5\n[defaults.stage]\n"
             "retries = 7\nlimits = { deadline = \"2ms\", memory = \"1MiB\" }\n" CHAIN
             "low = 9\n[stage.b.limits]\nmemory = 131072\n[stage.a.config]\nsize = \"1KiB\"\n"
             "count = 25\n");
    expect_json(t, "\"flow\": \"log\"");
    expect_json(t, "\"workers\": 2");
    expect_json(t, "\"level\": \"production\"");
    expect_json(t, "\"plugin\": \"dir/p/b.wasm\"");
    expect_json(t, "\"deadline_ns\": 2000000");
    expect_json(t, "\"memory_bytes\": 131072");
    expect_json(t, "\"retries\": 7");
    expect_json(t, "\"records\": 5");
    expect_json(t, "\"low_percent\": 9");
    expect_json(t, "\"role\": \"source\"");
    expect_json(t, "\"role\": \"sink\"");
    expect_json(t, "\"value\": \"25\"");
    expect_json(t, "\"value\": \"1KiB\"");
    assert_string_equal(t->found, "");
}

static void all_errors_are_told_at_once_with_their_lines(void **state)
{
    reading *t = *state;

    assert_int_equal(parse(t, "[flow]\nworker = 2\nweight = 65\n"
                              "[stage.a]\nend = \"file\"\nhook = \"h\"\n"
                              "[stage.b]\nplugin = \"b\"\nrole = \"filtr\"\non-error = 1\n"
                              "[stage.c]\n"
                              "[[edge]]\nfrom = \"a\"\nto = \"bb\"\n"
                              "[[edge]]\nfrom = \"a b\"\nto = \"c\"\nburst = 3\nlow = 0\n"),
                     BERTH_E_REJECTED);
    expect_found(t, "2:1 e `flow` has no key `worker`; did you mean `workers`?");
    expect_found(t, "3:10 e `flow.weight`: is out of range; expected 1 to 64");
    expect_found(t, "6:1 e `hook` is for plugins, and stage `a` is an end");
    expect_found(t, "9:8 e `stage.b.role`: `filtr` is none; expected one of source, processor, "
                    "filter, router, aggregator, sink; did you mean `filter`?");
    expect_found(t, "10:12 e `stage.b.on-error`: is an integer; expected a string");
    expect_found(t, "11:8 e stage `c` is nothing; give it `end`, `plugin` or `bundle`");
    expect_found(t, "14:6 e there is no stage `bb`");
    expect_found(t, "16:8 e `a b` is no end of an edge");
    expect_found(t, "18:1 e an edge has a burst only with a rate");
    expect_found(t, "19:7 e `edge.low`: is out of range; expected 1 to 99");
    assert_non_null(strstr(t->diag.text, "dir/flow.toml:2:1: "));
    assert_non_null(strstr(t->diag.text, " more)"));
}

static void a_text_that_is_no_toml_has_a_line(void **state)
{
    reading *t = *state;

    assert_int_equal(parse(t, "[flow]\nname = \"x\nweight = 1\n"), BERTH_E_REJECTED);
    assert_memory_equal(t->found, "2:", 2);
    assert_int_equal(parse(t, ""), BERTH_E_REJECTED);
    expect_found(t, "`the file` has no `stage`");
}

static void a_unit_with_blanks_behind_it_is_none(void **state)
{
    reading *t = *state;

    assert_int_equal(
        parse(t, "[flow]\ndeadline = \"5h                                        \"\n"
                 "buffers = \"64M                                                  \"\n" CHAIN),
        BERTH_E_REJECTED);
    expect_found(t, "2:12 e `flow.deadline`: cannot be read");
    expect_found(t, "3:11 e `flow.buffers`: cannot be read");
}

static void an_edge_that_says_block_is_a_queue(void **state)
{
    reading *t = *state;

    parse(t, CHAIN "full = \"block\"\n");
    expect_json(t, "\"records\": 256");
    parse(t, "[defaults.edge]\nfull = \"block\"\n" CHAIN "records = 10\n");
    expect_json(t, "\"records\": 256");
    expect_json(t, "\"records\": 10");
    parse(t, CHAIN);
    assert_null(strstr(t->json, "\"records\""));
}

static void a_contract_is_one_of_the_role(void **state)
{
    static const char tail[] = "[stage.a]\nend = \"generator\"\n[stage.c]\nend = \"null\"\n"
                               "[[edge]]\nfrom = \"a\"\nto = \"b\"\n"
                               "[[edge]]\nfrom = \"b\"\nto = \"c\"\n"
                               "[stage.b]\nplugin = \"b\"\nrole = \"processor\"\ncontract = ";
    reading *t = *state;
    char text[512];

    snprintf(text, sizeof text, "%s\"torvyn:streaming/processor\"", tail);
    parse(t, text);
    expect_json(t, "\"contract\": \"torvyn:streaming/processor\"");
    snprintf(text, sizeof text, "%s\"berth:flow/processor@0.1.0\"", tail);
    parse(t, text);
    expect_json(t, "\"contract\": \"berth:flow/processor@0.1.0\"");
    snprintf(text, sizeof text, "%s\"berth:flow/sink@0.1.0\"", tail);
    assert_int_equal(parse(t, text), BERTH_E_REJECTED);
    expect_found(t, "14:12 e `berth:flow/sink@0.1.0` is no contract of a processor");
}

static void settings_of_ends_are_checked_with_their_lines(void **state)
{
    reading *t = *state;

    assert_int_equal(parse(t,
                           "[stage.a]\nend = \"generator\"\n[stage.a.config]\nsize = \"1KiB\"\n"
                           "count = \"many\"\n[stage.c]\nend = \"nul\"\n[stage.d]\nend = "
                           "\"generator\"\n[[edge]]\nfrom = \"a\"\nto = \"c\"\n"
                           "[[edge]]\nfrom = \"a\"\nto = \"d\"\n"),
                     BERTH_E_REJECTED);
    expect_found(t, "5:1 e stage `a`: ");
    expect_found(t, "7:7 e stage `c`: ");
    expect_found(t, "9:7 e stage `d`: "); /* not in this role */
}

static void the_graph_is_checked_with_the_lines_of_the_file(void **state)
{
    reading *t = *state;

    parse(
        t,
        "[stage.a]\nend = \"x\"\n[stage.b]\nplugin = \"b\"\nrole = \"processor\"\n"
        "gives = \"json\"\n[stage.c]\nplugin = \"c\"\nrole = \"processor\"\ntakes = \"text\"\n"
        "[stage.d]\nplugin = \"d\"\nrole = \"filter\"\n[stage.z]\nend = \"null\"\n"
        "[[edge]]\nfrom = \"a\"\nto = \"z\"\n"
        "[[edge]]\nfrom = \"b\"\nto = \"c\"\n"
        "[[edge]]\nfrom = \"c\"\nto = \"b\"\n"
        "[[edge]]\nfrom = \"a:nope\"\nto = \"d\"\n");
    assert_int_equal(t->status, BERTH_E_REJECTED);
    expect_found(t, "19:3 e 'b' gives json, and 'c' takes text");
    expect_found(t, "25:3 e stage 'a' has no port 'nope'; only routers name theirs");
    expect_found(t, "11:8 e stage 'd' leads nowhere");
    assert_non_null(strstr(t->found, "cycle"));
}

static void variables_stand_for_their_values(void **state)
{
    static const char *const environment[] = { "DIR=/data", "EMPTY=", NULL };
    reading *t = *state;

    t->options.environment = environment;
    parse(t, CHAIN "[stage.d]\nplugin = \"d\"\nhook = \"h\"\nrole = \"sink\"\ngrants = [\n"
                   "\"${DIR}/x\", \"${NONE:-other}\", \"$${DIR} $5\", \"<${EMPTY}>\",\n"
                   "\"<${EMPTY:-x}>\"]\n[[edge]]\nfrom = \"b\"\nto = \"d\"\n");
    expect_json(t, "\"/data/x\"");
    expect_json(t, "\"other\"");
    expect_json(t, "\"${DIR} $5\"");
    expect_json(t, "\"<>\",\n        \"<>\"");
    parse(t, CHAIN "[flow]\nname = \"${NONE}\"\ndescription = \"x${DIR\"\n"
                   "[stage.c.config]\nx = \"${9}\"\n");
    assert_int_equal(t->status, BERTH_E_REJECTED);
    expect_found(t, "e the variable `NONE` is not set; set it, or write `${NAME:-what else}`");
    expect_found(t, "e `${` has no `}` behind it");
    expect_found(t, "e `9` is no name of a variable");
}

static void variables_that_make_a_text_too_long_take_no_memory_for_it(void **state)
{
    enum { EACH = 64 * 1024, TIMES = 4096 };
    reading *t = *state;
    size_t room = sizeof CHAIN + 64 + TIMES * 4, used;
    char *variable = malloc(EACH), *text = malloc(room);
    const char *environment[] = { variable, NULL };

    assert_true(variable != NULL && text != NULL);
    memset(variable, 'x', EACH - 1);
    memcpy(variable, "V=", 2);
    variable[EACH - 1] = '\0';
    used = (size_t)snprintf(text, room, "%s", "[flow]\ndescription = \"");
    for (unsigned i = 0; i < TIMES; i++)
        used += (size_t)snprintf(text + used, room - used, "%s", "${V}");
    snprintf(text + used, room - used, "\"\n%s", CHAIN);
    t->options.environment = environment;
    t->memory.bytes_max = (size_t)16 << 20; /* of the 256 MiB that the text would come to */
    assert_int_equal(parse(t, text), BERTH_E_REJECTED);
    expect_found(t, "2:15 e has more than 1 MiB with its variables");
    free(text);
    free(variable);
}

static void whoever_comes_later_has_the_last_word(void **state)
{
    static const char *const environment[] = {
        "BERTH_FLOW_SET=edge.0.records=20\nstage.b.hook=env\nflow.name=env", NULL
    };
    static const char *const settings[] = { "stage.b.hook=flag", "edge.1.full=drop-oldest",
                                            "stage.b.grants=[\"clock\"]",
                                            "stage.b.limits.deadline=3ms" };
    reading *t = *state;

    t->options.environment = environment;
    t->options.settings = settings;
    t->options.settings_count = 4;
    parse(t, "[defaults.edge]\nrecords = 3\n" CHAIN "records = 10\n");
    expect_json(t, "\"flow\": \"env\"");
    expect_json(t, "\"hook\": \"flag\"");
    expect_json(t, "\"records\": 20");
    expect_json(t, "\"records\": 10");
    expect_json(t, "\"full\": \"drop-oldest\"");
    expect_json(t, "\"clock\"");
    expect_json(t, "\"deadline_ns\": 3000000");
}

static void a_long_value_from_outside_is_read_as_toml_too(void **state)
{
    enum { GRANTS = 60 };
    reading *t = *state;
    char line[2048];
    const char *settings[] = { line };
    size_t used = (size_t)snprintf(line, sizeof line, "stage.b.grants=[");

    for (unsigned i = 0; i < GRANTS; i++)
        used += (size_t)snprintf(line + used, sizeof line - used, "\"env:NAME%u\",", i);
    snprintf(line + used, sizeof line - used, "]");
    t->options.settings = settings;
    t->options.settings_count = 1;
    parse(t, CHAIN);
    expect_json(t, "\"env:NAME59\"");
}

static void defaults_can_be_set_from_outside(void **state)
{
    static const char *const settings[] = { "defaults.stage.retries=3",
                                            "defaults.edge.records=9" };
    reading *t = *state;

    t->options.settings = settings;
    t->options.settings_count = 2;
    parse(t, CHAIN);
    expect_json(t, "\"retries\": 3");
    expect_json(t, "\"records\": 9");
}

static void what_is_set_from_outside_is_named_when_it_is_wrong(void **state)
{
    static const char *const settings[] = { "stages.b.hook=x", "edge.9.low=1", "stage.x.hook=y",
                                            "flow.weight=99",  "nothing",      "flow.name=5" };
    reading *t = *state;

    t->options.settings = settings;
    t->options.settings_count = 6;
    assert_int_equal(parse(t, CHAIN), BERTH_E_REJECTED);
    expect_found(
        t, "--set 'stages.b.hook'1:1 e `the file` has no key `stages`; did you mean `stage`?");
    expect_found(t, "--set 'edge.9.low'1:1 e there is no `9` to set something of");
    expect_found(t, "--set 'stage.x.hook'1:1 e there is no `x` to set something of");
    expect_found(t, "--set 'flow.weight'1:1 e `flow.weight`: is out of range");
    expect_found(t, "--set 'nothing'1:1 e sets nothing; expected KEY.KEY=VALUE");
    assert_null(strstr(t->found, "flow.name")); /* 5 is a name when it is set from outside */
}

/* ---------------------------------------------------------------- Torvyn.toml */

#define TORVYN "[torvyn]\nname = \"x\"\nversion = \"0.1.0\"\ncontract_version = \"0.1.0\"\n"
#define NODES                                                                                  \
    "[flow.main.nodes.s]\ncomponent = \"file://s.wasm\"\ninterface = "                         \
    "\"torvyn:streaming/source\"\n"                                                            \
    "[flow.main.nodes.p]\ncomponent = \"p\"\ninterface = "                                     \
    "\"torvyn:streaming/processor@0.1.0\"\n"                                                   \
    "[flow.main.nodes.k]\ncomponent = \"k.wasm\"\ninterface = \"torvyn:streaming/sink\"\n"
#define COMPONENT "[[component]]\nname = \"p\"\npath = \"parts/p\"\nconfig = \"{}\"\n"
#define EDGES                                                                                  \
    "[[flow.main.edges]]\nfrom = { node = \"s\", port = \"output\" }\n"                        \
    "to = { node = \"p\", port = \"input\" }\n"                                                \
    "[[flow.main.edges]]\nfrom = \"p\"\nto = \"k:default\"\n"

static void a_torvyn_flow_loads_in_both_spellings_of_edges(void **state)
{
    reading *t = *state;

    parse(t, TORVYN COMPONENT NODES EDGES);
    expect_json(t, "\"form\": \"torvyn\"");
    expect_json(t, "\"plugin\": \"dir/s.wasm\"");
    expect_json(t, "\"plugin\": \"dir/parts/p\"");
    expect_json(t, "\"plugin\": \"dir/k.wasm\"");
    expect_json(t, "\"config\": \"{}\"");
    expect_json(t, "\"contract\": \"torvyn:streaming/processor@0.1.0\"");
    assert_null(strstr(t->json, "\"port\": \"output\""));
    assert_string_equal(t->found, "");
}

static void every_key_of_torvyn_is_implemented(void **state)
{
    reading *t = *state;

    parse(
        t, TORVYN COMPONENT
        "[runtime]\nworker_threads = 4\nmax_memory_per_component = \"24mib\"\n"
        "default_fuel_per_invocation = 2000000\ncomponent_init_timeout_ms = 70\n"
        "drain_timeout_ms = 90\nerror_policy = \"retry\"\nretry_backoff_ms = 11\n"
        "[runtime.scheduling]\npolicy = \"priority\"\ndefault_priority = 3\n"
        "[runtime.backpressure]\ndefault_queue_depth = 33\nbackpressure_policy = "
        "\"drop-newest\"\nlow_watermark_ratio = 0.25\n"
        "[runtime.pools]\nsmall_pool_size = 0\nmedium_pool_size = 0\nlarge_pool_size = 1\n"
        "huge_pool_size = 1\nexhaustion_policy = \"error\"\n"
        "[observability]\nlevel = \"diagnostic\"\n"
        "[security.grants.p]\ncapabilities = [\"filesystem:read:/var/log/\", \"?clock:wall\",\n"
        "\"network:tcp-connect:*.a.example,b.example:1,5-6\", \"wasi-random\", "
        "\"torvyn:custom-metrics\", \"network:http-outgoing:c.example\"]\n" NODES
        "fuel_budget = 200000\nmax_memory = \"64MiB\"\npriority = 8\ntimeout_ms = 5\n"
        "error_policy = \"skip-element\"\n" EDGES
        "queue_depth = 7\nbackpressure = \"drop-oldest\"\n");
    expect_json(t, "\"workers\": 4");
    expect_json(t, "\"memory_bytes\": 25165824");
    expect_json(t, "\"deadline_ns\": 200000000"); /* fuel */
    expect_json(t, "\"deadline_ns\": 5000000");   /* less than the fuel */
    expect_json(t, "\"probe_deadline_ns\": 70000000");
    expect_json(t, "\"drain_ns\": 90000000");
    expect_json(t, "\"retries\": 3");
    expect_json(t, "\"retry_ns\": 11000000");
    expect_json(t, "\"on_error\": \"skip\"");
    expect_json(t, "\"weight\": 4");
    expect_json(t, "\"records\": 33");
    expect_json(t, "\"low_percent\": 25");
    expect_json(t, "\"full\": \"drop-newest\"");
    expect_json(t, "\"records\": 7");
    expect_json(t, "\"full\": \"drop-oldest\"");
    expect_json(t, "\"pool_bytes\": 1114112");
    expect_json(t, "\"buffer_bytes\": 1114112");
    expect_json(t, "\"level\": \"diagnostic\"");
    expect_json(t, "\"fs:read:/var/log/**\"");
    expect_json(t, "\"clock:wall\"");
    expect_json(t, "\"net:connect:*.a.example:1\"");
    expect_json(t, "\"net:connect:b.example:5-6\"");
    expect_json(t, "\"random\"");
    expect_json(t, "\"http:*:c.example\"");
    parse(t, TORVYN COMPONENT "[runtime]\nerror_policy = \"retry\"\nmax_retries = 7\n" NODES
                              "max_retries = 0\n" EDGES);
    expect_json(t, "\"retries\": 0"); /* said, and none */
    expect_json(t, "\"retries\": 7");
}

static void wrong_torvyn_files_are_told_all(void **state)
{
    reading *t = *state;

    assert_int_equal(
        parse(t, "[torvyn]\nname = \"a b\"\nversion = \"1.0\"\n"
                 "[[component]]\nname = \"p\"\npath = \"a\"\n[[component]]\nname = \"p\"\npath "
                 "= \"b\"\n"
                 "[security.grants.p]\ncapabilities = [\"filesystem:reed:/x\", "
                 "\"filesystem:read\"]\n"
                 "[runtime]\nunknown = 1\n[runtime.scheduling]\ndefault_priority = 11\n"
                 "[flow.main.nodes.a]\ncomponent = \"p\"\ninterface = \"x/y\"\n"
                 "[flow.main.nodes.b]\ncomponent = \"pp\"\ninterface = \"x/sink\"\n"
                 "[flow.main.nodes.c]\ncomponent = \"oci://h/x:1\"\ninterface = \"x/sink\"\n"
                 "[[flow.main.edges]]\nfrom = \"a\"\nto = \"q\"\n"),
        BERTH_E_REJECTED);
    expect_found(t, "2:8 e `torvyn.name`: is no name");
    expect_found(t, "3:11 e `torvyn.version`: is no version");
    expect_found(t, "1:2 e `torvyn` has no `contract_version`");
    expect_found(t, "8:8 e there are two components `p`");
    expect_found(t, "e `filesystem:reed:/x` is no capability; did you mean `filesystem:read`?");
    expect_found(t, "e `filesystem:read` is for no path");
    expect_found(t, "w `runtime` has no key `unknown`; it means nothing");
    expect_found(t, "e `runtime.scheduling.default_priority`: is out of range");
    expect_found(t, "e `x/y` is no interface that a stage has");
    expect_found(t, "e there is no component `pp`");
    expect_found(t, "e registries are not asked");
    expect_found(t, "e there is no stage `q`");
}

static void a_scope_that_no_grant_has_grants_nothing(void **state)
{
    reading *t = *state;
    static const char tail[] = "\"]\n" NODES EDGES;
    char text[2048];

    snprintf(text, sizeof text, TORVYN COMPONENT "[security.grants.p]\ncapabilities = [\"%s%s",
             "environment:read:HOME", tail);
    parse(t, text);
    expect_json(t, "\"env:HOME\"");
    assert_null(strstr(t->json, "env:*"));
    snprintf(text, sizeof text, TORVYN COMPONENT "[security.grants.p]\ncapabilities = [\"%s%s",
             "random:crypto:16", tail);
    assert_int_equal(parse(t, text), BERTH_E_REJECTED);
    expect_found(t, "e `random:crypto:16` has a scope, and is given whole or not at all");
}

static void one_of_several_flows_is_chosen(void **state)
{
    reading *t = *state;
    static const char two[] = TORVYN COMPONENT NODES EDGES
        "[flow.other]\n[flow.other.nodes.a]\ncomponent = \"a.wasm\"\ninterface = \"x/source\"\n"
        "[flow.other.nodes.b]\ncomponent = \"b.wasm\"\ninterface = \"x/sink\"\n"
        "[[flow.other.edges]]\nfrom = \"a\"\nto = \"b\"\n";

    parse(t, two);
    expect_json(t, "\"flow\": \"main\"");
    t->options.flow = "other";
    parse(t, two);
    expect_json(t, "\"flow\": \"other\"");
    t->options.flow = "othr";
    assert_int_equal(parse(t, two), BERTH_E_REJECTED);
    expect_found(t, "there is no flow `othr`; did you mean `other`?");
}

static void the_template_of_another_system_loads(void **state)
{
    reading *t = *state;
    berth_flow_file *file;
    berth_status status = berth_flow_file_read(
        BERTH_TEST_SOURCE_DIR "/../shared/corpus/guests/torvyn-tmpl-pipeline.Torvyn.toml",
        &t->options, &file, &t->diag);

    if (status == BERTH_E_OS) {
        print_message("no corpus: %s\n", t->diag.text);
        skip();
    }
    assert_int_equal(status, BERTH_OK);
    assert_string_equal(t->found, "");
    berth_flow_file_destroy(file);
}

/* ---------------------------------------------------------------- the reference, and memory */

/* Each row of a table of keys is a key that the reader knows: a date is of no key's kind, and says so. */
static void the_reference_lists_keys_that_there_are(void **state)
{
    reading *t = *state;
    FILE *docs = fopen(BERTH_TEST_SOURCE_DIR "/docs/flow-toml.md", "r");
    char line[1024], section[64] = "", text[512], key[64];
    unsigned keys = 0;

    assert_non_null(docs);
    while (fgets(line, sizeof line, docs) != NULL) {
        if (strncmp(line, "## ", 3) == 0) {
            section[0] = '\0';
            (void)sscanf(line, "## `%63[^`]`", section);
        }
        if (strchr(section, '[') == NULL || sscanf(line, "| `%63[^`]` |", key) != 1)
            continue;
        if (strcmp(section, "[stage.NAME]") == 0 && strcmp(key, "limits") == 0)
            continue;
        snprintf(text, sizeof text, "%s\n%s = 2000-01-01\n", section, key);
        parse(t, text);
        keys++;
        if (t->status == BERTH_OK || strstr(t->found, "has no key") != NULL)
            fail_msg("%s %s:\n%s", section, key, t->found);
    }
    fclose(docs);
    assert_true(keys > 40);
}

static void a_failed_allocation_leaves_nothing_behind(void **state)
{
    static const char *const environment[] = { "A=1", NULL };
    static const char *const settings[] = { "stage.b.hook=x", "stage.b.limits.calls=[1]" };
    reading *t = *state;
    static const char text[] = CHAIN "[stage.a.config]\ncount = \"${A}\"\n";
    unsigned failed = 0;

    t->options.environment = environment;
    t->options.settings = settings;
    for (unsigned with_errors = 0; with_errors < 2; with_errors++)
        for (size_t i = 0;; i++) {
            berth_flow_file *file = NULL;
            berth_status status;

            t->found[0] = '\0';
            t->options.settings_count = 1 + with_errors;
            memory_fail(&t->memory, i, i % 2 == 1);
            status =
                berth_flow_file_parse("f", text, strlen(text), &t->options, &file, &t->diag);
            berth_flow_file_destroy(file);
            if (t->memory.failures == 0 && i > 0 && status != BERTH_E_NOMEM)
                break;
            memory_init(&t->memory);
            assert_int_equal(status, BERTH_E_NOMEM);
            failed++;
        }
    memory_init(&t->memory);
    assert_true(failed > 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(a_file_comes_to_what_it_says_with_defaults),
        TEST(all_errors_are_told_at_once_with_their_lines),
        TEST(a_text_that_is_no_toml_has_a_line),
        TEST(a_unit_with_blanks_behind_it_is_none),
        TEST(an_edge_that_says_block_is_a_queue),
        TEST(a_contract_is_one_of_the_role),
        TEST(settings_of_ends_are_checked_with_their_lines),
        TEST(the_graph_is_checked_with_the_lines_of_the_file),
        TEST(variables_stand_for_their_values),
        TEST(variables_that_make_a_text_too_long_take_no_memory_for_it),
        TEST(whoever_comes_later_has_the_last_word),
        TEST(a_long_value_from_outside_is_read_as_toml_too),
        TEST(defaults_can_be_set_from_outside),
        TEST(what_is_set_from_outside_is_named_when_it_is_wrong),
        TEST(a_torvyn_flow_loads_in_both_spellings_of_edges),
        TEST(every_key_of_torvyn_is_implemented),
        TEST(wrong_torvyn_files_are_told_all),
        TEST(a_scope_that_no_grant_has_grants_nothing),
        TEST(one_of_several_flows_is_chosen),
        TEST(the_template_of_another_system_loads),
        TEST(the_reference_lists_keys_that_there_are),
        TEST(a_failed_allocation_leaves_nothing_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
