/* wit_docs.c - documentation and gates in the binary form of WIT.  Layer: component. */
#include "component/wit/wit_docs.h"

#include "base/diag.h"
#include "contract/wit.h"
#include "wasm/cursor.h"

enum { HEADER_SIZE = 8, VERSION_MAX = 1 };

berth_status berthi_wit_docs_read(const uint8_t *bytes, size_t size, berthi_arena *arena,
                                  const berthi_json **docs_out, berth_diag *diag)
{
    static const char wanted[] = "package-docs";
    berthi_cursor c = berthi_cursor_over(
        bytes, (berthi_wasm_range){ HEADER_SIZE, (uint32_t)size - HEADER_SIZE });

    *docs_out = NULL;
    while (berthi_cursor_left(&c) != 0 && c.error == NULL) {
        uint8_t id = berthi_read_u8(&c);
        berthi_wasm_range range = berthi_read_range(&c, berthi_read_u32(&c));
        berthi_cursor body = berthi_cursor_over(bytes, range);
        berthi_json_error error;
        berthi_name name;
        berth_status status;

        if (id != 0 || c.error != NULL)
            continue;
        name = berthi_read_name(&body);
        if (body.error != NULL || name.size != sizeof wanted - 1 ||
            memcmp(name.text, wanted, name.size) != 0 || berthi_read_u8(&body) > VERSION_MAX ||
            body.error != NULL)
            continue;
        status = berthi_json_read((const char *)bytes + body.at, berthi_cursor_left(&body),
                                  arena, docs_out, &error);
        if (status == BERTH_E_REJECTED)
            return berthi_fail(diag, status, "the section package-docs: %s", error.why);
        return status == BERTH_OK
                   ? BERTH_OK
                   : berthi_fail(diag, status, "no memory for the section package-docs");
    }
    return BERTH_OK;
}

const berthi_json *berthi_wit_docs_of(const berthi_json *place, const char *group,
                                      berthi_name name)
{
    const berthi_json *members = place == NULL ? NULL : berthi_json_member(place, group);
    char text[2 * BERTHI_WIT_NAME_MAX + 16];

    if (members == NULL || name.size >= sizeof text)
        return NULL;
    if (name.size != 0)
        memcpy(text, name.text, name.size);
    text[name.size] = '\0';
    return berthi_json_member(members, text);
}

static void put_lines(const berthi_json *docs, unsigned indent, berthi_text_buf *out)
{
    const char *at = docs->text, *end = docs->text + docs->size;

    for (;;) {
        const char *newline = at == end ? NULL : memchr(at, '\n', (size_t)(end - at));
        const char *stop = newline == NULL ? end : newline;

        berthi_text_buf_fill(out, ' ', 2 * (size_t)indent);
        berthi_text_buf_puts(out, at == stop ? "///" : "/// ");
        berthi_text_buf_put(out, at, (size_t)(stop - at));
        berthi_text_buf_puts(out, "\n");
        if (newline == NULL)
            return;
        at = newline + 1;
    }
}

/* `@gate(field = value)`. */
static void put_gate(const berthi_json *value, const char *gate, unsigned indent,
                     berthi_text_buf *out)
{
    if (value == NULL || value->kind != BERTHI_JSON_STRING)
        return;
    berthi_text_buf_fill(out, ' ', 2 * (size_t)indent);
    berthi_text_buf_puts(out, gate);
    berthi_text_buf_put(out, value->text, value->size);
    berthi_text_buf_puts(out, ")\n");
}

void berthi_wit_docs_put(const berthi_json *item, unsigned indent, berthi_text_buf *out)
{
    static const char *const kinds[] = { "stable", "unstable" };
    const berthi_json *docs, *stability, *kind;

    if (item == NULL)
        return;
    docs = item->kind == BERTHI_JSON_STRING ? item : berthi_json_member(item, "docs");
    if (docs != NULL && docs->kind == BERTHI_JSON_STRING)
        put_lines(docs, indent, out);
    stability = berthi_json_member(item, "stability");
    for (unsigned i = 0; i < 2 && stability != NULL; i++) {
        kind = berthi_json_member(stability, kinds[i]);
        if (kind == NULL)
            continue;
        put_gate(berthi_json_member(kind, "since"), "@since(version = ", indent, out);
        put_gate(berthi_json_member(kind, "feature"), "@unstable(feature = ", indent, out);
        put_gate(berthi_json_member(kind, "deprecated"), "@deprecated(version = ", indent, out);
    }
}
