/* crash_note.c - which native plugin a thread was in when it crashed.  Layer: registry.
 *
 * Runs in a signal handler: it reads this thread's own record, formats by hand, and believes nothing that
 * may be gone. */
#include "registry/registry.h"

#include "base/diag.h"
#include "os/crash.h"

typedef struct line {
    char *at, *end;
} line;

static void put(line *l, const char *text)
{
    while (*text != '\0' && l->at < l->end)
        *l->at++ = *text++;
}

static void put_number(line *l, uint64_t number)
{
    char digits[24], *at = digits + sizeof digits - 1;

    *at = '\0';
    do
        *--at = (char)('0' + number % 10);
    while ((number /= 10) != 0);
    put(l, at);
}

static const char *function_name(const berth_version *v, uint32_t hook)
{
    const berthi_typed_table *table = atomic_load_explicit(&v->typed, memory_order_acquire);
    uint32_t n = hook - BERTHI_HOOKS_MAX;

    return table == NULL || n >= table->room || table->at[n].name == NULL ? "a function"
                                                                          : table->at[n].name;
}

static size_t write_note(char *out, size_t room)
{
    line l = { out, out + room - 1 };
    berthi_record *mine = berthi_record_mine.record;
    const berth_version *v;
    unsigned depth;

    if (mine == NULL || !berthi_record_is_good())
        return 0;
    depth = berthi_record_depth(mine);
    if (depth == 0)
        return 0;
    v = atomic_load_explicit(&mine->entry[depth - 1].pin, memory_order_relaxed);
    if (!v->is_native) /* a guest's fault is its engine's */
        return 0;
    put(&l, "berth: the thread that crashes is in native plugin '");
    put(&l, v->content->plugin.name);
    put(&l, "', version ");
    put_number(&l, v->number);
    put(&l, " of slot '");
    put(&l, v->slot->name);
    put(&l, "', function '");
    put(&l, function_name(
                v, atomic_load_explicit(&mine->function[depth - 1], memory_order_relaxed)));
    put(&l, "'");
    *l.at++ = '\n';
    return (size_t)(l.at - out);
}

berth_status berth_crash_notes_enable(berth_diag *diag)
{
    int code = berthi_crash_enable(write_note);

    return code == 0 ? BERTH_OK : berthi_fail_os(diag, code, "handlers of fatal signals");
}
