(module
 (import "$root" "take" (func $take (param i32 i32)))
 (memory (export "memory") 4)
 (func (export "nothing"))
 (func (export "run") (param i32)
  (loop
   i32.const 1024 i32.const 1024 call $take
   local.get 0 i32.const 1 i32.sub local.tee 0 br_if 0)))
