/* absent.c - a build without libmicrohttpd: nothing listens, and opening says so.  Layer: listen. */
#include "listen/exchange.h"

#include "base/diag.h"

bool berthi_listener_is_built(void)
{
    return false;
}

berth_status berthi_daemon_start(berthi_listener *l, berth_diag *diag)
{
    return berthi_fail(diag, BERTH_E_ABSENT, "%s: this was built without libmicrohttpd",
                       l->options.address);
}

/* What follows is of daemons that were started. */
void berthi_daemon_stop(berthi_listener *l)
{
    (void)l;
}

void berthi_daemon_quiesce(berthi_listener *l)
{
    (void)l;
}

void berthi_daemon_run(berthi_listener *l, uint64_t *due_ns_io)
{
    (void)l, (void)due_ns_io;
}

void berthi_daemon_resume(berthi_exchange *x)
{
    (void)x;
}

void berthi_daemon_expire(berthi_listener *l, uint64_t *due_ns_io)
{
    (void)l, (void)due_ns_io;
}
