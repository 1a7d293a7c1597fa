/* tests/support/msan_jansson.h - jansson is not instrumented: each call that uses much stack says so.
 *
 * Included before everything else in the msan preset, by cmake/BerthLibrary.cmake, in what uses
 * jansson. */
#ifndef BERTHT_MSAN_JANSSON_H
#define BERTHT_MSAN_JANSSON_H

#include <jansson.h>

#include "../../src/base/instrument.h"

#define json_loads(...)          (berthi_calling_out(), json_loads(__VA_ARGS__))
#define json_loadb(...)          (berthi_calling_out(), json_loadb(__VA_ARGS__))
#define json_load_file(...)      (berthi_calling_out(), json_load_file(__VA_ARGS__))
#define json_dumps(...)          (berthi_calling_out(), json_dumps(__VA_ARGS__))
#define json_pack(...)           (berthi_calling_out(), json_pack(__VA_ARGS__))
#define json_object_get(...)     (berthi_calling_out(), json_object_get(__VA_ARGS__))
#define json_object_set_new(...) (berthi_calling_out(), json_object_set_new(__VA_ARGS__))

#endif
