/* tests/support/os_faults.h - fails the nth system call that goes through src/os.
 *
 * Needs a build with BERTH_FAULTS and a test that links the archive (unit, fault, torture).
 */
#ifndef BERTHT_OS_FAULTS_H
#define BERTHT_OS_FAULTS_H

#include <stdbool.h>
#include <stddef.h>

#define OS_FAULTS_NEVER SIZE_MAX

/* Without BERTH_FAULTS: says so in one line and ends the program with 77, "skipped". */
void os_faults_require(void);

/* From now on calls are counted from 0; the nth fails with `code`, and every later one if
 * `sticky`.  Thread: any may call meanwhile. */
void os_faults_begin(size_t nth, bool sticky, int code);

/* Only calls of this name count and fail; NULL: all.  After os_faults_begin(). */
void os_faults_only(const char *call);

/* Runs before the nth call of the name given to os_faults_only(); that call does not fail. */
void os_faults_intrude(void (*run)(void *), void *arg);

size_t os_faults_calls(void);  /* seen since */
size_t os_faults_failed(void); /* failed since */
void os_faults_end(void);      /* nothing fails any more */

#endif
