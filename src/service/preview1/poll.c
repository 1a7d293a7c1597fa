/* poll.c - preview 1: waiting; and sockets, of which no instance has any.  Layer: service. */
#include "service/preview1/fds.h"

enum { SUBSCRIPTION_SIZE = 48, EVENT_SIZE = 32 };
enum { TAG_CLOCK, TAG_READ, TAG_WRITE };
enum { CLOCK_IS_ABSOLUTE = 1 };

typedef struct subscription {
    uint64_t userdata;
    uint8_t tag;
    int32_t error; /* an answer already */
    uint64_t bytes;
    uint8_t raw[SUBSCRIPTION_SIZE];
} subscription;

static uint64_t add_up(uint64_t one, uint64_t other)
{
    uint64_t sum = one + other;

    return sum < one || sum == UINT64_MAX ? UINT64_MAX - 1 : sum; /* UINT64_MAX is never */
}

/* The wall clock's times are waited for by the other clock, as they are now. */
static int32_t look_at_clock(const p1_call *c, const uint8_t *raw, berthi_wait *wait)
{
    uint32_t id;
    uint64_t timeout, now, monotonic;
    uint16_t flags;
    int32_t error;

    memcpy(&id, raw + 16, sizeof id);
    memcpy(&timeout, raw + 24, sizeof timeout);
    memcpy(&flags, raw + 40, sizeof flags);
    error = berthi_p1_read_clock(c, id, &now);
    if (error != P1_OK)
        return error;
    if ((flags & ~CLOCK_IS_ABSOLUTE) != 0)
        return P1_INVAL;
    if ((flags & CLOCK_IS_ABSOLUTE) != 0)
        timeout = timeout > now ? timeout - now : 0;
    monotonic = id == 1 ? now : berthi_services_monotonic_ns(c->s);
    wait->at_ns = add_up(monotonic, timeout);
    return P1_OK;
}

static int32_t look_at_fd(const p1_call *c, subscription *s, berthi_wait *wait)
{
    uint32_t number;
    berthi_file_stat at;
    p1_fd *fd;
    int32_t error;

    memcpy(&number, s->raw + 16, sizeof number);
    error = berthi_p1_fd(c, number, P1_RIGHT(POLL_FD_READWRITE), &fd);
    if (error != P1_OK)
        return error;
    if (fd->kind != P1_NODE) {
        if ((s->tag == TAG_WRITE) != (fd->kind == P1_OUTPUT))
            return P1_BADF;
        *wait = berthi_object_look(fd->object);
        s->bytes = 1;
        return P1_OK;
    }
    wait->is_ready = true;
    if (s->tag == TAG_READ && berthi_files_stat(p1_node_of(fd), &at) == BERTHI_CODE_OK &&
        at.size > fd->offset)
        s->bytes = at.size - fd->offset;
    return P1_OK;
}

static void look_at(const p1_call *c, subscription *s, berthi_wait *wait)
{
    *wait = (berthi_wait){ .fd = -1, .at_ns = UINT64_MAX };
    memcpy(&s->userdata, s->raw, sizeof s->userdata);
    s->tag = s->raw[8];
    if (s->tag == TAG_CLOCK)
        s->error = look_at_clock(c, s->raw, wait);
    else if (s->tag <= TAG_WRITE)
        s->error = look_at_fd(c, s, wait);
    else
        s->error = P1_INVAL;
    if (s->error != P1_OK)
        *wait = (berthi_wait){ .is_ready = true, .fd = -1, .at_ns = UINT64_MAX };
}

static bool put_events(const p1_call *c, const subscription *subs, const berthi_wait *waits,
                       uint32_t count)
{
    uint32_t done = 0, to = p1_u32(c, 1);

    for (uint32_t i = 0; i < count; i++) {
        uint8_t event[EVENT_SIZE] = { 0 };
        const uint16_t error = (uint16_t)subs[i].error;

        if (!waits[i].is_ready)
            continue;
        memcpy(event, &subs[i].userdata, sizeof subs[i].userdata);
        memcpy(event + 8, &error, sizeof error);
        event[10] = subs[i].tag;
        memcpy(event + 16, &subs[i].bytes, sizeof subs[i].bytes);
        if (!p1_put(c, to + done * EVENT_SIZE, event, sizeof event))
            return false;
        done++;
    }
    return p1_put_u32(c, p1_u32(c, 3), done);
}

static int32_t wait_for(const p1_call *c, const uint8_t *raw, uint32_t count,
                        subscription *subs, berthi_wait *waits)
{
    berth_status status;

    for (uint32_t i = 0; i < count;
         i++) { /* before any event is written: the two may overlap */
        memcpy(subs[i].raw, raw + (size_t)i * SUBSCRIPTION_SIZE, SUBSCRIPTION_SIZE);
        look_at(c, &subs[i], &waits[i]);
    }
    status = berthi_services_wait(c->s, waits, count, UINT64_MAX, c->diag);
    if (status != BERTH_OK)
        return p1_end(status);
    return put_events(c, subs, waits, count) ? P1_OK : P1_FAULT;
}

static int32_t poll_oneoff(p1_call *c)
{
    uint32_t count = p1_u32(c, 2);
    const uint8_t *raw =
        berthi_guest_span(c->g, p1_u32(c, 0), (uint64_t)count * SUBSCRIPTION_SIZE);
    berthi_wait *waits;
    subscription *subs;
    int32_t error;

    if (count == 0 || count > BERTHI_SERVICE_WAITS_MAX)
        return P1_INVAL;
    if (raw == NULL ||
        berthi_guest_span(c->g, p1_u32(c, 1), (uint64_t)count * EVENT_SIZE) == NULL ||
        berthi_guest_span(c->g, p1_u32(c, 3), 4) == NULL)
        return P1_FAULT;
    waits = berthi_zalloc_array(c->g->allocator, count, sizeof *waits);
    subs = berthi_zalloc_array(c->g->allocator, count, sizeof *subs);
    error = waits == NULL || subs == NULL ? P1_NOMEM : wait_for(c, raw, count, subs, waits);
    berthi_free_array(c->g->allocator, waits, count, sizeof *waits);
    berthi_free_array(c->g->allocator, subs, count, sizeof *subs);
    return error;
}

/* ---------------------------------------------------------------- sockets
 *
 * Preview 1 has no function that makes one: a host gives them or not.  This one does not: a plugin that
 * needs the network is built for WASI 0.2. */

static int32_t no_socket(const p1_call *c)
{
    p1_fd *fd;
    int32_t error = berthi_p1_fd(c, p1_u32(c, 0), 0, &fd);

    return error == P1_OK ? P1_NOTSOCK : error;
}

static int32_t sock_accept(p1_call *c)
{
    return no_socket(c);
}

static int32_t sock_recv(p1_call *c)
{
    return no_socket(c);
}

static int32_t sock_send(p1_call *c)
{
    return no_socket(c);
}

static int32_t sock_shutdown(p1_call *c)
{
    return no_socket(c);
}

BERTHI_P1(poll_oneoff)
BERTHI_P1(sock_accept)
BERTHI_P1(sock_recv)
BERTHI_P1(sock_send)
BERTHI_P1(sock_shutdown)
