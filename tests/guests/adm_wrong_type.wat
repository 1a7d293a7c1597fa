;; The hook answers 32 bits, and free is missing.
;;@section berth.plugin.v1 {"name": "wrong-type", "version": "1.0.0", "description": "For tests.", "hooks": {"echo": {"description": "the same bytes"}}}
(module
  (memory (export "memory") 1)
  (func (export "berth_alloc") (param i32 i32) (result i32) (i32.const 1024))
  (func (export "berth_hook_echo") (param i32 i32) (result i32) (i32.const 0)))
