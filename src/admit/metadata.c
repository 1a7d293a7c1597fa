/* metadata.c - what a plugin says about itself.  Layer: admit. */
#include "admit/metadata.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/json_reader.h"

typedef struct reader {
    const berthi_profile *profile;
    bool is_component;
    berthi_scope scope;
    berthi_metadata *out;
} reader;

__attribute__((format(printf, 2, 3))) static void wrong_field(const reader *r,
                                                              const char *format, ...)
{
    char text[320];
    va_list args;

    va_start(args, format);
    if (vsnprintf(text, sizeof text, format, args) < 0)
        text[0] = '\0';
    va_end(args);
    berthi_find(r->scope, "metadata-field", r->out->offset, "invalid `%s` metadata: %s",
                r->profile->metadata_section, text);
}

static bool is_blank(const berthi_json *string)
{
    return strspn(string->text, " \t\n\r\v\f") == string->size;
}

/* The member as text, or NULL with a finding.  `of` is "plugin" or "hook `x`". */
static const berthi_json *text_member(const reader *r, const berthi_json *object,
                                      const char *of, const char *member)
{
    const berthi_json *value = berthi_json_member(object, member);

    if (value == NULL)
        wrong_field(r, "missing %s %s", of, member);
    else if (value->kind != BERTHI_JSON_STRING)
        wrong_field(r, "%s %s is not a string", of, member);
    else if (is_blank(value))
        wrong_field(r, "missing %s %s: it is blank", of, member);
    else
        return value;
    return NULL;
}

static bool is_word(const char *text, size_t size, const char *signs)
{
    for (size_t i = 0; i < size; i++) {
        char c = text[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              (c != '\0' && strchr(signs, c) != NULL)))
            return false;
    }
    return size > 0;
}

/* A name or version: it becomes part of messages, keys and labels, so it is short and plain. */
static const char *label_member(const reader *r, const berthi_json *root, const char *member,
                                bool strict)
{
    const berthi_json *value = text_member(r, root, "plugin", member);
    const char *text;
    size_t size;

    if (value == NULL)
        return NULL;
    text = value->text;
    size = value->size;
    if (size > BERTHI_PLUGIN_NAME_SIZE_MAX)
        berthi_find(r->scope, "metadata-name", r->out->offset,
                    "plugin %s has %zu bytes; at most %u are allowed", member, size,
                    BERTHI_PLUGIN_NAME_SIZE_MAX);
    else if (!berthi_utf8_is_plain_text(text, size))
        berthi_find(r->scope, "metadata-name", r->out->offset,
                    "plugin %s \"%s\" holds characters that do not show", member,
                    BERTHI_SHOW(text, size));
    else if (strict && (!is_word(text, size, "._-+") || !is_word(text, 1, "")))
        berthi_find(r->scope, "metadata-name", r->out->offset,
                    "plugin %s \"%s\" is not letters, digits, '.', '_', '-', '+' with a letter "
                    "or digit first",
                    member, BERTHI_SHOW(text, size));
    else
        return text;
    return NULL;
}

static void read_wire_version(const reader *r, const berthi_json *hook, const char *of,
                              berthi_meta_hook *out)
{
    const berthi_json *value = berthi_json_member(hook, "wire_version");

    if (value == NULL)
        wrong_field(r, "missing %s wire_version", of);
    else if (!value->is_integer || value->integer < 0 || value->integer > 255)
        wrong_field(r, "%s wire_version is not a whole number from 0 to 255", of);
    else
        out->has_wire_version = true;
    if (out->has_wire_version)
        out->wire_version = (uint32_t)value->integer;
}

static void read_mode(const reader *r, const berthi_json *hook, const char *of,
                      berthi_meta_hook *out)
{
    const berthi_json *value = berthi_json_member(hook, "mode");
    const char *mode;

    if (value == NULL)
        return;
    mode = value->kind == BERTHI_JSON_STRING ? value->text : "";
    out->has_mode = true;
    out->is_noop = strcmp(mode, "noop") == 0;
    if (!out->is_noop && strcmp(mode, "active") != 0)
        wrong_field(r, "%s mode is neither \"active\" nor \"noop\"", of);
}

static void read_probe(const reader *r, const berthi_json *hook, const char *of,
                       berthi_meta_hook *out)
{
    const berthi_json *value = berthi_json_member(hook, "probe");

    if (value == NULL)
        return;
    if (value->kind != BERTHI_JSON_STRING) {
        wrong_field(r, "%s probe is not a string", of);
        return;
    }
    out->probe = (berthi_bytes){ value->text, value->size };
    out->has_probe = true;
}

static void read_hook(const reader *r, const berthi_json *hook, berthi_meta_hook *out)
{
    const berthi_json *description;
    char of[112];

    snprintf(of, sizeof of, "hook `%s`", BERTHI_SHOW(hook->name, hook->name_size));
    if (hook->kind != BERTHI_JSON_OBJECT) {
        wrong_field(r, "%s is not an object", of);
        return;
    }
    if (r->profile->hooks != NULL) {
        read_wire_version(r, hook, of, out);
        read_mode(r, hook, of, out);
    } else {
        read_probe(r, hook, of, out);
    }
    description = text_member(r, hook, of, "description");
    if (description != NULL)
        out->description = description->text;
    if (r->profile->metadata_has_usage)
        (void)text_member(r, hook, of, "usage");
}

static bool is_hook_name(const reader *r, const berthi_json *hook)
{
    const char *signs = r->is_component ? "-:/@.+#" : "_";

    if (hook->name_size <= BERTHI_PLUGIN_NAME_SIZE_MAX &&
        is_word(hook->name, hook->name_size, signs))
        return true;
    berthi_find(r->scope, "hook-name", r->out->offset,
                "hook name `%s` is not 1 to %u letters, digits and %s",
                BERTHI_SHOW(hook->name, hook->name_size), BERTHI_PLUGIN_NAME_SIZE_MAX,
                r->is_component ? "signs of an export's name" : "'_'");
    return false;
}

/* Keeps the order of names as it goes; there are few. */
static berthi_meta_hook *add_hook(berthi_metadata *out, const char *name)
{
    uint32_t at = out->hooks_count++;

    for (; at > 0 && strcmp(out->hooks[at - 1].name, name) > 0; at--)
        out->hooks[at] = out->hooks[at - 1];
    out->hooks[at] = (berthi_meta_hook){ .name = name };
    return &out->hooks[at];
}

/* False: out of memory. */
static bool read_hooks(const reader *r, const berthi_json *root)
{
    const berthi_json *hooks = berthi_json_member(root, "hooks");

    if (hooks != NULL && hooks->kind != BERTHI_JSON_OBJECT) {
        wrong_field(r, "plugin hooks is not an object");
        return true;
    }
    if (r->is_component && hooks == NULL)
        return true;
    if (hooks == NULL || hooks->count == 0) {
        wrong_field(r, "plugin declares no hooks");
        return true;
    }
    if (hooks->count > BERTHI_HOOKS_MAX) {
        wrong_field(r, "plugin declares %" PRIu32 " hooks; at most %d are allowed",
                    hooks->count, BERTHI_HOOKS_MAX);
        return true;
    }
    r->out->hooks =
        berthi_arena_array(r->scope.findings->arena, hooks->count, sizeof *r->out->hooks);
    if (r->out->hooks == NULL)
        return false;
    for (const berthi_json *hook = hooks->first; hook != NULL; hook = hook->next)
        if (is_hook_name(r, hook))
            read_hook(r, hook, add_hook(r->out, hook->name));
    return true;
}

bool berthi_metadata_read(const berthi_profile *profile, const uint8_t *bytes,
                          berthi_wasm_range range, bool is_component, berthi_scope scope,
                          berthi_metadata *metadata_out)
{
    const reader r = { profile, is_component, scope, metadata_out };
    const berthi_json *root, *description;
    berthi_json_error error;
    berth_status status;

    *metadata_out = (berthi_metadata){ .offset = range.offset };
    if (range.size > BERTHI_METADATA_BYTES_MAX) {
        berthi_find(scope, "metadata-size", range.offset,
                    "`%s` section has %" PRIu32 " bytes; at most %u are allowed",
                    profile->metadata_section, range.size, BERTHI_METADATA_BYTES_MAX);
        return true;
    }
    status = berthi_json_read((const char *)bytes + range.offset, range.size,
                              scope.findings->arena, &root, &error);
    if (status == BERTH_E_REJECTED)
        berthi_find(scope, "metadata-json", range.offset + error.offset,
                    "invalid `%s` metadata JSON: %s at byte %zu", profile->metadata_section,
                    error.why, error.offset);
    if (status != BERTH_OK)
        return status != BERTH_E_NOMEM;
    if (root->kind != BERTHI_JSON_OBJECT) {
        wrong_field(&r, "it is not an object");
        return true;
    }
    metadata_out->name = label_member(&r, root, "name", profile->name_is_strict);
    metadata_out->version = label_member(&r, root, "version", profile->name_is_strict);
    description = text_member(&r, root, "plugin", "description");
    if (description != NULL)
        metadata_out->description = description->text;
    if (profile->metadata_has_usage)
        (void)text_member(&r, root, "plugin", "usage");
    return read_hooks(&r, root);
}
