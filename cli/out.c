/* out.c - what people read: errors in one shape, text made safe, memory or the end.
 * Layer: cli. */
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"

/* How long the character at `s` is in well-formed UTF-8, with its code point; 0: it is none. */
static size_t read_utf8(const unsigned char *s, uint32_t *point_out)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    size_t size = s[0] < 0x80             ? 1
                  : (s[0] & 0xE0) == 0xC0 ? 2
                  : (s[0] & 0xF0) == 0xE0 ? 3
                  : (s[0] & 0xF8) == 0xF0 ? 4
                                          : 0;
    uint32_t point;

    if (size <= 1) {
        *point_out = s[0];
        return size;
    }
    point = s[0] & (0x7Fu >> size);
    for (size_t i = 1; i < size; i++) {
        if ((s[i] & 0xC0) != 0x80) /* the terminator ends up here too */
            return 0;
        point = point << 6 | (s[i] & 0x3Fu);
    }
    if (point < least[size] || point > 0x10FFFF || (point >= 0xD800 && point < 0xE000))
        return 0;
    *point_out = point;
    return size;
}

/* Controls (C0, DEL, C1) drive terminals; the others make text look like other text. */
static bool is_unsafe(uint32_t point, bool keep_newlines)
{
    if (point == '\n')
        return !keep_newlines;
    return point < 0x20 || (point >= 0x7F && point < 0xA0) || point == 0xAD || point == 0x61C ||
           (point >= 0x200B && point <= 0x200F) || (point >= 0x2028 && point <= 0x202E) ||
           (point >= 0x2060 && point <= 0x206F) || point == 0xFEFF ||
           (point >= 0xE0000 && point < 0xE0080);
}

void cli_clean(char *dst, size_t size, const char *src, bool keep_newlines)
{
    const unsigned char *s = (const unsigned char *)src;
    size_t used = 0;

    while (*s != '\0') {
        uint32_t point = 0;
        size_t length = read_utf8(s, &point);
        bool plain = length != 0 && !is_unsafe(point, keep_newlines);
        size_t need = plain ? length : 4 * (length == 0 ? 1 : length);

        if (length == 0)
            length = 1;
        if (used + need >= size)
            break;
        if (plain)
            memcpy(dst + used, s, length);
        else
            for (size_t i = 0; i < length; i++)
                snprintf(dst + used + 4 * i, 5, "\\x%02x", s[i]);
        used += need;
        s += length;
    }
    dst[used] = '\0';
}

bool cli_may_colour(int fd)
{
    const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");

    return (no_colour == NULL || no_colour[0] == '\0') &&
           (term == NULL || strcmp(term, "dumb") != 0) && isatty(fd) == 1;
}

/* One message at a time, and never inside a progress line. */
static pthread_mutex_t stderr_mutex = PTHREAD_MUTEX_INITIALIZER;
static unsigned progress_lines; /* that stand; guarded by stderr_mutex */

static void begin_message(void)
{
    pthread_mutex_lock(&stderr_mutex);
    if (progress_lines > 1)
        fprintf(stderr, "\r\033[%uA\033[J", progress_lines - 1);
    else if (progress_lines == 1)
        fputs("\r\033[K", stderr);
    progress_lines = 0;
}

static void end_message(void)
{
    fflush(stderr);
    pthread_mutex_unlock(&stderr_mutex);
}

void cli_progress_line(const char *text)
{
    begin_message();
    if (text != NULL) {
        fputs(text, stderr);
        for (progress_lines = 1; *text != '\0'; text++)
            progress_lines += *text == '\n';
    }
    end_message();
}

static void print_failure(const char *what, const char *why, const char *advice)
{
    char clean[3][CLI_TEXT_MAX];
    bool colour = cli_may_colour(STDERR_FILENO);

    cli_clean(clean[0], sizeof clean[0], what, false);
    cli_clean(clean[1], sizeof clean[1], why, false);
    cli_clean(clean[2], sizeof clean[2], advice, false);
    begin_message();
    fprintf(stderr, "%sberth:%s %s : %s; %s\n", colour ? "\033[1;31m" : "",
            colour ? "\033[0m" : "", clean[0], clean[1], clean[2]);
    end_message();
}

int cli_fail(int code, const char *what, const char *advice, const char *why_format, ...)
{
    char why[CLI_TEXT_MAX];
    va_list args;

    va_start(args, why_format);
    if (vsnprintf(why, sizeof why, why_format, args) < 0)
        why[0] = '\0';
    va_end(args);
    print_failure(what, why, advice);
    return code;
}

int cli_fail_os(const char *what, const char *advice, int os_code)
{
    char text[128];

    /* The GNU form: what it returns need not be in the buffer. */
    return cli_fail(CLI_FAILED, what, advice, "%s", strerror_r(os_code, text, sizeof text));
}

void cli_note(const char *format, ...)
{
    char text[CLI_TEXT_MAX], clean[CLI_TEXT_MAX];
    va_list args;

    va_start(args, format);
    if (vsnprintf(text, sizeof text, format, args) < 0)
        text[0] = '\0';
    va_end(args);
    cli_clean(clean, sizeof clean, text, false);
    begin_message();
    fprintf(stderr, "berth: %s\n", clean);
    end_message();
}

/* The lines behind the first of `text`, each a bit to the right.  The message has begun. */
static void print_more_lines(const char *text)
{
    char line[CLI_TEXT_MAX], clean[CLI_TEXT_MAX];
    size_t length = strcspn(text, "\n");

    while (text[length] == '\n') {
        text += length + 1;
        length = strcspn(text, "\n");
        snprintf(line, sizeof line, "%.*s", (int)length, text);
        cli_clean(clean, sizeof clean, line, false);
        if (length != 0)
            fprintf(stderr, "  %s\n", clean);
    }
}

void cli_note_lines(const char *text)
{
    char line[CLI_TEXT_MAX], clean[CLI_TEXT_MAX];

    snprintf(line, sizeof line, "%.*s", (int)strcspn(text, "\n"), text);
    cli_clean(clean, sizeof clean, line, false);
    begin_message();
    fprintf(stderr, "berth: %s\n", clean);
    print_more_lines(text);
    end_message();
}

const char *cli_failure_word(char *dst, size_t size, berth_status status, berth_reason reason)
{
    const char *name = berth_reason_name(reason);

    if (status == BERTH_E_TRAP)
        snprintf(dst, size, "trap (%s)", name[0] == '\0' ? "unknown" : name);
    else if ((status == BERTH_E_LIMIT || status == BERTH_E_ABI) && name[0] != '\0')
        snprintf(dst, size, "%s", name);
    else
        snprintf(dst, size, "%s", berth_status_name(status));
    return dst;
}

static const char *limit_advice(berth_reason reason)
{
    switch (reason) {
    case BERTH_REASON_STACK:
        return "raise --stack, or make the plugin recurse less";
    case BERTH_REASON_MEMORY:
        return "raise --memory, or make the plugin use less";
    case BERTH_REASON_INPUT:
        return "raise --memory, or send less";
    case BERTH_REASON_OUTPUT:
        return "raise --output-max, or make the plugin reply with less";
    case BERTH_REASON_ARTIFACT:
        return "raise --artifact-max, or strip the artifact";
    case BERTH_REASON_NAME:
        return "use a shorter name";
    default:
        break;
    }
    return "docs/limits.md lists the limits";
}

const char *cli_failure_advice(berth_status status, berth_reason reason)
{
    switch (status) {
    case BERTH_E_DEADLINE:
        return "raise the deadline, or make the plugin faster";
    case BERTH_E_TRAP:
        return "mend the plugin; the instance it happened in is gone";
    case BERTH_E_LIMIT:
        return limit_advice(reason);
    case BERTH_E_ABI:
        return "mend the plugin as docs/hook-abi.md says, or docs/native-plugins.md";
    case BERTH_E_BUSY:
        return "try again, or use fewer workers";
    case BERTH_E_ABSENT:
        return "'berth inspect FILE' lists what it has";
    case BERTH_E_REJECTED:
        if (reason == BERTH_REASON_LINKER)
            return "link it with what it needs, or put that where the dynamic linker looks";
        return "'berth inspect FILE' lists every finding";
    case BERTH_E_OS:
        return "check the path and its permissions";
    case BERTH_E_NOMEM:
        return "free some memory";
    case BERTH_E_STATE:
        return "try again when that has changed";
    case BERTH_E_VERSION:
        return "build both with the headers of one version";
    default:
        break;
    }
    return "check what was asked for";
}

int cli_fail_lines(int code, const char *what, const char *advice, const char *why)
{
    char line[CLI_TEXT_MAX];

    snprintf(line, sizeof line, "%.*s", (int)strcspn(why, "\n"), why);
    print_failure(what, line, advice);
    begin_message();
    print_more_lines(why);
    end_message();
    return code;
}

int cli_fail_diag(int code, const char *what, const char *advice, berth_status status,
                  const berth_diag *diag)
{
    char why[CLI_TEXT_MAX], word[64];
    const char *text = diag->text;
    size_t named = strlen(what);

    if (strncmp(text, what, named) == 0 && text[named] == ':' && text[named + 1] == ' ')
        text += named + 2; /* the library, which was given a path, names it too */
    cli_failure_word(word, sizeof word, status, (berth_reason)diag->reason);
    snprintf(why, sizeof why, "%s%s%s", word, text[0] == '\0' ? "" : ": ", text);
    if (advice == NULL)
        advice = cli_failure_advice(status, (berth_reason)diag->reason);
    return cli_fail_lines(code, what, advice, why);
}

int cli_stdout_end(int code)
{
    errno = 0;
    if (fflush(stdout) == 0 && ferror(stdout) == 0)
        return code;
    return cli_fail_os("stdout", "what was printed is not complete", errno == 0 ? EIO : errno);
}

static void *or_end(void *p)
{
    if (p == NULL) {
        cli_fail(CLI_FAILED, "memory", "free some", "there is none left");
        _exit(CLI_FAILED);
    }
    return p;
}

void *cli_alloc(size_t size)
{
    return or_end(malloc(size == 0 ? 1 : size));
}

void *cli_realloc(void *ptr, size_t size)
{
    return or_end(realloc(ptr, size == 0 ? 1 : size));
}

void cli_free(void *ptr)
{
    free(ptr);
}

uint64_t cli_now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}
