;; Uses up its stack in its start function.
(module (func $deep (call $deep)) (start $deep))
