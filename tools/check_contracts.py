#!/usr/bin/env python3
"""Every public function states its contract in the fixed words of berth/base.h.

The comment right above a BERTH_API declaration says "Thread:" and "Blocks:"; "Fails:" when it
returns a berth_status, which is then BERTH_CHECKED; and "Gives" when it has an `_out` parameter.
"""
import re

import checklib

DECLARATION = re.compile(r"^BERTH_API\b([^;{}]*?)\b(berth_\w+)\s*\(([^;{}]*)\)\s*;", re.M)
COMMENT_END = re.compile(r"\*/[ \t]*\n\Z")
THREAD = re.compile(r"Thread:\s*(any|one|that|the)\b")
BLOCKS = re.compile(r"Blocks:\s*(never|briefly|until|as berth_\w+\(\))")


def comment_above(text, at):
    """The comment that ends on the line before `at`, or ""."""
    before = text[:at]
    if not COMMENT_END.search(before):
        return ""
    return re.sub(r"\n\s*\*", "\n ", before[before.rindex("/*"):])


def check(path, text, errors):
    count = 0
    marked = len(re.findall(r"^BERTH_API\b", text, re.M))
    for found in DECLARATION.finditer(text):
        head, name, parameters = found.groups()
        where = f"{path}:{text.count(chr(10), 0, found.start()) + 1}: {name}"
        comment, count = comment_above(text, found.start()), count + 1
        if not comment:
            errors.append(f"{where}: no comment right above it")
            continue
        if not THREAD.search(comment):
            errors.append(f"{where}: no 'Thread: any' or 'Thread: one'")
        if not BLOCKS.search(comment):
            errors.append(f"{where}: no 'Blocks: never', 'briefly', 'until ...' or 'as berth_...()'")
        if re.search(r"\bberth_status\s*\Z", head.strip()):
            if "Fails:" not in comment:
                errors.append(f"{where}: returns a status and has no 'Fails:'")
            if "BERTH_CHECKED" not in head:
                errors.append(f"{where}: returns a status and is not BERTH_CHECKED")
            if re.search(r"\w_out\b", parameters) and not re.search(r"\b[Gg]ives\b", comment):
                errors.append(f"{where}: has an _out parameter and no 'Gives'")
    if count != marked:
        errors.append(f"{path}: {marked} lines start with BERTH_API, {count} of them understood")
    return count


def main():
    root, errors, count = checklib.root_folder(), [], 0
    for path in checklib.files(root, "include"):
        count += check(path.relative_to(root), path.read_text(), errors)
    checklib.finish("contracts", errors, f"{count} functions state theirs")


main()
