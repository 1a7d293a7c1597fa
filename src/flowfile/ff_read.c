/* ff_read.c - a flow file's life: from bytes to what it says.  Layer: flowfile. */
#include "flowfile/flow_file.h"

#include <stdio.h>

#include "base/utf8.h"
#include "os/file.h"

static const char settings_name[] = "BERTH_FLOW_SET";

/* The lines of the variable, one setting each. */
static void set_from_environment(ff_reader *r, berthi_toml *root)
{
    const char *line = NULL;

    for (const char *const *e = r->environment; e != NULL && *e != NULL && line == NULL; e++)
        if (strncmp(*e, settings_name, sizeof settings_name - 1) == 0 &&
            (*e)[sizeof settings_name - 1] == '=')
            line = *e + sizeof settings_name;
    while (line != NULL && *line != '\0' && !r->has_no_memory) {
        size_t size = strcspn(line, "\n");
        const char *copy = berthi_ff_copy(r, line, size);

        if (copy != NULL && size != 0)
            berthi_ff_override(r, root, settings_name, copy);
        line += size + (line[size] == '\n');
    }
}

/* Behind ":NUMBER"; where it began when there is none. */
static const char *skip_number(const char *text, uint32_t *number_out)
{
    const char *at = text + 1;
    uint32_t number = 0;

    if (*text != ':' || *at < '0' || *at > '9')
        return text;
    for (; *at >= '0' && *at <= '9'; at++)
        number = number * 10 + (uint32_t)(*at - '0');
    *number_out = number;
    return at;
}

/* What the reader of TOML has against the text, as a finding; its message begins with ":LINE:COLUMN: ". */
static void wrong_syntax(ff_reader *r, const berth_diag *diag)
{
    const berthi_text *text = &r->texts[0];
    uint32_t line = 1, column = 1;
    const char *what = skip_number(skip_number(diag->text, &line), &column);
    char message[sizeof diag->text];
    size_t at = 0;

    if (what != diag->text && strncmp(what, ": ", 2) == 0)
        what += 2;
    snprintf(message, sizeof message, "%.*s", (int)strcspn(what, "\n"), what);
    for (uint32_t l = 1; l < line && at < text->size; at++)
        l += text->text[at] == '\n';
    for (uint32_t c = 1; c < column && at < text->size; c++)
        for (at++; at < text->size && ((unsigned char)text->text[at] & 0xc0) == 0x80;)
            at++;
    berthi_ff_wrong_at(r, (uint32_t)at, NULL, "%s", message);
}

static bool is_torvyn(const berth_flow_file *file, const berthi_toml *root)
{
    static const char name[] = "Torvyn.toml";
    size_t size = strlen(file->path);

    return (size >= sizeof name - 1 &&
            strcmp(file->path + size - (sizeof name - 1), name) == 0) ||
           berthi_toml_member(root, "torvyn") != NULL;
}

static void set_defaults(berth_flow_file *file)
{
    ff_model *m = &file->model;

    if (m->name == NULL)
        m->name = "flow";
    if (m->weight == 0)
        m->weight = 1;
    if (m->workers == 0)
        m->workers = 2;
    if (m->buffer_bytes == 0)
        m->buffer_bytes = UINT64_C(64) << 20;
    if (m->kept_bytes == 0)
        m->kept_bytes = UINT64_C(16) << 20;
    if (m->drain_ns == 0)
        m->drain_ns = UINT64_C(5000000000);
}

/* Finds all that is wrong. */
static void understand(berth_flow_file *file, const berth_flow_file_options *o,
                       berthi_toml *root)
{
    ff_reader *r = &file->reader;

    berthi_ff_expand(r, root);
    set_from_environment(r, root);
    for (uint32_t i = 0; i < o->settings_count && !r->has_no_memory; i++)
        berthi_ff_override(r, root, "--set", o->settings[i]);
    if (is_torvyn(file, root)) {
        berthi_ff_torvyn(r, root, o->flow, &file->model);
    } else {
        file->model.level = BERTHI_FF_LEVEL_DEFAULT;
        berthi_ff_flow(r, root, &file->model);
        if (o->flow != NULL)
            berthi_ff_wrong_at(r, 0, NULL, "a flow.toml has one flow, and none is chosen");
    }
    if (!r->has_no_memory)
        berthi_ff_join(r, &file->model);
    if (!r->has_no_memory)
        berthi_ff_check_ends(r, &file->model);
    if (!r->has_no_memory && file->model.stages_count == 0 && r->errors == 0)
        berthi_ff_wrong_at(r, 0, NULL, "there are no stages");
    if (!r->has_no_memory && file->model.stages_count != 0)
        berthi_ff_graph(r, &file->model, &file->allocator);
    set_defaults(file);
}

static berth_status read_text(berth_flow_file *file, const berth_flow_file_options *o,
                              berth_diag *diag)
{
    static const berthi_toml_limits limits = { .allows_unsigned = true };
    ff_reader *r = &file->reader;
    berthi_text nameless = { "", r->texts[0].text, r->texts[0].size };
    const berthi_toml *root;
    berth_diag why = { 0 };
    berth_status status = berthi_toml_read(&nameless, &limits, r->arena, &root, &why);

    if (status == BERTH_E_NOMEM)
        return berthi_fail(diag, status, "no memory to read a flow file");
    if (status == BERTH_OK)
        /* The arena's, and so ours to change. */
        understand(file, o, (berthi_toml *)(uintptr_t)root);
    else
        wrong_syntax(r, &why);
    return berthi_ff_tell(r, o->found, o->found_ctx, diag);
}

static const char *folder_of(ff_reader *r, const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash == NULL ? ""
                         : berthi_ff_copy(r, path, slash == path ? 1 : (size_t)(slash - path));
}

static void destroy(berth_flow_file *file)
{
    berth_allocator a = file->allocator;

    berthi_arena_fini(&file->arena);
    berthi_free(&a, file, sizeof *file);
}

static berth_status make(const berth_flow_file_options *o, const char *path,
                         berth_flow_file **file_out, berth_diag *diag)
{
    const berth_allocator *a = o->allocator == NULL ? &berthi_allocator_libc : o->allocator;
    berth_flow_file *file = berthi_zalloc(a, sizeof *file);

    if (file == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "no memory to read a flow file");
    file->allocator = *a;
    berthi_arena_init(&file->arena, &file->allocator, FF_ARENA_BYTES_MAX);
    file->reader.arena = &file->arena;
    file->reader.environment = o->environment;
    file->reader.texts_count = 1;
    file->path = berthi_ff_copy(&file->reader, path, strlen(path));
    file->reader.folder = folder_of(&file->reader, path);
    if (!file->reader.has_no_memory) {
        *file_out = file;
        return BERTH_OK;
    }
    destroy(file);
    return berthi_fail(diag, BERTH_E_NOMEM, "no memory to read a flow file");
}

static berth_status check_options(const berth_flow_file_options *given,
                                  berth_flow_file_options *o, berth_diag *diag)
{
    static const berth_flow_file_options none = BERTH_FLOW_FILE_OPTIONS_INIT;
    berth_status status = berthi_options_copy(o, sizeof *o, given == NULL ? &none : given,
                                              "berth_flow_file_options", diag);

    if (status != BERTH_OK)
        return status;
    BERTHI_REQUIRE(o->settings_count <= FF_OVERRIDES_MAX, diag);
    BERTHI_REQUIRE(o->settings_count == 0 || o->settings != NULL, diag);
    return BERTH_OK;
}

berth_status berth_flow_file_parse(const char *path, const char *text, size_t size,
                                   const berth_flow_file_options *options,
                                   berth_flow_file **file_out, berth_diag *diag)
{
    berth_flow_file_options o;
    berth_flow_file *file = NULL;
    berth_status status = check_options(options, &o, diag);

    if (status != BERTH_OK)
        return status;
    BERTHI_REQUIRE(path != NULL && (text != NULL || size == 0) && file_out != NULL, diag);
    if (size > BERTHI_TOML_BYTES_MAX)
        return berthi_fail(diag, BERTH_E_LIMIT, "%s: a flow file has at most %d bytes", path,
                           BERTHI_TOML_BYTES_MAX);
    status = make(&o, path, &file, diag);
    if (status != BERTH_OK)
        return status;
    /* Kept: what is found out later has its place in it too. */
    text = berthi_ff_copy(&file->reader, text == NULL ? "" : text, size);
    file->reader.texts[0] = (berthi_text){ file->path, text, size };
    status = text == NULL ? berthi_fail(diag, BERTH_E_NOMEM, "no memory to read a flow file")
                          : read_text(file, &o, diag);
    file->reader.environment = NULL;
    if (status != BERTH_OK)
        destroy(file);
    else
        *file_out = file;
    return status;
}

berth_status berth_flow_file_read(const char *path, const berth_flow_file_options *options,
                                  berth_flow_file **file_out, berth_diag *diag)
{
    const berth_allocator *a;
    berth_flow_file_options o;
    berthi_file_bytes bytes;
    berth_status status = check_options(options, &o, diag);

    if (status != BERTH_OK)
        return status;
    BERTHI_REQUIRE(path != NULL && file_out != NULL, diag);
    a = o.allocator == NULL ? &berthi_allocator_libc : o.allocator;
    status = berthi_file_read(a, path, BERTHI_TOML_BYTES_MAX, &bytes, diag);
    if (status != BERTH_OK)
        return status;
    status = berth_flow_file_parse(path, (const char *)bytes.data, bytes.size, options,
                                   file_out, diag);
    berthi_file_free(a, &bytes);
    return status;
}

void berth_flow_file_destroy(berth_flow_file *file)
{
    if (file != NULL)
        destroy(file);
}
