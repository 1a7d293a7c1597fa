#!/usr/bin/env python3
"""Code shown in documents is code that is built: a fenced block that names a file is in that file.

    ```c file=examples/plugins/upper-case.c

A block is the whole file, or whole lines of it, all at one place; how far it is indented does not
matter.  A line of "..." (in C: a comment with it) in the block stands for lines left out.  Blocks
in C without a file are refused, unless they say `sketch`: then they are no program.
"""
import re
import textwrap

import checklib

FENCE = re.compile(r"^(\s*)```(\S*)[ \t]*([^\n`]*)$")
LEFT_OUT = re.compile(r"^\s*(?:\.\.\.|/\* \.\.\. \*/|// \.\.\.|# \.\.\.)\s*$")
CODE = {"c", "cpp", "c++", "cc", "h"}


def blocks(text):
    """(line, language, words behind it, content) of each fenced block."""
    language, words, start, indent, content = None, "", 0, "", []
    for number, line in enumerate(text.splitlines(), 1):
        fence = FENCE.match(line)
        if language is None:
            if fence:
                indent, language, words = fence.groups()
                start, content = number, []
        elif fence and not fence.group(2):
            yield start, language, words, [row[len(indent):] if row.startswith(indent) else row
                                           for row in content]
            language = None
        else:
            content.append(line)
    if language is not None:
        yield start, language, words + " unclosed", content


def pieces(content):
    """The block's runs of lines between those that stand for something left out."""
    out = [[]]
    for line in content:
        if LEFT_OUT.match(line):
            out.append([])
        else:
            out[-1].append(line)
    return ["\n".join(piece).strip("\n") for piece in out if any(row.strip() for row in piece)]


def occurs(piece, source, begin):
    """Where whole lines of `source` from `begin` on say `piece` at any indentation; -1: nowhere."""
    wanted = textwrap.dedent(piece).splitlines()
    for at in range(begin, len(source) - len(wanted) + 1):
        there = textwrap.dedent("\n".join(source[at:at + len(wanted)])).splitlines()
        if [row.rstrip() for row in there] == [row.rstrip() for row in wanted]:
            return at + len(wanted)
    return -1


def check_block(root, where, language, words, content, errors):
    options = words.split()
    named = [word[len("file="):] for word in options if word.startswith("file=")]
    if "unclosed" in options:
        errors.append(f"{where}: the block has no end")
        return 0
    if not named:
        if language.lower() in CODE and "sketch" not in options:
            errors.append(f"{where}: code without file=PATH (or `sketch`, if it is no program)")
        return 0
    path = root / named[0]
    if not path.is_file():
        errors.append(f"{where}: {named[0]} is not there")
        return 0
    source, at = path.read_text(errors="replace").splitlines(), 0
    found = pieces(content)
    if not found:
        errors.append(f"{where}: the block is empty")
    for piece in found:
        at = occurs(piece, source, at)
        if at < 0:
            errors.append(f"{where}: not what {named[0]} says: {piece.splitlines()[0].strip()!r}")
            break
    return 1


def main():
    root, errors, count, documents = checklib.root_folder(), [], 0, 0
    for path in checklib.tracked_files(root):
        if path.suffix != ".md":
            continue
        documents += 1
        for line, language, words, content in blocks(path.read_text(errors="replace")):
            where = f"{path.relative_to(root)}:{line}"
            count += check_block(root, where, language, words, content, errors)
    checklib.finish("snippets", errors, f"{count} blocks in {documents} documents say what their "
                    f"files say")


main()
