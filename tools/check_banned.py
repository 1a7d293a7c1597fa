#!/usr/bin/env python3
"""Functions that have one home, or none.

RULES says, per function, in which files it may be called; an empty list means nowhere.  Paths are
relative to the root and may end in /* for a folder.
"""
import fnmatch
import re

import checklib

LIBRARY = ("src",)
PROGRAMS = ("src", "cli", "examples", "tests", "bench", "guest", "demo")
HEAP = ["src/base/alloc.c"]

RULES = [
    # (names, folders that are checked, homes, why)
    ("malloc calloc realloc reallocarray free strdup strndup asprintf vasprintf aligned_alloc "
     "posix_memalign memalign getline getdelim", LIBRARY, HEAP,
     "memory comes through berth_allocator"),
    ("printf vprintf puts putchar fprintf vfprintf fputs fputc putc fwrite perror dprintf",
     LIBRARY, ["src/base/diag.c"], "a library does not print"),
    ("exit _exit quick_exit abort", LIBRARY, ["src/base/diag.c"],
     "a library does not end its process"),
    ("strcpy strcat sprintf vsprintf gets strtok strncpy strncat stpcpy atoi "
     "atol atoll atof tmpnam tempnam mktemp alloca rand srand setlocale",
     PROGRAMS, [], "there is a bounded or explicit way"),
    ("sleep usleep nanosleep clock_nanosleep thrd_sleep",
     ("src", "cli", "examples", "tests", "bench"),
     ["src/os/*", "tests/support/slot_rig.c"],  # the rig polls gauges, which nobody announces
     "wait for the event, not for a time; the clock is behind os/"),
    ("scanf sscanf fscanf system popen", ("src", "cli", "examples"), [],
     "there is a bounded or explicit way"),
    ("strerror", ("src", "cli"), [], "strerror_r() is safe with threads"),
    ("setjmp longjmp sigsetjmp siglongjmp signal", LIBRARY, [], "no hidden control flow"),
    ("pthread_mutex_lock pthread_cond_wait pthread_create", LIBRARY, ["src/os/*"],
     "threads and locks are behind os/ and sync/"),
]


def homes_of(name, rules):
    return next(((folders, homes, why) for names, folders, homes, why in rules
                 if name in names.split()), None)


def main():
    root, errors, calls = checklib.root_folder(), [], 0
    names = {name for names, _, _, _ in RULES for name in names.split()}
    call = re.compile(r"(?<![\w.>])(" + "|".join(sorted(names)) + r")\s*\(")
    for path in checklib.files(root, *PROGRAMS):
        inside = path.relative_to(root)
        code = checklib.code_of(path.read_text(errors="replace"))
        for number, line in enumerate(code.splitlines(), 1):
            for found in call.finditer(line):
                name = found.group(1)
                folders, homes, why = homes_of(name, RULES)
                calls += 1
                if inside.parts[0] not in folders:
                    continue
                if not any(fnmatch.fnmatch(str(inside), home) for home in homes):
                    errors.append(f"{inside}:{number}: {name}() is banned here: {why}")
    checklib.finish("banned", errors, f"{len(names)} names, {calls} uses, all at home")


main()
