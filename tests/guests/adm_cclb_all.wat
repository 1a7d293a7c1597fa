;; A plugin of cc-lb/1 with all four hooks.  Each replies with its own name; none looks at its input.
;;@section cc_lb.plugin.v1 {"name": "all hooks", "version": "1.0.0", "description": "For tests.",
;;@+ "usage": "None.", "hooks": {
;;@+ "filter": {"wire_version": 1, "description": "d", "usage": "u"},
;;@+ "shape": {"wire_version": 1, "description": "d", "usage": "u"},
;;@+ "transform_response": {"wire_version": 1, "description": "d", "usage": "u", "mode": "active"},
;;@+ "transform_sse_event": {"wire_version": 1, "description": "d", "usage": "u", "mode": "noop"}}}
;;@section cc_lb.schema.filter.v1 0xf20f669542349c002acd04b2308ff0d83899bf0cb5a17b818c1d938adda52834
;;@section cc_lb.schema.shape.v1 0x4d8dc5140a59b01f57eed210a82d30acd078dd1e6a6e047237bd46990d10e8b6
;;@section cc_lb.schema.transform_response.v1 0x96aa46cba27a46674871a2a9e348c4f12d95cfd4f06b6e92374be2dbe84993c1
;;@section cc_lb.schema.transform_sse_event.v1 0xaf8e6292457ad7bf56e77fa57813cb16005f46cb8fd2dfae01c9795f6ca31acb
(module
  (memory (export "memory") 2)
  (data (i32.const 1024) "filtershaperesponse")
  (func (export "cc_lb_alloc") (param $size i32) (param $align i32) (result i32)
    (i32.const 65536))
  (func (export "cc_lb_free") (param i32 i32 i32))
  (func (export "cc_lb_filter") (param i32 i32) (result i64)
    (i64.const 0x00000400_00000006))
  (func (export "cc_lb_shape") (param i32 i32) (result i64)
    (i64.const 0x00000406_00000005))
  (func (export "cc_lb_transform_response") (param i32 i32) (result i64)
    (i64.const 0x0000040b_00000008))
  ;; Declared a no-op: whoever calls it learns so.
  (func (export "cc_lb_transform_sse_event") (param i32 i32) (result i64)
    (unreachable)))
