/* net_tcp.c - TCP sockets of plugins.  Layer: service. */
#include "service/net/net_address.h"

enum { BACKLOG = 128, WRITE_AT_ONCE = 65536 };

static void end_tcp(berthi_object *object)
{
    const berthi_tcp *t = (const berthi_tcp *)object;

    if (t->fd >= 0)
        berthi_socket_close(t->fd);
}

static void look_at_tcp(berthi_object *object, berthi_wait *wait)
{
    const berthi_tcp *t = (const berthi_tcp *)object;

    wait->for_read = t->state == BERTHI_TCP_LISTENING;
    wait->for_write = t->state == BERTHI_TCP_CONNECTING;
    wait->is_ready = !wait->for_read && !wait->for_write;
    if (!wait->is_ready)
        wait->fd = t->fd;
}

const berthi_object_class berthi_tcp_class = { "tcp socket", sizeof(berthi_tcp), end_tcp,
                                               look_at_tcp };

static berthi_code make_around(berthi_services *s, bool is_ipv6, berthi_tcp **tcp_out)
{
    berthi_tcp *t = berthi_object_make(s, &berthi_tcp_class);

    if (t == NULL)
        return berthi_net_no_object(s);
    t->fd = -1;
    t->is_ipv6 = is_ipv6;
    t->backlog = BACKLOG;
    *tcp_out = t;
    return BERTHI_CODE_OK;
}

berthi_code berthi_tcp_make(berthi_services *s, bool is_ipv6, berthi_tcp **tcp_out)
{
    berthi_tcp *t;
    berthi_code code =
        berthi_net_is_granted(s) ? make_around(s, is_ipv6, &t) : BERTHI_CODE_ACCESS;

    if (code != BERTHI_CODE_OK)
        return code;
    code = berthi_socket_open(true, is_ipv6, &t->fd);
    if (code == BERTHI_CODE_OK)
        *tcp_out = t;
    else
        berthi_object_unref(t);
    return code;
}

/* ---------------------------------------------------------------- binding, connecting */

berthi_code berthi_tcp_start_bind(berthi_tcp *t, const berthi_address *to)
{
    berthi_code code;

    if (t->state != BERTHI_TCP_UNBOUND)
        return t->state == BERTHI_TCP_BINDING ? BERTHI_CODE_ALREADY : BERTHI_CODE_IS_CONNECTED;
    code = berthi_net_check_family(to, t->is_ipv6);
    if (code == BERTHI_CODE_OK && !berthi_net_may_bind(t->object.services, to))
        code = BERTHI_CODE_ACCESS;
    if (code == BERTHI_CODE_OK)
        code = berthi_socket_bind(t->fd, to, true);
    if (code == BERTHI_CODE_OK)
        t->state = BERTHI_TCP_BINDING;
    return code;
}

berthi_code berthi_tcp_finish_bind(berthi_tcp *t)
{
    if (t->state != BERTHI_TCP_BINDING)
        return BERTHI_CODE_NOT_IN_PROGRESS;
    t->state = BERTHI_TCP_BOUND;
    return BERTHI_CODE_OK;
}

berthi_code berthi_tcp_start_connect(berthi_tcp *t, const berthi_address *to)
{
    berthi_code code;

    if (t->state == BERTHI_TCP_CONNECTING || t->state == BERTHI_TCP_BINDING)
        return BERTHI_CODE_ALREADY;
    if (t->state != BERTHI_TCP_UNBOUND && t->state != BERTHI_TCP_BOUND)
        return BERTHI_CODE_IS_CONNECTED;
    code = berthi_net_check_family(to, t->is_ipv6);
    if (code == BERTHI_CODE_OK && (to->port == 0 || berthi_net_is_unspecified(to)))
        code = BERTHI_CODE_INVALID;
    if (code == BERTHI_CODE_OK &&
        !berthi_net_may(t->object.services, BERTHI_RIGHT_NET_CONNECT, to))
        code = BERTHI_CODE_ACCESS;
    if (code != BERTHI_CODE_OK)
        return code;
    code = berthi_socket_connect(t->fd, to);
    if (code != BERTHI_CODE_OK && code != BERTHI_CODE_WOULD_BLOCK) {
        t->state = BERTHI_TCP_FAILED;
        return code;
    }
    t->state = BERTHI_TCP_CONNECTING;
    return BERTHI_CODE_OK;
}

berthi_code berthi_tcp_finish_connect(berthi_tcp *t, berthi_input **input_out,
                                      berthi_output **output_out)
{
    berthi_code code;

    if (t->state != BERTHI_TCP_CONNECTING)
        return BERTHI_CODE_NOT_IN_PROGRESS;
    if (berthi_grants_are_revoked(t->object.services->grants))
        return BERTHI_CODE_ACCESS;
    code = berthi_socket_connected(t->fd);
    if (code == BERTHI_CODE_WOULD_BLOCK)
        return code;
    if (code == BERTHI_CODE_OK)
        code = berthi_tcp_streams(t, input_out, output_out);
    t->state = code == BERTHI_CODE_OK ? BERTHI_TCP_CONNECTED : BERTHI_TCP_FAILED;
    return code;
}

/* ---------------------------------------------------------------- listening */

berthi_code berthi_tcp_start_listen(berthi_tcp *t)
{
    berthi_address at;
    berthi_code code;

    if (t->state == BERTHI_TCP_STARTING || t->state == BERTHI_TCP_BINDING)
        return BERTHI_CODE_ALREADY;
    if (t->state != BERTHI_TCP_BOUND)
        return BERTHI_CODE_IS_CONNECTED;
    code = berthi_socket_local(t->fd, &at);
    /* The system chose the port: what was granted may be any port, or this one. */
    if (code == BERTHI_CODE_OK &&
        !berthi_net_may(t->object.services, BERTHI_RIGHT_NET_LISTEN, &at))
        code = BERTHI_CODE_ACCESS;
    if (code == BERTHI_CODE_OK)
        code = berthi_socket_listen(t->fd, t->backlog);
    if (code == BERTHI_CODE_OK)
        t->state = BERTHI_TCP_STARTING;
    return code;
}

berthi_code berthi_tcp_finish_listen(berthi_tcp *t)
{
    if (t->state != BERTHI_TCP_STARTING)
        return BERTHI_CODE_NOT_IN_PROGRESS;
    t->state = BERTHI_TCP_LISTENING;
    return BERTHI_CODE_OK;
}

berthi_code berthi_tcp_accept(berthi_tcp *t, berthi_tcp **peer_out, berthi_input **input_out,
                              berthi_output **output_out)
{
    berthi_services *s = t->object.services;
    berthi_address from;
    berthi_tcp *peer;
    berthi_code code;

    if (t->state != BERTHI_TCP_LISTENING)
        return BERTHI_CODE_IS_CONNECTED;
    if (berthi_grants_are_revoked(s->grants))
        return BERTHI_CODE_ACCESS;
    code = make_around(s, t->is_ipv6, &peer); /* before somebody is taken out of the queue */
    if (code != BERTHI_CODE_OK)
        return code;
    code = berthi_socket_accept(t->fd, &peer->fd, &from);
    if (code == BERTHI_CODE_OK)
        code = berthi_tcp_streams(peer, input_out, output_out);
    if (code != BERTHI_CODE_OK) {
        berthi_object_unref(peer);
        return code;
    }
    peer->state = BERTHI_TCP_CONNECTED;
    *peer_out = peer;
    return BERTHI_CODE_OK;
}

/* ---------------------------------------------------------------- what it is */

berthi_code berthi_tcp_local(const berthi_tcp *t, berthi_address *address_out)
{
    if (t->state == BERTHI_TCP_UNBOUND || t->state == BERTHI_TCP_BINDING ||
        t->state == BERTHI_TCP_FAILED)
        return BERTHI_CODE_IS_CONNECTED;
    return berthi_socket_local(t->fd, address_out);
}

berthi_code berthi_tcp_remote(const berthi_tcp *t, berthi_address *address_out)
{
    if (t->state != BERTHI_TCP_CONNECTED)
        return BERTHI_CODE_IS_CONNECTED;
    return berthi_socket_remote(t->fd, address_out);
}

berthi_code berthi_tcp_set_backlog(berthi_tcp *t, uint64_t backlog)
{
    if (backlog == 0)
        return BERTHI_CODE_INVALID;
    if (t->state == BERTHI_TCP_CONNECTING || t->state == BERTHI_TCP_CONNECTED ||
        t->state == BERTHI_TCP_FAILED)
        return BERTHI_CODE_IS_CONNECTED;
    t->backlog = backlog > INT32_MAX ? INT32_MAX : (uint32_t)backlog;
    return t->state == BERTHI_TCP_LISTENING ? berthi_socket_listen(t->fd, t->backlog)
                                            : BERTHI_CODE_OK;
}

berthi_code berthi_tcp_shut(berthi_tcp *t, bool receives, bool sends)
{
    if (t->state != BERTHI_TCP_CONNECTED)
        return BERTHI_CODE_IS_CONNECTED;
    return berthi_socket_shut(t->fd, receives, sends);
}

berthi_code berthi_tcp_get(const berthi_tcp *t, berthi_socket_option option,
                           uint32_t *value_out)
{
    return berthi_socket_get(t->fd, t->is_ipv6, option, value_out);
}

berthi_code berthi_tcp_set(berthi_tcp *t, berthi_socket_option option, uint64_t value)
{
    return berthi_net_set(t->fd, t->is_ipv6, option, value);
}

/* ---------------------------------------------------------------- streams */

typedef struct tcp_input {
    berthi_input in;
    berthi_tcp *of; /* one reference */
} tcp_input;

typedef struct tcp_output {
    berthi_output out;
    berthi_tcp *of;           /* one reference */
    uint8_t *left;            /* WRITE_AT_ONCE bytes of room, once it was needed */
    size_t left_at, left_end; /* what the system did not take yet */
} tcp_output;

static void end_tcp_input(berthi_object *object)
{
    berthi_object_unref(((tcp_input *)object)->of);
}

static void look_at_input(berthi_object *object, berthi_wait *wait)
{
    wait->fd = ((const tcp_input *)object)->of->fd;
    wait->for_read = true;
}

static berthi_code receive(berthi_input *in, void *to, size_t *size_io)
{
    const berthi_tcp *t = ((const tcp_input *)in)->of;
    size_t done;
    berthi_code code = berthi_grants_are_revoked(t->object.services->grants)
                           ? BERTHI_CODE_ACCESS
                           : berthi_socket_receive(t->fd, to, *size_io, &done);

    if (code != BERTHI_CODE_OK)
        return code;
    if (done == 0)
        return BERTHI_CODE_CLOSED;
    *size_io = done;
    return BERTHI_CODE_OK;
}

static bool has_left(const tcp_output *o)
{
    return o->left_at < o->left_end;
}

/* Sends what is left; WOULD_BLOCK as long as there is some. */
static berthi_code send_left(tcp_output *o)
{
    size_t done;
    berthi_code code = berthi_grants_are_revoked(o->of->object.services->grants)
                           ? BERTHI_CODE_ACCESS
                           : BERTHI_CODE_OK;

    while (code == BERTHI_CODE_OK && has_left(o)) {
        code = berthi_socket_send(o->of->fd, o->left + o->left_at, o->left_end - o->left_at,
                                  &done);
        if (code == BERTHI_CODE_OK)
            o->left_at += done;
    }
    return code;
}

static void end_tcp_output(berthi_object *object)
{
    tcp_output *o = (tcp_output *)object;

    if (has_left(o) && send_left(o) != BERTHI_CODE_OK)
        berthi_socket_reset_when_closed(o->of->fd);
    berthi_free(object->services->allocator, o->left, WRITE_AT_ONCE);
    berthi_object_unref(o->of);
}

static void look_at_output(berthi_object *object, berthi_wait *wait)
{
    wait->fd = ((const tcp_output *)object)->of->fd;
    wait->for_write = true;
}

/* A connection that the peer ended is `closed`, as an input's end is. */
static berthi_code output_code(berthi_code code)
{
    return code == BERTHI_CODE_PIPE ? BERTHI_CODE_CLOSED : code;
}

static berthi_code check_room(berthi_output *out, size_t *room_out)
{
    berthi_code code = send_left((tcp_output *)out);

    if (code != BERTHI_CODE_OK && code != BERTHI_CODE_WOULD_BLOCK)
        return output_code(code);
    *room_out = code == BERTHI_CODE_OK ? WRITE_AT_ONCE : 0;
    return BERTHI_CODE_OK;
}

static berthi_code keep_left(tcp_output *o, const uint8_t *from, size_t size)
{
    if (o->left == NULL)
        o->left = berthi_alloc(o->out.object.services->allocator, WRITE_AT_ONCE);
    if (o->left == NULL)
        return BERTHI_CODE_NO_MEMORY;
    memcpy(o->left, from, size);
    o->left_at = 0;
    o->left_end = size;
    return BERTHI_CODE_OK;
}

static berthi_code send_out(berthi_output *out, const void *from, size_t size)
{
    tcp_output *o = (tcp_output *)out;
    const uint8_t *at = from;
    size_t done;
    berthi_code code = send_left(o);

    if (size > WRITE_AT_ONCE || (code == BERTHI_CODE_WOULD_BLOCK && size > 0))
        return BERTHI_CODE_INVALID; /* more than check() said */
    while (code == BERTHI_CODE_OK && size > 0) {
        code = berthi_socket_send(o->of->fd, at, size, &done);
        if (code == BERTHI_CODE_OK) {
            at += done;
            size -= done;
        }
    }
    return code == BERTHI_CODE_WOULD_BLOCK ? keep_left(o, at, size) : output_code(code);
}

static berthi_code flush_out(berthi_output *out)
{
    berthi_code code = send_left((tcp_output *)out);

    return code == BERTHI_CODE_WOULD_BLOCK ? BERTHI_CODE_OK : output_code(code);
}

static const berthi_object_class input_class = { "tcp input", sizeof(tcp_input), end_tcp_input,
                                                 look_at_input };
static const berthi_object_class output_class = { "tcp output", sizeof(tcp_output),
                                                  end_tcp_output, look_at_output };
static const berthi_input_ops input_ops = { receive, NULL };
static const berthi_output_ops output_ops = { check_room, send_out, flush_out };

berthi_code berthi_tcp_streams(berthi_tcp *t, berthi_input **input_out,
                               berthi_output **output_out)
{
    berthi_services *s = t->object.services;
    tcp_input *i = berthi_object_make(s, &input_class);
    tcp_output *o = i == NULL ? NULL : berthi_object_make(s, &output_class);
    berthi_code code = BERTHI_CODE_OK;

    if (o == NULL)
        code = berthi_net_no_object(s);
    if (i != NULL) {
        i->in.ops = &input_ops;
        i->of = berthi_object_ref(t);
    }
    if (code != BERTHI_CODE_OK) {
        berthi_object_unref(i);
        return code;
    }
    o->out.ops = &output_ops;
    o->of = berthi_object_ref(t);
    *input_out = &i->in;
    *output_out = &o->out;
    return BERTHI_CODE_OK;
}
