/* contract/wit_words.h - names that were meant, and versions in order: what messages and look-ups of
 * names need, here and above.  Layer: contract. */
#ifndef BERTHI_CONTRACT_WIT_WORDS_H
#define BERTHI_CONTRACT_WIT_WORDS_H

#include <stdbool.h>
#include <stddef.h>

/* Finds the name that `wrong` was meant to be among those that are offered. */
typedef struct wit_guess {
    const char *wrong, *best;
    size_t distance;
} wit_guess;
wit_guess berthi_wit_guess_start(const char *wrong);
void berthi_wit_guess_offer(wit_guess *guess, const char *candidate);
/* "; did you mean `x`?" or "". */
typedef struct wit_hint {
    char text[96];
} wit_hint;
wit_hint berthi_wit_guess_hint(const wit_guess *guess);

bool berthi_wit_is_version(const char *text);
/* Less than, equal to or greater than 0, by precedence. */
int berthi_wit_compare_versions(const char *a, const char *b);

#endif
