#!/usr/bin/env python3
"""run.py - the demo: a recorded log streams through a plugin, which is replaced while it does.

Started by `make demo` (demo/run.sh).  Steers `berth pipe` with `berth ctl`, as an operator would,
and then proves line by line what happened (verify.py).  Exit status: 0 all is as it has to be,
1 something is not, 2 usage.
"""

import argparse
import array
import gzip
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time

import picture
import verify
from screen import Screen, count, duration
from stream import Source, Stream

HERE = os.path.dirname(os.path.abspath(__file__))
BUCKET = 0.05  # seconds a bar of the picture, in the paced part
PATIENCE = 120  # seconds for anything that has to end by itself
SERVES = 2000  # lines at least that come back between two steps of the part without a pace
SERVES_PACED = 200  # the same for the paced part, where time alone would do on a quiet machine


class Step:
    """One thing the operator does.  `version` is what serves afterwards if it is accepted;
    `reason` is a word that a refusal has to give."""

    def __init__(self, at, title, command, version=None, reason=None):
        self.at, self.title, self.command = at, title, command
        self.version, self.reason = version, reason
        self.asked = self.answered = None
        self.accepted = self.as_planned = False
        self.answer = ""


def near(path):
    """The path as one would type it here."""
    return min(os.path.relpath(path), os.path.abspath(path), key=len)


def plan(guests, out, scale):
    """The paced part's steps, with their seconds, and those of the part without a pace, with the
    share of its lines that has gone in."""
    def guest(name):
        return os.path.join(guests, name + ".wasm")

    truncated = os.path.join(out, "redact-v5-truncated.wasm")
    with open(guest("redact-v2"), "rb") as whole, open(truncated, "wb") as part:
        data = whole.read()
        part.write(data[:len(data) * 6 // 10])
    paced = [
        Step(1.5, "swap to v2, which masks tokens too", ["swap", guest("redact-v2")], "v2"),
        Step(3.0, "try v3, which loops in its probe", ["swap", guest("redact-v3")],
             reason="deadline"),
        Step(5.0, "try v4, which imports net.send", ["swap", guest("redact-v4")], reason="import"),
        Step(6.0, "try v5, which is v2 cut off at 60 %", ["swap", truncated], reason=""),
        Step(7.0, "swap to v6, which divides by a body size", ["swap", guest("redact-v6")], "v6"),
        Step(8.4, "roll back", ["rollback"], "v2"),
    ]
    flat = [
        Step(0.25, "flat out: swap to v1", ["swap", guest("redact-v1")], "v1"),
        Step(0.45, "flat out: swap to v7, a component", ["swap", guest("redact-v7")], "v7"),
        Step(0.70, "flat out: roll back", ["rollback"], "v1"),
    ]
    for step in paced:
        step.at *= scale
    return paced, flat


class Demo:
    def __init__(self, arguments, screen):
        self.arguments, self.screen = arguments, screen
        self.version = "v1"
        self.problems = []
        self.marks = []  # for the picture
        self.stat = None
        self.stream = None

    def ctl(self, *words):
        return subprocess.run([self.arguments.berth, "ctl", self.socket] + list(words),
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE)

    def problem(self, words):
        self.problems.append(words)
        self.screen.say("  " + self.screen.bad("problem: ") + words)

    # -- while it streams ----------------------------------------------------------------------

    def perform(self, step):
        step.asked = time.monotonic()
        result = self.ctl(*step.command)
        step.answered = time.monotonic()
        step.accepted = result.returncode == 0
        step.answer = result.stdout.decode("utf-8", "replace").strip()
        wanted = step.version is not None
        step.as_planned = step.accepted == wanted and (
            wanted or step.reason.lower() in step.answer.lower())
        took = duration(step.answered - step.asked)
        head = "%7.2f s  %-42s" % (step.asked - self.stream.began, step.title)
        if step.accepted:
            self.version = step.version or "?"
            self.screen.say("%s %s" % (head, self.screen.good("in service after " + took)))
        else:
            self.screen.say("%s %s" % (head, self.screen.bad("refused after " + took)))
            for row in step.answer.splitlines():
                self.screen.paragraph(row, " " * 11)
        if not step.as_planned:
            self.problem("%s was %s: %s" % (step.title, "accepted" if step.accepted else "refused",
                                            step.answer))

    def wait_until(self, ready):
        """Until ready() or until the pipe is gone, with the moving line kept up to date."""
        last, when, rate = self.stream.returned, time.monotonic(), 0.0
        while not ready() and self.stream.process.poll() is None:
            now = time.monotonic()
            if now - when >= 0.25:
                rate = (self.stream.returned - last) / (now - when)
                last, when = self.stream.returned, now
                self.screen.move("%7.2f s  %s serves   %s lines out   %s lines/s" % (
                    now - self.stream.began, self.version, count(last), count(int(rate))))
            time.sleep(0.01)

    def steer(self, paced, flat):
        stream = self.stream
        scale, due = self.arguments.scale, stream.began
        served = self.arguments.serves  # on a busy machine, too, each version serves for a while
        for step in paced:
            due = max(due, stream.began + step.at)
            self.wait_until(lambda: time.monotonic() >= due and stream.returned >= served)
            self.perform(step)
            due = step.answered + 0.6 * scale
            served = stream.sent + self.arguments.serves
        due = max(due, stream.began + self.arguments.seconds * scale)
        self.wait_until(lambda: time.monotonic() >= due and stream.returned >= served)
        stream.flat.set()
        self.wait_until(lambda: stream.paced is not None)
        served = 0  # lines that have come back when the version before is known to have served some
        for step in flat if stream.flat_out and stream.paced is not None else []:
            due = stream.paced + stream.flat_out * step.at
            self.wait_until(lambda: stream.sent >= due and stream.returned >= served)
            self.perform(step)
            served = stream.sent + SERVES
        self.wait_until(lambda: stream.returned >= served)
        result = self.ctl("stat", "--json")
        try:
            self.stat = json.loads(result.stdout)
        except ValueError:
            self.problem("'berth ctl stat --json' said: %s" % result.stdout[:200])
        stream.over.set()

    def run(self):
        arguments, screen = self.arguments, self.screen
        with gzip.open(os.path.join(HERE, "access.log.gz")) as log:
            lines = log.read().splitlines()
        expected = verify.Expected(lines)
        os.makedirs(arguments.out, exist_ok=True)
        paced, flat = plan(arguments.guests, arguments.out, arguments.scale)
        self.summary_path = os.path.join(arguments.out, "summary.json")
        folder = tempfile.mkdtemp(prefix="berth-demo-")
        self.socket = os.path.join(folder, "control")
        command = [arguments.berth, "pipe", os.path.join(arguments.guests, "redact-v1.wasm"),
                   "--hook", "redact", "--workers", str(arguments.workers), "--on-error", "pass",
                   "--quiet", "--control", self.socket, "--summary", self.summary_path]
        command += ["--engine", arguments.engine] if arguments.engine else []
        command += arguments.pipe.split()
        screen.say(screen.bold("Berth demo") + ": %s recorded lines of a web server's log, over and "
                   "over, through a plugin" % count(len(lines)))
        screen.say("that takes addresses, e-mails and tokens out.  The plugin is replaced while "
                   "they stream.")
        screen.say()
        try:
            self.stream = Stream(command, Source(lines), arguments.rate,
                                 int(len(lines) * arguments.passes))
            return self.stream_and_judge(expected, paced, flat)
        finally:
            if self.stream is not None:
                self.stream.kill()
            screen.settle()
            shutil.rmtree(folder, ignore_errors=True)

    def stream_and_judge(self, expected, paced, flat):
        stream, screen = self.stream, self.screen
        end = time.monotonic() + PATIENCE
        while not os.path.exists(self.socket) and stream.process.poll() is None:
            if time.monotonic() > end:
                break
            time.sleep(0.005)
        watchdog = threading.Timer(10 * PATIENCE, stream.process.kill)
        watchdog.daemon = True
        watchdog.start()
        stream.start()
        screen.say("%7.2f s  v1 serves %s lines a second" % (0, count(int(stream.rate))))
        self.steer(paced, flat)
        self.wait_until(lambda: stream.ended is not None)
        status = stream.finish(PATIENCE)
        watchdog.cancel()
        screen.settle()
        if status != 0:
            self.problem("berth pipe ended with status %s: %s" % (
                status, stream.stderr.decode("utf-8", "replace").strip()[:1000]))
        if stream.failure:
            self.problem(stream.failure)
        if stream.paced is None:
            self.problem("the stream ended before its end")
            return 1
        screen.move("   comparing %s lines with what they had to become ..." % count(stream.returned))
        return self.judge(expected, paced + flat)

    # -- afterwards ----------------------------------------------------------------------------

    def judge(self, expected, steps):
        stream = self.stream
        changes = [verify.Change("v1", stream.began, stream.began)]
        for step in steps:
            if step.accepted and step.version:
                changes.append(verify.Change(step.version, step.asked, step.answered))
            if step.asked is not None:
                name = step.version if step.accepted else step.title.split()[1].rstrip(",")
                label = (name + " refused" if not step.accepted else
                         "back to " + name if step.command[0] == "rollback" else name)
                self.marks.append((step.asked - stream.began, step.answered - stream.began, label,
                                   step.accepted))
        latencies = array.array("d")
        slow, fast = picture.Buckets(BUCKET), picture.Buckets(BUCKET / 2)

        def observe(number, name, sent, received):
            if number < stream.paced:
                latencies.append(received - sent)
                slow.add(received - stream.began, name)
            else:
                fast.add(received - stream.began, name)

        report = verify.verify(expected, stream.sent, stream.sent_at, stream.output(), changes,
                               self.arguments.workers == 1, observe)
        self.screen.settle()
        self.screen.say()
        self.summary = self.read_summary()
        self.show_sample(expected)
        self.show(report, steps, sorted(latencies))
        self.check_counts(report, steps)
        self.draw(slow, fast)
        return self.conclude(report)

    def gaps(self, steps):
        """-> (longest time without a line around an accepted change, longest elsewhere)"""
        spans = [(step.asked - 0.1, step.answered + 0.1) for step in steps if step.accepted]
        around = elsewhere = 0.0
        for (before, _), (after, _) in zip(self.stream.chunks, self.stream.chunks[1:]):
            if before <= self.stream.flat_began and after >= self.stream.paced_ended:
                continue  # nothing was sent
            if any(before <= end and after >= begin for begin, end in spans):
                around = max(around, after - before)
            else:
                elsewhere = max(elsewhere, after - before)
        return around, elsewhere

    def show(self, report, steps, latencies):
        stream, summary = self.stream, self.summary
        accepted = [step for step in steps if step.accepted]
        refused = [step for step in steps if step.asked is not None and not step.accepted]
        around, elsewhere = self.gaps(steps)
        flat_lines = stream.sent - stream.paced
        flat_seconds = (stream.ended or 0) - (stream.flat_began or 0)
        wrong = sum(report.kinds[kind] for kind in ("stale", "early", "backwards", "foreign"))
        altered = report.kinds["altered"] + report.kinds["unknown"]

        def at(share, name):
            measured = duration(latencies[min(len(latencies) - 1, int(len(latencies) * share))]) \
                if latencies else "-"
            call = summary.get("latency_ns", {}).get(name)
            return measured, "" if call is None else "%s in the call itself" % duration(call / 1e9)

        rows = [("lines in", count(report.lines_in), ""), ("lines out", count(report.lines_out), "")]
        rows += [("  by " + name, count(number), "") for name, number in
                 sorted(report.by_version.items())]
        rows += [
            ("  as they were", count(report.passed), "calls that trapped: v6 divided by 0" + (
                "; %d failed otherwise" % report.unexplained if report.unexplained else "")),
            None,
            ("swaps", str(len(accepted)), "%d of them rollbacks" % sum(
                step.command[0] == "rollback" for step in accepted)),
            ("refusals", str(len(refused)), "the version before went on serving"),
            ("errors", count(report.passed), "policy: pass the line on as it was"),
            None,
            ("lines lost", count(report.kinds["lost"]), ""),
            ("lines duplicated", count(report.kinds["duplicated"]), ""),
            ("lines out of order", count(report.kinds["reordered"]), ""),
            ("lines altered", count(altered), "each compared with what its version makes of it"),
            ("by a version not current", count(wrong), "its window: asked for, until the next is "
                                                       "acknowledged"),
            None,
            ("lines per second", count(int(flat_lines / flat_seconds)) if flat_lines and
             flat_seconds > 0 else "-", "flat out, three swaps included; %s while paced" %
             count(int(self.arguments.rate))),
            ("latency p50",) + at(0.5, "p50"),
            ("latency p99",) + at(0.99, "p99"),
            ("latency p99.9",) + at(0.999, "p999"),
            ("longest gap at a swap", duration(around), "between two lines coming out; %s elsewhere" %
             duration(elsewhere)),
        ]
        self.screen.table(rows)
        self.screen.say()
        self.screen.paragraph("Latency is from the write into the pipe to the read behind it, Python "
                              "on both sides, while paced; in the call: over the whole run.", "  ")
        self.screen.say()

    def show_sample(self, expected):
        """One line before and after, from the middle of what was sent."""
        for index in range(len(expected.lines) // 2, len(expected.lines)):
            line = expected.lines[index]
            if b"@" in line and b"token=" in line and len(line) < 300:
                break
        rows = [("sent", line)] + [(name + " made of it", expected.reply(name, index))
                                   for name in ("v1", "v2")]
        for label, text in rows:
            words = text.decode("utf-8", "replace")
            begin, end = words.find('"') + 1, words.find(" HTTP/")
            self.screen.say("  %-14s %s" % (label, self.screen.dim(words[:words.find(" ")] + " ... " +
                                                                   words[begin:end] + " ...")))
        self.screen.say()

    def read_summary(self):
        try:
            with open(self.summary_path, encoding="utf-8") as file:
                return json.load(file)
        except (OSError, ValueError) as error:
            self.problem("no summary: %s" % error)
            return {}

    def check_counts(self, report, steps):
        """What Berth counted has to be what was seen from outside."""
        summary = self.summary
        records, swaps = summary.get("records", {}), summary.get("swaps", {})
        rollbacks = sum(step.accepted and step.command[0] == "rollback" for step in steps)
        refused = sum(step.asked is not None and not step.accepted for step in steps)
        failures = summary.get("failures", {})
        failed, traps = sum(failures.values()), failures.get("trap")
        answered = {}
        for version in summary.get("versions", []):
            name = "v" + version["label"].split(".")[0]
            if version["answered"]:
                answered[name] = answered.get(name, 0) + version["answered"]
        pairs = [
            ("lines in", records.get("in"), report.lines_in),
            ("lines out", records.get("out"), report.lines_out),
            ("lines passed on", records.get("passed"), report.passed),
            ("lines dropped", records.get("dropped"), 0),
            ("failed calls", failed, report.passed),
            # On a machine that is busy enough, a call may also run out of time.
            ("failed calls without a cause", 0, report.unexplained if traps == failed else 0),
            ("lines answered by", answered, dict(report.by_version)),
            ("rollbacks", swaps.get("rollbacks"), rollbacks),
            ("swaps", swaps.get("installed"), sum(step.accepted for step in steps) - rollbacks),
            ("refusals", swaps.get("refused"), refused),
        ]
        for words, theirs, ours in pairs if summary else []:
            if theirs != ours:
                self.problem("Berth counted %s: %s; seen from outside: %s" % (words, theirs, ours))

    def draw(self, slow, fast):
        stream = self.stream
        paced_end = stream.paced_ended - stream.began
        panels = [("paced at %s" % count(int(stream.rate)), slow, 0.0,
                   paced_end, 0.72 if fast.counts else 1.0)]
        if fast.counts:
            begin = stream.flat_began - stream.began
            panels.append(("as fast as it goes", fast, begin, stream.ended - stream.began, 0.28))
        path = os.path.join(self.arguments.out, "timeline.svg")
        with open(path, "w", encoding="utf-8") as file:
            file.write(picture.draw("A plugin is replaced while log lines stream through it", panels,
                                    self.marks))
        self.screen.say("  The run as a picture: %s; Berth's own counts: %s" % (
            near(path), near(self.summary_path)))

    def conclude(self, report):
        for finding in report.findings:
            self.screen.say("  %s line %s %s" % (self.screen.bad(finding.kind), finding.number,
                                                 finding.text))
        if report.lines_in != self.stream.total:
            self.problem("only %d of %d lines were sent" % (report.lines_in, self.stream.total))
        for name in verify.VERSIONS:
            if not report.by_version[name]:
                self.problem("%s served no line, so nothing is proved about it" % name)
        if report.clean and not self.problems:
            self.screen.say("  " + self.screen.good("Every line came back once, in its place, from "
                                                    "a version that was current."))
            return 0
        self.screen.say("  " + self.screen.bad("Not as it has to be: %d findings, %d problems." % (
            sum(report.kinds.values()), len(self.problems))))
        return 1


def main():
    parser = argparse.ArgumentParser(description="The demo of Berth.")
    parser.add_argument("--berth", required=True, help="the program")
    parser.add_argument("--guests", required=True, help="where redact-v*.wasm are")
    parser.add_argument("--out", required=True, help="where the picture and the summary go")
    parser.add_argument("--rate", type=float, default=25000, help="lines a second, paced part")
    parser.add_argument("--seconds", type=float, default=9.5, help="of the paced part")
    parser.add_argument("--passes", type=float, default=8, help="times the log goes in flat out")
    parser.add_argument("--workers", type=int, default=2, help="berth pipe's")
    parser.add_argument("--engine", help="berth pipe's")
    parser.add_argument("--serves", type=int, default=SERVES_PACED,
                        help="lines at least that come back between two steps of the paced part")
    parser.add_argument("--pipe", default="", help="more options of berth pipe, in one word")
    parser.add_argument("--scale", type=float, default=1.0, help="of the paced part's times")
    arguments = parser.parse_args()
    arguments.berth, arguments.guests, arguments.out = (
        near(path) for path in (arguments.berth, arguments.guests, arguments.out))
    try:
        status = Demo(arguments, Screen()).run()
    except KeyboardInterrupt:
        status = 130
    sys.exit(status)


if __name__ == "__main__":
    main()
