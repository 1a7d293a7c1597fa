/* listener.c - one thread for one address, and the queue of who waits.  Layer: listen. */
#include "listen/exchange.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/diag.h"
#include "os/clock.h"
#include "os/local_socket.h"
#include "os/wait.h"

enum { BACKLOG = 128, STACK = 256 << 10, TRY_AGAIN_NS = 10000000 };
#define KEY_DAEMON UINT64_C(0)
#define KEY_LATCH  UINT64_C(1)
#define LOCAL      "unix:"

void berthi_refuse(berthi_refusal *refusal, uint16_t status, const char *text)
{
    refusal->status = status;
    snprintf(refusal->text, sizeof refusal->text, "%s\n", text);
}

/* ---------------------------------------------------------------- the queue */

void berthi_listener_queue(berthi_exchange *x, berthi_refusal *refusal)
{
    berthi_listener *l = x->listener;

    berthi_lock_take(&l->lock);
    if (l->is_closing) {
        berthi_refuse(refusal, 503, "this is about to end");
    } else if (l->waiting >= l->options.waiting_max) {
        berthi_refuse(refusal, 503, "too many requests wait already");
    } else {
        berthi_exchange_ref(x);
        x->is_queued = true;
        x->queued_ns = berthi_clock_ns();
        x->next = NULL;
        *l->last = x;
        l->last = &x->next;
        l->waiting++;
        l->requests++;
        berthi_cond_wake_all(&l->more);
    }
    berthi_lock_drop(&l->lock);
    if (refusal->status == 0 && l->options.ops->tell != NULL)
        l->options.ops->tell(l->options.ctx);
}

static berthi_exchange *take_first(berthi_listener *l)
{
    berthi_exchange *x = l->first;

    if (x == NULL)
        return NULL;
    l->first = x->next;
    if (l->first == NULL)
        l->last = &l->first;
    l->waiting--;
    x->is_queued = false;
    x->is_held = true;
    return x;
}

berthi_exchange *berthi_listener_take(berthi_listener *l, uint64_t until_ns)
{
    berthi_exchange *x;

    berthi_lock_take(&l->lock);
    while (l->first == NULL && !l->is_closing && berthi_clock_ns() < until_ns) {
        if (until_ns == UINT64_MAX)
            berthi_cond_wait(&l->more, &l->lock.mutex);
        else
            (void)berthi_cond_wait_until(&l->more, &l->lock.mutex, until_ns);
    }
    x = l->is_closing ? NULL : take_first(l);
    berthi_lock_drop(&l->lock);
    return x;
}

/* The first one, when it has waited for too long; gives when it will have. */
static berthi_exchange *take_overdue(berthi_listener *l, uint64_t *due_ns_io)
{
    berthi_exchange *x = NULL;

    berthi_lock_take(&l->lock);
    if (l->first != NULL) {
        uint64_t waited_ns = berthi_clock_ns() - l->first->queued_ns;

        if (l->is_closing || waited_ns >= l->options.wait_ns) {
            x = take_first(l);
            l->refused++;
        } else if (l->first->queued_ns + l->options.wait_ns < *due_ns_io) {
            *due_ns_io = l->first->queued_ns + l->options.wait_ns;
        }
    }
    berthi_lock_drop(&l->lock);
    return x;
}

static void expire_queue(berthi_listener *l, uint64_t *due_ns_io)
{
    for (berthi_exchange *x; (x = take_overdue(l, due_ns_io)) != NULL;) {
        berthi_exchange_answer(x, 503, "it was not taken in time\n");
        berthi_exchange_drop(x);
        *due_ns_io = 0; /* it has to go out */
    }
}

/* ---------------------------------------------------------------- the thread */

static berthi_exchange *take_kicked(berthi_listener *l)
{
    berthi_exchange *x;

    berthi_lock_take(&l->lock);
    x = l->kicked;
    if (x != NULL) {
        l->kicked = x->next_kicked;
        x->is_kicked = false; /* from now on it may be in the list again */
    }
    berthi_lock_drop(&l->lock);
    return x;
}

static void go_on_kicked(berthi_listener *l)
{
    for (berthi_exchange *x; (x = take_kicked(l)) != NULL;) {
        berthi_daemon_resume(x);
        berthi_exchange_settle(x);
        berthi_exchange_unref(x);
    }
}

/* Nothing is left to be done, or no time for it. */
static bool is_done(berthi_listener *l, uint64_t *due_ns_io)
{
    bool is_done = false, is_closing;

    berthi_lock_take(&l->lock);
    is_closing = l->is_closing;
    if (is_closing) {
        is_done = l->living == 0 || berthi_clock_ns() >= l->close_ns;
        if (l->close_ns < *due_ns_io)
            *due_ns_io = l->close_ns;
    }
    berthi_lock_drop(&l->lock);
    if (is_closing)
        berthi_daemon_quiesce(l);
    return is_done;
}

static void wait_for_more(berthi_listener *l, uint64_t due_ns)
{
    uint64_t keys[4], soon_ns = berthi_clock_ns() + TRY_AGAIN_NS;
    size_t count = 0;
    int code =
        berthi_poll_set_arm(l->set, l->epoll_fd, BERTHI_POLL_READ, KEY_DAEMON, !l->is_armed);

    l->is_armed = l->is_armed || code == 0;
    if (code != 0 && due_ns > soon_ns) /* nobody will say so */
        due_ns = soon_ns;
    (void)berthi_poll_set_wait(l->set, keys, 4, due_ns, &count);
}

static void tell_counts(berthi_listener *l)
{
    berthi_listener_counts now;

    if (l->options.ops->count == NULL)
        return;
    berthi_lock_take(&l->lock);
    now = (berthi_listener_counts){ l->connections, l->lost,  l->requests, l->refused,
                                    l->bytes_in,    l->peers, l->waiting };
    berthi_lock_drop(&l->lock);
    l->options.ops->count(l->options.ctx, &now);
}

static void *run(void *arg)
{
    berthi_listener *l = arg;

    for (;;) {
        uint64_t due_ns = UINT64_MAX;

        go_on_kicked(l);
        berthi_daemon_expire(l, &due_ns);
        berthi_daemon_run(l, &due_ns);
        expire_queue(l, &due_ns);
        tell_counts(l);
        if (is_done(l, &due_ns))
            break;
        wait_for_more(l, due_ns);
    }
    berthi_daemon_stop(l);
    tell_counts(l);
    go_on_kicked(l); /* their references */
    return NULL;
}

/* ---------------------------------------------------------------- opening */

static berth_status listen_at(berthi_listener *l, berth_diag *diag)
{
    const char *address = l->options.address;
    berthi_address at, got;
    size_t name_size;
    berthi_code code;

    if (strncmp(address, LOCAL, sizeof LOCAL - 1) == 0) {
        l->path = berthi_strndup(l->options.allocator, address + sizeof LOCAL - 1,
                                 strlen(address) + 1 - sizeof LOCAL);
        if (l->path == NULL)
            return berthi_fail(diag, BERTH_E_NOMEM, "no memory to listen");
        code = berthi_local_listen(l->path, BACKLOG, &l->fd);
    } else {
        if (!berthi_address_parse(address, &at, &name_size) || at.size == 0)
            return berthi_fail(diag, BERTH_E_INVALID,
                               "%s: is listened at by number, such as 127.0.0.1:8080 or "
                               "[::1]:8080, or unix:/a/path",
                               address);
        code = berthi_address_listen(&at, BACKLOG, &l->fd);
        if (code == BERTHI_CODE_OK && berthi_socket_local(l->fd, &got) == BERTHI_CODE_OK)
            l->port = got.port;
    }
    if (code == BERTHI_CODE_OK)
        return BERTH_OK;
    l->fd = -1;
    return berthi_fail(diag, BERTH_E_OS, "%s: cannot be listened at (%s)", address,
                       berthi_code_name(code));
}

static void free_listener(berthi_listener *l)
{
    const berth_allocator *a = l->options.allocator;

    if (l->fd >= 0)
        berthi_socket_close(l->fd);
    if (l->path != NULL) {
        if (l->fd >= 0)
            berthi_local_remove(l->path);
        berthi_free(a, l->path, strlen(l->path) + 1);
    }
    if (l->set >= 0)
        berthi_poll_set_close(l->set);
    berthi_latch_close(l->latch);
    berthi_cond_fini(&l->more);
    berthi_lock_fini(&l->lock);
    berthi_free(a, l, sizeof *l);
}

static berth_status make_waiting(berthi_listener *l, berth_diag *diag)
{
    int code = berthi_poll_set_open(&l->set);

    if (code == 0)
        code = berthi_latch_open(&l->latch);
    if (code == 0)
        code = berthi_poll_set_add_latch(l->set, l->latch, KEY_LATCH);
    return code == 0 ? BERTH_OK : berthi_fail_os(diag, code, "%s", l->options.address);
}

static berth_status start(berthi_listener *l, berth_diag *diag)
{
    berth_status status = listen_at(l, diag);
    int code;

    if (status == BERTH_OK)
        status = make_waiting(l, diag);
    if (status == BERTH_OK)
        status = berthi_daemon_start(l, diag);
    if (status != BERTH_OK)
        return status;
    code = berthi_thread_start(&l->thread, "berth-listen", STACK, run, l);
    if (code == 0)
        return BERTH_OK;
    berthi_daemon_stop(l);
    return berthi_fail_os(diag, code, "a thread for %s", l->options.address);
}

berth_status berthi_listener_open(const berthi_listener_options *o,
                                  berthi_listener **listener_out, berth_diag *diag)
{
    berthi_listener *l = berthi_zalloc(o->allocator, sizeof *l);
    berth_status status;

    if (l == NULL || berthi_lock_init(&l->lock, BERTHI_RANK_LISTENER) != 0) {
        berthi_free(o->allocator, l, sizeof *l);
        return berthi_fail(diag, BERTH_E_NOMEM, "no memory to listen");
    }
    if (berthi_cond_init(&l->more) != 0) {
        berthi_lock_fini(&l->lock);
        berthi_free(o->allocator, l, sizeof *l);
        return berthi_fail(diag, BERTH_E_NOMEM, "no memory to listen");
    }
    l->options = *o;
    l->last = &l->first;
    l->set = l->latch = l->fd = -1;
    status = start(l, diag);
    if (status != BERTH_OK) {
        free_listener(l);
        return status;
    }
    *listener_out = l;
    return BERTH_OK;
}

uint16_t berthi_listener_port(const berthi_listener *l)
{
    return l->port;
}

/* ---------------------------------------------------------------- closing */

static void end_at(berthi_listener *l, uint64_t until_ns)
{
    berthi_lock_take(&l->lock);
    l->is_closing = true;
    l->close_ns = until_ns;
    berthi_cond_wake_all(&l->more);
    berthi_latch_set(l->latch);
    berthi_lock_drop(&l->lock);
}

void berthi_listener_end(berthi_listener *l)
{
    end_at(l, UINT64_MAX);
}

void berthi_listener_close(berthi_listener *l, uint64_t until_ns)
{
    end_at(l, until_ns);
    berthi_thread_join(&l->thread);
    free_listener(l);
}
