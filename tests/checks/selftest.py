#!/usr/bin/env python3
"""Each checker finds the violation it is there for, planted in a copy of the tree.

    selftest.py BUILD      BUILD is a finished build tree, for check_symbols.py
"""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
# A small part, so that sixty runs of checkers over it take seconds.
COPIED = (".clang-format", "src/LAYERS", "src/base", "src/wasm/engine.h", "src/registry/registry.h",
          "src/component/run/instance.h",
          "include", "tools", "guest", "examples/plugins", "tests/support", "engine/wasmtime/src")
MADE = ("cli", "src/admit", "src/component/plan", "tests/api", "tests/unit", "docs")

LONG_FUNCTION = "int berthi_long(void)\n{\n" + "    (void)0;\n" * 100 + "    return 0;\n}\n"
PLANTS = [
    # (checker, file, text to append, words the message must hold)
    ("layers", "src/base/alloc.c", '#include "wasm/engine.h"\n', "may not use"),
    ("layers", "src/base/alloc.c", '#include "alloc.h"\n', "relative to src/"),
    ("layers", "src/base/alloc.c", "#include <pthread.h>\n", "alone"),
    ("layers", "src/admit/planted.c", "#include <wasmtime.h>\n", "alone"),
    ("layers", "src/nowhere/planted.c", "int planted;\n", "is not in src/LAYERS"),
    ("layers", "src/LAYERS", "sideways: upward\n", "not above"),
    ("layers", "src/LAYERS", "component/last: first\n", "not above"),
    ("layers", "src/component/plan/planted.c", '#include "component/run/instance.h"\n',
     "component/plan may not use"),
    ("layers", "src/component/planted/planted.c", "int planted;\n", "where other parts are"),
    ("layers", "tests/api/planted_test.c", '#include "base/alloc.h"\n', "public headers only"),
    ("layers", "cli/planted.c", '#include "registry/slot.h"\n', "public headers only"),
    ("layers", "include/berth/base.h", "#include <stdio.h>\n", "needs no <stdio.h>"),
    ("contracts", "include/berth/base.h",
     "struct berth_planted;\nBERTH_API int berth_planted(void);\n", "no comment right above"),
    ("contracts", "include/berth/base.h",
     "/* Blocks: never. */\nBERTH_API int berth_planted(void);\n", "no 'Thread:"),
    ("contracts", "include/berth/base.h",
     "/* Thread: any. */\nBERTH_API int berth_planted(void);\n", "no 'Blocks:"),
    ("contracts", "include/berth/base.h",
     "/* Thread: any.  Blocks: never.  Gives *x_out. */\n"
     "BERTH_API BERTH_CHECKED berth_status berth_planted(int *x_out);\n", "no 'Fails:'"),
    ("contracts", "include/berth/base.h",
     "/* Thread: any.  Blocks: never.  Fails: never.  Gives *x_out. */\n"
     "BERTH_API berth_status berth_planted(int *x_out);\n", "not BERTH_CHECKED"),
    ("contracts", "include/berth/base.h",
     "/* Thread: any.  Blocks: never.  Fails: never. */\n"
     "BERTH_API BERTH_CHECKED berth_status berth_planted(int *x_out);\n", "no 'Gives'"),
    ("contracts", "include/berth/base.h", "BERTH_API planted nonsense;\n", "understood"),
    ("sizes", "src/base/alloc.c", LONG_FUNCTION, "berthi_long: the function has 103 lines"),
    ("sizes", "src/base/alloc.c", "\n" * 1501, "the file has"),
    ("sizes", "include/berth/base.h", "\n" * 401, "the file has"),
    ("sizes", "tools/size_exemptions", "src/gone.c 2000 it was large\n", "not there any more"),
    ("sizes", "tools/size_exemptions", "src/gone.c large\n", "write `path"),
    ("banned", "src/admit/planted.c", "void *p(void) { return malloc(1); }\n", "malloc() is"),
    ("banned", "src/admit/planted.c", 'void p(void) { printf("x"); }\n', "printf() is"),
    ("banned", "src/admit/planted.c", "void p(void) { exit(1); }\n", "exit() is"),
    ("banned", "cli/planted.c", "void p(char *a) { strcpy(a, a); }\n", "strcpy() is"),
    ("banned", "tests/unit/planted_test.c", "void p(void) { usleep(1); }\n", "usleep() is"),
    ("banned", "tests/unit/planted_test.c", "void *p(int n) { return alloca(n); }\n", "alloca()"),
    ("words", "src/base/alloc.c", "/* TO" "DO: later */\n", "TO" "DO"),
    ("words", "src/base/alloc.c", "/* good enough for" " now */\n", "finish it"),
    ("words", "cli/planted.c", '/* see /wo' 'rk/x */\n', "a path of one machine"),
    ("words", "tools/planted.sh", "curl https://crates" ".io/x\n", "package registry"),
    ("format", "src/base/alloc.c", "int   berthi_x;\n", "src/base/alloc.c:"),
    ("words", "cli/planted.c", "<<<<<<< ours\n", "unresolved merge"),
    ("snippets", "planted.md", "```c\nint x;\n```\n", "without file="),
    ("snippets", "planted.md", "```c file=gone.c\nint x;\n```\n", "gone.c is not there"),
    ("snippets", "planted.md", "```c file=guest/berth_hook.h\nint x;\n```\n", "not what"),
    ("snippets", "planted.md", "```c file=guest/berth_hook.h\n```\n", "the block is empty"),
    ("snippets", "planted.md", "```sh\nls\n", "no end"),
    ("snippets", "planted.md", "```c file=guest/berth_hook.h\n#endif\n...\n#ifndef BERTH_HOOK_H\n"
     "```\n", "#ifndef BERTH_HOOK_H"),
]
# Must not be taken for violations.
INNOCENT = [
    ("banned", "src/admit/planted.c", '/* malloc(1) */ const char *p = "malloc(1)";\n'),
    ("banned", "src/admit/planted.c", "void p(struct s *o) { o->free(1); o.malloc(2); }\n"),
    ("banned", "tests/unit/planted_test.c", "void *p(void) { return malloc(1); }\n"),
    ("format", "src/base/alloc.c", "int berthi_x;\n"),
    ("sizes", "src/base/alloc.c", "int berthi_a(void)\n{\n" + "(void)0;\n" * 96 + "}\n"),
    ("layers", "tests/unit/planted_test.c", '#include "base/alloc.h"\n'),
    ("contracts", "include/berth/base.h",
     "/* Thread: any.  Blocks: never. */\nBERTH_API int berth_planted(void);\n"),
    ("snippets", "planted.md", "```c file=guest/berth_hook.h\n#ifndef BERTH_HOOK_H\n"
     "#define BERTH_HOOK_H\n...\n#include <stddef.h>\n```\n"),
    ("snippets", "planted.md", "1. indented\n\n   ```c file=guest/berth_hook.h\n"
     "   reply.packed = (uint64_t)address << 32 | len;\n   ```\n"),
    ("snippets", "planted.md", "```c sketch\nint x;\n```\n\n```sh\nls\n```\n"),
]


def copy_tree(to):
    for name in COPIED:
        if (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, to / name)
        elif (ROOT / name).exists():
            shutil.copytree(ROOT / name, to / name, dirs_exist_ok=True,
                            ignore=shutil.ignore_patterns("__pycache__", "*.pyc", "corpus"))


    for name in MADE:
        (to / name).mkdir(parents=True, exist_ok=True)


def run(checker, tree, *more):
    done = subprocess.run([sys.executable, ROOT / f"tools/check_{checker}.py", tree, *more],
                          capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def with_planted(tree, file, text, action):
    path = tree / file
    before = path.read_text() if path.exists() else None
    made = None if path.parent.exists() else path.parent
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text((before or "") + text)
    try:
        return action()
    finally:
        if before is None:
            path.unlink()
        else:
            path.write_text(before)
        if made:
            shutil.rmtree(made)


def source_checks(tree):
    """What the tree itself violates is reported by the checkers, not here: only news counts."""
    failures = []
    before = {checker: set(run(checker, tree)[1].splitlines())
              for checker in {plant[0] for plant in PLANTS}}

    def news(checker, file, text):
        status, said = with_planted(tree, file, text, lambda: run(checker, tree))
        lines = [line for line in said.splitlines()
                 if line not in before[checker] and not line.startswith(checker + ": ")]
        return status, "\n".join(lines)

    for checker, file, text, words in PLANTS:
        status, said = news(checker, file, text)
        if status == 77:
            print(f"{checker}: {said}")
        elif status != 1 or words not in said:
            failures.append(f"{checker}: does not see {text.strip()[:60]!r} in {file}: {said}")
    for checker, file, text in INNOCENT:
        _, said = news(checker, file, text)
        if said:
            failures.append(f"{checker}: complains of {text.strip()[:60]!r} in {file}: {said}")
    return failures


def compiler_check(tree):
    """A warning that only the other compiler has."""
    build = tree / "planted_compile"
    build.mkdir()
    source = build / "planted.c"
    source.write_text("int berthi_f(int a);\nint berthi_f(int a)\n{\n    a = a;\n    return 0;\n}\n")
    commands = [{"directory": str(build), "file": str(source),
                 "command": f"gcc -Wall -o x.o -c {source}"}]
    (build / "compile_commands.json").write_text(json.dumps(commands))
    status, said = run("compilers", tree, build)
    shutil.rmtree(build)
    ok = status == 77 or (status == 1 and "planted.c: clang says" in said)
    return [] if ok else [f"compilers: does not see what clang warns of: {said}"]


def symbol_checks(tree, build):
    """A header that declares more, then less, than the library has; a stray global name; a call
    upward that no #include shows."""
    failures = []
    copy = tree / "planted_build"
    (copy / "lib").mkdir(parents=True)
    for name in ("libberth.so", "libberth.a"):
        shutil.copy(build / "lib" / name, copy / "lib" / name)
    for folder in (build / "CMakeFiles").glob("berth*_objects.dir/src"):
        shutil.copytree(folder, copy / folder.relative_to(build))
    objects = "CMakeFiles/berth_lower_objects.dir/src"

    def expect(words, said):
        if said[0] != 1 or words not in said[1]:
            failures.append(f"symbols: does not say {words!r}: {said[1]}")

    expect("berth_planted is declared BERTH_API and not exported", with_planted(
        tree, "include/berth/base.h", "BERTH_API int berth_planted(void);\n",
        lambda: run("symbols", tree, copy)))
    header = tree / "include/berth/base.h"
    text = header.read_text()
    header.write_text(text.replace("*berth_version_text(void);", "*berth_other_text(void);"))
    expect("exports berth_version_text", run("symbols", tree, copy))
    header.write_text(text)

    def compile_into(layer, source):
        file = copy / objects / layer / "planted.c.o"
        file.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cc", "-x", "c", "-c", "-", "-o", file], input=source, text=True, check=True)
        return file

    stray = compile_into("base", "int stray_name;\n")
    subprocess.run(["ar", "q", copy / "lib/libberth.a", stray], check=True, capture_output=True)
    expect("stray_name starts neither", run("symbols", tree, copy))
    stray.unlink()
    shutil.copy(build / "lib/libberth.a", copy / "lib/libberth.a")
    compile_into("base", "int berthi_wasm_form(void); int berthi_p(void) "
                         "{ return berthi_wasm_form(); }\n")
    expect("calls berthi_wasm_form of wasm", run("symbols", tree, copy))
    shutil.rmtree(copy)
    return failures


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory() as name:
        tree = pathlib.Path(name)
        copy_tree(tree)
        failures = source_checks(tree) + compiler_check(tree) + symbol_checks(tree, pathlib.Path(sys.argv[1]))
    print("\n".join(failures) or f"selftest: {len(PLANTS) + 5} planted violations found, "
          f"{len(INNOCENT)} innocent lines left alone")
    sys.exit(1 if failures else 0)


main()
