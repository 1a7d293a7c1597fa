/* net_udp.c - UDP sockets of plugins.  Layer: service. */
#include "service/net/net_address.h"

enum {
    DISCARD_AT_ONCE = 64 /* datagrams of others, before a plugin is told that there are none */
};

static void end_udp(berthi_object *object)
{
    const berthi_udp *u = (const berthi_udp *)object;

    if (u->fd >= 0)
        berthi_socket_close(u->fd);
}

static void end_flow(berthi_object *object)
{
    berthi_object_unref(((berthi_udp_flow *)object)->of);
}

static void look_for_datagrams(berthi_object *object, berthi_wait *wait)
{
    wait->fd = ((const berthi_udp_flow *)object)->of->fd;
    wait->for_read = true;
}

static void look_for_room(berthi_object *object, berthi_wait *wait)
{
    wait->fd = ((const berthi_udp_flow *)object)->of->fd;
    wait->for_write = true;
}

const berthi_object_class berthi_udp_class = { "udp socket", sizeof(berthi_udp), end_udp,
                                               NULL };
const berthi_object_class berthi_udp_incoming_class = { "incoming datagrams",
                                                        sizeof(berthi_udp_flow), end_flow,
                                                        look_for_datagrams };
const berthi_object_class berthi_udp_outgoing_class = { "outgoing datagrams",
                                                        sizeof(berthi_udp_flow), end_flow,
                                                        look_for_room };

berthi_code berthi_udp_make(berthi_services *s, bool is_ipv6, berthi_udp **udp_out)
{
    berthi_code code;
    berthi_udp *u;

    if (!berthi_net_is_granted(s))
        return BERTHI_CODE_ACCESS;
    u = berthi_object_make(s, &berthi_udp_class);
    if (u == NULL)
        return berthi_net_no_object(s);
    u->fd = -1;
    u->is_ipv6 = is_ipv6;
    code = berthi_socket_open(false, is_ipv6, &u->fd);
    if (code == BERTHI_CODE_OK)
        *udp_out = u;
    else
        berthi_object_unref(u);
    return code;
}

berthi_code berthi_udp_start_bind(berthi_udp *u, const berthi_address *to)
{
    berthi_code code;

    if (u->is_binding)
        return BERTHI_CODE_ALREADY;
    if (u->is_bound)
        return BERTHI_CODE_IS_CONNECTED;
    code = berthi_net_check_family(to, u->is_ipv6);
    if (code == BERTHI_CODE_OK && !berthi_net_may_bind(u->object.services, to))
        code = BERTHI_CODE_ACCESS;
    if (code == BERTHI_CODE_OK)
        code = berthi_socket_bind(u->fd, to, false);
    u->is_binding = code == BERTHI_CODE_OK;
    return code;
}

berthi_code berthi_udp_finish_bind(berthi_udp *u)
{
    berthi_address at;
    berthi_code code;

    if (!u->is_binding)
        return BERTHI_CODE_NOT_IN_PROGRESS;
    code = berthi_socket_local(u->fd, &at);
    if (code != BERTHI_CODE_OK)
        return code;
    u->is_binding = false;
    u->is_bound = true;
    u->takes_all = berthi_net_may(u->object.services, BERTHI_RIGHT_NET_LISTEN, &at);
    return BERTHI_CODE_OK;
}

/* ---------------------------------------------------------------- flows */

static berthi_code set_peer(berthi_udp *u, const berthi_address *peer)
{
    berthi_code code = BERTHI_CODE_OK;

    if (peer == NULL) {
        if (u->has_peer)
            code = berthi_socket_disconnect(u->fd);
        u->has_peer = u->has_peer && code != BERTHI_CODE_OK;
        return code;
    }
    code = berthi_net_check_family(peer, u->is_ipv6);
    if (code == BERTHI_CODE_OK && (peer->port == 0 || berthi_net_is_unspecified(peer)))
        code = BERTHI_CODE_INVALID;
    if (code == BERTHI_CODE_OK &&
        !berthi_net_may(u->object.services, BERTHI_RIGHT_NET_CONNECT, peer))
        code = BERTHI_CODE_ACCESS;
    if (code == BERTHI_CODE_OK)
        code = berthi_socket_connect(u->fd, peer);
    if (code == BERTHI_CODE_OK) {
        u->has_peer = true;
        u->peer = *peer;
    }
    return code;
}

static berthi_udp_flow *make_flow(berthi_udp *u, const berthi_object_class *class)
{
    berthi_udp_flow *flow = berthi_object_make(u->object.services, class);

    if (flow != NULL)
        flow->of = berthi_object_ref(u);
    return flow;
}

berthi_code berthi_udp_flows(berthi_udp *u, const berthi_address *peer,
                             berthi_udp_flow **incoming_out, berthi_udp_flow **outgoing_out)
{
    berthi_udp_flow *incoming, *outgoing;
    berthi_code code = u->is_bound ? set_peer(u, peer) : BERTHI_CODE_IS_CONNECTED;

    if (code != BERTHI_CODE_OK)
        return code;
    incoming = make_flow(u, &berthi_udp_incoming_class);
    outgoing = incoming == NULL ? NULL : make_flow(u, &berthi_udp_outgoing_class);
    if (outgoing == NULL) {
        code = berthi_net_no_object(u->object.services);
        berthi_object_unref(incoming);
        return code;
    }
    *incoming_out = incoming;
    *outgoing_out = outgoing;
    return BERTHI_CODE_OK;
}

static bool is_peer(const berthi_udp *u, const berthi_address *to)
{
    return u->has_peer && to->size == u->peer.size && to->port == u->peer.port &&
           memcmp(to->bytes, u->peer.bytes, to->size) == 0;
}

static bool may_come_from(const berthi_udp *u, const berthi_address *from)
{
    if (u->has_peer)
        return is_peer(u, from);
    return u->takes_all || berthi_net_may(u->object.services, BERTHI_RIGHT_NET_CONNECT, from);
}

/* The kernel sorts out who is not the peer, but for what came before there was one. */
berthi_code berthi_udp_receive(berthi_udp_flow *incoming, void *data, size_t room,
                               size_t *size_out, berthi_address *from_out)
{
    berthi_udp *u = incoming->of;
    berthi_services *s = u->object.services;

    for (int i = 0; i < DISCARD_AT_ONCE; i++) {
        berthi_code code =
            berthi_grants_are_revoked(s->grants)
                ? BERTHI_CODE_ACCESS
                : berthi_socket_receive_from(u->fd, data, room, size_out, from_out);

        if (code != BERTHI_CODE_OK || may_come_from(u, from_out))
            return code;
        u->discarded++;
    }
    return BERTHI_CODE_WOULD_BLOCK;
}

berthi_code berthi_udp_send(berthi_udp_flow *outgoing, const void *data, size_t size,
                            const berthi_address *to)
{
    berthi_udp *u = outgoing->of;
    berthi_code code = BERTHI_CODE_OK;

    if (berthi_grants_are_revoked(u->object.services->grants))
        return BERTHI_CODE_ACCESS;
    if (to == NULL || is_peer(u, to)) {
        if (!u->has_peer)
            return BERTHI_CODE_INVALID;
        return berthi_socket_send_to(u->fd, data, size, NULL);
    }
    code = berthi_net_check_family(to, u->is_ipv6);
    if (code == BERTHI_CODE_OK &&
        (u->has_peer || to->port == 0 || berthi_net_is_unspecified(to)))
        code = BERTHI_CODE_INVALID;
    if (code == BERTHI_CODE_OK &&
        !berthi_net_may(u->object.services, BERTHI_RIGHT_NET_CONNECT, to))
        code = BERTHI_CODE_ACCESS;
    return code == BERTHI_CODE_OK ? berthi_socket_send_to(u->fd, data, size, to) : code;
}

/* ---------------------------------------------------------------- what it is */

berthi_code berthi_udp_local(const berthi_udp *u, berthi_address *address_out)
{
    return u->is_bound ? berthi_socket_local(u->fd, address_out) : BERTHI_CODE_IS_CONNECTED;
}

berthi_code berthi_udp_remote(const berthi_udp *u, berthi_address *address_out)
{
    if (!u->has_peer)
        return BERTHI_CODE_IS_CONNECTED;
    *address_out = u->peer;
    return BERTHI_CODE_OK;
}

berthi_code berthi_udp_get(const berthi_udp *u, berthi_socket_option option,
                           uint32_t *value_out)
{
    return berthi_socket_get(u->fd, u->is_ipv6, option, value_out);
}

berthi_code berthi_udp_set(berthi_udp *u, berthi_socket_option option, uint64_t value)
{
    return berthi_net_set(u->fd, u->is_ipv6, option, value);
}
