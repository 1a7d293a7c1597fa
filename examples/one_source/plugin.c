/* plugin.c - counts words.  One source: a shared object, a component and a core module are built of it.
 *
 * It keeps one table of words.  A host that keeps state gives it one call at a time, so there is no
 * lock; `save` writes the table as text, which every build reads. */
#include <tally_plugin.h>

#ifndef TALLY_BUILD
#define TALLY_BUILD "?"
#endif

#ifndef TALLY_WORDS
#define TALLY_WORDS 256
#endif

enum { WORDS_MAX = TALLY_WORDS, WORD_SIZE = 24 };

typedef struct entry {
    char word[WORD_SIZE];
    uint32_t size;
    uint64_t times;
} entry;

typedef struct tally {
    uint64_t total;
    uint32_t count;
    entry entries[WORDS_MAX];
} tally;

static tally
    the_tally; /* each instance of a module has its own, as each load of a shared object */

int32_t tally_plugin_open(void **self_out)
{
    *self_out = &the_tally;
    return 0;
}

static entry *find(tally *t, const char *word, uint32_t size)
{
    for (uint32_t i = 0; i < t->count; i++)
        if (t->entries[i].size == size && memcmp(t->entries[i].word, word, size) == 0)
            return &t->entries[i];
    return NULL;
}

/* Words past the bounds are counted together, as "", for which there is always room. */
static void count(tally *t, const char *word, size_t size, uint64_t times)
{
    uint32_t own = size > WORD_SIZE ? 0 : (uint32_t)size;
    entry *e = find(t, word, own);

    if (e == NULL && t->count == WORDS_MAX - 1)
        e = find(t, word, own = 0);
    if (e == NULL) {
        e = &t->entries[t->count++];
        memcpy(e->word, word, own);
        e->size = own;
        e->times = 0;
    }
    e->times += times;
    t->total += times;
}

int32_t tally_plugin_counting_add(void *self, const tally_counting_add_args *args,
                                  uint64_t *result, berth_plugin_call *call)
{
    const char *text = args->text.text;
    size_t begin = 0;

    (void)call;
    for (size_t at = 0; at <= args->text.size; at++)
        if (at == args->text.size || text[at] == ' ') {
            if (at > begin)
                count((tally *)self, text + begin, at - begin, 1);
            begin = at + 1;
        }
    *result = ((tally *)self)->total;
    return 0;
}

/* The `rank`th of those that came more often, or came as often and stand further in front. */
static const entry *ranked(const tally *t, uint32_t rank)
{
    for (uint32_t i = 0; i < t->count; i++) {
        uint32_t better = 0;

        for (uint32_t k = 0; k < t->count; k++)
            better += t->entries[k].times > t->entries[i].times ||
                      (t->entries[k].times == t->entries[i].times && k < i);
        if (better == rank)
            return &t->entries[i];
    }
    return NULL;
}

int32_t tally_plugin_counting_top(void *self, const tally_counting_top_args *args,
                                  tally_list_counting_line *result, berth_plugin_call *call)
{
    const tally *t = (const tally *)self;
    uint32_t most = args->most < t->count ? args->most : t->count;
    tally_counting_line *lines =
        (tally_counting_line *)berth_plugin_room(call, (most + 1) * sizeof *lines);

    if (lines == NULL)
        return 1;
    for (uint32_t i = 0; i < most; i++) {
        const entry *e = ranked(t, i);

        lines[i].word.text = e->word;
        lines[i].word.size = e->size;
        lines[i].times = e->times;
    }
    result->data = lines;
    result->count = most;
    return 0;
}

int32_t tally_plugin_build(void *self, const void *args, berth_string *result,
                           berth_plugin_call *call)
{
    (void)self, (void)args, (void)call;
    result->text = TALLY_BUILD;
    result->size = sizeof TALLY_BUILD - 1;
    return 0;
}

/* ---- state: lines of a word, a blank and a number ---- */

static size_t put_number(uint8_t *to, uint64_t number)
{
    uint8_t digits[20];
    size_t size = 0;

    do
        digits[size++] = (uint8_t)('0' + number % 10);
    while ((number /= 10) != 0);
    for (size_t i = 0; i < size; i++)
        to[i] = digits[size - 1 - i];
    return size;
}

int32_t tally_plugin_state_save(void *self, const void *args, tally_list_u8 *result,
                                berth_plugin_call *call)
{
    const tally *t = (const tally *)self;
    uint8_t *to = (uint8_t *)berth_plugin_room(call, t->count * (WORD_SIZE + 22u) + 1);
    size_t at = 0;

    (void)args;
    if (to == NULL)
        return 1;
    for (uint32_t i = 0; i < t->count; i++) {
        const entry *e = &t->entries[i];

        memcpy(to + at, e->word, e->size);
        at += e->size;
        to[at++] = ' ';
        at += put_number(to + at, e->times);
        to[at++] = '\n';
    }
    result->data = to;
    result->count = at;
    return 0;
}

/* One line; where it ends, or 0. */
static size_t take_line(tally *t, const uint8_t *line, size_t left)
{
    size_t blank = 0, at;
    uint64_t times = 0;

    while (blank < left && line[blank] != ' ')
        blank++;
    for (at = blank + 1; at < left && line[at] >= '0' && line[at] <= '9'; at++)
        times = times * 10 + (uint64_t)(line[at] - '0');
    if (at >= left || line[at] != '\n' || at == blank + 1 || blank > WORD_SIZE ||
        (blank != 0 && t->count == WORDS_MAX - 1))
        return 0;
    count(t, (const char *)line, blank, times);
    return at + 1;
}

int32_t tally_plugin_state_restore(void *self, const tally_state_restore_args *args,
                                   tally_result_none_string *result, berth_plugin_call *call)
{
    static const char bad[] = "these are not words, or more than there is room for";
    tally *t = (tally *)self;
    size_t at = 0, size;

    (void)call;
    memset(t, 0, sizeof *t);
    result->is_error = 0;
    for (; at < args->saved.count && !result->is_error; at += size) {
        size = take_line(t, args->saved.data + at, args->saved.count - at);
        result->is_error = size == 0;
    }
    if (result->is_error) {
        memset(t, 0, sizeof *t);
        result->as.error.text = bad;
        result->as.error.size = sizeof bad - 1;
    }
    return 0;
}
