/* plugin.h - plugins made byte by byte, good ones and hostile ones, each a content of its own.
 *
 * A zeroed spec is a plugin of berth-hook/1 whose only hook "do" replies with its input.
 */
#ifndef BERTHT_PLUGIN_H
#define BERTHT_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Instructions, without locals and without the final `end`. */
typedef struct plugin_code {
    const uint8_t *bytes;
    size_t size;
} plugin_code;
/* clang-format off */
#define PLUGIN_CODE(...)                                                                       \
    { (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }) }
/* clang-format on */

/* What hostile code keeps doing. */
#define PLUGIN_LOOP     0x03, 0x40, 0x0c, 0x00, 0x0b
#define PLUGIN_TRAP     0x00
#define PLUGIN_I64(...) 0x42, __VA_ARGS__ /* i64.const, LEB128 */
#define PLUGIN_I32(...) 0x41, __VA_ARGS__ /* i32.const, LEB128 */

typedef struct plugin_spec {
    uint32_t number;    /* makes the content unlike that of another number */
    bool is_cclb;       /* cc-lb/1 with the hook "filter" instead */
    bool has_second;    /* one more hook, "second", which echoes */
    const char *probe;  /* the input that the host tries; NULL: an empty one */
    uint32_t pages_min; /* 0: 4 */
    uint32_t pages_max; /* 0: none declared */
    plugin_code alloc;  /* (size, align) -> ptr; default: a bump allocator in global 0 */
    plugin_code free;   /* (ptr, size, align); default: nothing */
    plugin_code hook;   /* (ptr, len) -> i64; default: echo.  It has two i32 locals more */
    plugin_code start;  /* (); default: no start function */
    const char *data;   /* put at 1024 */
    uint32_t table_min; /* 0: no table */
} plugin_spec;

/* The module's bytes; end them with free(). */
uint8_t *plugin_make(const plugin_spec *spec, size_t *size_out);

/* A plugin whose hook "do" replies with `number` as 8 bytes, least significant first. */
uint8_t *plugin_answering(uint32_t number, size_t *size_out);

#endif
