/* count-words.c - a reply that is not the input: it is put together in a buffer that grows.
 *
 *     berth pipe count-words.wasm --hook count <letter.txt */
#include "berth_hook.h"

BERTH_PLUGIN({
    "name" : "count-words",
    "version" : "1.0.0",
    "description" : "counts the words of a text",
    "hooks" : { "count" : { "description" : "text in, the number of its words out" } }
})

static berth_text reply; /* static: the host reads it after the hook has returned */

BERTH_HOOK(count, text)
{
    uint32_t words = 0;
    int inside = 0;

    for (uint32_t i = 0; i < text.len; i++) {
        int letter = text.ptr[i] > ' ';
        words += (uint32_t)(letter && !inside);
        inside = letter;
    }
    berth_text_clear(&reply);
    berth_text_put_number(&reply, words);
    berth_text_put_literal(&reply, " words");
    return berth_reply_text(&reply);
}
