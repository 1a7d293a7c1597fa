/* bench_native.c - what the call record costs a native function pointer.
 *
 * The guarded call pins the function's version in the thread's record, looks again, calls, and
 * takes the pin back: the same code that every slot call runs.
 */
#include <stdlib.h>

#include "bench.h"
#include "rig.h"
#include "sync/record.h"

/* Two plugin functions of the shape that contracts use: one that does nothing to speak of, and
 * one that does a little, which is what small plugin functions do. */
__attribute__((noinline)) static int32_t add(void *self, const void *args, void *results)
{
    const int32_t *a = args;

    __asm__ volatile("" : : "r"(self) : "memory");
    *(int32_t *)results = a[0] + a[1];
    return 0;
}

static inline uint32_t mix(uint32_t h, const unsigned char *four)
{
    h = (h ^ four[0]) * 16777619u;
    h = (h ^ four[1]) * 16777619u;
    h = (h ^ four[2]) * 16777619u;
    return (h ^ four[3]) * 16777619u;
}

/* Without a loop: whether the end of one is foreseen is worth more than the guard, and is chance. */
__attribute__((noinline)) static int32_t hash(void *self, const void *args, void *results)
{
    const unsigned char *text = self;
    uint32_t h = mix(mix(2166136261u, text), text + 4);

    h = mix(mix(h, text + 8), text + 12);
    *(uint32_t *)results = h ^ *(const uint32_t *)args;
    return 0;
}

typedef struct version {
    int32_t (*function)(void *, const void *, void *);
    void *self;
} version;

typedef struct context {
    berthi_domain domain;
    _Atomic(void *) current;
    version *volatile bare;
    int32_t args[2], result;
} context;

/* A thread's first call, or one between two runtimes. */
__attribute__((noinline, cold)) static void call_slowly(context *c)
{
    berthi_record *mine = berthi_domain_record(&c->domain);
    version *v;

    if (mine == NULL || !berthi_record_is_idle(mine))
        exit(1);
    v = berthi_pin(&c->domain, mine, 0, &c->current);
    (void)v->function(v->self, c->args, &c->result);
    berthi_unpin(mine, 0);
}

static void guarded(void *ctx, uint64_t ops)
{
    context *c = ctx;

    for (; ops > 0; ops--) {
        berthi_record *mine = berthi_record_mine.record;
        version *v;

        if (berthi_domain_is_quick(&c->domain) && berthi_record_is_idle(mine)) {
            v = berthi_pin_quickly(&c->domain, mine, &c->current);
            (void)v->function(v->self, c->args, &c->result);
            berthi_unpin(mine, 0);
        } else {
            call_slowly(c);
        }
        bench_keep(c->result);
    }
}

static void bare(void *ctx, uint64_t ops)
{
    context *c = ctx;

    for (; ops > 0; ops--) {
        version *v = c->bare;

        (void)v->function(v->self, c->args, &c->result);
        bench_keep(c->result);
    }
}

int main(void)
{
    static context c = { .args = { 1, 2 } };
    static char text[] = "sixteen letters.";
    version v = { add, NULL };
    berth_diag diag = { 0 };

    BENCH_OK(berthi_domain_init(&c.domain, &berthi_allocator_libc, &diag), &diag);
    atomic_store(&c.current, &v);
    c.bare = &v;
    bench_measure(&(bench_case){ "native_guarded_add", guarded, bare, &c, 1.2, 0 });
    v = (version){ hash, text };
    bench_measure(&(bench_case){ "native_guarded_hash16", guarded, bare, &c, 1.2, 0 });
    berthi_domain_fini(&c.domain);
    return 0;
}
