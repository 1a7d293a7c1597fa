/* host.c - calls a plugin by the types of its contract: arguments are C values, and so is the result.
 *
 *     berth bindgen host words.wit --out .      writes words_host.h and words_host.c
 *     cc host.c words_host.c -lberth
 *     ./host words.wasm "to be or not to be"
 */
#include <stdio.h>
#include <string.h>

#include <berth/runtime.h>

#include <words_host.h>

static int fail(berth_status status, const berth_diag *diag)
{
    fprintf(stderr, "%s: %s\n", berth_status_name(status), diag->text);
    return 1;
}

static int count(const words_slot *words, berth_arena *arena, const char *text)
{
    words_result_list_counting_word_counting_problem result;
    berth_diag diag;
    berth_status status = words_counting_count(
        words, arena, (berth_string){ text, strlen(text) }, 100, &result, &diag);

    if (status != BERTH_OK)
        return fail(status, &diag);
    if (result.is_error) {
        printf("%s\n", result.as.error == WORDS_COUNTING_PROBLEM_NOTHING ? "no words"
                                                                         : "too many words");
        return 0;
    }
    for (size_t i = 0; i < result.as.ok.count; i++)
        printf("%u %.*s\n", (unsigned)result.as.ok.data[i].times,
               (int)result.as.ok.data[i].text.size, result.as.ok.data[i].text.text);
    return 0;
}

int main(int argc, char **argv)
{
    berth_runtime_options options = BERTH_RUNTIME_OPTIONS_INIT;
    berth_slot_options slot_options = BERTH_SLOT_OPTIONS_INIT;
    berth_runtime *runtime;
    berth_slot *slot;
    berth_arena *arena;
    words_slot words;
    berth_diag diag;
    berth_status status = berth_runtime_create(&options, &runtime, &diag);
    int code = 1;

    if (argc < 3 || status != BERTH_OK)
        return argc < 3 ? 2 : fail(status, &diag);
    slot_options.name = "words";
    status = berth_slot_open(runtime, &slot_options, &slot, &diag);
    if (status == BERTH_OK) {
        status = berth_slot_install_file(slot, argv[1], NULL, &diag);
        if (status == BERTH_OK)
            status =
                words_bind(slot, &words, &diag); /* once; the plugin may change behind it */
        if (status == BERTH_OK)
            status = berth_arena_create(NULL, 0, &arena, &diag);
        if (status == BERTH_OK) {
            code = count(&words, arena, argv[2]);
            berth_arena_destroy(arena);
        }
        berth_slot_release(slot);
    }
    if (status != BERTH_OK)
        code = fail(status, &diag);
    berth_runtime_destroy(runtime);
    return code;
}
