/* socket.c - socket(2) and its kin.  Layer: os. */
#include "os/socket.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/fault.h"

typedef union any_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
} any_address;

static bool fails(const char *call)
{
    errno = berthi_os_fault(call);
    return errno != 0;
}

static berthi_code last_code(void)
{
    return berthi_code_of(errno);
}

static berthi_code code_of_result(int result)
{
    return result == 0 ? BERTHI_CODE_OK : last_code();
}

static socklen_t write_address(const berthi_address *from, any_address *to)
{
    memset(to, 0, sizeof *to);
    if (from->size == 4) {
        to->v4.sin_family = AF_INET;
        to->v4.sin_port = htons(from->port);
        memcpy(&to->v4.sin_addr, from->bytes, 4);
        return sizeof to->v4;
    }
    to->v6.sin6_family = AF_INET6;
    to->v6.sin6_port = htons(from->port);
    to->v6.sin6_flowinfo = htonl(from->flow);
    to->v6.sin6_scope_id = from->scope;
    memcpy(&to->v6.sin6_addr, from->bytes, 16);
    return sizeof to->v6;
}

static berthi_code read_address(const any_address *from, berthi_address *to)
{
    *to = (berthi_address){ 0 };
    if (from->any.sa_family == AF_INET) {
        to->size = 4;
        to->port = ntohs(from->v4.sin_port);
        memcpy(to->bytes, &from->v4.sin_addr, 4);
        return BERTHI_CODE_OK;
    }
    if (from->any.sa_family != AF_INET6)
        return BERTHI_CODE_FAMILY;
    to->size = 16;
    to->port = ntohs(from->v6.sin6_port);
    to->flow = ntohl(from->v6.sin6_flowinfo);
    to->scope = from->v6.sin6_scope_id;
    memcpy(to->bytes, &from->v6.sin6_addr, 16);
    return BERTHI_CODE_OK;
}

/* ---------------------------------------------------------------- connections */

berthi_code berthi_socket_open(bool is_stream, bool is_ipv6, int *fd_out)
{
    static const int on = 1;
    int type = (is_stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK;
    int fd = fails("socket") ? -1 : socket(is_ipv6 ? AF_INET6 : AF_INET, type, 0);
    berthi_code code;

    if (fd < 0)
        return last_code();
    if (is_ipv6 &&
        (fails("setsockopt") || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on))) {
        code = last_code();
        berthi_socket_close(fd);
        return code;
    }
    *fd_out = fd;
    return BERTHI_CODE_OK;
}

void berthi_socket_close(int fd)
{
    (void)close(fd);
}

berthi_code berthi_socket_bind(int fd, const berthi_address *to, bool is_stream)
{
    static const int on = 1;
    any_address address;
    socklen_t size = write_address(to, &address);

    if (is_stream &&
        (fails("setsockopt") || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0))
        return last_code();
    return code_of_result(fails("bind") ? -1 : bind(fd, &address.any, size));
}

berthi_code berthi_socket_connect(int fd, const berthi_address *to)
{
    any_address address;
    socklen_t size = write_address(to, &address);
    int result = fails("connect") ? -1 : connect(fd, &address.any, size);

    /* Interrupted: it goes on by itself. */
    if (result != 0 && (errno == EINPROGRESS || errno == EINTR))
        return BERTHI_CODE_WOULD_BLOCK;
    return code_of_result(result);
}

berthi_code berthi_socket_connected(int fd)
{
    any_address peer;
    socklen_t size = sizeof(int), peer_size = sizeof peer;
    int error = 0;

    if (fails("getsockopt") || getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
        return last_code();
    if (error != 0)
        return berthi_code_of(error);
    if (fails("getpeername") || getpeername(fd, &peer.any, &peer_size) != 0)
        return errno == ENOTCONN ? BERTHI_CODE_WOULD_BLOCK : last_code();
    return BERTHI_CODE_OK;
}

berthi_code berthi_socket_disconnect(int fd)
{
    struct sockaddr none = { .sa_family = AF_UNSPEC };

    return code_of_result(fails("connect") ? -1 : connect(fd, &none, sizeof none));
}

berthi_code berthi_socket_listen(int fd, uint32_t backlog)
{
    return code_of_result(
        fails("listen") ? -1 : listen(fd, backlog > INT32_MAX ? INT32_MAX : (int)backlog));
}

berthi_code berthi_socket_accept(int fd, int *fd_out, berthi_address *from_out)
{
    any_address from;
    socklen_t size = sizeof from;
    berthi_code code;
    int peer;

    memset(&from, 0, sizeof from);
    /* Who gave up before we came is nobody. */
    do
        peer =
            fails("accept") ? -1 : accept4(fd, &from.any, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
    while (peer < 0 && (errno == EINTR || errno == ECONNABORTED));
    if (peer < 0)
        return last_code();
    code = read_address(&from, from_out);
    if (code == BERTHI_CODE_OK)
        *fd_out = peer;
    else
        berthi_socket_close(peer);
    return code;
}

berthi_code berthi_socket_local(int fd, berthi_address *address_out)
{
    any_address address;
    socklen_t size = sizeof address;

    if (fails("getsockname") || getsockname(fd, &address.any, &size) != 0)
        return last_code();
    return read_address(&address, address_out);
}

berthi_code berthi_socket_remote(int fd, berthi_address *address_out)
{
    any_address address;
    socklen_t size = sizeof address;

    if (fails("getpeername") || getpeername(fd, &address.any, &size) != 0)
        return last_code();
    return read_address(&address, address_out);
}

berthi_code berthi_socket_shut(int fd, bool receives, bool sends)
{
    int how = receives ? sends ? SHUT_RDWR : SHUT_RD : SHUT_WR;

    assert(receives || sends);
    return code_of_result(fails("shutdown") ? -1 : shutdown(fd, how));
}

void berthi_socket_reset_when_closed(int fd)
{
    static const struct linger at_once = { 1, 0 };

    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

/* ---------------------------------------------------------------- bytes */

static bool is_interrupted(ssize_t n)
{
    return n < 0 && errno == EINTR;
}

berthi_code berthi_socket_receive(int fd, void *data, size_t size, size_t *done_out)
{
    ssize_t n;

    do
        n = fails("recv") ? -1 : recv(fd, data, size, MSG_DONTWAIT);
    while (is_interrupted(n));
    if (n < 0)
        return last_code();
    *done_out = (size_t)n;
    return BERTHI_CODE_OK;
}

berthi_code berthi_socket_send(int fd, const void *data, size_t size, size_t *done_out)
{
    ssize_t n;

    do
        n = fails("send") ? -1 : send(fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (is_interrupted(n));
    if (n < 0)
        return last_code();
    *done_out = (size_t)n;
    return BERTHI_CODE_OK;
}

berthi_code berthi_socket_receive_from(int fd, void *data, size_t size, size_t *done_out,
                                       berthi_address *from_out)
{
    any_address from;
    socklen_t from_size = sizeof from;
    berthi_code code;
    ssize_t n;

    memset(&from, 0, sizeof from);
    do
        n = fails("recvfrom") ? -1
                              : recvfrom(fd, data, size, MSG_DONTWAIT, &from.any, &from_size);
    while (is_interrupted(n));
    if (n < 0)
        return last_code();
    code = read_address(&from, from_out);
    if (code == BERTHI_CODE_OK)
        *done_out = (size_t)n;
    return code;
}

berthi_code berthi_socket_send_to(int fd, const void *data, size_t size,
                                  const berthi_address *to)
{
    any_address address;
    socklen_t address_size = to == NULL ? 0 : write_address(to, &address);
    ssize_t n;

    do
        n = fails("sendto") ? -1
                            : sendto(fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL,
                                     to == NULL ? NULL : &address.any, address_size);
    while (is_interrupted(n));
    return n < 0 ? last_code() : BERTHI_CODE_OK;
}

/* ---------------------------------------------------------------- others' sockets */

size_t berthi_sockaddr_bytes(const void *sockaddr, uint8_t bytes_out[16], uint16_t *port_out)
{
    const any_address *from = sockaddr;

    if (from->any.sa_family == AF_INET) {
        memcpy(bytes_out, &from->v4.sin_addr, 4);
        *port_out = ntohs(from->v4.sin_port);
        return 4;
    }
    if (from->any.sa_family != AF_INET6)
        return 0;
    memcpy(bytes_out, &from->v6.sin6_addr, 16);
    *port_out = ntohs(from->v6.sin6_port);
    return 16;
}

int berthi_socket_plain(int family, int type, int protocol)
{
    return fails("socket") ? -1 : socket(family, type | SOCK_CLOEXEC, protocol);
}

/* ---------------------------------------------------------------- options */

typedef struct option_row {
    int level, name;
} option_row;

static option_row row_of(bool is_ipv6, berthi_socket_option option)
{
    static const option_row rows[BERTHI_SOCKET_OPTIONS] = {
        [BERTHI_SOCKET_KEEP_ALIVE] = { SOL_SOCKET, SO_KEEPALIVE },
        [BERTHI_SOCKET_KEEP_IDLE] = { IPPROTO_TCP, TCP_KEEPIDLE },
        [BERTHI_SOCKET_KEEP_INTERVAL] = { IPPROTO_TCP, TCP_KEEPINTVL },
        [BERTHI_SOCKET_KEEP_COUNT] = { IPPROTO_TCP, TCP_KEEPCNT },
        [BERTHI_SOCKET_HOP_LIMIT] = { IPPROTO_IP, IP_TTL },
        [BERTHI_SOCKET_RECEIVE_BUFFER] = { SOL_SOCKET, SO_RCVBUF },
        [BERTHI_SOCKET_SEND_BUFFER] = { SOL_SOCKET, SO_SNDBUF },
    };
    static const option_row hops = { IPPROTO_IPV6, IPV6_UNICAST_HOPS };

    return option == BERTHI_SOCKET_HOP_LIMIT && is_ipv6 ? hops : rows[option];
}

/* The kernel doubles the sizes of buffers, for its own use, and says the double. */
static bool is_buffer(berthi_socket_option option)
{
    return option == BERTHI_SOCKET_RECEIVE_BUFFER || option == BERTHI_SOCKET_SEND_BUFFER;
}

berthi_code berthi_socket_get(int fd, bool is_ipv6, berthi_socket_option option,
                              uint32_t *value_out)
{
    option_row row = row_of(is_ipv6, option);
    int value = 0;
    socklen_t size = sizeof value;

    if (fails("getsockopt") || getsockopt(fd, row.level, row.name, &value, &size) != 0)
        return last_code();
    *value_out = (uint32_t)(is_buffer(option) ? value / 2 : value);
    return BERTHI_CODE_OK;
}

berthi_code berthi_socket_set(int fd, bool is_ipv6, berthi_socket_option option, uint32_t value)
{
    option_row row = row_of(is_ipv6, option);
    int bounded = value > INT32_MAX / 2 ? INT32_MAX / 2 : (int)value;

    return code_of_result(fails("setsockopt")
                              ? -1
                              : setsockopt(fd, row.level, row.name, &bounded, sizeof bounded));
}
