/* os/sealed.h - bytes that nothing in the process can write any more.  Layer: os. */
#ifndef BERTHI_OS_SEALED_H
#define BERTHI_OS_SEALED_H

#include <stddef.h>

/* Gives *sealed_out, a copy of `size` bytes (not 0) on pages of its own that can only be read; end it with
 * berthi_os_unseal().  0, or the errno.  Thread: any. */
int berthi_os_seal(const void *bytes, size_t size, void **sealed_out);
void berthi_os_unseal(void *sealed, size_t size);

#endif
