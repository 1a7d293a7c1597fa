/* draw.c - layers by the longest way from a source, and in each layer an order with few crossings.  Layer: flowfile.
 *
 * An edge over several layers has a spot in each of those between, so that it leads around what stands there. */
#include "flowfile/draw.h"

#include <stdlib.h>

enum { SWEEPS = 8 };
#define PASSING 0.4

const char *berthi_ff_what(const ff_stage *stage)
{
    const char *path = stage->plugin != NULL ? stage->plugin : stage->bundle;
    const char *slash = path == NULL ? NULL : strrchr(path, '/');

    if (path == NULL)
        return stage->end == NULL ? "" : stage->end;
    return slash == NULL ? path : slash + 1;
}

void berthi_ff_put_short(berthi_text_buf *out, uint64_t number)
{
    static const char units[] = "kMGTPE";
    double scaled = (double)number;
    int unit = -1;

    while (scaled >= 1000 && unit < 5) {
        scaled /= 1000;
        unit++;
    }
    if (unit < 0)
        berthi_text_buf_putf(out, "%u", (unsigned)number);
    else
        berthi_text_buf_putf(out, "%u.%u%c", (unsigned)scaled, (unsigned)(scaled * 10) % 10,
                             units[unit]);
}

/* Stages in the direction of the edges, each one a layer behind the last that leads to it.  A checked graph has no
 * cycle, so each round places one at least. */
static void find_layers(ff_drawing *d)
{
    const ff_model *m = d->model;
    uint32_t placed = 0;

    for (uint32_t i = 0; i < m->stages_count; i++)
        d->spots[i] = (ff_spot){ i, FF_NONE, 0 };
    while (placed < m->stages_count) {
        uint32_t before = placed;

        for (uint32_t s = 0; s < m->stages_count; s++) {
            uint32_t layer = 0;

            for (uint32_t e = 0; e < m->edges_count && layer != FF_NONE; e++) {
                uint32_t from = m->edges[e].from_stage;

                if (m->edges[e].to_stage != s)
                    continue;
                if (d->spots[from].layer == FF_NONE)
                    layer = FF_NONE;
                else if (layer <= d->spots[from].layer)
                    layer = d->spots[from].layer + 1;
            }
            if (d->spots[s].layer != FF_NONE || layer == FF_NONE)
                continue;
            d->spots[s].layer = layer;
            d->order[placed++] = s;
            if (d->layers < layer + 1)
                d->layers = layer + 1;
        }
        assert(placed > before);
        if (placed == before)
            return;
    }
}

static void add_passing(ff_drawing *d)
{
    const ff_model *m = d->model;

    d->spots_count = m->stages_count;
    for (uint32_t e = 0; e < m->edges_count; e++) {
        uint32_t from = d->spots[m->edges[e].from_stage].layer;
        uint32_t to = d->spots[m->edges[e].to_stage].layer;

        d->first[e] = d->spots_count;
        d->steps[e] = 0;
        for (uint32_t layer = from + 1; layer < to && d->spots_count < FF_SPOTS_MAX; layer++) {
            d->spots[d->spots_count++] = (ff_spot){ FF_NONE, layer, 0 };
            d->steps[e]++;
        }
    }
}

/* The spot of an edge at a step: 0 is its first end. */
static uint32_t spot_at(const ff_drawing *d, uint32_t edge, uint32_t step)
{
    if (step == 0)
        return d->model->edges[edge].from_stage;
    return step <= d->steps[edge] ? d->first[edge] + step - 1 : d->model->edges[edge].to_stage;
}

/* Each spot wants to stand in the middle of those that it is joined to in the layer beside. */
static void wish(const ff_drawing *d, bool forward, double *sums, uint32_t *counts)
{
    memset(sums, 0, d->spots_count * sizeof *sums);
    memset(counts, 0, d->spots_count * sizeof *counts);
    for (uint32_t e = 0; e < d->model->edges_count; e++)
        for (uint32_t step = 0; step <= d->steps[e]; step++) {
            uint32_t a = spot_at(d, e, step), b = spot_at(d, e, step + 1);
            uint32_t moved = forward ? b : a, still = forward ? a : b;

            sums[moved] += d->spots[still].place;
            counts[moved]++;
        }
}

/* Puts the spots of a layer below each other in the order of their wishes; `in` has room for all spots. */
static void settle(ff_drawing *d, uint32_t layer, const double *wishes, uint32_t *in)
{
    uint32_t count = 0;
    double at = 0;

    for (uint32_t i = 0; i < d->spots_count; i++) {
        uint32_t k = count;

        if (d->spots[i].layer != layer)
            continue;
        for (; k > 0 && wishes[in[k - 1]] > wishes[i]; k--)
            in[k] = in[k - 1];
        in[k] = i;
        count++;
    }
    for (uint32_t k = 0; k < count; k++) {
        double size = d->spots[in[k]].stage == FF_NONE ? PASSING : 1;

        d->spots[in[k]].place = at + size / 2;
        at += size;
    }
    /* Around the middle, so that a layer of one stands beside the middle of its neighbours. */
    for (uint32_t k = 0; k < count; k++)
        d->spots[in[k]].place -= at / 2;
    if (d->height < at)
        d->height = at;
}

bool berthi_ff_lay_out(ff_drawing *d, berthi_arena *arena)
{
    const ff_model *m = d->model;
    uint32_t *counts = berthi_arena_array(arena, FF_SPOTS_MAX, sizeof *counts);
    uint32_t *in = berthi_arena_array(arena, FF_SPOTS_MAX, sizeof *in);
    double *wishes = berthi_arena_array(arena, FF_SPOTS_MAX, sizeof *wishes);

    d->spots = berthi_arena_array(arena, FF_SPOTS_MAX, sizeof *d->spots);
    d->order = berthi_arena_array(arena, m->stages_count + 1, sizeof *d->order);
    d->first = berthi_arena_array(arena, m->edges_count + 1, sizeof *d->first);
    d->steps = berthi_arena_array(arena, m->edges_count + 1, sizeof *d->steps);
    if (counts == NULL || in == NULL || wishes == NULL || d->spots == NULL ||
        d->order == NULL || d->first == NULL || d->steps == NULL)
        return false;
    find_layers(d);
    add_passing(d);
    for (uint32_t i = 0; i < d->spots_count; i++)
        wishes[i] = i;
    for (uint32_t layer = 0; layer < d->layers; layer++)
        settle(d, layer, wishes, in);
    for (unsigned sweep = 0; sweep < SWEEPS; sweep++) {
        bool forward = sweep % 2 == 0;

        for (uint32_t n = 0; n < d->layers; n++) {
            wish(d, forward, wishes, counts);
            for (uint32_t i = 0; i < d->spots_count; i++)
                wishes[i] = counts[i] == 0 ? d->spots[i].place : wishes[i] / counts[i];
            settle(d, forward ? n : d->layers - 1 - n, wishes, in);
        }
    }
    return true;
}

berth_status berth_flow_file_draw(const berth_flow_file *file, uint32_t form,
                                  const berth_flow_live *live, berth_arena *arena,
                                  const char **text_out)
{
    ff_drawing d = { .model = &file->model, .live = live };
    berthi_arena scratch;
    berthi_text_buf out;
    char *copy = NULL;

    if (form != BERTH_FLOW_DRAW_TEXT && form != BERTH_FLOW_DRAW_SVG)
        return BERTH_E_INVALID;
    berthi_arena_init(&scratch, &file->allocator, SIZE_MAX);
    berthi_text_buf_init(&out, &file->allocator);
    if (berthi_ff_lay_out(&d, &scratch)) {
        if (form == BERTH_FLOW_DRAW_SVG)
            berthi_ff_draw_svg(&d, &out);
        else
            berthi_ff_draw_text(&d, &out);
        if (!out.has_failed)
            copy = berth_arena_alloc(arena, out.size + 1);
    }
    if (copy != NULL) {
        memcpy(copy, out.data, out.size + 1);
        *text_out = copy;
    }
    berthi_text_buf_fini(&out);
    berthi_arena_fini(&scratch);
    return copy == NULL ? BERTH_E_NOMEM : BERTH_OK;
}
