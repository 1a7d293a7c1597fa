/* fuzz_wit.c - any text is WIT or refused with its place; what is WIT is the same when it is written
 * out and read again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "contract/wit_print.h"
#include "fuzz.h"

static const berthi_wit_options options = { .has_all_features = true };

/* What the header of the model promises to whoever walks it. */
static void check_model(const berthi_wit *m)
{
    for (uint32_t i = 0; i < m->types_count; i++) {
        const berthi_wit_type *type = &m->types[i];

        CHECK(type->element == BERTHI_WIT_NONE || type->element < i);
        CHECK(type->second == BERTHI_WIT_NONE || type->second < i);
        CHECK(type->canon <= i && m->types[type->canon].kind != BERTHI_WIT_ALIAS);
        CHECK(type->depth <= BERTHI_WIT_NESTING_MAX);
        for (uint32_t k = 0; k < type->items_count; k++)
            CHECK(type->items[k].type == BERTHI_WIT_NONE || type->items[k].type < i);
    }
    for (uint32_t i = 0; i < m->interfaces_count; i++)
        for (uint32_t k = 0; k < m->interfaces[i].uses_count; k++)
            CHECK(m->interfaces[i].uses[k] < i);
    CHECK(m->root < m->packages_count && m->listed[0] == m->root);
}

static void check_same_again(const berthi_wit *model, berthi_arena *arena)
{
    const berthi_wit *again = NULL;
    berthi_text_buf texts[4];
    berth_diag diag;

    for (unsigned i = 0; i < 4; i++)
        berthi_text_buf_init(&texts[i], &berthi_allocator_libc);
    if (berthi_wit_print(model, &texts[0]) && berthi_wit_print_json(model, &texts[1])) {
        berth_status status = berthi_wit_read_text("b", texts[0].data, texts[0].size, &options,
                                                   arena, &again, &diag);

        if (status == BERTH_E_REJECTED)
            fprintf(stderr, "%s\n%s\n", texts[0].data, diag.text);
        CHECK(status == BERTH_OK || status == BERTH_E_LIMIT); /* expanded, it is longer */
        if (status == BERTH_OK) {
            CHECK(berthi_wit_print(again, &texts[2]));
            CHECK(berthi_wit_print_json(again, &texts[3]));
            CHECK(strcmp(texts[0].data, texts[2].data) == 0);
            CHECK(strcmp(texts[1].data, texts[3].data) == 0);
        }
    }
    for (unsigned i = 0; i < 4; i++)
        berthi_text_buf_fini(&texts[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const berthi_wit *model = NULL;
    berth_diag diag = { .text = "" };
    berthi_arena arena;
    berth_status status;

    berthi_arena_init(&arena, &berthi_allocator_libc, SIZE_MAX);
    status =
        berthi_wit_read_text("a", (const char *)data, size, &options, &arena, &model, &diag);
    CHECK(status == BERTH_OK || status == BERTH_E_REJECTED || status == BERTH_E_LIMIT);
    CHECK((status == BERTH_OK) == (model != NULL));
    CHECK((status == BERTH_OK) == (diag.text[0] == '\0'));
    if (status == BERTH_OK) {
        check_model(model);
        check_same_again(model, &arena);
    }
    berthi_arena_fini(&arena);
    return 0;
}
