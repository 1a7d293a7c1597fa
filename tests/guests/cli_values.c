/* cli_values.c - the core module of cli_values.wit: values of many types, taken and given. */
#include <stddef.h>
#include <stdint.h>

#define EXPORT(name) __attribute__((export_name(name)))
#define SHAPES       "demo:values/shapes@1.0.0#"

extern uint8_t __heap_base;
static uintptr_t heap_top;
static uint32_t calls_made;

EXPORT("cabi_realloc") void *cabi_realloc(void *old, size_t old_size, size_t align, size_t size)
{
    uintptr_t at, end;

    (void)old;
    (void)old_size;
    if (heap_top == 0)
        heap_top = (uintptr_t)&__heap_base;
    at = (heap_top + align - 1) / align * align;
    end = at + size;
    while (end > (uintptr_t)__builtin_wasm_memory_size(0) << 16)
        if (__builtin_wasm_memory_grow(0, 1) == SIZE_MAX)
            __builtin_trap();
    heap_top = end;
    return (void *)at;
}

/* As the canonical ABI stores them. */
static struct {
    int32_t x, y;
    uint32_t has_label;
    const char *label;
    uint32_t label_size;
} point;
static struct {
    uint32_t is_error, padding;
    union {
        double area;
        struct {
            const char *text;
            uint32_t size;
        } error;
    };
} result;
static struct {
    uint8_t *data;
    uint32_t size;
} bytes;

EXPORT(SHAPES "add")
void *add(int32_t x, int32_t y, uint32_t has_label, const char *label, uint32_t label_size,
          int32_t other_x, int32_t other_y, uint32_t has_other, const char *other,
          uint32_t other_size)
{
    (void)has_other;
    (void)other;
    (void)other_size;
    point.x = x + other_x;
    point.y = y + other_y;
    point.has_label = has_label;
    point.label = label;
    point.label_size = label_size;
    return &point;
}

EXPORT(SHAPES "next") uint32_t next(uint32_t color)
{
    return (color + 1) % 3;
}

EXPORT(SHAPES "area") void *area(uint32_t kind, uint64_t first, uint32_t second)
{
    double radius;

    __builtin_memcpy(&radius, &first, sizeof radius);
    result.is_error = kind == 0;
    if (kind == 0) {
        result.error.text = "a dot has\nnone";
        result.error.size = 14;
    } else {
        result.area = kind == 1 ? 3 * radius * radius : (double)(uint32_t)first * second;
    }
    return &result;
}

EXPORT(SHAPES "[method]pen.draw") void draw(void *pen)
{
    (void)pen;
}

EXPORT("sum") uint64_t sum(const uint32_t *numbers, uint32_t count)
{
    uint64_t all = 0;

    while (count > 0)
        all += numbers[--count];
    return all;
}

EXPORT("reverse") void *reverse(uint8_t *data, uint32_t size)
{
    for (uint32_t i = 0; i < size / 2; i++) {
        uint8_t swapped = data[i];

        data[i] = data[size - 1 - i];
        data[size - 1 - i] = swapped;
    }
    bytes.data = data;
    bytes.size = size;
    return &bytes;
}

EXPORT("calls") uint32_t calls(void)
{
    return ++calls_made;
}

EXPORT("forget") void forget(void)
{
    calls_made = 0;
}

EXPORT("spin") void spin(void)
{
    for (;;)
        __asm__ volatile("");
}

EXPORT("fail") void fail(void)
{
    __builtin_trap();
}
