#!/usr/bin/env python3
"""Prints what the public headers promise to compiled callers, as the lines of tests/abi/promised.inc.

    tests/abi/dump.py >tests/abi/promised.inc      after something was appended, never to change it

VALUE(name, number)  FIELD(struct, field, offset, size)  FUNCTION(name)
"""
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))
import checklib  # noqa: E402


def promises(code):
    for body in re.findall(r"\benum\b[^{;]*\{([^}]*)\}", code):
        for name in re.findall(r"\b(BERTH_[A-Z0-9_]+)\s*(?:=|,|$)", body, re.M):
            yield f'printf("VALUE({name}, %lld)\\n", (long long){name});'
    for body, name in re.findall(r"typedef struct berth_\w+\s*\{(.*?)\}\s*(berth_\w+)\s*;", code, re.S):
        for declaration in body.split(";"):
            pointer = re.search(r"\(\s*\*\s*(\w+)\s*\)\s*\(", declaration)
            if pointer:
                fields = [pointer.group(1)]
            else:
                fields = [re.sub(r"\[.*", "", part).strip().split()[-1].lstrip("*")
                          for part in declaration.split(",") if part.strip()]
            for field in fields:
                yield (f'printf("FIELD({name}, {field}, %zu, %zu)\\n", offsetof({name}, {field}), '
                       f"sizeof(({name} *)0)->{field});")


def main():
    headers = sorted((ROOT / "include/berth").glob("*.h"))
    lines, functions = [], []
    for header in headers:
        code = checklib.code_of(header.read_text())
        code = "\n".join(line for line in code.splitlines() if not line.lstrip().startswith("#"))
        lines += list(promises(code))
        functions += re.findall(r"^BERTH_API\b[^;{}()]*?\b(berth_\w+)\s*\(", code, re.M)
    source = "".join(f"#include <berth/{header.name}>\n" for header in headers)
    source += "#include <stdio.h>\nint main(void)\n{\n" + "\n".join(lines) + "\nreturn 0;\n}\n"
    with tempfile.TemporaryDirectory() as folder:
        program = pathlib.Path(folder) / "dump"
        subprocess.run(["cc", "-x", "c", "-I", ROOT / "include", "-o", program, "-"],
                       input=source, text=True, check=True)
        sys.stdout.write(subprocess.run([program], capture_output=True, text=True,
                                        check=True).stdout)
    for name in sorted(functions):
        print(f"FUNCTION({name})")


main()
