/* fuzz_wave.c - hostile text as values.
 *
 * The first eight bytes choose a random type; the rest is read as a value of it in WAVE and in JSON, and as
 * a call.  What reads is written both ways, and reads as the same value again.  What a reading takes of memory is bounded by
 * what it may take. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "cm_types.h"
#include "cm_values.h"
#include "component/value/value.h"
#include "fuzz.h"

enum { MEMORY_MAX = 1 << 20 };

static void check_round_trip(const berthi_cm_type *type, const void *value,
                             const berthi_cm_value_room *room)
{
    const void *again = NULL;
    berthi_text_buf out;
    berth_diag diag;

    berthi_text_buf_init(&out, &berthi_allocator_libc);
    CHECK(berthi_cm_wave_write(&out, type, value, &diag) == BERTH_OK && !out.has_failed);
    CHECK(berthi_cm_wave_read(out.data, out.size, type, room, &again, &diag) == BERTH_OK);
    CHECK(bertht_cm_same_value(type, value, again));
    berthi_text_buf_fini(&out);
    CHECK(berthi_cm_json_write(&out, type, value, &diag) == BERTH_OK && !out.has_failed);
    CHECK(berthi_cm_json_read(out.data, out.size, type, room, &again, &diag) == BERTH_OK);
    CHECK(bertht_cm_same_value(type, value, again));
    berthi_text_buf_fini(&out);
}

/* A whole answer: where and why, or the limit. */
static void check_answer(berth_status status, const berth_diag *diag)
{
    CHECK(status == BERTH_OK || status == BERTH_E_INVALID || status == BERTH_E_LIMIT);
    if (status == BERTH_E_INVALID)
        CHECK(strstr(diag->text, "column ") != NULL);
}

static void try_call(bertht_cm_types *types, const berthi_cm_type *param, const char *text,
                     size_t size, const berthi_cm_value_room *room)
{
    berthi_cm_extern items[] = { { .name = { "a", 1 }, .type = param }, { .type = NULL } };
    const berthi_cm_type *func = berthi_cm_intern(
        &types->types,
        &(berthi_cm_type){ .kind = BERTHI_CM_FUNC_TYPE, .count = 2, .items = items });
    berthi_cm_wave_call call;
    const void *args = NULL;
    berth_diag diag;
    berth_status status = berthi_cm_wave_call_read(text, size, &call, &diag);

    check_answer(status, &diag);
    if (status != BERTH_OK || func == NULL)
        return;
    CHECK(call.arguments_at < size && call.function.size > 0);
    CHECK(call.function.text >= text && call.function.text + call.function.size <= text + size);
    status = berthi_cm_wave_arguments(text, size, &call, func, room, &args, &diag);
    check_answer(status, &diag);
    if (status == BERTH_OK) /* its only argument lies at its beginning */
        check_round_trip(param, args, room);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data + sizeof(uint64_t);
    const berthi_cm_type *type;
    const void *value = NULL;
    bertht_cm_types types;
    berthi_cm_value_room room = { .bytes_max = MEMORY_MAX };
    berth_status status;
    berth_diag diag;
    uint64_t seed;

    if (size < sizeof seed)
        return 0;
    memcpy(&seed, data, sizeof seed);
    size -= sizeof seed;
    bertht_cm_types_init(&types, &berthi_allocator_libc);
    type = bertht_cm_random_type(&types, &seed, 4);
    CHECK(type != NULL && berth_arena_create(NULL, 0, &room.arena, NULL) == BERTH_OK);
    status = berthi_cm_wave_read(text, size, type, &room, &value, &diag);
    check_answer(status, &diag);
    if (status == BERTH_OK)
        check_round_trip(type, value, &room);
    status = berthi_cm_json_read(text, size, type, &room, &value, &diag);
    check_answer(status, &diag);
    if (status == BERTH_OK)
        check_round_trip(type, value, &room);
    try_call(&types, type, text, size, &room);
    berth_arena_destroy(room.arena);
    bertht_cm_types_fini(&types);
    return 0;
}
