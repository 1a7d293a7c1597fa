"""account.py - proves from the outside what happened to each line of the flow demo.

Nothing here asks Berth.  The driver wrote the lines, each with a number in front, and read the files
that the sinks wrote.  What has to be in them is said here a second time: which lines are dropped, which
branch each takes, what each processor makes of it, and the totals.  A line is in its branch once, in its
place and with exactly the bytes of the version on its mark; the versions follow each other as they were
swapped, and what was written behind the acknowledgement of a swap has the new one's mark.

At last what Berth counted is compared with what was seen."""

import os
import re
import sys
from collections import Counter

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import verify as redacted  # noqa: E402  (demo/verify.py)

STATUS = re.compile(rb'^[^"]*"[^"]*" ([0-9]{3})')
MARK = redacted.MARK


def status_of(line):
    return STATUS.match(line).group(1)


def is_kept(line):
    return b" /healthz " not in line


class Expected:
    """What becomes of the lines, numbered from 0, that were written."""

    def __init__(self, lines):
        self.lines = lines
        kept = [n for n, line in enumerate(lines) if is_kept(line)]
        self.dropped = len(lines) - len(kept)
        self.errors = [n for n in kept if status_of(lines[n]) >= b"400"]
        self.pages = [n for n in kept if status_of(lines[n]) < b"400"]
        self.totals = Counter(status_of(lines[n]) for n in kept)
        self.known = {}

    def page(self, version, number):
        """What a version makes of a line; the lines are those of a log, over and over."""
        key = (version, self.lines[number])
        if key not in self.known:
            self.known[key] = redacted.VERSIONS[version](self.lines[number])
        return self.known[key]


def check_numbers(name, got, expected, is_whole):
    """-> sentences: what is missing, there twice, foreign or in another order."""
    seen = Counter(got)
    wrong = []
    wanted = expected if is_whole else expected[:len(got)]
    twice = [n for n, times in seen.items() if times > 1]
    lost = [n for n in wanted if n not in seen]
    known = set(expected)
    foreign = [n for n in seen if n not in known]
    if twice:
        wrong.append("%s: %d lines are there twice, line %s first" % (name, len(twice), twice[0]))
    if lost:
        wrong.append("%s: %d lines are missing, line %s first" % (name, len(lost), lost[0]))
    if foreign:
        wrong.append("%s: %d lines do not belong here, line %s first" % (name, len(foreign), foreign[0]))
    if not wrong and got != wanted:
        wrong.append("%s: the lines are in another order" % name)
    return wrong


def read(name, output):
    numbers, texts, wrong = [], [], []
    for line in output:
        number, text = redacted.split_number(line)
        if number is None:
            wrong.append("%s: a line without a number: %r" % (name, line[:80]))
        else:
            numbers.append(number)
            texts.append(text)
    return numbers, texts, wrong


def check_pages(name, expected, output, versions, since, is_whole):
    """versions: names in the order in which they served; since: {version: the first line that was
    written when it had been acknowledged}.  -> (sentences, lines by version)"""
    numbers, texts, wrong = read(name, output)
    wrong += check_numbers(name, numbers, expected.pages, is_whole)
    by_version, at = Counter(), 0
    for number, text in zip(numbers, texts):
        match = MARK.search(text)
        version = match.group(1).decode() if match else None
        if number >= len(expected.lines) or version not in versions:
            wrong.append("%s: line %d has no mark of a version that served" % (name, number))
            continue
        by_version[version] += 1
        if text != expected.page(version, number):
            wrong.append("%s: line %d is not what %s makes of it" % (name, number, version))
        place = versions.index(version)
        if place < at:
            wrong.append("%s: line %d was served by %s, which had been replaced" % (name, number, version))
        at = max(at, place)
        for later in versions[place + 1:]:
            if number >= since[later]:
                wrong.append("%s: line %d was written when %s served, and served by %s"
                             % (name, number, later, version))
    return wrong, by_version


def check_errors(expected, output):
    numbers, texts, wrong = read("errors", output)
    wrong += check_numbers("errors", numbers, expected.errors, True)
    for number, text in zip(numbers, texts):
        if number >= len(expected.lines):
            continue
        line = expected.lines[number]
        if text != line + b" class=" + status_of(line)[:1] + b"xx":
            wrong.append("errors: line %d is not what the processor makes of it" % number)
    return wrong


def check_totals(expected, output):
    told = dict(line.split(b" ") for line in output)
    wanted = {status: b"%d" % times for status, times in expected.totals.items()}
    if len(told) != len(output) or told != wanted:
        return ["totals: %r, and it has to be %r" % (told, wanted)]
    return []


def dropped_of(edge):
    return sum(value for key, value in edge.items() if key.startswith("dropped_"))


def check_counts(expected, summary, seen, cancelled=()):
    """What Berth counted.  seen: {sink: lines in its file}; cancelled: sinks that were taken off"""
    wrong = []

    def compare(what, theirs, ours):
        if theirs != ours:
            wrong.append("Berth counted %s: %s; seen from outside: %s" % (what, theirs, ours))

    edges = {(edge["from"], edge["to"]): edge for edge in summary["edges"]}
    for names, edge in edges.items():
        given = edge["out"] + edge["queued"] + dropped_of(edge) + edge["dead_letters"]
        if edge["in"] != given or edge["queued"] != 0:
            wrong.append("the edge %s -> %s does not add up: %s" % (names[0], names[1], edge))
    ways = {("tail", "keep"): len(expected.lines), ("keep", "route"): len(expected.lines) - expected.dropped,
            ("route", "redact"): len(expected.pages), ("route", "class"): len(expected.errors),
            ("redact", "out"): len(expected.pages), ("redact", "copy"): len(expected.pages),
            ("class", "errors"): len(expected.errors), ("totals", "report"): len(expected.totals)}
    for names, count in ways.items():
        compare("records into %s -> %s" % names, edges[names]["in"], count)
    for sink, lines in seen.items():
        into = [edge for names, edge in edges.items() if names[1] == sink][0]
        compare("records that '%s' wrote" % sink, into["out"], lines)
        compare("records that '%s' did not get" % sink, into["dropped_stopped"],
                len(expected.pages) - lines if sink in cancelled else 0)
    return wrong
