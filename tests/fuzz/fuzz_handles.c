/* fuzz_handles.c - tables of handles, of error contexts and of the host's objects, against plain models.
 *
 * The first three bytes choose the bounds of the tables and the allocation that fails; every three behind
 * them are an operation.  Each operation must answer as the model does, change nothing when it fails, hand
 * out the index that the specification wants, and never a number that somebody still knows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "component/plan/error_context.h"
#include "component/run/host_table.h"
#include "component/run/resources.h"
#include "memory.h"
#include "fuzz.h"

enum {
    OPERATIONS_MAX = 250,
    TABLES = 2,
    TASKS = 2,
    SCOPES = 8,
    RESOURCES = 3, /* of the guests', the guests', and the host's */
    INDEX_MAX = OPERATIONS_MAX + 2
};

/* ---------------------------------------------------------------- the models */

typedef enum handle_kind { FREE, OWN, BORROW, MESSAGE } handle_kind;

typedef struct guest_handle {
    handle_kind kind;
    uint32_t resource, rep, lends; /* rep of a message: its number in `messages` */
    unsigned task;
} guest_handle;

typedef struct guest_table {
    berthi_cm_handles real;
    berthi_cm_lends lends[TASKS];
    berthi_cm_task tasks[TASKS];
    guest_handle handles[INDEX_MAX];
    uint32_t lent[TASKS][INDEX_MAX], lent_count[TASKS];
    uint32_t freed[INDEX_MAX], freed_count, count; /* the last freed is used first */
    uint32_t borrows[TASKS];
} guest_table;

typedef struct message {
    uint32_t references, size;
    char fill;
} message;

typedef struct host_handle { /* every one that was ever given, in this order */
    uint64_t handle;
    uint32_t resource, rep, lends;
    bool is_own, is_alive;
} host_handle;

typedef struct host_object {
    uint32_t rep;
    const berthi_host_type *type;
    bool is_alive, is_destroyed;
} host_object;

typedef struct undo {
    uint32_t handle; /* in `held` */
    bool is_borrow;
} undo;

typedef struct world {
    bertht_memory memory;
    berth_allocator allocator;
    size_t failures; /* before the operation */
    berth_diag diag;

    guest_table guests[TABLES];
    uint32_t guests_max;
    berthi_cm_error_contexts contexts;
    message messages[INDEX_MAX];
    uint32_t messages_count;
    size_t messages_bytes;

    berthi_cm_host_handles host;
    berthi_cm_resource_use resources[RESOURCES];
    host_handle held[INDEX_MAX];
    uint32_t held_count, held_alive, held_max;
    undo undos[INDEX_MAX];
    uint32_t undos_count, scopes_count;
    struct {
        berthi_cm_host_scope real;
        uint32_t undos;
    } scopes[SCOPES];

    berthi_host_table table;
    host_object objects[INDEX_MAX];
    uint32_t objects_count, objects_alive, objects_max;
} world;

static world w;

static void destroy(void *object)
{
    host_object *o = object;

    CHECK(!o->is_destroyed);
    o->is_destroyed = true;
}

static const berthi_host_type types[] = { { "thing", destroy }, { "plain", NULL } };

/* A failure is `expected`, or for want of memory when an allocation did fail just now. */
static bool went(bool is_good, berth_status expected)
{
    berth_status status = is_good ? BERTH_OK : (berth_status)w.diag.status;

    if (status == BERTH_E_NOMEM) {
        CHECK(atomic_load(&w.memory.failures) > w.failures);
        return false;
    }
    CHECK(status == expected);
    return is_good;
}

/* ---------------------------------------------------------------- handles of guests */

/* The index that the next handle must have; 0: the table is full. */
static uint32_t next_index(const guest_table *t)
{
    return t->freed_count != 0        ? t->freed[t->freed_count - 1]
           : t->count <= w.guests_max ? t->count
                                      : 0;
}

static void use_index(guest_table *t, uint32_t index, guest_handle handle)
{
    CHECK(index == next_index(t));
    if (t->freed_count != 0)
        t->freed_count--;
    else
        t->count++;
    t->handles[index] = handle;
}

static void free_index(guest_table *t, uint32_t index)
{
    t->handles[index] = (guest_handle){ .kind = FREE };
    t->freed[t->freed_count++] = index;
}

static const guest_handle *handle_of(const guest_table *t, uint32_t index)
{
    static const guest_handle none = { .kind = FREE };

    return index < t->count ? &t->handles[index] : &none;
}

static bool is_of(const guest_handle *h, uint32_t resource)
{
    return (h->kind == OWN || h->kind == BORROW) && h->resource == resource;
}

static void add_handle(guest_table *t, bool is_own, uint32_t resource, uint8_t b)
{
    uint32_t index = 0, rep = b * 77u;
    unsigned task = b % TASKS;
    berth_status expected = next_index(t) == 0 ? BERTH_E_LIMIT : BERTH_OK;
    bool is_good = is_own ? berthi_cm_handle_add_own(&t->real, resource, rep, &index, &w.diag)
                          : berthi_cm_handle_add_borrow(&t->real, resource, rep,
                                                        &t->tasks[task], &index, &w.diag);

    if (!went(is_good, expected))
        return;
    use_index(
        t, index,
        (guest_handle){
            .kind = is_own ? OWN : BORROW, .resource = resource, .rep = rep, .task = task });
    t->borrows[task] += !is_own;
}

static void take_handle(guest_table *t, uint32_t resource, uint32_t index)
{
    const guest_handle *h = handle_of(t, index);
    bool may = is_of(h, resource) && h->kind == OWN && h->lends == 0;
    uint32_t rep = 0;

    if (!went(berthi_cm_handle_take(&t->real, resource, index, &rep, &w.diag),
              may ? BERTH_OK : BERTH_E_TRAP))
        return;
    CHECK(rep == h->rep);
    free_index(t, index);
}

static void drop_handle(guest_table *t, uint32_t resource, uint32_t index)
{
    const guest_handle *h = handle_of(t, index);
    bool may = is_of(h, resource) && h->lends == 0;
    berthi_cm_handle was;

    if (!went(berthi_cm_handle_drop(&t->real, resource, index, &was, &w.diag),
              may ? BERTH_OK : BERTH_E_TRAP))
        return;
    CHECK(was.rep == h->rep && was.is_own == (h->kind == OWN));
    if (h->kind == BORROW)
        t->borrows[h->task]--;
    free_index(t, index);
}

static void lend_handle(guest_table *t, uint32_t resource, uint32_t index, unsigned task)
{
    const guest_handle *h = handle_of(t, index);
    uint32_t rep = 0;

    if (!went(berthi_cm_handle_lend(&t->real, resource, index, &t->lends[task], &rep, &w.diag),
              is_of(h, resource) ? BERTH_OK : BERTH_E_TRAP))
        return;
    CHECK(rep == h->rep);
    t->handles[index].lends++;
    t->lent[task][t->lent_count[task]++] = index;
}

static void return_lends(guest_table *t, unsigned task)
{
    berthi_cm_lends_return(&t->lends[task]);
    for (uint32_t i = 0; i < t->lent_count[task]; i++)
        t->handles[t->lent[task][i]].lends--;
    t->lent_count[task] = 0;
}

static void ask_rep(const guest_table *t, uint32_t resource, uint32_t index)
{
    const guest_handle *h = handle_of(t, index);
    uint32_t rep = 0;

    if (went(berthi_cm_handle_rep(&t->real, resource, index, &rep, &w.diag),
             is_of(h, resource) ? BERTH_OK : BERTH_E_TRAP))
        CHECK(rep == h->rep);
}

static void guest_operation(uint8_t what, uint8_t a, uint8_t b)
{
    guest_table *t = &w.guests[a & 1];
    uint32_t resource = a >> 1 & 1, index = b;

    if (what == 0 || what == 1)
        add_handle(t, what == 0, resource, b);
    else if (what == 2)
        take_handle(t, resource, index);
    else if (what == 3)
        drop_handle(t, resource, index);
    else if (what == 4)
        lend_handle(t, resource, index, a >> 2 & 1);
    else if (what == 5)
        return_lends(t, a >> 2 & 1);
    else
        ask_rep(t, resource, index);
}

/* ---------------------------------------------------------------- error contexts */

static void new_message(guest_table *t, uint8_t a, uint8_t b)
{
    size_t size = (size_t)b * b + (a >> 2); /* at most 65 088 */
    bool fits = size <= BERTHI_CM_ERROR_BYTES_MAX - w.messages_bytes;
    char *text = size == 0 ? NULL : berthi_alloc(&w.allocator, size);
    uint32_t index = 0;

    if (size != 0 && text == NULL)
        return;
    if (size != 0)
        memset(text, a, size);
    if (!went(berthi_cm_error_context_add(&w.contexts, &t->real, text, size, &index, &w.diag),
              fits && next_index(t) != 0 ? BERTH_OK : BERTH_E_LIMIT))
        return;
    use_index(t, index, (guest_handle){ .kind = MESSAGE, .rep = w.messages_count });
    w.messages[w.messages_count++] =
        (message){ .references = 1, .size = (uint32_t)size, .fill = (char)a };
    w.messages_bytes += size;
}

static void pass_message(guest_table *from, guest_table *to, uint32_t index)
{
    const guest_handle *h = handle_of(from, index);
    uint32_t given = 0;

    if (!went(berthi_cm_error_context_pass(&w.contexts, &from->real, index, &to->real, &given,
                                           &w.diag),
              h->kind != MESSAGE    ? BERTH_E_TRAP
              : next_index(to) == 0 ? BERTH_E_LIMIT
                                    : BERTH_OK))
        return;
    w.messages[h->rep].references++;
    use_index(to, given, *h);
}

static void read_message(const guest_table *t, uint32_t index)
{
    const guest_handle *h = handle_of(t, index);
    berthi_cm_host_string text;
    const message *m;

    if (!went(berthi_cm_error_context_text(&w.contexts, &t->real, index, &text, &w.diag),
              h->kind == MESSAGE ? BERTH_OK : BERTH_E_TRAP))
        return;
    m = &w.messages[h->rep];
    CHECK(text.size == m->size);
    for (size_t i = 0; i < text.size; i++)
        CHECK(text.text[i] == m->fill);
}

static void drop_message(guest_table *t, uint32_t index)
{
    const guest_handle *h = handle_of(t, index);

    if (!went(berthi_cm_error_context_drop(&w.contexts, &t->real, index, &w.diag),
              h->kind == MESSAGE ? BERTH_OK : BERTH_E_TRAP))
        return;
    if (--w.messages[h->rep].references == 0)
        w.messages_bytes -= w.messages[h->rep].size;
    free_index(t, index);
}

static void message_operation(uint8_t what, uint8_t a, uint8_t b)
{
    guest_table *t = &w.guests[a & 1];

    if (what == 0)
        new_message(t, a, b);
    else if (what == 1)
        pass_message(t, &w.guests[a >> 1 & 1], b);
    else if (what == 2)
        read_message(t, b);
    else
        drop_message(t, b);
    CHECK(w.contexts.bytes == w.messages_bytes);
}

/* ---------------------------------------------------------------- handles of the host */

/* One that was given, perhaps long ago; or none that ever was. */
static host_handle *some_held(uint8_t b, uint64_t *handle_out)
{
    host_handle *h = b < w.held_count ? &w.held[w.held_count - 1 - b] : NULL;

    *handle_out = h == NULL ? (uint64_t)b << 32 | b : h->handle;
    for (uint32_t i = 0; h == NULL && i < w.held_count; i++)
        if (w.held[i].handle == *handle_out)
            h = &w.held[i];
    return h != NULL && h->is_alive ? h : NULL;
}

static void end_held(host_handle *h)
{
    h->is_alive = false;
    w.held_alive--;
}

static void give_host(uint32_t resource, uint8_t b, bool is_borrow)
{
    bool is_hosts = resource == RESOURCES - 1;
    uint32_t rep = b * 1234567u;
    uint64_t handle = 0;

    if (!went(berthi_cm_to_host(&w.host, resource, rep, is_borrow, &handle, &w.diag),
              !is_hosts && w.held_alive >= w.held_max ? BERTH_E_LIMIT : BERTH_OK))
        return;
    if (is_hosts) {
        CHECK(handle == rep);
        return;
    }
    CHECK(handle != 0);
    for (uint32_t i = 0; i < w.held_count; i++)
        CHECK(w.held[i].handle != handle);
    if (is_borrow)
        w.undos[w.undos_count++] = (undo){ w.held_count, true };
    w.held[w.held_count++] = (host_handle){ .handle = handle,
                                            .resource = resource,
                                            .rep = rep,
                                            .is_own = !is_borrow,
                                            .is_alive = true };
    w.held_alive++;
}

static berth_status may_go(const host_handle *h)
{
    return h == NULL || !h->is_own ? BERTH_E_INVALID : h->lends != 0 ? BERTH_E_STATE : BERTH_OK;
}

static void give_guest(uint32_t resource, uint8_t b, bool is_borrow)
{
    bool is_hosts = resource == RESOURCES - 1;
    berth_status expected;
    uint32_t rep = 0;
    uint64_t handle;
    host_handle *h = some_held(b, &handle);

    if (is_hosts)
        expected = handle > UINT32_MAX ? BERTH_E_INVALID : BERTH_OK;
    else if (h == NULL || h->resource != resource)
        expected = BERTH_E_INVALID;
    else
        expected = is_borrow ? BERTH_OK : may_go(h);
    if (!went(berthi_cm_to_guest(&w.host, resource, handle, is_borrow, &rep, &w.diag),
              expected))
        return;
    CHECK(rep == (is_hosts ? handle : h->rep));
    if (is_hosts)
        return;
    if (!is_borrow) {
        end_held(h);
        return;
    }
    h->lends++;
    w.undos[w.undos_count++] = (undo){ (uint32_t)(h - w.held), false };
}

static void drop_held(uint8_t b)
{
    uint32_t resource = 0, rep = 0;
    uint64_t handle;
    host_handle *h = some_held(b, &handle);

    if (!went(berthi_cm_host_handle_drop(&w.host, handle, &resource, &rep, &w.diag), may_go(h)))
        return;
    CHECK(resource == h->resource && rep == h->rep);
    end_held(h);
}

static void leave_scopes(uint32_t count)
{
    berthi_cm_host_scope_leave(&w.host, w.scopes[count].real);
    while (w.undos_count > w.scopes[count].undos) {
        undo u = w.undos[--w.undos_count];

        if (u.is_borrow)
            end_held(&w.held[u.handle]);
        else
            w.held[u.handle].lends--;
    }
    w.scopes_count = count;
}

static void host_operation(uint8_t what, uint8_t a, uint8_t b)
{
    uint32_t resource = (a >> 1) % RESOURCES;

    if (what == 0)
        give_host(resource, b, (a & 1) != 0);
    else if (what == 1)
        give_guest(resource, b, (a & 1) != 0);
    else if (what == 2)
        drop_held(b);
    else if ((a & 1) != 0 && w.scopes_count != 0)
        leave_scopes(w.scopes_count - 1 - b % w.scopes_count);
    else if (w.scopes_count < SCOPES) {
        w.scopes[w.scopes_count].real = berthi_cm_host_scope_enter(&w.host);
        w.scopes[w.scopes_count++].undos = w.undos_count;
    }
}

/* ---------------------------------------------------------------- objects of the host */

static void add_object(const berthi_host_type *type)
{
    host_object *o = &w.objects[w.objects_count];
    uint32_t rep = 0;

    if (!went(berthi_host_table_add(&w.table, type, o, &rep, &w.diag) == BERTH_OK,
              w.objects_alive >= w.objects_max ? BERTH_E_LIMIT : BERTH_OK))
        return;
    CHECK(rep != 0);
    for (uint32_t i = 0; i < w.objects_count; i++)
        CHECK(w.objects[i].rep != rep);
    *o = (host_object){ .rep = rep, .type = type, .is_alive = true };
    w.objects_count++;
    w.objects_alive++;
}

static void object_operation(uint8_t what, uint8_t a, uint8_t b)
{
    const berthi_host_type *type = &types[a & 1];
    host_object *o = b < w.objects_count ? &w.objects[w.objects_count - 1 - b] : NULL;
    uint32_t rep = o == NULL ? b * 65537u : o->rep;
    void *expected;

    for (uint32_t i = 0; o == NULL && i < w.objects_count; i++)
        if (w.objects[i].rep == rep)
            o = &w.objects[i];
    expected = o != NULL && o->is_alive && o->type == type ? o : NULL;
    if (what == 0) {
        add_object(type);
        return;
    }
    CHECK(berthi_host_table_find(&w.table, type, rep) == expected);
    if (what == 1)
        CHECK(berthi_host_table_take(&w.table, type, rep) == expected);
    else if (what == 2)
        CHECK(berthi_host_table_remove(&w.table, type, rep) == (expected != NULL));
    if (expected == NULL || what == 3)
        return;
    CHECK(o->is_destroyed == (what == 2 && type->destroy != NULL));
    o->is_alive = false;
    w.objects_alive--;
}

/* ---------------------------------------------------------------- */

static void begin(const uint8_t *data)
{
    memset(&w, 0, sizeof w);
    memory_init(&w.memory);
    w.allocator = memory_allocator(&w.memory);
    w.guests_max = w.held_max = w.objects_max = 1 + data[0];
    for (unsigned i = 0; i < TABLES; i++) {
        guest_table *t = &w.guests[i];

        t->count = 1;
        berthi_cm_handles_init(&t->real, &w.allocator, w.guests_max);
        for (unsigned k = 0; k < TASKS; k++)
            berthi_cm_lends_init(&t->lends[k], &t->real);
    }
    berthi_cm_error_contexts_init(&w.contexts, &w.allocator);
    w.resources[RESOURCES - 1].instance = BERTHI_CM_NO_INDEX;
    berthi_cm_host_handles_init(&w.host, &w.allocator, w.resources, w.held_max,
                                data[1] * 0x01010101u);
    berthi_host_table_init(&w.table, &w.allocator, w.objects_max);
    memory_fail(&w.memory, data[2] == 0 ? MEMORY_NEVER : data[2] / 2u, (data[2] & 1) != 0);
}

static void end(void)
{
    memory_fail(&w.memory, MEMORY_NEVER, false);
    for (unsigned i = 0; i < TABLES; i++) {
        guest_table *t = &w.guests[i];

        for (unsigned k = 0; k < TASKS; k++) {
            return_lends(t, k);
            CHECK(t->tasks[k].borrows == t->borrows[k]);
        }
        for (uint32_t n = 1; n < t->count; n++)
            CHECK(t->real.entries[n].lends == 0);
        berthi_cm_handles_fini(&t->real);
    }
    berthi_cm_error_contexts_fini(&w.contexts);
    berthi_cm_host_scope_leave(&w.host, 0);
    berthi_cm_host_handles_fini(&w.host);
    berthi_host_table_fini(&w.table);
    for (uint32_t i = 0; i < w.objects_count; i++)
        if (w.objects[i].is_alive)
            CHECK(w.objects[i].is_destroyed == (w.objects[i].type->destroy != NULL));
    memory_assert_empty(&w.memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const operations[])(uint8_t what, uint8_t a,
                                      uint8_t b) = { guest_operation, message_operation,
                                                     host_operation, object_operation };

    if (size < 3)
        return 0;
    begin(data);
    for (size_t n = 0; n < OPERATIONS_MAX && 3 * n + 5 < size; n++) {
        const uint8_t *op = data + 3 + 3 * n;
        unsigned part = op[0] & 3, what = op[0] >> 2;

        w.failures = atomic_load(&w.memory.failures);
        memset(&w.diag, 0, sizeof w.diag);
        operations[part]((uint8_t)(what % (part == 0 ? 7 : 4)), op[1], op[2]);
    }
    end();
    return 0;
}
