/* read_canon.c - canonical definitions and their options.  Layer: component. */
#include "component/read/reader.h"

static void read_option(berthi_cm_reader *r, berthi_cm_options *o)
{
    static const char *const clash[3] = {
        "canonical encoding option conflicts with option `utf8`",
        "canonical encoding option conflicts with option `utf16`",
        "canonical encoding option conflicts with option `latin1-utf16`",
    };
    uint32_t at = r->c.at;
    uint8_t code = berthi_read_u8(&r->c);
    bool *has[] = { &o->has_memory, &o->has_realloc, &o->has_post_return, &o->is_async,
                    &o->has_callback };
    uint32_t *index[] = { &o->memory, &o->realloc, &o->post_return, NULL, &o->callback };
    static const char *const twice[] = {
        "canonical option `memory` is specified more than once",
        "canonical option `realloc` is specified more than once",
        "canonical option `post-return` is specified more than once",
        "canonical option `async` is specified more than once",
        "canonical option `callback` is specified more than once",
    };

    if (r->c.error != NULL)
        return;
    if (code < 3) {
        if (o->has_encoding)
            berthi_cm_reject_at(r, at, clash[code]);
        o->has_encoding = true;
        o->encoding = code;
    } else if (code < 8) {
        if (*has[code - 3])
            berthi_cm_reject_at(r, at, twice[code - 3]);
        *has[code - 3] = true;
        if (index[code - 3] != NULL)
            *index[code - 3] = berthi_read_u32(&r->c);
    } else {
        berthi_cm_reject_at(r, at,
                            code < 10 ? "garbage collected canonical options are not supported"
                                      : "invalid leading byte for canonical option");
    }
}

static void read_options(berthi_cm_reader *r, berthi_cm_options *options)
{
    uint32_t count = berthi_read_count(&r->c, 1, BERTHI_CM_OPTIONS_MAX);

    for (uint32_t i = 0; i < count && r->c.error == NULL; i++)
        read_option(r, options);
}

/* What follows the byte of each: u an index, b a flag, O options, v a core value type, r a
 * result; NULL: there is no such definition. */
static const char *operands_of(uint8_t code)
{
    static const char *const operands[0x2e] = {
        [0x02] = "u",  [0x03] = "u",  [0x04] = "u",  [0x05] = "",   [0x06] = "b",
        [0x09] = "rO", [0x0a] = "vu", [0x0b] = "vu", [0x0c] = "b",  [0x0d] = "",
        [0x0e] = "u",  [0x0f] = "uO", [0x10] = "uO", [0x11] = "ub", [0x12] = "ub",
        [0x13] = "u",  [0x14] = "u",  [0x15] = "u",  [0x16] = "uO", [0x17] = "uO",
        [0x18] = "ub", [0x19] = "ub", [0x1a] = "u",  [0x1b] = "u",  [0x1c] = "O",
        [0x1d] = "O",  [0x1e] = "",   [0x1f] = "",   [0x20] = "bu", [0x21] = "bu",
        [0x22] = "",   [0x23] = "",   [0x24] = "",   [0x25] = "",   [0x26] = "",
        [0x27] = "uu", [0x28] = "",   [0x29] = "b",  [0x2a] = "b",  [0x2b] = "b",
        [0x2c] = "b",  [0x2d] = "b",
    };

    return code < sizeof operands / sizeof *operands ? operands[code] : NULL;
}

static void read_operand(berthi_cm_reader *r, berthi_cm_canon *canon, char kind,
                         uint32_t *indices)
{
    uint8_t flag;

    switch (kind) {
    case 'u':
        if ((*indices)++ == 0)
            canon->first = berthi_read_u32(&r->c);
        else
            canon->second = berthi_read_u32(&r->c);
        break;
    case 'b':
        flag = berthi_read_u8(&r->c);
        if (flag > 1)
            berthi_cm_reject_at(r, r->c.at - 1, "invalid leading byte for a flag");
        canon->flag = flag == 1;
        break;
    case 'v':
        canon->value_type = berthi_read_value_type(&r->c);
        break;
    case 'r':
        canon->result = berthi_cm_read_result(r);
        break;
    default:
        assert(kind == 'O');
        read_options(r, &canon->options);
    }
}

/* Lift and lower have the sort of what they take behind their byte. */
static void read_lift_or_lower(berthi_cm_reader *r, berthi_cm_canon *canon)
{
    if (berthi_read_u8(&r->c) != 0)
        berthi_cm_reject_at(r, r->c.at - 1,
                            canon->code == BERTHI_CM_LIFT
                                ? "invalid leading byte for canonical function lift"
                                : "invalid leading byte for canonical function lower");
    canon->first = berthi_read_u32(&r->c);
    read_options(r, &canon->options);
    if (canon->code == BERTHI_CM_LIFT)
        canon->second = berthi_read_u32(&r->c);
}

void berthi_cm_read_canon(berthi_cm_reader *r, berthi_cm_def *def)
{
    berthi_cm_canon *canon = berthi_cm_array(r, 1, sizeof *canon);
    uint8_t code = berthi_read_u8(&r->c);
    const char *operands;
    uint32_t indices = 0;

    if (r->c.error != NULL)
        return;
    def->u.canon = canon;
    canon->code = code;
    canon->result = BERTHI_CM_NONE;
    if (code == BERTHI_CM_LIFT || code == BERTHI_CM_LOWER) {
        read_lift_or_lower(r, canon);
        return;
    }
    operands = operands_of(code);
    if (operands == NULL)
        berthi_cm_reject_at(r, def->at,
                            code >= 0x40 && code <= 0x42
                                ? "threads that share everything are not supported"
                                : "invalid leading byte for canonical function");
    for (; r->c.error == NULL && *operands != '\0'; operands++)
        read_operand(r, canon, *operands, &indices);
}
