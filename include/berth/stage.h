/* berth/stage.h - what a stage of a flow is: a table of functions, and what they may ask for.
 *
 * The functions of one stage never run at the same time and may run on any worker; what one wrote the
 * next one sees.  They must not wait: a stage that has nothing to do now says so with
 * berth_stage_pause() and is told of by berth_stage_ready() from wherever it learns that there is.
 * Words: <berth/base.h>.  How flows behave: docs/flows.md.  Stability: draft until 1.0.
 */
#ifndef BERTH_STAGE_H
#define BERTH_STAGE_H

#include <berth/base.h>

BERTH_BEGIN

typedef struct berth_stage berth_stage;   /* a stage as its own functions see it */
typedef struct berth_buffer berth_buffer; /* where a payload lies; the library's */

#define BERTH_RECORD_BYTES_MAX ((uint64_t)16 << 20) /* of one payload */

typedef struct berth_record {
    const void *data; /* lent until the function returns; NULL never */
    uint64_t size;
    uint64_t sequence;    /* given once, when it came into the flow, counted from 0 */
    uint64_t time_ns;     /* when that was, by the wall clock, since 1970 */
    uint64_t deadline_ns; /* by the monotonic clock; 0: none */
    berth_buffer *buffer;
    uint64_t reserved; /* the library's */
} berth_record;

typedef enum berth_signal {
    BERTH_SIGNAL_PAUSE =
        1, /* to a source: it will not be pulled, for what it made is not wanted yet */
    BERTH_SIGNAL_READY = 2 /* it will be pulled again; always between PAUSE and the next pull */
} berth_signal;

/* What a call answers is BERTH_OK, or why it failed; then what it emitted is taken back, and the stage's
 * error policy decides about the record.  NULL stands for a function that does nothing. */
typedef struct berth_stage_ops {
    uint32_t size;     /* sizeof(berth_stage_ops) */
    uint32_t reserved; /* 0 */
    /* Once, before the flow runs, on the thread that starts it.  What failed is not torn down. */
    berth_status (*init)(void *self, berth_stage *stage, berth_diag *diag);
    /* Sources: emits some records, says berth_stage_end(), or berth_stage_pause().  One that does none of
     * these is asked again a millisecond later. */
    berth_status (*pull)(void *self, berth_stage *stage, berth_diag *diag);
    /* The others: one record, in order.  A filter passes it on or does not. */
    berth_status (*process)(void *self, berth_stage *stage, const berth_record *record,
                            berth_diag *diag);
    /* After the last record of all inputs, once; not when the flow ends otherwise.  May emit. */
    berth_status (*complete)(void *self, berth_stage *stage, berth_diag *diag);
    /* After some calls of process(), before the stage may be left alone for a while.  After berth_stage_pause() it
     * is called again before anything else is.  A sink that has one answers for its records here: they are gone once
     * it succeeds, without a pause.  When it fails, the sink forgets what it was given since the last one that succeeded: the
     * first of these has failed, and the others are given again.  Elsewhere a failure fails the flow. */
    berth_status (*flush)(void *self, berth_stage *stage, berth_diag *diag);
    void (*signal)(void *self, berth_stage *stage,
                   uint32_t signal); /* sources: a berth_signal */
    /* The circuit opened: puts the plugin before this one back in service, where there is one. */
    void (*roll_back)(void *self, berth_stage *stage);
    /* Once, when the flow has ended, however it did; after an init() that succeeded, or was NULL. */
    void (*teardown)(void *self, berth_stage *stage);
} berth_stage_ops;
#define BERTH_STAGE_OPS_INIT                                                                   \
    BERTH_INIT((uint32_t)sizeof(berth_stage_ops), 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, \
               NULL)

/* The number of a port of this stage's.  "out" is 0 wherever there is one.
 * Gives *port_out.  Thread: the stage's functions.  Blocks: never.
 * Fails: BERTH_E_ABSENT (no edge leaves such a port). */
BERTH_API BERTH_CHECKED berth_status berth_stage_port(const berth_stage *stage,
                                                      const char *name, uint32_t *port_out);

/* Emits a copy of `size` bytes.  Lends `data` for the call.
 * Thread: the stage's pull(), process() and complete().  Blocks: never.
 * Fails: BERTH_E_STATE (from elsewhere), BERTH_E_INVALID (no such port), BERTH_E_LIMIT (a budget of buffers, 16 MiB, or emits_max of one
 *        call), BERTH_E_NOMEM.  Then the call has failed, whatever it answers. */
BERTH_API BERTH_CHECKED berth_status berth_stage_emit(berth_stage *stage, uint32_t port,
                                                      const void *data, uint64_t size);

/* What a record has besides its payload. */
typedef struct berth_label {
    const void *key; /* of which there may be none */
    uint64_t key_size;
    /* Each header one after the other: the sizes of its name and its value, 32 bits each with the lowest byte
     * first, the name, the value. */
    const void *headers;
    uint64_t headers_size;
    const char *
        content_type; /* not terminated; a flow has at most 256 different ones of up to 255 bytes */
    uint64_t content_type_size;
} berth_label;
#define BERTH_LABEL_NONE BERTH_INIT(NULL, 0, NULL, 0, NULL, 0)

/* Lends *label_out for as long as the record is lent or kept.
 * Thread: the stage's functions.  Blocks: never. */
BERTH_API void berth_stage_label(const berth_stage *stage, const berth_record *record,
                                 berth_label *label_out);

/* As berth_stage_emit(), of a record with a key, headers and a content type, which are copied too.
 * Thread: the stage's pull(), process() and complete().  Blocks: never.
 * Fails: as berth_stage_emit(); BERTH_E_INVALID also when the headers do not add up, BERTH_E_LIMIT when there are too many
 *        content types. */
BERTH_API BERTH_CHECKED berth_status berth_stage_emit_labelled(berth_stage *stage,
                                                               uint32_t port, const void *data,
                                                               uint64_t size,
                                                               const berth_label *label);

/* Room for a payload of up to `size` bytes, all zeros, which berth_stage_emit_reserved() emits.  What was reserved
 * before and not emitted is forgotten.  Gives *data_out, lent until then or until the call ends.
 * Thread: the stage's pull(), process() and complete().  Blocks: never.
 * Fails: as berth_stage_emit(). */
BERTH_API BERTH_CHECKED berth_status berth_stage_reserve(berth_stage *stage, uint64_t size,
                                                         void **data_out);

/* Emits the first `size` bytes of what was reserved; nothing is copied.
 * Thread: the stage's pull(), process() and complete().  Blocks: never.
 * Fails: as berth_stage_emit(); BERTH_E_INVALID also when less was reserved. */
BERTH_API BERTH_CHECKED berth_status berth_stage_emit_reserved(berth_stage *stage,
                                                               uint32_t port, uint64_t size);

/* Emits a record that the stage was given, or kept: the same payload, not a copy of it.
 * Thread: the stage's process() and complete().  Blocks: never.
 * Fails: as berth_stage_emit(); BERTH_E_INVALID also when it is empty. */
BERTH_API BERTH_CHECKED berth_status berth_stage_pass(berth_stage *stage, uint32_t port,
                                                      const berth_record *record);

/* Makes *record last longer than the call: `*kept` lends its payload until berth_stage_drop(), which comes no
 * later than in teardown().  Thread: the stage's functions.  Blocks: never. */
BERTH_API void berth_stage_keep(berth_stage *stage, const berth_record *record,
                                berth_record *kept);

/* Ends what berth_stage_keep() began, and makes the record empty; an empty one is left alone.
 * Thread: the stage's functions.  Blocks: never. */
BERTH_API void berth_stage_drop(berth_stage *stage, berth_record *kept);

/* Of a source: there is nothing more.  Thread: the stage's pull().  Blocks: never. */
BERTH_API void berth_stage_end(berth_stage *stage);

/* After this call the stage is left alone for `for_ns` (UINT64_MAX: for ever) or until
 * berth_stage_ready().  The record in hand was accepted.
 * Thread: the stage's pull(), process() and flush().  Blocks: never. */
BERTH_API void berth_stage_pause(berth_stage *stage, uint64_t for_ns);

/* Ends a pause, also one that begins with the call that is running.  The stage must not be torn down yet.
 * Thread: any.  Blocks: briefly. */
BERTH_API void berth_stage_ready(berth_stage *stage);

enum { BERTH_WAIT_READ = 1, BERTH_WAIT_WRITE = 2 };
#define BERTH_STAGE_FDS_MAX 1024u

/* Ends a pause once, as berth_stage_ready() does, when `fd` is ready for one of `events` (BERTH_WAIT_...) or has failed;
 * also when it is so already.  Then it has to be said again.  One thread waits for the descriptors of all stages
 * of a flows object.  The stage keeps `fd` open until berth_stage_forget_fd().
 * Thread: the stage's functions.  Blocks: briefly.
 * Fails: BERTH_E_STATE (a descriptor that is always ready, such as a file's), BERTH_E_LIMIT (BERTH_STAGE_FDS_MAX), BERTH_E_NOMEM,
 *        BERTH_E_OS. */
BERTH_API BERTH_CHECKED berth_status berth_stage_wait_fd(berth_stage *stage, int fd,
                                                         uint32_t events, berth_diag *diag);

/* Waits for `fd` no longer: it may be closed.  One that was never waited for is left alone.  Of what a stage has not
 * forgotten when it was torn down nothing is kept.  Thread: the stage's functions.  Blocks: briefly. */
BERTH_API void berth_stage_forget_fd(berth_stage *stage, int fd);

BERTH_END
#endif /* BERTH_STAGE_H */
