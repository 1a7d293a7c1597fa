(module
 ;; What bench_component.c measures.  Its allocator always answers 65536: what a real one costs is the
 ;; same on both sides of each ratio.
 (import "bench:b/host" "add" (func $add (param i32 i32) (result i32)))
 (import "bench:b/host" "echo" (func $echo (param i32 i32 i32)))
 (memory (export "memory") 4)
 (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 65536)
 (func (export "nothing"))
 (func (export "add") (param i32 i32) (result i32)
  local.get 0 local.get 1 i32.add)
 (func (export "echo") (param i32 i32) (result i32)
  i32.const 16 local.get 0 i32.store
  i32.const 20 local.get 1 i32.store
  i32.const 16)
 (func (export "cabi_post_echo") (param i32))
 (func (export "mix") (param i32 i32 i32 i64 i32 i64 f32 f64 i32 i32) (result i32) local.get 2)
 (func (export "many") (param i32 i32) (result i32) local.get 1)
 (func (export "spin-add") (param i32) (result i32)
  (loop
   local.get 0 i32.const 1 call $add drop
   local.get 0 i32.const 1 i32.sub local.tee 0 br_if 0)
  i32.const 0)
 (func (export "spin-echo") (param i32) (result i32)
  (loop
   i32.const 1024 i32.const 256 i32.const 32 call $echo
   local.get 0 i32.const 1 i32.sub local.tee 0 br_if 0)
  i32.const 0))
