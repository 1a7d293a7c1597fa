/* berth/serve.h - an address at which the plugin in a slot answers HTTP requests.
 *
 * A server accepts HTTP/1.1 connections, has the slot's current version answer each request (<berth/http.h>) on threads
 * of its own, and writes what it says.  Swap the slot at any time.  What a plugin may do is what the slot was granted; that
 * it is asked needs no grant.  How requests are bounded, and what peers hear: docs/http.md.
 * Words: <berth/base.h>.  Stability: draft until 1.0.
 */
#ifndef BERTH_SERVE_H
#define BERTH_SERVE_H

#include <berth/http.h>

BERTH_BEGIN

typedef struct berth_server berth_server;

/* One request that is over, of those whose head was HTTP. */
typedef struct berth_server_entry {
    uint32_t size;   /* sizeof(berth_server_entry) */
    uint16_t status; /* that the peer was told; 0: it has no answer, or a part of one */
    uint16_t reserved;
    berth_string peer, method, path; /* the path as it was asked for, with its query */
    uint64_t bytes_in, bytes_out;    /* of bodies */
    uint64_t took_ns; /* from its first line until the peer had the answer, or went */
    uint64_t version; /* that was called, also when that failed; 0: none was */
} berth_server_entry;

typedef struct berth_server_options {
    uint32_t size;    /* sizeof(berth_server_options), set by the _INIT */
    uint32_t workers; /* requests that are answered at once, 1 to 64 */
    const char *
        address; /* "127.0.0.1:8080", "[::1]:0" (any port), "unix:/run/x.sock"; has to be said */
    uint32_t connections_max; /* further ones wait to be let in */
    uint32_t waiting_max;     /* requests that wait for a worker; further ones get 503 */
    /* the next two, request_ns and idle_ns: a day at the most */
    uint64_t wait_ns;        /* what has waited so long gets 503 */
    uint64_t retry_after_ns; /* what a 503 says about the next try */
    uint64_t header_bytes;   /* of a request's line and fields, about */
    uint64_t body_bytes_max; /* of a request: 413 */
    uint64_t held_bytes_max; /* of all bodies, both ways, at least two of the largest: 503 */
    uint64_t
        request_ns;   /* until a request is there: 408; until what was answered is taken: cut */
    uint64_t idle_ns; /* a connection on which nothing happens is closed */
    uint64_t deadline_ns; /* of a call; 0: the slot's */
    /* Each request that is over: its peer has the answer or has gone, and its call has ended.  `entry` is lent for the call.  On a
     * thread of the server's, one at a time; must not wait, nor close the server. */
    void (*log)(void *ctx, const berth_server_entry *entry);
    void *log_ctx;
} berth_server_options;
#define BERTH_SERVER_OPTIONS_INIT                                                              \
    BERTH_INIT((uint32_t)sizeof(berth_server_options), 4, NULL, 64, 64, UINT64_C(5000000000),  \
               UINT64_C(1000000000), 16384, 16777216, 67108864, UINT64_C(30000000000),         \
               UINT64_C(60000000000), 0, NULL, NULL)

/* Opens it, and serves until it is closed.  The slot outlives the server.
 * Gives *server_out.  Thread: any.  Blocks: briefly.
 * Fails: BERTH_E_ABSENT (this was built without libmicrohttpd), BERTH_E_INVALID (an option), BERTH_E_OS (the address
 *        is in use, ...), BERTH_E_NOMEM. */
BERTH_API BERTH_CHECKED berth_status berth_server_open(berth_slot *slot,
                                                       const berth_server_options *options,
                                                       berth_server **server_out,
                                                       berth_diag *diag);

/* The port that it listens at; 0: a Unix socket.  Thread: any.  Blocks: never. */
BERTH_API uint16_t berth_server_port(const berth_server *server);

/* Lets nobody in any more, answers what waits with 503, and waits for what is being answered: for the plugins until
 * their deadlines, then at most `within_ns` for peers that have not taken it all.  Takes the server; NULL is left alone.
 * Thread: one.  Blocks: until the last call has ended, and then for `within_ns` at the most. */
BERTH_API void berth_server_close(berth_server *server, uint64_t within_ns);

/* Each is exact, but they are not of one moment.  Grows at the end only; set `size`. */
typedef struct berth_server_stats {
    uint32_t size;
    uint32_t peers;             /* connections now */
    uint64_t connections, lost; /* that came; that went */
    uint64_t requests;          /* that were queued for a worker */
    uint64_t refused;           /* that were not, or waited too long */
    uint64_t failed;            /* calls that failed */
    uint64_t bytes_in;          /* of bodies */
} berth_server_stats;

/* Gives *stats.  Thread: any.  Blocks: never.  Fails: BERTH_E_INVALID (`size` was not set), BERTH_E_VERSION. */
BERTH_API BERTH_CHECKED berth_status berth_server_read_stats(const berth_server *server,
                                                             berth_server_stats *stats);

BERTH_END
#endif /* BERTH_SERVE_H */
