/* profile.c - the hook profiles, as data.  Layer: admit. */
#include "admit/admit.h"

#include "admit/cclb_probes.h"
#include "service/preview1/preview1.h"

/* Plugins of tool-chains that have a system in mind. */
static const berthi_host_module *const berth_imports[] = { &berthi_preview1_module, NULL };

static const char *const berth_kinds[] = { "hook", NULL };

const berthi_profile berthi_profile_berth = {
    .id = "berth-hook/1",
    .memory = "memory",
    .alloc = "berth_alloc",
    .free = "berth_free",
    .hook_prefix = "berth_hook_",
    .alloc_type = "ii:i",
    .free_type = "iii:",
    .hook_type = "ii:I",
    .imports = berth_imports,
    .calls_initialize = true,
    .metadata_section = "berth.plugin.v1",
    .name_is_strict = true,
    .kinds = berth_kinds,
    .input_owner = BERTHI_INPUT_HOST,
    .empty_reply_allowed = true,
    .takes_components = true,
};

/* cc-lb names the layout of each hook's request by a BLAKE3 fingerprint.  These are the ones
 * that its wire crate 0.9.0 (October 2026) and the plugins built with it carry. */
static const uint8_t schema_filter_v1[BERTHI_SCHEMA_SIZE] = {
    0xf2, 0x0f, 0x66, 0x95, 0x42, 0x34, 0x9c, 0x00, 0x2a, 0xcd, 0x04,
    0xb2, 0x30, 0x8f, 0xf0, 0xd8, 0x38, 0x99, 0xbf, 0x0c, 0xb5, 0xa1,
    0x7b, 0x81, 0x8c, 0x1d, 0x93, 0x8a, 0xdd, 0xa5, 0x28, 0x34,
};
static const uint8_t schema_shape_v1[BERTHI_SCHEMA_SIZE] = {
    0x4d, 0x8d, 0xc5, 0x14, 0x0a, 0x59, 0xb0, 0x1f, 0x57, 0xee, 0xd2,
    0x10, 0xa8, 0x2d, 0x30, 0xac, 0xd0, 0x78, 0xdd, 0x1e, 0x6a, 0x6e,
    0x04, 0x72, 0x37, 0xbd, 0x46, 0x99, 0x0d, 0x10, 0xe8, 0xb6,
};
static const uint8_t schema_transform_response_v1[BERTHI_SCHEMA_SIZE] = {
    0x96, 0xaa, 0x46, 0xcb, 0xa2, 0x7a, 0x46, 0x67, 0x48, 0x71, 0xa2,
    0xa9, 0xe3, 0x48, 0xc4, 0xf1, 0x2d, 0x95, 0xcf, 0xd4, 0xf0, 0x6b,
    0x6e, 0x92, 0x37, 0x4b, 0xe2, 0xdb, 0xe8, 0x49, 0x93, 0xc1,
};
static const uint8_t schema_transform_sse_event_v1[BERTHI_SCHEMA_SIZE] = {
    0xaf, 0x8e, 0x62, 0x92, 0x45, 0x7a, 0xd7, 0xbf, 0x56, 0xe7, 0x7f,
    0xa5, 0x78, 0x13, 0xcb, 0x16, 0x00, 0x5f, 0x46, 0xcb, 0x8f, 0xd2,
    0xdf, 0xae, 0x01, 0xc9, 0x79, 0x5f, 0x6c, 0xa3, 0x1a, 0xcb,
};

static const berthi_profile_hook cclb_hooks[] = {
    { "filter", "filter", 1, schema_filter_v1, BERTHI_CCLB_PROBE(filter), false },
    { "shape", "shape", 1, schema_shape_v1, BERTHI_CCLB_PROBE(shape), false },
    { "transform_response", "shape", 1, schema_transform_response_v1,
      BERTHI_CCLB_PROBE(transform_response), true },
    { "transform_sse_event", "shape", 1, schema_transform_sse_event_v1,
      BERTHI_CCLB_PROBE(transform_sse_event), true },
};

static const char *const cclb_kinds[] = { "filter", "shape", NULL };

const berthi_profile berthi_profile_cclb = {
    .id = "cc-lb/1",
    .memory = "memory",
    .alloc = "cc_lb_alloc",
    .free = "cc_lb_free",
    .hook_prefix = "cc_lb_",
    .alloc_type = "ii:i",
    .free_type = "iii:",
    .hook_type = "ii:I",
    .metadata_section = "cc_lb.plugin.v1",
    .metadata_has_usage = true,
    .schema_prefix = "cc_lb.schema.",
    .kinds = cclb_kinds,
    .hooks = cclb_hooks,
    .hooks_count = sizeof cclb_hooks / sizeof *cclb_hooks,
    .input_owner = BERTHI_INPUT_GUEST,
    .alloc_when_empty = true,
};

const berthi_profile *const berthi_profiles[] = { &berthi_profile_berth, &berthi_profile_cclb,
                                                  NULL };

const berthi_profile *berthi_profile_find(const berthi_profile *const *profiles, const char *id)
{
    for (size_t i = 0; profiles[i] != NULL; i++)
        if (strcmp(profiles[i]->id, id) == 0)
            return profiles[i];
    return NULL;
}
