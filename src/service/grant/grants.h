/* service/grant/grants.h - what a slot's plugins may ask of the host: one grammar, one matcher.
 *
 * A grant is a line of text (docs/grants.md).  It is read once, into a pattern of a right; what is
 * asked later is matched against the patterns of that right.  Nothing is granted that no pattern
 * matches; a `deny:` line beats every grant of its right that matches too.
 *
 * Thread: any; grants never change, but for being revoked.  Layer: service. */
#ifndef BERTHI_SERVICE_GRANTS_H
#define BERTHI_SERVICE_GRANTS_H

#include <stdatomic.h>
#include <stdbool.h>

#include <berth/grant.h>

#include "base/alloc.h"

typedef enum berthi_right {
    BERTHI_RIGHT_FS_READ,
    BERTHI_RIGHT_FS_WRITE,    /* create, change, remove; reading is another right */
    BERTHI_RIGHT_NET_CONNECT, /* tcp and udp */
    BERTHI_RIGHT_NET_LISTEN,  /* tcp and udp */
    BERTHI_RIGHT_NET_PRIVATE, /* a name may resolve to an address of a private range */
    BERTHI_RIGHT_HTTP,        /* by method and host */
    BERTHI_RIGHT_ENV,
    BERTHI_RIGHT_CLOCK_WALL,
    BERTHI_RIGHT_CLOCK_MONOTONIC,
    BERTHI_RIGHT_RANDOM, /* of any kind */
    BERTHI_RIGHT_STDIN,
    BERTHI_RIGHT_STDOUT,
    BERTHI_RIGHT_STDERR,
    BERTHI_RIGHTS
} berthi_right;

/* "clock:wall": as it is written. */
const char *berthi_right_name(berthi_right right);

/* Some grant of that right is there, so that what needs it is linked.  `grants` may be NULL. */
bool berthi_grants_has(const berth_grants *grants, berthi_right right);
/* Some `deny:` line of that right is there: what needs it is linked, and refuses. */
bool berthi_grants_denies(const berth_grants *grants, berthi_right right);

/* BERTHI_RIGHT_FS_...: `path` is absolute, as the plugin names it.  One with `.`, `..`, an empty part, a
 * NUL or a byte that is not UTF-8 is never granted. */
bool berthi_grants_path(const berth_grants *grants, berthi_right right, const char *path,
                        size_t size);
/* Something below the folder `path` may be granted, so that it may be walked through. */
bool berthi_grants_below(const berth_grants *grants, berthi_right right, const char *path,
                         size_t size);

/* The folder `path` and everything below it is granted, by one pattern that says so and with no
 * denial of any of it, and nothing below it is mounted from elsewhere: then it does not matter which of
 * its names something has. */
bool berthi_grants_all_below(const berth_grants *grants, berthi_right right, const char *path,
                             size_t size);

/* `path`, which lies in the folder `from`, is below a mount that lies in `from`: it is that mount's, and
 * `from` does not have it. */
bool berthi_grants_is_elsewhere(const berth_grants *grants, const char *from, size_t from_size,
                                const char *path, size_t size);

/* NET_CONNECT, NET_LISTEN: `host` is a name or an address as text, without brackets.  Any case. */
bool berthi_grants_host(const berth_grants *grants, berthi_right right, const char *host,
                        size_t size, uint16_t port);
/* The port is not known yet: a name may be looked up when some port of it may be reached. */
bool berthi_grants_lookup(const berth_grants *grants, const char *host, size_t size);

/* An address of 4 or 16 bytes, in the order of the network, that the plugin gives itself, or
 * (`name` not NULL) that the name resolved to.  One of a private range (loopback, link-local, site,
 * shared, unique local, mapped ones of these, multicast, unspecified) is granted by a pattern that
 * is an address or a range of addresses; what came of a name also when net:private is granted, and
 * loopback that came of `localhost` when a pattern is that name. */
bool berthi_grants_address(const berth_grants *grants, berthi_right right,
                           const uint8_t *address, size_t address_size, uint16_t port,
                           const char *name, size_t name_size);

/* The same of NET_CONNECT before the port is known: some port of it may be reached. */
bool berthi_grants_resolved(const berth_grants *grants, const uint8_t *address,
                            size_t address_size, const char *name, size_t name_size);

/* `method` in any case. */
bool berthi_grants_http(const berth_grants *grants, const char *method, size_t method_size,
                        const char *host, size_t host_size, uint16_t port);

/* Before a connection for HTTP: the address that `host` came to, which is a host that was granted; or
 * `host` itself.  Denials of addresses hold here too, and one of a private range is granted as in
 * berthi_grants_address(). */
bool berthi_grants_http_address(const berth_grants *grants, const char *method,
                                size_t method_size, const uint8_t *address, size_t address_size,
                                const char *host, size_t host_size, uint16_t port);

/* The folders that plugins are given: for each pattern of a path that begins in no folder of another
 * one, the folder in front of its first wildcard. */
typedef struct berthi_grant_folder {
    const char *guest; /* as plugins name it */
    const char *host;  /* where it is */
} berthi_grant_folder;
const berthi_grant_folder *berthi_grants_folders(const berth_grants *grants,
                                                 uint32_t *count_out);

/* The environment that plugins see, in the order of the grants. */
typedef struct berthi_grant_variable {
    const char *name, *value;
} berthi_grant_variable;
const berthi_grant_variable *berthi_grants_environment(const berth_grants *grants,
                                                       uint32_t *count_out);

const berth_grants_options *berthi_grants_options(const berth_grants *grants);

/* Readable once the grants are revoked; for waits.  -1: `grants` is NULL. */
int berthi_grants_revoked_fd(const berth_grants *grants);
bool berthi_grants_are_revoked(const berth_grants *grants);

const berth_grants *berthi_grants_ref(const berth_grants *grants);
void berthi_grants_unref(const berth_grants *grants);

#endif
