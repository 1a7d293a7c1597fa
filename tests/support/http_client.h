/* http_client.h - a peer over HTTP that says what it is told to, byte for byte. */
#ifndef BERTHT_HTTP_CLIENT_H
#define BERTHT_HTTP_CLIENT_H

#include <stddef.h>

enum { HTTP_CLIENT_ROOM = 1 << 16 };

typedef struct http_client {
    int fd;
    size_t size; /* of `data`: heard, and not yet looked at */
    char data[HTTP_CLIENT_ROOM];
    /* the last answer */
    int status; /* 0: the connection was closed instead */
    char head[4096], body[HTTP_CLIENT_ROOM];
    size_t body_size;
    char line[256], value[256];
} http_client;

/* To a Unix socket, once somebody listens there; or to a port of the loopback. */
void http_client_open(http_client *c, const char *path);
void http_client_open_port(http_client *c, unsigned port);
void http_client_close(http_client *c);
void http_client_say(http_client *c, const char *text); /* as far as it is taken */
void http_client_send(http_client *c, const void *data, size_t size);
/* A POST of a body, with `fields` ("A: b\r\n" or ""). */
void http_client_post(http_client *c, const char *target, const char *fields, const char *body);
/* The next answer, whole: by its length, its chunks, or the connection's end.  Its status. */
int http_client_hear(http_client *c);
/* What the answer has in that field, which is lent until the next call; "": nothing. */
const char *http_client_field(http_client *c, const char *name);

#endif
