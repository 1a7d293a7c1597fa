/* bench_native.c - what the call record costs a native function pointer.
 *
 * The guarded call pins the function's version in the thread's record, looks again, calls, and
 * takes the pin back: the same code that every slot call runs.
 */
#include "bench.h"
#include "rig.h"
#include "sync/record.h"

/* A plugin function of the shape that contracts use, and long enough not to be nothing. */
__attribute__((noinline)) static int32_t add(void *self, const void *args, void *results)
{
    const int32_t *a = args;

    __asm__ volatile("" : : "r"(self) : "memory");
    *(int32_t *)results = a[0] + a[1];
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
        berthi_record *mine = berthi_domain_record(&c->domain);
        unsigned at = mine->depth;
        version *v = berthi_pin(&c->domain, mine, &c->current);

        (void)v->function(v->self, args, &result);
        berthi_unpin_at(mine, at);
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
    version v = { add, NULL };
    berth_diag diag = { 0 };

    BENCH_OK(berthi_domain_init(&c.domain, &berthi_allocator_libc, &diag), &diag);
    atomic_store(&c.current, &v);
    c.bare = &v;
    bench_measure(&(bench_case){ "native_guarded", guarded, bare, &c, 1.2 });
    berthi_domain_fini(&c.domain);
    return 0;
}
