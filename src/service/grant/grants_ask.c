/* grants_ask.c - is it granted?  Layer: service. */
#include "service/grant/grants_read.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/diag.h"
#include "base/utf8.h"

enum { PORT_HTTP = 80, PORT_HTTPS = 443 };

/* What is asked for.  What a kind of pattern does not look at is left out. */
typedef struct question {
    const char *path;
    size_t path_size;
    const char *method;
    size_t method_size;
    const char *name; /* of a host; NULL: an address alone */
    size_t name_size;
    const uint8_t *address; /* NULL: a name alone */
    size_t address_size;
    bool has_port;
    uint16_t port;
    bool address_may_be_private;
    bool is_home; /* `localhost`, and the address is loopback: who names it, means it */
} question;

typedef bool (*matcher)(const berthi_grant *grant, const question *q);

/* Something grants it, and nothing denies it. */
static bool ask(const berth_grants *g, berthi_right right, const question *q, matcher matches)
{
    bool is_granted = false;

    if (g == NULL || berthi_grants_are_revoked(g))
        return false;
    for (const berthi_grant *grant = g->rights[right]; grant != NULL; grant = grant->next) {
        if ((is_granted && !grant->is_denial) || !matches(grant, q))
            continue;
        if (grant->is_denial)
            return false;
        is_granted = true;
    }
    return is_granted;
}

bool berthi_grants_has(const berth_grants *grants, berthi_right right)
{
    return grants != NULL && !berthi_grants_are_revoked(grants) &&
           (grants->has >> right & 1) != 0;
}

bool berthi_grants_denies(const berth_grants *grants, berthi_right right)
{
    for (const berthi_grant *grant = grants == NULL ? NULL : grants->rights[right];
         grant != NULL; grant = grant->next)
        if (grant->is_denial)
            return true;
    return false;
}

/* ---------------------------------------------------------------- paths */

static bool matches_path(const berthi_grant *grant, const question *q)
{
    return berthi_path_matches(grant->text, q->path, q->path_size);
}

bool berthi_grants_path(const berth_grants *grants, berthi_right right, const char *path,
                        size_t size)
{
    const question q = { .path = path, .path_size = size };

    return berthi_path_is_plain(path, size) && ask(grants, right, &q, matches_path);
}

bool berthi_grants_below(const berth_grants *grants, berthi_right right, const char *path,
                         size_t size)
{
    if (grants == NULL || berthi_grants_are_revoked(grants) ||
        !berthi_path_is_plain(path, size))
        return false;
    for (const berthi_grant *grant = grants->rights[right]; grant != NULL; grant = grant->next)
        if (!grant->is_denial && berthi_path_may_lead(grant->text, path, size))
            return true;
    return false;
}

/* The pattern is a folder without wildcards and all below it, and `path` is that folder or below it. */
static bool has_all_below(const char *pattern, const char *path, size_t size)
{
    size_t length = strlen(pattern), folder;

    if (length < 3 || strcmp(pattern + length - 3, "/**") != 0)
        return false;
    folder = length - 3;
    if (folder != 0 && berthi_path_pattern_folder(pattern) != folder)
        return false;
    return size >= folder && memcmp(pattern, path, folder) == 0 &&
           (folder == 0 || size == folder || path[folder] == '/');
}

/* `path` is `folder`, or lies in it. */
static bool is_within(const char *path, size_t size, const char *folder, size_t folder_size)
{
    return folder_size == 1 || (size >= folder_size && memcmp(path, folder, folder_size) == 0 &&
                                (size == folder_size || path[folder_size] == '/'));
}

bool berthi_grants_is_elsewhere(const berth_grants *grants, const char *from, size_t from_size,
                                const char *path, size_t size)
{
    for (uint32_t i = 0; grants != NULL && i < grants->folders_count; i++) {
        const char *folder = grants->folders[i].guest;
        size_t folder_size = strlen(folder);

        if (is_within(path, size, folder, folder_size) &&
            !is_within(from, from_size, folder, folder_size))
            return true;
    }
    return false;
}

static bool has_mount_below(const berth_grants *grants, const char *path, size_t size)
{
    for (uint32_t i = 0; i < grants->folders_count; i++) {
        const char *folder = grants->folders[i].guest;
        size_t folder_size = strlen(folder);

        if (folder_size > size && is_within(folder, folder_size, path, size))
            return true;
    }
    return false;
}

bool berthi_grants_all_below(const berth_grants *grants, berthi_right right, const char *path,
                             size_t size)
{
    bool is_granted = false;

    if (grants == NULL || berthi_grants_are_revoked(grants) ||
        !berthi_path_is_plain(path, size) || has_mount_below(grants, path, size))
        return false;
    for (const berthi_grant *grant = grants->rights[right]; grant != NULL;
         grant = grant->next) {
        if (!grant->is_denial)
            is_granted |= has_all_below(grant->text, path, size);
        else if (berthi_path_matches(grant->text, path, size) ||
                 berthi_path_may_lead(grant->text, path, size))
            return false;
    }
    return is_granted;
}

/* ---------------------------------------------------------------- the network */

static bool has_port(const berthi_grant *grant, const question *q)
{
    return !q->has_port ||
           (grant->host.port_first <= q->port && q->port <= grant->host.port_last);
}

/* An address that the host's name, which matches, came to. */
static bool may_come_to(const berthi_grant *grant, const question *q)
{
    return grant->is_denial || q->address_may_be_private ||
           (q->is_home && grant->host.form == BERTHI_HOST_NAME) ||
           !berthi_address_is_private(q->address, q->address_size);
}

/* By its address; by its name, and `*` by any, when the address is nobody's neighbour. */
static bool matches_host(const berthi_grant *grant, const question *q)
{
    bool by_name =
        q->name != NULL && berthi_host_matches_name(&grant->host, q->name, q->name_size);

    if (!has_port(grant, q))
        return false;
    if (q->address == NULL)
        return by_name;
    if (berthi_host_matches_address(&grant->host, q->address, q->address_size))
        return true;
    return (by_name || grant->host.form == BERTHI_HOST_ANY) && may_come_to(grant, q);
}

bool berthi_grants_host(const berth_grants *grants, berthi_right right, const char *host,
                        size_t size, uint16_t port)
{
    question q = { .name = host, .name_size = size, .has_port = true, .port = port };
    uint8_t address[16];
    size_t address_size = berthi_address_read(host, size, address);

    if (address_size != 0)
        return berthi_grants_address(grants, right, address, address_size, port, NULL, 0);
    return ask(grants, right, &q, matches_host);
}

static bool is_localhost(const char *name, size_t size)
{
    berthi_host_pattern p = { .form = BERTHI_HOST_NAME, .name = "localhost" };

    return name != NULL && berthi_host_matches_name(&p, name, size);
}

static bool is_home(const uint8_t *address, size_t address_size, const char *name, size_t size)
{
    return is_localhost(name, size) && berthi_address_is_loopback(address, address_size);
}

bool berthi_grants_address(const berth_grants *grants, berthi_right right,
                           const uint8_t *address, size_t address_size, uint16_t port,
                           const char *name, size_t name_size)
{
    const question q = {
        .name = name,
        .name_size = name_size,
        .address = address,
        .address_size = address_size,
        .has_port = true,
        .port = port,
        .address_may_be_private = right == BERTHI_RIGHT_NET_LISTEN ||
                                  berthi_grants_has(grants, BERTHI_RIGHT_NET_PRIVATE),
        .is_home = is_home(address, address_size, name, name_size),
    };

    return ask(grants, right, &q, matches_host);
}

/* Before the port is known: a denial counts where it takes all ports of a grant. */
static bool ask_some_port(const berth_grants *g, const question *q)
{
    if (g == NULL || berthi_grants_are_revoked(g))
        return false;
    for (const berthi_grant *grant = g->rights[BERTHI_RIGHT_NET_CONNECT]; grant != NULL;
         grant = grant->next) {
        const berthi_grant *denial = g->rights[BERTHI_RIGHT_NET_CONNECT];

        if (grant->is_denial || !matches_host(grant, q))
            continue;
        while (denial != NULL && (!denial->is_denial || !matches_host(denial, q) ||
                                  (denial->host.port_first > grant->host.port_first &&
                                   denial->host.port_first > 1) ||
                                  denial->host.port_last < grant->host.port_last))
            denial = denial->next;
        if (denial == NULL)
            return true;
    }
    return false;
}

bool berthi_grants_lookup(const berth_grants *grants, const char *host, size_t size)
{
    const question q = { .name = host, .name_size = size };

    return ask_some_port(grants, &q);
}

bool berthi_grants_resolved(const berth_grants *grants, const uint8_t *address,
                            size_t address_size, const char *name, size_t name_size)
{
    const question q = { .name = name,
                         .name_size = name_size,
                         .address = address,
                         .address_size = address_size,
                         .address_may_be_private =
                             berthi_grants_has(grants, BERTHI_RIGHT_NET_PRIVATE),
                         .is_home = is_home(address, address_size, name, name_size) };

    return ask_some_port(grants, &q);
}

/* ---------------------------------------------------------------- HTTP */

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
}

static bool is_method(const char *want, const char *method, size_t size)
{
    if (strcmp(want, "*") == 0)
        return true;
    if (strlen(want) != size)
        return false;
    for (size_t i = 0; i < size; i++)
        if (want[i] != lower(method[i]))
            return false;
    return true;
}

static bool matches_http(const berthi_grant *grant, const question *q)
{
    bool is_usual = grant->host.port_first == 0 && grant->host.port_last == 0, by_name;

    if (!is_method(grant->text, q->method, q->method_size) ||
        (is_usual ? q->port != PORT_HTTP && q->port != PORT_HTTPS : !has_port(grant, q)))
        return false;
    by_name = q->name != NULL && berthi_host_matches_name(&grant->host, q->name, q->name_size);
    if (q->address == NULL)
        return by_name;
    if (berthi_host_matches_address(&grant->host, q->address, q->address_size))
        return grant->is_denial || q->name == NULL; /* a name needs a grant of its own */
    return (by_name || grant->host.form == BERTHI_HOST_ANY) && may_come_to(grant, q);
}

/* One of version 4 in the clothes of version 6 is that one, whatever it is called. */
static void undress(const uint8_t **address, size_t *size)
{
    static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

    if (*size == 16 && memcmp(*address, mapped, sizeof mapped) == 0) {
        *address += sizeof mapped;
        *size = 4;
    }
}

bool berthi_grants_http_address(const berth_grants *grants, const char *method,
                                size_t method_size, const uint8_t *address, size_t address_size,
                                const char *host, size_t host_size, uint16_t port)
{
    uint8_t bytes[16];
    const uint8_t *literal = bytes;
    size_t literal_size = berthi_address_read(host, host_size, bytes);
    question q = {
        .method = method, .method_size = method_size, .has_port = true, .port = port
    };

    undress(&literal, &literal_size);
    undress(&address, &address_size);
    if (literal_size != 0 &&
        (literal_size != address_size || memcmp(literal, address, address_size) != 0))
        return false;
    q.address = address;
    q.address_size = address_size;
    q.address_may_be_private = berthi_grants_has(grants, BERTHI_RIGHT_NET_PRIVATE);
    if (literal_size == 0) {
        q.name = host;
        q.name_size = host_size;
        q.is_home = is_home(address, address_size, host, host_size);
    }
    return ask(grants, BERTHI_RIGHT_HTTP, &q, matches_http);
}

bool berthi_grants_http(const berth_grants *grants, const char *method, size_t method_size,
                        const char *host, size_t host_size, uint16_t port)
{
    uint8_t address[16];
    size_t address_size = berthi_address_read(host, host_size, address);
    const question q = { .method = method,
                         .method_size = method_size,
                         .name = host,
                         .name_size = host_size,
                         .has_port = true,
                         .port = port };

    if (address_size != 0)
        return berthi_grants_http_address(grants, method, method_size, address, address_size,
                                          host, host_size, port);
    return ask(grants, BERTHI_RIGHT_HTTP, &q, matches_http);
}
