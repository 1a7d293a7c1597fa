"""program.py - what the tests of the program share: running it, its guests, a pipe with a socket."""
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

PROGRAM = os.environ["BERTH_PROGRAM"]
GUESTS = os.environ["BERTH_GUESTS_DIR"]
SOURCE = os.environ["BERTH_SOURCE_DIR"]
PATIENCE = int(os.environ.get("BERTH_TEST_PATIENCE", "400"))  # a bound, never waited for

# What a shell starts in the background ignores ^C, and so would the programs that are sent one here.
signal.signal(signal.SIGINT, signal.default_int_handler)


def guest(name):
    return os.path.join(GUESTS, name + ".wasm")


def environment(**more):
    own = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    return dict(own, **dict({"TERM": "xterm"}, **more))


def read(path):
    with open(path, "rb") as file:
        return file.read()


# What is not about time gets plenty of it: these tests run sanitized and on busy machines.
NO_HURRY = ["--deadline", "60s", "--probe-deadline", "60s"]


def run(*words, stdin=b"", **options):
    """-> CompletedProcess with bytes.  What is about time says so: its own option comes later."""
    if words[:1] in (("call",), ("pipe",)):
        words = (words[0], *NO_HURRY, *words[1:])
    options.setdefault("stdout", subprocess.PIPE)
    options.setdefault("stderr", subprocess.PIPE)
    options.setdefault("env", environment())
    if "stdin_file" in options:
        options["stdin"] = options.pop("stdin_file")
    else:
        options["input"] = stdin
    return subprocess.run([PROGRAM, *words], timeout=PATIENCE, check=False, **options)


def patiently(attempt, deadlines=("300ms", "3s", "60s")):
    """Runs attempt(deadline) until it says that nothing sound ran out of time.  What loops takes its
    whole deadline, so the first is short; no machine is too busy for the last.  -> whether it did"""
    return any(attempt(deadline) for deadline in deadlines)


class Folder(unittest.TestCase):
    """A test with a folder of its own, and helpers that fail with what was printed."""

    maxDiff = None

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="berth-cli-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, content):
        with open(self.path(name), "wb") as file:
            file.write(content)
        return self.path(name)

    def assert_exit(self, result, code):
        self.assertEqual(code, result.returncode,
                         "stderr: %s" % result.stderr.decode("utf-8", "replace"))

    def assert_error(self, result, code, *parts):
        """One line of the one shape, with these parts in it."""
        self.assert_exit(result, code)
        lines = [line for line in result.stderr.decode().splitlines()
                 if not line.startswith("  ")]
        self.assertEqual(1, len(lines), lines)
        self.assertRegex(lines[0], r"^berth: .+ : .+; .+$")
        for part in parts:
            self.assertIn(part, lines[0])


class Pipe:
    """A running `berth pipe` with a control socket, fed by hand."""

    def __init__(self, test, *words, artifact="cli_v1", hook="edit", control=True,
                 on_interrupt=signal.SIG_DFL):
        self.test = test
        self.socket = test.path("socket")
        command = [PROGRAM, "pipe", guest(artifact), "--hook", hook, *NO_HURRY, *words]
        if control:
            command += ["--control", self.socket]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, env=environment(),
                                        # who runs the tests in the background ignores it
                                        preexec_fn=lambda: signal.signal(signal.SIGINT,
                                                                         on_interrupt))
        test.addCleanup(self.end)
        self.pending = b""
        if control:
            self.wait_for_socket()

    def wait_for_socket(self):
        deadline = time.monotonic() + PATIENCE
        while not os.path.exists(self.socket):
            if self.process.poll() is not None:
                self.test.fail(self.process.stderr.read().decode())
            if time.monotonic() > deadline:
                self.test.fail("no socket came")
            select.select([], [], [], 0.01)

    def send(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def read_line(self):
        """The next line of its output, while its input stays open."""
        deadline = time.monotonic() + PATIENCE
        while b"\n" not in self.pending:
            ready, _, _ = select.select([self.process.stdout], [], [],
                                        max(0, deadline - time.monotonic()))
            chunk = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            if not chunk:
                self.test.fail("no line came; %r is there" % self.pending)
            self.pending += chunk
        line, self.pending = self.pending.split(b"\n", 1)
        return line

    def ask(self, line):
        self.send(line + b"\n")
        return self.read_line()

    def ctl(self, *words):
        return run("ctl", self.socket, *words)

    def ctl_json(self, *words):
        return json.loads(self.ctl(*words, "--json").stdout)

    def connect(self):
        client = socket.socket(socket.AF_UNIX)
        client.connect(self.socket)  # waits where there is no room yet
        client.settimeout(PATIENCE)
        self.test.addCleanup(client.close)
        return client

    def finish(self):
        """-> (exit code, rest of stdout, stderr)"""
        out, err = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, self.pending + out, err.decode()

    def interrupt(self, number=signal.SIGINT):
        self.process.send_signal(number)

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            try:
                stream.close()
            except BrokenPipeError:
                pass
