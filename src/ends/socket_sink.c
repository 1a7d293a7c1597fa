/* socket_sink.c - records to peers, over TCP and between processes.  Layer: ends.
 *
 * A batch goes to everybody who is connected; it has gone when each of them, one at least, was sent all of it.  Until
 * then the flow keeps its records and brings no more: the slowest peer sets the pace, and `slow` is how long it may take
 * nothing before it is let go.  When all are gone, the batch waits for the next one, and goes to him from its start. */
#include "ends/peers.h"

typedef struct socket_sink {
    berthi_end end;
    berthi_peers peers;
    berthi_framed framed;
    bool is_sent; /* somebody got all of the batch */
} socket_sink;

static berth_status init(void *self, berth_stage *stage, berth_diag *diag)
{
    socket_sink *s = self;

    berthi_framed_init(&s->framed, s->end.allocator);
    s->is_sent = false;
    return berthi_peers_open(&s->peers, &s->end, s->end.kind == &berthi_end_unix_sink, stage,
                             diag);
}

static void teardown(void *self, berth_stage *stage)
{
    socket_sink *s = self;

    berthi_peers_close(&s->peers, stage);
    berthi_framed_fini(&s->framed);
}

static berth_status process(void *self, berth_stage *stage, const berth_record *record,
                            berth_diag *diag)
{
    socket_sink *s = self;
    berth_status status = berthi_framed_add(&s->framed, &s->end.values, &s->end.counts,
                                            record->data, (size_t)record->size, diag);

    if (status == BERTH_OK && s->framed.size >= s->end.values.write_bytes)
        berth_stage_pause(stage, 0); /* flush() comes next */
    return status;
}

/* Nothing goes: how long it may stay so.  False: not any longer. */
static bool may_block(socket_sink *s, berthi_peer *peer, uint64_t *wait_ns_io)
{
    uint64_t now_ns = berthi_clock_ns(), slow_ns = s->end.values.slow_ns;

    if (peer->blocked_ns == 0)
        peer->blocked_ns = now_ns;
    if (slow_ns == 0)
        return true;
    if (now_ns - peer->blocked_ns >= slow_ns)
        return false;
    if (peer->blocked_ns + slow_ns - now_ns < *wait_ns_io)
        *wait_ns_io = peer->blocked_ns + slow_ns - now_ns;
    return true;
}

static berth_status send_to(socket_sink *s, berthi_peer *peer, uint64_t *wait_ns_io,
                            berth_diag *diag)
{
    bool is_armed = peer->blocked_ns != 0 && !berthi_peer_is_ready(peer);

    while (!is_armed && peer->sent < s->framed.size) {
        size_t done = 0;
        berthi_code code = berthi_socket_send(peer->fd, s->framed.data + peer->sent,
                                              s->framed.size - peer->sent, &done);

        if (code == BERTHI_CODE_WOULD_BLOCK) {
            berth_status status = berthi_peer_await(peer, BERTHI_POLL_WRITE, diag);

            if (status != BERTH_OK)
                return status;
            is_armed = true;
        } else if (code != BERTHI_CODE_OK) {
            berthi_peer_lose(&s->peers, peer);
            return BERTH_OK;
        } else {
            peer->sent += done;
            peer->blocked_ns = 0;
            berthi_count(&s->end.counts.bytes, done);
        }
    }
    if (is_armed && !may_block(s, peer, wait_ns_io))
        berthi_peer_lose(&s->peers, peer);
    return BERTH_OK;
}

/* To all of them.  *is_done_out: nobody waits for a part of it. */
static berth_status send_all(socket_sink *s, uint64_t *wait_ns_io, bool *is_done_out,
                             berth_diag *diag)
{
    berth_status status = BERTH_OK;

    *is_done_out = true;
    for (uint32_t i = 0; i < s->peers.room && status == BERTH_OK; i++) {
        berthi_peer *peer = &s->peers.peers[i];

        if (peer->fd < 0 || peer->is_connecting)
            continue;
        status = send_to(s, peer, wait_ns_io, diag);
        if (peer->fd < 0)
            continue;
        s->is_sent |= peer->sent == s->framed.size;
        *is_done_out &= peer->sent == s->framed.size;
    }
    return status;
}

static void begin_batch(socket_sink *s)
{
    berthi_framed_clear(&s->framed);
    s->is_sent = false;
    for (uint32_t i = 0; i < s->peers.room; i++)
        s->peers.peers[i].sent = 0;
}

/* These records come again, or others do.  Who has a part of them would take what follows for the rest of it. */
static void give_back(socket_sink *s)
{
    for (uint32_t i = 0; i < s->peers.room; i++) {
        berthi_peer *peer = &s->peers.peers[i];

        if (peer->fd >= 0 && peer->sent != 0 && peer->sent < s->framed.size)
            berthi_peer_lose(&s->peers, peer);
    }
    begin_batch(s);
}

static berth_status flush(void *self, berth_stage *stage, berth_diag *diag)
{
    socket_sink *s = self;
    uint64_t wait_ns = UINT64_MAX;
    bool is_done = false;
    uint32_t count;
    berth_status status = berthi_peers_meet(&s->peers, stage, &wait_ns, diag);

    if (status == BERTH_OK && s->framed.size == 0)
        return BERTH_OK;
    count = s->peers.count;
    if (status == BERTH_OK)
        status = send_all(s, &wait_ns, &is_done, diag);
    if (status != BERTH_OK) {
        give_back(s);
        return status;
    }
    if (is_done && s->is_sent) {
        berthi_count(&s->end.counts.records, s->framed.records);
        begin_batch(s);
        return BERTH_OK;
    }
    if (s->peers.count < count)
        wait_ns = 0; /* a place is free: somebody may wait for it, or is to be reached again */
    berth_stage_pause(stage, wait_ns);
    return BERTH_OK;
}

static const berth_stage_ops ops = {
    sizeof(berth_stage_ops), 0, init, NULL, process, NULL, flush, NULL, NULL, teardown,
};

/* clang-format off */
#define SETTINGS(where, text)                                                                  \
    { where, BERTHI_END_TEXT, NULL, NULL, NULL, NULL, BERTHI_END_AT(SOCKET_FIELD), text },    \
    BERTHI_END_SOCKET_SETTINGS,                                                                \
    { "slow", BERTHI_END_TIME, NULL, "0", "0", "24h", BERTHI_END_AT(slow_ns),                 \
      "a peer that takes nothing for so long is let go; 0: it is waited for" },                \
    BERTHI_END_WRITE_SETTINGS,                                                                 \
    { "write_bytes", BERTHI_END_BYTES, NULL, "64KiB", "1", "16MiB",                           \
      BERTHI_END_AT(write_bytes), "are sent at once, if a batch has so many" }
/* clang-format on */

#define SOCKET_FIELD address
static const berthi_end_setting tcp_settings[] = { SETTINGS(
    "address", "host:port, by name or by number; [::1]:port of IPv6") };
#undef SOCKET_FIELD
#define SOCKET_FIELD path
static const berthi_end_setting unix_settings[] = { SETTINGS("path", "of the socket") };

const berthi_end_kind berthi_end_tcp_sink = {
    "tcp",
    BERTH_ROLE_SINK,
    "sends records to all who are connected over TCP",
    tcp_settings,
    sizeof tcp_settings / sizeof *tcp_settings,
    &ops,
    sizeof(socket_sink),
    berthi_end_check_write,
};

const berthi_end_kind berthi_end_unix_sink = {
    "unix",
    BERTH_ROLE_SINK,
    "sends records to all who are connected by a path of this machine",
    unix_settings,
    sizeof unix_settings / sizeof *unix_settings,
    &ops,
    sizeof(socket_sink),
    berthi_end_check_write,
};
