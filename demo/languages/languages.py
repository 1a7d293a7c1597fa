#!/usr/bin/env python3
"""languages.py - one flow through plugins in many languages: `make demo-languages`.

    demo/languages/languages.py [--build build/release] [--out build/demo-languages] [--records 20000] [--clang-only]

Each plugin is the project that `berth new` makes, whose greeting is the language's name, built by that language's
own tool; what one of them builds stays in the folder OUT.  Every record goes through all of them, one after
the other; the one in C is replaced by another language's while they stream.  Beside them an unmodified plugin of
Extism and one of cc-lb get records of their own.  Each has its own slot and its own grants.  Then every record is
looked for in what came out.  A language whose tools are not there is left out with a line, and so are, with --clang-only,
those of other compilers that were not built before.
Exit status: 0 clean, 1 not clean, 2 something is not there."""

import argparse
import json
import os
import re
import shutil
import struct
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
GUESTS = os.path.join(os.path.dirname(ROOT), "shared", "corpus", "guests")
sys.path.insert(0, os.path.join(ROOT, "demo", "flow"))

import run as flows  # noqa: E402  (demo/flow/run.py)

# language: (contract, hook, source with the greeting, tools that have to be there, commands)
NPM = [["npm", "install", "--no-audit", "--no-fund"], ["npm", "run", "build"]]
LANGUAGES = {
    "c": ("hook", "greet", "plugin.c", ["clang", "make"], [["make"]]),
    "cpp": ("hook", "greet", "plugin.cpp", ["clang++", "make"], [["make"]]),
    "rust": ("hook", "greet", "src/lib.rs", ["cargo", "make"], [["make"]]),
    "as": ("hook", "greet", "assembly/index.ts", ["npm"], NPM),
    "go": ("hook", "greet", "plugin.go", ["go", "make"], [["make"]]),
    "js": ("pipe", "process", "plugin.js", ["npm"], NPM),
    "python": ("pipe", "process", "app.py", ["python3", "make"], [["make"]]),
}
GRANTS = {"go": ["clock", "random", "stdio:err"]}
PATIENCE = "300s"  # the demo is of flows, not of how fast this machine is
EXTISM = os.path.join(GUESTS, "extism-rs-count-vowels.wasm")
CCLB = os.path.join(GUESTS, "cclb-readme-accept-all.wasm")
FILES = ["names.log", "requests.bin", "out.log", "vowels.log", "verdicts.bin"]


def has_target(language):
    """Cargo is often there without a library for the target."""
    if language != "rust":
        return True
    told = subprocess.run(["rustc", "--print", "target-libdir", "--target", "wasm32-unknown-unknown"],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    return told.returncode == 0 and os.path.isdir(told.stdout.strip())


def project(options, language):
    """The plugin of that language, built; None: it is left out, and a line has said so."""
    contract, _, source, tools, commands = LANGUAGES[language]
    folder = os.path.join(options.out, language)
    made = os.path.join(folder, language + ".wasm")
    if os.path.exists(made):
        return made
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if missing or not has_target(language):
        print("left out: %s, for there is no %s here" % (language, missing[0] if missing else "wasm32 target"))
        return None
    if options.clang_only and not tools[0].startswith("clang"):
        print("left out: %s, which was not built before, as --clang-only says" % language)
        return None
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([options.berth, "new", folder, "--lang", language, "--contract", contract], check=True,
                   stdout=subprocess.DEVNULL)
    path = os.path.join(folder, source)
    with open(path, encoding="utf-8") as file:
        text = file.read()
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace("Hello, ", language + "> "))
    environment = dict(os.environ, PATH=os.path.dirname(options.berth) + os.pathsep + os.environ["PATH"])
    for command in commands:
        result = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                stdin=subprocess.DEVNULL, text=True, check=False)
        if result.returncode != 0:
            raise flows.Problem("%s does not build: %s" % (language, result.stdout[-2000:]))
    return made


def quoted(text):
    return json.dumps(text, ensure_ascii=False)


def stage(name, plugin, hook, grants):
    return "[stage.%s]\nplugin = %s\nhook = %s\nrole = \"processor\"\ngrants = %s\n" \
           "limits = { deadline = %s, probe-deadline = %s }\n\n" % (
               name, quoted(plugin), quoted(hook), json.dumps(grants), quoted(PATIENCE), quoted(PATIENCE))


def end(name, path, more):
    return "[stage.%s]\nend = \"file\"\nconfig = { path = %s, %s }\n\n" % (name, quoted(path), more)


def edges(*names):
    return "".join("[[edge]]\nfrom = %s\nto = %s\n\n" % (quoted(a), quoted(b)) for a, b in zip(names, names[1:]))


def flow_text(options, plugins, foreign):
    """The flow: a line of stages in so many languages, and the foreign ones beside it."""
    def at(name):
        return os.path.join(options.out, name)
    text = "[flow]\nname = \"languages\"\n\n"
    text += end("names", at("names.log"), "follow = true") + end("out", at("out.log"), "mode = \"create\"")
    for language, plugin in plugins.items():
        text += stage(language, plugin, LANGUAGES[language][1], GRANTS.get(language, []))
    text += edges("names", *plugins, "out")
    if "extism" in foreign:
        text += stage("extism", EXTISM, "count_vowels", []) + end("vowels", at("vowels.log"), "mode = \"create\"")
        text += edges("names", "extism", "vowels")
    if "cc-lb" in foreign:
        framing = "framing = \"u32le\""
        text += end("requests", at("requests.bin"), framing) + stage("cc-lb", CCLB, "filter", [])
        text += end("verdicts", at("verdicts.bin"), framing + ", mode = \"create\"")
        text += edges("requests", "cc-lb", "verdicts")
    return text


def sample_request():
    """A request as cc-lb's wire encodes it, from the samples with which its plugins are probed."""
    with open(os.path.join(ROOT, "src", "admit", "cclb_probes.c"), encoding="utf-8") as file:
        text = re.search(r"berthi_cclb_probe_filter\[\d+\] = \{(.*?)\};", file.read(), re.S).group(1)
    return bytes(int(number, 0) for number in re.findall(r"0x[0-9a-fA-F]+|\b\d+\b", re.sub(r"/\*.*?\*/", "", text)))


def operate(flow, plugins, successor):
    """-> summary, records that had been written when the swap was acknowledged"""
    half = len(flow.lines) // 2
    names = [*plugins, "out"]
    flow.start()
    flow.write(half)
    flow.until_passed(names[-2], "out", half // 2)
    flow.swap("c", successor)
    since = flow.written
    flow.write(len(flow.lines))
    flow.until_passed(names[-2], "out", len(flow.lines))
    return flow.end(), since


def check_out(plugins, successor, flow, since):
    """-> what is not as it has to be, {language: records that it marked at the swapped stage}"""
    after = list(plugins)[1:]
    marks = {name: "".join(mark + "> " for mark in [*reversed(after), name]).encode() for name in ("c", successor)}
    served, wrong = dict.fromkeys(marks, 0), []
    with open(os.path.join(flow.options.out, "out.log"), "rb") as file:
        lines = file.read().splitlines()
    if len(lines) != len(flow.lines):
        wrong.append("%d of %d records came out" % (len(lines), len(flow.lines)))
    for number, line in enumerate(lines[:len(flow.lines)]):
        record = b"%09d %s" % (number, flow.lines[number])
        by = [name for name, mark in marks.items() if line == mark + record]
        if not by:
            wrong.append("record %d came out as %r" % (number, line[:120]))
            continue
        served[by[0]] += 1
        if by[0] == "c" and (number >= since or served[successor] != 0):
            wrong.append("record %d was served by the one that had been replaced" % number)
    return wrong + ["%s served no record" % name for name in marks if served[name] == 0], served


def check_foreign(foreign, flow):
    wrong = []
    if "extism" in foreign:
        with open(os.path.join(flow.options.out, "vowels.log"), encoding="utf-8") as file:
            counts = [json.loads(line)["count"] for line in file]
        want = [sum(letter in b"aeiouAEIOU" for letter in line) for line in flow.lines]
        if counts != want:
            wrong.append("the plugin of Extism counted the vowels of %d records, and not as they are" % len(counts))
    if "cc-lb" in foreign:
        with open(os.path.join(flow.options.out, "verdicts.bin"), "rb") as file:
            data, verdicts = file.read(), []
        while data:
            size = struct.unpack_from("<I", data)[0]
            verdicts.append(data[4:4 + size])
            data = data[4 + size:]
        if len(verdicts) != flow.options.requests or len(set(verdicts)) != 1 or not verdicts[0]:
            wrong.append("the plugin of cc-lb gave %d verdicts of %d" % (len(verdicts), flow.options.requests))
    return wrong


def tell(summary, stages):
    print("\n  %-10s %9s %9s %9s %9s" % ("us a call", "calls", "mean", "half", "99 %"))
    told = {one["stage"]: one for one in summary["stages"]}
    for name in stages:
        times = [told[name][key] / 1000 for key in ("time_mean_ns", "time_p50_ns", "time_p99_ns")]
        print("  %-10s %9d %9.1f %9.1f %9.1f" % (name, told[name]["calls"], *times))


def explain_refusal(options):
    """A plugin that imports a clock, in a slot that grants none."""
    plugin = os.path.join(options.build, "guests", "p1_plugin.wasm")
    result = subprocess.run([options.berth, "inspect", plugin, "--grant", "stdio"], stdout=subprocess.PIPE, text=True,
                            check=False)
    lines = [line[len("grants     "):] for line in result.stdout.splitlines() if "is missing: the plugin is refused" in line]
    print("\na plugin that imports a clock, where only stdio is granted:")
    refused = subprocess.run([options.berth, "check", plugin, "--grant", "stdio"], stdout=subprocess.PIPE, text=True,
                             check=False)
    lines += [line for line in refused.stdout.splitlines() if line.startswith("fail")]
    print("".join("  %s\n" % line for line in lines), end="")
    if result.returncode != 3 or refused.returncode != 3 or len(lines) < 2 or "clock" not in lines[-1]:
        return ["an import that is not granted was not refused, or without a reason"]
    return []


def prepare(options):
    os.makedirs(options.out, exist_ok=True)
    for name in FILES:
        if os.path.exists(os.path.join(options.out, name)):
            os.remove(os.path.join(options.out, name))
    built = {language: project(options, language) for language in LANGUAGES}
    plugins = {language: path for language, path in built.items() if path is not None}
    foreign = [name for name, path in (("extism", EXTISM), ("cc-lb", CCLB)) if os.path.exists(path)]
    for name in {"extism", "cc-lb"} - set(foreign):
        print("left out: the plugin of %s, which is in the corpus beside the project" % name)
    request = sample_request()
    with open(os.path.join(options.out, "requests.bin"), "wb") as file:
        file.write((struct.pack("<I", len(request)) + request) * options.requests)
    return plugins, foreign


def demonstrate(options):
    plugins, foreign = prepare(options)
    others = [language for language in plugins
              if language not in GRANTS and LANGUAGES[language][1] == "greet" and language != "c"]
    if "c" not in plugins or not others:
        print("there is no clang that makes WebAssembly here; tools/setup.sh installs it", file=sys.stderr)
        return 2
    successor = others[-1]  # the slot grants nothing
    path = os.path.join(options.out, "flow.toml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(flow_text(options, plugins, foreign))
    lines = [b"name %d of a person" % (number % 1009) for number in range(options.records)]
    flow = flows.Flow(options, lines, path, "names.log")
    try:
        summary, since = operate(flow, plugins, plugins[successor])
    finally:
        flow.close()
    wrong, served = check_out(plugins, successor, flow, since)
    wrong += check_foreign(foreign, flow)
    print("%d records through %d languages: %s" % (len(lines), len(plugins), ", ".join(plugins)))
    print("  the stage in C marked %d; swapped for %s under load, that one %d" % (served["c"], successor,
                                                                                 served[successor]))
    tell(summary, [*plugins, *foreign])
    wrong += explain_refusal(options)
    for sentence in wrong[:20]:
        print("not clean: " + sentence)
    if not wrong:
        print("clean: every record is there, once, in its place, with the mark of every language")
    return 1 if wrong else 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default=os.path.join(ROOT, "build", "release"))
    parser.add_argument("--out", default=os.path.join(ROOT, "build", "demo-languages"))
    parser.add_argument("--records", type=int, default=20000)
    parser.add_argument("--clang-only", action="store_true")
    options = parser.parse_args()
    options.build, options.out = os.path.abspath(options.build), os.path.abspath(options.out)
    options.berth = os.path.join(options.build, "bin", "berth")
    options.requests = min(options.records, 2000)
    if not os.path.exists(options.berth):
        print("%s is not there; run 'make' first" % options.berth, file=sys.stderr)
        return 2
    try:
        return demonstrate(options)
    except flows.Problem as problem:
        print("not clean: %s" % problem)
        return 1


if __name__ == "__main__":
    sys.exit(main())
