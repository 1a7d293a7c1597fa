/* thread.c - POSIX threads.  Layer: os. */
#include "os/thread.h"

#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <string.h>
#include <time.h>

#include "base/diag.h"
#include "os/fault.h"

#ifdef BERTH_FAULTS
_Atomic(berthi_os_fault_hook) berthi_os_fault_set;
#endif

int berthi_mutex_init(berthi_mutex *m)
{
    int code = berthi_os_fault("pthread_mutex_init");

    return code != 0 ? code : pthread_mutex_init(&m->m, NULL);
}

void berthi_mutex_fini(berthi_mutex *m)
{
    (void)pthread_mutex_destroy(&m->m);
}

void berthi_mutex_lock(berthi_mutex *m)
{
    int code = pthread_mutex_lock(&m->m);

    if (code != 0)
        berthi_panic("a mutex cannot be locked: error %d", code);
}

bool berthi_mutex_try(berthi_mutex *m)
{
    return pthread_mutex_trylock(&m->m) == 0;
}

void berthi_mutex_unlock(berthi_mutex *m)
{
    int code = pthread_mutex_unlock(&m->m);

    if (code != 0)
        berthi_panic("a mutex cannot be unlocked: error %d", code);
}

int berthi_cond_init(berthi_cond *c)
{
    pthread_condattr_t attr;
    int code = berthi_os_fault("pthread_cond_init");

    if (code == 0)
        code = pthread_condattr_init(&attr);
    if (code != 0)
        return code;
    code = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    if (code == 0)
        code = pthread_cond_init(&c->c, &attr);
    (void)pthread_condattr_destroy(&attr);
    return code;
}

void berthi_cond_fini(berthi_cond *c)
{
    (void)pthread_cond_destroy(&c->c);
}

void berthi_cond_wake_all(berthi_cond *c)
{
    (void)pthread_cond_broadcast(&c->c);
}

void berthi_cond_wait(berthi_cond *c, berthi_mutex *m)
{
    (void)pthread_cond_wait(&c->c, &m->m);
}

bool berthi_cond_wait_until(berthi_cond *c, berthi_mutex *m, uint64_t until_ns)
{
    struct timespec until = { .tv_sec = (time_t)(until_ns / 1000000000u),
                              .tv_nsec = (long)(until_ns % 1000000000u) };

    return pthread_cond_timedwait(&c->c, &m->m, &until) != ETIMEDOUT;
}

int berthi_thread_start(berthi_thread *t, const char *name, size_t stack_bytes,
                        void *(*run)(void *), void *arg)
{
    pthread_attr_t attr;
    sigset_t all, before;
    int code = berthi_os_fault("pthread_create");

    if (code == 0)
        code = pthread_attr_init(&attr);
    if (code != 0)
        return code;
    if (stack_bytes != 0)
        code = pthread_attr_setstacksize(&attr, stack_bytes);
    if (code == 0) {
        /* The host's handlers run on the host's threads.  Faults of guests are synchronous and
         * must arrive all the same. */
        (void)sigfillset(&all);
        (void)sigdelset(&all, SIGSEGV);
        (void)sigdelset(&all, SIGBUS);
        (void)sigdelset(&all, SIGILL);
        (void)sigdelset(&all, SIGFPE);
        (void)sigdelset(&all, SIGTRAP);
        (void)pthread_sigmask(SIG_SETMASK, &all, &before);
        code = pthread_create(&t->t, &attr, run, arg);
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    (void)pthread_attr_destroy(&attr);
    if (code == 0 && name != NULL)
        (void)pthread_setname_np(t->t, name);
    return code;
}

void berthi_thread_name_own(const char *name)
{
    (void)pthread_setname_np(pthread_self(), name);
}

void berthi_thread_join(berthi_thread *t)
{
    int code = pthread_join(t->t, NULL);

    assert(code == 0);
    (void)code;
}

void berthi_thread_let_go(berthi_thread *t)
{
    int code = pthread_detach(t->t);

    assert(code == 0);
    (void)code;
}

uint64_t berthi_thread_number(void)
{
    return (uint64_t)syscall(SYS_gettid);
}

uint64_t berthi_thread_self(void)
{
    return (uint64_t)pthread_self();
}

void berthi_thread_yield(void)
{
    (void)sched_yield();
}

int berthi_tls_init(berthi_tls *tls, void (*at_exit)(void *))
{
    int code = berthi_os_fault("pthread_key_create");

    return code != 0 ? code : pthread_key_create(&tls->key, at_exit);
}

void berthi_tls_fini(berthi_tls *tls)
{
    (void)pthread_key_delete(tls->key);
}

void *berthi_tls_get(const berthi_tls *tls)
{
    return pthread_getspecific(tls->key);
}

int berthi_tls_set(const berthi_tls *tls, void *value)
{
    int code = berthi_os_fault("pthread_setspecific");

    return code != 0 ? code : pthread_setspecific(tls->key, value);
}
