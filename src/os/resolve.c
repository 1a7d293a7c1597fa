/* resolve.c - getaddrinfo(3) in threads that nobody has to wait for.  Layer: os. */
#include "os/resolve.h"

#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "os/fault.h"
#include "os/thread.h"
#include "os/wait.h"

enum { STACK = 256 * 1024 };

struct berthi_resolving { /* a mapping of its own */
    atomic_uint refs;     /* the asker, the thread */
    atomic_bool is_done;
    int fd;
    berthi_code code;
    uint32_t count;
    berthi_address addresses[BERTHI_RESOLVE_ADDRESSES];
    char name[BERTHI_RESOLVE_NAME_MAX + 1];
};

/* Of the process, because the threads are: they outlive every runtime that asked. */
static atomic_uint living;

uint32_t berthi_resolve_living(void)
{
    return atomic_load_explicit(&living, memory_order_relaxed);
}

static void unref(berthi_resolving *r)
{
    /* acq_rel: what the other one did with it is done before it goes. */
    if (atomic_fetch_sub_explicit(&r->refs, 1, memory_order_acq_rel) != 1)
        return;
    berthi_latch_close(r->fd);
    (void)munmap(r, sizeof *r);
}

static berthi_code code_of_answer(int answer)
{
    switch (answer) {
    case 0:
        return BERTHI_CODE_OK;
    case EAI_NONAME:
    case EAI_NODATA:
    case EAI_ADDRFAMILY:
        return BERTHI_CODE_NAME_UNKNOWN;
    case EAI_AGAIN:
        return BERTHI_CODE_RESOLVER_TRY;
    case EAI_MEMORY:
        return BERTHI_CODE_NO_MEMORY;
    default:
        return BERTHI_CODE_RESOLVER_FAILED;
    }
}

static void keep(berthi_resolving *r, const struct sockaddr *from)
{
    berthi_address *to = &r->addresses[r->count];

    if (r->count == BERTHI_RESOLVE_ADDRESSES)
        return;
    if (from->sa_family == AF_INET) {
        to->size = 4;
        memcpy(to->bytes, &((const struct sockaddr_in *)(const void *)from)->sin_addr, 4);
        r->count++;
    } else if (from->sa_family == AF_INET6) {
        to->size = 16;
        memcpy(to->bytes, &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr, 16);
        r->count++;
    }
}

static void *look_up(void *arg)
{
    static const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    berthi_resolving *r = arg;
    struct addrinfo *found = NULL;
    int answer = -berthi_os_fault("getaddrinfo"); /* its answers are less than 0 */

    if (answer == 0)
        answer = getaddrinfo(r->name, NULL, &hints, &found);
    r->code = code_of_answer(answer);
    if (answer == 0) {
        for (const struct addrinfo *at = found; at != NULL; at = at->ai_next)
            keep(r, at->ai_addr);
        freeaddrinfo(found);
    }
    /* release: pairs with the acquire in berthi_resolve_answer() */
    atomic_store_explicit(&r->is_done, true, memory_order_release);
    berthi_latch_set(r->fd);
    unref(r);
    (void)atomic_fetch_sub_explicit(&living, 1, memory_order_relaxed);
    return NULL;
}

static berthi_code start(berthi_resolving *r)
{
    berthi_thread thread;
    int code = berthi_latch_open(&r->fd);

    if (code == 0) {
        code = berthi_thread_start(&thread, "berth-resolve", STACK, look_up, r);
        if (code == 0)
            berthi_thread_let_go(&thread);
        else
            berthi_latch_close(r->fd);
    }
    /* EAGAIN is what there is too little of for a thread. */
    return code == 0        ? BERTHI_CODE_OK
           : code == EAGAIN ? BERTHI_CODE_NO_MEMORY
                            : berthi_code_of(code);
}

static bool take_place(void)
{
    unsigned now = atomic_load_explicit(&living, memory_order_relaxed);

    while (now < BERTHI_RESOLVE_MAX)
        if (atomic_compare_exchange_weak_explicit(&living, &now, now + 1, memory_order_relaxed,
                                                  memory_order_relaxed))
            return true;
    return false;
}

berthi_code berthi_resolve_start(const char *name, size_t size,
                                 berthi_resolving **resolving_out)
{
    berthi_resolving *r;
    berthi_code code = BERTHI_CODE_NO_MEMORY;

    if (size == 0 || size > BERTHI_RESOLVE_NAME_MAX)
        return BERTHI_CODE_NAME_TOO_LONG;
    if (memchr(name, '\0', size) != NULL)
        return BERTHI_CODE_INVALID;
    if (!take_place())
        return BERTHI_CODE_TOO_MANY_OPEN;
    r = berthi_os_fault("mmap") != 0
            ? MAP_FAILED
            : mmap(NULL, sizeof *r, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (r != MAP_FAILED) {
        memcpy(r->name, name, size);
        atomic_init(&r->refs, 2);
        code = start(r);
    }
    if (code == BERTHI_CODE_OK) {
        *resolving_out = r;
        return code;
    }
    if (r != MAP_FAILED)
        (void)munmap(r, sizeof *r);
    (void)atomic_fetch_sub_explicit(&living, 1, memory_order_relaxed);
    return code;
}

int berthi_resolve_fd(const berthi_resolving *r)
{
    return r->fd;
}

berthi_code berthi_resolve_answer(const berthi_resolving *r,
                                  const berthi_address **addresses_out, uint32_t *count_out)
{
    if (!atomic_load_explicit(&r->is_done, memory_order_acquire))
        return BERTHI_CODE_WOULD_BLOCK;
    if (r->code != BERTHI_CODE_OK)
        return r->code;
    *addresses_out = r->addresses;
    *count_out = r->count;
    return BERTHI_CODE_OK;
}

void berthi_resolve_drop(berthi_resolving *r)
{
    if (r != NULL)
        unref(r);
}
