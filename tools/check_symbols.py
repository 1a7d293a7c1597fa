#!/usr/bin/env python3
"""What libberth exports is what its public headers declare, and its names do not collide.

    check_symbols.py ROOT BUILD      reads BUILD/lib/libberth.so and BUILD/lib/libberth.a

1. The dynamic symbols of libberth.so are exactly the functions marked BERTH_API, and its SONAME
   is libberth.so.0.
2. Every global symbol that libberth.a defines starts with berth_ or berthi_.
3. Of the layers, none refers to a symbol that a layer it may not use defines (src/LAYERS at
   link level).
"""
import pathlib
import re
import subprocess
import sys

import checklib

DECLARATION = re.compile(r"^BERTH_API\b[^;{}()]*?\b(berth_\w+)\s*\(", re.M)
# Names that compilers and sanitizers make themselves.
GENERATED = re.compile(r"^(__asan_|__odr_asan|__tsan_|__ubsan_|__sanitizer_|__x86\.|DW\.ref\.|"
                       r"__gcov|_?__llvm|asan\.module|tsan\.module)")
# Linker-made dynamic symbols: the version node and section marks.
LINKER_MADE = re.compile(r"^(BERTH_\d+|_init|_fini|_edata|_end|__bss_start)$")


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def declared(root):
    names = set()
    for path in checklib.files(root, "include"):
        names.update(DECLARATION.findall(checklib.code_of(path.read_text())))
    return names


def check_exports(root, library, errors):
    exported = set()
    for line in output("nm", "-D", "--defined-only", library).splitlines():
        name = line.split()[-1].split("@")[0]
        if not LINKER_MADE.match(name):
            exported.add(name)
    public = declared(root)
    errors += [f"{library.name}: exports {name}, which no public header declares"
               for name in sorted(exported - public)]
    errors += [f"{library.name}: {name} is declared BERTH_API and not exported"
               for name in sorted(public - exported)]
    dynamic = output("readelf", "-d", library)
    soname = re.search(r"SONAME.*\[(.*)\]", dynamic)
    if not soname or soname.group(1) != "libberth.so.0":
        errors.append(f"{library.name}: its SONAME is {soname and soname.group(1)}")
    return len(public)


def archive_symbols(archive):
    """{member: (defined, wanted)}; members of equal names are merged."""
    members, member = {}, None
    for line in output("nm", "-g", archive).splitlines():
        if line.endswith(":"):
            member = line[:-1]
            members.setdefault(member, (set(), set()))
        elif member and line.strip():
            kind, name = line.split()[-2:]
            members[member][0 if kind not in "Uwv" else 1].add(name)
    return members


def check_names(archive, errors):
    count = 0
    for member, (defined, _) in archive_symbols(archive).items():
        for name in sorted(defined):
            count += 1
            if not name.startswith(("berth_", "berthi_")) and not GENERATED.match(name):
                errors.append(f"{archive.name}({member}): {name} starts neither berth_ nor berthi_")
    return count


def check_layers(root, build, errors):
    """Each object file against the layers; catches a declaration written by hand."""
    below = {}
    for line in (root / "src/LAYERS").read_text().splitlines():
        line = line.split("#", 1)[0].strip()
        if line and not line.startswith("only "):
            name, _, low = line.partition(":")
            below[name.strip()] = set(low.split())
    home, wanted = {}, []
    folders = (build / "CMakeFiles").glob("berth*_objects.dir/src")
    files = {str(path): (path.relative_to(folder).parts[0], path.name)
             for folder in sorted(folders) for path in sorted(folder.rglob("*.o"))}
    for line in output("nm", "-gA", *files).splitlines() if files else []:
        layer, file = files[line.partition(":")[0]]
        kind, name = line.split()[-2:]
        if kind in "Uwv":
            wanted.append((layer, file, name))
        else:
            home[name] = layer
    for layer, file, name in wanted:
        where = home.get(name, layer)
        if where != layer and where not in below.get(layer, set()):
            errors.append(f"src/{layer}/{file[:-2]}: calls {name} of {where}, "
                          "which src/LAYERS does not allow")
    if not files:
        errors.append(f"{build}: no object files; has the build changed its layout?")
    return len(files)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    root, build, errors = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), []
    public = check_exports(root, build / "lib/libberth.so", errors)
    names = check_names(build / "lib/libberth.a", errors)
    objects = check_layers(root, build, errors)
    checklib.finish("symbols", errors, f"{public} exports as declared, {names} global names, "
                    f"{objects} objects keep to the layers")


main()
