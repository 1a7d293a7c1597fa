/* plugin_layout_test.c - what compiled plugins rely on: every struct of <berth/plugin.h> has the
 * fields, at the places and with the size, that it had when it was frozen.  A line that fails here is
 * a plugin that will not load any more, and no mistake of the test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <berth/plugin.h>

#define AT(type, field, offset)                                                                \
    _Static_assert(offsetof(type, field) == (offset), #type "." #field " has moved")

_Static_assert(BERTH_ABI_MAJOR == 1, "another major version is another set of structs");
_Static_assert(BERTH_PLUGIN_NOTE == 1, "admission looks for notes of type 1");

AT(berth_host_v1, size, 0);
AT(berth_host_v1, abi_major, 4);
AT(berth_host_v1, abi_minor, 6);
AT(berth_plugin_v1, size, 0);
AT(berth_plugin_v1, abi_major, 4);
AT(berth_plugin_v1, abi_minor, 6);
AT(berth_functions_v1, size, 0);
AT(berth_functions_v1, count, 4);
AT(berth_functions_v1, digest, 8);
AT(berth_arena_v1, size, 0);
AT(berth_arena_v1, reserved, 4);
#if UINTPTR_MAX == UINT64_MAX
AT(berth_host_v1, ctx, 8);
AT(berth_host_v1, extension, 16);
AT(berth_host_v1, log, 24);
_Static_assert(sizeof(berth_host_v1) == 32, "berth_host_v1 grew: add its new fields above");
AT(berth_plugin_v1, id, 8);
AT(berth_plugin_v1, open, 16);
AT(berth_plugin_v1, extension, 24);
AT(berth_plugin_v1, drain, 32);
AT(berth_plugin_v1, close, 40);
_Static_assert(sizeof(berth_plugin_v1) == 48, "berth_plugin_v1 grew: add its new fields above");
AT(berth_functions_v1, names, 40);
AT(berth_functions_v1, calls, 48);
_Static_assert(sizeof(berth_functions_v1) == 56, "berth_functions_v1 grew: add them above");
AT(berth_import_v1, size, 0);
AT(berth_import_v1, count, 4);
AT(berth_import_v1, names, 8);
AT(berth_import_v1, calls, 16);
AT(berth_import_v1, selfs, 24);
_Static_assert(sizeof(berth_import_v1) == 32, "berth_import_v1 grew: add them above");
AT(berth_arena_v1, alloc, 8);
_Static_assert(sizeof(berth_arena_v1) == 16, "berth_arena_v1 grew: add its new fields above");
#endif
_Static_assert(sizeof(berth_diag) == 512, "berth_diag crosses the boundary by a pointer");

/* The types of the functions, as plugins were compiled with them. */
static int32_t open_it(const berth_host_v1 *host, void **self_out, berth_diag *diag)
{
    (void)host;
    (void)diag;
    *self_out = NULL;
    return 0;
}

static const void *extend_it(void *self, const char *id)
{
    (void)self;
    (void)id;
    return NULL;
}

static int32_t drain_it(void *self, uint64_t deadline_ns, berth_diag *diag)
{
    (void)self;
    (void)deadline_ns;
    (void)diag;
    return 0;
}

static void close_it(void *self)
{
    (void)self;
}

static int32_t answer_it(void *self, const void *args, void *results, struct berth_call *call)
{
    (void)self;
    (void)args;
    (void)call;
    *(uint32_t *)results = 42;
    return 0;
}

const berth_plugin_v1 berth_plugin = {
    sizeof berth_plugin, 1, 0, "test:layout", open_it, extend_it, drain_it, close_it
};

static void a_plugin_of_the_first_day_compiles_and_answers(void **state)
{
    static const char *const names[] = { "answer" };
    static berth_plugin_fn *const calls[] = { answer_it };
    const berth_functions_v1 table = { sizeof table, 1, { 0 }, names, calls };
    uint32_t result = 0;
    void *self = &result;

    (void)state;
    assert_int_equal(berth_plugin.open(NULL, &self, NULL), 0);
    assert_null(berth_plugin.extension(self, "test:layout/answers@1"));
    assert_int_equal(table.calls[0](self, NULL, &result, NULL), 0);
    assert_int_equal(result, 42);
    assert_int_equal(berth_plugin.drain(self, 0, NULL), 0);
    berth_plugin.close(self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plugin_of_the_first_day_compiles_and_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
