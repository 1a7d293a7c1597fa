/* service/grant/grants_read.h - grants as they are kept.  Private to src/service/grant. */
#ifndef BERTHI_SERVICE_GRANTS_READ_H
#define BERTHI_SERVICE_GRANTS_READ_H

#include "service/grant/grants.h"
#include "service/grant/pattern.h"

typedef struct berthi_grant { /* one line's part in one right */
    struct berthi_grant *next;
    const char *line;
    bool is_denial;
    const char *text;         /* a path's pattern; an HTTP method, "*" for any; else NULL */
    berthi_host_pattern host; /* of the network, and of HTTP */
} berthi_grant;

typedef struct berthi_grant_mount {
    struct berthi_grant_mount *next;
    const char *guest, *host;
} berthi_grant_mount;

struct berth_grants {
    berth_allocator allocator;
    berthi_arena arena; /* everything below */
    atomic_uint refs;
    atomic_bool is_revoked;
    int revoked_fd;
    berth_grants_options options;        /* effective; strings are ours */
    berthi_grant *rights[BERTHI_RIGHTS]; /* newest first */
    uint32_t has; /* a bit for each right of which something is granted */
    berthi_grant_mount *mounts;
    berthi_grant_variable *variables;
    berthi_grant_folder *folders;
    uint32_t variables_count, variables_room, folders_count;
};

/* Fails: BERTH_E_INVALID with the line, BERTH_E_LIMIT, BERTH_E_NOMEM. */
berth_status berthi_grants_read_line(berth_grants *g, const char *line, berth_diag *diag);
/* When all lines are read. */
berth_status berthi_grants_settle(berth_grants *g, berth_diag *diag);

#endif
