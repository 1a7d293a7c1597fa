#!/usr/bin/env python3
"""pipe_test.py - `berth pipe`: order, framing, failures, ends."""
import json
import os
import pty
import signal
import stat
import struct
import subprocess
import unittest
import unittest.mock

from program import NO_HURRY, PATIENCE, PROGRAM, Folder, Pipe, environment, guest, patiently, run


def pipe(content, *words, artifact="cli_v1", hook="edit", **options):
    return run("pipe", guest(artifact), "--hook", hook, *NO_HURRY, *words, stdin=content, **options)


def frame(*records):
    return b"".join(struct.pack("<I", len(record)) + record for record in records)


class Records(Folder):
    def test_lines_come_back_in_order_from_one_worker_and_from_four(self):
        lines = [b"line %d %s" % (i, b"x" * (i * 7919 % 97)) for i in range(100000)]
        content = b"".join(line + b"\n" for line in lines)
        wanted = b"".join(b"1:" + line + b"\n" for line in lines)
        for workers in ["1", "4"]:
            for policy in ["reuse"] + (["fresh"] if workers == "4" else []):
                count = len(lines) if policy == "reuse" else 2000
                part = b"".join(line + b"\n" for line in lines[:count])
                result = pipe(part, "--workers", workers, "--policy", policy)
                self.assert_exit(result, 0)
                self.assertTrue(result.stdout == wanted[:len(part) + 2 * count],
                                "%s %s" % (workers, policy))
        self.assertEqual(len(content) + 2 * len(lines), len(wanted))

    def test_an_empty_input_is_an_empty_output(self):
        for records in ["lines", "u32le"]:
            result = pipe(b"", "--records", records)
            self.assert_exit(result, 0)
            self.assertEqual((b"", b""), (result.stdout, result.stderr))

    def test_empty_lines_are_records(self):
        result = pipe(b"\n\n\n")
        self.assertEqual(b"1:\n1:\n1:\n", result.stdout)

    def test_a_last_line_without_newline_stays_one(self):
        self.assertEqual(b"1:a\n1:b", pipe(b"a\nb").stdout)
        self.assertEqual(b"1:a\n1:b\n", pipe(b"a\nb\n").stdout)
        self.assertEqual(b"1:b", pipe(b"b").stdout)
        self.assertEqual(b"1:a\n", pipe(b"a\ndrop").stdout)
        self.assertEqual(b"1:a\ntrap", pipe(b"a\ntrap", "--on-error", "pass", "-q").stdout)

    def test_lines_may_hold_any_byte_but_the_newline(self):
        line = bytes(byte for byte in range(256) if byte != 10)
        self.assertEqual(b"1:" + line + b"\n1:\0\n", pipe(line + b"\n\0\n").stdout)

    def test_prefixed_records_may_hold_any_byte_and_none(self):
        records = [b"", bytes(range(256)), b"\n\n", b"x" * 100000, b""]
        result = pipe(frame(*records), "--records", "u32le")
        self.assert_exit(result, 0)
        self.assertEqual(frame(*(b"1:" + record for record in records)), result.stdout)

    def test_a_record_cut_off_by_the_end_is_told_after_those_before_it(self):
        whole = frame(b"one", b"two")
        for cut in [1, 3, 4, 6]:
            result = pipe(whole + frame(b"three")[:cut], "--records", "u32le")
            self.assert_error(result, 1, "record 3 : is cut off", "%d bytes after" % cut)
            self.assertEqual(frame(b"1:one", b"1:two"), result.stdout)

    def test_a_record_at_the_bound_passes_and_past_it_is_told_by_number(self):
        at, past = b"x" * 1000, b"x" * 1001
        words = ["--record-max", "1000"]
        for content in [at + b"\n", at]:
            self.assertEqual(b"1:" + content, pipe(content, *words).stdout)
        self.assertEqual(frame(b"1:" + at), pipe(frame(at), *words, "--records", "u32le").stdout)
        for content in [past + b"\n", past, past + b"\nc\n"]:
            result = pipe(b"a\nb\n" + content, *words)
            self.assert_error(result, 1, "line 3 : is longer than 1000 bytes", "--record-max")
            self.assertEqual(b"1:a\n1:b\n", result.stdout)
        result = pipe(frame(b"a", past), *words, "--records", "u32le")
        self.assert_error(result, 1, "record 2 : is longer than 1000 bytes")
        self.assertEqual(frame(b"1:a"), result.stdout)
        result = pipe(frame(b"a") + b"\xff\xff\xff\xff", "--records", "u32le")
        self.assert_error(result, 1, "record 2 : is longer than 1048576 bytes")

    def test_a_line_of_a_megabyte_passes_and_an_endless_one_does_not_fill_memory(self):
        line = b"y" * (1024 * 1024)
        result = pipe(b"a\n" + line + b"\nb\n")
        self.assert_exit(result, 0)
        self.assertEqual(b"1:a\n1:" + line + b"\n1:b\n", result.stdout)
        with open("/dev/zero", "rb") as endless:
            result = run("pipe", guest("cli_v1"), "--hook", "edit", stdin_file=endless)
        self.assert_error(result, 1, "line 1 : is longer than 1048576 bytes")

    def test_records_of_all_sizes_around_a_batch_come_back_whole(self):
        sizes = [65534, 65535, 65536, 65537, 131071, 131072, 131073, 0, 1, 16384, 49152] * 3
        lines = [bytes([97 + i % 26]) * size for i, size in enumerate(sizes)]
        result = pipe(b"\n".join(lines) + b"\n", "--workers", "3")
        self.assert_exit(result, 0)
        self.assertTrue(b"".join(b"1:" + line + b"\n" for line in lines) == result.stdout)

    def test_a_plugin_may_reply_with_much_more_than_it_got(self):
        """More output for a batch than is held back: it is written in parts, in order."""
        lines = [(b"%063d" % i).ljust(4000) for i in range(100)]
        for workers in ["1", "4"]:
            result = pipe(b"\n".join(lines) + b"\n", "--workers", workers, "--records", "lines",
                          artifact="cli_big")
            self.assert_exit(result, 0)
            replies = result.stdout.split(b"\n")
            self.assertEqual([line[:64] for line in lines] + [b""],
                             [reply[:64] for reply in replies])
            self.assertEqual({512 * 1024, 0}, {len(reply) for reply in replies})

    def test_a_line_that_is_typed_is_answered_at_once(self):
        running = Pipe(self, "--workers", "2", control=False)
        for line in [b"one", b"two", b"three"]:
            self.assertEqual(b"1:" + line, running.ask(line))
        self.assertEqual((0, b"", ""), running.finish())


class Failures(Folder):
    content = b"a\ntrap\nb\nloop\nc\ntrap again\ndrop\nd\n"

    def pipe_with_a_loop(self, content, *words):
        """-> (result, summary) of a run in which one record ran out of time: the one that loops."""
        out = []

        def attempt(deadline):
            path = self.path("summary")
            result = pipe(content, *words, "--deadline", deadline, "--summary", path)
            with open(path, encoding="utf-8") as file:
                out[:] = result, json.load(file)
            return out[1]["failures"]["deadline"] == 1
        patiently(attempt)
        return out

    def test_stop_writes_what_was_before_and_says_which_record(self):
        for policy in [[], ["--on-error", "stop"]]:
            for workers in ["1", "4"]:
                result = pipe(self.content, "--deadline", "3s", *policy, "--workers", workers)
                self.assert_error(result, 1, "line 2 : trap (unreachable)")
                self.assertEqual(b"1:a\n", result.stdout)

    def test_stop_holds_in_the_middle_of_many_batches(self):
        lines = [b"line %d" % i for i in range(20000)]
        lines[12345] = b"trap"
        result = pipe(b"\n".join(lines) + b"\n", "--workers", "4")
        self.assert_error(result, 1, "line 12346 : trap")
        self.assertTrue(b"".join(b"1:" + line + b"\n" for line in lines[:12345]) == result.stdout)

    def test_stop_lets_go_of_workers_that_wait_for_their_turn(self):
        """Those behind the failed record have more output than is held back, and it is not
        written."""
        lines = [b"loop".ljust(70000)] + [b"%064d" % i for i in range(3000)]
        result = pipe(b"\n".join(lines) + b"\n", "--workers", "4", "--deadline", "1s",
                      artifact="cli_big")
        self.assert_error(result, 1, "line 1 : deadline")
        self.assertEqual(b"", result.stdout)

    def test_pass_writes_the_record_unchanged(self):
        result, _ = self.pipe_with_a_loop(self.content, "--on-error", "pass")
        self.assert_exit(result, 0)
        self.assertEqual(b"1:a\ntrap\n1:b\nloop\n1:c\ntrap again\n1:d\n", result.stdout)
        errors = result.stderr.decode()
        self.assertIn("line 2 : trap (unreachable)", errors)
        self.assertIn("line 4 : deadline", errors)
        self.assertNotIn("line 6", errors)  # the first of each kind is told
        self.assertIn("3 of 8 calls failed; their records were passed on unchanged", errors)

    def test_drop_leaves_the_record_out(self):
        result, _ = self.pipe_with_a_loop(self.content, "--on-error", "drop")
        self.assert_exit(result, 0)
        self.assertEqual(b"1:a\n1:b\n1:c\n1:d\n", result.stdout)
        self.assertIn(b"3 of 8 calls failed; their records were left out", result.stderr)

    def test_quiet_says_nothing_of_what_was_dealt_with(self):
        result = pipe(b"a\ntrap\nb\ntrap\n", "--on-error", "drop", "-q")
        self.assertEqual((b"1:a\n1:b\n", b""), (result.stdout, result.stderr))

    def test_each_failure_is_counted_under_its_status(self):
        _, found = self.pipe_with_a_loop(self.content + b"deep\nbounds\n", "--on-error", "pass", "-q")
        self.assertEqual({"trap": 2, "deadline": 1, "limit": 1, "abi": 1, "busy": 0, "absent": 0,
                          "memory": 0, "other": 0}, found["failures"])
        records = found["records"]
        self.assertEqual((10, 9, 4, 1, 5, 0, 0, 0),
                         tuple(records[key] for key in ["in", "out", "answered", "dropped",
                                                        "passed", "removed", "stopped", "pending"]))
        self.assertEqual(5, found["versions"][0]["failed"])

    def test_an_artifact_that_is_refused_or_lacks_the_hook_starts_nothing(self):
        summary, socket = self.path("summary"), self.path("socket")
        words = ["--summary", summary, "--control", socket]
        self.assert_error(pipe(b"a\n", *words, artifact="imports"), 3, "rejected")
        self.assert_error(pipe(b"a\n", *words, artifact="cli_other"), 1, "no hook 'edit'")
        self.assertEqual([], os.listdir(self.folder))


class Summary(Folder):
    def test_it_counts_exactly_and_says_how_it_ended(self):
        path = self.path("summary")
        result = pipe(b"aa\nbb\ndrop\n", "--summary", path)
        self.assert_exit(result, 0)
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
        self.assertEqual("end of input", found["ended"])
        self.assertEqual(11, found["records"]["bytes_in"])
        self.assertEqual(len(result.stdout), found["records"]["bytes_out"])
        self.assertEqual(3, found["slot"]["calls"])
        self.assertGreater(found["latency_ns"]["max"], 0)
        self.assertLessEqual(found["latency_ns"]["p50"], found["latency_ns"]["p999"])
        self.assertEqual([path.split("/")[-1]], os.listdir(self.folder))

    def test_the_file_has_the_mode_that_the_mask_leaves(self):
        old = os.umask(0o027)
        try:
            pipe(b"", "--summary", self.path("summary"))
        finally:
            os.umask(old)
        self.assertEqual(0o640, stat.S_IMODE(os.stat(self.path("summary")).st_mode))

    def test_a_link_stays_a_link(self):
        self.write("real", b"old")
        os.symlink(self.path("real"), self.path("link"))
        self.assert_exit(pipe(b"", "--summary", self.path("link")), 0)
        self.assertTrue(os.path.islink(self.path("link")))
        with open(self.path("real"), encoding="utf-8") as file:
            json.load(file)

    def test_a_full_device_is_a_failure_after_the_records(self):
        result = pipe(b"a\n", "--summary", "/dev/full")
        self.assert_error(result, 1, "/dev/full : No space left on device")
        self.assertEqual(b"1:a\n", result.stdout)

    def test_a_full_disk_leaves_the_old_file_and_no_part_of_a_new_one(self):
        if os.geteuid() != 0:
            self.skipTest("mounting a small file system needs root")
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k,nr_inodes=4", "none",
                           self.folder], stderr=subprocess.DEVNULL, check=False).returncode != 0:
            self.skipTest("this machine does not let us mount a small file system")
        try:
            self.write("filler", b"x" * 4096)
            self.write("summary", b"")
            self.assert_error(pipe(b"a\n", "--summary", self.path("summary")), 1,
                              "summary : No space left on device")
            self.assertEqual(["filler", "summary"], sorted(os.listdir(self.folder)))
            self.assertEqual(0, os.path.getsize(self.path("summary")))
        finally:
            subprocess.run(["umount", self.folder], check=False)

    def test_a_bound_on_file_sizes_leaves_no_part_either(self):
        """The same for whoever is not root: a write that fails in the middle."""
        command = 'ulimit -f 1; trap "" XFSZ; exec "$0" pipe "$1" $HURRY --hook edit --summary "$2"'
        command += " --engine interp"  # the other one keeps memories in files
        result = subprocess.run(["bash", "-c", command, PROGRAM, guest("cli_v1"),
                                 self.path("summary")], input=b"a\n", stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, env=environment(HURRY=" ".join(NO_HURRY)), check=False)
        self.assert_error(result, 1, "summary : File too large")
        self.assertEqual([], os.listdir(self.folder))

    def test_a_path_that_cannot_be_written_is_told_before_the_first_record(self):
        for path in [self.path("none/summary"), self.folder]:
            result = pipe(b"a\n", "--summary", path)
            self.assert_error(result, 1, path)
            self.assertEqual(b"", result.stdout)


class Ends(Folder):
    def test_a_reader_that_leaves_ends_it_as_it_ends_other_filters(self):
        command = 'yes | "$0" pipe "$1" $HURRY --hook edit --summary "$2" | head -n 3; ' \
                  'echo "${PIPESTATUS[1]}"'
        result = subprocess.run(["bash", "-c", command, PROGRAM, guest("cli_v1"),
                                 self.path("summary")], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, env=environment(HURRY=" ".join(NO_HURRY)), check=False)
        self.assertEqual(b"1:y\n1:y\n1:y\n141\n", result.stdout)
        self.assertEqual(b"", result.stderr)
        with open(self.path("summary"), encoding="utf-8") as file:
            self.assertEqual("output closed", json.load(file)["ended"])

    def test_where_sigpipe_is_ignored_it_is_an_ordinary_failure(self):
        command = 'trap "" PIPE; "$0" pipe "$1" $HURRY --hook edit --control "$2" <"$3" | true; ' \
                  'exit "${PIPESTATUS[0]}"'
        content = self.write("in", b"y\n" * 1000000)
        result = subprocess.run(["bash", "-c", command, PROGRAM, guest("cli_v1"),
                                 self.path("socket"), content], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, env=environment(HURRY=" ".join(NO_HURRY)), check=False)
        self.assert_error(result, 1, "stdout : Broken pipe")
        self.assertEqual(["in"], os.listdir(self.folder))

    def test_an_interrupt_answers_what_was_read_and_writes_the_summary(self):
        for number, code in [(signal.SIGINT, 130), (signal.SIGTERM, 143)]:
            summary = self.path("summary")
            running = Pipe(self, "--summary", summary)
            self.assertEqual(b"1:a", running.ask(b"a"))
            running.interrupt(number)
            running.process.wait(PATIENCE)  # its input stays open until then
            self.assertEqual((code, b"", ""), running.finish())
            with open(summary, encoding="utf-8") as file:
                found = json.load(file)
            self.assertEqual(("signal", 1, 0), (found["ended"], found["records"]["answered"],
                                                found["records"]["pending"]))
            self.assertFalse(os.path.exists(running.socket))

    def test_an_interrupt_that_the_parent_ignores_is_ignored(self):
        running = Pipe(self, on_interrupt=signal.SIG_IGN)
        running.interrupt()
        self.assertEqual(b"1:a", running.ask(b"a"))
        self.assertEqual((0, b"", ""), running.finish())

    def test_a_second_interrupt_ends_it_although_nobody_reads(self):
        # Ending at once leaves threads behind; ThreadSanitizer need not say so.
        options = os.environ.get("TSAN_OPTIONS", "") + ":report_thread_leaks=0"
        with unittest.mock.patch.dict(os.environ, TSAN_OPTIONS=options):
            running = Pipe(self)
        os.set_blocking(running.process.stdin.fileno(), False)
        try:
            while True:
                os.write(running.process.stdin.fileno(), b"x" * 4095 + b"\n")
        except BlockingIOError:
            pass  # everything between here and our unread end is full
        os.set_blocking(running.process.stdin.fileno(), True)
        self.assertEqual("ok", running.ctl_json("stat")["status"])
        sent = 0
        while running.process.poll() is None and sent < 1000:
            running.interrupt()  # two that come at once are one
            sent += 1
            try:
                running.process.wait(0.1)
            except subprocess.TimeoutExpired:
                pass
        self.assertEqual(130, running.process.returncode, running.process.stderr.read())
        self.assertGreater(sent, 1)
        self.assertFalse(os.path.exists(running.socket))

    def test_a_full_stdout_is_a_failure(self):
        with open("/dev/full", "wb") as full:
            result = pipe(b"a\n" * 100000, "--workers", "3", stdout=full)
        self.assert_error(result, 1, "stdout : No space left on device")

    def test_a_folder_as_stdin_is_a_failure(self):
        folder = os.open(self.folder, os.O_RDONLY)
        result = run("pipe", guest("cli_v1"), "--hook", "edit", stdin_file=folder)
        os.close(folder)
        self.assert_error(result, 1, "stdin : Is a directory")

    def test_a_stdin_that_does_not_block_is_waited_for(self):
        ours, theirs = os.pipe()
        os.set_blocking(ours, False)
        process = subprocess.Popen([PROGRAM, "pipe", guest("cli_v1"), "--hook", "edit", *NO_HURRY],
                                   stdin=ours, stdout=subprocess.PIPE, env=environment())
        os.close(ours)
        os.write(theirs, b"a\n")
        self.assertEqual(b"1:a\n", process.stdout.readline())
        os.close(theirs)
        process.stdout.close()
        self.assertEqual(0, process.wait(PATIENCE))


class Progress(Folder):
    def test_a_progress_line_is_for_terminals(self):
        try:
            ours, theirs = pty.openpty()
        except OSError as why:
            self.skipTest(f"skipped: no terminal to be had here: {why}")
        process = subprocess.Popen([PROGRAM, "pipe", guest("cli_v1"), "--hook", "edit", *NO_HURRY,
                                    "--progress"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=theirs, env=environment())
        os.close(theirs)
        process.stdin.write(b"a\n")
        process.stdin.flush()
        text = b""
        while b"1 records" not in text:
            text += os.read(ours, 4096)
        process.communicate(timeout=PATIENCE)
        os.close(ours)
        self.assertIn(b"version 1", text)
        self.assertEqual(b"", pipe(b"a\n", "--progress").stderr)


class Leftovers(Folder):
    def test_a_million_records_take_no_more_memory_than_some_thousands(self):
        def peak(count):
            process = subprocess.Popen([PROGRAM, "pipe", guest("cli_v1"), "--hook", "edit",
                                        "--workers", "2", *NO_HURRY],
                                       stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                       env=environment())
            for _ in range(count // 1000):
                process.stdin.write(b"a record of some length\n" * 1000)
            process.stdin.close()
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            self.assertEqual(0, process.returncode)
            return usage.ru_maxrss

        if "san" in os.environ.get("BERTH_BUILD_DIR", ""):
            self.skipTest("sanitizers keep memory of their own")
        # In KiB.  The least that an allocator gives, for each record, would be 14 MiB; how much is
        # under way at a moment, and how exactly the system counts pages, is a part of one.
        self.assertLess(peak(1000000) - peak(100000), 5 * 1024)


if __name__ == "__main__":
    unittest.main()
