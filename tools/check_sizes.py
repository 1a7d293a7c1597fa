#!/usr/bin/env python3
"""Functions, files and public headers keep to their sizes.

A function has at most 100 lines, its braces included; a file 1500; a public header 400.  What may
be larger is named in tools/size_exemptions with its own bound, and the reason.
"""
import re

import checklib

FUNCTION_MAX, FILE_MAX, HEADER_MAX = 100, 1500, 400
NAME = re.compile(r"\b([A-Za-z_]\w*)\s*\(")


def read_exemptions(root, errors):
    """Lines of `path[:function] bound  reason`."""
    bounds, path = {}, root / "tools/size_exemptions"
    for number, raw in enumerate(path.read_text().splitlines() if path.is_file() else (), 1):
        line = raw.split("#", 1)[0].strip()
        if not line:
            continue
        parts = line.split(None, 2)
        if len(parts) < 3 or not parts[1].isdigit():
            errors.append(f"tools/size_exemptions:{number}: write `path[:function] bound reason`")
            continue
        bounds[parts[0]] = int(parts[1])
    return bounds


def functions(code):
    """(name, first line, lines) of each definition: a block that opens in column 0 or behind a
    closing parenthesis at depth 0."""
    depth, start, name, head, is_macro = 0, 0, "", [], False
    for number, line in enumerate(code.splitlines(), 1):
        if depth == 0:
            if line.startswith("#") or is_macro:
                is_macro = line.endswith("\\")
                continue
            head = [] if line.rstrip().endswith((";", "}")) and "{" not in line else head + [line]
        opened, closed = line.count("{"), line.count("}")
        if depth == 0 and opened:
            text = " ".join(head).split("{", 1)[0]
            called = NAME.search(re.sub(r"__attribute__\s*\(\(.*?\)\)", "", text))
            is_function = called and "=" not in text and "typedef" not in text
            name, start = (called.group(1) if is_function else ""), number
        depth += opened - closed
        if depth == 0 and closed:
            if name:
                yield name, start, number - start + 1
            name, head = "", []


def main():
    root, errors, count, longest = checklib.root_folder(), [], 0, (0, "")
    bounds, used = read_exemptions(root, errors), set()

    def over(key, size, bound, what):
        limit = bounds.get(key, bound)
        if key in bounds:
            used.add(key)
        if size > limit:
            errors.append(f"{key}: {what} has {size} lines, at most {limit}")

    for path in checklib.files(root, "src", "include", "cli", "tests", "bench", "examples",
                               "guest", "demo"):
        inside = str(path.relative_to(root))
        text = path.read_text(errors="replace")
        over(inside, text.count("\n"), HEADER_MAX if inside.startswith("include/") else FILE_MAX,
             "the file")
        for name, _, lines in functions(checklib.code_of(text)):
            count += 1
            longest = max(longest, (lines, f"{inside}:{name}"))
            over(f"{inside}:{name}", lines, FUNCTION_MAX, "the function")
    errors += [f"tools/size_exemptions: {key} is not there any more"
               for key in sorted(set(bounds) - used)]
    checklib.finish("sizes", errors, f"{count} functions, the longest has {longest[0]} lines "
                    f"({longest[1]}), {len(used)} exemptions")


main()
