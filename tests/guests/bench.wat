;; What the benchmarks call: nothing at all, and an echo of the input.
;;@section berth.plugin.v1 {"name": "bench", "version": "1.0.0", "description": "for measuring", "hooks": {"empty": {"description": "drops its input"}, "echo": {"description": "the same bytes"}}}
(module
  (memory (export "memory") 1)
  (func (export "berth_alloc") (param $size i32) (param $align i32) (result i32)
    (i32.const 1024))
  (func (export "berth_free") (param i32 i32 i32))
  (func (export "berth_hook_empty") (param $at i32) (param $size i32) (result i64)
    (i64.const 0))
  (func (export "berth_hook_echo") (param $at i32) (param $size i32) (result i64)
    (i64.or (i64.shl (i64.extend_i32_u (local.get $at)) (i64.const 32))
            (i64.extend_i32_u (local.get $size)))))
