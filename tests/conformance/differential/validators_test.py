#!/usr/bin/env python3
"""Components before two validators: Berth's and, where it is installed, the one behind the Python package
`wasmtime`.  What one accepts the other must accept, but for what only one of them offers.

Components are made at random, mostly valid (component_maker.py), and mutated: these, those that fuzzing
keeps, those that guests are built into, and the official suites where they are beside the source tree.
BERTH_DIFFERENTIAL_SEED and BERTH_DIFFERENTIAL_ROUNDS repeat and prolong a run."""
import ctypes
import glob
import os
import random
import re
import struct
import subprocess
import sys

import component_maker

try:
    import wasmtime
    import wasmtime.component as wc
except ImportError:
    print("skipped: the Python package `wasmtime` is not installed")
    sys.exit(77)

# What Berth says of components that it does not take although they are valid.
OURS_ALONE = [
    (r"not (supported|offered)", "left out on purpose, by name"),
    (r"^limit ", "bounds of ours"),
]
# What the other one says of components that Berth takes.
THEIRS_ALONE = [
    (r"requires the component model \S+ feature|fixed-length lists|`cm64` feature",
     "a feature that it has not switched on"),
    (r"^its process ended$", "it has given up, not judged"),
    (r"unsupported type export|exporting a component from the root|reexport of an imported function",
     "valid, but nothing that it can run; Berth refuses these at the root alone"),
    (r"type nesting is too deep", "its bound is smaller by one"),
    (r"this was historically accepted", "a byte whose meaning has changed since the tests that we follow"),
    (r"Invalid input WebAssembly code", "bodies of core functions are left to the engine"),
    (r"ascribed type of export is not compatible .*resource types are not the same",
     "an export that hides which resource it is, as Explainer.md has it"),
]


def other_engine():
    config = wasmtime.Config()
    for feature in ("component_model", "component_model_map", "component_model_implements", "memory64",
                    "multi_memory", "tail_call"):
        setattr(config, "wasm_" + feature, True)
    config.cranelift_opt_level = "none"
    config.parallel_compilation = False
    library = wasmtime._ffi.dll
    for feature in ("async", "async_stackful", "more_async_builtins"):
        switch = getattr(library, f"wasmtime_config_wasm_component_model_{feature}_set", None)
        if switch is not None:
            switch.argtypes, switch.restype = [ctypes.c_void_p, ctypes.c_bool], None
            switch(ctypes.cast(config.ptr(), ctypes.c_void_p), True)
    return wasmtime.Engine(config)


def answer_for_other():
    """What the worker does: the other one has been seen to abort its process, so it has one of its own."""
    engine = other_engine()
    while head := sys.stdin.buffer.read(4):
        data = sys.stdin.buffer.read(struct.unpack("<I", head)[0])
        try:
            wc.Component(engine, data)
            print("ok", flush=True)
        except wasmtime.WasmtimeError as error:
            print(str(error).replace("\n", " "), flush=True)


class Validator:
    """A process that answers each component with a line."""

    def __init__(self, command):
        self.command, self.process = command, None

    def ask(self, data):
        if self.process is None:
            self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            stderr=subprocess.DEVNULL)
        self.process.stdin.write(struct.pack("<I", len(data)) + data)
        self.process.stdin.flush()
        line = self.process.stdout.readline().decode("utf-8", "replace")
        if line == "":
            self.process.wait()
            self.process = None
            return "its process ended"
        return line.rstrip("\n")


def verdict(ours, other):
    """Which of the counts it adds to; None: they differ."""
    if (ours == "ok") == (other == "ok"):
        return "valid" if ours == "ok" else "invalid"
    said, reasons = (other, THEIRS_ALONE) if ours == "ok" else (ours, OURS_ALONE)
    return "not offered" if any(re.search(pattern, said) for pattern, _ in reasons) else None


def seeds():
    source = os.environ["BERTH_SOURCE_DIR"]
    folders = [f"{source}/tests/fuzz/corpus/component/*", f"{source}/tests/fuzz/corpus/elaborate/*",
               os.environ["BERTH_GUESTS_DIR"] + "/*.wasm", f"{source}/../shared/corpus/component-model/*/*.wasm"]
    out = []
    for path in sorted(p for f in folders for p in glob.glob(f)):
        with open(path, "rb") as file:
            data = file.read()
        if data[:8] == component_maker.HEAD and len(data) < 20000:
            out.append(data)
    return out


def main():
    seed = int(os.environ.get("BERTH_DIFFERENTIAL_SEED", "1"))
    rounds = int(os.environ.get("BERTH_DIFFERENTIAL_ROUNDS", "3000"))
    berth = Validator([os.environ["BERTH_COMPONENT_VERDICT"]])
    another = Validator([sys.executable, "-B", os.path.abspath(__file__), "--worker"])
    files = seeds()
    counts, different, last = {"valid": 0, "invalid": 0, "not offered": 0}, 0, b""
    for n in range(len(files) + rounds):
        rng = random.Random(seed * 1000003 + n)
        if n < len(files):
            data = files[n]
        elif rng.random() < 0.5:
            data = last = component_maker.make(rng)
        else:
            data = rng.choice(files + [last] * (len(files) // 2 + 1))
            for _ in range(rng.choice([1, 1, 2])):
                data = component_maker.mutate(data, rng)
        ours, other = berth.ask(data), another.ask(data)
        kind = verdict(ours, other)
        if kind is not None and berth.process is not None:
            counts[kind] += 1
            continue
        different += 1
        path = f"different-{seed}-{n}.wasm"
        with open(path, "wb") as file:
            file.write(data)
        print(f"round {n} of seed {seed}, kept as {os.path.abspath(path)}\n  Berth: {ours}\n  other: {other[:500]}")
        if berth.process is None or different == 30:
            return 1
    print(f"{sum(counts.values())} components: " + ", ".join(f"{n} {k}" for k, n in counts.items()) +
          f"; {different} different")
    return 0 if different == 0 and min(counts["valid"], counts["invalid"]) > rounds // 10 else 1


if __name__ == "__main__":
    sys.exit(answer_for_other() if "--worker" in sys.argv else main())
