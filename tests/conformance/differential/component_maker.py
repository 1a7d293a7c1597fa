"""Random components, mostly valid ones, as bytes; and mutations of any component.

A maker keeps the index spaces of one scope with as much of types as it takes to choose well, and chooses
badly once in a while.  What it makes is for a comparison of validators: nobody runs it."""

PRIMITIVES = [0x7F, 0x7E, 0x7D, 0x7C, 0x7B, 0x7A, 0x79, 0x78, 0x77, 0x76, 0x75, 0x74, 0x73]
FLAT = {0x78: "I", 0x77: "I", 0x76: "f", 0x75: "F", 0x73: "ii"}
CORE = {"i": 0x7F, "I": 0x7E, "f": 0x7D, "F": 0x7C}
FUNC, TYPE, COMPONENT, INSTANCE = 0x01, 0x03, 0x04, 0x05
HEAD, CORE_HEAD = b"\0asm\x0d\0\x01\0", b"\0asm\x01\0\0\0"


def u32(n):
    out = bytearray()
    while True:
        out.append(n & 0x7F | (0x80 if n > 0x7F else 0))
        n >>= 7
        if n == 0:
            return bytes(out)


def vec(items):
    return u32(len(items)) + b"".join(items)


def name(text):
    data = text.encode() if isinstance(text, str) else text
    return u32(len(data)) + data


def extern_name(text):
    return b"\0" + name(text)


def section(number, body):
    return bytes([number]) + u32(len(body)) + body


def join(a, b):
    return a if a == b else "i" if {a, b} == {"i", "f"} else "I"


class Type:
    """kind: value, func, resource, instance, component.  `flat` of values; `exports` of instances."""

    def __init__(self, kind, flat="", pointer=False, borrow=False, **more):
        self.kind, self.flat, self.pointer, self.borrow = kind, flat, pointer, borrow
        self.params, self.result, self.local = [], None, False
        self.exports, self.imports, self.plain = [], [], True
        self.__dict__.update(more)


def primitive(code):
    return Type("value", FLAT.get(code, "i"), code == 0x73)


def core_signature(func, lift):
    """Of a lifted or lowered function: parameters, results, whether memory and realloc are needed."""
    params = "".join(t.flat for t in func.params)
    spilled = len(params) > 16
    if spilled:
        params = "i"
    results = func.result.flat if func.result else ""
    back = len(results) > 1
    points = any(t.pointer for t in func.params)
    result_points = bool(func.result and func.result.pointer)
    if back:
        params, results = (params, "i") if lift else (params + "i", "")
    realloc = (points or spilled) if lift else result_points
    return params, results, points or result_points or spilled or back, realloc


def core_functype(signature):
    params, results = signature
    return b"\x60" + vec([bytes([CORE[c]]) for c in params]) + vec([bytes([CORE[c]]) for c in results])


def core_module(imports, functions, has_memory):
    """imports: (module, name, signature); functions: (name, signature), which trap."""
    signatures = [s for _, _, s in imports] + [s for _, s in functions]
    out = CORE_HEAD + section(1, vec([core_functype(s) for s in signatures]))
    if imports:
        out += section(2, vec([name(m) + name(n) + b"\0" + u32(i) for i, (m, n, _) in enumerate(imports)]))
    out += section(3, vec([u32(len(imports) + i) for i in range(len(functions))]))
    if has_memory:
        out += section(5, b"\x01\x00\x01")
    exports = [name(n) + b"\0" + u32(len(imports) + i) for i, (n, _) in enumerate(functions)]
    if has_memory:
        exports.append(name("mem") + b"\x02\0")
    return out + section(7, vec(exports)) + section(10, vec([b"\x03\x00\x00\x0b" for _ in functions]))


class Maker:
    def __init__(self, rng, outer=None, slips=0.02, is_type=False):
        self.rng, self.outer, self.slips, self.is_type = rng, outer, slips, is_type
        self.types, self.core_funcs, self.memories = [], [], []
        self.modules, self.core_instances = [], []
        self.funcs, self.instances, self.components = [], [], []
        self.imports, self.exports, self.named = [], [], 0
        self.out = []

    # ------------------------------------------------------------ choosing

    def pick(self, items, fits=lambda x: True):
        """An index that fits, or None; sometimes any."""
        if items and self.rng.random() < self.slips:
            return self.rng.randrange(len(items) + 1)
        found = [i for i, x in enumerate(items) if fits(x)]
        return self.rng.choice(found) if found else None

    def label(self):
        self.named += 1
        if self.rng.random() < self.slips:
            return self.rng.choice(["", "A-b", "a_b", "x1", "X1", "a--b", "1a", "[method]x1.y", "[constructor]x1",
                                    "a:b/c", "a:b/c@1.0.0", "a:b/c@1.0", "[static]x2.x2", "\u00e9"])
        return f"x{self.named}"

    def value(self):
        """(reference, Type) of a value type."""
        if self.types and self.rng.random() < 0.6:
            i = self.pick(self.types, lambda t: t.kind == "value")
            if i is not None and i < len(self.types):
                return u32(i), self.types[i]
        code = self.rng.choice(PRIMITIVES)
        return bytes([code]), primitive(code)

    # ------------------------------------------------------------ types

    def value_type(self):
        rng = self.rng
        kind = rng.choice(["record", "variant", "list", "tuple", "flags", "enum", "option", "result", "own",
                           "borrow", "plain"])
        n = rng.choice([1, 1, 2, 3, 5])
        if kind == "plain":
            code, t = self.value()
            return (code, t) if len(code) == 1 and code[0] >= 0x40 else (b"\x70" + code, Type("value", "ii", True))
        if kind in ("own", "borrow"):
            i = self.pick(self.types, lambda t: t.kind == "resource")
            if i is None:
                return b"\x73", primitive(0x73)
            return (b"\x69" if kind == "own" else b"\x68") + u32(i), Type("value", "i", borrow=kind == "borrow")
        if kind in ("flags", "enum"):
            return bytes([0x6E if kind == "flags" else 0x6D]) + vec([name(f"l{i}") for i in range(n)]), \
                Type("value", "i", plain=False)
        parts = [self.value() for _ in range(n)]
        pointer, borrow = any(t.pointer for _, t in parts), any(t.borrow for _, t in parts)
        if kind == "list":
            return b"\x70" + parts[0][0], Type("value", "ii", True, parts[0][1].borrow)
        if kind in ("record", "tuple"):
            flat = "".join(t.flat for _, t in parts)
            labels = [name(f"f{i}") for i in range(n)] if kind == "record" else [b""] * n
            return bytes([0x72 if kind == "record" else 0x6F]) + vec([l + c for l, (c, _) in zip(labels, parts)]), \
                Type("value", flat, pointer, borrow, plain=kind == "tuple")
        if kind == "option":
            parts = parts[:1]
        if kind == "result":
            parts = parts[:2]
        if kind in ("option", "result"):
            pointer, borrow = any(t.pointer for _, t in parts), any(t.borrow for _, t in parts)
        flat = ""
        for _, t in parts:
            flat = "".join(join(a, b) for a, b in zip(flat, t.flat)) + max(flat[len(t.flat):], t.flat[len(flat):])
        t = Type("value", "i" + flat, pointer, borrow, plain=kind != "variant")
        if kind == "option":
            return b"\x6b" + parts[0][0], t
        if kind == "result":
            return b"\x6a" + b"".join(b"\x01" + c for c, _ in parts) + b"\0" * (2 - len(parts)), t
        return b"\x71" + vec([name(f"c{i}") + b"\x01" + c + b"\0" for i, (c, _) in enumerate(parts)]), t

    def func_type(self):
        params = [self.value() for _ in range(self.rng.choice([0, 1, 1, 2, 3, 8]))]
        result = self.value() if self.rng.random() < 0.7 else None
        if result and result[1].borrow and self.rng.random() > self.slips:
            result = None
        body = b"\x40" + vec([name(f"p{i}") + c for i, (c, _) in enumerate(params)])
        body += b"\0" + result[0] if result else b"\x01\0"
        return body, Type("func", params=[t for _, t in params], result=result and result[1])

    def scope_type(self):
        """An instance or component type, with a maker of its own."""
        is_instance = self.rng.random() < 0.7
        inner = Maker(self.rng, self, self.slips, True)
        for _ in range(self.rng.randrange(7)):
            roll = self.rng.random()
            if roll < 0.45:
                code, t = inner.func_type() if self.rng.random() < 0.4 else inner.value_type()
                inner.types.append(t)
                inner.out.append(b"\x01" + code)
            elif roll < 0.6:
                inner.outer_alias()
            elif roll < 0.75 and not is_instance:
                inner.declare(b"\x03", inner.imports)
            else:
                inner.declare(b"\x04", inner.exports)
        return bytes([0x42 if is_instance else 0x41]) + vec(inner.out), \
            Type("instance" if is_instance else "component", exports=inner.exports, imports=inner.imports)

    def bound(self):
        """(bytes, sort, Type) of what an import or declarator says."""
        roll = self.rng.random()
        if roll < 0.2:
            return b"\x03\x01", TYPE, Type("resource")
        if roll < 0.45:
            i = self.pick(self.types, lambda t: t.kind in ("value", "resource"))
            if i is not None and i < len(self.types):
                return b"\x03\0" + u32(i), TYPE, self.types[i]
        if roll < 0.7:
            i = self.pick(self.types, lambda t: t.kind == "instance")
            if i is not None and i < len(self.types):
                return b"\x05" + u32(i), INSTANCE, self.types[i]
        if roll < 0.75 and self.outer:
            i = self.pick(self.types, lambda t: t.kind == "component")
            if i is not None and i < len(self.types):
                return b"\x04" + u32(i), COMPONENT, self.types[i]
        i = self.pick(self.types, lambda t: t.kind == "func")
        if i is None or i >= len(self.types):
            return b"\x03\x01", TYPE, Type("resource")
        return b"\x01" + u32(i), FUNC, self.types[i]

    def space(self, sort):
        return {FUNC: self.funcs, TYPE: self.types, COMPONENT: self.components, INSTANCE: self.instances}[sort]

    def declare(self, head, where):
        code, sort, t = self.bound()
        text = self.label()
        self.out.append(head + extern_name(text) + code)
        where.append((text, sort, t))
        self.space(sort).append(t)

    # ------------------------------------------------------------ definitions

    def put(self, number, entry):
        self.out.append(section(number, entry if number in (1, 4) else vec([entry])))

    def define_type(self):
        roll = self.rng.random()
        if roll < 0.12:
            i = self.pick(self.core_funcs, lambda s: s == ("i", ""))
            self.put(7, b"\x3f\x7f" + (b"\0" if i is None else b"\x01" + u32(i)))
            self.types.append(Type("resource", local=True))
            return
        code, t = self.scope_type() if roll < 0.3 else self.func_type() if roll < 0.55 else self.value_type()
        self.put(7, code)
        self.types.append(t)

    def import_something(self):
        self.declare(b"", self.imports)
        self.out[-1] = section(10, vec([self.out[-1]]))

    def outer_alias(self):
        depth, scope = 1, self.outer
        while scope and scope.outer and self.rng.random() < 0.3:
            depth, scope = depth + 1, scope.outer
        i = self.pick(scope.types) if scope else None
        if i is None:
            return
        entry = b"\x03\x02" + u32(depth) + u32(i)
        if self.is_type:
            self.out.append(b"\x02" + entry)
        else:
            self.put(6, entry)
        self.types.append(scope.types[i] if i < len(scope.types) else Type("value", "i"))

    def make_module(self):
        functions = [("realloc", ("iiii", "i")), ("drop", ("i", ""))]
        for f in self.rng.sample(self.types, min(len(self.types), 3)):
            if f.kind == "func":
                params, results, _, _ = core_signature(f, True)
                functions.append((f"f{len(functions)}", (params, results)))
                functions.append((f"r{len(functions)}", (results, "")))
        imports = []
        for s in self.rng.sample(self.core_funcs, min(len(self.core_funcs), self.rng.choice([0, 0, 1, 2]))):
            imports.append(("m", f"i{len(imports)}", s))
        self.put(1, core_module(imports, functions, True))
        self.modules.append((imports, functions))

    def make_core_instance(self):
        i = self.pick(self.modules)
        if i is None or i >= len(self.modules):
            return
        imports, functions = self.modules[i]
        arguments = []
        if imports:
            items = []
            for _, text, s in imports:
                f = self.pick(self.core_funcs, lambda x, s=s: x == s)
                items.append(name(text) + b"\0" + u32(0 if f is None else f))
            self.put(2, b"\x01" + vec(items))
            self.core_instances.append([])
            arguments.append(name("m") + b"\x12" + u32(len(self.core_instances) - 1))
        self.put(2, b"\0" + u32(i) + vec(arguments))
        self.core_instances.append(functions)
        at = len(self.core_instances) - 1
        self.put(6, b"\0\x02\x01" + u32(at) + name("mem"))
        self.memories.append(at)
        for text, s in functions:
            self.put(6, b"\0\0\x01" + u32(at) + name(text))
            self.core_funcs.append(s)

    def options(self, memory, realloc, post=None):
        rng, out = self.rng, []
        if rng.random() < 0.3:
            out.append(bytes([rng.randrange(3)]))
        if (memory or realloc or rng.random() < 0.2) and self.memories and rng.random() > self.slips:
            out.append(b"\x03" + u32(rng.randrange(len(self.memories))))
            f = self.pick(self.core_funcs, lambda s: s == ("iiii", "i"))
            if f is not None and (realloc or rng.random() < 0.2) and rng.random() > self.slips:
                out.append(b"\x04" + u32(f))
        if post is not None and rng.random() < 0.3:
            f = self.pick(self.core_funcs, lambda s: s == (post, ""))
            if f is not None:
                out.append(b"\x05" + u32(f))
        rng.shuffle(out)
        return vec(out)

    def make_lift(self):
        i = self.pick(self.types, lambda t: t.kind == "func")
        if i is None or i >= len(self.types) or self.types[i].kind != "func":
            return
        params, results, memory, realloc = core_signature(self.types[i], True)
        f = self.pick(self.core_funcs, lambda s: s == (params, results))
        if f is None or ((memory or realloc) and not self.memories):
            return
        self.put(8, b"\0\0" + u32(f) + self.options(memory, realloc, results) + u32(i))
        self.funcs.append(self.types[i])

    def make_lower(self):
        i = self.pick(self.funcs)
        if i is None or i >= len(self.funcs):
            return
        params, results, memory, realloc = core_signature(self.funcs[i], False)
        if (memory or realloc) and not self.memories:
            return
        self.put(8, b"\x01\0" + u32(i) + self.options(memory, realloc))
        self.core_funcs.append((params, results))

    def make_builtin(self):
        code = self.rng.choice([2, 3, 4])
        i = self.pick(self.types, lambda t: t.kind == "resource" and (t.local or code == 3))
        if i is None:
            return
        self.put(8, bytes([code]) + u32(i))
        self.core_funcs.append(("i", "") if code == 3 else ("i", "i"))

    def make_component(self, depth):
        inner = Maker(self.rng, self, self.slips)
        inner.fill(depth - 1, self.rng.randrange(2, 14))
        self.put(4, inner.bytes())
        self.components.append(Type("component", imports=inner.imports, exports=inner.exports))

    def items_for(self, wanted):
        out = []
        for text, sort, t in wanted:
            space = self.space(sort)
            i = self.pick(space, lambda x, t=t: x is t) if self.rng.random() < 0.5 else None
            if i is None:
                i = self.pick(space, lambda x, t=t: x.kind == t.kind and x.flat == t.flat)
            if i is not None and self.rng.random() > self.slips:
                out.append((text, sort, i))
        return out

    def make_instance(self):
        i = self.pick(self.components)
        if i is not None and i < len(self.components) and self.rng.random() < 0.7:
            items = self.items_for(self.components[i].imports)
            self.put(5, b"\0" + u32(i) + vec([name(t) + bytes([s]) + u32(n) for t, s, n in items]))
            self.instances.append(Type("instance", exports=self.components[i].exports))
            return
        items, exports = [], []
        for sort in self.rng.choices([FUNC, TYPE, INSTANCE, COMPONENT], k=self.rng.randrange(4)):
            n = self.pick(self.space(sort))
            if n is None or n >= len(self.space(sort)):
                continue
            text = self.label()
            items.append(extern_name(text) + bytes([sort]) + u32(n))
            exports.append((text, sort, self.space(sort)[n]))
        self.put(5, b"\x01" + vec(items))
        self.instances.append(Type("instance", exports=exports))

    def alias_export(self):
        i = self.pick(self.instances, lambda t: t.exports)
        if i is None or i >= len(self.instances) or not self.instances[i].exports:
            return
        text, sort, t = self.rng.choice(self.instances[i].exports)
        self.put(6, bytes([sort]) + b"\0" + u32(i) + name(text))
        self.space(sort).append(t)

    def export_something(self):
        sort = self.rng.choice([FUNC, FUNC, TYPE, INSTANCE, COMPONENT] if self.outer else [FUNC, FUNC, TYPE, INSTANCE])
        space = self.space(sort)
        i = self.pick(space)
        if i is None or i >= len(space):
            return
        text = self.label()
        bound = b"\0"
        if sort in (FUNC, INSTANCE) and self.rng.random() < 0.15:
            n = self.pick(self.types, lambda t: t.kind == space[i].kind)
            bound = b"\0" if n is None else b"\x01" + bytes([sort]) + u32(n)
        elif sort == TYPE and space[i].kind == "resource" and self.rng.random() < 0.3:
            bound = b"\x01\x03\x01"
        self.put(11, extern_name(text) + bytes([sort]) + u32(i) + bound)
        self.exports.append((text, sort, space[i]))
        space.append(space[i])

    def fill(self, depth, count):
        steps = [(4, self.define_type), (2, self.import_something), (1, self.make_module),
                 (2, self.make_core_instance), (2, self.make_lift), (2, self.make_lower), (1, self.make_builtin),
                 (2, self.make_instance), (2, self.alias_export), (2, self.export_something),
                 (1, self.outer_alias)]
        if depth > 0:
            steps.append((1, lambda: self.make_component(depth)))
        for _ in range(count):
            self.rng.choices([f for _, f in steps], [w for w, _ in steps])[0]()

    def bytes(self):
        return HEAD + b"".join(self.out)


def make(rng):
    maker = Maker(rng, slips=rng.choice([0, 0, 0.01, 0.05]))
    maker.fill(3, rng.choice([4, 10, 20, 40]))
    return maker.bytes()


# ---------------------------------------------------------------- mutations

def read_u32(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def sections_of(data):
    """[(id, body)], or None when the sizes are wrong."""
    out, at = [], 8
    try:
        while at < len(data):
            number = data[at]
            size, start = read_u32(data, at + 1)
            if start + size > len(data):
                return None
            out.append((number, data[start:start + size]))
            at = start + size
    except IndexError:
        return None
    return out


def mutate_bytes(data, rng):
    data = bytearray(data)
    for _ in range(rng.choice([1, 1, 2])):
        at = rng.randrange(len(data)) if data else 0
        roll = rng.random()
        if not data:
            break
        if roll < 0.5:
            data[at] = (data[at] + rng.choice([-1, 1])) & 0xFF
        elif roll < 0.7:
            data[at] = rng.choice([0, 1, 2, 3, 4, 5, 0x7F, 0x80, 0xFF, rng.randrange(256)])
        elif roll < 0.85:
            del data[at]
        else:
            data.insert(at, rng.randrange(8))
    return bytes(data)


def mutate(data, rng):
    """One section is changed, left out, doubled or moved; the sizes stay right."""
    sections = sections_of(data) if data[4:8] == HEAD[4:8] else None
    if not sections:
        return mutate_bytes(data, rng)
    i = rng.randrange(len(sections))
    number, body = sections[i]
    roll = rng.random()
    if roll < 0.1:
        del sections[i]
    elif roll < 0.15:
        sections.insert(i, sections[i])
    elif roll < 0.25:
        sections.insert(rng.randrange(len(sections)), sections.pop(i))
    elif number == 4:
        sections[i] = (4, mutate(body, rng))
    elif number == 1 and rng.random() < 0.8:
        return mutate(data, rng) if len(sections) > 1 else mutate_bytes(data, rng)
    else:
        sections[i] = (number, mutate_bytes(body, rng))
    return HEAD + b"".join(section(n, b) for n, b in sections)
