/* net_names.c - names, the addresses that they came to, and who may be reached.  Layer: service. */
#include "service/net/net_address.h"

#include "service/grant/pattern.h"

bool berthi_net_may(const berthi_services *s, berthi_right right, const berthi_address *a)
{
    return berthi_services_may_reach(s, right, a->bytes, a->size, a->port);
}

bool berthi_net_is_granted(const berthi_services *s)
{
    return berthi_grants_has(s->grants, BERTHI_RIGHT_NET_CONNECT) ||
           berthi_grants_has(s->grants, BERTHI_RIGHT_NET_LISTEN);
}

/* ---------------------------------------------------------------- look-ups */

static void end_lookup(berthi_object *object)
{
    berthi_resolve_drop(((berthi_lookup *)object)->resolving);
}

static void look_at_lookup(berthi_object *object, berthi_wait *wait)
{
    const berthi_lookup *l = (const berthi_lookup *)object;

    wait->is_ready = l->resolving == NULL;
    if (l->resolving != NULL) {
        wait->fd = berthi_resolve_fd(l->resolving);
        wait->for_read = true;
    }
}

const berthi_object_class berthi_lookup_class = { "name look-up", sizeof(berthi_lookup),
                                                  end_lookup, look_at_lookup };

/* Letters, digits, '-', '_' and dots: what goes to a resolver.  Other scripts have to be written as
 * the network has them (xn--...). */
static bool is_name(const char *name, size_t size)
{
    if (size == 0 || size > BERTHI_RESOLVE_NAME_MAX || name[0] == '.' || name[0] == '-')
        return false;
    for (size_t i = 0; i < size; i++) {
        char c = name[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '-' || c == '_' || c == '.'))
            return false;
    }
    return true;
}

static berthi_code begin(berthi_lookup *l, const char *name, size_t size)
{
    l->literal.size = (uint8_t)berthi_address_read(name, size, l->literal.bytes);
    if (l->literal.size != 0)
        return BERTHI_CODE_OK;
    if (!is_name(name, size))
        return BERTHI_CODE_INVALID;
    if (!berthi_grants_lookup(l->object.services->grants, name, size))
        return BERTHI_CODE_ACCESS;
    memcpy(l->name, name, size);
    l->name_size = size;
    return berthi_resolve_start(name, size, &l->resolving);
}

berthi_code berthi_lookup_start(berthi_services *s, const char *name, size_t size,
                                berthi_lookup **lookup_out)
{
    berthi_lookup *l = berthi_object_make(s, &berthi_lookup_class);
    berthi_code code;

    if (l == NULL)
        return berthi_net_no_object(s);
    code = begin(l, name, size);
    if (code == BERTHI_CODE_OK)
        *lookup_out = l;
    else
        berthi_object_unref(l);
    return code;
}

static berthi_code next_answer(berthi_lookup *l, berthi_address *address_out, bool *some_out)
{
    berthi_services *s = l->object.services;
    const berthi_address *addresses;
    uint32_t count;
    berthi_code code = berthi_resolve_answer(l->resolving, &addresses, &count);

    if (code != BERTHI_CODE_OK)
        return code;
    while (l->at < count) {
        const berthi_address *a = &addresses[l->at++];

        if (!berthi_grants_resolved(s->grants, a->bytes, a->size, l->name, l->name_size))
            continue;
        code = berthi_services_know(s, a->bytes, a->size, l->name, l->name_size);
        if (code != BERTHI_CODE_OK)
            return code;
        l->given++;
        *address_out = *a;
        *some_out = true;
        return BERTHI_CODE_OK;
    }
    *some_out = false;
    return l->given == 0 && count > 0 ? BERTHI_CODE_ACCESS : BERTHI_CODE_OK;
}

berthi_code berthi_lookup_next(berthi_lookup *l, berthi_address *address_out, bool *some_out)
{
    if (berthi_grants_are_revoked(l->object.services->grants))
        return BERTHI_CODE_ACCESS;
    if (l->resolving != NULL)
        return next_answer(l, address_out, some_out);
    *some_out = l->at++ == 0;
    *address_out = l->literal;
    return BERTHI_CODE_OK;
}
