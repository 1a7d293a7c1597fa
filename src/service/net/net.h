/* service/net/net.h - TCP, UDP and names for plugins, behind `net:connect` and `net:listen`.
 *
 * A plugin reaches an address when a grant names it, or when a name that a grant names came to it in a look-up
 * of this instance.  What was looked up is remembered with the address that was checked, and the
 * address is what is connected to: nothing is looked up a second time, so an answer that changes
 * changes nothing.  Answers from private ranges are left out unless they are granted
 * (service/grant/grants.h).
 *
 *     connect, send to, receive from    net:connect of that address and port, or a name of it
 *     listen, receive from anybody      net:listen of the local address and port
 *     bind                              net:listen; to a port that the system chooses, either right
 *
 * Sockets never wait (os/socket.h).  An operation that has to answers WOULD_BLOCK, and the object's
 * `look` says what for; waiting is berthi_services_wait()'s, so deadlines and revocation end it.
 *
 * Knows no ABI.  Thread: one, that of the instance.  Layer: service. */
#ifndef BERTHI_SERVICE_NET_H
#define BERTHI_SERVICE_NET_H

#include "os/resolve.h"
#include "os/socket.h"
#include "service/services.h"

enum { BERTHI_NET_DATAGRAM_MAX = 65535 };

/* ---------------------------------------------------------------- TCP */

typedef enum berthi_tcp_state {
    BERTHI_TCP_UNBOUND,
    BERTHI_TCP_BINDING, /* started, not finished */
    BERTHI_TCP_BOUND,
    BERTHI_TCP_STARTING, /* to listen */
    BERTHI_TCP_LISTENING,
    BERTHI_TCP_CONNECTING,
    BERTHI_TCP_CONNECTED,
    BERTHI_TCP_FAILED
} berthi_tcp_state;

typedef struct berthi_tcp {
    berthi_object object;
    int fd;
    bool is_ipv6;
    uint8_t state; /* berthi_tcp_state */
    uint32_t backlog;
} berthi_tcp;

extern const berthi_object_class berthi_tcp_class;

/* Fails: ACCESS (nothing of the network is granted), TOO_MANY_OPEN, NO_MEMORY, FAMILY, ... */
berthi_code berthi_tcp_make(berthi_services *s, bool is_ipv6, berthi_tcp **tcp_out);

/* IS_CONNECTED stands for "not in this state" in all of them. */
berthi_code berthi_tcp_start_bind(berthi_tcp *t, const berthi_address *to);
berthi_code berthi_tcp_finish_bind(berthi_tcp *t);
berthi_code berthi_tcp_start_connect(berthi_tcp *t, const berthi_address *to);
berthi_code berthi_tcp_finish_connect(berthi_tcp *t, berthi_input **input_out,
                                      berthi_output **output_out);
berthi_code berthi_tcp_start_listen(berthi_tcp *t);
berthi_code berthi_tcp_finish_listen(berthi_tcp *t);
berthi_code berthi_tcp_accept(berthi_tcp *t, berthi_tcp **peer_out, berthi_input **input_out,
                              berthi_output **output_out);
berthi_code berthi_tcp_local(const berthi_tcp *t, berthi_address *address_out);
berthi_code berthi_tcp_remote(const berthi_tcp *t, berthi_address *address_out);
berthi_code berthi_tcp_set_backlog(berthi_tcp *t, uint64_t backlog);
berthi_code berthi_tcp_shut(berthi_tcp *t, bool receives, bool sends);
berthi_code berthi_tcp_get(const berthi_tcp *t, berthi_socket_option option,
                           uint32_t *value_out);
/* 0 is INVALID but for KEEP_ALIVE. */
berthi_code berthi_tcp_set(berthi_tcp *t, berthi_socket_option option, uint64_t value);

/* Streams of a connection; each keeps the socket open.  What an output still has when it ends cannot be sent any
 * more: the connection is reset then, so that the peer does not take a part for the whole. */
berthi_code berthi_tcp_streams(berthi_tcp *t, berthi_input **input_out,
                               berthi_output **output_out);

/* ---------------------------------------------------------------- UDP */

typedef struct berthi_udp {
    berthi_object object;
    int fd;
    bool is_ipv6, is_binding, is_bound, has_peer;
    bool takes_all; /* from anybody: it may listen */
    berthi_address peer;
    uint64_t discarded; /* datagrams of others */
} berthi_udp;

/* One end of the flow of datagrams of a socket. */
typedef struct berthi_udp_flow {
    berthi_object object;
    berthi_udp *of;  /* one reference */
    uint32_t permit; /* datagrams that the plugin was told it may send; its function's own */
} berthi_udp_flow;

extern const berthi_object_class berthi_udp_class, berthi_udp_incoming_class,
    berthi_udp_outgoing_class;

berthi_code berthi_udp_make(berthi_services *s, bool is_ipv6, berthi_udp **udp_out);
berthi_code berthi_udp_start_bind(berthi_udp *u, const berthi_address *to);
berthi_code berthi_udp_finish_bind(berthi_udp *u);
/* `peer` NULL: none. */
berthi_code berthi_udp_flows(berthi_udp *u, const berthi_address *peer,
                             berthi_udp_flow **incoming_out, berthi_udp_flow **outgoing_out);
berthi_code berthi_udp_local(const berthi_udp *u, berthi_address *address_out);
berthi_code berthi_udp_remote(const berthi_udp *u, berthi_address *address_out);
berthi_code berthi_udp_get(const berthi_udp *u, berthi_socket_option option,
                           uint32_t *value_out);
berthi_code berthi_udp_set(berthi_udp *u, berthi_socket_option option, uint64_t value);
/* One datagram; `room` should be BERTHI_NET_DATAGRAM_MAX. */
berthi_code berthi_udp_receive(berthi_udp_flow *incoming, void *data, size_t room,
                               size_t *size_out, berthi_address *from_out);
/* `to` NULL: to the peer. */
berthi_code berthi_udp_send(berthi_udp_flow *outgoing, const void *data, size_t size,
                            const berthi_address *to);

/* ---------------------------------------------------------------- names */

typedef struct berthi_lookup {
    berthi_object object;
    berthi_resolving *resolving; /* NULL: `literal` is the answer */
    berthi_address literal;
    uint32_t at;    /* of the answer's addresses */
    uint32_t given; /* of them */
    size_t name_size;
    char name[BERTHI_RESOLVE_NAME_MAX + 1];
} berthi_lookup;

extern const berthi_object_class berthi_lookup_class;

/* Fails: INVALID (no name), ACCESS, TOO_MANY_OPEN, NO_MEMORY. */
berthi_code berthi_lookup_start(berthi_services *s, const char *name, size_t size,
                                berthi_lookup **lookup_out);
/* False in *some_out behind the last.  Fails: WOULD_BLOCK, ACCESS (it has addresses, and none of them
 * may be reached), NAME_UNKNOWN, RESOLVER_TRY, RESOLVER_FAILED. */
berthi_code berthi_lookup_next(berthi_lookup *l, berthi_address *address_out, bool *some_out);

/* The right to that address and port, by itself or by a name that was looked up. */
bool berthi_net_may(const berthi_services *s, berthi_right right, const berthi_address *a);
/* Anything at all of the network is granted. */
bool berthi_net_is_granted(const berthi_services *s);

#endif
