/* os/library.h - shared objects, mapped from a copy that nobody else can change.  Layer: os. */
#ifndef BERTHI_OS_LIBRARY_H
#define BERTHI_OS_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <berth/base.h>

enum { BERTHI_LIBRARY_PATH_SIZE = 192 };

typedef struct berthi_library {
    void *handle;
    char path[BERTHI_LIBRARY_PATH_SIZE]; /* never given twice in a process */
} berthi_library;

/* A file without a name, sealed where the system can, and what is in it, to be looked at: whoever
 * judges `bytes` has judged what is mapped. */
typedef struct berthi_library_copy {
    const uint8_t *bytes;
    size_t size;
    int fd;
} berthi_library_copy;

/* Of `size` bytes, not 0. */
berth_status berthi_library_copy_make(const uint8_t *bytes, size_t size,
                                      berthi_library_copy *copy_out, berth_diag *diag);
/* NULL is fine. */
void berthi_library_copy_end(const berthi_library_copy *copy);

/* Maps the copy anew, with all symbols bound and none of its own given to others, and runs its
 * constructors.  The copy may be ended afterwards.
 * Fails: BERTH_E_REJECTED with what the dynamic linker says. */
berth_status berthi_library_map(const berthi_library_copy *copy, berthi_library *library_out,
                                berth_diag *diag);

/* NULL: there is none. */
void *berthi_library_symbol(const berthi_library *library, const char *name);

/* Runs its destructors and takes it away.  False: it is still mapped, for the C library keeps it. */
bool berthi_library_unmap(berthi_library *library);

/* Whether it is mapped. */
bool berthi_library_is_mapped(const berthi_library *library);

#endif
