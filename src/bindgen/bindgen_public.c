/* bindgen_public.c - <berth/bindgen.h> over the writers.  Layer: bindgen. */
#include <berth/bindgen.h>

#include "base/diag.h"
#include "base/reply_arena.h"
#include "bindgen/shape.h"
#include "component/wit/wit_decode.h"

typedef struct writer {
    const char *name; /* what follows the prefix */
    berth_status (*write)(berthi_bg *bg, berthi_bg_out *o);
} writer;

static const writer host_files[] = {
    { "_types.h", berthi_bg_write_types },
    { "_host.h", berthi_bg_write_host_header },
    { "_host.c", berthi_bg_write_host_source },
    { "_host.hpp", berthi_bg_write_cpp_header },
    { NULL, NULL },
};

static const writer guest_files[] = {
    { "_types.h", berthi_bg_write_types },
    { "_plugin.h", berthi_bg_write_plugin_header },
    { "_guest.c", berthi_bg_write_guest_source },
    { NULL, NULL },
};

static const writer native_files[] = {
    { "_types.h", berthi_bg_write_types },
    { "_plugin.h", berthi_bg_write_plugin_header },
    { "_native.c", berthi_bg_write_native_source },
    { NULL, NULL },
};

static const writer *const sides[] = { [BERTH_BINDGEN_HOST] = host_files,
                                       [BERTH_BINDGEN_GUEST] = guest_files,
                                       [BERTH_BINDGEN_NATIVE] = native_files };

/* Text in the caller's arena, terminated; NULL: no memory. */
static char *copy_text(berth_arena *arena, const char *text, size_t size)
{
    char *copy = berthi_reply_arena_alloc(arena, size + 1);

    if (copy != NULL) {
        memcpy(copy, text, size);
        copy[size] = '\0';
    }
    return copy;
}

static berth_status write_file(berthi_bg *bg, const writer *w, berth_arena *arena,
                               berth_bindgen_file *file)
{
    berthi_bg_out out;
    berth_status status;

    berthi_bg_out_init(&out, bg->arena->allocator);
    status = w->write(bg, &out);
    if (status == BERTH_OK && out.text.size > BERTHI_BG_BYTES_MAX)
        status = berthi_fail(bg->diag, BERTH_E_LIMIT,
                             "world %s: a file of more than %u bytes would be written",
                             bg->world->name, (unsigned)BERTHI_BG_BYTES_MAX);
    if (status == BERTH_OK && !berthi_bg_out_is_full(&out) && !bg->names.has_failed) {
        const char *name = berthi_bg_format(&bg->names, "%s%s", bg->prefix, w->name);

        file->name = copy_text(arena, name, strlen(name));
        file->text = copy_text(arena, out.text.data, out.text.size);
        file->size = out.text.size;
    }
    berthi_bg_out_fini(&out);
    if (status == BERTH_OK &&
        (bg->names.has_failed || file->name == NULL || file->text == NULL))
        status = berthi_fail(bg->diag, BERTH_E_NOMEM, "out of memory for bindings");
    return status;
}

static berth_status write_all(berthi_bg *bg, const writer *writers, berth_arena *arena,
                              const berth_bindgen_file **files_out, uint32_t *count_out)
{
    berth_bindgen_file *files;
    berth_status status = BERTH_OK;
    uint32_t count = 0;

    while (writers[count].name != NULL)
        count++;
    files = berthi_reply_arena_alloc(arena, count * sizeof *files);
    if (files == NULL)
        return berthi_fail(bg->diag, BERTH_E_NOMEM, "out of memory for bindings");
    memset(files, 0, count * sizeof *files);
    for (uint32_t i = 0; i < count && status == BERTH_OK; i++)
        status = write_file(bg, &writers[i], arena, &files[i]);
    if (status == BERTH_OK) {
        *files_out = files;
        *count_out = count;
    }
    return status;
}

static berth_status generate(const berth_bindgen_options *options, berthi_arena *scratch,
                             berth_arena *arena, const berth_bindgen_file **files_out,
                             uint32_t *count_out, berth_diag *diag)
{
    const berthi_wit_options wit_options = { options->features, options->features_count,
                                             options->has_all_features != 0,
                                             berthi_component_wit };
    const berthi_wit_world *world;
    const berthi_wit *wit;
    berthi_bg bg;
    berth_status status = berthi_wit_read_paths(options->wit_paths, options->wit_paths_count,
                                                &wit_options, scratch, &wit, diag);

    if (status == BERTH_OK)
        status = berthi_wit_choose_world(wit, options->world, &world, diag);
    if (status == BERTH_OK)
        status = berthi_bg_make(&bg, wit, world, options->prefix, scratch, diag);
    if (status == BERTH_OK)
        status = write_all(&bg, sides[options->side], arena, files_out, count_out);
    return status;
}

/* A letter, and then letters, digits and "_". */
static bool is_prefix(const char *text)
{
    size_t size = strlen(text);

    for (size_t i = 0; i < size; i++)
        if (!((text[i] >= 'a' && text[i] <= 'z') ||
              (i > 0 && text[i] >= '0' && text[i] <= '9') ||
              (i > 0 && i + 1 < size && text[i] == '_')))
            return false;
    return size > 0 && size <= BERTHI_WIT_NAME_MAX && strstr(text, "__") == NULL;
}

berth_status berth_bindgen(const berth_bindgen_options *options, berth_arena *arena,
                           const berth_bindgen_file **files_out, uint32_t *count_out,
                           berth_diag *diag)
{
    berth_bindgen_options own = BERTH_BINDGEN_OPTIONS_INIT;
    berthi_arena scratch;
    berth_status status;

    BERTHI_REQUIRE(options != NULL && arena != NULL, diag);
    BERTHI_REQUIRE(files_out != NULL && count_out != NULL, diag);
    status = berthi_options_copy(&own, sizeof own, options, "berth_bindgen_options", diag);
    if (status != BERTH_OK)
        return status;
    BERTHI_REQUIRE(own.side >= BERTH_BINDGEN_HOST && own.side <= BERTH_BINDGEN_NATIVE, diag);
    BERTHI_REQUIRE(own.wit_paths_count != 0 && own.wit_paths != NULL, diag);
    BERTHI_REQUIRE(own.features_count == 0 || own.features != NULL, diag);
    if (own.prefix != NULL && !is_prefix(own.prefix))
        return berthi_fail(diag, BERTH_E_INVALID,
                           "a prefix begins with a letter and has small letters, digits and "
                           "single \"_\" within; `%s` does not",
                           own.prefix);
    berthi_arena_init(&scratch, &arena->allocator, SIZE_MAX);
    status = generate(&own, &scratch, arena, files_out, count_out, diag);
    berthi_arena_fini(&scratch);
    return status;
}
