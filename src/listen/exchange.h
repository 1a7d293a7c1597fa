/* listen/exchange.h - what one request and its answer are made of, for this folder.  Layer: listen.
 *
 * Fields are guarded by the listener's lock, unless they say `thread`: those are the listener's thread's alone; or
 * `fixed`: written before the exchange is queued. */
#ifndef BERTHI_LISTEN_EXCHANGE_H
#define BERTHI_LISTEN_EXCHANGE_H

#include "listen/listener.h"
#include "os/poll_set.h"
#include "sync/lock.h"

struct MHD_Connection;
struct MHD_Daemon;

enum {
    BERTHI_ANSWER_ROOM = 64 << 10, /* of an answer that nobody has sent yet */
    BERTHI_PEER_TEXT = 64
};

typedef struct berthi_body { /* bytes that go through: in at the end, out at `at` */
    uint8_t *data;
    size_t at, end, room;
} berthi_body;

typedef struct berthi_lines { /* fields in one piece of memory, each text terminated */
    berth_http_field *fields;
    size_t count, bytes; /* bytes: of the memory */
} berthi_lines;

typedef struct berthi_link { /* a connection: `thread` */
    struct berthi_link *next, **at;
    int fd;
    uint64_t due_ns; /* then it is shut; UINT64_MAX: not */
    berthi_exchange *exchange;
    bool was_told; /* 408, or that something is too large: what it says is thrown away */
    char peer[BERTHI_PEER_TEXT];
} berthi_link;

struct berthi_exchange {
    berthi_listener *listener;
    uint32_t refs;
    struct MHD_Connection *connection; /* thread; NULL: it is over */
    berthi_link *link;                 /* thread */
    bool has_begun, is_suspended;      /* thread */
    bool swallows;                     /* thread: it was refused, and its body is short */
    bool has_answer;                   /* thread: libmicrohttpd has it */
    bool is_settled;                   /* thread: nothing is left but to free it */
    berthi_refusal refusal;            /* thread */
    uint16_t told;                     /* thread, as is the next: once it is gone */
    uint64_t took_ns;
    /* fixed */
    char *target;
    size_t target_room;
    char *method, *authority;
    berthi_lines fields;
    berth_http_request request;
    uint64_t began_ns;
    char peer[BERTHI_PEER_TEXT];
    /* the body */
    berthi_body in;
    uint64_t bytes_in;
    bool is_whole;
    berthi_lines trailers;
    int in_fd, out_fd; /* -1: nobody waits */
    /* the queue */
    bool was_queued, is_queued;
    bool is_held; /* somebody took it, and has not dropped it */
    uint64_t queued_ns;
    berthi_exchange *next;
    bool is_kicked; /* in the list of those to go on with; a reference is with it */
    berthi_exchange *next_kicked;
    /* the answer */
    uint16_t status; /* 0: none yet */
    berthi_lines answer, footers;
    bool says_length;
    uint64_t length, bytes_out, note;
    berthi_body out;
    size_t offered; /* of what room() said: it holds, though the body ends and there is less */
    bool is_ended, is_broken, is_gone;
};

struct berthi_listener {
    /* fixed */
    berthi_listener_options options;
    char *path; /* of a Unix socket */
    uint16_t port;
    struct MHD_Daemon *daemon;
    int set, latch, fd, epoll_fd;
    berthi_thread thread;
    /* thread */
    berthi_link *links;
    bool is_armed;
    berthi_lock lock;
    /* guarded by lock */
    berthi_cond more; /* one was queued */
    berthi_exchange *first, **last, *kicked;
    uint32_t waiting, living; /* exchanges that are not settled */
    uint64_t bytes;           /* of bodies that are held */
    uint64_t connections, lost, requests, refused, bytes_in;
    uint32_t peers;
    bool is_closing;
    uint64_t close_ns;
};

/* ---------------------------------------------------------------- exchange.c */

/* Under the lock.  More bytes; false: no memory, or too many are held. */
bool berthi_body_put(berthi_exchange *x, berthi_body *body, const void *data, size_t size);
void berthi_body_take(berthi_exchange *x, berthi_body *body, size_t size);
/* Copies fields; those of the connection are left out.  False: no memory. */
bool berthi_lines_copy(const berth_allocator *a, const berth_http_field *from, size_t count,
                       berthi_lines *to);
berthi_exchange *berthi_exchange_make(berthi_listener *l, const char *target);
void berthi_exchange_ref(berthi_exchange *x); /* under the lock */
void berthi_exchange_unref(berthi_exchange *x);
/* Under the lock: the listener's thread shall go on with it. */
void berthi_exchange_kick(berthi_exchange *x);
/* On the listener's thread: when both its peer and who took it are through with it, it is logged. */
void berthi_exchange_settle(berthi_exchange *x);
/* Under the lock: whoever waits for it looks again. */
void berthi_exchange_stir(berthi_exchange *x);

enum { BERTHI_ANSWER_FIELDS = 3, BERTHI_AFTER_TEXT = 24 };
/* What an answer of a line of text says besides; `after` is where a number is written.  How many. */
size_t berthi_answer_fields(const berthi_listener *l, uint16_t status, bool has_text,
                            char after[BERTHI_AFTER_TEXT],
                            berth_http_field fields[BERTHI_ANSWER_FIELDS]);

/* ---------------------------------------------------------------- listener.c */

/* Puts it into the queue, or says why not.  Takes a reference when it does. */
void berthi_listener_queue(berthi_exchange *x, berthi_refusal *refusal);

/* ---------------------------------------------------------------- daemon.c */

berth_status berthi_daemon_start(berthi_listener *l, berth_diag *diag)
    __attribute__((warn_unused_result));
void berthi_daemon_stop(berthi_listener *l);
void berthi_daemon_quiesce(berthi_listener *l);
/* Does what can be done; gives when it has to be called again at the latest. */
void berthi_daemon_run(berthi_listener *l, uint64_t *due_ns_io);
void berthi_daemon_resume(berthi_exchange *x);
/* Shuts connections whose time is up; gives when the next one's is. */
void berthi_daemon_expire(berthi_listener *l, uint64_t *due_ns_io);

#endif
