/* random.c - random bytes for plugins.  Layer: service. */
#include "service/services.h"

#include "os/random.h"

/* SplitMix64: good for replays, and for no secret. */
static uint64_t next(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

bool berthi_services_random(berthi_services *s, void *to, size_t size)
{
    uint8_t *at = to;

    if (!s->is_deterministic)
        return berthi_random_fill(to, size) == 0;
    while (size > 0) {
        uint64_t word = next(&s->seed);
        size_t part = size < sizeof word ? size : sizeof word;

        memcpy(at, &word, part);
        at += part;
        size -= part;
    }
    return true;
}
