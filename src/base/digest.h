/* base/digest.h - the digest that names an artifact.  Layer: base. */
#ifndef BERTHI_BASE_DIGEST_H
#define BERTHI_BASE_DIGEST_H

#include <stdbool.h>

#include <berth/base.h>

enum { BERTHI_SHA256_SIZE = 32, BERTHI_SHA256_HEX_SIZE = 65 /* with the terminator */ };

/* SHA-256 of `size` bytes; `bytes` may be NULL when size is 0.  False: libcrypto could not get
 * the memory for it, or this machine's policy forbids the digest; digest_out is untouched. */
bool berthi_sha256(const void *bytes, size_t size, uint8_t digest_out[BERTHI_SHA256_SIZE])
    __attribute__((warn_unused_result));

/* The digest in lower-case hexadecimal. */
void berthi_sha256_hex(const uint8_t digest[BERTHI_SHA256_SIZE],
                       char hex_out[BERTHI_SHA256_HEX_SIZE]);

#endif
