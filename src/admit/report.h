/* admit/report.h - everything that is known about an artifact, and saying it.
 * Private to src/admit. */
#ifndef BERTHI_ADMIT_REPORT_H
#define BERTHI_ADMIT_REPORT_H

#include "admit/check.h"
#include "base/digest.h"
#include "base/json_writer.h"
#include "base/text_buf.h"

enum {
    BERTHI_PROFILES_MAX = 8,
    BERTHI_PRODUCERS_MAX = 64,   /* kept; the count is of all */
    BERTHI_LIST_MAX = 1000,      /* entries of any list that are written out */
    BERTHI_LISTED_NAME_MAX = 256 /* bytes of a name in JSON; longer ones are cut */
};

typedef struct berthi_producer {
    berthi_name field, name, version;
} berthi_producer;

typedef struct berthi_report {
    size_t size;
    char sha256[BERTHI_SHA256_HEX_SIZE];
    berthi_artifact artifact;
    berthi_findings findings;
    berthi_profile_view views[BERTHI_PROFILES_MAX];
    uint32_t views_count; /* 0 unless the artifact is a readable module */
    berthi_producer producers[BERTHI_PRODUCERS_MAX];
    uint32_t producers_count;
    berthi_text_buf wit; /* the world of a component, or of a shared object */
    bool wit_is_missing; /* there would be too much of it */
    const struct berthi_native_plugin
        *native; /* of an ELF file, what could be read; else NULL */
} berthi_report;

/* How many profile and kind pairs nothing speaks against. */
uint32_t berthi_report_fits(const berthi_report *report);

const char *berthi_artifact_kind_name(berthi_artifact_kind kind); /* for machines */

/* What a component is made of, and its world. */
void berthi_component_json(const berthi_report *report, berthi_json_writer *w);
void berthi_component_text(const berthi_report *report, berthi_text_buf *out);

/* The world, for people. */
void berthi_world_text(const berthi_report *report, berthi_text_buf *out);

/* The same of a shared object. */
void berthi_native_json(const berthi_report *report, berthi_json_writer *w);
void berthi_native_text(const berthi_report *report, berthi_text_buf *out);
/* Nothing speaks against it: slots of berth-hook/1 take it, for typed calls. */
bool berthi_native_fits(const berthi_report *report);

/* What a plugin is called by, where it fits. */
bool berthi_report_has_typed(const berthi_report *report);
bool berthi_report_has_hooks(const berthi_report *report, const berthi_profile_view *view);
/* The grants that an import of a core module asks for; NULL: none. */
const char *berthi_import_asks(const berthi_wasm_import *import, bool *is_needed_out);
bool berthi_report_is_stage(const berthi_report *report);

void berthi_report_json(const berthi_report *report, berthi_text_buf *out);
void berthi_report_text(const berthi_report *report, berthi_text_buf *out);

#endif
