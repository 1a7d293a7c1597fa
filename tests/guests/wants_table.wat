;; Needs 900 elements to start with.
(module (table (export "table") 900 0xffffffff funcref))
