#!/usr/bin/env python3
"""run.py - the demo of flows: `make demo-flow`.

    demo/flow/run.py [--build build/release] [--out build/demo-flow] [--lines 60000]

A log grows, and the flow of flow.toml reads it: filter, router, a processor in C and one in WebAssembly
text, an aggregator that is a shared object, four sinks.  While it runs the operator swaps the processor
and takes off the branch that is slow.
Each step waits for what the flow has done, and not for a time.  `berth flow run` has a terminal of its own,
whose view goes to yours when you have one.  At the end account.py looks at every line.
Exit status: 0 clean, 1 not clean, 2 something is not there."""

import argparse
import fcntl
import gzip
import json
import os
import pty
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time

import account

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PATIENCE = 300  # seconds for anything that has to come about by itself
ROWS, COLUMNS = 30, 110
FILES = {"out": "pages.log", "copy": "copy.log", "errors": "errors.log", "report": "totals.log"}


class Problem(Exception):
    """Says what is not as it has to be."""


class View:
    """The terminal of the flow: what it draws is kept, and shown where there is somebody to see it."""

    def __init__(self):
        self.drawn, self.reader = b"", None
        try:
            self.ours, self.theirs = pty.openpty()
        except OSError as error:
            print("no view is drawn: a terminal cannot be had here (%s)" % error)
            self.theirs = os.open(os.devnull, os.O_WRONLY)
            return
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self.shows = sys.stderr.isatty()
        self.reader = threading.Thread(target=self.read, daemon=True)

    def start(self):
        os.close(self.theirs)
        if self.reader is not None:
            self.reader.start()

    def read(self):
        while True:
            try:
                data = os.read(self.ours, 65536)
            except OSError:  # nobody has the other end any more
                data = b""
            if not data:
                return
            self.drawn += data
            if self.shows:
                os.write(2, data)

    def end(self):
        if self.reader is not None:
            self.reader.join(PATIENCE)
            os.close(self.ours)


class Flow:
    def __init__(self, options, lines, file=os.path.join(HERE, "flow.toml"), log="access.log"):
        self.options, self.lines, self.file = options, lines, file
        self.written = 0
        self.log = open(os.path.join(options.out, log), "wb", buffering=0)
        self.folder = tempfile.mkdtemp(prefix="berth-flow-")
        self.socket = os.path.join(self.folder, "control")
        self.summary = os.path.join(options.out, "summary.json")
        self.view = View()
        self.process = None

    def start(self):
        guests = os.path.join(self.options.build, "guests")
        environment = dict(os.environ, DEMO_OUT=self.options.out, DEMO_GUESTS=guests, TERM="xterm",
                           DEMO_TOTALS=os.path.join(self.options.build, "examples", "totals", "totals.so"))
        command = [self.options.berth, "flow", "run", self.file, "--control", self.socket,
                   "--summary", self.summary, "--drain", "%ds" % PATIENCE]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=self.view.theirs, env=environment)
        self.view.start()
        self.until("it has a control socket", lambda: os.path.exists(self.socket))

    def write(self, count):
        """Appends lines to the log, as a web server does."""
        part = self.lines[self.written:self.written + count]
        self.log.write(b"".join(b"%09d %s\n" % (self.written + n, line) for n, line in enumerate(part)))
        self.written += len(part)

    def ask(self, *words):
        return subprocess.run([self.options.berth, "flow", *words], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=PATIENCE, check=False)

    def numbers(self):
        result = self.ask("ps", self.socket, "--json")
        return json.loads(result.stdout) if result.returncode == 0 else None

    def until(self, what, is_so):
        end = time.monotonic() + PATIENCE
        while not is_so():
            if self.process.poll() is not None:
                raise Problem("the flow ended with %d before %s" % (self.process.returncode, what))
            if time.monotonic() > end:
                raise Problem("%d s were not enough until %s" % (PATIENCE, what))
            time.sleep(0.02)

    def until_passed(self, source, sink, count):
        """Until so many records have gone over an edge."""
        def has():
            numbers = self.numbers()
            edges = numbers["edges"] if numbers else []
            return any(e["from"] == source and e["to"] == sink and e["in"] - e["queued"] >= count for e in edges)
        self.until("%d records had passed %s -> %s" % (count, source, sink), has)

    def swap(self, stage, path):
        result = self.ask("swap", self.socket, stage, path)
        if result.returncode != 0:
            raise Problem("the swap of %s was refused: %s" % (stage, result.stdout.decode("utf-8", "replace")))

    def cancel(self, stage):
        result = self.ask("cancel", self.socket, stage)
        if result.returncode != 0:
            raise Problem("%s was not cancelled: %s" % (stage, result.stdout.decode("utf-8", "replace")))

    def end(self):
        """Drains it: what has been read goes its way."""
        self.process.send_signal(signal.SIGINT)
        status = self.process.wait(PATIENCE)
        self.view.end()
        if status != 128 + signal.SIGINT:
            raise Problem("the flow ended with %d: %s" % (status, self.view.drawn[-2000:].decode("utf-8", "replace")))
        with open(self.summary, encoding="utf-8") as file:
            return json.load(file)

    def close(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def operate(flow, expected):
    """What the operator does.  -> (summary, {version: first line that was written when it served}, steps)"""
    steps, since, part = [], {}, len(flow.lines) // 3
    kept = len([n for n in expected.pages if n < part])

    flow.start()
    began = time.monotonic()

    def note(words):
        steps.append("%6.2f s  %s" % (time.monotonic() - began, words))

    note("the flow runs; redact is v1")
    flow.write(part)
    flow.until_passed("redact", "out", kept // 2)
    flow.swap("redact", os.path.join(flow.options.build, "guests", "redact-v2.wasm"))
    since["v2"] = flow.written
    note("redact is v2, which masks tokens too, swapped while they stream")
    flow.write(part)
    flow.until_passed("redact", "out", kept + kept // 2)
    note("v2 has served")
    flow.cancel("copy")
    note("the branch 'copy' is taken off, which held everything back to 10000 records a second")
    flow.write(len(flow.lines))
    flow.until_passed("tail", "keep", len(flow.lines))
    note("the last line has been read; it is drained")
    summary = flow.end()
    note("every stage has ended")
    return summary, since, steps


def judge(flow, expected, summary, since):
    """-> (sentences, lines by version, {sink: lines})"""
    files = {}
    for sink, name in FILES.items():
        with open(os.path.join(flow.options.out, name), "rb") as file:
            files[sink] = file.read().splitlines()
    wrong, by_version = account.check_pages("out", expected, files["out"], ["v1", "v2"], since, True)
    wrong += account.check_pages("copy", expected, files["copy"], ["v1", "v2"], since, False)[0]
    wrong += account.check_errors(expected, files["errors"])
    wrong += account.check_totals(expected, files["report"])
    seen = {sink: len(lines) for sink, lines in files.items()}
    wrong += account.check_counts(expected, summary, seen, ["copy"])
    if not 0 < seen["copy"] < seen["out"]:
        wrong.append("the branch that was taken off has %d of %d lines" % (seen["copy"], seen["out"]))
    for version in ("v1", "v2"):
        if by_version[version] == 0:
            wrong.append("%s served no line, so nothing is proved about it" % version)
    stages = {stage["stage"]: stage for stage in summary["stages"]}
    if flow.view.reader is not None and flow.view.drawn.count(b"redact") < 2:  # the summary at the end has one
        wrong.append("no view was drawn on the terminal")
    for name in ("keep", "route", "redact", "class", "totals"):
        if stages[name]["failures"] != 0:
            wrong.append("stage %s failed %d times" % (name, stages[name]["failures"]))
    return wrong, by_version, seen


def tell(expected, by_version, seen, wrong):
    print("  %7d lines written" % len(expected.lines))
    print("  %7d dropped by the filter: health checks" % expected.dropped)
    print("  %7d pages, of which v1 redacted %d and v2 %d" % (seen["out"], by_version["v1"], by_version["v2"]))
    print("  %7d of them in the copy, without a gap, and %d dropped when it was taken off"
          % (seen["copy"], seen["out"] - seen["copy"]))
    print("  %7d errors, from the processor in WebAssembly text" % seen["errors"])
    print("  %7d kinds of status in the totals" % seen["report"])
    for sentence in wrong[:20]:
        print("not clean: " + sentence)
    if not wrong:
        print("clean: every line is accounted for, once, in its place, from the version that served")


def main():
    # A shell that started this in the background lets it ignore ^C, and the flow would too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default=os.path.join(ROOT, "build", "release"))
    parser.add_argument("--berth", help="the program; bin/berth of the build")
    parser.add_argument("--out", default=os.path.join(ROOT, "build", "demo-flow"))
    parser.add_argument("--lines", type=int, default=60000)
    options = parser.parse_args()
    options.build, options.out = os.path.abspath(options.build), os.path.abspath(options.out)
    options.berth = options.berth or os.path.join(options.build, "bin", "berth")
    for path in (options.berth, os.path.join(options.build, "guests", "flow-class.wasm"),
                 os.path.join(options.build, "examples", "totals", "totals.so")):
        if not os.path.exists(path):
            print("%s is not there; run 'make' first" % path, file=sys.stderr)
            return 2
    os.makedirs(options.out, exist_ok=True)
    for name in FILES.values():
        if os.path.exists(os.path.join(options.out, name)):
            os.remove(os.path.join(options.out, name))
    with gzip.open(os.path.join(ROOT, "demo", "access.log.gz")) as file:
        log = file.read().splitlines()
    lines = [log[n % len(log)] for n in range(options.lines)]
    expected = account.Expected(lines)
    flow = Flow(options, lines)
    try:
        summary, since, steps = operate(flow, expected)
    except Problem as problem:
        print("not clean: %s\n%s" % (problem, flow.view.drawn[-4000:].decode("utf-8", "replace")))
        return 1
    finally:
        flow.close()
    print("\n".join(steps))
    wrong, by_version, seen = judge(flow, expected, summary, since)
    tell(expected, by_version, seen, wrong)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
