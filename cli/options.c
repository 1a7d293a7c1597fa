/* options.c - the command line: one table says which command takes which option, and what its
 * value looks like.  Layer: cli.
 *
 * Written out rather than getopt_long, because abbreviations of long options would make every
 * new option a change of what old scripts mean, and because our errors have one shape. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <berth/plugin.h>

#include "cli.h"

typedef enum value_kind { FLAG, TEXT, TEXTS, SIZE, TIME, NUMBER, CHOICE } value_kind;

enum {
    CHOICES_MAX = 4,
    HOST = CLI_CALL | CLI_PIPE,
    ALL = HOST | CLI_INSPECT | CLI_CTL | CLI_WIT | CLI_WRAP | CLI_BINDGEN | CLI_COMPONENTIZE |
          CLI_BUNDLE | CLI_KEYGEN | CLI_SIGN | CLI_VERIFY | CLI_RUN_GUEST | CLI_FLOW |
          CLI_TEST | CLI_CHECK | CLI_NEW,
    /* what opens a slot as production does */
    SLOT = HOST | CLI_TEST | CLI_CHECK,
    /* what runs plugins */
    RUNS = SLOT | CLI_RUN_GUEST
};

typedef struct option_spec {
    const char *name; /* behind "--" */
    char letter;      /* behind "-"; 0: none */
    value_kind kind;
    unsigned commands;
    size_t offset; /* of the field in cli_options: bool, const char * or uint64_t by kind */
    const char *choices[CHOICES_MAX]; /* CHOICE: the values from 1 */
    uint64_t min, max, step;          /* step 0: any number between them */
} option_spec;

#define AT(field) offsetof(cli_options, field)
#define KIB       ((uint64_t)1024)
#define MIB       (1024 * KIB)
#define GIB       (1024 * MIB)
#define MS        ((uint64_t)1000000)
#define SECOND    (1000 * MS)

static const option_spec specs[] = {
    { "all-features", 0, FLAG, CLI_WIT | CLI_BINDGEN, AT(all_features), { 0 }, 0, 0, 0 },
    { "artifact-max",
      0,
      SIZE,
      RUNS | CLI_INSPECT | CLI_WRAP | CLI_COMPONENTIZE | CLI_BUNDLE,
      AT(artifact_bytes),
      { 0 },
      1,
      GIB,
      0 },
    { "baseline", 0, TEXT, CLI_FLOW, AT(baseline), { 0 }, 0, 0, 0 },
    { "contract", 0, TEXT, SLOT | CLI_INSPECT | CLI_NEW, AT(contract), { 0 }, 0, 0, 0 },
    { "control", 0, TEXT, CLI_PIPE | CLI_FLOW, AT(control), { 0 }, 0, 0, 0 },
    { "deadline", 0, TIME, RUNS, AT(deadline_ns), { 0 }, MS / 1000, 3600 * SECOND, 0 },
    { "count", 0, NUMBER, CLI_FLOW, AT(count), { 0 }, 1, 65536, 0 },
    { "duration", 0, TIME, CLI_FLOW, AT(duration_ns), { 0 }, MS, 3600 * SECOND, 0 },
    { "drain", 0, TIME, CLI_FLOW, AT(drain_ns), { 0 }, MS / 1000, 3600 * SECOND, 0 },
    { "engine", 0, TEXT, RUNS | CLI_FLOW, AT(engine), { 0 }, 0, 0, 0 },
    { "features", 0, TEXT, CLI_WIT | CLI_BINDGEN, AT(features), { 0 }, 0, 0, 0 },
    { "flow", 0, TEXT, CLI_FLOW, AT(flow), { 0 }, 0, 0, 0 },
    { "grant", 0, TEXTS, RUNS | CLI_INSPECT, AT(grants), { 0 }, 0, 0, 0 },
    { "help", 'h', FLAG, ALL, AT(help), { 0 }, 0, 0, 0 },
    { "hook", 0, TEXT, HOST, AT(hook), { 0 }, 0, 0, 0 },
    { "json",
      0,
      FLAG,
      CLI_INSPECT | CLI_CALL | CLI_CTL | CLI_WIT | CLI_BUNDLE | CLI_KEYGEN | CLI_SIGN |
          CLI_VERIFY | CLI_FLOW | CLI_TEST | CLI_CHECK,
      AT(json),
      { 0 },
      0,
      0,
      0 },
    { "json-args", 0, TEXT, CLI_CALL, AT(json_args), { 0 }, 0, 0, 0 },
    { "key", 0, TEXT, CLI_SIGN, AT(key), { 0 }, 0, 0, 0 },
    { "keys", 0, TEXT, CLI_BUNDLE | CLI_VERIFY, AT(keys), { 0 }, 0, 0, 0 },
    { "kind", 0, TEXT, SLOT, AT(kind), { 0 }, 0, 0, 0 },
    { "lang", 0, TEXT, CLI_NEW, AT(language), { 0 }, 0, 0, 0 },
    { "live", 0, TEXT, CLI_FLOW, AT(live), { 0 }, 0, 0, 0 },
    { "log",
      0,
      CHOICE,
      RUNS | CLI_FLOW,
      AT(log),
      { "error", "warning", "info", "debug" },
      0,
      0,
      0 },
    { "memory", 0, SIZE, RUNS, AT(memory_bytes), { 0 }, 64 * KIB, 4 * GIB, 64 * KIB },
    { "on-error", 0, CHOICE, CLI_PIPE, AT(on_error), { "stop", "pass", "drop" }, 0, 0, 0 },
    { "out", 0, TEXT, CLI_BINDGEN, AT(out), { 0 }, 0, 0, 0 },
    { "output-max", 0, SIZE, RUNS, AT(output_bytes), { 0 }, 1, 4 * GIB - 1, 0 },
    { "output", 'o', TEXT, CLI_WRAP | CLI_COMPONENTIZE | CLI_FLOW, AT(output), { 0 }, 0, 0, 0 },
    { "pins", 0, TEXT, CLI_BUNDLE, AT(pins), { 0 }, 0, 0, 0 },
    { "policy", 0, CHOICE, SLOT, AT(policy), { "reuse", "fresh" }, 0, 0, 0 },
    { "prefix", 0, TEXT, CLI_BINDGEN, AT(prefix), { 0 }, 0, 0, 0 },
    { "probe-deadline",
      0,
      TIME,
      RUNS,
      AT(probe_deadline_ns),
      { 0 },
      MS / 1000,
      3600 * SECOND,
      0 },
    { "profile", 0, TEXT, SLOT, AT(profile), { 0 }, 0, 0, 0 },
    { "progress", 0, FLAG, CLI_PIPE, AT(progress), { 0 }, 0, 0, 0 },
    { "prometheus", 0, FLAG, CLI_FLOW, AT(prometheus), { 0 }, 0, 0, 0 },
    { "quiet", 'q', FLAG, RUNS | CLI_FLOW, AT(quiet), { 0 }, 0, 0, 0 },
    { "record-max", 0, SIZE, CLI_PIPE, AT(record_bytes), { 0 }, 1, GIB, 0 },
    { "records", 0, CHOICE, CLI_PIPE, AT(records), { "lines", "u32le" }, 0, 0, 0 },
    { "set", 0, TEXTS, CLI_FLOW, AT(settings), { 0 }, 0, 0, 0 },
    { "signatures",
      0,
      CHOICE,
      CLI_BUNDLE,
      AT(signatures),
      { "off", "warn", "require" },
      0,
      0,
      0 },
    { "stack", 0, SIZE, RUNS, AT(stack_bytes), { 0 }, 16 * KIB, 2 * MIB, 0 },
    { "summary", 0, TEXT, CLI_PIPE | CLI_FLOW, AT(summary), { 0 }, 0, 0, 0 },
    { "svg", 0, FLAG, CLI_FLOW, AT(svg), { 0 }, 0, 0, 0 },
    { "tenant", 0, TEXT, SLOT, AT(tenant), { 0 }, 0, 0, 0 },
    { "threshold", 0, NUMBER, CLI_FLOW, AT(threshold), { 0 }, 1, 1000, 0 },
    { "timeout", 0, TIME, CLI_CTL | CLI_FLOW, AT(timeout_ns), { 0 }, MS, 3600 * SECOND, 0 },
    { "trial", 0, FLAG, SLOT, AT(tries), { 0 }, 0, 0, 0 },
    { "wit", 0, TEXT, SLOT | CLI_INSPECT | CLI_WRAP, AT(wit), { 0 }, 0, 0, 0 },
    { "workers", 0, NUMBER, CLI_PIPE, AT(workers), { 0 }, 1, CLI_WORKERS_MAX, 0 },
    { "world", 0, TEXT, CLI_WRAP | CLI_BINDGEN | CLI_COMPONENTIZE, AT(world), { 0 }, 0, 0, 0 },
};

enum { SPECS_COUNT = sizeof specs / sizeof *specs };

_Static_assert(BERTH_POLICY_REUSE == 1 && BERTH_POLICY_FRESH == 2, "the order of the choices");
_Static_assert(BERTH_LOG_ERROR == 1 && BERTH_LOG_DEBUG == 4, "the order of the choices");
_Static_assert(CLI_ON_ERROR_PASS == 2 && CLI_ON_ERROR_DROP == 3, "the order of the choices");
_Static_assert(CLI_RECORDS_LINES == 1 && CLI_RECORDS_U32LE == 2, "the order of the choices");

const char *cli_help_hint(cli_command command)
{
    switch (command) {
    case CLI_INSPECT:
        return "see 'berth help inspect'";
    case CLI_CALL:
        return "see 'berth help call'";
    case CLI_PIPE:
        return "see 'berth help pipe'";
    case CLI_CTL:
        return "see 'berth help ctl'";
    case CLI_WIT:
        return "see 'berth help wit'";
    case CLI_WRAP:
        return "see 'berth help wrap'";
    case CLI_BINDGEN:
        return "see 'berth help bindgen'";
    case CLI_COMPONENTIZE:
        return "see 'berth help componentize'";
    case CLI_BUNDLE:
        return "see 'berth help bundle'";
    case CLI_KEYGEN:
        return "see 'berth help keygen'";
    case CLI_SIGN:
        return "see 'berth help sign'";
    case CLI_VERIFY:
        return "see 'berth help verify'";
    case CLI_RUN_GUEST:
        return "see 'berth help run-guest'";
    case CLI_FLOW:
        return "see 'berth help flow'";
    case CLI_TEST:
        return "see 'berth help test'";
    case CLI_CHECK:
        return "see 'berth help check'";
    case CLI_NEW:
        return "see 'berth help new'";
    }
    return "see 'berth help'";
}

typedef struct unit {
    const char *name;
    uint64_t factor;
} unit;

static const unit size_units[] = {
    { "", 1 },    { "B", 1 },     { "KiB", KIB }, { "K", KIB }, { "MiB", MIB },
    { "M", MIB }, { "GiB", GIB }, { "G", GIB },   { NULL, 0 },
};

static const unit time_units[] = {
    { "ns", 1 },     { "us", 1000 },         { "ms", MS },
    { "s", SECOND }, { "min", 60 * SECOND }, { NULL, 0 },
};

static const unit no_units[] = { { "", 1 }, { NULL, 0 } };

/* Digits, then one of the units.  No sign, no fraction, no space: nothing is guessed. */
static bool read_number(const char *text, const unit *units, uint64_t *value_out)
{
    char *end;
    unsigned long long number;

    if (text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    number = strtoull(text, &end, 10);
    if (errno != 0)
        return false;
    for (; units->name != NULL; units++)
        if (strcmp(end, units->name) == 0)
            return !__builtin_mul_overflow((uint64_t)number, units->factor, value_out);
    return false;
}

bool cli_size_read(const char *text, uint64_t *bytes_out)
{
    return read_number(text, size_units, bytes_out);
}

bool cli_time_read(const char *text, uint64_t *ns_out)
{
    return read_number(text, time_units, ns_out);
}

static const char *value_form(value_kind kind)
{
    switch (kind) {
    case SIZE:
        return "give a size such as 65536, 64KiB or 16MiB";
    case TIME:
        return "give a time with its unit, such as 500us, 50ms, 2s or 1min";
    case NUMBER:
        return "give a whole number";
    case FLAG:
    case TEXT:
    case TEXTS:
    case CHOICE:
        break;
    }
    return "";
}

static bool store_number(const option_spec *spec, cli_options *options, const char *what,
                         const char *value)
{
    const unit *units = spec->kind == SIZE   ? size_units
                        : spec->kind == TIME ? time_units
                                             : no_units;
    uint64_t number;

    if (!read_number(value, units, &number)) {
        cli_fail(CLI_USAGE, what, value_form(spec->kind), "'%s' cannot be read", value);
        return false;
    }
    if (number < spec->min || number > spec->max) {
        cli_fail(CLI_USAGE, what, "give another value", "'%s' is not between %llu and %llu%s",
                 value, (unsigned long long)spec->min, (unsigned long long)spec->max,
                 spec->kind == SIZE   ? " bytes"
                 : spec->kind == TIME ? " ns"
                                      : "");
        return false;
    }
    if (spec->step != 0 && number % spec->step != 0) {
        cli_fail(CLI_USAGE, what, "give another value", "'%s' is no multiple of %llu", value,
                 (unsigned long long)spec->step);
        return false;
    }
    memcpy((char *)options + spec->offset, &number, sizeof number);
    return true;
}

static bool store_choice(const option_spec *spec, cli_options *options, const char *what,
                         const char *value)
{
    char list[64] = "";

    for (uint64_t i = 0; i < CHOICES_MAX && spec->choices[i] != NULL; i++) {
        if (strcmp(spec->choices[i], value) == 0) {
            uint64_t number = i + 1;

            memcpy((char *)options + spec->offset, &number, sizeof number);
            return true;
        }
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", i == 0 ? "" : ", ",
                 spec->choices[i]);
    }
    cli_fail(CLI_USAGE, what, "give one of these", "'%s' is none of: %s", value, list);
    return false;
}

static bool store_one_more(const option_spec *spec, cli_options *options, const char *what,
                           const char *value)
{
    cli_texts texts;

    memcpy(&texts, (const char *)options + spec->offset, sizeof texts);
    if (texts.count == CLI_TEXTS_MAX) {
        cli_fail(CLI_USAGE, what, "give fewer", "is there more than %d times", CLI_TEXTS_MAX);
        return false;
    }
    texts.at[texts.count++] = value;
    memcpy((char *)options + spec->offset, &texts, sizeof texts);
    return true;
}

static bool store_value(const option_spec *spec, cli_options *options, const char *value)
{
    char what[32];

    snprintf(what, sizeof what, "--%s", spec->name);
    switch (spec->kind) {
    case FLAG: {
        bool yes = true;

        assert(value == NULL);
        memcpy((char *)options + spec->offset, &yes, sizeof yes);
        return true;
    }
    case TEXT:
        memcpy((char *)options + spec->offset, &value, sizeof value);
        return true;
    case TEXTS:
        return store_one_more(spec, options, what, value);
    case CHOICE:
        return store_choice(spec, options, what, value);
    case SIZE:
    case TIME:
    case NUMBER:
        break;
    }
    return store_number(spec, options, what, value);
}

/* The option that `text` ("--name", "--name=value" or "-n") is for this command, or NULL. */
static const option_spec *find_spec(const char *text, cli_command command,
                                    const char **value_out)
{
    const char *name = text + 2;
    size_t size = strcspn(name, "=");

    *value_out = NULL;
    for (size_t i = 0; i < SPECS_COUNT; i++) {
        const option_spec *spec = &specs[i];

        if ((spec->commands & (unsigned)command) == 0)
            continue;
        if (text[1] != '-') {
            if (spec->letter != 0 && text[1] == spec->letter && text[2] == '\0')
                return spec;
        } else if (strlen(spec->name) == size && memcmp(spec->name, name, size) == 0) {
            if (name[size] == '=')
                *value_out = name + size + 1;
            return spec;
        }
    }
    return NULL;
}

/* Reads the option at argv[*at] and moves *at behind what it took. */
static bool read_option(cli_options *options, cli_command command, int argc, char **argv,
                        int *at)
{
    const char *text = argv[*at], *value;
    const option_spec *spec = find_spec(text, command, &value);

    *at += 1;
    if (spec == NULL) {
        cli_fail(CLI_USAGE, text, cli_help_hint(command), "is not an option of 'berth %s'",
                 cli_command_name(command));
        return false;
    }
    if (spec->kind == FLAG && value != NULL) {
        cli_fail(CLI_USAGE, text, cli_help_hint(command), "takes no value");
        return false;
    }
    if (spec->kind != FLAG && value == NULL) {
        if (*at == argc) {
            cli_fail(CLI_USAGE, text, cli_help_hint(command), "needs a value");
            return false;
        }
        value = argv[*at];
        *at += 1;
    }
    return store_value(spec, options, value);
}

enum { CTL_OPERANDS_MAX = 3, CALL_OPERANDS_MAX = 2, FLOW_OPERANDS_MAX = 4 };

static uint32_t operands_max(cli_command command)
{
    switch (command) {
    case CLI_WIT:
    case CLI_BINDGEN:
    case CLI_BUNDLE:
    case CLI_RUN_GUEST:
        return CLI_OPERANDS_MAX;
    case CLI_CTL:
        return CTL_OPERANDS_MAX;
    case CLI_CALL:
    case CLI_TEST:
        return CALL_OPERANDS_MAX;
    case CLI_FLOW:
        return FLOW_OPERANDS_MAX;
    default:
        return 1;
    }
}

static const char *operand_word(cli_command command)
{
    switch (command) {
    case CLI_WIT:
        return "PATH";
    case CLI_CTL:
        return "SOCKET";
    case CLI_BUNDLE:
        return "command: check, list or graph";
    case CLI_FLOW:
        return "command: check, graph, run, trace, bench, ps, swap, rollback or cancel";
    case CLI_SIGN:
    case CLI_VERIFY:
    case CLI_NEW:
        return "DIR";
    case CLI_BINDGEN:
        return "side: host, guest or native";
    default:
        return "FILE";
    }
}

/* The words that its first operand is one of; NULL: it may be anything. */
static const char *const *first_words(cli_command command, const char **are_out)
{
    static const char *const bundle[] = { "check", "list", "graph", NULL };
    static const char *const bindgen[] = { "host", "native", "guest", NULL };
    static const char *const flow[] = { "check", "graph", "run",      "trace",  "bench",
                                        "ps",    "swap",  "rollback", "cancel", NULL };

    switch (command) {
    case CLI_BUNDLE:
        *are_out = "is none of check, list and graph";
        return bundle;
    case CLI_BINDGEN:
        *are_out = "is no side; there are host, native and guest";
        return bindgen;
    case CLI_FLOW:
        *are_out = "is none of check, graph, run, trace, bench, ps, swap, rollback and cancel";
        return flow;
    default:
        break;
    }
    return NULL;
}

static bool check_first_word(const cli_options *options, cli_command command)
{
    const char *are;
    const char *const *words = first_words(command, &are);

    if (words == NULL)
        return true;
    while (*words != NULL && strcmp(*words, options->operands[0]) != 0)
        words++;
    if (*words == NULL)
        cli_fail(CLI_USAGE, options->operands[0], cli_help_hint(command), "%s", are);
    return *words != NULL;
}

static bool check_operands(const cli_options *options, cli_command command)
{
    uint32_t most = operands_max(command);

    if (options->operands_count == 0) {
        cli_fail(CLI_USAGE, cli_command_name(command), cli_help_hint(command), "needs a %s",
                 operand_word(command));
        return false;
    }
    if (!check_first_word(options, command))
        return false;
    if (options->operands_count > most) {
        cli_fail(CLI_USAGE, options->operands[most], cli_help_hint(command),
                 "is one operand too many");
        return false;
    }
    if (command == CLI_CALL && options->operands_count == 2 && options->hook != NULL) {
        cli_fail(CLI_USAGE, "call", cli_help_hint(command), "takes --hook or a CALL, not both");
        return false;
    }
    if (command == CLI_CALL && options->operands_count == 1 && options->json) {
        cli_fail(CLI_USAGE, "call", cli_help_hint(command),
                 "writes a reply as it is; --json is for a CALL such as 'f(1)'");
        return false;
    }
    if (options->json_args != NULL && options->operands_count == 1) {
        cli_fail(CLI_USAGE, "--json-args", cli_help_hint(command),
                 "needs the name of a function behind the plugin");
        return false;
    }
    if ((command & HOST) != 0 && options->hook == NULL && options->operands_count == 1) {
        cli_fail(CLI_USAGE, cli_command_name(command),
                 "'berth inspect FILE' lists the hooks of a plugin", "needs --hook NAME%s",
                 command == CLI_CALL ? ", or a call such as 'f(1)'" : "");
        return false;
    }
    if (command == CLI_NEW && options->language == NULL) {
        cli_fail(CLI_USAGE, "new", cli_help_hint(command), "needs --lang LANGUAGE");
        return false;
    }
    if (command != CLI_NEW && options->contract != NULL && options->wit == NULL) {
        cli_fail(CLI_USAGE, "--contract", cli_help_hint(command), "needs --wit PATH");
        return false;
    }
    if (command == CLI_WRAP && (options->wit == NULL || options->output == NULL)) {
        cli_fail(CLI_USAGE, "wrap", cli_help_hint(command), "needs %s",
                 options->wit == NULL ? "--wit PATH" : "--output FILE");
        return false;
    }
    if (command == CLI_COMPONENTIZE && options->output == NULL) {
        cli_fail(CLI_USAGE, "componentize", cli_help_hint(command), "needs --output FILE");
        return false;
    }
    if (command == CLI_BINDGEN && (options->operands_count == 1 || options->out == NULL)) {
        cli_fail(CLI_USAGE, "bindgen", cli_help_hint(command), "needs %s",
                 options->operands_count == 1 ? "a PATH" : "--out DIR");
        return false;
    }
    if (command == CLI_BUNDLE && options->operands_count == 1) {
        cli_fail(CLI_USAGE, "bundle", cli_help_hint(command), "needs a DIR");
        return false;
    }
    if (command == CLI_SIGN && options->key == NULL) {
        cli_fail(CLI_USAGE, "sign", cli_help_hint(command), "needs --key FILE");
        return false;
    }
    return true;
}

bool cli_options_read(cli_options *options, cli_command command, int argc, char **argv)
{
    bool only_operands = false;

    memset(options, 0, sizeof *options);
    options->command = command;
    for (int i = 0; i < argc;) {
        const char *text = argv[i];

        if (!only_operands && strcmp(text, "--") == 0) {
            only_operands = true;
            i++;
        } else if (!only_operands && text[0] == '-' && text[1] != '\0') {
            if (!read_option(options, command, argc, argv, &i))
                return false;
        } else if (options->operands_count == CLI_OPERANDS_MAX) {
            cli_fail(CLI_USAGE, text, cli_help_hint(command), "is one operand too many");
            return false;
        } else {
            options->operands[options->operands_count++] = text;
            i++;
        }
    }
    return options->help || check_operands(options, command);
}
