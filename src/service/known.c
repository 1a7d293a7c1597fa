/* known.c - the names that an instance looked up, with the addresses that they came to.  Layer: service.
 *
 * A grant that says a name is one of every address that the name came to for this instance, and was
 * checked when it came. */
#include "service/services.h"

enum { KNOWN_MAX = 64, NAME_MAX_BYTES = 253 };

typedef struct known_name {
    uint8_t address[16];
    uint8_t address_size;
    uint8_t name_size;
    char name[NAME_MAX_BYTES];
} known_name;

struct berthi_known {
    uint32_t count, next; /* the oldest goes first */
    known_name names[KNOWN_MAX];
};

void berthi_services_end_known(berthi_services *s)
{
    berthi_free(s->allocator, s->known, sizeof *s->known);
    s->known = NULL;
}

static bool is_of(const known_name *k, const uint8_t *address, size_t size)
{
    return k->address_size == size && memcmp(k->address, address, size) == 0;
}

berthi_code berthi_services_know(berthi_services *s, const uint8_t *address, size_t size,
                                 const char *name, size_t name_size)
{
    known_name *k;

    if (name_size > NAME_MAX_BYTES)
        return BERTHI_CODE_NAME_TOO_LONG;
    if (s->known == NULL)
        s->known = berthi_zalloc(s->allocator, sizeof *s->known);
    if (s->known == NULL)
        return BERTHI_CODE_NO_MEMORY;
    for (uint32_t i = 0; i < s->known->count; i++) {
        k = &s->known->names[i];
        if (is_of(k, address, size) && k->name_size == name_size &&
            memcmp(k->name, name, name_size) == 0)
            return BERTHI_CODE_OK;
    }
    k = &s->known->names[s->known->next];
    s->known->next = (s->known->next + 1) % KNOWN_MAX;
    s->known->count += s->known->count < KNOWN_MAX;
    memcpy(k->address, address, size);
    k->address_size = (uint8_t)size;
    memcpy(k->name, name, name_size);
    k->name_size = (uint8_t)name_size;
    return BERTHI_CODE_OK;
}

bool berthi_services_may_reach(const berthi_services *s, berthi_right right,
                               const uint8_t *address, size_t size, uint16_t port)
{
    if (berthi_grants_address(s->grants, right, address, size, port, NULL, 0))
        return true;
    if (right != BERTHI_RIGHT_NET_CONNECT || s->known == NULL)
        return false;
    for (uint32_t i = 0; i < s->known->count; i++) {
        const known_name *k = &s->known->names[i];

        if (is_of(k, address, size) &&
            berthi_grants_address(s->grants, right, address, size, port, k->name, k->name_size))
            return true;
    }
    return false;
}
