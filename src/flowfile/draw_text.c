/* draw_text.c - a flow as lines of text: each stage, and below it where its records go.  Layer: flowfile. */
#include "flowfile/draw.h"

static void put_edge(const ff_drawing *d, uint32_t at, bool is_last, berthi_text_buf *out)
{
    const ff_edge *e = &d->model->edges[at];
    const ff_queue *q = &e->queue;

    berthi_text_buf_puts(out, is_last ? "  └─" : "  ├─");
    if (e->port != NULL)
        berthi_text_buf_putf(out, "[%s]─", e->port);
    berthi_text_buf_putf(out, "▶ %s", e->to);
    if (q->records_max != 0 || q->bytes_max != 0 || q->full != 0 || q->low_percent != 0 ||
        q->rate != 0)
        berthi_text_buf_putf(out, "   queue of %u, %s",
                             q->records_max == 0 ? 256 : q->records_max,
                             berthi_ff_fulls[q->full]);
    if (q->rate != 0)
        berthi_text_buf_putf(out, ", %u/s at most", q->rate);
    if (d->live != NULL) {
        berthi_text_buf_puts(out, "   ");
        berthi_ff_put_short(out, d->live[at].rate);
        berthi_text_buf_puts(out, "/s, ");
        berthi_ff_put_short(out, d->live[at].queued);
        berthi_text_buf_puts(out, " queued");
    }
    berthi_text_buf_puts(out, "\n");
}

void berthi_ff_draw_text(const ff_drawing *d, berthi_text_buf *out)
{
    const ff_model *m = d->model;

    berthi_text_buf_putf(out, "%s%s%s\n", m->name, m->description == NULL ? "" : ": ",
                         m->description == NULL ? "" : m->description);
    for (uint32_t i = 0; i < m->stages_count; i++) {
        const ff_stage *s = &m->stages[d->order[i]];
        uint32_t left = 0;

        berthi_text_buf_putf(out, "%s  (%s, %s)\n", s->name, berthi_ff_roles[s->role],
                             berthi_ff_what(s));
        for (uint32_t e = 0; e < m->edges_count; e++)
            left += m->edges[e].from_stage == d->order[i];
        for (uint32_t e = 0; e < m->edges_count; e++)
            if (m->edges[e].from_stage == d->order[i])
                put_edge(d, e, --left == 0, out);
    }
}
