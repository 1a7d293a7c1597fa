// The binary contract berth-hook/1: buffers for records, and replies as pointer and length.

// The reply: the host reads it after the hook has returned.
let reply: Uint8Array | null = null;

export function berth_alloc(size: u32, align: u32): usize {
  return heap.alloc(size); // at a multiple of 16, which is what the host asks for
}

export function berth_free(address: usize, size: u32, align: u32): void {
  heap.free(address);
}

// What the host wrote into a buffer of berth_alloc.
export function record(address: usize, size: u32): Uint8Array {
  const bytes = new Uint8Array(size);
  memory.copy(bytes.dataStart, address, size);
  return bytes;
}

// null drops the record.
export function answer(bytes: Uint8Array | null): u64 {
  reply = bytes;
  if (bytes === null) return 0;
  if (bytes.length == 0) return 16 << 32; // an address that is not 0, so that this is no drop
  return (<u64>bytes.dataStart << 32) | bytes.length;
}
