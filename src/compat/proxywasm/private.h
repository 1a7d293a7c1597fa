/* compat/proxywasm/private.h - what one instance of a filter has, and what its files share.  Layer: compat. */
#ifndef BERTHI_COMPAT_PROXYWASM_PRIVATE_H
#define BERTHI_COMPAT_PROXYWASM_PRIVATE_H

#include <string.h>

#include "admit/family.h"
#include "base/diag.h"

enum { /* what functions answer */
       PW_OK = 0,
       PW_NOT_FOUND = 1,
       PW_BAD_ARGUMENT = 2,
       PW_PARSE_FAILURE = 4,
       PW_INVALID_MEMORY = 6,
       PW_EMPTY = 7,
       PW_CAS_MISMATCH = 8,
       PW_INTERNAL_FAILURE = 10,
       PW_UNIMPLEMENTED = 12
};

enum { /* of one instance, or of one exchange */
       PW_BODY_MAX = 1 << 20,
       PW_FIELDS_MAX = 1024,
       PW_FIELDS_BYTES_MAX = 64 << 10,
       PW_KEYS_MAX = 256, /* of shared data, properties, metrics: each */
       PW_VALUE_MAX = 64 << 10,
       PW_QUEUES_MAX = 16,
       PW_QUEUED_MAX = 64, /* in one queue */
       PW_ROOT = 1         /* the root context's number */
};

enum { PW_REQUEST, PW_REQUEST_TRAILERS, PW_RESPONSE, PW_RESPONSE_TRAILERS, PW_MAPS };

typedef struct berthi_pw_text {
    char *text; /* size + 1 bytes, terminated, held by the services; NULL: empty */
    size_t size;
    size_t room; /* bytes that are held, more than `size` */
} berthi_pw_text;

typedef struct berthi_pw_pair {
    berthi_pw_text name, value;
    uint32_t cas;  /* of shared data */
    uint32_t kind; /* of a metric */
    int64_t number;
} berthi_pw_pair;

/* Pairs in their order; a name may be there several times. */
typedef struct berthi_pw_map {
    berthi_pw_pair *pairs;
    uint32_t count, room;
    size_t bytes;
} berthi_pw_map;

typedef struct berthi_pw_queue {
    berthi_pw_text name;
    berthi_pw_text items[PW_QUEUED_MAX];
    uint32_t first, count;
} berthi_pw_queue;

typedef struct berthi_pw_func {
    berthi_extern func;
    bool is_there;
} berthi_pw_func;

typedef enum berthi_pw_callback {
    PW_ON_CONTEXT_CREATE,
    PW_ON_VM_START,
    PW_ON_CONFIGURE,
    PW_ON_TICK,
    PW_ON_QUEUE_READY,
    PW_ON_REQUEST_HEADERS,
    PW_ON_REQUEST_BODY,
    PW_ON_REQUEST_TRAILERS,
    PW_ON_RESPONSE_HEADERS,
    PW_ON_RESPONSE_BODY,
    PW_ON_RESPONSE_TRAILERS,
    PW_ON_DONE,
    PW_ON_LOG,
    PW_ON_DELETE,
    PW_ON_MEMORY_ALLOCATE,
    PW_CALLBACKS
} berthi_pw_callback;

typedef struct berthi_pw_exchange {
    bool is_live;
    uint32_t context;
    berthi_pw_map maps[PW_MAPS];
    berthi_pw_text bodies[2]; /* the request's, the response's */
    bool is_changed[2];
    bool has_response;    /* of the next one's */
    bool is_continued[2]; /* the plugin said so */
    bool has_local, is_closed;
    bool may_change[2]; /* the plugin is being told of it */
} berthi_pw_exchange;

typedef struct berthi_pw_state {
    bool is_old; /* ABI 0.1.0 */
    bool is_allocating;
    berthi_pw_func callbacks[PW_CALLBACKS];
    uint32_t contexts; /* made so far */
    uint32_t effective;
    uint64_t tick_ns, ticked_ns; /* how often; when last */
    uint32_t log_level;
    berthi_pw_map shared, properties, metrics;
    berthi_pw_queue *queues; /* PW_QUEUES_MAX of them; NULL: none was registered */
    uint32_t queues_count;
    berthi_pw_exchange x;
} berthi_pw_state;

static inline berthi_pw_state *berthi_pw_of(const berthi_guest *g)
{
    return g->state;
}

/* What the plugin is given lies still while it makes room for it (berthi_pw_make_room()): nothing that may be given
 * is changed by its allocator. */
static inline bool berthi_pw_may_change(const berthi_guest *g)
{
    return !berthi_pw_of(g)->is_allocating;
}

/* ---------------------------------------------------------------- texts.c */

/* PW_OK, or PW_INTERNAL_FAILURE: no memory, or the instance has the host keep too much. */
int berthi_pw_text_set(berthi_guest *g, berthi_pw_text *to, const void *from, size_t size);
void berthi_pw_text_end(berthi_guest *g, berthi_pw_text *text);
bool berthi_pw_text_is(const berthi_pw_text *t, const char *name, size_t size);

/* As header fields are found: letters of either case are the same. */
berthi_pw_pair *berthi_pw_map_find(const berthi_pw_map *m, const char *name, size_t size);
/* PW_BAD_ARGUMENT when there are too many. */
int berthi_pw_map_add(berthi_guest *g, berthi_pw_map *m, const char *name, size_t name_size,
                      const void *value, size_t value_size);
int berthi_pw_map_replace(berthi_guest *g, berthi_pw_map *m, const char *name, size_t name_size,
                          const void *value, size_t value_size);
void berthi_pw_map_remove(berthi_guest *g, berthi_pw_map *m, const char *name, size_t size);
void berthi_pw_map_end(berthi_guest *g, berthi_pw_map *m);

/* ---------------------------------------------------------------- memory.c */

typedef struct berthi_pw_view {
    const char *text;
    size_t size;
} berthi_pw_view;

/* What two cells, a pointer and a size, point at.  False: out of bounds (I7). */
bool berthi_pw_in(const berthi_guest *g, const berthi_val *cells, berthi_pw_view *out);
/* A number at `at`; *code is PW_INVALID_MEMORY when it is no place for one, and left alone else. */
void berthi_pw_put32(const berthi_guest *g, uint32_t at, uint32_t value, int *code);
void berthi_pw_put64(const berthi_guest *g, uint32_t at, uint64_t value, int *code);
/* Room that the plugin's allocator makes; NULL and BERTH_OK: it may not be entered now, or `size` is 0. */
berth_status berthi_pw_make_room(berthi_guest *g, size_t size, uint32_t *at_out,
                                 uint8_t **room_out, berth_diag *diag)
    __attribute__((warn_unused_result));
/* Gives a copy of `data`, which is not the plugin's, with its address and size where the two cells point; then
 * *code is what to answer. */
berth_status berthi_pw_give(berthi_guest *g, const void *data, size_t size,
                            const berthi_val *to, int *code, berth_diag *diag)
    __attribute__((warn_unused_result));

/* ---------------------------------------------------------------- functions */

#define PW_HOST(name)                                                                          \
    berth_status name(void *ctx, berthi_wasm_store *store, berthi_val *cells, berth_diag *diag)

static inline berth_status berthi_pw_answer(berthi_val *cells, int code)
{
    cells[0].i32 = code;
    return BERTH_OK;
}

PW_HOST(berthi_pw_get_map_pairs);
PW_HOST(berthi_pw_get_map_size);
PW_HOST(berthi_pw_set_map_pairs);
PW_HOST(berthi_pw_get_map_value);
PW_HOST(berthi_pw_replace_map_value);
PW_HOST(berthi_pw_add_map_value);
PW_HOST(berthi_pw_remove_map_value);
PW_HOST(berthi_pw_get_buffer_bytes);
PW_HOST(berthi_pw_get_buffer_status);
PW_HOST(berthi_pw_set_buffer_bytes);
PW_HOST(berthi_pw_send_local_response);
PW_HOST(berthi_pw_continue_stream);
PW_HOST(berthi_pw_continue_request);
PW_HOST(berthi_pw_continue_response);
PW_HOST(berthi_pw_close_stream);
PW_HOST(berthi_pw_get_property);
PW_HOST(berthi_pw_set_property);
PW_HOST(berthi_pw_get_shared_data);
PW_HOST(berthi_pw_set_shared_data);
PW_HOST(berthi_pw_register_queue);
PW_HOST(berthi_pw_resolve_queue);
PW_HOST(berthi_pw_enqueue);
PW_HOST(berthi_pw_dequeue);
PW_HOST(berthi_pw_define_metric);
PW_HOST(berthi_pw_increment_metric);
PW_HOST(berthi_pw_record_metric);
PW_HOST(berthi_pw_get_metric);

/* Pairs as the ABI writes them.  PW_PARSE_FAILURE, PW_BAD_ARGUMENT (what no field is). */
int berthi_pw_read_pairs(berthi_guest *g, berthi_pw_view from, bool is_response,
                         berthi_pw_map *to);
bool berthi_pw_is_field(bool is_response, bool is_trailer, berthi_pw_view name,
                        berthi_pw_view value);

/* ---------------------------------------------------------------- plugin.c, exchange.c */

/* Calls it with `count` arguments, when it is there; *result, which may be NULL, is what it answered. */
berth_status berthi_pw_call(berthi_guest *g, berthi_pw_callback which, const uint32_t *args,
                            size_t count, uint32_t *result, berth_diag *diag)
    __attribute__((warn_unused_result));
/* Calls the root context's tick when its time has come. */
berth_status berthi_pw_tick(berthi_guest *g, berth_diag *diag)
    __attribute__((warn_unused_result));
berth_status berthi_pw_http(berthi_guest *g, berthi_family_http *http, berth_diag *diag)
    __attribute__((warn_unused_result));
void berthi_pw_exchange_end(berthi_guest *g);

extern const berthi_host_module berthi_pw_module; /* functions.c */

#endif
