/* stage_wait.c - descriptors that a stage waits for.  Layer: flow. */
#include "flow/flow.h"

#include "base/diag.h"

static void tell(berthi_watch *watch)
{
    berth_stage_ready(watch->ctx);
}

/* The one of that descriptor, or a new one. */
static berth_status find_fd(berth_stage *stage, int fd, berthi_stage_fd **found_out,
                            berth_diag *diag)
{
    const berth_allocator *a = &stage->flow->flows->allocator;
    berthi_stage_fd *found = stage->fds;
    uint32_t count = 0;
    berth_status status;

    for (; found != NULL && found->watch.fd != fd; found = found->next)
        count++;
    if (found == NULL) {
        if (count == BERTH_STAGE_FDS_MAX)
            return berthi_fail_because(diag, BERTH_E_LIMIT, BERTH_REASON_HANDLES,
                                       "a stage waits for at most %u descriptors",
                                       BERTH_STAGE_FDS_MAX);
        found = berthi_zalloc(a, sizeof *found);
        if (found == NULL)
            return berthi_fail(diag, BERTH_E_NOMEM, "no memory to wait for a descriptor");
        status = berthi_watch_add(&found->watch, stage->flow->flows, fd, tell, stage, diag);
        if (status != BERTH_OK) {
            berthi_free(a, found, sizeof *found);
            return status;
        }
        found->next = stage->fds;
        stage->fds = found;
    }
    *found_out = found;
    return BERTH_OK;
}

berth_status berth_stage_wait_fd(berth_stage *stage, int fd, uint32_t events, berth_diag *diag)
{
    berthi_stage_fd *found = NULL;
    berth_status status;
    int code;

    BERTHI_REQUIRE(fd >= 0, diag);
    BERTHI_REQUIRE(events != 0 && events <= (BERTH_WAIT_READ | BERTH_WAIT_WRITE), diag);
    status = find_fd(stage, fd, &found, diag);
    if (status != BERTH_OK)
        return status;
    code = berthi_watch_arm(&found->watch, events);
    if (code == 0)
        return BERTH_OK;
    berth_stage_forget_fd(stage, fd);
    return code == BERTHI_POLL_ALWAYS
               ? berthi_fail(diag, BERTH_E_STATE, "descriptor %d is always ready", fd)
               : berthi_fail_os(diag, code, "descriptor %d", fd);
}

void berth_stage_forget_fd(berth_stage *stage, int fd)
{
    berthi_stage_fd **at = &stage->fds, *found;

    while (*at != NULL && (*at)->watch.fd != fd)
        at = &(*at)->next;
    found = *at;
    if (found == NULL)
        return;
    *at = found->next;
    berthi_watch_remove(&found->watch);
    berthi_free(&stage->flow->flows->allocator, found, sizeof *found);
}

void berthi_stage_forget_fds(berth_stage *stage)
{
    while (stage->fds != NULL)
        berth_stage_forget_fd(stage, stage->fds->watch.fd);
}
