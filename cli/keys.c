/* keys.c - `berth keygen`, `berth sign` and `berth verify`.  Layer: cli. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <berth/bundle.h>

#include "cli.h"

enum { KEY_FILE_MAX = 1024, PATH_ROOM = 4096, HEX = 2 * BERTH_KEY_SIZE };

/* Nothing of a secret stays behind.  The compiler may not leave it out. */
static void forget(void *p, size_t size)
{
    volatile unsigned char *byte = p;

    while (size-- > 0)
        *byte++ = 0;
}

static void print_hex(const char *key, const uint8_t *bytes, const char *end)
{
    char hex[2 * BERTH_DIGEST_SIZE + 1];

    cli_digest_hex(hex, bytes);
    printf("%s%s%s", key, hex, end);
}

/* ---------------------------------------------------------------- key files */

/* A secret key that others can read is one that others have. */
static int check_secret(const char *path)
{
    struct stat info;

    if (stat(path, &info) != 0)
        return cli_fail_os(path, "give a file that 'berth keygen' made", errno);
    if ((info.st_mode & 077) == 0)
        return CLI_OK;
    return cli_fail(CLI_FAILED, path, "make it readable by its owner alone: chmod 600",
                    "is a secret key that others can read");
}

static int read_key(const char *path, berth_key_pair *pair)
{
    berth_diag diag = { 0 };
    cli_bytes bytes;
    berth_status status = cli_artifact_read(path, KEY_FILE_MAX, &bytes, &diag);

    if (status != BERTH_OK)
        return cli_fail_diag(CLI_FAILED, path, "give a file that 'berth keygen' made", status,
                             &diag);
    status = berth_key_read((const char *)bytes.data, bytes.size, pair, &diag);
    forget(bytes.data, bytes.size);
    cli_free(bytes.data);
    return status == BERTH_OK
               ? CLI_OK
               : cli_fail_diag(CLI_FAILED, path, "give a file that 'berth keygen' made", status,
                               &diag);
}

int cli_keys_read(const char *list, uint8_t **keys_out, uint32_t *count_out)
{
    size_t size = list == NULL ? 0 : strlen(list);
    uint8_t *keys = cli_alloc((size + 1) * BERTH_KEY_SIZE); /* more than there are names */
    char *names = cli_alloc(size + 1);
    uint32_t count = 0;
    int code = CLI_OK;

    memcpy(names, list == NULL ? "" : list, size + 1);
    for (char *at = names; size != 0 && at != NULL && code == CLI_OK;) {
        char *comma = strchr(at, ',');
        berth_key_pair pair;

        if (comma != NULL)
            *comma = '\0';
        code = read_key(at, &pair);
        if (code == CLI_OK && pair.has_secret)
            code = cli_fail(CLI_USAGE, at, "give the file with .pub at its end",
                            "is a secret key, and not for those who verify");
        if (code == CLI_OK)
            memcpy(keys + count++ * BERTH_KEY_SIZE, pair.public_key, BERTH_KEY_SIZE);
        forget(&pair, sizeof pair);
        at = comma == NULL ? NULL : comma + 1;
    }
    cli_free(names);
    if (code == CLI_OK) {
        *keys_out = keys;
        *count_out = count;
    } else {
        cli_free(keys);
    }
    return code;
}

/* ---------------------------------------------------------------- keygen */

static int write_pair(const char *path, const char *public_path, const berth_key_pair *pair)
{
    char text[BERTH_KEY_TEXT_MAX];
    size_t size = berth_key_write(pair, 1, text);
    int code = cli_file_create(path, text, size, 0600);

    forget(text, sizeof text);
    if (code != CLI_OK)
        return code;
    size = berth_key_write(pair, 0, text);
    code = cli_file_create(public_path, text, size, 0666);
    if (code != CLI_OK)
        unlink(path); /* both or none */
    return code;
}

int cli_keygen(const cli_options *options)
{
    const char *path = options->operands[0];
    char public_path[PATH_ROOM];
    berth_key_pair pair;
    berth_diag diag = { 0 };
    berth_status status;
    int code;

    if ((size_t)snprintf(public_path, sizeof public_path, "%s.pub", path) >= sizeof public_path)
        return cli_fail(CLI_USAGE, "keygen", "give a shorter path", "its path is too long");
    status = berth_key_generate(&pair, &diag);
    if (status != BERTH_OK)
        return cli_fail_diag(CLI_FAILED, path, NULL, status, &diag);
    code = write_pair(path, public_path, &pair);
    if (code == CLI_OK && options->json)
        print_hex("{\n  \"public_key\": \"", pair.public_key, "\"\n}\n");
    else if (code == CLI_OK)
        print_hex("", pair.public_key, "\n");
    forget(&pair, sizeof pair);
    return code == CLI_OK ? cli_stdout_end(code) : code;
}

/* ---------------------------------------------------------------- sign */

static int sign(const cli_options *options, const berth_key_pair *pair)
{
    const char *folder = options->operands[0];
    char text[BERTH_SIGNATURE_TEXT_MAX], path[PATH_ROOM];
    uint8_t digest[BERTH_DIGEST_SIZE];
    berth_diag diag = { 0 };
    berth_status status;
    int code;

    if ((size_t)snprintf(path, sizeof path, "%s/berth.sig", folder) >= sizeof path)
        return cli_fail(CLI_USAGE, "sign", "give a shorter path", "its path is too long");
    status = berth_bundle_sign(NULL, folder, pair, text, digest, &diag);
    if (status != BERTH_OK)
        return cli_fail_bundle(folder, status, &diag);
    code = cli_file_write(path, "the bundle", text, strlen(text));
    if (code != CLI_OK)
        return code;
    if (options->json) {
        print_hex("{\n  \"digest\": \"", digest, "\",\n");
        print_hex("  \"public_key\": \"", pair->public_key, "\"\n}\n");
    } else {
        print_hex("", digest, "\n");
    }
    return cli_stdout_end(CLI_OK);
}

int cli_sign(const cli_options *options)
{
    berth_key_pair pair;
    int code = read_key(options->key, &pair);

    if (code != CLI_OK)
        return code;
    if (!pair.has_secret)
        code = cli_fail(CLI_USAGE, options->key, "give the file without .pub at its end",
                        "is a public key, which signs nothing");
    else
        code = check_secret(options->key);
    if (code == CLI_OK)
        code = sign(options, &pair);
    forget(&pair, sizeof pair);
    return code;
}

/* ---------------------------------------------------------------- verify */

static const char *state_word(uint32_t state)
{
    static const char *const words[] = { "unchecked", "good",  "unsigned",
                                         "malformed", "wrong", "untrusted" };

    return state < sizeof words / sizeof *words ? words[state] : "unknown";
}

int cli_verify(const cli_options *options)
{
    const char *folder = options->operands[0];
    berth_bundle_trust trust = BERTH_BUNDLE_TRUST_INIT;
    berth_diag diag = { 0 };
    berth_status status;
    uint32_t count;
    uint8_t *keys;
    int code = cli_keys_read(options->keys, &keys, &count);

    if (code != CLI_OK)
        return code;
    status = berth_bundle_verify(NULL, folder, keys, count, &trust, &diag);
    cli_free(keys);
    if (status != BERTH_OK)
        return cli_fail_bundle(folder, status, &diag);
    if (options->json) {
        printf("{\n  \"signature\": \"%s\",\n", state_word(trust.state));
        print_hex("  \"digest\": \"", trust.digest, "\",\n");
        if (trust.state == BERTH_SIGNATURE_UNSIGNED || trust.state == BERTH_SIGNATURE_MALFORMED)
            printf("  \"public_key\": null\n}\n");
        else
            print_hex("  \"public_key\": \"", trust.key, "\"\n}\n");
    } else if (trust.state == BERTH_SIGNATURE_GOOD) {
        print_hex("good, by ", trust.key, "\n");
    }
    code = cli_stdout_end(CLI_OK);
    if (code != CLI_OK || trust.state == BERTH_SIGNATURE_GOOD)
        return code;
    return cli_fail(CLI_REJECTED, folder,
                    trust.state == BERTH_SIGNATURE_UNTRUSTED
                        ? "give --keys the public key of whom you trust"
                        : "get it again; if it is yours and as it should be, use 'berth sign'",
                    "%s", trust.why);
}
