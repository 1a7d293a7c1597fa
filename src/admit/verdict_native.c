/* verdict_native.c - what a native plugin is made of, for people and machines.  Layer: admit. */
#include <inttypes.h>

#include "admit/native_plugin.h"
#include "admit/report.h"

static uint32_t listed(uint32_t count)
{
    return count < BERTHI_ELF_LISTED_MAX ? count : BERTHI_ELF_LISTED_MAX;
}

static const char *or_null(const char *text, const char *other)
{
    return text == NULL ? other : text;
}

/* ---------------------------------------------------------------- for people */

static void put_list(const char *label, const char *const *items, uint32_t shown,
                     uint32_t count, berthi_text_buf *out)
{
    for (uint32_t i = 0; i < shown; i++)
        berthi_text_buf_putf(out, "%-11s%s\n", i == 0 ? label : "", items[i]);
    if (count > shown)
        berthi_text_buf_putf(out, "%-11sand %" PRIu32 " more\n", "", count - shown);
    if (count == 0)
        berthi_text_buf_putf(out, "%-11snone\n", label);
}

static void put_constructors(const berthi_native_info *info, berthi_text_buf *out)
{
    for (uint32_t i = 0; i < listed(info->constructors_count); i++) {
        const berthi_native_constructor *c = &info->constructors[i];

        berthi_text_buf_putf(out, "%-11s0x%" PRIx64 "  %s\n", i == 0 ? "at load" : "",
                             c->address, or_null(c->name, "a function without a name"));
    }
    if (info->constructors_count > BERTHI_ELF_LISTED_MAX)
        berthi_text_buf_putf(out, "%-11sand %" PRIu32 " more\n", "",
                             info->constructors_count - BERTHI_ELF_LISTED_MAX);
    if (info->constructors_count == 0)
        berthi_text_buf_puts(out, "at load    nothing runs\n");
}

static void put_mapping(const berthi_native_info *info, berthi_text_buf *out)
{
    berthi_text_buf_putf(out, "memory     %" PRIu64 " bytes\n", info->memory_bytes);
    if (info->is_nodelete)
        berthi_text_buf_puts(out, "stays      it asks never to be unmapped (-z nodelete)\n");
    if (info->unique_count != 0)
        put_list("stays for", info->unique, listed(info->unique_count), info->unique_count,
                 out);
    if (info->has_tls_ends)
        berthi_text_buf_puts(out, "may stay   it has destructors of thread-local objects\n");
}

static void put_contracts(const berthi_native_info *info, berthi_text_buf *out)
{
    char hex[BERTHI_SHA256_HEX_SIZE];

    for (uint32_t i = 0; i < info->contracts_count; i++) {
        berthi_sha256_hex(info->contracts[i].digest, hex);
        berthi_text_buf_putf(out, "%-11s%s  %.16s...\n", i == 0 ? "contracts" : "",
                             info->contracts[i].name, hex);
    }
    if (info->contracts_count == 0)
        berthi_text_buf_puts(out, "contracts  none\n");
}

void berthi_native_text(const berthi_report *report, berthi_text_buf *out)
{
    const berthi_native_info *info = report->native == NULL ? NULL : &report->native->info;

    if (info == NULL || info->needed == NULL)
        return;
    berthi_text_buf_putf(out, "\nmachine    %s\n", or_null(info->machine, "?"));
    if (info->id != NULL) {
        berthi_text_buf_putf(out, "plugin     %s, ABI %u.%u\n", info->id, info->abi_major,
                             info->abi_minor);
        put_contracts(info, out);
    }
    if (info->soname != NULL)
        berthi_text_buf_putf(out, "soname     %s\n", info->soname);
    put_list("needs", info->needed, info->needed_count, info->needed_count, out);
    if (info->runpath != NULL)
        berthi_text_buf_putf(out, "looked for %s\n", info->runpath);
    put_constructors(info, out);
    put_mapping(info, out);
    if (report->wit.size != 0 || report->wit_is_missing)
        berthi_world_text(report, out);
}

/* ---------------------------------------------------------------- for machines */

static void put_texts(berthi_json_writer *w, const char *key, const char *const *items,
                      uint32_t shown, uint32_t count)
{
    berthi_json_object(w, key);
    berthi_json_uint(w, "count", count);
    berthi_json_array(w, "items");
    for (uint32_t i = 0; i < shown; i++)
        berthi_json_string(w, NULL, items[i]);
    berthi_json_end(w);
    berthi_json_end(w);
}

static void put_constructors_json(berthi_json_writer *w, const berthi_native_info *info)
{
    berthi_json_object(w, "constructors");
    berthi_json_uint(w, "count", info->constructors_count);
    berthi_json_array(w, "items");
    for (uint32_t i = 0; i < listed(info->constructors_count); i++) {
        berthi_json_object(w, NULL);
        berthi_json_uint(w, "address", info->constructors[i].address);
        berthi_json_string(w, "name", info->constructors[i].name);
        berthi_json_end(w);
    }
    berthi_json_end(w);
    berthi_json_end(w);
}

static void put_contracts_json(berthi_json_writer *w, const berthi_native_info *info)
{
    char hex[BERTHI_SHA256_HEX_SIZE];

    berthi_json_array(w, "contracts");
    for (uint32_t i = 0; i < info->contracts_count; i++) {
        berthi_sha256_hex(info->contracts[i].digest, hex);
        berthi_json_object(w, NULL);
        berthi_json_string(w, "name", info->contracts[i].name);
        berthi_json_string(w, "digest", hex);
        berthi_json_end(w);
    }
    berthi_json_end(w);
}

void berthi_native_json(const berthi_report *report, berthi_json_writer *w)
{
    const berthi_native_info *info = report->native == NULL ? NULL : &report->native->info;

    if (info == NULL || info->needed == NULL) {
        berthi_json_null(w, "native");
        return;
    }
    berthi_json_object(w, "native");
    berthi_json_string(w, "machine", info->machine);
    berthi_json_string(w, "id", info->id);
    berthi_json_uint(w, "abi_major", info->abi_major);
    berthi_json_uint(w, "abi_minor", info->abi_minor);
    put_contracts_json(w, info);
    berthi_json_string(w, "soname", info->soname);
    berthi_json_string(w, "runpath", info->runpath);
    put_texts(w, "needed", info->needed, info->needed_count, info->needed_count);
    put_constructors_json(w, info);
    berthi_json_uint(w, "destructors", info->destructors_count);
    berthi_json_uint(w, "exports", info->exports_count);
    put_texts(w, "unique", info->unique, listed(info->unique_count), info->unique_count);
    berthi_json_bool(w, "is_nodelete", info->is_nodelete);
    berthi_json_bool(w, "has_thread_local_destructors", info->has_tls_ends);
    berthi_json_uint(w, "memory_bytes", info->memory_bytes);
    if (report->wit.size == 0 || report->wit_is_missing)
        berthi_json_null(w, "wit");
    else
        berthi_json_text(w, "wit", report->wit.data, report->wit.size);
    berthi_json_end(w);
}
