;; A transform of a kit for an ABI that is not known here.
(module
  (import "redpanda_transform" "check_abi_version_3" (func $check))
  (memory (export "memory") 1)
  (func (export "_start") call $check))
