(module
 ;; Calls functions of another component with the very core values that crossing_test.c gives.  Memory:
 ;;   0 what realloc answers, 4 pages that it grows by before it does, 8 how often it was called,
 ;;   12 the last size, 16 the last alignment, 20 whether it tries to leave
 (import "$root" "text" (func $text (param i32 i32 i32)))
 (import "$root" "outcome" (func $outcome (param i32 i32 i32)))
 (import "$root" "take" (func $take (param i32 i32)))
 (memory (export "memory") 1)
 (data (i32.const 0) "\00\10\00\00")
 (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
  i32.const 8 i32.const 8 i32.load i32.const 1 i32.add i32.store
  i32.const 12 local.get 3 i32.store
  i32.const 16 local.get 2 i32.store
  i32.const 4 i32.load memory.grow drop
  i32.const 20 i32.load if i32.const 0 i32.const 0 call $take end
  i32.const 0 i32.load)
 (func (export "call-text") (param i32 i32 i32) local.get 0 local.get 1 local.get 2 call $text)
 (func (export "call-outcome") (param i32 i32 i32)
  local.get 0 local.get 1 local.get 2 call $outcome)
 (func (export "call-take") (param i32 i32 i32) local.get 0 local.get 1 call $take)
 (func (export "take-twice") (param i32 i32 i32)
  local.get 0 local.get 1 call $take local.get 0 local.get 1 call $take)
 (func (export "poke") (param i32 i32) local.get 0 local.get 1 i32.store)
 (func (export "peek") (param i32) (result i32) local.get 0 i32.load))
