;; Sound but for what it wants from the host.
;;@section berth.plugin.v1 {"name": "imports", "version": "1.0.0", "description": "For tests.", "hooks": {"echo": {"description": "the same bytes"}}}
(module
  (import "env" "log" (func (param i32 i32)))
  (memory (export "memory") 1)
  (func (export "berth_alloc") (param i32 i32) (result i32) (i32.const 1024))
  (func (export "berth_free") (param i32 i32 i32))
  (func (export "berth_hook_echo") (param i32 i32) (result i64) (i64.const 0)))
