/* library.c - mapping shared objects.  Layer: os.
 *
 * The copy is an anonymous file, sealed so that not even we can write to it again.  It is opened
 * through /proc/self/fd, and by a path that was never used before: the C library would give the old
 * mapping for a name that it knows, and numbers of descriptors come again. */
#include "os/library.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/diag.h"
#include "os/fault.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x10u
#endif

static bool fails(const char *call)
{
    errno = berthi_os_fault(call);
    return errno != 0;
}

/* ---------------------------------------------------------------- the copy */

/* A kernel that knows MFD_EXEC may forbid files that do not say it; an older one knows it not. */
static int make_sealable(void)
{
    unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
    int fd;

    if (fails("memfd_create"))
        return -1;
    fd = memfd_create("berth-plugin", flags | MFD_EXEC);
    return fd < 0 && errno == EINVAL ? memfd_create("berth-plugin", flags) : fd;
}

/* Where there is no memfd_create: a file of ours alone that has no name any more. */
static int make_nameless(void)
{
    static const char *const folders[] = { "/dev/shm", "/tmp", "/var/tmp" };
    char path[64];
    int fd = -1;

    for (size_t i = 0; fd < 0 && i < sizeof folders / sizeof *folders; i++) {
        snprintf(path, sizeof path, "%s/berth-plugin-XXXXXX", folders[i]);
        fd = fails("mkostemp") ? -1 : mkostemp(path, O_CLOEXEC);
        if (fd >= 0)
            (void)unlink(path);
    }
    return fd;
}

static bool write_all(int fd, const uint8_t *bytes, size_t size)
{
    while (size > 0) {
        ssize_t n = fails("write") ? -1 : write(fd, bytes, size);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        bytes += n;
        size -= (size_t)n;
    }
    return true;
}

static bool seal(int fd)
{
    return !fails("fcntl") &&
           fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) ==
               0;
}

berth_status berthi_library_copy_make(const uint8_t *bytes, size_t size,
                                      berthi_library_copy *copy_out, berth_diag *diag)
{
    bool is_sealable = true;
    int fd = make_sealable(), code;
    void *view = MAP_FAILED;

    if (fd < 0) {
        is_sealable = false;
        fd = make_nameless();
    }
    if (fd < 0)
        return berthi_fail_os(diag, errno, "no room for a private copy of the plugin");
    if (write_all(fd, bytes, size) && (!is_sealable || seal(fd)) && !fails("mmap"))
        view = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    if (view == MAP_FAILED) {
        code = errno;
        (void)close(fd);
        return berthi_fail_os(diag, code, "a private copy of the plugin");
    }
    *copy_out = (berthi_library_copy){ view, size, fd };
    return BERTH_OK;
}

void berthi_library_copy_end(const berthi_library_copy *copy)
{
    if (copy == NULL)
        return;
    (void)munmap((void *)(uintptr_t)copy->bytes, copy->size);
    (void)close(copy->fd);
}

/* ---------------------------------------------------------------- the mapping */

/* "/proc/self", a word of "/." and "/" that says the number in binary, and "/fd/N": one file, and
 * another name each time. */
static void write_path(char out[BERTHI_LIBRARY_PATH_SIZE], int fd)
{
    static atomic_uint_least64_t count;
    uint64_t number = 1 + atomic_fetch_add_explicit(&count, 1, memory_order_relaxed);
    size_t at = strlen("/proc/self");

    memcpy(out, "/proc/self", at);
    for (; number != 0; number >>= 1) {
        out[at++] = '/';
        if ((number & 1) != 0)
            out[at++] = '.';
    }
    snprintf(out + at, BERTHI_LIBRARY_PATH_SIZE - at, "/fd/%d", fd);
}

berth_status berthi_library_map(const berthi_library_copy *copy, berthi_library *library_out,
                                berth_diag *diag)
{
    berthi_library library;
    const char *why;

    write_path(library.path, copy->fd);
    if (fails("dlopen"))
        return berthi_fail_os(diag, errno, "it cannot be mapped");
    library.handle = dlopen(library.path, RTLD_NOW | RTLD_LOCAL);
    if (library.handle == NULL) {
        why = dlerror();
        if (why == NULL)
            why = "the dynamic linker does not say why";
        /* Its name for the file means nothing to anybody. */
        if (strncmp(why, library.path, strlen(library.path)) == 0 &&
            why[strlen(library.path)] == ':')
            why += strlen(library.path) + 2;
        return berthi_fail_because(diag, BERTH_E_REJECTED, BERTH_REASON_LINKER,
                                   "it cannot be mapped: %.400s", why);
    }
    *library_out = library;
    return BERTH_OK;
}

void *berthi_library_symbol(const berthi_library *library, const char *name)
{
    return dlsym(library->handle, name);
}

static int look(struct dl_phdr_info *info, size_t size, void *path)
{
    (void)size;
    return info->dlpi_name != NULL && strcmp(info->dlpi_name, path) == 0;
}

bool berthi_library_is_mapped(const berthi_library *library)
{
    char path[BERTHI_LIBRARY_PATH_SIZE];

    memcpy(path, library->path, sizeof path);
    return dl_iterate_phdr(look, path) != 0;
}

bool berthi_library_unmap(berthi_library *library)
{
    (void)dlclose(library->handle);
    library->handle = NULL;
    return !berthi_library_is_mapped(library);
}
