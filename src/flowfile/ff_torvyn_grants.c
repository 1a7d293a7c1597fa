/* ff_torvyn_grants.c - capabilities, in each of the spellings that are in use, as grants of ours.  Layer: flowfile.
 *
 * What is scoped stays scoped: a scope that cannot be said as a grant is wrong, and nothing is granted for it. */
#include "flowfile/ff_torvyn.h"

#include <stdio.h>

enum { LINE_ROOM = 320, GRANTS_MAX = 256 };

typedef enum scope_kind {
    NO_SCOPE,
    PATH_SCOPE,
    NET_SCOPE,
    LISTEN_SCOPE,
    HTTP_SCOPE,
    NAME_SCOPE
} scope_kind;

/* The beginning of a capability, and of the grant; none: it is always there. */
typedef struct capability {
    const char *said, *grant;
    scope_kind scope;
} capability;

static const capability capabilities[] = {
    { "filesystem:read", "fs:read", PATH_SCOPE },
    { "filesystem:write", "fs:write", PATH_SCOPE },
    { "wasi:filesystem/read", "fs:read", PATH_SCOPE },
    { "wasi:filesystem/write", "fs:write", PATH_SCOPE },
    { "filesystem-read", "fs:read", PATH_SCOPE },
    { "filesystem-write", "fs:write", PATH_SCOPE },
    { "wasi-filesystem-read", "fs:read", PATH_SCOPE },
    { "wasi-filesystem-write", "fs:write", PATH_SCOPE },
    { "network:tcp-connect", "net:connect", NET_SCOPE },
    { "network:udp", "net:connect", NET_SCOPE },
    { "network:egress", "net:connect", NET_SCOPE },
    { "wasi-network-egress", "net:connect", NET_SCOPE },
    { "network:tcp-listen", "net:listen", LISTEN_SCOPE },
    { "network:http-outgoing", "http:*", HTTP_SCOPE },
    { "clock:wall", "clock:wall", NO_SCOPE },
    { "clock:monotonic", "clock:monotonic", NO_SCOPE },
    { "wasi:clocks/wall-clock", "clock:wall", NO_SCOPE },
    { "wasi:clocks/monotonic-clock", "clock:monotonic", NO_SCOPE },
    { "wasi-clocks", "clock", NO_SCOPE },
    { "random:crypto", "random", NO_SCOPE },
    { "random:insecure", "random", NO_SCOPE },
    { "wasi:random/random", "random", NO_SCOPE },
    { "wasi-random", "random", NO_SCOPE },
    { "environment:read", "env", NAME_SCOPE },
    { "stdio:stdout", "stdio:out", NO_SCOPE },
    { "stdio:stderr", "stdio:err", NO_SCOPE },
    { "torvyn:resource-allocate", NULL, NO_SCOPE },
    { "torvyn:pool-access", NULL, NO_SCOPE },
    { "torvyn:emit-backpressure", NULL, NO_SCOPE },
    { "torvyn:inspect-flow-meta", NULL, NO_SCOPE },
    { "torvyn:runtime-inspect", NULL, NO_SCOPE },
    { "torvyn:custom-metrics", NULL, NO_SCOPE },
};
enum { CAPABILITIES = sizeof capabilities / sizeof *capabilities };

static const char *const everything[] = { "fs:read:/**", "fs:write:/**", "net:connect:*:*",
                                          "http:*:*",    "clock",        "random",
                                          "env:*",       "stdio" };
enum { EVERYTHING = sizeof everything / sizeof *everything };

static void add(ff_reader *r, ff_list *list, const char *line)
{
    if (list->count == GRANTS_MAX)
        return;
    for (uint32_t i = 0; i < list->count; i++)
        if (strcmp(list->at[i], line) == 0)
            return;
    line = berthi_ff_copy(r, line, strlen(line));
    if (line != NULL)
        list->at[list->count++] = line;
}

/* A folder and all below it, or what a pattern matches. */
static void add_path(ff_reader *r, const berthi_toml *value, const capability *c,
                     const char *scope, ff_list *list)
{
    size_t size = strlen(scope);
    char line[LINE_ROOM];

    if (scope[0] != '/') {
        berthi_ff_wrong(r, value, "such as \"filesystem:read:/var/log\"",
                        "`%.80s` is for no path; expected an absolute one",
                        value->as.string.text);
        return;
    }
    while (size > 1 && scope[size - 1] == '/')
        size--;
    if (size + 16 > sizeof line) {
        berthi_ff_wrong(r, value, NULL, "a path of %zu bytes is too long", size);
        return;
    }
    if (strpbrk(scope, "*?[") != NULL)
        snprintf(line, sizeof line, "%s:%s", c->grant, scope);
    else
        snprintf(line, sizeof line, "%s:%.*s%s", c->grant, (int)size, scope,
                 size == 1 ? "**" : "/**");
    add(r, list, line);
}

/* False: there is no host, or no port. */
static bool add_ports(ff_reader *r, const capability *c, const char *host, size_t size,
                      const char *ports, ff_list *list)
{
    char line[LINE_ROOM];

    for (const char *p = ports; p != NULL;
         p = strchr(p, ',') == NULL ? NULL : strchr(p, ',') + 1) {
        size_t port = strcspn(p, ",");

        if (size + port + 20 > sizeof line || size == 0 || port == 0)
            return false;
        if (c->scope == HTTP_SCOPE && *p == '*')
            snprintf(line, sizeof line, "%s:%.*s", c->grant, (int)size, host);
        else
            snprintf(line, sizeof line, "%s:%.*s:%.*s", c->grant, (int)size, host, (int)port,
                     p);
        add(r, list, line);
    }
    return true;
}

/* "host1,host2:port1,lo-hi", "*", "*:*", or nothing. */
static void add_hosts(ff_reader *r, const berthi_toml *value, const capability *c,
                      const char *scope, ff_list *list)
{
    const char *colon = strrchr(scope, ':'), *ports = "*", *host = scope;
    size_t hosts = strlen(scope);

    if (colon != NULL && strspn(colon + 1, "0123456789-,*") == strlen(colon + 1)) {
        ports = colon[1] == '\0' ? "*" : colon + 1;
        hosts = (size_t)(colon - scope);
    }
    if (hosts == 0) {
        host = "*";
        hosts = 1;
    }
    for (size_t at = 0; at < hosts;) {
        size_t size = strcspn(host + at, ",");

        if (size > hosts - at)
            size = hosts - at;
        if (!add_ports(r, c, host + at, size, ports, list)) {
            berthi_ff_wrong(r, value, "such as \"network:tcp-connect:db.example.org:5432\"",
                            "`%.80s` has no hosts and ports", value->as.string.text);
            return;
        }
        at += size + 1;
    }
}

/* A variable, or all of them. */
static void add_name(ff_reader *r, const capability *c, const char *scope, ff_list *list)
{
    const char *line = berthi_ff_print(r, "%s:%s", c->grant, scope[0] == '\0' ? "*" : scope);

    if (line != NULL)
        add(r, list, line);
}

static const capability *find(const char *text, const char **scope_out)
{
    const capability *best = NULL;
    size_t longest = 0;

    for (size_t i = 0; i < CAPABILITIES; i++) {
        size_t size = strlen(capabilities[i].said);

        if (size >= longest && strncmp(text, capabilities[i].said, size) == 0 &&
            (text[size] == '\0' || text[size] == ':')) {
            best = &capabilities[i];
            longest = size;
            *scope_out = text[size] == ':' ? text + size + 1 : "";
        }
    }
    return best;
}

/* Of "filesystem:reed:/x" what stands before the second colon. */
static const char *without_scope(ff_reader *r, const char *text)
{
    size_t size = strcspn(text, ":");

    if (text[size] == ':')
        size += 1 + strcspn(text + size + 1, ":");
    text = berthi_ff_copy(r, text, size);
    return text == NULL ? "" : text;
}

static void translate(ff_reader *r, const berthi_toml *value, ff_list *list)
{
    const char *names[CAPABILITIES + 1], *text, *scope = "";
    const capability *c;

    if (value->kind != BERTHI_TOML_STRING) {
        berthi_ff_wrong(r, value, NULL, "a capability is %s; expected a string",
                        berthi_toml_kind_name((berthi_toml_kind)value->kind));
        return;
    }
    text = value->as.string.text + (value->as.string.text[0] == '?'); /* optional */
    c = strlen(value->as.string.text) == value->as.string.length ? find(text, &scope) : NULL;
    for (size_t i = 0; i < CAPABILITIES; i++)
        names[i] = capabilities[i].said;
    names[CAPABILITIES] = NULL;
    if (c == NULL)
        berthi_ff_wrong(r, value, berthi_ff_did_you_mean(r, without_scope(r, text), names),
                        "`%.80s` is no capability", text);
    else if (c->scope == PATH_SCOPE)
        add_path(r, value, c, scope, list);
    else if (c->scope == NET_SCOPE || c->scope == HTTP_SCOPE ||
             (c->scope == LISTEN_SCOPE && scope[0] != '\0'))
        add_hosts(r, value, c, scope, list);
    else if (c->scope == NAME_SCOPE)
        add_name(r, c, scope, list);
    else if (c->grant != NULL && scope[0] != '\0')
        berthi_ff_wrong(r, value, NULL, "`%.80s` has a scope, and is given whole or not at all",
                        text);
    else if (c->grant != NULL)
        add(r, list, c->grant);
}

void berthi_ff_torvyn_grants(ff_reader *r, const ff_torvyn *t, const char *component,
                             const char *node, ff_list *grants_out)
{
    const berthi_toml *security = berthi_toml_member(t->root, "security");
    const berthi_toml *grants = security == NULL ? NULL : berthi_ff_sub(r, security, "grants");
    const berthi_toml *mine =
        grants == NULL
            ? NULL
            : berthi_ff_sub(r, grants,
                            berthi_toml_member(grants, component) == NULL ? node : component);
    const berthi_toml *list = mine == NULL ? NULL : berthi_toml_member(mine, "capabilities");

    grants_out->at = berthi_ff_array(r, GRANTS_MAX, sizeof *grants_out->at);
    if (grants_out->at == NULL)
        return;
    if (t->capability_policy != 0) {
        berthi_ff_warn(r, berthi_ff_at(security, "default_capability_policy"),
                       "grant what it needs instead", "`%.64s` is granted everything",
                       component);
        for (size_t i = 0; i < EVERYTHING; i++)
            add(r, grants_out, everything[i]);
    }
    if (list == NULL)
        return;
    if (list->kind != BERTHI_TOML_ARRAY) {
        berthi_ff_wrong(r, list, NULL, "`capabilities` is %s; expected an array of strings",
                        berthi_toml_kind_name((berthi_toml_kind)list->kind));
        return;
    }
    for (const berthi_toml *v = list->as.in.first; v != NULL && !r->has_no_memory; v = v->next)
        translate(r, v, grants_out);
}
