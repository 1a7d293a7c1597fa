#!/usr/bin/env python3
"""Random values and what the specification's own definitions.py makes of them.

usage: canonical_abi.py DEFINITIONS.PY SEED COUNT [LINE_MAX] >canonical_abi.tsv

One case a line, fields between tabs: what canonical_abi_test.c has to see.  A guest holds a value of
a random type, as parameters or as a result; half of the time some of its bytes and cells are
changed.  Either lifting that traps, or the line says what another guest holds once the value was
lowered into it: straight from the first, and by way of a host whose strings are UTF-8, where "=" says
that it is the same.

canonical_abi.tsv beside this file was made with 1 2500 500: lines longer than LINE_MAX are left out.
"""
import random
import sys
import types

START, FILL, ELEMENTS_MAX = 16, 0xA5, 20000
ENCODINGS = ("utf8", "utf16", "latin1+utf16")


class Skip(Exception):
    """A changed value that is too large to be of use."""


def load_definitions(path):
    module = types.ModuleType("definitions")
    sys.modules["definitions"] = module
    with open(path, encoding="utf-8") as file:
        exec(compile(file.read(), path, "exec"), module.__dict__)
    # Any NaN may become any NaN; here each stays what it is, so a float is its bits.
    for name in ("canonicalize_nan32", "canonicalize_nan64", "maybe_scramble_nan32",
                 "maybe_scramble_nan64", "decode_i32_as_float", "decode_i64_as_float",
                 "encode_float_as_i32", "encode_float_as_i64"):
        setattr(module, name, lambda bits: bits)
    plain, left = module.load_list_from_valid_range, [0]

    def load_counted(cx, ptr, length, element):
        left[0] -= length
        if left[0] < 0:
            raise Skip()
        return plain(cx, ptr, length, element)

    module.load_list_from_valid_range = load_counted
    module.elements_left = left
    return module


class Guest:
    """A memory, and a realloc that never gives anything back."""

    def __init__(self, D, encoding, is_64, size):
        self.memory = D.MemInst(bytearray([FILL]) * size, "i64" if is_64 else "i32")
        self.next, self.calls = START, []
        options = D.LiftLowerOptions(encoding, self.memory, None)

        class Context(D.LiftLowerContext):
            def reallocate(cx, old, old_size, align, size):
                return self.reallocate(old, old_size, align, size)

        self.cx = Context(options, None, None)

    def reallocate(self, old, old_size, align, size):
        ptr = (self.next + align - 1) // align * align
        memory = self.memory.bytes
        self.calls.append(f"{old},{old_size},{align},{size}")
        memory.extend([FILL] * (ptr + size - len(memory)))
        kept = min(old_size, size)
        memory[ptr:ptr + kept] = memory[old:old + kept]
        self.next = ptr + size
        return ptr


class Generator:
    def __init__(self, D, rng):
        self.D, self.rng = D, rng

    def names(self, prefix, count):
        return [f"{prefix}{i}" for i in range(count)]

    def type(self, levels):
        """A type, and its text."""
        D, rng = self.D, self.rng
        plain = [("bool", D.BoolType), ("s8", D.S8Type), ("u8", D.U8Type), ("s16", D.S16Type),
                 ("u16", D.U16Type), ("s32", D.S32Type), ("u32", D.U32Type), ("s64", D.S64Type),
                 ("u64", D.U64Type), ("f32", D.F32Type), ("f64", D.F64Type),
                 ("char", D.CharType), ("string", D.StringType)]
        if levels == 0 or rng.random() < 0.3:
            text, make = rng.choice(plain)
            return make(), text
        kind = rng.choice(["list", "list", "fixed", "record", "tuple", "variant", "flags", "enum",
                           "option", "result", "map"])
        if kind == "flags":
            names = self.names("l", rng.choice([1, 3, 7, 8, 9, 15, 16, 17, 31, 32]))
            return D.FlagsType(names), f"flags {{ {', '.join(names)} }}"
        if kind == "enum":
            names = self.names("e", rng.randint(1, 5))
            return D.EnumType(names), f"enum {{ {', '.join(names)} }}"
        parts = [self.type(levels - 1) for _ in range(rng.randint(1, 6))]
        (t, text), (u, other) = parts[0], parts[-1]
        if kind == "list":
            return D.ListType(t), f"list<{text}>"
        if kind == "fixed":
            length = rng.randint(1, 5)
            return D.ListType(t, length), f"list<{text}, {length}>"
        if kind == "option":
            return D.OptionType(t), f"option<{text}>"
        if kind == "map":
            return D.MapType(t, u), f"map<{text}, {other}>"
        if kind == "result":
            ok, error = ((p if rng.random() < 0.7 else (None, "_")) for p in (parts[0], parts[-1]))
            return D.ResultType(ok[0], error[0]), f"result<{ok[1]}, {error[1]}>"
        if kind == "tuple":
            return D.TupleType([p[0] for p in parts]), f"tuple<{', '.join(p[1] for p in parts)}>"
        if kind == "record":
            fields = [D.FieldType(f"a{i}", p[0]) for i, p in enumerate(parts)]
            inner = ", ".join(f"a{i}: {p[1]}" for i, p in enumerate(parts))
            return D.RecordType(fields), f"record {{ {inner} }}"
        cases = [(f"c{i}", p if rng.random() < 0.7 else None) for i, p in enumerate(parts)]
        inner = ", ".join(name if p is None else f"{name}({p[1]})" for name, p in cases)
        return (D.VariantType([D.CaseType(n, p and p[0]) for n, p in cases]),
                f"variant {{ {inner} }}")

    def number(self, bits, signed):
        value = self.rng.choice([self.rng.getrandbits(bits), self.rng.getrandbits(4), 0,
                                 (1 << bits) - 1, 1 << (bits - 1)])
        return value - (1 << bits) if signed and value >> (bits - 1) else value

    def character(self):
        rng = self.rng
        value = rng.choice([rng.randrange(0x80), rng.randrange(0x80), rng.randrange(0x100),
                            rng.randrange(0xD800), rng.randrange(0xE000, 0x110000)])
        return chr(value)

    def value(self, t):
        D, rng = self.D, self.rng
        match D.despecialize(t):
            case D.BoolType():
                return rng.random() < 0.5
            case D.U8Type() | D.U16Type() | D.U32Type() | D.U64Type():
                return self.number(8 * D.elem_size(t, "i32"), False)
            case D.S8Type() | D.S16Type() | D.S32Type() | D.S64Type():
                return self.number(8 * D.elem_size(t, "i32"), True)
            case D.F32Type() | D.F64Type():
                return self.number(8 * D.elem_size(t, "i32"), False)
            case D.CharType():
                return self.character()
            case D.StringType():
                text = "".join(self.character() for _ in range(rng.randint(0, 6)))
                return (text, "utf8", len(text.encode()))
            case D.ListType(element, length):
                count = rng.randint(0, 4) if length is None else length
                return [self.value(element) for _ in range(count)]
            case D.RecordType(fields):
                return {f.label: self.value(f.t) for f in fields}
            case D.VariantType(cases):
                case = rng.choice(cases)
                return {case.label: None if case.t is None else self.value(case.t)}
            case D.FlagsType(labels):
                return {label: rng.random() < 0.5 for label in labels}
        raise AssertionError(t)


def with_strings(v, change):
    """The same value with other strings."""
    if isinstance(v, tuple):
        return change(v)
    if isinstance(v, list):
        return [with_strings(e, change) for e in v]
    if isinstance(v, dict):
        return {k: with_strings(e, change) for k, e in v.items()}
    return v


def as_host(v):
    return with_strings(v, lambda s: (s[0], "utf8", len(s[0].encode())))


def retagged(D, v, is_64, to_64):
    """A lifted string has the tag of the memory it was in; definitions.py looks for that of the memory
    it goes to."""
    pointers = ["i64" if wide else "i32" for wide in (is_64, to_64)]
    before, after = map(D.utf16_tag, pointers)

    def change(s):
        text, encoding, units = s
        if encoding == "latin1+utf16" and units & before:
            units = units ^ before | after
        return (text, encoding, units)

    return with_strings(v, change)


def lower(D, guest, values, ts, is_result):
    """The cells that a lifted function gets, or gives."""
    if not is_result:
        return D.lower_flat_values(guest.cx, D.MAX_FLAT_PARAMS, values, ts)
    if len(D.flatten_types(ts, guest.cx.opts)) <= D.MAX_FLAT_RESULTS:
        return D.lower_flat_values(guest.cx, D.MAX_FLAT_RESULTS, values, ts)
    # the caller makes room, without being asked
    pointer = guest.memory.ptr_type()
    room = guest.reallocate(0, 0, D.alignment(ts[0], pointer), D.elem_size(ts[0], pointer))
    guest.calls.pop()
    D.lower_flat_values(guest.cx, D.MAX_FLAT_RESULTS, values, ts, D.CoreValueIter([room]))
    return [room]


def cell_types(D, guest, ts, is_result):
    flat = D.flatten_types(ts, guest.cx.opts)
    most = D.MAX_FLAT_RESULTS if is_result else D.MAX_FLAT_PARAMS
    return [guest.memory.ptr_type()] if len(flat) > most else flat


def change(rng, guest, cells, kinds):
    """Some bytes of memory and some cells become others."""
    memory = guest.memory.bytes
    for _ in range(rng.randint(1, 3)):
        if cells and rng.random() < 0.4:
            at = rng.randrange(len(cells))
            bits = 32 if kinds[at] in ("i32", "f32") else 64
            cells[at] = rng.choice([rng.getrandbits(bits), cells[at] + 1, cells[at] ^ 1, 0,
                                    rng.getrandbits(8), cells[at] | 1 << (bits - 1)]) % (1 << bits)
        elif len(memory) > START:
            at = rng.randrange(START, len(memory))
            memory[at] = rng.choice([rng.getrandbits(8), 0, 0xFF, memory[at] ^ 1, 2, 0xD8])


def outcome(guest, cells):
    return (" ".join(f"{c:x}" for c in cells), " ".join(guest.calls),
            bytes(guest.memory.bytes[START:]).hex())


def make_case(D, rng):
    generator, is_result = Generator(D, rng), rng.random() < 0.4
    is_64, to_64 = rng.choice([(False, False)] * 2 + [(False, True), (True, False), (True, True)])
    types_ = [generator.type(rng.randint(0, 3)) for _ in range(1 if is_result else rng.randint(1, 4))]
    ts = [t for t, _ in types_]
    text = (f"func() -> {types_[0][1]}" if is_result else
            "func(" + ", ".join(f"p{i}: {t}" for i, (_, t) in enumerate(types_)) + ")")
    encodings = rng.choice(ENCODINGS), rng.choice(ENCODINGS)
    source = Guest(D, encodings[0], is_64, START)
    cells = lower(D, source, [generator.value(t) for t in ts], ts, is_result)
    kinds = cell_types(D, source, ts, is_result)
    if rng.random() < 0.5:
        change(rng, source, cells, kinds)
    given = [c | rng.getrandbits(32) << 32 if k in ("i32", "f32") else c
             for c, k in zip(cells, kinds)]
    fields = [text, *(str(ENCODINGS.index(e)) for e in encodings), str(int(is_64)),
              str(int(to_64)), " ".join(f"{c:x}" for c in given),
              bytes(source.memory.bytes[START:]).hex()]
    D.elements_left[0] = ELEMENTS_MAX
    try:
        values = D.lift_flat_values(source.cx, D.MAX_FLAT_RESULTS if is_result
                                    else D.MAX_FLAT_PARAMS, D.CoreValueIter(cells), ts)
    except D.Trap:
        return fields + ["trap"]
    for v in (retagged(D, values, is_64, to_64), as_host(values)):
        target = Guest(D, encodings[1], to_64, START)
        fields += outcome(target, lower(D, target, v, ts, is_result))
    if fields[7:10] == fields[10:13]:
        fields[10:13] = ["="]
    return fields[:7] + ["ok"] + fields[7:]


def main():
    D, seed, count = load_definitions(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    line_max = int(sys.argv[4]) if len(sys.argv) > 4 else None
    while count > 0:
        try:
            line = "\t".join([str(seed), *make_case(D, random.Random(seed))])
        except Skip:
            line = None
        seed += 1
        if line is not None and (line_max is None or len(line) <= line_max):
            print(line)
            count -= 1


main()
