// @NAME@ - a plugin of the contract berth-hook/1.
package main

//go:wasmexport berth_hook_greet
func greet(address, size uint32) uint64 {
	return answer(address, size, func(name []byte) []byte {
		if len(name) == 0 {
			return nil // drops the record
		}
		return append([]byte("Hello, "), name...)
	})
}

func main() {}
