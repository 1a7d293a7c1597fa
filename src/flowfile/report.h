/* flowfile/report.h - numbers of a loaded flow, read once, and the tables that name them.  Layer: flowfile. */
#ifndef BERTHI_FLOWFILE_REPORT_H
#define BERTHI_FLOWFILE_REPORT_H

#include "flowfile/loaded.h"

typedef struct ff_flow_numbers {
    berth_flow_stats stats;
    uint64_t delivered, errors, dropped, dead_letters, queued, copies, copied_bytes;
} ff_flow_numbers;

typedef struct ff_times {
    uint64_t count, mean, p50, p90, p99, p999, max; /* in nanoseconds */
} ff_times;

typedef struct ff_stage_numbers {
    berth_stage_stats stats;
    ff_times calls, ages;
} ff_stage_numbers;

typedef struct ff_edge_numbers {
    berth_edge_stats stats;
    uint64_t records_max, bytes_max;
    ff_times waits;
} ff_edge_numbers;

typedef struct ff_numbers {
    const berth_loaded_flow *loaded;
    ff_flow_numbers flow;
    ff_stage_numbers *stages;
    berth_slot_stats *slots;
    ff_edge_numbers *edges;
    berth_flows_stats workers;
    berth_runtime_stats runtime;
} ff_numbers;

typedef struct ff_metric {
    const char *key;  /* in JSON */
    const char *name; /* for Prometheus, behind the prefix */
    const char *help;
    bool is_counter; /* only grows; else it is a gauge */
    size_t offset, size;
} ff_metric;

enum {
    FF_OF_FLOW,
    FF_OF_STAGE,
    FF_OF_EDGE,
    FF_OF_SLOT,
    FF_OF_WORKERS,
    FF_OF_RUNTIME,
    FF_THINGS
};

typedef struct ff_things {
    const char *key, *prefix;
    const ff_metric *metrics;
    size_t count;
    const void *(*at)(const ff_numbers *n, uint32_t at); /* NULL: that one has none */
} ff_things;

extern const ff_things berthi_ff_report_things[];

uint64_t berthi_ff_report_value(const ff_metric *metric, const void *of);
/* report_text.c */
void berthi_ff_report_json(const ff_numbers *n, berthi_text_buf *out);
void berthi_ff_report_prometheus(const ff_numbers *n, berthi_text_buf *out);

#endif
