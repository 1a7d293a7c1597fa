/* polyplug.c - plugins of polyplug's ABI 1 for tests, as many as there are ways to define it:
 *
 *   VALUE=n           what function 0 answers             MAJOR=n, MINOR=n  of its contract
 *   SECOND            registers "test.second@1" as well   ABI=n             says that it is built for
 *   REGISTER_FAILS    registers, and init fails           DUPLICATE         registers twice
 *   NO_INIT           has no polyplug_init()              HOLE              a function is missing
 *   WRONG_ID, WRONG_DISPATCH, NO_CREATE, UNNAMED          what no host takes
 *   BY_VM             has one entry for all functions     THREAD            asks for threads
 *   LISTENS           looks around in init for "peer.test@1" and "test.second@1"
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <berth/polyplug.h>

#ifndef CONTRACT
#define CONTRACT "reload.test"
#endif
#ifndef VALUE
#define VALUE 0
#endif
#ifndef MAJOR
#define MAJOR 1
#endif
#ifndef MINOR
#define MINOR 0
#endif

#define EXPORT __attribute__((visibility("default")))

typedef struct state {
    uint64_t calls;
    char text[32];
} state;

static const berth_polyplug_host *the_host;
static uint32_t seen_in_init;

static uint64_t id_of(const char *text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (; *text != '\0'; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return hash;
}

static berth_polyplug_text text_of(const char *text)
{
    return (berth_polyplug_text){ text, strlen(text) };
}

/* ---------------------------------------------------------------- functions */

static void value(berth_polyplug_instance self, const void *args, void *out,
                  berth_polyplug_error *error)
{
    const uint32_t answer = VALUE;

    (void)self;
    (void)args;
    memcpy(out, &answer, sizeof answer);
    error->code = BERTH_POLYPLUG_OK;
}

__attribute__((unused)) static void add(berth_polyplug_instance self, const void *args,
                                        void *out, berth_polyplug_error *error)
{
    uint32_t numbers[2], sum;

    (void)self;
    memcpy(numbers, args, sizeof numbers);
    sum = numbers[0] + numbers[1];
    memcpy(out, &sum, sizeof sum);
    error->code = BERTH_POLYPLUG_OK;
}

/* How often this instance was asked. */
static void next(berth_polyplug_instance self, const void *args, void *out,
                 berth_polyplug_error *error)
{
    state *s = self.data;

    (void)args;
    if (s == NULL) {
        error->code = 300;
        error->message = text_of("it needs an instance");
        return;
    }
    s->calls++;
    memcpy(out, &s->calls, sizeof s->calls);
    error->code = BERTH_POLYPLUG_OK;
}

/* What the instance was made with. */
static void text(berth_polyplug_instance self, const void *args, void *out,
                 berth_polyplug_error *error)
{
    berth_polyplug_text answer = text_of(self.data == NULL ? "" : ((state *)self.data)->text);

    (void)args;
    memcpy(out, &answer, sizeof answer);
    error->code = BERTH_POLYPLUG_OK;
}

static void fail(berth_polyplug_instance self, const void *args, void *out,
                 berth_polyplug_error *error)
{
    (void)self;
    (void)out;
    memcpy(&error->code, args, sizeof error->code);
    error->message = text_of("as it was asked to");
}

/* Function 0 of another's contract, by whatever it is called through. */
static void peer(berth_polyplug_instance self, const void *args, void *out,
                 berth_polyplug_error *error)
{
    const berth_polyplug_host *host = the_host;
    const berth_polyplug_interface *c;
    uint64_t id;

    (void)self;
    memcpy(&id, args, sizeof id);
    c = host->resolve_guest_contract(host, host->find_guest_contract(host, id, 0));
    if (c == NULL) {
        error->code = BERTH_POLYPLUG_NOT_FOUND;
        error->message = text_of("there is no such peer");
    } else if (c->dispatch_type == BERTH_POLYPLUG_NATIVE) {
        c->dispatch.native.functions[0]((berth_polyplug_instance){ NULL, id }, NULL, out,
                                        error);
    } else {
        c->dispatch.vm.call(c->dispatch.vm.loader_data, (berth_polyplug_instance){ NULL, id },
                            0, NULL, out, NULL, error);
    }
}

/* Waits until it is let go: two flags of the caller's, "inside" and "go". */
static void hold(berth_polyplug_instance self, const void *args, void *out,
                 berth_polyplug_error *error)
{
    atomic_int *flags;

    (void)self;
    (void)out;
    memcpy(&flags, args, sizeof flags);
    atomic_store(&flags[0], 1);
    while (!atomic_load(&flags[1]))
        continue;
    error->code = BERTH_POLYPLUG_OK;
}

/* What the plugin saw while it was opened. */
static void seen(berth_polyplug_instance self, const void *args, void *out,
                 berth_polyplug_error *error)
{
    (void)self;
    (void)args;
    memcpy(out, &seen_in_init, sizeof seen_in_init);
    error->code = BERTH_POLYPLUG_OK;
}

/* The address of the plugin's own table, so that a test can call as the plugin. */
static void table(berth_polyplug_instance self, const void *args, void *out,
                  berth_polyplug_error *error)
{
    (void)self;
    (void)args;
    memcpy(out, &the_host, sizeof the_host);
    error->code = BERTH_POLYPLUG_OK;
}

#ifdef THREAD
#include <pthread.h>

static void *do_nothing(void *arg)
{
    return arg;
}

__attribute__((used)) static int start_thread(pthread_t *thread)
{
    return pthread_create(thread, NULL, do_nothing, NULL);
}
#endif

#ifdef HOLE
#define SECOND_FUNCTION NULL
#else
#define SECOND_FUNCTION add
#endif

static const berth_polyplug_fn functions[] = {
    value, SECOND_FUNCTION, next, text, fail, peer, hold, seen, table
};

#ifdef BY_VM
static char own_data;

static void call(void *loader_data, berth_polyplug_instance self, uint32_t function,
                 const void *args, void *out, void *arena, berth_polyplug_error *error)
{
    (void)arena;
    if (loader_data != &own_data || function >= sizeof functions / sizeof *functions)
        error->code = BERTH_POLYPLUG_NO_FUNCTION;
    else
        functions[function](self, args, out, error);
}
#endif

/* ---------------------------------------------------------------- instances */

/* Without arguments there is none. */
__attribute__((unused)) static void create(void *loader_data, const berth_polyplug_host *host,
                                           const void *args, berth_polyplug_instance *out)
{
    state *s;

    (void)loader_data;
    (void)host;
    if (args == NULL)
        return;
    s = calloc(1, sizeof *s);
    if (s != NULL)
        snprintf(s->text, sizeof s->text, "%s", (const char *)args);
    out->data = s;
}

static void destroy(void *loader_data, const berth_polyplug_host *host,
                    berth_polyplug_instance self)
{
    (void)loader_data;
    host->log(host, 3, text_of("guest.test"), text_of("an instance ends"));
    free(self.data);
}

/* ---------------------------------------------------------------- init */

#ifdef NO_CREATE
#define CREATE NULL
#else
#define CREATE create
#endif

static void put(const berth_polyplug_host *host, const char *name, const char *id_text,
                uint32_t major, uint32_t minor, berth_polyplug_error *error)
{
    const berth_polyplug_version version = { major, minor, 0 };
    const berth_polyplug_descriptor descriptor = { text_of("test"), text_of(name), version };
    berth_polyplug_interface c = { .contract_id = id_of(id_text),
                                   .contract_version = version,
                                   .create_instance = CREATE,
                                   .destroy_instance = destroy };

#ifdef WRONG_ID
    c.contract_id++;
#endif
#ifdef BY_VM
    c.dispatch_type = BERTH_POLYPLUG_VM;
    c.dispatch.vm.call = call;
    c.dispatch.vm.loader_data = &own_data;
#else
    c.dispatch.native.function_count = sizeof functions / sizeof *functions;
    c.dispatch.native.functions = functions;
#endif
#ifdef WRONG_DISPATCH
    c.dispatch_type = 2;
#endif
    host->register_guest_contract(host, &descriptor, &c, error);
}

#ifdef LISTENS
static bool finds(const berth_polyplug_host *host, const char *id_text)
{
    const berth_polyplug_handle handle = host->find_guest_contract(host, id_of(id_text), 0);

    return handle.index != UINT32_MAX && host->resolve_guest_contract(host, handle) != NULL;
}

/* Bit 0: it finds what it declared; 1: what it did not; from 2 on: the peer's number; from 16 on: how
 * many dependencies it is told of. */
static void look_around(const berth_polyplug_host *host)
{
    const uint64_t id = id_of("guest_contract:peer.test@1");
    berth_polyplug_array all = host->get_dependencies(host);
    berth_polyplug_error error = { 0 };
    uint32_t answer = 0;

    peer((berth_polyplug_instance){ NULL, 0 }, &id, &answer, &error);
    seen_in_init = (finds(host, "guest_contract:peer.test@1") ? 1u : 0) |
                   (finds(host, "guest_contract:test.second@1") ? 2u : 0) | answer << 2 |
                   (uint32_t)all.len << 16;
    host->free(host, all.items, all.len * sizeof(berth_polyplug_dependency), all.align);
}
#endif

#define TEXT_OF(number) #number
#define NUMBER(number)  TEXT_OF(number)

#ifdef ABI
EXPORT uint32_t polyplug_abi_version(void);
EXPORT uint32_t polyplug_abi_version(void)
{
    return ABI;
}
#endif

#ifdef NO_INIT
#define polyplug_init polyplug_start
#endif
EXPORT berth_polyplug_error polyplug_init(const berth_polyplug_host *host,
                                          const berth_polyplug_init *what);
EXPORT berth_polyplug_error polyplug_init(const berth_polyplug_host *host,
                                          const berth_polyplug_init *what)
{
    berth_polyplug_error error = { 0 };
    const char *name = CONTRACT;

    the_host = host;
    if (what->bundle_id == 0 || what->bundle_path.len == 0)
        return (berth_polyplug_error){ 301, text_of("it was not told who it is") };
#ifdef UNNAMED
    name = "";
#endif
#ifdef LISTENS
    look_around(host);
#endif
    put(host, name, "guest_contract:" CONTRACT "@" NUMBER(MAJOR), MAJOR, MINOR, &error);
#ifdef SECOND
    if (error.code == BERTH_POLYPLUG_OK)
        put(host, "test.second", "guest_contract:test.second@1", 1, 0, &error);
#endif
#ifdef DUPLICATE
    put(host, name, "guest_contract:" CONTRACT "@" NUMBER(MAJOR), MAJOR, MINOR, &error);
    error.code = BERTH_POLYPLUG_OK; /* it does not look */
#endif
#ifdef REGISTER_FAILS
    return (berth_polyplug_error){ 302, text_of("it changed its mind") };
#endif
    return error;
}
