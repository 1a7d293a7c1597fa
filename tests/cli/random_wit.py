"""random_wit.py - random worlds: every kind of type, names that are hard, documentation that bites."""
import random

PRIMITIVES = ["bool", "u8", "s8", "u16", "s16", "u32", "s32", "u64", "s64", "f32", "f64", "char", "string"]
HARD = ["int", "class", "static", "register", "new", "unix", "args", "call", "arena", "diag", "to", "self",
        "result-out", "errno", "size-t", "uint8-t", "template", "this", "tag", "some", "ok", "stdout"]
DOCS = ["", "", "", "/// Plain.\n", "/// Ends */ early /* and ??/ so\n/// on \\\n", "/// %s %d \"quoted\"\n"]


class World:
    """`resources`: handles too; `depth`: of types within types."""

    def __init__(self, seed, resources=True, imports=True, depth=3, functions=6):
        self.random = random.Random(seed)
        self.resources, self.imports, self.depth, self.functions = resources, imports, depth, functions
        self.count = 0

    def label(self):
        self.count += 1
        if self.random.random() < 0.25:
            return "%s-%d" % (self.random.choice(["x", "a-b", "HTTP", "get-URL"]), self.count)
        return "n%d" % self.count

    def fields(self, least, most):
        names = self.random.sample(HARD, self.random.randint(least, min(most, len(HARD))))
        return [("%" + name) if self.random.random() < 0.6 else self.label() for name in names]

    def type(self, named, depth=None):
        depth = self.depth if depth is None else depth
        pick = self.random.random()
        if depth == 0 or pick < 0.35:
            return self.random.choice(PRIMITIVES)
        if named and pick < 0.55:
            return self.random.choice(named)
        inner = lambda: self.type(named, depth - 1)  # noqa: E731
        return self.random.choice([
            lambda: "list<%s>" % inner(),
            lambda: "option<%s>" % inner(),
            lambda: "tuple<%s>" % ", ".join(inner() for _ in range(self.random.randint(1, 4))),
            lambda: "result<%s, %s>" % (inner(), inner()),
            lambda: "result<_, %s>" % inner(),
            lambda: "result<%s>" % inner(),
            lambda: "result",
            lambda: "list<%s, %d>" % (inner(), self.random.randint(1, 4)),
        ])()

    def definition(self, name, named):
        kind = self.random.choice(["record", "variant", "enum", "flags", "type"])
        docs = self.random.choice(DOCS)
        if kind == "record":
            body = ", ".join("%s: %s" % (field, self.type(named, 2)) for field in self.fields(1, 6))
        elif kind == "variant":
            body = ", ".join(field if self.random.random() < 0.3 else "%s(%s)" % (field, self.type(named, 2))
                             for field in self.fields(1, 6))
        elif kind == "enum":
            body = ", ".join(self.fields(1, 8))
            if self.random.random() < 0.1:
                body = ", ".join("c%d" % i for i in range(300))
        elif kind == "flags":
            body = ", ".join("f%d" % i for i in range(self.random.randint(1, 32)))
        else:
            return "%stype %s = %s;" % (docs, name, self.type(named))
        return "%s%s %s { %s }" % (docs, kind, name, body)

    def function(self, named, borrows):
        args = ["%s: %s" % (name, self.random.choice(borrows) if borrows and self.random.random() < 0.2
                            else self.type(named, 2)) for name in self.fields(0, 5)]
        result = "" if self.random.random() < 0.15 else " -> " + self.type(named)
        return "func(%s)%s;" % (", ".join(args), result)

    def interface(self, name):
        lines, named, owned, borrows = ["interface %s {" % name], [], [], []
        if self.resources and self.random.random() < 0.5:
            resource = self.label()
            lines.append("resource %s { constructor(x: u32); m: func(a: u8) -> string; s: static func() -> %s; }"
                         % (resource, resource))
            owned.append(resource)
            borrows.append("borrow<%s>" % resource)
        for _ in range(self.random.randint(1, 6)):
            label = self.label()
            lines.append(self.definition(label, named))
            named.append(label)
        for _ in range(self.random.randint(1, self.functions)):
            lines.append("%s%s: %s" % (self.random.choice(DOCS), self.label(), self.function(named + owned, borrows)))
        return "\n    ".join(lines) + "\n}\n", [name for name in named]

    def text(self):
        interfaces = ["one", "two", "types"]
        texts = []
        for name in interfaces:
            text, named = self.interface(name)
            texts.append(text)
        world = ["world w {"]
        sides = ["export", "import"] if self.imports else ["export"]
        for index, name in enumerate(interfaces):
            side = sides[index % len(sides)]
            world.append("%s %s;" % (side, name))
        for _ in range(2):
            world.append("%s %s: %s" % (self.random.choice(sides), self.label(), self.function([], [])))
        return "package rnd:worlds@0.1.0;\n\n" + "\n".join(texts) + "\n" + "\n    ".join(world) + "\n}\n"
