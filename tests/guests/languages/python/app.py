import wit_world
from componentize_py_types import Err
from wit_world.imports import log


class WitWorld(wit_world.WitWorld):
    def process(self, input: bytes) -> bytes:
        log.write(1, f"python: {len(input)} bytes")
        if not input:
            raise Err("no input")
        return input.upper()

    def tally(self, words):
        counts = {}
        if not words:
            raise Err(wit_world.Problem_Empty())
        for word in words:
            if len(word) > 8:
                raise Err(wit_world.Problem_TooLong(len(word)))
            counts[word] = counts.get(word, 0) + 1
        return [wit_world.Entry(word, count) for word, count in counts.items()]
