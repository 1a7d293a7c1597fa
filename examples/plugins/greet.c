/* greet.c - a component that asks its host for a word and keeps a journal there (examples/host.c).
 *
 *     clang --target=wasm32 -ffreestanding -nostdlib -O2 -Wl,--no-entry -o greet.wasm greet.c
 *     berth wrap greet.wasm --wit greet.wit -o greet.component.wasm
 */
#define BERTH_HOOK_COMPONENT
#include "berth_hook.h"

#define STORE(name) __attribute__((import_module("demo:notes/store@1.0.0"), import_name(name)))

typedef struct maybe_text {
    uint32_t is_some;
    const char *ptr;
    uint32_t len;
} maybe_text;

STORE("get") void store_get(const char *key, uint32_t len, maybe_text *value_out);
STORE("[constructor]journal") int32_t journal_new(const char *name, uint32_t len);
STORE("[method]journal.append")
uint32_t journal_append(int32_t self, const uint8_t *line, uint32_t len);

BERTH_HOOK(process, input)
{
    static berth_text text;
    static int32_t journal; /* held from call to call */
    uint8_t name[64];
    uint32_t name_len = input.len;
    maybe_text word;

    if (name_len > sizeof name)
        return berth_reply_error("the name is too long", 20);
    memcpy(name, input.ptr, name_len); /* what the host answers goes where the input was */
    if (journal == 0)
        journal = journal_new("greetings", 9);
    store_get("greeting", 8, &word);
    berth_text_clear(&text);
    if (word.is_some)
        berth_text_put(&text, word.ptr, word.len);
    else
        berth_text_put_literal(&text, "hello");
    berth_text_put_literal(&text, ", ");
    berth_text_put(&text, name, name_len);
    berth_text_put_literal(&text, "! (");
    berth_text_put_number(&text, journal_append(journal, name, name_len));
    berth_text_put_literal(&text, ")");
    return berth_reply_text(&text);
}
