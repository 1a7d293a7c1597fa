/* control.h - the server behind `--control`: requests are lines, answers are lines of JSON.  Layer: cli. */
#ifndef BERTH_CONTROL_H
#define BERTH_CONTROL_H

#include "cli.h"

typedef struct control control;

/* Listens on a new socket at `path`.  `answer` is called for each request line on one of two
 * threads, `is_slow` decides which; both get text that ends without its newline. */
typedef struct control_handler {
    void *context;
    bool (*is_slow)(const char *request);
    char *(*answer)(void *context, const char *request);
} control_handler;

int control_open(const char *path, const control_handler *handler, control **control_out);
int control_start(control *server);
void control_remove(control *server); /* unlinks the socket; async-signal-safe */
void control_close(control *server);  /* answers what is being worked on; NULL is left alone */

#endif
