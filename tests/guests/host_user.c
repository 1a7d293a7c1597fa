/* host_user.c - a plugin that calls everything that its host offers (tests/unit/component/host_test.c).
 *
 * world: import demo:plug/host@1.0.0; import tick: func(by: u32) -> u64;
 *        export run: func(what: string) -> list<u8>; */
#include <stdint.h>

#define HOST(name)   __attribute__((import_module("demo:plug/host@1.0.0"), import_name(name)))
#define EXPORT(name) __attribute__((export_name(name)))

typedef struct bytes {
    uint8_t *data;
    uint32_t size;
} bytes;
typedef struct maybe {
    uint32_t is_some;
    bytes value;
} maybe;

HOST("[constructor]conn") int32_t conn_new(const void *name, uint32_t size);
HOST("[method]conn.send") uint32_t conn_send(int32_t self, const void *text, uint32_t size);
HOST("[resource-drop]conn") void conn_drop(int32_t self);
HOST("get") void host_get(const void *key, uint32_t size, maybe *value_out);
HOST("log") void host_log(const void *text, uint32_t size);
HOST("add") uint32_t host_add(uint32_t a, uint32_t b);
HOST("close") void host_close(int32_t conn);
HOST("echo") void host_echo(const void *data, uint32_t size, bytes *out);
__attribute__((import_module("$root"), import_name("tick"))) uint64_t tick(uint32_t by);

static uint8_t heap[1 << 16];
static uint32_t used;
static bytes result;
uint32_t kept_conn;

EXPORT("cabi_realloc")
void *cabi_realloc(void *old, uint32_t old_size, uint32_t align, uint32_t size)
{
    uint32_t at = (used + align - 1) & ~(align - 1);
    const uint8_t *from = old;

    if (size > sizeof heap - at)
        __builtin_trap();
    for (uint32_t i = 0; i < old_size && i < size; i++)
        heap[at + i] = from[i];
    used = at + size;
    return heap + at;
}

static bytes number(uint64_t value)
{
    static uint8_t digits[24];
    uint32_t at = sizeof digits;

    do
        digits[--at] = (uint8_t)('0' + value % 10);
    while ((value /= 10) != 0);
    return (bytes){ digits + at, (uint32_t)sizeof digits - at };
}

static bytes get(bytes key)
{
    static uint8_t none[] = "none";
    maybe value = { 0 };

    host_get(key.data, key.size, &value);
    return value.is_some ? value.value : (bytes){ none, 4 };
}

static bytes talk(bytes name)
{
    int32_t conn = conn_new(name.data, name.size);
    uint32_t sum = conn_send(conn, "abc", 3) + conn_send(conn, name.data, name.size);

    conn_drop(conn);
    return number(sum);
}

EXPORT("run") bytes *run(uint8_t *what, uint32_t size)
{
    bytes rest = { what + 1, size - 1 };

    result = (bytes){ what, 0 };
    switch (what[0]) {
    case 'a':
        result = number(host_add(2, 3));
        break;
    case 'g':
        result = get(rest);
        break;
    case 'l':
        host_log(rest.data, rest.size);
        break;
    case 'c':
        result = talk(rest);
        break;
    case 'e':
        host_echo(rest.data, rest.size, &result);
        break;
    case 'k': /* keeps it */
        kept_conn = (uint32_t)conn_new(rest.data, rest.size);
        break;
    case 't': /* dies with it */
        kept_conn = (uint32_t)conn_new(rest.data, rest.size);
        __builtin_trap();
    case 'o': /* gives it back */
        host_close(conn_new(rest.data, rest.size));
        break;
    case 'r':
        result = number(tick(7));
        break;
    default: /* a handle that is none */
        conn_send(99, "x", 1);
    }
    used = 0;
    return &result;
}
