/* bundle_read.c - a folder becomes a bundle.  Layer: bundle.
 *
 * Every file is opened below the folder's own descriptor and read once: the manifest that is obeyed,
 * the artifact that is loaded and what the signature is about are the same bytes. */
#include <stdio.h>

#include "base/utf8.h"
#include "bundle/polyplug.h"

enum { SIGNATURE_BYTES_MAX = 1024 };

typedef struct reading {
    const berthi_bundle_reading *how;
    berthi_bundle *bundle;
    berthi_beneath beneath;
    berthi_file_bytes manifest, signature;       /* signature.data NULL: there is none */
    bool is_long_signature;                      /* or one that was not read */
    bool is_polyplug_signature;                  /* it is its bundle.sig; ours is not there */
    uint8_t polyplug_digest[BERTHI_SHA256_SIZE]; /* where that is asked for */
    berth_diag *diag;
} reading;

static uint64_t bytes_max(const reading *r)
{
    return r->how->artifact_bytes_max == 0 ? UINT64_C(32) << 20 : r->how->artifact_bytes_max;
}

static bool is_judged(const reading *r)
{
    return r->how->trust != NULL && r->how->trust->policy != BERTH_SIGNATURE_OFF;
}

/* A berth.toml, or else one of another system; when there is neither, the first one is missed. */
static berth_status read_manifest_file(reading *r)
{
    berthi_bundle *b = r->bundle;
    berth_diag own = { 0 };
    berth_status status;

    b->manifest_name = BERTHI_MANIFEST_NAME;
    status = berthi_beneath_read(b->allocator, &r->beneath, b->manifest_name,
                                 BERTHI_MANIFEST_BYTES_MAX, &r->manifest, r->diag);
    if (status != BERTH_E_ABSENT)
        return status;
    status = berthi_beneath_read(b->allocator, &r->beneath, BERTHI_POLYPLUG_MANIFEST_NAME,
                                 BERTHI_MANIFEST_BYTES_MAX, &r->manifest, &own);
    if (status == BERTH_OK)
        b->manifest_name = BERTHI_POLYPLUG_MANIFEST_NAME;
    else if (status != BERTH_E_ABSENT && r->diag != NULL)
        *r->diag = own;
    return status;
}

static berth_status read_manifest(reading *r)
{
    berthi_bundle *b = r->bundle;
    berthi_text source = { .name = NULL };
    berth_status status = read_manifest_file(r);
    size_t room;
    char *name;

    if (status != BERTH_OK)
        return status;
    room = strlen(b->folder) + strlen(b->manifest_name) + 2;
    name = berthi_arena_alloc(&b->arena, room);
    if (name == NULL)
        return berthi_fail(r->diag, BERTH_E_NOMEM, "%s: no memory to read it", b->folder);
    snprintf(name, room, "%s/%s", b->folder, b->manifest_name);
    source.name = name;
    source.text = (const char *)r->manifest.data;
    source.size = r->manifest.size;
    status = strcmp(b->manifest_name, BERTHI_MANIFEST_NAME) == 0
                 ? berthi_manifest_read(&source, &b->arena, &b->manifest, r->diag)
                 : berthi_polyplug_manifest_read(&source, &b->arena, &b->manifest, r->diag);
    if (status == BERTH_OK &&
        !berthi_sha256(r->manifest.data, r->manifest.size, b->manifest_digest))
        status = berthi_fail(r->diag, BERTH_E_NOMEM, "%s: no memory for a digest", b->folder);
    if (status == BERTH_OK)
        b->artifact = berthi_manifest_artifact(&b->manifest, berthi_host_os, berthi_host_arch);
    return status;
}

static berth_status read_artifact(reading *r)
{
    berthi_bundle *b = r->bundle;

    if (b->artifact == NULL)
        return berthi_fail(r->diag, BERTH_E_REJECTED, "%s: it has no artifact for %s %s",
                           b->folder, berthi_host_os, berthi_host_arch);
    return berthi_beneath_read(b->allocator, &r->beneath, b->artifact->file, bytes_max(r),
                               &b->bytes, r->diag);
}

/* ---------------------------------------------------------------- all files */

static berth_status check_path(const reading *r, const char *path)
{
    char shown[128];

    if (strlen(path) <= BERTHI_BUNDLE_PATH_MAX && berthi_utf8_is_plain_text(path, strlen(path)))
        return BERTH_OK;
    return berthi_fail(
        r->diag, BERTH_E_REJECTED,
        "%s: the name of the file `%s` is not plain UTF-8 of up to %d bytes", r->bundle->folder,
        berthi_utf8_show(shown, sizeof shown, path, strlen(path)), BERTHI_BUNDLE_PATH_MAX);
}

static berth_status digest_bytes(const reading *r, const berthi_file_bytes *bytes,
                                 berthi_bundle_file *file)
{
    file->size = bytes->size;
    return berthi_sha256(bytes->data, bytes->size, file->sha256)
               ? BERTH_OK
               : berthi_fail(r->diag, BERTH_E_NOMEM, "%s: no memory for a digest",
                             r->bundle->folder);
}

/* What was read already is digested as it is; anything else is read for that alone. */
static berth_status digest_file(const reading *r, const char *path, berthi_bundle_file *file)
{
    const berthi_bundle *b = r->bundle;
    berthi_file_bytes bytes;
    berth_status status = check_path(r, path);

    if (status != BERTH_OK)
        return status;
    file->path = path;
    if (strcmp(path, b->manifest_name) == 0)
        return digest_bytes(r, &r->manifest, file);
    if (b->bytes.data != NULL && strcmp(path, b->artifact->file) == 0)
        return digest_bytes(r, &b->bytes, file);
    status =
        berthi_beneath_read(b->allocator, &r->beneath, path, bytes_max(r), &bytes, r->diag);
    if (status != BERTH_OK)
        return status;
    status = digest_bytes(r, &bytes, file);
    berthi_file_free(b->allocator, &bytes);
    return status;
}

/* One that is too long for a signature is none, as is any other file in its place. */
static berth_status read_signature(reading *r, const char *name)
{
    berth_status status;

    if (!is_judged(r))
        return BERTH_OK;
    status = berthi_beneath_read(r->bundle->allocator, &r->beneath, name, SIGNATURE_BYTES_MAX,
                                 &r->signature, r->diag);
    r->is_long_signature = status == BERTH_E_LIMIT;
    return r->is_long_signature ? BERTH_OK : status;
}

/* Of a polyplug bundle that has no signature of ours: its own. */
static berth_status find_polyplug_signature(reading *r, const berthi_bundle_file *files,
                                            uint32_t count)
{
    berthi_bundle *b = r->bundle;
    bool is_there = false;

    for (uint32_t i = 0;
         strcmp(b->manifest_name, BERTHI_POLYPLUG_MANIFEST_NAME) == 0 && i < count; i++)
        is_there |= strcmp(files[i].path, BERTHI_POLYPLUG_SIGNATURE_NAME) == 0;
    if (!is_there)
        return BERTH_OK;
    r->is_polyplug_signature = true;
    if (!berthi_bundle_digest_polyplug(files, count, b->allocator, r->polyplug_digest))
        return berthi_fail(r->diag, BERTH_E_NOMEM, "%s: no memory for a digest", b->folder);
    return read_signature(r, BERTHI_POLYPLUG_SIGNATURE_NAME);
}

static berth_status digest_all(reading *r, berthi_arena *scratch)
{
    berthi_bundle *b = r->bundle;
    berthi_beneath_files all;
    berthi_bundle_file *files;
    uint32_t count = 0;
    bool has_manifest = false, has_artifact = b->bytes.data == NULL;
    berth_status status =
        berthi_beneath_list(&r->beneath, BERTHI_BUNDLE_FILES_MAX, scratch, &all, r->diag);

    if (status != BERTH_OK)
        return status;
    files = berthi_arena_array(scratch, all.count, sizeof *files);
    if (files == NULL)
        return berthi_fail(r->diag, BERTH_E_NOMEM, "%s: no memory for its names", b->folder);
    for (uint32_t i = 0; status == BERTH_OK && i < all.count; i++) {
        has_manifest |= strcmp(all.paths[i], b->manifest_name) == 0;
        has_artifact |= b->bytes.data != NULL && strcmp(all.paths[i], b->artifact->file) == 0;
        status = strcmp(all.paths[i], BERTHI_SIGNATURE_NAME) == 0
                     ? read_signature(r, BERTHI_SIGNATURE_NAME)
                     : digest_file(r, all.paths[i], &files[count++]);
    }
    if (status != BERTH_OK)
        return status;
    if (!has_manifest || !has_artifact) /* what is used has to be among what is signed */
        return berthi_fail(r->diag, BERTH_E_STATE, "%s: it changed while it was being read",
                           b->folder);
    if (!berthi_bundle_digest(files, count, b->allocator, b->digest))
        return berthi_fail(r->diag, BERTH_E_NOMEM, "%s: no memory for a digest", b->folder);
    b->is_digested = true;
    return count == all.count ? find_polyplug_signature(r, files, count) : BERTH_OK;
}

/* ---------------------------------------------------------------- trust */

static berth_status judge(reading *r)
{
    const berthi_trust *trust = r->how->trust;
    berthi_bundle *b = r->bundle;

    if (!is_judged(r))
        return BERTH_OK;
    if (r->is_polyplug_signature)
        berthi_signature_check_polyplug(r->signature.data,
                                        r->is_long_signature ? 0 : r->signature.size,
                                        r->polyplug_digest, trust, &b->signature);
    else if (r->is_long_signature)
        berthi_signature_check("", 0, b->digest, trust, &b->signature);
    else if (r->signature.data == NULL)
        b->signature =
            (berthi_signed){ .state = BERTH_SIGNATURE_UNSIGNED, .why = "it is not signed" };
    else
        berthi_signature_check((const char *)r->signature.data, r->signature.size, b->digest,
                               trust, &b->signature);
    if (trust->policy != BERTH_SIGNATURE_REQUIRE || b->signature.state == BERTH_SIGNATURE_GOOD)
        return BERTH_OK;
    return berthi_fail(r->diag, BERTH_E_REJECTED, "%s: %s; signatures are required", b->folder,
                       b->signature.why);
}

static berth_status read_parts(reading *r)
{
    berthi_arena scratch;
    berth_status status = read_manifest(r);

    if (status == BERTH_OK && r->how->with_bytes)
        status = read_artifact(r);
    if (status == BERTH_OK && (r->how->with_digest || is_judged(r))) {
        berthi_arena_init(&scratch, r->bundle->allocator, SIZE_MAX);
        status = digest_all(r, &scratch);
        berthi_arena_fini(&scratch);
        if (status == BERTH_OK)
            status = judge(r);
    }
    if (status == BERTH_OK && r->how->with_bytes &&
        berthi_bundle_kind_of(r->bundle->bytes.data, r->bundle->bytes.size) !=
            r->bundle->artifact->kind)
        status = berthi_fail(r->diag, BERTH_E_REJECTED, "%s/%s: is no %s", r->bundle->folder,
                             r->bundle->artifact->file,
                             berthi_bundle_kind_name(r->bundle->artifact->kind));
    return status;
}

static berthi_bundle *make(const char *folder, const berth_allocator *a)
{
    berthi_bundle *b = berthi_zalloc(a, sizeof *b);

    if (b == NULL)
        return NULL;
    b->allocator = a;
    b->signature.why = "";
    berthi_arena_init(&b->arena, a, SIZE_MAX);
    b->folder = berthi_arena_strndup(&b->arena, folder, strlen(folder));
    if (b->folder != NULL)
        return b;
    berthi_bundle_free(b);
    return NULL;
}

berth_status berthi_bundle_read(const char *folder, const berthi_bundle_reading *how,
                                berthi_bundle **bundle_out, berth_diag *diag)
{
    reading r = { .how = how, .diag = diag, .bundle = make(folder, how->allocator) };
    berth_status status;

    if (r.bundle == NULL)
        return berthi_fail(diag, BERTH_E_NOMEM, "%s: no memory to read it", folder);
    status = berthi_beneath_open(r.bundle->folder, &r.beneath, diag);
    if (status == BERTH_OK) {
        status = read_parts(&r);
        berthi_beneath_close(&r.beneath);
    }
    if (r.manifest.data != NULL)
        berthi_file_free(how->allocator, &r.manifest);
    if (r.signature.data != NULL)
        berthi_file_free(how->allocator, &r.signature);
    if (status == BERTH_OK)
        *bundle_out = r.bundle;
    else
        berthi_bundle_free(r.bundle);
    return status;
}

void berthi_bundle_end_bytes(berthi_bundle *bundle)
{
    if (bundle->bytes.data != NULL)
        berthi_file_free(bundle->allocator, &bundle->bytes);
}

void berthi_bundle_free(berthi_bundle *bundle)
{
    if (bundle == NULL)
        return;
    berthi_bundle_end_bytes(bundle);
    berthi_arena_fini(&bundle->arena);
    berthi_free(bundle->allocator, bundle, sizeof *bundle);
}
