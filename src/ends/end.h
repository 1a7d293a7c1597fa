/* ends/end.h - what all built-in ends share.  Layer: ends.
 *
 * What this directory is: stages that bring records in and take them out.  Read docs/design/0016-ends.md first,
 * then this file and framing.h.
 *
 *   settings.c  the table of kinds, and what settings come to    kinds.c   the table itself, adding ends
 *   framing.c   bytes to records and back                        json_check.c  one JSON text
 *   made.c      generator and null                               file_*.c  files, standard streams
 *   peers.c     connections                                      socket_*.c  TCP, Unix
 *   http_source.c  requests that come                            http_sink.c  requests that go
 *
 * An end is one allocation that begins with a berthi_end; it goes with its stage.  Its functions are those of a
 * stage: never two at a time, on any worker.  Only its counts are read by others.
 */
#ifndef BERTHI_ENDS_END_H
#define BERTHI_ENDS_END_H

#include <stdatomic.h>

#include "base/diag.h"
#include "ends/settings.h"
#include "flow/flow.h"

typedef struct berthi_end_counts { /* one writer each; any thread reads */
    _Atomic(uint64_t) bytes, records, skipped, truncated, malformed, connections, lost,
        rotations, truncations, torn_bytes, refused, retries;
    _Atomic(uint32_t) peers;
} berthi_end_counts;

typedef struct berthi_end {
    const berthi_end_kind *kind;
    const berth_allocator *allocator; /* of the flows */
    berthi_end_values values;
    berthi_end_counts counts;
} berthi_end;

/* ---------------------------------------------------------------- kinds */

extern const berthi_end_kind berthi_end_generator, berthi_end_null, berthi_end_file_source,
    berthi_end_file_sink, berthi_end_stdin, berthi_end_stdout, berthi_end_tcp_source,
    berthi_end_tcp_sink, berthi_end_unix_source, berthi_end_unix_sink, berthi_end_http_source,
    berthi_end_http_sink;

/* The settings that name a framing and its bounds, in the order of the table. */
#define BERTHI_END_AT(field) offsetof(berthi_end_values, field)
#define BERTHI_END_FRAMINGS  "lines|u32le|u32be|varint|json-lines|csv"

/* clang-format off */
#define BERTHI_END_RECORD_MAX                                                                  \
    { "record_max", BERTHI_END_BYTES, NULL, "1MiB", "1", "16MiB", BERTHI_END_AT(record_max),  \
      "bytes of one record, without what frames it" }
#define BERTHI_END_READ_SETTINGS(framings)                                                     \
    { "framing", BERTHI_END_WORDS, framings, "lines", NULL, NULL, BERTHI_END_AT(framing),     \
      "where a record ends" },                                                                 \
    BERTHI_END_RECORD_MAX,                                                                     \
    { "past", BERTHI_END_WORDS, "fail|skip|truncate", "fail", NULL, NULL, BERTHI_END_AT(past), \
      "what happens to a record past `record_max`" },                                          \
    { "malformed", BERTHI_END_WORDS, "fail|skip", "fail", NULL, NULL, BERTHI_END_AT(malformed), \
      "what happens to a record that is no JSON text, or no row" },                            \
    { "header", BERTHI_END_WORDS, "keep|skip", "keep", NULL, NULL, BERTHI_END_AT(header),     \
      "the first row of `csv`: a record, or left out" }
#define BERTHI_END_WRITE_SETTINGS                                                              \
    { "framing", BERTHI_END_WORDS, BERTHI_END_FRAMINGS, "lines", NULL, NULL,                  \
      BERTHI_END_AT(framing), "where a record ends" },                                         \
    BERTHI_END_RECORD_MAX,                                                                     \
    { "past", BERTHI_END_WORDS, "fail|truncate", "fail", NULL, NULL, BERTHI_END_AT(past),     \
      "a record past `record_max` fails, or is cut" }
#define BERTHI_END_SOCKET_SETTINGS                                                             \
    { "mode", BERTHI_END_WORDS, "connect|listen", "connect", NULL, NULL,                      \
      BERTHI_END_AT(listens), "reaches a peer, or lets peers in" },                           \
    { "peers_max", BERTHI_END_NUMBER, NULL, "64", "1", "1024", BERTHI_END_AT(peers_max),      \
      "peers at once, with `listen`; further ones wait to be let in" },                        \
    { "retry", BERTHI_END_TIME, NULL, "100ms", "1ms", "1h", BERTHI_END_AT(retry_ns),          \
      "before it tries again to reach a peer; each further time twice as long" },              \
    { "retry_max", BERTHI_END_TIME, NULL, "30s", "1ms", "1h", BERTHI_END_AT(retry_ns_max),    \
      "at most between two tries" },                                                           \
    { "retries", BERTHI_END_NUMBER, NULL, "0", "0", "1000000", BERTHI_END_AT(retries),        \
      "further tries in a row, then it fails; 0: no end of them" }
/* clang-format on */

/* `past` as the tables above number it. */
enum {
    BERTHI_PAST_FAIL,
    BERTHI_PAST_SKIP,
    BERTHI_PAST_TRUNCATE,
    BERTHI_WRITE_PAST_TRUNCATE = 1
};

/* Rows and JSON texts are not cut. */
berth_status berthi_end_check_read(const berthi_end_kind *kind, const berthi_end_values *values,
                                   berth_diag *diag);
berth_status berthi_end_check_write(const berthi_end_kind *kind,
                                    const berthi_end_values *values, berth_diag *diag);

#endif
