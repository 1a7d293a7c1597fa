/* fuzz_wit_decode.c - any bytes hold WIT, or are refused; what they hold is text that resolves or is
 * refused with its place. */
#include <stdio.h>
#include <stdlib.h>

#include "component/wit/wit_decode.h"
#include "fuzz.h"

static bool is_expected(berth_status status, const berth_diag *diag)
{
    return status == BERTH_OK ||
           ((status == BERTH_E_REJECTED || status == BERTH_E_LIMIT) && diag->text[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const berthi_wit_options options = { .has_all_features = true };
    const berthi_wit *model = NULL;
    berth_diag diag = { .text = "" };
    berthi_text_buf text;
    berthi_arena arena;
    berth_status status;

    berthi_text_buf_init(&text, &berthi_allocator_libc);
    berthi_arena_init(&arena, &berthi_allocator_libc, SIZE_MAX);
    status = berthi_component_wit(data, size, &berthi_allocator_libc, &text, &diag);
    CHECK(is_expected(status, &diag));
    if (status == BERTH_OK) {
        CHECK(text.size != 0);
        status =
            berthi_wit_read_text("a", text.data, text.size, &options, &arena, &model, &diag);
        CHECK(is_expected(status, &diag));
    }
    berthi_arena_fini(&arena);
    berthi_text_buf_fini(&text);
    return 0;
}
