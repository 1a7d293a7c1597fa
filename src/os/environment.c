/* environment.c - what the environment says.  Layer: os. */
#include "os/environment.h"

#include <stdlib.h>
#include <string.h>

bool berthi_environment_says_checked(void)
{
    const char *value = getenv("BERTH_CHECKED");

    return value != NULL && strcmp(value, "1") == 0;
}
