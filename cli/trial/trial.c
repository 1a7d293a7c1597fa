/* trial.c - berth-trial: maps a shared object and takes it away again, and says how far it came.
 *
 * What a plugin runs when it is mapped, and when it is unmapped, is tried here, in a process that may
 * die of it, before it runs in the host's (docs/native-plugins.md, "A trial").  The host starts it with
 * the plugin's sealed copy as one descriptor and a pipe as the other; src/os/trial.c reads that pipe.
 * It has nothing of the library, so that there is nothing in it but the plugin. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

enum { COPY = 3, REPORT = 4, FIRST_OTHER = 5, USAGE = 64 };

static void say(char what)
{
    while (write(REPORT, &what, 1) < 0 && errno == EINTR)
        continue;
}

/* What the host had open is not for the plugin. */
static void close_others(void)
{
    long most;

    if (close_range(FIRST_OTHER, UINT_MAX, 0) == 0)
        return;
    most = sysconf(_SC_OPEN_MAX); /* a kernel before 5.9 */
    for (int fd = FIRST_OTHER; fd < (most < 0 ? 1024 : most); fd++)
        (void)close(fd);
}

/* A bound that is there already may be lower, and stays then. */
static int limit(unsigned long long memory_bytes)
{
    const struct rlimit none = { 0, 0 };
    struct rlimit memory;

    if (setrlimit(RLIMIT_CORE, &none) != 0 || getrlimit(RLIMIT_AS, &memory) != 0)
        return -1;
    if (memory_bytes == 0 || memory_bytes > memory.rlim_max)
        return 0;
    memory.rlim_cur = memory.rlim_max = memory_bytes;
    return setrlimit(RLIMIT_AS, &memory);
}

int main(int argc, char **argv)
{
    void *handle;
    const char *why;

    if (argc != 2 || fcntl(COPY, F_GETFD) < 0 || fcntl(REPORT, F_GETFD) < 0) {
        fputs("berth-trial is started by libberth, to map a plugin in a process of its own\n",
              stderr);
        return USAGE;
    }
    close_others();
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || limit(strtoull(argv[1], NULL, 10)) != 0)
        return USAGE;
    say('m');
    handle = dlopen("/proc/self/fd/3", RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL) {
        why = dlerror();
        say('e');
        if (why != NULL && write(REPORT, why, strlen(why)) < 0)
            return USAGE;
        return 0;
    }
    say('u');
    (void)dlclose(handle);
    say('d');
    _exit(0);
}
