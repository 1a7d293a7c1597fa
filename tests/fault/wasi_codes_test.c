/* wasi_codes_test.c - each error code of wasi:filesystem and of wasi:sockets reaches a plugin: what the system says no with is
 * told in the interface's word.  Here every errno is made to come once, from a call that a plugin caused;
 * api/wasi_files_test.c has those that come by themselves.  What preview 1 says is unit/service/preview1_test.c's. */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os_faults.h"
#include "wasi_rig.h"

/* As the interfaces list them. */
static const char *const file_codes[] = {
    "access",
    "would-block",
    "already",
    "bad-descriptor",
    "busy",
    "deadlock",
    "quota",
    "exist",
    "file-too-large",
    "illegal-byte-sequence",
    "in-progress",
    "interrupted",
    "invalid",
    "io",
    "is-directory",
    "loop",
    "too-many-links",
    "message-size",
    "name-too-long",
    "no-device",
    "no-entry",
    "no-lock",
    "insufficient-memory",
    "insufficient-space",
    "not-directory",
    "not-empty",
    "not-recoverable",
    "unsupported",
    "no-tty",
    "no-such-device",
    "overflow",
    "not-permitted",
    "pipe",
    "read-only",
    "invalid-seek",
    "text-file-busy",
    "cross-device",
};
static const char *const socket_codes[] = {
    "unknown",
    "access-denied",
    "not-supported",
    "invalid-argument",
    "out-of-memory",
    "timeout",
    "concurrency-conflict",
    "not-in-progress",
    "would-block",
    "invalid-state",
    "new-socket-limit",
    "address-not-bindable",
    "address-in-use",
    "remote-unreachable",
    "connection-refused",
    "connection-reset",
    "connection-aborted",
    "datagram-too-large",
    "name-unresolvable",
    "temporary-resolver-failure",
    "permanent-resolver-failure",
};
enum {
    FILE_CODES = sizeof file_codes / sizeof *file_codes,
    SOCKET_CODES = sizeof socket_codes / sizeof *socket_codes,
    ERRNO_MAX = 134
};

/* What a plugin is told when `call` fails with each errno that there is. */
static void tell_each(wasi_rig *t, const char *call, const char *words, bool *seen,
                      unsigned count)
{
    for (int code = 1; code < ERRNO_MAX; code++) {
        unsigned told;

        if (code == EINTR) /* it is tried again */
            continue;
        os_faults_begin(0, false, code);
        os_faults_only(call);
        if (sscanf(wasi_rig_told(t, words), "error %u", &told) == 1) {
            assert_true(told < count);
            seen[told] = true;
        }
        assert_int_equal(os_faults_failed(), 1);
        os_faults_end();
    }
}

static void tell_one(wasi_rig *t, const char *words, bool *seen, const char *const *names,
                     const char *wanted)
{
    const char *answer = wasi_rig_told(t, words);
    unsigned told;

    if (sscanf(answer, "error %u", &told) != 1)
        fail_msg("%s: %s, not %s", words, answer, wanted);
    assert_string_equal(names[told], wanted);
    seen[told] = true;
}

static void assert_all(const char *engine, const char *what, const bool *seen,
                       const char *const *names, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (!seen[i])
            fail_msg("%s: no plugin was told %s of %s", engine, names[i], what);
    printf("             %s: each of the %u error codes of %s was told\n", engine, count, what);
}

static void each_error_code_of_files_is_told(void **state)
{
    bool seen[FILE_CODES] = { false };
    wasi_rig t;

    wasi_rig_begin(&t, *state, "fs:read:/t/**", "fs:write:/t/**", NULL);
    wasi_rig_tell(&t, "\"dirs\"", "ok /t");
    wasi_rig_tell(&t, "\"open\", \"0\", \"a.txt\", \"rw\", \"1\"", "ok");
    tell_each(&t, "pwrite", "\"write\", \"1\", \"x\", \"0\"", seen, FILE_CODES);
    assert_all(t.r->engine, "wasi:filesystem", seen, file_codes, FILE_CODES);
    wasi_rig_end(&t);
}

static void each_error_code_of_sockets_is_told(void **state)
{
    /* As faults of getaddrinfo() are: its answers are negative numbers. */
    static const struct {
        int answer;
        const char *code;
    } answers[] = { { EAI_NONAME, "name-unresolvable" },
                    { EAI_AGAIN, "temporary-resolver-failure" },
                    { EAI_FAIL, "permanent-resolver-failure" },
                    { EAI_MEMORY, "out-of-memory" } };
    bool seen[SOCKET_CODES] = { false };
    wasi_rig t;

    wasi_rig_begin(&t, *state, "net:connect:127.0.0.1:*", "net:connect:name.example:*",
                   "net:listen:127.0.0.1:*", NULL);
    tell_each(&t, "listen", "\"listen\", \"0\", \"\"", seen, SOCKET_CODES);
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        os_faults_begin(0, false, -answers[i].answer);
        os_faults_only("getaddrinfo");
        tell_one(&t, "\"lookup\", \"name.example\"", seen, socket_codes, answers[i].code);
        os_faults_end();
    }
    tell_one(&t, "\"early\"", seen, socket_codes, "not-in-progress");
    assert_all(t.r->engine, "wasi:sockets", seen, socket_codes, SOCKET_CODES);
    wasi_rig_end(&t);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        slot_test(each_error_code_of_files_is_told),
        slot_test(each_error_code_of_sockets_is_told),
    };

    os_faults_require();
    return slot_rig_run("error codes", tests, sizeof tests / sizeof *tests);
}
