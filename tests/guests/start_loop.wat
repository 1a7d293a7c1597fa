;; Never comes back from its start function.
(module (func $spin (loop $again (br $again))) (start $spin))
