/* http_server.h - a server on the loopback, whose paths say how it answers: /hello, /chunked, /elsewhere, /cut,
 * /much, /fields, /echo, /stall. */
#ifndef BERTHT_HTTP_SERVER_H
#define BERTHT_HTTP_SERVER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

typedef struct server {
    int listener;
    unsigned port;
    pthread_t thread;
    atomic_uint requests;
    int held;        /* a connection that gets no answer */
    char last[4096]; /* the last request; the plugin has its answer before it is looked at */
} server;

/* False, with a line that says so: there is no loopback. */
bool server_start(server *s);
void server_stop(server *s);

#endif
