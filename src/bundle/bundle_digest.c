/* bundle_digest.c - one digest over all files of a bundle.  Layer: bundle.
 *
 * docs/bundle-signature.md says of which bytes it is made; nothing of them can be read two ways. */
#include "bundle/bundle.h"
#include "bundle/polyplug.h"

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

bool berthi_bundle_digest_polyplug(const berthi_bundle_file *files, uint32_t count,
                                   const berth_allocator *a,
                                   uint8_t digest_out[BERTHI_SHA256_SIZE])
{
    static const char head[] = "polyplug-bundle-sig\0\1"; /* without a terminator of its own */
    uint32_t counted = 0;
    berthi_text_buf b;
    bool done;

    for (uint32_t i = 0; i < count; i++)
        counted += strcmp(files[i].path, BERTHI_POLYPLUG_SIGNATURE_NAME) != 0;
    berthi_text_buf_init(&b, a);
    berthi_text_buf_put(&b, head, sizeof head - 1);
    put_number(&b, counted);
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(files[i].path, BERTHI_POLYPLUG_SIGNATURE_NAME) == 0)
            continue;
        berthi_text_buf_put(&b, files[i].path, strlen(files[i].path) + 1); /* and its end */
        berthi_text_buf_put(&b, (const char *)files[i].sha256, sizeof files[i].sha256);
    }
    done = !b.has_failed && berthi_sha256(b.data, b.size, digest_out);
    berthi_text_buf_fini(&b);
    return done;
}
