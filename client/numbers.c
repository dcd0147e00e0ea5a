/* SPDX-License-Identifier: MIT */
#include "client/numbers.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBERS_WORDS_FIRST = 16 };

void numbers_deinit(struct numbers *numbers)
{
        free(numbers->taken);
        free(numbers->spare);
        *numbers = (struct numbers){0};
}

static uint64_t *numbers_word(const struct numbers *numbers, uint32_t number, uint64_t *ret_bit)
{
        *ret_bit = UINT64_C(1) << ((number - 1) % 64);
        return &numbers->taken[(number - 1) / 64];
}

/* Room for number n_ever + 1, and for giving every number back: numbers_give() cannot fail. */
static int numbers_grow(struct numbers *numbers)
{
        uint32_t n_words = numbers->n_words ? numbers->n_words * 2 : NUMBERS_WORDS_FIRST;
        uint64_t *taken = realloc(numbers->taken, n_words * sizeof(*taken));
        uint32_t *spare;

        if (!taken) {
                return -ENOMEM;
        }
        numbers->taken = taken;
        spare = realloc(numbers->spare, (size_t)n_words * 64 * sizeof(*spare));
        if (!spare) {
                return -ENOMEM;
        }
        memset(taken + numbers->n_words, 0, (n_words - numbers->n_words) * sizeof(*taken));
        numbers->spare = spare;
        numbers->n_words = n_words;
        return 0;
}

int numbers_take(struct numbers *numbers, uint32_t *ret_number)
{
        uint32_t number;
        uint64_t bit;
        int r;

        if (numbers->n_spare > 0) {
                number = numbers->spare[--numbers->n_spare];
        } else {
                if (numbers->n_ever == NUMBERS_MAX) {
                        return -ENOSPC;
                }
                if (numbers->n_ever == numbers->n_words * 64) {
                        r = numbers_grow(numbers);
                        if (r < 0) {
                                return r;
                        }
                }
                number = ++numbers->n_ever;
        }
        *numbers_word(numbers, number, &bit) |= bit;
        *ret_number = number;
        return 0;
}

bool numbers_give(struct numbers *numbers, uint32_t number)
{
        uint64_t *word;
        uint64_t bit;

        if (number == 0 || number > numbers->n_ever) {
                return false;
        }
        word = numbers_word(numbers, number, &bit);
        if (!(*word & bit)) {
                return false;
        }
        *word &= ~bit;
        numbers->spare[numbers->n_spare++] = number;
        return true;
}
