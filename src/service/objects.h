/* service/objects.h - what a plugin holds of the host's: streams, what may be waited for, errors.
 *
 * An object is counted.  A handle of the plugin's is one reference; a child (a stream of a file, a
 * pollable of a stream) has one to its parent, so that the order in which a plugin drops them does
 * not matter: what the system gave is given back when the last of a family is gone.  The table of
 * the plugin's instance is bounded, and ends what is left in it when the instance ends (I6).
 *
 * Thread: one, that of the instance.  Layer: service. */
#ifndef BERTHI_SERVICE_OBJECTS_H
#define BERTHI_SERVICE_OBJECTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "os/code.h"

typedef struct berthi_services berthi_services;
typedef struct berthi_object berthi_object;

/* What has to happen before an object is ready. */
typedef struct berthi_wait {
    bool is_ready;            /* nothing: it is */
    bool for_read, for_write; /* on `fd` */
    int fd;                   /* -1: none */
    uint64_t at_ns;           /* the monotonic clock reads this; UINT64_MAX: no time */
} berthi_wait;

typedef struct berthi_object_class {
    const char *name;
    size_t size; /* of the whole object */
    /* Gives back what the object has; its memory goes afterwards.  May be NULL. */
    void (*end)(berthi_object *object);
    /* What a pollable of it waits for.  NULL: it is always ready. */
    void (*look)(berthi_object *object, berthi_wait *wait);
} berthi_object_class;

struct berthi_object { /* the head of each */
    const berthi_object_class *class;
    berthi_services *services;
    uint32_t refs;
};

/* Zeroed behind the head, with one reference.  NULL: no memory, or the instance has as many objects
 * as it may (services.h). */
void *berthi_object_make(berthi_services *s, const berthi_object_class *class);
/* Returns `object`. */
void *berthi_object_ref(void *object);
void berthi_object_unref(void *object); /* NULL is left alone */

/* ---------------------------------------------------------------- streams */

typedef struct berthi_input berthi_input;
typedef struct berthi_output berthi_output;

/* Bytes that come.  `object.class->look` says when there are some, or the end. */
typedef struct berthi_input_ops {
    /* Reads what is there, never waits.  *size_io is the room, then how much was read, which is not 0.
     * BERTHI_CODE_WOULD_BLOCK: nothing yet.  BERTHI_CODE_CLOSED: nothing more.  Else: it failed. */
    berthi_code (*read)(berthi_input *in, void *to, size_t *size_io);
    /* The same without taking the bytes anywhere.  NULL: they are read. */
    berthi_code (*skip)(berthi_input *in, uint64_t *size_io);
} berthi_input_ops;

struct berthi_input {
    berthi_object object;
    const berthi_input_ops *ops;
};

/* Bytes that go.  `object.class->look` says when check() has an answer that is not 0. */
typedef struct berthi_output_ops {
    /* How much write() takes now; 0: wait.  BERTHI_CODE_CLOSED, or what failed. */
    berthi_code (*check)(berthi_output *out, size_t *room_out);
    /* Takes all of it, at most what check() said last; never waits. */
    berthi_code (*write)(berthi_output *out, const void *from, size_t size);
    /* Begins to bring on what was taken; check() answers 0 until that is done.  NULL: it is done
     * by write(). */
    berthi_code (*flush)(berthi_output *out);
} berthi_output_ops;

struct berthi_output {
    berthi_object object;
    const berthi_output_ops *ops;
    uint64_t permit; /* what the plugin was told that it may write; the host's functions' own */
};

/* ---------------------------------------------------------------- pollables */

typedef struct berthi_pollable {
    berthi_object object;
    berthi_object *of; /* one reference; NULL: a moment alone */
    uint64_t at_ns;    /* of a moment */
} berthi_pollable;

extern const berthi_object_class berthi_pollable_class;

/* Takes no reference of the caller's.  NULL as berthi_object_make(). */
berthi_pollable *berthi_pollable_of(berthi_object *object);
berthi_pollable *berthi_pollable_at(berthi_services *s, uint64_t at_ns);

/* ---------------------------------------------------------------- errors */

/* What a stream's `last-operation-failed` carries; wasi:filesystem and wasi:sockets ask it for its
 * code. */
typedef struct berthi_error {
    berthi_object object;
    berthi_code code;
} berthi_error;

extern const berthi_object_class berthi_error_class;
berthi_error *berthi_error_make(berthi_services *s, berthi_code code);

#endif
