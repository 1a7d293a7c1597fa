/* diag.c - filling a berth_diag without allocating; names of statuses.  Layer: base. */
#include "base/diag.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPTIONS_SIZE_MAX = 4096 }; /* no struct of options will ever be as large */

static void set_text(berth_diag *diag, berth_status status, berth_reason reason, int os_code,
                     const char *format, va_list args) __attribute__((format(printf, 5, 0)));

static void set_text(berth_diag *diag, berth_status status, berth_reason reason, int os_code,
                     const char *format, va_list args)
{
    assert(status != BERTH_OK);
    if (diag == NULL)
        return;
    diag->status = (int32_t)status;
    diag->reason = (int32_t)reason;
    diag->os_code = os_code;
    diag->reserved = 0;
    if (vsnprintf(diag->text, sizeof diag->text, format, args) < 0)
        diag->text[0] = '\0';
}

berth_status berthi_fail(berth_diag *diag, berth_status status, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    set_text(diag, status, BERTH_REASON_NONE, 0, format, args);
    va_end(args);
    return status;
}

berth_status berthi_fail_because(berth_diag *diag, berth_status status, berth_reason reason,
                                 const char *format, ...)
{
    va_list args;

    va_start(args, format);
    set_text(diag, status, reason, 0, format, args);
    va_end(args);
    return status;
}

/* The GNU form, which _GNU_SOURCE selects, returns the text and need not use the buffer. */
static const char *error_text(int code, char *buffer, size_t size)
{
#ifdef __GLIBC__
    return strerror_r(code, buffer, size);
#else
    if (strerror_r(code, buffer, size) != 0)
        snprintf(buffer, size, "error %d", code);
    return buffer;
#endif
}

berth_status berthi_fail_os(berth_diag *diag, int code, const char *format, ...)
{
    va_list args;
    char text[128];

    va_start(args, format);
    set_text(diag, BERTH_E_OS, BERTH_REASON_NONE, code, format, args);
    va_end(args);
    berthi_diag_append(diag, ": %s", error_text(code, text, sizeof text));
    return BERTH_E_OS;
}

void berthi_diag_append(berth_diag *diag, const char *format, ...)
{
    va_list args;
    size_t used;

    if (diag == NULL)
        return;
    used = strlen(diag->text);
    va_start(args, format);
    if (vsnprintf(diag->text + used, sizeof diag->text - used, format, args) < 0)
        diag->text[used] = '\0';
    va_end(args);
}

berth_status berthi_diag_prefix(berth_diag *diag, berth_status status, const char *format, ...)
{
    char before[sizeof diag->text];
    va_list args;
    size_t used;

    if (diag == NULL)
        return status;
    memcpy(before, diag->text, sizeof before);
    va_start(args, format);
    if (vsnprintf(diag->text, sizeof diag->text, format, args) < 0)
        diag->text[0] = '\0';
    va_end(args);
    used = strlen(diag->text);
    snprintf(diag->text + used, sizeof diag->text - used, ": %s", before);
    return status;
}

berth_status berthi_options_copy(void *dst, uint32_t dst_size, const void *src,
                                 const char *what, berth_diag *diag)
{
    const unsigned char *bytes = src;
    uint32_t src_size;

    BERTHI_REQUIRE(src != NULL, diag);
    memcpy(&src_size, src, sizeof src_size);
    /* A struct that was never initialized has any size; do not follow it through memory. */
    if (src_size < sizeof src_size || src_size > OPTIONS_SIZE_MAX)
        return berthi_fail(diag, BERTH_E_INVALID, "%s: size is %u; start from its _INIT", what,
                           (unsigned)src_size);
    for (uint32_t i = dst_size; i < src_size; i++)
        if (bytes[i] != 0)
            return berthi_fail(diag, BERTH_E_VERSION, "%s: field at byte %u is not known here",
                               what, (unsigned)i);
    memset(dst, 0, dst_size);
    memcpy(dst, src, src_size < dst_size ? src_size : dst_size);
    return BERTH_OK;
}

berth_status berthi_stats_give(void *to, const void *from, uint32_t size, const char *what,
                               berth_diag *diag)
{
    uint32_t room;

    memcpy(&room, to, sizeof room);
    if (room < sizeof room)
        return berthi_fail(diag, BERTH_E_INVALID, "%s: size %u is too small; use its _INIT",
                           what, room);
    if (room > size)
        return berthi_fail(diag, BERTH_E_VERSION,
                           "%s: fields behind byte %u are not known here", what, size);
    memcpy(to, from, room);
    memcpy(to, &room, sizeof room);
    return BERTH_OK;
}

void berthi_panic(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fputs("berth: internal state is corrupt: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    abort();
}

const char *berth_status_name(berth_status status)
{
    static const char *const names[] = {
        "ok",       "invalid", "out of memory", "limit",    "absent",
        "state",    "version", "system",        "rejected", "trap",
        "deadline", "abi",     "busy",          "closed",   "plugin",
    };
    return (unsigned)status < sizeof names / sizeof *names ? names[status] : "unknown";
}

const char *berth_reason_name(berth_reason reason)
{
    switch (reason) {
    case BERTH_REASON_NONE:
        return "";
    case BERTH_REASON_UNREACHABLE:
        return "unreachable";
    case BERTH_REASON_MEMORY_BOUNDS:
        return "memory bounds";
    case BERTH_REASON_TABLE_BOUNDS:
        return "table bounds";
    case BERTH_REASON_INDIRECT_NULL:
        return "null function";
    case BERTH_REASON_SIGNATURE:
        return "function signature";
    case BERTH_REASON_INTEGER_OVERFLOW:
        return "integer overflow";
    case BERTH_REASON_DIVISION:
        return "division by zero";
    case BERTH_REASON_CONVERSION:
        return "float conversion";
    case BERTH_REASON_HOST:
        return "host function";
    case BERTH_REASON_TRAP_OTHER:
        return "other trap";
    case BERTH_REASON_CANONICAL:
        return "canonical ABI";
    case BERTH_REASON_EXIT:
        return "exit";
    case BERTH_REASON_DEADLINE:
        return "deadline";
    case BERTH_REASON_STACK:
        return "stack";
    case BERTH_REASON_MEMORY:
        return "memory";
    case BERTH_REASON_TABLE:
        return "table";
    case BERTH_REASON_INPUT:
        return "input";
    case BERTH_REASON_OUTPUT:
        return "output";
    case BERTH_REASON_ARTIFACT:
        return "artifact size";
    case BERTH_REASON_INSTANCES:
        return "instances";
    case BERTH_REASON_SLOT_CALLS:
        return "calls of the slot";
    case BERTH_REASON_TENANT_CALLS:
        return "calls of the tenant";
    case BERTH_REASON_SLOTS:
        return "slots";
    case BERTH_REASON_NAME:
        return "name";
    case BERTH_REASON_HANDLES:
        return "handles";
    case BERTH_REASON_LINKER:
        return "dynamic linker";
    case BERTH_REASON_TRIAL:
        return "trial";
    case BERTH_REASON_ALLOC:
        return "alloc";
    case BERTH_REASON_REPLY_BOUNDS:
        return "bounds";
    }
    return "unknown";
}

const char *berth_version_text(void)
{
    return BERTH_VERSION;
}
