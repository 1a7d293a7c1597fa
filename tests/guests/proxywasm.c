/* proxywasm.c - a filter of proxy-wasm 0.2.1; what it does with a request is said by its path
 * (tests/unit/compat/proxywasm_test.c). */
#include <stdint.h>

#define EXPORT(name) __attribute__((export_name(name)))
#define HOST(name)   __attribute__((import_module("env"), import_name("proxy_" name)))

typedef uint32_t u;

HOST("log") int32_t host_log(u level, const char *text, u size);
HOST("get_log_level") int32_t log_level(u *level);
HOST("get_current_time_nanoseconds") int32_t now(uint64_t *ns);
HOST("set_tick_period_milliseconds") int32_t tick_period(u ms);
HOST("get_buffer_bytes") int32_t buffer_get(u kind, u at, u most, char **data, u *size);
HOST("get_buffer_status") int32_t buffer_status(u kind, u *size, u *flags);
HOST("set_buffer_bytes") int32_t buffer_set(u kind, u at, u size, const char *data, u count);
HOST("get_header_map_pairs") int32_t pairs_get(u kind, char **data, u *size);
HOST("get_header_map_size") int32_t pairs_size(u kind, u *size);
HOST("set_header_map_pairs") int32_t pairs_set(u kind, const char *data, u size);
HOST("get_header_map_value")
int32_t field_get(u kind, const char *key, u n, char **data, u *size);
HOST("replace_header_map_value")
int32_t field_replace(u kind, const char *key, u n, const char *value, u size);
HOST("add_header_map_value")
int32_t field_add(u kind, const char *key, u n, const char *value, u size);
HOST("remove_header_map_value") int32_t field_remove(u kind, const char *key, u n);
HOST("get_property") int32_t property_get(const char *path, u n, char **data, u *size);
HOST("set_property") int32_t property_set(const char *path, u n, const char *value, u size);
HOST("get_shared_data")
int32_t shared_get(const char *key, u n, char **data, u *size, u *cas);
HOST("set_shared_data")
int32_t shared_set(const char *key, u n, const char *value, u size, u cas);
HOST("register_shared_queue") int32_t queue_register(const char *name, u n, u *id);
HOST("resolve_shared_queue")
int32_t queue_resolve(const char *vm, u k, const char *name, u n, u *id);
HOST("enqueue_shared_queue") int32_t queue_put(u id, const char *value, u size);
HOST("dequeue_shared_queue") int32_t queue_take(u id, char **data, u *size);
HOST("continue_stream") int32_t go_on(u kind);
HOST("close_stream") int32_t close_stream(u kind);
HOST("send_local_response")
int32_t local(u status, const char *details, u k, const char *body, u n, const char *pairs,
              u size, u grpc);
HOST("set_effective_context") int32_t effective(u id);
HOST("done") int32_t done(void);
HOST("call_foreign_function")
int32_t foreign(const char *name, u n, const char *arg, u k, char **data, u *size);
HOST("get_status") int32_t call_status(u *code, char **data, u *size);
HOST("define_metric") int32_t metric_define(u kind, const char *name, u n, u *id);
HOST("increment_metric") int32_t metric_add(u id, int64_t by);
HOST("record_metric") int32_t metric_record(u id, uint64_t value);
HOST("get_metric") int32_t metric_get(u id, uint64_t *value);
HOST("http_call")
int32_t http_call(const char *to, u n, const char *pairs, u k, const char *body, u b,
                  const char *trailers, u t, u ms, u *token);
HOST("grpc_cancel") int32_t grpc_cancel(u token);

#define T(text) text, sizeof(text) - 1

static char heap[1 << 17], said[4096];
static u used, said_size, waiting, asked, body_asked, closed;
static char path[32];
static u path_size;

EXPORT("proxy_abi_version_0_2_1") void abi(void)
{
}

/* An allocator that asks for what needs an allocator, or changes what it makes room for. */
static int32_t meddle(u how, char **data, u *n)
{
    static const char more[] = "\2\0\0\0\1\0\0\0\2\0\0\0\1\0\0\0\1\0\0\0c\0cc\0d\0d";

    switch (how) {
    case 1:
        return property_get(T("plugin_name"), data, n);
    case 2:
        return field_remove(0, T("a"));
    case 3:
        return field_add(0, T("x-more"), said, said_size);
    case 4:
        return field_replace(0, T("a"), T("other"));
    case 5:
        return pairs_set(0, more, sizeof more);
    case 6:
        return property_set(T("mine"), T("other"));
    case 7:
        return shared_set(T("k"), T("other"), 0);
    case 8:
        return local(200, T(""), T("other"), T(""), 0);
    case 9:
        return queue_take(1, data, n);
    default:
        return buffer_set(0, 0, 4, T("longer"));
    }
}

EXPORT("proxy_on_memory_allocate") char *allocate(u size)
{
    char *at = heap + used;

    if (asked != 0) {
        char *data;
        u n;

        body_asked = (u)meddle(asked, &data, &n);
        asked = 0;
    }
    if (size > sizeof heap - used)
        return 0;
    used += (size + 7) & ~7u;
    return at;
}

static void say(const char *text, u size)
{
    for (u i = 0; i < size && said_size < sizeof said; i++)
        said[said_size++] = text[i];
}

static void number(uint64_t n)
{
    char digits[20];
    u at = sizeof digits;

    do
        digits[--at] = (char)('0' + n % 10);
    while ((n /= 10) != 0);
    say(digits + at, (u)sizeof digits - at);
}

static void code(const char *name, u size, int32_t n)
{
    say(name, size);
    say("=", 1);
    number((u)n);
    say(" ", 1);
}
#define CODE(name, call) code(name, sizeof(name) - 1, call)

static int is(const char *text, u size)
{
    if (size != path_size)
        return 0;
    for (u i = 0; i < size; i++)
        if (path[i] != text[i])
            return 0;
    return 1;
}

static void maps(void)
{
    static const char two[] = "\2\0\0\0\7\0\0\0\2\0\0\0\1\0\0\0\1\0\0\0:method\0Ge\0a\0b";
    static const char bad[] = "\1\0\0\0\1\0\0\0\1\0\0\0a\0\n";
    char *data;
    u size;

    CODE("pairs", pairs_get(0, &data, &size));
    CODE("none", pairs_get(2, &data, &size));
    CODE("kind", pairs_get(99, &data, &size));
    CODE("out", pairs_get(0, (char **)0xfffffffc, (u *)0xfffffffe));
    CODE("size", pairs_size(0, &size));
    CODE("size-out", pairs_size(0, (u *)0xffffffff));
    CODE("get", field_get(0, T("X-One"), &data, &size));
    say(data, size);
    CODE("absent", field_get(0, T("x-none"), &data, &size));
    CODE("key-out", field_get(0, (char *)0xfffffff0, 99, &data, &size));
    CODE("add", field_add(0, T("x-two"), T("2")));
    CODE("line", field_add(0, T("x-two"), T("2\r\nx: y")));
    CODE("name", field_add(0, T("x two"), T("2")));
    CODE("pseudo", field_add(0, T(":what"), T("2")));
    CODE("space", field_replace(0, T(":path"), T("/a b")));
    CODE("big", field_add(0, T("x-big"), heap, 70000));
    CODE("remove", field_remove(0, T("x-two")));
    CODE("set", pairs_set(0, two, sizeof two - 1 + 1));
    CODE("cut", pairs_set(0, two, 21));
    CODE("huge", pairs_set(0, "\xff\xff\xff\x7f", 4));
    CODE("bad", pairs_set(0, bad, sizeof bad));
    CODE("set-out", pairs_set(0, (char *)0xfffffff0, 99));
    CODE("method", field_get(0, T(":method"), &data, &size));
    say(data, size);
}

static void values(void)
{
    uint64_t big;
    char *data;
    u n, cas;

    CODE("buffer", buffer_get(0, 0, 99, &data, &n));
    CODE("plugin", buffer_get(7, 0, 99, &data, &n));
    say(data, n);
    CODE("vm", buffer_get(6, 0, 99, &data, &n));
    CODE("other", buffer_get(2, 0, 99, &data, &n));
    CODE("start", buffer_get(0, 5, 99, &data, &n));
    CODE("status", buffer_status(0, &n, &cas));
    CODE("early", buffer_set(0, 0, 0, T("x")));
    CODE("config", buffer_set(7, 0, 0, T("x")));
    CODE("property", property_get(T("request\0method"), &data, &n));
    say(data, n);
    CODE("field", property_get(T("request\0headers\0a"), &data, &n));
    say(data, n);
    CODE("unknown", property_get(T("no\0such"), &data, &n));
    CODE("own", property_set(T("mine"), T("yes")));
    CODE("back", property_get(T("mine"), &data, &n));
    say(data, n);
    CODE("shared-none", shared_get(T("k"), &data, &n, &cas));
    CODE("shared-set", shared_set(T("k"), T("v1"), 0));
    CODE("shared-get", shared_get(T("k"), &data, &n, &cas));
    number(cas);
    CODE("shared-cas", shared_set(T("k"), T("v2"), cas));
    CODE("shared-old", shared_set(T("k"), T("v3"), cas));
    CODE("queue-none", queue_resolve(T(""), T("q"), &n));
    CODE("queue", queue_register(T("q"), &cas));
    CODE("queue-found", queue_resolve(T(""), T("q"), &n));
    CODE("queue-vm", queue_resolve(T("other"), T("q"), &n));
    CODE("put", queue_put(cas, T("item")));
    CODE("take", queue_take(cas, &data, &n));
    say(data, n);
    CODE("empty", queue_take(cas, &data, &n));
    CODE("no-queue", queue_take(99, &data, &n));
    CODE("put-none", queue_put(99, T("item")));
    CODE("counter", metric_define(0, T("c"), &n));
    CODE("same", metric_define(0, T("c"), &cas));
    CODE("differs", metric_define(1, T("c"), &cas));
    CODE("no-kind", metric_define(3, T("d"), &cas));
    CODE("count", metric_add(n, 5));
    CODE("down", metric_add(n, -1));
    CODE("record", metric_record(n, 1));
    CODE("metric", metric_get(n, &big));
    number(big);
    CODE("gauge", metric_define(1, T("g"), &n));
    CODE("gauge-set", metric_record(n, 7));
    CODE("gauge-down", metric_add(n, -2));
    CODE("gauge-get", metric_get(n, &big));
    number(big);
    CODE("histogram", metric_define(2, T("h"), &n));
    CODE("histogram-add", metric_add(n, 1));
    CODE("histogram-set", metric_record(n, 1));
    CODE("histogram-get", metric_get(n, &big));
    CODE("no-metric", metric_get(77, &big));
}

static void others(u id)
{
    uint64_t ns;
    char *data;
    u n, k;

    CODE("log", host_log(2, T("a line")));
    CODE("level", host_log(9, T("a line")));
    CODE("log-out", host_log(2, (char *)0xfffffff0, 99));
    CODE("log-level", log_level(&n));
    CODE("now", now(&ns));
    CODE("effective", effective(1));
    CODE("effective-own", effective(id));
    CODE("effective-none", effective(id + 1));
    CODE("done", done());
    CODE("foreign", foreign(T("f"), T(""), &data, &n));
    CODE("status", call_status(&k, &data, &n));
    CODE("http", http_call(T("u"), T(""), T(""), T(""), 10, &n));
    CODE("grpc", grpc_cancel(1));
    CODE("continue", go_on(2));
    CODE("close", close_stream(2));
    CODE("local-status", local(100, T(""), T(""), T(""), 0));
    CODE("local-pairs", local(200, T(""), T(""), T("x"), 0));
    (void)queue_put(1, T("item"));
    for (u how = 1; how <= 9; how++) {
        asked = how;
        CODE("nested", how == 3 || how == 5 ? pairs_get(0, &data, &n)
                       : how == 6           ? property_get(T("mine"), &data, &n)
                       : how == 7           ? shared_get(T("k"), &data, &n, &k)
                                            : field_get(0, T("a"), &data, &n));
        number(body_asked);
        say(data, how == 3 || how == 5 ? 0 : n);
    }
    CODE("kept", queue_take(1, &data, &n));
    say(data, n);
}

EXPORT("proxy_on_context_create") void create(u id, u root)
{
    (void)id;
    (void)root;
    used = said_size = 0;
}

EXPORT("proxy_on_configure") u configure(u root, u size)
{
    (void)root;
    return size != 3;
}

EXPORT("proxy_on_tick") void tick(u root)
{
    (void)root;
    if (waiting == 0)
        return;
    (void)effective(waiting);
    (void)go_on(0);
    waiting = 0;
    (void)tick_period(0);
}

EXPORT("proxy_on_request_headers") u request(u id, u count, u end)
{
    static const char lie[] = "\1\0\0\0\16\0\0\0\1\0\0\0content-length\0001";
    static const char one[] = "\1\0\0\0\7\0\0\0\1\0\0\0x-local\0001";
    char *data;
    u size;

    (void)count;
    (void)end;
    path_size = 0;
    if (field_get(0, T(":path"), &data, &size) == 0)
        for (; path_size < size && path_size < sizeof path; path_size++)
            path[path_size] = data[path_size];
    if (is(T("/codes"))) {
        maps();
        values();
        others(id);
        (void)local(200, T(""), said, said_size, T(""), 0);
        return 1;
    }
    if (is(T("/lie"))) {
        (void)field_replace(0, T("content-length"), T("1"));
        (void)field_add(0, T("content-length"), T("2"));
    }
    if (is(T("/local-lie"))) {
        (void)local(203, T(""), T("local"), lie, sizeof lie, 0);
        return 1;
    }
    if (is(T("/local"))) {
        (void)local(203, T(""), T("local"), one, sizeof one, 0);
        return 1;
    }
    if (is(T("/tick"))) {
        waiting = id;
        (void)tick_period(1);
        return 1;
    }
    if (is(T("/change"))) {
        (void)field_replace(0, T(":path"), T("/changed"));
        (void)field_add(0, T("x-in"), T("in"));
        (void)field_remove(0, T("x-gone"));
    }
    if (is(T("/close")))
        (void)close_stream(0);
    if (is(T("/trap")))
        __builtin_trap();
    return is(T("/pause")) || is(T("/body"));
}

EXPORT("proxy_on_request_body") u request_body(u id, u size, u end)
{
    (void)id;
    (void)end;
    if (is(T("/change")))
        (void)buffer_set(0, size, 0, T("!"));
    if (is(T("/meddle"))) {
        char *data;
        u n;

        asked = 10;
        CODE("nested", buffer_get(0, 0, 99, &data, &n));
        number(body_asked);
        say(data, n);
        (void)field_add(0, T("x-said"), said, said_size);
    }
    return 0;
}

EXPORT("proxy_on_request_trailers") u request_trailers(u id, u count)
{
    (void)id;
    (void)count;
    (void)field_add(1, T("x-trailer"), T("t"));
    return 0;
}

EXPORT("proxy_on_response_headers") u response(u id, u count, u end)
{
    (void)id;
    (void)count;
    (void)end;
    (void)field_add(2, T("x-seen"), T("1"));
    if (is(T("/lie")))
        (void)field_replace(2, T("content-length"), T("3"));
    if (is(T("/status")))
        (void)field_replace(2, T(":status"), T("299"));
    if (is(T("/refuse")))
        (void)local(500, T(""), T("refused"), T(""), 0);
    return 0;
}

EXPORT("proxy_on_response_body") u response_body(u id, u size, u end)
{
    (void)id;
    (void)size;
    (void)end;
    if (is(T("/change")))
        (void)buffer_set(1, 0, 0, T("<"));
    return 0;
}

EXPORT("proxy_on_log") void finished(u id)
{
    (void)id;
    closed++;
    (void)host_log(2, T("finished"));
}
