/* reader.c - a component's sections: instances, aliases, imports, exports, nested things.
 *
 * Layer: component.  The sections are walked twice: once to count, so that the definitions of a
 * component lie in one array of the right size, and once to read.  A component within a component
 * is read by the same function, to a bounded depth. */
#include "component/read/reader.h"

#include <stdio.h>

enum {
    SECTION_CUSTOM,
    SECTION_CORE_MODULE,
    SECTION_CORE_INSTANCE,
    SECTION_CORE_TYPE,
    SECTION_COMPONENT,
    SECTION_INSTANCE,
    SECTION_ALIAS,
    SECTION_TYPE,
    SECTION_CANON,
    SECTION_START,
    SECTION_IMPORT,
    SECTION_EXPORT,
    SECTION_VALUE,
    SECTION_IDS
};

static const char *const section_names[SECTION_IDS] = {
    "custom", "core module", "core instance", "core type", "component", "instance", "alias",
    "type",   "canon",       "start",         "import",    "export",    "value",
};

const char *berthi_cm_sort_name(berthi_cm_sort sort)
{
    static const char *const names[BERTHI_CM_SORTS] = {
        "core function", "core table",  "core memory",   "core global", "core tag",
        "core type",     "core module", "core instance", "function",    "value",
        "type",          "component",   "instance",
    };

    assert(sort < BERTHI_CM_SORTS);
    return names[sort];
}

void *berthi_cm_array(berthi_cm_reader *r, size_t count, size_t size)
{
    void *p = r->c.error == NULL ? berthi_arena_array(r->arena, count, size) : NULL;

    if (p == NULL)
        berthi_cursor_fail_at(&r->c, BERTH_E_NOMEM, r->c.at, "out of memory for the component");
    return p;
}

void berthi_cm_reject_at(berthi_cm_reader *r, uint32_t at, const char *text)
{
    berthi_cursor_fail_at(&r->c, BERTH_E_REJECTED, at, text);
}

uint32_t berthi_cm_read_definitions(berthi_cm_reader *r)
{
    uint32_t at = r->c.at;
    uint32_t count = berthi_read_count(&r->c, 1, UINT32_MAX);

    if (r->c.error == NULL && count > BERTHI_CM_DEFINITIONS_MAX - r->definitions)
        berthi_cursor_fail_at(&r->c, BERTH_E_LIMIT, at, "too many definitions");
    if (r->c.error != NULL)
        return 0;
    r->definitions += count;
    return count;
}

/* ---------------------------------------------------------------- names and bounds */

static void read_attribute(berthi_cm_reader *r, berthi_cm_attributes *a)
{
    uint32_t at = r->c.at;
    uint8_t kind = berthi_read_u8(&r->c);
    berthi_name value = berthi_read_name(&r->c);
    bool *has[] = { &a->has_implements, &a->has_version_suffix, &a->has_external_id };
    berthi_name *where[] = { &a->implements, &a->version_suffix, &a->external_id };
    static const char *const twice[] = { "duplicate 'implements' option in name",
                                         "duplicate 'versionsuffix' option in name",
                                         "duplicate 'external-id' option in name" };

    if (kind > 2)
        berthi_cm_reject_at(r, at, "invalid leading byte for an attribute of a name");
    if (r->c.error != NULL)
        return;
    if (*has[kind])
        berthi_cm_reject_at(r, at, twice[kind]);
    *has[kind] = true;
    *where[kind] = value;
}

static berthi_name read_name_and_attributes(berthi_cm_reader *r,
                                            const berthi_cm_attributes **attributes_out)
{
    uint32_t at = r->c.at;
    uint8_t form = berthi_read_u8(&r->c);
    berthi_name name = berthi_read_name(&r->c);
    berthi_cm_attributes *attributes;
    uint32_t count;

    if (form > 2)
        berthi_cm_reject_at(r, at, "invalid leading byte for an extern name");
    if (form != 2 || r->c.error != NULL)
        return name;
    count = berthi_read_count(&r->c, 2, UINT32_MAX);
    attributes = berthi_cm_array(r, 1, sizeof *attributes);
    for (uint32_t i = 0; i < count && r->c.error == NULL; i++)
        read_attribute(r, attributes);
    *attributes_out = attributes;
    return name;
}

void berthi_cm_read_extern_name(berthi_cm_reader *r, berthi_cm_def *def)
{
    def->name = read_name_and_attributes(r, &def->attributes);
}

static uint8_t core_sort_of(berthi_cm_reader *r, uint8_t byte)
{
    switch (byte) {
    case 0x00:
        return BERTHI_CM_CORE_FUNC;
    case 0x01:
        return BERTHI_CM_CORE_TABLE;
    case 0x02:
        return BERTHI_CM_CORE_MEMORY;
    case 0x03:
        return BERTHI_CM_CORE_GLOBAL;
    case 0x04:
        return BERTHI_CM_CORE_TAG;
    case 0x10:
        return BERTHI_CM_CORE_TYPE;
    case 0x11:
        return BERTHI_CM_CORE_MODULE;
    case 0x12:
        return BERTHI_CM_CORE_INSTANCE;
    default:
        if (r->c.error == NULL)
            berthi_cm_reject_at(r, r->c.at - 1, "invalid leading byte for a core sort");
        return 0;
    }
}

static uint8_t read_core_sort(berthi_cm_reader *r)
{
    return core_sort_of(r, berthi_read_u8(&r->c));
}

static uint8_t read_sort(berthi_cm_reader *r)
{
    static const uint8_t sorts[] = { 0,
                                     BERTHI_CM_FUNC,
                                     BERTHI_CM_VALUE,
                                     BERTHI_CM_TYPE,
                                     BERTHI_CM_COMPONENT,
                                     BERTHI_CM_INSTANCE };
    uint8_t byte = berthi_read_u8(&r->c);

    if (r->c.error != NULL)
        return 0;
    if (byte == 0)
        return read_core_sort(r);
    if (byte == 2)
        berthi_cm_reject_at(r, r->c.at - 1, "component values are not supported");
    else if (byte >= sizeof sorts)
        berthi_cm_reject_at(r, r->c.at - 1, "invalid leading byte for component external kind");
    return r->c.error == NULL ? sorts[byte] : 0;
}

void berthi_cm_read_bound(berthi_cm_reader *r, berthi_cm_bound *bound)
{
    uint32_t at = r->c.at;
    uint8_t byte = berthi_read_u8(&r->c), more;

    switch (byte) {
    case 0x00:
        more = berthi_read_u8(&r->c);
        if (more != 0x11)
            berthi_cm_reject_at(r, at, "invalid leading byte for a core extern type");
        bound->sort = BERTHI_CM_CORE_MODULE;
        break;
    case 0x01:
        bound->sort = BERTHI_CM_FUNC;
        break;
    case 0x02:
        berthi_cm_reject_at(r, at, "component values are not supported");
        return;
    case 0x03:
        more = berthi_read_u8(&r->c);
        if (more > 1)
            berthi_cm_reject_at(r, at, "invalid leading byte for a type bound");
        bound->sort = BERTHI_CM_TYPE;
        bound->is_sub_resource = more == 1;
        break;
    case 0x04:
        bound->sort = BERTHI_CM_COMPONENT;
        break;
    case 0x05:
        bound->sort = BERTHI_CM_INSTANCE;
        break;
    default:
        berthi_cm_reject_at(r, at, "invalid leading byte for an extern type");
        return;
    }
    if (!bound->is_sub_resource)
        bound->index = berthi_read_u32(&r->c);
}

/* ---------------------------------------------------------------- definitions */

static void read_items(berthi_cm_reader *r, berthi_cm_def *def, bool is_core)
{
    uint32_t count = berthi_read_count(&r->c, 3, BERTHI_CM_ITEMS_MAX);
    berthi_cm_item *items = berthi_cm_array(r, count, sizeof *items);

    for (uint32_t i = 0; i < count && r->c.error == NULL; i++) {
        berthi_cm_item *item = &items[i];

        if (is_core || def->is_instantiate)
            item->name = berthi_read_name(&r->c);
        else
            item->name = read_name_and_attributes(r, &item->attributes);
        item->sort = is_core ? read_core_sort(r) : read_sort(r);
        if (is_core && def->is_instantiate && r->c.error == NULL &&
            item->sort != BERTHI_CM_CORE_INSTANCE)
            berthi_cm_reject_at(r, r->c.at - 1,
                                "invalid leading byte for instantiation arg kind");
        item->index = berthi_read_u32(&r->c);
    }
    def->count = count;
    def->u.items = items;
}

static void read_instance(berthi_cm_reader *r, berthi_cm_def *def, bool is_core)
{
    uint8_t form = berthi_read_u8(&r->c);

    if (form > 1)
        berthi_cm_reject_at(r, def->at,
                            is_core ? "invalid leading byte for core instance"
                                    : "invalid leading byte for instance");
    def->is_instantiate = form == 0;
    if (def->is_instantiate)
        def->index = berthi_read_u32(&r->c);
    read_items(r, def, is_core);
}

void berthi_cm_read_alias(berthi_cm_reader *r, berthi_cm_def *def)
{
    uint8_t form;

    def->sort = read_sort(r);
    form = berthi_read_u8(&r->c);
    def->form = form;
    if (r->c.error != NULL)
        return;
    switch (form) {
    case BERTHI_CM_ALIAS_EXPORT:
    case BERTHI_CM_ALIAS_CORE_EXPORT:
        def->index = berthi_read_u32(&r->c);
        def->name = berthi_read_name(&r->c);
        if ((form == BERTHI_CM_ALIAS_CORE_EXPORT && def->sort > BERTHI_CM_CORE_TAG) ||
            (form == BERTHI_CM_ALIAS_EXPORT && def->sort < BERTHI_CM_FUNC &&
             def->sort != BERTHI_CM_CORE_MODULE))
            berthi_cm_reject_at(r, def->at, "an export of this sort cannot be aliased");
        break;
    case BERTHI_CM_ALIAS_OUTER:
        if (def->sort != BERTHI_CM_CORE_MODULE && def->sort != BERTHI_CM_CORE_TYPE &&
            def->sort != BERTHI_CM_TYPE && def->sort != BERTHI_CM_COMPONENT)
            berthi_cm_reject_at(r, def->at,
                                "invalid leading byte for component outer alias kind");
        def->outer = berthi_read_u32(&r->c);
        def->index = berthi_read_u32(&r->c);
        break;
    default:
        berthi_cm_reject_at(r, r->c.at - 1, "invalid leading byte for alias");
    }
}

static void read_import(berthi_cm_reader *r, berthi_cm_def *def)
{
    berthi_cm_read_extern_name(r, def);
    berthi_cm_read_bound(r, &def->bound);
}

static void read_export(berthi_cm_reader *r, berthi_cm_def *def)
{
    uint8_t optional;

    berthi_cm_read_extern_name(r, def);
    def->sort = read_sort(r);
    def->index = berthi_read_u32(&r->c);
    optional = berthi_read_u8(&r->c);
    if (optional > 1)
        berthi_cm_reject_at(r, r->c.at - 1,
                            "invalid leading byte for optional component export type");
    def->has_bound = optional == 1;
    if (def->has_bound)
        berthi_cm_read_bound(r, &def->bound);
}

static void read_module(berthi_cm_reader *r, berthi_cm_def *def)
{
    berthi_wasm_info *info = berthi_cm_array(r, 1, sizeof *info);
    berth_status status;

    if (r->c.error != NULL)
        return;
    def->u.module = info;
    status = berthi_wasm_read(r->c.bytes + r->c.at, berthi_cursor_left(&r->c), r->arena, info,
                              r->diag);
    if (status != BERTH_OK) {
        r->is_reported = true;
        berthi_cursor_fail_at(&r->c, status, r->c.at, "core module");
    }
    r->c.at = r->c.end;
}

static const berthi_cm_component *read_component(berthi_cm_reader *r, uint32_t depth);

static void read_definition(berthi_cm_reader *r, uint8_t section, berthi_cm_def *def,
                            uint32_t depth)
{
    def->at = r->c.at;
    switch (section) {
    case SECTION_CORE_MODULE:
        def->kind = BERTHI_CM_DEF_MODULE;
        read_module(r, def);
        break;
    case SECTION_CORE_INSTANCE:
        def->kind = BERTHI_CM_DEF_CORE_INSTANCE;
        read_instance(r, def, true);
        break;
    case SECTION_CORE_TYPE:
        def->kind = BERTHI_CM_DEF_CORE_TYPE;
        berthi_cm_read_core_type(r, def);
        break;
    case SECTION_COMPONENT:
        def->kind = BERTHI_CM_DEF_COMPONENT;
        def->u.component = read_component(r, depth + 1);
        break;
    case SECTION_INSTANCE:
        def->kind = BERTHI_CM_DEF_INSTANCE;
        read_instance(r, def, false);
        break;
    case SECTION_ALIAS:
        def->kind = BERTHI_CM_DEF_ALIAS;
        berthi_cm_read_alias(r, def);
        break;
    case SECTION_TYPE:
        def->kind = BERTHI_CM_DEF_TYPE;
        berthi_cm_read_type(r, def, 0);
        break;
    case SECTION_CANON:
        def->kind = BERTHI_CM_DEF_CANON;
        berthi_cm_read_canon(r, def);
        break;
    case SECTION_IMPORT:
        def->kind = BERTHI_CM_DEF_IMPORT;
        read_import(r, def);
        break;
    default:
        assert(section == SECTION_EXPORT);
        def->kind = BERTHI_CM_DEF_EXPORT;
        read_export(r, def);
    }
}

/* ---------------------------------------------------------------- sections */

static bool is_single(uint8_t section)
{
    return section == SECTION_CORE_MODULE || section == SECTION_COMPONENT;
}

/* The next section's id and body; what is wrong with it fails the cursor. */
static uint8_t read_section_head(berthi_cm_reader *r, berthi_wasm_range *body_out)
{
    uint32_t at = r->c.at;
    uint8_t id = berthi_read_u8(&r->c);
    uint32_t size;

    if (id >= SECTION_IDS)
        berthi_cm_reject_at(r, at, "malformed section id");
    size = berthi_read_u32(&r->c);
    *body_out = berthi_read_range(&r->c, size);
    if (r->c.error == NULL && (id == SECTION_START || id == SECTION_VALUE))
        berthi_cm_reject_at(r, at, "component values are not supported");
    return r->c.error == NULL ? id : (uint8_t)SECTION_CUSTOM;
}

/* How many definitions the sections of this component say they have.  Leaves the cursor where it
 * was unless it fails. */
static uint32_t count_definitions(berthi_cm_reader *r)
{
    berthi_cursor whole = r->c;
    uint32_t total = 0;

    while (r->c.error == NULL && r->c.at < r->c.end) {
        berthi_wasm_range body;
        uint8_t id = read_section_head(r, &body);
        berthi_cursor after = r->c;

        if (r->c.error != NULL)
            return 0;
        r->c = berthi_cursor_over(r->c.bytes, body);
        if (id == SECTION_CUSTOM) {
            (void)berthi_read_name(&r->c);
        } else if (!is_single(id)) {
            total += berthi_cm_read_definitions(r);
        } else if (r->definitions < BERTHI_CM_DEFINITIONS_MAX) {
            r->definitions++;
            total++;
        } else {
            berthi_cursor_fail_at(&r->c, BERTH_E_LIMIT, r->c.at, "too many definitions");
        }
        if (r->c.error == NULL)
            r->c = after;
    }
    if (r->c.error == NULL)
        r->c = whole;
    return total;
}

static void prefix(berthi_cm_reader *r, const char *section, uint32_t entry, bool is_nested)
{
    if (r->diag == NULL)
        return;
    if (!r->is_reported)
        (void)berthi_cursor_report(&r->c, r->diag);
    r->is_reported = true;
    if (is_nested)
        (void)berthi_diag_prefix(r->diag, r->c.status, "component %u", (unsigned)entry);
    else
        (void)berthi_diag_prefix(r->diag, r->c.status, "%s section, entry %u", section,
                                 (unsigned)entry);
}

/* Reads one section's definitions; `single` counts core modules and components apart. */
static void read_section(berthi_cm_reader *r, uint8_t id, berthi_cm_def **next,
                         uint32_t *single, uint32_t depth)
{
    uint32_t count = 1, first = 0;

    if (is_single(id))
        first = single[id == SECTION_COMPONENT]++;
    else
        count = berthi_read_u32(&r->c); /* counted and bounded before */
    for (uint32_t i = 0; i < count; i++) {
        berthi_cm_def *def = (*next)++;

        def->entry = first + i;
        read_definition(r, id, def, depth);
        if (r->c.error != NULL) {
            prefix(r, section_names[id], first + i, id == SECTION_COMPONENT && r->is_reported);
            return;
        }
    }
    if (r->c.at != r->c.end) {
        berthi_cursor_reject(&r->c, "section size mismatch: unexpected content after the last");
        prefix(r, section_names[id], count, false);
    }
}

static void read_preamble(berthi_cm_reader *r)
{
    static const uint8_t magic[4] = { 0x00, 'a', 's', 'm' };
    uint32_t at = r->c.at, left = berthi_cursor_left(&r->c);

    switch (berthi_wasm_form(r->c.bytes + at, left)) {
    case BERTHI_FORM_COMPONENT:
        r->c.at += 8;
        break;
    case BERTHI_FORM_MODULE:
        berthi_cm_reject_at(r, at + 4,
                            "expected a version header for a component, not a core module");
        break;
    default:
        if (left < sizeof magic || memcmp(r->c.bytes + at, magic, sizeof magic) != 0)
            berthi_cm_reject_at(r, at, "magic header not detected");
        else
            berthi_cm_reject_at(r, at + 4, "unknown binary version");
    }
}

/* The component between the cursor and its end. */
static const berthi_cm_component *read_component(berthi_cm_reader *r, uint32_t depth)
{
    berthi_cm_component *component = berthi_cm_array(r, 1, sizeof *component);
    uint32_t single[2] = { 0, 0 };
    berthi_cm_def *next;

    if (depth > BERTHI_CM_NESTING_MAX)
        berthi_cursor_fail_at(&r->c, BERTH_E_LIMIT, r->c.at, "components are nested too deep");
    if (r->c.error != NULL)
        return NULL;
    *component = (berthi_cm_component){ .at = r->c.at, .size = berthi_cursor_left(&r->c) };
    read_preamble(r);
    component->count = count_definitions(r);
    next = berthi_cm_array(r, component->count, sizeof *next);
    component->defs = next;
    while (r->c.error == NULL && r->c.at < r->c.end) {
        berthi_wasm_range body;
        uint8_t id = read_section_head(r, &body);
        berthi_cursor after = r->c;

        if (r->c.error != NULL || id == SECTION_CUSTOM)
            continue;
        r->c = berthi_cursor_over(r->c.bytes, body);
        read_section(r, id, &next, single, depth);
        if (r->c.error == NULL)
            r->c = after;
    }
    return component;
}

berth_status berthi_component_read(const uint8_t *bytes, size_t size, berthi_arena *arena,
                                   const berthi_cm_component **component_out, berth_diag *diag)
{
    berth_diag ignored;
    berthi_cm_reader r = { .c = { .bytes = bytes, .end = (uint32_t)size },
                           .arena = arena,
                           .diag = diag != NULL ? diag : &ignored };
    const berthi_cm_component *component;

    if (size > INT32_MAX)
        return berthi_fail_because(diag, BERTH_E_LIMIT, BERTH_REASON_ARTIFACT,
                                   "a component has at most %d bytes", INT32_MAX);
    component = read_component(&r, 0);
    if (r.c.error != NULL)
        return r.is_reported ? r.c.status : berthi_cursor_report(&r.c, r.diag);
    *component_out = component;
    return BERTH_OK;
}
