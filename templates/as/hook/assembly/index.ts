// @NAME@ - a plugin of the contract berth-hook/1.
import { answer, record } from "./hook";

export { berth_alloc, berth_free } from "./hook";

const hello = Uint8Array.wrap(String.UTF8.encode("Hello, "));

function greet(name: Uint8Array): Uint8Array | null {
  if (name.length == 0) return null; // drops the record
  const reply = new Uint8Array(hello.length + name.length);
  reply.set(hello);
  reply.set(name, hello.length);
  return reply;
}

export function berth_hook_greet(address: usize, size: u32): u64 {
  return answer(greet(record(address, size)));
}
