/* cm_values.h - random values in host layout, and whether two are the same. */
#ifndef BERTHT_CM_VALUES_H
#define BERTHT_CM_VALUES_H

#include "base/reply_arena.h"
#include "component/types/types.h"

/* Fills the host_size bytes at `to`; what it points at goes into the arena.  No handles. */
void bertht_cm_random_value(const berthi_cm_type *type, uint64_t *seed, berth_arena *arena,
                            void *to);

/* Any two NaNs are. */
bool bertht_cm_same_value(const berthi_cm_type *type, const void *a, const void *b);

#endif
