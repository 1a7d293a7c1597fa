/* thread.c - threads with a stack of a known size.  Layer: cli.
 *
 * Guest code runs on the stack of the thread that calls, down to a bound that counts from where it
 * was entered.  Where `ulimit -s` left less than that, a plugin that recurses would run into the
 * end of the real stack first and take the program with it. */
#include <pthread.h>

#include "cli.h"

enum { STACK_BYTES = 8 * 1024 * 1024 };

int cli_thread_start(pthread_t *thread_out, void *(*run)(void *), void *context)
{
    pthread_attr_t attributes;
    int code = pthread_attr_init(&attributes);

    if (code != 0)
        return code;
    code = pthread_attr_setstacksize(&attributes, STACK_BYTES);
    if (code == 0)
        code = pthread_create(thread_out, &attributes, run, context);
    pthread_attr_destroy(&attributes);
    return code;
}
