/* flow_serve.c - what the control socket of a running flow is asked for.  Layer: cli.
 *
 * ps, metrics, swap STAGE PATH, rollback STAGE, cancel STAGE, drain, cancel: a line each, answered by a line of JSON. */
#include <string.h>

#include "flow.h"

enum { STAGE_ROOM = BERTH_NAME_SIZE_MAX + 1 };

static json_t *failure(berth_status status, const berth_diag *diag)
{
    json_t *o = json_object();
    char word[64];
    bool is_refused = status == BERTH_E_REJECTED || status == BERTH_E_TRAP ||
                      status == BERTH_E_DEADLINE || status == BERTH_E_ABI ||
                      status == BERTH_E_LIMIT || status == BERTH_E_VERSION;

    cli_failure_word(word, sizeof word, status, (berth_reason)diag->reason);
    json_object_set_new(o, "status", json_string(berth_status_name(status)));
    json_object_set_new(o, "word", json_string(word));
    json_object_set_new(o, "text", json_string(diag->text));
    json_object_set_new(o, "advice",
                        json_string(cli_failure_advice(status, (berth_reason)diag->reason)));
    json_object_set_new(o, "refused", json_boolean(is_refused));
    return o;
}

static json_t *refuse(const char *text)
{
    berth_diag diag = { 0 };

    snprintf(diag.text, sizeof diag.text, "%s", text);
    return failure(BERTH_E_INVALID, &diag);
}

static json_t *metrics(const flow_job *job)
{
    berth_arena *arena;
    const char *text;
    json_t *o = NULL;

    if (berth_arena_create(NULL, 0, &arena, NULL) != BERTH_OK)
        return NULL;
    if (berth_loaded_flow_report(job->loaded, BERTH_FLOW_REPORT_PROMETHEUS, arena, &text) ==
        BERTH_OK) {
        o = json_object();
        json_object_set_new(o, "text", json_string(text));
    }
    berth_arena_destroy(arena);
    return o;
}

/* "STAGE PATH", or "STAGE" for a rollback. */
static json_t *change(const flow_job *job, const char *what, bool is_swap)
{
    const char *path = is_swap ? strstr(what, " /") : what + strlen(what);
    char stage[STAGE_ROOM];
    berth_diag diag = { 0 };
    berth_status status;
    uint64_t version = 0;
    json_t *o;

    if (path == NULL || path == what || (size_t)(path - what) >= sizeof stage)
        return refuse(is_swap ? "swap needs a stage and an absolute path"
                              : "rollback needs a stage");
    snprintf(stage, sizeof stage, "%.*s", (int)(path - what), what);
    status = is_swap ? berth_loaded_flow_swap(job->loaded, stage, path + 1, &version, &diag)
                     : berth_loaded_flow_roll_back(job->loaded, stage, &version, &diag);
    if (status != BERTH_OK)
        return failure(status, &diag);
    o = json_object();
    json_object_set_new(o, "stage", json_string(stage));
    json_object_set_new(o, "version", json_integer((json_int_t)version));
    return o;
}

static json_t *cancel_branch(const flow_job *job, const char *stage)
{
    berth_diag diag = { 0 };
    berth_status status = berth_loaded_flow_cancel_branch(job->loaded, stage, &diag);
    json_t *o;

    if (status != BERTH_OK)
        return failure(status, &diag);
    o = json_object();
    json_object_set_new(o, "stage", json_string(stage));
    return o;
}

bool flow_request_is_slow(const char *request)
{
    return strncmp(request, "swap ", 5) == 0;
}

char *flow_answer(void *context, const char *request)
{
    const flow_job *job = context;
    berth_flow *flow = berth_loaded_flow_flow(job->loaded);
    json_t *o;
    char *text;

    if (strcmp(request, "ps") == 0) {
        o = flow_numbers(job);
    } else if (strcmp(request, "metrics") == 0) {
        o = metrics(job);
    } else if (strncmp(request, "swap ", 5) == 0) {
        o = change(job, request + 5, true);
    } else if (strncmp(request, "rollback ", 9) == 0) {
        o = change(job, request + 9, false);
    } else if (strncmp(request, "cancel ", 7) == 0) {
        o = cancel_branch(job, request + 7);
    } else if (strcmp(request, "drain") == 0) {
        berth_flow_drain(flow, berth_flow_file_drain_ns(job->file));
        o = json_object();
    } else if (strcmp(request, "cancel") == 0) {
        berth_flow_cancel(flow);
        o = json_object();
    } else {
        o = refuse("there is no such request");
    }
    if (o != NULL && json_object_get(o, "status") == NULL)
        json_object_set_new(o, "status", json_string("ok"));
    text = o == NULL ? NULL : json_dumps(o, JSON_COMPACT);
    json_decref(o);
    return text;
}
