#!/usr/bin/env python3
"""control_test.py - `berth ctl` and the socket of `berth pipe`."""
import json
import os
import re
import select
import signal
import socket
import stat
import threading
import time
import unittest

from program import PATIENCE, SOURCE, Folder, Pipe, guest, patiently, run


class Swaps(Folder):
    def test_a_swap_is_seen_by_the_next_record(self):
        running = Pipe(self)
        self.assertEqual(b"1:a", running.ask(b"a"))
        result = running.ctl("swap", guest("cli_v2"))
        self.assert_exit(result, 0)
        self.assertEqual(b"version 2 serves, after version 1\n", result.stdout)
        self.assertEqual(b"2:b", running.ask(b"b"))
        self.assertEqual((0, b"", ""), running.finish())

    def test_a_rollback_brings_the_version_before_back(self):
        running = Pipe(self)
        running.ctl("swap", guest("cli_v2"))
        self.assertEqual(b"2:a", running.ask(b"a"))
        result = running.ctl("rollback")
        self.assert_exit(result, 0)
        self.assertEqual(b"version 1 serves, after version 2\n", result.stdout)
        self.assertEqual(b"1:b", running.ask(b"b"))

    def test_a_rollback_without_a_version_before_is_a_failure(self):
        running = Pipe(self)
        self.assert_error(running.ctl("rollback"), 1, "rollback : absent")
        self.assertEqual(b"1:b", running.ask(b"b"))

    def test_the_same_bytes_again_change_nothing(self):
        running = Pipe(self)
        answer = running.ctl_json("swap", guest("cli_v1"))
        self.assertEqual((True, 1), (answer["unchanged"], answer["version"]))
        self.assertIn(b"these very bytes", running.ctl("swap", guest("cli_v1")).stdout)

    def test_a_refused_swap_leaves_the_old_version_serving(self):
        def attempt(deadline):
            nonlocal running
            try:
                running = Pipe(self, "--probe-deadline", deadline)  # for what loops in its probe
            except AssertionError as error:  # of Pipe's own probe nothing else is expected
                self.assertIn("deadline", str(error))
                return False
            return True

        running = None
        patiently(attempt)
        cut = self.write("cut", open_bytes(guest("cli_v2"))[:300])
        for path, code, part in [(guest("imports"), 3, "rejected"),
                                 (guest("cli_heavy"), 3, "deadline"),
                                 (cut, 3, "rejected"),
                                 (guest("cli_other"), 1, "no hook 'edit'"),
                                 (self.path("none"), 1, "No such file"),
                                 (self.folder, 1, "a folder")]:
            result = running.ctl("swap", path)
            self.assert_error(result, code, part)
            self.assertEqual(b"1:x", running.ask(b"x"))
        answer = running.ctl_json("swap", guest("imports"))
        self.assertEqual(("rejected", True, 1), (answer["status"], answer["refused"],
                                                 answer["version"]))
        stats = running.ctl_json("stat")
        self.assertEqual((0, 6, 1), (stats["swaps"]["installed"], stats["swaps"]["refused"],
                                     stats["slot"]["version"]))

    def test_a_relative_path_is_the_clients(self):
        running = Pipe(self)
        os.symlink(guest("cli_v2"), self.path("new.wasm"))
        result = run("ctl", running.socket, "swap", "new.wasm", cwd=self.folder)
        self.assert_exit(result, 0)
        self.assertEqual(b"2:a", running.ask(b"a"))

    def test_evict_takes_it_out_of_service_for_good(self):
        running = Pipe(self, "--on-error", "pass", "-q")
        self.assertEqual(b"1:a", running.ask(b"a"))
        self.assert_exit(running.ctl("evict"), 0)
        self.assertEqual(b"b", running.ask(b"b"))
        self.assert_error(running.ctl("evict"), 1, "evict : absent")
        self.assert_exit(running.ctl("swap", guest("cli_v2")), 1)
        self.assertEqual(1, running.ctl_json("stat")["failures"]["absent"])

    def test_swaps_in_mid_stream_lose_nothing_and_keep_the_order(self):
        """Records are numbered; each comes back once, in its place, from a version that the
        answers to the swaps allow."""
        running = Pipe(self, "--workers", "4", "--summary", self.path("summary"))
        answers, got, sent = [], [], [0]

        def feed():
            while sent[0] < 20000 or len(answers) < 8:
                running.send(b"".join(b"%d\n" % i for i in range(sent[0], sent[0] + 500)))
                sent[0] += 500
                arrived.wait_for(sent[0])
            running.process.stdin.close()

        class Arrived:
            """Keeps the feeder less than 5000 records ahead, so that swaps fall into the stream."""
            def __init__(self):
                self.condition, self.count = threading.Condition(), 0

            def wait_for(self, sent):
                with self.condition:
                    self.condition.wait_for(lambda: self.count > sent - 5000, PATIENCE)

            def add(self):
                with self.condition:
                    self.count += 1
                    self.condition.notify()

        arrived = Arrived()

        def collect():
            for line in running.process.stdout:
                got.append(line)
                arrived.add()

        threads = [threading.Thread(target=feed), threading.Thread(target=collect)]
        for thread in threads:
            thread.start()
        while threads[0].is_alive():
            name = "cli_v%d" % (len(answers) % 2 + 1)
            words = ["rollback"] if len(answers) % 3 == 2 else ["swap", guest(name)]
            result = running.ctl(*words, "--json")
            if result.returncode == 0:
                answers.append(json.loads(result.stdout))
        for thread in threads:
            thread.join()
        self.assertEqual(0, running.process.wait(PATIENCE))
        total = sent[0]
        self.assertGreaterEqual(len(answers), 8)
        self.assertTrue(list(range(total)) == [int(line.split(b":")[1]) for line in got])
        marks = [line[:1] for line in got]
        self.assertIn(b"2", marks)
        self.check_attribution(marks, answers)
        with open(self.path("summary"), encoding="utf-8") as file:
            summary = json.load(file)
        self.assertEqual(total, summary["records"]["answered"])
        self.assertEqual(total, sum(version["answered"] for version in summary["versions"]) +
                         summary["older"]["answered"])
        self.assertEqual(0, sum(summary["failures"].values()))
        self.assertGreater(summary["swaps"]["longest_gap_ns"], 0)

    def check_attribution(self, marks, answers):
        """Before answers[i].at.before_done: a version from before it; after after_read: from it on.
        A version's number is known by its digest; marks by what the digest's guest writes."""
        mark_of = {1: b"1"}
        for answer in answers:
            if "digest" in answer:
                mark_of.setdefault(answer["version"],
                                   b"1" if answer["digest"] == digest_of("cli_v1") else b"2")
        periods, start = [], 0
        current = {1}
        for answer in answers:
            periods.append((start, answer["at"]["before_done"], set(current)))
            overlap = current | {answer["version"]}
            periods.append((answer["at"]["before_done"], answer["at"]["after_read"], overlap))
            current = {answer["version"]}
            start = answer["at"]["after_read"]
        periods.append((start, len(marks), current))
        allowed = [set() for _ in marks]
        for begin, end, versions in periods:
            for i in range(begin, min(end, len(marks))):
                allowed[i] |= {mark_of[version] for version in versions}
        # Records that were read but not done when an earlier change began are open to it too.
        wrong = [i for i, mark in enumerate(marks) if allowed[i] and mark not in allowed[i]]
        self.assertEqual([], wrong[:10])


def open_bytes(path):
    with open(path, "rb") as file:
        return file.read()


def digest_of(name):
    import hashlib
    return hashlib.sha256(open_bytes(guest(name))).hexdigest()


class Stat(Folder):
    def test_counters_add_up(self):
        running = Pipe(self, "--on-error", "drop", "-q")
        for line in [b"a", b"b"]:
            running.ask(line)
        running.send(b"trap\ndrop\n")
        running.ask(b"c")
        stats = running.ctl_json("stat")
        records = stats["records"]
        self.assertEqual(records["in"], records["answered"] + records["dropped"] +
                         records["passed"] + records["removed"] + records["stopped"] +
                         records["pending"])
        self.assertEqual((5, 3, 3, 1, 1), (records["in"], records["out"], records["answered"],
                                           records["dropped"], records["removed"]))
        slot = stats["slot"]
        self.assertEqual(slot["calls"], slot["answered"] + slot["dropped"] + slot["traps"] +
                         slot["deadlines"] + slot["limits"] + slot["violations"] +
                         slot["other_failures"] + slot["in_flight"])
        self.assertEqual("ok", stats["status"])

    def test_a_failure_counts_for_its_version_though_that_was_reaped_before_anybody_looked(self):
        for deadline in ["1s", "5s", "25s", "100s"]:  # on a busy machine it takes time to look
            running = Pipe(self, "--on-error", "pass", "-q", "--deadline", deadline)
            self.assert_exit(running.ctl("swap", guest("cli_v2")), 0)
            running.send(b"loop\n")
            slot = {"in_flight": 0, "deadlines": 0}
            while slot["in_flight"] == 0 and slot["deadlines"] == 0:
                slot = running.ctl_json("stat")["slot"]
            self.assert_exit(running.ctl("rollback"), 0)
            missed = running.ctl_json("stat")["slot"]["deadlines"] != 0
            self.assertEqual(b"loop", running.read_line())
            if not missed:  # it was inside when its version was replaced
                break
            running.end()
        while running.ctl_json("stat")["slot"]["versions_retired"] != 0:
            pass
        late = 0  # one that is sound, too, may run out of time
        while running.ask(b"a") != b"1:a":
            late += 1
        versions = running.ctl_json("stat")["versions"]
        self.assertEqual([(1, late), (2, 1)], [(v["version"], v["failed"]) for v in versions])

    def test_text_shows_the_same_counters(self):
        running = Pipe(self)
        running.ask(b"a")
        text = running.ctl("stat").stdout.decode()
        self.assertRegex(text, r"records:\n  in +1\n  out +1\n")
        self.assertRegex(text, r"version 1 +edit 1\.0\.0: 1 answered")

    def test_every_key_is_documented_and_every_documented_key_is_there(self):
        running = Pipe(self, "--summary", self.path("summary"))
        running.ask(b"a")
        found = set()

        def collect(value, path):
            if isinstance(value, dict):
                for key, inner in value.items():
                    collect(inner, path + "." + key if path else key)
            elif isinstance(value, list):
                for inner in value:
                    collect(inner, path + "[]")
            else:
                found.add(path)

        collect(running.ctl_json("stat"), "")
        running.finish()
        with open(self.path("summary"), encoding="utf-8") as file:
            collect(json.load(file), "")
        with open(os.path.join(SOURCE, "docs", "metrics.md"), encoding="utf-8") as file:
            chapter = file.read().split("\n# ")[0]  # the others are about flows
        documented = set(re.findall(r"^\| `([a-z0-9_.\[\]]+)` \|", chapter, re.M))
        self.assertEqual(sorted(found), sorted(documented))


class Socket(Folder):
    def test_it_is_private_and_gone_at_the_end(self):
        running = Pipe(self)
        mode = os.stat(running.socket).st_mode
        self.assertTrue(stat.S_ISSOCK(mode))
        self.assertEqual(0o600, stat.S_IMODE(mode))
        running.finish()
        self.assertEqual([], os.listdir(self.folder))

    def test_something_else_under_its_name_is_left_alone(self):
        for name, make in [("file", lambda path: self.write("file", b"precious")),
                           ("folder", os.mkdir), ("fifo", os.mkfifo),
                           ("link", lambda path: os.symlink("nowhere", path))]:
            make(self.path(name))
            before = os.lstat(self.path(name))
            result = run("pipe", guest("cli_v1"), "--hook", "edit", "--control", self.path(name),
                         stdin=b"a\n")
            self.assert_error(result, 1, self.path(name), "not a socket is there")
            self.assertEqual(b"", result.stdout)
            self.assertEqual(before, os.lstat(self.path(name)))

    def test_a_socket_that_somebody_listens_on_is_left_to_them(self):
        running = Pipe(self)
        result = run("pipe", guest("cli_v1"), "--hook", "edit", "--control", running.socket)
        self.assert_error(result, 1, "somebody listens there already")
        self.assertEqual(b"1:a", running.ask(b"a"))
        self.assert_exit(running.ctl("stat"), 0)

    def test_a_stale_socket_is_replaced(self):
        running = Pipe(self)
        running.interrupt(signal.SIGKILL)
        running.process.wait(PATIENCE)
        self.assertTrue(os.path.exists(running.socket))
        result = run("ctl", running.socket, "stat")
        self.assert_error(result, 1, "Connection refused", "berth pipe --control")
        result = run("pipe", guest("cli_v1"), "--hook", "edit", "--control", running.socket,
                     stdin=b"a\n")
        self.assert_exit(result, 0)
        self.assertFalse(os.path.exists(running.socket))

    def test_a_path_that_cannot_be_a_socket_is_refused(self):
        for path, part in [(self.path("x" * 120), "at most 100 bytes"),
                           (self.path("none/socket"), "No such file")]:
            result = run("pipe", guest("cli_v1"), "--hook", "edit", "--control", path)
            self.assert_error(result, 1, part)
        self.assert_error(run("ctl", self.path("x" * 120), "stat"), 1, "at most 107 bytes")
        self.assert_error(run("ctl", self.path("none"), "stat"), 1, "No such file")
        self.assert_error(run("ctl", self.write("file", b""), "stat"), 1, "Connection refused")


class Clients(Folder):
    def test_clients_that_hang_stall_nobody_and_are_dropped_in_favour_of_those_without_room(self):
        running = Pipe(self)
        hanging = [running.connect() for _ in range(3)]
        hanging[0].send(b"sta")
        self.assertEqual(b"1:a", running.ask(b"a"))
        self.assert_exit(running.ctl("stat"), 0)
        without_room = [running.connect() for _ in range(25)]
        self.assertEqual(b"1:a", running.ask(b"a"))
        self.assert_exit(running.ctl("stat"), 0)
        self.assertEqual(25, len(without_room))
        for client in hanging:  # the server closes them when their time is over
            self.assertEqual(b"", client.recv(1))

    def test_a_client_that_leaves_is_forgotten(self):
        running = Pipe(self)
        for request in [b"", b"sta", b"stat\n", b"swap " + guest("cli_v2").encode() + b"\n"]:
            client = running.connect()
            client.send(request)
            client.close()
        deadline = time.monotonic() + PATIENCE
        while running.ctl_json("stat")["slot"]["version"] != 2:
            self.assertLess(time.monotonic(), deadline)
        self.assertEqual(b"2:a", running.ask(b"a"))

    def test_requests_that_make_no_sense_are_answered_so(self):
        running = Pipe(self)
        for request, status in [(b"explode\n", "invalid"), (b"\n", "invalid"),
                                (b"swap relative\n", "invalid"), (b"swap\n", "invalid"),
                                (b"\xff\xfe\0\n", "invalid"), (b"stat\0\n", "ok"),
                                (b"x" * 8192, "invalid"), (b"swap /" + b"x" * 8000 + b"\n", "system")]:
            client = running.connect()
            client.sendall(request)
            answer = b""
            while not answer.endswith(b"\n"):
                chunk = client.recv(65536)
                self.assertNotEqual(b"", chunk, request[:20])
                answer += chunk
            self.assertEqual(status, json.loads(answer)["status"], request[:20])
        self.assertEqual(b"1:a", running.ask(b"a"))

    def test_stat_is_answered_while_a_swap_compiles_or_probes(self):
        running = Pipe(self)
        client = running.connect()
        client.send(b"swap " + guest("cli_heavy").encode() + b"\n")
        self.assert_exit(running.ctl("stat"), 0)
        self.assert_error(running.ctl("rollback"), 1, "absent")
        self.assertEqual(b"1:a", running.ask(b"a"))
        answered, _, _ = select.select([client], [], [], 0)
        self.assertEqual([], answered)  # it still probes

    def test_a_server_that_does_not_answer_is_waited_for_no_longer_than_asked(self):
        server = socket.socket(socket.AF_UNIX)
        self.addCleanup(server.close)
        server.bind(self.path("mute"))
        server.listen(0)
        for _ in range(3):  # the first ones are let in, the last has to wait outside
            self.assert_error(run("ctl", self.path("mute"), "stat", "--timeout", "50ms"), 1,
                              "did not answer in time")

    def test_a_server_that_is_no_pipe_is_told(self):
        def answer_with(data):
            client, _ = server.accept()
            client.recv(100)
            client.sendall(data)
            client.close()

        server = socket.socket(socket.AF_UNIX)
        self.addCleanup(server.close)
        server.bind(self.path("other"))
        server.listen()
        for data, part in [(b"220 hello\n", "not JSON"), (b"", "without a whole answer"),
                           (b"{", "without a whole answer"), (b"[]\n", "not JSON")]:
            thread = threading.Thread(target=answer_with, args=(data,))
            thread.start()
            self.assert_error(run("ctl", self.path("other"), "stat"), 1, part)
            thread.join()

    def test_an_answer_cannot_drive_the_terminal(self):
        answer = {"status": "ok", "hook": "\033[2J", "versions": [{"name": "\u202e", "version": 1}],
                  "records": {"\033k": 1}}
        refusal = {"status": "\033", "text": "\033[2J\nframe \033", "advice": "\u009b1"}
        server = socket.socket(socket.AF_UNIX)
        self.addCleanup(server.close)
        server.bind(self.path("other"))
        server.listen()

        def serve(data):
            client, _ = server.accept()
            client.recv(100)
            client.sendall(data)
            client.close()

        for content in [answer, refusal]:
            thread = threading.Thread(target=serve, args=(json.dumps(content).encode() + b"\n",))
            thread.start()
            result = run("ctl", self.path("other"), "stat")
            thread.join()
            for bad in ["\033", "\u202e", "\u009b"]:
                self.assertNotIn(bad.encode(), result.stdout + result.stderr)

    def test_the_end_of_the_pipe_does_not_wait_for_clients(self):
        def end():
            running = Pipe(self)
            running.connect()
            client = running.connect()
            client.send(b"sta")
            began = time.monotonic()
            self.assertEqual((0, b"", ""), running.finish())
            return time.monotonic() - began

        # A client's time is 5 s; a busy machine may take as long for other reasons, now and then.
        self.assertTrue(any(end() < 4 for _ in range(10)))


if __name__ == "__main__":
    unittest.main()
