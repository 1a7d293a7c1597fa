#!/usr/bin/env python3
"""Appends custom sections to a core WebAssembly module.

    wasm_section.py SOURCE IN.wasm OUT.wasm

SOURCE holds lines such as these, in any comment syntax that has ;; or // in front:

    ;;@section berth.plugin.v1 {"name": "echo", "version": "1.0.0"}
    //@section berth.plugin.v1 @metadata.json       (a file beside SOURCE)
    ;;@section raw.bytes 0x00ff10                   (bytes in hexadecimal)

In C, a metadata text may run over several lines: each further line starts with //@+ or ;;@+.
"""
import pathlib
import re
import sys


def leb(value):
    out = bytearray()
    while True:
        byte, value = value & 0x7F, value >> 7
        out.append(byte | (0x80 if value else 0))
        if not value:
            return bytes(out)


def custom_section(name, payload):
    encoded = name.encode()
    body = leb(len(encoded)) + encoded + payload
    return b"\0" + leb(len(body)) + body


def sections_of(source):
    found = []
    for line in source.read_text().splitlines():
        start = re.match(r"\s*(?:;;|//)@section\s+(\S+)\s*(.*)$", line)
        more = re.match(r"\s*(?:;;|//)@\+\s?(.*)$", line)
        if start:
            found.append([start.group(1), start.group(2)])
        elif more and found:
            found[-1][1] += "\n" + more.group(1)
    return found


def payload_of(source, text):
    if text.startswith("@"):
        return (source.parent / text[1:].strip()).read_bytes()
    if re.fullmatch(r"0x(?:[0-9a-fA-F]{2})*", text.strip()):
        return bytes.fromhex(text.strip()[2:])
    return text.encode()


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    source, module, out = (pathlib.Path(arg) for arg in sys.argv[1:])
    data = module.read_bytes()
    for name, text in sections_of(source):
        data += custom_section(name, payload_of(source, text))
    out.write_bytes(data)


if __name__ == "__main__":
    main()
