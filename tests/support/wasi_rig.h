/* wasi_rig.h - a component that does with files, sockets and HTTP what it is told to (guests/wasi), in a slot with
 * grants.  Public headers only. */
#ifndef BERTHT_WASI_RIG_H
#define BERTHT_WASI_RIG_H

#include <stdatomic.h>

#include <berth/grant.h>
#include <berth/invoke.h>
#include <berth/wasi.h>

#include "slot_rig.h"

typedef struct wasi_rig {
    slot_rig *r;
    berth_host *host;
    berth_slot *slot;
    const char *function; /* of the component: takes words, answers one */
    char base[64];        /* its folder, if it has one */
    char answer[512];
    atomic_bool is_done;
} wasi_rig;

/* guests/wasi/http.c, within the grants. */
void wasi_rig_begin_http(wasi_rig *t, slot_rig *r, const char *const *grants, uint32_t count);
/* guests/wasi/guest.c and a folder with in/ and out/; by the grants, up to a NULL, in/ is its /t. */
void wasi_rig_begin(wasi_rig *t, slot_rig *r, const char *first, ...);
void wasi_rig_end(wasi_rig *t);
/* A path in the folder, until the next call. */
const char *wasi_rig_in(const wasi_rig *t, const char *path);
void wasi_rig_put(const wasi_rig *t, const char *path, const char *words);

/* `words` as WAVE has them: "\"open\", \"0\"".  The answer is in t->answer, with its quotes. */
berth_status wasi_rig_try(wasi_rig *t, uint64_t deadline_ns, const char *words);
/* What it answered, without the quotes; it has to. */
const char *wasi_rig_told(wasi_rig *t, const char *words);
void wasi_rig_tell(wasi_rig *t, const char *words, const char *wanted);

#endif
