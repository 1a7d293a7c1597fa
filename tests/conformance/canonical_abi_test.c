/* canonical_abi_test.c - plans do what the specification's executable definitions do.
 *
 * canonical_abi.py makes random types and values, changes some of them, and asks definitions.py what
 * becomes of them in another guest: cells, memory, and which calls of realloc in which order.  The
 * same is expected of a transfer, and of a lift into the host with a lower behind it.
 *
 * What it said of 2 500 cases is canonical_abi.tsv, read by every run.  Where there is a definitions.py
 * (design/mvp/canonical-abi/definitions.py of the component model's specification; its path is in
 * BERTH_CANONICAL_ABI, or it is canonical-abi/definitions.py in the component model's corpus beside the
 * source tree) it is asked about other cases, too.
 *
 * usage: conformance_canonical_abi [FIRST_SEED [COUNT]] */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cm_types.h"
#include "component/plan/plan.h"
#include "fake_guest.h"

enum { CASES = 1500, KEPT = 2500, LINE = 1 << 20, FIELDS = 15, CELLS = 17, START = 16 };

/* Fields of a line, in their order. */
enum {
    SEED,
    FUNC,
    FROM_ENCODING,
    TO_ENCODING,
    IS_64,
    TO_64,
    FROM_CELLS,
    FROM_MEMORY,
    OUTCOME,
    STRAIGHT,              /* three fields: cells, calls, memory */
    BY_HOST = STRAIGHT + 3 /* the same, or "=" where nothing differs */
};

typedef struct trial {
    char *fields[FIELDS];
    bertht_cm_types t;
    const berthi_cm_type *func;
    const berthi_cm_plan *plan, *to_plan, *transfer;
    berthi_cm_host_side host;
    fake_guest from, to;
    berthi_val from_cells[CELLS], to_cells[CELLS];
    berth_diag diag;
    bool is_result, spills;
    uint32_t cells;
} trial;

static char line[LINE], text[LINE];

static void wrong(const trial *t, const char *what, const char *is, const char *expected)
{
    fprintf(stderr, "seed %s, %s, %s:\n  is       %s\n  expected %s\n", t->fields[SEED],
            t->fields[FUNC], what, is, expected);
    exit(1);
}

static void open_guest(fake_guest *g, const char *encoding, bool is_64, const char *hex)
{
    size_t size = strlen(hex) / 2;

    fake_guest_init(g, (enum berthi_cm_encoding)(encoding[0] - '0'), START + size);
    g->guest.is_64 = is_64;
    g->next = START;
    for (size_t i = 0; i < size; i++, hex += 2) {
        const char digits[] = { hex[0], hex[1], '\0' };
        uint8_t byte = (uint8_t)strtoul(digits, NULL, 16);

        fake_guest_put(g, START + i, &byte, 1);
    }
}

static void read_cells(trial *t)
{
    char *at = t->fields[FROM_CELLS];

    for (uint32_t i = 0; *at != '\0'; i++)
        t->from_cells[i].words[0] = strtoull(at, &at, 16);
}

/* Room for a result, as a caller makes it. */
static void open_target(trial *t)
{
    const berthi_cm_type *result = berthi_cm_func_result(t->func);
    bool is_64 = t->fields[TO_64][0] == '1';
    uint64_t ptr;

    open_guest(&t->to, t->fields[TO_ENCODING], is_64, "");
    if (!t->is_result || !t->spills)
        return;
    if (t->to.guest.realloc(&t->to.guest, 0, 0, is_64 ? result->align_wide : result->align,
                            is_64 ? result->size_wide : result->size, &ptr, NULL) != BERTH_OK)
        abort();
    t->to.count = 0;
    t->to_cells[0].words[0] = ptr; /* the only argument, and what is compared */
}

static void compare_target(trial *t, int field, const char *what)
{
    size_t used = 0;

    for (uint32_t i = 0; i < t->cells; i++)
        used += (size_t)snprintf(text + used, LINE - used, i == 0 ? "%" PRIx64 : " %" PRIx64,
                                 t->to_cells[i].words[0]);
    text[used] = '\0';
    if (strcmp(text, t->fields[field]) != 0)
        wrong(t, what, text, t->fields[field]);
    used = 0;
    for (uint32_t i = 0; i < t->to.count && i < FAKE_CALLS_MAX; i++) {
        const fake_realloc *call = &t->to.calls[i];

        used += (size_t)snprintf(
            text + used, LINE - used, "%s%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64,
            i == 0 ? "" : " ", call->old_ptr, call->old_size, call->align, call->size);
    }
    text[used] = '\0';
    if (t->to.count <= FAKE_CALLS_MAX && strcmp(text, t->fields[field + 1]) != 0)
        wrong(t, what, text, t->fields[field + 1]);
    for (size_t i = used = 0; START + i < t->to.guest.memory.size; i++)
        used += (size_t)snprintf(text + used, LINE - used, "%02x",
                                 t->to.guest.memory.base[START + i]);
    text[used] = '\0';
    if (strcmp(text, t->fields[field + 2]) != 0)
        wrong(t, what, text, t->fields[field + 2]);
}

static berth_status transfer(trial *t)
{
    if (t->is_result)
        return berthi_cm_transfer_result(t->transfer, &t->from.guest, t->from_cells,
                                         &t->to.guest, t->to_cells, t->to_cells, &t->diag);
    return berthi_cm_transfer_params(t->transfer, &t->from.guest, t->from_cells, &t->to.guest,
                                     t->to_cells, &t->diag);
}

static berth_status lift(trial *t, void *value)
{
    if (t->is_result)
        return berthi_cm_lift_result(t->plan, &t->from.guest, t->from_cells, &t->host, value,
                                     &t->diag);
    return berthi_cm_lift_params(t->plan, &t->from.guest, t->from_cells, &t->host, value,
                                 &t->diag);
}

static berth_status lower(trial *t, const void *value)
{
    if (t->is_result)
        return berthi_cm_lower_result(t->to_plan, &t->host, value, &t->to.guest, t->to_cells,
                                      t->to_cells, &t->diag);
    return berthi_cm_lower_params(t->to_plan, &t->host, value, &t->to.guest, t->to_cells,
                                  &t->diag);
}

static void run_ways(trial *t)
{
    const berthi_cm_plan_facts *facts = berthi_cm_plan_facts_of(t->plan);
    bool is_trap = strcmp(t->fields[OUTCOME], "trap") == 0;
    berth_status expected = is_trap ? BERTH_E_TRAP : BERTH_OK;
    void *value;

    t->is_result = facts->args_size == 0;
    t->spills = t->is_result ? facts->result_spills : facts->params_spill;
    t->cells = t->is_result ? facts->result_cells : facts->params_cells;
    value = berth_arena_alloc(t->host.arena,
                              (t->is_result ? facts->result_size : facts->args_size) + 1);
    open_target(t);
    if (transfer(t) != expected)
        wrong(t, "a transfer", is_trap ? "no trap" : t->diag.text, t->fields[OUTCOME]);
    if (!is_trap)
        compare_target(t, STRAIGHT, "straight");
    fake_guest_fini(&t->to);
    for (int views = 0; views < 2; views++) {
        t->host.views = views == 1;
        if (lift(t, value) != expected)
            wrong(t, "a lift", is_trap ? "no trap" : t->diag.text, t->fields[OUTCOME]);
        if (is_trap)
            continue;
        open_target(t);
        if (lower(t, value) != BERTH_OK)
            wrong(t, "a lower", t->diag.text, "ok");
        compare_target(t, BY_HOST, "by way of the host");
        fake_guest_fini(&t->to);
    }
}

/* A result goes from the callee, which is `from`, to the caller. */
static bool make_plans(trial *t)
{
    bool from_64 = t->fields[IS_64][0] == '1', to_64 = t->fields[TO_64][0] == '1';
    bool is_result = t->func->count == 1;
    berthi_arena *arena = &t->t.arena;

    return berthi_cm_plan_make(t->func, from_64, arena, &t->plan, &t->diag) == BERTH_OK &&
           berthi_cm_plan_make(t->func, to_64, arena, &t->to_plan, &t->diag) == BERTH_OK &&
           berthi_cm_plan_make_transfer(t->func, is_result ? to_64 : from_64,
                                        is_result ? from_64 : to_64, arena, &t->transfer,
                                        &t->diag) == BERTH_OK;
}

static void run_line(trial *t)
{
    char *rest = line;

    for (int i = 0; i < FIELDS; i++)
        t->fields[i] = rest == NULL ? NULL : strsep(&rest, "\t\n");
    if (t->fields[BY_HOST] != NULL && strcmp(t->fields[BY_HOST], "=") == 0)
        memcpy(t->fields + BY_HOST, t->fields + STRAIGHT, 3 * sizeof *t->fields);
    t->func = bertht_cm_type(&t->t, t->fields[FUNC]);
    if (t->func == NULL || !make_plans(t))
        wrong(t, "a plan", t->func == NULL ? t->t.diag.text : t->diag.text, "ok");
    open_guest(&t->from, t->fields[FROM_ENCODING], t->fields[IS_64][0] == '1',
               t->fields[FROM_MEMORY]);
    read_cells(t);
    run_ways(t);
    fake_guest_fini(&t->from);
}

/* Whether every line holds, and there are as many as are wanted, some of which trap. */
static bool run_lines(FILE *lines, unsigned long wanted, const char *whose)
{
    unsigned long done = 0, traps = 0;
    static trial t;

    while (fgets(line, sizeof line, lines) != NULL) {
        if (strchr(line, '\n') == NULL)
            continue; /* longer than there is room for, and what is left of it */
        memset(&t, 0, sizeof t);
        bertht_cm_types_init(&t.t, &berthi_allocator_libc);
        if (berth_arena_create(NULL, 0, &t.host.arena, NULL) != BERTH_OK)
            return false;
        run_line(&t);
        traps += strcmp(t.fields[OUTCOME], "trap") == 0;
        done++;
        berth_arena_destroy(t.host.arena);
        bertht_cm_types_fini(&t.t);
    }
    printf("%lu cases %s, %lu of them trap\n", done, whose, traps);
    return done >= wanted - wanted / 100 && traps > wanted / 10 && traps < wanted / 2;
}

static bool run_kept(void)
{
    FILE *lines = fopen(BERTH_TEST_SOURCE_DIR "/tests/conformance/canonical_abi.tsv", "r");
    bool is_right;

    if (lines == NULL)
        return false;
    is_right = run_lines(lines, KEPT, "that are kept");
    fclose(lines);
    return is_right;
}

/* The script's lines; it stops when nobody reads any more. */
static bool run_made(const char *definitions, const char *seed, const char *count)
{
    const char *python = getenv("BERTH_PYTHON");
    char script[] = BERTH_TEST_SOURCE_DIR "/tests/conformance/canonical_abi.py";
    char command[8192];
    FILE *lines;
    bool is_right;

    snprintf(command, sizeof command, "'%s' -B '%s' '%s' '%s' '%s'",
             python == NULL ? "python3" : python, script, definitions, seed, count);
    lines = popen(command, "r");
    if (lines == NULL)
        return false;
    is_right = run_lines(lines, strtoul(count, NULL, 10), "made now");
    return pclose(lines) == 0 && is_right;
}

int main(int argc, char **argv)
{
    const char *definitions = getenv("BERTH_CANONICAL_ABI");
    char seed[32], count[32];

    snprintf(seed, sizeof seed, "%lu", argc > 1 ? strtoul(argv[1], NULL, 10) : KEPT * 2ul);
    snprintf(count, sizeof count, "%lu", argc > 2 ? strtoul(argv[2], NULL, 10) : CASES);
    if (definitions == NULL)
        definitions = BERTH_TEST_SOURCE_DIR
            "/../shared/corpus/component-model/canonical-abi/definitions.py";
    if (!run_kept())
        return 1;
    if (access(definitions, R_OK) != 0) {
        printf("no new cases: there is no %s; BERTH_CANONICAL_ABI names another\n",
               definitions);
        return 0;
    }
    return run_made(definitions, seed, count) ? 0 : 1;
}
