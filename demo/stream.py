"""stream.py - `berth pipe` as a child, a thread that feeds it, a thread that reads it, and the clock
readings of both.  Only what is needed while lines flow happens here; they are looked at later."""

import array
import bisect
import os
import subprocess
import threading
import time

TICK = 0.001  # seconds between two writes of the paced part
BLOCK = 128  # lines a write at most: less than a pipe holds, so that the time noted before the
#              write is close to the time each line really left


class Source:
    """The lines to send: the recorded log over and over, each line with its number in front."""

    def __init__(self, lines):
        self.lines = lines

    def block(self, first, count):
        lines, size = self.lines, len(self.lines)
        return b"".join(b"%09d %s\n" % (n, lines[n % size]) for n in range(first, first + count))


class Stream:
    """Starts `command`, feeds it and collects its output: lines at `rate` a second until `flat` is
    set, then `flat_out` lines as fast as they are taken, and more of them until `over` is set."""

    def __init__(self, command, source, rate, flat_out):
        self.source = source
        self.rate = rate
        self.flat_out = flat_out
        self.paced = None  # how many lines were sent paced
        self.total = None  # how many were to be sent altogether
        self.paced_ended = None
        self.sent = 0  # lines written so far
        self.firsts = array.array("q")  # per write: its first line
        self.times = array.array("d")  # per write: when it began
        self.chunks = []  # (when it had been read, bytes)
        self.returned = 0  # line ends read so far
        self.failure = None  # why feeding ended early
        self.flat = threading.Event()
        self.over = threading.Event()  # set: no more steps will come, the input ends after `flat_out`
        self.flat_began = None
        self.stderr = b""
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE)
        self.began = time.monotonic()
        self.ended = None
        self.threads = [threading.Thread(target=run, daemon=True)
                        for run in (self._feed, self._read, self._read_errors)]

    def start(self):
        self.began = time.monotonic()
        for thread in self.threads:
            thread.start()

    def _write(self, block, count):
        self.firsts.append(self.sent)
        self.times.append(time.monotonic())
        view = memoryview(block)
        while view:
            view = view[os.write(self.process.stdin.fileno(), view):]
        self.sent += count

    def _feed(self):
        try:
            while not self.flat.is_set():
                count = int((time.monotonic() - self.began) * self.rate) - self.sent
                if count > 0:
                    count = min(count, BLOCK)
                    self._write(self.source.block(self.sent, count), count)
                time.sleep(TICK)
            self.paced_ended = time.monotonic()
            # Made before the clock runs: Python is slower at this than what it then measures.
            self.total = self.sent + self.flat_out
            blocks = [self.source.block(first, min(BLOCK, self.total - first))
                      for first in range(self.sent, self.total, BLOCK)]
            self.paced, self.flat_began = self.sent, time.monotonic()
            for block in blocks:
                self._write(block, min(BLOCK, self.total - self.sent))
            while self.flat_out and not self.over.is_set():
                self.total += BLOCK
                self._write(self.source.block(self.sent, BLOCK), BLOCK)
        except OSError as error:
            self.failure = "the pipe stopped reading: %s" % error.strerror
        finally:
            try:
                self.process.stdin.close()
            except OSError:
                pass

    def _read(self):
        descriptor = self.process.stdout.fileno()
        while True:
            data = os.read(descriptor, 1 << 20)
            now = time.monotonic()
            if not data:
                break
            self.chunks.append((now, data))
            self.returned += data.count(b"\n")
        self.ended = now

    def _read_errors(self):
        for line in self.process.stderr:
            if len(self.stderr) < 65536:
                self.stderr += line

    def sent_at(self, number):
        return self.times[bisect.bisect_right(self.firsts, number) - 1]

    def output(self):
        """(line, when it had been read) in order; what follows the last line end is a line too."""
        rest = b""
        when = self.began
        for when, data in self.chunks:
            lines = (rest + data).split(b"\n")
            rest = lines.pop()
            for line in lines:
                yield line, when
        if rest:
            yield rest, when

    def finish(self, seconds):
        """Waits until everything has been fed and read and the child has ended.  -> its status, or
        None when that took too long and it was killed."""
        end = time.monotonic() + seconds
        for thread in self.threads:
            thread.join(max(0.0, end - time.monotonic()))
        try:
            return self.process.wait(max(0.1, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.kill()
            return None

    def kill(self):
        self.flat.set()
        self.over.set()
        self.process.kill()
        self.process.wait()
