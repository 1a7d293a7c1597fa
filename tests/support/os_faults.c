/* os_faults.c - the hook of src/os/fault.h. */
#include "os_faults.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/fault.h"

#ifdef BERTH_FAULTS
static struct {
    _Atomic(size_t) calls, failed;
    size_t nth;
    bool sticky;
    int code;
    const char *only;
    void (*intrude)(void *);
    void *arg;
} faults;

static int hook(const char *call)
{
    size_t nth;

    if (faults.only != NULL && strcmp(faults.only, call) != 0)
        return 0;
    nth = atomic_fetch_add(&faults.calls, 1);
    if (nth != faults.nth && !(faults.sticky && nth > faults.nth))
        return 0;
    if (faults.intrude != NULL) {
        faults.intrude(faults.arg);
        return 0;
    }
    atomic_fetch_add(&faults.failed, 1);
    return faults.code;
}
#endif

void os_faults_require(void)
{
#ifndef BERTH_FAULTS
    printf("skipped: this build has no BERTH_FAULTS; use the dev, asan or hostile preset\n");
    exit(77);
#endif
}

void os_faults_begin(size_t nth, bool sticky, int code)
{
#ifdef BERTH_FAULTS
    os_faults_end();
    atomic_store(&faults.calls, 0);
    atomic_store(&faults.failed, 0);
    faults.nth = nth;
    faults.sticky = sticky;
    faults.code = code;
    faults.only = NULL;
    faults.intrude = NULL;
    atomic_store(&berthi_os_fault_set, hook);
#else
    (void)nth;
    (void)sticky;
    (void)code;
#endif
}

void os_faults_only(const char *call)
{
#ifdef BERTH_FAULTS
    faults.only = call;
#else
    (void)call;
#endif
}

void os_faults_intrude(void (*run)(void *), void *arg)
{
#ifdef BERTH_FAULTS
    faults.arg = arg;
    faults.intrude = run;
#else
    (void)run;
    (void)arg;
#endif
}

size_t os_faults_calls(void)
{
#ifdef BERTH_FAULTS
    return atomic_load(&faults.calls);
#else
    return 0;
#endif
}

size_t os_faults_failed(void)
{
#ifdef BERTH_FAULTS
    return atomic_load(&faults.failed);
#else
    return 0;
#endif
}

void os_faults_end(void)
{
#ifdef BERTH_FAULTS
    atomic_store(&berthi_os_fault_set, NULL);
#endif
}
