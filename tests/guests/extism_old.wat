;; As plugins were before Extism 1.0.
(module
  (import "env" "extism_alloc" (func (param i64) (result i64)))
  (memory (export "memory") 1)
  (func (export "run") (result i32) (i32.const 0)))
