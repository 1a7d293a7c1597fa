;; Goes through its host to whatever comes next, and adds one to its answer.
(module
  (import "host" "hop" (func $hop (param i32) (result i32)))
  (global $entries (export "entries") (mut i32) (i32.const 0))
  (func (export "go") (param i32) (result i32)
    (global.set $entries (i32.add (global.get $entries) (i32.const 1)))
    (i32.add (call $hop (local.get 0)) (i32.const 1)))
  (func (export "trap") (param i32) (result i32) (unreachable))
  (func (export "divide") (param i32) (result i32) (i32.div_u (i32.const 1) (i32.const 0)))
  (func (export "spin") (param i32) (result i32) (loop $again (br $again)) (i32.const 0))
  (func $dig (export "dig") (param i32) (result i32)
    (i32.add (call $dig (local.get 0)) (i32.const 1))))
