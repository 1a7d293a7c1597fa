/* text_buf.c - text that grows.  Layer: base. */
#include "base/text_buf.h"

#include <stdarg.h>
#include <stdio.h>

enum { ROOM_MIN = 512 };

void berthi_text_buf_init(berthi_text_buf *b, const berth_allocator *a)
{
    *b = (berthi_text_buf){ .allocator = a };
}

void berthi_text_buf_fini(berthi_text_buf *b)
{
    berthi_free(b->allocator, b->data, b->room);
    berthi_text_buf_init(b, b->allocator);
}

/* Room for `more` bytes and the terminator. */
static bool reserve(berthi_text_buf *b, size_t more)
{
    size_t room;
    char *data;

    if (b->has_failed)
        return false;
    if (b->room > 0 && more < b->room - b->size)
        return true;
    if (more > SIZE_MAX / 4 || b->size > SIZE_MAX / 4) {
        b->has_failed = true;
        return false;
    }
    room = (b->size + more + 1) * 2;
    if (room < ROOM_MIN)
        room = ROOM_MIN;
    data = berthi_alloc(b->allocator, room);
    if (data == NULL) {
        b->has_failed = true;
        return false;
    }
    if (b->size > 0)
        memcpy(data, b->data, b->size);
    data[b->size] = '\0';
    berthi_free(b->allocator, b->data, b->room);
    b->data = data;
    b->room = room;
    return true;
}

void berthi_text_buf_put(berthi_text_buf *b, const char *text, size_t size)
{
    if (!reserve(b, size))
        return;
    if (size > 0)
        memcpy(b->data + b->size, text, size);
    b->size += size;
    b->data[b->size] = '\0';
}

void berthi_text_buf_puts(berthi_text_buf *b, const char *text)
{
    berthi_text_buf_put(b, text, strlen(text));
}

void berthi_text_buf_fill(berthi_text_buf *b, char c, size_t count)
{
    if (!reserve(b, count))
        return;
    memset(b->data + b->size, c, count);
    b->size += count;
    b->data[b->size] = '\0';
}

void berthi_text_buf_putf(berthi_text_buf *b, const char *format, ...)
{
    va_list args;
    int need;

    va_start(args, format);
    need = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (need < 0 || !reserve(b, (size_t)need)) {
        b->has_failed = true;
        return;
    }
    va_start(args, format);
    vsnprintf(b->data + b->size, (size_t)need + 1, format, args);
    va_end(args);
    b->size += (size_t)need;
}
