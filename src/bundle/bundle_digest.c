/* bundle_digest.c - one digest over all files of a bundle.  Layer: bundle.
 *
 * docs/bundle-signature.md says of which bytes it is made; nothing of them can be read two ways. */
#include "bundle/bundle.h"

static const char domain[] = "berth bundle 1"; /* with its terminator */

static void put_number(berthi_text_buf *b, uint64_t number)
{
    char bytes[8];

    for (unsigned i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(number >> 8 * i & 0xff);
    berthi_text_buf_put(b, bytes, sizeof bytes);
}

bool berthi_bundle_digest(const berthi_bundle_file *files, uint32_t count,
                          const berth_allocator *a, uint8_t digest_out[BERTHI_SHA256_SIZE])
{
    berthi_text_buf b;
    bool done;

    berthi_text_buf_init(&b, a);
    berthi_text_buf_put(&b, domain, sizeof domain);
    put_number(&b, count);
    for (uint32_t i = 0; i < count; i++) {
        size_t size = strlen(files[i].path);

        put_number(&b, size);
        berthi_text_buf_put(&b, files[i].path, size);
        put_number(&b, files[i].size);
        berthi_text_buf_put(&b, (const char *)files[i].sha256, sizeof files[i].sha256);
    }
    done = !b.has_failed && berthi_sha256(b.data, b.size, digest_out);
    berthi_text_buf_fini(&b);
    return done;
}
