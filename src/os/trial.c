/* trial.c - the host's side of berth-trial (cli/trial/trial.c).  Layer: os.
 *
 * posix_spawn() and not fork(): the host has threads, and their locks must not be copied into a process
 * that goes on to run the dynamic linker.  What counts is what was written to the pipe: 'm' it is being
 * mapped, 'e' and why it cannot be, 'u' it is being unmapped, 'd' done.  How the process ended only
 * explains; a host that reaps every child of its own loses no more than that. */
#include "os/trial.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/diag.h"
#include "base/utf8.h"
#include "os/clock.h"
#include "os/fault.h"
#include "os/library.h"

enum { COPY = 3, REPORT = 4, FIRST_FREE = 10, SAID_MAX = 512, MS = 1000 * 1000 };

typedef struct said {
    char text[SAID_MAX];
    size_t size;
    bool is_late; /* the deadline came first */
} said;

static bool fails(const char *call)
{
    errno = berthi_os_fault(call);
    return errno != 0;
}

/* ---------------------------------------------------------------- starting it */

/* Its signals are as those of a program that was just started, and it leads a group, so that what it
 * starts can be ended with it. */
static int set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none, all;
    int code;

    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    code = posix_spawnattr_setsigmask(attributes, &none);
    if (code == 0)
        code = posix_spawnattr_setsigdefault(attributes, &all);
    if (code == 0)
        code = posix_spawnattr_setpgroup(attributes, 0);
    return code != 0 ? code
                     : posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK |
                                                                POSIX_SPAWN_SETSIGDEF |
                                                                POSIX_SPAWN_SETPGROUP);
}

static int set_files(posix_spawn_file_actions_t *files, int copy, int report)
{
    int code = 0;

    for (int fd = 0; code == 0 && fd < COPY; fd++)
        code = posix_spawn_file_actions_addopen(files, fd, "/dev/null",
                                                fd == 0 ? O_RDONLY : O_WRONLY, 0);
    if (code == 0)
        code = posix_spawn_file_actions_adddup2(files, copy, COPY);
    return code != 0 ? code : posix_spawn_file_actions_adddup2(files, report, REPORT);
}

static int spawn(const berthi_trial *trial, int copy, int report, pid_t *pid_out)
{
    char memory[24], name[] = "berth-trial";
    char *arguments[] = { name, memory, NULL };
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    int code = posix_spawn_file_actions_init(&files);

    if (code != 0)
        return code;
    code = posix_spawnattr_init(&attributes);
    if (code != 0)
        goto fail_attributes;
    snprintf(memory, sizeof memory, "%llu", (unsigned long long)trial->memory_bytes);
    code = set_attributes(&attributes);
    if (code == 0)
        code = set_files(&files, copy, report);
    if (code == 0)
        code = fails("posix_spawn") ? errno
                                    : posix_spawn(pid_out, trial->program, &files, &attributes,
                                                  arguments, environ);
    (void)posix_spawnattr_destroy(&attributes);
fail_attributes:
    (void)posix_spawn_file_actions_destroy(&files);
    return code;
}

/* The descriptors go out of the way of those that it is to have. */
static int start(const berthi_library_copy *copy, const berthi_trial *trial, int report,
                 pid_t *pid_out)
{
    int from = fails("fcntl") ? -1 : fcntl(copy->fd, F_DUPFD_CLOEXEC, FIRST_FREE), to, code;

    if (from < 0)
        return errno;
    to = fails("fcntl") ? -1 : fcntl(report, F_DUPFD_CLOEXEC, FIRST_FREE);
    code = to < 0 ? errno : spawn(trial, from, to, pid_out);
    if (to >= 0)
        (void)close(to);
    (void)close(from);
    return code;
}

/* ---------------------------------------------------------------- listening */

static bool is_done(const said *s)
{
    return s->size == 3 && s->text[2] == 'd';
}

/* Until it has said all, its end of the pipe is closed, or its time is over. */
static void listen_to(int report, uint64_t deadline_ns, said *s)
{
    struct pollfd p = { .fd = report, .events = POLLIN };
    uint64_t now = berthi_clock_ns(),
             end_ns = deadline_ns > UINT64_MAX - now ? UINT64_MAX : now + deadline_ns;
    ssize_t n = 1;

    while (n != 0 && s->size < sizeof s->text - 1 && !is_done(s)) {
        now = berthi_clock_ns();
        s->is_late = now >= end_ns;
        if (s->is_late)
            break;
        if (poll(&p, 1,
                 end_ns - now > 1000 * (uint64_t)MS ? 1000 : (int)((end_ns - now) / MS) + 1) <=
            0)
            continue; /* a signal, or it is time to look at the clock */
        n = read(report, s->text + s->size, sizeof s->text - 1 - s->size);
        s->size += n > 0 ? (size_t)n : 0;
        n = n < 0 ? 1 : n;
    }
    s->text[s->size] = '\0';
}

static pid_t ask(pid_t pid, int *how_out, int options)
{
    pid_t got;

    do
        got = waitpid(pid, how_out, options);
    while (got < 0 && errno == EINTR);
    return got;
}

/* A process that closed its end on its way out keeps the status it has: the signal comes too late.  It may
 * have left its group, so it is ended by itself, too, where the number is its own still. */
static int end(pid_t pid)
{
    int how = 0;
    pid_t got;

    (void)kill(-pid, SIGKILL);
    got = ask(pid, &how, WNOHANG);
    if (got == 0) {
        (void)kill(pid, SIGKILL);
        got = ask(pid, &how, 0);
    }
    return got == pid ? how : -1;
}

/* ---------------------------------------------------------------- what became of it */

static berth_status refuse(const char *when, const char *how, int number, berth_diag *diag)
{
    return berthi_fail_because(diag, BERTH_E_REJECTED, BERTH_REASON_TRIAL,
                               "in a trial, in a process of its own, %s %s %d", when, how,
                               number);
}

static berth_status judge(const said *s, int how, const berthi_trial *trial, berth_diag *diag)
{
    const char *when =
        s->size < 2 ? "what runs when it is mapped" : "what runs when it is unmapped";
    char shown[SAID_MAX];

    if (s->size >= 2 && s->text[1] == 'e')
        return berthi_fail_because(
            diag, BERTH_E_REJECTED, BERTH_REASON_TRIAL,
            "in a trial, in a process of its own, it cannot be mapped: %s",
            berthi_utf8_show(shown, sizeof shown, s->text + 2, s->size - 2));
    if (is_done(s))
        return BERTH_OK;
    if (s->is_late)
        return refuse(when, "did not end within ms:", (int)(trial->deadline_ns / MS), diag);
    if (s->size == 0)
        return berthi_fail(diag, BERTH_E_OS, "the trial's program '%s' did not begin",
                           trial->program);
    if (how != -1 && WIFSIGNALED(how))
        return refuse(when, "ended the process by signal", WTERMSIG(how), diag);
    return refuse(when, "ended the process with exit status", how == -1 ? -1 : WEXITSTATUS(how),
                  diag);
}

berth_status berthi_trial_run(const berthi_library_copy *copy, const berthi_trial *trial,
                              berth_diag *diag)
{
    said s = { .size = 0 };
    pid_t pid = 0;
    int ends[2], code, how;

    if (fails("pipe2") || pipe2(ends, O_CLOEXEC) != 0)
        return berthi_fail_os(diag, errno, "a pipe for a trial");
    code = start(copy, trial, ends[1], &pid);
    (void)close(ends[1]);
    if (code != 0) {
        (void)close(ends[0]);
        return berthi_fail_os(diag, code, "the trial's program '%s'", trial->program);
    }
    listen_to(ends[0], trial->deadline_ns, &s);
    how = end(pid);
    (void)close(ends[0]);
    return judge(&s, how, trial, diag);
}
