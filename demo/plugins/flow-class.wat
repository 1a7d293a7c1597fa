;; flow-class.wat - a processor of the flow demo, by hand: the class of the status behind the line, as " class=4xx".
;;@section berth.plugin.v1 {"name": "flow-class", "version": "1.0.0", "description": "says the class of a log line's status", "hooks": {"class": {"description": "the line with its class behind it", "probe": "203.0.113.9 - - \"GET / HTTP/1.1\" 200 14"}}}
(module
  (memory (export "memory") 3)
  (data (i32.const 16) " class=")
  (global $next (mut i32) (i32.const 131072))
  ;; Page 0 has the constants, page 1 the line that goes, and behind them is what the host asks for: each block where
  ;; the last one ended, since it keeps a few for as long as the instance lives.
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
  (func $copy (param $to i32) (param $from i32) (param $count i32)
    (loop $next
      (if (local.get $count)
        (then
          (i32.store8 (local.get $to) (i32.load8_u (local.get $from)))
          (local.set $to (i32.add (local.get $to) (i32.const 1)))
          (local.set $from (i32.add (local.get $from) (i32.const 1)))
          (local.set $count (i32.sub (local.get $count) (i32.const 1)))
          (br $next)))))
  ;; Where the first digit of the status is: two bytes behind the second quotation mark.
  (func $status (param $at i32) (param $end i32) (result i32)
    (local $quotes i32)
    (loop $next
      (if (i32.ge_u (i32.add (local.get $at) (i32.const 2)) (local.get $end))
        (then (unreachable)))
      (local.set $quotes
        (i32.add (local.get $quotes)
                 (i32.eq (i32.load8_u (local.get $at)) (i32.const 34))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $quotes) (i32.const 2))))
    (i32.add (local.get $at) (i32.const 1)))
  (func (export "berth_hook_class") (param $at i32) (param $size i32) (result i64)
    (local $to i32)
    (if (i32.gt_u (local.get $size) (i32.const 65000)) (then (unreachable)))
    (call $copy (i32.const 65536) (local.get $at) (local.get $size))
    (local.set $to (i32.add (i32.const 65536) (local.get $size)))
    (call $copy (local.get $to) (i32.const 16) (i32.const 7))
    (i32.store8 offset=7 (local.get $to)
      (i32.load8_u
        (call $status (local.get $at) (i32.add (local.get $at) (local.get $size)))))
    (i32.store16 offset=8 (local.get $to) (i32.const 0x7878))
    (i64.or (i64.const 0x1000000000000)
            (i64.extend_i32_u (i32.add (local.get $size) (i32.const 10))))))
