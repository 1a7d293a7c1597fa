;; Needs 3 MiB to start with, and could grow to the most there is.
(module (memory (export "memory") 48 65536))
