/* file_sink.c - records into a file, whole ones only.  Layer: ends.
 *
 * What process() frames is written by flush() in one step that ends behind a record.  If the disk takes only a part
 * of that, the part is cut off again, and all of these records are the flow's still: they come again, or go by the
 * policy of the stage.  So a file has whole records at every end of a flush; a run that is killed within the
 * system call may leave a part of one, which the next run finds (`torn`). */
#include "ends/file_tail.h"
#include "os/code.h"
#include "os/stream.h"

enum { MODE_APPEND, MODE_CREATE, MODE_REPLACE };
enum { SYNC_NONE, SYNC_BATCH, SYNC_END };
enum { TORN_FAIL, TORN_CUT, TORN_KEEP };

enum { STDOUT = 1 };

typedef struct file_sink {
    berthi_end end;
    berthi_framed framed;
    size_t sent; /* of it: a pipe took that much */
    int fd;
    bool is_file; /* what a write left can be cut off */
    bool has_torn;
    uint64_t torn_from; /* a part of a record is there, and could not be cut off */
} file_sink;

static bool is_stdout(const file_sink *f)
{
    return f->end.kind == &berthi_end_stdout;
}

static const char *name_of(const file_sink *f)
{
    return is_stdout(f) ? "standard output" : f->end.values.path;
}

/* ---------------------------------------------------------------- opening */

static berth_status fail_torn(file_sink *f, uint64_t torn, berth_diag *diag)
{
    return berthi_fail(diag, BERTH_E_STATE,
                       "%s: its last %llu bytes are no whole record, as a run that was killed "
                       "leaves it; `torn = cut` takes them away, `keep` writes behind them",
                       f->end.values.path, (unsigned long long)torn);
}

static berth_status look_at_tail(file_sink *f, const berthi_stream_stat *at, berth_diag *diag)
{
    static const berthi_stream_how how = { .writes = false };
    const berthi_end_values *values = &f->end.values;
    uint64_t whole = at->size;
    berth_status status;
    int fd, code;

    code = berthi_stream_open(values->path, &how, &fd);
    if (code != 0)
        return berthi_fail_os(diag, code, "%s: what is there already cannot be read",
                              values->path);
    status = berthi_file_tail(fd, (berthi_framing)values->framing, at->size, f->end.allocator,
                              &whole, diag);
    berthi_stream_close(fd);
    if (status != BERTH_OK || whole == at->size)
        return status;
    if (values->torn == TORN_FAIL)
        return fail_torn(f, at->size - whole, diag);
    code = berthi_stream_cut(f->fd, whole);
    if (code != 0)
        return berthi_fail_os(diag, code, "%s: cannot be cut", values->path);
    berthi_count(&f->end.counts.torn_bytes, at->size - whole);
    return BERTH_OK;
}

static berth_status prepare(file_sink *f, berth_diag *diag)
{
    const berthi_end_values *values = &f->end.values;
    berthi_stream_stat at;
    int code = berthi_stream_stat_of(f->fd, &at);

    if (code != 0)
        return berthi_fail_os(diag, code, "%s: cannot be examined", values->path);
    f->is_file = at.kind == BERTHI_STREAM_FILE;
    if (!f->is_file)
        return BERTH_OK;
    code = berthi_stream_lock(f->fd);
    if (berthi_code_of(code) == BERTHI_CODE_WOULD_BLOCK)
        return berthi_fail(diag, BERTH_E_STATE, "%s: another sink writes it", values->path);
    if (code != 0)
        return berthi_fail_os(diag, code, "%s: cannot be locked", values->path);
    if (values->mode == MODE_REPLACE) {
        code = berthi_stream_cut(f->fd, 0);
        return code == 0 ? BERTH_OK
                         : berthi_fail_os(diag, code, "%s: cannot be emptied", values->path);
    }
    /* Its size before it was locked may not be its size now. */
    code = berthi_stream_stat_of(f->fd, &at);
    if (code != 0)
        return berthi_fail_os(diag, code, "%s: cannot be examined", values->path);
    return at.size == 0 || values->torn == TORN_KEEP ? BERTH_OK : look_at_tail(f, &at, diag);
}

/* A pipe that is others' too is opened once more, to be written without waiting: what poll() promises to two, one
 * takes. */
static void open_stdout(file_sink *f)
{
    static const berthi_stream_how how = { .writes = true };
    berthi_stream_stat at;

    f->fd = STDOUT;
    if (berthi_stream_stat_of(STDOUT, &at) != 0 || at.kind != BERTHI_STREAM_PIPE ||
        berthi_stream_open("/proc/self/fd/1", &how, &f->fd) != 0)
        f->fd = STDOUT; /* it may not be opened, or nobody reads it */
}

static berth_status init(void *self, berth_stage *stage, berth_diag *diag)
{
    file_sink *f = self;
    const berthi_end_values *values = &f->end.values;
    const berthi_stream_how how = {
        .writes = true,
        .appends = true,
        .creates = true,
        .exclusive = values->mode == MODE_CREATE,
        .permissions = 0666, /* as the process's mask leaves it */
    };
    berth_status status;
    int code;

    (void)stage;
    f->is_file = false;
    if (is_stdout(f)) {
        open_stdout(f);
    } else {
        code = berthi_stream_open(values->path, &how, &f->fd);
        if (code != 0)
            return berthi_fail_os(diag, code, "%s: cannot be opened", values->path);
        status = prepare(f, diag);
        if (status != BERTH_OK) {
            berthi_stream_close(f->fd);
            return status;
        }
    }
    berthi_framed_init(&f->framed, f->end.allocator);
    f->sent = 0;
    f->has_torn = false;
    return BERTH_OK;
}

/* ---------------------------------------------------------------- writing */

static berth_status process(void *self, berth_stage *stage, const berth_record *record,
                            berth_diag *diag)
{
    file_sink *f = self;
    berth_status status = berthi_framed_add(&f->framed, &f->end.values, &f->end.counts,
                                            record->data, (size_t)record->size, diag);

    if (status == BERTH_OK && f->framed.size >= f->end.values.write_bytes)
        berth_stage_pause(stage, 0); /* flush() comes next */
    return status;
}

/* The part of the batch that was written goes again, if nobody else has written behind it. */
static void cut_off(file_sink *f, size_t written)
{
    berthi_stream_stat at;
    uint64_t end;

    if (!f->is_file || written == 0)
        return;
    if (berthi_stream_place(f->fd, &end) != 0 || berthi_stream_stat_of(f->fd, &at) != 0 ||
        at.size != end)
        return;
    f->torn_from = end - written;
    f->has_torn = berthi_stream_cut(f->fd, f->torn_from) != 0;
}

static berth_status fail_write(file_sink *f, int code, const char *what, berth_diag *diag)
{
    berthi_framed_clear(&f->framed); /* these records come again */
    f->sent = 0;
    return berthi_fail_os(diag, code, "%s: %s", name_of(f), what);
}

/* The standard streams are others' too, and wait: it is written what they take. */
static int write_some(file_sink *f, const uint8_t *from, size_t size, size_t *done_out)
{
    return f->fd == STDOUT ? berthi_stream_write_ready(f->fd, from, size, done_out)
                           : berthi_stream_write(f->fd, from, size, done_out);
}

static berth_status write_all(file_sink *f, berth_stage *stage, berth_diag *diag)
{
    while (f->sent < f->framed.size) {
        size_t done = 0;
        int code = write_some(f, f->framed.data + f->sent, f->framed.size - f->sent, &done);

        if (berthi_code_of(code) == BERTHI_CODE_WOULD_BLOCK) {
            berth_stage_pause(stage, UINT64_MAX);
            return berth_stage_wait_fd(stage, f->fd, BERTH_WAIT_WRITE, diag);
        }
        if (code != 0) {
            cut_off(f, f->sent);
            return fail_write(f, code, "cannot be written to", diag);
        }
        f->sent += done;
    }
    return BERTH_OK;
}

static berth_status flush(void *self, berth_stage *stage, berth_diag *diag)
{
    file_sink *f = self;
    berth_status status;
    int code;

    if (f->framed.size == 0)
        return BERTH_OK;
    if (f->has_torn) {
        code = berthi_stream_cut(f->fd, f->torn_from);
        if (code != 0)
            return fail_write(f, code, "a part of a record cannot be cut off", diag);
        f->has_torn = false;
    }
    status = write_all(f, stage, diag);
    if (status != BERTH_OK || f->sent < f->framed.size)
        return status;
    code = f->end.values.sync == SYNC_BATCH ? berthi_stream_sync(f->fd) : 0;
    if (code != 0) {
        cut_off(f, f->sent);
        return fail_write(f, code, "cannot be brought to the disk", diag);
    }
    berthi_count(&f->end.counts.bytes, f->framed.size);
    berthi_count(&f->end.counts.records, f->framed.records);
    berthi_framed_clear(&f->framed);
    f->sent = 0;
    return BERTH_OK;
}

static berth_status complete(void *self, berth_stage *stage, berth_diag *diag)
{
    file_sink *f = self;
    int code = f->end.values.sync == SYNC_END ? berthi_stream_sync(f->fd) : 0;

    (void)stage;
    return code == 0
               ? BERTH_OK
               : berthi_fail_os(diag, code, "%s: cannot be brought to the disk", name_of(f));
}

static void teardown(void *self, berth_stage *stage)
{
    file_sink *f = self;

    berth_stage_forget_fd(stage, f->fd);
    if (f->fd != STDOUT)
        berthi_stream_close(f->fd);
    berthi_framed_fini(&f->framed);
}

static const berth_stage_ops ops = {
    sizeof(berth_stage_ops), 0, init, NULL, process, complete, flush, NULL, NULL, teardown,
};

static const berthi_end_setting settings[] = {
    { "path", BERTHI_END_TEXT, NULL, NULL, NULL, NULL, BERTHI_END_AT(path), "the file" },
    { "mode", BERTHI_END_WORDS, "append|create|replace", "append", NULL, NULL,
      BERTHI_END_AT(mode),
      "writes behind what is there; needs that nothing is there; empties it" },
    BERTHI_END_WRITE_SETTINGS,
    { "torn", BERTHI_END_WORDS, "fail|cut|keep", "fail", NULL, NULL, BERTHI_END_AT(torn),
      "what happens to a part of a record at the end of what is there" },
    { "sync", BERTHI_END_WORDS, "none|batch|end", "none", NULL, NULL, BERTHI_END_AT(sync),
      "when it waits until the disk has it: never; before a batch counts as gone; at the end" },
    { "write_bytes", BERTHI_END_BYTES, NULL, "64KiB", "1", "16MiB", BERTHI_END_AT(write_bytes),
      "are written at once, if a batch has so many" },
};

const berthi_end_kind berthi_end_file_sink = {
    "file",
    BERTH_ROLE_SINK,
    "writes records to a file, whole ones only",
    settings,
    sizeof settings / sizeof *settings,
    &ops,
    sizeof(file_sink),
    berthi_end_check_write,
};

static const berthi_end_setting stdout_settings[] = {
    BERTHI_END_WRITE_SETTINGS,
    { "write_bytes", BERTHI_END_BYTES, NULL, "64KiB", "1", "16MiB", BERTHI_END_AT(write_bytes),
      "are written at once, if a batch has so many" },
};

const berthi_end_kind berthi_end_stdout = {
    "stdout",
    BERTH_ROLE_SINK,
    "writes records to the standard output of the process",
    stdout_settings,
    sizeof stdout_settings / sizeof *stdout_settings,
    &ops,
    sizeof(file_sink),
    berthi_end_check_write,
};
