/* os/random.h - bytes that nobody can predict.  Layer: os. */
#ifndef BERTHI_OS_RANDOM_H
#define BERTHI_OS_RANDOM_H

#include <stddef.h>

/* 0, or an errno value. */
int berthi_random_fill(void *to, size_t size);

#endif
