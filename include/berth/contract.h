/* berth/contract.h - contracts: what a slot needs and a plugin promises.
 *
 * A contract is a WIT interface at a major version, such as "shop:store/keys@1.2.0".  Its digest is
 * over names, types and order of all its functions, and over everything that their types rest on;
 * two of one digest mean the same.  Others are compared by structure: *extended* when whoever was
 * built to call the old one may call the new one, else *breaking* (docs/contracts.md).
 *
 * Words: <berth/base.h>.  Stability: draft until 1.0.
 */
#ifndef BERTH_CONTRACT_H
#define BERTH_CONTRACT_H

#include <berth/admit.h>
#include <berth/wit.h>

BERTH_BEGIN

typedef struct berth_contract berth_contract; /* never changes */
typedef struct berth_contract_diff berth_contract_diff;

/* Reads a contract from WIT, as berth_wit_read() takes it.  `name` is "ns:pkg/name@1.2.0", that
 * without its version, or the bare name of one of the package; NULL: the package's only one.
 * Gives *contract_out; end it with berth_contract_destroy().
 * Thread: any.  Blocks: until the files are read.
 * Fails: as berth_wit_read(); BERTH_E_ABSENT (no such interface, or several to choose from). */
BERTH_API BERTH_CHECKED berth_status
berth_contract_read(const berth_allocator *allocator, const char *const *paths, uint32_t count,
                    const berth_wit_options *options, const char *name,
                    berth_contract **contract_out, berth_diag *diag);

/* The same from `size` bytes of WIT text; other packages that it refers to stand in it too, as
 * `package a:b { ... }`.  `@unstable` items are left out.
 * Gives *contract_out; end it with berth_contract_destroy().
 * Thread: any.  Blocks: never.  Fails: BERTH_E_REJECTED, BERTH_E_ABSENT, BERTH_E_LIMIT,
 *        BERTH_E_INVALID, BERTH_E_NOMEM. */
BERTH_API BERTH_CHECKED berth_status berth_contract_parse(const berth_allocator *allocator,
                                                          const char *text, size_t size,
                                                          const char *name,
                                                          berth_contract **contract_out,
                                                          berth_diag *diag);

/* Ends what was given.  Slots that need the contract keep it as long as they are there.  NULL is left
 * alone.  Thread: any.  Blocks: never. */
BERTH_API void berth_contract_destroy(berth_contract *contract);

/* "ns:pkg/interface@1.2.0".  Lends the text until the contract is destroyed.
 * Thread: any.  Blocks: never. */
BERTH_API const char *berth_contract_name(const berth_contract *contract);

/* BERTH_DIGEST_SIZE bytes.  Lends them until the contract is destroyed.
 * Thread: any.  Blocks: never. */
BERTH_API const uint8_t *berth_contract_digest(const berth_contract *contract);

/* Whether these bytes may serve a slot that needs the contract: a component or a native plugin that
 * exports the interface, at a version of the same contract, with every function of the contract and each of the
 * same type.  Nothing of them runs.  The diag names the first difference.
 * Thread: any.  Blocks: never.
 * Fails: BERTH_E_REJECTED, BERTH_E_LIMIT, BERTH_E_INVALID, BERTH_E_NOMEM. */
BERTH_API BERTH_CHECKED berth_status berth_contract_check(const berth_contract *contract,
                                                          const void *bytes, size_t size,
                                                          berth_diag *diag);

typedef enum berth_relation {
    BERTH_RELATION_EQUAL = 1,
    BERTH_RELATION_EXTENDED =
        2,                      /* callers of the old are fine; plugins of the old may not be */
    BERTH_RELATION_BREAKING = 3 /* callers of the old are not */
} berth_relation;

/* Compares two packages interface by interface; each has its paths as berth_wit_read() takes them.
 * Gives *diff_out; end it with berth_contract_diff_destroy().
 * Thread: any.  Blocks: until the files are read.  Fails: as berth_wit_read(). */
BERTH_API BERTH_CHECKED berth_status berth_contract_diff_read(
    const berth_allocator *allocator, const char *const *old_paths, uint32_t old_count,
    const char *const *new_paths, uint32_t new_count, const berth_wit_options *options,
    berth_contract_diff **diff_out, berth_diag *diag);

/* Ends what was given.  NULL is left alone.  Thread: one.  Blocks: never. */
BERTH_API void berth_contract_diff_destroy(berth_contract_diff *diff);

/* A berth_relation, the worst of all interfaces.  Thread: any.  Blocks: never. */
BERTH_API int32_t berth_contract_diff_relation(const berth_contract_diff *diff);

/* Each change on a line of its own, and whom it breaks.  Lends the text until the object is
 * destroyed.  Thread: any.  Blocks: never. */
BERTH_API const char *berth_contract_diff_text(const berth_contract_diff *diff);

/* The same as JSON (the schema is docs/wit-diff-json.md).  Lends the text until the object is
 * destroyed.  Thread: any.  Blocks: never. */
BERTH_API const char *berth_contract_diff_json(const berth_contract_diff *diff);

BERTH_END
#endif /* BERTH_CONTRACT_H */
