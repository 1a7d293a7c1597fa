/* wasi_udp.c - wasi:sockets/udp and udp-create-socket, over service/net.  Layer: service. */
#include "service/wasi/wasi_sockets.h"

#include "component/run/host_call.h"

enum {
    RECEIVE_AT_ONCE = 16,
    RECEIVE_ROOM = 2 * (BERTHI_NET_DATAGRAM_MAX + 1),
    SEND_AT_ONCE = 16 /* datagrams that one check-send permits */
};

/* The parameters of the table's functions, so that each is written as what it does. */
#define METHOD(name, result_type)                                                              \
    static berth_status name(void *ctx, berthi_wasi_host_udp_udp_socket *self,                 \
                             const berthi_wasi_udp_udp_socket_##name##_args *args,             \
                             result_type *result, berth_host_call *call)

typedef berthi_wasi_result_none_network_error_code none_result;
typedef berthi_wasi_result_u8_network_error_code u8_result;
typedef berthi_wasi_result_u64_network_error_code u64_result;
typedef berthi_wasi_result_network_ip_socket_address_network_error_code address_result;
typedef berthi_wasi_result_tuple_udp_incoming_datagram_stream_udp_outgoing_d_etc flows_result;
typedef berthi_wasi_result_list_udp_incoming_datagram_network_error_code receive_result;

static berthi_udp *udp_of(berthi_wasi_host_udp_udp_socket *self)
{
    return (berthi_udp *)(void *)self;
}

METHOD(start_bind, none_result)
{
    berthi_address to = berthi_wasi_take_address(&args->local_address);

    return berthi_wasi_socket_none(result, berthi_udp_start_bind(udp_of(self), &to));
}

METHOD(finish_bind, none_result)
{
    return berthi_wasi_socket_none(result, berthi_udp_finish_bind(udp_of(self)));
}

METHOD(stream, flows_result)
{
    const berthi_wasi *w = ctx;
    berthi_udp_flow *incoming, *outgoing;
    berthi_address peer = { 0 };
    berth_status status;
    berthi_code code;

    if (args->remote_address.is_some)
        peer = berthi_wasi_take_address(&args->remote_address.some);
    code = berthi_udp_flows(udp_of(self), args->remote_address.is_some ? &peer : NULL,
                            &incoming, &outgoing);
    if (code != BERTHI_CODE_OK)
        BERTHI_SOCKET_ANSWER(result, code);
    status = berthi_wasi_give(call, w->imports.udp_incoming_datagram_stream.kind, incoming,
                              &result->as.ok.f0.handle);
    if (status != BERTH_OK) {
        berthi_object_unref(outgoing);
        return status;
    }
    return berthi_wasi_give(call, w->imports.udp_outgoing_datagram_stream.kind, outgoing,
                            &result->as.ok.f1.handle);
}

METHOD(local_address, address_result)
{
    berthi_address address;
    berthi_code code = berthi_udp_local(udp_of(self), &address);

    return berthi_wasi_socket_address(result, code, &address);
}

METHOD(remote_address, address_result)
{
    berthi_address address;
    berthi_code code = berthi_udp_remote(udp_of(self), &address);

    return berthi_wasi_socket_address(result, code, &address);
}

METHOD(address_family, berthi_wasi_udp_ip_address_family)
{
    *result = udp_of(self)->is_ipv6 ? BERTHI_WASI_NETWORK_IP_ADDRESS_FAMILY_IPV6
                                    : BERTHI_WASI_NETWORK_IP_ADDRESS_FAMILY_IPV4;
    return BERTH_OK;
}

METHOD(subscribe, berthi_wasi_poll_pollable)
{
    return berthi_wasi_give_pollable(ctx, call, self, result);
}

static berth_status create_udp_socket(
    void *ctx, const berthi_wasi_udp_create_socket_create_udp_socket_args *args,
    berthi_wasi_result_udp_udp_socket_network_error_code *result, berth_host_call *call)
{
    const berthi_wasi *w = ctx;
    bool is_ipv6 = args->address_family == BERTHI_WASI_NETWORK_IP_ADDRESS_FAMILY_IPV6;
    berthi_udp *u;
    berthi_code code = berthi_udp_make(berthi_wasi_services(call), is_ipv6, &u);

    if (code != BERTHI_CODE_OK)
        BERTHI_SOCKET_ANSWER(result, code);
    return berthi_wasi_give(call, w->imports.udp_udp_socket.kind, u, &result->as.ok.handle);
}

/* ---------------------------------------------------------------- options */

#define GETTER(name, result_type, option, value_type)                                          \
    METHOD(name, result_type)                                                                  \
    {                                                                                          \
        uint32_t value;                                                                        \
        berthi_code code = berthi_udp_get(udp_of(self), option, &value);                       \
                                                                                               \
        if (code != BERTHI_CODE_OK)                                                            \
            BERTHI_SOCKET_ANSWER(result, code);                                                \
        result->as.ok = (value_type)value;                                                     \
        return BERTH_OK;                                                                       \
    }

#define SETTER(name, option)                                                                   \
    METHOD(name, none_result)                                                                  \
    {                                                                                          \
        return berthi_wasi_socket_none(result,                                                 \
                                       berthi_udp_set(udp_of(self), option, args->value));     \
    }

GETTER(unicast_hop_limit, u8_result, BERTHI_SOCKET_HOP_LIMIT, uint8_t)
SETTER(set_unicast_hop_limit, BERTHI_SOCKET_HOP_LIMIT)
GETTER(receive_buffer_size, u64_result, BERTHI_SOCKET_RECEIVE_BUFFER, uint64_t)
SETTER(set_receive_buffer_size, BERTHI_SOCKET_RECEIVE_BUFFER)
GETTER(send_buffer_size, u64_result, BERTHI_SOCKET_SEND_BUFFER, uint64_t)
SETTER(set_send_buffer_size, BERTHI_SOCKET_SEND_BUFFER)

/* ---------------------------------------------------------------- datagrams */

/* As many as are there and fit, behind each other. */
static berth_status receive(void *ctx, berthi_wasi_host_udp_incoming_datagram_stream *self,
                            const berthi_wasi_udp_incoming_datagram_stream_receive_args *args,
                            receive_result *result, berth_host_call *call)
{
    berthi_udp_flow *flow = (berthi_udp_flow *)(void *)self;
    berthi_wasi_udp_incoming_datagram *given;
    size_t used = 0, count = 0;
    berthi_code code = BERTHI_CODE_OK;
    uint8_t *room;

    if (args->max_results == 0)
        return BERTH_OK;
    given = berth_host_room(call, RECEIVE_AT_ONCE * sizeof *given);
    room = berth_host_room(call, RECEIVE_ROOM);
    if (given == NULL || room == NULL)
        return BERTH_E_NOMEM;
    while (count < RECEIVE_AT_ONCE && count < args->max_results &&
           RECEIVE_ROOM - used >= BERTHI_NET_DATAGRAM_MAX) {
        berthi_address from;
        size_t size;

        code = berthi_udp_receive(flow, room + used, BERTHI_NET_DATAGRAM_MAX, &size, &from);
        if (code != BERTHI_CODE_OK)
            break;
        given[count++] = (berthi_wasi_udp_incoming_datagram){ { room + used, size },
                                                              berthi_wasi_put_address(&from) };
        used += size;
    }
    if (count == 0 && code != BERTHI_CODE_WOULD_BLOCK)
        BERTHI_SOCKET_ANSWER(result, code);
    result->as.ok.data = given;
    result->as.ok.count = count;
    return BERTH_OK;
}

static berth_status incoming_subscribe(
    void *ctx, berthi_wasi_host_udp_incoming_datagram_stream *self,
    const berthi_wasi_udp_incoming_datagram_stream_subscribe_args *args,
    berthi_wasi_poll_pollable *result, berth_host_call *call)
{
    return berthi_wasi_give_pollable(ctx, call, self, result);
}

static berth_status check_send(
    void *ctx, berthi_wasi_host_udp_outgoing_datagram_stream *self,
    const berthi_wasi_udp_outgoing_datagram_stream_check_send_args *args, u64_result *result,
    berth_host_call *call)
{
    berthi_udp_flow *flow = (berthi_udp_flow *)(void *)self;
    berthi_wait wait = berthi_object_look(&flow->object);
    berth_status status =
        berthi_services_wait(flow->object.services, &wait, 1, 0, berthi_host_call_diag(call));

    flow->permit = wait.is_ready ? SEND_AT_ONCE : 0;
    result->as.ok = flow->permit;
    return status;
}

/* How many went; the first that does not go is what it fails with. */
static berth_status send(void *ctx, berthi_wasi_host_udp_outgoing_datagram_stream *self,
                         const berthi_wasi_udp_outgoing_datagram_stream_send_args *args,
                         u64_result *result, berth_host_call *call)
{
    berthi_udp_flow *flow = (berthi_udp_flow *)(void *)self;
    size_t sent = 0;
    berthi_code code = BERTHI_CODE_OK;

    if (args->datagrams.count > flow->permit)
        return berth_host_fail(call, BERTH_E_TRAP,
                               "%zu datagrams, of which check-send permitted %u",
                               args->datagrams.count, flow->permit);
    while (sent < args->datagrams.count) {
        const berthi_wasi_udp_outgoing_datagram *d = &args->datagrams.data[sent];
        berthi_address to = { 0 };

        if (d->remote_address.is_some)
            to = berthi_wasi_take_address(&d->remote_address.some);
        code = berthi_udp_send(flow, d->data.data, d->data.count,
                               d->remote_address.is_some ? &to : NULL);
        if (code != BERTHI_CODE_OK)
            break;
        sent++;
    }
    flow->permit -= (uint32_t)sent;
    if (sent == 0 && code != BERTHI_CODE_OK && code != BERTHI_CODE_WOULD_BLOCK)
        BERTHI_SOCKET_ANSWER(result, code);
    result->as.ok = sent;
    return BERTH_OK;
}

static berth_status outgoing_subscribe(
    void *ctx, berthi_wasi_host_udp_outgoing_datagram_stream *self,
    const berthi_wasi_udp_outgoing_datagram_stream_subscribe_args *args,
    berthi_wasi_poll_pollable *result, berth_host_call *call)
{
    return berthi_wasi_give_pollable(ctx, call, self, result);
}

void berthi_wasi_fill_udp(berthi_wasi_imports *imports)
{
#define FILL(name) imports->udp_udp_socket_##name = name
    imports->udp_udp_socket.destroy = berthi_object_unref;
    imports->udp_incoming_datagram_stream.destroy = berthi_object_unref;
    imports->udp_outgoing_datagram_stream.destroy = berthi_object_unref;
    imports->udp_create_socket_create_udp_socket = create_udp_socket;
    FILL(start_bind);
    FILL(finish_bind);
    FILL(stream);
    FILL(local_address);
    FILL(remote_address);
    FILL(address_family);
    FILL(unicast_hop_limit);
    FILL(set_unicast_hop_limit);
    FILL(receive_buffer_size);
    FILL(set_receive_buffer_size);
    FILL(send_buffer_size);
    FILL(set_send_buffer_size);
    FILL(subscribe);
#undef FILL
    imports->udp_incoming_datagram_stream_receive = receive;
    imports->udp_incoming_datagram_stream_subscribe = incoming_subscribe;
    imports->udp_outgoing_datagram_stream_check_send = check_send;
    imports->udp_outgoing_datagram_stream_send = send;
    imports->udp_outgoing_datagram_stream_subscribe = outgoing_subscribe;
}
