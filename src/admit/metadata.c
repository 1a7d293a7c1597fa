/* metadata.c - what a plugin says about itself.  Layer: admit.
 *
 * The section is checked three times over: berthi_json_check() knows syntax, UTF-8 and nesting
 * and needs no memory; jansson then makes values of it; the code below knows which members there
 * must be.  After the first, jansson has nothing left to object to but a name that is there
 * twice and numbers out of range.  Any other failure of it is a lack of memory. */
#include "admit/metadata.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include <jansson.h>

#include "base/json_check.h"

typedef struct reader {
    const berthi_profile *profile;
    berthi_scope scope;
    berthi_arena *arena;
    berthi_metadata *out;
    bool out_of_memory;
} reader;

static void wrong_json(const reader *r, size_t at, const char *why)
{
    berthi_find(r->scope, "metadata-json", r->out->offset + at,
                "invalid `%s` metadata JSON: %s at byte %zu", r->profile->metadata_section, why,
                at);
}

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

/* What jansson is fed: ["<padding>",<the section>].
 *
 * jansson 2.14 has one buffer for tokens, and when that cannot grow it drops the byte and goes
 * on: "transform_sse_vent".  So the first token is a padding as long as the whole section.  Came
 * it out whole, then no later token needs the buffer to grow. */
typedef struct feed {
    const char *text;
    size_t size; /* of the text, and of the padding */
    size_t at;   /* of all that jansson sees */
} feed;

enum { FEED_OPEN = 2, FEED_BETWEEN = 2, FEED_CLOSE = 1 };

static char fed_byte(const feed *f)
{
    size_t at = f->at;

    if (at < FEED_OPEN)
        return "[\""[at];
    at -= FEED_OPEN;
    if (at < f->size)
        return 'x';
    at -= f->size;
    if (at < FEED_BETWEEN)
        return "\","[at];
    at -= FEED_BETWEEN;
    return at < f->size ? f->text[at] : ']';
}

static size_t feed_some(void *buffer, size_t room, void *ctx)
{
    feed *f = ctx;
    size_t all = FEED_OPEN + f->size + FEED_BETWEEN + f->size + FEED_CLOSE, n;
    char *out = buffer;

    for (n = 0; n < room && f->at < all; n++, f->at++)
        out[n] = fed_byte(f);
    return n;
}

/* The section's value, to be ended with json_decref(); or NULL with a finding or out_of_memory. */
static json_t *load(reader *r, const char *text, size_t size)
{
    feed f = { .text = text, .size = size };
    json_error_t error = { 0 }; /* jansson leaves the code alone when it finds no words */
    json_t *fed, *root = NULL;
    enum json_error_code code = json_error_out_of_memory;
    const char *why;
    size_t at;

    if (!berthi_json_check(text, size, &at, &why)) {
        wrong_json(r, at, why);
        return NULL;
    }
    fed = json_load_callback(feed_some, &f, JSON_REJECT_DUPLICATES, &error);
    if (fed == NULL)
        code = json_error_code(&error);
    else if (json_string_length(json_array_get(fed, 0)) == size)
        root = json_incref(json_array_get(fed, 1));
    json_decref(fed);
    if (root != NULL)
        return root;
    at = FEED_OPEN + size + FEED_BETWEEN;
    at = error.position < 0 || (size_t)error.position < at ? 0 : (size_t)error.position - at;
    switch (code) {
    case json_error_duplicate_key:
        wrong_json(r, at, "a member is there twice");
        break;
    case json_error_numeric_overflow:
        wrong_json(r, at, "a number is out of range");
        break;
    default:
        r->out_of_memory = true;
    }
    return NULL;
}

static const char *keep(reader *r, const json_t *string)
{
    const char *copy =
        berthi_arena_strndup(r->arena, json_string_value(string), json_string_length(string));

    if (copy == NULL)
        r->out_of_memory = true;
    return copy;
}

static bool is_blank(const json_t *string)
{
    return strspn(json_string_value(string), " \t\n\r\v\f") == json_string_length(string);
}

/* The member as text, or NULL with a finding.  `of` is "plugin" or "hook `x`". */
static const json_t *text_member(const reader *r, const json_t *object, const char *of,
                                 const char *member)
{
    const json_t *value = json_object_get(object, member);

    if (value == NULL)
        wrong_field(r, "missing %s %s", of, member);
    else if (!json_is_string(value))
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
static const char *label_member(reader *r, const json_t *root, const char *member, bool strict)
{
    const json_t *value = text_member(r, root, "plugin", member);
    const char *text;
    size_t size;

    if (value == NULL)
        return NULL;
    text = json_string_value(value);
    size = json_string_length(value);
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
        return keep(r, value);
    return NULL;
}

static void read_wire_version(const reader *r, const json_t *hook, const char *of,
                              berthi_meta_hook *out)
{
    const json_t *value = json_object_get(hook, "wire_version");
    json_int_t version = json_integer_value(value); /* 0 unless it is one */

    if (value == NULL)
        wrong_field(r, "missing %s wire_version", of);
    else if (!json_is_integer(value) || version < 0 || version > 255)
        wrong_field(r, "%s wire_version is not a whole number from 0 to 255", of);
    else
        out->has_wire_version = true;
    if (out->has_wire_version)
        out->wire_version = (uint32_t)version;
}

static void read_mode(const reader *r, const json_t *hook, const char *of,
                      berthi_meta_hook *out)
{
    const json_t *value = json_object_get(hook, "mode");
    const char *mode = json_string_value(value); /* NULL unless it is a string */

    if (value == NULL)
        return;
    out->has_mode = true;
    out->is_noop = mode != NULL && strcmp(mode, "noop") == 0;
    if (!out->is_noop && (mode == NULL || strcmp(mode, "active") != 0))
        wrong_field(r, "%s mode is neither \"active\" nor \"noop\"", of);
}

static void read_probe(reader *r, const json_t *hook, const char *of, berthi_meta_hook *out)
{
    const json_t *value = json_object_get(hook, "probe");

    if (value == NULL)
        return;
    if (!json_is_string(value)) {
        wrong_field(r, "%s probe is not a string", of);
        return;
    }
    out->probe.data = keep(r, value);
    out->probe.size = json_string_length(value);
}

static void read_hook(reader *r, const char *name, const json_t *hook, berthi_meta_hook *out)
{
    const json_t *description;
    char of[112];

    snprintf(of, sizeof of, "hook `%s`", BERTHI_SHOW(name, strlen(name)));
    if (!json_is_object(hook)) {
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
        out->description = keep(r, description);
    if (r->profile->metadata_has_usage)
        (void)text_member(r, hook, of, "usage");
}

static bool is_hook_name(const reader *r, const char *name)
{
    size_t size = strlen(name);

    if (size <= BERTHI_PLUGIN_NAME_SIZE_MAX && is_word(name, size, "_"))
        return true;
    berthi_find(r->scope, "hook-name", r->out->offset,
                "hook name `%s` is not 1 to %u letters, digits and '_'",
                BERTHI_SHOW(name, size), BERTHI_PLUGIN_NAME_SIZE_MAX);
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

static void read_hooks(reader *r, json_t *root)
{
    json_t *hooks = json_object_get(root, "hooks"), *hook;
    size_t count = json_object_size(hooks); /* 0 unless it is an object */
    const char *name;

    if (hooks != NULL && !json_is_object(hooks))
        wrong_field(r, "plugin hooks is not an object");
    else if (count == 0)
        wrong_field(r, "plugin declares no hooks");
    else if (count > BERTHI_HOOKS_MAX)
        wrong_field(r, "plugin declares %zu hooks; at most %d are allowed", count,
                    BERTHI_HOOKS_MAX);
    if (count == 0 || count > BERTHI_HOOKS_MAX)
        return;
    r->out->hooks = berthi_arena_array(r->arena, count, sizeof *r->out->hooks);
    if (r->out->hooks == NULL) {
        r->out_of_memory = true;
        return;
    }
    json_object_foreach(hooks, name, hook)
    {
        const char *kept;

        if (!is_hook_name(r, name))
            continue;
        kept = berthi_arena_strndup(r->arena, name, strlen(name));
        if (kept == NULL) {
            r->out_of_memory = true;
            return;
        }
        read_hook(r, kept, hook, add_hook(r->out, kept));
    }
}

bool berthi_metadata_read(const berthi_profile *profile, const uint8_t *bytes,
                          berthi_wasm_range range, berthi_scope scope,
                          berthi_metadata *metadata_out)
{
    reader r = {
        .profile = profile, .scope = scope, .arena = scope.findings->arena, .out = metadata_out
    };
    const json_t *description;
    json_t *root;

    *metadata_out = (berthi_metadata){ .offset = range.offset };
    if (range.size > BERTHI_METADATA_BYTES_MAX) {
        berthi_find(scope, "metadata-size", range.offset,
                    "`%s` section has %" PRIu32 " bytes; at most %u are allowed",
                    profile->metadata_section, range.size, BERTHI_METADATA_BYTES_MAX);
        return true;
    }
    root = load(&r, (const char *)bytes + range.offset, range.size);
    if (root == NULL)
        return !r.out_of_memory;
    if (!json_is_object(root)) {
        wrong_field(&r, "it is not an object");
    } else {
        metadata_out->name = label_member(&r, root, "name", profile->name_is_strict);
        metadata_out->version = label_member(&r, root, "version", profile->name_is_strict);
        description = text_member(&r, root, "plugin", "description");
        if (description != NULL)
            metadata_out->description = keep(&r, description);
        if (profile->metadata_has_usage)
            (void)text_member(&r, root, "plugin", "usage");
        read_hooks(&r, root);
    }
    json_decref(root);
    return !r.out_of_memory;
}
