/* cli.h - what the parts of the program share: exit codes, options, errors, artifacts.
 *
 * What this directory is: the program `berth`, which uses the public headers, libc, POSIX and
 * jansson, and nothing else of the library.  One file per command (inspect.c, call.c, ctl.c, wit.c;
 * pipe*.c and control.c for `pipe`), options.c and help.c for the command line, out.c for what
 * people read.  Read first: this file, then main.c.
 */
#ifndef BERTH_CLI_H
#define BERTH_CLI_H

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>

#include <berth/runtime.h>
#include <berth/slot.h>

enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2, CLI_REJECTED = 3 };
enum { CLI_EXTENDED = 4, CLI_BREAKING = 5 }; /* of `wit diff` */

typedef enum cli_command {
    CLI_INSPECT = 1,
    CLI_CALL = 2,
    CLI_PIPE = 4,
    CLI_CTL = 8,
    CLI_WIT = 16,
    CLI_WRAP = 32,
    CLI_BINDGEN = 64,
    CLI_COMPONENTIZE = 128,
    CLI_BUNDLE = 256,
    CLI_KEYGEN = 512,
    CLI_SIGN = 1024,
    CLI_VERIFY = 2048,
    CLI_RUN_GUEST = 4096,
    CLI_FLOW = 8192,
    CLI_TEST = 16384,
    CLI_CHECK = 32768,
    CLI_NEW = 65536
} cli_command;

enum { CLI_RECORDS_LINES = 1, CLI_RECORDS_U32LE = 2 };
enum { CLI_ON_ERROR_STOP = 1, CLI_ON_ERROR_PASS = 2, CLI_ON_ERROR_DROP = 3 };
enum { CLI_OPERANDS_MAX = 64, CLI_WORKERS_MAX = 64 };

enum { CLI_TEXTS_MAX = 128 };

typedef struct cli_texts { /* of an option that may be given again */
    const char *at[CLI_TEXTS_MAX];
    uint32_t count;
} cli_texts;

/* One command line, read.  0 and NULL: not given.  Texts are lent from argv. */
typedef struct cli_options {
    cli_command command;
    const char *operands[CLI_OPERANDS_MAX];
    uint32_t operands_count;
    const char *hook, *tenant, *engine, *profile, *kind, *control, *summary, *features, *wit,
        *world, *output, *out, *prefix, *contract, *key, *keys, *pins, *json_args;
    const char *flow, *live, *baseline, *language;
    uint64_t count, threshold, duration_ns; /* of flow */
    cli_texts grants, settings;
    uint64_t deadline_ns, probe_deadline_ns, timeout_ns, drain_ns;
    uint64_t memory_bytes, stack_bytes, output_bytes, artifact_bytes, record_bytes;
    uint64_t policy, records, on_error, workers, signatures, log;
    bool prometheus, svg;
    bool json, progress, quiet, help, all_features, tries;
} cli_options;

/* options.c */

/* Reads what follows the command's name.  False: said why on stderr; the exit code is 2. */
bool cli_options_read(cli_options *options, cli_command command, int argc, char **argv);

/* A size such as 16MiB, a time such as 50ms.  False: it is none. */
bool cli_size_read(const char *text, uint64_t *bytes_out);
bool cli_time_read(const char *text, uint64_t *ns_out);

const char *cli_help_hint(cli_command command); /* "see 'berth help COMMAND'" */

/* ask.c */

/* Sends a request line to what listens there ("pipe", "flow") and gives the line that it answers; cli_free().
 * `timeout_ns` 0: a minute.  Gives an exit code. */
int cli_ask(const char *server, const char *path, uint64_t timeout_ns, const char *request,
            char **text_out);

/* contract.c */

/* What --wit and --contract name; *contract_out is NULL without them.  Gives an exit code. */
int cli_contract_read(const cli_options *options, struct berth_contract **contract_out);

/* run_guest.c */

int cli_run_guest(const cli_options *options);

/* asks.c */

struct json_t;
typedef void cli_asks_line(void *ctx, const char *text);

/* Gives a line for each interface of the verdict that asks for grants, with what --grant says to it.
 * Whether one is missing without which the plugin is refused. */
bool cli_asks_each(const cli_options *options, const struct json_t *verdict,
                   cli_asks_line *line, void *ctx);

/* grants.c */

/* What --grant says; gives an exit code. */
int cli_grants_read(const cli_options *options, struct berth_grants **grants_out);

/* help.c */

const char *cli_command_name(cli_command command);
cli_command cli_command_find(const char *name);     /* 0: none of that name */
void cli_help_print(FILE *to, cli_command command); /* 0: the program's own */

/* out.c */

enum { CLI_TEXT_MAX = 2048 };

/* A copy that a terminal and a JSON reader can take: control characters, what reorders text, and
 * bytes that are not UTF-8 become \xNN.  Newlines stay when `keep_newlines`.  Cut to `size`. */
void cli_clean(char *dst, size_t size, const char *src, bool keep_newlines);

/* Prints "berth: <what> : <why>; <advice>" and hands `code` back, so that failing is one line. */
int cli_fail(int code, const char *what, const char *advice, const char *why_format, ...)
    __attribute__((format(printf, 4, 5)));

/* The same, with the lines behind the first of `why`, such as a trap's frames, printed below. */
int cli_fail_lines(int code, const char *what, const char *advice, const char *why);

/* The same about a failed library call: the word of the limit, what the library says, a trap's
 * backtrace, and what helps (`advice`; NULL: what helps against such a failure in general). */
int cli_fail_diag(int code, const char *what, const char *advice, berth_status status,
                  const berth_diag *diag);

/* The same about a failed system call, with errno's text. */
int cli_fail_os(const char *what, const char *advice, int os_code);

/* A line on stderr that is no failure: "berth: <text>". */
void cli_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same with more lines, such as a thread's frames, which are printed below. */
void cli_note_lines(const char *text);

/* The word for a failure: "deadline", "trap (unreachable)", "stack", "bounds", "busy", ... */
const char *cli_failure_word(char *dst, size_t size, berth_status status, berth_reason reason);
const char *cli_failure_advice(berth_status status, berth_reason reason);

/* While a progress text stands on the terminal, messages wipe it first.  It has no newline at its end. */
void cli_progress_line(const char *text); /* NULL: wipe it for good */

bool cli_may_colour(int fd); /* a terminal, no NO_COLOR, and not TERM=dumb */

/* Ends stdout: what could not be written is an error, said and returned. */
int cli_stdout_end(int code);

/* Memory of the program.  Ends the program with a message when there is none. */
void *cli_alloc(size_t size);
void *cli_realloc(void *ptr, size_t size);
void cli_free(void *ptr);

uint64_t cli_now_ns(void); /* monotonic */

/* Who waits for another thread's wake-up looks again after this long: a descriptor that could not
 * be written to wakes nobody. */
#ifdef BERTH_FAULTS
enum { CLI_LOOK_AGAIN_MS = 20 }; /* tests lose wake-ups by the hundred */
#else
enum { CLI_LOOK_AGAIN_MS = 1000 };
#endif

/* report.c */

/* What native plugins say is printed as --log and --quiet want it, and what is said of them always. */
void cli_report_begin(const cli_options *options, berth_runtime_options *runtime);
void cli_report_end(void); /* after the runtime's end: tells what was left out */

/* thread.c */

/* A thread with room for guest code on its stack.  0, or an errno. */
int cli_thread_start(pthread_t *thread_out, void *(*run)(void *), void *context);

/* load.c */

typedef struct cli_bytes {
    unsigned char *data; /* owned; cli_free() */
    size_t size;
} cli_bytes;

/* Reads a regular file whole, once, and makes sure that it stayed what it was meanwhile.
 * Fails: BERTH_E_OS, BERTH_E_LIMIT (past `bytes_max`; 0: 32 MiB), BERTH_E_STATE (it changed),
 *        BERTH_E_INVALID (a folder, a pipe, a device). */
berth_status cli_artifact_read(const char *path, uint64_t bytes_max, cli_bytes *bytes_out,
                               berth_diag *diag);

/* The verdict's JSON, to be looked into; a name in it may have a NUL.  The caller's reference. */
struct json_t *cli_verdict_read(const berth_verdict *verdict);

/* Whether the artifact names that hook in a profile that takes it; only looks, runs nothing.
 * BERTH_OK also for an artifact that fits nothing: installing it says what is wrong better.
 * Fails: BERTH_E_ABSENT (and which hooks there are), BERTH_E_NOMEM, BERTH_E_LIMIT. */
berth_status cli_artifact_has_hook(const cli_bytes *bytes, const cli_options *options,
                                   berth_diag *diag);

void cli_digest_hex(char hex_out[2 * BERTH_DIGEST_SIZE + 1],
                    const uint8_t digest[BERTH_DIGEST_SIZE]);

/* file.c */

/* Whether what `option` names can be written to.  0, or the exit code, said why. */
int cli_file_check(const char *path, const char *option);
/* Writes it whole; when that fails, what was there before is there still. */
int cli_file_write(const char *path, const char *option, const void *bytes, size_t size);

/* Makes a new file of these bytes, whole, with that mode less the umask; one that is there stays and
 * is an error. */
int cli_file_create(const char *path, const void *bytes, size_t size, unsigned mode);

typedef struct cli_file {
    const char *name;
    const char *text;
    size_t size;
} cli_file;

/* Writes files into a folder, which is made when it is not there.  A file that says the same already
 * is left alone, its time too.  All new texts are on the disk before the first takes its name. */
int cli_folder_write(const char *folder, const char *option, const cli_file *files,
                     uint32_t count);

/* host.c */

/* A runtime with one slot, as the options want them. */
typedef struct cli_host {
    berth_host *offers; /* WASI, as far as --grant says */
    berth_runtime *runtime;
    berth_slot *slot;
    uint32_t hook;
    const char *tenant, *name; /* the slot's key */
    char trial[4096];          /* the path of berth-trial, where it was looked for */
} cli_host;

/* Starts the runtime and opens the slot; installs nothing.  0, or the exit code, said why. */
int cli_host_open(cli_host *host, const cli_options *options, const char *slot_name,
                  uint32_t flags);

/* Starts the runtime alone. */
int cli_host_open_runtime(cli_host *host, const cli_options *options);

/* Reads FILE and installs it; refused as a whole, or serving.  The same for a swap. */
berth_status cli_host_install(cli_host *host, const cli_options *options, const char *path,
                              berth_installed *installed_out, berth_diag *diag);

/* The exit code that belongs to a failed install: 3 when it is the artifact's fault. */
int cli_install_exit(berth_status status);

void cli_host_close(cli_host *host);

/* wit.c */

enum { CLI_FEATURES_MAX = 64 };

/* The names of --features; `copy` holds them.  False: said why. */
bool cli_features_split(char *copy, const char **names, uint32_t *count_out);

/* Says why WIT was refused, with the place in front.  Returns the exit code. */
int cli_fail_wit(const char *path, const berth_diag *diag);

/* keys.c */

/* The public keys in the files that `list` names between commas; NULL: none.  cli_free() them. */
int cli_keys_read(const char *list, uint8_t **keys_out, uint32_t *count_out);

/* bundle.c */

/* Says why a bundle was refused, with the place in front.  Returns the exit code. */
int cli_fail_bundle(const char *path, berth_status status, const berth_diag *diag);

/* the commands; each returns the exit code */

int cli_inspect(const cli_options *options);
int cli_call(const cli_options *options);
int cli_pipe(const cli_options *options);
int cli_ctl(const cli_options *options);
int cli_wit(const cli_options *options);
int cli_wrap(const cli_options *options); /* and componentize */
int cli_bindgen(const cli_options *options);
int cli_bundle(const cli_options *options);
int cli_keygen(const cli_options *options);
int cli_sign(const cli_options *options);
int cli_verify(const cli_options *options);
int cli_flow(const cli_options *options);
int cli_test(const cli_options *options);
int cli_check(const cli_options *options);
int cli_new(const cli_options *options);

#endif
