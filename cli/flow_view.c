/* flow_view.c - a flow's numbers as a table that people read.  Layer: cli.
 *
 * The numbers may come from a socket, and so from anybody: names are made safe for a terminal. */
#include <stdarg.h>
#include <string.h>

#include "flow.h"

enum { LINE_ROOM = 256, NAME_ROOM = 48, BAR = 10 };

typedef struct table {
    char *text;
    size_t size, room;
    unsigned columns, rows, lines; /* 0: no bound */
} table;

static uint64_t number(const json_t *of, const char *key)
{
    json_int_t value = json_integer_value(json_object_get(of, key));

    return value < 0 ? 0 : (uint64_t)value;
}

static const char *name(const json_t *of, const char *key, char dst[static NAME_ROOM])
{
    const char *text = json_string_value(json_object_get(of, key));

    cli_clean(dst, NAME_ROOM, text == NULL ? "" : text, false);
    return dst;
}

__attribute__((format(printf, 2, 3))) static void put_line(table *t, const char *format, ...)
{
    char line[LINE_ROOM];
    size_t length;
    va_list args;

    if (t->rows != 0 && t->lines == t->rows)
        return;
    va_start(args, format);
    if (vsnprintf(line, sizeof line, format, args) < 0)
        line[0] = '\0';
    va_end(args);
    length = strlen(line);
    while (length > 0 && line[length - 1] == ' ')
        length--;
    if (t->columns != 0 && length >= t->columns)
        length = t->columns - 1; /* names are ASCII, or were made so */
    if (t->size + length + 2 > t->room) {
        t->room = 2 * t->room + length + 2;
        t->text = cli_realloc(t->text, t->room);
    }
    if (t->lines++ != 0)
        t->text[t->size++] = '\n';
    memcpy(t->text + t->size, line, length);
    t->size += length;
    t->text[t->size] = '\0';
}

/* Five characters at most: 12.3k */
static const char *short_number(uint64_t value, char dst[static 16])
{
    static const char units[] = "kMGTPE";
    double scaled = (double)value;
    unsigned unit = 0;

    if (value < 10000) {
        snprintf(dst, 16, "%u", (unsigned)value);
        return dst;
    }
    while (scaled >= 1000 && unit < sizeof units - 1) {
        scaled /= 1000;
        unit++;
    }
    snprintf(dst, 16, "%.*f%c", scaled < 100 ? 1 : 0, scaled, units[unit - 1]);
    return dst;
}

static const char *short_time(uint64_t ns, char dst[static 16])
{
    if (ns == 0)
        return "-";
    if (ns < 10000)
        snprintf(dst, 16, "%uns", (unsigned)ns);
    else if (ns < 10000000)
        snprintf(dst, 16, "%uus", (unsigned)(ns / 1000));
    else if (ns < UINT64_C(10000000000))
        snprintf(dst, 16, "%ums", (unsigned)(ns / 1000000));
    else
        snprintf(dst, 16, "%llus", (unsigned long long)(ns / 1000000000));
    return dst;
}

/* How full the edges to a stage are, as a bar. */
static void fill_of(const json_t *numbers, const char *stage, char bar[static BAR + 1],
                    uint64_t *queued_out, uint64_t *in_out)
{
    uint64_t queued = 0, most = 0, in = 0;
    size_t index, filled;
    json_t *edge;

    json_array_foreach(json_object_get(numbers, "edges"), index, edge)
    {
        const char *to = json_string_value(json_object_get(edge, "to"));

        if (to == NULL || strcmp(to, stage) != 0)
            continue;
        queued += number(edge, "queued");
        most += number(edge, "records_max");
        in += number(edge, "out");
    }
    filled = most == 0 ? 0 : (size_t)((queued * BAR + most - 1) / most);
    filled = filled > BAR ? BAR : filled;
    memset(bar, '#', filled);
    memset(bar + filled, '.', BAR - filled);
    bar[BAR] = '\0';
    *queued_out = queued;
    *in_out = in;
}

/* Records that a stage is done with: what a source emitted, what others took. */
static uint64_t records_of(const json_t *numbers, const json_t *stage)
{
    const char *label = json_string_value(json_object_get(stage, "stage"));
    const char *role = json_string_value(json_object_get(stage, "role"));
    uint64_t queued, in;
    char bar[BAR + 1];

    if (role != NULL && strcmp(role, "source") == 0)
        return number(stage, "emitted");
    fill_of(numbers, label == NULL ? "" : label, bar, &queued, &in);
    return in;
}

static void put_stage(table *t, const json_t *now, const json_t *before, const json_t *stage,
                      size_t index)
{
    const json_t *was = json_array_get(json_object_get(before, "stages"), index);
    const char *label = json_string_value(json_object_get(stage, "stage"));
    uint64_t ns = number(now, "running_ns") - number(before, "running_ns");
    uint64_t records = records_of(now, stage), queued, in;
    uint64_t more = was == NULL ? records : records - records_of(before, was);
    uint64_t rate = ns == 0 ? 0 : (uint64_t)((double)more * 1e9 / (double)ns);
    char bar[BAR + 1], labels[2][NAME_ROOM], texts[6][16];
    bool is_source = strcmp(name(stage, "role", labels[1]), "source") == 0;

    fill_of(now, label == NULL ? "" : label, bar, &queued, &in);
    put_line(t, "  %-16.32s %-10.10s %7s %8s %7s %7s %7s  %s %s",
             name(stage, "stage", labels[0]), labels[1], short_number(rate, texts[0]),
             short_number(records, texts[1]), short_number(number(stage, "failures"), texts[2]),
             short_time(number(stage, "time_p50_ns"), texts[3]),
             short_time(number(stage, "time_p99_ns"), texts[4]), is_source ? "" : bar,
             is_source ? "" : short_number(queued, texts[5]));
}

char *flow_table(const json_t *now, const json_t *before, unsigned columns, unsigned rows)
{
    table t = { .columns = columns, .rows = rows };
    char names[2][NAME_ROOM], texts[6][16];
    size_t index;
    json_t *stage;

    put_line(&t, "%s: %s, %s records in, %s delivered, %s queued, %s dropped, %s failed calls",
             name(now, "flow", names[0]), name(now, "state", names[1]),
             short_number(number(now, "records"), texts[0]),
             short_number(number(now, "delivered"), texts[1]),
             short_number(number(now, "queued"), texts[2]),
             short_number(number(now, "dropped"), texts[3]),
             short_number(number(now, "errors"), texts[4]));
    put_line(&t, "  %-16s %-10s %7s %8s %7s %7s %7s  %s", "STAGE", "ROLE", "REC/S", "RECORDS",
             "FAILED", "P50", "P99", "QUEUE");
    json_array_foreach(json_object_get(now, "stages"), index, stage)
        put_stage(&t, now, before, stage, index);
    return t.text;
}
