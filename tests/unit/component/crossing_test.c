/* crossing_test.c - one component calls another with texts and bytes, and either may lie about them.
 *
 * Both guests do as their memory says, which the test writes: what they pass, return and answer to a
 * request for room (tests/guests/cross_*.wat). */
#include <stdlib.h>
#include <string.h>

#include "component/run/running.h"
#include "component/wrap/wrap.h"
#include "engine_rig.h"
#include "guests.h"

enum { /* in both memories */
       ROOM = 0,
       GROWS = 4,
       REALLOCS = 8,
       LAST_SIZE = 12,
       LAST_ALIGN = 16,
       LEAVES = 20,  /* the caller's */
       RETURNS = 20, /* the callee's */
       GOT = 24,
       GOT_SIZE = 28,
       POSTS = 32,
       POSTED = 36,
       PAIR = 64, /* what is returned */
       BYTES = 256,
       OUT = 128, /* where the caller wants it */
       PLACE = 4096,
       PAGE = 65536
};

typedef struct pair {
    rig *r;
    berthi_cm_loaded *loaded;
    berthi_cm_limits limits;
    berthi_cm_instance *instance;
    berth_diag diag;
    uint32_t pings, pinged; /* by which component instance last */
} pair;

/* ---------------------------------------------------------------- the component */

static void put_name(berthi_text_buf *out, const char *name)
{
    berthi_cm_put_byte(out, (uint8_t)strlen(name));
    berthi_text_buf_put(out, name, strlen(name));
}

static void put_section(berthi_text_buf *out, unsigned id, const void *data, size_t size)
{
    berthi_cm_put_byte(out, (uint8_t)id);
    berthi_cm_put_u32(out, (uint32_t)size);
    berthi_text_buf_put(out, data, size);
}

/* Strings of the functions that a wrapped component calls are in `encoding`. */
static void encode_lowered(uint8_t *bytes, size_t size, uint8_t encoding)
{
    static const uint8_t lower[] = { 8, 10, 1, 1, 0 }; /* a section of one, in ten bytes */

    for (size_t n = 0; n + 9 < size; n++)
        if (memcmp(bytes + n, lower, sizeof lower) == 0) /* function, three options */
            bytes[n + 7] = encoding;
}

static void put_nested(berthi_text_buf *out, const char *guest, uint8_t encoding)
{
    size_t size;
    uint8_t *bytes = guest_read(guest, &size);

    encode_lowered(bytes, size, encoding);
    put_section(out, 4, bytes, size);
    free(bytes);
}

/* Function 0 is the host's "ping", 1 to 3 are the callee's, and those that are exported follow. */
static const struct {
    const char *name, *as;
    uint8_t instance;
} aliases[] = {
    { "text", NULL, 0 },
    { "outcome", NULL, 0 },
    { "take", NULL, 0 },
    { "poke", "their-poke", 0 },
    { "peek", "their-peek", 0 },
    { "call-text", "call-text", 1 },
    { "call-outcome", "call-outcome", 1 },
    { "call-take", "call-take", 1 },
    { "take-twice", "take-twice", 1 },
    { "poke", "poke", 1 },
    { "peek", "peek", 1 },
};
enum { OF_CALLEE = 5, EXPORTED = 3, ALL = sizeof aliases / sizeof *aliases };

static void put_aliases(berthi_text_buf *out, unsigned first, unsigned end)
{
    berthi_text_buf body;

    berthi_text_buf_init(&body, &berthi_allocator_libc);
    berthi_cm_put_byte(&body, (uint8_t)(end - first));
    for (unsigned n = first; n < end; n++) {
        const uint8_t head[] = { 1, 0, aliases[n].instance };

        berthi_text_buf_put(&body, (const char *)head, sizeof head);
        put_name(&body, aliases[n].name);
    }
    put_section(out, 6, body.data, body.size);
    berthi_text_buf_fini(&body);
}

static void put_caller(berthi_text_buf *out)
{
    berthi_text_buf body;

    berthi_text_buf_init(&body, &berthi_allocator_libc);
    berthi_text_buf_put(&body, "\1\0\1\3", 4); /* one; component 1, with three */
    for (uint8_t n = 0; n < EXPORTED; n++) {
        put_name(&body, aliases[n].name);
        berthi_cm_put_byte(&body, 1);
        berthi_cm_put_byte(&body, n + 1);
    }
    put_section(out, 5, body.data, body.size);
    berthi_text_buf_fini(&body);
}

static void put_exports(berthi_text_buf *out)
{
    berthi_text_buf body;

    berthi_text_buf_init(&body, &berthi_allocator_libc);
    berthi_cm_put_byte(&body, ALL - EXPORTED);
    for (uint8_t n = EXPORTED; n < ALL; n++) {
        berthi_cm_put_byte(&body, 0);
        put_name(&body, aliases[n].as);
        berthi_cm_put_byte(&body, 1);
        berthi_cm_put_byte(&body, n + 1);
        berthi_cm_put_byte(&body, 0);
    }
    put_section(out, 11, body.data, body.size);
    berthi_text_buf_fini(&body);
}

static berthi_text_buf build(uint8_t encoding)
{
    berthi_text_buf out;

    berthi_text_buf_init(&out, &berthi_allocator_libc);
    berthi_text_buf_put(&out, "\0asm\x0d\0\1\0", 8);
    put_section(&out, 7, "\1\x40\0\1\0", 5); /* func() */
    put_section(&out, 10, "\1\0\4ping\1\0", 9);
    put_nested(&out, "cross_callee.component", BERTHI_CM_UTF8);
    put_nested(&out, "cross_caller.component", encoding);
    put_section(&out, 5, "\1\0\0\1\4ping\1\0", 11);
    put_aliases(&out, 0, OF_CALLEE);
    put_caller(&out);
    put_aliases(&out, OF_CALLEE, ALL);
    put_exports(&out);
    assert_false(out.has_failed);
    return out;
}

/* ---------------------------------------------------------------- the rig */

static void restart(pair *p)
{
    berthi_cm_instance_destroy(p->instance);
    p->instance = NULL;
    if (berthi_cm_instance_create(p->loaded, &p->limits, 1000, NULL, &p->instance, &p->diag) !=
        BERTH_OK)
        fail_msg("%s", p->diag.text);
}

static berth_status ping(void *ctx, berthi_cm_host_call *host_call, const void *args,
                         void *result, berth_diag *diag)
{
    pair *p = ctx;

    (void)args, (void)result, (void)diag;
    p->pings++;
    p->pinged = berthi_cm_host_instance(host_call)->task->instance;
    return BERTH_OK;
}

static berth_status resolve(void *ctx, const berthi_cm_steps *steps, const berthi_cm_need *need,
                            berthi_cm_binding *out, berth_diag *diag)
{
    (void)steps, (void)need, (void)diag;
    out->function = ping;
    out->ctx = ctx;
    return BERTH_OK;
}

static int setup_with(void **state, uint8_t encoding)
{
    pair *p = calloc(1, sizeof *p);
    berthi_cm_load_options options = { .resolve = resolve, .resolve_ctx = p };
    berthi_text_buf bytes;
    void *inner = NULL;

    if (p == NULL || rig_setup(&inner) != 0)
        return -1;
    p->r = inner;
    *state = p;
    p->limits.store = p->r->limits;
    options.allocator = &p->r->allocator;
    options.engine = p->r->engine;
    bytes = build(encoding);
    if (berthi_cm_load((const uint8_t *)bytes.data, bytes.size, &options, &p->loaded,
                       &p->diag) != BERTH_OK)
        fail_msg("%s", p->diag.text);
    berthi_text_buf_fini(&bytes);
    restart(p);
    return 0;
}

static int setup(void **state)
{
    return setup_with(state, BERTHI_CM_UTF8);
}

static int setup_wide(void **state)
{
    return setup_with(state, BERTHI_CM_UTF16);
}

static int teardown(void **state)
{
    pair *p = *state;
    void *inner = p->r;
    int result;

    berthi_cm_instance_destroy(p->instance);
    berthi_cm_loaded_unref(p->loaded);
    result = rig_teardown(&inner);
    free(p);
    return result;
}

static berth_status call(pair *p, const char *name, const uint32_t *args, uint32_t *result)
{
    berthi_cm_func func;

    if (!berthi_cm_loaded_func(p->loaded, NULL, name, &func))
        fail_msg("no function %s", name);
    berthi_cm_instance_deadline(p->instance, 1000);
    return berthi_cm_call(p->instance, &func, args, result, NULL, &p->diag);
}

static void set(pair *p, const char *poke, uint32_t at, uint32_t value)
{
    const uint32_t args[] = { at, value };

    assert_int_equal(call(p, poke, args, NULL), BERTH_OK);
}

static void set_ours(pair *p, uint32_t at, uint32_t value)
{
    set(p, "poke", at, value);
}

static void set_theirs(pair *p, uint32_t at, uint32_t value)
{
    set(p, "their-poke", at, value);
}

static uint32_t get(pair *p, const char *peek, uint32_t at)
{
    uint32_t value = 0;

    assert_int_equal(call(p, peek, &at, &value), BERTH_OK);
    return value;
}

static uint32_t ours(pair *p, uint32_t at)
{
    return get(p, "peek", at);
}

static uint32_t theirs(pair *p, uint32_t at)
{
    return get(p, "their-peek", at);
}

static berth_status cross(pair *p, const char *name, uint32_t ptr, uint32_t size, uint32_t out)
{
    const uint32_t args[] = { ptr, size, out };

    return call(p, name, args, NULL);
}

static uint32_t word(const char text[static 4])
{
    uint32_t value;

    memcpy(&value, text, sizeof value);
    return value;
}

/* The callee returns `size` bytes at BYTES, the first of which are `text`. */
static void returns(pair *p, const char text[static 4], uint32_t ptr, uint32_t size)
{
    set_theirs(p, RETURNS, PAIR);
    set_theirs(p, BYTES, word(text));
    set_theirs(p, PAIR, ptr);
    set_theirs(p, PAIR + 4, size);
}

/* A call that traps, after which nothing can be called. */
static void traps(pair *p, const char *name, uint32_t ptr, uint32_t size, uint32_t out,
                  const char *text)
{
    berth_status status = cross(p, name, ptr, size, out);

    if (status != BERTH_E_TRAP || strstr(p->diag.text, text) == NULL)
        fail_msg("%s(%u, %u, %u): %s: '%s' instead of '%s'", name, (unsigned)ptr,
                 (unsigned)size, (unsigned)out, berth_status_name(status),
                 status == BERTH_OK ? "" : p->diag.text, text);
    assert_true(berthi_cm_instance_is_dead(p->instance));
    restart(p);
}

/* ---------------------------------------------------------------- what crosses */

static void texts_go_over_and_back(void **state)
{
    pair *p = *state;

    set_ours(p, BYTES, word("over"));
    returns(p, "back", BYTES, 4);
    for (uint32_t n = 1; n <= 3; n++) {
        assert_int_equal(cross(p, "call-text", BYTES, 4, OUT), BERTH_OK);
        assert_int_equal(theirs(p, PLACE), word("over"));
        assert_int_equal(theirs(p, GOT), PLACE);
        assert_int_equal(theirs(p, GOT_SIZE), 4);
        assert_int_equal(ours(p, PLACE), word("back"));
        assert_int_equal(ours(p, OUT), PLACE);
        assert_int_equal(ours(p, OUT + 4), 4);
        assert_int_equal(theirs(p, REALLOCS), n);
        assert_int_equal(ours(p, REALLOCS), n);
        assert_int_equal(theirs(p, LAST_ALIGN), 1);
        assert_int_equal(ours(p, LAST_ALIGN), 1);
        assert_int_equal(theirs(p, LAST_SIZE), 4);
        assert_int_equal(ours(p, LAST_SIZE), 4);
        assert_int_equal(theirs(p, POSTS), n);
        assert_int_equal(theirs(p, POSTED), PAIR);
    }
}

static void either_case_of_an_outcome_comes_back(void **state)
{
    pair *p = *state;

    set_ours(p, BYTES, word("over"));
    set_ours(p, OUT, UINT32_MAX);
    returns(p, "\xff\x80\xc0\xed", BYTES, 4); /* bytes need not be text */
    for (uint32_t tag = 0; tag < 2; tag++) {
        set_theirs(p, PAIR, tag | 0xabcdef00); /* nothing but the tag counts, or goes over */
        set_theirs(p, PAIR + 4, BYTES);
        set_theirs(p, PAIR + 8, 4);
        if (tag == 1)
            set_theirs(p, BYTES, word("back"));
        assert_int_equal(cross(p, "call-outcome", BYTES, 4, OUT), BERTH_OK);
        assert_int_equal(ours(p, OUT), 0xffffff00 | tag);
        assert_int_equal(ours(p, OUT + 4), PLACE);
        assert_int_equal(ours(p, OUT + 8), 4);
        assert_int_equal(ours(p, PLACE), tag == 1 ? word("back") : word("\xff\x80\xc0\xed"));
    }
}

static void texts_are_encoded_as_each_side_has_them(void **state)
{
    pair *p = *state;

    set_ours(p, BYTES, word("o\0v\0"));
    set_ours(p, BYTES + 4, word("e\0r\0"));
    returns(p, "back", BYTES, 4);
    assert_int_equal(cross(p, "call-text", BYTES, 4, OUT), BERTH_OK);
    assert_int_equal(theirs(p, PLACE), word("over"));
    assert_int_equal(theirs(p, GOT_SIZE), 4);
    assert_int_equal(ours(p, PLACE), word("b\0a\0"));
    assert_int_equal(ours(p, PLACE + 4), word("c\0k\0"));
    assert_int_equal(ours(p, OUT + 4), 4);
    set_theirs(p, PAIR, 1);
    set_theirs(p, PAIR + 4, BYTES);
    set_theirs(p, PAIR + 8, 2);
    assert_int_equal(cross(p, "call-outcome", BYTES, 8, OUT), BERTH_OK);
    assert_int_equal(theirs(p, PLACE), word("o\0v\0")); /* bytes are bytes */
    assert_int_equal(ours(p, PLACE), word("b\0a\0"));
    assert_int_equal(ours(p, OUT + 8), 2);
    assert_int_equal(cross(p, "call-take", BYTES, 4, OUT), BERTH_OK);
    assert_int_equal(theirs(p, PLACE), word("over"));
}

static void a_callee_runs_as_itself(void **state)
{
    static const char *const names[] = { "call-text", "call-outcome", "call-take" };
    pair *p = *state;
    const berthi_cm_task *root = p->instance->task;

    returns(p, "\0\0\0\0", 0, 0);
    set_theirs(p, PAIR + 8, 0);
    for (uint32_t n = 0; n < 3; n++) {
        p->pinged = UINT32_MAX;
        assert_int_equal(cross(p, names[n], BYTES, 0, OUT), BERTH_OK);
        assert_int_equal(p->pings, n + 1);
        assert_int_not_equal(p->pinged, UINT32_MAX);
        assert_int_not_equal(p->pinged, p->instance->root.instance);
        assert_ptr_equal(p->instance->task, root);
    }
}

static void what_returns_nothing_writes_nothing(void **state)
{
    pair *p = *state;

    set_ours(p, BYTES, word("over"));
    set_ours(p, OUT, 7);
    set_theirs(p, RETURNS, 13); /* no pointer to anything */
    assert_int_equal(cross(p, "call-take", BYTES, 3, OUT), BERTH_OK);
    assert_int_equal(theirs(p, PLACE) & 0xffffff, word("over") & 0xffffff);
    assert_int_equal(theirs(p, PLACE) >> 24, 0);
    assert_int_equal(ours(p, OUT), 7);
    assert_int_equal(ours(p, REALLOCS), 0);
    assert_int_equal(theirs(p, POSTS), 0);
}

static void nothing_at_all_is_room_asked_for_and_a_place(void **state)
{
    pair *p = *state;

    returns(p, "back", PAGE, 0);
    assert_int_equal(cross(p, "call-text", PAGE, 0, OUT), BERTH_OK);
    assert_int_equal(theirs(p, GOT), PLACE);
    assert_int_equal(theirs(p, GOT_SIZE), 0);
    assert_int_equal(theirs(p, REALLOCS), 1);
    assert_int_equal(ours(p, REALLOCS), 1);
    assert_int_equal(ours(p, OUT), PLACE);
    assert_int_equal(ours(p, OUT + 4), 0);
    traps(p, "call-text", PAGE + 1, 0, OUT, "out of bounds of memory");
    returns(p, "back", PAGE + 1, 0);
    traps(p, "call-text", BYTES, 0, OUT, "out of bounds of memory");
    returns(p, "back", BYTES, 0);
    set_theirs(p, ROOM, PAGE + 1);
    traps(p, "call-text", BYTES, 0, OUT, "realloc return: beyond end of memory");
}

static void room_that_grew_out_of_realloc_is_seen(void **state)
{
    pair *p = *state;

    set_ours(p, BYTES, word("over"));
    returns(p, "back", BYTES, 4);
    set_theirs(p, GROWS, 1);
    set_theirs(p, ROOM, 2 * PAGE - 4);
    set_ours(p, GROWS, 1);
    set_ours(p, ROOM, 2 * PAGE - 4);
    assert_int_equal(cross(p, "call-text", BYTES, 4, OUT), BERTH_OK);
    assert_int_equal(theirs(p, 2 * PAGE - 4), word("over"));
    assert_int_equal(ours(p, 2 * PAGE - 4), word("back"));
    assert_int_equal(ours(p, OUT), 2 * PAGE - 4);
}

/* ---------------------------------------------------------------- lies */

static void what_a_caller_gives_wrong_traps(void **state)
{
    pair *p = *state;

    traps(p, "call-text", PAGE - 3, 4, OUT, "string pointer/length out of bounds of memory");
    traps(p, "call-text", BYTES, PAGE, OUT, "string pointer/length out of bounds of memory");
    traps(p, "call-text", 1, UINT32_MAX, OUT, "string pointer/length out of bounds of memory");
    traps(p, "call-text", UINT32_MAX, 2, OUT, "string pointer/length out of bounds of memory");
    traps(p, "call-text", 0, 1u << 28, OUT, "out of bounds of memory");
    traps(p, "call-outcome", PAGE - 3, 4, OUT, "list content out-of-bounds");
    traps(p, "call-outcome", UINT32_MAX, 2, OUT, "list content out-of-bounds");
    traps(p, "call-take", PAGE, 1, OUT, "string pointer/length out of bounds of memory");
    set_ours(p, BYTES, word("ab\xc0\x80"));
    traps(p, "call-text", BYTES, 4, OUT, "invalid utf-8");
    set_ours(p, BYTES, word("abc\xc3"));
    traps(p, "call-take", BYTES, 4, OUT, "incomplete utf-8 byte sequence");
}

static void where_a_caller_wants_results_is_checked(void **state)
{
    static const struct {
        const char *name;
        uint32_t out;
        const char *text;
    } lies[] = {
        { "call-text", OUT + 1, "unaligned pointer" },
        { "call-text", OUT + 2, "unaligned pointer" },
        { "call-text", PAGE - 4, "pointer out of bounds of memory" },
        { "call-text", PAGE, "pointer out of bounds of memory" },
        { "call-text", UINT32_MAX - 3, "pointer out of bounds of memory" },
        { "call-outcome", OUT + 2, "unaligned pointer" },
        { "call-outcome", PAGE - 8, "pointer out of bounds of memory" },
    };
    pair *p = *state;

    for (size_t n = 0; n < sizeof lies / sizeof *lies; n++) {
        returns(p, "\0\0\0\0", 0, 0);
        set_theirs(p, PAIR + 8, 0);
        traps(p, lies[n].name, BYTES, 0, lies[n].out, lies[n].text);
    }
    returns(p, "back", BYTES, 4);
    assert_int_equal(cross(p, "call-text", BYTES, 0, PAGE - 8), BERTH_OK);
    assert_int_equal(ours(p, PAGE - 8), PLACE);
    assert_int_equal(ours(p, PAGE - 4), 4);
    set_theirs(p, GROWS, 1); /* which gives the caller no room */
    traps(p, "call-text", BYTES, 0, PAGE, "pointer out of bounds of memory");
}

static void what_a_callee_returns_wrong_traps(void **state)
{
    static const struct {
        uint32_t at, ptr, size;
        const char *bytes, *text;
    } lies[] = {
        { PAIR + 1, BYTES, 4, "back", "unaligned pointer" },
        { PAIR + 2, BYTES, 4, "back", "unaligned pointer" },
        { PAGE - 4, BYTES, 4, "back", "pointer out of bounds of memory" },
        { PAGE, BYTES, 4, "back", "pointer out of bounds of memory" },
        { UINT32_MAX - 3, BYTES, 4, "back", "pointer out of bounds of memory" },
        { PAIR, PAGE - 3, 4, "back", "string pointer/length out of bounds of memory" },
        { PAIR, UINT32_MAX, 2, "back", "string pointer/length out of bounds of memory" },
        { PAIR, 2, UINT32_MAX, "back", "string pointer/length out of bounds of memory" },
        { PAIR, BYTES, 4, "\xed\xa0\x80\x20", "invalid utf-8" },
        { PAIR, BYTES, 4, "abc\xe2", "incomplete utf-8 byte sequence" },
    };
    pair *p = *state;

    for (size_t n = 0; n < sizeof lies / sizeof *lies; n++) {
        returns(p, lies[n].bytes, lies[n].ptr, lies[n].size);
        set_theirs(p, RETURNS, lies[n].at);
        traps(p, "call-text", BYTES, 0, OUT, lies[n].text);
    }
    set_theirs(p, RETURNS, PAIR);
    set_theirs(p, PAIR, 2);
    traps(p, "call-outcome", BYTES, 0, OUT, "invalid variant discriminant");
    set_theirs(p, RETURNS, PAGE - 8);
    traps(p, "call-outcome", BYTES, 0, OUT, "pointer out of bounds of memory");
    set_theirs(p, RETURNS, PAIR);
    set_theirs(p, PAIR, 1); /* an error is text */
    set_theirs(p, PAIR + 4, BYTES);
    set_theirs(p, PAIR + 8, 1);
    set_theirs(p, BYTES, 0xff);
    traps(p, "call-outcome", BYTES, 0, OUT, "invalid utf-8");
}

static void an_allocator_of_either_that_lies_traps(void **state)
{
    static const uint32_t rooms[] = { PAGE - 3, PAGE, UINT32_MAX };
    pair *p = *state;

    for (size_t n = 0; n < sizeof rooms / sizeof *rooms; n++) {
        set_theirs(p, ROOM, rooms[n]);
        traps(p, "call-take", BYTES, 4, OUT, "realloc return: beyond end of memory");
        returns(p, "back", BYTES, 4);
        set_ours(p, ROOM, rooms[n]);
        traps(p, "call-text", BYTES, 0, OUT, "realloc return: beyond end of memory");
    }
}

/* ---------------------------------------------------------------- rules */

static void a_caller_may_not_leave_while_it_makes_room(void **state)
{
    pair *p = *state;

    returns(p, "back", BYTES, 4);
    set_ours(p, LEAVES, 1);
    traps(p, "call-text", BYTES, 4, OUT, "cannot leave component instance");
    returns(p, "back", BYTES, 4); /* and may again afterwards */
    for (int n = 0; n < 2; n++)
        assert_int_equal(cross(p, "call-text", BYTES, 4, OUT), BERTH_OK);
}

static void bytes_of_both_ways_are_charged(void **state)
{
    pair *p = *state;

    p->limits.copy_bytes_max = 108;
    restart(p);
    returns(p, "back", BYTES, 50);
    assert_int_equal(cross(p, "call-text", BYTES, 50, OUT), BERTH_OK);
    assert_int_equal(cross(p, "call-text", BYTES, 50, OUT), BERTH_OK); /* of each call */
    assert_int_equal(cross(p, "call-text", BYTES, 60, OUT), BERTH_E_LIMIT);
    assert_non_null(strstr(p->diag.text, "more bytes out of guests"));
    restart(p);
    assert_int_equal(cross(p, "call-take", BYTES, 109, OUT), BERTH_E_LIMIT);
}

static void calls_may_go_only_so_deep(void **state)
{
    pair *p = *state;

    p->limits.depth_max = 1;
    restart(p);
    returns(p, "back", BYTES, 4);
    assert_int_equal(cross(p, "take-twice", BYTES, 4, OUT), BERTH_OK); /* one after the other */
    p->instance->depth_max = 0;
    assert_int_equal(cross(p, "call-text", BYTES, 4, OUT), BERTH_E_LIMIT);
    assert_non_null(strstr(p->diag.text, "call stack exhausted"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
#define pair_test(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
        pair_test(texts_go_over_and_back),
        pair_test(either_case_of_an_outcome_comes_back),
        cmocka_unit_test_setup_teardown(texts_are_encoded_as_each_side_has_them, setup_wide,
                                        teardown),
        pair_test(a_callee_runs_as_itself),
        pair_test(what_returns_nothing_writes_nothing),
        pair_test(nothing_at_all_is_room_asked_for_and_a_place),
        pair_test(room_that_grew_out_of_realloc_is_seen),
        pair_test(what_a_caller_gives_wrong_traps),
        pair_test(where_a_caller_wants_results_is_checked),
        pair_test(what_a_callee_returns_wrong_traps),
        pair_test(an_allocator_of_either_that_lies_traps),
        pair_test(a_caller_may_not_leave_while_it_makes_room),
        pair_test(bytes_of_both_ways_are_charged),
        pair_test(calls_may_go_only_so_deep),
    };

    return rig_run("crossing", tests, sizeof tests / sizeof *tests);
}
