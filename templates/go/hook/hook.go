package main

import "unsafe"

// The host's buffers, which the collector must not take, by address.
var taken = map[uint32][]byte{}

// The reply: the host reads it after the hook has returned.
var reply []byte

//go:wasmexport berth_alloc
func berthAlloc(size, align uint32) uint32 {
	buffer := make([]byte, uint64(size)+uint64(align))
	address := uint32(uintptr(unsafe.Pointer(unsafe.SliceData(buffer))))
	address = (address + align - 1) / align * align
	taken[address] = buffer
	return address
}

//go:wasmexport berth_free
func berthFree(address, size, align uint32) {
	delete(taken, address)
}

// Runs a hook; nil drops the record.
func answer(address, size uint32, hook func([]byte) []byte) uint64 {
	var record []byte
	if size != 0 { // what the host wrote into a buffer of berth_alloc
		record = unsafe.Slice((*byte)(unsafe.Pointer(uintptr(address))), size)
	}
	reply = hook(record)
	if reply == nil {
		return 0
	}
	if len(reply) == 0 { // an address that is not 0, so that this is no drop
		return 16 << 32
	}
	return uint64(uintptr(unsafe.Pointer(unsafe.SliceData(reply))))<<32 | uint64(len(reply))
}
