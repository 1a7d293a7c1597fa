/* ends/peers.h - the connections of an end: who comes, or is reached, and who has something to say.  Layer: ends.
 *
 * An end that listens has up to `peers_max` of them; one that connects has one, and tries again with a delay that doubles
 * when it cannot be reached or is gone.  Everything answers at once: what would have to wait is armed with the poller,
 * which wakes the stage and says whose descriptor it was. */
#ifndef BERTHI_ENDS_PEERS_H
#define BERTHI_ENDS_PEERS_H

#include "ends/framing.h"
#include "os/local_socket.h"
#include "os/resolve.h"

typedef struct berthi_peers berthi_peers;

typedef struct berthi_peer {
    int fd; /* -1: nobody */
    bool is_connecting;
    berthi_watch watch;
    _Atomic(bool) is_ready; /* set by the poller; the stage clears it before it tries */
    berth_stage *stage;
    berthi_deframer deframer; /* of a source */
    size_t sent;              /* of a sink's batch */
    uint64_t blocked_ns;      /* since when it takes nothing; 0: it does */
} berthi_peer;

struct berthi_peers {
    berthi_end *end;
    bool is_local; /* by a path */
    bool listens;
    int listener;
    berthi_watch listener_watch;
    berthi_peer *peers;
    uint32_t room, count;
    /* connecting */
    berthi_resolving *resolving;
    berthi_address addresses[BERTHI_RESOLVE_ADDRESSES];
    uint32_t addresses_count, address_at;
    uint64_t not_before_ns, delay_ns;
    berthi_code last_code; /* why the last try failed */
    uint32_t tries;
};

/* Listens, if it is to.  Fails: BERTH_E_OS, BERTH_E_INVALID (an address that is none), BERTH_E_NOMEM; then there is nothing. */
berth_status berthi_peers_open(berthi_peers *p, berthi_end *end, bool is_local,
                               berth_stage *stage, berth_diag *diag);
void berthi_peers_close(berthi_peers *p, berth_stage *stage);

/* Takes who has come, or goes on reaching the one.  *wait_ns_io becomes shorter when a time is to be waited for. */
berth_status berthi_peers_meet(berthi_peers *p, berth_stage *stage, uint64_t *wait_ns_io,
                               berth_diag *diag);
/* The stage is told when the peer is ready for `events`.  When that fails, the peer counts as ready. */
berth_status berthi_peer_await(berthi_peer *peer, uint32_t events, berth_diag *diag);
/* True once after the poller has said so, and for one that is new. */
bool berthi_peer_is_ready(berthi_peer *peer);
/* It has gone, or failed. */
void berthi_peer_lose(berthi_peers *p, berthi_peer *peer);

#endif
