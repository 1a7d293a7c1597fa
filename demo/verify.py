"""verify.py - proves from the outside what happened to each line of the demo's stream.

Nothing here asks Berth.  The driver wrote the lines, each with a number of its own in front, and
noted when; it read lines back and noted when; and it noted when it asked for a swap and when that
was acknowledged.  The plugins put their version's mark at the end of a line.  From this follows
for each line whether it came back once, in its place, with exactly the bytes that the version on
its mark has to make of it (said a second time here, in regular expressions), and whether that
version was in service at some moment between the line's departure and its return.

A line that came back as it was sent is what `--on-error pass` does when a call fails.  That v6
traps on it is known from the line; any other cause is counted apart, and whoever runs this
compares the total with the errors that Berth says it counted.
"""

import re
from collections import Counter, namedtuple

EMAIL = rb"[A-Za-z0-9._+-]+(?:@|%40)[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"
ADDRESS = (rb"(?<![A-Za-z0-9._+-])(?<!(?<!/)/)((?:[0-9]{1,3}\.){3})[0-9]{1,3}"
           rb"(?![A-Za-z0-9._+-])")
TOKEN = rb"(?<![A-Za-z0-9._+-])(token=|api_key=|session=|Bearer |Basic )[A-Za-z0-9._~+/=-]+"
WITHOUT_TOKENS = re.compile(EMAIL + rb"|" + ADDRESS)
WITH_TOKENS = re.compile(EMAIL + rb"|" + ADDRESS + rb"|" + TOKEN)
FIELDS = re.compile(rb'^[^"]*"[^"]*" [0-9]+ ([0-9]+)')
SECONDS = re.compile(rb"=([0-9]+)\.([0-9]+)$")
MARK = re.compile(rb" berth-demo=(v[0-9]+)$")


class Trap(Exception):
    """The version ends in a trap on this line."""


def masked(match):
    groups = match.groups() + (None,)
    if groups[0] is not None:
        return groups[0] + b"x"
    if groups[1] is not None:
        return groups[1] + b"[token]"
    return b"[email]"


def redact(line, tokens):
    return (WITH_TOKENS if tokens else WITHOUT_TOKENS).sub(masked, line)


def v1(line):
    return redact(line, False) + b" berth-demo=v1"


def v2(line):
    return redact(line, True) + b" berth-demo=v2"


def v6(line):
    size = int(FIELDS.match(line).group(1))
    seconds, thousandths = SECONDS.search(line).groups()
    if size == 0:
        raise Trap
    cost = (int(seconds) * 1000 + int(thousandths)) * 1024 // size
    return redact(line, True) + b" ms-per-kib=%d berth-demo=v6" % cost


def v7(line):
    return redact(line, True) + b" berth-demo=v7"


VERSIONS = {"v1": v1, "v2": v2, "v6": v6, "v7": v7}

# A change of what serves: version `name` was asked for at `asked` and acknowledged at
# `acknowledged` (seconds of one clock).  The first has both at the start of the stream.
Change = namedtuple("Change", "name asked acknowledged")


class Expected:
    """What each version makes of each line of the log; computed once a line, used in each pass."""

    def __init__(self, lines):
        self.lines = lines
        self.known = {}

    def reply(self, name, index):
        """The bytes that version `name` has to answer to log line `index`; None: it traps."""
        key = (name, index)
        if key not in self.known:
            try:
                self.known[key] = VERSIONS[name](self.lines[index])
            except Trap:
                self.known[key] = None
        return self.known[key]


class Finding(namedtuple("Finding", "kind number text")):
    """One thing that is not as it has to be: lost, duplicated, reordered, unknown, altered, stale,
    early, backwards or foreign."""


class Report:
    def __init__(self):
        self.lines_in = 0
        self.lines_out = 0
        self.by_version = Counter()
        self.passed = 0  # lines that came back as they were: the policy for a call that failed
        self.unexplained = 0  # those of them that no version in service traps on
        self.kinds = Counter()
        self.findings = []  # the first few, for people

    def add(self, kind, number, text):
        self.kinds[kind] += 1
        if len(self.findings) < 20:
            self.findings.append(Finding(kind, number, text))

    @property
    def clean(self):
        return not self.kinds


def windows(changes):
    """-> [(name, from, to)]: from its request until the next one's acknowledgement, a version may
    have served a line."""
    out = []
    for i, change in enumerate(changes):
        end = changes[i + 1].acknowledged if i + 1 < len(changes) else float("inf")
        out.append((change.name, change.asked, end))
    return out


def split_number(line):
    """b"000000017 text" -> (17, b"text"); a line without a number -> (None, line)"""
    if len(line) > 10 and line[9:10] == b" " and line[:9].isdigit():
        return int(line[:9]), line[10:]
    return None, line


def check_order(numbers, count, report):
    """`numbers` as they came back against 0..count-1: lost, duplicated, reordered."""
    seen = bytearray(count)
    highest = -1
    for number in numbers:
        if number is None or number >= count:
            report.add("unknown", number, "came out and never went in")
            continue
        if seen[number]:
            report.add("duplicated", number, "came out before")
            continue
        seen[number] = 1
        if number < highest:
            report.add("reordered", number, "came out after %d" % highest)
        highest = max(highest, number)
    for number in range(count):
        if not seen[number]:
            report.add("lost", number, "never came out")


class Service:
    """Follows the changes along the stream and says whether a version could have served a line."""

    def __init__(self, changes, ordered):
        self.windows = windows(changes)
        self.ordered = ordered  # one worker: versions follow each other exactly as swapped
        self.at = 0

    def fits(self, index, names, sent, received):
        name, begin, end = self.windows[index]
        return name in names and sent <= end and received >= begin

    def place(self, names, sent, received):
        """-> (name or None, what is wrong or None) for a line one of `names` must have served."""
        start = self.at if self.ordered else 0
        for index in range(start, len(self.windows)):
            if self.fits(index, names, sent, received):
                self.at = max(self.at, index)
                return self.windows[index][0], None
        for index in range(start):
            if self.fits(index, names, sent, received):
                return None, "backwards"
        if any(name in names and sent > end for name, _, end in self.windows):
            return None, "stale"
        if any(name in names for name, _, _ in self.windows):
            return None, "early"
        return None, "foreign"


WRONG = {
    "backwards": "served by a version that had been replaced for the line before",
    "early": "served by a version that nobody had asked for yet",
    "stale": "served by a version whose replacement was acknowledged before the line was sent",
    "foreign": "served by a version that never was in service",
}


def trapping(expected, index):
    return {name for name in VERSIONS if expected.reply(name, index) is None}


def check_line(number, text, expected, report, service, sent, received):
    """One line that came back under a known number.  -> the version on it, or "pass" """
    index = number % len(expected.lines)
    mark = MARK.search(text)

    if mark is None:
        if text != expected.lines[index]:
            report.add("altered", number, "neither a version's mark nor the line as it was")
            return "pass"
        names = trapping(expected, index)
        _, wrong = service.place(names, sent, received)
        report.passed += 1
        report.unexplained += wrong is not None
        return "pass"
    name = mark.group(1).decode()
    report.by_version[name] += 1
    if name not in VERSIONS:
        report.add("foreign", number, "%s: %s" % (name, WRONG["foreign"]))
        return name
    if text != expected.reply(name, index):
        report.add("altered", number, "not what %s makes of this line" % name)
    _, wrong = service.place({name}, sent, received)
    if wrong is not None:
        report.add(wrong, number, "%s: %s" % (name, WRONG[wrong]))
    return name


def verify(expected, count, sent_at, output, changes, ordered=True, observe=None):
    """Compares what came back with what was sent.

    expected   an Expected over the log; line n of the stream is the log's n modulo its length
    count      lines sent, numbered from 0
    sent_at    sent_at(n): when line n was about to be written
    output     (line without its line end, when it had been read) in the order they came
    changes    the Changes, in order
    ordered    whether versions must also be in order from line to line (one worker)
    observe    observe(number, version or "pass", sent, received) for each line with a number
    """
    report = Report()
    service = Service(changes, ordered)
    numbers = []

    report.lines_in = count
    for line, received in output:
        number, text = split_number(line)
        numbers.append(number)
        report.lines_out += 1
        if number is not None and number < count:
            sent = sent_at(number)
            name = check_line(number, text, expected, report, service, sent, received)
            if observe is not None:
                observe(number, name, sent, received)
    check_order(numbers, count, report)
    return report
