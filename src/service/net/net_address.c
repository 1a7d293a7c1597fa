/* net_address.c - addresses and options of sockets.  Layer: service. */
#include "service/net/net_address.h"

static bool is_zero(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

berthi_code berthi_net_check_family(const berthi_address *a, bool is_ipv6)
{
    bool is_mapped =
        a->size == 16 && is_zero(a->bytes, 10) && a->bytes[10] == 0xff && a->bytes[11] == 0xff;

    return a->size == (is_ipv6 ? 16 : 4) && !is_mapped ? BERTHI_CODE_OK : BERTHI_CODE_INVALID;
}

bool berthi_net_is_unspecified(const berthi_address *a)
{
    return is_zero(a->bytes, a->size);
}

bool berthi_net_may_bind(const berthi_services *s, const berthi_address *to)
{
    return berthi_net_may(s, BERTHI_RIGHT_NET_LISTEN, to) ||
           (to->port == 0 && berthi_net_is_granted(s));
}

/* More than the system knows is as much as it knows. */
berthi_code berthi_net_set(int fd, bool is_ipv6, berthi_socket_option option, uint64_t value)
{
    static const uint32_t most[BERTHI_SOCKET_OPTIONS] = {
        [BERTHI_SOCKET_KEEP_ALIVE] = 1,        [BERTHI_SOCKET_KEEP_IDLE] = 32767,
        [BERTHI_SOCKET_KEEP_INTERVAL] = 32767, [BERTHI_SOCKET_KEEP_COUNT] = 127,
        [BERTHI_SOCKET_HOP_LIMIT] = 255,       [BERTHI_SOCKET_RECEIVE_BUFFER] = 1 << 24,
        [BERTHI_SOCKET_SEND_BUFFER] = 1 << 24,
    };

    if (value == 0 && option != BERTHI_SOCKET_KEEP_ALIVE)
        return BERTHI_CODE_INVALID;
    if (value > most[option])
        value = most[option];
    return berthi_socket_set(fd, is_ipv6, option, (uint32_t)value);
}
