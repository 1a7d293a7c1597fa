/* local_socket.c - unix(7), and addresses as texts.  Layer: os. */
#include "os/local_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "os/fault.h"

enum { NAME_MAX_SIZE = 253, PORT_MAX = 65535 };

static bool fails(const char *call)
{
    errno = berthi_os_fault(call);
    return errno != 0;
}

static berthi_code put_path(const char *path, struct sockaddr_un *to)
{
    size_t size = strlen(path);

    memset(to, 0, sizeof *to);
    to->sun_family = AF_UNIX;
    if (size >= sizeof to->sun_path)
        return BERTHI_CODE_NAME_TOO_LONG;
    memcpy(to->sun_path, path, size);
    return BERTHI_CODE_OK;
}

static int open_local(void)
{
    return fails("socket") ? -1
                           : socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

berthi_code berthi_local_connect(const char *path, int *fd_out)
{
    struct sockaddr_un to;
    berthi_code code = put_path(path, &to);
    int fd;

    if (code != BERTHI_CODE_OK)
        return code;
    fd = open_local();
    if (fd < 0)
        return berthi_code_of(errno);
    if (fails("connect") || connect(fd, (const struct sockaddr *)&to, sizeof to) != 0) {
        code = berthi_code_of(errno);
        (void)close(fd);
        return code;
    }
    *fd_out = fd;
    return BERTHI_CODE_OK;
}

/* A socket's name that nobody answers at is what a process that was killed has left. */
static void remove_stale(const char *path)
{
    struct stat at;
    int fd;

    if (lstat(path, &at) != 0 || !S_ISSOCK(at.st_mode))
        return;
    if (berthi_local_connect(path, &fd) == BERTHI_CODE_OK)
        (void)close(fd);
    else if (errno == ECONNREFUSED)
        (void)unlink(path);
}

berthi_code berthi_local_listen(const char *path, uint32_t backlog, int *fd_out)
{
    struct sockaddr_un at;
    berthi_code code = put_path(path, &at);
    int fd;

    if (code != BERTHI_CODE_OK)
        return code;
    remove_stale(path);
    fd = open_local();
    if (fd < 0)
        return berthi_code_of(errno);
    if (fails("bind") || bind(fd, (const struct sockaddr *)&at, sizeof at) != 0 ||
        fails("listen") || listen(fd, (int)backlog) != 0) {
        code = berthi_code_of(errno);
        (void)close(fd);
        return code;
    }
    *fd_out = fd;
    return BERTHI_CODE_OK;
}

berthi_code berthi_address_listen(const berthi_address *at, uint32_t backlog, int *fd_out)
{
    int fd;
    berthi_code code = berthi_socket_open(true, at->size == 16, &fd);

    if (code != BERTHI_CODE_OK)
        return code;
    code = berthi_socket_bind(fd, at, true);
    if (code == BERTHI_CODE_OK)
        code = berthi_socket_listen(fd, backlog);
    if (code == BERTHI_CODE_OK)
        *fd_out = fd;
    else
        berthi_socket_close(fd);
    return code;
}

void berthi_local_remove(const char *path)
{
    (void)unlink(path);
}

berthi_code berthi_socket_take(int fd, int *fd_out)
{
    int peer;

    /* Who gave up before we came is nobody. */
    do
        peer = fails("accept") ? -1 : accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    while (peer < 0 && (errno == EINTR || errno == ECONNABORTED));
    if (peer < 0)
        return berthi_code_of(errno);
    *fd_out = peer;
    return BERTHI_CODE_OK;
}

/* ---------------------------------------------------------------- texts */

static bool parse_port(const char *text, uint16_t *port_out)
{
    uint32_t port = 0;

    if (*text == '\0' || strlen(text) > 5)
        return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return false;
        port = port * 10 + (uint32_t)(*text - '0');
    }
    *port_out = (uint16_t)port;
    return port <= PORT_MAX;
}

bool berthi_address_parse(const char *text, berthi_address *address_out, size_t *name_size_out)
{
    const char *colon = strrchr(text, ':');
    bool is_ipv6 = text[0] == '[';
    size_t size = colon == NULL ? 0 : (size_t)(colon - text);
    char host[NAME_MAX_SIZE + 1];

    memset(address_out, 0, sizeof *address_out);
    *name_size_out = size;
    if (size == 0 || size > NAME_MAX_SIZE || !parse_port(colon + 1, &address_out->port))
        return false;
    if (is_ipv6) {
        if (size < 3 || text[size - 1] != ']')
            return false;
        memcpy(host, text + 1, size - 2);
        host[size - 2] = '\0';
        address_out->size = 16;
        return inet_pton(AF_INET6, host, address_out->bytes) == 1;
    }
    memcpy(host, text, size);
    host[size] = '\0';
    if (inet_pton(AF_INET, host, address_out->bytes) == 1)
        address_out->size = 4;
    return address_out->size == 4 || strchr(host, ':') == NULL;
}

void berthi_address_show(const berthi_address *address, char *text, size_t size)
{
    char host[INET6_ADDRSTRLEN] = "";
    bool is_ipv6 = address->size == 16;

    if (inet_ntop(is_ipv6 ? AF_INET6 : AF_INET, address->bytes, host, sizeof host) == NULL)
        host[0] = '\0';
    snprintf(text, size, is_ipv6 ? "[%s]:%u" : "%s:%u", host, address->port);
}
