/* flow_run.c - `berth flow run`.  Layer: cli.
 *
 * The first signal drains the flow, the second cancels it, the third ends the program.  The view on a terminal and the
 * summary are made of the same numbers that `berth flow ps` gets. */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "control.h"
#include "flow.h"

#define LOOK_NS     ((uint64_t)50 * 1000000u)  /* signals are looked at so often, */
#define VIEW_NS     ((uint64_t)500 * 1000000u) /* and the view is drawn */
#define SIGNALS_MAX 3

/* A program has one set of signal handlers, so these are variables of the program. */
static _Atomic(int) signal_number, signal_count;
_Static_assert(ATOMIC_INT_LOCK_FREE == 2, "a signal handler may use them");

static void on_signal(int number)
{
    signal_number = number;
    signal_count++;
}

static void catch_signals(void)
{
    static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART }, old;

    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (sigaction(numbers[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
            sigaction(numbers[i], &action, NULL); /* ignored by the parent: stays ignored */
}

json_t *flow_numbers(const flow_job *job)
{
    berth_arena *arena;
    const char *text;
    json_t *numbers = NULL;

    if (berth_arena_create(NULL, 0, &arena, NULL) != BERTH_OK)
        return NULL;
    if (berth_loaded_flow_report(job->loaded, BERTH_FLOW_REPORT_JSON, arena, &text) == BERTH_OK)
        numbers = json_loads(text, 0, NULL);
    berth_arena_destroy(arena);
    return numbers;
}

/* ---------------------------------------------------------------- the view */

typedef struct view {
    bool shows;
    json_t *before; /* the numbers that were drawn last */
    uint64_t drawn_ns;
} view;

static void draw(view *v, const flow_job *job, uint64_t now_ns)
{
    struct winsize size = { 0 };
    json_t *now;
    char *text;

    if (!v->shows || (v->before != NULL && now_ns - v->drawn_ns < VIEW_NS))
        return;
    now = flow_numbers(job);
    if (now == NULL)
        return;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        size = (struct winsize){ .ws_col = 80, .ws_row = 24 };
    text = flow_table(now, v->before, size.ws_col, size.ws_row > 1 ? size.ws_row - 1u : 1);
    cli_progress_line(text);
    cli_free(text);
    json_decref(v->before);
    v->before = now;
    v->drawn_ns = now_ns;
}

/* A sink that writes to the same terminal would write into the view. */
static bool writes_to_terminal(const flow_job *job)
{
    berth_arena *arena;
    const char *text;
    bool does = false;

    if (isatty(STDOUT_FILENO) != 1 || berth_arena_create(NULL, 0, &arena, NULL) != BERTH_OK)
        return false;
    if (berth_flow_file_json(job->file, arena, &text) == BERTH_OK)
        does = strstr(text, "\"end\": \"stdout\"") != NULL;
    berth_arena_destroy(arena);
    return does;
}

/* ---------------------------------------------------------------- running */

static berth_status supervise(const flow_job *job, control *server, view *v, berth_diag *diag)
{
    berth_flow *flow = berth_loaded_flow_flow(job->loaded);
    uint64_t drain_ns = job->options->drain_ns != 0 ? job->options->drain_ns
                                                    : berth_flow_file_drain_ns(job->file);
    int seen = 0;
    berth_status status;

    for (;;) {
        draw(v, job, cli_now_ns());
        status = berth_flow_wait(flow, LOOK_NS, diag);
        if (status != BERTH_E_BUSY)
            return status;
        if (signal_count >= SIGNALS_MAX) {
            control_remove(server);
            _exit(128 + signal_number);
        }
        if (signal_count > seen && seen == 0)
            berth_flow_drain(flow, drain_ns);
        if (signal_count > 1 && seen < 2)
            berth_flow_cancel(flow);
        seen = signal_count;
    }
}

int flow_summary_write(const flow_job *job, const json_t *numbers)
{
    char *text = json_dumps(numbers, JSON_INDENT(2));
    size_t size = text == NULL ? 0 : strlen(text);
    int code;

    if (text == NULL)
        return cli_fail(CLI_FAILED, "memory", "free some", "there is none left");
    text[size] = '\n'; /* in the place of the terminator */
    code = cli_file_write(job->options->summary, "--summary", text, size + 1);
    cli_free(text);
    return code;
}

static int print_summary(const flow_job *job, const char *why)
{
    json_t *numbers = flow_numbers(job);
    int code = CLI_OK;
    char *text;

    if (numbers == NULL)
        return cli_fail(CLI_FAILED, "memory", "free some", "there is none left");
    json_object_set_new(numbers, "ended", json_string(why));
    if (job->options->summary != NULL)
        code = flow_summary_write(job, numbers);
    if (job->options->json) {
        (void)json_dumpf(numbers, stdout, JSON_INDENT(2));
        putchar('\n');
    } else if (!job->options->quiet) {
        text = flow_table(numbers, NULL, 0, 0);
        fprintf(stderr, "%s\n", text);
        cli_free(text);
    }
    json_decref(numbers);
    return cli_stdout_end(code);
}

static int conclude(const flow_job *job, berth_status status, const berth_diag *diag)
{
    bool is_signalled = signal_count > 0;
    const char *why = status == BERTH_OK           ? is_signalled ? "drained" : "completed"
                      : status == BERTH_E_CLOSED   ? "cancelled"
                      : status == BERTH_E_DEADLINE ? "out of time"
                                                   : "failed";
    int code = print_summary(job, why);

    if (status != BERTH_OK && !(status == BERTH_E_CLOSED && is_signalled))
        return cli_fail_diag(CLI_FAILED, job->options->operands[1],
                             status == BERTH_E_CLOSED || status == BERTH_E_DEADLINE
                                 ? "what was in it is discarded, and counted"
                                 : "look at the stage, or give it another `on-error`",
                             status, diag);
    return code == CLI_OK && is_signalled ? 128 + signal_number : code;
}

static int run_loaded(flow_job *job)
{
    const control_handler handler = { job, flow_request_is_slow, flow_answer };
    view v = { .shows = isatty(STDERR_FILENO) == 1 && !job->options->quiet &&
                        !writes_to_terminal(job) };
    control *server = NULL;
    berth_diag diag = { 0 };
    berth_status status;
    int code = CLI_OK;

    if (job->options->control != NULL)
        code = control_open(job->options->control, &handler, &server);
    if (code != CLI_OK)
        return code;
    catch_signals();
    status = berth_flow_start(berth_loaded_flow_flow(job->loaded), &diag);
    if (status == BERTH_OK && server != NULL && control_start(server) != CLI_OK) {
        berth_flow_cancel(berth_loaded_flow_flow(job->loaded));
        code = CLI_FAILED;
    }
    if (status != BERTH_OK) {
        code = cli_fail_diag(CLI_FAILED, job->options->operands[1], NULL, status, &diag);
    } else {
        status = supervise(job, server, &v, &diag);
        if (v.shows)
            cli_progress_line(NULL);
    }
    control_close(server);
    json_decref(v.before);
    return code == CLI_OK ? conclude(job, status, &diag) : code;
}

int flow_run(const cli_options *options)
{
    flow_findings findings = { NULL, 0, 0 };
    flow_job job = { .options = options };
    int code = CLI_OK;

    (void)signal(SIGPIPE, SIG_IGN);
    if (options->summary != NULL)
        code = cli_file_check(options->summary, "--summary");
    if (code == CLI_OK)
        code = flow_read(options, options->operands[1], &findings, &job.file);
    if (code == CLI_OK)
        code = flow_load(&job, &findings);
    if (code == CLI_OK)
        code = run_loaded(&job);
    flow_unload(&job);
    return code;
}
