/* service/http/served.h - a request that came in, while a plugin answers it.
 *
 * What the host lends for the call is reached through one object, to which all that the plugin holds of the
 * exchange has a reference.  When the call is over the object is emptied: a handle that the plugin kept finds
 * nothing behind it.  Layer: service. */
#ifndef BERTHI_SERVICE_SERVED_H
#define BERTHI_SERVICE_SERVED_H

#include <berth/http.h>

#include "service/http/fields.h"

typedef struct berthi_http_served {
    berthi_object object;
    const berth_http_request *request; /* lent; NULL: the call is over */
    const berth_http_sink *sink;       /* the same */
    berthi_http_fields *fields;        /* of the request; one reference */
    size_t at;                         /* how much of the whole part of the body was read */
    bool is_read_up;                   /* nothing more comes of the body */
    bool is_broken;                    /* its rest never will */
    bool is_set, is_ended, is_deaf;    /* the response: begun, whole, not wanted any more */
    bool has_error;                    /* in its place, and what it says */
    char said[160];
    bool is_wrong;  /* more was written than the response says that it has */
    bool says_size; /* a field says how long the body is: `said_size` */
    uint64_t said_size;
    uint64_t read, written; /* bytes of bodies */
} berthi_http_served;

/* What berth_slot_http() asks of a request, before a plugin hears of it. */
berth_status berthi_http_check_request(const berth_http_request *request, berth_diag *diag)
    __attribute__((warn_unused_result));

/* NULL: no room for it. */
berthi_http_served *berthi_http_served_make(berthi_services *s,
                                            const berth_http_request *request,
                                            const berth_http_sink *sink);
/* The call is over: what became of the exchange, when the plugin itself did nothing wrong.  Takes the
 * reference.  Fails: BERTH_E_PLUGIN. */
berth_status berthi_http_served_end(berthi_http_served *d, berth_diag *diag)
    __attribute__((warn_unused_result));

/* As the ops of a berthi_input, and what its pollables wait for. */
berthi_code berthi_http_served_read(berthi_http_served *d, void *to, size_t *size_io);
void berthi_http_served_look_in(const berthi_http_served *d, berthi_wait *wait);
/* Reads what nobody wants to have.  False: the end is not there yet. */
bool berthi_http_served_drain(berthi_http_served *d);
/* Those of the request, immutable; behind the end.  NULL: no room for them. */
berthi_http_fields *berthi_http_served_trailers(const berthi_http_served *d);

/* As the ops of a berthi_output. */
berthi_code berthi_http_served_room(const berthi_http_served *d, size_t *room_out);
berthi_code berthi_http_served_write(berthi_http_served *d, const void *from, size_t size);
void berthi_http_served_look_out(const berthi_http_served *d, berthi_wait *wait);

/* The response begins.  Fails: BERTH_E_NOMEM. */
berth_status berthi_http_served_head(berthi_http_served *d, uint16_t status,
                                     const berthi_http_fields *fields)
    __attribute__((warn_unused_result));
/* Its body is as long as its fields say. */
bool berthi_http_served_fits(const berthi_http_served *d);
/* It is whole.  `trailers` may be NULL.  Fails: BERTH_E_NOMEM. */
berth_status berthi_http_served_finish(berthi_http_served *d,
                                       const berthi_http_fields *trailers)
    __attribute__((warn_unused_result));

#endif
