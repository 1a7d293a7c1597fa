#!/usr/bin/env python3
"""run.py - one host, one contract, five plugins: `make demo-contract`.

    demo/contract/run.py [--build build/release] [--rounds 20] [--out build/demo-contract]

The program demo_contract (host.c) is built, and so are four plugins of one source in C.  A fifth is
compiled here, from tally.rs.  Then all of them take each other's place while two threads call, and verify.py
looks at what the host saw.  Exit status: 0 clean, 1 not clean, 2 something is not there."""

import argparse
import os
import shutil
import subprocess
import sys
import time

import verify

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
SOURCE = os.path.join(ROOT, "examples", "one_source")


def rust_plugin(build, out):
    """The path of the plugin in Rust; None, and a line why, where it cannot be made."""
    rustc, cc = shutil.which("rustc"), shutil.which(os.environ.get("CC", "cc"))
    if rustc is None or cc is None:
        print("skipped: the plugin in Rust, because there is no %s here" % ("cc" if rustc else "rustc"))
        return None
    glue = os.path.join(build, "examples", "one_source", "tally.so.bindings")
    library, made = os.path.join(out, "libtally.a"), os.path.join(out, "tally-rust.so")
    for command in (
            [rustc, "-O", "-C", "panic=abort", "-C", "relocation-model=pic", "--crate-type", "staticlib",
             "--edition", "2021", "-o", library, os.path.join(HERE, "tally.rs")],
            [cc, "-shared", "-fPIC", "-fvisibility=hidden", "-O2", "-s", "-Wl,--gc-sections",
             "-Wl,--exclude-libs,ALL", '-DBERTH_PLUGIN_ID="example:tally/rust"', "-I", glue,
             "-I", os.path.join(ROOT, "include"), "-o", made, os.path.join(HERE, "room.c"),
             os.path.join(glue, "tally_native.c"), library]):
        result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if result.returncode != 0:
            print("skipped: the plugin in Rust, because %s says:\n%s" % (os.path.basename(command[0]), result.stdout))
            return None
    return made


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default=os.path.join(ROOT, "build", "release"))
    parser.add_argument("--out", default=os.path.join(ROOT, "build", "demo-contract"))
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    one = os.path.join(options.build, "examples", "one_source")
    host = os.path.join(options.build, "examples", "demo_contract")
    plugins = [os.path.join(one, name) for name in
               ("tally.wasm", "tally.so", "module.wasm.bindings/core.wasm", "small.wasm")]
    missing = [path for path in [host, *plugins] if not os.path.exists(path)]
    if missing:
        print("%s is not there; run 'make' first" % missing[0], file=sys.stderr)
        return 2
    os.makedirs(options.out, exist_ok=True)
    rust = rust_plugin(options.build, options.out)
    plugins += [rust] if rust else []
    log = os.path.join(options.out, "calls.log")
    began = time.monotonic()
    result = subprocess.run([host, os.path.join(SOURCE, "tally.wit"), str(options.rounds), log, *plugins], check=False)
    if result.returncode != 0:
        print("not clean: demo_contract ended with %d" % result.returncode)
        return 1
    took = time.monotonic() - began
    with open(log, encoding="utf-8") as file:
        text = file.read()
    wrong = verify.verify(text, plugins, options.rounds)
    calls, swaps, top = verify.parse(text)
    for plugin in plugins:
        served = sum(path == plugin for _, _, path in swaps)
        print("%-16s %3d times in service   %s" % (verify.BUILDS[os.path.basename(plugin)], served,
                                                  os.path.relpath(plugin, ROOT)))
    print("%d calls of %d threads, %d swaps in %.1f s; the last plugin knows %s"
          % (sum(map(len, calls.values())), len(calls), len(swaps), took,
             ", ".join("%s %d" % pair for pair in sorted(top.items()))))
    for sentence in wrong:
        print("not clean: " + sentence)
    if not wrong:
        print("clean: each total was told once, 0 calls were lost, and the state went along with every swap")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
