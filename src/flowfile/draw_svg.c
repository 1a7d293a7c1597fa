/* draw_svg.c - a flow as a picture: from left to right, queues as thick lines, and when it runs their rates and how
 * full they are.  Light and dark by what the viewer prefers.  Layer: flowfile. */
#include "flowfile/draw.h"

enum {
    BOX_WIDTH = 168,
    BOX_HEIGHT = 52,
    LAYER_WIDTH = 268,
    ROW_HEIGHT = 84,
    MARGIN = 28,
    HEAD = 44,
    NAME_SHOWN = 20,
    WHAT_SHOWN = 26
};

static const char style[] =
    "<style>\n"
    "  text { font-family: ui-sans-serif, system-ui, sans-serif; font-size: 14px; fill: "
    "#1f2933 }\n"
    "  .title { font-size: 17px; font-weight: 600 } .name { font-weight: 600 }\n"
    "  .what, .port, .rate { font-size: 11px; fill: #616e7c }\n"
    "  .port, .rate { paint-order: stroke; stroke: #ffffff; stroke-width: 4px }\n"
    "  .rate { fill: #1f2933; font-variant-numeric: tabular-nums }\n"
    "  .paper { fill: #ffffff } .box { fill: #f5f7fa; stroke: #9aa5b1 }\n"
    "  .edge { fill: none; stroke: #9aa5b1; stroke-width: 1.5 } .queue { stroke-width: 4 }\n"
    "  .full0 { stroke: #3ebd93 } .full1 { stroke: #f0b429 } .full2 { stroke: #e12d39 }\n"
    "  .source { fill: #2186eb } .processor { fill: #8719e0 } .filter { fill: #0f9f92 }\n"
    "  .router { fill: #f0b429 } .aggregator { fill: #da127d } .sink { fill: #3ebd93 }\n"
    "  @media (prefers-color-scheme: dark) {\n"
    "    text, .rate { fill: #f5f7fa } .what, .port { fill: #9aa5b1 }\n"
    "    .port, .rate { stroke: #1a1f26 } .paper { fill: #1a1f26 }\n"
    "    .box { fill: #262d36; stroke: #616e7c }\n"
    "  }\n"
    "</style>\n";

/* At most `most` characters, with what XML wants written otherwise. */
static void put_text(berthi_text_buf *out, const char *text, size_t most)
{
    size_t shown = 0;

    for (const char *c = text; *c != '\0'; c++) {
        bool starts = ((unsigned char)*c & 0xc0) != 0x80;

        if (starts && shown++ == most) {
            berthi_text_buf_puts(out, "…");
            return;
        }
        switch (*c) {
        case '<':
            berthi_text_buf_puts(out, "&lt;");
            break;
        case '>':
            berthi_text_buf_puts(out, "&gt;");
            break;
        case '&':
            berthi_text_buf_puts(out, "&amp;");
            break;
        case '"':
            berthi_text_buf_puts(out, "&quot;");
            break;
        default:
            berthi_text_buf_put(out, c, 1);
        }
    }
}

static int left_of(const ff_spot *spot)
{
    return MARGIN + (int)spot->layer * LAYER_WIDTH;
}

static int middle_of(const ff_drawing *d, const ff_spot *spot)
{
    return HEAD + MARGIN + (int)((spot->place + d->height / 2) * ROW_HEIGHT);
}

static const char *class_of(const ff_drawing *d, uint32_t at)
{
    const ff_queue *q = &d->model->edges[at].queue;
    const berth_flow_live *live = d->live == NULL ? NULL : &d->live[at];

    if (q->records_max == 0 && q->bytes_max == 0 && q->full == 0 && q->low_percent == 0 &&
        q->rate == 0)
        return "edge";
    if (live == NULL || live->queued_max == 0)
        return "edge queue";
    if (live->queued * 2 < live->queued_max)
        return "edge queue full0";
    return live->queued * 10 < live->queued_max * 9 ? "edge queue full1" : "edge queue full2";
}

static void put_label(const ff_drawing *d, uint32_t at, int x, int y, berthi_text_buf *out)
{
    const ff_edge *e = &d->model->edges[at];
    const berth_flow_live *live = d->live == NULL ? NULL : &d->live[at];

    if (live != NULL) {
        berthi_text_buf_putf(
            out, "<text class=\"rate\" x=\"%d\" y=\"%d\" text-anchor=\"middle\">", x, y - 7);
        berthi_ff_put_short(out, live->rate);
        berthi_text_buf_puts(out, "/s");
        if (live->queued_max != 0)
            berthi_text_buf_putf(out, " · %u %%",
                                 (unsigned)(live->queued * 100 / live->queued_max));
        berthi_text_buf_puts(out, "</text>\n");
    }
    if (e->port == NULL)
        return;
    berthi_text_buf_putf(out, "<text class=\"port\" x=\"%d\" y=\"%d\" text-anchor=\"middle\">",
                         x, live == NULL ? y - 7 : y + 15);
    put_text(out, e->port, WHAT_SHOWN);
    berthi_text_buf_puts(out, "</text>\n");
}

static void put_edge(const ff_drawing *d, uint32_t at, berthi_text_buf *out)
{
    const ff_edge *e = &d->model->edges[at];
    const ff_spot *from = &d->spots[e->from_stage], *to = &d->spots[e->to_stage];
    int x = left_of(from) + BOX_WIDTH, y = middle_of(d, from), first_x = x, first_y = y;

    berthi_text_buf_putf(out, "<path class=\"%s\" marker-end=\"url(#tip)\" d=\"M%d %d",
                         class_of(d, at), x, y);
    for (uint32_t step = 0; step <= d->steps[at]; step++) {
        const ff_spot *next = step < d->steps[at] ? &d->spots[d->first[at] + step] : to;
        int next_x = left_of(next) - (next == to ? 9 : 0), next_y = middle_of(d, next);
        int bend = (next_x - x) / 2;

        berthi_text_buf_putf(out, " C%d %d %d %d %d %d", x + bend, y, next_x - bend, next_y,
                             next_x, next_y);
        if (step == 0) {
            first_x = (x + next_x) / 2;
            first_y = (y + next_y) / 2;
        }
        x = next_x + (next == to ? 0 : BOX_WIDTH);
        y = next_y;
        if (next != to)
            berthi_text_buf_putf(out, " L%d %d", x, y);
    }
    berthi_text_buf_puts(out, "\"/>\n");
    put_label(d, at, first_x, first_y, out);
}

static void put_stage(const ff_drawing *d, uint32_t at, berthi_text_buf *out)
{
    const ff_stage *s = &d->model->stages[at];
    int x = left_of(&d->spots[at]), y = middle_of(d, &d->spots[at]) - BOX_HEIGHT / 2;

    berthi_text_buf_putf(out,
                         "<rect class=\"box\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" "
                         "rx=\"7\"/>\n<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"5\" "
                         "height=\"%d\" rx=\"2.5\"/>\n<text class=\"name\" x=\"%d\" y=\"%d\">",
                         x, y, BOX_WIDTH, BOX_HEIGHT, berthi_ff_roles[s->role], x, y,
                         BOX_HEIGHT, x + 16, y + 22);
    put_text(out, s->name, NAME_SHOWN);
    berthi_text_buf_putf(out, "</text>\n<text class=\"what\" x=\"%d\" y=\"%d\">%s", x + 16,
                         y + 40, berthi_ff_roles[s->role]);
    if (berthi_ff_what(s)[0] != '\0')
        berthi_text_buf_puts(out, " · ");
    put_text(out, berthi_ff_what(s), WHAT_SHOWN - 9);
    berthi_text_buf_puts(out, "</text>\n");
}

void berthi_ff_draw_svg(const ff_drawing *d, berthi_text_buf *out)
{
    const ff_model *m = d->model;
    int width = 2 * MARGIN + (int)d->layers * LAYER_WIDTH - (LAYER_WIDTH - BOX_WIDTH);
    int height = 2 * MARGIN + HEAD + (int)(d->height * ROW_HEIGHT);

    berthi_text_buf_putf(out,
                         "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
                         "viewBox=\"0 0 %d %d\">\n",
                         width, height, width, height);
    berthi_text_buf_puts(out, style);
    berthi_text_buf_puts(out,
                         "<defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"1\" refY=\"4\" "
                         "markerWidth=\"9\" markerHeight=\"9\" markerUnits=\"userSpaceOnUse\" "
                         "orient=\"auto\"><path d=\"M0 0 L8 4 L0 8 z\" fill=\"#9aa5b1\"/>"
                         "</marker></defs>\n<rect class=\"paper\" width=\"100%\" "
                         "height=\"100%\"/>\n<text class=\"title\" x=\"28\" y=\"36\">");
    put_text(out, m->name, 64);
    berthi_text_buf_puts(out, "</text>\n");
    for (uint32_t i = 0; i < m->edges_count; i++)
        put_edge(d, i, out);
    for (uint32_t i = 0; i < m->stages_count; i++)
        put_stage(d, i, out);
    berthi_text_buf_puts(out, "</svg>\n");
}
