/* fuzz_flow_file.c - flow files from anybody: each is taken, or refused with findings that have a place.
 *
 * The first line is a key that is set from outside; the rest is the file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <berth/flow_file.h>

#include "fuzz.h"

static void found(void *ctx, const berth_flow_file_finding *finding)
{
    uint32_t *errors = ctx;

    CHECK(finding->line >= 1 && finding->column >= 1);
    CHECK(finding->text != NULL && finding->text[0] != '\0');
    *errors += finding->severity == BERTH_FLOW_ERROR;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const environment[] = { "A=a", "B=", NULL };
    berth_flow_file_options options = BERTH_FLOW_FILE_OPTIONS_INIT;
    const uint8_t *end = size == 0 ? NULL : memchr(data, '\n', size);
    size_t head = end == NULL ? 0 : (size_t)(end - data);
    char setting[256];
    const char *const settings[] = { setting };
    berth_flow_file *file = NULL;
    berth_arena *arena;
    const char *json;
    uint32_t errors = 0;
    berth_diag diag = { 0 };
    berth_status status;

    snprintf(setting, sizeof setting, "%.*s", (int)(head < 255 ? head : 255),
             (const char *)data);
    options.settings = settings;
    options.settings_count = head != 0;
    options.environment = environment;
    options.found = found;
    options.found_ctx = &errors;
    status = berth_flow_file_parse("f", (const char *)data + head, size - head, &options, &file,
                                   &diag);
    CHECK(status == BERTH_OK || status == BERTH_E_REJECTED || status == BERTH_E_LIMIT);
    CHECK((status == BERTH_E_REJECTED) == (errors != 0));
    CHECK((status == BERTH_OK) == (diag.text[0] == '\0'));
    if (status != BERTH_OK)
        return 0;
    CHECK(berth_arena_create(NULL, 0, &arena, NULL) == BERTH_OK);
    CHECK(berth_flow_file_json(file, arena, &json) == BERTH_OK);
    CHECK(json[0] == '{' && json[strlen(json) - 2] == '}');
    berth_arena_destroy(arena);
    berth_flow_file_destroy(file);
    return 0;
}
