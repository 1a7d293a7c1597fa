/* os/environment.h - what the environment says.  Layer: os. */
#ifndef BERTHI_OS_ENVIRONMENT_H
#define BERTHI_OS_ENVIRONMENT_H

#include <stdbool.h>
#include <stddef.h>

/* BERTH_CHECKED is "1". */
bool berthi_environment_says_checked(void);

/* The variables of this process, one after the other, as "NAME=value"; NULL behind the last.  Lent while
 * nobody changes the environment. */
const char *berthi_environment_at(size_t index);

#endif
