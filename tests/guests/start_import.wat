;; Calls its host from the start function.
(module (import "host" "poke" (func $poke)) (start $poke))
