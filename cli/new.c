/* new.c - `berth new`: the start of a plugin's project.  Layer: cli. */
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "new.h"

enum { NAME_MAX_BYTES = 64 };

static const char mark[] = "@NAME@";

/* Lower-case letters, digits and single dashes, which every tool takes for a package's name. */
static bool is_name(const char *name)
{
    size_t size = strlen(name);

    if (size == 0 || size > NAME_MAX_BYTES || name[0] < 'a' || name[0] > 'z' ||
        name[size - 1] == '-')
        return false;
    for (size_t i = 0; i < size; i++)
        if (!((name[i] >= 'a' && name[i] <= 'z') || (name[i] >= '0' && name[i] <= '9') ||
              (name[i] == '-' && name[i + 1] != '-')))
            return false;
    return true;
}

/* The file's name in the project; NULL: it is of another template. */
static const char *name_in(const new_file *file, const char *language, const char *contract)
{
    size_t size = strlen(language), more = strlen(contract);

    if (strncmp(file->path, language, size) != 0 || file->path[size] != '/' ||
        strncmp(file->path + size + 1, contract, more) != 0 ||
        file->path[size + 1 + more] != '/')
        return NULL;
    return file->path + size + more + 2;
}

static int fail_unknown(const char *language, const char *contract)
{
    char list[512] = "", last[64] = "", what[64];

    for (const new_file *f = new_files; f->path != NULL; f++) {
        size_t size = strcspn(f->path, "/");

        size += 1 + strcspn(f->path + size + 1, "/");
        if (strncmp(last, f->path, size) == 0 && last[size] == '\0')
            continue;
        snprintf(last, sizeof last, "%.*s", (int)size, f->path);
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s",
                 list[0] == '\0' ? "" : ", ", last);
    }
    snprintf(what, sizeof what, "%.30s/%.30s", language, contract);
    return cli_fail(CLI_USAGE, what, "give --lang and --contract of one of these",
                    "there is no such template, but: %s", list);
}

/* The text with the project's name; cli_free(). */
static char *filled(const new_file *file, const char *name)
{
    const char *from = file->text, *found;
    size_t count = 0, used = 0, room;
    char *text;

    for (found = strstr(from, mark); found != NULL; found = strstr(found + 1, mark))
        count++;
    room = file->size + count * strlen(name) + 1;
    text = cli_alloc(room);
    while ((found = strstr(from, mark)) != NULL) {
        used += (size_t)snprintf(text + used, room - used, "%.*s%s", (int)(found - from), from,
                                 name);
        from = found + strlen(mark);
    }
    snprintf(text + used, room - used, "%s", from);
    return text;
}

static int write_file(const char *folder, const char *inside, const char *text)
{
    char path[2 * PATH_MAX], *slash;

    if (snprintf(path, sizeof path, "%s/%s", folder, inside) >= (int)sizeof path)
        return cli_fail_os(folder, "use a shorter path", ENAMETOOLONG);
    slash = strrchr(path, '/');
    *slash = '\0';
    if (mkdir(path, 0777) != 0 && errno != EEXIST)
        return cli_fail_os(path, "give a path where a folder can be made", errno);
    *slash = '/';
    return cli_file_create(path, text, strlen(text), 0666);
}

static int write_all(const char *folder, const char *name, const cli_options *options,
                     const char *contract)
{
    int code = CLI_OK;

    for (const new_file *f = new_files; f->path != NULL && code == CLI_OK; f++) {
        const char *inside = name_in(f, options->language, contract);
        char *text;

        if (inside == NULL)
            continue;
        text = filled(f, name);
        code = write_file(folder, inside, text);
        cli_free(text);
    }
    return code;
}

int cli_new(const cli_options *options)
{
    const char *folder = options->operands[0];
    const char *contract = options->contract, *name;
    const new_file *f = new_files;
    char copy[PATH_MAX];

    snprintf(copy, sizeof copy, "%s", folder);
    name = basename(copy);
    if (contract == NULL) /* what a language has one of */
        contract =
            strcmp(options->language, "js") == 0 || strcmp(options->language, "python") == 0
                ? "pipe"
                : "hook";
    while (f->path != NULL && name_in(f, options->language, contract) == NULL)
        f++;
    if (f->path == NULL)
        return fail_unknown(options->language, contract);
    if (!is_name(name))
        return cli_fail(CLI_USAGE, name, "such as word-count",
                        "a name has up to %d lower-case letters, digits and single dashes",
                        NAME_MAX_BYTES);
    if (mkdir(folder, 0777) != 0)
        return cli_fail_os(folder, "give a path where nothing is yet", errno);
    if (write_all(folder, name, options, contract) != CLI_OK)
        return CLI_FAILED;
    printf("%s is a %s plugin in %s; its README.md says how to build and test it\n", folder,
           contract, options->language);
    return cli_stdout_end(CLI_OK);
}
