/* describe.c - types and sections of a module in words.  Layer: admit. */
#include "admit/describe.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

const char *berthi_extern_kind_name(uint8_t kind)
{
    static const char *const names[] = { "func", "table", "memory", "global" };

    return kind < sizeof names / sizeof *names ? names[kind] : "unknown";
}

const char *berthi_section_id_name(uint8_t id)
{
    static const char *const names[] = { "custom",     "type",    "import", "function",
                                         "table",      "memory",  "global", "export",
                                         "start",      "element", "code",   "data",
                                         "data count", "tag" };

    return id < sizeof names / sizeof *names ? names[id] : "unknown";
}

static const char *value_type_name(uint8_t type)
{
    switch (type) {
    case BERTHI_I32:
        return "i32";
    case BERTHI_I64:
        return "i64";
    case BERTHI_F32:
        return "f32";
    case BERTHI_F64:
        return "f64";
    case BERTHI_V128:
        return "v128";
    case BERTHI_FUNCREF:
        return "funcref";
    case BERTHI_EXTERNREF:
        return "externref";
    default:
        return "unknown";
    }
}

/* Appends, or ends the text with "..." and stays there. */
static void append(char out[BERTHI_TYPE_TEXT_SIZE], const char *text)
{
    size_t used = strlen(out), size = strlen(text);
    enum { DOTS = 3 };

    if (used >= DOTS && strcmp(out + used - DOTS, "...") == 0)
        return;
    if (used + size + DOTS < BERTHI_TYPE_TEXT_SIZE)
        memcpy(out + used, text, size + 1);
    else
        memcpy(out + used, "...", DOTS + 1);
}

static void append_types(char out[BERTHI_TYPE_TEXT_SIZE], const uint8_t *types, uint32_t count)
{
    append(out, "(");
    for (uint32_t i = 0; i < count && i < BERTHI_TYPE_TEXT_SIZE; i++) {
        append(out, i == 0 ? "" : ", ");
        append(out, value_type_name(types[i]));
    }
    append(out, ")");
}

void berthi_functype_show(char out[BERTHI_TYPE_TEXT_SIZE], const berthi_functype *type)
{
    out[0] = '\0';
    append_types(out, type->types, type->params_count);
    append(out, " -> ");
    append_types(out, type->types + type->params_count, type->results_count);
}

void berthi_signature_show(char out[BERTHI_TYPE_TEXT_SIZE], const char *signature)
{
    uint8_t types[16];
    berthi_functype type = { .types = types };
    bool is_result = false;

    for (const char *s = signature; *s != '\0'; s++) {
        if (*s == ':') {
            is_result = true;
            continue;
        }
        assert(type.params_count + type.results_count < sizeof types);
        types[type.params_count + type.results_count] = berthi_wasm_type_of_letter(*s);
        if (is_result)
            type.results_count++;
        else
            type.params_count++;
    }
    berthi_functype_show(out, &type);
}

static void show_size(char out[BERTHI_TYPE_TEXT_SIZE], const berthi_wasm_size *size,
                      const char *what)
{
    char max[24] = "";

    if (size->has_max)
        snprintf(max, sizeof max, "%" PRIu64, size->max);
    snprintf(out, BERTHI_TYPE_TEXT_SIZE, "%" PRIu64 "..%s %s%s%s", size->min, max, what,
             size->is_shared ? ", shared" : "", size->is_64 ? ", 64-bit" : "");
}

void berthi_extern_show(char out[BERTHI_TYPE_TEXT_SIZE], const berthi_wasm_info *info,
                        uint8_t kind, uint32_t index)
{
    switch (kind) {
    case BERTHI_EXTERN_FUNC:
        berthi_functype_show(out, &info->types[info->funcs[index]]);
        break;
    case BERTHI_EXTERN_TABLE:
        show_size(out, &info->tables[index].size,
                  value_type_name(info->tables[index].element_type));
        break;
    case BERTHI_EXTERN_MEMORY:
        show_size(out, &info->memories[index], "pages");
        break;
    default:
        snprintf(out, BERTHI_TYPE_TEXT_SIZE, "%s%s",
                 info->globals[index].is_mutable ? "mut " : "",
                 value_type_name(info->globals[index].type));
    }
}

const berthi_wasm_section *berthi_section_find(const berthi_wasm_info *info, uint8_t id)
{
    for (uint32_t i = 0; i < info->sections_count; i++)
        if (info->sections[i].id == id)
            return &info->sections[i];
    return NULL;
}

bool berthi_name_starts(berthi_name name, const char *prefix)
{
    size_t size = strlen(prefix);

    return name.size >= size && memcmp(name.text, prefix, size) == 0;
}
