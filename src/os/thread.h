/* os/thread.h - threads, mutexes, conditions and per-thread values.  Layer: os.
 *
 * What this directory is: the whole porting surface.  Nothing outside it includes a system
 * header; every wrapper reports failure as an errno value, 0 for success, and can be made to
 * fail by a test (fault.h).
 */
#ifndef BERTHI_OS_THREAD_H
#define BERTHI_OS_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct berthi_mutex {
    pthread_mutex_t m;
} berthi_mutex;

typedef struct berthi_cond { /* waits on the monotonic clock */
    pthread_cond_t c;
} berthi_cond;

typedef struct berthi_thread {
    pthread_t t;
} berthi_thread;

typedef struct berthi_tls { /* one value per thread, with a destructor at thread exit */
    pthread_key_t key;
} berthi_tls;

#define BERTHI_MUTEX_INIT                                                                      \
    {                                                                                          \
        PTHREAD_MUTEX_INITIALIZER                                                              \
    } /* one that is never ended */

int berthi_mutex_init(berthi_mutex *m);
void berthi_mutex_fini(berthi_mutex *m);
void berthi_mutex_lock(berthi_mutex *m);
bool berthi_mutex_try(berthi_mutex *m); /* false: somebody has it */
void berthi_mutex_unlock(berthi_mutex *m);

int berthi_cond_init(berthi_cond *c);
void berthi_cond_fini(berthi_cond *c);
void berthi_cond_wake_all(berthi_cond *c);
void berthi_cond_wait(berthi_cond *c, berthi_mutex *m);
/* False once the monotonic clock has passed `until_ns`. */
bool berthi_cond_wait_until(berthi_cond *c, berthi_mutex *m, uint64_t until_ns);

/* A thread with all asynchronous signals blocked and a stack of `stack_bytes` (0: default).  To name another
 * thread costs a file that is opened and written, 7 us; with NULL it is left to berthi_thread_name_own(). */
int berthi_thread_start(berthi_thread *t, const char *name, size_t stack_bytes,
                        void *(*run)(void *), void *arg);
void berthi_thread_name_own(const char *name);
void berthi_thread_join(berthi_thread *t);
void berthi_thread_let_go(berthi_thread *t); /* nobody will join it */
uint64_t berthi_thread_number(void);         /* as the system and its tools number threads */
uint64_t berthi_thread_self(void);           /* never 0; tells threads apart while they live */
void berthi_thread_yield(void);

int berthi_tls_init(berthi_tls *tls, void (*at_exit)(void *));
void berthi_tls_fini(berthi_tls *tls); /* destructors of living threads will not run */
void *berthi_tls_get(const berthi_tls *tls);
int berthi_tls_set(const berthi_tls *tls, void *value);

#endif
