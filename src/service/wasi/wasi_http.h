/* service/wasi/wasi_http.h - what the files of wasi:http share.  Layer: service. */
#ifndef BERTHI_SERVICE_WASI_HTTP_H
#define BERTHI_SERVICE_WASI_HTTP_H

#include "service/http/fields.h"
#include "service/http/served.h"
#include "service/http/transfer.h"
#include "service/wasi/wasi.h"

#define BERTHI_HTTP(name) berthi_wasi_http_types_##name

enum { BERTHI_HTTP_TEXT_MAX = 8192 }; /* a path, an authority */

typedef struct berthi_http_text {
    char *text; /* size + 1 bytes, or NULL: none */
    size_t size;
} berthi_http_text;

/* A future response: a request that goes, or waits for its body. */
typedef struct berthi_http_exchange {
    berthi_object object;
    berthi_transfer *transfer; /* NULL: it could not go, and `code` says why */
    berthi_http_code code;
    bool is_started, is_given;
    bool says_size; /* a field says how long its body is: `said_size` */
    uint64_t said_size;
} berthi_http_exchange;

/* A body that is written: a request's is kept until it is whole, a response's until somebody takes it. */
typedef struct berthi_http_outgoing_body {
    berthi_object object;
    berthi_bytes bytes;                    /* of the services' allocator */
    struct berthi_http_exchange *exchange; /* one reference, once the request was handed in */
    berthi_http_served *served;            /* one reference, once the response was */
    berthi_http_fields *trailers;          /* one reference; of a response that was not yet */
    bool is_response;
    bool is_written; /* its stream was given */
    bool is_finished;
} berthi_http_outgoing_body;

typedef struct berthi_http_request {
    berthi_object object;
    berthi_http_fields *headers; /* one reference */
    berthi_http_text method, scheme, authority, path;
    berthi_http_outgoing_body *body; /* one reference, once it was taken */
} berthi_http_request;

typedef struct berthi_http_response {
    berthi_object object;
    berthi_http_fields *headers;     /* one reference */
    berthi_http_outgoing_body *body; /* one reference, once it was taken */
    uint16_t status;
} berthi_http_response;

extern const char *const berthi_http_methods[]; /* in the order of the WIT */

typedef struct berthi_http_options {
    berthi_object object;
    bool has[3];
    uint64_t ns[3]; /* connect, first byte, between bytes */
} berthi_http_options;

extern const berthi_object_class berthi_http_exchange_class, berthi_http_outgoing_body_class;

/* Without memory for a text, or with one that may not be there: false. */
bool berthi_http_text_set(berthi_services *s, berthi_http_text *to, const char *text,
                          size_t size);
void berthi_http_text_end(berthi_services *s, berthi_http_text *text);

/* Begins to send what `request` says.  NULL: no room for it. */
berthi_http_exchange *berthi_http_exchange_make(const berthi_http_request *request,
                                                const berthi_http_options *options);
/* Its body is complete.  One that is not as long as the request says is not sent. */
void berthi_http_exchange_go(berthi_http_exchange *e, const berthi_bytes *body);

/* Its body never will be. */
void berthi_http_exchange_abandon(berthi_http_exchange *e);

/* CLOSED when it is finished, FILE_TOO_LARGE, NO_MEMORY, also when its instance has the host keep too much. */
berthi_code berthi_http_outgoing_body_add(berthi_http_outgoing_body *b, const void *from,
                                          size_t size);
/* What came, which is there.  NULL: no room for it. */
berthi_input *berthi_http_body_input(berthi_http_exchange *of);

/* The response that the body is of was handed in.  Waits for whoever takes it, as berthi_services_wait(). */
berth_status berthi_http_outgoing_body_serve(berthi_http_outgoing_body *b,
                                             berthi_http_served *d, berth_diag *diag)
    __attribute__((warn_unused_result));
/* The body of a request that came in.  NULL: no room for it. */
berthi_object *berthi_http_incoming_body_of(berthi_http_served *d);

BERTHI_HTTP(error_code) berthi_wasi_http_error(berthi_http_code code);

void berthi_wasi_fill_http_fields(berthi_wasi_imports *imports);
void berthi_wasi_fill_http_bodies(berthi_wasi_imports *imports);
void berthi_wasi_fill_http_incoming(berthi_wasi_imports *imports);
void berthi_wasi_fill_http_responses(berthi_wasi_imports *imports);

#endif
