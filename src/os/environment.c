/* environment.c - what the environment says.  Layer: os. */
#include "os/environment.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool berthi_environment_says_checked(void)
{
    const char *value = getenv("BERTH_CHECKED");

    return value != NULL && strcmp(value, "1") == 0;
}

/* Walked from its beginning by a caller that asks for each in turn: nothing else tells its end. */
const char *berthi_environment_at(size_t index)
{
    return environ == NULL ? NULL : environ[index];
}
