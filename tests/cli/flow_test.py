#!/usr/bin/env python3
"""flow_test.py - `berth flow`: files checked, flows run, asked and steered."""
import json
import os
import signal
import socket
import subprocess
import threading
import unittest
from xml.etree import ElementTree

from program import Folder, PATIENCE, PROGRAM, SOURCE, guest, read, run

CHAIN = """[stage.a]
end = "generator"
[stage.b]
plugin = "%s"
hook = "%s"
role = "processor"
[stage.c]
plugin = "%s"
hook = "%s"
role = "sink"
[[edge]]
from = "a"
to = "b"
[[edge]]
from = "b"
to = "c"
"""


ENDS = """[stage.a]
end = "generator"
[stage.b]
end = "null"
[[edge]]
from = "a"
to = "b"
records = 64
"""


class Check(Folder):
    def flow(self, text):
        return self.write("flow.toml", text.encode())

    def test_all_errors_are_told_with_file_line_and_hint(self):
        path = self.flow("[flow]\nnaem = 'x'\nweight = 65\n" + CHAIN % ("b", "h", "c", "h") +
                         "low = 0\n")
        result = run("flow", "check", path)
        self.assert_exit(result, 3)
        text = result.stderr.decode()
        self.assertIn("%s:2:1: `flow` has no key `naem`; " % path, text)
        self.assertIn("%s:3:10: `flow.weight`: is out of range; expected 1 to 64" % path, text)
        self.assertIn(":20:7: `edge.low`: is out of range", text)
        self.assertIn("%s : 3 errors; correct the file" % path, text)

    def test_plugins_that_are_not_there_or_lack_a_hook_are_told_together(self):
        path = self.flow(CHAIN % ("none.wasm", "h", guest("echo"), "nothing"))
        result = run("flow", "check", path, "--json")
        self.assert_exit(result, 3)
        found = json.loads(result.stdout)["findings"]
        self.assertEqual([4, 9], [f["line"] for f in found])
        self.assertIn("none.wasm", found[0]["text"])
        self.assertIn("has no hook `nothing`", found[1]["text"])
        self.assertEqual({"error"}, {f["severity"] for f in found})

    def test_grants_that_cannot_be_read_are_errors_of_the_file(self):
        path = self.flow((CHAIN % (guest("echo"), "h", guest("echo"), "h"))
                         .replace('hook = "h"', 'hook = "h"\ngrants = ["cloock"]', 1))
        result = run("flow", "check", path)
        self.assert_exit(result, 3)
        self.assertIn(":6:10: stage `b`: grant `cloock`", result.stderr.decode())

    def test_what_is_set_from_outside_is_named(self):
        path = self.flow(CHAIN % ("b", "h", "c", "h"))
        result = run("flow", "check", path, "--set", "flow.weight=99", "--set", "stage.x.hook=y")
        self.assert_exit(result, 3)
        self.assertIn("--set 'flow.weight':1:1: `flow.weight`: is out of range",
                      result.stderr.decode())
        self.assertIn("--set 'stage.x.hook':1:1: there is no `x`", result.stderr.decode())

    def test_a_file_that_is_not_there_is_a_failure_and_no_rejection(self):
        self.assert_error(run("flow", "check", self.path("none.toml")), 1, "none.toml")

    def test_options_of_other_commands_are_mistakes(self):
        path = self.flow(CHAIN % ("b", "h", "c", "h"))
        self.assert_error(run("flow", "check", path, "--control", "x"), 2, "--control")
        self.assert_error(run("flow", "run", path, "--prometheus"), 2, "--prometheus")
        self.assert_error(run("flow", "swap", "socket", "stage"), 2, "needs a SOCKET, a STAGE")
        self.assert_error(run("flow", "nothing"), 2, "none of check")

    def test_nobody_at_a_socket_is_a_failure_that_says_what_to_do(self):
        self.assert_error(run("flow", "ps", self.path("none")), 1, "berth flow run --control")

    def test_rates_of_a_flow_that_was_started_again_are_those_since_then(self):
        told = [{"running_ns": 10**10, "edges": [{"out": 1000, "queued": 1, "records_max": 64}]},
                {"running_ns": 10**9, "edges": [{"out": 5, "queued": 2, "records_max": 64}]}]
        server = socket.socket(socket.AF_UNIX)
        server.bind(self.path("s"))
        server.listen()
        server.settimeout(PATIENCE)

        def answer():
            for numbers in told:
                peer, _ = server.accept()
                peer.recv(100)
                peer.sendall(json.dumps(dict(numbers, status="ok")).encode() + b"\n")
                peer.close()

        thread = threading.Thread(target=answer)
        thread.start()
        result = run("flow", "graph", self.flow(ENDS), "--live", self.path("s"))
        thread.join()
        server.close()
        self.assert_exit(result, 0)
        self.assertIn(b" 5/s", result.stdout)

    def test_the_template_of_torvyn_is_understood(self):
        path = os.path.join(SOURCE, "..", "shared", "corpus", "guests",
                            "torvyn-tmpl-pipeline.Torvyn.toml")
        if not os.path.exists(path):
            self.skipTest("no corpus")
        result = run("flow", "check", path, "--json")
        self.assert_exit(result, 3)  # its plugins are not built
        told = json.loads(result.stdout)
        self.assertEqual(["source", "transform", "sink"],
                         [s["name"] for s in told["flow"]["stages"]])


FLOW = """[flow]
name = "made"
[stage.in]
end = "generator"
config = { count = %d, size = 32, rate = 20000 }
[stage.up]
plugin = "%s"
hook = "echo"
role = "processor"
limits = { deadline = "1min", probe-deadline = "1min" }
[stage.out]
end = "file"
config = { path = "%s" }
[[edge]]
from = "in"
to = "up"
[[edge]]
from = "up"
to = "out"
records = 256
"""


class Run(Folder):
    def setUp(self):
        super().setUp()
        self.out, self.socket = self.path("out"), self.path("socket")

    def flow(self, count):
        return self.write("flow.toml", (FLOW % (count, guest("echo"), self.out)).encode())

    def numbers(self):
        with open(self.path("summary"), encoding="utf-8") as file:
            numbers = json.load(file)
        for edge in numbers["edges"]:
            dropped = sum(v for k, v in edge.items() if k.startswith("dropped_"))
            self.assertEqual(edge["in"], edge["out"] + edge["queued"] + dropped +
                             edge["dead_letters"])
        return numbers

    def start(self, count):
        process = subprocess.Popen(
            [PROGRAM, "flow", "run", self.flow(count), "--control", self.socket,
             "--summary", self.path("summary"), "-q"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        while run("flow", "ps", self.socket).returncode != 0:
            self.assertIsNone(process.poll(), "it has ended")
        return process

    def ps(self):
        result = run("flow", "ps", self.socket, "--json")
        self.assert_exit(result, 0)
        return json.loads(result.stdout)

    def lines(self):
        with open(self.out, "rb") as file:
            return file.read().splitlines()

    def test_a_flow_runs_to_its_end_and_tells_what_it_counted(self):
        result = run("flow", "run", self.flow(1000), "--summary", self.path("summary"))
        self.assert_exit(result, 0)
        self.assertIn("made: completed, 1000 records in, 1000 delivered, 0 queued, 0 dropped, 0 "
                      "failed calls", result.stderr.decode())
        numbers = self.numbers()
        self.assertEqual((1000, 1000, "completed"), (numbers["records"], numbers["delivered"],
                                                     numbers["ended"]))
        self.assertEqual(1000, len(self.lines()))

    def test_a_contract_that_is_named_is_the_one_that_is_called(self):
        text = read(self.flow(10)).replace(guest("echo").encode(), guest("stage/plain").encode())
        for contract, code in ("torvyn:streaming/processor", 0), ("berth:flow/processor", 1):
            named = text.replace(b'hook = "echo"', b'contract = "%s"' % contract.encode())
            result = run("flow", "run", self.write("flow.toml", named), "--quiet")
            self.assert_exit(result, code)
        self.assertIn("exports none of berth:flow/processor@0.1.0;", result.stderr.decode())

    def test_a_flow_that_runs_is_asked_and_its_plugin_replaced_and_rolled_back(self):
        process = self.start(0)
        before = self.ps()["records"]
        while self.ps()["records"] == before:
            pass
        other = self.write("other.wasm", read(guest("echo")) + b"\0\5\4more")
        result = run("flow", "swap", self.socket, "up", other)
        self.assert_exit(result, 0)
        self.assertEqual(b"stage up: version 2 serves\n", result.stdout)
        refused = run("flow", "swap", self.socket, "up", guest("cli_v1"))
        self.assert_error(refused, 3, "no hook `echo`")
        self.assert_error(run("flow", "swap", self.socket, "none", other), 1, "no stage 'none'")
        self.assert_error(run("flow", "swap", self.socket, "out", other), 1, "has no plugin")
        self.assert_exit(run("flow", "rollback", self.socket, "up"), 0)
        self.assertEqual(1, self.ps()["stages"][1]["slot"]["version"])
        text = run("flow", "ps", self.socket, "--prometheus").stdout.decode()
        self.assertIn('berth_flow_state{flow="made",state="running"} 1\n', text)
        self.assertRegex(text, r'\nberth_flow_stage_calls_total\{flow="made",stage="up"\} \d+\n')
        graph = run("flow", "graph", self.path("flow.toml"), "--live", self.socket)
        self.assertIn(b"/s, ", graph.stdout)
        self.assert_error(run("flow", "cancel", self.socket, "none"), 1, "no stage 'none'")
        self.assert_exit(run("flow", "cancel", self.socket), 2)
        result = run("flow", "cancel", self.socket, "up")
        self.assert_exit(result, 0)
        self.assertEqual(b"stage up: takes nothing any more\n", result.stdout)
        while not self.ps()["stages"][2]["done"]:  # what is behind it ends, and what is in front does not
            pass
        self.assertEqual("running", self.ps()["state"])
        before = self.ps()["edges"][0]["dropped_stopped"]
        while self.ps()["edges"][0]["dropped_stopped"] == before:
            pass
        process.send_signal(signal.SIGINT)
        process.communicate()
        self.assertEqual(130, process.returncode)
        numbers = self.numbers()
        self.assertEqual("drained", numbers["ended"])
        gone = numbers["edges"][0]["dropped_stopped"] + numbers["stages"][1]["discarded"]
        self.assertEqual(numbers["records"], numbers["delivered"] + gone)
        self.assertEqual(numbers["delivered"], len(self.lines()))
        self.assertFalse(os.path.exists(self.socket))

    def test_a_killed_run_leaves_no_socket_that_blocks_the_next(self):
        process = self.start(0)
        process.kill()
        process.wait()
        self.assertTrue(os.path.exists(self.socket))
        os.unlink(self.out)
        process = self.start(0)
        process.send_signal(signal.SIGTERM)
        process.communicate()
        self.assertEqual(143, process.returncode)

    def test_a_trace_tells_where_the_first_records_were(self):
        result = run("flow", "trace", self.flow(50), "--count", "3", "--json")
        self.assert_exit(result, 0)
        steps = json.loads(result.stdout)
        self.assertEqual([(r, s) for r in range(3) for s in ("in", "up", "out")],
                         [(s["record"], s["stage"]) for s in steps])
        self.assertEqual({3}, {s["copies"] for s in steps if s["stage"] == "up"})
        for step in steps:
            self.assertGreaterEqual(step["waited_ns"], 0)
        text = run("flow", "trace", self.path("flow.toml"), "--count", "2", "--set",
                   "stage.out.config.path=" + self.path("other")).stdout.decode()
        self.assertRegex(text, r"record 1: \d+\.\d us, 3 copies\n  in +waited")
        self.assertIn("stage up ", text)

    def test_records_that_are_given_together_are_traced_each(self):
        if not os.path.exists(guest("stage/batch")):
            self.skipTest("no guest that takes batches is built here")
        path = self.write("flow.toml", """[stage.in]
end = "generator"
config = { count = 20, size = 32 }
[stage.up]
plugin = "%s"
role = "processor"
[stage.out]
end = "null"
[[edge]]
from = "in"
to = "up"
[[edge]]
from = "up"
to = "out"
""".encode() % guest("stage/batch").encode())
        result = run("flow", "trace", path, "--count", "3", "--json", "--set",
                     "stage.up.limits.deadline=60s", "--set", "stage.up.limits.probe-deadline=60s")
        self.assert_exit(result, 0)
        self.assertEqual([(r, s) for r in range(3) for s in ("in", "up", "out")],
                         [(s["record"], s["stage"]) for s in json.loads(result.stdout)])

    def test_a_bench_is_compared_with_what_was_before(self):
        flow, base = self.flow(2000), self.path("summary")
        result = run("flow", "bench", flow, "--duration", "60s", "--summary", base)
        self.assert_exit(result, 0)
        self.assertRegex(result.stdout.decode(), r"^2000 records in \d.* 3\.00 copies a record\n")
        numbers = self.numbers()
        again = ["flow", "bench", flow, "--baseline", base, "--set",
                 "stage.out.config.path=" + self.path("other")]
        for stage in numbers["stages"]:
            stage["age_p99_ns"] = 10**15
        for running_ns, code in ((10**15, 0), (1, 1)):  # slower than any, faster than any
            numbers["running_ns"] = running_ns
            with open(base, "w", encoding="utf-8") as file:
                json.dump(numbers, file)
            result = run(*again)
            self.assert_exit(result, code)
            self.assertIn(b"against ", result.stdout)
            os.unlink(self.path("other"))
        self.assertIn(b"it got slower by more than 10 %", result.stderr)
        self.assert_error(run(*again[:-1], "stage.out.config.path=" + self.path("third"),
                              "--baseline", self.flow(1)), 1, "no summary of a bench")

    def test_every_metric_is_in_the_reference(self):
        with open(os.path.join(SOURCE, "docs", "metrics.md"), encoding="utf-8") as file:
            reference = file.read()
        run("flow", "run", self.flow(10), "--summary", self.path("summary"))
        numbers = self.numbers()
        for table in (numbers, numbers["stages"][1], numbers["stages"][1]["slot"],
                      numbers["edges"][0], numbers["workers"], numbers["runtime"]):
            for key in table:
                self.assertIn("`%s`" % key, reference)


class Graph(Folder):
    TEXT = """[flow]
name = "log"
description = "a < b & c"
[stage.split]
plugin = "split.wasm"
hook = "h"
role = "router"
[stage.in]
end = "file"
config = { path = "x" }
[stage.x]
plugin = "a&b.wasm"
hook = "h"
role = "processor"
[stage.y]
end = "null"
[[edge]]
from = "in"
to = "split"
records = 8
full = "drop-oldest"
[[edge]]
from = "split:left"
to = "x"
[[edge]]
from = "split:right"
to = "y"
[[edge]]
from = "x"
to = "y"
rate = 5
"""

    def setUp(self):
        super().setUp()
        self.flow = self.write("flow.toml", self.TEXT.encode())

    def draw(self, *words):
        result = run("flow", "graph", self.flow, *words)
        self.assert_exit(result, 0)
        return result.stdout.decode()

    def test_the_text_has_each_stage_with_where_its_records_go(self):
        self.assertEqual("""log: a < b & c
in  (source, file)
  └─▶ split   queue of 8, drop-oldest
split  (router, split.wasm)
  ├─[left]─▶ x
  └─[right]─▶ y
x  (processor, a&b.wasm)
  └─▶ y   queue of 256, block, 5/s at most
y  (sink, null)
""", self.draw())

    def test_the_picture_is_well_formed_and_has_no_box_on_another(self):
        root = ElementTree.fromstring(self.draw("--svg"))
        name = "{http://www.w3.org/2000/svg}"
        boxes = [r for r in root.iter(name + "rect") if r.get("class") == "box"]
        places = {(r.get("x"), r.get("y")) for r in boxes}
        self.assertEqual(4, len(boxes))
        self.assertEqual(4, len(places))
        texts = ["".join(t.itertext()) for t in root.iter(name + "text")]
        self.assertIn("processor · a&b.wasm", texts)
        self.assertIn("left", texts)
        paths = [p for p in root.iter(name + "path") if "edge" in p.get("class", "")]
        self.assertEqual(4, len(paths))
        across = int(root.get("width"))
        for box in boxes:
            self.assertLess(int(box.get("x")) + int(box.get("width")), across)

    def test_it_is_written_to_a_file_whole(self):
        run("flow", "graph", self.flow, "--svg", "-o", self.path("g.svg"))
        with open(self.path("g.svg"), encoding="utf-8") as file:
            self.assertEqual(self.draw("--svg"), file.read())


if __name__ == "__main__":
    unittest.main()
