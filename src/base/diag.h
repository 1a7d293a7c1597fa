/* base/diag.h - the one way to fail.  Layer: base. */
#ifndef BERTHI_BASE_DIAG_H
#define BERTHI_BASE_DIAG_H

#include <assert.h>
#include <stdbool.h>

#include <berth/base.h>

/* Records why, when the caller asked, and hands `status` back so that failing is one line. */
berth_status berthi_fail(berth_diag *diag, berth_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same with a reason. */
berth_status berthi_fail_because(berth_diag *diag, berth_status status, berth_reason reason,
                                 const char *format, ...) __attribute__((format(printf, 4, 5)));

/* BERTH_E_OS with errno `code` and its text appended. */
berth_status berthi_fail_os(berth_diag *diag, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Appends to diag->text, cut at its end.  NULL is left alone. */
void berthi_diag_append(berth_diag *diag, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Puts "what: " in front of diag->text.  NULL is left alone.  Returns `status`. */
berth_status berthi_diag_prefix(berth_diag *diag, berth_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Copies a size-prefixed options struct of an older, equal or newer caller into ours.
 * Unknown trailing bytes must be zero: a caller that sets a field we do not know is told so. */
berth_status berthi_options_copy(void *dst, uint32_t dst_size, const void *src,
                                 const char *what, berth_diag *diag);

/* Fills a size-prefixed struct of results as far as the caller's, an older one perhaps, has room; a newer
 * one is told so. */
berth_status berthi_stats_give(void *to, const void *from, uint32_t size, const char *what,
                               berth_diag *diag);

/* Our own state is corrupt: prints one line and aborts, in every build. */
_Noreturn void berthi_panic(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Caller broke the contract: report it.  For our own bugs use assert(), which aborts. */
#define BERTHI_REQUIRE(condition, diag)                                                        \
    do {                                                                                       \
        if (!(condition))                                                                      \
            return berthi_fail((diag), BERTH_E_INVALID, "%s: need %s", __func__, #condition);  \
    } while (0)

#endif
