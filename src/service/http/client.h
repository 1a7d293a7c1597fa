/* service/http/client.h - HTTP requests without a thread: whoever has the descriptor drives them, by libcurl.
 *
 * Connections are kept and used again.  Nothing here asks for grants: these are requests of the host's own.  What is
 * answered is looked at as far as a line of it; the rest is thrown away.  Thread: one.  Layer: service. */
#ifndef BERTHI_SERVICE_CLIENT_H
#define BERTHI_SERVICE_CLIENT_H

#include "service/http/transfer.h"

typedef struct berthi_client berthi_client;

typedef struct berthi_client_request { /* zeroed: nothing was asked */
    /* lent until it is done or dropped */
    const char *method, *url;
    const void *body;
    size_t body_size;
    uint64_t timeout_ns; /* of all of it */
    /* when it is done */
    bool is_done;
    berthi_http_code code;
    uint16_t status;
    uint64_t retry_after_ns; /* 0: it does not say */
    char text[120];          /* how the answer's body begins; not terminated */
    size_t text_size;
    /* the client's */
    void *curl;
    struct curl_slist *lines;
} berthi_client_request;

/* Fails: BERTH_E_NOMEM, BERTH_E_OS. */
berth_status berthi_client_open(const berth_allocator *a, uint32_t requests_max,
                                berthi_client **client_out, berth_diag *diag)
    __attribute__((warn_unused_result));
/* Every request was dropped. */
void berthi_client_close(berthi_client *c);

/* "Name: value", before it is started.  Fails: NO_MEMORY. */
berthi_http_code berthi_client_line(berthi_client_request *r, const char *line);
/* Fails: NO_MEMORY.  Then it is as if it had been dropped. */
berthi_http_code berthi_client_start(berthi_client *c, berthi_client_request *r);
/* Nothing becomes of it any more; one that was not started is left alone. */
void berthi_client_drop(berthi_client *c, berthi_client_request *r);

int berthi_client_fd(const berthi_client *c); /* readable when there is something to do */
/* Does what can be done without waiting; gives when it has to be called again at the latest. */
void berthi_client_run(berthi_client *c, uint64_t *due_ns_out);

#endif
