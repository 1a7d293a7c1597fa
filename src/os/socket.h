/* os/socket.h - sockets that never wait, for TCP and UDP over IPv4 and IPv6.  Layer: os.
 *
 * Every call answers at once: WOULD_BLOCK says that the descriptor has to become readable or writable
 * first, which os/wait.h waits for.  Outputs are written only with BERTHI_CODE_OK. */
#ifndef BERTHI_OS_SOCKET_H
#define BERTHI_OS_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "os/code.h"

typedef struct berthi_address {
    uint8_t bytes[16]; /* in the order of the network */
    uint8_t size;      /* 4 or 16 */
    uint16_t port;
    uint32_t flow, scope; /* of IPv6 */
} berthi_address;

/* IPv6 sockets have nothing to do with IPv4.  Gives *fd_out. */
berthi_code berthi_socket_open(bool is_stream, bool is_ipv6, int *fd_out);
void berthi_socket_close(int fd);

/* A stream's address may be one that was in use until now (SO_REUSEADDR). */
berthi_code berthi_socket_bind(int fd, const berthi_address *to, bool is_stream);
/* A stream: WOULD_BLOCK until berthi_socket_connected() has an answer. */
berthi_code berthi_socket_connect(int fd, const berthi_address *to);
/* WOULD_BLOCK, OK or why not. */
berthi_code berthi_socket_connected(int fd);
/* A datagram socket has no peer any more. */
berthi_code berthi_socket_disconnect(int fd);
berthi_code berthi_socket_listen(int fd, uint32_t backlog);
berthi_code berthi_socket_accept(int fd, int *fd_out, berthi_address *from_out);
berthi_code berthi_socket_local(int fd, berthi_address *address_out);
berthi_code berthi_socket_remote(int fd, berthi_address *address_out);
berthi_code berthi_socket_shut(int fd, bool receives, bool sends);

/* Closing it will tell the peer that something is missing (a reset instead of an end). */
void berthi_socket_reset_when_closed(int fd);

berthi_code berthi_socket_receive(int fd, void *data, size_t size,
                                  size_t *done_out); /* 0: end */
berthi_code berthi_socket_send(int fd, const void *data, size_t size, size_t *done_out);
/* `from` is set even when the datagram is cut to `size`. */
berthi_code berthi_socket_receive_from(int fd, void *data, size_t size, size_t *done_out,
                                       berthi_address *from_out);
/* `to` NULL: to the peer. */
berthi_code berthi_socket_send_to(int fd, const void *data, size_t size,
                                  const berthi_address *to);

/* For libraries that make their own: the address in a sockaddr, its size (0: of neither family); and a
 * socket as they ask for it, closed in children, or -1. */
size_t berthi_sockaddr_bytes(const void *sockaddr, uint8_t bytes_out[16], uint16_t *port_out);
int berthi_socket_plain(int family, int type, int protocol);

typedef enum berthi_socket_option {
    BERTHI_SOCKET_KEEP_ALIVE,
    BERTHI_SOCKET_KEEP_IDLE,     /* seconds */
    BERTHI_SOCKET_KEEP_INTERVAL, /* seconds */
    BERTHI_SOCKET_KEEP_COUNT,
    BERTHI_SOCKET_HOP_LIMIT,
    BERTHI_SOCKET_RECEIVE_BUFFER, /* bytes that fit, as they were asked for */
    BERTHI_SOCKET_SEND_BUFFER,
    BERTHI_SOCKET_OPTIONS
} berthi_socket_option;

berthi_code berthi_socket_get(int fd, bool is_ipv6, berthi_socket_option option,
                              uint32_t *value_out);
berthi_code berthi_socket_set(int fd, bool is_ipv6, berthi_socket_option option,
                              uint32_t value);

#endif
