;; Traps in its start function.
(module (func $fall (unreachable)) (start $fall))
