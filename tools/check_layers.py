#!/usr/bin/env python3
"""Every #include keeps to src/LAYERS, and what stands outside sees public headers only.

A subsystem line in LAYERS may only name lines above it, so that the graph has no cycle; so do
lines of the parts of a subsystem ("component/plan").  An "only" line gives system headers their
homes: a folder of src, or one deeper.
"""
import fnmatch
import pathlib
import re

import checklib

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')
OUTSIDERS = ("cli", "examples", "demo", "tests/api", "tests/abi", "tests/cli", "tests/consumer")


def read_layers(path, errors):
    below, homes = {}, []
    for number, raw in enumerate(path.read_text().splitlines(), 1):
        line = raw.split("#", 1)[0].strip()
        if not line:
            continue
        if ":" not in line:
            errors.append(f"src/LAYERS:{number}: no colon in: {line}")
            continue
        subject, names = line.rsplit(":", 1)
        if subject.startswith("only "):
            homes.append((re.findall(r"<([^<>]+)>", subject), names.split()))
            continue
        if subject in below:
            errors.append(f"src/LAYERS:{number}: {subject} is listed twice")
        area = subject.rpartition("/")[0]
        uses = {f"{area}/{name}" if area else name for name in names.split()}
        for name in sorted(uses - below.keys()):
            errors.append(f"src/LAYERS:{number}: {subject} may use {name}, which is not above")
        below[subject] = uses
    return below, homes


def includes(path):
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
        found = INCLUDE.match(line)
        if found:
            yield number, found.group(1), found.group(2)


def part_of(path, below):
    """The part that a file of src lies in, such as component/plan; "" where there are none."""
    parts = pathlib.PurePath(path).parts
    part = "/".join(parts[:2]) if len(parts) > 2 else ""
    return part if part in below else ""


def check_part(inside, ours, where, below, errors):
    """What lies in the folder of a subsystem itself is for all of its parts."""
    mine, theirs = part_of(inside, below), part_of(ours, below)
    if mine and theirs and mine != theirs and mine.split("/")[0] == theirs.split("/")[0] \
            and theirs not in below[mine]:
        errors.append(f'{where}: {mine} may not use "{ours}" (src/LAYERS)')


def check_subsystems(root, below, homes, errors):
    src, count = root / "src", 0
    for entry in sorted(src.iterdir()):
        if entry.is_dir() and entry.name not in below:
            errors.append(f"src/{entry.name}: is not in src/LAYERS")
    for entry in sorted(src.glob("*/*/")):
        name = f"{entry.parent.name}/{entry.name}"
        if name not in below and any(part.startswith(entry.parent.name + "/") for part in below):
            errors.append(f"src/{name}: is not in src/LAYERS, where other parts are")
    for path in checklib.files(root, "src"):
        inside = path.relative_to(src)
        layer = inside.parts[0] if len(inside.parts) > 1 else ""
        allowed = below.get(layer, set()) | {layer}
        for number, ours, system in includes(path):
            count += 1
            where = f"src/{inside}:{number}"
            if ours and not (src / ours).is_file():
                errors.append(f'{where}: "{ours}" is no file of src; write it relative to src/')
            elif ours and pathlib.PurePath(ours).parts[0] not in allowed:
                errors.append(f'{where}: {layer} may not use "{ours}" (src/LAYERS)')
            elif ours:
                check_part(inside, ours, where, below, errors)
            for patterns, owners in homes if system else ():
                if any(fnmatch.fnmatch(system, pattern) for pattern in patterns) and not any(
                        str(inside).startswith(owner + "/") for owner in owners):
                    errors.append(f"{where}: <{system}> is for {', '.join(owners)} alone")
    return count


def check_outsiders(root, errors):
    """Public headers, system headers and the neighbours in their own folder; nothing of src."""
    support = root / "tests/support"
    for area in OUTSIDERS:
        for path in checklib.files(root, area):
            for number, ours, system in includes(path):
                near = ours and ((path.parent / ours).is_file() or (root / area / ours).is_file())
                helper = area.startswith("tests/") and (support / (ours or "")).is_file()
                guest = "/plugins/" in str(path) and (root / "guest" / (ours or "")).is_file()
                if near or helper or guest:
                    continue
                if ours or system.startswith(("wasmtime", "wasm.h")):
                    where = f"{path.relative_to(root)}:{number}"
                    errors.append(f"{where}: {area} sees public headers only, not {ours or system}")


def check_public(root, errors):
    """Public headers stand on the C library and each other."""
    for path in checklib.files(root, "include"):
        for number, ours, system in includes(path):
            where = f"{path.relative_to(root)}:{number}"
            if ours:
                errors.append(f'{where}: write <berth/...>, not "{ours}"')
            elif not system.startswith("berth/") and system not in (
                    "stddef.h", "stdint.h", "stdarg.h"):
                errors.append(f"{where}: a public header needs no <{system}>")


def main():
    root, errors = checklib.root_folder(), []
    below, homes = read_layers(root / "src/LAYERS", errors)
    count = check_subsystems(root, below, homes, errors)
    check_outsiders(root, errors)
    check_public(root, errors)
    checklib.finish("layers", errors, f"{len(below)} subsystems and parts, {count} includes in order")


main()
