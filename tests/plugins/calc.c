/* calc.c - the plugin of the native tests, in many forms: each CALC_ name turns one of them on.
 *
 * CALC_BIAS is added to every sum, so that versions can be told apart. */
#define _POSIX_C_SOURCE 200809L

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <berth/plugin.h>

#include CALC_GLUE

#ifndef CALC_BIAS
#define CALC_BIAS 0
#endif

typedef struct words {
    const char *text;
    size_t size;
} words;

typedef struct numbers {
    const uint32_t *data;
    size_t count;
} numbers;

static const berth_host_v1 *host;
static const berth_arena_v1 *arena;
static atomic_int is_open;
static int self_value = 7;

static int32_t add(void *self, const void *args, void *results, struct berth_call *call)
{
    const int32_t *a = args;

    (void)call;
    *(int32_t *)results = (int32_t)((uint32_t)a[0] + (uint32_t)a[1] + CALC_BIAS);
#ifdef CALC_WRITES_PAST
    ((int32_t *)results)[1] = 0;
#endif
#ifdef CALC_WRITES_ARGS
    *(int32_t *)(uintptr_t)args = 0;
#endif
#ifdef CALC_UNCHECKED
    (void)self;
    return 0;
#endif
    /* What was closed says so. */
    return self == &self_value && atomic_load_explicit(&is_open, memory_order_relaxed) ? 0 : 99;
}

#ifdef CALC_OTHER_THREAD
struct allocation {
    struct berth_call *call;
    char *text;
};

static void *allocate(void *arg)
{
    struct allocation *a = arg;

    a->text = arena->alloc(a->call, 32, 1);
    return NULL;
}
#endif

static int32_t show(void *self, const void *args, void *results, struct berth_call *call)
{
    const int32_t *p = args;
#ifdef CALC_OTHER_THREAD
    struct allocation a = { call, NULL };
    pthread_t thread;
    char *text = NULL;

    if (pthread_create(&thread, NULL, allocate, &a) == 0) {
        (void)pthread_join(thread, NULL);
        text = a.text;
    }
#else
    char *text = arena->alloc(call, 32, 1);
#endif
    words *out = results;

    (void)self;
    if (text == NULL)
        return 1;
    out->text = text;
    out->size = (size_t)snprintf(text, 32, "(%d, %d)", (int)p[0], (int)p[1]);
    return 0;
}

#ifdef CALC_LACKS_SYMBOL
extern __attribute__((visibility("default"))) void calc_is_not_there(void);
#endif

static int32_t total(void *self, const void *args, void *results, struct berth_call *call)
{
    const numbers *list = args;
    uint64_t sum = 0;

    (void)self, (void)call;
#ifdef CALC_LACKS_SYMBOL
    calc_is_not_there();
#endif
#ifdef CALC_TALKS
    for (char byte; read(0, &byte, 1) != 0;) /* until whoever started the program lets go */
        continue;
#endif
    for (size_t i = 0; i < list->count; i++)
        sum += list->data[i];
    *(uint64_t *)results = sum;
    return 0;
}

__attribute__((unused)) static int32_t refuse(void *self, const void *args, void *results,
                                              struct berth_call *call)
{
    (void)self, (void)call;
    *(uint32_t *)results = 0;
    return *(const int32_t *)args;
}

/* Stays inside until the test, whose address comes as a number, lets it go. */
static int32_t hold(void *self, const void *args, void *results, struct berth_call *call)
{
    struct {
        atomic_int inside, is_open;
    } * gate;
    uint64_t address = *(const uint64_t *)args;

    (void)self, (void)call;
    gate = (void *)(uintptr_t)address;
    if (gate != NULL) {
        atomic_fetch_add(&gate->inside, 1);
        while (atomic_load(&gate->is_open) == 0)
            (void)sched_yield();
        atomic_fetch_sub(&gate->inside, 1);
    }
    *(uint32_t *)results = 42;
    return 0;
}

#ifdef CALC_HAS_VERSION
static int32_t version(void *self, const void *args, void *results, struct berth_call *call)
{
    (void)self, (void)args, (void)call;
    *(uint32_t *)results = 2;
    return 0;
}
#define FIRST_NAME "version",
#define FIRST_CALL version,
enum { COUNT = 6 };
#else
#define FIRST_NAME
#define FIRST_CALL
enum { COUNT = 5 };
#endif

static const char *const names[] = { FIRST_NAME "add", "show", "total", "refuse", "hold" };
static berth_plugin_fn *const calls[] = { FIRST_CALL add, show, total,
#ifdef CALC_HOLE
                                          NULL,
#else
                                          refuse,
#endif
                                          hold };
static const berth_functions_v1 math = { sizeof math,
                                         COUNT,
#ifdef CALC_WRONG_DIGEST
                                         { 1 },
#else
                                         GLUE_DIGEST_0,
#endif
                                         names,
                                         calls };

static void say(const char *text)
{
    host->log(host->ctx, BERTH_LOG_INFO, text, strlen(text));
}

#ifdef CALC_TALKS
static void talk(void)
{
    char text[8192];

    host->log(host->ctx, BERTH_LOG_ERROR, "\033[2Jtwo\nlines", 13);
    host->log(host->ctx, BERTH_LOG_DEBUG, "a detail", 8);
    memset(text, 'x', sizeof text);
    for (int i = 0; i < 5000; i++)
        host->log(host->ctx, i == 0 ? BERTH_LOG_WARNING : BERTH_LOG_INFO, text, sizeof text);
}
#endif

static int32_t open_it(const berth_host_v1 *given, void **self_out, berth_diag *diag)
{
    host = given;
    arena = given->extension(given->ctx, BERTH_ARENA_V1);
    if (arena == NULL || given->extension(given->ctx, "berth.nothing/1") != NULL)
        return 1;
    (void)diag;
#ifdef CALC_OPEN_FAILS
    say("opening");
    memcpy(diag->text, "there is no calculator", sizeof "there is no calculator");
    return BERTH_E_PLUGIN;
#endif
    say("open");
#ifdef CALC_TALKS
    talk();
#endif
    atomic_store(&is_open, 1);
    *self_out = &self_value;
    return 0;
}

static const void *extension(void *self, const char *id)
{
    (void)self;
#ifdef CALC_NO_TABLE
    (void)id;
    return NULL;
#else
    return strcmp(id, GLUE_KEY_0) == 0 ? &math : NULL;
#endif
}

__attribute__((unused)) static int32_t drain(void *self, uint64_t deadline_ns, berth_diag *diag)
{
    (void)self, (void)deadline_ns, (void)diag;
#ifdef CALC_NEVER_DRAINED
    memcpy(diag->text, "a thread of mine runs", sizeof "a thread of mine runs");
    return BERTH_E_BUSY;
#endif
#ifdef CALC_STUCK
    for (;;)
        (void)pause();
#endif
    return 0;
}

static void close_it(void *self)
{
    (void)self;
    say("closed");
    atomic_store(&is_open, 0);
}

#ifdef CALC_UNIQUE
/* What C++ makes of a static in an inline function; looking it up is what keeps the mapping. */
__asm__(".data\n.globl calc_unique\n.type calc_unique, @gnu_unique_object\n"
        ".size calc_unique, 4\n.balign 4\ncalc_unique:\n.zero 4\n.text\n");
extern __attribute__((visibility("default"))) int calc_unique;
__attribute__((used)) static int *volatile unique_at = &calc_unique;
#endif

#ifdef CALC_CONSTRUCTOR
__attribute__((constructor)) static void calc_starts_early(void)
{
    atomic_store(&is_open, 0);
}
#endif

/* What a trial is for.  `volatile`: the compiler would tell. */
#if defined CALC_CRASHES_EARLY || defined CALC_CRASHES_LATE
static int *volatile nowhere;
#endif

#ifdef CALC_CRASHES_EARLY
__attribute__((constructor)) static void calc_crashes(void)
{
    *nowhere = 1;
}
#endif

#ifdef CALC_CRASHES_LATE
__attribute__((destructor)) static void calc_crashes(void)
{
    *nowhere = 1;
}
#endif

#if defined CALC_SPINS_EARLY || defined CALC_FLEES_EARLY
__attribute__((constructor)) static void calc_spins(void)
{
    static volatile int is_forever = 1;

#ifdef CALC_FLEES_EARLY
    (void)setpgid(0, getpgid(getppid())); /* out of the group that it leads */
#endif
    while (is_forever)
        continue;
}
#endif

#ifdef CALC_EXITS_EARLY
__attribute__((constructor)) static void calc_exits(void)
{
    exit(0);
}
#endif

/* 2 GiB, of which it needs each page. */
#ifdef CALC_EATS_EARLY
__attribute__((constructor)) static void calc_eats(void)
{
    for (int i = 0; i < 2048; i++) {
        void *volatile at = malloc(1 << 20);

        memset(at, 1, 1 << 20);
    }
}
#endif

#ifdef CALC_IS_FUNCTION
void berth_plugin_function(void) __asm__("berth_plugin");
__attribute__((visibility("default"))) void berth_plugin_function(void)
{
    (void)open_it, (void)extension, (void)drain, (void)close_it;
}
#else
const berth_plugin_v1 berth_plugin = {
#ifdef CALC_SHORT
    24,
#else
    sizeof berth_plugin,
#endif
#ifdef CALC_ABI
    CALC_ABI,
#else
    BERTH_ABI_MAJOR,
#endif
    BERTH_ABI_MINOR,
#ifdef CALC_WRONG_ID
    "test:somebody",
#else
    GLUE_ID,
#endif
    open_it,
    extension,
#ifdef CALC_NO_DRAIN
    NULL,
#else
    drain,
#endif
    close_it
};
#endif
