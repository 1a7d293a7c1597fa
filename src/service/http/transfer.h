/* service/http/transfer.h - one HTTP request and its response, by libcurl, in a thread of its own.
 *
 * libcurl waits where it likes (for names, for TLS), so it does that beside the plugin's thread, and makes a
 * descriptor readable when all of the response is there or it failed.  A transfer that nobody wants any more is
 * told to stop and left alone: what it has is its own, and it ends with its next look at the
 * time (a second), or when the system's resolver lets it.  BERTHI_TRANSFERS_MAX of them live in a
 * process, those left alone included.
 *
 * Every address is asked of the grants in the moment before it is connected to, whatever the
 * resolver said; there are no proxies, no redirects, and no protocols but HTTP and HTTPS, whose
 * certificates are verified.  Layer: service. */
#ifndef BERTHI_SERVICE_TRANSFER_H
#define BERTHI_SERVICE_TRANSFER_H

#include "service/grant/grants.h"

enum { BERTHI_TRANSFERS_MAX = 32 };

typedef enum berthi_http_code {
    BERTHI_HTTP_OK,
    BERTHI_HTTP_DNS,
    BERTHI_HTTP_PROHIBITED, /* the address may not be connected to */
    BERTHI_HTTP_REFUSED,
    BERTHI_HTTP_TERMINATED,
    BERTHI_HTTP_CONNECT_TIMEOUT,
    BERTHI_HTTP_LIMIT, /* too many transfers */
    BERTHI_HTTP_TLS,
    BERTHI_HTTP_CERTIFICATE,
    BERTHI_HTTP_DENIED, /* no grant */
    BERTHI_HTTP_METHOD,
    BERTHI_HTTP_URI,
    BERTHI_HTTP_REQUEST_SIZE,
    BERTHI_HTTP_INCOMPLETE,
    BERTHI_HTTP_HEADERS_SIZE,
    BERTHI_HTTP_BODY_SIZE,
    BERTHI_HTTP_RESPONSE_TIMEOUT,
    BERTHI_HTTP_PROTOCOL,
    BERTHI_HTTP_NO_MEMORY,
    BERTHI_HTTP_INTERNAL,
    BERTHI_HTTP_CODES
} berthi_http_code;

const char *berthi_http_code_text(berthi_http_code code);

typedef struct berthi_bytes {
    uint8_t *data;
    size_t size, room;
} berthi_bytes;

typedef struct berthi_transfer berthi_transfer;

/* Strings are terminated.  Fails: LIMIT, NO_MEMORY. */
berthi_http_code berthi_transfer_make(const char *method, const char *url, const char *host,
                                      const berth_grants *grants,
                                      berthi_transfer **transfer_out);
/* Before it is started. */
berthi_http_code berthi_transfer_header(berthi_transfer *t, const char *line);
berthi_http_code berthi_transfer_body(berthi_transfer *t, const void *data, size_t size);
void berthi_transfer_timeouts(berthi_transfer *t, uint64_t connect_ns, uint64_t first_byte_ns,
                              uint64_t between_bytes_ns); /* 0: none */
/* Fails: NO_MEMORY, INTERNAL. */
berthi_http_code berthi_transfer_start(berthi_transfer *t);
void berthi_transfer_drop(berthi_transfer *t);

int berthi_transfer_fd(const berthi_transfer *t); /* readable when it is done */
bool berthi_transfer_is_done(const berthi_transfer *t);

/* When it is done. */
berthi_http_code berthi_transfer_code(const berthi_transfer *t);
uint16_t berthi_transfer_status(const berthi_transfer *t);
/* "Name: value\n" behind each other. */
const berthi_bytes *berthi_transfer_headers(const berthi_transfer *t);
const berthi_bytes *berthi_transfer_content(const berthi_transfer *t);

uint32_t berthi_transfers_living(void);

#endif
