;; Four ways to misbehave, one hook each, for examples/limits.c.
;;@section berth.plugin.v1 {"name": "greedy", "version": "1.0.0", "description": "misbehaves on request", "hooks": {"spin": {"description": "never returns when given a record"}, "recurse": {"description": "overflows the stack"}, "trap": {"description": "traps"}, "lie": {"description": "replies from outside its memory"}}}
(module
  (memory (export "memory") 1)
  (func (export "berth_alloc") (param i32 i32) (result i32) (i32.const 1024))
  (func (export "berth_free") (param i32 i32 i32))
  ;; An empty record, which is what the probe sends, is dropped.
  (func (export "berth_hook_spin") (param $at i32) (param $size i32) (result i64)
    (if (local.get $size) (then (loop $for_ever (br $for_ever))))
    (i64.const 0))
  (func $deeper (param i32) (result i32)
    (i32.add (i32.const 1) (call $deeper (i32.add (local.get 0) (i32.const 1)))))
  (func (export "berth_hook_recurse") (param $at i32) (param $size i32) (result i64)
    (if (local.get $size) (then (drop (call $deeper (i32.const 0)))))
    (i64.const 0))
  (func (export "berth_hook_trap") (param $at i32) (param $size i32) (result i64)
    (if (local.get $size) (then (unreachable)))
    (i64.const 0))
  (func (export "berth_hook_lie") (param $at i32) (param $size i32) (result i64)
    (if (result i64) (local.get $size)
      (then (i64.const 0x7fffffff_00000010))
      (else (i64.const 0)))))
