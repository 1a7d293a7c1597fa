#!/usr/bin/env python3
"""languages_peer.py - the calls of bench_languages, by the package wasmtime of PyPI.

    languages_peer.py FILE...

A line of JSON for each component: the best of the rounds of a call with 256 bytes.  What Python itself takes for a call is in
it; the call of the same package into an exported function of a module that does nothing is `empty_ns`."""

import json
import os
import sys
import time

from wasmtime import Engine, Instance, Module, Store, component

ROUNDS = 40


def best(call):
    times, count = [], 1
    for _ in range(ROUNDS):
        began = time.perf_counter_ns()
        for _ in range(count):
            call()
        took = time.perf_counter_ns() - began
        times.append(took / count)
        count = max(1, int(count * 20e6 / max(took, 1)))
    return min(times)


def empty():
    store = Store()
    module = Module(store.engine, '(module (func (export "f")))')
    function = Instance(store, module, []).exports(store)["f"]
    return best(lambda: function(store))


def main():
    for path in sys.argv[1:]:
        engine = Engine()
        store = Store(engine)
        instance = component.Linker(engine).instantiate(store, component.Component.from_file(engine, path))
        function = instance.get_func(store, "process")
        record = b"a name".ljust(256, b"\0")

        def call():
            result = function(store, record)
            function.post_return(store)
            return result
        call()
        print(json.dumps({"case": os.path.basename(path), "ns_per_op": round(best(call), 1), "empty_ns": round(empty(), 1)}))


if __name__ == "__main__":
    main()
