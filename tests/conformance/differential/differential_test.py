#!/usr/bin/env python3
"""Random types and values through two runtimes: Berth and, where it is installed, the Python package
`wasmtime`, whose component API is an independent implementation.

Each round makes a WIT world of random types, and a core module whose functions know nothing of types:
  echo-N   gets its parameter behind a pointer (it is wrapped in a record of too many fields to be flat) and
           returns the pointer
  raw-N    returns a pointer to bytes that nobody made with care
so that what comes out says what each runtime lowered and lifted.  Both must answer alike: the same value, or
a trap.  BERTH_DIFFERENTIAL_SEED and BERTH_DIFFERENTIAL_ROUNDS repeat and prolong a run."""
import os
import random
import struct
import subprocess
import sys
import tempfile

try:
    import wasmtime
    import wasmtime.component as wc
    from wasmtime.component import _types as wt
except ImportError:
    print("skipped: the Python package `wasmtime` is not installed")
    sys.exit(77)

SCALARS = ["bool", "s8", "u8", "s16", "u16", "s32", "u32", "s64", "u64", "f32", "f64", "char", "string"]
DATA_AT, DATA_SIZE = 1024, 16384
CHARACTERS = ["a", "Z", "0", " ", "\u00e9", "\u20ac", "\U0001f600", "\\", '"', "'", "\t", "\u0001", "\ufeff"]


class World:
    """WIT text of random types."""

    def __init__(self, rng, count):
        self.rng, self.named, self.text = rng, 0, []
        self.functions = []
        for n in range(count):
            t = self.type(4)
            pads = "".join(f"p{i}: u8, " for i in range(17))
            self.text.append(f"record w{n} {{ {pads}v: {t} }}")
            self.functions.append((f"echo-{n}", f"w{n}"))
            self.functions.append((f"raw-{n}", f"r{n}"))
            self.text.append(f"record r{n} {{ first: u32, v: {t} }}")

    def name(self, declaration, body):
        self.named += 1
        self.text.append(f"{declaration} t{self.named} {{ {body} }}")
        return f"t{self.named}"

    def type(self, depth):
        rng = self.rng
        if depth == 0 or rng.random() < 0.35:
            return rng.choice(SCALARS)
        kind = rng.choice(["list", "list", "tuple", "option", "result", "record", "variant", "enum", "flags"])
        if kind in ("list", "option"):
            return f"{kind}<{self.type(depth - 1)}>"
        if kind == "tuple":
            return "tuple<" + ", ".join(self.type(depth - 1) for _ in range(rng.randint(1, 4))) + ">"
        if kind == "result":
            ok, error = [self.type(depth - 1) if rng.random() < 0.7 else "_" for _ in range(2)]
            return {("_", "_"): "result"}.get((ok, error), f"result<{ok}, {error}>" if error != "_" else
                                              f"result<{ok}>") if ok != "_" or error != "_" else "result"
        if kind == "record":
            return self.name("record", ", ".join(f"f{i}: {self.type(depth - 1)}"
                                                 for i in range(rng.randint(1, 5))))
        if kind == "variant":
            return self.name("variant", ", ".join(
                f"c{i}" + (f"({self.type(depth - 1)})" if rng.random() < 0.6 else "")
                for i in range(rng.choice([1, 2, 3, 5, 300 if depth > 3 else 4]))))
        if kind == "enum":
            return self.name("enum", ", ".join(f"e{i}" for i in range(rng.choice([1, 2, 7, 256, 257]))))
        return self.name("flags", ", ".join(f"b{i}" for i in range(rng.choice([1, 3, 8, 9, 16, 17, 32]))))

    def wit(self):
        exports = []
        for n, (name, t) in enumerate(self.functions):
            exports.append(f"{name}: func({'x: ' + t if name.startswith('echo') else ''}) -> {t};")
        return ("package t:t;\ninterface i {\n" + "\n".join(self.text) + "\n}\nworld w {\n  use i.{" +
                ", ".join(t for _, t in self.functions) + "};\n" +
                "\n".join("  export " + e for e in exports) + "\n}\n")


def careless_bytes(rng):
    """Mostly small numbers: pointers and tags that are often right, and often not."""
    data = bytearray(DATA_SIZE)
    for at in range(0, DATA_SIZE, 4):
        roll = rng.random()
        if roll < 0.6:
            data[at] = rng.randint(0, 3)
        elif roll < 0.75:
            struct.pack_into("<I", data, at, DATA_AT + rng.randrange(0, DATA_SIZE // 4) * rng.choice([1, 2, 4]))
        elif roll < 0.9:
            data[at:at + 4] = bytes(rng.choice(b"abcXYZ09 ") for _ in range(4))
        elif roll < 0.97:
            struct.pack_into("<I", data, at, rng.choice([0x110000, 0xD800, 0xDFFF, 0xFFFF, 255, 256, 65536]))
        else:
            data[at:at + 4] = rng.randbytes(4)
    return bytes(data)


def core_text(world, rng):
    data = "".join(f"\\{b:02x}" for b in careless_bytes(rng))
    funcs = []
    for name, _ in world.functions:
        if name.startswith("echo"):
            funcs.append(f'(func (export "{name}") (param i32) (result i32) local.get 0)')
        else:
            at = DATA_AT + 8 * rng.randrange(0, DATA_SIZE // 16)
            funcs.append(f'(func (export "{name}") (result i32) i32.const {at})')
    return f"""(module (memory (export "memory") 16) (data (i32.const {DATA_AT}) "{data}")
 (global $top (mut i32) (i32.const 65536))
 (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
  (global.set $top (i32.and (i32.add (global.get $top) (i32.sub (local.get 2) (i32.const 1)))
                            (i32.sub (i32.const 0) (local.get 2))))
  (global.get $top)
  (global.set $top (i32.add (global.get $top) (local.get 3)))
  (if (i32.gt_u (global.get $top) (i32.const 1048576)) (then unreachable)))
 {" ".join(funcs)})"""


# A value is what the other runtime takes and gives, and WAVE text beside it.  That runtime leaves the tag
# away where it can be guessed from the payload; here nothing is guessed.
wt.VariantLikeType._tagged = lambda self: True

def text_of(characters):
    out = ""
    for c in characters:
        if c in "\\\"'":
            out += "\\" + c
        elif c == "\t":
            out += "\\t"
        elif ord(c) < 32:
            out += f"\\u{{{ord(c):x}}}"
        else:
            out += c
    return out


def wave_float(number):
    if number != number:
        return "nan"
    if number in (float("inf"), float("-inf")):
        return "inf" if number > 0 else "-inf"
    return repr(number)


INTEGERS = {wt.S8: (-2**7, 2**7 - 1), wt.U8: (0, 2**8 - 1), wt.S16: (-2**15, 2**15 - 1), wt.U16: (0, 2**16 - 1),
            wt.S32: (-2**31, 2**31 - 1), wt.U32: (0, 2**32 - 1), wt.S64: (-2**63, 2**63 - 1),
            wt.U64: (0, 2**64 - 1)}


def random_value(t, rng, depth=0):
    """What the other runtime takes."""
    if isinstance(t, wt.Bool):
        return rng.random() < 0.5
    if type(t) in INTEGERS:
        low, high = INTEGERS[type(t)]
        return rng.choice([low, high, 0, rng.randint(low, high)])
    if isinstance(t, wt.F32):
        return struct.unpack("<f", struct.pack("<I", rng.choice([0, 0x80000000, 0x7F800000, 1, rng.getrandbits(31)])))[0]
    if isinstance(t, wt.F64):
        return struct.unpack("<d", struct.pack("<Q", rng.choice([0, 1 << 63, 0x7FF << 52, 1, rng.getrandbits(63)])))[0]
    if isinstance(t, wt.Char):
        return rng.choice(CHARACTERS)
    if isinstance(t, wt.String):
        return "".join(rng.choice(CHARACTERS) for _ in range(rng.choice([0, 1, 3, 20])))
    if isinstance(t, wt.ListType):
        items = [random_value(t.element, rng, depth + 1) for _ in range(rng.choice([0, 1, 2, 5]))]
        return bytes(items) if isinstance(t.element, wt.U8) else items
    if isinstance(t, wt.RecordType):
        record = wc.Record()
        for name, field in t.fields:
            setattr(record, name, random_value(field, rng, depth + 1))
        return record
    if isinstance(t, wt.TupleType):
        return tuple(random_value(part, rng, depth + 1) for part in t.elements)
    if isinstance(t, wt.EnumType):
        return rng.choice(t.names)
    if isinstance(t, wt.FlagsType):
        return {name for name in t.names if rng.random() < 0.4}
    cases = t._cases()
    tag, payload = rng.choice(cases)
    value = None if payload is None else random_value(payload, rng, depth + 1)
    return wc.Variant(tag, value)


def wave(t, value):
    if isinstance(t, wt.Bool):
        return "true" if value else "false"
    if type(t) in INTEGERS:
        return str(value)
    if isinstance(t, (wt.F32, wt.F64)):
        return wave_float(value)
    if isinstance(t, wt.Char):
        return "'" + text_of(value) + "'"
    if isinstance(t, wt.String):
        return '"' + text_of(value) + '"'
    if isinstance(t, wt.ListType):
        return "[" + ", ".join(wave(t.element, item) for item in value) + "]"
    if isinstance(t, wt.RecordType):
        return "{" + ", ".join(f"{name}: {wave(field, getattr(value, name))}" for name, field in t.fields) + "}"
    if isinstance(t, wt.TupleType):
        return "(" + ", ".join(wave(part, item) for part, item in zip(t.elements, value)) + ")"
    if isinstance(t, wt.EnumType):
        return value
    if isinstance(t, wt.FlagsType):
        return "{" + ", ".join(name for name in t.names if name in value) + "}"
    payload = dict(t._cases())[value.tag]
    return value.tag if payload is None else f"{value.tag}({wave(payload, value.payload)})"


class Ours:
    def __init__(self, program, folder, world, core, engine):
        self.component = os.path.join(folder, "t.component.wasm")
        self.process = subprocess.Popen(
            [program, world, core, "w", self.component, engine], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, encoding="utf-8")
        if self.answer() != "ok ready":
            raise SystemExit("component_eval did not start")

    def answer(self):
        line = self.process.stdout.readline()
        if line == "":
            raise SystemExit("component_eval ended")
        return line.rstrip("\n")

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.answer()

    def end(self):
        self.process.stdin.close()
        if self.process.wait() != 0:
            raise SystemExit("component_eval failed at its end")


def theirs(engine, component, name, arguments):
    store = wasmtime.Store(engine)
    func = wc.Linker(engine).instantiate(store, component).get_func(store, name)
    try:
        return True, func(store, *arguments)
    except (wasmtime.Trap, wasmtime.WasmtimeError):
        return False, None


def round_trip(program, engine_name, engine, rng, counts):
    with tempfile.TemporaryDirectory() as folder:
        world = World(rng, 6)
        paths = [os.path.join(folder, name) for name in ("t.wit", "t.wat", "t.wasm")]
        for path, text in zip(paths, (world.wit(), core_text(world, rng))):
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        subprocess.run(["wat2wasm", paths[1], "-o", paths[2]], check=True)
        ours = Ours(program, folder, paths[0], paths[2], engine_name)
        with open(ours.component, "rb") as file:
            component = wc.Component(engine, file.read())
        store = wasmtime.Store(engine)
        instance = wc.Linker(engine).instantiate(store, component)
        for name, _ in world.functions:
            func = instance.get_func(store, name)
            kind = func.type(store)
            for _ in range(4 if name.startswith("echo") else 1):
                compare(ours, engine, component, name, kind, rng, counts)
        ours.end()


def compare(ours, engine, component, name, kind, rng, counts):
    arguments = [random_value(t, rng) for _, t in kind.params]
    call = name + "(" + ", ".join(wave(t, v) for (_, t), v in zip(kind.params, arguments)) + ")"
    answered, value = theirs(engine, component, name, arguments)
    mine = ours.ask("call " + call)
    if answered:
        wanted = ours.ask(f"value {name} {wave(kind.result, value)}")
        counts["values"] += 1
    else:
        wanted = "trap"
        counts["traps"] += 1
    if (mine != wanted) if answered else not mine.startswith("trap "):
        raise SystemExit(f"{call}\n  another runtime: {wanted[:2000]}\n  Berth:           {mine[:2000]}")


def main():
    program = os.environ["BERTH_COMPONENT_EVAL"]
    seed = int(os.environ.get("BERTH_DIFFERENTIAL_SEED", "1"))
    rounds = int(os.environ.get("BERTH_DIFFERENTIAL_ROUNDS", "12"))
    engine = wasmtime.Engine()
    counts = {"values": 0, "traps": 0}
    for n in range(rounds):
        rng = random.Random(seed * 1000003 + n)
        try:
            round_trip(program, os.environ.get("BERTH_COMPONENT_ENGINE", "interp"), engine, rng, counts)
        except SystemExit as failure:
            print(f"round {n} of seed {seed}: {failure}")
            return 1
    print(f"{rounds} worlds, {counts['values']} values and {counts['traps']} traps alike")
    return 0 if counts["values"] > 0 and counts["traps"] > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
