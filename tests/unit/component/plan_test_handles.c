/* plan_test_handles.c - own and borrow: what happens in which table.
 *
 * Resource 0 is defined by component instance 1, resource 1 by the host.  What the host's side does is a
 * plain sum, so that each handle tells where it came from. */
#include "plan_test.h"

enum { GUEST = 1, OTHER = 2, HELD = 1000, OF_RESOURCE = 100, BORROWED = 10000 };

static const berthi_cm_resource_use resources[] = { { .instance = GUEST },
                                                    { .instance = BERTHI_CM_NO_INDEX } };

typedef struct side {
    berthi_cm_handles handles;
    berthi_cm_task task;
    berthi_cm_lends lends;
} side;

typedef struct handles_rig {
    plan_rig *r;
    side guest, other;
} handles_rig;

static bool to_host(void *ctx, uint32_t resource, uint32_t rep, bool is_borrow,
                    uint64_t *handle_out, berth_diag *diag)
{
    (void)ctx;
    (void)diag;
    *handle_out = HELD + OF_RESOURCE * resource + (is_borrow ? BORROWED : 0) + rep;
    return true;
}

static bool to_guest(void *ctx, uint32_t resource, uint64_t handle, bool is_borrow,
                     uint32_t *rep_out, berth_diag *diag)
{
    uint64_t base = HELD + OF_RESOURCE * resource + (is_borrow ? BORROWED : 0);

    (void)ctx;
    if (handle < base) {
        (void)berthi_fail(diag, BERTH_E_INVALID, "no such handle");
        return false;
    }
    *rep_out = (uint32_t)(handle - base);
    return true;
}

static void open_side(plan_rig *r, side *s, fake_guest *guest, uint32_t instance)
{
    berthi_cm_handles_init(&s->handles, &r->allocator, 0);
    berthi_cm_lends_init(&s->lends, &s->handles);
    s->task = (berthi_cm_task){ .instance = instance };
    guest->guest.instance = instance;
    guest->guest.resources = resources;
    guest->guest.handles = &s->handles;
    guest->guest.task = &s->task;
    guest->guest.lends = &s->lends;
}

static void close_side(side *s)
{
    berthi_cm_lends_return(&s->lends);
    berthi_cm_handles_fini(&s->handles);
}

/* As elaboration numbers them. */
static void number_resources(const berthi_cm_type *type, uint32_t number)
{
    if (berthi_cm_is_resource(type))
        ((berthi_cm_type *)(uintptr_t)type)->number = number;
    else
        number_resources(type->items[0].type, number);
}

/* A function whose parameters are of the resources 0 and 1 in turn. */
static void open_rig(plan_rig *r, handles_rig *h, const char *func)
{
    r->func = bertht_cm_type(&r->t, func);
    assert_non_null(r->func);
    for (uint32_t i = 0; i + 1 < r->func->count; i++)
        number_resources(r->func->items[i].type, i % 2);
    assert_int_equal(berthi_cm_plan_make(r->func, false, &r->t.arena, &r->plan, &r->diag),
                     BERTH_OK);
    assert_int_equal(berthi_cm_plan_make_transfer(r->func, false, false, &r->t.arena,
                                                  &r->transfer, &r->diag),
                     BERTH_OK);
    r->facts = berthi_cm_plan_facts_of(r->plan);
    assert_true(r->facts->has_handles);
    plan_fresh(r, BERTHI_CM_UTF8);
    r->host.to_host = to_host;
    r->host.to_guest = to_guest;
    h->r = r;
    open_side(r, &h->guest, &r->guest, GUEST);
    open_side(r, &h->other, &r->other, OTHER);
}

static void close_rig(handles_rig *h)
{
    close_side(&h->guest);
    close_side(&h->other);
}

void handles_go_in_and_out(void **state)
{
    static const uint64_t args[] = { HELD + 7, HELD + OF_RESOURCE + 8, BORROWED + HELD + 9,
                                     BORROWED + HELD + OF_RESOURCE + 10 };
    plan_rig *r = *state;
    uint64_t back[4] = { 0 };
    handles_rig h;
    uint32_t rep;

    open_rig(r, &h, "func(a: own, b: own, c: borrow, d: borrow)");
    assert_int_equal(
        berthi_cm_lower_params(r->plan, &r->host, args, &r->guest.guest, r->cells, &r->diag),
        BERTH_OK);
    /* the guest defines resource 0: a borrow of it is its representation */
    assert_string_equal(plan_cells_text(r->cells, 4), "1 2 9 3");
    assert_int_equal(h.guest.task.borrows, 1);
    assert_true(berthi_cm_handle_rep(&h.guest.handles, 1, 3, &rep, NULL));
    assert_int_equal(rep, 10);
    /* and out again, from handles of its own: 1 and 2 go, 4 and 3 are lent */
    assert_true(berthi_cm_handle_add_own(&h.guest.handles, 0, 11, &rep, NULL));
    assert_int_equal(rep, 4);
    r->cells[2].words[0] = 4;
    assert_int_equal(
        berthi_cm_lift_params(r->plan, &r->guest.guest, r->cells, &r->host, back, &r->diag),
        BERTH_OK);
    assert_true(back[0] == args[0] && back[1] == args[1] && back[3] == args[3]);
    assert_true(back[2] == BORROWED + HELD + 11);
    assert_false(berthi_cm_handle_rep(&h.guest.handles, 0, 1, &rep, NULL));
    assert_false(berthi_cm_handle_rep(&h.guest.handles, 1, 2, &rep, NULL));
    assert_int_equal(h.guest.lends.count, 2);
    close_rig(&h);
}

void handles_go_from_guest_to_guest(void **state)
{
    plan_rig *r = *state;
    handles_rig h;
    uint32_t rep, index;

    open_rig(r, &h, "func(a: own, b: own, c: borrow, d: borrow)");
    for (uint32_t i = 0; i < 4; i++) {
        assert_true(berthi_cm_handle_add_own(&h.other.handles, i % 2, 20 + i, &index, NULL));
        r->other_cells[i].words[0] = 0xffffffff00000000u | index; /* of 32 bits */
    }
    assert_int_equal(berthi_cm_transfer_params(r->transfer, &r->other.guest, r->other_cells,
                                               &r->guest.guest, r->cells, &r->diag),
                     BERTH_OK);
    /* the guest that gets them defines resource 0 */
    assert_string_equal(plan_cells_text(r->cells, 4), "1 2 16 3");
    for (uint32_t i = 0; i < 2; i++) {
        assert_false(berthi_cm_handle_rep(&h.other.handles, i, i + 1, &rep, NULL));
        assert_true(berthi_cm_handle_rep(&h.guest.handles, i, i + 1, &rep, NULL));
        assert_int_equal(rep, 20 + i);
    }
    assert_int_equal(h.other.lends.count, 2);
    assert_int_equal(h.guest.task.borrows, 1);
    assert_int_equal(h.other.task.borrows, 0);
    close_rig(&h);
}

static const struct {
    const char *func;
    uint64_t cells[4];
    const char *why;
} wrong[] = {
    { "func(a: own)", { 9, 0 }, "unknown handle index 9" },
    { "func(a: own)", { 2, 0 }, "handle index 2 used with the wrong type" },
    { "func(a: borrow)", { 0, 0 }, "unknown handle index 0" },
    { "func(a: borrow)", { 2, 0 }, "handle index 2 used with the wrong type" },
    { "func(a: borrow, b: option<own>, c: own)",
      { 1, 0, 0, 1 },
      "cannot remove owned resource while borrowed" },
};

void handles_that_fail_end_the_call(void **state)
{
    plan_rig *r = *state;

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        for (int way = 0; way < 2; way++) {
            uint64_t back[4];
            handles_rig h;
            uint32_t index;

            open_rig(r, &h, wrong[i].func);
            assert_true(berthi_cm_handle_add_own(&h.guest.handles, 0, 5, &index, NULL));
            assert_true(berthi_cm_handle_add_own(&h.guest.handles, 1, 6, &index, NULL));
            for (uint32_t k = 0; k < 4; k++)
                r->cells[k].words[0] = wrong[i].cells[k];
            r->diag = (berth_diag){ .text = "" };
            assert_int_equal(
                way == 0 ? berthi_cm_lift_params(r->plan, &r->guest.guest, r->cells, &r->host,
                                                 back, &r->diag)
                         : berthi_cm_transfer_params(r->transfer, &r->guest.guest, r->cells,
                                                     &r->other.guest, r->other_cells, &r->diag),
                BERTH_E_TRAP);
            plan_expect(wrong[i].func, r->diag.text, wrong[i].why);
            /* whoever asks for no reason gets the same answer */
            assert_int_equal(
                berthi_cm_lift_params(r->plan, &r->guest.guest, r->cells, &r->host, back, NULL),
                BERTH_E_TRAP);
            close_rig(&h);
        }
    }
}

void handles_that_the_host_does_not_hold_are_its_fault(void **state)
{
    static const uint64_t args[] = { 3 };
    plan_rig *r = *state;
    handles_rig h;

    open_rig(r, &h, "func(a: own)");
    assert_int_equal(
        berthi_cm_lower_params(r->plan, &r->host, args, &r->guest.guest, r->cells, &r->diag),
        BERTH_E_INVALID);
    assert_string_equal(r->diag.text, "no such handle");
    assert_int_equal(
        berthi_cm_lower_params(r->plan, &r->host, args, &r->guest.guest, r->cells, NULL),
        BERTH_E_INVALID);
    close_rig(&h);
}
