/* p1_plugin.c - a plugin of berth-hook/1 that imports WASI preview 1, and has constructors. */
#include "berth_hook.h"

BERTH_PLUGIN({
    "name" : "p1-plugin",
    "version" : "1.0.0",
    "description" : "uses the system that its tool-chain has in mind",
    "hooks" : {
        "do" : { "description" : "how often it was begun, how often called; writes its input" },
        "sleep" : { "description" : "for an hour", "probe" : "not" },
        "exit" : { "description" : "ends itself with 7", "probe" : "not" }
    }
})

#define P1(name) __attribute__((import_module("wasi_snapshot_preview1"), import_name(#name)))

typedef struct span {
    const void *at;
    size_t size;
} span;

typedef struct subscription { /* of a clock */
    uint64_t userdata;
    uint64_t tag;
    uint64_t clock;
    uint64_t timeout, precision;
    uint64_t flags;
} subscription;

P1(fd_write) int fd_write(int fd, const span *spans, size_t count, size_t *done);
P1(poll_oneoff) int poll_oneoff(const subscription *in, void *out, size_t count, size_t *done);
P1(clock_time_get) int clock_time_get(int clock, uint64_t precision, uint64_t *now);
P1(proc_exit) _Noreturn void proc_exit(int code);

static uint8_t begun, called;

__attribute__((export_name("_initialize"))) void initialize(void)
{
    uint64_t now;
    size_t done;

    (void)clock_time_get(1, 1, &now); /* it may ask the host already */
    (void)fd_write(1, &(span){ "begun\n", 6 }, 1, &done);
    begun++;
}

BERTH_HOOK(do, input)
{
    static char reply[2];
    size_t done;

    (void)fd_write(1, &(span){ input.ptr, input.len }, 1, &done);
    (void)fd_write(1, &(span){ "\n", 1 }, 1, &done);
    reply[0] = (char)('0' + begun);
    reply[1] = (char)('0' + ++called);
    return berth_reply_bytes(reply, 2);
}

BERTH_HOOK(sleep, input)
{
    static uint64_t event[4];
    subscription s = { .clock = 1, .timeout = UINT64_C(3600000000000) };
    size_t done;

    if (input.len != 3)
        (void)poll_oneoff(&s, event, 1, &done);
    return berth_reply_bytes("slept", 5);
}

BERTH_HOOK(exit, input)
{
    if (input.len != 3)
        proc_exit(7);
    return berth_reply_bytes("stays", 5);
}
