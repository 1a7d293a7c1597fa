/* load.c - reading an artifact's file, and looking into it.  Layer: cli. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "cli.h"

enum { ARTIFACT_BYTES_MAX = 32 * 1024 * 1024 };

static berth_status fail(berth_diag *diag, berth_status status, berth_reason reason,
                         const char *format, ...) __attribute__((format(printf, 4, 5)));

static berth_status fail(berth_diag *diag, berth_status status, berth_reason reason,
                         const char *format, ...)
{
    va_list args;

    memset(diag, 0, sizeof *diag);
    diag->status = (int32_t)status;
    diag->reason = (int32_t)reason;
    va_start(args, format);
    if (vsnprintf(diag->text, sizeof diag->text, format, args) < 0)
        diag->text[0] = '\0';
    va_end(args);
    return status;
}

static berth_status fail_os(berth_diag *diag, const char *verb, int code)
{
    char text[128];
    berth_status status;

    status = fail(diag, BERTH_E_OS, BERTH_REASON_NONE, "%s: %s", verb,
                  strerror_r(code, text, sizeof text));
    diag->os_code = code;
    return status;
}

static const char *file_type(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFDIR:
        return "a folder";
    case S_IFIFO:
        return "a pipe";
    case S_IFSOCK:
        return "a socket";
    default:
        break;
    }
    return "a device";
}

/* The same file in the same state: who writes to it in place moves a time or the size; who puts
 * another in its place moves the path to another inode. */
static bool is_unchanged(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Reads until the end, or until `room` bytes are there; false: errno says why. */
static bool read_all(int fd, unsigned char *data, size_t room, size_t *size_out)
{
    size_t size = 0;

    while (size < room) {
        ssize_t n = read(fd, data + size, room - size);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        if (n == 0)
            break;
        size += (size_t)n;
    }
    *size_out = size;
    return true;
}

static berth_status read_open_file(int fd, const char *path, uint64_t bytes_max,
                                   cli_bytes *bytes_out, berth_diag *diag)
{
    struct stat before, after = { .st_ino = 0 };
    cli_bytes bytes;
    size_t room;

    if (fstat(fd, &before) != 0)
        return fail_os(diag, "cannot be examined", errno);
    if (!S_ISREG(before.st_mode))
        return fail(diag, BERTH_E_INVALID, BERTH_REASON_NONE, "is %s, not a file",
                    file_type(before.st_mode));
    if ((uint64_t)before.st_size > bytes_max)
        return fail(diag, BERTH_E_LIMIT, BERTH_REASON_ARTIFACT,
                    "has %lld bytes, more than %llu", (long long)before.st_size,
                    (unsigned long long)bytes_max);
    room = (size_t)before.st_size + 1; /* one more, to see it grow */
    bytes.data = cli_alloc(room);
    if (!read_all(fd, bytes.data, room, &bytes.size)) {
        int code = errno;

        cli_free(bytes.data);
        return fail_os(diag, "cannot be read", code);
    }
    if (stat(path, &after) != 0 && errno != ENOENT) {
        int code = errno;

        cli_free(bytes.data);
        return fail_os(diag, "cannot be examined", code);
    }
    if (bytes.size != (size_t)before.st_size || !is_unchanged(&before, &after)) {
        cli_free(bytes.data);
        return fail(diag, BERTH_E_STATE, BERTH_REASON_NONE, "changed while it was being read");
    }
    *bytes_out = bytes;
    return BERTH_OK;
}

berth_status cli_artifact_read(const char *path, uint64_t bytes_max, cli_bytes *bytes_out,
                               berth_diag *diag)
{
    /* O_NONBLOCK: opening a pipe that nobody writes to must not hang. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    berth_status status;

    if (fd < 0)
        return fail_os(diag, "cannot be opened", errno);
    status = read_open_file(fd, path, bytes_max == 0 ? ARTIFACT_BYTES_MAX : bytes_max,
                            bytes_out, diag);
    close(fd);
    return status;
}

void cli_digest_hex(char hex_out[2 * BERTH_DIGEST_SIZE + 1],
                    const uint8_t digest[BERTH_DIGEST_SIZE])
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < BERTH_DIGEST_SIZE; i++) {
        hex_out[2 * i] = digits[digest[i] >> 4];
        hex_out[2 * i + 1] = digits[digest[i] & 15];
    }
    hex_out[2 * BERTH_DIGEST_SIZE] = '\0';
}

/* ---- looking for a hook --------------------------------------------------------------------- */

static bool is_wanted(const char *wanted, const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return wanted == NULL || (text != NULL && strcmp(text, wanted) == 0);
}

/* Whether the plugin of that profile has the hook; adds the names that it has to `list`. */
static bool find_hook(const json_t *verdict, const char *profile, const char *hook, char *list,
                      size_t list_size)
{
    size_t at, h;
    json_t *plugin, *entry;

    json_array_foreach(json_object_get(verdict, "plugins"), at, plugin)
    {
        if (!is_wanted(profile, plugin, "profile"))
            continue;
        json_array_foreach(json_object_get(plugin, "hooks"), h, entry)
        {
            const char *name = json_string_value(json_object_get(entry, "name"));
            size_t used = strlen(list);

            if (name == NULL)
                continue;
            if (strcmp(name, hook) == 0)
                return true;
            snprintf(list + used, list_size - used, "%s%s", used == 0 ? "" : ", ", name);
        }
    }
    return false;
}

static berth_status look_for_hook(const json_t *verdict, const cli_options *options,
                                  berth_diag *diag)
{
    char list[256] = "";
    bool fits = false;
    size_t at;
    json_t *fit;

    json_array_foreach(json_object_get(verdict, "fits"), at, fit)
    {
        const char *profile = json_string_value(json_object_get(fit, "profile"));

        if (profile == NULL || !is_wanted(options->profile, fit, "profile") ||
            !is_wanted(options->kind, fit, "kind"))
            continue;
        fits = true;
        list[0] = '\0';
        if (find_hook(verdict, profile, options->hook, list, sizeof list))
            return BERTH_OK;
    }
    if (!fits)
        return BERTH_OK;
    if (list[0] == '\0')
        return fail(diag, BERTH_E_ABSENT, BERTH_REASON_NONE,
                    "it has no hooks, but functions, which 'berth call FILE CALL' calls");
    return fail(diag, BERTH_E_ABSENT, BERTH_REASON_NONE, "it has no hook '%s', but: %s",
                options->hook, list);
}

json_t *cli_verdict_read(const berth_verdict *verdict)
{
    return json_loads(berth_verdict_json(verdict), JSON_ALLOW_NUL, NULL);
}

berth_status cli_artifact_has_hook(const cli_bytes *bytes, const cli_options *options,
                                   berth_diag *diag)
{
    berth_verdict *verdict;
    json_t *root;
    berth_status status;

    status =
        berth_inspect(NULL, bytes->data, bytes->size, options->artifact_bytes, &verdict, diag);
    if (status != BERTH_OK)
        return status;
    root = cli_verdict_read(verdict);
    status = look_for_hook(root, options, diag);
    json_decref(root);
    berth_verdict_destroy(verdict);
    return status;
}
