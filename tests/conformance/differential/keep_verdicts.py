#!/usr/bin/env python3
"""Keeps small components with what an independent validator says of them, for component_verdicts_test.c.

usage: BERTH_SOURCE_DIR=. BERTH_GUESTS_DIR=build/release/guests \\
       BERTH_COMPONENT_VERDICT=build/release/bin/component_verdict keep_verdicts.py SEED COUNT >verdicts.tsv

verdicts.tsv was made with 1 1000.  One component a line: "valid" or "invalid", a tab, its bytes in
hexadecimal digits.  At most half of them are valid; of those that are refused for one reason, in the
validator's words without names and numbers, a few are kept.  What only one of the two takes, and says why by
name, is left out as in validators_test.py; anything else that they differ in ends the run."""
import os
import random
import re
import sys

import component_maker
import validators_test

SIZE_MAX, ALIKE_MAX = 400, 4


def candidates(seed):
    files = [f for f in validators_test.seeds() if len(f) <= SIZE_MAX]
    yield from files
    rng, made = random.Random(seed), files
    while True:
        data = rng.choice(made) if rng.random() < 0.6 else component_maker.make(rng)
        if len(data) <= SIZE_MAX:
            made.append(data)
        if rng.random() < 0.8:
            data = component_maker.mutate(data, rng)
        if len(data) <= SIZE_MAX:
            yield data


def shape(words):
    words = re.sub(r"`[^`]*`|\"[^\"]*\"|'[^']*'", "_", words)
    return re.sub(r"0x[0-9a-f]+|\d+", "N", words).split("(at offset")[0][:120]


def main():
    seed, count = int(sys.argv[1]), int(sys.argv[2])
    berth = validators_test.Validator([os.environ["BERTH_COMPONENT_VERDICT"]])
    another = validators_test.Validator([sys.executable, "-B", validators_test.__file__, "--worker"])
    kept, valid, alike, asked = set(), 0, {}, 0
    for data in candidates(seed):
        asked += 1
        if len(kept) >= count or asked > 200 * count:
            break
        if data in kept:
            continue
        ours, other = berth.ask(data), another.ask(data)
        if berth.process is None:
            sys.exit(f"seed {seed}: Berth's validator ended at {data.hex()}")
        kind = validators_test.verdict(ours, other)
        if kind is None:
            sys.exit(f"seed {seed}: Berth says {ours}, the other {other}: {data.hex()}")
        reason = "valid" if kind == "valid" else shape(other)
        most = count // 2 if kind == "valid" else ALIKE_MAX
        if kind == "not offered" or alike.get(reason, 0) >= most:
            continue
        alike[reason] = alike.get(reason, 0) + 1
        kept.add(data)
        valid += kind == "valid"
        print(kind, data.hex(), sep="\t")
    print(f"{asked} components asked about, {len(kept)} kept, {valid} valid, "
          f"{len(alike) - 1} reasons", file=sys.stderr)


main()
