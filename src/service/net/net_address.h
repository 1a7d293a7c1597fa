/* service/net/net_address.h - what TCP and UDP ask about addresses and options.  Layer: service. */
#ifndef BERTHI_SERVICE_NET_ADDRESS_H
#define BERTHI_SERVICE_NET_ADDRESS_H

#include "service/net/net.h"

/* Why berthi_object_make() answered NULL. */
static inline berthi_code berthi_net_no_object(const berthi_services *s)
{
    return s->objects >= s->objects_max ? BERTHI_CODE_TOO_MANY_OPEN : BERTHI_CODE_NO_MEMORY;
}

/* INVALID: another family than the socket's, or an IPv4 address in the clothes of an IPv6 one. */
berthi_code berthi_net_check_family(const berthi_address *a, bool is_ipv6);
bool berthi_net_is_unspecified(const berthi_address *a);
/* Listening there; a port that the system chooses may be bound to by who may connect, too. */
bool berthi_net_may_bind(const berthi_services *s, const berthi_address *to);
berthi_code berthi_net_set(int fd, bool is_ipv6, berthi_socket_option option, uint64_t value);

#endif
