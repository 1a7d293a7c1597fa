/* wasi_link.c - which interfaces of WASI a slot's grants link.  Layer: service.
 *
 * Those whose functions can say no are linked always.  Here are the others: what they give they give, so
 * they are there or they are not. */
#include "service/wasi/wasi_link.h"

#include <string.h>

#include "component/run/host.h"

typedef struct link_row {
    const char *stem; /* of the name, in front of '@' */
    berthi_right right;
} link_row;

static const link_row rows[] = {
    { "wasi:clocks/monotonic-clock", BERTHI_RIGHT_CLOCK_MONOTONIC },
    { "wasi:clocks/wall-clock", BERTHI_RIGHT_CLOCK_WALL },
    { "wasi:random/random", BERTHI_RIGHT_RANDOM },
    { "wasi:random/insecure", BERTHI_RIGHT_RANDOM },
    { "wasi:random/insecure-seed", BERTHI_RIGHT_RANDOM },
};

bool berthi_is_wasi(const char *interface, size_t size)
{
    return size > 5 && memcmp(interface, "wasi:", 5) == 0;
}

const char *berthi_wasi_missing(struct berth_host *host, const char *interface, size_t size,
                                const berth_grants *grants)
{
    const char *at = memchr(interface, '@', size);
    size_t stem = at == NULL ? size : (size_t)(at - interface);

    if (!berthi_is_wasi(interface, size) || !berthi_host_has_attached(host))
        return NULL;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (strlen(rows[i].stem) == stem && memcmp(interface, rows[i].stem, stem) == 0)
            return berthi_grants_has(grants, rows[i].right) ||
                           berthi_grants_denies(grants, rows[i].right)
                       ? NULL
                       : berthi_right_name(rows[i].right);
    return NULL;
}
