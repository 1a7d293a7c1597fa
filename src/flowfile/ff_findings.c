/* ff_findings.c - what is wrong with a flow file, kept until all of it is known.  Layer: flowfile. */
#include "flowfile/flow_file.h"

#include <stdarg.h>
#include <stdio.h>

#include "contract/wit_words.h"

enum { TEXT_ROOM = 400 };

const char *berthi_ff_copy(ff_reader *r, const char *text, size_t size)
{
    char *copy = r->has_no_memory ? NULL : berthi_arena_strndup(r->arena, text, size);

    if (copy == NULL)
        r->has_no_memory = true;
    return copy;
}

const char *berthi_ff_print(ff_reader *r, const char *format, ...)
{
    char text[TEXT_ROOM];
    va_list args;

    va_start(args, format);
    if (vsnprintf(text, sizeof text, format, args) < 0)
        text[0] = '\0';
    va_end(args);
    return berthi_ff_copy(r, text, strlen(text));
}

void *berthi_ff_array(ff_reader *r, size_t count, size_t size)
{
    void *array =
        r->has_no_memory ? NULL : berthi_arena_array(r->arena, count == 0 ? 1 : count, size);

    if (array == NULL)
        r->has_no_memory = true;
    return array;
}

__attribute__((format(printf, 5, 0))) static void add(ff_reader *r, uint32_t at,
                                                      bool is_warning, const char *hint,
                                                      const char *format, va_list args)
{
    char text[TEXT_ROOM];
    ff_finding *finding;

    r->count++;
    r->errors += !is_warning;
    if (r->count > FF_FINDINGS_MAX)
        return;
    if (vsnprintf(text, sizeof text, format, args) < 0)
        text[0] = '\0';
    finding = berthi_ff_array(r, 1, sizeof *finding);
    if (finding == NULL)
        return;
    finding->at = at;
    finding->is_warning = is_warning;
    finding->text = berthi_ff_copy(r, text, strlen(text));
    finding->hint = hint == NULL ? NULL : berthi_ff_copy(r, hint, strlen(hint));
    if (r->first == NULL)
        r->first = finding;
    else
        r->last->next = finding;
    r->last = finding;
}

void berthi_ff_wrong(ff_reader *r, const berthi_toml *value, const char *hint,
                     const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add(r, value->at, false, hint, format, args);
    va_end(args);
}

void berthi_ff_wrong_key(ff_reader *r, const berthi_toml *value, const char *hint,
                         const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add(r, value->name == NULL ? value->at : value->key_at, false, hint, format, args);
    va_end(args);
}

void berthi_ff_warn(ff_reader *r, const berthi_toml *value, const char *hint,
                    const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add(r, value->name == NULL ? value->at : value->key_at, true, hint, format, args);
    va_end(args);
}

void berthi_ff_wrong_at(ff_reader *r, uint32_t at, const char *hint, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add(r, at, false, hint, format, args);
    va_end(args);
}

const char *berthi_ff_did_you_mean(ff_reader *r, const char *wrong,
                                   const char *const *candidates)
{
    wit_guess guess = berthi_wit_guess_start(wrong);

    for (; *candidates != NULL; candidates++)
        berthi_wit_guess_offer(&guess, *candidates);
    return guess.best == NULL ? NULL : berthi_ff_print(r, "did you mean `%s`?", guess.best);
}

/* Takes the finding that comes first in the texts out of the list; the list is short. */
static ff_finding *take_first(ff_reader *r)
{
    ff_finding **first = &r->first, *found;

    for (ff_finding **f = &r->first; *f != NULL; f = &(*f)->next)
        if ((*f)->at < (*first)->at)
            first = f;
    found = *first;
    *first = found->next;
    return found;
}

static void tell_one(ff_reader *r, const ff_finding *f, berth_flow_file_found found, void *ctx,
                     berth_diag *diag, bool *is_said)
{
    const berthi_text *text = &r->texts[f->at >> FF_TEXT_BITS];
    uint32_t offset = f->at & ((1u << FF_TEXT_BITS) - 1);
    berthi_place place = berthi_place_of(text, offset < text->size ? offset : text->size);
    berth_flow_file_finding told = {
        .size = sizeof told,
        .severity = f->is_warning ? BERTH_FLOW_WARNING : BERTH_FLOW_ERROR,
        .where = text->name,
        .line = place.line,
        .column = (uint32_t)place.column,
        .text = f->text,
        .hint = f->hint,
    };

    if (!f->is_warning && !*is_said) {
        *is_said = true;
        (void)berthi_fail(diag, BERTH_E_REJECTED, "%s:%u:%zu: %s%s%s", text->name, place.line,
                          place.column, f->text, f->hint == NULL ? "" : "; ",
                          f->hint == NULL ? "" : f->hint);
    }
    if (found != NULL)
        found(ctx, &told);
}

berth_status berthi_ff_tell(ff_reader *r, berth_flow_file_found found, void *ctx,
                            berth_diag *diag)
{
    bool is_said = false;
    uint32_t errors = r->errors;

    if (r->has_no_memory)
        return berthi_fail(diag, BERTH_E_NOMEM, "no memory to read a flow file");
    while (r->first != NULL)
        tell_one(r, take_first(r), found, ctx, diag, &is_said);
    r->last = NULL;
    r->count = r->errors = 0;
    if (errors == 0)
        return BERTH_OK;
    if (!is_said)
        (void)berthi_fail(diag, BERTH_E_REJECTED, "the flow file is wrong");
    if (errors > 1)
        berthi_diag_append(diag, " (and %u more)", errors - 1);
    return BERTH_E_REJECTED;
}
