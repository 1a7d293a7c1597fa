/* base/json_writer.h - writing JSON, indented by two spaces, keys in the order they are put.
 * Layer: base.
 *
 * `key` is the member's name inside an object and NULL inside an array (and for the outermost
 * value).  Strings may hold anything: what is not UTF-8 becomes U+FFFD, what is not plain text
 * (utf8.h) becomes \uNNNN, so that the output is safe on a terminal too.
 */
#ifndef BERTHI_BASE_JSON_WRITER_H
#define BERTHI_BASE_JSON_WRITER_H

#include "base/text_buf.h"

enum { BERTHI_JSON_DEPTH_MAX = 16 };

typedef struct berthi_json_writer {
    berthi_text_buf *out; /* lent; its failure is the writer's */
    unsigned depth;
    bool has_members[BERTHI_JSON_DEPTH_MAX];
    char closer[BERTHI_JSON_DEPTH_MAX];
} berthi_json_writer;

void berthi_json_init(berthi_json_writer *w, berthi_text_buf *out);

void berthi_json_object(berthi_json_writer *w, const char *key);
void berthi_json_array(berthi_json_writer *w, const char *key);
void berthi_json_end(berthi_json_writer *w); /* of the innermost object or array */

/* A string with its quotes, by itself. */
void berthi_json_put_string(berthi_text_buf *out, const char *text, size_t size);

void berthi_json_text(berthi_json_writer *w, const char *key, const char *text, size_t size);
void berthi_json_string(berthi_json_writer *w, const char *key,
                        const char *text); /* NULL: null */
void berthi_json_uint(berthi_json_writer *w, const char *key, uint64_t value);
/* A number as it is to be written. */
void berthi_json_number(berthi_json_writer *w, const char *key, const char *number);
void berthi_json_bool(berthi_json_writer *w, const char *key, bool value);
void berthi_json_null(berthi_json_writer *w, const char *key);

#endif
