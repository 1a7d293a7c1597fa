/* fuzz_json.c - our JSON reader and jansson take the same texts for JSON, and mean the same.
 *
 * Known differences: ours bounds nesting and members; jansson refuses numbers out of range and
 * takes a NUL byte behind a value for the end of the text. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/json_reader.h"
#include "fuzz.h"

static void compare(const berthi_json *ours, json_t *theirs)
{
    const berthi_json *m = ours->first;
    const char *name;
    json_t *member;
    size_t i;

    switch (ours->kind) {
    case BERTHI_JSON_NULL:
        CHECK(json_is_null(theirs));
        break;
    case BERTHI_JSON_FALSE:
        CHECK(json_is_false(theirs));
        break;
    case BERTHI_JSON_TRUE:
        CHECK(json_is_true(theirs));
        break;
    case BERTHI_JSON_NUMBER:
        CHECK(json_is_number(theirs) && ours->is_integer == json_is_integer(theirs));
        CHECK(!ours->is_integer || json_integer_value(theirs) == ours->integer);
        break;
    case BERTHI_JSON_STRING:
        CHECK(json_is_string(theirs) && json_string_length(theirs) == ours->size);
        CHECK(memcmp(json_string_value(theirs), ours->text, ours->size + 1) == 0);
        break;
    case BERTHI_JSON_ARRAY:
        CHECK(json_is_array(theirs) && json_array_size(theirs) == ours->count);
        json_array_foreach(theirs, i, member)
        {
            compare(m, member);
            m = m->next;
        }
        break;
    case BERTHI_JSON_OBJECT:
        CHECK(json_is_object(theirs) && json_object_size(theirs) == ours->count);
        json_object_foreach(theirs, name, member)
        {
            CHECK(strcmp(m->name, name) == 0 && strlen(name) == m->name_size);
            CHECK(berthi_json_member(ours, name) == m);
            compare(m, member);
            m = m->next;
        }
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_error_t their_error = { 0 };
    berthi_json_error error = { 0 };
    const berthi_json *ours = NULL;
    berthi_arena arena;
    berth_status status;
    json_t *theirs = json_loadb((const char *)data, size,
                                JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &their_error);

    berthi_arena_init(&arena, &berthi_allocator_libc, SIZE_MAX);
    status = berthi_json_read((const char *)data, size, &arena, &ours, &error);
    CHECK(status == BERTH_OK || status == BERTH_E_REJECTED);
    CHECK(arena.bytes <= 8192 + 160 * size); /* a small multiple of the text */
    if (status == BERTH_OK && theirs != NULL)
        compare(ours, theirs);
    else if (status == BERTH_OK)
        CHECK(json_error_code(&their_error) == json_error_numeric_overflow);
    else
        CHECK(theirs == NULL || strcmp(error.why, "nested too deep") == 0 ||
              strcmp(error.why, "too many members or items") == 0 ||
              memchr(data, 0, size) != NULL);
    CHECK(status == BERTH_OK || (error.why != NULL && error.offset <= size));
    berthi_arena_fini(&arena);
    json_decref(theirs);
    return 0;
}
