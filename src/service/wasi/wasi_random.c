/* wasi_random.c - wasi:random: random, insecure, insecure-seed.  Layer: service.
 *
 * What need not be good is as good as the rest: there is one source. */
#include "service/wasi/wasi.h"

static berth_status fill(berth_host_call *call, void *to, size_t size)
{
    berthi_services *s = berthi_wasi_services(call);

    if (!berthi_grants_has(s->grants, BERTHI_RIGHT_RANDOM))
        return berthi_wasi_refuse(call, BERTHI_RIGHT_RANDOM);
    if (berthi_services_random(s, to, size))
        return BERTH_OK;
    return berth_host_fail(call, BERTH_E_OS, "the system has no random bytes");
}

/* The interface has no way to give fewer. */
static berth_status give_bytes(berth_host_call *call, uint64_t len, berthi_wasi_list_u8 *result)
{
    uint8_t *room;

    if (len > BERTHI_SERVICE_BYTES_MAX)
        return berth_host_fail(call, BERTH_E_LIMIT, "%llu random bytes, of at most %d",
                               (unsigned long long)len, BERTHI_SERVICE_BYTES_MAX);
    room = berth_host_reserve(call, (size_t)len);
    if (room == NULL)
        return BERTH_E_NOMEM;
    *result = (berthi_wasi_list_u8){ room, (size_t)len };
    return fill(call, room, (size_t)len);
}

static berth_status random_bytes(void *ctx,
                                 const berthi_wasi_random_get_random_bytes_args *args,
                                 berthi_wasi_list_u8 *result, berth_host_call *call)
{
    return give_bytes(call, args->len, result);
}

static berth_status random_u64(void *ctx, const void *args, uint64_t *result,
                               berth_host_call *call)
{
    return fill(call, result, sizeof *result);
}

static berth_status insecure_bytes(
    void *ctx, const berthi_wasi_insecure_get_insecure_random_bytes_args *args,
    berthi_wasi_list_u8 *result, berth_host_call *call)
{
    return give_bytes(call, args->len, result);
}

static berth_status insecure_seed(void *ctx, const void *args,
                                  berthi_wasi_tuple_u64_u64 *result, berth_host_call *call)
{
    return fill(call, result, sizeof *result);
}

void berthi_wasi_fill_random(berthi_wasi_imports *imports)
{
    imports->random_get_random_bytes = random_bytes;
    imports->random_get_random_u64 = random_u64;
    imports->insecure_get_insecure_random_bytes = insecure_bytes;
    imports->insecure_get_insecure_random_u64 = random_u64;
    imports->insecure_seed_insecure_seed = insecure_seed;
}
