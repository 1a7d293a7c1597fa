;; Everything that it imports is a function; one of them runs before anybody can call it.
(module
  (import "host" "add" (func $add (param i32 i64) (result i64)))
  (import "host" "note" (func $note (param i32)))
  (import "other" "note" (func $other (param i32)))
  (memory (export "memory") 1)
  (func (export "add") (param i32 i64) (result i64) (call $add (local.get 0) (local.get 1)))
  (func (export "note") (param i32) (call $note (local.get 0)))
  (func (export "other") (param i32) (call $other (local.get 0)))
  (func $begin (call $note (i32.const 99)))
  (start $begin))
