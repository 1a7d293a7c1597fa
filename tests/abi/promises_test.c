/* promises_test.c - what compiled callers rely on has not moved: the numbers of statuses, the
 * offsets of fields, the names of functions.  promised.inc is written by dump.py and only grows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <berth/adapter.h>
#include <berth/admit.h>
#include <berth/arena.h>
#include <berth/base.h>
#include <berth/bindgen.h>
#include <berth/bundle.h>
#include <berth/component.h>
#include <berth/contract.h>
#include <berth/core_host.h>
#include <berth/ends.h>
#include <berth/flow.h>
#include <berth/flow_file.h>
#include <berth/grant.h>
#include <berth/histogram.h>
#include <berth/host.h>
#include <berth/http.h>
#include <berth/invoke.h>
#include <berth/native.h>
#include <berth/plugin.h>
#include <berth/polyplug.h>
#include <berth/runtime.h>
#include <berth/serve.h>
#include <berth/session.h>
#include <berth/slot.h>
#include <berth/stage.h>
#include <berth/toml.h>
#include <berth/value.h>
#include <berth/wasi.h>
#include <berth/wit.h>

typedef void (*any_function)(void);

#define FUNCTION(name)
#define FIELD(type, field, offset, field_size)
#define VALUE(name, number) { #name, (long long)(name), (number) },
static const struct {
    const char *name;
    long long is, promised;
} values[] = {
#include "promised.inc"
};
#undef FIELD
#undef VALUE

#define VALUE(name, number)
#define FIELD(type, field, offset, field_size)                                                 \
    { #type "." #field, offsetof(type, field), (offset), sizeof(((type *)0)->field),           \
      (field_size) },
static const struct {
    const char *name;
    size_t offset, promised_offset, size, promised_size;
} fields[] = {
#include "promised.inc"
};
#undef FIELD
#undef FUNCTION

#define FIELD(type, field, offset, field_size)
#define FUNCTION(name) { #name, (any_function)(name) },
static const struct {
    const char *name;
    any_function function;
} functions[] = {
#include "promised.inc"
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void values_keep_their_numbers(void **state)
{
    (void)state;
    assert_true(COUNT(values) > 0);
    for (size_t i = 0; i < COUNT(values); i++)
        if (values[i].is != values[i].promised)
            fail_msg("%s is %lld and was %lld", values[i].name, values[i].is,
                     values[i].promised);
}

static void fields_keep_their_places(void **state)
{
    (void)state;
    if (sizeof(void *) != 8) {
        print_message("skipped: the promised layouts are those of 64-bit machines\n");
        skip();
    }
    assert_true(COUNT(fields) > 0);
    for (size_t i = 0; i < COUNT(fields); i++)
        if (fields[i].offset != fields[i].promised_offset ||
            fields[i].size != fields[i].promised_size)
            fail_msg("%s lies at %zu with %zu bytes; it was at %zu with %zu", fields[i].name,
                     fields[i].offset, fields[i].size, fields[i].promised_offset,
                     fields[i].promised_size);
}

static void functions_are_in_the_shared_library(void **state)
{
    (void)state;
    assert_true(COUNT(functions) > 0);
    for (size_t i = 0; i < COUNT(functions); i++)
        if (functions[i].function == NULL)
            fail_msg("%s is gone", functions[i].name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_keep_their_numbers),
        cmocka_unit_test(fields_keep_their_places),
        cmocka_unit_test(functions_are_in_the_shared_library),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
