/* artifact.c - what some bytes are, before any profile is asked.  Layer: admit. */
#include <stdlib.h>

#include "admit/check.h"
#include "base/diag.h"
#include "component/wrap/wrap.h"

enum { TEXT_LOOK = 4096 }; /* how much of a text is looked at to call it one */

static bool is_elf(const uint8_t *bytes, size_t size, uint8_t *type_out)
{
    if (size < 18 || memcmp(bytes, "\177ELF", 4) != 0)
        return false;
    *type_out = bytes[5] == 2 ? bytes[17] : bytes[16]; /* big or little endian */
    return true;
}

static bool is_text(const char *text, size_t size)
{
    size_t look = size < TEXT_LOOK ? size : TEXT_LOOK;
    uint32_t c;

    for (size_t i = 0, step; i < look; i += step) {
        step = berthi_utf8_next(text + i, size - i, &c);
        if (step == 0 || (!berthi_utf8_is_plain(c) &&
                          (c == 0 || c >= 0x20 || strchr("\t\n\r\f", (int)c) == NULL)))
            return false;
    }
    return true;
}

berthi_artifact_kind berthi_artifact_kind_of(const uint8_t *bytes, size_t size)
{
    enum { ELF_DYN = 3 };
    uint8_t elf_type;

    if (size == 0)
        return BERTHI_ARTIFACT_EMPTY;
    switch (berthi_wasm_form(bytes, size)) {
    case BERTHI_FORM_MODULE:
        return BERTHI_ARTIFACT_MODULE;
    case BERTHI_FORM_COMPONENT:
        return BERTHI_ARTIFACT_COMPONENT;
    default:
        break;
    }
    if (is_elf(bytes, size, &elf_type))
        return elf_type == ELF_DYN ? BERTHI_ARTIFACT_ELF_SHARED : BERTHI_ARTIFACT_ELF_OTHER;
    return is_text((const char *)bytes, size) ? BERTHI_ARTIFACT_TEXT : BERTHI_ARTIFACT_OTHER;
}

static bool looks_like_wat(const uint8_t *bytes, size_t size)
{
    size_t at = 0;

    while (at < size && strchr(" \t\r\n", bytes[at]) != NULL && bytes[at] != '\0')
        at++;
    return size - at >= 7 && memcmp(bytes + at, "(module", 7) == 0;
}

static void refuse_form(berthi_scope scope, berthi_artifact_kind kind, const uint8_t *bytes,
                        size_t size)
{
    const char *text;

    switch (kind) {
    case BERTHI_ARTIFACT_EMPTY:
        text = "the artifact is empty";
        break;
    case BERTHI_ARTIFACT_ELF_SHARED:
        text = "this is a native shared object; hook slots take WebAssembly";
        break;
    case BERTHI_ARTIFACT_ELF_OTHER:
        text = "this is an ELF file but not a shared object; hook slots take WebAssembly";
        break;
    case BERTHI_ARTIFACT_TEXT:
        text = looks_like_wat(bytes, size)
                   ? "this is the text form of a module; assemble it first"
                   : "this is text; hook slots take WebAssembly";
        break;
    default:
        if (size >= 4 && memcmp(bytes, "\0asm", 4) == 0)
            text = size < 8 ? "the module ends inside its eight-byte head"
                            : "a WebAssembly binary of a version that is not known here";
        else
            text = "not a WebAssembly module: it does not begin with \\0asm";
        break;
    }
    berthi_find(scope, "form", 0, "%s", text);
}

/* Readers say where as "... at byte N". */
static uint64_t offset_in_text(const char *text)
{
    const char *at = NULL, *next = text;

    while ((next = strstr(next, "at byte ")) != NULL)
        at = next++;
    if (at == NULL || at[8] < '0' || at[8] > '9')
        return BERTHI_NO_OFFSET;
    return strtoull(at + 8, NULL, 10);
}

bool berthi_check_artifact(const berthi_profile *profile, const berthi_artifact *artifact,
                           const berthi_admit_limits *limits, berthi_findings *findings,
                           berthi_profile_view *view_out)
{
    if (artifact->steps != NULL)
        return berthi_check_component(profile, artifact, limits, findings, view_out);
    return !artifact->is_readable ||
           berthi_check_profile(profile, &artifact->info, limits, findings, view_out);
}

/* From bytes to steps; nothing of it runs. */
static berth_status read_component(const uint8_t *bytes, size_t size, berthi_arena *arena,
                                   berthi_artifact *artifact, berth_diag *diag)
{
    const berthi_cm_component *component;
    berth_status status = berthi_component_read(bytes, size, arena, &component, diag);

    if (status == BERTH_OK)
        status = berthi_component_validate(component, arena, diag);
    if (status != BERTH_OK)
        return status;
    artifact->component = component;
    return berthi_component_elaborate(component, arena, false, &artifact->steps, diag);
}

/* A core module with its world becomes the component that `berth componentize` makes of it. */
static berth_status wrap(berthi_artifact *artifact, berthi_arena *arena, berth_diag *diag)
{
    berthi_text_buf made;
    berth_status status;

    berthi_text_buf_init(&made, arena->allocator);
    status = berthi_component_wrap_own(artifact->bytes, artifact->size, arena->allocator, &made,
                                       diag);
    if (status == BERTH_OK) {
        artifact->bytes = (const uint8_t *)berthi_arena_strndup(arena, made.data, made.size);
        artifact->size = (uint32_t)made.size;
        artifact->is_wrapped = true;
        status = artifact->bytes == NULL
                     ? BERTH_E_NOMEM
                     : read_component(artifact->bytes, artifact->size, arena, artifact, diag);
    }
    berthi_text_buf_fini(&made);
    return status;
}

berth_status berthi_artifact_read(const uint8_t *bytes, size_t size, berthi_arena *arena,
                                  berthi_findings *findings, berthi_artifact *artifact_out,
                                  berth_diag *diag)
{
    berthi_scope scope = { .findings = findings };
    berth_diag why = { 0 };
    berth_status status;

    *artifact_out = (berthi_artifact){ .kind = berthi_artifact_kind_of(bytes, size),
                                       .bytes = bytes,
                                       .size = (uint32_t)size };
    if (artifact_out->kind == BERTHI_ARTIFACT_COMPONENT) {
        status = read_component(bytes, size, arena, artifact_out, &why);
        if (status == BERTH_E_NOMEM)
            goto fail_memory;
        if (status != BERTH_OK)
            berthi_find(scope, status == BERTH_E_LIMIT ? "component-limit" : "component",
                        offset_in_text(why.text), "component: %s", why.text);
        goto done;
    }
    if (artifact_out->kind != BERTHI_ARTIFACT_MODULE) {
        refuse_form(scope, artifact_out->kind, bytes, size);
        goto done;
    }
    status = berthi_wasm_read(bytes, size, arena, &artifact_out->info, &why);
    if (status == BERTH_E_NOMEM)
        goto fail_memory;
    artifact_out->is_readable = status == BERTH_OK;
    if (status != BERTH_OK)
        berthi_find(scope, status == BERTH_E_LIMIT ? "parse-limit" : "parse",
                    offset_in_text(why.text), "wasm parse error: %s", why.text);
    else if (berthi_component_is_wrappable(&artifact_out->info)) {
        artifact_out->is_readable = false; /* as a module it serves nobody */
        memset(&artifact_out->info, 0, sizeof artifact_out->info);
        status = wrap(artifact_out, arena, &why);
        if (status == BERTH_E_NOMEM)
            goto fail_memory;
        if (status != BERTH_OK)
            berthi_find(scope, "component-type", BERTHI_NO_OFFSET, "component-type: %s",
                        why.text);
    }
done:
    if (!findings->out_of_memory)
        return BERTH_OK;
fail_memory:
    return berthi_fail(diag, BERTH_E_NOMEM, "reading an artifact of %zu bytes", size);
}
