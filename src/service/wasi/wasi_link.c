/* wasi_link.c - which interfaces of WASI a slot's grants link.  Layer: service.
 *
 * Those whose functions can say no are linked always.  Here are the others: what they give they give, so
 * they are there or they are not. */
#include "service/wasi/wasi_link.h"

#include <string.h>

#include "component/run/host.h"

typedef struct link_row {
    const char *stem;   /* of the name, in front of '@' */
    const char *grants; /* that its functions ask for; NULL: none */
    bool is_needed;     /* it is not linked without one of `right` */
    berthi_right right;
} link_row;

static const link_row rows[] = {
    { "wasi:io/error", NULL, false, 0 },
    { "wasi:io/poll", NULL, false, 0 },
    { "wasi:io/streams", NULL, false, 0 },
    { "wasi:clocks/monotonic-clock", "clock:monotonic", true, BERTHI_RIGHT_CLOCK_MONOTONIC },
    { "wasi:clocks/wall-clock", "clock:wall", true, BERTHI_RIGHT_CLOCK_WALL },
    { "wasi:random/random", "random", true, BERTHI_RIGHT_RANDOM },
    { "wasi:random/insecure", "random", true, BERTHI_RIGHT_RANDOM },
    { "wasi:random/insecure-seed", "random", true, BERTHI_RIGHT_RANDOM },
    { "wasi:cli/environment", "env", false, 0 },
    { "wasi:cli/exit", NULL, false, 0 },
    { "wasi:cli/stdin", "stdio:in", false, 0 },
    { "wasi:cli/stdout", "stdio:out", false, 0 },
    { "wasi:cli/stderr", "stdio:err", false, 0 },
    { "wasi:cli/terminal-input", NULL, false, 0 },
    { "wasi:cli/terminal-output", NULL, false, 0 },
    { "wasi:cli/terminal-stdin", "stdio:in", false, 0 },
    { "wasi:cli/terminal-stdout", "stdio:out", false, 0 },
    { "wasi:cli/terminal-stderr", "stdio:err", false, 0 },
    { "wasi:filesystem/types", "fs:read, fs:write", false, 0 },
    { "wasi:filesystem/preopens", "fs:read, fs:write", false, 0 },
    { "wasi:sockets/network", NULL, false, 0 },
    { "wasi:sockets/instance-network", NULL, false, 0 },
    { "wasi:sockets/ip-name-lookup", "net:connect", false, 0 },
    { "wasi:sockets/tcp", "net:connect, net:listen", false, 0 },
    { "wasi:sockets/tcp-create-socket", "net:connect, net:listen", false, 0 },
    { "wasi:sockets/udp", "net:connect, net:listen", false, 0 },
    { "wasi:sockets/udp-create-socket", "net:connect, net:listen", false, 0 },
    { "wasi:http/types", NULL, false, 0 },
    { "wasi:http/outgoing-handler", "http", false, 0 },
};

static const link_row *find_row(const char *interface, size_t size)
{
    const char *at = memchr(interface, '@', size);
    size_t stem = at == NULL ? size : (size_t)(at - interface);

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (strlen(rows[i].stem) == stem && memcmp(interface, rows[i].stem, stem) == 0)
            return &rows[i];
    return NULL;
}

bool berthi_is_wasi(const char *interface, size_t size)
{
    return size > 5 && memcmp(interface, "wasi:", 5) == 0;
}

bool berthi_wasi_asks(const char *interface, size_t size, const char **grants_out,
                      bool *is_needed_out)
{
    const link_row *row = find_row(interface, size);

    if (row == NULL)
        return false;
    *grants_out = row->grants;
    *is_needed_out = row->is_needed;
    return true;
}

const char *berthi_wasi_missing(struct berth_host *host, const char *interface, size_t size,
                                const berth_grants *grants)
{
    const link_row *row = find_row(interface, size);

    if (row == NULL || !row->is_needed ||
        berthi_host_attached_of(host, BERTHI_HOST_WASI) == NULL ||
        berthi_grants_has(grants, row->right) || berthi_grants_denies(grants, row->right))
        return NULL;
    return berthi_right_name(row->right);
}
