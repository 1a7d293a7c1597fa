/* listen/listener.h - HTTP/1.1 requests from outside, by libmicrohttpd.
 *
 * What this directory is: a thread that accepts, reads and writes for one address, and the exchanges that it hands to
 * others.  Who has one answers it from any thread; libmicrohttpd itself is called by that thread alone.  Read
 * docs/design/0017-http.md first.  Layer: listen.
 *
 *   listener.c  the thread, the queue of who waits     daemon.c   libmicrohttpd's functions
 *   exchange.c  bodies both ways, and how one ends     absent.c   a build without libmicrohttpd
 *
 * An exchange is queued once its body is there, or as much of it as `body_room`; nobody waits in the queue for
 * longer than `wait_ns`.  All that a peer can make grow has a bound here. */
#ifndef BERTHI_LISTEN_LISTENER_H
#define BERTHI_LISTEN_LISTENER_H

#include <berth/http.h>

#include <stdbool.h>

#include "os/code.h"

typedef struct berthi_listener berthi_listener;
typedef struct berthi_exchange berthi_exchange;

typedef struct berthi_listener_counts {
    uint64_t connections, lost, requests, refused, bytes_in;
    uint32_t peers, waiting;
} berthi_listener_counts;

/* Why a request is not taken: a status from 400 on, and one line for its author; 0: it is. */
typedef struct berthi_refusal {
    uint16_t status;
    char text[200];
} berthi_refusal;

void berthi_refuse(berthi_refusal *refusal, uint16_t status, const char *text);

typedef struct berthi_exchange_sums { /* of one that is over */
    uint16_t status; /* that its peer was told; 0: it had no answer, or a part of one */
    uint64_t bytes_in, bytes_out;
    uint64_t took_ns; /* until the peer had it all, or went */
    uint64_t note;
} berthi_exchange_sums;

typedef struct berthi_listener_ops { /* on the listener's thread, with no lock held */
    /* Its head is there.  NULL: any will do. */
    void (*look)(void *ctx, const berthi_exchange *x, berthi_refusal *refusal);
    /* It is to be queued: its body is whole, or fills `body_room`.  NULL: as it is. */
    void (*judge)(void *ctx, berthi_exchange *x, berthi_refusal *refusal);
    /* It was queued.  NULL: berthi_listener_take() is waited in. */
    void (*tell)(void *ctx);
    /* What has come to pass until now, whenever something may have.  NULL: nobody wants to know. */
    void (*count)(void *ctx, const berthi_listener_counts *now);
    /* It is over: its peer is through with it, and whoever took it has dropped it.  NULL: nobody wants to know. */
    void (*log)(void *ctx, const berthi_exchange *x, const berthi_exchange_sums *sums);
} berthi_listener_ops;

typedef struct berthi_listener_options { /* no number is 0 */
    const char *address;                 /* "127.0.0.1:8080", "[::1]:0", "unix:/run/x.sock" */
    uint32_t connections_max;            /* further ones wait to be let in */
    uint32_t waiting_max;                /* exchanges that are queued; further ones get 503 */
    uint64_t header_bytes;               /* of a request's line and fields */
    uint64_t body_max;                   /* of one request: 413 */
    uint64_t body_room;      /* of what is held of it; the whole, if body_max is not more */
    uint64_t bytes_max;      /* of all bodies that are held: 503 */
    uint64_t idle_ns;        /* a connection that says nothing */
    uint64_t request_ns;     /* until a request, or its answer, has gone over: 408 */
    uint64_t wait_ns;        /* in the queue: 503 */
    uint64_t retry_after_ns; /* what a 503 says */
    const berth_allocator *allocator;
    const berthi_listener_ops *ops;
    void *ctx; /* of the ops */
} berthi_listener_options;

bool berthi_listener_is_built(void);
/* Fails: BERTH_E_ABSENT (built without libmicrohttpd), BERTH_E_INVALID (the address), BERTH_E_OS, BERTH_E_NOMEM. */
berth_status berthi_listener_open(const berthi_listener_options *o,
                                  berthi_listener **listener_out, berth_diag *diag)
    __attribute__((warn_unused_result));
uint16_t berthi_listener_port(const berthi_listener *l); /* 0: of a Unix socket */
/* It begins to end: nobody is let in, what is queued and what comes gets 503, what is being answered goes on.
 * berthi_listener_take() has nothing any more. */
void berthi_listener_end(berthi_listener *l);
/* What was answered has until `until_ns` to go over, then it is cut.  Everybody has dropped his exchanges. */
void berthi_listener_close(berthi_listener *l, uint64_t until_ns);

/* The one that waits longest; NULL: there is none until then, or the listener ends.  End it with
 * berthi_exchange_drop(). */
berthi_exchange *berthi_listener_take(berthi_listener *l, uint64_t until_ns);

/* ---------------------------------------------------------------- what is asked */

/* Lent until it is dropped; trailers once the body is whole. */
const berth_http_request *berthi_exchange_request(const berthi_exchange *x);
/* The first of that name, which is in small letters; "": there is none. */
berth_string berthi_exchange_field(const berthi_exchange *x, const char *name);
const char *berthi_exchange_peer(const berthi_exchange *x);
/* A number of whoever answers it, for the log. */
void berthi_exchange_note(berthi_exchange *x, uint64_t note);
/* One that was judged and is whole: all of its body. */
const void *berthi_exchange_body(const berthi_exchange *x, size_t *size_out);
/* Some bytes; 0: the end.  WOULD_BLOCK, CLOSED (no more will come). */
berthi_code berthi_exchange_read(berthi_exchange *x, void *to, size_t *size_io);
/* Its trailers, once read() said the end. */
const berth_http_field *berthi_exchange_trailers(const berthi_exchange *x, size_t *count_out);
/* Descriptors: readable when read() has something to say; when room() is not 0.  0 or an errno value. */
int berthi_exchange_fds(berthi_exchange *x, int *in_out, int *out_out);

/* ---------------------------------------------------------------- what is answered */

/* The answer begins.  Fields of the connection are left out. */
berth_status berthi_exchange_begin(berthi_exchange *x, uint16_t status,
                                   const berth_http_field *fields, size_t count)
    __attribute__((warn_unused_result));
size_t berthi_exchange_room(berthi_exchange *x);
/* At most room().  Fails: BERTH_E_CLOSED (the peer has gone), BERTH_E_LIMIT, BERTH_E_NOMEM. */
berth_status berthi_exchange_write(berthi_exchange *x, const void *data, size_t size)
    __attribute__((warn_unused_result));
/* The answer is whole. */
berth_status berthi_exchange_end(berthi_exchange *x, const berth_http_field *trailers,
                                 size_t count) __attribute__((warn_unused_result));
/* All of one, with a line of text ("": nothing). */
void berthi_exchange_answer(berthi_exchange *x, uint16_t status, const char *text);
/* What was not answered gets no answer, and what was begun is broken off. */
void berthi_exchange_drop(berthi_exchange *x);

#endif
