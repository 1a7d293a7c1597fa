/* file_source.c - records from a file, also from one that is being written.  Layer: ends.
 *
 * Following: changes are asked for first, then the file is read to its end and looked at, and then the stage waits
 * for what was asked.  So a change that comes between is told when it waits, and not lost. */
#include "ends/framing.h"
#include "os/code.h"
#include "os/stdio.h"
#include "os/stream.h"

enum { FROM_START, FROM_END };
enum { READS_MAX = 16 };
#define SECOND_NS UINT64_C(1000000000)

enum { STDIN = 0 };

typedef struct file_source {
    berthi_end end;
    berthi_deframer deframer;
    int fd; /* -1: the file is not there (again) yet */
    berthi_stream_stat at;
    uint64_t offset; /* bytes read of it */
    bool is_rotated; /* another one has its name: this one ends where it ends */
    int changes;     /* a descriptor that tells of them; -1: none can be had */
    int change_watch;
    bool has_changes; /* it watches the file and its folder */
} file_source;

static bool is_stdin(const file_source *f)
{
    return f->end.kind == &berthi_end_stdin;
}

static const char *name_of(const file_source *f)
{
    return is_stdin(f) ? "standard input" : f->end.values.path;
}

/* ---------------------------------------------------------------- opening */

static const char *folder_of(const char *path, char *out, size_t room)
{
    const char *slash = strrchr(path, '/');
    size_t size = slash == NULL ? 1 : slash == path ? 1 : (size_t)(slash - path);

    if (size >= room)
        return ".";
    memcpy(out, slash == NULL ? "." : path, size);
    out[size] = '\0';
    return out;
}

/* Asks for changes of the file that has the name now, and of its folder. */
static void ask_for_changes(file_source *f)
{
    char folder[4096];
    int code = 0;

    f->has_changes = false;
    if (f->changes < 0)
        return;
    code =
        berthi_notify_folder(f->changes, folder_of(f->end.values.path, folder, sizeof folder));
    if (code == 0 && f->fd >= 0)
        code = berthi_notify_file(f->changes, f->end.values.path, &f->change_watch);
    f->has_changes = code == 0 || berthi_code_of(code) == BERTHI_CODE_NO_ENTRY;
}

static berth_status open_file(file_source *f, berth_diag *diag)
{
    static const berthi_stream_how how = { .writes = false };
    const char *path = f->end.values.path;
    int code;

    if (is_stdin(f)) {
        f->fd = STDIN;
        return BERTH_OK;
    }
    code = berthi_stream_open(path, &how, &f->fd);

    if (berthi_code_of(code) == BERTHI_CODE_NO_ENTRY && f->end.values.follows) {
        f->fd = -1;
        return BERTH_OK;
    }
    if (code != 0) {
        f->fd = -1;
        return berthi_fail_os(diag, code, "%s: cannot be opened", path);
    }
    f->offset = 0;
    f->is_rotated = false;
    code = berthi_stream_stat_of(f->fd, &f->at);
    if (code != 0)
        return berthi_fail_os(diag, code, "%s: cannot be examined", path);
    if (f->at.kind == BERTHI_STREAM_FOLDER)
        return berthi_fail(diag, BERTH_E_INVALID, "%s: is a folder", path);
    if (f->end.values.follows && f->at.kind != BERTHI_STREAM_FILE)
        return berthi_fail(diag, BERTH_E_INVALID, "%s: only files can be followed", path);
    return BERTH_OK;
}

static void close_file(file_source *f, berth_stage *stage)
{
    if (f->fd < 0)
        return;
    berth_stage_forget_fd(stage, f->fd);
    if (!is_stdin(f))
        berthi_stream_close(f->fd);
    f->fd = -1;
}

static berth_status start_at_end(file_source *f, berth_diag *diag)
{
    int code = berthi_stream_go_to(f->fd, 0, true);

    if (code == 0)
        code = berthi_stream_place(f->fd, &f->offset);
    return code == 0
               ? BERTH_OK
               : berthi_fail_os(diag, code, "%s: its end cannot be found", f->end.values.path);
}

static void teardown(void *self, berth_stage *stage)
{
    file_source *f = self;

    close_file(f, stage);
    if (f->changes >= 0) {
        berth_stage_forget_fd(stage, f->changes);
        berthi_stream_close(f->changes);
        f->changes = -1;
    }
    berthi_deframer_fini(&f->deframer);
}

static berth_status init(void *self, berth_stage *stage, berth_diag *diag)
{
    file_source *f = self;
    berth_status status;

    f->changes = f->change_watch = -1;
    berthi_deframer_init(&f->deframer, f->end.allocator, &f->end.values);
    status = open_file(f, diag);
    if (status == BERTH_OK && f->end.values.from == FROM_END && f->fd >= 0)
        status = start_at_end(f, diag);
    if (status != BERTH_OK) {
        teardown(f, stage);
        return status;
    }
    if (f->end.values.follows) {
        if (berthi_notify_open(&f->changes) != 0) /* too many: the time has to do */
            f->changes = -1;
        ask_for_changes(f);
    }
    return BERTH_OK;
}

/* ---------------------------------------------------------------- following */

/* Another file has the name, or this one has become shorter.  True: look again. */
static bool has_changed(file_source *f)
{
    berthi_stream_stat now;

    if (!f->is_rotated && berthi_stream_stat_at(f->end.values.path, &now) == 0 &&
        (now.device != f->at.device || now.number != f->at.number)) {
        f->is_rotated = true; /* what was written to it until now comes first */
        return true;
    }
    if (berthi_stream_stat_of(f->fd, &now) == 0 && now.size < f->offset &&
        berthi_stream_go_to(f->fd, 0, false) == 0) {
        f->offset = 0;
        berthi_deframer_restart(&f->deframer);
        berthi_count(&f->end.counts.truncations, 1);
        return true;
    }
    if (f->is_rotated)
        f->deframer.has_ended = true;
    return f->is_rotated;
}

/* The rotated file was read to its end. */
static berth_status next_file(file_source *f, berth_stage *stage, berth_diag *diag)
{
    berth_status status;

    close_file(f, stage);
    berthi_deframer_restart(&f->deframer);
    berthi_count(&f->end.counts.rotations, 1);
    status = open_file(f, diag);
    ask_for_changes(f);
    return status;
}

static berth_status wait_for_change(file_source *f, berth_stage *stage, berth_diag *diag)
{
    uint64_t recheck_ns = f->end.values.recheck_ns;

    berthi_deframer_rest(&f->deframer);
    if (recheck_ns == 0)
        recheck_ns = f->has_changes ? UINT64_MAX : SECOND_NS;
    berth_stage_pause(stage, recheck_ns);
    return f->has_changes ? berth_stage_wait_fd(stage, f->changes, BERTH_WAIT_READ, diag)
                          : BERTH_OK;
}

/* ---------------------------------------------------------------- reading */

typedef enum filled { FILLED, FILLED_WAITS, FILLED_END } filled;

/* What a read of nothing means.  *what_out: FILLED says that there may be more now. */
static berth_status take_end(file_source *f, berth_stage *stage, bool has_asked,
                             filled *what_out, berth_diag *diag)
{
    if (!f->end.values.follows) {
        f->deframer.has_ended = true;
        *what_out = FILLED_END;
        return BERTH_OK;
    }
    *what_out = FILLED;
    if (has_changed(f) || !has_asked)
        return BERTH_OK;
    *what_out = FILLED_WAITS;
    return wait_for_change(f, stage, diag);
}

/* The standard streams are others' too, and wait: it is read what is there. */
static berthi_code read_some(const file_source *f, void *to, size_t room, size_t *done_out,
                             int *os_code_out)
{
    *os_code_out = 0;
    if (is_stdin(f)) {
        *done_out = room;
        return berthi_stdio_read(f->fd, to, done_out);
    }
    *os_code_out = berthi_stream_read(f->fd, to, room, done_out);
    return *os_code_out == 0 ? BERTHI_CODE_OK : berthi_code_of(*os_code_out);
}

static berth_status fill(file_source *f, berth_stage *stage, bool has_asked, filled *what_out,
                         berth_diag *diag)
{
    size_t room, done = 0;
    uint8_t *to = berthi_deframer_room(&f->deframer, (size_t)f->end.values.read_bytes, &room);
    berthi_code code;
    int os_code;

    if (to == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "no memory to read %s", name_of(f));
    code = read_some(f, to, room, &done, &os_code);
    if (code == BERTHI_CODE_WOULD_BLOCK) {
        *what_out = FILLED_WAITS;
        berth_stage_pause(stage, UINT64_MAX);
        return berth_stage_wait_fd(stage, f->fd, BERTH_WAIT_READ, diag);
    }
    if (os_code != 0)
        return berthi_fail_os(diag, os_code, "%s: cannot be read", name_of(f));
    if (code != BERTHI_CODE_OK)
        return berthi_fail(diag, BERTH_E_OS, "%s: cannot be read (%s)", name_of(f),
                           berthi_code_name(code));
    if (done == 0)
        return take_end(f, stage, has_asked, what_out, diag);
    berthi_deframer_filled(&f->deframer, done);
    f->offset += done;
    berthi_count(&f->end.counts.bytes, done);
    *what_out = FILLED;
    return BERTH_OK;
}

/* There is no record in what was read: more, the next file, or the end. */
static berth_status get_more(file_source *f, berth_stage *stage, filled *what_out,
                             berth_diag *diag)
{
    bool has_asked = false;
    berth_status status;

    if (f->deframer.has_ended) {
        *what_out = f->end.values.follows ? FILLED : FILLED_END;
        return f->end.values.follows ? next_file(f, stage, diag) : BERTH_OK;
    }
    *what_out = FILLED;
    if (f->fd < 0) {
        if (f->has_changes)
            berthi_notify_drain(f->changes);
        status = open_file(f, diag);
        ask_for_changes(f);
        if (status != BERTH_OK || f->fd >= 0)
            return status;
        *what_out = FILLED_WAITS;
        return wait_for_change(f, stage, diag);
    }
    for (
        ;
        ;) { /* at the end of a file that is followed: once more, when changes have been asked for */
        uint64_t before = f->offset;

        status = fill(f, stage, has_asked, what_out, diag);
        if (status != BERTH_OK || *what_out != FILLED || f->offset != before ||
            f->deframer.has_ended || has_asked)
            return status;
        if (f->has_changes)
            berthi_notify_drain(f->changes);
        else
            ask_for_changes(f);
        has_asked = true;
    }
}

static berth_status pull(void *self, berth_stage *stage, berth_diag *diag)
{
    file_source *f = self;
    uint64_t records = f->deframer.place.records;
    berthi_deframed what;
    filled got = FILLED;
    uint32_t reads = 0;
    berth_status status;

    do {
        status = berthi_deframer_emit(&f->deframer, stage, &what, diag);
        if (status != BERTH_OK || f->deframer.place.records != records)
            break;
        if (what == BERTHI_DEFRAMED_END && !f->end.values.follows) {
            berth_stage_end(stage);
            break;
        }
        if (reads++ == READS_MAX) { /* a record of many reads: others want to run too */
            berth_stage_pause(stage, 0);
            break;
        }
        status = get_more(f, stage, &got, diag);
    } while (status == BERTH_OK && got != FILLED_WAITS);
    berthi_deframer_publish(&f->deframer, &f->end.counts);
    return status == BERTH_E_BUSY ? BERTH_OK : status;
}

static const berth_stage_ops ops = {
    sizeof(berth_stage_ops), 0, init, pull, NULL, NULL, NULL, NULL, NULL, teardown,
};

static const berthi_end_setting settings[] = {
    { "path", BERTHI_END_TEXT, NULL, NULL, NULL, NULL, BERTHI_END_AT(path), "the file" },
    BERTHI_END_READ_SETTINGS(BERTHI_END_FRAMINGS),
    { "from", BERTHI_END_WORDS, "start|end", "start", NULL, NULL, BERTHI_END_AT(from),
      "where it begins to read" },
    { "follow", BERTHI_END_WORDS, "false|true", "false", NULL, NULL, BERTHI_END_AT(follows),
      "goes on when the file grows, is cut, or another one gets its name" },
    { "recheck", BERTHI_END_TIME, NULL, "0", "0", "24h", BERTHI_END_AT(recheck_ns),
      "how often it looks by itself; 0: when the system tells of a change, or each second if "
      "it cannot" },
    { "read_bytes", BERTHI_END_BYTES, NULL, "64KiB", "4KiB", "16MiB", BERTHI_END_AT(read_bytes),
      "are read at once" },
};

const berthi_end_kind berthi_end_file_source = {
    "file",
    BERTH_ROLE_SOURCE,
    "reads records from a file, and follows it",
    settings,
    sizeof settings / sizeof *settings,
    &ops,
    sizeof(file_source),
    berthi_end_check_read,
};

static const berthi_end_setting stdin_settings[] = {
    BERTHI_END_READ_SETTINGS(BERTHI_END_FRAMINGS),
    { "read_bytes", BERTHI_END_BYTES, NULL, "64KiB", "4KiB", "16MiB", BERTHI_END_AT(read_bytes),
      "are read at once, at most" },
};

const berthi_end_kind berthi_end_stdin = {
    "stdin",
    BERTH_ROLE_SOURCE,
    "reads records from the standard input of the process, until that ends",
    stdin_settings,
    sizeof stdin_settings / sizeof *stdin_settings,
    &ops,
    sizeof(file_source),
    berthi_end_check_read,
};
