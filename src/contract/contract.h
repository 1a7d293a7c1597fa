/* contract/contract.h - what an interface promises: as a digest, and compared with another.
 *
 * A contract is an interface at a major version.  Its digest is over all that those who call it and
 * those who implement it have to agree on: names, types and order of its functions, and whatever
 * their types rest on in other interfaces.  Documentation, gates and the parts of a version that
 * compatible versions do not share are left out.  docs/contracts.md says of which bytes it is made.
 *
 * Each type has a *shape*: a digest of its structure in which names of types are left out, but for
 * resources, which are nothing but their names.  What is built of two types of one shape looks
 * the same in memory.  So types are compared in one step however large they are written out.
 *
 * Read first: wit.h, then this file.  Layer: contract. */
#ifndef BERTHI_CONTRACT_CONTRACT_H
#define BERTHI_CONTRACT_CONTRACT_H

#include "base/digest.h"
#include "base/text_buf.h"
#include "contract/wit.h"

enum { /* what is taken at most (I8) */
       BERTHI_CONTRACT_WORK_MAX =
           20000000,               /* types and functions, as often as they are looked at */
       BERTHI_CHANGES_MAX = 10000, /* of one package */
       BERTHI_CHANGE_FUNCS_MAX = 6 /* named with a change of a type */
};

typedef struct berthi_shape {
    uint8_t bytes[BERTHI_SHA256_SIZE];
} berthi_shape;

/* ---------------------------------------------------------------- contract_shapes.c */

typedef struct berthi_contract_func {
    const berthi_wit_func *func;
    uint32_t interface, next; /* the next function of that resource; NONE: none */
} berthi_contract_func;

/* What the contracts of one package have in common. */
typedef struct berthi_contracts {
    const berthi_wit *model; /* lent */
    berthi_arena *arena;
    berth_diag *diag;
    berth_status status; /* the first failure sticks */
    uint32_t package;    /* whose interfaces go by their bare names */
    berthi_shape *shapes;
    /* Where types and resources are at home: "keys", or "wasi:io/streams@0.2". */
    const char **interface_homes, **world_homes;
    berthi_contract_func *funcs; /* those of resources */
    uint32_t *first_func;        /* by type: the first one of a resource */
    uint32_t *marks, epoch;      /* by type: what the contract in work reaches */
    uint32_t *stack;             /* room for all types */
    uint32_t work_left, changes_left;
} berthi_contracts;

/* Shapes are made as the package `package` of the model sees them.  Everything is held by the arena.
 * Fails: BERTH_E_LIMIT, BERTH_E_NOMEM. */
berth_status berthi_contracts_init(berthi_contracts *set, const berthi_wit *model,
                                   uint32_t package, berthi_arena *arena, berth_diag *diag)
    __attribute__((warn_unused_result));

/* Records the first failure.  Always false. */
bool berthi_contracts_fail_memory(berthi_contracts *set);
bool berthi_contracts_charge(berthi_contracts *set, uint32_t steps);

/* The shape of a function: names of its parameters, shapes of types.  False: failed. */
bool berthi_contract_func_shape(berthi_contracts *set, const berthi_wit_func *func,
                                berthi_shape *shape_out);
const char *berthi_contract_home(const berthi_contracts *set, const berthi_wit_type *type);

/* How much of a version compatible ones share: "1" of 1.2.3, "0.2" of 0.2.1; all of 0.0.3 and of a
 * pre-release, without what is behind a `+`. */
size_t berthi_contract_track(const char *version);
/* Whether a plugin with `offered` serves who was built with `needed`: versions. */
bool berthi_version_serves(const char *offered, const char *needed);

/* ---------------------------------------------------------------- contract.c */

/* A named type that the contract rests on, or a function. */
typedef struct berthi_contract_item {
    const char *home; /* NULL: the interface itself */
    const char *name;
    const berthi_wit_func *func; /* NULL: a type */
    uint32_t type;
    uint32_t place; /* of a function of the interface, among these */
    berthi_shape shape;
} berthi_contract_item;

typedef struct berthi_contract {
    berthi_contracts *set;
    uint32_t interface; /* NONE: of a world */
    const char *id;     /* "shop:store/keys@1.2.0"; of an inline interface its home */
    const char *key;    /* "shop:store/keys@1" */
    uint32_t items_count, funcs_count;
    const berthi_contract_item *items;  /* by home, functions first, by name */
    const berthi_contract_item **funcs; /* those of the interface, in its order */
    uint8_t digest[BERTHI_SHA256_SIZE];
} berthi_contract;

berth_status berthi_contract_make(berthi_contracts *set, uint32_t interface,
                                  berthi_contract *contract_out)
    __attribute__((warn_unused_result));

/* The functions that a world exports by itself, as if they were an interface of the world's name.
 * Not to be compared: whose call names them agrees upon their types one by one. */
berth_status berthi_contract_make_world(berthi_contracts *set, const berthi_wit_world *world,
                                        berthi_contract *contract_out)
    __attribute__((warn_unused_result));

/* Less than, equal to or greater than 0: the order of items. */
int berthi_contract_item_compare(const void *a, const void *b);

/* ---------------------------------------------------------------- contract_compare.c */

enum { BERTHI_BREAKS_CALLERS = 1, BERTHI_BREAKS_PLUGINS = 2 };

typedef enum berthi_change_kind {
    BERTHI_CHANGE_CHANGED,
    BERTHI_CHANGE_NEW,
    BERTHI_CHANGE_GONE
} berthi_change_kind;

typedef struct berthi_change {
    uint8_t kind;            /* a berthi_change_kind */
    uint8_t breaks;          /* BERTHI_BREAKS_* */
    const char *what;        /* "function", "record", "contract" */
    const char *name, *home; /* home NULL: the interface itself */
    const char *text;        /* "parameter `size` is `u64`, was `u32`"; "is new" */
    /* of a changed type: functions of the interface that take or give it */
    uint32_t funcs_count; /* of all; as many as FUNCS_MAX are named */
    const char *funcs[BERTHI_CHANGE_FUNCS_MAX];
    struct berthi_change *next;
} berthi_change;

typedef enum berthi_relation {
    BERTHI_RELATION_EQUAL = 1, /* no change, and one digest */
    BERTHI_RELATION_EXTENDED,  /* whoever calls the old one may call the new one */
    BERTHI_RELATION_BREAKING
} berthi_relation;

typedef struct berthi_comparison {
    berthi_relation relation;
    uint32_t count;
    const berthi_change *changes; /* in the order of items */
} berthi_comparison;

/* Held by the arena of `now`.  Fails: BERTH_E_LIMIT, BERTH_E_NOMEM; the diag is that of `now`. */
berth_status berthi_contract_compare(const berthi_contract *old, const berthi_contract *now,
                                     berthi_comparison *comparison_out)
    __attribute__((warn_unused_result));

/* "function `get`: parameter ...; breaks callers and plugins" */
void berthi_change_print(const berthi_change *change, berthi_text_buf *out);
const char *berthi_relation_name(berthi_relation relation);

/* ---------------------------------------------------------------- contract_package.c */

/* One interface of a package, in the old and the new one. */
typedef struct berthi_pair {
    const char *name;
    const berthi_contract *old, *now; /* either may be NULL, for it is gone or new */
    berthi_comparison result;
} berthi_pair;

typedef struct berthi_package_comparison {
    const char *old_id, *now_id; /* of the packages */
    berthi_relation relation;    /* the worst */
    uint32_t pairs_count;
    const berthi_pair *pairs; /* by name */
} berthi_package_comparison;

/* The root packages of two models, interface by interface.  Held by the arena and the models. */
berth_status berthi_package_compare(const berthi_wit *old, const berthi_wit *now,
                                    berthi_arena *arena,
                                    berthi_package_comparison *comparison_out, berth_diag *diag)
    __attribute__((warn_unused_result));

/* For people, and as JSON (docs/wit-diff-json.md). */
void berthi_package_comparison_print(const berthi_package_comparison *comparison,
                                     berthi_text_buf *out);
void berthi_package_comparison_json(const berthi_package_comparison *comparison,
                                    berthi_text_buf *out);

#endif
