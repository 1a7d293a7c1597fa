/* http_taker.h - a server on the loopback that takes bodies and answers as its test says, on connections that stay. */
#ifndef BERTHT_HTTP_TAKER_H
#define BERTHT_HTTP_TAKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

enum { TAKER_PEERS = 64, TAKER_TEXT = 1 << 16 };
enum {
    TAKER_VANISHES = 0, /* instead of a status: closes the connection */
    TAKER_HOLDS = -1    /* until the end */
};

typedef struct http_taker http_taker;

typedef struct taker_peer {
    http_taker *taker;
    int fd;
    pthread_t thread;
} taker_peer;

struct http_taker {
    int listener;
    unsigned port;
    pthread_t thread;
    const int *answers; /* one for each request, the last one for all that follow */
    size_t answers_count;
    unsigned gather; /* so many requests are there before the first one is answered */
    atomic_uint requests, peers_count;
    taker_peer peers[TAKER_PEERS];
    pthread_mutex_t lock;
    /* guarded by lock */
    char bodies[TAKER_TEXT]; /* of those it answered, each with a `|` behind it */
    char last_head[4096];
    char keys[TAKER_TEXT]; /* Idempotency-Key of each request, the same way */
};

/* False, with a line that says so: there is no loopback. */
bool taker_start(http_taker *t, const int *answers, size_t count);
void taker_stop(http_taker *t);

#endif
