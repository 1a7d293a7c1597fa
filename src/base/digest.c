/* digest.c - SHA-256 through libcrypto, which uses the processor's instructions for it.
 * Layer: base. */
#include "base/digest.h"

#include <string.h>

#include <openssl/evp.h>

#include "base/instrument.h"

bool berthi_sha256(const void *bytes, size_t size, uint8_t digest_out[BERTHI_SHA256_SIZE])
{
    uint8_t digest[BERTHI_SHA256_SIZE];
    unsigned digest_size = sizeof digest;

    berthi_calling_out();
    if (EVP_Digest(size == 0 ? "" : bytes, size, digest, &digest_size, EVP_sha256(), NULL) !=
            1 ||
        digest_size != sizeof digest)
        return false;
    berthi_initialized(digest, sizeof digest);
    memcpy(digest_out, digest, sizeof digest);
    return true;
}

void berthi_sha256_hex(const uint8_t digest[BERTHI_SHA256_SIZE],
                       char hex_out[BERTHI_SHA256_HEX_SIZE])
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < BERTHI_SHA256_SIZE; i++) {
        hex_out[2 * i] = digits[digest[i] >> 4];
        hex_out[2 * i + 1] = digits[digest[i] & 15];
    }
    hex_out[(size_t)BERTHI_SHA256_SIZE * 2] = '\0';
}
