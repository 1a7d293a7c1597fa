/* manifest_test.c - berth.toml: what it may say, and errors that name field and line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bundle/bundle.h"

#define HEAD     "[bundle]\nname = \"a\"\nversion = \"1.0.0\"\n"
#define ARTIFACT "[[artifact]]\nkind = \"component\"\nfile = \"a.wasm\"\n"

static berth_status read_text(const char *text, berthi_arena *arena, berthi_manifest *m,
                              berth_diag *diag)
{
    berthi_text source = { "berth.toml", text, strlen(text) };

    return berthi_manifest_read(&source, arena, m, diag);
}

static void every_field_is_read(void **state)
{
    static const char text[] =
        "[bundle]\n"
        "name = \"image-thumbs_2.x\"\n"
        "version = \"0.2.1\"\n"
        "description = \"Small pictures\"\n"
        "reload = \"with-dependencies\"\n"
        "priority = -5\n"
        "[[artifact]]\nkind = \"component\"\nfile = \"any.wasm\"\n"
        "[[artifact]]\nkind = \"module\"\nfile = \"l.wasm\"\nos = \"linux\"\n"
        "[[artifact]]\nkind = \"native\"\nfile = \"lib/x.so\"\n"
        "os = \"linux\"\narch = \"aarch64\"\n"
        "[[provides]]\ncontract = \"image:thumbs/render@1.2.0\"\n"
        "[[requires]]\ncontract = \"image:codec/decode@0.2.0\"\n"
        "bundle = \"codecs\"\noptional = true\n"
        "[limits]\ndeadline = \"250ms\"\nprobe-deadline = \"2s\"\n"
        "memory = \"16MiB\"\noutput = \"512KiB\"\ncalls = 8\n"
        "instances = 4\npolicy = \"fresh\"\ntrial = true\n";
    berthi_manifest m;
    berth_diag diag = { 0 };
    berthi_arena arena;

    (void)state;
    berthi_arena_init(&arena, &berthi_allocator_libc, SIZE_MAX);
    if (read_text(text, &arena, &m, &diag) != BERTH_OK)
        fail_msg("%s", diag.text);
    assert_string_equal(m.name, "image-thumbs_2.x");
    assert_string_equal(m.version, "0.2.1");
    assert_string_equal(m.description, "Small pictures");
    assert_string_equal(m.slot, "image-thumbs_2.x@0.2");
    assert_true(m.follows && m.priority == -5);
    assert_int_equal(m.artifacts_count, 3);
    assert_string_equal(berthi_manifest_artifact(&m, "linux", "aarch64")->file, "lib/x.so");
    assert_string_equal(berthi_manifest_artifact(&m, "linux", "x86_64")->file, "l.wasm");
    assert_string_equal(berthi_manifest_artifact(&m, "macos", "aarch64")->file, "any.wasm");
    assert_int_equal(m.provides_count, 1);
    assert_string_equal(m.provides[0].name, "image:thumbs/render");
    assert_string_equal(m.provides[0].version, "1.2.0");
    assert_int_equal(m.requires_count, 1);
    assert_string_equal(m.needs[0].text, "image:codec/decode@0.2.0");
    assert_string_equal(m.needs[0].bundle, "codecs");
    assert_true(m.needs[0].is_optional);
    assert_true(m.limits.deadline_ns == 250000000 && m.limits.probe_deadline_ns == 2000000000);
    assert_true(m.limits.memory_bytes == 16 << 20 && m.limits.output_bytes == 512 << 10);
    assert_true(m.limits.calls == 8 && m.limits.instances == 4 && m.limits.policy == 2 &&
                m.limits.is_tried);
    berthi_arena_fini(&arena);
}

static void what_is_not_said_has_its_default(void **state)
{
    berthi_manifest m;
    berthi_arena arena;

    (void)state;
    berthi_arena_init(&arena, &berthi_allocator_libc, SIZE_MAX);
    assert_int_equal(read_text(HEAD ARTIFACT, &arena, &m, NULL), BERTH_OK);
    assert_null(m.description);
    assert_true(!m.follows && m.priority == 0 && m.provides_count == 0);
    assert_true(m.requires_count == 0 && m.limits.deadline_ns == 0 && m.limits.policy == 0 &&
                !m.limits.is_tried);
    assert_string_equal(m.slot, "a@1");
    assert_null(berthi_manifest_artifact(&m, "linux", "x86_64")->os);
    berthi_arena_fini(&arena);
}

static const struct {
    const char *text, *place, *why;
} refused[] = {
    { "", "1:1", "`berth.toml` has no `bundle`" },
    { "x = 1\n", "1:1", "`berth.toml` has no field `x`; expected one of bundle, artifact" },
    { "[bundel]\n", "1:2", "no field `bundel`; did you mean `bundle`?" },
    { "bundle = 1\n", "1:10", "is an integer; expected a table" },
    { "[bundle]\nversion = \"1.0.0\"\n" ARTIFACT, "1:2", "`bundle` has no `name`" },
    { "[bundle]\nname = \"a\"\n" ARTIFACT, "1:2", "`bundle` has no `version`" },
    { "[bundle]\nname = 1\n", "2:8", "`bundle.name`: is an integer; expected a string" },
    { "[bundle]\nname = \"\"\n", "2:8", "has 0 bytes; expected 1 to 40" },
    { "[bundle]\nname = \"A\"\n", "2:8", "`A` is no name" },
    { "[bundle]\nname = \"-a\"\n", "2:8", "is no name" },
    { "[bundle]\nname = \"a.\"\n", "2:8", "is no name" },
    { "[bundle]\nname = \"a/b\"\n", "2:8", "is no name" },
    { "[bundle]\nname = \"a\\u0000\"\n", "2:8", "cannot be shown" },
    { "[bundle]\nname = \"a2345678901234567890123456789012345678901\"\n", "2:8",
      "has 41 bytes" },
    { "[bundle]\nname = \"a\"\nversion = \"1.2\"\n", "3:11", "`1.2` is no version" },
    { "[bundle]\nname = \"a\"\nversion = \"01.2.3\"\n", "3:11", "is no version" },
    { "[bundle]\nname = \"a\"\nversion = \"1.0.0-aaaaaaaaaaaaaaaaaaaaaaaa\"\n", "3:11",
      "bytes" },
    { "[bundle]\nname = \"a\"\nversoin = \"1.0.0\"\n", "3:1", "did you mean `version`?" },
    { HEAD "reload = \"never\"\n" ARTIFACT, "4:10",
      "`never` is none; expected alone, with-dep" },
    { HEAD "priority = 1001\n" ARTIFACT, "4:12", "expected -1000 to 1000" },
    { HEAD "priority = \"1\"\n" ARTIFACT, "4:12", "is a string; expected an integer" },
    { HEAD, "1:1", "the bundle has no artifact" },
    { HEAD "[artifact]\nkind = \"component\"\n", "4:2", "expected `[[artifact]]`" },
    { "artifact = [1]\n" HEAD, "1:13", "`artifact` is an integer; expected a table" },
    { HEAD "[[artifact]]\nfile = \"a\"\n", "4:3", "`artifact` has no `kind`" },
    { HEAD "[[artifact]]\nkind = \"component\"\n", "4:3", "`artifact` has no `file`" },
    { HEAD "[[artifact]]\nkind = \"componant\"\n", "5:8", "did you mean `component`?" },
    { HEAD "[[artifact]]\nkind=\"module\"\nfile = \"../x\"\n", "6:8",
      "leads out of the bundle" },
    { HEAD "[[artifact]]\nkind=\"module\"\nfile = \"/x\"\n", "6:8", "leads out of the bundle" },
    { HEAD "[[artifact]]\nkind=\"module\"\nfile = \"a/../x\"\n", "6:8", "leads out" },
    { HEAD "[[artifact]]\nkind=\"module\"\nfile = \"./x\"\n", "6:8", "leads out" },
    { HEAD "[[artifact]]\nkind=\"module\"\nfile = \"a//x\"\n", "6:8", "leads out" },
    { HEAD "[[artifact]]\nkind=\"module\"\nfile = \"a/\"\n", "6:8", "leads out" },
    { HEAD "[[artifact]]\nkind=\"module\"\nfile = \"berth.sig\"\n", "6:8", "is no artifact" },
    { HEAD "[[artifact]]\nkind=\"native\"\nfile = \"x\"\n", "5:6", "expected `os` and `arch`" },
    { HEAD "[[artifact]]\nkind=\"module\"\nfile=\"x\"\narch = \"x86_64\"\n", "7:8", "`os`" },
    { HEAD "[[artifact]]\nkind=\"module\"\nfile=\"x\"\nos = \"bsd\"\n", "7:6",
      "expected linux" },
    { HEAD ARTIFACT ARTIFACT, "7:3", "another one is for any system" },
    { HEAD ARTIFACT "[[provides]]\ncontract = \"a\"\n", "8:12", "`a` is no contract" },
    { HEAD ARTIFACT "[[provides]]\ncontract = \"a:b/c\"\n", "8:12", "is no contract" },
    { HEAD ARTIFACT "[[provides]]\ncontract = \"a:b/c@1\"\n", "8:12", "is no contract" },
    { HEAD ARTIFACT "[[provides]]\ncontract = \"a:b/c-@1.0.0\"\n", "8:12", "is no contract" },
    { HEAD ARTIFACT "[[provides]]\ncontract = \"a:b/1c@1.0.0\"\n", "8:12", "is no contract" },
    { HEAD ARTIFACT "[[provides]]\nbundle = \"x\"\n", "8:1",
      "`provides` has no field `bundle`" },
    { HEAD ARTIFACT "[[provides]]\ncontract = \"a:b/c@1.0.0\"\n"
                    "[[provides]]\ncontract = \"a:b/c@1.1.0\"\n",
      "10:12", "is there already as a:b/c@1.0.0" },
    { HEAD ARTIFACT "[[requires]]\noptional = 1\n", "7:3", "`requires` has no `contract`" },
    { HEAD ARTIFACT "[[requires]]\ncontract = \"a:b/c@1.0.0\"\noptional = 1\n", "9:12",
      "is an integer; expected a boolean" },
    { HEAD ARTIFACT "[[requires]]\ncontract = \"a:b/c@1.0.0\"\nbundle = \"X\"\n", "9:10",
      "is no name of a bundle" },
    { HEAD ARTIFACT "[limits]\ndeadlin = \"1s\"\n", "8:1", "did you mean `deadline`?" },
    { HEAD ARTIFACT "[limits]\ndeadline = \"1\"\n", "8:12", "expected a time such as" },
    { HEAD ARTIFACT "[limits]\ndeadline = \"0s\"\n", "8:12", "expected a time such as" },
    { HEAD ARTIFACT "[limits]\ndeadline = \"99999999999999999999s\"\n", "8:12", "a time" },
    { HEAD ARTIFACT "[limits]\nmemory = \"1MB\"\n", "8:10", "expected a size such as" },
    { HEAD ARTIFACT "[limits]\ncalls = 0\n", "8:9", "expected 1 to" },
    { HEAD ARTIFACT "[limits]\ncalls = 65537\n", "8:9", "expected 1 to 65536" },
    { HEAD ARTIFACT "[limits]\ninstances = 4097\n", "8:13", "expected 1 to 4096" },
    { HEAD ARTIFACT "[limits]\ndeadline = \"3601s\"\n", "8:12", "expected at most 60min" },
    { HEAD ARTIFACT "[limits]\nprobe-deadline = \"61min\"\n", "8:18",
      "expected at most 60min" },
    { HEAD ARTIFACT "[limits]\noutput = \"1025MiB\"\n", "8:10", "expected at most 1GiB" },
    { HEAD ARTIFACT "[limits]\nmemory = \"5GiB\"\n", "8:10", "expected at most 4GiB" },
    { HEAD ARTIFACT "[limits]\npolicy = \"frsh\"\n", "8:10", "did you mean `fresh`?" },
    { HEAD "oops\n", "4:5", "the key has no value" },
};

static void every_schema_error_names_field_and_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        berth_diag diag = { 0 };
        berthi_manifest m;
        berthi_arena arena;
        char wanted[64];
        berth_status status;

        berthi_arena_init(&arena, &berthi_allocator_libc, SIZE_MAX);
        status = read_text(refused[i].text, &arena, &m, &diag);
        snprintf(wanted, sizeof wanted, "berth.toml:%s: ", refused[i].place);
        if (status != BERTH_E_REJECTED || strncmp(diag.text, wanted, strlen(wanted)) != 0 ||
            strstr(diag.text, refused[i].why) == NULL)
            fail_msg("%s\ngave: %s\nand not at %s: %s", refused[i].text, diag.text,
                     refused[i].place, refused[i].why);
        berthi_arena_fini(&arena);
    }
}

static void too_many_entries_are_refused(void **state)
{
    static char text[65 * 64 + 256];
    berthi_manifest m;
    berthi_arena arena;
    size_t used;

    (void)state;
    for (unsigned count = 64; count <= 65; count++) {
        used = (size_t)snprintf(text, sizeof text, HEAD ARTIFACT);
        for (unsigned i = 0; i < count; i++)
            used += (size_t)snprintf(text + used, sizeof text - used,
                                     "[[provides]]\ncontract = \"a:b/c%u@1.0.0\"\n", i);
        berthi_arena_init(&arena, &berthi_allocator_libc, SIZE_MAX);
        assert_int_equal(read_text(text, &arena, &m, NULL),
                         count == 64 ? BERTH_OK : BERTH_E_LIMIT);
        berthi_arena_fini(&arena);
    }
}

static void versions_serve_within_their_track(void **state)
{
    static const struct {
        const char *offered, *needed;
        bool serves;
    } rows[] = {
        { "1.5.0", "1.5.0", true },           { "2.10.0", "2.5.0", true },
        { "1.3.0", "1.5.0", false },          { "1.0.0", "2.0.0", false },
        { "2.0.0", "1.0.0", false },          { "1.0.1", "1.0.0", true },
        { "0.2.3", "0.2.1", true },           { "0.3.0", "0.2.1", false },
        { "0.0.1", "0.0.1", true },           { "0.0.2", "0.0.1", false },
        { "1.0.0-rc.1", "1.0.0", false },     { "1.0.0", "1.0.0-rc.1", false },
        { "1.0.0-rc.1", "1.0.0-rc.1", true }, { "10.0.0", "1.0.0", false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (berthi_version_serves(rows[i].offered, rows[i].needed) != rows[i].serves)
            fail_msg("%s for %s", rows[i].offered, rows[i].needed);
}

static void the_kind_of_bytes_is_seen_at_their_head(void **state)
{
    (void)state;
    assert_int_equal(berthi_bundle_kind_of((const uint8_t *)"\0asm\x0d\0\1\0", 8),
                     BERTHI_BUNDLE_COMPONENT);
    assert_int_equal(berthi_bundle_kind_of((const uint8_t *)"\0asm\1\0\0\0x", 9),
                     BERTHI_BUNDLE_MODULE);
    assert_int_equal(berthi_bundle_kind_of((const uint8_t *)"\177ELF", 4),
                     BERTHI_BUNDLE_NATIVE);
    assert_int_equal(berthi_bundle_kind_of((const uint8_t *)"\0asm\1\0\0", 7), 0);
    assert_int_equal(berthi_bundle_kind_of((const uint8_t *)"", 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_is_read),
        cmocka_unit_test(what_is_not_said_has_its_default),
        cmocka_unit_test(every_schema_error_names_field_and_line),
        cmocka_unit_test(too_many_entries_are_refused),
        cmocka_unit_test(versions_serve_within_their_track),
        cmocka_unit_test(the_kind_of_bytes_is_seen_at_their_head),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
