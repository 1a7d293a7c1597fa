"""What the checkers share: where the sources are, and C text with comments and strings blanked."""
import os
import pathlib
import re
import subprocess
import sys

SKIPPED_FOLDERS = {"build", ".git", "__pycache__", "node_modules"}


def root_folder():
    """The tree to check: the argument, or the one this script lies in."""
    if len(sys.argv) > 1:
        return pathlib.Path(sys.argv[1])
    return pathlib.Path(__file__).resolve().parent.parent


def files(root, *folders, suffixes=(".c", ".h")):
    """Files below the given folders, in order, as paths."""
    found = []
    for folder in folders:
        for where, names, leaves in os.walk(root / folder):
            names[:] = sorted(n for n in names if n not in SKIPPED_FOLDERS)
            found += [pathlib.Path(where) / leaf for leaf in leaves if leaf.endswith(suffixes)]
    return sorted(found)


def tracked_files(root):
    """What git knows of, and new files it does not ignore; without git, everything but builds."""
    try:
        listed = subprocess.run(
            ["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            capture_output=True, check=True).stdout.decode().split("\0")
        return [root / name for name in sorted(listed) if name and (root / name).is_file()]
    except (OSError, subprocess.CalledProcessError):
        return files(root, ".", suffixes=("",))


_TOKENS = re.compile(
    r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def _blank(match):
    text = match.group(0)
    kept = text[0] if text[0] in "\"'" else ""
    inner = text[1:-1] if kept else text
    return kept + re.sub(r"[^\n]", " ", inner) + kept


def code_of(text):
    """The same text, line for line, with comments and the insides of strings made blank."""
    return _TOKENS.sub(_blank, text)


def finish(name, errors, good):
    """Prints what is wrong, or one line of what was looked at; ends the program."""
    for error in errors:
        print(error)
    print(f"{name}: {len(errors)} violations" if errors else f"{name}: {good}")
    sys.exit(1 if errors else 0)
