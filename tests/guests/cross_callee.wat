(module
 ;; Answers and asks what crossing_test.c has written into its memory:
 ;;   0 what realloc answers, 4 pages that it grows by before it does, 8 how often it was called,
 ;;   12 the last size, 16 the last alignment, 20 what functions return, 24 the bytes they got,
 ;;   28 how many, 32 how often post-return ran, 36 what it got
 (import "$root" "ping" (func $ping))
 (memory (export "memory") 1)
 (data (i32.const 0) "\00\10\00\00")
 (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
  i32.const 8 i32.const 8 i32.load i32.const 1 i32.add i32.store
  i32.const 12 local.get 3 i32.store
  i32.const 16 local.get 2 i32.store
  i32.const 4 i32.load memory.grow drop
  i32.const 0 i32.load)
 (func $called (param i32 i32) (result i32)
  i32.const 24 local.get 0 i32.store
  i32.const 28 local.get 1 i32.store
  call $ping
  i32.const 20 i32.load)
 (func $left (param i32)
  i32.const 32 i32.const 32 i32.load i32.const 1 i32.add i32.store
  i32.const 36 local.get 0 i32.store)
 (func (export "text") (param i32 i32) (result i32) local.get 0 local.get 1 call $called)
 (func (export "cabi_post_text") (param i32) local.get 0 call $left)
 (func (export "outcome") (param i32 i32) (result i32) local.get 0 local.get 1 call $called)
 (func (export "cabi_post_outcome") (param i32) local.get 0 call $left)
 (func (export "take") (param i32 i32) local.get 0 local.get 1 call $called drop)
 (func (export "poke") (param i32 i32) local.get 0 local.get 1 i32.store)
 (func (export "peek") (param i32) (result i32) local.get 0 i32.load))
