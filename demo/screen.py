"""screen.py - what the visitor sees: steps as they happen, a line that moves on a terminal, a table."""

import os
import shutil
import sys
import textwrap
import threading


class Screen:
    def __init__(self, out=sys.stdout):
        self.out = out
        self.live = out.isatty() and os.environ.get("TERM") != "dumb"
        self.coloured = self.live and "NO_COLOR" not in os.environ
        self.width = min(100, shutil.get_terminal_size((100, 24)).columns)
        self.moving = ""
        self.lock = threading.Lock()

    def colour(self, code, words):
        return "\033[%sm%s\033[0m" % (code, words) if self.coloured else words

    def good(self, words):
        return self.colour("32", words)

    def bad(self, words):
        return self.colour("31", words)

    def bold(self, words):
        return self.colour("1", words)

    def dim(self, words):
        return self.colour("2", words)

    def say(self, words=""):
        with self.lock:
            if self.moving:
                self.out.write("\r\033[K")
            self.out.write(words + "\n")
            if self.moving:
                self.out.write(self.moving)
            self.out.flush()

    def paragraph(self, words, indent):
        for row in textwrap.wrap(words, self.width - len(indent) - 1, break_long_words=True):
            self.say(indent + self.dim(row))

    def move(self, words):
        """Replaces the line at the bottom; nothing where there is no terminal."""
        if not self.live:
            return
        with self.lock:
            self.moving = words[:self.width - 1]
            self.out.write("\r\033[K" + self.moving)
            self.out.flush()

    def settle(self):
        with self.lock:
            if self.moving:
                self.out.write("\r\033[K")
                self.out.flush()
            self.moving = ""

    def table(self, rows):
        """rows: (label, value, note) or None for a rule"""
        labels = max(len(row[0]) for row in rows if row)
        values = max(len(row[1]) for row in rows if row)
        for row in rows:
            if row is None:
                self.say("  " + self.dim("-" * (self.width - 4)))
                continue
            label, value, note = row
            self.say("  %s  %s%s" % (label.ljust(labels), self.bold(value.rjust(values)),
                                     "   " + self.dim(note) if note else ""))


def count(number):
    """24751 -> "24 751" """
    return "{:,}".format(number).replace(",", " ")


def duration(seconds):
    if seconds < 0.001:
        return "%.0f us" % (seconds * 1e6)
    if seconds < 1:
        return "%.1f ms" % (seconds * 1e3)
    return "%.2f s" % seconds
