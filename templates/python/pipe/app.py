"""@NAME@ - a component of the contract berth:pipe, in plugin.wit."""
import wit_world
from componentize_py_types import Err


class WitWorld(wit_world.WitWorld):
    def process(self, input: bytes) -> bytes:
        if not input:
            raise Err("no name")
        return b"Hello, " + input
