/* os/environment.h - what the environment says.  Layer: os. */
#ifndef BERTHI_OS_ENVIRONMENT_H
#define BERTHI_OS_ENVIRONMENT_H

#include <stdbool.h>

/* BERTH_CHECKED is "1". */
bool berthi_environment_says_checked(void);

#endif
