/* admit/findings.h - what speaks against an artifact, collected.  Private to src/admit. */
#ifndef BERTHI_ADMIT_FINDINGS_H
#define BERTHI_ADMIT_FINDINGS_H

#include "base/alloc.h"
#include "base/utf8.h"
#include "wasm/module.h"

#define BERTHI_NO_OFFSET UINT64_MAX

typedef struct berthi_finding {
    const char *profile; /* NULL: speaks against every profile */
    const char *kind;    /* NULL: against every kind of the profile */
    const char *rule;    /* a stable name, listed in docs/inspect-json.md */
    const char *text;
    uint64_t offset; /* into the artifact, or BERTHI_NO_OFFSET */
    struct berthi_finding *next;
} berthi_finding;

/* Lack of memory is sticky: checks go on, and whoever asked looks at out_of_memory. */
typedef struct berthi_findings {
    berthi_arena *arena; /* lent */
    berthi_finding *first, **last;
    bool out_of_memory;
} berthi_findings;

/* Where a finding belongs. */
typedef struct berthi_scope {
    berthi_findings *findings;
    const char *profile, *kind;
} berthi_scope;

void berthi_findings_init(berthi_findings *findings, berthi_arena *arena);

void berthi_find(berthi_scope scope, const char *rule, uint64_t offset, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The finding speaks against that profile and kind; a NULL kind asks for those that speak
 * against all kinds. */
bool berthi_finding_concerns(const berthi_finding *finding, const char *profile,
                             const char *kind);

/* A name from the artifact as it may stand in a text: printable, and not too long. */
#define BERTHI_SHOW(text_, size_) berthi_utf8_show((char[96]){ 0 }, 96, (text_), (size_))
#define BERTHI_SHOW_NAME(name_)   BERTHI_SHOW((name_).text, (name_).size)

#endif
