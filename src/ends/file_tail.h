/* ends/file_tail.h - how much of a file is whole records.  Layer: ends. */
#ifndef BERTHI_ENDS_FILE_TAIL_H
#define BERTHI_ENDS_FILE_TAIL_H

#include "ends/framing.h"

/* The bytes of the `size` from the start that are whole records.  Lines are looked at from the end, rows and records
 * with a size from the start: there nothing else tells where one begins.
 * Fails: BERTH_E_OS, BERTH_E_NOMEM. */
berth_status berthi_file_tail(int fd, berthi_framing framing, uint64_t size,
                              const berth_allocator *a, uint64_t *whole_out, berth_diag *diag);

#endif
