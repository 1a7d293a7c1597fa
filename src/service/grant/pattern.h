/* service/grant/pattern.h - patterns of paths, hosts and names, and nothing but them.
 *
 * A path's parts match part by part: `*` is any bytes of one part, `?` one character, `[abc]` and `[a-z]` one of
 * several, and a part `**` any number of parts, none among them.  There is no way out of it: a path
 * that has a part `.`, `..` or none matches nothing.
 *
 * Layer: service. */
#ifndef BERTHI_SERVICE_PATTERN_H
#define BERTHI_SERVICE_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BERTHI_PATTERN_MAX = 4096, BERTHI_HOST_NAME_MAX = 253 };

typedef enum berthi_host_form {
    BERTHI_HOST_ANY,    /* * */
    BERTHI_HOST_BELOW,  /* *.name: any depth below it, not itself */
    BERTHI_HOST_NAME,   /* name */
    BERTHI_HOST_ADDRESS /* an address, or the first bits of one */
} berthi_host_form;

typedef struct berthi_host_pattern {
    berthi_host_form form;
    char name[BERTHI_HOST_NAME_MAX + 1]; /* lower case, no dot at its end */
    uint8_t address[16];
    uint8_t address_size, bits;
    uint16_t port_first, port_last; /* 0, 65535: any */
} berthi_host_pattern;

/* NULL, or what is wrong with it. */
const char *berthi_path_pattern_check(const char *pattern);
/* The bytes in front of the first part with a wildcard, or of the last part: a folder.  At least 1. */
size_t berthi_path_pattern_folder(const char *pattern);
bool berthi_path_pattern_has_wildcard(const char *pattern);
/* Absolute, UTF-8, without NUL, `.`, `..` and empty parts, at most BERTHI_PATTERN_MAX bytes. */
bool berthi_path_is_plain(const char *path, size_t size);
/* `path` is plain, as it is below. */
bool berthi_path_matches(const char *pattern, const char *path, size_t size);
bool berthi_path_may_lead(const char *pattern, const char *path, size_t size);

/* One part, or a name: `*`, `?` and `[...]`. */
bool berthi_part_matches(const char *pattern, size_t pattern_size, const char *text,
                         size_t size);

/* "host:port", "[v6]:port", "host/bits:port"; port is a number, two with `-` between them, or `*`.
 * Without a port: that of `port_first` .. `port_last`, unless port_first is past it.  NULL, or what
 * is wrong. */
const char *berthi_host_pattern_read(const char *text, uint16_t port_first, uint16_t port_last,
                                     berthi_host_pattern *pattern_out);
/* `name` is a name, not an address; any case, with or without a dot at its end. */
bool berthi_host_matches_name(const berthi_host_pattern *p, const char *name, size_t size);
bool berthi_host_matches_address(const berthi_host_pattern *p, const uint8_t *address,
                                 size_t size);

/* An address written as text, with or without brackets; its size, 0: it is none. */
size_t berthi_address_read(const char *text, size_t size, uint8_t address_out[16]);
/* Of no use to anybody outside of this machine or its neighbourhood (RFC 6890 and others). */
bool berthi_address_is_private(const uint8_t *address, size_t size);
bool berthi_address_is_loopback(const uint8_t *address, size_t size);

#endif
