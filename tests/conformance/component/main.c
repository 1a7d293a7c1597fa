/* main.c - component_conformance: runs the scripts of the component model's suites.
 *
 *     component_conformance [--literal|--flatten] [--engine wasmtime|interp] [--exceptions FILE]
 *                           [--words] [--at-least N] DIR...
 *
 * Every NAME.json below the folders is a script.  One line for each says how many of its commands
 * passed, failed and were skipped; in front of it is a line for each that failed or was skipped,
 * with the reason.  A command is skipped when it needs something that Berth leaves out on purpose:
 * the loader says so ("... not supported"), by what the binary uses.
 *
 *   --literal       shim and fixup modules are instantiated as they are
 *   --flatten       they are removed where that changes nothing (default)
 *   --exceptions    a file with lines "FOLDER/NAME.wast:LINE REASON": what may fail, counted as
 *                   skipped; empty lines and lines that begin with # mean nothing
 *   --words         also says where a refusal or trap reads otherwise than in the script
 *   --at-least N    fails when there are fewer commands
 *
 * Ends with "N passed, N failed, N skipped".  Exit: 0 nothing failed, 1 something did, 2 wrong
 * usage or unreadable files, 77 none of the folders is there. */
#include "runner.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_script(const char *name)
{
    size_t size = strlen(name);

    return name[0] != '.' && size > 5 && strcmp(name + size - 5, ".json") == 0;
}

static bool run_folder(runner *r, const char *folder)
{
    struct dirent **entries;
    int count = scandir(folder, &entries, NULL, alphasort);
    bool good = count >= 0;

    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        char path[4096];
        struct stat st;

        snprintf(path, sizeof path, "%s/%s", folder, name);
        if (name[0] == '.' || stat(path, &st) != 0)
            ;
        else if (S_ISDIR(st.st_mode))
            good &= run_folder(r, path);
        else if (is_script(name))
            good &= script_run(r, folder, name);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    return good;
}

static bool run_file(runner *r, const char *path)
{
    char folder[4096];
    const char *slash = strrchr(path, '/');

    snprintf(folder, sizeof folder, "%.*s", slash == NULL ? 1 : (int)(slash - path),
             slash == NULL ? "." : path);
    return script_run(r, folder, slash == NULL ? path : slash + 1);
}

static bool read_exceptions(runner *r, const char *path)
{
    FILE *file = fopen(path, "r");
    char line[512];

    if (file == NULL) {
        fprintf(stderr, "component_conformance: %s: cannot be read\n", path);
        return false;
    }
    while (fgets(line, sizeof line, file) != NULL) {
        runner_exception e;
        int at = 0;

        if (line[0] == '#' || sscanf(line, "%127s %n", e.place, &at) != 1)
            continue;
        snprintf(e.reason, sizeof e.reason, "%.*s", (int)strcspn(line + at, "\n"), line + at);
        r->exceptions =
            realloc(r->exceptions, (r->exceptions_count + 1) * sizeof *r->exceptions);
        if (r->exceptions == NULL)
            abort();
        r->exceptions[r->exceptions_count++] = e;
    }
    fclose(file);
    return true;
}

typedef struct arguments {
    const char *engine, *exceptions;
    unsigned long at_least;
    int first; /* of the folders */
} arguments;

static bool parse(runner *r, int argc, char **argv, arguments *o)
{
    int n = 1;

    for (; n < argc && strncmp(argv[n], "--", 2) == 0; n++) {
        const char *name = argv[n], *value = n + 1 < argc ? argv[n + 1] : NULL;

        if (strcmp(name, "--literal") == 0)
            r->keeps_shims = true;
        else if (strcmp(name, "--flatten") == 0)
            r->keeps_shims = false;
        else if (strcmp(name, "--words") == 0)
            r->shows_words = true;
        else if (value == NULL)
            return false;
        else if (strcmp(name, "--engine") == 0)
            o->engine = argv[++n];
        else if (strcmp(name, "--exceptions") == 0)
            o->exceptions = argv[++n];
        else if (strcmp(name, "--at-least") == 0)
            o->at_least = strtoul(argv[++n], NULL, 10);
        else
            return false;
    }
    o->first = n;
    return n < argc;
}

static bool make_engine(runner *r, const char *name)
{
    const berthi_wasm_ops *ops = berthi_wasm_provider(name);
    berthi_wasm_options options = { .allocator = &r->allocator,
                                    .memory_bytes_max = UINT64_C(1) << 32,
                                    .table_elements_max = 100000,
                                    .stack_bytes_max = 512 * 1024,
                                    .instances_max = 1000 };
    berth_diag diag;

    if (ops == NULL) {
        fprintf(stderr, "component_conformance: this build has no engine '%s'\n", name);
        return false;
    }
    if (ops->engine_create(&options, &r->engine, &diag) != BERTH_OK) {
        fprintf(stderr, "component_conformance: %s\n", diag.text);
        return false;
    }
    return true;
}

static int run_all(runner *r, int count, char **paths, unsigned long at_least)
{
    bool good = true, found = false;
    unsigned commands;

    for (int n = 0; n < count; n++) {
        struct stat st;

        if (stat(paths[n], &st) != 0)
            continue;
        found = true;
        good &= S_ISDIR(st.st_mode) ? run_folder(r, paths[n]) : run_file(r, paths[n]);
    }
    if (!found) {
        printf("skipped: no component suite at %s\n", paths[0]);
        return 77;
    }
    commands = r->total.passed + r->total.failed + r->total.skipped;
    if (commands < at_least)
        printf("there are %u commands, and should be %lu\n", commands, at_least);
    printf("%u passed, %u failed, %u skipped\n", r->total.passed, r->total.failed,
           r->total.skipped);
    if (!good)
        return 2;
    return r->total.failed == 0 && commands >= at_least ? 0 : 1;
}

int main(int argc, char **argv)
{
    runner r = { .allocator = berthi_allocator_libc };
    arguments o = { .engine = NULL };
    int status = 2;

    if (!parse(&r, argc, argv, &o))
        fprintf(stderr,
                "usage: component_conformance [--literal|--flatten] [--engine "
                "wasmtime|interp] [--exceptions FILE] [--words] [--at-least N] DIR...\n");
    else if ((o.exceptions == NULL || read_exceptions(&r, o.exceptions)) &&
             make_engine(&r, o.engine))
        status = run_all(&r, argc - o.first, argv + o.first, o.at_least);
    if (r.engine != NULL)
        r.engine->ops->engine_destroy(r.engine);
    free(r.exceptions);
    return status;
}
