/* report.c - what native plugins say, and what is said of them, on stderr.  Layer: cli.
 *
 * Reporters are called on any thread.  A plugin may talk without end: of its own lines at most
 * LINES_MAX in a second are printed, and how many were not is said.  What berth says of plugins is
 * always printed. */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include <berth/plugin.h>

#include "cli.h"

enum { LINES_MAX = 100 };

#define SECOND_NS ((uint64_t)1000000000)

static pthread_mutex_t flood_mutex = PTHREAD_MUTEX_INITIALIZER;
static uint64_t second_ns, lines, left_out; /* guarded by flood_mutex */

static _Atomic(int32_t) level_max;

static void tell_left_out(uint64_t count)
{
    if (count != 0)
        cli_note("plugins said %" PRIu64 " more lines, which were left out; %d are printed in "
                 "a second",
                 count, LINES_MAX);
}

/* Whether one more line is printed now; what was left out before is to be told first. */
static bool may_print(uint64_t *left_out_before)
{
    uint64_t now = cli_now_ns();
    bool may;

    pthread_mutex_lock(&flood_mutex);
    *left_out_before = 0;
    if (lines == 0 || now - second_ns >= SECOND_NS) {
        *left_out_before = left_out;
        second_ns = now;
        lines = left_out = 0;
    }
    may = lines < LINES_MAX;
    if (may)
        lines++;
    else
        left_out++;
    pthread_mutex_unlock(&flood_mutex);
    return may;
}

static const char *const level_names[] = { [BERTH_LOG_ERROR] = "error",
                                           [BERTH_LOG_WARNING] = "warning",
                                           [BERTH_LOG_INFO] = "info",
                                           [BERTH_LOG_DEBUG] = "debug" };

static void print_log(const berth_report *report)
{
    bool is_known = report->level >= BERTH_LOG_ERROR && report->level <= BERTH_LOG_DEBUG;
    int32_t level = is_known ? report->level : BERTH_LOG_INFO;
    char version[48] = "";
    uint64_t before;

    if (level > atomic_load_explicit(&level_max, memory_order_relaxed) || !may_print(&before))
        return;
    tell_left_out(before);
    if (report->version != 0)
        snprintf(version, sizeof version, ", version %" PRIu64, report->version);
    cli_note("plugin '%s'%s, %s: %s", report->plugin, version, level_names[level],
             report->text);
}

static void on_report(void *ctx, const berth_report *report)
{
    (void)ctx;
    if (report->kind == BERTH_REPORT_LOG)
        print_log(report);
    else
        cli_note_lines(report->text);
}

void cli_report_begin(const cli_options *options, berth_runtime_options *runtime)
{
    int32_t most = options->quiet ? BERTH_LOG_ERROR : BERTH_LOG_INFO;

    if (options->log != 0)
        most = (int32_t)options->log;
    atomic_store_explicit(&level_max, most, memory_order_relaxed);
    runtime->reporter = on_report;
    runtime->flags |= BERTH_RUNTIME_BACKTRACES;
}

void cli_report_end(void)
{
    uint64_t count;

    pthread_mutex_lock(&flood_mutex);
    count = left_out;
    lines = left_out = 0;
    pthread_mutex_unlock(&flood_mutex);
    tell_left_out(count);
}
