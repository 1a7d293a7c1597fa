/* process.c - preview 1: arguments, environment, clocks, random bytes, the end.  Layer: service. */
#include "service/preview1/private.h"

enum { RANDOM_AT_ONCE = 1 << 20 };
enum { CLOCK_REALTIME_ID, CLOCK_MONOTONIC_ID, CLOCK_PROCESS_ID, CLOCK_THREAD_ID };

/* ---------------------------------------------------------------- lists of strings */

/* Each string with its NUL, one behind the other, and a list of pointers to them. */
typedef struct string_writer {
    uint8_t *list, *text; /* where the next one goes */
    uint64_t list_left, text_left;
    uint32_t text_at; /* as the guest says it */
} string_writer;

static bool begin_strings(const p1_call *c, uint32_t count, uint64_t size, string_writer *w)
{
    berthi_memory_view memory = berthi_guest_memory(c->g);
    uint32_t list_at = p1_u32(c, 0), text_at = p1_u32(c, 1);

    if (berthi_guest_span(c->g, list_at, (uint64_t)count * 4) == NULL ||
        berthi_guest_span(c->g, text_at, size) == NULL)
        return false;
    *w = (string_writer){ .list = memory.base + list_at,
                          .text = memory.base + text_at,
                          .text_at = text_at };
    return true;
}

/* In parts, for "name=value"; `ends` with the last. */
static void put_part(string_writer *w, const char *text, bool begins, bool ends)
{
    size_t size = strlen(text) + ends;

    if (begins) {
        memcpy(w->list, &w->text_at, sizeof w->text_at);
        w->list += sizeof w->text_at;
    }
    memcpy(w->text, text, size);
    w->text += size;
    w->text_at += (uint32_t)size;
}

static uint64_t arguments_size(const berth_grants_options *opt)
{
    uint64_t size = 0;

    for (uint32_t i = 0; i < opt->arguments_count; i++)
        size += strlen(opt->arguments[i]) + 1;
    return size;
}

static int32_t put_sizes(const p1_call *c, uint32_t count, uint64_t size)
{
    if (size > UINT32_MAX)
        return P1_OVERFLOW;
    return p1_put_u32(c, p1_u32(c, 0), count) && p1_put_u32(c, p1_u32(c, 1), (uint32_t)size)
               ? P1_OK
               : P1_FAULT;
}

static int32_t args_sizes_get(p1_call *c)
{
    const berth_grants_options *opt = berthi_grants_options(c->s->grants);

    return put_sizes(c, opt->arguments_count, arguments_size(opt));
}

static int32_t args_get(p1_call *c)
{
    const berth_grants_options *opt = berthi_grants_options(c->s->grants);
    string_writer w;

    if (!begin_strings(c, opt->arguments_count, arguments_size(opt), &w))
        return P1_FAULT;
    for (uint32_t i = 0; i < opt->arguments_count; i++)
        put_part(&w, opt->arguments[i], true, true);
    return P1_OK;
}

static uint64_t environment_size(const berthi_grant_variable *from, uint32_t count)
{
    uint64_t size = 0;

    for (uint32_t i = 0; i < count; i++)
        size += strlen(from[i].name) + strlen(from[i].value) + 2;
    return size;
}

static int32_t environ_sizes_get(p1_call *c)
{
    uint32_t count;
    const berthi_grant_variable *from = berthi_grants_environment(c->s->grants, &count);

    return put_sizes(c, count, environment_size(from, count));
}

static int32_t environ_get(p1_call *c)
{
    uint32_t count;
    const berthi_grant_variable *from = berthi_grants_environment(c->s->grants, &count);
    string_writer w;

    if (!begin_strings(c, count, environment_size(from, count), &w))
        return P1_FAULT;
    for (uint32_t i = 0; i < count; i++) {
        put_part(&w, from[i].name, true, false);
        put_part(&w, "=", false, false);
        put_part(&w, from[i].value, false, true);
    }
    return P1_OK;
}

/* ---------------------------------------------------------------- clocks */

int32_t berthi_p1_read_clock(const p1_call *c, uint32_t id, uint64_t *ns_out)
{
    uint64_t seconds;
    uint32_t ns;

    if (id > CLOCK_THREAD_ID)
        return P1_INVAL;
    if (id > CLOCK_MONOTONIC_ID) /* processor time of whom? */
        return P1_NOTSUP;
    if (!berthi_grants_has(c->s->grants, id == CLOCK_REALTIME_ID
                                             ? BERTHI_RIGHT_CLOCK_WALL
                                             : BERTHI_RIGHT_CLOCK_MONOTONIC))
        return P1_NOTCAPABLE;
    if (id == CLOCK_MONOTONIC_ID) {
        *ns_out = berthi_services_monotonic_ns(c->s);
        return P1_OK;
    }
    berthi_services_wall(c->s, &seconds, &ns);
    if (seconds > UINT64_MAX / 1000000000 - 1)
        return P1_OVERFLOW;
    *ns_out = seconds * 1000000000 + ns;
    return P1_OK;
}

static int32_t clock_time_get(p1_call *c)
{
    uint64_t now;
    int32_t error = berthi_p1_read_clock(c, p1_u32(c, 0), &now);

    if (error != P1_OK)
        return error;
    return p1_put_u64(c, p1_u32(c, 2), now) ? P1_OK : P1_FAULT;
}

static int32_t clock_res_get(p1_call *c)
{
    uint64_t now;
    int32_t error = berthi_p1_read_clock(c, p1_u32(c, 0), &now);

    if (error != P1_OK)
        return error;
    return p1_put_u64(c, p1_u32(c, 1), berthi_services_resolution_ns(c->s)) ? P1_OK : P1_FAULT;
}

/* ---------------------------------------------------------------- the rest */

/* It cannot be short, and as much as a memory holds takes its time: the call's deadline is asked meanwhile. */
static int32_t fill(const p1_call *c, uint8_t *to, uint32_t size)
{
    while (size > 0) {
        uint32_t part = size < RANDOM_AT_ONCE ? size : RANDOM_AT_ONCE;

        if (!berthi_services_random(c->s, to, part))
            return P1_IO;
        to += part;
        size -= part;
        if (size > 0 && berthi_deadline_left_ns(&c->s->deadline) == 0)
            return p1_end(
                berthi_fail_because(c->diag, BERTH_E_DEADLINE, BERTH_REASON_DEADLINE,
                                    "it asked for more random bytes than its call has "
                                    "time for"));
    }
    return P1_OK;
}

static int32_t random_get(p1_call *c)
{
    uint32_t size = p1_u32(c, 1);
    void *to = berthi_guest_span(c->g, p1_u32(c, 0), size);

    if (!berthi_grants_has(c->s->grants, BERTHI_RIGHT_RANDOM))
        return P1_NOTCAPABLE;
    if (to == NULL)
        return P1_FAULT;
    return fill(c, to, size);
}

static int32_t proc_exit(p1_call *c)
{
    return p1_end(berthi_guest_exit(p1_u32(c, 0), c->diag));
}

/* There are no signals. */
static int32_t proc_raise(p1_call *c)
{
    (void)c;
    return P1_NOTSUP;
}

/* There is one thread. */
static int32_t sched_yield(p1_call *c)
{
    (void)c;
    return P1_OK;
}

BERTHI_P1(args_get)
BERTHI_P1(args_sizes_get)
BERTHI_P1(environ_get)
BERTHI_P1(environ_sizes_get)
BERTHI_P1(clock_res_get)
BERTHI_P1(clock_time_get)
BERTHI_P1(random_get)
BERTHI_P1(proc_exit)
BERTHI_P1(proc_raise)
BERTHI_P1(sched_yield)
