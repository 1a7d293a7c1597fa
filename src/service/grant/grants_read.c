/* grants_read.c - the grammar of grants (docs/grants.md).  Layer: service. */
#include "service/grant/grants_read.h"

#include <stdio.h>

#include "base/diag.h"
#include "base/utf8.h"
#include "os/environment.h"

enum { LINE_BYTES_MAX = 8192, VARIABLES_MAX = 4096 };

typedef enum subject {
    SUBJECT_NONE,
    SUBJECT_PATH,
    SUBJECT_HOST,
    SUBJECT_HTTP,
    SUBJECT_ENV,
    SUBJECT_MOUNT
} subject;

typedef struct head {
    const char *name;
    subject subject;
    uint32_t rights;  /* bits */
    bool may_be_bare; /* without a host: any */
} head;

#define BIT(right) (1u << BERTHI_RIGHT_##right)

/* A name comes before those that it begins with. */
static const head heads[] = {
    { "fs:read", SUBJECT_PATH, BIT(FS_READ), false },
    { "fs:write", SUBJECT_PATH, BIT(FS_WRITE), false },
    { "fs:mount", SUBJECT_MOUNT, 0, false },
    { "net:connect", SUBJECT_HOST, BIT(NET_CONNECT), false },
    { "net:listen", SUBJECT_HOST, BIT(NET_LISTEN), true },
    { "net:private", SUBJECT_NONE, BIT(NET_PRIVATE), false },
    { "http", SUBJECT_HTTP, BIT(HTTP), false },
    { "env", SUBJECT_ENV, BIT(ENV), false },
    { "clock:wall", SUBJECT_NONE, BIT(CLOCK_WALL), false },
    { "clock:monotonic", SUBJECT_NONE, BIT(CLOCK_MONOTONIC), false },
    { "clock", SUBJECT_NONE, BIT(CLOCK_WALL) | BIT(CLOCK_MONOTONIC), false },
    { "random", SUBJECT_NONE, BIT(RANDOM), false },
    { "stdio:in", SUBJECT_NONE, BIT(STDIN), false },
    { "stdio:out", SUBJECT_NONE, BIT(STDOUT), false },
    { "stdio:err", SUBJECT_NONE, BIT(STDERR), false },
    { "stdio", SUBJECT_NONE, BIT(STDIN) | BIT(STDOUT) | BIT(STDERR), false },
};

static const char *const names[BERTHI_RIGHTS] = {
    [BERTHI_RIGHT_FS_READ] = "fs:read",
    [BERTHI_RIGHT_FS_WRITE] = "fs:write",
    [BERTHI_RIGHT_NET_CONNECT] = "net:connect",
    [BERTHI_RIGHT_NET_LISTEN] = "net:listen",
    [BERTHI_RIGHT_NET_PRIVATE] = "net:private",
    [BERTHI_RIGHT_HTTP] = "http",
    [BERTHI_RIGHT_ENV] = "env",
    [BERTHI_RIGHT_CLOCK_WALL] = "clock:wall",
    [BERTHI_RIGHT_CLOCK_MONOTONIC] = "clock:monotonic",
    [BERTHI_RIGHT_RANDOM] = "random",
    [BERTHI_RIGHT_STDIN] = "stdio:in",
    [BERTHI_RIGHT_STDOUT] = "stdio:out",
    [BERTHI_RIGHT_STDERR] = "stdio:err",
};

const char *berthi_right_name(berthi_right right)
{
    return names[right];
}

/* ---------------------------------------------------------------- failing */

static berth_status bad_line(const char *line, const char *why, berth_diag *diag)
{
    char shown[160];

    return berthi_fail(diag, BERTH_E_INVALID, "grant `%s`: %s",
                       berthi_utf8_show(shown, sizeof shown, line, strlen(line)), why);
}

static berth_status no_memory(berth_diag *diag)
{
    return berthi_fail(diag, BERTH_E_NOMEM, "out of memory for grants");
}

/* ---------------------------------------------------------------- subjects */

/* For each right of the head, one grant like `like`. */
static berth_status add(berth_grants *g, const head *h, const berthi_grant *like,
                        berth_diag *diag)
{
    for (uint32_t right = 0; right < BERTHI_RIGHTS; right++) {
        berthi_grant *grant;

        if ((h->rights >> right & 1) == 0)
            continue;
        grant = berthi_arena_alloc(&g->arena, sizeof *grant);
        if (grant == NULL)
            return no_memory(diag);
        *grant = *like;
        grant->next = g->rights[right];
        g->rights[right] = grant;
    }
    return BERTH_OK;
}

static berth_status read_path(berth_grants *g, const head *h, const char *rest,
                              berthi_grant *grant, berth_diag *diag)
{
    const char *wrong = berthi_path_pattern_check(rest);

    if (wrong != NULL)
        return bad_line(grant->line, wrong, diag);
    grant->text = rest;
    return add(g, h, grant, diag);
}

static berth_status read_host(berth_grants *g, const head *h, const char *rest,
                              berthi_grant *grant, berth_diag *diag)
{
    const char *wrong =
        berthi_host_pattern_read(rest[0] == '\0' ? "*:*" : rest, 1, 0, &grant->host);

    if (wrong != NULL)
        return bad_line(grant->line, wrong, diag);
    return add(g, h, grant, diag);
}

/* METHOD:HOST, METHOD:HOST:PORT.  Without a port it is for those of http and https. */
static berth_status read_http(berth_grants *g, const head *h, const char *rest,
                              berthi_grant *grant, berth_diag *diag)
{
    const char *colon = strchr(rest, ':'), *wrong;
    size_t size = colon == NULL ? 0 : (size_t)(colon - rest);

    if (size == 0)
        return bad_line(grant->line, "a method and a host follow, as in `http:get:example.org`",
                        diag);
    for (size_t i = 0; i < size; i++)
        if (!(rest[i] >= 'a' && rest[i] <= 'z') && rest[i] != '-' &&
            !(rest[i] == '*' && size == 1))
            return bad_line(grant->line, "a method is in small letters, or `*` for any", diag);
    wrong = berthi_host_pattern_read(colon + 1, 0, 0, &grant->host);
    if (wrong != NULL)
        return bad_line(grant->line, wrong, diag);
    grant->text = berthi_arena_strndup(&g->arena, rest, size);
    if (grant->text == NULL)
        return no_memory(diag);
    return add(g, h, grant, diag);
}

/* ---------------------------------------------------------------- environment */

static bool has_variable(const berth_grants *g, const char *name, size_t size)
{
    for (uint32_t i = 0; i < g->variables_count; i++)
        if (strlen(g->variables[i].name) == size &&
            memcmp(g->variables[i].name, name, size) == 0)
            return true;
    return false;
}

/* The first line that gives a variable decides. */
static berth_status add_variable(berth_grants *g, const char *name, size_t name_size,
                                 const char *value, berth_diag *diag)
{
    berthi_grant_variable *v;

    if (has_variable(g, name, name_size) || !berthi_utf8_is_valid(name, name_size) ||
        !berthi_utf8_is_valid(value, strlen(value)))
        return BERTH_OK;
    if (g->variables_count >= VARIABLES_MAX)
        return berthi_fail(diag, BERTH_E_LIMIT, "more than %d variables", VARIABLES_MAX);
    if (g->variables_count == g->variables_room) {
        uint32_t room = g->variables_room == 0 ? 16 : 2 * g->variables_room;

        v = berthi_arena_array(&g->arena, room, sizeof *v);
        if (v == NULL)
            return no_memory(diag);
        if (g->variables_count != 0)
            memcpy(v, g->variables, g->variables_count * sizeof *v);
        g->variables = v;
        g->variables_room = room;
    }
    v = &g->variables[g->variables_count];
    v->name = berthi_arena_strndup(&g->arena, name, name_size);
    v->value = berthi_arena_strndup(&g->arena, value, strlen(value));
    if (v->name == NULL || v->value == NULL)
        return no_memory(diag);
    g->variables_count++;
    return BERTH_OK;
}

static berth_status take_variables(berth_grants *g, const char *pattern, berth_diag *diag)
{
    for (size_t i = 0;; i++) {
        const char *entry = berthi_environment_at(i), *equals;
        berth_status status;

        if (entry == NULL)
            return BERTH_OK;
        equals = strchr(entry, '=');
        if (equals == NULL ||
            !berthi_part_matches(pattern, strlen(pattern), entry, (size_t)(equals - entry)))
            continue;
        status = add_variable(g, entry, (size_t)(equals - entry), equals + 1, diag);
        if (status != BERTH_OK)
            return status;
    }
}

/* NAME with the value that this process has, or NAME=VALUE.  Denials are of names alone. */
static berth_status read_env(berth_grants *g, const head *h, const char *rest,
                             berthi_grant *grant, berth_diag *diag)
{
    const char *equals = strchr(rest, '=');
    berth_status status;

    if (rest[0] == '\0' || rest[0] == '=')
        return bad_line(grant->line, "the name of a variable follows", diag);
    if (equals != NULL && grant->is_denial)
        return bad_line(grant->line, "a variable is denied by its name", diag);
    grant->text = rest;
    status = add(g, h, grant, diag);
    if (status != BERTH_OK || grant->is_denial)
        return status;
    if (equals != NULL)
        return add_variable(g, rest, (size_t)(equals - rest), equals + 1, diag);
    return take_variables(g, rest, diag);
}

/* ---------------------------------------------------------------- folders */

/* GUEST=HOST */
static berth_status read_mount(berth_grants *g, const char *rest, const berthi_grant *grant,
                               berth_diag *diag)
{
    const char *equals = strchr(rest, '=');
    berthi_grant_mount *m;

    if (grant->is_denial)
        return bad_line(grant->line, "a mount is no right, and cannot be denied", diag);
    if (equals == NULL || !berthi_path_is_plain(rest, (size_t)(equals - rest)) ||
        equals[1] == '\0')
        return bad_line(grant->line,
                        "the plugin's name of a folder and that of this system follow, as in "
                        "`fs:mount:/data=/srv/data`",
                        diag);
    m = berthi_arena_alloc(&g->arena, sizeof *m);
    if (m == NULL)
        return no_memory(diag);
    *m = (berthi_grant_mount){
        .next = g->mounts,
        .guest = berthi_arena_strndup(&g->arena, rest, (size_t)(equals - rest)),
        .host = berthi_arena_strndup(&g->arena, equals + 1, strlen(equals + 1))
    };
    g->mounts = m;
    return m->guest == NULL || m->host == NULL ? no_memory(diag) : BERTH_OK;
}

/* `path` is `folder`, or lies in it. */
static bool is_within(const char *path, size_t size, const char *folder)
{
    size_t of_folder = strlen(folder);

    if (of_folder == 1)
        return true;
    return size >= of_folder && memcmp(path, folder, of_folder) == 0 &&
           (size == of_folder || path[of_folder] == '/');
}

/* Where a folder of the plugin's is: below the mount with the longest name that it is in. */
static const char *host_of(berth_grants *g, const char *guest)
{
    const berthi_grant_mount *best = NULL;
    size_t size = strlen(guest), of_host, skip;
    char *path;

    for (const berthi_grant_mount *m = g->mounts; m != NULL; m = m->next)
        if (is_within(guest, size, m->guest) &&
            (best == NULL || strlen(m->guest) > strlen(best->guest)))
            best = m;
    if (best == NULL)
        return guest;
    skip = strlen(best->guest) == 1 ? 0 : strlen(best->guest);
    if (size == skip || size == 1)
        return best->host;
    of_host = strlen(best->host);
    path = berthi_arena_alloc(&g->arena, of_host + size - skip + 1);
    if (path == NULL)
        return NULL;
    memcpy(path, best->host, of_host);
    memcpy(path + of_host, guest + skip, size - skip + 1);
    return path;
}

static bool is_covered(const berth_grants *g, const char *guest, size_t size)
{
    for (uint32_t i = 0; i < g->folders_count; i++)
        if (is_within(guest, size, g->folders[i].guest))
            return true;
    return false;
}

static berth_status add_folder(berth_grants *g, const char *guest, size_t size,
                               berth_diag *diag)
{
    berthi_grant_folder *f = &g->folders[g->folders_count];

    f->guest = berthi_arena_strndup(&g->arena, guest, size);
    f->host = f->guest == NULL ? NULL : host_of(g, f->guest);
    if (f->host == NULL)
        return no_memory(diag);
    g->folders_count++;
    return BERTH_OK;
}

/* The shortest folder that is not there yet, among those in front of wildcards. */
static const char *next_folder(const berth_grants *g, size_t *size_out)
{
    const char *best = NULL;

    for (int right = BERTHI_RIGHT_FS_READ; right <= BERTHI_RIGHT_FS_WRITE; right++)
        for (const berthi_grant *grant = g->rights[right]; grant != NULL; grant = grant->next) {
            size_t size = grant->is_denial ? 0 : berthi_path_pattern_folder(grant->text);

            if (size == 0 || is_covered(g, grant->text, size) ||
                (best != NULL && size >= *size_out))
                continue;
            best = grant->text;
            *size_out = size;
        }
    return best;
}

static bool is_denied_variable(const berth_grants *g, const char *name)
{
    for (const berthi_grant *grant = g->rights[BERTHI_RIGHT_ENV]; grant != NULL;
         grant = grant->next)
        if (grant->is_denial &&
            berthi_part_matches(grant->text, strlen(grant->text), name, strlen(name)))
            return true;
    return false;
}

static void drop_denied_variables(berth_grants *g)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < g->variables_count; i++)
        if (!is_denied_variable(g, g->variables[i].name))
            g->variables[kept++] = g->variables[i];
    g->variables_count = kept;
}

static berth_status make_folders(berth_grants *g, berth_diag *diag)
{
    uint32_t room = 0;
    size_t size = 0;
    berth_status status = BERTH_OK;

    for (int right = BERTHI_RIGHT_FS_READ; right <= BERTHI_RIGHT_FS_WRITE; right++)
        for (const berthi_grant *grant = g->rights[right]; grant != NULL; grant = grant->next)
            room++;
    for (const berthi_grant_mount *m = g->mounts; m != NULL; m = m->next)
        room++;
    g->folders = berthi_arena_array(&g->arena, room, sizeof *g->folders);
    if (g->folders == NULL)
        return no_memory(diag);
    for (const char *guest; status == BERTH_OK && (guest = next_folder(g, &size)) != NULL;)
        status = add_folder(g, guest, size, diag);
    /* What is elsewhere has to be a folder of its own. */
    for (const berthi_grant_mount *m = g->mounts; status == BERTH_OK && m != NULL;
         m = m->next) {
        bool is_there = false;

        for (uint32_t i = 0; i < g->folders_count; i++)
            is_there = is_there || strcmp(g->folders[i].guest, m->guest) == 0;
        if (!is_there && is_covered(g, m->guest, strlen(m->guest)))
            status = add_folder(g, m->guest, strlen(m->guest), diag);
    }
    return status;
}

/* Where nothing says more than the right itself, a denial takes all of it. */
static bool has_right(const berth_grants *g, int right)
{
    bool is_whole = right >= BERTHI_RIGHT_CLOCK_WALL || right == BERTHI_RIGHT_NET_PRIVATE;
    bool is_granted = false;

    for (const berthi_grant *grant = g->rights[right]; grant != NULL; grant = grant->next) {
        if (grant->is_denial && is_whole)
            return false;
        is_granted = is_granted || !grant->is_denial;
    }
    return is_granted;
}

berth_status berthi_grants_settle(berth_grants *g, berth_diag *diag)
{
    for (int right = 0; right < BERTHI_RIGHTS; right++)
        g->has |= (uint32_t)has_right(g, right) << right;
    drop_denied_variables(g);
    return make_folders(g, diag);
}

/* ---------------------------------------------------------------- lines */

/* The head that a line begins with, and what follows its colon; "" when nothing does. */
static const head *find_head(const char *text, const char **rest_out)
{
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        size_t size = strlen(heads[i].name);

        if (strncmp(text, heads[i].name, size) != 0 ||
            (text[size] != ':' && text[size] != '\0'))
            continue;
        *rest_out = text[size] == ':' ? text + size + 1 : "";
        return &heads[i];
    }
    return NULL;
}

static berth_status read_subject(berth_grants *g, const head *h, const char *rest,
                                 berthi_grant *grant, berth_diag *diag)
{
    switch (h->subject) {
    case SUBJECT_PATH:
        return read_path(g, h, rest, grant, diag);
    case SUBJECT_HOST:
        return read_host(g, h, rest, grant, diag);
    case SUBJECT_HTTP:
        return read_http(g, h, rest, grant, diag);
    case SUBJECT_ENV:
        return read_env(g, h, rest, grant, diag);
    case SUBJECT_MOUNT:
        return read_mount(g, rest, grant, diag);
    case SUBJECT_NONE:
        break;
    }
    return add(g, h, grant, diag);
}

berth_status berthi_grants_read_line(berth_grants *g, const char *line, berth_diag *diag)
{
    berthi_grant grant = { .next = NULL };
    const char *text, *rest = "";
    const head *h;

    if (strlen(line) > LINE_BYTES_MAX)
        return berthi_fail(diag, BERTH_E_LIMIT, "a grant has more than %d bytes",
                           LINE_BYTES_MAX);
    if (!berthi_utf8_is_valid(line, strlen(line)))
        return bad_line(line, "this is not UTF-8", diag);
    grant.line = text = berthi_arena_strndup(&g->arena, line, strlen(line));
    if (text == NULL)
        return no_memory(diag);
    grant.is_denial = strncmp(text, "deny:", 5) == 0;
    if (grant.is_denial)
        text += 5;
    h = find_head(text, &rest);
    if (h == NULL)
        return bad_line(line,
                        "there are fs:read, fs:write, fs:mount, net:connect, net:listen, "
                        "net:private, http, env, clock, clock:wall, clock:monotonic, random, "
                        "stdio, stdio:in, stdio:out and stdio:err",
                        diag);
    if (h->subject == SUBJECT_NONE && rest[0] != '\0')
        return bad_line(line, "nothing follows this right", diag);
    if (h->subject == SUBJECT_HOST && rest[0] == '\0' && !h->may_be_bare)
        return bad_line(line, "a host and a port follow, as in `net:connect:example.org:443`",
                        diag);
    return read_subject(g, h, rest, &grant, diag);
}

/* ---------------------------------------------------------------- asking by a line */

/* HOST:PORT; false: it is not that. */
static bool check_host(const berth_grants *g, const head *h, const char *rest, bool *granted)
{
    berthi_host_pattern p;
    const char *wrong = berthi_host_pattern_read(rest, 1, 0, &p);
    berthi_right right = (berthi_right)__builtin_ctz(h->rights);

    if (wrong != NULL || p.port_first != p.port_last || p.form == BERTHI_HOST_ANY ||
        p.form == BERTHI_HOST_BELOW)
        return false;
    *granted =
        p.form == BERTHI_HOST_NAME
            ? berthi_grants_host(g, right, p.name, strlen(p.name), p.port_first)
            : berthi_grants_address(g, right, p.address, p.address_size, p.port_first, NULL, 0);
    return true;
}

/* METHOD:HOST:PORT, of 443 when there is none. */
static bool check_http(const berth_grants *g, const char *rest, bool *granted)
{
    const char *colon = strchr(rest, ':');
    berthi_host_pattern p;

    if (colon == NULL || berthi_host_pattern_read(colon + 1, 443, 443, &p) != NULL ||
        p.form == BERTHI_HOST_ANY || p.form == BERTHI_HOST_BELOW)
        return false;
    if (p.form == BERTHI_HOST_NAME) {
        *granted = berthi_grants_http(g, rest, (size_t)(colon - rest), p.name, strlen(p.name),
                                      p.port_first);
        return true;
    }
    *granted = berthi_grants_http(
        g, rest, (size_t)(colon - rest), colon + 1,
        strcspn(colon + 1, colon[1] == '[' ? "]" : ":") + (colon[1] == '['), p.port_first);
    return true;
}

static bool check_env(const berth_grants *g, const char *rest, bool *granted)
{
    uint32_t count;
    const berthi_grant_variable *variables = berthi_grants_environment(g, &count);

    for (uint32_t i = 0; i < count; i++)
        *granted = *granted || strcmp(variables[i].name, rest) == 0;
    return rest[0] != '\0';
}

/* All rights of a head that has no subject. */
static bool check_rights(const berth_grants *g, const head *h, const char *rest, bool *granted)
{
    *granted = true;
    for (int right = 0; right < BERTHI_RIGHTS; right++)
        if ((h->rights >> right & 1) != 0 && !berthi_grants_has(g, (berthi_right)right))
            *granted = false;
    return rest[0] == '\0';
}

static bool check_subject(const berth_grants *g, const head *h, const char *rest, bool *granted)
{
    switch (h->subject) {
    case SUBJECT_PATH:
        *granted =
            berthi_grants_path(g, (berthi_right)__builtin_ctz(h->rights), rest, strlen(rest));
        return true;
    case SUBJECT_HOST:
        return check_host(g, h, rest, granted);
    case SUBJECT_HTTP:
        return check_http(g, rest, granted);
    case SUBJECT_ENV:
        return check_env(g, rest, granted);
    case SUBJECT_NONE:
        return check_rights(g, h, rest, granted);
    case SUBJECT_MOUNT:
        break;
    }
    return false;
}

berth_status berth_grants_check(const berth_grants *grants, const char *line, berth_diag *diag)
{
    const char *rest = "";
    bool granted = false;
    const head *h;

    BERTHI_REQUIRE(grants != NULL && line != NULL, diag);
    h = find_head(line, &rest);
    if (h == NULL || !check_subject(grants, h, rest, &granted))
        return bad_line(line, "this asks for nothing that can be granted", diag);
    if (granted)
        return BERTH_OK;
    return berthi_fail(diag, BERTH_E_REJECTED, "`%.200s` is not granted%s", line,
                       berthi_grants_are_revoked(grants) ? ": all was revoked" : "");
}
