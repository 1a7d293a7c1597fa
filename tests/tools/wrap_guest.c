/* wrap_guest.c - makes a component of a guest and its world while the tests are built.
 *
 * usage: wrap_guest CORE WIT OUT     the file of WIT has one world */
#include <stdio.h>
#include <stdlib.h>

#include "component/wrap.h"

static char *read_file(const char *path, size_t *size_out)
{
    FILE *f = fopen(path, "rb");
    char *bytes = NULL;
    long size;

    if (f != NULL && fseek(f, 0, SEEK_END) == 0 && (size = ftell(f)) >= 0) {
        bytes = malloc((size_t)size + 1);
        rewind(f);
        if (bytes == NULL || fread(bytes, 1, (size_t)size, f) != (size_t)size)
            size = -1;
        *size_out = (size_t)size;
        if (size < 0) {
            free(bytes);
            bytes = NULL;
        }
    }
    if (f != NULL)
        fclose(f);
    return bytes;
}

static berth_status wrap(const char *core, size_t core_size, const char *wit, size_t wit_size,
                         const char *path, berthi_text_buf *out, berth_diag *diag)
{
    const berthi_wit *model = NULL;
    berthi_arena arena;
    berth_status status;

    berthi_arena_init(&arena, &berthi_allocator_libc, SIZE_MAX);
    status = berthi_wit_read_text(path, wit, wit_size, NULL, &arena, &model, diag);
    if (status == BERTH_OK)
        status = berthi_component_wrap((const uint8_t *)core, core_size, model,
                                       &model->worlds[0], &berthi_allocator_libc, out, diag);
    berthi_arena_fini(&arena);
    return status;
}

int main(int argc, char **argv)
{
    size_t core_size = 0, wit_size = 0;
    char *core = argc == 4 ? read_file(argv[1], &core_size) : NULL;
    char *wit = argc == 4 ? read_file(argv[2], &wit_size) : NULL;
    berth_diag diag = { .text = "usage: wrap_guest CORE WIT OUT, and both are there" };
    berthi_text_buf out;
    bool is_good = false;

    berthi_text_buf_init(&out, &berthi_allocator_libc);
    if (core != NULL && wit != NULL &&
        wrap(core, core_size, wit, wit_size, argv[2], &out, &diag) == BERTH_OK) {
        FILE *f = fopen(argv[3], "wb");

        is_good = f != NULL && fwrite(out.data, 1, out.size, f) == out.size;
        is_good = f != NULL && fclose(f) == 0 && is_good;
    }
    if (!is_good)
        fprintf(stderr, "wrap_guest: %s\n", diag.text);
    berthi_text_buf_fini(&out);
    free(core);
    free(wit);
    return !is_good;
}
