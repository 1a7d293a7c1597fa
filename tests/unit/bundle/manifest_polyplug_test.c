/* manifest_polyplug_test.c - manifest.toml of polyplug: ids, what is read, what is refused and where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "bundle/polyplug.h"
#include "bundle_folder.h"
#include "memory.h"

static berth_status read_text(const char *text, berthi_arena *arena, berthi_manifest *m,
                              berth_diag *diag)
{
    berthi_text source = { "manifest.toml", text, strlen(text) };

    return berthi_polyplug_manifest_read(&source, arena, m, diag);
}

static void must_read(const char *text, berthi_arena *arena, berthi_manifest *m)
{
    berth_diag diag = { 0 };

    berthi_arena_init(arena, &berthi_allocator_libc, SIZE_MAX);
    if (read_text(text, arena, m, &diag) != BERTH_OK)
        fail_msg("%s", diag.text);
}

/* ---------------------------------------------------------------- ids */

static uint64_t id_of(const char *text)
{
    return berthi_polyplug_id(text, strlen(text));
}

/* Made by another program. */
static void ids_are_fnv_1a_of_64_bits(void **state)
{
    static const struct {
        const char *text;
        uint64_t id;
    } golden[] = {
        { "", UINT64_C(14695981039346656037) },
        { "reload_plugin_v1", UINT64_C(16808897324254478442) },
        { "cpp_transformer", UINT64_C(9589753868596421602) },
        { "test_plugin", UINT64_C(11175554700064995833) },
        { "platform", UINT64_C(4488915525503302354) },
        { "guest_contract:reload.test@1", UINT64_C(4871652249423578378) },
        { "guest_contract:test.add@1", UINT64_C(4621904834932239542) },
        { "guest_contract:pipeline.Decoder@1", UINT64_C(16273720382214039543) },
        { "guest_contract:data.Transformer@1", UINT64_C(5149190057509087470) },
        { "guest_contract:pipeline.Encoder@1", UINT64_C(18181306375292543647) },
        { "guest_contract:pipeline.Validator@1", UINT64_C(4978512327372199877) },
        { "guest_contract:my.contract@1", UINT64_C(4250274116307664653) },
        { "host_contract:host.logger@1", UINT64_C(17671762041055499195) },
        { "image.decode@1", UINT64_C(11653633434628228457) },
        { "audio.encode@2", UINT64_C(8825181977970569893) },
    };

    (void)state;
    for (size_t i = 0; i < sizeof golden / sizeof *golden; i++)
        assert_int_equal(id_of(golden[i].text), golden[i].id);
    assert_int_equal(berthi_polyplug_contract_id("guest_contract:", "reload.test", 11, 1),
                     UINT64_C(4871652249423578378));
    assert_int_equal(berthi_polyplug_contract_id("host_contract:", "host.logger", 11, 1),
                     UINT64_C(17671762041055499195));
}

/* ---------------------------------------------------------------- what is read */

static void every_field_is_read(void **state)
{
    static const char text[] =
        "id = 3179168401101370448\n"
        "name = \"thumbs\"\n"
        "version = \"1.2.3\"\n"
        "loader = \"native\"\n"
        "provides = [\"image.Thumbnailer@1\", \"image.Decoder@2.5\"]\n"
        "needs_reinit_on_dep_reload = true\n"
        "bundle_dependencies = [\"codec-pack@1.0\"]\n"
        "of_another_day = 7\n"
        "[file]\nlinux.x86_64 = \"libthumbs.so\"\nmacos.aarch64 = \"libthumbs.dylib\"\n"
        "strayed = [1]\n"
        "[function_count]\n\"image.Thumbnailer@1\" = 3\n"
        "[[dependency]]\nkind = \"contract\"\ncontract = \"image.Codec\"\n"
        "min_version = \"1.1\"\n"
        "[[dependency]]\nkind = \"bundle\"\ncontract = \"my.contract@1\"\nbundle = "
        "\"platform\"\n"
        "min_version = \"1.0\"\ncontract_id = 4250274116307664653\n"
        "bundle_id = 4488915525503302354\n";
    berthi_manifest m;
    berthi_arena arena;

    (void)state;
    must_read(text, &arena, &m);
    assert_string_equal(m.name, "thumbs");
    assert_string_equal(m.version, "1.2.3");
    assert_string_equal(m.slot, "thumbs");
    assert_true(m.follows && m.polyplug->id == UINT64_C(3179168401101370448));
    assert_int_equal(m.artifacts_count, 2);
    assert_string_equal(berthi_manifest_artifact(&m, "linux", "x86_64")->file, "libthumbs.so");
    assert_null(berthi_manifest_artifact(&m, "linux", "aarch64"));
    assert_int_equal(m.provides_count, 2);
    assert_string_equal(m.provides[0].name, "image.Thumbnailer");
    assert_string_equal(m.provides[0].version, "1.0.0");
    assert_string_equal(m.provides[1].version, "2.5.0");
    assert_int_equal(m.polyplug->provides[0].functions, 3);
    assert_int_equal(m.polyplug->provides[1].functions, BERTHI_POLYPLUG_NOT_SAID);
    assert_int_equal(m.polyplug->provides[1].id, id_of("guest_contract:image.Decoder@2"));
    assert_int_equal(m.requires_count, 2);
    assert_string_equal(m.needs[0].text, "image.Codec@1.1.0");
    assert_null(m.needs[0].bundle);
    assert_string_equal(m.needs[1].name, "my.contract");
    assert_string_equal(m.needs[1].bundle, "platform");
    assert_int_equal(m.polyplug->needs[1].bundle, UINT64_C(4488915525503302354));
    assert_int_equal(m.polyplug->needs[0].bundle, 0);
    berthi_arena_fini(&arena);
}

#define TEST_PLUGIN "name = \"test_plugin\"\nid = 11175554700064995833\n"
#define NATIVE      "loader = \"native\"\n"
#define FILE_LINE   "file = \"a.so\"\n"

static void ids_above_what_toml_promises_are_read(void **state)
{
    berthi_manifest m;
    berthi_arena arena;

    (void)state;
    must_read(TEST_PLUGIN "runtime = \"native\"\n" FILE_LINE, &arena, &m);
    assert_string_equal(m.version, "0.0.0");
    assert_string_equal(berthi_manifest_artifact(&m, "linux", "x86_64")->file, "a.so");
    assert_false(m.follows);
    berthi_arena_fini(&arena);
}

/* asked -> ok: same major number and not below. */
static void a_major_number_is_kept_and_not_fallen_short_of(void **state)
{
    static const struct {
        const char *offered, *asked;
        bool is_served;
    } cases[] = {
        { "a.B@1.5", "1.5", true },  { "a.B@2.10", "2.5", true }, { "a.B@1.3", "1.5", false },
        { "a.B@1.0", "2.0", false }, { "a.B@3.7", "3", true },    { "a.B@1", "1.0", true },
        { "a.B@0.9", "0.2", true },  { "a.B@12", "1", false },    { "a.B@1", "12", false },
        { "a.C@1.5", "1.5", false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[512];
        berthi_manifest m;
        berthi_arena arena;

        snprintf(text, sizeof text,
                 TEST_PLUGIN NATIVE FILE_LINE
                 "provides = [\"%s\"]\n[[dependency]]\nkind = \"contract\"\n"
                 "contract = \"a.B\"\nmin_version = \"%s\"\n",
                 cases[i].offered, cases[i].asked);
        must_read(text, &arena, &m);
        if ((berthi_manifest_provides(&m, &m.needs[0]) != NULL) != cases[i].is_served)
            fail_msg("%s for %s", cases[i].offered, cases[i].asked);
        berthi_arena_fini(&arena);
    }
}

/* ---------------------------------------------------------------- what is refused */

#define HEAD       TEST_PLUGIN NATIVE FILE_LINE
#define DEPENDENCY HEAD "[[dependency]]\nkind = \"contract\"\ncontract = \"my.contract\"\n"

static const struct {
    const char *text, *place, *why;
} refused[] = {
    { "", "1:1", "`manifest.toml` has no `name`" },
    { "name = \"test_plugin\"\n" NATIVE FILE_LINE, "1:1", "has no `id`" },
    { "name = \"\"\n", "1:8", "has 0 bytes" },
    { "name = \"a/b\"\nid = 1\n", "1:8", "`a/b` is no name" },
    { "name = \"..\"\nid = 1\n", "1:8", "is no name" },
    { "name = \"test_plugin\"\nid = 1\n", "2:6",
      "is not that of `test_plugin`; expected 11175554700064995833" },
    { "name = \"test_plugin\"\nid = -7271189373644555783\n", "2:6", "is not that of" },
    { "name = \"test_plugin\"\nid = \"x\"\n", "2:6", "is a string; expected an integer" },
    { "name = \"test_plugin\"\nid = 18446744073709551616\n", "2:6", "" },
    { TEST_PLUGIN FILE_LINE, "1:1", "has no `loader`" },
    { TEST_PLUGIN "loader = \"cobol\"\n", "3:10", "`cobol` is no loader here" },
    { TEST_PLUGIN "loader = \"lua\"\n", "3:10", "expected native" },
    { TEST_PLUGIN "runtime = \"python\"\n", "3:11", "expected native" },
    { TEST_PLUGIN NATIVE, "1:1", "names no `file`" },
    { TEST_PLUGIN NATIVE "file = 1\n", "4:8", "is no path" },
    { TEST_PLUGIN NATIVE "[file]\nbeos.m68k = \"a\"\n", "1:1", "names no `file`" },
    { TEST_PLUGIN NATIVE "file = \"../x.so\"\n", "4:8", "leads out of the bundle" },
    { TEST_PLUGIN NATIVE "file = \"/x.so\"\n", "4:8", "leads out of the bundle" },
    { TEST_PLUGIN NATIVE "file = \"manifest.toml\"\n", "4:8", "is no artifact" },
    { TEST_PLUGIN NATIVE "[file]\nlinux.x86_64 = \"a/../../x\"\n", "5:16", "leads out" },
    { HEAD "version = \"1\"\n", "5:11", "`1` is no version" },
    { HEAD "version = \"1.\"\n", "5:11", "is no version" },
    { HEAD "version = \"1.x\"\n", "5:11", "is no version" },
    { HEAD "version = \"1.0-rc1\"\n", "5:11", "is no version" },
    { HEAD "version = \"^1.0\"\n", "5:11", "is no version" },
    { HEAD "version = \"4294967296.0\"\n", "5:11", "is no version" },
    { HEAD "provides = \"a@1\"\n", "5:12", "is a string; expected an array" },
    { HEAD "provides = [1]\n", "5:13", "is no contract" },
    { HEAD "provides = [\"a\"]\n", "5:13", "`a` is no contract" },
    { HEAD "provides = [\"@1\"]\n", "5:13", "is no contract" },
    { HEAD "provides = [\"a:b/c@1.0.0\"]\n", "5:13", "is no contract" },
    { HEAD "provides = [\"a@1\", \"a@1.7\"]\n", "5:20", "is there already as a@1" },
    { HEAD "function_count = { \"b@1\" = 1 }\n", "5:28", "that it does not provide" },
    { HEAD "function_count = { b = 1 }\n", "5:24", "is of no contract" },
    { HEAD "provides = [\"a@1\"]\nfunction_count = { \"a@1\" = -1 }\n", "6:28",
      "is no number of functions" },
    { HEAD "provides = [\"a@1\"]\nfunction_count = { \"a@1\" = 10001 }\n", "6:28",
      "0 to 10000" },
    { HEAD "dependency = [1]\n", "5:15", "is an integer; expected a table" },
    { HEAD "[[dependency]]\nkind = \"wish\"\n", "6:8", "`wish` is none" },
    { HEAD "[[dependency]]\nkind = \"contract\"\n", "5:3", "has no `contract`" },
    { DEPENDENCY, "5:3", "has no `min_version`" },
    { DEPENDENCY "min_version = \"1\"\ncontract_id = 5\n", "9:15",
      "is another one's; expected 4250274116307664653" },
    { DEPENDENCY "min_version = \"2\"\ncontract_id = 4250274116307664653\n", "9:15",
      "is another one's" },
    { DEPENDENCY "min_version = \"1\"\nbundle = \"platform\"\nbundle_id = 5\n", "10:13",
      "expected 4488915525503302354" },
    { DEPENDENCY "min_version = \"x\"\n", "8:15", "is no version" },
    { HEAD "[[dependency]]\nkind = \"bundle\"\ncontract = \"a\"\nmin_version = \"1\"\n", "5:3",
      "has no `bundle`" },
    { HEAD "bundle_dependencies = [1]\n", "5:24", "is no name of a bundle" },
    { HEAD "needs_reinit_on_dep_reload = 1\n", "5:30", "expected a boolean" },
};

static void errors_name_field_and_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        char place[64];
        berthi_manifest m;
        berth_diag diag = { 0 };
        berthi_arena arena;

        berthi_arena_init(&arena, &berthi_allocator_libc, SIZE_MAX);
        snprintf(place, sizeof place, "manifest.toml:%s: ", refused[i].place);
        assert_int_equal(read_text(refused[i].text, &arena, &m, &diag), BERTH_E_REJECTED);
        if (strncmp(diag.text, place, strlen(place)) != 0 ||
            strstr(diag.text, refused[i].why) == NULL)
            fail_msg("%zu: %s", i, diag.text);
        berthi_arena_fini(&arena);
    }
}

static void a_contract_has_0_and_no_id_alike(void **state)
{
    berthi_manifest m;
    berthi_arena arena;

    (void)state;
    must_read(DEPENDENCY "min_version = \"1\"\ncontract_id = 0\n", &arena, &m);
    assert_int_equal(m.polyplug->needs[0].id, UINT64_C(4250274116307664653));
    berthi_arena_fini(&arena);
}

static void sixty_four_contracts_are_taken_and_one_more_is_not(void **state)
{
    for (unsigned count = 64; count <= 65; count++) {
        char text[4096] = HEAD "provides = [";
        berthi_manifest m;
        berth_diag diag = { 0 };
        berthi_arena arena;
        size_t used = strlen(text);

        for (unsigned i = 0; i < count; i++)
            used += (size_t)snprintf(text + used, sizeof text - used, "\"c%u@1\",", i);
        snprintf(text + used, sizeof text - used, "]\n");
        berthi_arena_init(&arena, &berthi_allocator_libc, SIZE_MAX);
        assert_int_equal(read_text(text, &arena, &m, &diag),
                         count == 64 ? BERTH_OK : BERTH_E_LIMIT);
        berthi_arena_fini(&arena);
    }
    (void)state;
}

static void every_allocation_may_fail(void **state)
{
    static const char text[] = DEPENDENCY "min_version = \"1\"\n"
                                          "[[dependency]]\nkind = \"bundle\"\nbundle = \"b\"\n"
                                          "contract = \"c\"\nmin_version = \"1.0\"\n";
    bertht_memory memory;
    berth_allocator allocator;
    berth_status status = BERTH_E_NOMEM;
    size_t failed = 0;

    (void)state;
    memory_init(&memory);
    allocator = memory_allocator(&memory);
    for (; status != BERTH_OK; failed++) {
        berthi_manifest m;
        berth_diag diag = { 0 };
        berthi_arena arena;

        berthi_arena_init(&arena, &allocator, SIZE_MAX);
        memory_fail(&memory, failed, false);
        status = read_text(text, &arena, &m, &diag);
        assert_true(status == BERTH_OK || status == BERTH_E_NOMEM);
        berthi_arena_fini(&arena);
        memory_assert_empty(&memory);
    }
    assert_true(failed > 2);
}

/* ---------------------------------------------------------------- folders */

static void of_two_manifests_ours_counts(void **state)
{
    const berthi_bundle_reading how = { .allocator = &berthi_allocator_libc };
    berthi_bundle *bundle;
    bundle_folder f;

    (void)state;
    bundle_folder_make(&f);
    bundle_folder_text(&f, "b/manifest.toml", "%s", HEAD);
    assert_int_equal(berthi_bundle_read(bundle_folder_at(&f, "b"), &how, &bundle, NULL),
                     BERTH_OK);
    assert_string_equal(bundle->manifest.name, "test_plugin");
    assert_string_equal(bundle->manifest_name, "manifest.toml");
    berthi_bundle_free(bundle);
    bundle_folder_bundle(&f, "b", "ours", "1.0.0", "");
    assert_int_equal(berthi_bundle_read(bundle_folder_at(&f, "b"), &how, &bundle, NULL),
                     BERTH_OK);
    assert_string_equal(bundle->manifest.name, "ours");
    assert_null(bundle->manifest.polyplug);
    berthi_bundle_free(bundle);
    bundle_folder_remove(&f);
}

static void its_manifest_is_among_what_is_digested(void **state)
{
    const berthi_bundle_reading how = { .allocator = &berthi_allocator_libc,
                                        .with_digest = true };
    uint8_t digests[2][BERTHI_SHA256_SIZE];
    bundle_folder f;

    (void)state;
    bundle_folder_make(&f);
    for (unsigned i = 0; i < 2; i++) {
        berthi_bundle *bundle;

        bundle_folder_text(&f, "manifest.toml", "%s%s", HEAD, i == 0 ? "" : "# more\n");
        assert_int_equal(berthi_bundle_read(f.path, &how, &bundle, NULL), BERTH_OK);
        assert_true(bundle->is_digested);
        memcpy(digests[i], bundle->digest, sizeof *digests);
        berthi_bundle_free(bundle);
    }
    assert_memory_not_equal(digests[0], digests[1], sizeof *digests);
    bundle_folder_remove(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_fnv_1a_of_64_bits),
        cmocka_unit_test(every_field_is_read),
        cmocka_unit_test(ids_above_what_toml_promises_are_read),
        cmocka_unit_test(a_major_number_is_kept_and_not_fallen_short_of),
        cmocka_unit_test(errors_name_field_and_line),
        cmocka_unit_test(a_contract_has_0_and_no_id_alike),
        cmocka_unit_test(sixty_four_contracts_are_taken_and_one_more_is_not),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(of_two_manifests_ours_counts),
        cmocka_unit_test(its_manifest_is_among_what_is_digested),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
