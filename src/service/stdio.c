/* stdio.c - what plugins write and read as a program does.  Layer: service.
 *
 * Output is for whoever the grants name, as it comes; or this process's own streams; or lines of the
 * runtime's log with the plugin's name, cut at LINE_BYTES.  All of it is bounded per instance: what is
 * past the bound is dropped, and a line says so once; a stream of the process's own is closed then, if a bound was
 * asked for.  Input is what the grants carry. */
#include "service/services.h"

#include <berth/plugin.h>

#include "base/utf8.h"
#include "os/stdio.h"

enum { LINE_BYTES = 1000, ROOM = 65536, STREAMS = 2 };

struct berthi_line {
    size_t size;
    char bytes[LINE_BYTES];
};

/* ---------------------------------------------------------------- lines */

static void report(berthi_services *s, int32_t level, const char *text, size_t size)
{
    char shown[4 * LINE_BYTES + 8];
    const berthi_service_owner *o = &s->owner;
    berth_report r = { .size = sizeof r,
                       .kind = BERTH_REPORT_LOG,
                       .level = level,
                       .tenant = o->tenant,
                       .slot = o->slot,
                       .plugin = o->plugin,
                       .text = shown };

    berthi_utf8_show(shown, sizeof shown, text, size);
    r.text_size = strlen(shown);
    o->report(o->report_ctx, &r);
}

static int32_t level_of(int32_t stream)
{
    return stream == BERTH_OUTPUT_STDERR ? BERTH_LOG_WARNING : BERTH_LOG_INFO;
}

static void end_line(berthi_services *s, int32_t stream)
{
    struct berthi_line *line = s->lines[stream - 1];

    report(s, level_of(stream), line->bytes, line->size);
    line->size = 0;
}

void berthi_services_flush_lines(berthi_services *s)
{
    for (int32_t stream = 1; stream <= STREAMS; stream++)
        if (s->lines[stream - 1] != NULL && s->lines[stream - 1]->size > 0)
            end_line(s, stream);
}

void berthi_services_end_lines(berthi_services *s)
{
    berthi_services_flush_lines(s);
    for (int i = 0; i < STREAMS; i++)
        berthi_free(s->allocator, s->lines[i], sizeof *s->lines[i]);
}

/* Once. */
static void tell_dropped(berthi_services *s)
{
    static const char dropped[] = "it writes more than it may: the rest is dropped";

    if (!s->has_dropped && s->owner.report != NULL)
        report(s, BERTH_LOG_WARNING, dropped, sizeof dropped - 1);
    s->has_dropped = true;
}

void berthi_services_log(berthi_services *s, int32_t level, const char *text, size_t size)
{
    size_t part;

    if (s->owner.report == NULL)
        return;
    /* The end of a line counts, too: there is a bound to empty ones. */
    if (size >= s->output_left) {
        tell_dropped(s);
        if (s->output_left == 0)
            return;
        size = (size_t)s->output_left - 1;
    }
    s->output_left -= size + 1;
    do {
        part = size < LINE_BYTES ? size : LINE_BYTES;
        report(s, level, text, part);
        text += part;
        size -= part;
    } while (size > 0);
}

static berthi_code add_to_line(berthi_services *s, int32_t stream, const char *text,
                               size_t size)
{
    struct berthi_line **line = &s->lines[stream - 1];

    if (s->owner.report == NULL)
        return BERTHI_CODE_OK;
    if (*line == NULL)
        *line = berthi_zalloc(s->allocator, sizeof **line);
    if (*line == NULL)
        return BERTHI_CODE_NO_MEMORY;
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '\n' || (*line)->size == LINE_BYTES)
            end_line(s, stream);
        if (text[i] != '\n')
            (*line)->bytes[(*line)->size++] = text[i];
    }
    return BERTHI_CODE_OK;
}

/* ---------------------------------------------------------------- output */

typedef struct stdio_output {
    berthi_output output;
    int32_t stream;
    bool is_process; /* the stream of this process */
} stdio_output;

static berthi_right right_of(int32_t stream)
{
    return stream == BERTH_OUTPUT_STDERR ? BERTHI_RIGHT_STDERR : BERTHI_RIGHT_STDOUT;
}

/* Who reads it has gone: that is the end of a stream, no failure. */
static berthi_code code_of_stream(berthi_code code)
{
    return code == BERTHI_CODE_PIPE ? BERTHI_CODE_CLOSED : code;
}

static berthi_code check_output(berthi_output *output, size_t *room_out)
{
    const stdio_output *o = (const stdio_output *)output;
    berthi_services *s = output->object.services;
    size_t none = 0;
    berthi_code code;

    if (!berthi_grants_has(s->grants, right_of(o->stream)))
        return BERTHI_CODE_CLOSED;
    *room_out = ROOM;
    if (!o->is_process)
        return BERTHI_CODE_OK;
    if (s->output_left == 0) {
        tell_dropped(s);
        return BERTHI_CODE_CLOSED;
    }
    code = berthi_stdio_write(o->stream, "", &none);
    *room_out = s->output_left < BERTHI_STDIO_ROOM ? (size_t)s->output_left : BERTHI_STDIO_ROOM;
    if (code == BERTHI_CODE_WOULD_BLOCK)
        *room_out = 0;
    return code == BERTHI_CODE_WOULD_BLOCK ? BERTHI_CODE_OK : code_of_stream(code);
}

/* Both streams were asked for room, perhaps, before one of them took all that was left. */
static berthi_code write_process(stdio_output *o, const void *from, size_t size)
{
    berthi_services *s = o->output.object.services;
    size_t done = size;
    berthi_code code;

    if (size > s->output_left) {
        tell_dropped(s);
        return BERTHI_CODE_CLOSED;
    }
    s->output_left -= size;
    code = berthi_stdio_write(o->stream, from, &done);
    return code == BERTHI_CODE_OK && done != size ? BERTHI_CODE_IO : code_of_stream(code);
}

static berthi_code write_output(berthi_output *output, const void *from, size_t size)
{
    stdio_output *o = (stdio_output *)output;
    berthi_services *s = output->object.services;
    const berth_grants_options *opt = berthi_grants_options(s->grants);

    if (!berthi_grants_has(s->grants, right_of(o->stream)))
        return BERTHI_CODE_CLOSED;
    if (o->is_process)
        return write_process(o, from, size);
    if (size > s->output_left) {
        size = (size_t)s->output_left;
        tell_dropped(s);
    }
    s->output_left -= size;
    if (size == 0)
        return BERTHI_CODE_OK;
    if (opt->output == NULL)
        return add_to_line(s, o->stream, from, size);
    return opt->output(opt->output_ctx, o->stream, s->owner.plugin, from, size) == 0
               ? BERTHI_CODE_OK
               : BERTHI_CODE_CLOSED;
}

static void look_at_output(berthi_object *object, berthi_wait *wait)
{
    const stdio_output *o = (const stdio_output *)object;

    wait->is_ready = !o->is_process;
    wait->fd = o->is_process ? o->stream : -1;
    wait->for_write = true;
}

static const berthi_object_class output_class = { "output-stream", sizeof(stdio_output), NULL,
                                                  look_at_output };
static const berthi_output_ops output_ops = { check_output, write_output, NULL };

bool berthi_services_has_process_stdio(const berthi_services *s)
{
    return (berthi_grants_options(s->grants)->flags & BERTH_GRANTS_PROCESS_STDIO) != 0;
}

berthi_output *berthi_services_output(berthi_services *s, int32_t stream)
{
    stdio_output *o = berthi_object_make(s, &output_class);

    if (o == NULL)
        return NULL;
    o->output.ops = &output_ops;
    o->stream = stream;
    o->is_process = berthi_services_has_process_stdio(s);
    return &o->output;
}

/* ---------------------------------------------------------------- input */

static berthi_code read_process(void *to, size_t *size_io)
{
    size_t room = *size_io;
    berthi_code code = berthi_stdio_read(0, to, size_io);

    return code == BERTHI_CODE_OK && *size_io == 0 && room != 0 ? BERTHI_CODE_CLOSED : code;
}

static berthi_code read_input(berthi_input *in, void *to, size_t *size_io)
{
    berthi_services *s = in->object.services;
    const berth_grants_options *opt = berthi_grants_options(s->grants);
    size_t left = opt->input_size - s->input_at;

    if (!berthi_grants_has(s->grants, BERTHI_RIGHT_STDIN))
        return BERTHI_CODE_CLOSED;
    if (berthi_services_has_process_stdio(s))
        return read_process(to, size_io);
    if (left == 0)
        return BERTHI_CODE_CLOSED;
    if (*size_io > left)
        *size_io = left;
    memcpy(to, (const uint8_t *)opt->input + s->input_at, *size_io);
    s->input_at += *size_io;
    return BERTHI_CODE_OK;
}

static void look_at_input(berthi_object *object, berthi_wait *wait)
{
    wait->is_ready = !berthi_services_has_process_stdio(object->services) ||
                     !berthi_grants_has(object->services->grants, BERTHI_RIGHT_STDIN);
    wait->fd = wait->is_ready ? -1 : 0;
    wait->for_read = true;
}

static const berthi_object_class input_class = { "input-stream", sizeof(berthi_input), NULL,
                                                 look_at_input };
static const berthi_input_ops input_ops = { read_input, NULL };

berthi_input *berthi_services_input(berthi_services *s)
{
    berthi_input *in = berthi_object_make(s, &input_class);

    if (in != NULL)
        in->ops = &input_ops;
    return in;
}
