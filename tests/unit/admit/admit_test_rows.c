/* admit_test_rows.c - the rows: what an author can get wrong, and what he is told. */
#include "admit_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BERTH .profile = &berthi_profile_berth
#define CCLB  .profile = &berthi_profile_cclb

/* Metadata of one hook, with `head` and `hook` as given. */
#define BERTH_JSON(head, hook) "{" head ", \"hooks\": {\"echo\": {" hook "}}}"
#define HEAD                   "\"name\": \"n\", \"version\": \"1\", \"description\": \"d\""
#define HOOK                   "\"description\": \"d\""
#define CCLB_HEAD              HEAD ", \"usage\": \"u\""
#define CCLB_HOOK              "\"wire_version\": 1, \"description\": \"d\", \"usage\": \"u\""
#define CCLB_JSON(head, hooks) "{" head ", \"hooks\": {" hooks "}}"
#define FILTER                 "\"filter\": {" CCLB_HOOK "}"
#define SHAPE                  "\"shape\": {" CCLB_HOOK "}"
#define RESPONSE(mode)         "\"transform_response\": {" CCLB_HOOK mode "}"
#define EVENT(mode)            "\"transform_sse_event\": {" CCLB_HOOK mode "}"
#define NOOP                   ", \"mode\": \"noop\""
#define ACTIVE                 ", \"mode\": \"active\""

#define NAME_16 "0123456789abcdef"
#define NAME_64 NAME_16 NAME_16 NAME_16 NAME_16
#define NEST_8  "[[[[[[[["
#define OPEN_32 NEST_8 NEST_8 NEST_8 NEST_8

static void import_func(bertht_wasm *m)
{
    wasm_import_func(m, "env", "log", "i:");
}

static void import_control(bertht_wasm *m)
{
    wasm_import_func(m, "e\033[2Jnv", "l\nog", "i:");
}

static void import_two(bertht_wasm *m)
{
    wasm_import_global(m, "env", "g", 0x7f, false);
    wasm_import_func(m, "env", "log", "i:");
}

static void import_memory(bertht_wasm *m)
{
    wasm_import_memory(m, "env", "memory", 1);
}

static void export_imported_memory(bertht_wasm *m)
{
    wasm_export(m, "memory", 2, 0);
}

static void import_table(bertht_wasm *m)
{
    wasm_import_table(m, "env", "table", 1);
}

static void empty_imports(bertht_wasm *m)
{
    m->keep_empty[2] = true;
}

static void bad_export(bertht_wasm *m)
{
    wasm_export(m, "odd", 9, 0);
}

static void export_func_as_memory(bertht_wasm *m)
{
    wasm_memory(m, 0, 1, 0);
    wasm_export(m, "memory", 0, 0);
}

static void second_memory(bertht_wasm *m)
{
    wasm_memory(m, 0, 1, 0);
}

static void table_at_limit(bertht_wasm *m)
{
    wasm_table(m, 0x70, 0, 1000, 0);
}

static void table_past_limit(bertht_wasm *m)
{
    wasm_table(m, 0x70, 0, 1001, 0);
}

static void table_64(bertht_wasm *m)
{
    wasm_table(m, 0x70, 4, 1, 0);
}

static void more_exports(bertht_wasm *m)
{
    wasm_global_i32(m, false, 7);
    wasm_table(m, 0x70, 1, 1, 2);
    wasm_export(m, "__heap_base", 3, 0);
    wasm_export(m, "table", 1, 0);
    wasm_export(m, "other", 0, wasm_func(m, ":", "", 0));
}

void put_start(bertht_wasm *m)
{
    wasm_start(m, wasm_func(m, ":", "", 0));
}

static void second_berth_metadata(bertht_wasm *m)
{
    wasm_custom(m, "berth.plugin.v1", "{}", 2);
}

static void second_cclb_metadata(bertht_wasm *m)
{
    wasm_custom(m, "cc_lb.plugin.v1", "{}", 2);
}

static void second_schema(bertht_wasm *m)
{
    wasm_custom(m, "cc_lb.schema.filter.v1", berthi_profile_cclb.hooks[0].schema, 32);
}

static void odd_schema(bertht_wasm *m)
{
    wasm_custom(m, "cc_lb.schema.other.v1", "0123456789", 10);
}

static void odd_event(bertht_wasm *m)
{
    wasm_export(m, "cc_lb_transform_sse_event", 0, wasm_func(m, "i:I", "\x42\x00", 2));
}

static void wrong_filter_schema(bertht_wasm *m)
{
    uint8_t schema[32];

    memcpy(schema, berthi_profile_cclb.hooks[0].schema, 32);
    schema[31] ^= 1;
    wasm_custom(m, "cc_lb.schema.filter.v1", schema, 32);
}

static void schemas(bertht_wasm *m, unsigned count)
{
    char name[48];

    for (unsigned i = 0; i < count; i++) {
        snprintf(name, sizeof name, "cc_lb.schema.unused%u.v1", i);
        wasm_custom(m, name, berthi_profile_cclb.hooks[0].schema, 32);
    }
}

static void schemas_at_limit(bertht_wasm *m)
{
    schemas(m, 63);
}

static void schemas_past_limit(bertht_wasm *m)
{
    schemas(m, 64);
}

static void big_metadata(bertht_wasm *m, size_t size)
{
    const char *text = BERTH_JSON(HEAD, HOOK);
    char *padded = malloc(size);

    if (padded == NULL)
        abort();
    memset(padded, ' ', size);
    memcpy(padded, text, strlen(text));
    wasm_custom(m, "berth.plugin.v1", padded, size);
    free(padded);
}

static void metadata_at_limit(bertht_wasm *m)
{
    big_metadata(m, 65536);
}

static void metadata_past_limit(bertht_wasm *m)
{
    big_metadata(m, 65537);
}

static void many_hooks(bertht_wasm *m, unsigned count)
{
    bertht_buf json = { 0 };
    uint32_t hook = wasm_func(m, "ii:I", "\x42\x00", 2);
    char text[64];

    buf_bytes(&json, "{" HEAD ", \"hooks\": {", strlen("{" HEAD ", \"hooks\": {"));
    for (unsigned i = 0; i < count; i++) {
        int size = snprintf(text, sizeof text, "%s\"h%u\": {" HOOK "}", i == 0 ? "" : ",", i);

        buf_bytes(&json, text, (size_t)size);
        snprintf(text, sizeof text, "berth_hook_h%u", i);
        wasm_export(m, text, 0, hook);
    }
    buf_bytes(&json, "}}", 2);
    wasm_custom(m, "berth.plugin.v1", json.data, json.size);
    buf_free(&json);
}

static void hooks_at_limit(bertht_wasm *m)
{
    many_hooks(m, 32);
}

static void hooks_past_limit(bertht_wasm *m)
{
    many_hooks(m, 33);
}

static void hook_as_global(bertht_wasm *m)
{
    wasm_global_i32(m, false, 0);
    wasm_export(m, "berth_hook_echo", 3, 0);
}

const admit_row berth_rows[] = {
    { "a sound plugin", { BERTH }, NULL, NULL },
    { "more exports than asked for", { BERTH, .after = more_exports }, NULL, NULL },
    { "a start function", { BERTH, .after = put_start }, NULL, NULL },
    { "an import section without entries", { BERTH, .after = empty_imports }, NULL, NULL },
    { "a hook without a probe", { BERTH, .metadata = BERTH_JSON(HEAD, HOOK) }, NULL, NULL },
    { "members nobody knows",
      { BERTH, .metadata = BERTH_JSON(HEAD ", \"x\": [1, {\"y\": null}]", HOOK ", \"z\": 2") },
      NULL,
      NULL },
    { "cc-lb's hook is only a name here",
      { BERTH, .metadata = CCLB_JSON(CCLB_HEAD, FILTER), .hooks = "filter" },
      NULL,
      NULL },

    { "one import",
      { BERTH, .before = import_func },
      "imports 1 item(s) that nobody offers to it; the first is func `env` `log`",
      NULL },
    { "two imports",
      { BERTH, .before = import_two },
      "imports 2 item(s) that nobody offers to it; the first is global `env` `g`",
      NULL },
    { "an imported memory",
      { BERTH, .no_memory = true, .before = import_memory, .after = export_imported_memory },
      "the first is memory `env` `memory`",
      NULL },
    { "an imported table", { BERTH, .before = import_table }, "table `env` `table`", NULL },
    { "control characters in an import",
      { BERTH, .before = import_control },
      "func `e\\x1b[2Jnv` `l\\x0aog`",
      NULL },

    { "no memory",
      { BERTH, .no_memory = true },
      "missing required export `memory` (Memory)",
      NULL },
    { "`memory` is a function",
      { BERTH, .no_memory = true, .after = export_func_as_memory },
      "missing required export `memory` (Memory); that export is a func",
      NULL },
    { "two memories", { BERTH, .after = second_memory }, "has 2 memories; exactly one", NULL },
    { "a shared memory", { BERTH, .memory_flags = 3 }, "shared between threads", NULL },
    { "a 64-bit memory", { BERTH, .memory_flags = 4 }, "64-bit addresses", NULL },
    { "memory at the limit", { BERTH, .pages = 16 }, NULL, NULL },
    { "memory past the limit",
      { BERTH, .pages = 17 },
      "starts with 17 pages (64 KiB each); the limit is 16",
      NULL },
    { "a memory that may grow past the limit", { BERTH, .memory_flags = 1 }, NULL, NULL },
    { "a table at the limit", { BERTH, .after = table_at_limit }, NULL, NULL },
    { "a table past the limit",
      { BERTH, .after = table_past_limit },
      "table 0 starts with 1001 elements; the limit is 1000",
      NULL },
    { "a 64-bit table", { BERTH, .after = table_64 }, "64-bit indices", NULL },

    { "no alloc",
      { BERTH, .alloc_type = "" },
      "missing required function export `berth_alloc`",
      NULL },
    { "no free",
      { BERTH, .free_type = "" },
      "missing required function export `berth_free`",
      NULL },
    { "alloc without align",
      { BERTH, .alloc_type = "i:i" },
      "`berth_alloc` has type (i32) -> (i32); it needs (i32, i32) -> (i32)",
      NULL },
    { "free with a result",
      { BERTH, .free_type = "iii:i" },
      "`berth_free` has type (i32, i32, i32) -> (i32); it needs (i32, i32, i32) -> ()",
      NULL },
    { "a hook that answers i32",
      { BERTH, .hook_type = "ii:i" },
      "`berth_hook_echo` has type (i32, i32) -> (i32); it needs (i32, i32) -> (i64)",
      NULL },
    { "a hook with i64 parameters",
      { BERTH, .hook_type = "iI:I" },
      "has type (i32, i64) -> (i64)",
      NULL },
    { "a declared hook that is not there",
      { BERTH, .hooks = "other" },
      "missing required function export `berth_hook_echo` for declared hook `echo`",
      NULL },
    { "a declared hook that is a global",
      { BERTH, .hooks = "", .after = hook_as_global },
      "for declared hook `echo`; that export is a global",
      NULL },
    { "an export that cannot be read",
      { BERTH, .after = bad_export },
      "wasm parse error: ",
      NULL },

    { "no metadata",
      { BERTH, .metadata = "" },
      "missing required `berth.plugin.v1` custom section",
      NULL },
    { "two metadata sections",
      { BERTH, .after = second_berth_metadata },
      "`berth.plugin.v1` section is there more than once",
      NULL },
    { "metadata at its limit",
      { BERTH, .metadata = "", .after = metadata_at_limit },
      NULL,
      NULL },
    { "metadata past its limit",
      { BERTH, .metadata = "", .after = metadata_past_limit },
      "`berth.plugin.v1` section has 65537 bytes; at most 65536",
      NULL },
    { "metadata that is not JSON",
      { BERTH, .metadata = "{\"name\": }" },
      "invalid `berth.plugin.v1` metadata JSON: no value starts like this at byte 9",
      NULL },
    { "metadata that is not UTF-8",
      { BERTH, .metadata = "{\"name\": \"\xff\"}" },
      "metadata JSON: not UTF-8 at byte 10",
      NULL },
    { "metadata with NUL in it",
      { BERTH, .metadata = "{\"a\": \"\0\"}", .metadata_size = 10 },
      "a control character in a string at byte 7",
      NULL },
    { "a member twice",
      { BERTH, .metadata = BERTH_JSON(HEAD ", \"name\": \"m\"", HOOK) },
      "metadata JSON: a member is there twice",
      NULL },
    { "a hook twice",
      { BERTH,
        .metadata = "{" HEAD ", \"hooks\": {\"echo\": {" HOOK "}, \"echo\": {" HOOK "}}}" },
      "metadata JSON: a member is there twice",
      NULL },
    { "a number out of range, which nobody asks for",
      { BERTH, .metadata = BERTH_JSON(HEAD ", \"x\": 1e999", HOOK) },
      NULL,
      NULL },
    { "metadata nested too deep",
      { BERTH, .metadata = OPEN_32 "[" },
      "JSON: nested too deep at byte 32",
      NULL },
    { "metadata that is a list",
      { BERTH, .metadata = "[]" },
      "metadata: it is not an object",
      NULL },

    { "no name",
      { BERTH, .metadata = BERTH_JSON("\"version\": \"1\", \"description\": \"d\"", HOOK) },
      "invalid `berth.plugin.v1` metadata: missing plugin name",
      NULL },
    { "no version",
      { BERTH, .metadata = BERTH_JSON("\"name\": \"n\", \"description\": \"d\"", HOOK) },
      "missing plugin version",
      NULL },
    { "no description",
      { BERTH, .metadata = BERTH_JSON("\"name\": \"n\", \"version\": \"1\"", HOOK) },
      "missing plugin description",
      NULL },
    { "a blank description",
      { BERTH, .metadata = BERTH_JSON(
                   "\"name\": \"n\", \"version\": \"1\", \"description\": \" \\t\"", HOOK) },
      "missing plugin description: it is blank",
      NULL },
    { "a name that is a number",
      { BERTH, .metadata = BERTH_JSON("\"name\": 1, \"version\": \"1\", \"description\": \"d\"",
                                      HOOK) },
      "plugin name is not a string",
      NULL },
    { "a name of 64 bytes",
      { BERTH, .metadata = BERTH_JSON("\"name\": \"" NAME_64
                                      "\", \"version\": \"1\", \"description\": \"d\"",
                                      HOOK) },
      NULL,
      NULL },
    { "a name of 65 bytes",
      { BERTH, .metadata = BERTH_JSON("\"name\": \"" NAME_64
                                      "x\", \"version\": \"1\", \"description\": \"d\"",
                                      HOOK) },
      "plugin name has 65 bytes; at most 64",
      NULL },
    { "a name with an escape sequence",
      { BERTH,
        .metadata = BERTH_JSON(
            "\"name\": \"n\\u001b[2J\", \"version\": \"1\", \"description\": \"d\"", HOOK) },
      "plugin name \"n\\x1b[2J\" holds characters that do not show",
      NULL },
    { "a name with a space",
      { BERTH, .metadata = BERTH_JSON(
                   "\"name\": \"n m\", \"version\": \"1\", \"description\": \"d\"", HOOK) },
      "plugin name \"n m\" is not letters, digits",
      NULL },
    { "a name with a sign in front",
      { BERTH, .metadata = BERTH_JSON(
                   "\"name\": \"-n\", \"version\": \"1\", \"description\": \"d\"", HOOK) },
      "plugin name \"-n\" is not letters, digits",
      NULL },
    { "a version with a newline",
      { BERTH, .metadata = BERTH_JSON(
                   "\"name\": \"n\", \"version\": \"1\\n2\", \"description\": \"d\"", HOOK) },
      "plugin version \"1\\x0a2\" holds characters that do not show",
      NULL },
    { "a semantic version",
      { BERTH, .metadata = BERTH_JSON("\"name\": \"n\", \"version\": \"1.0.0-rc.1+b7\", "
                                      "\"description\": \"two\\nlines\"",
                                      HOOK) },
      NULL,
      NULL },

    { "no hooks", { BERTH, .metadata = "{" HEAD "}" }, "plugin declares no hooks", NULL },
    { "hooks that are empty",
      { BERTH, .metadata = "{" HEAD ", \"hooks\": {}}" },
      "declares no hooks",
      NULL },
    { "hooks that are a list",
      { BERTH, .metadata = "{" HEAD ", \"hooks\": [\"echo\"]}" },
      "plugin hooks is not an object",
      NULL },
    { "32 hooks", { BERTH, .metadata = "", .after = hooks_at_limit }, NULL, NULL },
    { "33 hooks",
      { BERTH, .metadata = "", .after = hooks_past_limit },
      "plugin declares 33 hooks; at most 32",
      NULL },
    { "a hook that is a text",
      { BERTH, .metadata = "{" HEAD ", \"hooks\": {\"echo\": \"says it\"}}" },
      "hook `echo` is not an object",
      NULL },
    { "a hook without description",
      { BERTH, .metadata = BERTH_JSON(HEAD, "\"probe\": \"x\"") },
      "missing hook `echo` description",
      NULL },
    { "a probe that is a number",
      { BERTH, .metadata = BERTH_JSON(HEAD, HOOK ", \"probe\": 1") },
      "hook `echo` probe is not a string",
      NULL },
    { "a hook name with a dash",
      { BERTH, .metadata = "{" HEAD ", \"hooks\": {\"e-cho\": {" HOOK "}}}" },
      "hook name `e-cho` is not 1 to 64 letters, digits and '_'",
      NULL },
    { "an empty hook name",
      { BERTH, .metadata = "{" HEAD ", \"hooks\": {\"\": {" HOOK "}}}" },
      "hook name `` is not 1 to 64",
      NULL },
    { "a hook name of 65 bytes",
      { BERTH, .metadata = "{" HEAD ", \"hooks\": {\"" NAME_64 "x\": {" HOOK "}}}" },
      "is not 1 to 64 letters",
      NULL },
    { "a hook name with a control character",
      { BERTH, .metadata = "{" HEAD ", \"hooks\": {\"a\\u0007b\": {" HOOK "}}}" },
      "hook name `a\\x07b` is not 1 to 64",
      NULL },
};
const size_t berth_rows_count = sizeof berth_rows / sizeof *berth_rows;

#define ALL_HOOKS SOUND_CCLB_ALL_HOOKS

const admit_row cclb_rows[] = {
    { "a filter", { CCLB }, NULL, NULL },
    { "a filter that says its mode",
      { CCLB, .metadata = CCLB_JSON(CCLB_HEAD, "\"filter\": {" CCLB_HOOK ACTIVE "}") },
      NULL,
      NULL },
    { "all hooks, as a filter",
      { CCLB,
        .metadata =
            CCLB_JSON(CCLB_HEAD, FILTER "," SHAPE "," RESPONSE(ACTIVE) "," EVENT(ACTIVE)),
        .hooks = ALL_HOOKS },
      NULL,
      "filter" },
    { "all hooks, as a shape",
      { CCLB,
        .metadata =
            CCLB_JSON(CCLB_HEAD, FILTER "," SHAPE "," RESPONSE(ACTIVE) "," EVENT(ACTIVE)),
        .hooks = ALL_HOOKS },
      NULL,
      "shape" },
    { "a shape with no-op transforms",
      { CCLB, .metadata = CCLB_JSON(CCLB_HEAD, SHAPE "," RESPONSE(NOOP) "," EVENT(NOOP)),
        .hooks = ALL_HOOKS },
      NULL,
      "shape" },
    { "a name that cc-lb allows",
      { CCLB, .metadata = CCLB_JSON("\"name\": \"My filter / \xc3\xa4\", \"version\": \"one\", "
                                    "\"description\": \"d\", \"usage\": \"u\"",
                                    FILTER) },
      NULL,
      NULL },
    { "an import section without entries", { CCLB, .after = empty_imports }, NULL, NULL },
    { "more exports", { CCLB, .after = more_exports }, NULL, NULL },
    { "64 schema sections", { CCLB, .after = schemas_at_limit }, NULL, NULL },

    { "an import", { CCLB, .before = import_func }, "plugin module imports 1 item(s)", NULL },
    { "an export that cannot be read",
      { CCLB, .after = bad_export },
      "wasm parse error: ",
      NULL },
    { "a schema section of 10 bytes",
      { CCLB, .after = odd_schema },
      "`cc_lb.schema.other.v1` section is 10 bytes; expected 32",
      NULL },
    { "65 schema sections",
      { CCLB, .after = schemas_past_limit },
      "65 `cc_lb.schema.*` sections; at most 64",
      NULL },
    { "no metadata",
      { CCLB, .metadata = "" },
      "missing required `cc_lb.plugin.v1` custom section",
      NULL },
    { "two metadata sections",
      { CCLB, .after = second_cclb_metadata },
      "`cc_lb.plugin.v1` section is there more than once",
      NULL },
    { "two schema sections for a hook",
      { CCLB, .after = second_schema },
      "`cc_lb.schema.filter.v1` section is there twice",
      NULL },
    { "metadata that is not JSON",
      { CCLB, .metadata = "filter" },
      "invalid `cc_lb.plugin.v1` metadata JSON: ",
      NULL },
    { "no name",
      { CCLB, .metadata = CCLB_JSON(
                  "\"version\": \"1\", \"description\": \"d\", \"usage\": \"u\"", FILTER) },
      "invalid `cc_lb.plugin.v1` metadata: missing plugin name",
      NULL },
    { "a blank version",
      { CCLB,
        .metadata = CCLB_JSON("\"name\": \"n\", \"version\": \" \", \"description\": \"d\", "
                              "\"usage\": \"u\"",
                              FILTER) },
      "missing plugin version",
      NULL },
    { "no description",
      { CCLB, .metadata =
                  CCLB_JSON("\"name\": \"n\", \"version\": \"1\", \"usage\": \"u\"", FILTER) },
      "missing plugin description",
      NULL },
    { "no usage", { CCLB, .metadata = CCLB_JSON(HEAD, FILTER) }, "missing plugin usage", NULL },
    { "a name that turns text around",
      { CCLB, .metadata = CCLB_JSON(
                  "\"name\": \"a\\u202eb\", \"version\": \"1\", \"description\": \"d\", "
                  "\"usage\": \"u\"",
                  FILTER) },
      "holds characters that do not show",
      NULL },
    { "a hook without description",
      { CCLB, .metadata =
                  CCLB_JSON(CCLB_HEAD, "\"filter\": {\"wire_version\": 1, \"usage\": \"u\"}") },
      "missing hook `filter` description",
      NULL },
    { "a hook without usage",
      { CCLB, .metadata = CCLB_JSON(
                  CCLB_HEAD, "\"filter\": {\"wire_version\": 1, \"description\": \"d\"}") },
      "missing hook `filter` usage",
      NULL },
    { "a hook without wire version",
      { CCLB, .metadata = CCLB_JSON(CCLB_HEAD,
                                    "\"filter\": {\"usage\": \"u\", \"description\": \"d\"}") },
      "missing hook `filter` wire_version",
      NULL },
    { "a wire version past 255",
      { CCLB, .metadata =
                  CCLB_JSON(CCLB_HEAD, "\"filter\": {\"wire_version\": 256, \"usage\": \"u\", "
                                       "\"description\": \"d\"}") },
      "wire_version is not a whole number from 0 to 255",
      NULL },
    { "a mode nobody knows",
      { CCLB,
        .metadata = CCLB_JSON(CCLB_HEAD, "\"filter\": {" CCLB_HOOK ", \"mode\": \"on\"}") },
      "hook `filter` mode is neither \"active\" nor \"noop\"",
      NULL },
    { "no hooks",
      { CCLB, .metadata = CCLB_JSON(CCLB_HEAD, "") },
      "plugin declares no hooks",
      NULL },

    { "a filter that is a no-op",
      { CCLB, .metadata = CCLB_JSON(CCLB_HEAD, "\"filter\": {" CCLB_HOOK NOOP "}") },
      "hook `filter` cannot declare mode `noop`; no-op is only valid for shape-owned response "
      "hooks",
      NULL },
    { "a shape for a filter's slot",
      { CCLB, .metadata = CCLB_JSON(CCLB_HEAD, SHAPE "," RESPONSE(NOOP) "," EVENT(NOOP)),
        .hooks = ALL_HOOKS },
      "metadata does not declare required `filter` hook for this slot",
      "filter" },
    { "a filter for a shape's slot",
      { CCLB },
      "metadata does not declare required `shape` hook for this slot",
      "shape" },
    { "a shape without one transform",
      { CCLB, .metadata = CCLB_JSON(CCLB_HEAD, SHAPE "," EVENT(NOOP)), .hooks = ALL_HOOKS },
      "metadata does not declare required `transform_response` hook for shape plugin",
      "shape" },
    { "a transform that does not say its mode",
      { CCLB, .metadata = CCLB_JSON(CCLB_HEAD, SHAPE "," RESPONSE("") "," EVENT(NOOP)),
        .hooks = ALL_HOOKS },
      "shape plugin hook `transform_response` must explicitly declare mode `active` or `noop`",
      "shape" },
    { "a transform as a slot of its own",
      { CCLB },
      "hook `transform_sse_event` is shape-owned and cannot be admitted as a standalone slot",
      "transform_sse_event" },
    { "a transform without a shape",
      { CCLB, .metadata = CCLB_JSON(CCLB_HEAD, FILTER "," EVENT(NOOP)), .hooks = ALL_HOOKS },
      "shape-owned hook `transform_sse_event` requires a declared `shape` hook",
      "filter" },

    { "no memory",
      { CCLB, .no_memory = true },
      "missing required export `memory` (Memory)",
      NULL },
    { "no alloc",
      { CCLB, .alloc_type = "" },
      "missing required function export `cc_lb_alloc`",
      NULL },
    { "no free",
      { CCLB, .free_type = "" },
      "missing required function export `cc_lb_free`",
      NULL },
    { "a free of another type, which cc-lb never looks at",
      { CCLB, .free_type = "i:" },
      "`cc_lb_free` has type (i32) -> (); it needs (i32, i32, i32) -> ()",
      NULL },
    { "an unknown hook",
      { CCLB, .metadata = CCLB_JSON(CCLB_HEAD, FILTER ", \"observe\": {" CCLB_HOOK "}"),
        .hooks = "filter observe" },
      "unknown hook `observe` in metadata",
      NULL },
    { "wire version 2",
      { CCLB,
        .metadata = CCLB_JSON(CCLB_HEAD, "\"filter\": {\"wire_version\": 2, \"usage\": \"u\", "
                                         "\"description\": \"d\"}") },
      "hook `filter` declares unsupported wire version 2",
      NULL },
    { "no hook export",
      { CCLB, .hooks = "" },
      "missing required function export `cc_lb_filter` for declared hook `filter`",
      NULL },
    { "a no-op hook that is not there",
      { CCLB, .metadata = CCLB_JSON(CCLB_HEAD, SHAPE "," RESPONSE(NOOP) "," EVENT(NOOP)),
        .hooks = "shape transform_response" },
      "missing required function export `cc_lb_transform_sse_event`",
      "shape" },
    { "a no-op hook of another type",
      { CCLB, .metadata = CCLB_JSON(CCLB_HEAD, SHAPE "," RESPONSE(NOOP) "," EVENT(NOOP)),
        .hooks = "shape transform_response", .after = odd_event },
      "`cc_lb_transform_sse_event` has type (i32) -> (i64); it needs (i32, i32) -> (i64)",
      "shape" },
    { "no schema section",
      { CCLB, .no_schemas = true },
      "missing `cc_lb.schema.filter.v1` custom section for declared hook `filter`",
      NULL },
    { "another fingerprint",
      { CCLB, .no_schemas = true, .after = wrong_filter_schema },
      "`cc_lb.schema.filter.v1` hash mismatch (host expects "
      "f20f669542349c002acd04b2308ff0d83899bf0cb5a17b818c1d938adda52834 but plugin shipped "
      "f20f669542349c002acd04b2308ff0d83899bf0cb5a17b818c1d938adda52835)",
      NULL },
};
const size_t cclb_rows_count = sizeof cclb_rows / sizeof *cclb_rows;
