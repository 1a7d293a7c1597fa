/* control_socket.h - a Unix socket in the file system, made so that nobody else's is harmed.
 * Layer: cli. */
#ifndef BERTH_CONTROL_SOCKET_H
#define BERTH_CONTROL_SOCKET_H

#include <sys/stat.h>

#include "cli.h"

typedef struct control_socket {
    int fd; /* listens, does not block; -1: none */
    char *path;
    dev_t device;
    ino_t inode;
} control_socket;

/* Listens at `path`.  The socket is private (0600) and listens from the moment it can be found.
 * Refuses a path where something is, unless it is a socket that nobody listens on.
 * CLI_OK, or an exit code, said why. */
int control_socket_open(control_socket *s, const char *path, int clients_max);

/* Takes the name away, if it is ours still; async-signal-safe. */
void control_socket_remove(const control_socket *s);

void control_socket_close(control_socket *s); /* leaves the name */

#endif
