/* wasi_sockets.c - wasi:sockets: network, instance-network, ip-name-lookup.  Layer: service.
 *
 * A network is a word for the instance's grants: it holds nothing, and every one is the same. */
#include "service/wasi/wasi_sockets.h"

berthi_wasi_network_error_code berthi_wasi_socket_error(berthi_code code)
{
    static const berthi_wasi_network_error_code errors[BERTHI_CODE_COUNT] = {
#define X(name, preview1, file, socket)                                                        \
    [BERTHI_CODE_##name] = BERTHI_WASI_NETWORK_ERROR_CODE_##socket,
        BERTHI_CODES(X)
#undef X
            [BERTHI_CODE_CLOSED] = BERTHI_WASI_NETWORK_ERROR_CODE_CONNECTION_RESET
    };

    return errors[code];
}

berth_status berthi_wasi_socket_none(berthi_wasi_result_none_network_error_code *result,
                                     berthi_code code)
{
    if (code != BERTHI_CODE_OK)
        BERTHI_SOCKET_ANSWER(result, code);
    return BERTH_OK;
}

berth_status berthi_wasi_socket_address(
    berthi_wasi_result_network_ip_socket_address_network_error_code *result, berthi_code code,
    const berthi_address *address)
{
    if (code != BERTHI_CODE_OK)
        BERTHI_SOCKET_ANSWER(result, code);
    result->as.ok = berthi_wasi_put_address(address);
    return BERTH_OK;
}

berth_status berthi_wasi_give_pollable(const berthi_wasi *w, berth_host_call *call,
                                       void *object, berthi_wasi_poll_pollable *result)
{
    return berthi_wasi_give(call, w->imports.poll_pollable.kind, berthi_pollable_of(object),
                            &result->handle);
}

/* ---------------------------------------------------------------- addresses */

static void take_v6(const berthi_wasi_network_ipv6_address *from, uint8_t bytes[16])
{
    const uint16_t words[] = { from->f0, from->f1, from->f2, from->f3,
                               from->f4, from->f5, from->f6, from->f7 };

    for (size_t i = 0; i < 8; i++) {
        bytes[2 * i] = (uint8_t)(words[i] >> 8);
        bytes[2 * i + 1] = (uint8_t)words[i];
    }
}

static berthi_wasi_network_ipv6_address put_v6(const uint8_t bytes[16])
{
    uint16_t words[8];

    for (size_t i = 0; i < 8; i++)
        words[i] = (uint16_t)(bytes[2 * i] << 8 | bytes[2 * i + 1]);
    return (berthi_wasi_network_ipv6_address){ words[0], words[1], words[2], words[3],
                                               words[4], words[5], words[6], words[7] };
}

static berthi_wasi_network_ipv4_address put_v4(const uint8_t bytes[4])
{
    return (berthi_wasi_network_ipv4_address){ bytes[0], bytes[1], bytes[2], bytes[3] };
}

berthi_address berthi_wasi_take_address(const berthi_wasi_network_ip_socket_address *from)
{
    berthi_address to = { 0 };

    if (from->tag == BERTHI_WASI_NETWORK_IP_SOCKET_ADDRESS_IPV4) {
        const berthi_wasi_network_ipv4_socket_address *v4 = &from->as.ipv4;

        to.size = 4;
        to.port = v4->port;
        memcpy(
            to.bytes,
            (const uint8_t[]){ v4->address.f0, v4->address.f1, v4->address.f2, v4->address.f3 },
            4);
        return to;
    }
    to.size = 16;
    to.port = from->as.ipv6.port;
    to.flow = from->as.ipv6.flow_info;
    to.scope = from->as.ipv6.scope_id;
    take_v6(&from->as.ipv6.address, to.bytes);
    return to;
}

berthi_wasi_network_ip_socket_address berthi_wasi_put_address(const berthi_address *from)
{
    berthi_wasi_network_ip_socket_address to = { 0 };

    if (from->size == 4) {
        to.tag = BERTHI_WASI_NETWORK_IP_SOCKET_ADDRESS_IPV4;
        to.as.ipv4.port = from->port;
        to.as.ipv4.address = put_v4(from->bytes);
        return to;
    }
    to.tag = BERTHI_WASI_NETWORK_IP_SOCKET_ADDRESS_IPV6;
    to.as.ipv6.port = from->port;
    to.as.ipv6.flow_info = from->flow;
    to.as.ipv6.scope_id = from->scope;
    to.as.ipv6.address = put_v6(from->bytes);
    return to;
}

static berthi_wasi_network_ip_address put_ip(const berthi_address *from)
{
    berthi_wasi_network_ip_address to = { 0 };

    if (from->size == 4) {
        to.tag = BERTHI_WASI_NETWORK_IP_ADDRESS_IPV4;
        to.as.ipv4 = put_v4(from->bytes);
    } else {
        to.tag = BERTHI_WASI_NETWORK_IP_ADDRESS_IPV6;
        to.as.ipv6 = put_v6(from->bytes);
    }
    return to;
}

/* ---------------------------------------------------------------- networks, names */

static const berthi_object_class network_class = { "network", sizeof(berthi_object), NULL,
                                                   NULL };

static berth_status instance_network(void *ctx, const void *args,
                                     berthi_wasi_network_network *result, berth_host_call *call)
{
    const berthi_wasi *w = ctx;

    return berthi_wasi_give(call, w->imports.network_network.kind,
                            berthi_object_make(berthi_wasi_services(call), &network_class),
                            &result->handle);
}

static berth_status resolve_addresses(
    void *ctx, const berthi_wasi_ip_name_lookup_resolve_addresses_args *args,
    berthi_wasi_result_ip_name_lookup_resolve_address_stream_network_err_etc *result,
    berth_host_call *call)
{
    const berthi_wasi *w = ctx;
    berthi_lookup *lookup;
    berthi_code code = berthi_lookup_start(berthi_wasi_services(call), args->name.text,
                                           args->name.size, &lookup);

    if (code != BERTHI_CODE_OK)
        BERTHI_SOCKET_ANSWER(result, code);
    return berthi_wasi_give(call, w->imports.ip_name_lookup_resolve_address_stream.kind, lookup,
                            &result->as.ok.handle);
}

static berth_status resolve_next(
    void *ctx, berthi_wasi_host_ip_name_lookup_resolve_address_stream *self,
    const berthi_wasi_ip_name_lookup_resolve_address_stream_resolve_next_address_args *args,
    berthi_wasi_result_option_network_ip_address_network_error_code *result,
    berth_host_call *call)
{
    berthi_address address;
    bool some = false;
    berthi_code code = berthi_lookup_next((berthi_lookup *)(void *)self, &address, &some);

    if (code != BERTHI_CODE_OK)
        BERTHI_SOCKET_ANSWER(result, code);
    result->as.ok.is_some = some;
    if (some)
        result->as.ok.some = put_ip(&address);
    return BERTH_OK;
}

static berth_status resolve_subscribe(
    void *ctx, berthi_wasi_host_ip_name_lookup_resolve_address_stream *self,
    const berthi_wasi_ip_name_lookup_resolve_address_stream_subscribe_args *args,
    berthi_wasi_poll_pollable *result, berth_host_call *call)
{
    return berthi_wasi_give_pollable(ctx, call, self, result);
}

void berthi_wasi_fill_sockets(berthi_wasi_imports *imports)
{
    imports->network_network.destroy = berthi_object_unref;
    imports->instance_network_instance_network = instance_network;
    imports->ip_name_lookup_resolve_address_stream.destroy = berthi_object_unref;
    imports->ip_name_lookup_resolve_address_stream_resolve_next_address = resolve_next;
    imports->ip_name_lookup_resolve_address_stream_subscribe = resolve_subscribe;
    imports->ip_name_lookup_resolve_addresses = resolve_addresses;
    berthi_wasi_fill_tcp(imports);
    berthi_wasi_fill_udp(imports);
}
