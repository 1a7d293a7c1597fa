/* code_cache_test.c - what is kept of compiled code, with an engine that only counts.  Its "code" is the
 * artifact behind a word that says which engine made it. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/digest.h"
#include "memory.h"
#include "registry/code_cache.h"

enum { PAGE = 4096, THREADS = 8 };

typedef struct engine {
    berthi_wasm_engine head;
    const char *identity;
    atomic_uint compiles, loads;
    atomic_bool is_failing;   /* what is compiled is not accepted */
    atomic_bool is_held;      /* a compilation waits until this is false */
    _Atomic(uintptr_t) given; /* what module_load() was handed last */
} engine;

typedef struct module {
    berthi_wasm_module head;
    engine *made_by;
    size_t size;
    uint8_t bytes[2 * PAGE];
} module;

static berth_status make(engine *e, const uint8_t *bytes, size_t size,
                         berthi_wasm_module **module_out)
{
    module *m = calloc(1, sizeof *m);

    assert_non_null(m);
    m->head.ops = e->head.ops;
    m->made_by = e;
    m->size = size;
    memcpy(m->bytes, bytes, size);
    *module_out = &m->head;
    return BERTH_OK;
}

static berth_status compile(berthi_wasm_engine *head, const uint8_t *bytes, size_t size,
                            berthi_wasm_module **module_out, berth_diag *diag)
{
    engine *e = (engine *)head;

    atomic_fetch_add(&e->compiles, 1);
    while (atomic_load(&e->is_held))
        continue;
    if (atomic_load(&e->is_failing)) {
        if (diag != NULL)
            diag->status = BERTH_E_REJECTED;
        return BERTH_E_REJECTED;
    }
    return make(e, bytes, size, module_out);
}

static berth_status load(berthi_wasm_engine *head, const uint8_t *bytes, size_t size,
                         berthi_wasm_module **module_out, berth_diag *diag)
{
    engine *e = (engine *)head;

    (void)diag;
    atomic_fetch_add(&e->loads, 1);
    atomic_store(&e->given, (uintptr_t)bytes);
    return size < 2 ? BERTH_E_REJECTED : make(e, bytes, size, module_out);
}

static void save(const berthi_wasm_module *head,
                 void (*keep)(void *ctx, const uint8_t *bytes, size_t size), void *ctx)
{
    const module *m = (const module *)head;

    keep(ctx, m->bytes, m->size);
}

static const char *identity(const berthi_wasm_engine *head)
{
    return ((const engine *)head)->identity;
}

static const berthi_wasm_ops ops = { .name = "counting",
                                     .engine_identity = identity,
                                     .module_compile = compile,
                                     .module_save = save,
                                     .module_load = load };

static engine engine_of(const char *name)
{
    return (engine){ .head = { &ops }, .identity = name };
}

static berth_code_cache *cache_of(uint32_t entries_max, uint64_t bytes_max,
                                  bertht_memory *memory)
{
    berth_code_cache_options options = BERTH_CODE_CACHE_OPTIONS_INIT;
    berth_allocator allocator;
    berth_code_cache *cache = NULL;

    memory_init(memory);
    allocator = memory_allocator(memory);
    options.entries_max = entries_max;
    options.bytes_max = bytes_max;
    options.allocator = &allocator;
    assert_int_equal(berth_code_cache_create(&options, &cache, NULL), BERTH_OK);
    return cache;
}

static void end(berth_code_cache *cache, bertht_memory *memory)
{
    berth_code_cache_destroy(cache);
    memory_assert_empty(memory);
}

static berth_code_cache_stats stats_of(berth_code_cache *cache)
{
    berth_code_cache_stats s = BERTH_CODE_CACHE_STATS_INIT;

    assert_int_equal(berth_code_cache_stats_read(cache, &s, NULL), BERTH_OK);
    return s;
}

/* An artifact of this number and size, through the cache; whether it came without compiling. */
static berth_status get(berth_code_cache *cache, engine *e, uint32_t number, size_t size,
                        bool *is_loaded)
{
    uint8_t bytes[2 * PAGE], digest[BERTHI_SHA256_SIZE];
    berthi_wasm_module *head = NULL;
    berth_status status;
    module *m;

    memset(bytes, 'a', sizeof bytes);
    memcpy(bytes, &number, sizeof number);
    assert_true(size >= sizeof number && size <= sizeof bytes);
    assert_true(berthi_sha256(bytes, size, digest));
    status =
        berthi_code_cache_module(cache, &e->head, bytes, size, digest, &head, is_loaded, NULL);
    if (status != BERTH_OK)
        return status;
    m = (module *)head;
    assert_ptr_equal(m->made_by, e);
    assert_int_equal(m->size, size);
    assert_memory_equal(m->bytes, bytes, size);
    free(m);
    return BERTH_OK;
}

static bool is_loaded(berth_code_cache *cache, engine *e, uint32_t number)
{
    bool loaded = false;

    assert_int_equal(get(cache, e, number, 100, &loaded), BERTH_OK);
    return loaded;
}

static void one_engine_compiles_for_all_that_are_alike(void **state)
{
    engine a = engine_of("x 1"), b = engine_of("x 1"), other = engine_of("x 2");
    bertht_memory memory;
    berth_code_cache *cache = cache_of(0, 0, &memory);

    (void)state;
    assert_false(is_loaded(cache, &a, 1));
    assert_true(is_loaded(cache, &b, 1));
    assert_true(is_loaded(cache, &a, 1));
    assert_false(is_loaded(cache, &other, 1));
    assert_false(is_loaded(cache, &a, 2));
    assert_int_equal(a.compiles, 2);
    assert_int_equal(b.compiles, 0);
    assert_int_equal(stats_of(cache).entries, 3);
    assert_int_equal(stats_of(cache).bytes, 300);
    assert_int_equal(stats_of(cache).stored, 3);
    assert_int_equal(stats_of(cache).loads, 2);
    end(cache, &memory);
}

static void the_least_recently_used_goes_first(void **state)
{
    engine e = engine_of("x");
    bertht_memory memory;
    berth_code_cache *cache = cache_of(3, 0, &memory);

    (void)state;
    for (uint32_t n = 1; n <= 3; n++)
        assert_false(is_loaded(cache, &e, n));
    assert_true(is_loaded(cache, &e, 1)); /* 2 is the oldest now */
    assert_int_equal(stats_of(cache).evictions, 0);
    assert_false(is_loaded(cache, &e, 4));
    assert_int_equal(stats_of(cache).evictions, 1);
    assert_int_equal(stats_of(cache).entries, 3);
    assert_true(is_loaded(cache, &e, 3));
    assert_true(is_loaded(cache, &e, 1));
    assert_true(is_loaded(cache, &e, 4));
    assert_false(is_loaded(cache, &e, 2));
    end(cache, &memory);
}

static void bytes_are_bounded_as_well(void **state)
{
    engine e = engine_of("x");
    bertht_memory memory;
    berth_code_cache *cache = cache_of(0, 250, &memory);
    bool loaded = true;

    (void)state;
    for (uint32_t n = 1; n <= 3; n++)
        assert_false(is_loaded(cache, &e, n));
    assert_int_equal(stats_of(cache).entries, 2);
    assert_int_equal(stats_of(cache).bytes, 200);
    assert_true(is_loaded(cache, &e, 2));
    /* At the bound it is kept, past it not, and it drives out nothing. */
    assert_int_equal(get(cache, &e, 4, 251, &loaded), BERTH_OK);
    assert_int_equal(stats_of(cache).entries, 2);
    assert_int_equal(get(cache, &e, 5, 250, &loaded), BERTH_OK);
    assert_int_equal(stats_of(cache).entries, 1);
    assert_int_equal(get(cache, &e, 5, 250, &loaded), BERTH_OK);
    assert_true(loaded);
    end(cache, &memory);
}

/* I12.  The test makes the page writable again, as nobody else in the process could by accident. */
static void code_that_was_altered_is_not_executed(void **state)
{
    engine e = engine_of("x");
    bertht_memory memory;
    berth_code_cache *cache = cache_of(0, 0, &memory);
    uint8_t *page;

    (void)state;
    assert_false(is_loaded(cache, &e, 1));
    assert_true(is_loaded(cache, &e, 1));
    page = (uint8_t *)atomic_load(&e.given);
    assert_int_equal((uintptr_t)page % PAGE, 0);
    for (size_t at = 0; at < 100; at += 33) {
        unsigned loads = atomic_load(&e.loads);

        page = (uint8_t *)atomic_load(&e.given);
        assert_int_equal(mprotect(page, PAGE, PROT_READ | PROT_WRITE), 0);
        page[at] ^= 1;
        assert_int_equal(mprotect(page, PAGE, PROT_READ), 0);
        assert_false(is_loaded(cache, &e, 1)); /* compiled, by its own bytes */
        assert_int_equal(atomic_load(&e.loads), loads);
        assert_int_equal(stats_of(cache).entries, 0);
        assert_false(is_loaded(cache, &e, 1)); /* and kept again from now on */
        assert_true(is_loaded(cache, &e, 1));
    }
    assert_int_equal(stats_of(cache).refused, 4);
    end(cache, &memory);
}

static void nobody_writes_to_what_is_kept(void **state)
{
    engine e = engine_of("x");
    bertht_memory memory;
    berth_code_cache *cache = cache_of(0, 0, &memory);
    int how = 0;
    pid_t child;

    (void)state;
    assert_false(is_loaded(cache, &e, 1));
    assert_true(is_loaded(cache, &e, 1));
    child = fork();
    if (child == 0) {
        signal(SIGSEGV, SIG_DFL);
        *(volatile uint8_t *)atomic_load(&e.given) = 0;
        _exit(0);
    }
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_false(WIFEXITED(how) && WEXITSTATUS(how) == 0);
    end(cache, &memory);
}

static void pages_go_with_what_was_kept_on_them(void **state)
{
    enum { CONTENTS = 8 };
    engine e = engine_of("x");
    bertht_memory memory;
    berth_code_cache *cache = cache_of(0, 0, &memory);
    uintptr_t pages[CONTENTS];
    unsigned mapped = 0;

    (void)state;
    for (uint32_t n = 0; n < CONTENTS; n++) {
        assert_false(is_loaded(cache, &e, n));
        assert_true(is_loaded(cache, &e, n));
        pages[n] = atomic_load(&e.given);
        assert_int_equal(msync((void *)pages[n], PAGE, MS_ASYNC), 0); /* there */
    }
    berth_code_cache_destroy(cache);
    for (uint32_t n = 0; n < CONTENTS; n++)
        mapped += msync((void *)pages[n], PAGE, MS_ASYNC) == 0;
    assert_true(mapped < CONTENTS / 2); /* a sanitizer may have come to one of the places */
    memory_assert_empty(&memory);
}

static void a_failure_is_everybodys_own_and_forgotten(void **state)
{
    engine a = engine_of("x"), b = engine_of("x");
    bertht_memory memory;
    berth_code_cache *cache = cache_of(0, 0, &memory);
    bool loaded;

    (void)state;
    atomic_store(&a.is_failing, true);
    assert_int_equal(get(cache, &a, 1, 100, &loaded), BERTH_E_REJECTED);
    assert_int_equal(get(cache, &a, 1, 100, &loaded), BERTH_E_REJECTED);
    assert_int_equal(stats_of(cache).entries, 0);
    assert_false(is_loaded(cache, &b, 1));
    assert_int_equal(get(cache, &a, 1, 100, &loaded), BERTH_OK); /* nothing is compiled */
    assert_true(loaded);
    end(cache, &memory);
}

static void without_memory_each_compiles_for_itself(void **state)
{
    engine e = engine_of("x");
    bertht_memory memory;
    berth_code_cache *cache = cache_of(0, 0, &memory);

    (void)state;
    memory_fail(&memory, 0, false);
    assert_false(is_loaded(cache, &e, 1));
    assert_int_equal(stats_of(cache).stored, 0);
    assert_false(is_loaded(cache, &e, 1));
    memory_fail(&memory, 0, false);
    assert_false(is_loaded(cache, &e, 1)); /* it is there, but cannot be asked for */
    assert_true(is_loaded(cache, &e, 1));
    assert_int_equal(e.compiles, 3);
    end(cache, &memory);
}

typedef struct crowd {
    berth_code_cache *cache;
    engine engines[THREADS];
    pthread_barrier_t start;
    atomic_uint next;
} crowd;

static void *ask_for_many(void *arg)
{
    crowd *c = arg;
    engine *e = &c->engines[atomic_fetch_add(&c->next, 1)];

    pthread_barrier_wait(&c->start);
    for (uint32_t n = 0; n < 200; n++)
        (void)is_loaded(c->cache, e, n % 20);
    return NULL;
}

static unsigned crowd_compiles(berth_code_cache *cache)
{
    pthread_t threads[THREADS];
    unsigned compiles = 0;
    crowd c = { .cache = cache };

    assert_int_equal(pthread_barrier_init(&c.start, NULL, THREADS), 0);
    for (int i = 0; i < THREADS; i++)
        c.engines[i] = engine_of("x");
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_for_many, &c), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (int i = 0; i < THREADS; i++)
        compiles += atomic_load(&c.engines[i].compiles);
    pthread_barrier_destroy(&c.start);
    return compiles;
}

static void many_threads_compile_each_content_once(void **state)
{
    bertht_memory memory;
    berth_code_cache *cache = cache_of(0, 0, &memory);

    (void)state;
    assert_int_equal(crowd_compiles(cache), 20);
    assert_int_equal(stats_of(cache).loads, THREADS * 200 - 20);
    end(cache, &memory);
}

/* What is being loaded goes meanwhile. */
static void many_threads_in_a_small_cache_get_what_they_ask_for(void **state)
{
    bertht_memory memory;
    berth_code_cache *cache = cache_of(2, 0, &memory);
    unsigned compiles = crowd_compiles(cache);

    (void)state;
    assert_true(compiles >= 20);
    assert_int_equal(stats_of(cache).loads, THREADS * 200 - compiles);
    assert_int_equal(stats_of(cache).stored - stats_of(cache).evictions, 2);
    end(cache, &memory);
}

static void *get_one(void *arg)
{
    crowd *c = arg;
    bool loaded = false;

    if (get(c->cache, &c->engines[1], 7, 100, &loaded) != BERTH_OK)
        return NULL;
    return loaded ? &c->engines[1] : &c->engines[0];
}

static void *get_and_fail(void *arg)
{
    crowd *c = arg;
    bool loaded = false;

    return get(c->cache, &c->engines[0], 7, 100, &loaded) == BERTH_E_REJECTED ? c : NULL;
}

/* The first compiles; whoever comes meanwhile waits, and takes over when that fails. */
static void who_waited_for_a_failure_tries_itself(void **state)
{
    bertht_memory memory;
    crowd c = { .cache = cache_of(0, 0, &memory) };
    pthread_t first, second;
    void *result = NULL;

    (void)state;
    c.engines[0] = c.engines[1] = engine_of("x");
    atomic_store(&c.engines[0].is_failing, true);
    atomic_store(&c.engines[0].is_held, true);
    assert_int_equal(pthread_create(&first, NULL, get_and_fail, &c), 0);
    while (atomic_load(&c.engines[0].compiles) == 0)
        continue;
    assert_int_equal(pthread_create(&second, NULL, get_one, &c), 0);
    atomic_store(&c.engines[0].is_held, false);
    assert_int_equal(pthread_join(first, &result), 0);
    assert_ptr_equal(result, &c);
    assert_int_equal(pthread_join(second, &result), 0);
    assert_ptr_equal(result, &c.engines[0]); /* compiled, by the second engine */
    assert_int_equal(atomic_load(&c.engines[1].compiles), 1);
    end(c.cache, &memory);
}

static void options_are_checked(void **state)
{
    berth_code_cache_options options = BERTH_CODE_CACHE_OPTIONS_INIT;
    berth_code_cache *cache = NULL;
    bertht_memory memory;
    berth_allocator allocator;

    (void)state;
    assert_int_equal(berth_code_cache_create(NULL, NULL, NULL), BERTH_E_INVALID);
    options.size = 3;
    assert_int_equal(berth_code_cache_create(&options, &cache, NULL), BERTH_E_INVALID);
    memory_init(&memory);
    memory_fail(&memory, 0, true);
    allocator = memory_allocator(&memory);
    options.size = sizeof options;
    options.allocator = &allocator;
    assert_int_equal(berth_code_cache_create(&options, &cache, NULL), BERTH_E_NOMEM);
    assert_null(cache);
    berth_code_cache_destroy(NULL);
    assert_int_equal(berth_code_cache_create(NULL, &cache, NULL), BERTH_OK);
    assert_int_equal(berth_code_cache_stats_read(cache, NULL, NULL), BERTH_E_INVALID);
    berth_code_cache_destroy(cache);
    memory_assert_empty(&memory);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_engine_compiles_for_all_that_are_alike),
        cmocka_unit_test(the_least_recently_used_goes_first),
        cmocka_unit_test(bytes_are_bounded_as_well),
        cmocka_unit_test(code_that_was_altered_is_not_executed),
        cmocka_unit_test(nobody_writes_to_what_is_kept),
        cmocka_unit_test(pages_go_with_what_was_kept_on_them),
        cmocka_unit_test(a_failure_is_everybodys_own_and_forgotten),
        cmocka_unit_test(without_memory_each_compiles_for_itself),
        cmocka_unit_test(many_threads_compile_each_content_once),
        cmocka_unit_test(many_threads_in_a_small_cache_get_what_they_ask_for),
        cmocka_unit_test(who_waited_for_a_failure_tries_itself),
        cmocka_unit_test(options_are_checked),
    };

    return cmocka_run_group_tests_name("compiled code between runtimes", tests, NULL, NULL);
}
