/* poller.c - the thread that waits for descriptors.  Layer: flow.
 *
 * The kernel is given a key, never a pointer: the watch's place in a table and the generation of that place.
 * What it says of a watch that was removed meanwhile finds another generation, and is dropped. */
#include "flow/poller.h"

#include "base/diag.h"
#include "flow/flow.h"
#include "os/wait.h"

enum { KEYS = 64, ROOM_FIRST = 16 };
#define KEY_LATCH UINT64_MAX

/* ---------------------------------------------------------------- the thread */

/* Under the lock, which it leaves for the call. */
static void fire(berthi_poller *p, berthi_watch *watch)
{
    p->firing = watch;
    berthi_lock_drop(&p->lock);
    BERTHI_WINDOW();
    watch->fire(watch);
    berthi_lock_take(&p->lock);
    p->firing = NULL;
    berthi_cond_wake_all(&p->idle);
}

static void fire_key(berthi_poller *p, uint64_t key)
{
    uint32_t place = (uint32_t)key, generation = (uint32_t)(key >> 32);

    if (place < p->room && p->table[place] != NULL && p->generations[place] == generation)
        fire(p, p->table[place]);
}

/* Fires what is due; gives when the next one is. */
static uint64_t fire_times(berthi_poller *p)
{
    uint64_t now_ns = berthi_clock_ns(), next_ns = UINT64_MAX;

    for (uint32_t i = 0; p->timed != 0 && i < p->room; i++) {
        berthi_watch *watch = p->table[i];

        if (watch == NULL || watch->due_ns == UINT64_MAX)
            continue;
        if (watch->due_ns <= now_ns) {
            watch->due_ns = UINT64_MAX;
            p->timed--;
            fire(p, watch);
            watch = p->table[i]; /* it may have armed itself, or be gone */
        }
        if (watch != NULL && watch->due_ns < next_ns)
            next_ns = watch->due_ns;
    }
    return next_ns;
}

static void *poll(void *arg)
{
    berthi_poller *p = arg;
    uint64_t keys[KEYS];

    berthi_lock_take(&p->lock);
    while (!p->is_stopping) {
        uint64_t until_ns = fire_times(p);
        size_t count = 0;

        berthi_lock_drop(&p->lock);
        /* It fails for want of memory in the kernel, if ever: what is ready then is ready the next time. */
        if (berthi_poll_set_wait(p->set, keys, KEYS, until_ns, &count) != 0)
            berthi_thread_yield();
        BERTHI_WINDOW();
        berthi_lock_take(&p->lock);
        for (size_t i = 0; i < count && !p->is_stopping; i++)
            if (keys[i] != KEY_LATCH)
                fire_key(p, keys[i]);
    }
    berthi_lock_drop(&p->lock);
    return NULL;
}

int berthi_poller_init(berthi_poller *p)
{
    int code = berthi_lock_init(&p->lock, BERTHI_RANK_POLLER);

    if (code != 0)
        return code;
    code = berthi_cond_init(&p->idle);
    if (code != 0)
        berthi_lock_fini(&p->lock);
    return code;
}

static int start(berthi_poller *p)
{
    int code = berthi_poll_set_open(&p->set);

    if (code != 0)
        return code;
    code = berthi_latch_open(&p->latch);
    if (code != 0)
        goto fail_latch;
    code = berthi_poll_set_add_latch(p->set, p->latch, KEY_LATCH);
    if (code == 0)
        code = berthi_thread_start(&p->thread, "berth-poll", 0, poll, p);
    if (code != 0)
        goto fail_thread;
    p->is_running = true;
    return 0;
fail_thread:
    berthi_latch_close(p->latch);
fail_latch:
    berthi_poll_set_close(p->set);
    return code;
}

void berthi_poller_fini(berthi_poller *p, const berth_allocator *a)
{
    bool was_running;

    berthi_lock_take(&p->lock);
    assert(p->count == 0);
    p->is_stopping = true;
    was_running = p->is_running;
    berthi_lock_drop(&p->lock);
    if (was_running) {
        berthi_latch_set(p->latch);
        berthi_thread_join(&p->thread);
        berthi_latch_close(p->latch);
        berthi_poll_set_close(p->set);
    }
    if (p->room != 0) {
        berthi_free_array(a, p->table, p->room, sizeof(berthi_watch *));
        berthi_free_array(a, p->generations, p->room, sizeof *p->generations);
    }
    berthi_cond_fini(&p->idle);
    berthi_lock_fini(&p->lock);
}

/* ---------------------------------------------------------------- watches */

static bool grow(berthi_poller *p, const berth_allocator *a)
{
    uint32_t room = p->room != 0 ? p->room * 2 : ROOM_FIRST;
    berthi_watch **table = berthi_zalloc_array(a, room, sizeof(berthi_watch *));
    uint32_t *generations = berthi_zalloc_array(a, room, sizeof *generations);

    if (table == NULL || generations == NULL) {
        if (table != NULL)
            berthi_free_array(a, table, room, sizeof(berthi_watch *));
        if (generations != NULL)
            berthi_free_array(a, generations, room, sizeof *generations);
        return false;
    }
    if (p->room != 0) {
        memcpy(table, p->table, p->room * sizeof(berthi_watch *));
        memcpy(generations, p->generations, p->room * sizeof *generations);
        berthi_free_array(a, p->table, p->room, sizeof(berthi_watch *));
        berthi_free_array(a, p->generations, p->room, sizeof *generations);
    }
    p->table = table;
    p->generations = generations;
    p->room = room;
    return true;
}

berth_status berthi_watch_add(berthi_watch *watch, berth_flows *flows, int fd,
                              berthi_watch_fn on_ready, void *ctx, berth_diag *diag)
{
    berthi_poller *p = &flows->poller;
    int code = 0;
    bool has_room = true;

    *watch = (berthi_watch){
        .flows = flows, .fire = on_ready, .ctx = ctx, .fd = fd, .twin = -1, .due_ns = UINT64_MAX
    };
    berthi_lock_take(&p->lock);
    if (!p->is_running)
        code = start(p);
    if (code == 0 && p->count == p->room)
        has_room = grow(p, &flows->allocator);
    if (code == 0 && has_room) {
        while (p->table[p->free_from] != NULL)
            p->free_from++;
        p->table[p->free_from] = watch;
        watch->key = (uint64_t)p->generations[p->free_from] << 32 | p->free_from;
        watch->place = ++p->free_from;
        p->count++;
    }
    berthi_lock_drop(&p->lock);
    if (code != 0)
        return berthi_fail_os(diag, code, "the thread that waits for descriptors");
    return has_room ? BERTH_OK : berthi_fail(diag, BERTH_E_NOMEM, "no memory to wait");
}

static int arm(berthi_watch *watch, uint32_t events)
{
    return berthi_poll_set_arm(watch->flows->poller.set,
                               watch->twin >= 0 ? watch->twin : watch->fd, events, watch->key,
                               !watch->is_known);
}

int berthi_watch_arm(berthi_watch *watch, uint32_t events)
{
    int code = arm(watch, events);

    if (code == BERTHI_POLL_KNOWN && watch->twin < 0) {
        code = berthi_poll_set_twin(watch->fd, &watch->twin);
        if (code == 0)
            code = arm(watch, events);
    }
    if (code == 0)
        watch->is_known = true;
    return code;
}

void berthi_watch_arm_time(berthi_watch *watch, uint64_t due_ns)
{
    berthi_poller *p = &watch->flows->poller;
    bool is_sooner;

    berthi_lock_take(&p->lock);
    is_sooner = due_ns < watch->due_ns;
    p->timed -= watch->due_ns != UINT64_MAX;
    p->timed += due_ns != UINT64_MAX;
    watch->due_ns = due_ns;
    is_sooner = is_sooner && p->firing != watch; /* else the thread is about to look */
    berthi_lock_drop(&p->lock);
    if (is_sooner)
        berthi_latch_set(p->latch);
}

void berthi_watch_remove(berthi_watch *watch)
{
    berthi_poller *p;
    uint32_t place = watch->place;

    if (watch->flows == NULL || place == 0)
        return;
    p = &watch->flows->poller;
    if (watch->is_known)
        berthi_poll_set_remove(p->set, watch->twin >= 0 ? watch->twin : watch->fd);
    if (watch->twin >= 0)
        berthi_poll_set_drop_twin(watch->twin);
    berthi_lock_take(&p->lock);
    p->table[place - 1] = NULL;
    p->generations[place - 1]++;
    if (place - 1 < p->free_from)
        p->free_from = place - 1;
    p->count--;
    p->timed -= watch->due_ns != UINT64_MAX;
    while (p->firing == watch)
        berthi_cond_wait(&p->idle, &p->lock.mutex);
    berthi_lock_drop(&p->lock);
    memset(watch, 0, sizeof *watch);
}
