;; Wants four megabytes from the start, and loops in its probe where it gets them.
;;@section berth.plugin.v1 {"name": "heavy", "version": "1.0.0", "description": "large", "hooks": {"edit": {"description": "never ends"}}}
(module
  (memory (export "memory") 64)
  (func (export "berth_alloc") (param i32 i32) (result i32) (i32.const 1024))
  (func (export "berth_free") (param i32 i32 i32))
  (func (export "berth_hook_edit") (param i32 i32) (result i64)
    (loop $again (br $again))
    (unreachable)))
