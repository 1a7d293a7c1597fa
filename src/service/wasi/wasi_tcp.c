/* wasi_tcp.c - wasi:sockets/tcp and tcp-create-socket, over service/net.  Layer: service. */
#include "service/wasi/wasi_sockets.h"

/* The parameters of the table's functions, so that each is written as what it does. */
#define METHOD(name, result_type)                                                              \
    static berth_status name(void *ctx, berthi_wasi_host_tcp_tcp_socket *self,                 \
                             const berthi_wasi_tcp_tcp_socket_##name##_args *args,             \
                             result_type *result, berth_host_call *call)

typedef berthi_wasi_result_none_network_error_code none_result;
typedef berthi_wasi_result_bool_network_error_code bool_result;
typedef berthi_wasi_result_u8_network_error_code u8_result;
typedef berthi_wasi_result_u32_network_error_code u32_result;
typedef berthi_wasi_result_u64_network_error_code u64_result;
typedef berthi_wasi_result_network_ip_socket_address_network_error_code address_result;
typedef berthi_wasi_result_tuple_streams_input_stream_streams_output_stream__etc connect_result;
typedef berthi_wasi_result_tuple_tcp_tcp_socket_streams_input_stream_streams_etc accept_result;

static berthi_tcp *tcp_of(berthi_wasi_host_tcp_tcp_socket *self)
{
    return (berthi_tcp *)(void *)self;
}

/* ---------------------------------------------------------------- connections */

METHOD(start_bind, none_result)
{
    berthi_address to = berthi_wasi_take_address(&args->local_address);

    return berthi_wasi_socket_none(result, berthi_tcp_start_bind(tcp_of(self), &to));
}

METHOD(finish_bind, none_result)
{
    return berthi_wasi_socket_none(result, berthi_tcp_finish_bind(tcp_of(self)));
}

METHOD(start_connect, none_result)
{
    berthi_address to = berthi_wasi_take_address(&args->remote_address);

    return berthi_wasi_socket_none(result, berthi_tcp_start_connect(tcp_of(self), &to));
}

/* Takes both, whatever comes of it. */
static berth_status give_streams(const berthi_wasi *w, berth_host_call *call, berthi_input *in,
                                 berthi_output *out, berthi_wasi_streams_input_stream *in_out,
                                 berthi_wasi_streams_output_stream *out_out)
{
    berth_status status =
        berthi_wasi_give(call, w->imports.streams_input_stream.kind, in, &in_out->handle);

    if (status != BERTH_OK) {
        berthi_object_unref(out);
        return status;
    }
    return berthi_wasi_give(call, w->imports.streams_output_stream.kind, out, &out_out->handle);
}

METHOD(finish_connect, connect_result)
{
    berthi_input *in;
    berthi_output *out;
    berthi_code code = berthi_tcp_finish_connect(tcp_of(self), &in, &out);

    if (code != BERTHI_CODE_OK)
        BERTHI_SOCKET_ANSWER(result, code);
    return give_streams(ctx, call, in, out, &result->as.ok.f0, &result->as.ok.f1);
}

METHOD(start_listen, none_result)
{
    return berthi_wasi_socket_none(result, berthi_tcp_start_listen(tcp_of(self)));
}

METHOD(finish_listen, none_result)
{
    return berthi_wasi_socket_none(result, berthi_tcp_finish_listen(tcp_of(self)));
}

METHOD(accept, accept_result)
{
    const berthi_wasi *w = ctx;
    berthi_tcp *peer;
    berthi_input *in;
    berthi_output *out;
    berth_status status;
    berthi_code code = berthi_tcp_accept(tcp_of(self), &peer, &in, &out);

    if (code != BERTHI_CODE_OK)
        BERTHI_SOCKET_ANSWER(result, code);
    status =
        berthi_wasi_give(call, w->imports.tcp_tcp_socket.kind, peer, &result->as.ok.f0.handle);
    if (status != BERTH_OK) {
        berthi_object_unref(in);
        berthi_object_unref(out);
        return status;
    }
    return give_streams(w, call, in, out, &result->as.ok.f1, &result->as.ok.f2);
}

METHOD(shutdown, none_result)
{
    bool receives = args->shutdown_type != BERTHI_WASI_TCP_SHUTDOWN_TYPE_SEND;
    bool sends = args->shutdown_type != BERTHI_WASI_TCP_SHUTDOWN_TYPE_RECEIVE;

    return berthi_wasi_socket_none(result, berthi_tcp_shut(tcp_of(self), receives, sends));
}

METHOD(subscribe, berthi_wasi_poll_pollable)
{
    return berthi_wasi_give_pollable(ctx, call, self, result);
}

static berth_status create_tcp_socket(
    void *ctx, const berthi_wasi_tcp_create_socket_create_tcp_socket_args *args,
    berthi_wasi_result_tcp_tcp_socket_network_error_code *result, berth_host_call *call)
{
    const berthi_wasi *w = ctx;
    bool is_ipv6 = args->address_family == BERTHI_WASI_NETWORK_IP_ADDRESS_FAMILY_IPV6;
    berthi_tcp *t;
    berthi_code code = berthi_tcp_make(berthi_wasi_services(call), is_ipv6, &t);

    if (code != BERTHI_CODE_OK)
        BERTHI_SOCKET_ANSWER(result, code);
    return berthi_wasi_give(call, w->imports.tcp_tcp_socket.kind, t, &result->as.ok.handle);
}

/* ---------------------------------------------------------------- what it is */

METHOD(local_address, address_result)
{
    berthi_address address;
    berthi_code code = berthi_tcp_local(tcp_of(self), &address);

    return berthi_wasi_socket_address(result, code, &address);
}

METHOD(remote_address, address_result)
{
    berthi_address address;
    berthi_code code = berthi_tcp_remote(tcp_of(self), &address);

    return berthi_wasi_socket_address(result, code, &address);
}

METHOD(is_listening, uint8_t)
{
    *result = tcp_of(self)->state == BERTHI_TCP_LISTENING;
    return BERTH_OK;
}

METHOD(address_family, berthi_wasi_tcp_ip_address_family)
{
    *result = tcp_of(self)->is_ipv6 ? BERTHI_WASI_NETWORK_IP_ADDRESS_FAMILY_IPV6
                                    : BERTHI_WASI_NETWORK_IP_ADDRESS_FAMILY_IPV4;
    return BERTH_OK;
}

METHOD(set_listen_backlog_size, none_result)
{
    return berthi_wasi_socket_none(result, berthi_tcp_set_backlog(tcp_of(self), args->value));
}

/* ---------------------------------------------------------------- options */

/* A function that reads one into the result's `ok`, `scale` for one of the system's. */
#define GETTER(name, result_type, option, value_type, scale)                                   \
    METHOD(name, result_type)                                                                  \
    {                                                                                          \
        uint32_t value;                                                                        \
        berthi_code code = berthi_tcp_get(tcp_of(self), option, &value);                       \
                                                                                               \
        if (code != BERTHI_CODE_OK)                                                            \
            BERTHI_SOCKET_ANSWER(result, code);                                                \
        result->as.ok = (value_type)((value_type)value * (value_type)(scale));                 \
        return BERTH_OK;                                                                       \
    }

/* Rounded up, so that nothing that is asked for comes to nothing. */
#define SETTER(name, option, scale)                                                            \
    METHOD(name, none_result)                                                                  \
    {                                                                                          \
        uint64_t value = args->value / (scale) + (args->value % (scale) != 0);                 \
                                                                                               \
        return berthi_wasi_socket_none(result, berthi_tcp_set(tcp_of(self), option, value));   \
    }

GETTER(keep_alive_enabled, bool_result, BERTHI_SOCKET_KEEP_ALIVE, uint8_t, 1)
SETTER(set_keep_alive_enabled, BERTHI_SOCKET_KEEP_ALIVE, 1u)
GETTER(keep_alive_idle_time, u64_result, BERTHI_SOCKET_KEEP_IDLE, uint64_t, BERTHI_NS_PER_S)
SETTER(set_keep_alive_idle_time, BERTHI_SOCKET_KEEP_IDLE, BERTHI_NS_PER_S)
GETTER(keep_alive_interval, u64_result, BERTHI_SOCKET_KEEP_INTERVAL, uint64_t, BERTHI_NS_PER_S)
SETTER(set_keep_alive_interval, BERTHI_SOCKET_KEEP_INTERVAL, BERTHI_NS_PER_S)
GETTER(keep_alive_count, u32_result, BERTHI_SOCKET_KEEP_COUNT, uint32_t, 1)
SETTER(set_keep_alive_count, BERTHI_SOCKET_KEEP_COUNT, 1u)
GETTER(hop_limit, u8_result, BERTHI_SOCKET_HOP_LIMIT, uint8_t, 1)
SETTER(set_hop_limit, BERTHI_SOCKET_HOP_LIMIT, 1u)
GETTER(receive_buffer_size, u64_result, BERTHI_SOCKET_RECEIVE_BUFFER, uint64_t, 1)
SETTER(set_receive_buffer_size, BERTHI_SOCKET_RECEIVE_BUFFER, 1u)
GETTER(send_buffer_size, u64_result, BERTHI_SOCKET_SEND_BUFFER, uint64_t, 1)
SETTER(set_send_buffer_size, BERTHI_SOCKET_SEND_BUFFER, 1u)

void berthi_wasi_fill_tcp(berthi_wasi_imports *imports)
{
#define FILL(name) imports->tcp_tcp_socket_##name = name
    imports->tcp_tcp_socket.destroy = berthi_object_unref;
    imports->tcp_create_socket_create_tcp_socket = create_tcp_socket;
    FILL(start_bind);
    FILL(finish_bind);
    FILL(start_connect);
    FILL(finish_connect);
    FILL(start_listen);
    FILL(finish_listen);
    FILL(accept);
    FILL(local_address);
    FILL(remote_address);
    FILL(is_listening);
    FILL(address_family);
    FILL(set_listen_backlog_size);
    FILL(keep_alive_enabled);
    FILL(set_keep_alive_enabled);
    FILL(keep_alive_idle_time);
    FILL(set_keep_alive_idle_time);
    FILL(keep_alive_interval);
    FILL(set_keep_alive_interval);
    FILL(keep_alive_count);
    FILL(set_keep_alive_count);
    FILL(hop_limit);
    FILL(set_hop_limit);
    FILL(receive_buffer_size);
    FILL(set_receive_buffer_size);
    FILL(send_buffer_size);
    FILL(set_send_buffer_size);
    FILL(subscribe);
    FILL(shutdown);
#undef FILL
}
