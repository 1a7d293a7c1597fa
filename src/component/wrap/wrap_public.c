/* wrap_public.c - <berth/component.h> over wrap.h.  Layer: component. */
#include <berth/component.h>

#include "base/diag.h"
#include "base/reply_arena.h"
#include "component/wit/wit_decode.h"
#include "component/wrap/wrap.h"

/* The WIT that the module carries itself. */
static berth_status read_own(const void *core, size_t size, berthi_arena *scratch,
                             const berthi_wit **wit_out, berth_diag *diag)
{
    berthi_text_buf text;
    berth_status status;

    berthi_text_buf_init(&text, scratch->allocator);
    status = berthi_component_wit(core, size, scratch->allocator, &text, diag);
    if (status == BERTH_OK && text.has_failed)
        status = berthi_fail(diag, BERTH_E_NOMEM, "out of memory for the module's WIT");
    if (status == BERTH_OK)
        status = berthi_wit_read_text("component-type", text.data, text.size, NULL, scratch,
                                      wit_out, diag);
    berthi_text_buf_fini(&text);
    return status;
}

bool berthi_component_is_wrappable(const berthi_wasm_info *core)
{
    static const char prefix[] = "component-type";

    for (uint32_t i = 0; i < core->sections_count; i++) {
        berthi_name name = core->sections[i].name;

        if (core->sections[i].id == 0 && name.size >= sizeof prefix - 1 &&
            memcmp(name.text, prefix, sizeof prefix - 1) == 0)
            return true;
    }
    return false;
}

berth_status berthi_component_wrap_own(const uint8_t *core, size_t core_size,
                                       const berth_allocator *a, berthi_text_buf *out,
                                       berth_diag *diag)
{
    const berthi_wit_world *world;
    const berthi_wit *wit;
    berthi_arena scratch;
    berth_status status;

    berthi_arena_init(&scratch, a, SIZE_MAX);
    status = read_own(core, core_size, &scratch, &wit, diag);
    if (status == BERTH_OK)
        status = berthi_wit_choose_world(wit, NULL, &world, diag);
    if (status == BERTH_OK)
        status = berthi_component_wrap(core, core_size, wit, world, a, out, diag);
    if (status == BERTH_OK && out->has_failed)
        status = berthi_fail(diag, BERTH_E_NOMEM, "out of memory for the component");
    berthi_arena_fini(&scratch);
    return status;
}

static berth_status wrap(const void *core, size_t size, const berth_wrap_options *options,
                         berthi_arena *scratch, berthi_text_buf *out, berth_diag *diag)
{
    const berthi_wit_options wit_options = { .decode = berthi_component_wit };
    const berthi_wit_world *world;
    const berthi_wit *wit;
    berth_status status;

    if (options->wit_paths_count == 0)
        status = read_own(core, size, scratch, &wit, diag);
    else
        status = berthi_wit_read_paths(options->wit_paths, options->wit_paths_count,
                                       &wit_options, scratch, &wit, diag);
    if (status == BERTH_OK)
        status = berthi_wit_choose_world(wit, options->world, &world, diag);
    if (status == BERTH_OK)
        status = berthi_component_wrap(core, size, wit, world, scratch->allocator, out, diag);
    return status;
}

berth_status berth_component_wrap(const void *core, size_t core_size,
                                  const berth_wrap_options *options, berth_arena *arena,
                                  const void **bytes_out, size_t *size_out, berth_diag *diag)
{
    berth_wrap_options own = BERTH_WRAP_OPTIONS_INIT;
    berthi_arena scratch;
    berthi_text_buf out;
    berth_status status;
    void *bytes;

    BERTHI_REQUIRE(core != NULL && options != NULL && arena != NULL, diag);
    BERTHI_REQUIRE(bytes_out != NULL && size_out != NULL, diag);
    status = berthi_options_copy(&own, sizeof own, options, "berth_wrap_options", diag);
    if (status != BERTH_OK)
        return status;
    BERTHI_REQUIRE(own.wit_paths_count == 0 || own.wit_paths != NULL, diag);
    berthi_arena_init(&scratch, &arena->allocator, SIZE_MAX);
    berthi_text_buf_init(&out, &arena->allocator);
    status = wrap(core, core_size, &own, &scratch, &out, diag);
    if (status == BERTH_OK) {
        bytes = berthi_reply_arena_alloc(arena, out.size);
        if (bytes == NULL) {
            status = berthi_fail(diag, BERTH_E_NOMEM, "out of memory for the component");
        } else {
            *bytes_out = memcpy(bytes, out.data, out.size);
            *size_out = out.size;
        }
    }
    berthi_text_buf_fini(&out);
    berthi_arena_fini(&scratch);
    return status;
}
