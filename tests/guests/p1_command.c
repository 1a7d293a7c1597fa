/* p1_command.c - a program of WASI preview 1: its input to its output, its arguments to its errors, and the
 * exit code that the last of them asks for. */
#include <stddef.h>
#include <stdint.h>

#define P1(name) __attribute__((import_module("wasi_snapshot_preview1"), import_name(#name)))

typedef struct span {
    const void *at;
    size_t size;
} span;

P1(fd_read) int fd_read(int fd, span *spans, size_t count, size_t *done);
P1(fd_write) int fd_write(int fd, const span *spans, size_t count, size_t *done);
P1(args_sizes_get) int args_sizes_get(size_t *count, size_t *size);
P1(args_get) int args_get(char **list, char *text);
P1(proc_exit) _Noreturn void proc_exit(int code);

static char bytes[65536], text[4096], *list[64];

/* A stream that takes nothing more ends the program. */
static void put(int fd, const char *from, size_t size)
{
    size_t done;

    while (size > 0) {
        if (fd_write(fd, &(span){ from, size }, 1, &done) != 0)
            proc_exit(3);
        from += done;
        size -= done;
    }
}

static size_t length(const char *string)
{
    size_t size = 0;

    while (string[size] != '\0')
        size++;
    return size;
}

__attribute__((export_name("_start"))) void start(void)
{
    size_t count, size, done;
    char last = 0;

    if (args_sizes_get(&count, &size) != 0 || count > 64 || size > sizeof text ||
        args_get(list, text) != 0)
        proc_exit(4);
    for (size_t i = 1; i < count; i++) {
        put(2, list[i], length(list[i]));
        put(2, "\n", 1);
        last = list[i][0];
    }
    while (fd_read(0, &(span){ bytes, sizeof bytes }, 1, &done) == 0 && done > 0)
        put(1, bytes, done);
    if (last == 't') /* a trap */
        __builtin_trap();
    if (last != 'w')
        proc_exit(last == 'f' ? 1 : last == 'e' ? 42 : 0);
}
