/* peers.c - connections.  Layer: ends. */
#include "ends/peers.h"

#include "os/code.h"

enum { BACKLOG = 128 };

/* ---------------------------------------------------------------- one of them */

static void tell(berthi_watch *watch)
{
    berthi_peer *peer = watch->ctx;

    /* release, and before the stage is told: it looks for this when it has heard that. */
    atomic_store_explicit(&peer->is_ready, true, memory_order_release);
    berth_stage_ready(peer->stage);
}

static void tell_stage(berthi_watch *watch)
{
    berth_stage_ready(watch->ctx);
}

bool berthi_peer_is_ready(berthi_peer *peer)
{
    return atomic_exchange_explicit(&peer->is_ready, false, memory_order_acq_rel);
}

berth_status berthi_peer_await(berthi_peer *peer, uint32_t events, berth_diag *diag)
{
    int code = berthi_watch_arm(&peer->watch, events);

    if (code == 0)
        return BERTH_OK;
    /* Nobody will say so: the stage looks for itself when it is called again. */
    atomic_store_explicit(&peer->is_ready, true, memory_order_relaxed);
    return berthi_fail_os(diag, code, "a connection");
}

static void close_peer(berthi_peer *peer)
{
    if (peer->fd < 0)
        return;
    berthi_watch_remove(&peer->watch);
    if (!peer->is_connecting) /* what was sent arrives, also when it has said something unheard */
        (void)berthi_socket_shut(peer->fd, false, true);
    berthi_socket_close(peer->fd);
    berthi_deframer_fini(&peer->deframer);
    peer->fd = -1;
}

static void count_peers(berthi_peers *p, uint32_t change)
{
    p->count += change;
    atomic_store_explicit(&p->end->counts.peers, p->count, memory_order_relaxed);
}

static void be_connected(berthi_peers *p, berthi_peer *peer)
{
    peer->is_connecting = false;
    atomic_store_explicit(&peer->is_ready, true, memory_order_relaxed);
    p->delay_ns = 0;
    p->tries = 0;
    count_peers(p, 1);
    berthi_count(&p->end->counts.connections, 1);
}

void berthi_peer_lose(berthi_peers *p, berthi_peer *peer)
{
    if (!peer->is_connecting) {
        count_peers(p, UINT32_MAX);
        berthi_count(&p->end->counts.lost, 1);
        /* Not at once: it may be one who lets everybody in and out again. */
        p->not_before_ns = berthi_clock_ns() + p->end->values.retry_ns;
    }
    close_peer(peer);
}

static berth_status add_peer(berthi_peers *p, berth_stage *stage, int fd,
                             berthi_peer **peer_out, berth_diag *diag)
{
    berthi_peer *peer = p->peers;
    berth_status status;

    while (peer->fd >= 0)
        peer++;
    assert(peer < p->peers + p->room);
    berthi_deframer_init(&peer->deframer, p->end->allocator, &p->end->values);
    peer->sent = 0;
    peer->blocked_ns = 0;
    peer->stage = stage;
    atomic_store_explicit(&peer->is_ready, false, memory_order_relaxed); /* of the one before */
    status = berthi_watch_add(&peer->watch, stage->flow->flows, fd, tell, peer, diag);
    if (status != BERTH_OK) {
        berthi_socket_close(fd);
        return status;
    }
    peer->fd = fd;
    *peer_out = peer;
    return BERTH_OK;
}

/* ---------------------------------------------------------------- opening */

static const char *where(const berthi_peers *p)
{
    return p->is_local ? p->end->values.path : p->end->values.address;
}

static berth_status fail_listen(const berthi_peers *p, berthi_code code, berth_diag *diag)
{
    return berthi_fail(diag, BERTH_E_OS, "%s: cannot be listened at (%s)", where(p),
                       berthi_code_name(code));
}

static berth_status listen_at(berthi_peers *p, berth_diag *diag)
{
    berthi_address at;
    size_t name_size;
    berthi_code code;

    if (p->is_local) {
        code = berthi_local_listen(p->end->values.path, BACKLOG, &p->listener);
        return code == BERTHI_CODE_OK ? BERTH_OK : fail_listen(p, code, diag);
    }
    if (!berthi_address_parse(p->end->values.address, &at, &name_size) || at.size == 0)
        return berthi_fail(diag, BERTH_E_INVALID,
                           "%s: is listened at by number, such as 127.0.0.1:9000 or [::]:9000",
                           where(p));
    code = berthi_address_listen(&at, BACKLOG, &p->listener);
    return code == BERTHI_CODE_OK ? BERTH_OK : fail_listen(p, code, diag);
}

berth_status berthi_peers_open(berthi_peers *p, berthi_end *end, bool is_local,
                               berth_stage *stage, berth_diag *diag)
{
    berthi_address at;
    size_t name_size;
    berth_status status = BERTH_OK;

    memset(p, 0, sizeof *p);
    p->end = end;
    p->is_local = is_local;
    p->listens = end->values.listens != 0;
    p->listener = -1;
    p->room = p->listens ? (uint32_t)end->values.peers_max : 1;
    if (!is_local && !berthi_address_parse(end->values.address, &at, &name_size))
        return berthi_fail(diag, BERTH_E_INVALID, "%s: is no address and port", where(p));
    p->peers = berthi_zalloc_array(end->allocator, p->room, sizeof *p->peers);
    if (p->peers == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "no memory for %u connections", p->room);
    for (uint32_t i = 0; i < p->room; i++)
        p->peers[i].fd = -1;
    if (p->listens)
        status = listen_at(p, diag);
    if (status == BERTH_OK && p->listens)
        status = berthi_watch_add(&p->listener_watch, stage->flow->flows, p->listener,
                                  tell_stage, stage, diag);
    if (status != BERTH_OK)
        berthi_peers_close(p, stage);
    return status;
}

void berthi_peers_close(berthi_peers *p, berth_stage *stage)
{
    for (uint32_t i = 0; i < p->room && p->peers != NULL; i++)
        close_peer(&p->peers[i]);
    if (p->listener >= 0) {
        berthi_watch_remove(&p->listener_watch);
        berthi_socket_close(p->listener);
        if (p->is_local)
            berthi_local_remove(p->end->values.path);
        p->listener = -1;
    }
    if (p->resolving != NULL) {
        berth_stage_forget_fd(stage, berthi_resolve_fd(p->resolving));
        berthi_resolve_drop(p->resolving);
        p->resolving = NULL;
    }
    if (p->peers != NULL)
        berthi_free_array(p->end->allocator, p->peers, p->room, sizeof *p->peers);
    p->peers = NULL;
    atomic_store_explicit(&p->end->counts.peers, 0, memory_order_relaxed);
}

/* ---------------------------------------------------------------- who comes */

static berth_status take_peers(berthi_peers *p, berth_stage *stage, berth_diag *diag)
{
    while (p->count < p->room) { /* others wait in the system's queue */
        berthi_peer *peer;
        berth_status status;
        int fd, armed;
        berthi_code code = berthi_socket_take(p->listener, &fd);

        if (code == BERTHI_CODE_WOULD_BLOCK) {
            armed = berthi_watch_arm(&p->listener_watch, BERTHI_POLL_READ);
            return armed == 0 ? BERTH_OK : berthi_fail_os(diag, armed, "%s", where(p));
        }
        if (code != BERTHI_CODE_OK)
            return berthi_fail(diag, BERTH_E_OS, "%s: nobody can be let in (%s)", where(p),
                               berthi_code_name(code));
        status = add_peer(p, stage, fd, &peer, diag);
        if (status != BERTH_OK)
            return status;
        be_connected(p, peer);
    }
    return BERTH_OK;
}

/* ---------------------------------------------------------------- who is reached */

/* This try failed: the next address, or later again. */
static void try_later(berthi_peers *p, berthi_code code)
{
    const berthi_end_values *values = &p->end->values;

    p->last_code = code;
    p->tries++;
    berthi_count(&p->end->counts.retries, 1);
    if (p->addresses_count != 0 && ++p->address_at < p->addresses_count)
        return;
    p->addresses_count = p->address_at = 0; /* asked for again: it may have moved */
    p->delay_ns = p->delay_ns == 0 ? values->retry_ns : p->delay_ns * 2;
    if (p->delay_ns > values->retry_ns_max)
        p->delay_ns = values->retry_ns_max;
    p->not_before_ns = berthi_clock_ns() + p->delay_ns;
}

/* OK: there are addresses.  WOULD_BLOCK: an answer will come. */
static berthi_code find_addresses(berthi_peers *p, berth_stage *stage, berth_diag *diag)
{
    const berthi_address *found;
    uint32_t count;
    size_t name_size;
    berthi_address at;
    berthi_code code;

    if (p->addresses_count != 0)
        return BERTHI_CODE_OK;
    (void)berthi_address_parse(p->end->values.address, &at, &name_size);
    if (at.size != 0) {
        p->addresses[0] = at;
        p->addresses_count = 1;
        return BERTHI_CODE_OK;
    }
    if (p->resolving == NULL) {
        code = berthi_resolve_start(p->end->values.address, name_size, &p->resolving);
        if (code != BERTHI_CODE_OK)
            return code;
    }
    code = berthi_resolve_answer(p->resolving, &found, &count);
    if (code == BERTHI_CODE_WOULD_BLOCK) {
        if (berth_stage_wait_fd(stage, berthi_resolve_fd(p->resolving), BERTH_WAIT_READ,
                                diag) == BERTH_OK)
            return BERTHI_CODE_WOULD_BLOCK;
        code = BERTHI_CODE_NO_MEMORY;
    }
    for (uint32_t i = 0; code == BERTHI_CODE_OK && i < count; i++) {
        p->addresses[i] = found[i];
        p->addresses[i].port = at.port;
        p->addresses_count = i + 1;
    }
    berth_stage_forget_fd(stage, berthi_resolve_fd(p->resolving));
    berthi_resolve_drop(p->resolving);
    p->resolving = NULL;
    return code == BERTHI_CODE_OK && p->addresses_count == 0 ? BERTHI_CODE_NAME_UNKNOWN : code;
}

/* OK, WOULD_BLOCK with a socket, or why not. */
static berthi_code start_connecting(berthi_peers *p, int *fd_out)
{
    const berthi_address *to = &p->addresses[p->address_at];
    berthi_code code;
    int fd;

    if (p->is_local)
        return berthi_local_connect(p->end->values.path, fd_out);
    code = berthi_socket_open(true, to->size == 16, &fd);
    if (code != BERTHI_CODE_OK)
        return code;
    code = berthi_socket_connect(fd, to);
    if (code == BERTHI_CODE_OK || code == BERTHI_CODE_WOULD_BLOCK)
        *fd_out = fd;
    else
        berthi_socket_close(fd);
    return code;
}

static berth_status begin(berthi_peers *p, berth_stage *stage, berth_diag *diag)
{
    berthi_code code = p->is_local ? BERTHI_CODE_OK : find_addresses(p, stage, diag);
    berthi_peer *peer;
    berth_status status;
    int fd = -1;

    if (!p->is_local && code == BERTHI_CODE_WOULD_BLOCK)
        return BERTH_OK;
    if (code == BERTHI_CODE_OK)
        code = start_connecting(p, &fd);
    if (fd < 0) {
        try_later(p, code);
        return BERTH_OK;
    }
    status = add_peer(p, stage, fd, &peer, diag);
    if (status != BERTH_OK)
        return status;
    peer->is_connecting = true;
    if (code == BERTHI_CODE_WOULD_BLOCK)
        return berthi_peer_await(peer, BERTHI_POLL_WRITE, diag);
    be_connected(p, peer);
    return BERTH_OK;
}

static berth_status go_on(berthi_peers *p, berthi_peer *peer, berth_diag *diag)
{
    berthi_code code;

    if (!berthi_peer_is_ready(peer))
        return BERTH_OK;
    code = berthi_socket_connected(peer->fd);
    if (code == BERTHI_CODE_WOULD_BLOCK)
        return berthi_peer_await(peer, BERTHI_POLL_WRITE, diag);
    if (code == BERTHI_CODE_OK) {
        be_connected(p, peer);
    } else {
        close_peer(peer);
        try_later(p, code);
    }
    return BERTH_OK;
}

static berth_status reach(berthi_peers *p, berth_stage *stage, uint64_t *wait_ns_io,
                          berth_diag *diag)
{
    berthi_peer *peer = &p->peers[0];
    uint64_t max = p->end->values.retries;
    uint64_t now_ns = berthi_clock_ns();
    berth_status status = BERTH_OK;

    if (peer->fd >= 0 && peer->is_connecting)
        status = go_on(p, peer, diag);
    while (status == BERTH_OK && peer->fd < 0 && now_ns >= p->not_before_ns &&
           p->resolving == NULL && (max == 0 || p->tries <= max)) {
        uint32_t tries = p->tries;

        status = begin(p, stage, diag);
        now_ns = berthi_clock_ns();
        if (tries == p->tries)
            break;
    }
    if (status == BERTH_OK && p->resolving != NULL && peer->fd < 0)
        status = begin(p, stage, diag);
    if (status != BERTH_OK || peer->fd >= 0)
        return status;
    if (max != 0 && p->tries > max) {
        p->tries = 0;
        return berthi_fail(diag, BERTH_E_OS, "%s: cannot be reached (%s)", where(p),
                           berthi_code_name(p->last_code));
    }
    if (p->not_before_ns > now_ns && p->not_before_ns - now_ns < *wait_ns_io)
        *wait_ns_io = p->not_before_ns - now_ns;
    return BERTH_OK;
}

berth_status berthi_peers_meet(berthi_peers *p, berth_stage *stage, uint64_t *wait_ns_io,
                               berth_diag *diag)
{
    return p->listens ? take_peers(p, stage, diag) : reach(p, stage, wait_ns_io, diag);
}
