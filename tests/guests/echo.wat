;; The smallest plugin of berth-hook/1: replies with its input.
;;@section berth.plugin.v1 {"name": "echo", "version": "1.0.0", "description": "replies with its input", "hooks": {"echo": {"description": "the same bytes"}}}
(module
  (memory (export "memory") 1)
  (global $next (mut i32) (i32.const 1024))
  ;; Each buffer starts where the last one ended; the host keeps one per instance.
  (func (export "berth_alloc") (param $size i32) (param $align i32) (result i32)
    (local $at i32)
    (local.set $at
      (i32.and (i32.add (global.get $next) (i32.sub (local.get $align) (i32.const 1)))
               (i32.sub (i32.const 0) (local.get $align))))
    (block $fits
      (br_if $fits
        (i32.le_u (i32.add (local.get $at) (local.get $size))
                  (i32.shl (memory.size) (i32.const 16))))
      (if (i32.eq (i32.const -1)
            (memory.grow (i32.add (i32.shr_u (local.get $size) (i32.const 16)) (i32.const 1))))
        (then (return (i32.const 0)))))
    (global.set $next (i32.add (local.get $at) (local.get $size)))
    (local.get $at))
  (func (export "berth_free") (param i32 i32 i32))
  (func (export "berth_hook_echo") (param $at i32) (param $size i32) (result i64)
    (i64.or (i64.shl (i64.extend_i32_u (local.get $at)) (i64.const 32))
            (i64.extend_i32_u (local.get $size)))))
