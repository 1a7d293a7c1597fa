"""verify.py - proves from the log of demo_contract that no call was lost and that state went along.

Each call adds one word to a table that the plugins hand on to each other, and is told how many words
there have been.  So the totals that all calls were told are 1, 2, 3 ... N, each once: a call that was
lost, counted twice, or made in a version that had begun anew or gone on with an old state shows as a
number that is missing or there twice.  Whose word came how often is known as well, and who answered behind each swap.
"""

import os

BUILDS = {"tally.wasm": "component", "core.wasm": "core module", "small.wasm": "small component",
          "tally.so": "shared object", "tally-rust.so": "rust"}


def parse(text):
    """(calls by thread, swaps, top) of a log."""
    calls, swaps, top = {}, [], {}
    for line in text.splitlines():
        kind, rest = line.split(" ", 1)
        if kind == "call":
            thread, total = rest.split(" ")
            calls.setdefault(int(thread), []).append(int(total))
        elif kind == "swap":
            build, known, path = rest.rsplit(" ", 2)
            swaps.append((build, int(known), path))
        elif kind == "top":
            word, times = rest.rsplit(" ", 1)
            top[word] = int(times)
        else:
            raise ValueError("a line that begins with %r" % kind)
    return calls, swaps, top


def verify(text, plugins, rounds):
    """What is wrong, one sentence each; nothing when all is well."""
    calls, swaps, top = parse(text)
    wrong = []
    totals = sorted(total for thread in calls.values() for total in thread)
    count = len(totals)
    if len(calls) < 2 or min(len(thread) for thread in calls.values()) < 100 * len(swaps):
        wrong.append("there was no load: %s calls" % [len(thread) for thread in calls.values()])
    if totals != list(range(1, count + 1)):
        seen = set(totals)
        missing = [n for n in range(1, count + 1) if n not in seen]
        wrong.append("of the totals 1 to %d %d are missing, %s first, and %d are there twice"
                     % (count, len(missing), missing[:1], count - len(seen)))
    for thread, told in calls.items():
        if any(a >= b for a, b in zip(told, told[1:])):
            wrong.append("the totals of thread %d go backward" % thread)
    if sorted(top.values()) != sorted(len(thread) for thread in calls.values()):
        wrong.append("the last plugin knows %s, and the calls were %s"
                     % (top, [len(thread) for thread in calls.values()]))
    if len(swaps) != rounds * len(plugins):
        wrong.append("there were %d swaps, not %d" % (len(swaps), rounds * len(plugins)))
    for number, (build, known, path) in enumerate(swaps, 1):
        expected = plugins[number % len(plugins)]
        if path != expected or build != BUILDS[os.path.basename(path)]:
            wrong.append("swap %d brought %s, which says it is %r" % (number, path, build))
        if known <= (swaps[number - 2][1] if number > 1 else 0):
            wrong.append("nobody called between swaps %d and %d" % (number - 1, number))
    return wrong
