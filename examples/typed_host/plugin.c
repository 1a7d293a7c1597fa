/* plugin.c - counts words.  It knows the types of words.wit, and nothing of WebAssembly.
 *
 * `berth bindgen guest words.wit --out .` writes words_plugin.h, and words_guest.c, which is
 * compiled together with this file. */
#include <words_plugin.h>

/* The next word at or behind *at, which moves behind it; empty at the end. */
static berth_string next_word(const berth_string *text, size_t *at)
{
    berth_string word = { text->text, 0 };

    while (*at < text->size && text->text[*at] == ' ')
        *at += 1;
    word.text += *at;
    while (*at < text->size && text->text[*at] != ' ') {
        *at += 1;
        word.size++;
    }
    return word;
}

static words_counting_word *find(words_counting_word *words, size_t count, berth_string text)
{
    for (size_t i = 0; i < count; i++)
        if (words[i].text.size == text.size &&
            memcmp(words[i].text.text, text.text, text.size) == 0)
            return &words[i];
    return NULL;
}

/* The words of the result are parts of the text that came in: nothing of it is copied. */
int32_t words_plugin_counting_count(void *self, const words_counting_count_args *args,
                                    words_result_list_counting_word_counting_problem *result,
                                    berth_plugin_call *call)
{
    size_t most = args->text.size / 2 + 1; /* a word and a blank are two bytes */
    words_counting_word *words = berth_plugin_room(call, most * sizeof *words);
    size_t at = 0, count = 0;
    berth_string text;

    (void)self;
    while ((text = next_word(&args->text, &at)).size != 0) {
        words_counting_word *word = find(words, count, text);

        if (word == NULL) {
            word = &words[count++];
            word->text = text;
            word->times = 0;
        }
        word->times++;
    }
    result->is_error = count == 0 || count > args->most;
    if (result->is_error) {
        result->as.error =
            count == 0 ? WORDS_COUNTING_PROBLEM_NOTHING : WORDS_COUNTING_PROBLEM_TOO_MANY;
    } else {
        result->as.ok.data = words;
        result->as.ok.count = count;
    }
    return 0;
}
