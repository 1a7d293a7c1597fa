/* os/local_socket.h - streams between processes by a path, and texts of addresses.  Layer: os. */
#ifndef BERTHI_OS_LOCAL_SOCKET_H
#define BERTHI_OS_LOCAL_SOCKET_H

#include "os/socket.h"

/* Listens there.  A socket that nobody listens at any more is taken away first.
 * Fails: NAME_TOO_LONG, ADDRESS_IN_USE (somebody listens, or it is no socket), ... */
berthi_code berthi_local_listen(const char *path, uint32_t backlog, int *fd_out);
/* OK, REFUSED, NO_ENTRY, WOULD_BLOCK (more wait than the listener has room for), ... */
berthi_code berthi_local_connect(const char *path, int *fd_out);
/* The same at an address. */
berthi_code berthi_address_listen(const berthi_address *at, uint32_t backlog, int *fd_out);
void berthi_local_remove(const char *path);

/* The next peer of a listener of any family.  WOULD_BLOCK: there is none. */
berthi_code berthi_socket_take(int fd, int *fd_out);

/* "127.0.0.1:80", "[::1]:80". */
void berthi_address_show(const berthi_address *address, char *text, size_t size);
/* "127.0.0.1:80", "[::1]:80": an address.  "example.org:80": the name, its size in *name_size_out, and a port; the address has the size
 * 0.  False: none of these. */
bool berthi_address_parse(const char *text, berthi_address *address_out, size_t *name_size_out);

#endif
