/* exchange.c - bodies both ways, and how an exchange ends.  Layer: listen. */
#include "listen/exchange.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "os/clock.h"
#include "os/wait.h"
#include "service/http/fields.h"

enum { ROOM_FIRST = 1024 };
#define NS_PER_S UINT64_C(1000000000)

static const berth_allocator *heap_of(const berthi_exchange *x)
{
    return x->listener->options.allocator;
}

/* ---------------------------------------------------------------- bytes */

static bool grow(berthi_exchange *x, berthi_body *body, size_t size)
{
    berthi_listener *l = x->listener;
    size_t left = body->end - body->at, room = body->room == 0 ? ROOM_FIRST : body->room;
    uint8_t *data;

    while (room - left < size)
        room *= 2;
    if (room != body->room) {
        if (room - body->room > l->options.bytes_max - l->bytes)
            return false;
        data = berthi_alloc(heap_of(x), room);
        if (data == NULL)
            return false;
        l->bytes += room - body->room;
    } else {
        data = body->data;
    }
    if (left != 0)
        memmove(data, body->data + body->at, left);
    if (data != body->data)
        berthi_free(heap_of(x), body->data, body->room);
    *body = (berthi_body){ data, 0, left, room };
    return true;
}

bool berthi_body_put(berthi_exchange *x, berthi_body *body, const void *data, size_t size)
{
    if (size > body->room - body->end && !grow(x, body, size))
        return false;
    memcpy(body->data + body->end, data, size);
    body->end += size;
    return true;
}

static void empty(berthi_exchange *x, berthi_body *body)
{
    berthi_free(heap_of(x), body->data, body->room);
    x->listener->bytes -= body->room;
    *body = (berthi_body){ NULL, 0, 0, 0 };
}

void berthi_body_take(berthi_exchange *x, berthi_body *body, size_t size)
{
    body->at += size;
    if (body->at == body->end)
        empty(x, body);
}

/* ---------------------------------------------------------------- fields */

/* What is between two neighbours and not between the two ends, or is no field. */
static bool is_hop(const berth_http_field *f)
{
    return berthi_http_check_name(f->name.text, f->name.size) != BERTHI_FIELDS_OK;
}

static char *put_text(char **to, berth_string s)
{
    char *text = *to;

    if (s.size != 0)
        memcpy(text, s.text, s.size);
    text[s.size] = '\0';
    *to += s.size + 1;
    return text;
}

bool berthi_lines_copy(const berth_allocator *a, const berth_http_field *from, size_t count,
                       berthi_lines *to)
{
    size_t bytes = count * sizeof *from, kept = 0;
    char *at;

    if (count == 0)
        return true;
    for (size_t i = 0; i < count; i++)
        bytes += from[i].name.size + from[i].value.size + 2;
    to->fields = berthi_alloc(a, bytes);
    if (to->fields == NULL)
        return false;
    at = (char *)(to->fields + count);
    for (size_t i = 0; i < count; i++) {
        if (is_hop(&from[i]))
            continue;
        to->fields[kept++] = (berth_http_field){
            { put_text(&at, from[i].name), from[i].name.size },
            { put_text(&at, from[i].value), from[i].value.size },
        };
    }
    to->count = kept;
    to->bytes = bytes;
    return true;
}

static void free_lines(const berth_allocator *a, berthi_lines *lines)
{
    berthi_free(a, lines->fields, lines->bytes);
}

/* ---------------------------------------------------------------- a life */

berthi_exchange *berthi_exchange_make(berthi_listener *l, const char *target)
{
    const berth_allocator *a = l->options.allocator;
    berthi_exchange *x = berthi_zalloc(a, sizeof *x);

    if (x == NULL)
        return NULL;
    x->listener = l;
    x->refs = 1;
    x->in_fd = x->out_fd = -1;
    x->began_ns = berthi_clock_ns();
    x->target_room = strlen(target) + 1;
    x->target = berthi_strndup(a, target, x->target_room - 1);
    if (x->target != NULL)
        return x;
    berthi_free(a, x, sizeof *x);
    return NULL;
}

void berthi_exchange_ref(berthi_exchange *x)
{
    x->refs++;
}

static void destroy(berthi_exchange *x)
{
    const berth_allocator *a = heap_of(x);

    berthi_latch_close(x->in_fd);
    berthi_latch_close(x->out_fd);
    free_lines(a, &x->fields);
    free_lines(a, &x->trailers);
    free_lines(a, &x->answer);
    free_lines(a, &x->footers);
    berthi_free(a, x->target, x->target_room);
    if (x->method != NULL)
        berthi_free(a, x->method, strlen(x->method) + 1);
    if (x->authority != NULL)
        berthi_free(a, x->authority, strlen(x->authority) + 1);
    berthi_free(a, x, sizeof *x);
}

static void unref_locked(berthi_exchange *x)
{
    if (--x->refs != 0)
        return;
    empty(x, &x->in);
    empty(x, &x->out);
    destroy(x);
}

void berthi_exchange_unref(berthi_exchange *x)
{
    berthi_listener *l = x->listener;

    berthi_lock_take(&l->lock);
    unref_locked(x);
    berthi_lock_drop(&l->lock);
}

static void list_kicked(berthi_exchange *x)
{
    berthi_listener *l = x->listener;

    if (x->is_kicked)
        return;
    x->is_kicked = true;
    berthi_exchange_ref(x);
    x->next_kicked = l->kicked;
    l->kicked = x;
    berthi_latch_set(l->latch);
}

void berthi_exchange_kick(berthi_exchange *x)
{
    if (!x->is_gone)
        list_kicked(x);
}

void berthi_exchange_settle(berthi_exchange *x)
{
    berthi_listener *l = x->listener;
    berthi_exchange_sums sums = { .status = x->told, .took_ns = x->took_ns };
    bool is_over;

    berthi_lock_take(&l->lock);
    is_over = x->is_gone && !x->is_held && !x->is_settled;
    sums.bytes_in = x->bytes_in;
    sums.bytes_out = x->bytes_out;
    sums.note = x->note;
    if (is_over)
        l->living--;
    berthi_lock_drop(&l->lock);
    if (!is_over)
        return;
    x->is_settled = true;
    if (l->options.ops->log != NULL && x->has_begun)
        l->options.ops->log(l->options.ctx, x, &sums);
}

/* ---------------------------------------------------------------- what is asked */

static bool is_over(const berthi_exchange *x)
{
    return x->is_gone || x->is_broken;
}

static size_t room_left(const berthi_exchange *x)
{
    const berthi_listener_options *o = &x->listener->options;
    size_t held = x->out.end - x->out.at;
    /* libmicrohttpd begins an answer behind the request's end: until then it has to be held. */
    uint64_t room =
        x->is_whole || o->body_max < BERTHI_ANSWER_ROOM ? BERTHI_ANSWER_ROOM : o->body_max;
    return held >= room ? 0 : (size_t)room - held;
}

static void show(int fd, bool is_ready)
{
    if (fd < 0)
        return;
    if (is_ready)
        berthi_latch_set(fd);
    else
        berthi_latch_clear(fd);
}

void berthi_exchange_stir(berthi_exchange *x)
{
    show(x->in_fd, x->in.at != x->in.end || x->is_whole || is_over(x));
    show(x->out_fd, room_left(x) != 0 || is_over(x));
}

const berth_http_request *berthi_exchange_request(const berthi_exchange *x)
{
    return &x->request;
}

berth_string berthi_exchange_field(const berthi_exchange *x, const char *name)
{
    for (size_t i = 0; i < x->fields.count; i++)
        if (strcasecmp(x->fields.fields[i].name.text, name) == 0)
            return x->fields.fields[i].value;
    return (berth_string){ "", 0 };
}

const char *berthi_exchange_peer(const berthi_exchange *x)
{
    return x->peer;
}

void berthi_exchange_note(berthi_exchange *x, uint64_t note)
{
    berthi_lock_take(&x->listener->lock);
    x->note = note;
    berthi_lock_drop(&x->listener->lock);
}

const void *berthi_exchange_body(const berthi_exchange *x, size_t *size_out)
{
    *size_out = x->in.end - x->in.at;
    return x->in.data == NULL ? "" : (const char *)x->in.data + x->in.at;
}

berthi_code berthi_exchange_read(berthi_exchange *x, void *to, size_t *size_io)
{
    berthi_code code = BERTHI_CODE_OK;
    size_t size;

    berthi_lock_take(&x->listener->lock);
    size = x->in.end - x->in.at < *size_io ? x->in.end - x->in.at : *size_io;
    if (size != 0) {
        memcpy(to, x->in.data + x->in.at, size);
        berthi_body_take(x, &x->in, size);
        berthi_exchange_kick(x);
    } else if (!x->is_whole) {
        code = is_over(x) ? BERTHI_CODE_CLOSED : BERTHI_CODE_WOULD_BLOCK;
    }
    if (code == BERTHI_CODE_OK)
        *size_io = size;
    berthi_exchange_stir(x);
    berthi_lock_drop(&x->listener->lock);
    return code;
}

const berth_http_field *berthi_exchange_trailers(const berthi_exchange *x, size_t *count_out)
{
    *count_out = x->trailers.count;
    return x->trailers.fields;
}

int berthi_exchange_fds(berthi_exchange *x, int *in_out, int *out_out)
{
    int in, code = berthi_latch_open(&in);

    if (code != 0)
        return code;
    code = berthi_latch_open(out_out);
    if (code != 0) {
        berthi_latch_close(in);
        return code;
    }
    *in_out = in;
    berthi_lock_take(&x->listener->lock);
    x->in_fd = in;
    x->out_fd = *out_out;
    berthi_exchange_stir(x);
    berthi_lock_drop(&x->listener->lock);
    return 0;
}

/* ---------------------------------------------------------------- what is answered */

/* How long the body is, where one of the fields says so; libmicrohttpd writes that field itself. */
static void find_length(berthi_exchange *x)
{
    size_t kept = 0;

    for (size_t i = 0; i < x->answer.count; i++) {
        const berth_http_field *f = &x->answer.fields[i];
        uint64_t length = 0;
        bool is_number = f->value.size != 0 && f->value.size < 19;

        if (f->name.size != 14 || strcasecmp(f->name.text, "content-length") != 0) {
            x->answer.fields[kept++] = *f;
            continue;
        }
        for (size_t k = 0; k < f->value.size; k++) {
            is_number = is_number && f->value.text[k] >= '0' && f->value.text[k] <= '9';
            length = length * 10 + (uint64_t)(f->value.text[k] - '0');
        }
        x->says_length = is_number;
        x->length = length;
    }
    x->answer.count = kept;
}

/* Under the lock, as the next three.  Takes the lines when it succeeds. */
static berth_status begin(berthi_exchange *x, uint16_t status, const berthi_lines *lines)
{
    if (is_over(x) || x->status != 0)
        return BERTH_E_CLOSED;
    x->answer = *lines;
    find_length(x);
    x->status = status;
    berthi_exchange_kick(x);
    return BERTH_OK;
}

static berth_status put(berthi_exchange *x, const void *data, size_t size)
{
    if (is_over(x) || x->is_ended)
        return BERTH_E_CLOSED;
    if ((size > x->offered && size > room_left(x)) || !berthi_body_put(x, &x->out, data, size))
        return BERTH_E_LIMIT;
    x->offered -= size < x->offered ? size : x->offered;
    berthi_exchange_kick(x);
    return BERTH_OK;
}

static berth_status end(berthi_exchange *x, const berthi_lines *lines)
{
    if (is_over(x))
        return BERTH_E_CLOSED;
    x->footers = *lines;
    x->is_ended = true;
    berthi_exchange_kick(x);
    return BERTH_OK;
}

static void break_off(berthi_exchange *x)
{
    x->is_broken = true;
    berthi_exchange_kick(x);
}

berth_status berthi_exchange_begin(berthi_exchange *x, uint16_t status,
                                   const berth_http_field *fields, size_t count)
{
    berthi_lines lines = { NULL, 0, 0 };
    berth_status told;

    if (!berthi_lines_copy(heap_of(x), fields, count, &lines))
        return BERTH_E_NOMEM;
    berthi_lock_take(&x->listener->lock);
    told = begin(x, status, &lines);
    berthi_lock_drop(&x->listener->lock);
    if (told != BERTH_OK)
        free_lines(heap_of(x), &lines);
    return told;
}

size_t berthi_exchange_room(berthi_exchange *x)
{
    size_t room;

    berthi_lock_take(&x->listener->lock);
    room = is_over(x) ? BERTHI_ANSWER_ROOM : room_left(x); /* write() says that it has gone */
    if (room > BERTHI_ANSWER_ROOM)
        room = BERTHI_ANSWER_ROOM;
    if (room < x->offered)
        room = x->offered;
    x->offered = room;
    berthi_exchange_stir(x);
    berthi_lock_drop(&x->listener->lock);
    return room;
}

berth_status berthi_exchange_write(berthi_exchange *x, const void *data, size_t size)
{
    berth_status status;

    berthi_lock_take(&x->listener->lock);
    status = put(x, data, size);
    berthi_lock_drop(&x->listener->lock);
    return status;
}

berth_status berthi_exchange_end(berthi_exchange *x, const berth_http_field *trailers,
                                 size_t count)
{
    berthi_lines lines = { NULL, 0, 0 };
    berth_status status;

    if (!berthi_lines_copy(heap_of(x), trailers, count, &lines))
        return BERTH_E_NOMEM;
    berthi_lock_take(&x->listener->lock);
    status = end(x, &lines);
    berthi_lock_drop(&x->listener->lock);
    if (status != BERTH_OK)
        free_lines(heap_of(x), &lines);
    return status;
}

size_t berthi_answer_fields(const berthi_listener *l, uint16_t status, bool has_text,
                            char after[BERTHI_AFTER_TEXT],
                            berth_http_field fields[BERTHI_ANSWER_FIELDS])
{
    uint64_t after_ns = l->options.retry_after_ns;
    size_t count = 0;

    if (has_text)
        fields[count++] =
            (berth_http_field){ { "Content-Type", 12 }, { "text/plain; charset=utf-8", 25 } };
    if (status == 503) {
        int n = snprintf(after, BERTHI_AFTER_TEXT, "%llu",
                         (unsigned long long)((after_ns + NS_PER_S - 1) / NS_PER_S));

        fields[count++] = (berth_http_field){ { "Retry-After", 11 }, { after, (size_t)n } };
    }
    if (status == 405)
        fields[count++] = (berth_http_field){ { "Allow", 5 }, { "POST", 4 } };
    return count;
}

void berthi_exchange_answer(berthi_exchange *x, uint16_t status, const char *text)
{
    berthi_lines lines = { NULL, 0, 0 }, none = { NULL, 0, 0 };
    berth_http_field fields[BERTHI_ANSWER_FIELDS];
    char after[BERTHI_AFTER_TEXT];
    size_t size = strlen(text);
    size_t count = berthi_answer_fields(x->listener, status, size != 0, after, fields);
    bool has_lines = berthi_lines_copy(heap_of(x), fields, count, &lines);
    berth_status told;

    berthi_lock_take(&x->listener->lock);
    told = has_lines ? begin(x, status, &lines) : BERTH_E_NOMEM;
    if (told == BERTH_OK && size != 0)
        (void)put(x, text, size); /* others' bodies may leave no room for it */
    if (told == BERTH_OK)
        told = end(x, &none); /* all at once: its length is known */
    else
        free_lines(heap_of(x), &lines);
    if (told == BERTH_E_NOMEM)
        break_off(x);
    berthi_lock_drop(&x->listener->lock);
}

void berthi_exchange_drop(berthi_exchange *x)
{
    berthi_listener *l = x->listener;

    berthi_lock_take(&l->lock);
    x->is_held = false;
    if (!x->is_ended && !x->is_broken)
        break_off(x);
    if (x->is_gone) /* it waited for this to be settled */
        list_kicked(x);
    unref_locked(x);
    berthi_lock_drop(&l->lock);
}
