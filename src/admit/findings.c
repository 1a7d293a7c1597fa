/* findings.c - what speaks against an artifact, collected.  Layer: admit. */
#include "admit/findings.h"

#include <stdarg.h>
#include <stdio.h>

void berthi_findings_init(berthi_findings *findings, berthi_arena *arena)
{
    *findings = (berthi_findings){ .arena = arena };
    findings->last = &findings->first;
}

void berthi_find(berthi_scope scope, const char *rule, uint64_t offset, const char *format, ...)
{
    berthi_findings *findings = scope.findings;
    berthi_finding *finding = berthi_arena_alloc(findings->arena, sizeof *finding);
    char text[512];
    va_list args;

    va_start(args, format);
    if (vsnprintf(text, sizeof text, format, args) < 0)
        text[0] = '\0';
    va_end(args);
    if (finding != NULL)
        finding->text = berthi_arena_strndup(findings->arena, text, strlen(text));
    if (finding == NULL || finding->text == NULL) {
        findings->out_of_memory = true;
        return;
    }
    finding->profile = scope.profile;
    finding->kind = scope.kind;
    finding->rule = rule;
    finding->offset = offset;
    *findings->last = finding;
    findings->last = &finding->next;
}

bool berthi_finding_concerns(const berthi_finding *finding, const char *profile,
                             const char *kind)
{
    /* Names of profiles and kinds are those of the tables: the pointers are the names. */
    if (finding->profile != NULL && finding->profile != profile)
        return false;
    return finding->kind == NULL || finding->kind == kind;
}
