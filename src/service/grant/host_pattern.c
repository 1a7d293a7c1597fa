/* host_pattern.c - patterns of hosts, and addresses.  Layer: service. */
#include "service/grant/pattern.h"

#include <stdlib.h>
#include <string.h>

enum { PORT_DIGITS = 5, PORT_MAX = 65535 };

/* ---------------------------------------------------------------- addresses */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int hex_value(char c)
{
    if (is_digit(c))
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Four numbers, none with a zero in front: what some take for octal is nothing here. */
static bool read_v4(const char *text, size_t size, uint8_t out[4])
{
    size_t at = 0;

    for (int i = 0; i < 4; i++) {
        unsigned value = 0;
        size_t digits = 0;

        if (i > 0 && (at >= size || text[at++] != '.'))
            return false;
        for (; at < size && is_digit(text[at]) && digits < 3; digits++)
            value = value * 10 + (unsigned)(text[at++] - '0');
        if (digits == 0 || value > 255 || (digits > 1 && text[at - digits] == '0'))
            return false;
        out[i] = (uint8_t)value;
    }
    return at == size;
}

typedef struct v6 {
    uint8_t bytes[16];
    size_t count, gap; /* bytes so far; where `::` was, 17: nowhere */
} v6;

/* One group of hex digits, or a v4 address at the end.  0: neither. */
static size_t read_group(const char *text, size_t size, v6 *a)
{
    unsigned value = 0;
    size_t digits = 0;

    for (; digits < size && digits < 4 && hex_value(text[digits]) >= 0; digits++)
        value = value << 4 | (unsigned)hex_value(text[digits]);
    if (digits < size && text[digits] == '.') {
        if (a->count > 12 || !read_v4(text, size, a->bytes + a->count))
            return 0;
        a->count += 4;
        return size;
    }
    if (digits == 0 || a->count > 14)
        return 0;
    a->bytes[a->count++] = (uint8_t)(value >> 8);
    a->bytes[a->count++] = (uint8_t)value;
    return digits;
}

static bool read_v6(const char *text, size_t size, uint8_t out[16])
{
    v6 a = { .gap = 17 };
    size_t at = 0;

    if (size >= 2 && text[0] == ':' && text[1] == ':') {
        a.gap = 0;
        at = 2;
    }
    while (at < size) {
        size_t taken = read_group(text + at, size - at, &a);

        if (taken == 0)
            return false;
        at += taken;
        if (at == size)
            break;
        if (text[at++] != ':' || at == size)
            return false;
        if (text[at] == ':') {
            if (a.gap != 17)
                return false;
            a.gap = a.count;
            at++;
        }
    }
    if (a.gap == 17 ? a.count != 16 : a.count > 14)
        return false;
    memset(out, 0, 16);
    if (a.gap == 17)
        a.gap = a.count;
    memcpy(out, a.bytes, a.gap);
    memcpy(out + 16 - (a.count - a.gap), a.bytes + a.gap, a.count - a.gap);
    return true;
}

size_t berthi_address_read(const char *text, size_t size, uint8_t address_out[16])
{
    if (size >= 2 && text[0] == '[' && text[size - 1] == ']')
        return read_v6(text + 1, size - 2, address_out) ? 16 : 0;
    if (read_v4(text, size, address_out))
        return 4;
    return read_v6(text, size, address_out) ? 16 : 0;
}

static bool has_bits(const uint8_t *address, const uint8_t *want, unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;

    if (memcmp(address, want, whole) != 0)
        return false;
    return rest == 0 || ((address[whole] ^ want[whole]) >> (8 - rest)) == 0;
}

typedef struct range {
    uint8_t address[16], bits;
} range;

static const range private_v4[] = {
    { { 0 }, 8 },         { { 10 }, 8 },       { { 100, 64 }, 10 },   { { 127 }, 8 },
    { { 169, 254 }, 16 }, { { 172, 16 }, 12 }, { { 192, 0, 0 }, 24 }, { { 192, 168 }, 16 },
    { { 198, 18 }, 15 },  { { 224 }, 3 },
};
static const range private_v6[] = {
    { { 0 }, 127 }, /* unspecified, and loopback */
    { { 0xfc }, 7 },
    { { 0xfe, 0x80 }, 10 },
    { { 0xfe, 0xc0 }, 10 },
    { { 0xff }, 8 },
    { { 0x00, 0x64, 0xff, 0x9b, 0x00, 0x01 }, 48 }, /* a translator of the neighbourhood */
};
/* Addresses that have one of version 4 in them, and behind how many bytes. */
static const range with_v4[] = {
    { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff }, 96 }, /* mapped */
    { { 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff }, 96 },       /* translated, without a state */
    { { 0x00, 0x64, 0xff, 0x9b }, 96 },                   /* translated */
    { { 0 }, 96 },                                        /* compatible */
    { { 0x20, 0x02 }, 16 },                               /* 6to4 */
};

static bool is_in(const range *ranges, size_t count, const uint8_t *address)
{
    for (size_t i = 0; i < count; i++)
        if (has_bits(address, ranges[i].address, ranges[i].bits))
            return true;
    return false;
}

bool berthi_address_is_private(const uint8_t *address, size_t size)
{
    if (size == 4)
        return is_in(private_v4, sizeof private_v4 / sizeof private_v4[0], address);
    if (is_in(private_v6, sizeof private_v6 / sizeof private_v6[0], address))
        return true;
    for (size_t i = 0; i < sizeof with_v4 / sizeof with_v4[0]; i++)
        if (has_bits(address, with_v4[i].address, with_v4[i].bits))
            return berthi_address_is_private(address + with_v4[i].bits / 8, 4);
    return false;
}

bool berthi_address_is_loopback(const uint8_t *address, size_t size)
{
    static const uint8_t one[16] = { [15] = 1 };

    return size == 4 ? address[0] == 127 : memcmp(address, one, sizeof one) == 0;
}

/* ---------------------------------------------------------------- reading */

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
}

/* In lower case and without a dot at its end; false: it is no name of a host. */
static bool read_name(const char *text, size_t size, char out[BERTHI_HOST_NAME_MAX + 1])
{
    if (size > 0 && text[size - 1] == '.')
        size--;
    if (size == 0 || size > BERTHI_HOST_NAME_MAX)
        return false;
    for (size_t i = 0; i < size; i++) {
        char c = lower(text[i]);

        if (c == '.' && (i == 0 || text[i - 1] == '.'))
            return false;
        if (!is_digit(c) && !(c >= 'a' && c <= 'z') && c != '-' && c != '_' && c != '.')
            return false;
        out[i] = c;
    }
    out[size] = '\0';
    return true;
}

static bool read_port(const char *text, size_t size, uint16_t *port_out)
{
    unsigned value = 0;

    if (size == 0 || size > PORT_DIGITS)
        return false;
    for (size_t i = 0; i < size; i++) {
        if (!is_digit(text[i]))
            return false;
        value = value * 10 + (unsigned)(text[i] - '0');
    }
    *port_out = (uint16_t)value;
    return value <= PORT_MAX && value > 0;
}

static bool read_ports(const char *text, berthi_host_pattern *p)
{
    const char *dash = strchr(text, '-');

    if (strcmp(text, "*") == 0) {
        p->port_first = 0;
        p->port_last = PORT_MAX;
        return true;
    }
    if (dash != NULL)
        return read_port(text, (size_t)(dash - text), &p->port_first) &&
               read_port(dash + 1, strlen(dash + 1), &p->port_last) &&
               p->port_first <= p->port_last;
    if (!read_port(text, strlen(text), &p->port_first))
        return false;
    p->port_last = p->port_first;
    return true;
}

/* Addresses of version 4 in the clothes of version 6 are asked for as what they are. */
static void undress(berthi_host_pattern *p)
{
    if (p->address_size != 16 || p->bits < with_v4[0].bits ||
        !has_bits(p->address, with_v4[0].address, with_v4[0].bits))
        return;
    memmove(p->address, p->address + 12, 4);
    p->address_size = 4;
    p->bits = (uint8_t)(p->bits - with_v4[0].bits);
}

/* "10.0.0.0/8", "[fc00::]/7", or without bits. */
static bool read_bits(const char *text, size_t size, berthi_host_pattern *p)
{
    const char *slash = memchr(text, '/', size);
    uint16_t bits = 0;

    p->form = BERTHI_HOST_ADDRESS;
    p->address_size = (uint8_t)berthi_address_read(
        text, slash == NULL ? size : (size_t)(slash - text), p->address);
    if (p->address_size == 0)
        return false;
    p->bits = (uint8_t)(8 * p->address_size);
    if (slash == NULL)
        return true;
    if (size - (size_t)(slash + 1 - text) == 1 && slash[1] == '0') {
        p->bits = 0;
        return true;
    }
    if (!read_port(slash + 1, size - (size_t)(slash + 1 - text), &bits) || bits > p->bits)
        return false;
    p->bits = (uint8_t)bits;
    return true;
}

static bool read_range(const char *text, size_t size, berthi_host_pattern *p)
{
    bool is_range = read_bits(text, size, p);

    if (is_range)
        undress(p);
    return is_range;
}

/* Where the port begins: at the colon that is not within an address; NULL: there is none. */
static const char *find_port(const char *text)
{
    const char *bracket = strrchr(text, ']'), *colon = strrchr(text, ':');

    if (colon == NULL || (bracket != NULL && colon < bracket))
        return NULL;
    return bracket == NULL && strchr(text, ':') != colon ? NULL : colon;
}

const char *berthi_host_pattern_read(const char *text, uint16_t port_first, uint16_t port_last,
                                     berthi_host_pattern *pattern_out)
{
    const char *colon = find_port(text);
    size_t size = colon == NULL ? strlen(text) : (size_t)(colon - text);
    berthi_host_pattern *p = pattern_out;

    *p = (berthi_host_pattern){ .port_first = port_first, .port_last = port_last };
    if (colon == NULL && port_first > port_last)
        return "a port is missing, or `*` for any";
    if (colon != NULL && !read_ports(colon + 1, p))
        return "a port is a number from 1 to 65535, two of them with `-` between, or `*`";
    if (size == 1 && text[0] == '*') {
        p->form = BERTHI_HOST_ANY;
        return NULL;
    }
    if (read_range(text, size, p))
        return NULL;
    p->form =
        size > 2 && text[0] == '*' && text[1] == '.' ? BERTHI_HOST_BELOW : BERTHI_HOST_NAME;
    if (!read_name(p->form == BERTHI_HOST_BELOW ? text + 2 : text,
                   p->form == BERTHI_HOST_BELOW ? size - 2 : size, p->name))
        return "a host is `*`, a name, `*.` and a name, an address (version 6 in brackets), or "
               "an address with `/` and its bits";
    return NULL;
}

/* ---------------------------------------------------------------- matching */

bool berthi_host_matches_name(const berthi_host_pattern *p, const char *name, size_t size)
{
    char text[BERTHI_HOST_NAME_MAX + 1];
    size_t have, want;

    if (p->form == BERTHI_HOST_ADDRESS || !read_name(name, size, text))
        return false;
    if (p->form == BERTHI_HOST_ANY)
        return true;
    have = strlen(text);
    want = strlen(p->name);
    if (p->form == BERTHI_HOST_NAME)
        return strcmp(text, p->name) == 0;
    return have > want + 1 && text[have - want - 1] == '.' &&
           strcmp(text + have - want, p->name) == 0;
}

bool berthi_host_matches_address(const berthi_host_pattern *p, const uint8_t *address,
                                 size_t size)
{
    return p->form == BERTHI_HOST_ADDRESS && p->address_size == size &&
           has_bits(address, p->address, p->bits);
}
