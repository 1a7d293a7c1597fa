/* bundle_sign.c - Ed25519 keys and signatures as texts, and what a signature is worth.  Layer: bundle.
 *
 * Texts are read byte for byte as they are written here, so that one key has one text. */
#include <sodium.h>

#include "base/diag.h"
#include "base/instrument.h"
#include "bundle/bundle.h"

#define PUBLIC_HEAD "berth-public-key 1\npublic "
#define SECRET_HEAD "berth-secret-key 1\npublic "
#define SECRET_ITEM "\nsecret "
#define SIGN_HEAD   "berth-signature 1\npublic "
#define SIGN_ITEM   "\nsignature "

enum { HEX = 2 * BERTH_KEY_SIZE, SIGNATURE = crypto_sign_BYTES };

_Static_assert(crypto_sign_PUBLICKEYBYTES == BERTH_KEY_SIZE, "what the interface says");
_Static_assert(crypto_sign_SEEDBYTES == BERTH_KEY_SIZE, "a secret key is its seed");
_Static_assert(sizeof SECRET_HEAD SECRET_ITEM "\n" + 2 * HEX <= BERTH_KEY_TEXT_MAX, "room");
_Static_assert(sizeof SIGN_HEAD SIGN_ITEM "\n" + HEX + 2 * SIGNATURE <=
                   BERTH_SIGNATURE_TEXT_MAX,
               "room");

/* ---------------------------------------------------------------- texts */

typedef struct writer {
    char *at;
} writer;

static void put(writer *w, const char *text)
{
    size_t size = strlen(text);

    memcpy(w->at, text, size);
    w->at += size;
}

static void put_hex(writer *w, const uint8_t *bytes, size_t size)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < size; i++) {
        *w->at++ = digits[bytes[i] >> 4];
        *w->at++ = digits[bytes[i] & 15];
    }
}

typedef struct reader {
    const char *at, *end;
} reader;

static bool take(reader *r, const char *text)
{
    size_t size = strlen(text);

    if ((size_t)(r->end - r->at) < size || memcmp(r->at, text, size) != 0)
        return false;
    r->at += size;
    return true;
}

static int hex_of(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool take_hex(reader *r, uint8_t *bytes, size_t size)
{
    if ((size_t)(r->end - r->at) < 2 * size)
        return false;
    for (size_t i = 0; i < size; i++, r->at += 2) {
        int high = hex_of(r->at[0]), low = hex_of(r->at[1]);

        if (high < 0 || low < 0)
            return false;
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static bool ends(reader *r)
{
    return take(r, "\n") && r->at == r->end;
}

/* ---------------------------------------------------------------- keys */

/* The seed makes both keys: the public one, and libsodium's secret one, which holds both. */
static void spread(const uint8_t seed[BERTH_KEY_SIZE], uint8_t public_key[BERTH_KEY_SIZE],
                   uint8_t secret[crypto_sign_SECRETKEYBYTES])
{
    berthi_calling_out();
    (void)crypto_sign_seed_keypair(public_key, secret, seed);
    berthi_initialized(public_key, BERTH_KEY_SIZE);
    berthi_initialized(secret, crypto_sign_SECRETKEYBYTES);
}

berth_status berth_key_generate(berth_key_pair *pair_out, berth_diag *diag)
{
    uint8_t secret[crypto_sign_SECRETKEYBYTES];

    BERTHI_REQUIRE(pair_out != NULL, diag);
    berthi_calling_out();
    if (sodium_init() < 0)
        return berthi_fail(diag, BERTH_E_OS, "there are no random numbers to make keys of");
    memset(pair_out, 0, sizeof *pair_out);
    randombytes_buf(pair_out->secret_key, sizeof pair_out->secret_key);
    berthi_initialized(pair_out->secret_key, sizeof pair_out->secret_key);
    pair_out->has_secret = 1;
    spread(pair_out->secret_key, pair_out->public_key, secret);
    sodium_memzero(secret, sizeof secret);
    return BERTH_OK;
}

size_t berth_key_write(const berth_key_pair *pair, uint32_t with_secret,
                       char text_out[BERTH_KEY_TEXT_MAX])
{
    writer w = { text_out };

    put(&w, with_secret ? SECRET_HEAD : PUBLIC_HEAD);
    put_hex(&w, pair->public_key, sizeof pair->public_key);
    if (with_secret) {
        put(&w, SECRET_ITEM);
        put_hex(&w, pair->secret_key, sizeof pair->secret_key);
    }
    put(&w, "\n");
    *w.at = '\0';
    return (size_t)(w.at - text_out);
}

/* A verifying key in polyplug's form: 39 bytes. */
static bool read_polyplug_key(const char *bytes, size_t size, berth_key_pair *pair_out)
{
    static const char head[] = "PPKEY\0\2"; /* without a terminator of its own */

    if (size != sizeof head - 1 + BERTH_KEY_SIZE || memcmp(bytes, head, sizeof head - 1) != 0)
        return false;
    memset(pair_out, 0, sizeof *pair_out);
    memcpy(pair_out->public_key, bytes + sizeof head - 1, BERTH_KEY_SIZE);
    return true;
}

berth_status berth_key_read(const char *text, size_t size, berth_key_pair *pair_out,
                            berth_diag *diag)
{
    reader r = { text, text + size };
    uint8_t secret[crypto_sign_SECRETKEYBYTES], public_key[BERTH_KEY_SIZE];
    berth_key_pair pair = { .has_secret = 0 };
    bool is_sound, fits = true;

    BERTHI_REQUIRE(text != NULL && pair_out != NULL, diag);
    if (read_polyplug_key(text, size, pair_out))
        return BERTH_OK;
    pair.has_secret = take(&r, SECRET_HEAD);
    is_sound = (pair.has_secret || take(&r, PUBLIC_HEAD)) &&
               take_hex(&r, pair.public_key, sizeof pair.public_key) &&
               (!pair.has_secret || (take(&r, SECRET_ITEM) &&
                                     take_hex(&r, pair.secret_key, sizeof pair.secret_key))) &&
               ends(&r);
    if (is_sound && pair.has_secret) {
        spread(pair.secret_key, public_key, secret);
        fits = memcmp(public_key, pair.public_key, sizeof public_key) == 0;
        sodium_memzero(secret, sizeof secret);
    }
    if (is_sound && fits)
        *pair_out = pair;
    sodium_memzero(&pair, sizeof pair);
    if (!is_sound)
        return berthi_fail(diag, BERTH_E_REJECTED,
                           "is no key; expected what `berth keygen` writes");
    return fits ? BERTH_OK
                : berthi_fail(diag, BERTH_E_REJECTED,
                              "its public key is not that of its secret key");
}

/* ---------------------------------------------------------------- signatures */

/* What is signed: a digest alone could be that of something else. */
typedef struct message {
    char domain[24];
    uint8_t digest[BERTHI_SHA256_SIZE];
} message;

static message message_of(const uint8_t digest[BERTHI_SHA256_SIZE])
{
    message m = { .domain = "berth bundle signed 1" };

    memcpy(m.digest, digest, sizeof m.digest);
    return m;
}

static void write_signature(const berth_key_pair *pair, const uint8_t *digest, char *text_out)
{
    uint8_t secret[crypto_sign_SECRETKEYBYTES], public_key[BERTH_KEY_SIZE], made[SIGNATURE];
    message m = message_of(digest);
    writer w = { text_out };

    spread(pair->secret_key, public_key, secret);
    berthi_calling_out();
    (void)crypto_sign_detached(made, NULL, (const unsigned char *)&m, sizeof m, secret);
    berthi_initialized(made, sizeof made);
    sodium_memzero(secret, sizeof secret);
    put(&w, SIGN_HEAD);
    put_hex(&w, public_key, sizeof public_key);
    put(&w, SIGN_ITEM);
    put_hex(&w, made, sizeof made);
    put(&w, "\n");
    *w.at = '\0';
}

static bool is_trusted(const uint8_t *key, const berthi_trust *trust)
{
    for (uint32_t i = 0; i < trust->keys_count; i++)
        if (memcmp(trust->keys + i * BERTH_KEY_SIZE, key, BERTH_KEY_SIZE) == 0)
            return true;
    return false;
}

/* What a signature of that message is worth. */
static void weigh(const uint8_t made[SIGNATURE], const void *signed_bytes, size_t size,
                  const uint8_t key[BERTH_KEY_SIZE], const berthi_trust *trust,
                  berthi_signed *signed_out)
{
    int wrong;

    memcpy(signed_out->key, key, BERTH_KEY_SIZE);
    berthi_calling_out();
    /* Refuses keys of small order and signatures that are not in their one form, too. */
    wrong = crypto_sign_verify_detached(made, signed_bytes, size, key);
    if (wrong != 0) {
        signed_out->state = BERTH_SIGNATURE_WRONG;
        signed_out->why = "it is not what was signed: a file was changed, added or removed";
    } else if (!is_trusted(key, trust)) {
        signed_out->state = BERTH_SIGNATURE_UNTRUSTED;
        signed_out->why = "it is signed by a key that is not trusted";
    } else {
        signed_out->state = BERTH_SIGNATURE_GOOD;
        signed_out->why = "";
    }
}

void berthi_signature_check(const char *text, size_t size,
                            const uint8_t digest[BERTHI_SHA256_SIZE], const berthi_trust *trust,
                            berthi_signed *signed_out)
{
    reader r = { text, text + size };
    message m = message_of(digest);
    uint8_t made[SIGNATURE], key[BERTH_KEY_SIZE];

    *signed_out = (berthi_signed){ .state = BERTH_SIGNATURE_MALFORMED,
                                   .why = "its berth.sig is no signature" };
    if (!take(&r, SIGN_HEAD) || !take_hex(&r, key, sizeof key) || !take(&r, SIGN_ITEM) ||
        !take_hex(&r, made, sizeof made) || !ends(&r))
        return;
    weigh(made, &m, sizeof m, key, trust, signed_out);
}

void berthi_signature_check_polyplug(const void *bytes, size_t size,
                                     const uint8_t digest[BERTHI_SHA256_SIZE],
                                     const berthi_trust *trust, berthi_signed *signed_out)
{
    static const char head[] = "PPSIG\0\1"; /* without a terminator of its own */
    const uint8_t *from = bytes;

    *signed_out = (berthi_signed){ .state = BERTH_SIGNATURE_MALFORMED,
                                   .why = "its bundle.sig is no signature" };
    if (size != sizeof head - 1 + BERTH_KEY_SIZE + SIGNATURE ||
        memcmp(from, head, sizeof head - 1) != 0)
        return;
    from += sizeof head - 1;
    weigh(from + BERTH_KEY_SIZE, digest, BERTHI_SHA256_SIZE, from, trust, signed_out);
}

/* ---------------------------------------------------------------- of folders */

berth_status berth_bundle_sign(const berth_allocator *allocator, const char *folder,
                               const berth_key_pair *pair,
                               char text_out[BERTH_SIGNATURE_TEXT_MAX],
                               uint8_t digest_out[BERTH_DIGEST_SIZE], berth_diag *diag)
{
    berthi_bundle_reading how = { .allocator =
                                      allocator == NULL ? &berthi_allocator_libc : allocator,
                                  .with_digest = true };
    berthi_bundle *bundle;
    berth_status status;

    BERTHI_REQUIRE(folder != NULL && pair != NULL && text_out != NULL, diag);
    if (pair->has_secret == 0)
        return berthi_fail(diag, BERTH_E_INVALID, "a public key signs nothing");
    status = berthi_bundle_read(folder, &how, &bundle, diag);
    if (status != BERTH_OK)
        return status;
    write_signature(pair, bundle->digest, text_out);
    if (digest_out != NULL)
        memcpy(digest_out, bundle->digest, sizeof bundle->digest);
    berthi_bundle_free(bundle);
    return BERTH_OK;
}

berth_status berth_bundle_verify(const berth_allocator *allocator, const char *folder,
                                 const uint8_t *keys, uint32_t keys_count,
                                 berth_bundle_trust *trust_out, berth_diag *diag)
{
    berthi_trust trust = { BERTH_SIGNATURE_WARN, keys_count, keys };
    berthi_bundle_reading how = { .allocator =
                                      allocator == NULL ? &berthi_allocator_libc : allocator,
                                  .trust = &trust };
    berth_bundle_trust answer = BERTH_BUNDLE_TRUST_INIT;
    berthi_bundle *bundle;
    berth_status status;
    uint32_t size;

    BERTHI_REQUIRE(folder != NULL && trust_out != NULL, diag);
    BERTHI_REQUIRE(keys != NULL || keys_count == 0, diag);
    size = trust_out->size;
    BERTHI_REQUIRE(size >= sizeof size && size <= 4096, diag);
    status = berthi_bundle_read(folder, &how, &bundle, diag);
    if (status != BERTH_OK)
        return status;
    answer.size = size;
    answer.state = bundle->signature.state;
    memcpy(answer.digest, bundle->digest, sizeof answer.digest);
    memcpy(answer.key, bundle->signature.key, sizeof answer.key);
    memcpy(answer.why, bundle->signature.why, strlen(bundle->signature.why));
    memcpy(trust_out, &answer, size < sizeof answer ? size : sizeof answer);
    berthi_bundle_free(bundle);
    return BERTH_OK;
}
