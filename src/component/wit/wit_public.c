/* wit_public.c - <berth/wit.h> over the model.  Layer: component. */
#include <berth/wit.h>

#include "base/diag.h"
#include "component/wit/wit_decode.h"
#include "contract/wit_print.h"

struct berth_wit {
    berth_allocator allocator;
    berthi_text_buf text, json;
};

typedef bool print_function(const berthi_wit *model, berthi_text_buf *out);

static berth_status print(print_function *function, const berthi_wit *model,
                          berthi_text_buf *out, berth_diag *diag)
{
    if (!function(model, out))
        return berthi_fail(diag, BERTH_E_LIMIT, "more than %u bytes when written out",
                           (unsigned)BERTHI_WIT_PRINTED_MAX);
    return out->has_failed ? berthi_fail(diag, BERTH_E_NOMEM, "no memory to write WIT")
                           : BERTH_OK;
}

static berth_status fill(berth_wit *wit, const char *const *paths, uint32_t count,
                         const berthi_wit_options *options, berth_diag *diag)
{
    const berthi_wit *model = NULL;
    berthi_arena arena;
    berth_status status;

    berthi_arena_init(&arena, &wit->allocator, SIZE_MAX);
    status = berthi_wit_read_paths(paths, count, options, &arena, &model, diag);
    if (status == BERTH_OK)
        status = print(berthi_wit_print, model, &wit->text, diag);
    if (status == BERTH_OK)
        status = print(berthi_wit_print_json, model, &wit->json, diag);
    berthi_arena_fini(&arena);
    return status;
}

berth_status berth_wit_read(const berth_allocator *allocator, const char *const *paths,
                            uint32_t count, const berth_wit_options *options,
                            berth_wit **wit_out, berth_diag *diag)
{
    const berth_allocator *a = allocator == NULL ? &berthi_allocator_libc : allocator;
    berth_wit_options own = BERTH_WIT_OPTIONS_INIT;
    berthi_wit_options inner;
    berth_status status = BERTH_OK;
    berth_wit *wit;

    BERTHI_REQUIRE(wit_out != NULL && paths != NULL && count != 0, diag);
    for (uint32_t i = 0; i < count; i++)
        BERTHI_REQUIRE(paths[i] != NULL, diag);
    if (options != NULL)
        status = berthi_options_copy(&own, sizeof own, options, "berth_wit_options", diag);
    if (status != BERTH_OK)
        return status;
    BERTHI_REQUIRE(own.features_count == 0 || own.features != NULL, diag);
    wit = berthi_zalloc(a, sizeof *wit);
    if (wit == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "no memory to read WIT");
    wit->allocator = *a;
    berthi_text_buf_init(&wit->text, &wit->allocator);
    berthi_text_buf_init(&wit->json, &wit->allocator);
    inner = (berthi_wit_options){ own.features, own.features_count, own.has_all_features != 0,
                                  berthi_component_wit };
    status = fill(wit, paths, count, &inner, diag);
    if (status == BERTH_OK)
        *wit_out = wit;
    else
        berth_wit_destroy(wit);
    return status;
}

void berth_wit_destroy(berth_wit *wit)
{
    berth_allocator allocator;

    if (wit == NULL)
        return;
    allocator = wit->allocator;
    berthi_text_buf_fini(&wit->text);
    berthi_text_buf_fini(&wit->json);
    berthi_free(&allocator, wit, sizeof *wit);
}

const char *berth_wit_text(const berth_wit *wit)
{
    return wit->text.data;
}

const char *berth_wit_json(const berth_wit *wit)
{
    return wit->json.data;
}
