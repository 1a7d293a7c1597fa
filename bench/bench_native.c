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

__attribute__((noinline)) static int32_t hash(void *self, const void *args, void *results)
{
    const unsigned char *text = self;
    uint32_t h = 2166136261u;

    for (unsigned i = 0; i < 16; i++)
        h = (h ^ text[i]) * 16777619u;
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
} context;

static void guarded(void *ctx, uint64_t ops)
{
    context *c = ctx;
    int32_t args[2] = { 1, 2 }, result;

    for (uint64_t i = 0; i < ops; i++) {
        berthi_record *mine;
        version *v;

        if (!berthi_domain_is_quick(&c->domain)) {
            mine = berthi_domain_record(&c->domain);
            v = berthi_pin(&c->domain, mine, 0, &c->current);
        } else {
            mine = berthi_record_mine.record;
            if (__builtin_expect(!berthi_record_is_idle(mine), 0))
                exit(1);
            v = berthi_pin_quickly(&c->domain, mine, &c->current);
        }
        (void)v->function(v->self, args, &result);
        berthi_unpin(mine, 0);
        bench_keep(result);
    }
}

static void bare(void *ctx, uint64_t ops)
{
    context *c = ctx;
    int32_t args[2] = { 1, 2 }, result;

    for (uint64_t i = 0; i < ops; i++) {
        version *v = c->bare;

        (void)v->function(v->self, args, &result);
        bench_keep(result);
    }
}

int main(void)
{
    static context c;
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
