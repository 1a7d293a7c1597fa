/* services.c - what one instance has of the host's services, and waiting.  Layer: service. */
#include "service/services.h"

#include <assert.h>

#include "base/diag.h"
#include "os/clock.h"
#include "os/wait.h"

enum { WAITS_ON_STACK = 16, WAIT_ROOM = 16 }; /* bytes of a place of os/wait.h, at most */

berthi_services *berthi_services_make(const berth_allocator *allocator,
                                      const berth_grants *grants,
                                      const berthi_service_owner *owner)
{
    const berth_grants_options *opt = berthi_grants_options(grants);
    berthi_services *s = berthi_zalloc(allocator, sizeof *s);

    if (s == NULL)
        return NULL;
    s->allocator = allocator;
    s->grants = berthi_grants_ref(grants);
    s->owner = *owner;
    s->objects_max = opt->objects_max;
    s->is_deterministic = (opt->flags & BERTH_GRANTS_DETERMINISTIC) != 0;
    s->seed = opt->seed;
    s->output_left = opt->output_bytes_max;
    return s;
}

void berthi_services_end(berthi_services *s)
{
    if (s == NULL)
        return;
    assert(s->objects == 0 && s->held == 0);
    berthi_services_end_lines(s);
    berthi_services_end_known(s);
    berthi_grants_unref(s->grants);
    berthi_free(s->allocator, s, sizeof *s);
}

bool berthi_services_hold(berthi_services *s, size_t size)
{
    if (size > BERTHI_SERVICE_HELD_MAX - s->held)
        return false;
    s->held += size;
    return true;
}

void berthi_services_let_go(berthi_services *s, size_t size)
{
    assert(size <= s->held);
    s->held -= size;
}

/* ---------------------------------------------------------------- waiting */

/* What is ready without asking the system, and the time of the first that waits for one. */
static bool look_at_times(berthi_wait *waits, size_t count, uint64_t now, uint64_t *first_ns)
{
    bool is_ready = false;

    for (size_t i = 0; i < count; i++) {
        waits[i].is_ready = waits[i].is_ready || waits[i].at_ns <= now;
        is_ready = is_ready || waits[i].is_ready;
        if (waits[i].at_ns < *first_ns)
            *first_ns = waits[i].at_ns;
    }
    return is_ready;
}

/* One system call for all of them. */
static berth_status wait_for_fds(berthi_services *s, berthi_wait *waits, size_t count,
                                 uint64_t until_ns, berthi_wait_fd *fds, void *room,
                                 berth_diag *diag)
{
    bool is_stopped = false;
    int code;

    for (size_t i = 0; i < count; i++)
        fds[i] = (berthi_wait_fd){ .fd = waits[i].is_ready ? -1 : waits[i].fd,
                                   .for_read = waits[i].for_read,
                                   .for_write = waits[i].for_write };
    code = berthi_wait_fds(fds, count, berthi_grants_revoked_fd(s->grants), until_ns, room,
                           &is_stopped);
    if (code != 0)
        return berthi_fail_os(diag, code, "waiting");
    if (is_stopped)
        return berthi_fail(diag, BERTH_E_CLOSED, "the grants of this slot were revoked");
    for (size_t i = 0; i < count; i++)
        waits[i].is_ready = waits[i].is_ready || fds[i].is_ready;
    return BERTH_OK;
}

static berth_status wait_with_room(berthi_services *s, berthi_wait *waits, size_t count,
                                   uint64_t until_ns, berth_diag *diag)
{
    berthi_wait_fd few[WAITS_ON_STACK], *fds = few;
    _Alignas(16) unsigned char few_room[(WAITS_ON_STACK + 1) * WAIT_ROOM], *room = few_room;
    size_t room_size = (count + 1) * berthi_wait_room_size();
    berth_status status;

    assert(berthi_wait_room_size() <= WAIT_ROOM);
    if (count <= WAITS_ON_STACK)
        return wait_for_fds(s, waits, count, until_ns, fds, room, diag);
    fds = berthi_alloc(s->allocator, count * sizeof *fds);
    room = berthi_alloc(s->allocator, room_size);
    status = fds == NULL || room == NULL
                 ? berthi_fail(diag, BERTH_E_NOMEM, "out of memory for a wait")
                 : wait_for_fds(s, waits, count, until_ns, fds, room, diag);
    berthi_free(s->allocator, fds, count * sizeof *fds);
    berthi_free(s->allocator, room, room_size);
    return status;
}

/* Time stands still but for who waits for it: the clock goes to the first that does. */
static bool jump(berthi_services *s, berthi_wait *waits, size_t count, uint64_t until_ns)
{
    uint64_t first = until_ns;

    if (look_at_times(waits, count, s->clock_ns, &first))
        return true;
    if (first == UINT64_MAX || first < s->clock_ns)
        return false;
    s->clock_ns = first;
    (void)look_at_times(waits, count, s->clock_ns, &first);
    return true;
}

static bool any_ready(const berthi_wait *waits, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (waits[i].is_ready)
            return true;
    return false;
}

static bool any_fd(const berthi_wait *waits, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (waits[i].fd >= 0)
            return true;
    return false;
}

berth_status berthi_services_go_on(const berthi_services *s, berth_diag *diag)
{
    return berthi_deadline_left_ns(&s->deadline) > 0
               ? BERTH_OK
               : berthi_fail_because(
                     diag, BERTH_E_DEADLINE, BERTH_REASON_DEADLINE,
                     "the host worked for it for longer than its call may take");
}

berth_status berthi_services_wait(berthi_services *s, berthi_wait *waits, size_t count,
                                  uint64_t until_ns, berth_diag *diag)
{
    uint64_t now = berthi_clock_ns(), first = until_ns, left, end = UINT64_MAX;
    bool is_ready;
    berth_status status;

    if (count > BERTHI_SERVICE_WAITS_MAX)
        return berthi_fail_because(diag, BERTH_E_LIMIT, BERTH_REASON_HOST,
                                   "one poll is for at most %d pollables",
                                   BERTHI_SERVICE_WAITS_MAX);
    if (berthi_grants_are_revoked(s->grants))
        return berthi_fail(diag, BERTH_E_CLOSED, "the grants of this slot were revoked");
    if (s->is_deterministic) {
        is_ready = jump(s, waits, count, until_ns);
        first = until_ns == UINT64_MAX ? UINT64_MAX : now; /* a look, which takes no time */
    } else {
        is_ready = look_at_times(waits, count, now, &first);
    }
    if (is_ready && !any_fd(waits, count))
        return BERTH_OK;
    left = berthi_deadline_left_ns(&s->deadline);
    if (left != UINT64_MAX)
        end = now + left;
    status = wait_with_room(s, waits, count, is_ready ? now : first < end ? first : end, diag);
    if (status != BERTH_OK || is_ready)
        return status;
    now = berthi_clock_ns();
    if (look_at_times(waits, count, s->is_deterministic ? s->clock_ns : now, &first) ||
        any_ready(waits, count) || now < end)
        return BERTH_OK;
    return berthi_fail_because(diag, BERTH_E_DEADLINE, BERTH_REASON_DEADLINE,
                               "it waited for longer than its call may take");
}
