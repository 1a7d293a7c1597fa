/* component/plan/plan.h - function types compiled to small programs that move values.
 *
 * A plan knows, for one function type and one width of memory, how its parameters and its result go
 * from the host into a guest (lower) and from a guest to the host (lift); a plan for transfers, for two
 * widths, how they go from one guest to another; flat in core values, or spilled into memory
 * (CanonicalABI.md, "Flattening").  It is made once and never changes; nothing walks a type at call
 * time, nothing is allocated but what the values need: room in the guest through its realloc, room in
 * the host's arena.
 *
 * Host layout (docs/host-layout.md): records and parameters are C structs with natural alignment;
 * string and list<T> are { pointer, size_t count }; a variant, option or result is { tag, union } with
 * the tag in the smallest unsigned integer that holds its cases (option: 0 none, 1 some; result: 0 ok,
 * 1 error); enum is that tag alone, flags the smallest unsigned integer with a bit for each (at most 32);
 * bool is one byte, 0 or 1; char is uint32_t; own and borrow are uint64_t handles; a tuple is a struct.
 *
 * What the host gives is checked before anything of it reaches the guest: a tag beyond the cases, a char
 * that is none, text that is not UTF-8, NULL with a count, or a view of the very guest that it goes to
 * is BERTH_E_INVALID; too long a list or string is BERTH_E_LIMIT.  What a guest gives wrong is
 * BERTH_E_TRAP (BERTH_REASON_CANONICAL), and more bytes than guest->budget BERTH_E_LIMIT; then the
 * guest is half written, and its instance must go (I6).
 *
 * Layer: component.  Read first: types.h, guest.h. */
#ifndef BERTHI_COMPONENT_PLAN_H
#define BERTHI_COMPONENT_PLAN_H

#include "component/plan/guest.h"
#include "component/types/types.h"

enum { BERTHI_CM_PLAN_OPS_MAX = 65536 };

/* A list in host layout; a string is berthi_cm_host_string of transcode.h. */
typedef struct berthi_cm_host_list {
    const void *data;
    size_t count;
} berthi_cm_host_list;

/* What a signature is, when it takes a straight path: bytes is string, list<u8> or list<s8>, and
 * there is one parameter. */
typedef enum berthi_cm_shape {
    BERTHI_CM_SHAPE_ANY,
    BERTHI_CM_SHAPE_SCALARS,      /* numbers in, at most one number out: cells, no memory */
    BERTHI_CM_SHAPE_BYTES,        /* bytes -> bytes */
    BERTHI_CM_SHAPE_BYTES_RESULT, /* bytes -> result<bytes, bytes> */
    BERTHI_CM_SHAPE_BYTES_IN      /* bytes -> nothing */
} berthi_cm_shape;

typedef struct berthi_cm_plan berthi_cm_plan;

/* What callers have to know. */
typedef struct berthi_cm_plan_facts {
    uint8_t shape;                       /* enum berthi_cm_shape */
    bool params_spill, result_spills;    /* behind a pointer */
    uint32_t params_cells, result_cells; /* core values of a lifted function, as called */
    uint32_t args_size, args_align;      /* of the parameters in host layout, a struct */
    uint32_t result_size, result_align;  /* of the result in host layout; 0: there is none */
    bool has_handles;                    /* lends may happen */
} berthi_cm_plan_facts;

/* Makes the plan of `func`, over concrete resources, in the arena.  Fails: BERTH_E_REJECTED (stream
 * and future values, asynchronous functions; to the host also error-context values), BERTH_E_LIMIT,
 * BERTH_E_NOMEM. */
berth_status berthi_cm_plan_make(const berthi_cm_type *func, bool is_64, berthi_arena *arena,
                                 const berthi_cm_plan **plan_out, berth_diag *diag)
    __attribute__((warn_unused_result));
/* The same for calls from guest to guest; of its facts, what is about the host means nothing. */
berth_status berthi_cm_plan_make_transfer(const berthi_cm_type *func, bool caller_is_64,
                                          bool callee_is_64, berthi_arena *arena,
                                          const berthi_cm_plan **plan_out, berth_diag *diag)
    __attribute__((warn_unused_result));
const berthi_cm_plan_facts *berthi_cm_plan_facts_of(const berthi_cm_plan *plan);

/* A call of an export: `cells` receives the arguments of the core function; after a failure it holds
 * anything. */
berth_status berthi_cm_lower_params(const berthi_cm_plan *plan, const berthi_cm_host_side *host,
                                    const void *args, berthi_cm_guest *to, berthi_val *cells,
                                    berth_diag *diag);
/* ... and its result, from what the core function returned. */
berth_status berthi_cm_lift_result(const berthi_cm_plan *plan, berthi_cm_guest *from,
                                   const berthi_val *cells, const berthi_cm_host_side *host,
                                   void *result, berth_diag *diag);

/* A call of an import: `cells` holds the arguments that core code gave. */
berth_status berthi_cm_lift_params(const berthi_cm_plan *plan, berthi_cm_guest *from,
                                   const berthi_val *cells, const berthi_cm_host_side *host,
                                   void *args, berth_diag *diag);
/* ... and its result: into result_cells[0], or where the last argument (in `arguments`, the cells as
 * they were given) points. */
berth_status berthi_cm_lower_result(const berthi_cm_plan *plan, const berthi_cm_host_side *host,
                                    const void *result, berthi_cm_guest *to,
                                    const berthi_val *arguments, berthi_val *result_cells,
                                    berth_diag *diag);

/* A call from guest to guest, by a plan for transfers.  The two arrays of cells are different ones. */
berth_status berthi_cm_transfer_params(const berthi_cm_plan *plan, berthi_cm_guest *from,
                                       const berthi_val *from_cells, berthi_cm_guest *to,
                                       berthi_val *to_cells, berth_diag *diag);
berth_status berthi_cm_transfer_result(const berthi_cm_plan *plan, berthi_cm_guest *from,
                                       const berthi_val *returned, berthi_cm_guest *to,
                                       const berthi_val *arguments, berthi_val *result_cells,
                                       berth_diag *diag);

#endif
