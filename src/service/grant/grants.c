/* grants.c - lines of grants, read; and who has them.  Layer: service. */
#include "service/grant/grants_read.h"

#include <stdio.h>

#include "base/diag.h"
#include "base/utf8.h"
#include "os/wait.h"

enum {
    GRANTS_MAX = 1024,
    LINE_MAX_BYTES = 8192,
    OBJECTS_DEFAULT = 4096,
    OBJECTS_MOST = 65536,
    ARGUMENTS_MAX = 4096
};
#define OUTPUT_DEFAULT (UINT64_C(1) << 20)
#define STEP_DEFAULT   UINT64_C(1000)

/* ---------------------------------------------------------------- options */

static berth_status copy_arguments(berth_grants *g, const berth_grants_options *from,
                                   berth_diag *diag)
{
    const char **copies;

    if (from->arguments_count > ARGUMENTS_MAX)
        return berthi_fail(diag, BERTH_E_LIMIT, "more than %d arguments", ARGUMENTS_MAX);
    copies = berthi_arena_array(&g->arena, from->arguments_count, sizeof *copies);
    if (copies == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "arguments");
    for (uint32_t i = 0; i < from->arguments_count; i++) {
        size_t size = strlen(from->arguments[i]);

        if (!berthi_utf8_is_valid(from->arguments[i], size))
            return berthi_fail(diag, BERTH_E_INVALID, "argument %u is not UTF-8", i);
        copies[i] = berthi_arena_strndup(&g->arena, from->arguments[i], size);
        if (copies[i] == NULL)
            return berthi_fail(diag, BERTH_E_NOMEM, "arguments");
    }
    g->options.arguments = copies;
    return BERTH_OK;
}

static berth_status copy_input(berth_grants *g, const berth_grants_options *from,
                               berth_diag *diag)
{
    uint8_t *copy;

    if (from->input_size == 0)
        return BERTH_OK;
    BERTHI_REQUIRE(from->input != NULL, diag);
    copy = berthi_arena_alloc(&g->arena, from->input_size);
    if (copy == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "the input of plugins");
    memcpy(copy, from->input, from->input_size);
    g->options.input = copy;
    return BERTH_OK;
}

static berth_status fill(berth_grants *g, const berth_grants_options *from, berth_diag *diag)
{
    berth_status status;
    int code;

    if ((from->flags & ~(uint32_t)(BERTH_GRANTS_DETERMINISTIC | BERTH_GRANTS_PROCESS_STDIO)) !=
        0)
        return berthi_fail(diag, BERTH_E_INVALID, "flags of grants that are not known here");
    if (from->objects_max > OBJECTS_MOST)
        return berthi_fail(diag, BERTH_E_INVALID, "objects_max is at most %d", OBJECTS_MOST);
    if (from->grants_count > GRANTS_MAX)
        return berthi_fail(diag, BERTH_E_LIMIT, "more than %d grants", GRANTS_MAX);
    g->options = *from;
    g->options.grants = NULL;
    if (g->options.objects_max == 0)
        g->options.objects_max = OBJECTS_DEFAULT;
    if (g->options.output_bytes_max == 0) /* of the process's own streams nobody keeps a byte */
        g->options.output_bytes_max =
            (from->flags & BERTH_GRANTS_PROCESS_STDIO) != 0 ? UINT64_MAX : OUTPUT_DEFAULT;
    if (g->options.step_ns == 0)
        g->options.step_ns = STEP_DEFAULT;
    for (uint32_t i = 0; i < from->grants_count; i++) {
        BERTHI_REQUIRE(from->grants[i] != NULL, diag);
        status = berthi_grants_read_line(g, from->grants[i], diag);
        if (status != BERTH_OK)
            return status;
    }
    status = berthi_grants_settle(g, diag);
    if (status == BERTH_OK)
        status = copy_arguments(g, from, diag);
    if (status == BERTH_OK)
        status = copy_input(g, from, diag);
    if (status != BERTH_OK)
        return status;
    code = berthi_latch_open(&g->revoked_fd);
    return code == 0 ? BERTH_OK : berthi_fail_os(diag, code, "a descriptor for grants");
}

/* ---------------------------------------------------------------- life */

static void free_grants(berth_grants *g)
{
    berth_allocator a = g->allocator;

    berthi_latch_close(g->revoked_fd);
    berthi_arena_fini(&g->arena);
    berthi_free(&a, g, sizeof *g);
}

berth_status berth_grants_create(const berth_allocator *allocator,
                                 const berth_grants_options *options, berth_grants **grants_out,
                                 berth_diag *diag)
{
    const berth_allocator *a = allocator == NULL ? &berthi_allocator_libc : allocator;
    berth_grants_options own = BERTH_GRANTS_OPTIONS_INIT;
    berth_status status = BERTH_OK;
    berth_grants *g;

    BERTHI_REQUIRE(grants_out != NULL, diag);
    if (options != NULL)
        status = berthi_options_copy(&own, sizeof own, options, "berth_grants_options", diag);
    if (status != BERTH_OK)
        return status;
    BERTHI_REQUIRE(own.grants != NULL || own.grants_count == 0, diag);
    BERTHI_REQUIRE(own.arguments != NULL || own.arguments_count == 0, diag);
    g = berthi_zalloc(a, sizeof *g);
    if (g == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "grants");
    g->allocator = *a;
    g->revoked_fd = -1;
    atomic_init(&g->refs, 1);
    berthi_arena_init(&g->arena, &g->allocator, SIZE_MAX);
    status = fill(g, &own, diag);
    if (status != BERTH_OK) {
        free_grants(g);
        return status;
    }
    *grants_out = g;
    return BERTH_OK;
}

void berth_grants_destroy(berth_grants *grants)
{
    if (grants != NULL)
        berthi_grants_unref(grants);
}

const berth_grants *berthi_grants_ref(const berth_grants *grants)
{
    if (grants != NULL)
        atomic_fetch_add_explicit(&((berth_grants *)(uintptr_t)grants)->refs, 1,
                                  memory_order_relaxed);
    return grants;
}

void berthi_grants_unref(const berth_grants *grants)
{
    berth_grants *g = (berth_grants *)(uintptr_t)grants;

    /* acq_rel: whoever frees sees what all the others did. */
    if (g != NULL && atomic_fetch_sub_explicit(&g->refs, 1, memory_order_acq_rel) == 1)
        free_grants(g);
}

void berth_grants_revoke(berth_grants *grants)
{
    /* seq_cst: before the descriptor, so that who is woken by it sees it. */
    atomic_store(&grants->is_revoked, true);
    berthi_latch_set(grants->revoked_fd);
}

bool berthi_grants_are_revoked(const berth_grants *grants)
{
    return grants != NULL && atomic_load_explicit(&grants->is_revoked, memory_order_acquire);
}

int berthi_grants_revoked_fd(const berth_grants *grants)
{
    return grants == NULL ? -1 : grants->revoked_fd;
}

const berth_grants_options *berthi_grants_options(const berth_grants *grants)
{
    static const berth_grants_options none = { .size = sizeof none,
                                               .objects_max = OBJECTS_DEFAULT,
                                               .output_bytes_max = OUTPUT_DEFAULT };

    return grants == NULL ? &none : &grants->options;
}

const berthi_grant_variable *berthi_grants_environment(const berth_grants *grants,
                                                       uint32_t *count_out)
{
    bool is_there = grants != NULL && !berthi_grants_are_revoked(grants);

    *count_out = is_there ? grants->variables_count : 0;
    return is_there ? grants->variables : NULL;
}

const berthi_grant_folder *berthi_grants_folders(const berth_grants *grants,
                                                 uint32_t *count_out)
{
    *count_out = grants == NULL ? 0 : grants->folders_count;
    return grants == NULL ? NULL : grants->folders;
}
