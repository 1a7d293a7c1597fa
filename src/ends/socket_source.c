/* socket_source.c - records from peers, over TCP and between processes.  Layer: ends.
 *
 * Each peer has its own window, so records never mix; those that have something take turns, a batch each.  When the
 * flow takes nothing, nothing is read, and the peers feel it through their own full buffers. */
#include "ends/peers.h"

enum { READS_MAX = 16 };

typedef struct socket_source {
    berthi_end end;
    berthi_peers peers;
    uint32_t turn; /* whose it is */
} socket_source;

static berth_status init(void *self, berth_stage *stage, berth_diag *diag)
{
    socket_source *s = self;

    return berthi_peers_open(&s->peers, &s->end, s->end.kind == &berthi_end_unix_source, stage,
                             diag);
}

static void teardown(void *self, berth_stage *stage)
{
    berthi_peers_close(&((socket_source *)self)->peers, stage);
}

typedef enum heard { HEARD_NOTHING, HEARD_SOME, HEARD_END } heard;

static berth_status hear(socket_source *s, berthi_peer *peer, heard *what_out, berth_diag *diag)
{
    size_t room, done = 0;
    uint8_t *to;
    berthi_code code;

    *what_out = HEARD_NOTHING;
    if (!atomic_load_explicit(&peer->is_ready, memory_order_acquire))
        return BERTH_OK;
    to = berthi_deframer_room(&peer->deframer, (size_t)s->end.values.read_bytes, &room);
    if (to == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "no memory to hear a peer");
    code = berthi_socket_receive(peer->fd, to, room, &done);
    if (code == BERTHI_CODE_WOULD_BLOCK) {
        berthi_deframer_rest(&peer->deframer);
        (void)berthi_peer_is_ready(peer);
        return berthi_peer_await(peer, BERTHI_POLL_READ, diag);
    }
    *what_out = HEARD_SOME;
    if (code == BERTHI_CODE_OK && done != 0) {
        berthi_deframer_filled(&peer->deframer, done);
        berthi_count(&s->end.counts.bytes, done);
        return BERTH_OK;
    }
    if (code != BERTHI_CODE_OK) /* it failed: what it had not finished is nothing */
        berthi_deframer_restart(&peer->deframer);
    peer->deframer.has_ended = true;
    return BERTH_OK;
}

/* Emits what this peer has, or reads more of it.  *has_some: it may have more. */
static berth_status serve(socket_source *s, berthi_peer *peer, berth_stage *stage,
                          bool *has_emitted, bool *has_some, berth_diag *diag)
{
    uint64_t records = peer->deframer.place.records;
    berthi_deframed what = BERTHI_DEFRAMED_MORE;
    heard got = HEARD_SOME;
    berth_status status = BERTH_OK;

    *has_some = false;
    for (uint32_t reads = 0; status == BERTH_OK && got == HEARD_SOME; reads++) {
        status = berthi_deframer_emit(&peer->deframer, stage, &what, diag);
        berthi_deframer_publish(&peer->deframer, &s->end.counts);
        *has_emitted = peer->deframer.place.records != records;
        if (status != BERTH_OK || *has_emitted || reads == READS_MAX) {
            *has_some = true;
            return status;
        }
        if (what == BERTHI_DEFRAMED_END)
            break;
        status = hear(s, peer, &got, diag);
    }
    if (status == BERTH_OK && what == BERTHI_DEFRAMED_END)
        berthi_peer_lose(&s->peers, peer);
    return status;
}

/* The only peer has gone, and is not to be reached again. */
static bool is_over(const socket_source *s, uint64_t lost)
{
    return !s->peers.listens && s->end.values.reconnects == 0 && lost != 0 &&
           s->peers.peers[0].fd < 0;
}

static berth_status pull(void *self, berth_stage *stage, berth_diag *diag)
{
    socket_source *s = self;
    uint64_t wait_ns = UINT64_MAX;
    bool has_some = false;
    berth_status status;

    if (is_over(s, atomic_load_explicit(&s->end.counts.lost, memory_order_relaxed))) {
        berth_stage_end(stage);
        return BERTH_OK;
    }
    status = berthi_peers_meet(&s->peers, stage, &wait_ns, diag);
    for (uint32_t i = 0; i < s->peers.room && status == BERTH_OK; i++) {
        berthi_peer *peer = &s->peers.peers[s->turn];
        bool has_emitted = false, has_more = false;

        s->turn = s->turn + 1 < s->peers.room ? s->turn + 1 : 0;
        if (peer->fd < 0 || peer->is_connecting)
            continue;
        status = serve(s, peer, stage, &has_emitted, &has_more, diag);
        if (has_emitted || status == BERTH_E_BUSY)
            return status == BERTH_E_BUSY ? BERTH_OK : status;
        has_some |= has_more || peer->fd < 0; /* a place is free: somebody may wait for it */
    }
    if (status == BERTH_OK)
        berth_stage_pause(stage, has_some ? 0 : wait_ns);
    return status;
}

static const berth_stage_ops ops = {
    sizeof(berth_stage_ops), 0, init, pull, NULL, NULL, NULL, NULL, NULL, teardown,
};

/* clang-format off */
#define SETTINGS(where, text)                                                                  \
    { where, BERTHI_END_TEXT, NULL, NULL, NULL, NULL, BERTHI_END_AT(SOCKET_FIELD), text },    \
    BERTHI_END_SOCKET_SETTINGS,                                                                \
    { "reconnect", BERTHI_END_WORDS, "false|true", "true", NULL, NULL,                        \
      BERTHI_END_AT(reconnects), "when the one it had reached goes: it ends, or tries again" }, \
    BERTHI_END_READ_SETTINGS(BERTHI_END_FRAMINGS),                                             \
    { "read_bytes", BERTHI_END_BYTES, NULL, "16KiB", "4KiB", "16MiB",                         \
      BERTHI_END_AT(read_bytes), "are read of a peer at once, at most" }
/* clang-format on */

#define SOCKET_FIELD address
static const berthi_end_setting tcp_settings[] = { SETTINGS(
    "address", "host:port, by name or by number; [::1]:port of IPv6") };
#undef SOCKET_FIELD
#define SOCKET_FIELD path
static const berthi_end_setting unix_settings[] = { SETTINGS("path", "of the socket") };

const berthi_end_kind berthi_end_tcp_source = {
    "tcp",
    BERTH_ROLE_SOURCE,
    "reads records from TCP connections",
    tcp_settings,
    sizeof tcp_settings / sizeof *tcp_settings,
    &ops,
    sizeof(socket_source),
    berthi_end_check_read,
};

const berthi_end_kind berthi_end_unix_source = {
    "unix",
    BERTH_ROLE_SOURCE,
    "reads records from connections of this machine, by a path",
    unix_settings,
    sizeof unix_settings / sizeof *unix_settings,
    &ops,
    sizeof(socket_source),
    berthi_end_check_read,
};
