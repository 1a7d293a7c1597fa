/* service/services.h - what plugins may ask of the host, behind grants.
 *
 * What this directory is: grant/ reads grants and matches them.  services.c is what one instance of
 * a plugin has of all this: its grants, its objects, its bounds, its clock.  files/ and net/ are the
 * services themselves, over os/, and know no ABI.  wasi/ is WASI 0.2 over them, one small file for
 * each interface, with tables that are made of wit/wasi; preview1/ the same for core modules, which find
 * what they have by guest.h.  Why it is so: docs/design/0013-wasi.md and 0015.  Read first: this file,
 * objects.h, grant/grants.h.
 *
 * A service that may block waits through berthi_services_wait() and nowhere else, so that the call's
 * deadline and the revocation of its grants end every wait.
 *
 * Thread: one, that of the instance.  Layer: service. */
#ifndef BERTHI_SERVICE_SERVICES_H
#define BERTHI_SERVICE_SERVICES_H

#include <berth/grant.h>
#include <berth/runtime.h>

#include "base/alloc.h"
#include "service/grant/grants.h"
#include "service/objects.h"
#include "sync/deadline.h"

enum {
    BERTHI_SERVICE_OBJECTS_MAX = 4096,   /* of one instance, unless its grants say otherwise */
    BERTHI_SERVICE_BYTES_MAX = 16 << 20, /* that one function gives a plugin */
    BERTHI_SERVICE_WAITS_MAX = 1024,     /* that one poll waits for */
    BERTHI_SERVICE_HELD_MAX = 64 << 20   /* bytes that a plugin has the host keep for it */
};

/* Whose instance it is: for lines of a log. */
typedef struct berthi_service_owner {
    const char *tenant, *slot, *plugin; /* lent as long as the services */
    berth_reporter report;              /* NULL: nobody listens */
    void *report_ctx;
} berthi_service_owner;

struct berthi_services {
    const berth_allocator *allocator; /* lent */
    const berth_grants *grants;       /* one reference */
    berthi_service_owner owner;
    berthi_deadline deadline; /* of the call that runs; set by whoever makes it */
    uint32_t objects, objects_max;
    uint64_t held; /* bytes of bodies and fields that were not sent yet */
    bool is_deterministic;
    uint64_t clock_ns,
        seed; /* of a deterministic instance: since its beginning; the generator's state */
    uint64_t output_left;         /* bytes that it may write yet */
    bool has_dropped;             /* it wanted to write more */
    struct berthi_line *lines[2]; /* what has no end of line yet: stdout, stderr */
    size_t input_at;              /* how much of stdin was read */
    struct berthi_known *known;   /* names that were looked up; NULL: none yet */
};

/* Its deadline is none yet.  `grants` may be NULL: nothing is granted.  NULL: no memory. */
berthi_services *berthi_services_make(const berth_allocator *allocator,
                                      const berth_grants *grants,
                                      const berthi_service_owner *owner);
/* All of its objects are gone. */
void berthi_services_end(berthi_services *s);

/* Waits until one of `waits` is ready, for the time `until_ns` of the monotonic clock at most, and for
 * the call's deadline.  With no waits it sleeps.  Whatever became ready says so in `is_ready`; none does
 * when the time came first.
 * Fails: BERTH_E_DEADLINE, BERTH_E_CLOSED when the grants were revoked, BERTH_E_OS, BERTH_E_NOMEM,
 * BERTH_E_LIMIT (BERTHI_SERVICE_WAITS_MAX).  A host function hands that on, which ends the
 * instance. */
berth_status berthi_services_wait(berthi_services *s, berthi_wait *waits, size_t count,
                                  uint64_t until_ns, berth_diag *diag)
    __attribute__((warn_unused_result));

/* For whoever works on without waiting, in pieces: whether the call may take longer.
 * Fails: BERTH_E_DEADLINE, which a host function hands on. */
berth_status berthi_services_go_on(const berthi_services *s, berth_diag *diag)
    __attribute__((warn_unused_result));

/* Counts bytes that an object keeps and the plugin chose; false: they are too many, and not counted. */
bool berthi_services_hold(berthi_services *s, size_t size);
void berthi_services_let_go(berthi_services *s, size_t size);

/* ---------------------------------------------------------------- known.c */

/* The name came to that address, which it may. */
berthi_code berthi_services_know(berthi_services *s, const uint8_t *address, size_t size,
                                 const char *name, size_t name_size);
/* The right to that address and port, by itself or (NET_CONNECT) by a name that came to it. */
bool berthi_services_may_reach(const berthi_services *s, berthi_right right,
                               const uint8_t *address, size_t size, uint16_t port);
void berthi_services_end_known(berthi_services *s);

/* ---------------------------------------------------------------- clock.c */

uint64_t berthi_services_monotonic_ns(berthi_services *s);
void berthi_services_wall(berthi_services *s, uint64_t *seconds_out, uint32_t *ns_out);
uint64_t berthi_services_resolution_ns(const berthi_services *s);

/* ---------------------------------------------------------------- random.c */

/* False: the system has none to give. */
bool berthi_services_random(berthi_services *s, void *to, size_t size);

/* ---------------------------------------------------------------- stdio.c */

/* The stream that a plugin gets for `stream`, a berth_output_stream; closed when it is not granted.
 * NULL as berthi_object_make(). */
berthi_output *berthi_services_output(berthi_services *s, int32_t stream);
berthi_input *berthi_services_input(berthi_services *s);
/* Its streams are those of this process. */
bool berthi_services_has_process_stdio(const berthi_services *s);
/* What was written without an end of line becomes a line. */
void berthi_services_flush_lines(berthi_services *s);
void berthi_services_end_lines(berthi_services *s);
/* A line of a log, as BERTH_REPORT_LOG; nothing past what may be written.  Any bytes. */
void berthi_services_log(berthi_services *s, int32_t level, const char *text, size_t size);

/* ---------------------------------------------------------------- objects.c */

/* Looks at an object once. */
berthi_wait berthi_object_look(berthi_object *object);
/* Waits until it is ready. */
berth_status berthi_object_wait(berthi_object *object, berth_diag *diag)
    __attribute__((warn_unused_result));

#endif
